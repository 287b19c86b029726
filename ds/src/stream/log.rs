//! The entries of a stream: appending, deleting, trimming, and the numbers that Redis keeps about them.
//!
//! Model: leaves in a [`Tree`] by the id of their first entry. Appending fills the last leaf; deleting marks; a leaf
//! goes as a whole when its last entry does.
//!
//! Invariant: live entries have ascending ids, from leaf to leaf and within each. Deleted ones need not (Redis 7.0
//! lets XSETID go back behind a deleted entry), which is why nothing here relies on their order.

use super::id::StreamId;
use super::load::Numbers;
use super::node::{LEAF_MAX, Node};
use super::range::{Range, RangeBack};
use super::tree::Tree;
use crate::Settings;
use crate::listpack::{MAX_BYTES, Pos};
use std::sync::Arc;

/// The id that a new entry asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// `*`: this time in milliseconds, or just after the last id.
    Auto(u64),
    /// `ms-*`: the next sequence in this millisecond.
    AutoSeq(u64),
    /// This one.
    Whole(StreamId),
}

/// Why an entry was not appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendError {
    /// Its id is not greater than the last.
    NotGreater,
    /// Its names and values would fill more than a listpack.
    TooLarge,
}

/// Which entries a trim takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// The oldest, until so many are left.
    MaxLen(u64),
    /// Those before this id.
    MinId(StreamId),
}

/// One trim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// What goes.
    pub bound: Bound,
    /// Whole leaves only.
    pub approximate: bool,
    /// At most so many; 0 is no limit.
    pub limit: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Log {
    leaves: Tree<StreamId, Arc<Node>>,
    /// Bytes of the leaves, without the tree's.
    bytes: usize,
    len: u64,
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    added: u64,
}

/// More than an element takes beside its text, and more than an integer takes.
const ELEMENT_OVERHEAD: usize = 12;
/// Elements of a header and an entry that are neither names nor values.
const OTHER_ELEMENTS: usize = 10;

impl Log {
    /// Adds an entry; `fields` are names and values. Returns its id.
    pub fn append<'f>(
        &mut self,
        id: NewId,
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
        settings: &Settings,
    ) -> Result<StreamId, AppendError> {
        let id = self.choose(id).ok_or(AppendError::NotGreater)?;
        let text =
            fields.clone().fold(0usize, |sum, (n, v)| sum.saturating_add(n.len()).saturating_add(v.len()));
        // A first entry's names stand in the header only, so that they count once in any leaf.
        let elements = fields.len().saturating_mul(2).saturating_add(OTHER_ELEMENTS);
        let room = text.saturating_add(elements.saturating_mul(ELEMENT_OVERHEAD));
        if room > LEAF_MAX {
            return Err(AppendError::TooLarge);
        }
        if self.needs_new_leaf(text, room, settings) {
            let mut node = Node::new(fields.clone()).map_err(|_| AppendError::TooLarge)?;
            node.push(id, id, fields).map_err(|_| AppendError::TooLarge)?;
            self.bytes += node.memory();
            self.leaves.insert(id, Arc::new(node));
        } else if let Some((key, leaf)) = self.leaves.last_mut() {
            self.bytes -= leaf.memory();
            let done = Arc::make_mut(leaf).push(*key, id, fields);
            self.bytes += leaf.memory();
            debug_assert!(done.is_ok(), "the leaf had room");
        }
        self.len += 1;
        self.added = self.added.wrapping_add(1);
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
        Ok(id)
    }

    /// Deletes an entry; false if there is none with this id.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((key, place)) = self.range(id, id).place() else { return false };
        let Some(leaf) = self.leaves.get_mut(&key) else { return false };
        self.bytes -= leaf.memory();
        if leaf.live() == 1 {
            self.leaves.remove(&key);
        } else {
            Arc::make_mut(leaf).mark_deleted(&[place]);
            self.bytes += leaf.memory();
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if self.len == 0 {
            self.first_id = StreamId::ZERO;
        } else if id == self.first_id {
            self.first_id = self.first_live_id();
        }
        true
    }

    /// Trims; returns how many entries went.
    pub fn trim(&mut self, trim: &Trim, mut leaf_gone: impl FnMut()) -> u64 {
        let mut deleted = 0u64;
        while let Some((key, leaf)) = self.leaves.first() {
            if matches!(trim.bound, Bound::MaxLen(max) if self.len <= max) {
                break;
            }
            let (key, live) = (*key, leaf.live());
            if trim.limit > 0 && deleted + live > trim.limit {
                break;
            }
            let goes = match trim.bound {
                Bound::MaxLen(max) => self.len - live >= max,
                Bound::MinId(min) => leaf.last_id(key).unwrap_or_default() < min,
            };
            if goes {
                self.bytes -= leaf.memory();
                self.leaves.remove(&key);
                self.len -= live;
                deleted += live;
                leaf_gone();
                continue;
            }
            if !trim.approximate {
                deleted += self.trim_leaf(key, &trim.bound);
            }
            break;
        }
        if self.len == 0 {
            self.first_id = StreamId::ZERO;
        } else if deleted > 0 {
            self.first_id = self.first_live_id();
        }
        deleted
    }

    /// Marks the entries of the first leaf that a trim takes.
    fn trim_leaf(&mut self, key: StreamId, bound: &Bound) -> u64 {
        let Some(leaf) = self.leaves.get_mut(&key) else { return 0 };
        let mut places: Vec<Pos> = Vec::new();
        for record in leaf.records(key) {
            let stays = match bound {
                Bound::MaxLen(max) => self.len - places.len() as u64 <= *max,
                Bound::MinId(min) => record.id >= *min,
            };
            if stays {
                break;
            }
            if !record.deleted {
                places.push(record.place);
            }
        }
        self.bytes -= leaf.memory();
        Arc::make_mut(leaf).mark_deleted(&places);
        self.bytes += leaf.memory();
        self.len -= places.len() as u64;
        places.len() as u64
    }

    /// Sets what XSETID sets; `None` leaves a number as it is.
    pub fn set_last_id(&mut self, last_id: StreamId, added: Option<u64>, max_deleted_id: Option<StreamId>) {
        self.last_id = last_id;
        self.added = added.unwrap_or(self.added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
    }

    /// How many entries live.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id of the first live entry; `0-0` without one.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The greatest id ever given, or what XSETID said.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The greatest id that XDEL deleted; `0-0` if none.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.leaves.memory() + self.bytes
    }

    /// The live entries from `start` to `end`, both included.
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        Range::new(&self.leaves, start, end)
    }

    /// As [`Log::range`], from the greatest id down.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> RangeBack<'_> {
        RangeBack::new(&self.leaves, start, end)
    }

    /// Whether there is a live entry with this id.
    pub fn contains(&self, id: StreamId) -> bool {
        self.range(id, id).next().is_some()
    }

    /// The id of the last live entry.
    pub fn last_live_id(&self) -> Option<StreamId> {
        self.range_back(StreamId::ZERO, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// The id of the first entry, deleted or not: what an approximate MINID trim is logged as. Greatest without one.
    pub fn first_kept_id(&self) -> StreamId {
        let ids = self.leaves.iter().filter_map(|(key, leaf)| leaf.records(*key).next().map(|r| r.id));
        ids.into_iter().next().unwrap_or(StreamId::MAX)
    }

    /// The leaves as Redis stores them, with their keys.
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = (StreamId, &[u8])> {
        Leaves { inner: self.leaves.iter(), left: self.leaves.len() }
    }

    /// As [`Log::leaves`], from the first leaf on whose key is not smaller.
    pub fn leaves_from(&self, key: StreamId) -> impl Iterator<Item = (StreamId, &[u8])> {
        self.leaves.from(&key).map(|(key, leaf)| (*key, leaf.pack.as_bytes()))
    }

    /// Whether a deleted entry may lie between `start` and the end.
    pub fn may_have_deleted_since(&self, start: StreamId) -> bool {
        self.len > 0
            && !self.max_deleted_id.is_zero()
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }

    /// How many entries were ever added up to this id, it included; `None` when deletions hide it.
    pub fn position_of(&self, id: StreamId) -> Option<i64> {
        let added = self.added as i64;
        if self.added == 0 {
            return Some(0);
        }
        if (self.len == 0 && id <= self.last_id) || id == self.last_id {
            return Some(added);
        }
        if id > self.last_id {
            return None;
        }
        let before_first = added.wrapping_sub(self.len as i64);
        match id.cmp(&self.first_id) {
            _ if !self.max_deleted_id.is_zero() && self.max_deleted_id >= self.first_id => None,
            std::cmp::Ordering::Less => Some(before_first),
            std::cmp::Ordering::Equal => Some(before_first.wrapping_add(1)),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// How many pointers a clone copies.
    #[cfg(test)]
    pub(super) fn root_len(&self) -> usize {
        self.leaves.root_len()
    }

    /// [`Log::memory`] and [`Log::len`] counted anew.
    #[cfg(test)]
    pub(super) fn recount(&self) -> (usize, u64) {
        let bytes: usize = self.leaves.iter().map(|(_, leaf)| leaf.memory()).sum();
        (self.leaves.memory() + bytes, self.leaves.iter().map(|(_, leaf)| leaf.live()).sum())
    }

    /// How many nodes Redis's radix tree over the leaves' keys has (XINFO STREAM shows it). O(leaves).
    pub fn radix_nodes(&self) -> usize {
        super::radix::nodes(self.leaves.iter().map(|(key, _)| key.to_bytes()))
    }

    /// Puts a leaf from a file in; false if there is one with that key.
    pub(super) fn restore_leaf(&mut self, key: StreamId, node: Node) -> bool {
        self.bytes += node.memory();
        self.leaves.insert(key, Arc::new(node)).is_none()
    }

    /// Sets the numbers of a file, for which the leaves are there.
    pub(super) fn restore_numbers(&mut self, numbers: &Numbers) {
        self.len = numbers.len;
        self.last_id = numbers.last_id;
        match &numbers.newer {
            Some(newer) => {
                self.first_id = newer.first_id;
                self.max_deleted_id = newer.max_deleted_id;
                self.added = newer.added;
            }
            None => {
                self.first_id = self.first_live_id();
                self.added = self.len;
            }
        }
    }

    fn choose(&self, id: NewId) -> Option<StreamId> {
        let id = match id {
            NewId::Whole(id) => id,
            NewId::Auto(ms) if ms > self.last_id.ms => StreamId::new(ms, 0),
            NewId::Auto(_) => self.last_id.next()?,
            NewId::AutoSeq(ms) if ms == self.last_id.ms => {
                StreamId::new(ms, self.last_id.seq.checked_add(1)?)
            }
            NewId::AutoSeq(ms) => StreamId::new(ms, 0),
        };
        (id > self.last_id).then_some(id)
    }

    /// Whether an entry with so much text opens a new leaf.
    fn needs_new_leaf(&self, text: usize, room: usize, settings: &Settings) -> bool {
        let Some((_, leaf)) = self.leaves.last() else { return true };
        let max = match usize::try_from(settings.stream_node_max_bytes) {
            Ok(bytes) if (1..=MAX_BYTES).contains(&bytes) => bytes,
            _ => MAX_BYTES,
        };
        let (live, deleted) = leaf.counts();
        let entries = u64::try_from(live.saturating_add(deleted)).unwrap_or(0);
        let bytes = leaf.pack.bytes_len();
        bytes.saturating_add(text) >= max
            || bytes.saturating_add(room) > LEAF_MAX
            || (settings.stream_node_max_entries > 0 && entries >= settings.stream_node_max_entries)
    }

    fn first_live_id(&self) -> StreamId {
        self.range(StreamId::ZERO, StreamId::MAX).next().map_or(StreamId::MAX, |entry| entry.id)
    }
}

struct Leaves<'a> {
    inner: super::tree::Ascending<'a, StreamId, Arc<Node>>,
    left: usize,
}

impl<'a> Iterator for Leaves<'a> {
    type Item = (StreamId, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, leaf) = self.inner.next()?;
        self.left -= 1;
        Some((*key, leaf.pack.as_bytes()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Leaves<'_> {}
