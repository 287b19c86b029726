//! Who owns what: claims win by config epoch (specification, "Hash slots configuration propagation").
//!
//! A slot goes to its claimant if nobody owns it, if its owner has stopped claiming it, if the claim's epoch is larger than the owner's, or if
//! it is as large and the owner was giving the slot to the claimant. That this node imports the slot changes nothing (as in Valkey 8; Redis 7 leaves such
//! a slot alone): a claim by another shard than the source's ends the import. Who claims with an older epoch than the owner's is told so by UPDATE.

use crate::actions::LogLevel;
use crate::codec::{BITMAP_LEN, Header};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use base::{Epoch, Millis, NodeId, Slot, SlotSet};

/// For so many node timeouts a replica goes by what its primary said it would take.
const TOLD_TIMEOUTS: u64 = 2;

/// What a claim changed for this node's own shard.
#[derive(Default)]
struct Outcome {
    /// Slots claimed in all.
    claimed: usize,
    /// Slots taken from this node, or from its primary.
    from_us: usize,
    /// Slots that this node itself lost.
    lost: SlotSet,
    /// Slots taken, by their owners before.
    taken: BTreeMap<Option<NodeIx>, usize>,
}

impl Machine {
    /// Compares the slots in a header with what we know of its sender, or of the primary that it speaks for.
    pub(super) fn update_slots(&mut self, ix: NodeIx, header: &Header<'_>) {
        let node = &self.nodes[ix];
        let speaker = if node.is_primary() { Some(ix) } else { node.primary };
        let Some(speaker) = speaker else { return };
        let not_claimed = &self.slots.not_claimed;
        let claims_again = !not_claimed.is_empty()
            && speaker == ix
            && not_claimed.iter().any(|slot| bit(header.slots, slot));
        if self.nodes[speaker].slots.as_bytes() == header.slots && !claims_again {
            return;
        }
        if self.nodes[ix].is_primary() {
            self.apply_claim(ix, header.config_epoch, header.slots);
        }
        self.correct_old_view(ix, header);
    }

    /// The sender claims slots of somebody with a later epoch: tell it about that one.
    fn correct_old_view(&mut self, ix: NodeIx, header: &Header<'_>) {
        let newer = |slot: Slot| {
            let owner = self.slots.owner(slot).filter(|owner| *owner != ix)?;
            let epoch = self.nodes[owner].config_epoch;
            (!self.slots.is_unclaimed(slot) && epoch > header.config_epoch).then_some(owner)
        };
        let Some(owner) = bits(header.slots).find_map(newer) else { return };
        let (old, about) = (self.nodes[ix].id, self.nodes[owner].id);
        self.log(
            LogLevel::Verbose,
            format!("Node {old} has old slots configuration, sending an UPDATE message about {about}"),
        );
        self.send_update(ix, owner);
    }

    /// An UPDATE message: news about somebody's claim.
    pub(super) fn on_update(&mut self, epoch: Epoch, about: Option<NodeId>, slots: &[u8; BITMAP_LEN]) {
        let Some(ix) = about.and_then(|id| self.nodes.find(&id)) else { return };
        if ix == self.me {
            self.log(LogLevel::Notice, "Discarding UPDATE message about myself.".into());
            return;
        }
        if self.nodes[ix].config_epoch >= epoch {
            return;
        }
        self.set_as_primary(ix);
        self.nodes[ix].config_epoch = epoch;
        self.observe_epoch(epoch);
        self.structure_and_state_changed();
        self.apply_claim(ix, epoch, slots);
    }

    /// Rebinds slots to a claimant where its epoch wins, and follows it if our shard was replaced.
    fn apply_claim(&mut self, claimant: NodeIx, epoch: Epoch, slots: &[u8; BITMAP_LEN]) {
        let ours = if self.myself().is_primary() { Some(self.me) } else { self.myself().primary };
        let outcome = self.rebind(claimant, epoch, slots, ours);
        self.migrate_to_successor(claimant, epoch, slots);
        if outcome.from_us > 0 && ours == Some(self.me) && self.share_shard(self.me, claimant) {
            // We were replaced. Our successor may have given back what we had taken.
            self.slots.taken.clear();
        }
        for (owner, count) in &outcome.taken {
            let from = owner.map_or("nobody".into(), |owner| self.nodes[owner].id.to_string());
            self.note(EventType::Slots, claimant, format!("takes {count} slots of {from} by epoch {epoch}"));
        }
        let replaced = outcome.from_us > 0 && ours.is_some_and(|ix| self.nodes[ix].slot_count == 0);
        // Without replica migration only a claimant that took exactly our slots is our successor.
        if replaced && (self.config.allow_replica_migration || outcome.claimed == outcome.from_us) {
            self.follow(claimant, "Configuration change detected. Reconfiguring myself as a replica of");
        } else if let Some(grandmaster) = self.grandmaster() {
            self.follow(grandmaster, "I'm a sub-replica! Reconfiguring myself as a replica of grandmaster");
        } else if !outcome.lost.is_empty() {
            if replaced {
                self.note_emptied(claimant);
            }
            self.drop_slots(&outcome.lost);
        }
    }

    /// Our last slot has gone to another shard, and we may not follow it.
    pub(crate) fn note_emptied(&mut self, by: NodeIx) {
        let label = self.label(by);
        self.log(
            LogLevel::Notice,
            format!("My last slot was migrated to node {label}. I am now an empty primary."),
        );
    }

    fn rebind(
        &mut self,
        claimant: NodeIx,
        epoch: Epoch,
        slots: &[u8; BITMAP_LEN],
        ours: Option<NodeIx>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let first = bits(slots).next().and_then(|slot| self.slots.owner(slot));
        let before = first.map(|owner| self.nodes[owner].slots.clone());
        let held = self.nodes[claimant].slots.clone();
        let mut contested = false;
        let claims_others = slots.iter().any(|byte| *byte != 0);
        for slot in held.iter().filter(|slot| !bit(slots, *slot)) {
            if self.is_told(slot, claimant) {
                continue;
            }
            // Not unbound yet: a few redirections too many are better than an uncovered slot.
            if self.slots.not_claimed.insert(slot) {
                self.saver.mark_in_time();
            }
            self.note_release(slot, claimant, claims_others);
        }
        for slot in bits(slots) {
            outcome.claimed += 1;
            let owner = self.slots.owner(slot);
            if owner == Some(claimant) {
                if self.slots.not_claimed.remove(slot) {
                    self.slots.released.remove(&slot);
                    self.saver.mark_in_time();
                }
                self.slots.told.remove(&slot);
                continue;
            }
            if owner.is_some_and(|owner| self.is_told(slot, owner)) && self.told_from(slot) == Some(claimant)
            {
                continue;
            }
            let wins = match owner {
                Some(owner) => {
                    let newer = self.nodes[owner].config_epoch < epoch || self.slots.is_unclaimed(slot);
                    newer || (owner == self.me && self.is_handed_over(slot, claimant, epoch))
                }
                None => true,
            };
            if wins && owner == Some(self.me) && self.has_taken(slot, claimant) {
                contested = true;
                continue;
            }
            if !wins {
                continue;
            }
            self.import_from_claimant(slot, claimant);
            self.log_migration(slot, owner, claimant);
            outcome.from_us += usize::from(owner.is_some() && owner == ours);
            if owner == Some(self.me) {
                outcome.lost.insert(slot);
                self.slots.migrating.remove(&slot);
            }
            *outcome.taken.entry(owner).or_insert(0) += 1;
            self.delete_slot(slot);
            self.add_slot(claimant, slot);
            self.saver.mark_in_time();
            self.todo.state = true;
        }
        if contested && self.may_take_epoch() && self.bump_config_epoch() {
            let label = self.label(claimant);
            let text = format!(
                "Node {label} still claims slots that were imported from it: claimed again by a new epoch"
            );
            self.log(LogLevel::Notice, text);
            self.announce = true;
        }
        // A successor has what its primary had.
        if let Some(before) = before.filter(|_| outcome.taken.values().sum::<usize>() > 0) {
            self.nodes[claimant].share_slots(&before);
        }
        outcome
    }

    /// Whether our primary has said that it takes this slot, and may not have done so when it sent what we hear of it now. A packet from before does not
    /// say that it has let the slot go, nor does one of the owner before that the slot is still there.
    fn is_told(&self, slot: Slot, primary: NodeIx) -> bool {
        let limit = self.config.node_timeout_ms * TOLD_TIMEOUTS;
        let recent = |(_, since): &(Option<NodeId>, Millis)| self.now.mono.since(*since) < limit;
        self.my_primary() == Some(primary) && self.slots.told.get(&slot).is_some_and(recent)
    }

    fn told_from(&self, slot: Slot) -> Option<NodeIx> {
        let (from, _) = self.slots.told.get(&slot)?;
        self.nodes.find(from.as_ref()?)
    }

    fn log_migration(&mut self, slot: Slot, owner: Option<NodeIx>, claimant: NodeIx) {
        let Some(owner) =
            owner.filter(|owner| !self.slots.is_unclaimed(slot) && !self.share_shard(*owner, claimant))
        else {
            return;
        };
        let (from, to) = (self.label(owner), self.label(claimant));
        let (old, new) = (self.nodes[owner].shard_id, self.nodes[claimant].shard_id);
        self.log(
            LogLevel::Notice,
            format!("Slot {slot} is migrated from node {from} in shard {old} to node {to} in shard {new}."),
        );
    }

    /// Whether the target of one of our moves claims its slot: the keys are there. If both of us took a new epoch at one moment they are the
    /// same, and whoever took the next one would have the slot. A claim from before we had the slot has an older one.
    fn is_handed_over(&self, slot: Slot, claimant: NodeIx, epoch: Epoch) -> bool {
        self.slots.migrating.get(&slot) == Some(&claimant) && epoch >= self.config_epoch()
    }

    /// A primary answers a PING: what was imported from it, or its shard, before that was asked and is not claimed in the answer has been let go. (Other packets may be
    /// older than they seem: from before it had the slot, if that went to and fro.) If it has a later epoch, there may be claims of
    /// those slots under way with that, in old packets or in others' UPDATEs: a still later epoch of ours ends them.
    pub(super) fn note_released(&mut self, ix: NodeIx, epoch: Epoch, slots: &[u8; BITMAP_LEN]) {
        if self.slots.taken.is_empty() {
            return;
        }
        let asked = self.nodes[ix].contact;
        let released = |slot: &Slot, (from, since): &(NodeIx, Millis)| {
            let later = asked.is_some_and(|asked| asked >= *since);
            later && !bit(slots, *slot) && (*from == ix || self.has_succeeded(ix, *from))
        };
        let freed: Vec<Slot> = self
            .slots
            .taken
            .iter()
            .filter(|(slot, from)| released(slot, from))
            .map(|(slot, _)| *slot)
            .collect();
        if freed.is_empty() {
            return;
        }
        if epoch > self.config_epoch() {
            if !self.may_take_epoch() {
                return;
            }
            self.bump_config_epoch();
            self.announce = true;
        }
        for slot in freed {
            self.slots.taken.remove(&slot);
        }
    }

    /// Whether the slot was imported from this node or its shard, which has not been heard to let it go. Its keys are here, so that a later
    /// epoch of the old owner's, taken before it heard of ours, must not win. Who is to have it back shall. So shall a successor of ours, though the old owner, having
    /// given us its last slot, belongs to our shard by now.
    fn has_taken(&self, slot: Slot, claimant: NodeIx) -> bool {
        let Some((from, _)) = self.slots.taken.get(&slot).copied() else { return false };
        let goes_back = self.slots.migrating.contains_key(&slot);
        let successor = self.share_shard(self.me, claimant);
        !goes_back && !successor && (from == claimant || self.has_succeeded(claimant, from))
    }

    /// A replica whose primary is a replica goes on to that one's primary. Claims bring this about, too; but if the last claim came before the last
    /// (perhaps late) word about roles, no further one would.
    pub(crate) fn leave_sub_replica(&mut self) {
        let settled = |ix: &NodeIx| self.nodes[*ix].is_primary() && self.nodes[*ix].slot_count > 0;
        if let Some(grandmaster) = self.grandmaster().filter(settled).filter(|_| self.promotion.is_none()) {
            self.follow(grandmaster, "I'm a sub-replica! Reconfiguring myself as a replica of grandmaster");
        }
    }

    /// Our primary's primary, if our primary became a replica (but not ours).
    fn grandmaster(&self) -> Option<NodeIx> {
        let primary = self.my_primary()?;
        self.nodes[primary].primary.filter(|_| self.nodes[primary].is_replica()).filter(|ix| *ix != self.me)
    }

    /// This node stays a primary, but these slots are another's now: their keys must go.
    fn drop_slots(&mut self, lost: &SlotSet) {
        let all = self.publisher.lost.get_or_insert_with(SlotSet::empty);
        for slot in lost.iter() {
            all.insert(slot);
        }
    }
}

pub(super) fn bit(bitmap: &[u8; BITMAP_LEN], slot: Slot) -> bool {
    bitmap[slot.index() / 8] & (1 << (slot.index() % 8)) != 0
}

/// The slots of a bitmap, in ascending order.
pub(crate) fn bits(bitmap: &[u8; BITMAP_LEN]) -> impl Iterator<Item = Slot> + '_ {
    let slots_of = |(at, byte): (usize, &u8)| {
        let byte = *byte;
        (0..8)
            .filter(move |bit| byte & (1 << bit) != 0)
            .filter_map(move |bit| Slot::new((at * 8 + bit) as u64))
    };
    bitmap.iter().enumerate().filter(|(_, byte)| **byte != 0).flat_map(slots_of)
}
