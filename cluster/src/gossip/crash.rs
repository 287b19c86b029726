//! Crash detection (rule 11): a process that is gone is known at once, at whatever node timeout.
//!
//! When a process ends, its system closes all of its connections and refuses new ones. So the evidence against a node is: our link to it has ended, it holds
//! no link to us either, and new connections to the very address where it has answered under its name since we started are refused, again and again
//! for half a second, with no packet of it since. Any packet, any connection that comes about, and any other failure (silence, no route) ends the evidence.
//! Half a second, so that a process that is replaced quickly is not failed over.
//!
//! Weaknesses, and what bounds them. A firewall that rejects connections can look like this to one node: then the node's own link to us contradicts it, and
//! a majority has to be deceived in the same way. A primary that loses the links of a majority gives its lease up until that majority answers (`lease`).
//!
//! Used against voting primaries with a replica that could take over; for others there is no hurry. Nodes of other programs do not share such
//! evidence, so that beside a majority of them the node timeout decides, as ever.

use crate::journal::Step;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use alloc::format;
use base::Millis;
use core::net::SocketAddr;

/// Refusals must go on for so long.
const REFUSED_FOR_MS: u64 = 500;
/// And be so many at least.
const REFUSALS: u32 = 4;

/// What speaks for a node's process being gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Evidence {
    /// Where it has answered under its name since we started.
    answered_at: Option<SocketAddr>,
    /// The first refusal with nothing to the contrary since.
    refused_since: Option<Millis>,
    refusals: u32,
    /// It has said that it would be started again: until then refusals prove nothing.
    pub excused_until: Option<Millis>,
    /// Suspected, or failed, on this evidence.
    pub convicted: bool,
}

impl Evidence {
    /// Something contradicts it.
    pub fn clear(&mut self) {
        (self.refused_since, self.refusals) = (None, 0);
    }

    /// Whether connections are being refused.
    pub fn is_growing(&self) -> bool {
        self.refused_since.is_some()
    }
}

impl Machine {
    /// A node has answered on our link to it.
    pub(super) fn note_address_of_answer(&mut self, ix: NodeIx) {
        let address = self.nodes[ix].bus_address();
        self.nodes[ix].evidence.answered_at = address;
    }

    /// Our link to a node has ended by itself: whether its process is there is asked at once.
    pub(crate) fn probe_after_loss(&mut self, ix: NodeIx) {
        let node = &self.nodes[ix];
        if self.config.crash_detection && node.evidence.answered_at.is_some() && node.link.is_none() {
            self.connect(ix);
        }
    }

    /// A connection to a node was refused.
    pub(crate) fn on_refused(&mut self, ix: NodeIx) {
        let now = self.now.mono;
        let node = &self.nodes[ix];
        let known = node.evidence.answered_at.is_some_and(|at| node.bus_address() == Some(at));
        let excused = node.evidence.excused_until.is_some_and(|until| now < until);
        if !self.config.crash_detection || !known || excused || node.inbound.is_some() {
            self.nodes[ix].evidence.clear();
            return;
        }
        let evidence = &mut self.nodes[ix].evidence;
        let since = *evidence.refused_since.get_or_insert(now);
        evidence.refusals = evidence.refusals.saturating_add(1);
        let enough = now.since(since) >= REFUSED_FOR_MS && evidence.refusals >= REFUSALS;
        if enough && !self.nodes[ix].flags.any(NodeFlags::PFAIL | NodeFlags::FAIL) && self.is_replaceable(ix)
        {
            self.convict(ix, now.since(since));
        }
    }

    /// Whether somebody could take over for this primary.
    fn is_replaceable(&self, ix: NodeIx) -> bool {
        let node = &self.nodes[ix];
        let unfit = NodeFlags::FAIL | NodeFlags::PFAIL | NodeFlags::NOFAILOVER;
        let can_stand = |replica: &NodeIx| {
            let own = *replica == self.me;
            let there = own || self.nodes[*replica].link.is_some_and(|link| self.links.is_up(link));
            there && !self.nodes[*replica].flags.any(unfit)
        };
        node.is_voter() && node.replicas.iter().any(can_stand)
    }

    fn convict(&mut self, ix: NodeIx, refused_for: u64) {
        let evidence = &mut self.nodes[ix].evidence;
        evidence.convicted = true;
        let refusals = evidence.refusals;
        let heard = self.last_heard(ix);
        let text = format!(
            "its process is gone: {refusals} connections refused in {refused_for} ms, last heard of {heard}"
        );
        self.note_step(Step::Suspected, ix, Some(ix), text);
        self.suspect(ix);
    }

    /// A node failed by such evidence answers, and we have voted for nobody in its place: it is back.
    pub(super) fn crash_is_over(&self, node: &Node) -> bool {
        node.evidence.convicted && node.voted_time.is_none_or(|at| at < node.fail_time)
    }
}
