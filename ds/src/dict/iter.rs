//! All members, in order of segments.

use super::segment::Segment;
use super::{Dict, Root};

/// A member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item<'a, V> {
    /// The member itself.
    pub key: &'a [u8],
    /// What [`Dict::insert_with`] kept with it.
    pub payload: Option<&'a [u8]>,
    /// Its value.
    pub value: &'a V,
}

impl<'a, V> Item<'a, V> {
    #[inline]
    pub(super) fn of(segment: &'a Segment<V>, index: usize) -> Self {
        let (key, payload) = segment.record(index);
        Self { key, payload, value: &segment.entries()[index].value }
    }
}

/// See [`Dict::items`].
#[derive(Clone, Debug)]
pub struct Iter<'a, V> {
    root: &'a Root<V>,
    /// Page, segment and member to be given next.
    at: (usize, usize, usize),
    left: usize,
}

impl<V> Dict<V> {
    /// Every member once, in an order that follows from the seed and from how the table came to be.
    pub fn items(&self) -> Iter<'_, V> {
        Iter { root: &self.root, at: (0, 0, 0), left: self.len }
    }

    /// [`Dict::items`] without payloads.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &V)> {
        self.items().map(|item| (item.key, item.value))
    }
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = Item<'a, V>;

    fn next(&mut self) -> Option<Item<'a, V>> {
        loop {
            let segment = match self.root {
                Root::One(segment) => (self.at.1 == 0).then_some(segment)?,
                Root::Many(pages) => {
                    let (_, page) = pages.get(self.at.0)?;
                    let Some(segment) = page.segments.get(self.at.1) else {
                        self.at = (self.at.0 + 1, 0, 0);
                        continue;
                    };
                    segment
                }
            };
            if self.at.2 < segment.len() {
                let item = Item::of(segment, self.at.2);
                self.at.2 += 1;
                self.left -= 1;
                return Some(item);
            }
            self.at = (self.at.0, self.at.1 + 1, 0);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<V> ExactSizeIterator for Iter<'_, V> {}
