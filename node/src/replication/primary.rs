//! What a node is to its replicas: the machine's actions carried out, outputs filled from the log, snapshots begun.
//!
//! A replica's session holds at most [`OUTPUT_TARGET`] bytes of the stream; the rest waits in the log, where it is held
//! once for all. A snapshot waits while some replica has more than [`SNAPSHOT_TARGET`] bytes of it to be sent.

use super::with_primary;
use crate::admin::client::log_line;
use crate::api::LogLevel;
use crate::node::Node;
use crate::persistence::snapshot::{self, Kind};
use crate::session::Client;
use base::{ConnId, ReplOffset};
use persist::SnapshotTarget;
use repl::{Filter, LinkState, PrimaryAction};

/// Bytes of the stream that are handed to a replica's session ahead of the socket.
const OUTPUT_TARGET: usize = 256 << 10;
/// Bytes of a snapshot that wait in a replica's output at which the snapshot waits.
const SNAPSHOT_TARGET: usize = 4 << 20;

/// How much of an error to a replica the log shows, in bytes.
const ERROR_SHOWN: usize = 4096;

/// How many replicas are connected and have acknowledged within `min-replicas-max-lag`.
pub(crate) fn good_replicas(node: &Node) -> u64 {
    node.replication.primary.good_replicas(node.now.mono) as u64
}

/// How many replicas have acknowledged everything before `offset`.
pub(crate) fn acknowledged(node: &Node, offset: ReplOffset) -> u64 {
    node.replication.primary.count_acked(offset) as u64
}

/// How many replicas have everything up to `offset` safe in their append only files.
pub(crate) fn acknowledged_safe(node: &Node, offset: ReplOffset) -> u64 {
    node.replication.primary.count_safe(offset) as u64
}

/// How many online replicas have not acknowledged everything.
pub(crate) fn lagging(node: &Node) -> u64 {
    let end = node.log.offset();
    let replicas = node.replication.primary.replicas(node.now.mono);
    replicas.filter(|r| r.state == LinkState::Online && r.acked < end).count() as u64
}

/// Tells the log which replicas a shutdown leaves behind.
pub(crate) fn log_lagging(node: &mut Node) {
    let end = node.log.offset();
    let (mut all, mut lines) = (0, Vec::new());
    for replica in node.replication.primary.replicas(node.now.mono) {
        all += 1;
        if replica.acked != end {
            let lag = if replica.state == LinkState::Online { replica.lag / 1000 } else { 0 };
            lines.push(format!(
                "Lagging replica {}:{} reported offset {} behind master, lag={lag}, state={}.",
                replica.ip,
                replica.port,
                end.0.saturating_sub(replica.acked.0),
                replica.state_name()
            ));
        }
    }
    if all > 0 {
        lines.push(format!("{} of {all} replicas are in sync when shutting down.", all - lines.len()));
    }
    lines.into_iter().for_each(|line| node.log(LogLevel::Notice, line));
}

/// Asks the replicas to acknowledge at once (REPLCONF GETACK), for WAIT.
pub(crate) fn ask_for_acks(node: &mut Node) {
    with_primary(node, |primary, context| primary.request_acks(context));
}

/// A replica sent a newline while it loads.
pub(crate) fn replica_is_alive(node: &mut Node, client: Client) {
    node.replication.primary.handle_sign_of_life(node.now.mono, client.conn());
}

/// A replica sent something that has a reply. The stream has no place for one, and a replica that does not know that
/// would take it for a part of the stream: as in Redis it is disconnected, and synchronizes anew. The reply is in `bytes`.
pub(crate) fn replica_was_answered(node: &mut Node, client: Client, bytes: &[u8]) {
    let line = log_line(node, client);
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.doomed = true;
    session.pushes.clear();
    let name = session.last_command.map_or("<unknown>", |command| command.name);
    let text = format!("Replica generated a reply to command '{name}', disconnecting it: {line}");
    node.log(LogLevel::Warning, text);
    if let Some(error) = bytes.split(|byte| *byte == b'\r').next().filter(|line| line.first() == Some(&b'-'))
    {
        node.stats.unexpected_errors += 1;
        let error = error.strip_prefix(b"-ERR ").unwrap_or(error);
        let error = resp::reply::lossy(&error[..error.len().min(ERROR_SHOWN)]);
        let text = format!(
            "== CRITICAL == This master is sending an error to its replica: '{error}' after processing the command '{name}'"
        );
        node.log(LogLevel::Warning, text);
    }
}

/// Carries out what the machine wants.
pub(super) fn drive(node: &mut Node) {
    while let Some(action) = node.replication.primary.poll_action() {
        match action {
            PrimaryAction::Send { conn, bytes } => {
                if let Some(client) = node.sessions.find(conn) {
                    node.push_to(client, |reply| reply.raw(&bytes));
                }
            }
            PrimaryAction::Close { conn } => {
                if let Some(client) = node.sessions.find(conn) {
                    node.close(client);
                }
            }
            PrimaryAction::StartSnapshot => start_snapshot(node),
            PrimaryAction::EncodeFiltered { conn, filter } => encode_filtered(node, conn, filter),
            PrimaryAction::AbortSnapshot => {
                if node.persistence.job.as_ref().is_some_and(|job| job.kind == Kind::Replication) {
                    node.log(
                        LogLevel::Warning,
                        "Diskless rdb transfer, last replica dropped, stopping the snapshot.",
                    );
                    snapshot::abort(node);
                }
            }
            PrimaryAction::Note(text) => super::note(node, text),
            PrimaryAction::Log { level, text } => super::log(node, level, text),
        }
    }
}

fn start_snapshot(node: &mut Node) {
    match snapshot::begin(node, Kind::Replication, SnapshotTarget::Stream) {
        Ok(_) => {
            let now = node.now.mono;
            with_primary(node, |primary, context| primary.snapshot_begun(now, context));
        }
        Err(_) => node.replication.primary.snapshot_refused(),
    }
}

/// An RDB for a tool that wants no data; it waits for the end of a unit that is put aside.
fn encode_filtered(node: &mut Node, conn: ConnId, filter: Filter) {
    if node.interrupted.is_some() {
        return;
    }
    let rdb = snapshot::filtered(node, filter == Filter::Functions);
    let now = node.now.mono;
    with_primary(node, |primary, context| primary.filtered(now, conn, &rdb, context));
}

/// The next bytes of the snapshot.
pub(crate) fn snapshot_bytes(node: &mut Node, bytes: Vec<u8>) {
    node.replication.primary.snapshot_bytes(node.now.mono, &bytes);
    drive(node);
}

/// The snapshot is complete (its length in bytes), or failed.
pub(crate) fn snapshot_ended(node: &mut Node, outcome: Result<u64, String>) {
    let now = node.now.mono;
    match outcome {
        Ok(_) => node.replication.primary.snapshot_done(now),
        Err(_) => node.replication.primary.snapshot_failed(now),
    }
}

/// Whether a replica has so much of the snapshot to be sent that the rest must wait.
pub(crate) fn snapshot_held_back(node: &Node) -> bool {
    let replicas = node.replication.primary.replicas(node.now.mono);
    replicas.filter(|r| r.state == LinkState::Streaming).any(|r| pending(node, r.conn) > SNAPSHOT_TARGET)
}

fn pending(node: &Node, conn: ConnId) -> usize {
    node.sessions.find(conn).and_then(|client| node.sessions.get(client)).map_or(0, |s| s.output.pending())
}

/// Fills the replicas' outputs from the log, and gives up those that lag too far behind.
pub(super) fn feed(node: &mut Node) {
    if node.replication.primary.replica_count() == 0 {
        if node.log.backlog_size().is_some() {
            node.log.trim(None);
        }
        return;
    }
    let now = node.now.mono;
    for conn in node.replication.primary.hungry(&node.log) {
        let room = OUTPUT_TARGET.saturating_sub(pending(node, conn));
        let Some(client) = node.sessions.find(conn).filter(|_| room > 0) else { continue };
        let mut bytes = Vec::new();
        node.replication.primary.pull(conn, &node.log, room, &mut bytes);
        node.push_to(client, |reply| reply.raw(&bytes));
    }
    let streaming: Vec<ConnId> = node.replication.primary.replicas(now).map(|r| r.conn).collect();
    for conn in streaming {
        let queued = pending(node, conn) as u64;
        node.replication.primary.handle_output(now, conn, queued);
    }
    node.replication.primary.enforce_limits(now, &mut node.log);
    drive(node);
}

/// Whether `feed` would find both bytes and room.
pub(super) fn could_feed(node: &Node) -> bool {
    let hungry = node.replication.primary.hungry(&node.log);
    hungry.into_iter().any(|conn| pending(node, conn) < OUTPUT_TARGET / 2)
}
