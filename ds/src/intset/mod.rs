//! A sorted array of distinct integers in Redis's own bytes: what small sets of integers are, in memory and in RDB.
//!
//! ```text
//! | width: u32 (2, 4 or 8) | length: u32 | length integers of that width, ascending |      all little-endian
//! ```
//!
//! The width is that of the widest integer ever added; it never narrows, as in Redis, so that the bytes are equal.
//! Lookups are binary searches, changes move the tail: it is meant for a few hundred members.

#[cfg(test)]
mod tests;

use crate::{Block, hint, size};

const HEADER: usize = 8;
static EMPTY: [u8; HEADER] = [2, 0, 0, 0, 0, 0, 0, 0];

/// Why bytes are not an integer set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntSetError;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IntSet {
    bytes: Block,
}

impl Default for IntSet {
    fn default() -> Self {
        Self::new()
    }
}

impl IntSet {
    /// The most integers that there may be.
    pub const MAX: usize = 1 << 28;

    /// An empty one; it allocates nothing.
    pub fn new() -> Self {
        Self { bytes: Block::of_static(&EMPTY) }
    }

    /// Makes room in an empty one for these integers, which will all be added.
    pub fn reserve(&mut self, values: impl Iterator<Item = i64>) {
        let (count, width) =
            values.fold((0, 2), |(count, width), value| (count + 1, width_of(value).max(width)));
        if count <= Self::MAX && self.is_empty() {
            self.widen_for(width, count);
        }
    }

    /// Takes over what [`IntSet::as_bytes`] gave. Everything is checked: width, length, order, no duplicates.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, IntSetError> {
        if bytes.capacity() > u32::MAX as usize {
            return Err(IntSetError);
        }
        let set = Self { bytes: bytes.into() };
        let header = set.bytes.get(..HEADER).ok_or(IntSetError)?;
        let width = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        if !matches!(width, 2 | 4 | 8) || set.bytes.len() as u64 != 8 + u64::from(width) * u64::from(length) {
            return Err(IntSetError);
        }
        let ascending = (1..set.len()).all(|index| set.at(index - 1) < set.at(index));
        if ascending { Ok(set) } else { Err(IntSetError) }
    }

    /// Redis's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Has its first bytes fetched.
    pub fn fetch(&self) {
        hint::fetch_bytes(&self.bytes);
    }

    /// How many integers there are.
    pub fn len(&self) -> usize {
        (self.bytes.len() - HEADER) / self.width()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        size::rounded(self.bytes.capacity())
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Adds `value`; false if it was there. There may be at most [`IntSet::MAX`].
    pub fn insert(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            self.widen_for(width_of(value), 1);
        }
        let Err(index) = self.search(value) else { return false };
        let (width, at) = (self.width(), self.offset(index));
        let old = self.bytes.len();
        self.bytes.reserve(width);
        self.bytes.edit(|bytes| bytes.resize(old + width, 0));
        self.bytes.copy_within(at..old, at + width);
        self.put(index, value);
        self.set_length();
        true
    }

    /// Removes `value`; false if it was not there.
    pub fn remove(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else { return false };
        let (at, width) = (self.offset(index), self.width());
        self.bytes.edit(|bytes| {
            bytes.drain(at..at + width);
            size::release(bytes);
        });
        self.set_length();
        true
    }

    /// The `index`-th smallest.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The smallest.
    pub fn first(&self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest.
    pub fn last(&self) -> Option<i64> {
        self.len().checked_sub(1).map(|index| self.at(index))
    }

    /// All, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Bytes per integer.
    fn width(&self) -> usize {
        // The other three bytes are zero: 2, 4 or 8, by construction and by `from_bytes`.
        usize::from(self.bytes[0])
    }

    fn offset(&self, index: usize) -> usize {
        HEADER + index * self.width()
    }

    fn at(&self, index: usize) -> i64 {
        let at = self.offset(index);
        let bytes = &self.bytes[at..];
        match self.width() {
            2 => i64::from(i16::from_le_bytes([bytes[0], bytes[1]])),
            4 => i64::from(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            _ => {
                let mut word = [0; 8];
                word.copy_from_slice(&bytes[..8]);
                i64::from_le_bytes(word)
            }
        }
    }

    fn put(&mut self, index: usize, value: i64) {
        let (at, width) = (self.offset(index), self.width());
        self.bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }

    fn search(&self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.at(middle).cmp(&value) {
                core::cmp::Ordering::Equal => return Ok(middle),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Gives all integers this width, and makes room for some more.
    fn widen_for(&mut self, width: usize, more: usize) {
        let mut wide = Vec::with_capacity(size::rounded(HEADER + width * (self.len() + more)));
        wide.extend_from_slice(&(width as u32).to_le_bytes());
        wide.extend_from_slice(&self.bytes[4..HEADER]);
        for value in self.iter() {
            wide.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        self.bytes = wide.into();
    }

    fn set_length(&mut self) {
        let length = self.len() as u32;
        self.bytes[4..HEADER].copy_from_slice(&length.to_le_bytes());
    }
}

fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}
