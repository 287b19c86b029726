//! What this node says about itself in its packets, as a value.
//!
//! Rule: no packet claims more than nodes.conf durably holds, and a promotion is claimed only after the data thread has carried it out. So ordinary
//! packets are built from the last durable claim (`Machine::wire`) and never wait; votes and vote requests are built from
//! the live state and wait for its save.

use crate::machine::Machine;
use crate::topology::NodeFlags;
use alloc::sync::Arc;
use base::{Epoch, NodeId, SlotSet};

/// Role, primary, slots and epochs of this node.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Claims {
    /// Role and NOFAILOVER.
    pub flags: NodeFlags,
    pub primary: Option<NodeId>,
    /// A replica states its primary's, but for those that its primary has let go.
    pub slots: Arc<SlotSet>,
    /// A replica states its primary's.
    pub config_epoch: Epoch,
    pub current_epoch: Epoch,
}

impl Claims {
    /// Whether they differ in nothing but the current epoch, which is everybody's.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let slots = Arc::ptr_eq(&self.slots, &other.slots) || self.slots == other.slots;
        slots
            && (self.flags, self.primary, self.config_epoch)
                == (other.flags, other.primary, other.config_epoch)
    }
}

impl Machine {
    /// The claims as of now, durable or not.
    pub(crate) fn live_claims(&self) -> Claims {
        let me = self.myself();
        let speaker = me.primary.filter(|_| me.is_replica()).map_or(me, |primary| &self.nodes[primary]);
        Claims {
            flags: me.flags,
            primary: me.primary.map(|primary| self.nodes[primary].id),
            slots: if me.is_replica() { self.still_claimed(&speaker.slots) } else { speaker.slots.clone() },
            config_epoch: speaker.config_epoch,
            current_epoch: self.current_epoch,
        }
    }

    /// The slots of a node but for those that it has let go. Who has them now may not have been heard yet; a replica that took them over with the rest
    /// would take them from their new owner.
    pub(crate) fn still_claimed(&self, slots: &Arc<SlotSet>) -> Arc<SlotSet> {
        let mut left = slots.clone();
        for slot in self.slots.not_claimed.iter().filter(|slot| slots.contains(*slot)) {
            Arc::make_mut(&mut left).remove(slot);
        }
        left
    }

    /// Lets packets show what has become durable.
    pub(crate) fn refresh_wire(&mut self) {
        if self.promotion.is_some() {
            return;
        }
        if self.saver.is_clean() {
            self.wire = self.live_claims();
        } else if let Some(claims) = self.saver.take_saved_claims() {
            self.wire = claims;
        }
    }
}
