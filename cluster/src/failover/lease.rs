//! The write lease (rule 6): until when this primary may acknowledge writes.
//!
//! A voting primary that had a ping of ours, and answered it, does not agree to our failure for a node timeout from that ping on. So as long as a majority (we included)
//! had one less than a node timeout ago, nobody can have replaced us without our knowing. The data thread is told when that ends.

use crate::actions::ToData;
use crate::machine::Machine;
use alloc::vec::Vec;
use base::Millis;

/// The data thread is told again when the lease has grown by this share of the node timeout.
const STEP_SHARE: u64 = 10;
/// No limit: a majority without anybody else.
const UNLIMITED: Millis = Millis(u64::MAX);

#[derive(Debug, Default)]
pub(crate) struct Lease {
    told: Option<Millis>,
}

impl Machine {
    /// Computes the lease, and tells the data thread if it changed enough.
    pub(crate) fn renew_lease(&mut self) {
        if !self.myself().is_voter() || self.promotion.is_some() {
            self.lease.told = None;
            return;
        }
        let until = self.lease_end();
        let step = self.config.node_timeout_ms / STEP_SHARE;
        let enough = self.lease.told.is_none_or(|told| until < told || until.since(told) >= step.max(1));
        if enough {
            self.lease.told = Some(until);
            self.tell_data(ToData::Lease { until });
        }
    }

    /// Whether a ping is due for the lease's sake, however fresh the pongs are that others report.
    pub(crate) fn lease_wants_ping(&self, node: &crate::state::Node) -> bool {
        let half = self.config.node_timeout_ms / 2;
        self.myself().is_voter()
            && node.is_voter()
            && node.contact.is_none_or(|at| self.now.mono.since(at) > half)
    }

    fn lease_end(&self) -> Millis {
        // We are one of the majority ourselves.
        let needed = self.health.quorum() - 1;
        if needed == 0 {
            return UNLIMITED;
        }
        let others = self.nodes.iter().filter(|(ix, n)| *ix != self.me && n.is_voter());
        let mut contacts: Vec<Millis> = others.filter_map(|(_, n)| n.contact).collect();
        contacts.sort_unstable_by(|a, b| b.cmp(a));
        contacts.get(needed - 1).map_or(Millis(0), |at| *at + self.config.node_timeout_ms)
    }
}
