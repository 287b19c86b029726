//! Replication's glue: the machines of `repl` bound to sessions, the log, snapshots and the keyspace.
//!
//! Model: a node is always a primary (`primary.rs`: its replicas read the log) and sometimes a replica (`replica.rs`: its
//! upstream's stream is applied by an ordinary session that is obeyed and gets no replies). Commands are in `commands.rs`,
//! what a full sync brings is loaded in `load.rs`, what others are told is in `status.rs`.
//!
//! Invariants: the log's offset is what has been *applied*; a replica's wire holds its primary's bytes, whole commands and
//! whole transactions; what cannot be applied takes the link down, and nothing after it is applied (ENGINE 16).

mod commands;
pub(crate) mod failover;
pub(crate) mod keep;
mod load;
mod primary;
mod replica;
mod status;
pub(crate) mod stray;

#[cfg(test)]
mod tests;

pub(crate) use commands::handler;
pub(crate) use load::{LoadedHistory, loaded, loaded_up_to, start};
pub(crate) use primary::{
    acknowledged, acknowledged_safe, ask_for_acks, good_replicas, lagging, log_lagging, replica_is_alive,
    replica_was_answered, snapshot_bytes, snapshot_ended, snapshot_held_back,
};
pub(crate) use replica::{
    applied, failed, follow, handle_connected, heard, holds_link, is_streaming, link_input, load_resumes_at,
    promote, refuse, resume_load, set_safe,
};
pub(crate) use status::{info, is_loading, reset_counts, snapshot_fields, status, syncs};

use crate::node::Node;
use crate::session::{Client, Session};
use base::{ConnId, Now, Prng, ReplId, ReplOffset};
use cluster::{DataEvent, EventType};
use config::Settings;
use repl::{Context, Failover, History, Level, Position, Primary, PrimaryConfig};

/// Our own connections are numbered from here; those that the runtime accepts never get so far.
const FIRST_CONN: u64 = 1 << 48;

/// Replication's state.
pub struct Replication {
    /// The name of the stream that the log's offset counts.
    pub(crate) history: History,
    primary: Primary,
    /// FAILOVER.
    failover: Failover,
    upstream: Option<replica::Upstream>,
    /// The data at this offset of this history was loaded at start from an RDB; until something is written it still is.
    loaded: Option<(ReplId, ReplOffset)>,
    /// What the file at start, of either kind, said of its data. Stays: the cluster may hear of it only when we follow somebody already.
    from_file: Option<(ReplId, ReplOffset)>,
    /// We began with no data at all,
    began_empty: bool,
    /// and our data is what we began with and what was written since.
    as_begun: bool,
    /// The names that its history has had.
    names: Vec<ReplId>,
    /// Something was written since the start.
    written: bool,
    next_conn: u64,
    keep: keep::Keep,
    /// What our successor lacks, if we were replaced.
    stray: stray::Stray,
}

impl Replication {
    /// A primary with a history of its own.
    pub fn new(settings: &Settings, prng: &mut Prng, now: Now) -> Self {
        Self {
            history: History::new(prng),
            primary: Primary::new(primary_config(settings), now.mono),
            failover: Failover::default(),
            upstream: None,
            loaded: None,
            from_file: None,
            began_empty: false,
            as_begun: true,
            names: Vec::new(),
            written: false,
            next_conn: FIRST_CONN,
            keep: keep::Keep::default(),
            stray: stray::Stray::default(),
        }
    }
}

fn primary_config(settings: &Settings) -> PrimaryConfig {
    let seconds = |s: u64| s.saturating_mul(1000);
    let limit = settings.client_output_buffer_limit.replica;
    PrimaryConfig {
        timeout: seconds(settings.repl_timeout),
        ping_period: seconds(settings.repl_ping_replica_period),
        sync_delay: if settings.repl_diskless_sync { seconds(settings.repl_diskless_sync_delay) } else { 0 },
        sync_max_replicas: usize::try_from(settings.repl_diskless_sync_max_replicas).unwrap_or(usize::MAX),
        backlog_size: settings.repl_backlog_size,
        backlog_ttl: seconds(settings.repl_backlog_ttl),
        max_lag: seconds(settings.min_replicas_max_lag),
        output_limit: (limit.hard_bytes, limit.soft_bytes, seconds(limit.soft_seconds)),
    }
}

/// Whether this node follows a primary.
pub(crate) fn is_replica(node: &Node) -> bool {
    node.replication.upstream.is_some()
}

/// A replica whose link to its primary is not up and in sync.
pub(crate) fn is_stale(node: &Node) -> bool {
    is_replica(node) && !is_streaming(node)
}

/// How far our data is in which history.
fn position(node: &Node) -> Position {
    Position { id: node.replication.history.id(), offset: node.log.offset() }
}

/// Lets the primary's machine work with what it needs.
fn with_primary<R>(node: &mut Node, f: impl FnOnce(&mut Primary, &mut Context<'_>) -> R) -> R {
    let replication = &mut node.replication;
    let mut context = Context {
        log: &mut node.log,
        history: &mut replication.history,
        prng: &mut node.prng,
        chained: replication.upstream.is_some(),
        paused: node.pause.is_running(crate::pause::Purpose::Failover),
    };
    f(&mut replication.primary, &mut context)
}

impl Replication {
    /// How many replicas there are.
    pub(crate) fn replica_count(&self) -> usize {
        self.primary.replica_count()
    }
}

/// Whether anybody replicates from us.
pub(crate) fn has_replicas(node: &Node) -> bool {
    node.replication.primary.replica_count() > 0
}

/// A session is gone, whoever it was.
pub(crate) fn session_closed(node: &mut Node, client: Client, _session: &Session) {
    let conn = client.conn();
    node.replication.primary.handle_closed(node.now.mono, conn);
    replica::link_closed(node, conn);
}

/// A connection without a session was closed.
pub(crate) fn handle_closed(node: &mut Node, conn: ConnId) {
    replica::link_closed(node, conn);
}

/// The end of a turn: what the machines want is done, and the log's new bytes go to the replicas' outputs.
pub(crate) fn end_batch(node: &mut Node) {
    replica::drive(node);
    primary::drive(node);
    failover::advance(node);
    primary::feed(node);
}

/// Whether replicas could be fed more at once.
pub(crate) fn has_work(node: &Node) -> bool {
    primary::could_feed(node)
}

/// Ten times a second: the machines' clocks.
pub(crate) fn cron(node: &mut Node) {
    set_safe(node);
    keep::note_name(node);
    let now = node.now.mono;
    with_primary(node, |primary, context| primary.handle_timeout(now, context));
    let at = position(node);
    if let Some(upstream) = &mut node.replication.upstream {
        upstream.machine.handle_timeout(now, at);
    }
    failover::advance(node);
    keep::advance(node);
    replica::drive(node);
    primary::drive(node);
}

/// Our data has nothing to do with what we began with any more.
pub(crate) fn forget_begin(node: &mut Node) {
    node.replication.as_begun = false;
}

/// What counts the writes is about to be set back.
pub(crate) fn note_writes(node: &mut Node) {
    node.replication.written |= node.persistence.dirty > 0;
}

/// CONFIG SET changed these directives.
pub(crate) fn config_changed(node: &mut Node, names: &[&'static str]) {
    if names.contains(&"key-load-delay") {
        replica::resume_load(node, true);
    }
    let config = primary_config(&node.config.settings);
    node.replication.primary.set_config(config, &mut node.log);
    if let Some(upstream) = &mut node.replication.upstream {
        let (host, port) = (upstream.machine.config().host.clone(), upstream.machine.config().port);
        upstream.machine.set_config(replica::config(&node.config.settings, &host, port));
    }
}

/// DEBUG CHANGE-REPL-ID.
pub(crate) fn change_id(node: &mut Node) {
    node.replication.history.renew(&mut node.prng);
}

/// A synchronization, for the cluster's journal.
fn note(node: &mut Node, text: String) {
    if node.cluster.enabled {
        crate::cluster::install::tell(node, DataEvent::Journal { kind: EventType::Sync, text });
    }
}

fn log(node: &mut Node, level: Level, text: String) {
    let level = match level {
        Level::Notice => crate::api::LogLevel::Notice,
        Level::Warning => crate::api::LogLevel::Warning,
    };
    node.log(level, text);
}
