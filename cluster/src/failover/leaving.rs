//! A primary that is about to end leaves its shard to a replica first, or says that it will be back in a moment.
//!
//! Leaving: the best replica that is in sync is chosen; the data thread holds its writes and names the last offset; MFSTART, flagged PAUSED, tells the replica that
//! offset; the replica stands as in a coordinated manual failover, and its claim makes us its replica: then the data thread may end. Bounded: if nobody
//! has taken over within two seconds, writes go on and the data thread is told so. Only Grapevine's replicas understand such an MFSTART.
//!
//! Being back in a moment: a flag in a last PONG asks the peers not to take refused connections for a crash for a while; the node timeout counts as ever.

use crate::actions::{After, Order};
use crate::codec::{MessageType, Writer, mflags};
use crate::failover::Manual;
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use crate::topology::NodeFlags;
use alloc::format;
use core::cmp::Reverse;

/// How long the replica has.
const REPLICA_MS: u64 = 1000;
/// How long writes are held at most.
const HELD_MS: u64 = 2 * REPLICA_MS;
/// For how long who said that it would be back in a moment is not taken for gone.
const EXCUSED_MS: u64 = 10_000;

impl Machine {
    /// The data thread wants to end and asks for somebody to take over.
    pub(crate) fn on_leaving(&mut self) {
        let heir = self.heir().filter(|_| self.myself().is_voter() && !self.saver.is_failing());
        let Some(heir) = heir.filter(|_| !self.manual.in_progress()) else {
            self.orders.push_back(Order::NobodyTakesOver);
            return;
        };
        let name = self.nodes[heir].id;
        self.note_own(EventType::Demotion, format!("about to end: leaves its shard to {name}"));
        self.manual = Manual::leaving_to(heir, self.now.mono + HELD_MS);
        self.orders.push_back(Order::PauseWrites { until: self.now.mono + HELD_MS });
    }

    /// The replica that holds most, if it can be told.
    fn heir(&self) -> Option<NodeIx> {
        let unfit = NodeFlags::FAIL | NodeFlags::PFAIL | NodeFlags::NOFAILOVER;
        let fits = |ix: &NodeIx| {
            let node = &self.nodes[*ix];
            let there = node.link.is_some_and(|link| self.links.is_up(link));
            node.is_grapevine() && there && !node.flags.any(unfit)
        };
        let fit = self.myself().replicas.iter().copied().filter(fits);
        fit.max_by_key(|ix| (self.nodes[*ix].repl_offset, Reverse(self.nodes[*ix].id)))
    }

    /// Writes are held: the replica may begin.
    pub(super) fn tell_heir(&mut self, heir: NodeIx) {
        let Some(link) = self.nodes[heir].link else { return };
        let packet = Writer::new(&self.header(MessageType::MfStart, &self.wire)).finish();
        self.send(link, MessageType::MfStart, packet, After::Now);
    }

    /// How long a replica that is told so may take.
    pub(super) fn heir_limit(&self) -> base::Millis {
        self.now.mono + REPLICA_MS
    }

    /// The data thread ends and says that it will be back in a moment.
    pub(crate) fn on_restarting(&mut self) {
        self.restarting_until = Some(self.now.mono + EXCUSED_MS);
        for link in self.links_to(|ix| self.nodes[ix].is_grapevine()) {
            let packet = Writer::new(&self.header(MessageType::Pong, &self.wire)).finish();
            self.send(link, MessageType::Pong, packet, After::Now);
        }
    }

    /// Whatever is sent until the process has ended says it again: a packet without it ends the excuse.
    pub(crate) fn restarting_flag(&self) -> u8 {
        let restarting = self.restarting_until.is_some_and(|until| self.now.mono < until);
        if restarting { mflags::RESTARTING } else { 0 }
    }

    /// A node says that it will be back in a moment.
    pub(crate) fn excuse_restart(&mut self, ix: NodeIx) {
        let until = self.now.mono + EXCUSED_MS;
        if self.nodes[ix].evidence.excused_until.replace(until).is_some() {
            return;
        }
        self.note(EventType::Suspicion, ix, format!("is being restarted: excused for {EXCUSED_MS} ms"));
    }
}
