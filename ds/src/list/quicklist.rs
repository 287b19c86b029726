//! A long list: nodes of a limited size. When a node is split, and when neighbours become one again, is Redis's
//! policy to the letter, so that the nodes in a dump are those that Redis would have written.
//!
//! One liberty: replacing elements by longer ones never takes a node of several elements past [`MAX_NODE`], where
//! Redis 7.2 lets it grow to a gibibyte. A writer copies at most that much of a node that a snapshot holds.

use super::limits::{Limit, clamped};
use super::node::Node;
use super::nodes::{At, Nodes};
use super::{End, Side};
use crate::Settings;
use crate::listpack::{Entry, Listpack};

/// See the module; the largest size that `list-max-listpack-size` can name.
const MAX_NODE: usize = 65536;

/// See the module.
#[derive(Clone, Debug)]
pub struct Quicklist {
    pub(super) nodes: Nodes,
    limit: Limit,
    /// The settings of its creation, for [`super::Facts`]: size limit, and whether Redis would compress.
    pub(super) made_with: (i64, bool),
}

/// Whether an element gets a node for itself.
fn is_large(len: usize, settings: &Settings) -> bool {
    len as u64 >= settings.list_plain_threshold
}

impl Quicklist {
    /// An empty one, whose nodes will for ever have the limit of today.
    pub fn new(settings: &Settings) -> Self {
        Self {
            nodes: Nodes::default(),
            limit: Limit::of_quicklist(settings),
            made_with: (clamped(settings), settings.list_compress_depth > 0),
        }
    }

    /// Adds an element at one end.
    pub fn push(&mut self, end: End, value: &[u8], settings: &Settings) {
        if is_large(value.len(), settings) {
            return self.push_node(end, Node::plain(value));
        }
        if let Some(at) = self.end(end)
            && self.allows_insert(at, value.len())
        {
            self.nodes.change(at, |node| push_into(node, end, value));
        } else {
            self.push_node(end, Node::packed(value));
        }
    }

    /// Adds a whole node, which is not empty, at one end.
    pub fn push_node(&mut self, end: End, node: Node) {
        match end {
            End::Left => self.nodes.push_front(node),
            End::Right => self.nodes.push_back(node),
        }
    }

    /// Takes an element from one end and shows it to `f`.
    pub fn pop<R>(&mut self, end: End, f: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let at = self.end(end)?;
        let node = self.nodes.get(at)?;
        if node.len() == 1 {
            let result = node.get(0).map(f);
            self.nodes.remove(at);
            return result;
        }
        self.nodes.change(at, |node| {
            let Node::Packed(listpack) = node else { return None };
            let pos = end_of(listpack, end)?;
            let result = f(listpack.get(pos));
            listpack.remove(pos);
            Some(result)
        })?
    }

    /// Puts another element in the place of the `index`-th. False if there is none.
    pub fn set(&mut self, index: usize, value: &[u8], settings: &Settings) -> bool {
        let Some((at, offset)) = self.nodes.find(index) else { return false };
        let large = is_large(value.len(), settings);
        match self.nodes.get(at) {
            Some(Node::Plain(_)) if large => self.nodes.set(at, Node::plain(value)),
            Some(Node::Packed(listpack)) if !large && listpack.len() == 1 => {
                self.nodes.set(at, Node::packed(value))
            }
            Some(Node::Packed(listpack))
                if !large && listpack.bytes_len().saturating_add(value.len()) <= MAX_NODE =>
            {
                self.nodes.change(at, |node| replace_in(node, offset, value));
            }
            _ => {
                self.insert(index, Side::After, value, settings);
                self.remove_range(index, 1);
            }
        }
        true
    }

    /// Puts an element beside the `index`-th, which exists.
    pub fn insert(&mut self, index: usize, side: Side, value: &[u8], settings: &Settings) {
        let Some((at, offset)) = self.nodes.find(index) else { return };
        let Some(node) = self.nodes.get(at) else { return };
        let at_edge = match side {
            Side::Before => offset == 0,
            Side::After => offset + 1 == node.len(),
        };
        if is_large(value.len(), settings) {
            self.insert_plain(at, offset, at_edge, side, value);
        } else if self.allows_insert(at, value.len()) {
            self.nodes.change(at, |node| insert_into(node, offset, side, value));
        } else if let Some(neighbour) = self.beside(at, side).filter(|_| at_edge)
            && self.allows_insert(neighbour, value.len())
        {
            let end = if side == Side::After { End::Left } else { End::Right };
            self.nodes.change(neighbour, |node| push_into(node, end, value));
        } else if at_edge {
            self.insert_node(at, side, Node::packed(value));
        } else {
            self.insert_split(at, offset, side, value);
        }
        self.nodes.tidy(at);
    }

    /// Takes out `count` elements from the `start`-th on.
    pub fn remove_range(&mut self, start: usize, count: usize) {
        let mut rest = count.min(self.nodes.count().saturating_sub(start));
        while let Some((at, offset)) = self.nodes.find(start).filter(|_| rest > 0) {
            if offset == 0
                && let Some(removed) = self.nodes.remove_page(at, rest)
            {
                rest -= removed;
                continue;
            }
            let len = self.nodes.get(at).map_or(0, Node::len);
            let here = rest.min(len - offset);
            if here == len {
                self.nodes.remove(at);
            } else {
                self.nodes.change(at, |node| {
                    if let Node::Packed(listpack) = node {
                        listpack.remove_range(offset as i64, here);
                    }
                });
            }
            rest -= here;
            self.nodes.tidy(at);
        }
    }

    /// Takes out up to `limit` elements that equal `value`, looking from `from`; `each_node` is called before each node.
    /// Returns how many it were.
    pub fn remove_matching(
        &mut self,
        value: &[u8],
        limit: usize,
        from: End,
        mut each_node: impl FnMut(),
    ) -> usize {
        let value = Entry::from(value);
        let mut removed = 0;
        let mut cursor = self.end(from);
        while let Some(at) = cursor.filter(|_| removed < limit) {
            each_node();
            let before = self.nodes.prev(at);
            let found = self.remove_in_node(at, &value, limit - removed, from);
            removed += found.removed;
            cursor = match (from, found.node_gone) {
                (End::Left, false) => self.nodes.next(at),
                (End::Left, true) => {
                    before.map_or_else(|| self.nodes.first(), |before| self.nodes.next(before))
                }
                (End::Right, _) => before,
            };
        }
        if removed > 0
            && let Some(first) = self.nodes.first()
        {
            self.nodes.tidy(first);
        }
        removed
    }

    fn remove_in_node(&mut self, at: At, value: &Entry<'_>, limit: usize, from: End) -> Found {
        let Some(node) = self.nodes.get(at) else { return Found::default() };
        let matches = match node {
            Node::Packed(listpack) => matches_in(listpack, value, limit, from),
            Node::Plain(text) => usize::from(Entry::Bytes(text).same_text(value)),
        };
        if matches == 0 {
            return Found::default();
        }
        let node_gone = matches == node.len();
        if node_gone {
            self.nodes.remove(at);
        } else {
            self.nodes.change(at, |node| {
                if let Node::Packed(listpack) = node {
                    remove_matches(listpack, value, matches, from);
                }
            });
        }
        Found { removed: matches, node_gone }
    }

    fn end(&self, end: End) -> Option<At> {
        match end {
            End::Left => self.nodes.first(),
            End::Right => self.nodes.last(),
        }
    }

    fn beside(&self, at: At, side: Side) -> Option<At> {
        match side {
            Side::Before => self.nodes.prev(at),
            Side::After => self.nodes.next(at),
        }
    }

    fn allows_insert(&self, at: At, len: usize) -> bool {
        match self.nodes.get(at) {
            Some(Node::Packed(listpack)) => {
                self.limit.allows_insert(listpack.bytes_len(), listpack.len(), len)
            }
            _ => false,
        }
    }

    /// Puts `node` beside the one at `at`. Returns where the old one is then, and where the new one.
    fn insert_node(&mut self, at: At, side: Side, node: Node) -> (At, At) {
        match side {
            Side::After => (at, self.nodes.insert_after(at, node)),
            Side::Before => {
                self.nodes.insert(at, node);
                (self.nodes.next(at).unwrap_or(at), at)
            }
        }
    }

    fn insert_plain(&mut self, at: At, offset: usize, at_edge: bool, side: Side, value: &[u8]) {
        let is_plain = matches!(self.nodes.get(at), Some(Node::Plain(_)));
        if is_plain || at_edge {
            self.insert_node(at, side, Node::plain(value));
        } else if let Some(part) = self.split(at, offset, side) {
            let (_, new) = self.insert_node(at, side, Node::plain(value));
            self.insert_node(new, side, Node::Packed(part));
        }
    }

    /// A full node makes way: what lies beyond the place becomes a node of its own, with the new element first (or
    /// last), and small neighbours join.
    fn insert_split(&mut self, at: At, offset: usize, side: Side, value: &[u8]) {
        let Some(part) = self.split(at, offset, side) else { return };
        let mut node = Node::Packed(part);
        push_into(&mut node, if side == Side::After { End::Left } else { End::Right }, value);
        let (center, _) = self.insert_node(at, side, node);
        self.merge_around(center);
    }

    /// Takes the elements beyond the `offset`-th (with those of `Before`: all before it) out of the node at `at`.
    fn split(&mut self, at: At, offset: usize, side: Side) -> Option<Listpack> {
        self.nodes.change(at, |node| {
            let Node::Packed(listpack) = node else { return None };
            let cut = listpack.seek((offset + usize::from(side == Side::After)) as i64)?;
            let tail = listpack.split_off(cut);
            Some(match side {
                Side::After => tail,
                Side::Before => std::mem::replace(listpack, tail),
            })
        })?
    }

    /// Joins, where the limit allows it: the two nodes before `center`, the two behind it, it and the one before,
    /// the result and the one behind.
    fn merge_around(&mut self, center: At) {
        let mut center = center;
        if let Some(prev) = self.nodes.prev(center)
            && let Some(joined) = self.nodes.prev(prev).and_then(|before| self.merge_with_next(before))
        {
            center = self.nodes.next(joined).unwrap_or(joined);
        }
        if let Some(next) = self.nodes.next(center) {
            self.merge_with_next(next);
        }
        if let Some(joined) = self.nodes.prev(center).and_then(|prev| self.merge_with_next(prev)) {
            center = joined;
        }
        self.merge_with_next(center);
    }

    /// Adds the node behind `at` to it, if that is allowed. Returns where the joined node is.
    fn merge_with_next(&mut self, at: At) -> Option<At> {
        let next = self.nodes.next(at)?;
        let (Some(Node::Packed(a)), Some(Node::Packed(b))) = (self.nodes.get(at), self.nodes.get(next))
        else {
            return None;
        };
        if !self.limit.allows_merge([a.bytes_len(), b.bytes_len()], [a.len(), b.len()]) {
            return None;
        }
        let next = self.nodes.remove(next)?;
        self.nodes.change(at, |node| {
            if let (Node::Packed(listpack), Node::Packed(more)) = (node, &*next) {
                // Both together were just seen to be far below what a listpack can hold.
                let _ = listpack.append(more);
            }
        });
        Some(at)
    }
}

#[derive(Default)]
struct Found {
    removed: usize,
    node_gone: bool,
}

pub(super) fn end_of(listpack: &Listpack, end: End) -> Option<crate::listpack::Pos> {
    match end {
        End::Left => listpack.first(),
        End::Right => listpack.last(),
    }
}

/// The callers have seen that the node is a listpack with room: a refusal cannot happen.
fn push_into(node: &mut Node, end: End, value: &[u8]) {
    if let Node::Packed(listpack) = node {
        let _ = match end {
            End::Left => listpack.push_front(value),
            End::Right => listpack.push_back(value),
        };
    }
}

fn insert_into(node: &mut Node, offset: usize, side: Side, value: &[u8]) {
    if let Node::Packed(listpack) = node
        && let Some(pos) = listpack.seek(offset as i64)
    {
        let _ = match side {
            Side::Before => listpack.insert_before(pos, value),
            Side::After => listpack.insert_after(pos, value),
        };
    }
}

fn replace_in(node: &mut Node, offset: usize, value: &[u8]) {
    if let Node::Packed(listpack) = node
        && let Some(pos) = listpack.seek(offset as i64)
    {
        let _ = listpack.replace(pos, value);
    }
}

/// How many elements equal `value`, at most `limit`.
pub(super) fn matches_in(listpack: &Listpack, value: &Entry<'_>, limit: usize, from: End) -> usize {
    let same = |entry: &Entry<'_>| entry.same_text(value);
    match from {
        End::Left => listpack.iter().filter(same).take(limit).count(),
        End::Right => listpack.iter().rev().filter(same).take(limit).count(),
    }
}

/// Takes out the first (or last) `count` elements that equal `value`: one pass, into a new block.
pub(super) fn remove_matches(listpack: &mut Listpack, value: &Entry<'_>, count: usize, from: End) {
    let total = match from {
        End::Left => 0,
        End::Right => listpack.iter().filter(|entry| entry.same_text(value)).count(),
    };
    let (mut seen, mut kept) = (0, Listpack::with_capacity(listpack.bytes_len()));
    for entry in listpack.iter() {
        if entry.same_text(value) {
            seen += 1;
            let goes = match from {
                End::Left => seen <= count,
                End::Right => seen > total - count,
            };
            if goes {
                continue;
            }
        }
        // Fewer elements than before fit.
        let _ = kept.push_back(entry);
    }
    kept.shrink_to_fit();
    *listpack = kept;
}
