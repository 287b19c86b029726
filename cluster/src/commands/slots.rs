//! ADDSLOTS, DELSLOTS, their RANGE forms, FLUSHSLOTS and SETSLOT.

use super::{CommandError, SetSlotAction};
use crate::actions::LogLevel;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::vec::Vec;
use base::{Slot, SlotSet, number};

/// A slot as a client wrote it.
pub(super) fn slot(text: &[u8]) -> Result<Slot, CommandError> {
    let number = number::parse_i64(text).and_then(|n| u64::try_from(n).ok());
    number.and_then(Slot::new).ok_or(CommandError::InvalidSlot)
}

/// Slots one by one, as ranges.
pub(super) fn singles(slots: &[Vec<u8>]) -> Result<Vec<(Slot, Slot)>, CommandError> {
    slots.iter().map(|text| slot(text).map(|s| (s, s))).collect()
}

/// Pairs of first and last slot.
pub(super) fn ranges(pairs: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<(Slot, Slot)>, CommandError> {
    let range = |(start, end): &(Vec<u8>, Vec<u8>)| {
        let (start, end) = (slot(start)?, slot(end)?);
        if start > end {
            return Err(CommandError::StartAfterEnd { start: start.number(), end: end.number() });
        }
        Ok((start, end))
    };
    pairs.iter().map(range).collect()
}

/// What a SETSLOT does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Migrating(NodeIx),
    Importing(NodeIx),
    Stable,
    Node(NodeIx),
}

impl Machine {
    /// Assigns slots to this node, or unassigns slots of anybody: all of them or none.
    pub(super) fn change_slots(&mut self, ranges: &[(Slot, Slot)], delete: bool) -> Result<(), CommandError> {
        let mut chosen = SlotSet::empty();
        for (start, end) in ranges {
            for slot in (start.number()..=end.number()).filter_map(|n| Slot::new(u64::from(n))) {
                match self.slots.owner(slot) {
                    None if delete => return Err(CommandError::SlotUnassigned(slot.number())),
                    Some(_) if !delete => return Err(CommandError::SlotBusy(slot.number())),
                    _ => {}
                }
                if !chosen.insert(slot) {
                    return Err(CommandError::SlotRepeated(slot.number()));
                }
            }
        }
        self.refuse_without_disk()?;
        for slot in chosen.iter() {
            // Owned or unassigned, a slot is no longer being imported.
            self.slots.importing.remove(&slot);
            if delete {
                self.delete_slot(slot);
            } else {
                self.add_slot(self.me, slot);
            }
        }
        self.structure_and_state_changed();
        Ok(())
    }

    pub(super) fn flush_slots(&mut self, empty: bool) -> Result<(), CommandError> {
        if !empty {
            return Err(CommandError::FlushSlotsNeedsEmpty);
        }
        self.refuse_without_disk()?;
        self.delete_node_slots(self.me);
        self.structure_and_state_changed();
        Ok(())
    }

    /// Whether a SETSLOT can be carried out; `keys` is how many this node has in the slot.
    pub(super) fn check_set_slot(
        &self,
        text: &[u8],
        action: &SetSlotAction,
        keys: u64,
    ) -> Result<(Slot, Step), CommandError> {
        if self.myself().is_replica() {
            return Err(CommandError::SetSlotOnReplica);
        }
        let slot = slot(text)?;
        let mine = self.slots.owner(slot) == Some(self.me);
        let step = match action {
            SetSlotAction::Migrating(_) if !mine => return Err(CommandError::NotOwner(slot.number())),
            SetSlotAction::Importing(_) if mine => return Err(CommandError::AlreadyOwner(slot.number())),
            SetSlotAction::Migrating(name) => Step::Migrating(self.other_primary(name)?),
            SetSlotAction::Importing(name) => Step::Importing(self.other_primary(name)?),
            SetSlotAction::Stable => Step::Stable,
            SetSlotAction::Node(name) => {
                let node = self.named(name).ok_or_else(|| CommandError::UnknownNode(name.clone()))?;
                if self.nodes[node].is_replica() {
                    return Err(CommandError::TargetNotPrimary);
                }
                if mine && node != self.me && keys > 0 {
                    return Err(CommandError::SlotHasKeys(slot.number()));
                }
                Step::Node(node)
            }
        };
        self.refuse_without_disk()?;
        Ok((slot, step))
    }

    /// SETSLOT, whose replicas know by now.
    pub(super) fn set_slot(
        &mut self,
        text: &[u8],
        action: &SetSlotAction,
        keys: u64,
    ) -> Result<(), CommandError> {
        let (slot, step) = self.check_set_slot(text, action, keys)?;
        match step {
            Step::Migrating(target) => drop(self.slots.migrating.insert(slot, target)),
            Step::Importing(source) => drop(self.slots.importing.insert(slot, source)),
            Step::Stable => {
                self.slots.importing.remove(&slot);
                self.slots.migrating.remove(&slot);
            }
            Step::Node(node) => self.assign(slot, node, keys),
        }
        self.structure_and_state_changed();
        // They go on with the move if we cannot.
        self.pong_to_siblings();
        Ok(())
    }

    fn other_primary(&self, name: &[u8]) -> Result<NodeIx, CommandError> {
        let ix = self.named(name).ok_or_else(|| CommandError::DontKnowNode(name.to_vec()))?;
        if self.nodes[ix].is_replica() { Err(CommandError::TargetNotPrimary) } else { Ok(ix) }
    }

    /// SETSLOT NODE: ends a move, on either side or on a bystander.
    fn assign(&mut self, slot: Slot, node: NodeIx, keys: u64) {
        let (was_mine, becomes_mine) = (self.slots.owner(slot) == Some(self.me), node == self.me);
        if keys == 0 {
            self.slots.migrating.remove(&slot);
        }
        // Said again, it changes nothing: from whom the slot was taken is still known.
        if !(was_mine && becomes_mine) {
            self.delete_slot(slot);
            self.add_slot(node, slot);
        }
        if was_mine && !becomes_mine && self.myself().slot_count == 0 {
            if self.config.allow_replica_migration {
                self.follow(node, "Configuration change detected. Reconfiguring myself as a replica of");
            } else {
                self.note_emptied(node);
            }
        }
        if becomes_mine && let Some(source) = self.slots.importing.remove(&slot) {
            self.slots.taken.insert(slot, (source, self.now.mono));
            // The new owner must win against the old one's claim, wherever it was heard.
            if self.bump_config_epoch() {
                self.log(LogLevel::Notice, format!("configEpoch updated after importing slot {slot}"));
            }
            self.announce = true;
        }
    }
}
