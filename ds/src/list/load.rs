//! A list as dumps hold it: node by node, or (of old) element by element.

use super::{End, Form, List, node::Node, nodes::At, quicklist::Quicklist};
use crate::Settings;
use crate::listpack::Listpack;

/// One node, as a dump writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeRef<'a> {
    /// A listpack's bytes.
    Packed(&'a [u8]),
    /// One element.
    Plain(&'a [u8]),
}

/// Where a node is in a list that does not change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodePlace(Option<At>);

impl<'a> NodeRef<'a> {
    fn of(node: &'a Node) -> Self {
        match node {
            Node::Packed(_) => NodeRef::Packed(node.bytes()),
            Node::Plain(_) => NodeRef::Plain(node.bytes()),
        }
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            NodeRef::Packed(bytes) | NodeRef::Plain(bytes) => bytes,
        }
    }
}

impl List {
    /// How many nodes there are; a small list is one.
    pub fn node_count(&self) -> usize {
        match &self.form {
            Form::Small(_) => 1,
            Form::Large(quicklist) => quicklist.nodes.len(),
        }
    }

    /// Where the first node is.
    pub fn first_node(&self) -> Option<NodePlace> {
        match &self.form {
            Form::Small(_) => Some(NodePlace(None)),
            Form::Large(quicklist) => quicklist.nodes.first().map(|at| NodePlace(Some(at))),
        }
    }

    /// The node at a place, and where the next one is. A place is good as long as the list does not change.
    pub fn node_at(&self, place: NodePlace) -> Option<(NodeRef<'_>, Option<NodePlace>)> {
        match (&self.form, place.0) {
            (Form::Small(listpack), None) => Some((NodeRef::Packed(listpack.as_bytes()), None)),
            (Form::Large(quicklist), Some(at)) => {
                let next = quicklist.nodes.next(at).map(|at| NodePlace(Some(at)));
                Some((NodeRef::of(quicklist.nodes.get(at)?), next))
            }
            _ => None,
        }
    }

    /// The nodes, first to last.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let mut place = self.first_node();
        std::iter::from_fn(move || {
            let (node, next) = self.node_at(place?)?;
            place = next;
            Some(node)
        })
    }
}

/// What DEBUG OBJECT tells of a quicklist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Nodes.
    pub nodes: usize,
    /// `list-max-listpack-size` when it was made.
    pub listpack_max: i64,
    /// Whether `list-compress-depth` was set when it was made.
    pub compressed: bool,
    /// Bytes of all nodes.
    pub bytes: usize,
}

impl List {
    /// What there is to tell of a quicklist; `None` of a small list. Looks at every node.
    pub fn facts(&self) -> Option<Facts> {
        let Form::Large(quicklist) = &self.form else { return None };
        let (listpack_max, compressed) = quicklist.made_with;
        let bytes = self.nodes().map(|node| node.bytes().len()).sum();
        Some(Facts { nodes: quicklist.nodes.len(), listpack_max, compressed, bytes })
    }
}

/// Puts a list together from what a dump holds.
pub struct Builder {
    quicklist: Quicklist,
    settings: Settings,
}

impl Builder {
    /// Nothing yet.
    pub fn new(settings: &Settings) -> Self {
        Self { quicklist: Quicklist::new(settings), settings: *settings }
    }

    /// Adds a listpack as a node; an empty one is left out, as Redis does.
    pub fn packed(&mut self, listpack: Listpack) {
        if !listpack.is_empty() {
            self.quicklist.push_node(End::Right, Node::Packed(listpack));
        }
    }

    /// Adds an element as a node for itself.
    pub fn plain(&mut self, text: Vec<u8>) {
        self.quicklist.push_node(End::Right, Node::Plain(text));
    }

    /// Adds an element.
    pub fn element(&mut self, text: &[u8]) {
        self.quicklist.push(End::Right, text, &self.settings);
    }

    /// The list, in the form that its size asks for; `None` if it is empty.
    pub fn finish(self) -> Option<List> {
        if self.quicklist.nodes.count() == 0 {
            return None;
        }
        let mut list = List { form: Form::Large(triomphe::Arc::new(self.quicklist)) };
        list.try_small(false, &self.settings);
        Some(list)
    }
}
