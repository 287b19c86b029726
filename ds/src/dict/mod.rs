//! A hash table from byte strings to small values, in chunks that clones share: hashes, sets, members of sorted sets.
//!
//! The model is a tree ordered by hash. Members whose hashes lie in one range share a segment ([`segment`]) of at
//! most 100 members or 8 KiB; segments stand in order in pages of at most 128, pages in order in the root. A full
//! segment is split at its median hash, two neighbours that are nearly empty are joined: there is no rehash of
//! everything, and no step that is longer for a larger table, but for the root's two arrays (12 bytes for each
//! 10,000 members). As long as one segment is enough there are no pages.
//!
//! ```text
//! root:    | 0        | 0x3e51.. | 0xa02c.. |           first hash of each page
//! page:    | 0x3e51.. | 0x4107.. | 0x438a.. | ...       first hash of each segment
//! segment:   slots (hash, place) -> records (value, key, payload)
//! ```
//!
//! Pages and segments are behind `Arc`s and changed through `Arc::make_mut`: a clone of the table copies the root
//! alone, and a change after that copies one page and one segment.
//!
//! Order by hash makes SCAN simple. A cursor is a hash: all members below it have been given, and neither splits
//! nor joins change a member's hash. So each member that is there from first to last is given exactly once.
//!
//! Beside the value of type `V` (a number, or none) a member can have a payload, bytes that are kept with the key (the
//! value of a hash's field). The weakness: hashes are 32 bits wide, so that members which agree in all of them cannot be told apart by
//! a split, and stay together in one segment, which is then slow. The seed keeps others from making such members.

mod iter;
mod records;
mod segment;
mod slots;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use iter::{Item, Iter};
pub use value::Value;
pub(crate) use walk::choose;

use crate::hint::Expected;
use crate::size::rounded;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};
use segment::{Segment, View};
use slots::{Inline, Own};
use triomphe::Arc;

/// Segments past which a page is split.
const PAGE_MAX: usize = 128;
/// Members and segments, respectively, up to which a chunk looks for a neighbour to join.
const SEGMENT_MIN: usize = 24;
const PAGE_MIN: usize = 24;
/// The count before the content.
const ARC_HEADER: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Dict<V> {
    seed: u64,
    len: usize,
    /// Bytes of pages and segments.
    bytes: usize,
    /// The most indexes that one of many segments had.
    widest: usize,
    root: Root<V>,
}

#[derive(Clone, Debug)]
enum Root<V> {
    One(Segment<Own, V>),
    Many(Vec<(u32, Arc<Page<V>>)>),
}

/// Some segments in a row, each with its first hash.
#[derive(Clone, Debug)]
struct Page<V> {
    starts: Vec<u32>,
    segments: Vec<Arc<Segment<Inline, V>>>,
}

/// Page and segment of a hash.
type At = (usize, usize);

impl<V: Value> Clone for Dict<V> {
    fn clone(&self) -> Self {
        let root = self.root.clone();
        // A copy has exact capacities.
        let bytes = if let Root::One(segment) = &root { segment.memory() } else { self.bytes };
        Self { root, bytes, ..*self }
    }
}

/// One segment, to be changed.
enum Changing<'a, V> {
    Only(&'a mut Segment<Own, V>),
    OneOfMany(&'a mut Segment<Inline, V>),
}

/// The same with a segment of either kind.
macro_rules! with {
    ($changing:expr, $segment:ident => $do:expr) => {
        match $changing {
            Changing::Only($segment) => $do,
            Changing::OneOfMany($segment) => $do,
        }
    };
}

impl<V: Value> Dict<V> {
    /// Bytes that a table behind a reference count takes besides [`Dict::memory`].
    pub const SHARED: usize = rounded(ARC_HEADER + size_of::<Self>());

    /// An empty table whose hash function follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, len: 0, bytes: 0, widest: 0, root: Root::One(Segment::new()) }
    }

    /// How many members there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap, shared chunks counted in full.
    pub fn memory(&self) -> usize {
        match &self.root {
            Root::One(_) => self.bytes,
            Root::Many(pages) => self.bytes + pages.capacity() * size_of::<(u32, Arc<Page<V>>)>(),
        }
    }

    /// Whether `key` is a member.
    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        let hash = self.hash(key);
        self.segment(hash).find(hash, key).is_some()
    }

    /// The value of a member.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<V> {
        let hash = self.hash(key);
        let segment = self.segment(hash);
        segment.value(segment.find(hash, key)?)
    }

    /// A member's key, payload and value.
    #[inline]
    pub fn item(&self, key: &[u8]) -> Option<Item<'_, V>> {
        let hash = self.hash(key);
        let segment = self.segment(hash);
        segment.item_at(segment.find(hash, key)?)
    }

    /// The payload of a member; `None` also if it has none.
    #[inline]
    pub fn payload(&self, key: &[u8]) -> Option<&[u8]> {
        self.item(key)?.payload
    }

    /// Sets the value of a member, which is added if it is not there; returns the old value. What would change nothing
    /// copies nothing.
    pub fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        let hash = self.hash(key);
        let at = self.place(hash);
        let segment = self.at(at);
        let Some(index) = segment.find(hash, key) else {
            self.add(at, hash, key, None, value);
            return None;
        };
        let old = segment.value(index)?;
        if old.bytes().as_ref() != value.bytes().as_ref() {
            with!(self.change(at), segment => segment.set_value(index, value));
        }
        Some(old)
    }

    /// Sets payload and value of a member, which is added if it is not there; returns the old value.
    pub fn insert_with(&mut self, key: &[u8], payload: &[u8], value: V) -> Option<V> {
        let hash = self.hash(key);
        let at = self.place(hash);
        let segment = self.at(at);
        let Some(index) = segment.find(hash, key) else {
            self.add(at, hash, key, Some(payload), value);
            return None;
        };
        let old = segment.value(index);
        let full = with!(self.change(at), segment => {
            let before = segment.memory();
            segment.set_payload(index, payload);
            segment.set_value(index, value);
            let (after, full) = (segment.memory(), segment.is_full());
            self.bytes = self.bytes + after - before;
            full
        });
        if full {
            self.split(at);
        }
        old
    }

    /// Removes a member; returns its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        let hash = self.hash(key);
        let at = self.place(hash);
        let index = self.at(at).find(hash, key)?;
        let (value, left) = with!(self.change(at), segment => {
            let before = segment.memory();
            let value = segment.remove(index);
            let (after, left) = (segment.memory(), segment.view().len());
            self.bytes = self.bytes + after - before;
            (value, left)
        });
        self.len -= 1;
        if self.len == 0 {
            self.clear();
        } else if left <= SEGMENT_MIN && matches!(self.root, Root::Many(_)) {
            self.join(at);
        }
        value
    }

    /// Tells that this member will be looked for; what is returned goes on once its slot may have come.
    #[inline]
    pub fn expect(&self, key: &[u8]) -> Expected<'_> {
        let hash = self.hash(key);
        self.segment(hash).expect(hash)
    }

    /// Forgets every member.
    pub fn clear(&mut self) {
        *self = Self::new(self.seed);
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        (rapidhash_v3_seeded(key, &secrets(self.seed)) >> 32) as u32
    }

    #[inline]
    fn segment(&self, hash: u32) -> View<'_, V> {
        self.at(self.place(hash))
    }

    #[inline]
    fn at(&self, at: At) -> View<'_, V> {
        match &self.root {
            Root::One(segment) => segment.view(),
            Root::Many(pages) => pages[at.0].1.segments[at.1].view(),
        }
    }

    #[inline]
    fn place(&self, hash: u32) -> At {
        match &self.root {
            Root::One(_) => (0, 0),
            Root::Many(pages) => {
                let page = page_of(pages, hash);
                (page, pages[page].1.segment_of(hash))
            }
        }
    }

    /// The segment at a place, this table's alone; what unsharing does to the memory is counted.
    fn change(&mut self, at: At) -> Changing<'_, V> {
        match &mut self.root {
            Root::One(segment) => Changing::Only(segment),
            Root::Many(pages) => {
                let page = unshared(&mut pages[at.0].1, &mut self.bytes, Page::memory);
                Changing::OneOfMany(unshared(&mut page.segments[at.1], &mut self.bytes, shared_memory))
            }
        }
    }

    fn add(&mut self, at: At, hash: u32, key: &[u8], payload: Option<&[u8]>, value: V) {
        let (indexes, full) = with!(self.change(at), segment => {
            let before = segment.memory();
            segment.push(hash, key, payload, value);
            let (after, full, indexes) = (segment.memory(), segment.is_full(), segment.view().indexes());
            self.bytes = self.bytes + after - before;
            (indexes, full)
        });
        self.len += 1;
        self.widest = self.widest.max(indexes);
        if full {
            self.split(at);
        }
    }

    /// Splits the segment at a place, if its hashes allow it, and its page if that is full then.
    fn split(&mut self, at: At) {
        if let Root::One(segment) = &self.root {
            let Some(middle) = segment.view().middle() else { return };
            let (low, high) = segment.view().split(middle);
            self.bytes = self.bytes + shared_memory(&low) + shared_memory(&high) - segment.memory();
            self.widest = low.view().indexes().max(high.view().indexes());
            let page = Page { starts: vec![0, middle], segments: vec![Arc::new(low), Arc::new(high)] };
            self.bytes += page.memory();
            self.root = Root::Many(vec![(0, Arc::new(page))]);
            return;
        }
        let Root::Many(pages) = &mut self.root else { return };
        let page = Arc::make_mut(&mut pages[at.0].1);
        let full = page.segments[at.1].view();
        let Some(middle) = full.middle() else { return };
        let (low, high) = full.split(middle);
        self.widest = self.widest.max(low.view().indexes()).max(high.view().indexes());
        self.bytes =
            self.bytes + shared_memory(&low) + shared_memory(&high) - shared_memory(&page.segments[at.1]);
        let before = page.memory();
        page.make_room();
        page.segments[at.1] = Arc::new(low);
        page.segments.insert(at.1 + 1, Arc::new(high));
        page.starts.insert(at.1 + 1, middle);
        self.bytes = self.bytes + page.memory() - before;
        if page.segments.len() > PAGE_MAX {
            let before = page.memory();
            let half = page.starts.len() / 2;
            let tail = Page { starts: page.starts.split_off(half), segments: page.segments.split_off(half) };
            page.starts.shrink_to_fit();
            page.segments.shrink_to_fit();
            self.bytes = self.bytes + page.memory() + tail.memory() - before;
            let start = tail.starts[0];
            pages.insert(at.0 + 1, (start, Arc::new(tail)));
        }
    }

    /// Joins the segment at a place with a neighbour of its page if both are nearly empty, and the page with one
    /// of its own neighbours.
    fn join(&mut self, at: At) {
        let Root::Many(pages) = &mut self.root else { return };
        let page = &pages[at.0].1;
        let fits = |left: usize| {
            left + 1 < page.segments.len()
                && page.segments[left].view().can_join(page.segments[left + 1].view())
        };
        let left = if fits(at.1) { Some(at.1) } else { at.1.checked_sub(1).filter(|left| fits(*left)) };
        if let Some(left) = left {
            let page = unshared(&mut pages[at.0].1, &mut self.bytes, Page::memory);
            let right = page.segments.remove(left + 1);
            page.starts.remove(left + 1);
            let target = unshared(&mut page.segments[left], &mut self.bytes, shared_memory);
            let before = shared_memory(target) + shared_memory(&right);
            target.join(right.view());
            self.widest = self.widest.max(target.view().indexes());
            self.bytes = self.bytes + shared_memory(target) - before;
        }
        if pages[at.0].1.segments.len() <= PAGE_MIN {
            self.join_pages(at.0);
        }
    }

    fn join_pages(&mut self, at: usize) {
        let Root::Many(pages) = &mut self.root else { return };
        let fits = |left: usize| {
            left + 1 < pages.len()
                && pages[left].1.segments.len() + pages[left + 1].1.segments.len() <= PAGE_MAX / 2
        };
        let left = if fits(at) { Some(at) } else { at.checked_sub(1).filter(|left| fits(*left)) };
        if let Some(left) = left {
            let (_, right) = pages.remove(left + 1);
            let page = unshared(&mut pages[left].1, &mut self.bytes, Page::memory);
            let before = page.memory() + right.memory();
            page.starts.extend_from_slice(&right.starts);
            page.segments.extend_from_slice(&right.segments);
            self.bytes = self.bytes + page.memory() - before;
        }
        if let [(_, page)] = &pages[..]
            && let [segment] = &page.segments[..]
        {
            let alone = segment.view().alone();
            self.bytes = self.bytes + alone.memory() - page.memory() - shared_memory(segment);
            self.root = Root::One(alone);
        }
    }
}

impl<V> Page<V> {
    fn segment_of(&self, hash: u32) -> usize {
        // The first start is not above any hash that leads here.
        self.starts.partition_point(|start| *start <= hash).max(1) - 1
    }

    fn memory(&self) -> usize {
        ARC_HEADER + size_of::<Self>() + self.starts.capacity() * 4 + self.segments.capacity() * 8
    }

    /// Room for one more segment, in steps of an eighth.
    fn make_room(&mut self) {
        let more = self.starts.len() / 8 + 1;
        if self.starts.len() == self.starts.capacity() {
            self.starts.reserve_exact(more);
        }
        if self.segments.len() == self.segments.capacity() {
            self.segments.reserve_exact(more);
        }
    }
}

/// The secrets that a table's seed stands for. They are put together for each hash: that takes less than reading them
/// from memory might, and a small table need not keep them. The constants are rapidhash's own; the seed, which nobody
/// outside knows, is in all of them.
#[inline]
fn secrets(seed: u64) -> RapidSecrets {
    const BASE: RapidSecrets = RapidSecrets::seed(0);
    let mut secrets = BASE;
    secrets.seed ^= seed;
    // Turned by a few bits each, so that no two secrets stand in a known relation by exclusive or.
    for (index, secret) in secrets.secrets.iter_mut().enumerate() {
        *secret ^= seed.rotate_left(9 * index as u32 + 5);
    }
    secrets
}

/// Bytes of a segment behind its `Arc`.
fn shared_memory<V: Value>(segment: &Segment<Inline, V>) -> usize {
    rounded(ARC_HEADER + size_of::<Segment<Inline, V>>()) + segment.memory()
}

fn page_of<V>(pages: &[(u32, Arc<Page<V>>)], hash: u32) -> usize {
    pages.partition_point(|(start, _)| *start <= hash).max(1) - 1
}

/// The chunk for this owner alone. Copies have exact capacities: the difference goes to `bytes`.
fn unshared<'a, T: Clone>(
    chunk: &'a mut Arc<T>,
    bytes: &mut usize,
    memory: impl Fn(&T) -> usize,
) -> &'a mut T {
    if !Arc::is_unique(chunk) {
        let before = memory(chunk);
        let copy = T::clone(chunk);
        *bytes = *bytes + memory(&copy) - before;
        *chunk = Arc::new(copy);
    }
    Arc::make_mut(chunk)
}
