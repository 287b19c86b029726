//! All members, in order of segments.

use super::segment::View;
use super::value::Value;
use super::{Dict, Root};

/// A member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item<'a, V> {
    /// The member itself.
    pub key: &'a [u8],
    /// What [`Dict::insert_with`] kept with it.
    pub payload: Option<&'a [u8]>,
    /// Its value.
    pub value: V,
}

/// See [`Dict::items`].
#[derive(Clone, Debug)]
pub struct Iter<'a, V> {
    root: &'a Root<V>,
    /// The segment at hand, and the index in it that comes next.
    here: Option<(View<'a, V>, usize)>,
    /// Page and number of the segment behind it.
    next: (usize, usize),
    left: usize,
}

impl<V: Value> Dict<V> {
    /// Every member once, in an order that follows from the seed and from how the table came to be.
    pub fn items(&self) -> Iter<'_, V> {
        Iter { root: &self.root, here: None, next: (0, 0), left: self.len }
    }

    /// [`Dict::items`] without payloads.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], V)> {
        self.items().map(|item| (item.key, item.value))
    }
}

impl<'a, V: Value> Iter<'a, V> {
    fn next_segment(&mut self) -> Option<View<'a, V>> {
        match self.root {
            Root::One(segment) => {
                let first = self.next == (0, 0);
                self.next = (1, 0);
                first.then(|| segment.view())
            }
            Root::Many(pages) => {
                if pages.get(self.next.0)?.1.segments.len() == self.next.1 {
                    self.next = (self.next.0 + 1, 0);
                }
                let segment = pages.get(self.next.0)?.1.segments.get(self.next.1)?;
                self.next.1 += 1;
                Some(segment.view())
            }
        }
    }
}

impl<'a, V: Value> Iterator for Iter<'a, V> {
    type Item = Item<'a, V>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a, V>> {
        loop {
            while let Some((segment, index)) = &mut self.here
                && *index < segment.indexes()
            {
                *index += 1;
                if let Some(item) = segment.item_at(*index - 1) {
                    self.left = self.left.saturating_sub(1);
                    return Some(item);
                }
            }
            self.here = Some((self.next_segment()?, 0));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<V: Value> ExactSizeIterator for Iter<'_, V> {}
