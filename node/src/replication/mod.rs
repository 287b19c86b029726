//! Replication's hooks in the data thread: what the rest of the node asks of it and tells it.
//!
//! A primary without replicas, until the protocol of `repl` is wired in: the answers are true for that state, and what
//! would change the state is refused.

use crate::admin::AdminHandler;
use crate::api::{LocalInfo, LogLevel};
use crate::node::Node;
use crate::session::{Client, Session};
use base::{ConnId, NodeId, Prng, ReplId, ReplOffset};
use cluster::DataStatus;
use config::Settings;
use spec::Command;

/// Replication's state.
pub struct Replication {
    /// The history that our offset counts in.
    pub(crate) history: ReplId,
}

impl Replication {
    /// A primary with a history of its own.
    pub fn new(_settings: &Settings, prng: &mut Prng) -> Self {
        Self { history: ReplId::random(prng) }
    }
}

/// The handlers of this room.
pub(crate) fn handler(_name: &str) -> Option<AdminHandler> {
    None
}

/// Whether this node follows a primary.
pub(crate) fn is_replica(_node: &Node) -> bool {
    false
}

/// A replica whose link to its primary is not up and in sync.
pub(crate) fn is_stale(_node: &Node) -> bool {
    false
}

/// How many replicas are connected and have acknowledged within `min-replicas-max-lag`.
pub(crate) fn good_replicas(_node: &Node) -> u64 {
    0
}

/// How many replicas have acknowledged everything before `offset`.
pub(crate) fn acknowledged(_node: &Node, _offset: ReplOffset) -> u64 {
    0
}

/// Asks the replicas to acknowledge at once (REPLCONF GETACK), for WAIT.
pub(crate) fn ask_for_acks(_node: &mut Node) {}

/// A request of our primary's stream was executed: `bytes` are exactly what it was.
pub(crate) fn applied(_node: &mut Node, _client: Client, _bytes: &[u8]) {}

/// Our primary sent something that must not be executed (ENGINE 16): take the link down, loudly.
pub(crate) fn refuse(node: &mut Node, client: Client, text: &str) {
    node.log(LogLevel::Warning, format!("== CRITICAL == The master sent what this replica refuses: {text}"));
    node.close(client);
}

/// A command of our primary failed here.
pub(crate) fn failed(node: &mut Node, _client: Client, command: &'static Command, text: &str) {
    node.log(
        LogLevel::Warning,
        format!(
            "== CRITICAL == This replica is sending an error to its master: '{text}' after processing the command '{}'",
            command.name
        ),
    );
}

/// A session that was a replica's or our primary's is gone.
pub(crate) fn session_closed(_node: &mut Node, _client: Client, _session: &Session) {}

/// The outcome of an outgoing connection.
pub(crate) fn handle_connected(_node: &mut Node, _conn: ConnId, _outcome: Result<LocalInfo, String>) {}

/// A connection without a session was closed.
pub(crate) fn handle_closed(_node: &mut Node, _conn: ConnId) {}

/// The end of a turn: the log's new bytes go to the replicas' outputs.
pub(crate) fn end_batch(_node: &mut Node) {}

/// Ten times a second: PINGs, ACKs, timeouts.
pub(crate) fn cron(_node: &mut Node) {}

/// Become (or stay) a primary: the input from our primary ends, what is parsed is applied, the history is shifted.
pub(crate) fn promote(_node: &mut Node) {}

/// Follow a primary. `id` is its name in the cluster.
pub(crate) fn follow(_node: &mut Node, _id: Option<NodeId>, _host: &str, _port: u16) {}

/// CONFIG SET changed these directives.
pub(crate) fn config_changed(_node: &mut Node, _names: &[&'static str]) {}

/// How many connected replicas have not acknowledged everything.
pub(crate) fn lagging(_node: &Node) -> u64 {
    0
}

/// What an RDB file said about the history of its data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LoadedHistory {
    /// `repl-id`.
    pub id: String,
    /// `repl-offset`.
    pub offset: u64,
    /// `repl-stream-db`.
    pub db: Option<u32>,
}

/// Data was loaded at start (ENGINE 14: as a primary we take a new id, and the loaded one becomes the second).
pub(crate) fn loaded(_node: &mut Node, _history: Option<LoadedHistory>) {}

/// AUX fields of a snapshot: `repl-stream-db`, `repl-id`, `repl-offset`.
pub(crate) fn snapshot_fields(_node: &Node) -> Vec<(String, Vec<u8>)> {
    Vec::new()
}

/// The next bytes of a snapshot that `snapshot::begin(node, Kind::Replication, SnapshotTarget::Stream)` began.
pub(crate) fn snapshot_bytes(_node: &mut Node, _bytes: Vec<u8>) {}

/// That snapshot is complete (its length in bytes), or failed.
pub(crate) fn snapshot_ended(_node: &mut Node, _outcome: Result<u64, String>) {}

/// What the cluster must know.
pub(crate) fn status(node: &Node) -> DataStatus {
    DataStatus {
        primary: true,
        offset: node.log.offset(),
        link_up: false,
        last_primary_io: None,
        synced_once: true,
        history: node.replication.history,
        progress: node.progress,
        empty: node.keyspace.is_empty(),
    }
}
