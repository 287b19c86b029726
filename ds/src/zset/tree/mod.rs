//! Pairs of score and member in order: a B+ tree with counts.
//!
//! ```text
//!                 [ |count 300|count 212| ]             inner: up to 64 children, each with the number of its elements
//!                /                         \            and a separator
//!      [ |100|120|80| ]                  [ |112|100| ]
//!       /    |     \                      /       \
//!    leaf   leaf   leaf                leaf       leaf  up to 128 elements, scores side by side
//! ```
//!
//! Order is by score, then by the members' bytes. Because every child is counted, the element of a rank and the rank of
//! an element are each one way down. Every node is in an `Arc`: a clone of the tree is one reference count, and a change
//! copies the nodes from the root to one leaf if they are shared.
//!
//! A separator is not greater than any key of its child and greater than every key to the left of it. It is as short as
//! that allows: mostly a score and no member. That of a node's first child is never looked at.
//!
//! Weakness: members are kept here and in the table that leads from a member to its score.

mod inner;
mod iter;
mod leaf;

#[cfg(test)]
mod tests;

use core::cmp::Ordering;
use inner::{Child, Inner};
pub use iter::Iter;
use leaf::Leaf;
use triomphe::Arc;

/// The order of elements. Scores are never NaN.
#[inline]
pub fn order(a: (f64, &[u8]), b: (f64, &[u8])) -> Ordering {
    a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then_with(|| a.1.cmp(b.1))
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Leaf),
    Inner(Inner),
}

/// What an `Arc` adds to what it holds.
const ARC_HEADER: usize = 2 * size_of::<usize>();

impl Node {
    /// Bytes of this node alone.
    fn memory(&self) -> usize {
        ARC_HEADER
            + size_of::<Node>()
            + match self {
                Node::Leaf(leaf) => leaf.memory(),
                Node::Inner(inner) => inner.memory(),
            }
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len(),
            Node::Inner(inner) => inner.len(),
        }
    }
}

/// The node to write to: this one, or a copy if somebody else holds it too.
fn own<'a>(node: &'a mut Arc<Node>, memory: &mut usize) -> &'a mut Node {
    if !Arc::is_unique(node) {
        let copy = Node::clone(node);
        *memory = *memory + copy.memory() - node.memory();
        *node = Arc::new(copy);
    }
    Arc::make_mut(node)
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Arc<Node>,
    len: usize,
    memory: usize,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node::Leaf(Leaf::default());
        let memory = root.memory();
        Self { root: Arc::new(root), len: 0, memory }
    }
}

impl Tree {
    /// Adds an element that is not there yet. O(log n).
    pub fn insert(&mut self, score: f64, member: &[u8]) {
        let siblings = inner::insert(&mut self.root, score, member, &mut self.memory);
        if !siblings.is_empty() {
            let first = Child::new(self.root.clone(), f64::NEG_INFINITY, Box::default());
            let root = Node::Inner(Inner::new(core::iter::once(first).chain(siblings)));
            self.memory += root.memory();
            self.root = Arc::new(root);
        }
        self.len += 1;
    }

    /// Removes an element; false if it is not there. O(log n).
    pub fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        let rank = self.rank(score, member);
        let there = self.get(rank).is_some_and(|found| order(found, (score, member)) == Ordering::Equal);
        if there {
            self.remove_at(rank);
        }
        there
    }

    /// Removes the element of a rank below [`Tree::len`]. O(log n).
    pub fn remove_at(&mut self, rank: usize) {
        self.remove_run(rank, 1);
    }

    /// Removes up to `count` elements from a rank on: those of one leaf. How many; 0 only if there is none. O(log n).
    pub fn remove_run(&mut self, rank: usize, count: usize) -> usize {
        if rank >= self.len {
            return 0;
        }
        let removed = inner::remove_run(&mut self.root, rank, count, &mut self.memory);
        self.len -= removed;
        self.shorten();
        removed
    }

    /// How many elements from a rank on lie in the same leaf.
    pub fn run_at(&self, rank: usize) -> usize {
        let mut rank = rank;
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.len().saturating_sub(rank),
                Node::Inner(inner) => {
                    let Some((index, inside)) = inner.find_rank(rank) else { return 0 };
                    rank = inside;
                    node = inner.children()[index].node();
                }
            }
        }
    }

    fn shorten(&mut self) {
        // A root with one child is a level too many.
        while let Node::Inner(inner) = &*self.root {
            let only = match inner.children() {
                [only] => only.node().clone(),
                [] => Arc::new(Node::Leaf(Leaf::default())),
                _ => break,
            };
            let empty = if inner.children().is_empty() { only.memory() } else { 0 };
            self.memory = self.memory + empty - self.root.memory();
            self.root = only;
        }
    }

    /// Gives an element another score. O(log n); within the element's leaf when its place does not change.
    pub fn change_score(&mut self, old: f64, member: &[u8], new: f64) -> bool {
        let rank = self.rank(old, member);
        if self.get(rank).is_none_or(|found| order(found, (old, member)) != Ordering::Equal) {
            return false;
        }
        let key = (new, member);
        let stays = (rank == 0 || self.get(rank - 1).is_some_and(|e| order(e, key) == Ordering::Less))
            && self.get(rank + 1).is_none_or(|e| order(key, e) == Ordering::Less)
            && inner::set_score(&mut self.root, rank, new, member, &mut self.memory);
        if !stays {
            self.remove_at(rank);
            self.insert(new, member);
        }
        true
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// How many elements come before this one, whether it is there or not. O(log n).
    pub fn rank(&self, score: f64, member: &[u8]) -> usize {
        let mut rank = 0;
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.place_of(score, member),
                Node::Inner(inner) => {
                    let (before, child) =
                        inner.descend(|s, m| order((s, m), (score, member)) != Ordering::Greater);
                    rank += before;
                    node = child;
                }
            }
        }
    }

    /// How many elements from the first on fulfil `pred`, which must hold for a prefix of the order. O(log n).
    ///
    /// `pred` is also asked about keys that are no elements.
    pub fn partition_point(&self, mut pred: impl FnMut(f64, &[u8]) -> bool) -> usize {
        let mut rank = 0;
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.partition_point(pred),
                Node::Inner(inner) => {
                    let (before, child) = inner.descend(&mut pred);
                    rank += before;
                    node = child;
                }
            }
        }
    }

    /// The element of a rank. O(log n).
    pub fn get(&self, rank: usize) -> Option<(f64, &[u8])> {
        if rank >= self.len {
            return None;
        }
        let mut rank = rank;
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (rank < leaf.len()).then(|| leaf.get(rank)),
                Node::Inner(inner) => {
                    let (index, inside) = inner.find_rank(rank)?;
                    rank = inside;
                    node = inner.children()[index].node();
                }
            }
        }
    }

    /// All elements from a rank on, in order or, with `reverse`, backwards.
    pub fn iter_from(&self, rank: usize, reverse: bool) -> Iter<'_> {
        Iter::new(&self.root, rank, self.len, reverse)
    }
}
