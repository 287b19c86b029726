//! A segment: the members whose hashes lie in one range, with a small index of their own.
//!
//! `slots` is probed linearly; a taken slot is a tag of 8 bits and the number of an entry. `entries` is dense, so
//! that a random member is one draw; an entry has the hash (for splits, scans and moved slots), the place of its
//! record and the value. Nothing here allocates per member, and a clone is a few copies of a few KiB.

use super::records::{Moved, Place, Records, record_len};
use crate::size::rounded;

/// Members past which a segment is split: with 128 slots, one in eight is free.
pub const MEMBERS_MAX: usize = 112;
/// Bytes of records past which a segment is split.
pub const BYTES_MAX: usize = 8 << 10;
/// Members up to which a segment that is full looks for a split at each insertion; past it (hashes that collide in all
/// their bits) only now and then.
const EAGER_SPLIT_MAX: usize = 2 * MEMBERS_MAX;
const INDEX_MASK: u32 = (1 << 24) - 1;

#[derive(Clone, Debug)]
pub struct Entry<V> {
    pub hash: u32,
    place: Place,
    pub value: V,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Segment<V> {
    /// Empty or a power of two; 0 is free, else `tag << 24 | index + 1`.
    slots: Box<[u32]>,
    entries: Vec<Entry<V>>,
    records: Records,
}

/// One spread of all the bits of the hash: its top bits choose the slot, its low byte is the tag.
#[inline]
fn spread(hash: u32) -> u32 {
    hash.wrapping_mul(0x9E37_79B1)
}

impl<V> Segment<V> {
    pub fn new() -> Self {
        Self { slots: Box::default(), entries: Vec::new(), records: Records::default() }
    }

    fn with_capacity(entries: usize, bytes: usize) -> Self {
        let slots = if entries == 0 { 0 } else { (entries * 8 / 7 + 1).next_power_of_two().max(4) };
        Self {
            slots: vec![0; slots].into_boxed_slice(),
            entries: Vec::with_capacity(entries),
            records: Records::with_capacity(bytes),
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes on the heap, the segment's own behind its Arc included.
    #[inline]
    pub fn memory(&self) -> usize {
        16 + size_of::<Self>()
            + self.slots.len() * size_of::<u32>()
            + self.entries.capacity() * size_of::<Entry<V>>()
            + self.records.memory()
    }

    pub fn entries(&self) -> &[Entry<V>] {
        &self.entries
    }

    pub fn value_mut(&mut self, index: usize) -> &mut V {
        &mut self.entries[index].value
    }

    #[inline]
    pub fn record(&self, index: usize) -> (&[u8], Option<&[u8]>) {
        self.records.get(self.entries[index].place)
    }

    /// The index of the entry with this key.
    #[inline]
    pub fn find(&self, hash: u32, key: &[u8]) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let (mut slot, tag) = (self.home(hash), spread(hash) << 24);
        loop {
            let word = self.slots[slot];
            if word == 0 {
                return None;
            }
            if word & !INDEX_MASK == tag {
                let index = (word & INDEX_MASK) as usize - 1;
                let entry = &self.entries[index];
                if entry.hash == hash && self.records.key(entry.place) == key {
                    return Some(index);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Adds an entry whose key is not there.
    pub fn push(&mut self, hash: u32, key: &[u8], payload: Option<&[u8]>, value: V) {
        if self.records.wants_compaction(record_len(key, payload)) {
            self.compact_records();
        }
        let index = self.entries.len();
        let place = self.records.push(index, key, payload);
        self.push_entry(Entry { hash, place, value });
    }

    /// Changes the payload of an entry.
    pub fn set_payload(&mut self, index: usize, payload: &[u8]) {
        let place = self.entries[index].place;
        if self.records.overwrite(place, payload) {
            return;
        }
        let key = self.records.key(place).to_vec();
        self.drop_record(index);
        if self.records.wants_compaction(record_len(&key, Some(payload))) {
            // The entry has no record for the moment: give it an empty one, which costs a byte.
            self.entries[index].place = self.records.push(index, b"", None);
            self.compact_records();
            self.drop_record(index);
        }
        self.entries[index].place = self.records.push(index, &key, Some(payload));
        if self.records.is_sparse() {
            self.compact_records();
        }
    }

    /// Removes an entry; the last one takes its index.
    pub fn remove(&mut self, index: usize) -> V {
        self.free_slot(index);
        self.drop_record(index);
        let last = self.entries.len() - 1;
        if index != last {
            let slot = self.slot_of(last);
            self.slots[slot] = self.slots[slot] & !INDEX_MASK | (index as u32 + 1);
            self.records.renamed(self.entries[last].place, index);
        }
        let entry = self.entries.swap_remove(index);
        if self.entries.len() * 4 <= self.entries.capacity() && self.entries.capacity() > 8 {
            self.shrink();
        } else if self.records.is_sparse() {
            self.compact_records();
        }
        entry.value
    }

    /// Whether it holds more than it should and might be split.
    #[inline]
    pub fn is_full(&self) -> bool {
        let members = self.entries.len();
        (members > MEMBERS_MAX || self.records.live() > BYTES_MAX && members > 1)
            && (members <= EAGER_SPLIT_MAX || members.is_multiple_of(EAGER_SPLIT_MAX))
    }

    /// Whether both together are far from full.
    pub fn can_join(&self, other: &Self) -> bool {
        self.len() + other.len() <= MEMBERS_MAX / 2
            && self.records.live() + other.records.live() <= BYTES_MAX / 2
    }

    /// The hash from which on a half of the members lies; `None` if all have the same.
    pub fn middle(&self) -> Option<u32> {
        let mut hashes: Vec<u32> = self.entries.iter().map(|entry| entry.hash).collect();
        hashes.sort_unstable();
        let (first, middle) = (*hashes.first()?, hashes[hashes.len() / 2]);
        if middle > first { Some(middle) } else { hashes.into_iter().find(|hash| *hash > first) }
    }

    fn home(&self, hash: u32) -> usize {
        ((u64::from(spread(hash)) * self.slots.len() as u64) >> 32) as usize
    }

    fn push_entry(&mut self, entry: Entry<V>) {
        let members = self.entries.len() + 1;
        if members * 8 > self.slots.len() * 7 {
            self.index_again((self.slots.len() * 2).max(4));
        }
        if members > self.entries.capacity() {
            let unit = size_of::<Entry<V>>();
            let wanted = rounded((members + members / 8) * unit) / unit;
            self.entries.reserve_exact(wanted.max(members) - self.entries.len());
        }
        let hash = entry.hash;
        self.entries.push(entry);
        self.take_slot(hash, members as u32);
    }

    /// Puts `number` (index + 1) into the first free slot for `hash`.
    fn take_slot(&mut self, hash: u32, number: u32) {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(hash);
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        // 2^24 members whose hashes are equal would take years to add, each looking at all the others.
        debug_assert!(number <= INDEX_MASK);
        self.slots[slot] = spread(hash) << 24 | number & INDEX_MASK;
    }

    fn index_again(&mut self, slots: usize) {
        self.slots = vec![0; slots].into_boxed_slice();
        for index in 0..self.entries.len() {
            self.take_slot(self.entries[index].hash, index as u32 + 1);
        }
    }

    fn slot_of(&self, index: usize) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(self.entries[index].hash);
        while self.slots[slot] & INDEX_MASK != index as u32 + 1 {
            slot = (slot + 1) & mask;
        }
        slot
    }

    /// Frees the slot of an entry and moves back those behind it that a probe would no longer reach.
    fn free_slot(&mut self, index: usize) {
        let mask = self.slots.len() - 1;
        let mut hole = self.slot_of(index);
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let word = self.slots[next];
            if word == 0 {
                break;
            }
            let home = self.home(self.entries[(word & INDEX_MASK) as usize - 1].hash);
            // Distance from home to where it is, against the distance to the hole, both going round.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                self.slots[hole] = word;
                hole = next;
            }
        }
        self.slots[hole] = 0;
    }

    fn drop_record(&mut self, index: usize) {
        if let Moved::Owner(owner, place) = self.records.remove(self.entries[index].place) {
            self.entries[owner].place = place;
        }
    }

    fn compact_records(&mut self) {
        let mut records = Records::with_capacity(self.records.live());
        for (index, entry) in self.entries.iter_mut().enumerate() {
            entry.place = records.adopt(index, &self.records, entry.place);
        }
        self.records = records;
    }

    fn shrink(&mut self) {
        self.compact_records();
        self.entries.shrink_to(self.entries.len() * 2);
        let slots = (self.entries.len() * 2 * 8 / 7 + 1).next_power_of_two().max(4);
        if slots < self.slots.len() {
            self.index_again(slots);
        }
    }
}

impl<V: Clone> Segment<V> {
    /// Two segments in its place: hashes below `middle`, and the others.
    pub fn split(&self, middle: u32) -> (Self, Self) {
        let low = self.entries.iter().filter(|entry| entry.hash < middle).count();
        let live = self.records.live();
        // Room for what is there plus a little; the bytes are guessed by the number of members.
        let share = |members: usize| live * members / self.len().max(1);
        let high = self.len() - low;
        let (mut a, mut b) = (
            Self::with_capacity(low + low / 8, share(low)),
            Self::with_capacity(high + high / 8, share(high)),
        );
        for entry in &self.entries {
            let half = if entry.hash < middle { &mut a } else { &mut b };
            half.adopt(self, entry);
        }
        (a, b)
    }

    /// Takes the members of another segment in, none of which it has.
    pub fn join(&mut self, other: &Self) {
        for entry in &other.entries {
            self.adopt(other, entry);
        }
    }

    fn adopt(&mut self, from: &Self, entry: &Entry<V>) {
        let place = self.records.adopt(self.entries.len(), &from.records, entry.place);
        self.push_entry(Entry { hash: entry.hash, place, value: entry.value.clone() });
    }
}
