//! Slots that are being moved while their masters fail.
//!
//! Redis keeps what SETSLOT MIGRATING and IMPORTING said on the master alone; a promoted replica of it answers for keys
//! that are elsewhere as if they did not exist. Here a primary tells its replicas in every heartbeat (an extension of our own,
//! to Grapevine nodes only), and at once when it changes; a replica keeps it aside and takes it over when it is promoted.
//! The other end of the move learns from the new primary's claim who it deals with now. As in Valkey 8, an importer
//! whose source stops claiming the slot takes it (its primary died between the two last steps of a move), and one whose slot is claimed by another shard
//! ends the import. Unlike Valkey's it hears all other primaries first: the source may have given the slot to one of them.
//!
//! Bound: [`GROUPS_MAX`] peers per direction and heartbeat; a replica hears of no more.

use crate::actions::LogLevel;
use crate::codec::{BITMAP_LEN, Extension, Extensions, MessageType, Writer};
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use base::{Epoch, Millis, NodeId, Slot, SlotSet};

/// Peers per direction in one heartbeat.
const GROUPS_MAX: usize = 16;
/// Who does not answer is not waited for longer than so many node timeouts, before a slot that was let go is taken.
const RELEASE_TIMEOUTS: u64 = 6;

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

    /// The slot goes to a claimant. If we are importing it, that is the source now where it is of the source's shard; where it is of another, somebody has
    /// moved the slot elsewhere, and there is nothing to import any more.
    pub(super) fn import_from_claimant(&mut self, slot: Slot, claimant: NodeIx) {
        let Some(source) = self.slots.importing.get(&slot).copied().filter(|source| *source != claimant)
        else {
            return;
        };
        if self.share_shard(source, claimant) {
            let label = self.label(claimant);
            self.log(
                LogLevel::Notice,
                format!("Failover occurred in migration source. Update importing source for slot {slot} to node {label}."),
            );
            self.slots.importing.insert(slot, claimant);
        } else {
            let label = self.label(source);
            self.log(LogLevel::Notice, format!("Slot {slot} is no longer being imported from node {label}."));
            self.slots.importing.remove(&slot);
        }
        self.structure_and_state_changed();
    }

    /// The target of a move of ours was taken over by a replica of its: the move goes there.
    pub(super) fn migrate_to_successor(&mut self, claimant: NodeIx, epoch: Epoch, slots: &[u8; BITMAP_LEN]) {
        let succeeded = |(slot, target): &(&Slot, &NodeIx)| {
            let node = &self.nodes[**target];
            !super::claim::bit(slots, **slot)
                && self.has_succeeded(claimant, **target)
                && (node.is_replica() || node.config_epoch < epoch)
        };
        let moved: Vec<Slot> = self.slots.migrating.iter().filter(succeeded).map(|(slot, _)| *slot).collect();
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
    /// did not live to tell us, or we are still to be told; or the slot was given to somebody else, whose claim we are still to hear. So it is taken only
    /// when all who could have it have been heard ([`Self::take_released`]). A source that claims nothing at all any more
    /// may just have been replaced, and does not count unless the import was inherited.
    pub(super) fn note_release(&mut self, slot: Slot, source: NodeIx, claims_others: bool) {
        let inherited = self.slots.inherited.importing.contains_key(&slot);
        if (inherited || claims_others) && self.slots.importing.get(&slot) == Some(&source) {
            self.slots.released.entry(slot).or_insert(self.now.mono);
        }
    }

    /// Takes the slots that were to be ours, that their sources have let go, and that nobody else has.
    pub(crate) fn take_released(&mut self) {
        if self.slots.released.is_empty() {
            return;
        }
        if !self.may_take_epoch() {
            return;
        }
        let mut released = core::mem::take(&mut self.slots.released);
        released.retain(|slot, _| {
            let source = self.slots.importing.get(slot).copied();
            source.is_some() && source == self.slots.owner(*slot) && self.slots.is_unclaimed(*slot)
        });
        let Some(last) = released.values().max().copied() else { return };
        let unheard = self.unheard_since(last);
        let limit = self.config.node_timeout_ms * RELEASE_TIMEOUTS;
        for ix in &unheard {
            self.ping_unless_pinged(*ix);
        }
        for (slot, since) in released {
            let source = self.slots.importing.get(&slot).copied();
            let rival = |ix: &NodeIx| {
                let told = self.nodes[*ix].contact.is_some_and(|at| at >= since);
                !told && source.is_some_and(|source| !self.has_succeeded(source, *ix))
            };
            if self.now.mono.since(since) > limit || !unheard.iter().any(rival) {
                self.take_slot(slot);
            } else {
                self.slots.released.insert(slot, since);
            }
        }
    }

    /// Primaries that may have claimed something of which this node does not know.
    fn unheard_since(&self, since: Millis) -> Vec<NodeIx> {
        let unheard = |(ix, node): &(NodeIx, &Node)| {
            let silent = node.contact.is_none_or(|at| at < since);
            let may_claim = node.is_primary() && !node.in_handshake() && node.has_address();
            silent && may_claim && *ix != self.me && !self.has_succeeded(self.me, *ix)
        };
        self.nodes.iter().filter(unheard).map(|(ix, _)| ix).collect()
    }

    fn ping_unless_pinged(&mut self, ix: NodeIx) {
        let node = &self.nodes[ix];
        let idle = node.ping_sent.is_none();
        if let Some(link) = node.link.filter(|link| idle && self.links.is_up(*link)) {
            self.send_heartbeat(link, MessageType::Ping);
        }
    }

    fn take_slot(&mut self, slot: Slot) {
        let Some(source) = self.slots.importing.remove(&slot) else { return };
        let label = self.label(source);
        self.log(
            LogLevel::Notice,
            format!("Slot {slot} is no longer claimed by node {label}, and was to be ours: taking it over."),
        );
        self.delete_slot(slot);
        self.add_slot(self.me, slot);
        self.bump_config_epoch();
        self.announce = true;
        self.structure_and_state_changed();
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

    /// Whether one node has the place of another in its shard. Both may be primaries of one shard, too: one that was replaced keeps slots that its successor had
    /// not heard of, and goes on with those.
    pub(super) fn has_succeeded(&self, one: NodeIx, other: NodeIx) -> bool {
        let before = &self.nodes[other];
        one != other && self.share_shard(one, other) && (before.is_replica() || before.slot_count == 0)
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
