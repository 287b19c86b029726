//! When replies may leave: the durability gate of `appendfsync always` (ENGINE 11).
//!
//! Model: the end of what the AOF gets of the log, at the end of a turn, is the position that the turn's bytes wait for; the disk thread reports how
//! far the AOF is safe. Without `always`, or without an AOF, nothing waits and nothing is marked.
//!
//! Invariant: after a failed fsync the gate never opens for what it covered; those clients are closed instead, because
//! nobody can say whether their writes survive (ENGINE 12).

use crate::cluster::lease;
use crate::node::Node;
use persist::Seq;

/// The gate.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether replies wait for the disk.
    pub durable: bool,
    /// The log is safe up to here.
    pub synced: Seq,
}

impl Gate {
    /// What bytes that come into being now must wait for, given the end of the AOF's part of the log; `None` when nothing is pending.
    pub fn mark(&self, log_end: Seq) -> Option<Seq> {
        (self.durable && log_end > self.synced).then_some(log_end)
    }
}

/// The AOF is safe up to `synced`: replies that waited for it may leave.
pub(crate) fn open(node: &mut Node, synced: Seq) {
    node.gate.synced = node.gate.synced.max(synced);
    release(node);
}

/// Replies no longer wait for the disk (`appendfsync` changed, AOF switched off).
pub(crate) fn abolish(node: &mut Node) {
    node.gate.durable = false;
    node.gate.synced = Seq::MAX;
    release(node);
    node.gate.synced = 0;
}

fn release(node: &mut Node) {
    let synced = node.gate.synced;
    for client in std::mem::take(&mut node.gated) {
        let Some(session) = node.sessions.get(client) else { continue };
        if !lease::may_acknowledge(node, session) {
            node.close(client);
            continue;
        }
        let Some(session) = node.sessions.get_mut(client) else { continue };
        session.output.release(synced);
        session.gated = session.output.is_gated();
        session.wrote &= session.gated;
        if session.gated {
            node.gated.push(client);
        }
        node.writable.push_back(client);
    }
}

/// The fsync failed: clients whose replies wait for it are closed without an answer.
pub(crate) fn break_off(node: &mut Node) {
    for client in std::mem::take(&mut node.gated) {
        if node.sessions.get(client).is_some_and(|s| s.output.is_gated()) {
            node.close(client);
        }
    }
}
