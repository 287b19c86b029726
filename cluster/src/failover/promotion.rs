//! Promotion, in the order that loses nothing (rule 3).
//!
//! Won → nodes.conf durable → one message to the data thread (a topology that shows us as the owner, then the order to act as one) → its
//! acknowledgement → the claim on the bus. Until the claim, our packets say what they said before. If the data thread does not answer within a heartbeat,
//! or the file cannot be saved, nothing is claimed: we are a replica again, and the epoch is burnt.
//! Until the claim the file says that nobody has heard of it: who starts from such a file asks before it claims (`boot`).

use crate::actions::{ConfigVersion, LogLevel, Order, ToData, TopologyVersion};
use crate::journal::Step;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::string::String;
use base::{Millis, NodeId, SlotSet};

/// The data thread has half the node timeout to answer, and this at least.
const LEAST_HEARTBEAT_MS: u64 = 500;

/// How long the data thread may take, in ms.
pub(crate) fn promotion_limit(node_timeout_ms: u64) -> u64 {
    (node_timeout_ms / 2).max(LEAST_HEARTBEAT_MS)
}

/// A promotion that is not claimed yet.
#[derive(Debug)]
pub(crate) struct Promotion {
    stage: Stage,
    primary: NodeId,
    shard: NodeId,
    slots: SlotSet,
}

#[derive(Debug)]
enum Stage {
    Saving(ConfigVersion),
    Applying { version: TopologyVersion, deadline: Millis },
}

impl Machine {
    /// Takes over from this replica's primary. Its config epoch is new already.
    pub(crate) fn promote(&mut self) {
        let Some(primary) = self.my_primary() else { return };
        let slots = (*self.still_claimed(&self.nodes[primary].slots)).clone();
        let (me, shard) = (self.me, self.myself().shard_id);
        let name = self.nodes[primary].id;
        self.set_as_primary(me);
        for slot in slots.iter() {
            self.delete_slot(slot);
            self.add_slot(me, slot);
        }
        self.inherit_open_slots(name);
        let version = self.saver.mark();
        self.promotion = Some(Promotion { stage: Stage::Saving(version), primary: name, shard, slots });
        self.replicating = None;
    }

    /// Between winning and the save, the data thread must not see the new owner.
    pub(crate) fn promotion_holds_publication(&self) -> bool {
        self.promotion.as_ref().is_some_and(|p| matches!(p.stage, Stage::Saving(_)))
    }

    /// A version of nodes.conf is durable: is it the one that makes us a primary?
    pub(crate) fn promotion_saved(&mut self) {
        let Some(Promotion { stage: Stage::Saving(version), .. }) = self.promotion else { return };
        if !self.saver.is_saved(version) {
            return;
        }
        self.note_promotion(Step::Saved, "saved; the data is told to take over".into());
        let version = self.publish_topology();
        let deadline = self.now.mono + promotion_limit(self.config.node_timeout_ms);
        if let Some(promotion) = &mut self.promotion {
            promotion.stage = Stage::Applying { version, deadline };
        }
        self.tell_data(ToData::Order(Order::Promote { version }));
    }

    pub(crate) fn promotion_not_saved(&mut self) {
        if self.promotion_holds_publication() {
            self.log(
                LogLevel::Warning,
                "Failover abandoned: the cluster config file could not be saved.".into(),
            );
            self.undo_promotion();
        }
    }

    /// The data thread acts as a primary: now we may say so.
    pub(crate) fn on_promoted(&mut self, done: TopologyVersion) {
        let Some(Promotion { stage: Stage::Applying { version, .. }, .. }) = self.promotion else { return };
        if done < version {
            return;
        }
        if self.manual.is_over(self.now.mono) {
            // The primary's writes go on about now: what it accepts would be lost.
            self.log(
                LogLevel::Warning,
                "Failover abandoned: the manual failover has timed out meanwhile.".into(),
            );
            self.reset_manual_failover();
            return self.undo_promotion();
        }
        let (slots, epoch) = (self.myself().slot_count, self.config_epoch());
        self.note_promotion(Step::Acts, format!("acts as a master: claims {slots} slots in epoch {epoch}"));
        if let Some(old) = self.promotion.as_ref().map(|promotion| promotion.primary) {
            self.remember_takeover(old);
        }
        self.promotion = None;
        self.reset_manual_failover();
        if let Some(asked) = self.election.requested_at() {
            self.lease.elected(asked, self.now.mono);
        }
        self.election.reset();
        self.refresh_wire();
        self.renew_lease();
        self.broadcast_pong();
        // From here on somebody may know: the file need not say that nobody does.
        self.saver.mark();
    }

    pub(crate) fn promotion_timeout(&mut self) {
        let Some(Promotion { stage: Stage::Applying { deadline, .. }, .. }) = self.promotion else { return };
        if self.now.mono >= deadline {
            self.log(
                LogLevel::Warning,
                "Failover abandoned: the data thread did not answer in time, the epoch is burnt.".into(),
            );
            self.undo_promotion();
        }
    }

    /// Something else decided our role meanwhile.
    pub(crate) fn cancel_promotion(&mut self) {
        if self.promotion.take().is_some() {
            self.saver.withhold_claims(&self.wire);
        }
    }

    /// A step of the promotion under way.
    fn note_promotion(&mut self, step: Step, text: String) {
        let of = self.promotion.as_ref().map(|promotion| promotion.primary);
        self.add_event(step.kind(), step, self.me(), of, text);
    }

    /// A replica of the old primary again, which has its slots back.
    fn undo_promotion(&mut self) {
        self.note_promotion(Step::Abandoned, "given up: a replica again, the epoch is burnt".into());
        let Some(promotion) = self.promotion.take() else { return };
        self.saver.withhold_claims(&self.wire);
        let me = self.me;
        let primary: Option<NodeIx> = self.nodes.find(&promotion.primary);
        for slot in promotion.slots.iter() {
            if self.slots.owner(slot) == Some(me) {
                self.delete_slot(slot);
                if let Some(primary) = primary {
                    self.add_slot(primary, slot);
                }
            }
        }
        self.delete_node_slots(me);
        self.close_all_slots();
        if let Some(primary) = primary {
            self.set_my_primary(primary);
        }
        self.nodes[me].shard_id = promotion.shard;
        // The next attempt keeps its distance from this one.
        self.election_failed_now();
        self.structure_and_state_changed();
    }
}
