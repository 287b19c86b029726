//! What a node is to its primary: the link's session, the stream applied, promotion and demotion.
//!
//! Model: the link's bytes arrive in an ordinary session of [`Role::Primary`]. Until the machine says that they are the
//! stream they are its own ([`link_input`]); from then on they are requests like any other, executed without the checks
//! for clients. After each one its exact bytes go into the log for our own replicas ([`applied`]); an open MULTI is held
//! back until its EXEC, so that neither the offset nor a replica of ours ever stands inside a transaction.

use super::load::Loading;
use super::{keep, log, position};
use crate::api::{Action, CrashBy, LocalInfo, LogLevel, PeerInfo};
use crate::node::Node;
use crate::session::{Client, Role, Session, input};
use crate::{blocking, migrate, scripting};
use base::{ConnId, DbIndex, Millis, NodeId, ReplId, ReplOffset};
use config::Settings;
use repl::{Kind, Meta, Position, Replica, ReplicaAction, ReplicaConfig};
use spec::Command;

/// The link to our primary.
pub(super) struct Upstream {
    pub machine: Replica,
    /// The connection that is open or being opened.
    conn: Option<ConnId>,
    /// The primary's name in the cluster.
    name: Option<NodeId>,
    /// Bytes of a transaction that has not ended.
    held: Vec<u8>,
    /// What a full sync has brought so far.
    pub(super) loading: Option<Loading>,
    /// Whether our data came from this primary, since it is our primary.
    pub(super) synced: bool,
    /// When it last sent something of the data or the stream.
    pub(super) heard: Option<Millis>,
    /// The database that the stream is in when the link comes up.
    db: DbIndex,
    /// It asked for an acknowledgement with the request that is being executed.
    ack_due: bool,
}

impl Upstream {
    /// The primary's name in the cluster.
    pub fn name(&self) -> Option<NodeId> {
        self.name
    }
}

/// How we introduce ourselves.
pub(super) fn config(settings: &Settings, host: &str, port: u16) -> ReplicaConfig {
    let announced = settings.replica_announce_port;
    ReplicaConfig {
        host: host.to_owned(),
        port,
        user: settings.masteruser.clone().into_bytes(),
        password: settings.masterauth.clone().into_bytes(),
        listening_port: if announced == 0 { settings.port } else { announced },
        announce_ip: settings.replica_announce_ip.clone(),
        timeout: settings.repl_timeout.saturating_mul(1000),
    }
}

/// Whether the link's bytes are the stream.
pub(crate) fn is_streaming(node: &Node) -> bool {
    node.replication.upstream.as_ref().is_some_and(|upstream| upstream.machine.is_streaming())
}

/// More or less of the stream is safe in our append only file: the next acknowledgement says so.
pub(crate) fn set_safe(node: &mut Node) {
    let safe = node.persistence.aof.safe_offset();
    if let Some(upstream) = &mut node.replication.upstream {
        upstream.machine.set_safe(safe);
    }
}

// Roles

/// Follow a primary. `id` is its name in the cluster. Following the one that we follow already changes nothing.
pub(crate) fn follow(node: &mut Node, id: Option<NodeId>, host: &str, port: u16) {
    if let Some(upstream) = &mut node.replication.upstream
        && (upstream.machine.config().host.as_str(), upstream.machine.config().port) == (host, port)
        && upstream.name == id
    {
        return;
    }
    begin_following(node, id, host, port, Replica::new);
}

/// Follow a replica of ours, which becomes the primary by our PSYNC.
pub(super) fn hand_over_to(node: &mut Node, host: &str, port: u16) {
    begin_following(node, None, host, port, Replica::handing_over);
}

fn begin_following(
    node: &mut Node,
    id: Option<NodeId>,
    host: &str,
    port: u16,
    begin: fn(ReplicaConfig, bool, Millis) -> Replica,
) {
    let config = config(&node.config.settings, host, port);
    let history = node.replication.history.id();
    let resumable = match node.replication.upstream.take() {
        Some(mut old) => {
            drop_loading(node, &mut old);
            close_link(node, &old);
            old.machine.is_resumable()
        }
        None => {
            super::stray::hold(node);
            stop_being_primary(node)
        }
    };
    let now = node.now.mono;
    // Our replicas stay as long as our data does: they are sent away when it turns out to be another history's, or is replaced.
    if node.replication.history.id() != history {
        node.replication.primary.disconnect_all(now);
    }
    blocking::unblock_all(node);
    scripting::busy::abort(node);
    migrate::abort_all(node, migrate::Taken::Kept);
    node.keyspace.set_replica(true);
    node.replication.upstream = Some(Upstream {
        machine: begin(config, resumable, now),
        conn: None,
        name: id,
        held: Vec::new(),
        loading: None,
        synced: false,
        heard: None,
        db: node.log.wire_db().unwrap_or_default(),
        ack_due: false,
    });
    keep::follows(node, id);
    drive(node);
    super::primary::drive(node);
}

/// A primary turns into a replica: whether its data may be part of the new primary's history.
fn stop_being_primary(node: &mut Node) -> bool {
    let loaded = node.replication.loaded.take();
    if let Some((id, offset)) = loaded
        && node.log.offset() == offset
    {
        // Nothing was written since the data was loaded: it still is what the file said.
        node.replication.history.adopt(id);
        return true;
    }
    let resumable = node.log.backlog_size().is_some();
    if resumable {
        node.log(
            LogLevel::Notice,
            "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able \
             to synchronize with the new master with just a partial transfer.",
        );
    }
    resumable
}

/// Become (or stay) a primary: the input from our primary ends, what is parsed is applied, the history is shifted. The
/// history and the offset up to which our data is the old primary's, if there was one.
pub(crate) fn promote(node: &mut Node) -> Option<(ReplId, ReplOffset)> {
    let mut upstream = node.replication.upstream.take()?;
    super::stray::forget(node);
    keep::is_primary(node);
    drop_loading(node, &mut upstream);
    close_link(node, &upstream);
    let now = node.now.mono;
    let (offset, old) = (node.log.offset(), node.replication.history.id());
    node.replication.history.shift(offset, &mut node.prng);
    node.log(
        LogLevel::Warning,
        format!(
            "Setting secondary replication ID to {old}, valid up to offset: {}. New replication ID is {}",
            offset.0 + 1,
            node.replication.history.id()
        ),
    );
    node.log.force_select();
    node.keyspace.set_replica(false);
    // They must hear that the history has a new name.
    node.replication.primary.disconnect_all(now);
    node.replication.primary.reset_idle(now);
    super::primary::drive(node);
    Some((old, offset))
}

fn close_link(node: &mut Node, upstream: &Upstream) {
    let Some(conn) = upstream.conn else { return };
    match node.sessions.find(conn) {
        Some(client) => node.close(client),
        None => node.actions.push_back(Action::Close { conn }),
    }
}

fn drop_loading(node: &mut Node, upstream: &mut Upstream) {
    if let Some(loading) = upstream.loading.take() {
        loading.discard(node);
    }
}

// The connection

/// The outcome of an outgoing connection.
pub(crate) fn handle_connected(node: &mut Node, conn: ConnId, outcome: Result<LocalInfo, String>) {
    let now = node.now;
    let holds = keep::holds(node);
    let Some(upstream) = node.replication.upstream.as_mut().filter(|u| u.conn == Some(conn)) else {
        // Nobody wants it any more.
        if outcome.is_ok() {
            node.actions.push_back(Action::Close { conn });
        }
        return;
    };
    match outcome {
        Ok(local) => {
            let peer = PeerInfo {
                peer: format!("{}:{}", upstream.machine.config().host, upstream.machine.config().port),
                local: format!("{}:{}", local.ip, local.port),
                unix: false,
                loopback: false,
            };
            upstream.machine.set_holds(holds);
            upstream.machine.handle_connected(now.mono, Ok(()));
            let mut session = Session::new(conn, node.next_client_id, peer, now);
            node.next_client_id += 1;
            session.role = Role::Primary;
            session.authenticated = true;
            node.sessions.insert(session);
        }
        Err(text) => {
            upstream.conn = None;
            upstream.machine.handle_connected(now.mono, Err(&text));
        }
    }
    drive(node);
}

/// The link's connection is gone, if it was this one.
pub(super) fn link_closed(node: &mut Node, conn: ConnId) {
    let now = node.now.mono;
    let Some(upstream) = node.replication.upstream.as_mut().filter(|u| u.conn == Some(conn)) else { return };
    upstream.conn = None;
    upstream.held.clear();
    upstream.machine.handle_closed(now);
    drive(node);
    // The offset is frozen now: elections, and a primary that comes back, go by it.
    crate::cluster::install::report_status(node);
}

/// Bytes of the link that are not the stream.
pub(crate) fn link_input(node: &mut Node, client: Client) {
    let (now, at) = (node.now.mono, position(node));
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.last_interaction = now;
    let bytes = std::mem::take(&mut session.input);
    node.stats.input_bytes += bytes.len() as u64;
    node.stats.repl_input_bytes += bytes.len() as u64;
    let Some(upstream) = node.replication.upstream.as_mut().filter(|u| u.conn == Some(client.conn())) else {
        return;
    };
    upstream.machine.handle_bytes(now, &bytes, at);
    drive(node);
}

/// Carries out what the machine wants.
pub(super) fn drive(node: &mut Node) {
    while let Some(action) = node.replication.upstream.as_mut().and_then(|u| u.machine.poll_action()) {
        match action {
            ReplicaAction::Connect { host, port } => {
                let conn = ConnId(node.replication.next_conn);
                node.replication.next_conn += 1;
                set_conn(node, Some(conn));
                node.actions.push_back(Action::Connect { conn, host, port });
            }
            ReplicaAction::Send(bytes) => {
                if let Some(client) = link_client(node) {
                    node.push_to(client, |reply| reply.raw(&bytes));
                }
            }
            ReplicaAction::Close => {
                let conn = node.replication.upstream.as_ref().and_then(|u| u.conn);
                set_conn(node, None);
                match conn.and_then(|conn| node.sessions.find(conn)) {
                    Some(client) => node.close(client),
                    None => node.actions.extend(conn.map(|conn| Action::Close { conn })),
                }
            }
            ReplicaAction::LoadBegin { at, .. } => begin_loading(node, at),
            ReplicaAction::LoadBytes(bytes) => load_bytes(node, &bytes),
            ReplicaAction::LoadEnd => end_loading(node),
            ReplicaAction::LoadAbort => {
                let loading = node.replication.upstream.as_mut().and_then(|u| u.loading.take());
                if let Some(loading) = loading {
                    loading.discard(node);
                }
            }
            ReplicaAction::Continued { id } => continued(node, id),
            ReplicaAction::Stream(bytes) => {
                if let Some(client) = link_client(node)
                    && let Some(session) = node.sessions.get_mut(client)
                {
                    session.input.extend_from_slice(&bytes);
                    node.begin_metering();
                    input::run(node, client);
                }
            }
            ReplicaAction::Lacks { offset } => keep::lacks(node, offset),
            ReplicaAction::FailoverAnswered { accepted } => super::failover::answered(node, accepted),
            ReplicaAction::Note(text) => super::note(node, text),
            ReplicaAction::Log { level, text } => log(node, level, text),
        }
    }
}

fn set_conn(node: &mut Node, conn: Option<ConnId>) {
    if let Some(upstream) = &mut node.replication.upstream {
        upstream.conn = conn;
        upstream.held.clear();
        upstream.ack_due = false;
    }
}

fn link_client(node: &Node) -> Option<Client> {
    node.sessions.find(node.replication.upstream.as_ref()?.conn?)
}

// Full and partial sync

fn begin_loading(node: &mut Node, at: Position) {
    let loading = Loading::begin(node, at);
    node.log(LogLevel::Notice, "MASTER <-> REPLICA sync: Loading DB in memory");
    if let Some(upstream) = &mut node.replication.upstream {
        upstream.heard = Some(node.now.mono);
        upstream.loading = Some(loading);
    }
}

fn load_bytes(node: &mut Node, bytes: &[u8]) {
    let now = node.now.mono;
    node.progress.tick();
    let Some(upstream) = &mut node.replication.upstream else { return };
    upstream.heard = Some(now);
    let Some(loading) = &mut upstream.loading else { return };
    let delay = u64::try_from(node.config.settings.key_load_delay).unwrap_or(0);
    if let Err(why) = loading.feed(now, bytes, delay) {
        upstream.machine.handle_load_failed(now, &why);
    }
}

/// When `key-load-delay` lets a full sync go on.
pub(crate) fn load_resumes_at(node: &Node) -> Option<Millis> {
    node.replication.upstream.as_ref()?.loading.as_ref()?.resume_at
}

/// Whether `conn` is the link of a full sync that `key-load-delay` holds.
pub(crate) fn holds_link(node: &Node, conn: ConnId) -> bool {
    node.replication.upstream.as_ref().is_some_and(|upstream| upstream.conn == Some(conn))
        && load_resumes_at(node).is_some()
}

/// A full sync goes on that `key-load-delay` held, if it is time (`now`: in any case).
pub(crate) fn resume_load(node: &mut Node, now: bool) {
    if load_resumes_at(node).is_none_or(|at| !now && at > node.now.mono) {
        return;
    }
    load_bytes(node, &[]);
    let Some(upstream) = &node.replication.upstream else { return };
    if upstream.loading.as_ref().is_some_and(|loading| loading.ended && loading.resume_at.is_none()) {
        end_loading(node);
    }
    drive(node);
}

/// The whole RDB is here: it takes the place of our data.
fn end_loading(node: &mut Node) {
    let now = node.now.mono;
    let Some(upstream) = &mut node.replication.upstream else { return };
    if let Some(loading) = upstream.loading.as_mut().filter(|loading| loading.resume_at.is_some()) {
        loading.ended = true;
        return;
    }
    let Some(loading) = upstream.loading.take() else {
        return upstream.machine.handle_loaded(now, Err("nothing was loaded"));
    };
    let outcome = if keep::refuses(node, loading.at.id, loading.is_empty()) {
        loading.discard(node);
        Err("it is empty, and what this replica holds has not been kept yet".to_owned())
    } else {
        loading.install(node)
    };
    let Some(upstream) = &mut node.replication.upstream else { return };
    match outcome {
        Ok((at, db)) => {
            upstream.synced = true;
            upstream.heard = Some(now);
            upstream.db = db;
            upstream.machine.handle_loaded(now, Ok(at));
            keep::synced(node);
            enter_stream(node);
        }
        Err(why) => upstream.machine.handle_loaded(now, Err(&why)),
    }
}

/// The primary goes on from where we are.
fn continued(node: &mut Node, id: Option<base::ReplId>) {
    super::stray::nothing_lost(node);
    keep::synced(node);
    let (now, offset) = (node.now.mono, node.log.offset());
    if let Some(id) = id.filter(|id| *id != node.replication.history.id()) {
        node.replication.history.follow(id, offset);
        node.replication.primary.disconnect_all(now);
    }
    node.log.start_backlog(node.config.settings.repl_backlog_size);
    if let Some(upstream) = &mut node.replication.upstream {
        upstream.synced = true;
        upstream.heard = Some(now);
        upstream.db = node.log.wire_db().unwrap_or(upstream.db);
    }
    enter_stream(node);
    super::primary::drive(node);
}

/// The link's session begins to execute: in the stream's database.
fn enter_stream(node: &mut Node) {
    let db = node.replication.upstream.as_ref().map_or(DbIndex(0), |u| u.db);
    if let Some(client) = link_client(node)
        && let Some(session) = node.sessions.get_mut(client)
    {
        session.db = db;
    }
}

// The stream

/// More of our primary's stream has come, although CLIENT PAUSE holds its execution.
pub(crate) fn heard(node: &mut Node, client: Client) {
    let now = node.now.mono;
    if let Some(upstream) = node.replication.upstream.as_mut().filter(|u| u.conn == Some(client.conn())) {
        upstream.heard = Some(now);
        upstream.machine.handle_stream(now);
    }
}

/// The offset up to which the stream has been read: what is not executed yet counts.
pub(super) fn read_offset(node: &Node) -> ReplOffset {
    let held = node.replication.upstream.as_ref().map_or(0, |upstream| upstream.held.len());
    let session = link_client(node).filter(|_| is_streaming(node)).and_then(|link| node.sessions.get(link));
    let waiting = session.map_or(0, |session| session.unconsumed() + held);
    ReplOffset(node.log.offset().0 + waiting as u64)
}

/// A request of our primary's stream was executed: `bytes` are exactly what it was; `empty` if it was only a newline.
pub(crate) fn applied(node: &mut Node, client: Client, bytes: &[u8], empty: bool) {
    let now = node.now.mono;
    let Some(session) = node.sessions.get(client) else { return };
    let (in_multi, db, ended) = (session.multi.is_some(), session.db, session.close_after_reply);
    let Some(upstream) = node.replication.upstream.as_mut() else { return };
    if upstream.conn != Some(client.conn()) || !upstream.machine.is_streaming() || ended {
        return;
    }
    upstream.heard = Some(now);
    upstream.machine.handle_stream(now);
    if empty {
        return;
    }
    if in_multi {
        upstream.held.extend_from_slice(bytes);
        return;
    }
    let kind = if node.log.wire_db() == Some(db) { Kind::Write } else { Kind::Select };
    let meta = Meta { db, ..Meta::wire(kind) };
    if upstream.held.is_empty() {
        node.log.append_verbatim(meta, bytes);
    } else {
        let mut held = std::mem::take(&mut upstream.held);
        held.extend_from_slice(bytes);
        node.log.append_verbatim(meta, &held);
    }
    if std::mem::take(&mut upstream.ack_due) {
        let at = position(node);
        if let Some(upstream) = &mut node.replication.upstream {
            upstream.machine.acknowledge(at);
        }
    }
}

/// REPLCONF GETACK came: it is answered when it counts as applied itself.
pub(super) fn acknowledge_soon(node: &mut Node, client: Client) {
    if let Some(upstream) = node.replication.upstream.as_mut().filter(|u| u.conn == Some(client.conn())) {
        upstream.ack_due = true;
    }
}

/// Our primary sent something that must not be executed (ENGINE 16): take the link down, loudly. What it sent is not
/// counted as applied, so the next attempt meets it again instead of passing over it.
pub(crate) fn refuse(node: &mut Node, client: Client, text: &str) {
    take_down(node, client, format!("The master sent what this replica refuses: {text}"));
}

/// A command of our primary failed here. Redis goes on; so do we, unless it failed because we do not have it.
pub(crate) fn failed(node: &mut Node, client: Client, command: &'static Command, text: &str) {
    node.stats.unexpected_errors += 1;
    if text.contains("is not supported by this version") {
        return take_down(node, client, format!("The master sent what this replica cannot store: {text}"));
    }
    node.log(
        LogLevel::Warning,
        format!(
            "== CRITICAL == This replica is sending an error to its master: '-{text}' after processing the command '{}'",
            command.name
        ),
    );
    let settings = &node.config.settings;
    if settings.propagation_error_behavior != "ignore" && settings.replica_read_only {
        let text = format!(
            "This replica panicked sending an error to its master after processing the command '{}'",
            command.name
        );
        node.actions.push_back(Action::Crash { by: CrashBy::Panic(text) });
    }
}

fn take_down(node: &mut Node, client: Client, why: String) {
    let now = node.now.mono;
    // A part of a transaction has been executed: only a full sync makes that good.
    let diverged = node.unit.in_exec;
    if let Some(upstream) = node.replication.upstream.as_mut().filter(|u| u.conn == Some(client.conn())) {
        upstream.machine.fail(now, &format!("== CRITICAL == {why}. Closing the link."), diverged);
        upstream.held.clear();
    }
    drive(node);
    node.close(client);
}
