//! The nodes of a quicklist in order, in two levels: pages of nodes, and a directory of pages.
//!
//! Both nodes and pages are shared by reference count. To copy a list is to copy its directory: one pointer for each
//! few hundred nodes. To write to a list that somebody else holds copies one node, one page of pointers, and nothing
//! else. Finding the n-th element walks the directory, one page and one node.
//!
//! Invariants: no page and no node is empty; the counts of elements, nodes and bytes are those of what is held (they
//! change in [`Nodes::change`], [`Nodes::insert`] and [`Nodes::remove`] alone); pages hold up to [`PAGE`] nodes, and
//! neighbours that fit into half of one are joined, once [`Nodes::tidy`] was called.

use std::collections::VecDeque;
use triomphe::Arc;

use super::node::Node;
use crate::size;

/// Nodes in a page.
pub const PAGE: usize = 256;

/// Where a node is: page, and place in the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    page: usize,
    slot: usize,
}

#[derive(Clone, Debug, Default)]
struct Page {
    nodes: VecDeque<Arc<Node>>,
    /// Elements in all of them.
    count: usize,
}

impl Page {
    /// The page's own blocks, without its nodes.
    fn memory(&self) -> usize {
        const BLOCK: usize = size::rounded(size_of::<Page>() + size_of::<usize>());
        BLOCK + size::rounded(self.nodes.capacity() * size_of::<Arc<Node>>())
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    pages: VecDeque<Arc<Page>>,
    /// Elements.
    count: usize,
    nodes: usize,
    /// Bytes of pages and nodes; the directory is added when asked.
    bytes: usize,
}

impl Nodes {
    /// How many elements there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.bytes + size::rounded(self.pages.capacity() * size_of::<Arc<Page>>())
    }

    /// The node at `at`.
    #[inline]
    pub fn get(&self, at: At) -> Option<&Node> {
        Some(self.pages.get(at.page)?.nodes.get(at.slot)?)
    }

    /// The first node.
    #[inline]
    pub fn first(&self) -> Option<At> {
        (self.nodes > 0).then_some(At { page: 0, slot: 0 })
    }

    /// The last node.
    #[inline]
    pub fn last(&self) -> Option<At> {
        let page = self.pages.len().checked_sub(1)?;
        Some(At { page, slot: self.pages[page].nodes.len().checked_sub(1)? })
    }

    /// The node behind the one at `at`.
    pub fn next(&self, at: At) -> Option<At> {
        let page = self.pages.get(at.page)?;
        if at.slot + 1 < page.nodes.len() {
            Some(At { page: at.page, slot: at.slot + 1 })
        } else {
            (at.page + 1 < self.pages.len()).then_some(At { page: at.page + 1, slot: 0 })
        }
    }

    /// The node before the one at `at`.
    pub fn prev(&self, at: At) -> Option<At> {
        match at.slot.checked_sub(1) {
            Some(slot) => Some(At { page: at.page, slot }),
            None => {
                let page = at.page.checked_sub(1)?;
                Some(At { page, slot: self.pages.get(page)?.nodes.len().checked_sub(1)? })
            }
        }
    }

    /// The node with the `index`-th element, and which of its elements that is.
    pub fn find(&self, index: usize) -> Option<(At, usize)> {
        if index >= self.count {
            return None;
        }
        if index < self.count / 2 {
            let (page, rest) = walk(self.pages.iter().map(|page| page.count), index)?;
            let (slot, rest) = walk(self.pages[page].nodes.iter().map(|node| node.len()), rest)?;
            return Some((At { page, slot }, rest));
        }
        let from_end = self.count - 1 - index;
        let (page, rest) = walk(self.pages.iter().rev().map(|page| page.count), from_end)?;
        let page = self.pages.len() - 1 - page;
        let nodes = &self.pages[page].nodes;
        let (slot, rest) = walk(nodes.iter().rev().map(|node| node.len()), rest)?;
        let slot = nodes.len() - 1 - slot;
        Some((At { page, slot }, nodes[slot].len() - 1 - rest))
    }

    /// Changes the node at `at`, which is copied first if it is shared.
    #[inline]
    pub fn change<R>(&mut self, at: At, f: impl FnOnce(&mut Node) -> R) -> Option<R> {
        let shared = self.pages.get_mut(at.page)?;
        let page_before = shared.memory();
        let page = Arc::make_mut(shared);
        let shared = page.nodes.get_mut(at.slot)?;
        let (count, bytes) = (shared.len(), shared.memory());
        let node = Arc::make_mut(shared);
        let result = f(node);
        let (count_now, bytes_now) = (node.len(), node.memory());
        page.count = page.count - count + count_now;
        self.count = self.count - count + count_now;
        self.bytes = self.bytes - bytes - page_before + bytes_now + page.memory();
        Some(result)
    }

    /// Puts another node in the place of the one at `at`, without copying that.
    pub fn set(&mut self, at: At, node: Node) {
        self.insert(at, node);
        if let Some(old) = self.next(at) {
            self.remove(old);
        }
    }

    /// Puts `node` before the one at `at`, which moves one place on.
    pub fn insert(&mut self, at: At, node: Node) {
        let Some(shared) = self.pages.get_mut(at.page) else { return };
        let before = shared.memory();
        let page = Arc::make_mut(shared);
        self.count += node.len();
        self.nodes += 1;
        page.count += node.len();
        let bytes = node.memory();
        page.nodes.insert(at.slot.min(page.nodes.len()), Arc::new(node));
        self.bytes = self.bytes - before + page.memory() + bytes;
    }

    /// Puts `node` behind the one at `at`. Returns where it is.
    pub fn insert_after(&mut self, at: At, node: Node) -> At {
        let behind = At { page: at.page, slot: at.slot + 1 };
        self.insert(behind, node);
        behind
    }

    /// Adds a node at the beginning.
    pub fn push_front(&mut self, node: Node) {
        if self.pages.front().is_none_or(|page| page.nodes.len() >= PAGE) {
            self.pages.push_front(Arc::default());
            self.bytes += self.pages[0].memory();
        }
        self.insert(At { page: 0, slot: 0 }, node);
    }

    /// Adds a node at the end.
    pub fn push_back(&mut self, node: Node) {
        if self.pages.back().is_none_or(|page| page.nodes.len() >= PAGE) {
            self.pages.push_back(Arc::default());
            self.bytes += self.pages[self.pages.len() - 1].memory();
        }
        let page = self.pages.len() - 1;
        self.insert(At { page, slot: self.pages[page].nodes.len() }, node);
    }

    /// Takes the node at `at` out; its page goes with its last node.
    pub fn remove(&mut self, at: At) -> Option<Arc<Node>> {
        let shared = self.pages.get_mut(at.page)?;
        let before = shared.memory();
        let page = Arc::make_mut(shared);
        let node = page.nodes.remove(at.slot)?;
        page.count -= node.len();
        self.count -= node.len();
        self.nodes -= 1;
        self.bytes = self.bytes - before + page.memory() - node.memory();
        if page.nodes.is_empty() {
            self.bytes -= page.memory();
            self.pages.remove(at.page);
        }
        Some(node)
    }

    /// Takes the whole page out that begins with the node at `at`, if it has at most `elements` elements. Returns
    /// how many it had. The cheap way to drop a long range.
    pub fn remove_page(&mut self, at: At, elements: usize) -> Option<usize> {
        let page = self.pages.get(at.page)?;
        if at.slot != 0 || page.count > elements {
            return None;
        }
        let page = self.pages.remove(at.page)?;
        self.count -= page.count;
        self.nodes -= page.nodes.len();
        self.bytes -= page.memory() + page.nodes.iter().map(|node| node.memory()).sum::<usize>();
        Some(page.count)
    }

    /// Brings the page near `at` back to a good size: places found before are no longer good afterwards.
    pub fn tidy(&mut self, at: At) {
        let index = at.page.min(self.pages.len().saturating_sub(1));
        let Some(page) = self.pages.get(index) else { return };
        let len = page.nodes.len();
        if len > PAGE {
            self.split_page(index);
        } else if let Some(next) = self.pages.get(index + 1)
            && len + next.nodes.len() <= PAGE / 2
        {
            self.join_pages(index);
        }
    }

    fn split_page(&mut self, index: usize) {
        let before = self.pages[index].memory();
        let page = Arc::make_mut(&mut self.pages[index]);
        let nodes = page.nodes.split_off(page.nodes.len() / 2);
        let count = nodes.iter().map(|node| node.len()).sum();
        page.count -= count;
        page.nodes.shrink_to_fit();
        let tail = Page { nodes, count };
        self.bytes = self.bytes - before + page.memory() + tail.memory();
        self.pages.insert(index + 1, Arc::new(tail));
    }

    fn join_pages(&mut self, index: usize) {
        let Some(tail) = self.pages.remove(index + 1) else { return };
        let before = self.pages[index].memory() + tail.memory();
        let page = Arc::make_mut(&mut self.pages[index]);
        page.nodes.extend(tail.nodes.iter().cloned());
        page.count += tail.count;
        self.bytes = self.bytes - before + page.memory();
    }
}

/// The item that holds the `index`-th of all elements, given how many each item has, and which of its own it is.
fn walk(counts: impl Iterator<Item = usize>, index: usize) -> Option<(usize, usize)> {
    let mut rest = index;
    for (item, count) in counts.enumerate() {
        if rest < count {
            return Some((item, rest));
        }
        rest -= count;
    }
    None
}

#[cfg(test)]
impl Nodes {
    /// How many pages somebody else holds as well.
    pub fn pages_shared_with_others(&self) -> usize {
        self.pages.iter().filter(|page| Arc::strong_count(page) > 1).count()
    }

    /// Counts everything again and checks what the module promises.
    pub fn verify(&self) {
        let (mut count, mut nodes, mut bytes) = (0, 0, 0);
        for page in &self.pages {
            let in_page: usize = page.nodes.iter().map(|node| node.len()).sum();
            assert_eq!(page.count, in_page);
            assert!(!page.nodes.is_empty() && page.nodes.len() <= PAGE + 8);
            assert!(page.nodes.iter().all(|node| node.len() > 0));
            count += in_page;
            nodes += page.nodes.len();
            bytes += page.memory() + page.nodes.iter().map(|node| node.memory()).sum::<usize>();
        }
        assert_eq!((self.count, self.nodes, self.bytes), (count, nodes, bytes));
    }
}
