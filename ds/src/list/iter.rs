//! Walking a list from any element, either way.

use super::nodes::{At, Nodes};
use super::{End, List, node::Node};
use crate::listpack::{self, Entry, Listpack};

/// The elements from one on, towards the end or (`reverse`) the beginning.
pub struct Iter<'a> {
    here: Here<'a>,
    nodes: Option<(&'a Nodes, Option<At>)>,
    reverse: bool,
}

/// What is left of the node at hand.
enum Here<'a> {
    Packed(listpack::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Here<'a> {
    fn whole(node: &'a Node) -> Self {
        match node {
            Node::Packed(listpack) => Here::Packed(listpack.iter()),
            Node::Plain(text) => Here::Plain(Some(text)),
        }
    }

    fn from(node: &'a Node, index: usize, reverse: bool) -> Self {
        match node {
            Node::Packed(listpack) => Here::Packed(packed_from(listpack, index, reverse)),
            Node::Plain(text) => Here::Plain(Some(text)),
        }
    }

    #[inline]
    fn next(&mut self, reverse: bool) -> Option<Entry<'a>> {
        match self {
            Here::Packed(iter) if reverse => iter.next_back(),
            Here::Packed(iter) => iter.next(),
            Here::Plain(text) => text.take().map(Entry::Bytes),
        }
    }
}

fn packed_from(listpack: &Listpack, index: usize, reverse: bool) -> listpack::Iter<'_> {
    match listpack.seek(index as i64) {
        Some(pos) if reverse => listpack.iter_through(pos),
        Some(pos) => listpack.iter_from(pos),
        None => listpack::Iter::default(),
    }
}

impl<'a> Iter<'a> {
    pub(super) fn over_listpack(listpack: &'a Listpack, index: usize, reverse: bool) -> Self {
        Self { here: Here::Packed(packed_from(listpack, index, reverse)), nodes: None, reverse }
    }

    pub(super) fn over_nodes(nodes: &'a Nodes, index: usize, reverse: bool) -> Self {
        let found = nodes.find(index).and_then(|(at, offset)| Some((at, offset, nodes.get(at)?)));
        let (here, at) = match found {
            Some((at, offset, node)) => (Here::from(node, offset, reverse), Some(at)),
            None => (Here::Plain(None), None),
        };
        Self { here, nodes: Some((nodes, at)), reverse }
    }

    fn next_node(&mut self) -> Option<()> {
        let (nodes, at) = self.nodes.as_mut()?;
        *at = if self.reverse { nodes.prev((*at)?) } else { nodes.next((*at)?) };
        self.here = Here::whole(nodes.get((*at)?)?);
        Some(())
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(entry) = self.here.next(self.reverse) {
                return Some(entry);
            }
            self.next_node()?;
        }
    }
}

impl List {
    /// All elements, from one end to the other.
    pub fn iter(&self, from: End) -> Iter<'_> {
        match from {
            End::Left => self.iter_at(0, false),
            End::Right => self.iter_at(self.len().saturating_sub(1), true),
        }
    }
}
