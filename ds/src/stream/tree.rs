//! An ordered map in chunks that clones share: a B+tree of fixed height.
//!
//! Model: the root is a vector of branches, a branch a vector of chunks, a chunk a vector of pairs in key order;
//! branches and chunks are behind `Arc` and hold at most [`WIDTH`] children. A clone copies the root alone (one
//! pointer for some thousand pairs); a change copies the one branch and the one chunk on its way.
//!
//! Beside each child stands a separator: no key of the child is smaller, every key of the children before it is. The
//! first child's separator counts for nothing, so that a smaller key than any can come in without touching it.
//!
//! Appending fills chunks to the brim (a full last chunk is not split, a new one follows it); insertion in the middle
//! splits in halves, removal joins small neighbours. Chunks are never empty.
//!
//! Weakness: the root grows with the map and moves by `memmove`; at a hundred million pairs it has some 30,000
//! entries, which is still small beside one socket write.

use crate::size::rounded;
use std::borrow::Borrow;
use std::sync::Arc;

/// Most children of a branch, and most pairs of a chunk.
const WIDTH: usize = 64;
/// A node with fewer children than this tries to join its neighbour.
const SPARSE: usize = WIDTH / 4;
/// What an `Arc` adds to what it holds.
pub(super) const ARC_HEADER: usize = 16;

type Chunk<K, V> = Vec<(K, V)>;
type Branch<K, V> = Vec<(K, Arc<Chunk<K, V>>)>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Tree<K, V> {
    root: Vec<(K, Arc<Branch<K, V>>)>,
    len: usize,
    /// Bytes of branches and chunks.
    bytes: usize,
}

/// Where a pair stands: its branch, the chunk in there, its index in that.
type Place = (usize, usize, usize);

impl<K, V> Default for Tree<K, V> {
    fn default() -> Self {
        Self { root: Vec::new(), len: 0, bytes: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> Tree<K, V> {
    /// An empty one; it allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a pair in; the value that it replaces comes back.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.root.is_empty() {
            let chunk = vec![(key.clone(), value)];
            let branch = vec![(key.clone(), Arc::new(chunk))];
            self.bytes = cost(&branch) + cost(&*branch[0].1);
            self.root = vec![(key, Arc::new(branch))];
            self.len = 1;
            return None;
        }
        let (i, j) = self.find_chunk(&key);
        if self.root[i].1[j].1.len() >= WIDTH && self.get(&key).is_none() {
            self.make_room(i, j, &key);
            return self.insert(key, value);
        }
        let mut old = None;
        self.change(i, j, |chunk| match chunk.binary_search_by(|pair| pair.0.cmp(&key)) {
            Ok(at) => old = Some(std::mem::replace(&mut chunk[at].1, value)),
            Err(at) => chunk.insert(at, (key, value)),
        });
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes a pair out; its value comes back.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (i, j, at) = self.find(key)?;
        let removed = self.change(i, j, |chunk| chunk.remove(at));
        self.len -= 1;
        self.tidy(i, j);
        Some(removed.1)
    }

    /// The value of a key, to change.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (i, j, at) = self.find(key)?;
        Some(&mut self.own(i, j)[at].1)
    }

    /// The last pair, its value to change.
    pub fn last_mut(&mut self) -> Option<(&K, &mut V)> {
        let i = self.root.len().checked_sub(1)?;
        let j = self.root[i].1.len() - 1;
        self.own(i, j).last_mut().map(|(key, value)| (&*key, value))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap that the tree itself takes, without what keys and values point to.
    pub fn memory(&self) -> usize {
        self.bytes + rounded(self.root.capacity() * size_of::<(K, Arc<Branch<K, V>>)>())
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (i, j, at) = self.find(key)?;
        Some(&self.root[i].1[j].1[at].1)
    }

    /// A key as the tree has it, with its value.
    pub fn get_pair<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.find(key).and_then(|place| self.pair(place))
    }

    /// The first pair.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The last pair.
    pub fn last(&self) -> Option<(&K, &V)> {
        let (key, value) = self.root.last()?.1.last()?.1.last()?;
        Some((key, value))
    }

    /// All pairs in order.
    pub fn iter(&self) -> Ascending<'_, K, V> {
        Ascending { tree: self, place: (0, 0, 0) }
    }

    /// The pairs from the first whose key is not smaller than this one.
    pub fn from<Q: Ord + ?Sized>(&self, key: &Q) -> Ascending<'_, K, V>
    where
        K: Borrow<Q>,
    {
        Ascending { tree: self, place: self.lower_bound(key) }
    }

    /// The pairs backwards from the last whose key is not greater than this one.
    pub fn back_from<Q: Ord + ?Sized>(&self, key: &Q) -> Descending<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let mut next = self.lower_bound(key);
        if self.pair(next).is_some_and(|(found, _)| found.borrow() == key) {
            next.2 += 1;
        }
        Descending { tree: self, next }
    }

    /// How many branches a clone shares.
    #[cfg(test)]
    pub(super) fn root_len(&self) -> usize {
        self.root.len()
    }

    /// The chunk where a key is or belongs. The tree must not be empty.
    fn find_chunk<Q: Ord + ?Sized>(&self, key: &Q) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        let child_of = |at: usize| at.saturating_sub(1);
        let i = child_of(self.root.partition_point(|(first, _)| first.borrow() <= key));
        let j = child_of(self.root[i].1.partition_point(|(first, _)| first.borrow() <= key));
        (i, j)
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Place>
    where
        K: Borrow<Q>,
    {
        if self.root.is_empty() {
            return None;
        }
        let (i, j) = self.find_chunk(key);
        let at = self.root[i].1[j].1.binary_search_by(|pair| pair.0.borrow().cmp(key)).ok()?;
        Some((i, j, at))
    }

    /// The place of the first pair whose key is not smaller; it may be one past the end of a chunk.
    fn lower_bound<Q: Ord + ?Sized>(&self, key: &Q) -> Place
    where
        K: Borrow<Q>,
    {
        if self.root.is_empty() {
            return (0, 0, 0);
        }
        let (i, j) = self.find_chunk(key);
        let at = self.root[i].1[j].1.partition_point(|pair| pair.0.borrow() < key);
        self.settle((i, j, at))
    }

    /// A place one past the end of its chunk becomes the beginning of the next.
    fn settle(&self, (i, j, at): Place) -> Place {
        match self.root.get(i) {
            Some((_, branch)) if at < branch[j].1.len() => (i, j, at),
            Some((_, branch)) if j + 1 < branch.len() => (i, j + 1, 0),
            Some(_) => (i + 1, 0, 0),
            None => (i, 0, 0),
        }
    }

    fn pair(&self, (i, j, at): Place) -> Option<(&K, &V)> {
        let (key, value) = self.root.get(i)?.1.get(j)?.1.get(at)?;
        Some((key, value))
    }

    /// A chunk that nobody else holds.
    fn own(&mut self, i: usize, j: usize) -> &mut Chunk<K, V> {
        let bytes = &mut self.bytes;
        let branch = own_counted(&mut self.root[i].1, bytes);
        own_counted(&mut branch[j].1, bytes)
    }

    /// Changes a chunk that nobody else holds; its size is counted anew.
    fn change<R>(&mut self, i: usize, j: usize, change: impl FnOnce(&mut Chunk<K, V>) -> R) -> R {
        let bytes = &mut self.bytes;
        let branch = own_counted(&mut self.root[i].1, bytes);
        let chunk = own_counted(&mut branch[j].1, bytes);
        *bytes -= cost(chunk);
        let result = change(chunk);
        *bytes += cost(chunk);
        result
    }

    /// Changes a branch that nobody else holds; its size is counted anew, its chunks' not.
    fn change_branch<R>(&mut self, i: usize, change: impl FnOnce(&mut Branch<K, V>) -> R) -> R {
        let bytes = &mut self.bytes;
        let branch = own_counted(&mut self.root[i].1, bytes);
        *bytes -= cost(branch);
        let result = change(branch);
        *bytes += cost(branch);
        result
    }

    /// A full chunk into which `key` must go: splits it, or opens a new one behind it when the key is the greatest.
    fn make_room(&mut self, i: usize, j: usize, key: &K) {
        if self.root[i].1.len() >= WIDTH {
            return self.split_branch(i, key);
        }
        let appending = i + 1 == self.root.len() && j + 1 == self.root[i].1.len();
        let mut at = WIDTH / 2;
        if appending && self.last().is_some_and(|(last, _)| last < key) {
            // The greatest pair moves on, so that no chunk is ever empty.
            at = WIDTH - 1;
        }
        let right = self.change(i, j, |chunk| chunk.split_off(at));
        self.bytes += cost(&right);
        let separator = right[0].0.clone();
        self.change_branch(i, |branch| branch.insert(j + 1, (separator, Arc::new(right))));
    }

    fn split_branch(&mut self, i: usize, key: &K) {
        let appending = i + 1 == self.root.len() && self.last().is_some_and(|(last, _)| last < key);
        let at = if appending { WIDTH - 1 } else { WIDTH / 2 };
        let right = self.change_branch(i, |branch| branch.split_off(at));
        self.bytes += cost(&right);
        self.root.insert(i + 1, (right[0].0.clone(), Arc::new(right)));
    }

    /// After a removal: drops the chunk if it is empty, joins it with its right neighbour if both are small.
    fn tidy(&mut self, i: usize, j: usize) {
        let left = self.root[i].1[j].1.len();
        if left == 0 {
            let (_, gone) = self.change_branch(i, |branch| branch.remove(j));
            self.bytes -= cost(&*gone);
        } else if left < SPARSE
            && let Some((_, right)) = self.root[i].1.get(j + 1)
            && left + right.len() <= WIDTH / 2
        {
            let (_, right) = self.change_branch(i, |branch| branch.remove(j + 1));
            self.bytes -= cost(&*right);
            self.change(i, j, |chunk| chunk.extend(Arc::unwrap_or_clone(right)));
        } else {
            return;
        }
        self.tidy_branch(i);
    }

    fn tidy_branch(&mut self, i: usize) {
        let left = self.root[i].1.len();
        if left == 0 {
            let (_, gone) = self.root.remove(i);
            self.bytes -= cost(&*gone);
        } else if left < SPARSE
            && let Some((_, right)) = self.root.get(i + 1)
            && left + right.len() <= WIDTH / 2
        {
            let (_, right) = self.root.remove(i + 1);
            self.bytes -= cost(&*right);
            self.change_branch(i, |branch| branch.extend(Arc::unwrap_or_clone(right)));
        } else {
            return;
        }
        if self.root.capacity() > 4 * self.root.len().max(4) {
            self.root.shrink_to(2 * self.root.len());
        }
    }
}

/// Bytes of a node behind its `Arc`.
fn cost<T>(node: &Vec<T>) -> usize {
    rounded(ARC_HEADER + size_of::<Vec<T>>()) + rounded(node.capacity() * size_of::<T>())
}

/// The node for writing; if clones share it, a copy takes its place, and the bytes are counted anew.
fn own_counted<'n, T: Clone>(node: &'n mut Arc<Vec<T>>, bytes: &mut usize) -> &'n mut Vec<T> {
    let before = cost(node);
    let node = Arc::make_mut(node);
    *bytes = *bytes - before + cost(node);
    node
}

/// See [`Tree::iter`].
#[derive(Clone)]
pub struct Ascending<'t, K, V> {
    tree: &'t Tree<K, V>,
    place: Place,
}

impl<'t, K: Ord + Clone, V: Clone> Iterator for Ascending<'t, K, V> {
    type Item = (&'t K, &'t V);

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.tree.pair(self.place)?;
        let (i, j, at) = self.place;
        self.place = self.tree.settle((i, j, at + 1));
        Some(pair)
    }
}

/// See [`Tree::back`].
#[derive(Clone)]
pub struct Descending<'t, K, V> {
    tree: &'t Tree<K, V>,
    /// One past the place of the next pair.
    next: Place,
}

impl<'t, K: Ord + Clone, V: Clone> Iterator for Descending<'t, K, V> {
    type Item = (&'t K, &'t V);

    fn next(&mut self) -> Option<Self::Item> {
        let (mut i, mut j, mut at) = self.next;
        let root = &self.tree.root;
        if at == 0 {
            if j == 0 {
                i = i.checked_sub(1)?;
                j = root.get(i)?.1.len();
            }
            j -= 1;
            at = root.get(i)?.1[j].1.len();
        }
        self.next = (i, j, at - 1);
        self.tree.pair(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;
    use std::collections::BTreeMap;

    /// Bytes counted from scratch, and the rules of the tree.
    fn recount(tree: &Tree<u32, u64>) -> usize {
        let mut bytes = rounded(tree.root.capacity() * size_of::<(u32, Arc<Branch<u32, u64>>)>());
        let mut len = 0;
        for (_, branch) in &tree.root {
            assert!(!branch.is_empty() && branch.len() <= WIDTH);
            bytes += cost(&**branch);
            for (_, chunk) in branch.iter() {
                assert!(!chunk.is_empty() && chunk.len() <= WIDTH);
                bytes += cost(&**chunk);
                len += chunk.len();
            }
        }
        assert_eq!(len, tree.len());
        bytes
    }

    fn same(tree: &Tree<u32, u64>, model: &BTreeMap<u32, u64>) {
        assert!(tree.iter().eq(model.iter()));
        assert!(tree.back_from(&u32::MAX).eq(model.iter().rev()));
        assert_eq!(tree.first(), model.first_key_value());
        assert_eq!(tree.last(), model.last_key_value());
        assert_eq!(tree.memory(), recount(tree));
    }

    #[test]
    fn as_a_btreemap_and_clones_keep_what_they_saw() {
        for seed in 0..20 {
            let mut prng = Prng::new(seed);
            let (mut tree, mut model) = (Tree::new(), BTreeMap::new());
            let mut kept = None;
            let range = [50, 3000, 200_000][seed as usize % 3];
            for step in 0..12_000u64 {
                let key = prng.below(range) as u32;
                // The share of removals swings, so that the tree grows and shrinks.
                if prng.below(12_000) < step {
                    assert_eq!(tree.remove(&key), model.remove(&key));
                } else if prng.chance(1, 8) {
                    let change = |value: &mut u64| *value += 1;
                    assert_eq!(tree.get_mut(&key).map(change), model.get_mut(&key).map(change));
                } else {
                    assert_eq!(tree.insert(key, step), model.insert(key, step));
                }
                assert_eq!(tree.get(&key), model.get(&key));
                if step % 997 == 0 {
                    let probe = prng.below(range) as u32;
                    assert!(tree.from(&probe).eq(model.range(probe..)));
                    assert!(tree.back_from(&probe).eq(model.range(..=probe).rev()));
                    same(&tree, &model);
                    if let Some((tree, model)) = kept.replace((tree.clone(), model.clone())) {
                        same(&tree, &model);
                    }
                }
            }
            same(&tree, &model);
        }
    }

    #[test]
    fn appended_keys_are_packed() {
        let mut tree = Tree::new();
        for key in 0..100_000u32 {
            tree.insert(key, 1u64);
        }
        let packed = tree.memory() as f64 / (100_000.0 * 16.0);
        assert!(packed < 1.1, "{packed} times the pairs");
        assert!(tree.root.len() < 30, "{} branches", tree.root.len());
        for key in 0..100_000u32 {
            assert_eq!(tree.remove(&key), Some(1));
        }
        assert_eq!((tree.len(), tree.root.len(), tree.bytes), (0, 0, 0));
    }
}
