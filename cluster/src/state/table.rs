//! The table of nodes: by name in order, by place in constant time, and at random.
//!
//! A place ([`NodeIx`]) is valid until its node is removed; whoever removes a node removes every mention of its place first
//! (`Machine::delete_node`).
//!
//! Gossip asks for hundreds of names per packet. So the order by name is one flat run of (the name's beginning, place): a
//! search touches few cache lines, and the table itself only at its end. A new node costs a move of that run.

use super::MAX_NODES;
use super::node::Node;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{NodeId, Prng, SlotSet};
use core::ops::{Index, IndexMut};

/// A node's place in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct NodeIx(pub u16);

#[derive(Debug, Default)]
pub(crate) struct Nodes {
    slab: Vec<Option<Node>>,
    free: Vec<NodeIx>,
    /// In ascending order of name: its first eight bytes, and whose it is.
    by_id: Vec<(u64, NodeIx)>,
    live: Vec<NodeIx>,
    /// What all nodes without slots share.
    no_slots: Arc<SlotSet>,
}

/// How far from a guess a name is looked for step by step: with half of the primaries suspected, every fourth node is told about.
const NEAR: usize = 16;

fn beginning(id: &NodeId) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0[..8]);
    u64::from_be_bytes(bytes)
}

impl Nodes {
    /// Where a name is in the order, or where it would be.
    fn search(&self, id: &NodeId) -> Result<usize, usize> {
        let begins = beginning(id);
        self.by_id.binary_search_by(|(known, ix)| known.cmp(&begins).then_with(|| self[*ix].id.cmp(id)))
    }

    /// Adds a node; `None` if the table is full or the name is taken.
    pub fn insert(&mut self, mut node: Node) -> Option<NodeIx> {
        if self.live.len() >= MAX_NODES {
            return None;
        }
        let place = self.search(&node.id).err()?;
        if node.slot_count == 0 {
            node.slots = self.no_slots.clone();
        }
        let ix = match self.free.pop() {
            Some(ix) => ix,
            None => {
                self.slab.push(None);
                NodeIx(self.slab.len() as u16 - 1)
            }
        };
        self.by_id.insert(place, (beginning(&node.id), ix));
        self.live.push(ix);
        self.slab[usize::from(ix.0)] = Some(node);
        Some(ix)
    }

    /// A node has no slots any more: it shares what all such nodes share.
    pub fn share_no_slots(&mut self, ix: NodeIx) {
        self[ix].slots = self.no_slots.clone();
    }

    pub fn remove(&mut self, ix: NodeIx) -> Option<Node> {
        let id = self.slab.get(usize::from(ix.0))?.as_ref()?.id;
        if let Ok(place) = self.search(&id) {
            self.by_id.remove(place);
        }
        let node = self.slab[usize::from(ix.0)].take()?;
        self.live.retain(|other| *other != ix);
        self.free.push(ix);
        Some(node)
    }

    /// Gives a node its real name; false if that is taken.
    pub fn rename(&mut self, ix: NodeIx, id: NodeId) -> bool {
        if self.search(&id).is_ok() {
            return false;
        }
        if let Ok(place) = self.search(&self[ix].id) {
            self.by_id.remove(place);
        }
        self[ix].id = id;
        if let Err(place) = self.search(&id) {
            self.by_id.insert(place, (beginning(&id), ix));
        }
        true
    }

    pub fn find(&self, id: &NodeId) -> Option<NodeIx> {
        self.search(id).ok().map(|place| self.by_id[place].1)
    }

    /// As [`Self::find`], looking first at this place of the order and the next few; also says which place it was.
    pub fn find_near(&self, id: &NodeId, guess: usize) -> Option<(usize, NodeIx)> {
        let begins = beginning(id);
        let near = self.by_id.get(guess..).unwrap_or_default().iter().take(NEAR);
        for (place, (known, ix)) in (guess..).zip(near) {
            if *known == begins && self[*ix].id == *id {
                return Some((place, *ix));
            }
            if *known > begins {
                break;
            }
        }
        self.search(id).ok().map(|place| (place, self.by_id[place].1))
    }

    /// All of them in the order of names, which is a ring, from some place on.
    pub fn ring_from_anywhere(&self, prng: &mut Prng) -> impl Iterator<Item = NodeIx> + '_ {
        let start = prng.below(self.by_id.len().max(1) as u64) as usize;
        let (before, after) = self.by_id.split_at(start.min(self.by_id.len()));
        after.iter().chain(before).map(|(_, ix)| *ix)
    }

    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// In ascending order of name.
    pub fn iter(&self) -> impl Iterator<Item = (NodeIx, &Node)> {
        self.by_id.iter().map(|(_, ix)| (*ix, &self[*ix]))
    }

    /// The places, in ascending order of name: for loops that change the table.
    pub fn places(&self) -> Vec<NodeIx> {
        self.by_id.iter().map(|(_, ix)| *ix).collect()
    }

    pub fn random(&self, prng: &mut Prng) -> Option<NodeIx> {
        prng.pick(&self.live).copied()
    }
}

impl Index<NodeIx> for Nodes {
    type Output = Node;
    fn index(&self, ix: NodeIx) -> &Node {
        self.slab[usize::from(ix.0)].as_ref().expect("a place outlives its mentions")
    }
}

impl IndexMut<NodeIx> for Nodes {
    fn index_mut(&mut self, ix: NodeIx) -> &mut Node {
        self.slab[usize::from(ix.0)].as_mut().expect("a place outlives its mentions")
    }
}
