//! A segment: the members whose hashes lie in one range, with a small index of their own.
//!
//! A slot is 0 if it is free, else `hash << 32 | place + 1`: all that says where a member's record is, so that finding
//! one reads one line of slots and the record. Slots are probed linearly. Nothing here allocates per member, and a
//! clone is a few copies of a few KiB.
//!
//! A segment with slots of its own makes more when they run out ([`Own`]); one that is among many has as many as it
//! has ([`Inline`]), and is split long before they are full. If its hashes do not allow that, the rest goes to `extra`,
//! where only a walk finds it.

use super::iter::Item;
use super::records::{Place, Records, record_len};
use super::slots::{Inline, Own, Slots};
use super::value::Value;
use crate::hint::{self, Expected};

/// Members past which a segment is split.
pub const MEMBERS_MAX: usize = 100;
/// Bytes of records past which a segment is split.
pub const BYTES_MAX: usize = 8 << 10;
/// Members up to which a segment that is full looks for a split at each insertion; past it (hashes that collide in all
/// their bits) only now and then.
const EAGER_SPLIT_MAX: usize = 2 * MEMBERS_MAX;
/// Inline slots that stay free, so that probing ends.
const SPARE: usize = 8;

/// See the module.
#[derive(Clone, Debug)]
pub struct Segment<S, V> {
    slots: S,
    records: Records<V>,
    members: u32,
    extra: Option<Box<Extra>>,
}

/// Words that found no slot: few segments ever have any, so that they are a pointer away.
#[derive(Clone, Default, Debug)]
struct Extra {
    words: Vec<u64>,
}

/// A segment of either kind, to read.
#[derive(Debug)]
pub struct View<'a, V> {
    slots: &'a [u64],
    extra: &'a [u64],
    records: &'a Records<V>,
    members: usize,
}

impl<V> Clone for View<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for View<'_, V> {}

#[inline]
fn hash_of(word: u64) -> u32 {
    (word >> 32) as u32
}

#[inline]
fn place_of(word: u64) -> Place {
    Place((word as u32).wrapping_sub(1))
}

fn word(hash: u32, place: Place) -> u64 {
    u64::from(hash) << 32 | u64::from(place.0 + 1)
}

/// The slot from which on a hash is looked for. Hashes of one segment are alike in their upper bits.
#[inline]
fn home(hash: u32, slots: usize) -> usize {
    ((u64::from(hash.wrapping_mul(0x9E37_79B1)) * slots as u64) >> 32) as usize
}

impl<'a, V: Value> View<'a, V> {
    /// How many members there are.
    #[inline]
    pub fn len(self) -> usize {
        self.members
    }

    /// How many indexes there are; some of them have no member.
    #[inline]
    pub fn indexes(self) -> usize {
        self.slots.len() + self.extra.len()
    }

    /// The hash of the member at an index, if there is one.
    #[inline]
    pub fn hash_at(self, index: usize) -> Option<u32> {
        self.word(index).map(hash_of)
    }

    /// The member at an index, if there is one.
    #[inline]
    pub fn item_at(self, index: usize) -> Option<Item<'a, V>> {
        let place = place_of(self.word(index)?);
        let (key, payload) = self.records.get(place);
        Some(Item { key, payload, value: self.records.value(place) })
    }

    /// The index of the member with this key.
    #[inline]
    pub fn find(self, hash: u32, key: &[u8]) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = home(hash, self.slots.len());
        loop {
            let word = self.slots[slot];
            if word == 0 {
                break;
            }
            if hash_of(word) == hash && self.records.key(place_of(word)) == key {
                return Some(slot);
            }
            slot += 1;
            if slot == self.slots.len() {
                slot = 0;
            }
        }
        let found = self
            .extra
            .iter()
            .position(|word| hash_of(*word) == hash && self.records.key(place_of(*word)) == key)?;
        Some(self.slots.len() + found)
    }

    /// See [`super::Dict::expect`].
    #[inline]
    pub fn expect(self, hash: u32) -> Expected<'a> {
        let home = home(hash, self.slots.len());
        hint::fetch(self.slots.as_ptr().wrapping_add(home));
        hint::fetch(self.records);
        Expected { slots: self.slots, arena: self.records.arena(), home, hash }
    }

    /// The value of the member at an index.
    #[inline]
    pub fn value(self, index: usize) -> Option<V> {
        Some(self.records.value(place_of(self.word(index)?)))
    }

    /// The hash from which on a half of the members lies; `None` if all have the same.
    pub fn middle(self) -> Option<u32> {
        let mut hashes: Vec<u32> = self.words().map(hash_of).collect();
        hashes.sort_unstable();
        let (first, middle) = (*hashes.first()?, hashes[hashes.len() / 2]);
        if middle > first { Some(middle) } else { hashes.into_iter().find(|hash| *hash > first) }
    }

    /// Whether both together are far from full.
    pub fn can_join(self, other: Self) -> bool {
        self.len() + other.len() <= MEMBERS_MAX / 2
            && self.records.live() + other.records.live() <= BYTES_MAX / 2
    }

    /// Two segments in its place: hashes below `middle`, and the others.
    pub fn split(self, middle: u32) -> (Segment<Inline, V>, Segment<Inline, V>) {
        let low = self.words().filter(|word| hash_of(*word) < middle).count();
        let live = self.records.live();
        // The bytes are guessed by the number of members.
        let share = |members: usize| live * members / self.len().max(1);
        let (mut a, mut b) = (Segment::wide(share(low)), Segment::wide(share(self.len() - low)));
        for word in self.words() {
            let half = if hash_of(word) < middle { &mut a } else { &mut b };
            half.adopt(self, word);
        }
        (a, b)
    }

    /// The same members in a segment of the other kind.
    pub fn alone(self) -> Segment<Own, V> {
        let mut segment = Segment::new();
        self.words().for_each(|word| segment.adopt(self, word));
        segment
    }

    #[inline]
    fn word(self, index: usize) -> Option<u64> {
        let word = match self.slots.get(index) {
            Some(word) => *word,
            None => *self.extra.get(index - self.slots.len())?,
        };
        (word != 0).then_some(word)
    }

    fn words(self) -> impl Iterator<Item = u64> {
        self.slots.iter().chain(self.extra).copied().filter(|word| *word != 0)
    }
}

impl<V: Value> Segment<Own, V> {
    pub fn new() -> Self {
        Self { slots: Box::default(), records: Records::with_capacity(0), members: 0, extra: None }
    }
}

impl<V: Value> Segment<Inline, V> {
    pub fn wide(bytes: usize) -> Self {
        Self { slots: Inline::free(0), records: Records::with_capacity(bytes), members: 0, extra: None }
    }

    /// Takes the members of another segment in, none of which it has.
    pub fn join(&mut self, other: View<'_, V>) {
        other.words().for_each(|word| self.adopt(other, word));
    }
}

impl<S: Slots, V: Value> Segment<S, V> {
    /// To read.
    #[inline]
    pub fn view(&self) -> View<'_, V> {
        View {
            slots: self.slots.as_ref(),
            extra: self.extra.as_ref().map_or(&[], |extra| &extra.words),
            records: &self.records,
            members: self.members as usize,
        }
    }

    /// Bytes on the heap, its own place not included.
    #[inline]
    pub fn memory(&self) -> usize {
        let extra = self.extra.as_ref().map_or(0, |extra| size_of::<Extra>() + extra.words.capacity() * 8);
        self.slots.memory() + self.records.memory() + extra
    }

    /// Whether it holds more than it should and might be split.
    #[inline]
    pub fn is_full(&self) -> bool {
        let members = self.members as usize;
        (members > MEMBERS_MAX || self.records.live() > BYTES_MAX && members > 1)
            && (members <= EAGER_SPLIT_MAX || members.is_multiple_of(EAGER_SPLIT_MAX))
    }

    /// Adds a member that is not there.
    pub fn push(&mut self, hash: u32, key: &[u8], payload: Option<&[u8]>, value: V) {
        if self.records.wants_compaction(record_len::<V>(key.len(), payload)) {
            self.compact_records();
        }
        let place = self.records.push(hash, key, payload, value);
        self.put(word(hash, place));
    }

    /// Sets the value of the member at an index.
    pub fn set_value(&mut self, index: usize, value: V) {
        if let Some(word) = self.view().word(index) {
            self.records.set_value(place_of(word), value);
        }
    }

    /// Changes the payload of the member at an index.
    pub fn set_payload(&mut self, index: usize, payload: &[u8]) {
        let Some(old) = self.view().word(index) else { return };
        let place = place_of(old);
        if self.records.overwrite(place, payload) {
            return;
        }
        if self.records.wants_compaction(record_len::<V>(self.records.key(place).len(), Some(payload))) {
            self.compact_records();
        }
        let Some(old) = self.view().word(index) else { return };
        let new = self.records.push_again(hash_of(old), place_of(old), payload);
        *self.word_mut(index) = word(hash_of(old), new);
        self.drop_record(place_of(old));
        if self.records.is_sparse() {
            self.compact_records();
        }
    }

    /// Removes the member at an index.
    pub fn remove(&mut self, index: usize) -> Option<V> {
        let place = place_of(self.view().word(index)?);
        let value = self.records.value(place);
        match index.checked_sub(self.slots.as_ref().len()) {
            Some(extra) => self.remove_extra(extra),
            None => self.free_slot(index),
        }
        self.members -= 1;
        self.drop_record(place);
        let (members, slots) = (self.members as usize, self.slots.as_ref().len());
        if !S::FIXED && slots > 8 && members * 4 < slots {
            self.index_again(members);
            self.compact_records();
        } else if self.records.is_sparse() {
            self.compact_records();
        }
        Some(value)
    }

    fn put(&mut self, word: u64) {
        let slots = self.slots.as_ref().len();
        let filled = self.members as usize - self.extra.as_ref().map_or(0, |extra| extra.words.len());
        self.members += 1;
        let crowded = if S::FIXED { filled + SPARE >= slots } else { (filled + 1) * 6 > slots * 5 };
        if crowded && S::FIXED {
            self.extra.get_or_insert_default().words.push(word);
            return;
        }
        if crowded {
            self.index_again(self.members as usize);
        }
        take_slot(self.slots.as_mut(), word);
    }

    /// Makes slots that suit so many members and puts all into them.
    fn index_again(&mut self, members: usize) {
        let old = core::mem::replace(&mut self.slots, S::free(members));
        old.as_ref().iter().filter(|word| **word != 0).for_each(|word| take_slot(self.slots.as_mut(), *word));
    }

    fn word_mut(&mut self, index: usize) -> &mut u64 {
        let slots = self.slots.as_ref().len();
        if index >= slots {
            return &mut self.extra.get_or_insert_default().words[index - slots];
        }
        &mut self.slots.as_mut()[index]
    }

    fn remove_extra(&mut self, index: usize) {
        if let Some(extra) = &mut self.extra {
            extra.words.swap_remove(index);
            if extra.words.is_empty() {
                self.extra = None;
            }
        }
    }

    /// Frees a slot and moves back those behind it that a probe would no longer reach.
    fn free_slot(&mut self, index: usize) {
        let slots = self.slots.as_mut();
        let count = slots.len();
        let distance = |from: usize, to: usize| if to >= from { to - from } else { to + count - from };
        let (mut hole, mut next) = (index, index);
        loop {
            next = if next + 1 == count { 0 } else { next + 1 };
            let word = slots[next];
            if word == 0 {
                break;
            }
            let home = home(hash_of(word), count);
            if distance(home, next) >= distance(hole, next) {
                slots[hole] = word;
                hole = next;
            }
        }
        slots[hole] = 0;
    }

    fn drop_record(&mut self, place: Place) {
        let Some(moved) = self.records.remove(place) else { return };
        let from = word(moved.hash, moved.from);
        let words = self
            .slots
            .as_mut()
            .iter_mut()
            .chain(self.extra.iter_mut().flat_map(|extra| extra.words.iter_mut()));
        if let Some(found) = words.into_iter().find(|word| **word == from) {
            *found = word(moved.hash, moved.to);
        }
    }

    fn compact_records(&mut self) {
        let mut records = Records::with_capacity(self.records.live());
        let words = self
            .slots
            .as_mut()
            .iter_mut()
            .chain(self.extra.iter_mut().flat_map(|extra| extra.words.iter_mut()));
        for found in words.filter(|word| **word != 0) {
            let hash = hash_of(*found);
            *found = word(hash, records.adopt(hash, &self.records, place_of(*found)));
        }
        self.records = records;
    }

    fn adopt(&mut self, from: View<'_, V>, member: u64) {
        let hash = hash_of(member);
        let place = self.records.adopt(hash, from.records, place_of(member));
        self.put(word(hash, place));
    }
}

/// Puts a word into the first free slot for its hash; there is one.
fn take_slot(slots: &mut [u64], word: u64) {
    let mut slot = home(hash_of(word), slots.len());
    while slots[slot] != 0 {
        slot = if slot + 1 == slots.len() { 0 } else { slot + 1 };
    }
    slots[slot] = word;
}
