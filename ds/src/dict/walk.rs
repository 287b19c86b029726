//! Cursors and random members.

use super::iter::Item;
use super::segment::View;
use super::value::Value;
use super::{Dict, PAGE_MAX, Root};
use base::Prng;

/// One more than the greatest hash.
const END: u64 = 1 << 32;
/// Draws after which [`Dict::random`] takes what it has; usually two or three are enough.
const DRAWS_MAX: usize = 200;

/// A sample of more than one member in so many is chosen in one pass over all.
const DENSE: usize = 3;

/// `count` of the items, each choice of them equally likely, in the order in which they come: an item is taken with the
/// probability of places left over items left.
pub(crate) fn choose<I: ExactSizeIterator>(
    items: I,
    count: usize,
    prng: &mut Prng,
    mut f: impl FnMut(I::Item),
) {
    let (mut left, mut wanted) = (items.len() as u64, count as u64);
    for item in items {
        if prng.below(left) < wanted {
            f(item);
            wanted -= 1;
        }
        left = left.saturating_sub(1);
    }
}

impl<V: Value> Dict<V> {
    /// Gives about `count` members from the cursor on, 0 at first; returns the next cursor, 0 after the last member.
    ///
    /// A member that is there from the first call of a round to the last is given once, whatever else changes.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_, V>)) -> u64 {
        let mut cursor = cursor;
        let mut left = count.max(1);
        while cursor < END && left > 0 {
            let (segment, end) = self.segment_and_end(cursor as u32);
            let (given, next) = scan_segment(segment, cursor as u32, left, &mut f);
            left = left.saturating_sub(given);
            cursor = next.unwrap_or(end);
        }
        if cursor < END { cursor } else { 0 }
    }

    /// A random member, each with the same probability.
    pub fn random(&self, prng: &mut Prng) -> Option<Item<'_, V>> {
        if self.len == 0 {
            return None;
        }
        // A draw names a page, a place among the most segments and one among the most indexes; all places are
        // equally likely, and those that are empty are drawn again.
        for _ in 0..DRAWS_MAX {
            let segment = match &self.root {
                Root::One(segment) => segment.view(),
                Root::Many(pages) => {
                    let page = &pages[prng.below(pages.len() as u64) as usize].1;
                    let widest = if pages.len() == 1 { page.segments.len() } else { PAGE_MAX };
                    let drawn = prng.below(widest as u64) as usize;
                    let Some(segment) = page.segments.get(drawn) else { continue };
                    segment.view()
                }
            };
            let indexes = if let Root::One(_) = &self.root { segment.indexes() } else { self.widest };
            if let Some(item) = segment.item_at(prng.below(indexes as u64) as usize) {
                return Some(item);
            }
        }
        self.items().nth(prng.below(self.len as u64) as usize)
    }

    /// `count` different random members (all, if there are not so many), each choice of them equally likely.
    pub fn sample<'a>(&'a self, count: usize, prng: &mut Prng, mut f: impl FnMut(Item<'a, V>)) {
        if count.saturating_mul(DENSE) > self.len {
            choose(self.items(), count, prng, f);
            return;
        }
        let mut seen = Dict::new(prng.next_u64());
        while seen.len() < count {
            let Some(item) = self.random(prng) else { return };
            if seen.insert(item.key, ()).is_none() {
                f(item);
            }
        }
    }

    /// The segment of a hash, and the first hash after it.
    fn segment_and_end(&self, hash: u32) -> (View<'_, V>, u64) {
        match &self.root {
            Root::One(segment) => (segment.view(), END),
            Root::Many(pages) => {
                let at = self.place(hash);
                let page = &pages[at.0].1;
                let next_page = || pages.get(at.0 + 1).map(|(start, _)| *start);
                let end = page.starts.get(at.1 + 1).copied().or_else(next_page);
                (page.segments[at.1].view(), end.map_or(END, u64::from))
            }
        }
    }
}

/// Gives the members of a segment from hash `from` on: all, or about `count` of them, those with the lowest hashes.
/// Returns how many, and where to go on if some are left.
fn scan_segment<V: Value>(
    segment: View<'_, V>,
    from: u32,
    count: usize,
    f: &mut impl FnMut(Item<'_, V>),
) -> (usize, Option<u64>) {
    let mut hashes: Vec<u32> = (0..segment.indexes())
        .filter_map(|index| segment.hash_at(index))
        .filter(|hash| *hash >= from)
        .collect();
    let mut last = u32::MAX;
    if hashes.len() > count {
        let (_, bound, rest) = hashes.select_nth_unstable(count - 1);
        // Members of one hash stay together: the last ones may be of that kind.
        if rest.iter().any(|hash| *hash > *bound) {
            last = *bound;
        }
    }
    let mut given = 0;
    for index in 0..segment.indexes() {
        if segment.hash_at(index).is_some_and(|hash| (from..=last).contains(&hash))
            && let Some(item) = segment.item_at(index)
        {
            f(item);
            given += 1;
        }
    }
    (given, (last != u32::MAX).then(|| u64::from(last) + 1))
}
