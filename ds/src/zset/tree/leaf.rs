//! A leaf of the tree: up to [`LEAF_MAX`] elements in order, their members one behind the other in one buffer.
//!
//! A leaf holds at most [`LEAF_BYTES`] of members, or a single member of any length below 4 GiB.

use super::order;
use core::cmp::Ordering;

/// Elements in a leaf, at most.
pub(super) const LEAF_MAX: usize = 128;
/// Bytes of members in a leaf with more than one element, at most.
pub(super) const LEAF_BYTES: usize = 8 << 10;
/// Elements and bytes by which a leaf's buffers grow: little is wasted, and a leaf grows at most a few times.
const GROWTH: usize = 16;
const GROWTH_BYTES: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Leaf {
    scores: Vec<f64>,
    /// Where each member ends in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Clone for Leaf {
    fn clone(&self) -> Self {
        // A copy is made to be written to: keep its room for growth.
        let mut copy = Leaf::with_room(self.scores.capacity(), self.bytes.capacity());
        copy.append(self);
        copy
    }
}

impl Leaf {
    pub(super) fn of_one(score: f64, member: &[u8]) -> Self {
        let mut leaf = Leaf::default();
        leaf.insert(0, score, member);
        leaf
    }

    fn with_room(elements: usize, bytes: usize) -> Self {
        Self {
            scores: Vec::with_capacity(elements),
            ends: Vec::with_capacity(elements),
            bytes: Vec::with_capacity(bytes),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(super) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.ends[at - 1] as usize }
    }

    /// The element at a place below [`Leaf::len`].
    #[inline]
    pub(super) fn get(&self, at: usize) -> (f64, &[u8]) {
        (self.scores[at], &self.bytes[self.start(at)..self.ends[at] as usize])
    }

    /// How many elements from the first on fulfil `pred`, which must hold for a prefix.
    #[inline]
    pub(super) fn partition_point(&self, mut pred: impl FnMut(f64, &[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            let (score, member) = self.get(middle);
            if pred(score, member) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where the element is, or would be.
    #[inline]
    pub(super) fn place_of(&self, score: f64, member: &[u8]) -> usize {
        // Scores decide mostly, and they lie side by side.
        let first = self.scores.partition_point(|s| *s < score);
        if self.scores.get(first).is_none_or(|s| *s != score) {
            return first;
        }
        self.partition_point(|s, m| order((s, m), (score, member)) == Ordering::Less)
    }

    pub(super) fn has_room_for(&self, member: &[u8]) -> bool {
        self.len() == 0
            || self.len() < LEAF_MAX && self.bytes.len().saturating_add(member.len()) <= LEAF_BYTES
    }

    pub(super) fn insert(&mut self, at: usize, score: f64, member: &[u8]) {
        grow(&mut self.scores, 1, GROWTH);
        grow(&mut self.ends, 1, GROWTH);
        grow(&mut self.bytes, member.len(), GROWTH_BYTES);
        let start = self.start(at);
        let old_len = self.bytes.len();
        self.bytes.extend_from_slice(member);
        if start < old_len {
            self.bytes.copy_within(start..old_len, start + member.len());
            self.bytes[start..start + member.len()].copy_from_slice(member);
        }
        self.scores.insert(at, score);
        self.ends.insert(at, start as u32);
        self.ends[at..].iter_mut().for_each(|end| *end += member.len() as u32);
    }

    /// Removes `count` elements from a place on, which are there.
    pub(super) fn remove(&mut self, at: usize, count: usize) {
        let behind = at + count;
        let (start, end) = (self.start(at), self.start(behind));
        self.bytes.drain(start..end);
        self.scores.drain(at..behind);
        self.ends.drain(at..behind);
        self.ends[at..].iter_mut().for_each(|e| *e -= (end - start) as u32);
        self.give_back();
    }

    /// The score of an element whose place stays the same.
    pub(super) fn set_score(&mut self, at: usize, score: f64) {
        self.scores[at] = score;
    }

    /// Takes the elements from `at` on away.
    pub(super) fn split_off(&mut self, at: usize) -> Leaf {
        let start = self.start(at);
        let mut right = Leaf::with_room(self.len() - at + GROWTH, self.bytes.len() - start + GROWTH_BYTES);
        right.scores.extend_from_slice(&self.scores[at..]);
        right.ends.extend(self.ends[at..].iter().map(|end| end - start as u32));
        right.bytes.extend_from_slice(&self.bytes[start..]);
        self.scores.truncate(at);
        self.ends.truncate(at);
        self.bytes.truncate(start);
        self.give_back();
        right
    }

    /// Adds the elements of `other`, which all come after these. The caller has checked the sizes.
    pub(super) fn append(&mut self, other: &Leaf) {
        let shift = self.bytes.len() as u32;
        grow(&mut self.scores, other.len(), 0);
        grow(&mut self.ends, other.len(), 0);
        grow(&mut self.bytes, other.bytes.len(), 0);
        self.scores.extend_from_slice(&other.scores);
        self.ends.extend(other.ends.iter().map(|end| end + shift));
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// Shrinks buffers of which half is unused.
    fn give_back(&mut self) {
        if self.scores.capacity() > 2 * self.scores.len() + GROWTH {
            self.scores.shrink_to(self.scores.len() + GROWTH);
            self.ends.shrink_to(self.ends.len() + GROWTH);
        }
        if self.bytes.capacity() > 2 * self.bytes.len() + GROWTH_BYTES {
            self.bytes.shrink_to(self.bytes.len() + GROWTH_BYTES);
        }
    }

    /// Bytes of the buffers.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.scores.capacity() * size_of::<f64>()
            + self.ends.capacity() * size_of::<u32>()
            + self.bytes.capacity()
    }
}

/// Makes room for `more` items, and a little beyond when that needs an allocation.
fn grow<T>(buffer: &mut Vec<T>, more: usize, spare: usize) {
    if buffer.capacity() - buffer.len() < more {
        buffer.reserve_exact(more + spare);
    }
}
