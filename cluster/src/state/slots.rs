//! Who owns which slot, and which slots are open (being moved by an operator).
//!
//! Invariant: a slot is in its owner's set exactly if the table names that owner.

use super::table::NodeIx;
use crate::gossip::Inherited;
use crate::machine::Machine;
use crate::topology::NodeFlags;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use base::{Millis, NodeId, SLOT_COUNT, Slot, SlotSet};

const NOBODY: u16 = u16::MAX;

#[derive(Debug)]
pub(crate) struct SlotMap {
    owners: Vec<u16>,
    assigned: usize,
    pub migrating: BTreeMap<Slot, NodeIx>,
    pub importing: BTreeMap<Slot, NodeIx>,
    /// Slots that we have imported, by whom they came from and when, until that node answers, asked later, without claiming them.
    pub taken: BTreeMap<Slot, (NodeIx, Millis)>,
    /// Slots that we are importing and whose source has stopped claiming them, since when.
    pub released: BTreeMap<Slot, Millis>,
    /// As a replica: slots that our primary has said it takes, whose they were and since when, until its packets show them.
    pub told: BTreeMap<Slot, (Option<NodeId>, Millis)>,
    /// As a replica: what our primary is moving.
    pub inherited: Inherited,
    /// Slots that their owner has stopped claiming in its own packets; nobody else claims them yet.
    pub not_claimed: SlotSet,
    /// Grows with every change of an owner.
    pub generation: u64,
}

impl SlotMap {
    pub fn new() -> Self {
        Self {
            owners: vec![NOBODY; SLOT_COUNT],
            assigned: 0,
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            taken: BTreeMap::new(),
            released: BTreeMap::new(),
            told: BTreeMap::new(),
            inherited: Inherited::default(),
            not_claimed: SlotSet::empty(),
            generation: 0,
        }
    }

    pub fn owner(&self, slot: Slot) -> Option<NodeIx> {
        let owner = self.owners[slot.index()];
        (owner != NOBODY).then_some(NodeIx(owner))
    }

    /// Whether nobody owns the slot, or its owner no longer claims it.
    pub fn is_unclaimed(&self, slot: Slot) -> bool {
        self.owner(slot).is_none() || self.not_claimed.contains(slot)
    }

    pub fn all_assigned(&self) -> bool {
        self.assigned == SLOT_COUNT
    }

    pub fn owners(&self) -> impl Iterator<Item = Option<NodeIx>> + '_ {
        self.owners.iter().map(|o| (*o != NOBODY).then_some(NodeIx(*o)))
    }

    fn set(&mut self, slot: Slot, owner: Option<NodeIx>) {
        let old = self.owner(slot);
        self.owners[slot.index()] = owner.map_or(NOBODY, |ix| ix.0);
        self.assigned = self.assigned + usize::from(owner.is_some()) - usize::from(old.is_some());
        self.not_claimed.remove(slot);
        self.taken.remove(&slot);
        self.told.remove(&slot);
        self.generation += 1;
    }
}

impl Machine {
    /// Gives a slot that nobody owns to a node; false if somebody does.
    pub(crate) fn add_slot(&mut self, ix: NodeIx, slot: Slot) -> bool {
        if self.slots.owner(slot).is_some() {
            return false;
        }
        let first = self.nodes[ix].slot_count == 0;
        self.nodes[ix].insert_slot(slot);
        self.slots.set(slot, Some(ix));
        // A primary with its first slot may receive replicas, if the others have any.
        if first && self.nodes.iter().any(|(_, n)| !n.is_replica() && !n.replicas.is_empty()) {
            self.nodes[ix].flags.set(NodeFlags::MIGRATE_TO);
        }
        self.publisher.structure_changed();
        true
    }

    /// Takes a slot from whoever owns it, and says who did.
    pub(crate) fn delete_slot(&mut self, slot: Slot) -> Option<NodeIx> {
        let owner = self.slots.owner(slot)?;
        self.nodes[owner].remove_slot(slot);
        if self.nodes[owner].slot_count == 0 {
            self.nodes.share_no_slots(owner);
        }
        self.slots.set(slot, None);
        self.publisher.structure_changed();
        Some(owner)
    }

    /// Takes all its slots from a node.
    pub(crate) fn delete_node_slots(&mut self, ix: NodeIx) {
        let slots = self.nodes[ix].slots.clone();
        for slot in slots.iter() {
            self.delete_slot(slot);
        }
    }

    /// No slot is open any more.
    pub(crate) fn close_all_slots(&mut self) {
        self.slots.migrating.clear();
        self.slots.importing.clear();
        self.slots.released.clear();
        self.publisher.structure_changed();
    }
}
