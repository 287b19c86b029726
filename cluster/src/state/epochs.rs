//! Epochs: the cluster's logical clock (specification, "Configuration handling, propagation, and failovers").
//!
//! Invariants: `current_epoch` and a node's own `config_epoch` never go back (RESET HARD makes a new node); whatever raises them is saved before
//! a packet shows it (see `claims`).

use super::table::NodeIx;
use crate::actions::LogLevel;
use crate::journal::EventType;
use crate::machine::Machine;
use alloc::format;
use base::Epoch;

impl Machine {
    /// The largest epoch seen anywhere.
    pub(crate) fn max_epoch(&self) -> Epoch {
        self.nodes.iter().map(|(_, n)| n.config_epoch).max().unwrap_or_default().max(self.current_epoch)
    }

    /// Somebody knows a later epoch.
    pub(crate) fn observe_epoch(&mut self, epoch: Epoch) {
        if epoch > self.current_epoch {
            self.note_own(EventType::Epoch, format!("current epoch {} becomes {epoch}", self.current_epoch));
            self.current_epoch = epoch;
            self.saver.mark_in_time();
            self.publisher.structure_changed();
        }
    }

    /// Takes a new config epoch without asking anybody, unless this node has the largest already; true if it did.
    ///
    /// Collisions with others who do the same are resolved by [`Self::resolve_collision`].
    pub(crate) fn bump_config_epoch(&mut self) -> bool {
        let mine = self.myself().config_epoch;
        if mine != Epoch(0) && mine == self.max_epoch() {
            return false;
        }
        self.take_next_epoch();
        self.log(LogLevel::Notice, format!("New configEpoch set to {}", self.myself().config_epoch));
        true
    }

    /// Two primaries have the same config epoch: the one with the smaller name takes a new one.
    pub(crate) fn resolve_collision(&mut self, sender: NodeIx) {
        let (other, me) = (&self.nodes[sender], self.myself());
        let collide = other.config_epoch == me.config_epoch && other.is_primary() && me.is_primary();
        if !collide || other.id <= me.id || !self.may_take_epoch() {
            return;
        }
        let (id, name) = (other.id, other.human_nodename.clone());
        self.take_next_epoch();
        let epoch = self.myself().config_epoch;
        self.log(
            LogLevel::Verbose,
            format!("WARNING: configEpoch collision with node {id} ({name}). configEpoch set to {epoch}"),
        );
    }

    fn take_next_epoch(&mut self) {
        // The largest seen anywhere, in case a peer's header lagged behind its own config epoch.
        self.current_epoch = self.max_epoch().next();
        let (me, epoch) = (self.me, self.current_epoch);
        self.nodes[me].config_epoch = epoch;
        self.note_own(EventType::Epoch, format!("takes config epoch {epoch} without a vote"));
        self.saver.mark();
        self.publisher.structure_changed();
    }
}
