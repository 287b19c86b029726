//! Walking a listpack from both ends.

use super::{Entry, Listpack, Pos, back_len, entry_at, read_back_len};

/// The elements between two byte offsets.
#[derive(Clone, Default)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn between(listpack: &'a Listpack, front: usize, back: usize) -> Self {
        Self { bytes: &listpack.bytes, front, back }
    }

    /// Where the element is that comes next from the front.
    #[inline]
    pub fn pos(&self) -> Option<Pos> {
        if self.front < self.back { Pos::new(self.front) } else { None }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (entry, size) = entry_at(self.bytes, self.front)?;
        self.front += size + back_len(size);
        Some(entry)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let (size, back) = read_back_len(self.bytes, self.back)?;
        let start = self.back.checked_sub(size + back)?;
        let (entry, _) = entry_at(self.bytes, start)?;
        self.back = start;
        Some(entry)
    }
}
