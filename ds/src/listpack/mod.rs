//! The listpack: Redis's form of small collections, a run of elements in one block of bytes, to the byte as Redis
//! writes it, so that DUMP and RDB take it as it is.
//!
//! ```text
//! | total bytes: u32 | elements: u16 | element | element | ... | 0xff |
//! element: | head | text (of a string) | backward length: 1 to 5 bytes |
//! ```
//!
//! The head says whether a number follows or how long the string is; the backward length is the element's size
//! without itself and lets a reader walk from the end. A count of 65535 stands for "that many or more: count them".
//! Finding the n-th element walks from the nearer end, and a change in the middle moves all bytes behind it, so a
//! listpack stays small: its users change to another structure, or split, long before [`MAX_BYTES`].
//!
//! Invariants: the bytes pass [`Listpack::from_bytes`] at any time; an element that reads as an integer is stored as
//! one (unless a payload from elsewhere did otherwise). A [`Pos`] is only good until the next change; a stale one
//! gives wrong elements or none, never a panic.

mod entry;
mod iter;
mod validate;

pub use entry::Entry;
pub use iter::Iter;
pub use validate::Corrupt;

use crate::{Block, hint, size};
use entry::{END, Head, back_len, entry_at, push_back_len, read_back_len, size_at};

/// No listpack grows past this; Redis's limit.
pub const MAX_BYTES: usize = 1 << 30;
/// Total bytes and count.
const HEADER: usize = 6;
/// The count that stands for "count them".
const UNCOUNTED: u16 = u16::MAX;

/// What an empty listpack's bytes are.
static EMPTY: [u8; HEADER + 1] = [HEADER as u8 + 1, 0, 0, 0, 0, 0, END];

/// The element would take the listpack past [`MAX_BYTES`]; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

/// Where an element is: a byte offset, never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pos(std::num::NonZeroU32);

impl Pos {
    fn new(at: usize) -> Option<Self> {
        Some(Self(std::num::NonZeroU32::new(u32::try_from(at).ok()?)?))
    }

    #[inline]
    fn at(self) -> usize {
        self.0.get() as usize
    }
}

/// See the module.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack {
    bytes: Block,
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Listpack {
    /// An empty one; it allocates nothing.
    pub fn new() -> Self {
        Self { bytes: Block::of_static(&EMPTY) }
    }

    /// Makes room for elements that take these sizes ([`Listpack::entry_size`]).
    pub fn reserve(&mut self, sizes: impl Iterator<Item = usize>) {
        let bytes = sizes.fold(0, usize::saturating_add);
        if bytes <= MAX_BYTES {
            self.bytes.reserve(bytes);
        }
    }

    /// An empty one with room for `bytes` bytes of elements.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut listpack = Self { bytes: Block::of_static(&EMPTY) };
        listpack.bytes.reserve(bytes.min(MAX_BYTES));
        listpack
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back<'a>(&mut self, value: impl Into<Entry<'a>>) -> Result<(), TooLarge> {
        self.put(self.bytes.len() - 1, 0, &value.into())
    }

    /// Adds an element at the beginning.
    #[inline]
    pub fn push_front<'a>(&mut self, value: impl Into<Entry<'a>>) -> Result<(), TooLarge> {
        self.put(HEADER, 0, &value.into())
    }

    /// Puts an element before the one at `pos`; the new one is then at `pos`.
    pub fn insert_before<'a>(&mut self, pos: Pos, value: impl Into<Entry<'a>>) -> Result<(), TooLarge> {
        self.put(pos.at(), 0, &value.into())
    }

    /// Puts an element behind the one at `pos`.
    pub fn insert_after<'a>(&mut self, pos: Pos, value: impl Into<Entry<'a>>) -> Result<(), TooLarge> {
        let behind = self.behind(pos.at()).unwrap_or(self.bytes.len() - 1);
        self.put(behind, 0, &value.into())
    }

    /// Puts another element in the place of the one at `pos`; it is at `pos` then.
    pub fn replace<'a>(&mut self, pos: Pos, value: impl Into<Entry<'a>>) -> Result<(), TooLarge> {
        let old = self.behind(pos.at()).map_or(0, |behind| behind - pos.at());
        self.put(pos.at(), old, &value.into())
    }

    /// Takes the element at `pos` out. Returns where its successor is now.
    pub fn remove(&mut self, pos: Pos) -> Option<Pos> {
        self.remove_from(pos, 1)
    }

    /// Takes up to `count` elements out, beginning with the one at `pos`. Returns where the next one is now.
    pub fn remove_from(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        let (mut end, mut removed) = (pos.at(), 0);
        while removed < count {
            let Some(behind) = self.behind(end) else { break };
            end = behind;
            removed += 1;
        }
        self.cut(pos.at(), end, removed);
        self.here(pos.at())
    }

    /// Takes up to `count` elements out, beginning with the `index`-th (negative: from the end).
    pub fn remove_range(&mut self, index: i64, count: usize) {
        if let Some(pos) = self.seek(index) {
            self.remove_from(pos, count);
        }
    }

    /// Adds all elements of `other` at the end.
    pub fn append(&mut self, other: &Listpack) -> Result<(), TooLarge> {
        let elements = &other.bytes[HEADER..other.bytes.len() - 1];
        let total = self.bytes.len() + elements.len();
        if total > MAX_BYTES {
            return Err(TooLarge);
        }
        let count = self.len() + other.len();
        self.bytes.reserve(elements.len());
        self.bytes.edit(|bytes| {
            bytes.pop();
            bytes.extend_from_slice(elements);
            bytes.push(END);
        });
        self.set_header(count);
        Ok(())
    }

    /// Takes the element at `pos` and all behind it into a listpack of their own.
    pub fn split_off(&mut self, pos: Pos) -> Listpack {
        let mut tail = Self::with_capacity(self.bytes.len().saturating_sub(pos.at()));
        let (mut end, mut moved) = (pos.at(), 0);
        while let Some(behind) = self.behind(end) {
            end = behind;
            moved += 1;
        }
        tail.bytes.edit(|bytes| {
            bytes.pop();
            bytes.extend_from_slice(self.bytes.get(pos.at()..end).unwrap_or_default());
            bytes.push(END);
        });
        tail.set_header(moved);
        self.cut(pos.at(), end, moved);
        tail
    }

    /// Gives back unused room.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.edit(Vec::shrink_to_fit);
    }

    /// How many elements there are. O(1) up to 65534 of them, a walk beyond.
    #[inline]
    pub fn len(&self) -> usize {
        match self.counted() {
            UNCOUNTED => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() <= EMPTY.len()
    }

    /// All bytes as Redis writes them.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes [`Listpack::as_bytes`] has.
    #[inline]
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes on the heap.
    #[inline]
    pub fn memory(&self) -> usize {
        size::rounded(self.bytes.capacity())
    }

    /// Whether `more` bytes of elements still fit under [`MAX_BYTES`].
    pub fn has_room(&self, more: usize) -> bool {
        self.bytes.len().saturating_add(more) <= MAX_BYTES
    }

    /// How many bytes an element takes in a listpack.
    pub fn entry_size<'a>(value: impl Into<Entry<'a>>) -> usize {
        let entry = value.into();
        let text = if let Entry::Bytes(text) = entry { text.len() } else { 0 };
        let size = Head::of(&entry).as_slice().len() + text;
        size + back_len(size)
    }

    /// Has its first bytes fetched.
    #[inline]
    pub fn fetch(&self) {
        hint::fetch_bytes(&self.bytes);
    }

    /// The first element.
    #[inline]
    pub fn first(&self) -> Option<Pos> {
        self.here(HEADER)
    }

    /// The last element.
    #[inline]
    pub fn last(&self) -> Option<Pos> {
        self.before(self.bytes.len() - 1)
    }

    /// The element behind the one at `pos`.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.here(self.behind(pos.at())?)
    }

    /// The element before the one at `pos`.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.before(pos.at())
    }

    /// The `index`-th element: from 0, or with a negative index from the end, which is -1.
    pub fn seek(&self, index: i64) -> Option<Pos> {
        let count = self.counted();
        let index = match count {
            UNCOUNTED => index,
            count => {
                let count = i64::from(count);
                let from_start = if index < 0 { index + count } else { index };
                if !(0..count).contains(&from_start) {
                    return None;
                }
                // From the nearer end.
                if from_start > count / 2 { from_start - count } else { from_start }
            }
        };
        if index < 0 {
            (index + 1..0).try_fold(self.last()?, |pos, _| self.prev(pos))
        } else {
            (0..index).try_fold(self.first()?, |pos, _| self.next(pos))
        }
    }

    /// The element at `pos`; an empty one if there is none.
    #[inline]
    pub fn get(&self, pos: Pos) -> Entry<'_> {
        entry_at(&self.bytes, pos.at()).map_or(Entry::Bytes(&[]), |(entry, _)| entry)
    }

    /// The first element with the text of `value`, looking at the one at `pos` and then at every `skip + 1`-th.
    pub fn find<'a>(&self, pos: Pos, value: impl Into<Entry<'a>>, skip: usize) -> Option<Pos> {
        let value = value.into();
        let (mut at, end) = (pos.at(), self.bytes.len() - 1);
        while at < end {
            let (entry, size) = entry_at(&self.bytes, at)?;
            if entry.same_text(&value) {
                return Pos::new(at);
            }
            at += size + back_len(size);
            for _ in 0..skip {
                let size = size_at(&self.bytes, at)?;
                at += size + back_len(size);
            }
        }
        None
    }

    /// All elements from the first to the last; walks from either end.
    pub fn iter(&self) -> Iter<'_> {
        Iter::between(self, HEADER, self.bytes.len() - 1)
    }

    /// The elements from the one at `pos` on; walks from either end.
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter::between(self, pos.at(), self.bytes.len() - 1)
    }

    /// The elements up to and with the one at `pos`; walks from either end.
    pub fn iter_through(&self, pos: Pos) -> Iter<'_> {
        Iter::between(self, HEADER, self.behind(pos.at()).unwrap_or(HEADER))
    }

    /// The count of the header.
    #[inline]
    fn counted(&self) -> u16 {
        u16::from_le_bytes([self.bytes[4], self.bytes[5]])
    }

    /// `at` as a position, if an element starts there.
    #[inline]
    fn here(&self, at: usize) -> Option<Pos> {
        if at + 1 >= self.bytes.len() { None } else { Pos::new(at) }
    }

    /// Where the element behind the one at `at`, or the end mark, starts; `None` if no element is at `at`.
    #[inline]
    fn behind(&self, at: usize) -> Option<usize> {
        let size = size_at(&self.bytes, at)?;
        let behind = at + size + back_len(size);
        (behind < self.bytes.len()).then_some(behind)
    }

    /// The element that ends at `at`.
    #[inline]
    fn before(&self, at: usize) -> Option<Pos> {
        if at <= HEADER {
            return None;
        }
        let (size, back) = read_back_len(&self.bytes, at)?;
        let start = at.checked_sub(size + back)?;
        if start < HEADER { None } else { Pos::new(start) }
    }

    /// Writes `entry` at `at` in the place of `old` bytes: of none, or of one whole element.
    fn put(&mut self, at: usize, old: usize, entry: &Entry<'_>) -> Result<(), TooLarge> {
        let text = if let Entry::Bytes(text) = entry { text } else { &[][..] };
        let at = at.min(self.bytes.len() - 1);
        if text.len() > MAX_BYTES {
            return Err(TooLarge);
        }
        let head = Head::of(entry);
        let head = head.as_slice();
        let mut back = [0; 5];
        let back_len = push_back_len(&mut back, head.len() + text.len());
        let size = head.len() + text.len() + back_len;
        let total = self.bytes.len() - old + size;
        if total > MAX_BYTES {
            return Err(TooLarge);
        }
        if at + 1 == self.bytes.len() {
            self.bytes.reserve(size);
            self.bytes.edit(|bytes| {
                bytes.pop();
                bytes.extend_from_slice(head);
                bytes.extend_from_slice(text);
                bytes.extend_from_slice(&back[..back_len]);
                bytes.push(END);
            });
        } else {
            self.open(at, old, size);
            let (head_end, text_end) = (at + head.len(), at + head.len() + text.len());
            self.bytes[at..head_end].copy_from_slice(head);
            self.bytes[head_end..text_end].copy_from_slice(text);
            self.bytes[text_end..at + size].copy_from_slice(&back[..back_len]);
        }
        self.adjust(i64::from(old == 0));
        Ok(())
    }

    /// Moves what is behind the `old` bytes at `at`, so that there are `new` of them.
    fn open(&mut self, at: usize, old: usize, new: usize) {
        if new == old {
            return;
        }
        let len = self.bytes.len();
        if new > old {
            self.bytes.reserve(new - old);
            self.bytes.edit(|bytes| bytes.resize(len + new - old, 0));
            self.bytes.copy_within(at + old..len, at + new);
        } else {
            self.bytes.copy_within(at + old.., at + new);
            self.bytes.edit(|bytes| {
                bytes.truncate(len + new - old);
                size::release(bytes);
            });
        }
    }

    /// Drops the bytes of `removed` whole elements.
    fn cut(&mut self, start: usize, end: usize, removed: usize) {
        if removed == 0 {
            return;
        }
        self.open(start, end - start, 0);
        self.adjust(-(removed as i64));
    }

    /// Brings the header up to date after `delta` elements came or went.
    #[inline]
    fn adjust(&mut self, delta: i64) {
        match self.counted() {
            UNCOUNTED => self.recount(),
            count => self.set_header((i64::from(count) + delta) as usize),
        }
    }

    /// As [`Listpack::adjust`] where the count was unknown: it stays so until the bytes leave no room for as many.
    #[cold]
    fn recount(&mut self) {
        let smallest_element = 2;
        let possible = (self.bytes.len() - EMPTY.len()) / smallest_element;
        let count =
            if possible < usize::from(UNCOUNTED) { self.iter().count() } else { usize::from(UNCOUNTED) };
        self.set_header(count);
    }

    #[inline]
    fn set_header(&mut self, count: usize) {
        let total = (self.bytes.len() as u32).to_le_bytes();
        let count = u16::try_from(count).unwrap_or(UNCOUNTED).to_le_bytes();
        self.bytes[..4].copy_from_slice(&total);
        self.bytes[4..HEADER].copy_from_slice(&count);
    }
}

#[cfg(test)]
mod tests;
