//! When replies may leave: the gate between what was executed and what the disk has (ENGINE 11).
//!
//! Model: the end of what the AOF gets of the log, at the end of a turn, is the position that the turn's bytes wait for; the disk thread reports how
//! far the AOF is written and how far it is safe. Under `appendfsync always` replies wait for the sync; under `everysec`
//! and `no` for the write, so that the death of the process alone loses nothing that was acknowledged. Without an AOF
//! nothing waits and nothing is marked.
//!
//! Invariant: after a failed fsync the gate never opens for what it covered; those clients are closed instead, because
//! nobody can say whether their writes survive (ENGINE 12).

use crate::cluster::lease;
use crate::node::Node;
use persist::Seq;

/// What replies wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Until {
    /// There is no AOF.
    #[default]
    Nothing,
    /// The operating system has the records (`everysec`, `no`).
    Written,
    /// The disk has them (`always`).
    Safe,
}

/// The gate.
#[derive(Default)]
pub(crate) struct Gate {
    /// What replies wait for.
    pub until: Until,
    /// The log has got there up to here.
    pub passed: Seq,
    /// Replies leave without waiting for now: the disk is slow, and only the write is waited for.
    pub ajar: bool,
}

impl Gate {
    /// What bytes that come into being now must wait for, given the end of the AOF's part of the log; `None` when nothing is pending.
    pub fn mark(&self, log_end: Seq) -> Option<Seq> {
        (self.until != Until::Nothing && log_end > self.passed && !self.ajar).then_some(log_end)
    }
}

/// The AOF has got up to `passed`: replies that waited for it may leave.
pub(crate) fn open(node: &mut Node, passed: Seq) {
    node.gate.passed = node.gate.passed.max(passed);
    release(node, node.gate.passed);
}

/// Lets go what waits for a write that takes long, and what follows, until [`shut`].
pub(crate) fn set_ajar(node: &mut Node) {
    if !std::mem::replace(&mut node.gate.ajar, true) {
        node.stats.delayed_syncs += 1;
        release(node, Seq::MAX);
    }
}

/// Replies wait again.
pub(crate) fn shut(node: &mut Node) {
    node.gate.ajar = false;
}

/// Replies wait for something else from now on; what waited for the old is let go.
pub(crate) fn change(node: &mut Node, until: Until) {
    let before = std::mem::replace(&mut node.gate.until, until);
    if before == until {
        return;
    }
    node.gate.ajar = false;
    release(node, Seq::MAX);
    // What was written before is not waited for.
    node.gate.passed = if until == Until::Nothing { 0 } else { node.log.end_seq() };
}

fn release(node: &mut Node, passed: Seq) {
    for client in std::mem::take(&mut node.gated) {
        let Some(session) = node.sessions.get(client) else { continue };
        if !lease::may_acknowledge(node, session) {
            node.close(client);
            continue;
        }
        let Some(session) = node.sessions.get_mut(client) else { continue };
        session.output.release(passed);
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
