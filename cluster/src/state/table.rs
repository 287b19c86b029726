//! The table of nodes: by name in order, by place in constant time, and at random.
//!
//! A place ([`NodeIx`]) is valid until its node is removed; whoever removes a node removes every mention of its place first
//! (`Machine::delete_node`).

use super::MAX_NODES;
use super::node::Node;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use base::{NodeId, Prng};
use core::ops::{Index, IndexMut};

/// A node's place in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct NodeIx(pub u16);

#[derive(Debug, Default)]
pub(crate) struct Nodes {
    slab: Vec<Option<Node>>,
    free: Vec<NodeIx>,
    by_id: BTreeMap<NodeId, NodeIx>,
    live: Vec<NodeIx>,
}

impl Nodes {
    /// Adds a node; `None` if the table is full or the name is taken.
    pub fn insert(&mut self, node: Node) -> Option<NodeIx> {
        if self.live.len() >= MAX_NODES || self.by_id.contains_key(&node.id) {
            return None;
        }
        let ix = match self.free.pop() {
            Some(ix) => ix,
            None => {
                self.slab.push(None);
                NodeIx(self.slab.len() as u16 - 1)
            }
        };
        self.by_id.insert(node.id, ix);
        self.live.push(ix);
        self.slab[usize::from(ix.0)] = Some(node);
        Some(ix)
    }

    pub fn remove(&mut self, ix: NodeIx) -> Option<Node> {
        let node = self.slab.get_mut(usize::from(ix.0))?.take()?;
        self.by_id.remove(&node.id);
        self.live.retain(|other| *other != ix);
        self.free.push(ix);
        Some(node)
    }

    /// Gives a node its real name; false if that is taken.
    pub fn rename(&mut self, ix: NodeIx, id: NodeId) -> bool {
        if self.by_id.contains_key(&id) {
            return false;
        }
        let old = core::mem::replace(&mut self[ix].id, id);
        self.by_id.remove(&old);
        self.by_id.insert(id, ix);
        true
    }

    pub fn find(&self, id: &NodeId) -> Option<NodeIx> {
        self.by_id.get(id).copied()
    }

    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// In ascending order of name.
    pub fn iter(&self) -> impl Iterator<Item = (NodeIx, &Node)> {
        self.by_id.values().map(|ix| (*ix, &self[*ix]))
    }

    /// The places, in ascending order of name: for loops that change the table.
    pub fn places(&self) -> Vec<NodeIx> {
        self.by_id.values().copied().collect()
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
