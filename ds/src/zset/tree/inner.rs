//! Inner nodes, and the ways down that change something.

use super::leaf::{LEAF_BYTES, LEAF_MAX, Leaf};
use super::{Node, order, own};
use core::cmp::Ordering;
use triomphe::Arc;

/// Children of a node, at most.
const FANOUT: usize = 64;
/// A node with fewer children, or a leaf with fewer elements, is joined with a neighbour if they fit well.
const FEW_CHILDREN: usize = FANOUT / 4;
const FEW_ELEMENTS: usize = LEAF_MAX / 4;

#[derive(Clone, Debug)]
pub(super) struct Child {
    node: Arc<Node>,
    /// Elements below.
    count: usize,
    score: f64,
    prefix: Box<[u8]>,
}

impl Child {
    pub(super) fn new(node: Arc<Node>, score: f64, prefix: Box<[u8]>) -> Self {
        let count = node.len();
        Self { node, count, score, prefix }
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// Never empty, but for a moment during a removal.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    children: Vec<Child>,
}

impl Inner {
    pub(super) fn new(children: impl Iterator<Item = Child>) -> Self {
        Self { children: children.collect() }
    }

    pub(super) fn children(&self) -> &[Child] {
        &self.children
    }

    pub(super) fn len(&self) -> usize {
        self.children.iter().map(|child| child.count).sum()
    }

    pub(super) fn memory(&self) -> usize {
        self.children.capacity() * size_of::<Child>()
            + self.children.iter().map(|child| child.prefix.len()).sum::<usize>()
    }

    /// The last child whose separator fulfils `pred`, and how many elements come before it.
    #[inline]
    pub(super) fn descend(&self, mut pred: impl FnMut(f64, &[u8]) -> bool) -> (usize, &Node) {
        let index = self.place(&mut pred);
        let before = self.children[..index].iter().map(|child| child.count).sum();
        (before, &self.children[index].node)
    }

    #[inline]
    fn place(&self, mut pred: impl FnMut(f64, &[u8]) -> bool) -> usize {
        self.children[1..].partition_point(|child| pred(child.score, &child.prefix))
    }

    /// Which child has the element of a rank, and its rank there.
    pub(super) fn find_rank(&self, rank: usize) -> Option<(usize, usize)> {
        let mut left = rank;
        for (index, child) in self.children.iter().enumerate() {
            if left < child.count {
                return Some((index, left));
            }
            left -= child.count;
        }
        None
    }
}

/// A separator between two neighbours, as short as possible.
fn separator(left: (f64, &[u8]), right: (f64, &[u8])) -> (f64, Box<[u8]>) {
    if left.0 < right.0 {
        return (right.0, Box::default());
    }
    let common = left.1.iter().zip(right.1).take_while(|(a, b)| a == b).count();
    (right.0, right.1[..right.1.len().min(common + 1)].into())
}

fn child_of_leaf(left: (f64, &[u8]), leaf: Leaf) -> Child {
    let (score, prefix) = separator(left, leaf.get(0));
    Child::new(Arc::new(Node::Leaf(leaf)), score, prefix)
}

/// Inserts below `node`; returns the nodes that must stand to its right from now on.
pub(super) fn insert(node: &mut Arc<Node>, score: f64, member: &[u8], memory: &mut usize) -> Vec<Child> {
    match own(node, memory) {
        Node::Leaf(leaf) => {
            let before = leaf.memory();
            let siblings = insert_into_leaf(leaf, score, member);
            *memory = *memory + leaf.memory() - before;
            *memory += siblings.iter().map(|child| child.node.memory()).sum::<usize>();
            siblings
        }
        Node::Inner(inner) => {
            let index = inner.place(|s, m| order((s, m), (score, member)) != Ordering::Greater);
            let child = &mut inner.children[index];
            let siblings = insert(&mut child.node, score, member, memory);
            if siblings.is_empty() {
                child.count += 1;
                return siblings;
            }
            child.count = child.node.len();
            let before = inner.memory();
            inner.children.splice(index + 1..index + 1, siblings);
            let split = split_inner(inner, index + 1);
            *memory = *memory + inner.memory() - before;
            *memory += split.iter().map(|child| child.node.memory()).sum::<usize>();
            split
        }
    }
}

fn insert_into_leaf(leaf: &mut Leaf, score: f64, member: &[u8]) -> Vec<Child> {
    let at = leaf.place_of(score, member);
    if leaf.has_room_for(member) {
        leaf.insert(at, score, member);
        return Vec::new();
    }
    let len = leaf.len();
    if at == len {
        // What comes in order fills leaves to the brim.
        return vec![child_of_leaf(leaf.get(len - 1), Leaf::of_one(score, member))];
    }
    if at == 0 {
        let old = core::mem::replace(leaf, Leaf::of_one(score, member));
        return vec![child_of_leaf((score, member), old)];
    }
    if member.len() > LEAF_BYTES / 2 {
        // A long member gets a leaf of its own.
        let right = leaf.split_off(at);
        let right = child_of_leaf((score, member), right);
        let middle = child_of_leaf(leaf.get(at - 1), Leaf::of_one(score, member));
        return vec![middle, right];
    }
    let half = len / 2;
    let mut right = leaf.split_off(half);
    // The halves of a leaf that was full of bytes need not be equal; one of them may still lack the room.
    let (target, place) = if at <= half { (&mut *leaf, at) } else { (&mut right, at - half) };
    let more = if target.has_room_for(member) {
        target.insert(place, score, member);
        Vec::new()
    } else {
        insert_into_leaf(target, score, member)
    };
    if at <= half {
        let left_end =
            more.last().and_then(|child| last_of(&child.node)).unwrap_or_else(|| leaf.get(leaf.len() - 1));
        let right = child_of_leaf(left_end, right);
        more.into_iter().chain([right]).collect()
    } else {
        let right = child_of_leaf(leaf.get(leaf.len() - 1), right);
        core::iter::once(right).chain(more).collect()
    }
}

fn last_of(node: &Node) -> Option<(f64, &[u8])> {
    match node {
        Node::Leaf(leaf) => leaf.len().checked_sub(1).map(|last| leaf.get(last)),
        Node::Inner(_) => None,
    }
}

/// Splits a node with too many children; `at` is where the new ones are.
fn split_inner(inner: &mut Inner, at: usize) -> Vec<Child> {
    let len = inner.children.len();
    if len <= FANOUT {
        return Vec::new();
    }
    // At the end things probably arrive in order.
    let from = if at + 1 >= len { FANOUT } else { len / 2 };
    let right = inner.children.split_off(from);
    let (score, prefix) = (right[0].score, right[0].prefix.clone());
    let right = Inner { children: right };
    vec![Child::new(Arc::new(Node::Inner(right)), score, prefix)]
}

/// Removes up to `count` elements from a rank on, which are all in one leaf; how many.
pub(super) fn remove_run(node: &mut Arc<Node>, rank: usize, count: usize, memory: &mut usize) -> usize {
    match own(node, memory) {
        Node::Leaf(leaf) => {
            let count = count.min(leaf.len().saturating_sub(rank));
            let before = leaf.memory();
            leaf.remove(rank, count);
            *memory = *memory + leaf.memory() - before;
            count
        }
        Node::Inner(inner) => {
            let Some((index, inside)) = inner.find_rank(rank) else { return 0 };
            let child = &mut inner.children[index];
            let removed = remove_run(&mut child.node, inside, count, memory);
            child.count -= removed;
            if is_small(&child.node) {
                tidy(inner, index, memory);
            }
            removed
        }
    }
}

fn is_small(node: &Node) -> bool {
    match node {
        Node::Leaf(leaf) => leaf.len() < FEW_ELEMENTS,
        Node::Inner(inner) => inner.children.len() < FEW_CHILDREN,
    }
}

/// Drops a child that became empty, or joins a small one with a neighbour.
fn tidy(inner: &mut Inner, index: usize, memory: &mut usize) {
    let before = inner.memory();
    if inner.children[index].count == 0 {
        let gone = inner.children.remove(index);
        *memory -= gone.node.memory();
    } else if index + 1 < inner.children.len() && fits(inner, index) {
        join(inner, index, memory);
    } else if index > 0 && fits(inner, index - 1) {
        join(inner, index - 1, memory);
    }
    *memory = *memory + inner.memory() - before;
}

/// Whether the children at `left` and behind it make one that is not full.
fn fits(inner: &Inner, left: usize) -> bool {
    match (&*inner.children[left].node, &*inner.children[left + 1].node) {
        (Node::Leaf(a), Node::Leaf(b)) => {
            a.len() + b.len() <= LEAF_MAX * 3 / 4
                && a.bytes_len().saturating_add(b.bytes_len()) <= LEAF_BYTES * 3 / 4
        }
        (Node::Inner(a), Node::Inner(b)) => a.children.len() + b.children.len() <= FANOUT * 3 / 4,
        _ => false,
    }
}

fn join(inner: &mut Inner, left: usize, memory: &mut usize) {
    let right = inner.children.remove(left + 1);
    let child = &mut inner.children[left];
    let both = child.node.memory() + right.node.memory();
    match (Arc::make_mut(&mut child.node), &*right.node) {
        (Node::Leaf(a), Node::Leaf(b)) => a.append(b),
        (Node::Inner(a), Node::Inner(b)) => {
            let first = a.children.len();
            a.children.extend(b.children.iter().cloned());
            a.children[first].score = right.score;
            a.children[first].prefix = right.prefix.clone();
        }
        _ => {}
    }
    child.count += right.count;
    *memory = *memory + child.node.memory() - both;
}

/// Sets the score at a rank if all separators on the way stay true; the neighbours in order have been checked.
pub(super) fn set_score(
    node: &mut Arc<Node>,
    rank: usize,
    score: f64,
    member: &[u8],
    memory: &mut usize,
) -> bool {
    match own(node, memory) {
        Node::Leaf(leaf) => {
            leaf.set_score(rank, score);
            true
        }
        Node::Inner(inner) => {
            let Some((index, inside)) = inner.find_rank(rank) else { return false };
            let place = inner.place(|s, m| order((s, m), (score, member)) != Ordering::Greater);
            place == index && set_score(&mut inner.children[index].node, inside, score, member, memory)
        }
    }
}
