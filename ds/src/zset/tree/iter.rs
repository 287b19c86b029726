//! Walking the elements in order, from any rank, in either direction.

use super::leaf::Leaf;
use super::{Inner, Node};

/// Elements as `(score, member)`.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    /// The inner nodes from the root down, each with the child that the walk is in.
    path: Vec<(&'a Inner, usize)>,
    leaf: Option<&'a Leaf>,
    /// Forwards the next place in the leaf, backwards the one behind it.
    at: usize,
    left: usize,
    reverse: bool,
}

impl<'a> Iter<'a> {
    pub(super) fn new(root: &'a Node, rank: usize, len: usize, reverse: bool) -> Self {
        let left = match (rank < len, reverse) {
            (false, _) => 0,
            (true, false) => len - rank,
            (true, true) => rank + 1,
        };
        let mut iter = Self { path: Vec::new(), leaf: None, at: 0, left, reverse };
        if left > 0 {
            iter.go_to(root, rank);
        }
        iter
    }

    /// Finds the leaf of a rank that is there.
    fn go_to(&mut self, root: &'a Node, rank: usize) {
        let (mut node, mut rank) = (root, rank);
        loop {
            match node {
                Node::Leaf(leaf) => {
                    self.leaf = Some(leaf);
                    self.at = rank + usize::from(self.reverse);
                    return;
                }
                Node::Inner(inner) => {
                    let Some((index, inside)) = inner.find_rank(rank) else { return };
                    self.path.push((inner, index));
                    node = inner.children()[index].node();
                    rank = inside;
                }
            }
        }
    }

    /// Moves to the next leaf in the walk's direction.
    fn step(&mut self) -> Option<()> {
        let mut node: &'a Node = loop {
            let (inner, index) = self.path.pop()?;
            let next = if self.reverse { index.checked_sub(1) } else { Some(index + 1) };
            if let Some((next, child)) = next.and_then(|next| Some((next, inner.children().get(next)?))) {
                self.path.push((inner, next));
                break child.node();
            }
        };
        loop {
            match node {
                Node::Leaf(leaf) => {
                    self.leaf = Some(leaf);
                    self.at = if self.reverse { leaf.len() } else { 0 };
                    return Some(());
                }
                Node::Inner(inner) => {
                    let index = if self.reverse { inner.children().len() - 1 } else { 0 };
                    self.path.push((inner, index));
                    node = inner.children().get(index)?.node();
                }
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (f64, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        loop {
            let leaf = self.leaf?;
            let at =
                if self.reverse { self.at.checked_sub(1) } else { (self.at < leaf.len()).then_some(self.at) };
            if let Some(at) = at {
                self.at = if self.reverse { at } else { at + 1 };
                self.left -= 1;
                return Some(leaf.get(at));
            }
            self.step()?;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
