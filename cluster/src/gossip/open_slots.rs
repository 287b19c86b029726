//! Slots that are being moved while their masters fail.
//!
//! Redis keeps what SETSLOT MIGRATING and IMPORTING said on the master alone; a promoted replica of it answers for keys
//! that are elsewhere as if they did not exist. Here a primary tells its replicas in every heartbeat (an extension of our own,
//! to Grapevine nodes only), and at once when it changes; a replica keeps it aside and takes it over when it is promoted.
//! The other end of the move learns from the new primary's claim who it deals with now. As in Valkey 8, a promoted importer
//! whose source stops claiming the slot takes it: its primary died between the two last steps of a move.
//!
//! Bound: [`GROUPS_MAX`] peers per direction and heartbeat; a replica hears of no more.

use crate::actions::LogLevel;
use crate::codec::{BITMAP_LEN, Extension, Extensions, Writer};
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use base::{Epoch, NodeId, Slot, SlotSet};

/// Peers per direction in one heartbeat.
const GROUPS_MAX: usize = 16;

impl Machine {
    /// What a replica of ours must know to go on with our moves.
    pub(crate) fn write_open_slots(&self, writer: &mut Writer, to: Option<NodeIx>) {
        let Some(to) = to.map(|ix| &self.nodes[ix]) else { return };
        if !to.is_replica() || to.primary != Some(self.me) || !to.is_grapevine() {
            return;
        }
        for (importing, open) in [(false, &self.slots.migrating), (true, &self.slots.importing)] {
            let mut groups: BTreeMap<NodeIx, SlotSet> = BTreeMap::new();
            for (slot, peer) in open {
                groups.entry(*peer).or_insert_with(SlotSet::empty).insert(*slot);
            }
            for (peer, slots) in groups.iter().take(GROUPS_MAX) {
                let node = self.nodes[*peer].id;
                writer.extension(&Extension::OpenSlots { importing, node, slots: slots.as_bytes() });
            }
        }
    }

    /// What our primary is moving, by its heartbeat: nothing, if that does not say.
    pub(super) fn read_open_slots(&mut self, sender: NodeIx, extensions: Extensions<'_>) {
        if self.my_primary() != Some(sender) {
            return;
        }
        let mut open = Inherited { of: Some(self.nodes[sender].id), ..Inherited::default() };
        for extension in extensions.iter() {
            if let Extension::OpenSlots { importing, node, slots } = extension {
                let into = if importing { &mut open.importing } else { &mut open.migrating };
                into.extend(super::claim::bits(slots).map(|slot| (slot, node)));
            }
        }
        if self.slots.inherited != open {
            self.slots.inherited = open;
            self.publisher.structure_changed();
        }
    }

    /// This replica takes over from `primary`, whose slots it has just got: its moves go on.
    pub(crate) fn inherit_open_slots(&mut self, primary: NodeId) {
        if self.slots.inherited.of != Some(primary) {
            return;
        }
        let open = self.slots.inherited.clone();
        for (slot, target) in open.migrating {
            if let Some(ix) = self.nodes.find(&target).filter(|_| self.slots.owner(slot) == Some(self.me)) {
                self.slots.migrating.insert(slot, ix);
            }
        }
        for (slot, source) in open.importing {
            let Some(ix) = self.nodes.find(&source) else { continue };
            let Some(owner) = self.slots.owner(slot).filter(|owner| *owner != self.me) else { continue };
            // The source may have failed over meanwhile.
            let from = if self.share_shard(owner, ix) { owner } else { ix };
            self.slots.importing.insert(slot, from);
        }
    }

    /// Whether a claim of a slot that we are importing is the source's successor's; then that is the source now.
    pub(super) fn import_from_successor(&mut self, slot: Slot, claimant: NodeIx) -> bool {
        let Some(source) = self.slots.importing.get(&slot).copied() else { return true };
        if source == claimant || !self.share_shard(source, claimant) {
            return false;
        }
        let label = self.label(claimant);
        self.log(
            LogLevel::Notice,
            format!("Failover occurred in migration source. Update importing source for slot {slot} to node {label}."),
        );
        self.slots.importing.insert(slot, claimant);
        true
    }

    /// The target of a move of ours was taken over by a replica of its: the move goes there.
    pub(super) fn migrate_to_successor(&mut self, claimant: NodeIx, epoch: Epoch, slots: &[u8; BITMAP_LEN]) {
        let succeeds = |(slot, target): &(&Slot, &NodeIx)| {
            let node = &self.nodes[**target];
            **target != claimant
                && !super::claim::bit(slots, **slot)
                && self.share_shard(**target, claimant)
                && (node.is_replica() || node.config_epoch < epoch)
        };
        let moved: Vec<Slot> = self.slots.migrating.iter().filter(succeeds).map(|(slot, _)| *slot).collect();
        let label = self.label(claimant);
        for slot in moved {
            self.slots.migrating.insert(slot, claimant);
            self.log(
                LogLevel::Notice,
                format!("Failover occurred in migration target. Slot {slot} is now being migrated to node {label}."),
            );
            self.structure_and_state_changed();
        }
    }

    /// The source of an import no longer claims the slot: it was told that the move is over. Either our primary, which was told first,
    /// did not live to tell us, or we are still to be told. False if this is no such slot. A source that claims nothing at all any more
    /// may just have been replaced, and does not count unless the import was inherited.
    pub(super) fn finish_import(&mut self, slot: Slot, source: NodeIx, claims_others: bool) -> bool {
        let inherited = self.slots.inherited.importing.contains_key(&slot);
        if !(inherited || claims_others) || self.slots.importing.get(&slot) != Some(&source) {
            return false;
        }
        if !self.myself().is_primary() || self.promotion.is_some() || self.saver.is_failing() {
            return false;
        }
        let label = self.label(source);
        self.log(
            LogLevel::Notice,
            format!("Slot {slot} is no longer claimed by node {label}, and was to be ours: taking it over."),
        );
        self.slots.importing.remove(&slot);
        self.delete_slot(slot);
        self.add_slot(self.me, slot);
        self.bump_config_epoch();
        self.announce = true;
        self.structure_and_state_changed();
        true
    }

    /// The open slots as CLUSTER NODES and redirections have them: ours, or as a replica our primary's.
    pub(crate) fn shown_open_slots(&self) -> (BTreeMap<Slot, NodeId>, BTreeMap<Slot, NodeId>) {
        let Some(primary) = self.my_primary() else {
            let name = |(slot, ix): (&Slot, &NodeIx)| (*slot, self.nodes[*ix].id);
            let shown = |open: &BTreeMap<Slot, NodeIx>| open.iter().map(name).collect();
            return (shown(&self.slots.migrating), shown(&self.slots.importing));
        };
        let open = &self.slots.inherited;
        if open.of != Some(self.nodes[primary].id) {
            return (BTreeMap::new(), BTreeMap::new());
        }
        (open.migrating.clone(), open.importing.clone())
    }

    pub(super) fn share_shard(&self, one: NodeIx, other: NodeIx) -> bool {
        self.nodes[one].shard_id == self.nodes[other].shard_id
    }
}

/// What this replica's primary is moving, for the case that it must be replaced.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Inherited {
    /// The primary.
    of: Option<NodeId>,
    pub migrating: BTreeMap<Slot, NodeId>,
    pub importing: BTreeMap<Slot, NodeId>,
}
