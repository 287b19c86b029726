//! Spreading suspicions and failures at once, but not by everybody to everybody (rule 12).
//!
//! A primary that suspects somebody waits some milliseconds for further suspicions, then tells all of them in one PING to those who can make something of it:
//! the replicas concerned, and a few voters. Whoever finds that a majority agrees sends FAIL to all: the replicas of the failed node and the
//! first voter at once, the others a while later, unless they have heard it by then.

use crate::codec::MessageType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use base::Millis;

/// Suspicions that come within this time are told together.
const GATHER_MS: u64 = 15;
/// How many voters are told of suspicions at once; the others hear by ordinary gossip, or of the FAIL.
const COLLECTORS: usize = 16;
/// Between the instants at which voters of neighbouring rank send a FAIL.
const FAIL_STEP_MS: u64 = 20;
const FAIL_STEPS: u64 = 20;

/// What is about to be told.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    suspicions: Option<Millis>,
    failures: BTreeMap<NodeIx, Millis>,
}

impl Spread {
    /// When something is to be told.
    pub fn due(&self) -> Option<Millis> {
        self.suspicions.into_iter().chain(self.failures.values().copied()).min()
    }

    /// Somebody else has told of this failure, or it is over.
    pub fn forget(&mut self, ix: NodeIx) {
        self.failures.remove(&ix);
    }
}

impl Machine {
    /// A suspicion is news.
    pub(super) fn spread_suspicion(&mut self) {
        if self.myself().is_primary() {
            self.spread.suspicions.get_or_insert(self.now.mono + GATHER_MS);
        }
    }

    /// A node is failed by agreement, as this node was the first to notice here.
    pub(super) fn spread_failure(&mut self, ix: NodeIx) {
        let rank = if self.my_primary() == Some(ix) { 0 } else { self.rank_among_voters() };
        if rank == 0 {
            self.broadcast_fail(ix);
        } else {
            self.spread.failures.insert(ix, self.now.mono + rank.min(FAIL_STEPS) * FAIL_STEP_MS);
        }
    }

    /// How many voters that seem alive have a smaller name.
    fn rank_among_voters(&self) -> u64 {
        let me = self.myself().id;
        let before = |n: &crate::state::Node| n.is_voter() && !n.failed() && !n.suspected() && n.id < me;
        self.nodes.iter().filter(|(_, n)| before(n)).count() as u64
    }

    /// Tells what is due.
    pub(crate) fn spread_what_is_due(&mut self) {
        let now = self.now.mono;
        if self.spread.suspicions.is_some_and(|at| at <= now) {
            self.spread.suspicions = None;
            self.tell_suspicions();
        }
        let due: Vec<NodeIx> =
            self.spread.failures.iter().filter(|(_, at)| **at <= now).map(|(ix, _)| *ix).collect();
        for ix in due {
            self.spread.failures.remove(&ix);
            if self.nodes[ix].failed() {
                self.broadcast_fail(ix);
            }
        }
    }

    fn tell_suspicions(&mut self) {
        self.suspects = self.nodes.iter().filter(|(_, n)| n.suspected()).count();
        let concerned =
            self.nodes.iter().filter(|(_, n)| n.suspected()).flat_map(|(_, n)| n.replicas.clone());
        let mut told: Vec<NodeIx> = concerned.collect();
        let hears = |(ix, n): &(NodeIx, &crate::state::Node)| {
            *ix != self.me && n.is_voter() && !n.failed() && !n.suspected()
        };
        let mut voters: Vec<_> = self.nodes.iter().filter(hears).map(|(ix, n)| (n.id, ix)).collect();
        voters.sort_unstable();
        told.extend(voters.into_iter().take(COLLECTORS).map(|(_, ix)| ix));
        told.sort_unstable();
        told.dedup();
        for ix in told {
            if let Some(link) = self.nodes[ix].link.filter(|_| ix != self.me) {
                self.send_heartbeat(link, MessageType::Ping);
            }
        }
    }
}
