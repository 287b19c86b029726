//! One bucket: a cache line with seven slots, their tags, and a byte that says which slots are taken.
//!
//! ```text
//! | slot 0 .. slot 6 (8 bytes each) | tag 0 .. tag 6 | meta |      64 bytes
//! meta: bits 0-6 = slot taken, bit 7 = chained: slot 6 is the address of the next bucket, not an entry
//! ```
//!
//! A *chain* is a bucket of the array and what hangs on it. Invariants of a chain, kept by every function here:
//! every bucket but the last has six entries and a successor; a last bucket that has a predecessor holds at least
//! two entries. So lookups stop early, and a chain is never longer than its entries need.
//!
//! This file is all the `unsafe` of the crate: reading a slot as what `meta` says it is, and owning the successor.

use core::mem::MaybeUninit;

/// Slots in a bucket.
pub const SLOTS: usize = 7;
const LAST: usize = SLOTS - 1;
const CHAINED: u8 = 1 << 7;
const ALL: u8 = CHAINED - 1;

union Slot<P: Copy> {
    entry: MaybeUninit<P>,
    next: *mut Bucket<P>,
}

impl<P: Copy> Clone for Slot<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Copy> Copy for Slot<P> {}

/// See the module. Not `Clone`: a chained bucket owns its successor.
#[repr(C, align(64))]
pub struct Bucket<P: Copy> {
    slots: [Slot<P>; SLOTS],
    tags: [u8; SLOTS],
    meta: u8,
}

// SAFETY: a bucket owns its entries (as plain values) and its successors, and hands out nothing that is shared.
unsafe impl<P: Copy + Send> Send for Bucket<P> {}
// SAFETY: `&Bucket` only reads.
unsafe impl<P: Copy + Sync> Sync for Bucket<P> {}

impl<P: Copy> Default for Bucket<P> {
    fn default() -> Self {
        const { assert!(size_of::<P>() == 8 && align_of::<P>() <= 8 && size_of::<Bucket<P>>() == 64) };
        Self { slots: [Slot { entry: MaybeUninit::uninit() }; SLOTS], tags: [0; SLOTS], meta: 0 }
    }
}

impl<P: Copy> Bucket<P> {
    /// Whether this bucket and its chain hold nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        // A chained bucket has six entries.
        self.meta == 0
    }

    /// The successor in the chain.
    #[inline]
    pub fn next(&self) -> Option<&Bucket<P>> {
        if self.meta & CHAINED == 0 {
            return None;
        }
        // SAFETY: CHAINED says that the last slot holds the address of a bucket which this one owns alone.
        Some(unsafe { &*self.slots[LAST].next })
    }

    #[inline]
    fn next_mut(&mut self) -> Option<&mut Bucket<P>> {
        if self.meta & CHAINED == 0 {
            return None;
        }
        // SAFETY: as in `next`; the successor is borrowed through the exclusive borrow of its owner.
        Some(unsafe { &mut *self.slots[LAST].next })
    }

    /// The entry in slot `index`, which must be taken.
    #[inline]
    fn entry(&self, index: usize) -> P {
        debug_assert!(self.meta & (1 << index) != 0);
        // SAFETY: every caller takes `index` from the presence bits, and a present slot was written by `put`.
        unsafe { self.slots[index].entry.assume_init() }
    }

    #[inline]
    fn put(&mut self, index: usize, tag: u8, entry: P) {
        self.slots[index] = Slot { entry: MaybeUninit::new(entry) };
        self.tags[index] = tag;
        self.meta |= 1 << index;
    }

    /// Bits of the taken slots whose tag is `tag`.
    #[inline]
    fn matching(&self, tag: u8) -> u8 {
        const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let t = &self.tags;
        let tags = u64::from_le_bytes([t[0], t[1], t[2], t[3], t[4], t[5], t[6], 0]);
        let x = tags ^ (u64::from(tag) * 0x0101_0101_0101_0101);
        // The top bit of each byte that is zero in x; exact, unlike the shorter well-known formula.
        let zero = !(((x & LOW7) + LOW7) | x | LOW7);
        // Gathers the eight top bits into one byte, bit i from byte i.
        let bits = ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
        bits & self.meta & ALL
    }

    /// The first entry of the chain with this tag for which `eq` holds.
    #[inline]
    pub fn find(&self, tag: u8, eq: &impl Fn(P) -> bool) -> Option<P> {
        let mut bucket = self;
        loop {
            let mut bits = bucket.matching(tag);
            while bits != 0 {
                let entry = bucket.entry(bits.trailing_zeros() as usize);
                if eq(entry) {
                    return Some(entry);
                }
                bits &= bits - 1;
            }
            bucket = bucket.next()?;
        }
    }

    /// Puts `with` in the place of an entry found as in [`Bucket::find`]; returns the old one.
    pub fn replace(&mut self, tag: u8, eq: &impl Fn(P) -> bool, with: P) -> Option<P> {
        let mut bucket = self;
        loop {
            let mut bits = bucket.matching(tag);
            while bits != 0 {
                let index = bits.trailing_zeros() as usize;
                let entry = bucket.entry(index);
                if eq(entry) {
                    bucket.slots[index] = Slot { entry: MaybeUninit::new(with) };
                    return Some(entry);
                }
                bits &= bits - 1;
            }
            bucket = bucket.next_mut()?;
        }
    }

    /// Adds an entry to the chain. Returns how many buckets were allocated (0 or 1).
    pub fn insert(&mut self, tag: u8, entry: P) -> usize {
        let mut bucket = self;
        while bucket.meta & CHAINED != 0 {
            // SAFETY: as in `next_mut`; written out because the borrow checker rejects the loop over it.
            bucket = unsafe { &mut *bucket.slots[LAST].next };
        }
        let free = !bucket.meta & ALL;
        if free != 0 {
            bucket.put(free.trailing_zeros() as usize, tag, entry);
            return 0;
        }
        let mut child = Box::<Bucket<P>>::default();
        child.put(0, bucket.tags[LAST], bucket.entry(LAST));
        child.put(1, tag, entry);
        bucket.meta = (bucket.meta & !(1 << LAST)) | CHAINED;
        bucket.slots[LAST] = Slot { next: Box::into_raw(child) };
        1
    }

    /// Removes an entry found as in [`Bucket::find`]. Returns it and how many buckets were freed (0 or 1).
    pub fn remove(&mut self, tag: u8, eq: &impl Fn(P) -> bool) -> Option<(P, usize)> {
        let mut bucket: &mut Bucket<P> = self;
        let entry = 'found: loop {
            let mut bits = bucket.matching(tag);
            while bits != 0 {
                let index = bits.trailing_zeros() as usize;
                let entry = bucket.entry(index);
                if eq(entry) {
                    bucket.meta &= !(1 << index);
                    if let Some((tag, moved)) = bucket.pop_behind() {
                        bucket.put(index, tag, moved);
                    }
                    break 'found entry;
                }
                bits &= bits - 1;
            }
            bucket = bucket.next_mut()?;
        };
        Some((entry, self.merge_tail()))
    }

    /// The bucket before the chain's last; `None` when there is no chain.
    fn before_last(&mut self) -> Option<&mut Bucket<P>> {
        self.next()?;
        let mut parent = self;
        while parent.next().is_some_and(|next| next.meta & CHAINED != 0) {
            parent = parent.next_mut()?;
        }
        Some(parent)
    }

    /// Takes one entry from the last bucket behind this one.
    fn pop_behind(&mut self) -> Option<(u8, P)> {
        let last = self.before_last()?.next_mut()?;
        let top = (last.meta & ALL).checked_ilog2()? as usize;
        let taken = (last.tags[top], last.entry(top));
        last.meta &= !(1 << top);
        Some(taken)
    }

    /// Takes a lone entry of the chain's last bucket into the bucket before. Returns buckets freed.
    fn merge_tail(&mut self) -> usize {
        let Some(parent) = self.before_last() else { return 0 };
        let Some(last) = parent.next() else { return 0 };
        if last.meta.count_ones() != 1 {
            return 0;
        }
        let left = last.meta.trailing_zeros() as usize;
        let (tag, entry) = (last.tags[left], last.entry(left));
        parent.free_next();
        parent.put(LAST, tag, entry);
        1
    }

    /// Frees the successor, which must not be chained itself.
    fn free_next(&mut self) {
        debug_assert!(self.next().is_some_and(|next| next.meta & CHAINED == 0));
        self.meta &= !CHAINED;
        // SAFETY: the slot held an address from `Box::into_raw` that this bucket owned; CHAINED is gone, so that
        // nobody reads the slot as an address again.
        drop(unsafe { Box::from_raw(self.slots[LAST].next) });
    }

    /// Calls `f` with every entry of the chain.
    #[inline]
    pub fn for_each(&self, mut f: impl FnMut(P)) {
        let mut bucket = Some(self);
        while let Some(b) = bucket {
            let mut bits = b.meta & ALL;
            while bits != 0 {
                f(b.entry(bits.trailing_zeros() as usize));
                bits &= bits - 1;
            }
            bucket = b.next();
        }
    }

    /// Removes every entry of the chain, giving each to `f`. Returns buckets freed.
    pub fn drain(&mut self, mut f: impl FnMut(P)) -> usize {
        self.for_each(&mut f);
        self.clear()
    }

    /// Forgets every entry of the chain. Returns buckets freed.
    pub fn clear(&mut self) -> usize {
        let mut freed = 0;
        // From the front: the successor's successor is taken over before the successor is freed.
        while self.meta & CHAINED != 0 {
            let behind = self.next_mut().filter(|n| n.meta & CHAINED != 0).map(|next| {
                next.meta &= !CHAINED;
                next.slots[LAST]
            });
            self.free_next();
            freed += 1;
            if let Some(slot) = behind {
                self.slots[LAST] = slot;
                self.meta |= CHAINED;
            }
        }
        self.meta = 0;
        freed
    }

    /// How many entries the chain has.
    pub fn count(&self) -> usize {
        let mut bucket = Some(self);
        let mut count = 0;
        while let Some(b) = bucket {
            count += (b.meta & ALL).count_ones() as usize;
            bucket = b.next();
        }
        count
    }

    /// Checks the invariants of the chain; for tests.
    #[cfg(test)]
    pub fn check(&self) {
        let mut bucket = self;
        while let Some(next) = bucket.next() {
            assert_eq!(bucket.meta & ALL, ALL >> 1, "a bucket that is not last has six entries");
            assert!(next.meta.count_ones() >= 2, "a chained bucket has at least two entries");
            bucket = next;
        }
    }
}

impl<P: Copy> Drop for Bucket<P> {
    fn drop(&mut self) {
        self.clear();
    }
}
