//! Failure detection (specification, "Failure detection").
//!
//! A node that answers nothing for the node timeout is suspected (PFAIL) by whoever notices. Primaries gossip their suspicions; when a majority of voting primaries,
//! within twice the timeout, reports a node that we suspect too, it is failed (FAIL), and a FAIL message makes everybody say so at once.
//! FAIL is undone when a replica or a slotless primary answers again, and for a primary with slots when nobody replaced it for twice the timeout.

use crate::actions::LogLevel;
use crate::journal::{EventType, Step};
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::String;
use base::NodeId;

/// Failure reports are valid for this many node timeouts.
const REPORT_VALIDITY: u64 = 2;
/// So many reports about a node are written down one by one, and so many about one that is failed already are kept: with a thousand voters the rest says
/// nothing new, and a thousand about each of a thousand nodes are too many.
const NOTED_REPORTS: usize = 32;
/// A primary's FAIL may be undone after this many node timeouts.
const UNDO_AFTER: u64 = 2;

impl Machine {
    /// `reporter`, a primary, suspects `ix`.
    pub(super) fn add_failure_report(&mut self, ix: NodeIx, reporter: NodeIx) {
        let now = self.now.mono;
        let node = &self.nodes[ix];
        if node.failed() && node.fail_reports.len() > NOTED_REPORTS && !node.fail_reports.contains(reporter) {
            return;
        }
        if self.nodes[ix].fail_reports.insert(reporter, now) {
            self.publisher.counters_changed();
            if self.nodes[ix].fail_reports.len() > NOTED_REPORTS {
                return;
            }
            let text =
                format!("Node {} reported node {} as not reachable.", self.label(reporter), self.label(ix));
            self.log(LogLevel::Verbose, text);
            let (count, name) = (self.fresh_reports(&self.nodes[ix]), self.nodes[reporter].id);
            self.note(EventType::Report, ix, format!("{name} reports it as not reachable: {count} reports"));
        }
    }

    /// Whether a node's suspicions count: primaries with slots; while nobody owns slots yet, every primary.
    pub(super) fn counts_for_failures(&self, node: &Node) -> bool {
        node.is_voter() || (self.health.size == 0 && node.is_primary())
    }

    /// `reporter` no longer suspects `ix`.
    pub(super) fn remove_failure_report(&mut self, ix: NodeIx, reporter: NodeIx) {
        if !self.nodes[ix].fail_reports.remove(reporter) {
            return;
        }
        self.publisher.counters_changed();
        if self.nodes[ix].fail_reports.len() > NOTED_REPORTS {
            return;
        }
        let text = format!("Node {} reported node {} is back online.", self.label(reporter), self.label(ix));
        self.log(LogLevel::Verbose, text);
        let name = self.nodes[reporter].id;
        self.note(EventType::Report, ix, format!("{name} reaches it again"));
        self.expire_reports(ix);
    }

    /// How many unexpired reports there are.
    pub(crate) fn fresh_reports(&self, node: &Node) -> u32 {
        let limit = self.config.node_timeout_ms * REPORT_VALIDITY;
        node.fail_reports.instants().filter(|at| self.now.mono.since(*at) <= limit).count() as u32
    }

    /// Whether there is an unexpired report.
    pub(super) fn is_reported(&self, node: &Node) -> bool {
        let limit = self.config.node_timeout_ms * REPORT_VALIDITY;
        node.fail_reports.instants().any(|at| self.now.mono.since(at) <= limit)
    }

    fn expire_reports(&mut self, ix: NodeIx) {
        let (now, limit) = (self.now.mono, self.config.node_timeout_ms * REPORT_VALIDITY);
        self.nodes[ix].fail_reports.expire(now, limit);
    }

    /// Nothing was heard for the node timeout.
    pub(crate) fn suspect_by_silence(&mut self, ix: NodeIx) {
        let since = |at: Option<base::Millis>| at.map_or(0, |at| self.now.mono.since(at));
        let (node, timeout) = (&self.nodes[ix], self.config.node_timeout_ms);
        let heard = self.last_heard(ix);
        let text =
            format!("no answer for {} ms (timeout {timeout}), last heard of {heard}", since(node.ping_sent));
        self.note_step(Step::Suspected, ix, Some(ix), text);
        self.suspect(ix);
    }

    /// How long ago a node's last sign of life was, in words.
    pub(super) fn last_heard(&self, ix: NodeIx) -> String {
        let heard = self.nodes[ix].data_received;
        heard.map_or("never".into(), |at| format!("{} ms ago", self.now.mono.since(at)))
    }

    /// There is reason to think that a node is not reachable: say so.
    pub(super) fn suspect(&mut self, ix: NodeIx) {
        self.log(LogLevel::Debug, format!("*** NODE {} possibly failing", self.nodes[ix].id));
        self.nodes[ix].flags.set(NodeFlags::PFAIL);
        self.suspects += 1;
        self.structure_and_state_changed();
        self.spread_suspicion();
        // With one voting primary, its own suspicion is the majority.
        self.mark_failed_if_agreed(ix);
    }

    pub(super) fn unsuspect(&mut self, ix: NodeIx) {
        self.nodes[ix].flags.clear(NodeFlags::PFAIL);
        self.nodes[ix].evidence.convicted = false;
        self.note(EventType::Suspicion, ix, "it answers again".into());
        self.structure_and_state_changed();
    }

    /// Turns a suspicion into FAIL if a majority of the voting primaries shares it.
    pub(super) fn mark_failed_if_agreed(&mut self, ix: NodeIx) {
        if !self.nodes[ix].suspected() || self.nodes[ix].failed() {
            return;
        }
        // Gossip asks for every suspect of every packet: mostly there is nothing to count.
        if self.nodes[ix].fail_reports.len() + 1 < self.health.quorum() {
            return;
        }
        self.expire_reports(ix);
        let counts = |reporter: &NodeIx| self.counts_for_failures(&self.nodes[*reporter]);
        let reports = self.nodes[ix].fail_reports.reporters().filter(counts).count();
        if reports + usize::from(self.counts_for_failures(self.myself())) < self.health.quorum() {
            return;
        }
        let text = format!("Marking node {} as failing (quorum reached).", self.label(ix));
        self.log(LogLevel::Notice, text);
        let quorum = self.health.quorum();
        self.note_step(
            Step::Failed,
            ix,
            Some(ix),
            format!("failed: {reports} reports besides our own word, {quorum} needed"),
        );
        self.set_failed(ix);
        self.spread_failure(ix);
    }

    fn set_failed(&mut self, ix: NodeIx) {
        let now = self.now.mono;
        let node = &mut self.nodes[ix];
        node.flags.clear(NodeFlags::PFAIL);
        node.flags.set(NodeFlags::FAIL);
        node.fail_time = now;
        // Whoever told us: we see the same, only not for as long yet.
        node.evidence.convicted |= node.evidence.is_growing();
        node.refused_time = None;
        if self.my_primary() == Some(ix) {
            self.todo.failover = true;
        }
        self.structure_and_state_changed();
    }

    /// A FAIL message.
    pub(super) fn on_fail_message(&mut self, sender: NodeIx, about: Option<NodeId>) {
        let Some(ix) = about.and_then(|id| self.nodes.find(&id)) else { return };
        if ix == self.me {
            return self.declared_failed(sender);
        }
        self.spread.forget(ix);
        if self.nodes[ix].failed() {
            return;
        }
        let text = format!("FAIL message received from {} about {}", self.label(sender), self.label(ix));
        self.log(LogLevel::Notice, text);
        let by = self.nodes[sender].id;
        self.note_step(Step::Failed, ix, Some(ix), format!("failed: says {by}"));
        self.set_failed(ix);
    }

    /// A failed node answered: undo FAIL where the rules allow it.
    pub(super) fn clear_failure_if_possible(&mut self, ix: NodeIx) {
        let node = &self.nodes[ix];
        let why = if node.is_replica() {
            "replica is reachable again."
        } else if node.slot_count == 0 {
            "master without slots is reachable again."
        } else if self.crash_is_over(node) {
            "master answers again, and nobody was elected in its place."
        } else if self.now.mono.since(node.fail_time) > self.config.node_timeout_ms * UNDO_AFTER {
            " is reachable again and nobody is serving its slots after some time."
        } else {
            return;
        };
        let text = format!("Clear FAIL state for node {}:{why}", self.label(ix));
        self.log(LogLevel::Notice, text);
        self.note(EventType::Fail, ix, format!("not failed any more: {}", why.trim()));
        self.nodes[ix].flags.clear(NodeFlags::FAIL);
        self.nodes[ix].evidence.convicted = false;
        self.spread.forget(ix);
        self.structure_and_state_changed();
    }
}
