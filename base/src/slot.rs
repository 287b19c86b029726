//! Hash slots (Redis Cluster specification, "Key distribution model" and "Hash tags").

use crate::crc::crc16;
use alloc::boxed::Box;
use core::fmt;

/// How many slots a cluster has.
pub const SLOT_COUNT: usize = 16384;

/// A hash slot, `0..16384`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(u16);

impl Slot {
    /// `None` outside `0..16384`.
    pub fn new(number: u64) -> Option<Slot> {
        (number < SLOT_COUNT as u64).then_some(Slot(number as u16))
    }

    /// The slot that `key` lives in: CRC16 of the hash tag if it has a non-empty one, else of the whole key.
    #[inline]
    pub fn of_key(key: &[u8]) -> Slot {
        Slot(crc16(hash_tag(key)) & (SLOT_COUNT as u16 - 1))
    }

    /// As an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// As a number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// All slots in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Slot> {
        (0..SLOT_COUNT as u16).map(Slot)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is between the first `{` and the first `}` after it, unless that is empty or missing: then the whole key.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// A set of slots: the 2048-byte bitmap of the bus header, least significant bit first. One that has always been empty takes
/// no memory: half the nodes of a cluster are replicas.
#[derive(Clone, Default)]
pub struct SlotSet(Option<Box<Bitmap>>);

type Bitmap = [u8; SLOT_COUNT / 8];

const NONE: &Bitmap = &[0; SLOT_COUNT / 8];

impl PartialEq for SlotSet {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SlotSet {}

impl SlotSet {
    /// No slot.
    pub fn empty() -> Self {
        Self(None)
    }

    /// Every slot.
    pub fn full() -> Self {
        Self(Some(Box::new([0xff; SLOT_COUNT / 8])))
    }

    /// From the bitmap of a bus packet.
    pub fn from_bytes(bytes: &[u8; SLOT_COUNT / 8]) -> Self {
        Self((bytes != NONE).then(|| Box::new(*bytes)))
    }

    /// The bitmap as the bus sends it.
    #[inline]
    pub fn as_bytes(&self) -> &[u8; SLOT_COUNT / 8] {
        self.0.as_deref().unwrap_or(NONE)
    }

    fn bits_mut(&mut self) -> &mut Bitmap {
        self.0.get_or_insert_with(|| Box::new(*NONE))
    }

    /// Whether `slot` is in the set.
    #[inline]
    pub fn contains(&self, slot: Slot) -> bool {
        self.as_bytes()[slot.index() / 8] & (1 << (slot.index() % 8)) != 0
    }

    /// Adds a slot; true if it was not there.
    pub fn insert(&mut self, slot: Slot) -> bool {
        let fresh = !self.contains(slot);
        self.bits_mut()[slot.index() / 8] |= 1 << (slot.index() % 8);
        fresh
    }

    /// Removes a slot; true if it was there.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let present = self.contains(slot);
        if present {
            self.bits_mut()[slot.index() / 8] &= !(1 << (slot.index() % 8));
        }
        present
    }

    /// Removes every slot.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// How many slots are in the set.
    pub fn len(&self) -> usize {
        self.as_bytes().iter().map(|b| b.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.as_deref().is_none_or(|bits| bits == NONE)
    }

    /// The slots in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.as_bytes().iter().enumerate().filter(|(_, byte)| **byte != 0).flat_map(|(i, byte)| {
            (0..8).filter(move |bit| byte & (1 << bit) != 0).map(move |bit| Slot((i * 8 + bit) as u16))
        })
    }

    /// The slots as maximal inclusive ranges in ascending order. Costs a step per 64 slots and two per range.
    pub fn ranges(&self) -> impl Iterator<Item = (Slot, Slot)> + '_ {
        let mut from = 0;
        core::iter::from_fn(move || {
            let first = self.next_that(from, true)?;
            let end = self.next_that(first, false).unwrap_or(SLOT_COUNT);
            from = end;
            Some((Slot(first as u16), Slot((end - 1) as u16)))
        })
    }

    /// The first slot number from `from` on that is in the set (`present`), or that is not.
    fn next_that(&self, from: usize, present: bool) -> Option<usize> {
        let flip = if present { 0 } else { u64::MAX };
        let mut seen = u64::MAX << (from % 64);
        for word in from / 64..SLOT_COUNT / 64 {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&self.as_bytes()[word * 8..word * 8 + 8]);
            let bits = (u64::from_le_bytes(bytes) ^ flip) & seen;
            if bits != 0 {
                return Some(word * 64 + bits.trailing_zeros() as usize);
            }
            seen = u64::MAX;
        }
        None
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::empty();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for (first, last) in self.ranges() {
            list.entry(&format_args!("{first}-{last}"));
        }
        list.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn keys_hash_as_in_the_specification() {
        assert_eq!(Slot::of_key(b"123456789").number(), 0x31c3);
        assert_eq!(Slot::of_key(b"foo").number(), 12182);
        assert_eq!(Slot::of_key(b"{user1000}.following"), Slot::of_key(b"{user1000}.followers"));
        assert_eq!(hash_tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hash_tag(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hash_tag(b"foo{bar}{zap}"), b"bar");
        assert_eq!(Slot::of_key(b"").number(), 0);
    }

    #[test]
    fn an_emptied_set_equals_one_that_was_never_filled() {
        let slot = Slot::new(7).expect("a slot");
        let mut set = SlotSet::empty();
        assert!(!set.remove(slot) && set.insert(slot) && !set.insert(slot));
        assert!(set != SlotSet::empty() && set.contains(slot));
        assert!(set.remove(slot) && set.is_empty());
        assert_eq!(set, SlotSet::empty());
        assert_eq!(set, SlotSet::from_bytes(set.as_bytes()));
    }

    #[test]
    fn ranges_are_maximal() {
        let set: SlotSet = [0, 1, 2, 7, 16382, 16383].into_iter().filter_map(Slot::new).collect();
        let ranges: Vec<_> = set.ranges().map(|(a, b)| (a.number(), b.number())).collect();
        assert_eq!(ranges, [(0, 2), (7, 7), (16382, 16383)]);
        assert_eq!(set.len(), 6);
        assert_eq!(SlotSet::full().ranges().count(), 1);
        assert_eq!(SlotSet::empty().ranges().count(), 0);
        let mut prng = crate::Prng::new(1);
        for density in [1, 2, 50, 98, 99] {
            let set: SlotSet = Slot::all().filter(|_| prng.chance(density, 100)).collect();
            let back: SlotSet =
                set.ranges().flat_map(|(a, b)| (a.0..=b.0).filter_map(|n| Slot::new(u64::from(n)))).collect();
            assert!(set == back);
            let touching = set.ranges().zip(set.ranges().skip(1)).any(|(a, b)| a.1.0 + 1 >= b.0.0);
            assert!(!touching);
        }
    }
}
