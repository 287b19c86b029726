//! At most one node claims a slot in one config epoch, over the whole run and over restarts; but for both ends of a move.
//!
//! Claims are read from the packets of primaries. Two nodes may share a config epoch for a while: who imports a slot takes the next epoch without asking
//! anybody, as in Redis, and another may take it by the same right or by a vote before it hears of that. The collision rule ends this. They share it with disjoint
//! slots, so that whoever reads both claims can decide, with one exception: the source of a move takes the target's epoch while it still claims the slot.
//! Whoever reads both keeps what it read first until one of the two has a later epoch; that all agree in the end is another check.
//!
//! So a slot may be claimed twice in an epoch by nodes between whose shards it was open at some time before, and by no others.

use std::collections::{BTreeMap, BTreeSet};

use base::{NodeId, Slot};

use super::{Checker, Seen};
use crate::wire::Header;

/// Per config epoch, who has claimed which slots.
#[derive(Default)]
pub struct SlotClaims {
    claims: BTreeMap<u64, Vec<(NodeId, Vec<u8>)>>,
    /// To which shard each node belongs.
    shards: BTreeMap<NodeId, NodeId>,
    /// Between which shards slots were moved, the smaller name first.
    moves: BTreeSet<(Slot, NodeId, NodeId)>,
}

impl Checker for SlotClaims {
    fn name(&self) -> &'static str {
        "one claim of a slot per epoch"
    }

    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Stepped { machine, .. } => {
                self.note_moves(&machine.topology());
                Ok(())
            }
            Seen::Sent { packet, .. } => match Header::new(packet).filter(Header::is_primary) {
                Some(header) => self.claimed(header.sender(), header.config_epoch(), header.slots()),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl SlotClaims {
    fn claimed(&mut self, sender: NodeId, epoch: u64, slots: &[u8]) -> Result<(), String> {
        let claims = self.claims.entry(epoch).or_default();
        if claims.iter().any(|(id, known)| *id == sender && known == slots) {
            return Ok(());
        }
        if slots.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        for (id, other) in claims.iter().filter(|(id, _)| *id != sender) {
            let allowed = |slot: &Slot| were_ends(&self.moves, &self.shards, *slot, &sender, id);
            if let Some(slot) = twice(slots, other).find(|slot| !allowed(slot)) {
                return Err(format!("slot {slot} in epoch {epoch} is claimed by {sender} and by {id}"));
            }
        }
        match claims.iter_mut().find(|(id, _)| *id == sender) {
            Some((_, known)) => known.iter_mut().zip(slots).for_each(|(known, new)| *known |= new),
            None => claims.push((sender, slots.to_vec())),
        }
        Ok(())
    }

    fn note_moves(&mut self, view: &cluster::Topology) {
        let own = view.myself().shard_id;
        self.note_shard(view.myself().id, own);
        for (slot, other) in view.migrating.iter().chain(&view.importing) {
            if let Some(other) = view.node(other) {
                self.note_move(*slot, own, other.shard_id);
            }
        }
    }

    /// A node belongs to a shard.
    pub fn note_shard(&mut self, node: NodeId, shard: NodeId) {
        if self.shards.get(&node) != Some(&shard) {
            self.shards.insert(node, shard);
        }
    }

    /// A slot is open between two shards.
    pub fn note_move(&mut self, slot: Slot, one: NodeId, other: NodeId) {
        self.moves.insert((slot, one.min(other), one.max(other)));
    }
}

/// The slots that two bitmaps have in common.
fn twice<'a>(one: &'a [u8], other: &'a [u8]) -> impl Iterator<Item = Slot> + 'a {
    let bytes = one.iter().zip(other).map(|(one, other)| one & other).enumerate();
    bytes.filter(|(_, both)| *both != 0).flat_map(|(at, both)| {
        let bits = (0..8).filter(move |bit| both & (1 << bit) != 0);
        bits.filter_map(move |bit| Slot::new((at * 8 + bit) as u64))
    })
}

/// Whether the slot has been open between the shards of two nodes.
fn were_ends(
    moves: &BTreeSet<(Slot, NodeId, NodeId)>,
    shards: &BTreeMap<NodeId, NodeId>,
    slot: Slot,
    one: &NodeId,
    other: &NodeId,
) -> bool {
    let (Some(one), Some(other)) = (shards.get(one), shards.get(other)) else { return false };
    moves.contains(&(slot, *one.min(other), *one.max(other)))
}
