//! A hash table of 8-byte entries (pointers, usually) whose hash and equality the caller supplies.
//!
//! The model, after Valkey 8's hashtable: an array of cache-line buckets ([`bucket`]), a power of two of them.
//! The low bits of the hash choose the bucket, the top byte is the tag kept beside the entry, so that a lookup
//! touches one line of the table and, almost always, one entry. A full bucket grows a chain.
//!
//! Growing and shrinking are incremental: a second array is set up and each insertion or removal moves one chain
//! over. `arrays[0]` is the only array, or the old one; `arrays[1]` the new one. Entries whose chain of the old one
//! is below `moved` are in the new one, all others in the old one: a lookup looks in one place, and the new array
//! fills at the pace at which the old one empties. Memory comes and goes in 64 KiB segments ([`store`]).
//!
//! SCAN's cursor counts with its bits reversed, from the highest bit of the mask down. When the array doubles or
//! halves between two calls, the buckets that a cursor has passed are exactly those whose entries it has seen, so
//! that every entry present from the first call to the last is given at least once. While two arrays stand, one
//! step visits a chain of the smaller and every chain of the larger that it splits into.
//!
//! The table does not own what entries point to: who drops a table must have drained it or own them elsewhere.

mod bucket;
mod store;
#[cfg(test)]
mod tests;

use base::Prng;
use bucket::Bucket;
use store::Store;

/// Mean entries per bucket at which the array doubles: 6 of 7. At that fill about a quarter of the buckets chain.
const GROW_AT: usize = 6;
/// Buckets per entry at which the array shrinks: below one entry in four buckets.
const SHRINK_AT: usize = 4;
/// Mean entries per bucket that shrinking aims at, at most.
const SHRINK_TO: usize = 4;
/// Empty chains that one move may skip on its way to one that is not.
const EMPTY_SKIPS: usize = 8;
/// Draws of [`Table::random`] before it settles for a slightly unfair entry.
const FAIR_TRIES: usize = 100;
/// Longest chain that [`Table::random`] treats fairly; at a mean of 6 longer ones are rarer than one in 10^4.
const FAIR_CHAIN: u64 = 16;

/// See the module.
pub struct Table<P: Copy> {
    arrays: [Store<P>; 2],
    /// Next chain of `arrays[0]` to move; 0 while `arrays[1]` has no buckets.
    moved: usize,
    len: usize,
    bytes: usize,
}

impl<P: Copy> Default for Table<P> {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn tag_of(hash: u64) -> u8 {
    (hash >> 56) as u8
}

impl<P: Copy> Table<P> {
    /// An empty table; it allocates nothing.
    pub fn new() -> Self {
        Self { arrays: [Store::Empty, Store::Empty], moved: 0, len: 0, bytes: 0 }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated for arrays and chains, what entries point to not included.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Buckets in the arrays, chained ones not included.
    pub fn buckets(&self) -> usize {
        self.arrays[0].buckets() + self.arrays[1].buckets()
    }

    /// Whether entries are being moved to a new array.
    #[inline]
    pub fn is_rehashing(&self) -> bool {
        self.arrays[1].buckets() != 0
    }

    /// Makes room for `entries` entries in all, if the table is empty.
    pub fn reserve(&mut self, entries: usize) {
        if self.is_empty() && !self.is_rehashing() {
            let buckets = (entries / GROW_AT + 1).next_power_of_two();
            if buckets > self.arrays[0].buckets() {
                self.arrays[0] = Store::new(buckets);
                self.bytes = self.arrays[0].fixed_bytes();
            }
        }
    }

    /// The entry with this hash for which `eq` holds.
    #[inline]
    pub fn find(&self, hash: u64, eq: impl Fn(P) -> bool) -> Option<P> {
        if self.len == 0 {
            return None;
        }
        self.chain(hash)?.find(tag_of(hash), &eq)
    }

    /// Puts `with`, which has the same hash, in the place of the entry for which `eq` holds; returns that one.
    #[inline]
    pub fn replace(&mut self, hash: u64, eq: impl Fn(P) -> bool, with: P) -> Option<P> {
        let (array, index) = self.place(hash);
        self.arrays[array].get_mut(index)?.replace(tag_of(hash), &eq, with)
    }

    /// Adds an entry, which must not be there yet. `hash_of` gives the hash of any entry of the table.
    pub fn insert(&mut self, hash: u64, entry: P, hash_of: impl Fn(P) -> u64) {
        self.rehash_step(&hash_of);
        if !self.is_rehashing() && self.len >= self.arrays[0].buckets() * GROW_AT {
            self.begin_rehash((self.arrays[0].buckets() * 2).max(1));
        }
        self.put(hash, entry);
        self.len += 1;
    }

    /// Removes the entry for which `eq` holds.
    pub fn remove(&mut self, hash: u64, eq: impl Fn(P) -> bool, hash_of: impl Fn(P) -> u64) -> Option<P> {
        let entry = self.take(hash, &eq)?;
        self.len -= 1;
        if self.len == 0 {
            // Nothing to move any more: begin again from a table that owns nothing.
            self.clear();
        } else if self.is_rehashing() {
            self.rehash_step(&hash_of);
        } else if self.arrays[0].buckets() > SHRINK_AT * self.len {
            let buckets = (self.len / SHRINK_TO + 1).next_power_of_two();
            if buckets < self.arrays[0].buckets() {
                self.begin_rehash(buckets);
            }
        }
        Some(entry)
    }

    /// Forgets every entry and frees everything.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Moves one chain to the new array, skipping a few empty ones, if there is a new array.
    pub fn rehash_step(&mut self, hash_of: &impl Fn(P) -> u64) {
        if !self.is_rehashing() {
            return;
        }
        for _ in 0..EMPTY_SKIPS {
            let was_empty = self.move_chain(hash_of);
            if !self.is_rehashing() || !was_empty {
                return;
            }
        }
    }

    /// Visits one step of the cursor `cursor`, 0 at first; returns the next cursor, 0 when the round is complete.
    pub fn scan(&self, cursor: u64, mut f: impl FnMut(P)) -> u64 {
        if self.len == 0 {
            return 0;
        }
        let mut visit = |array: &Store<P>, index: u64| {
            if let Some(bucket) = array.get(index as usize) {
                bucket.for_each(&mut f);
            }
        };
        if !self.is_rehashing() {
            let mask = self.arrays[0].buckets() as u64 - 1;
            visit(&self.arrays[0], cursor & mask);
            return next_cursor(cursor, mask);
        }
        let [a, b] = &self.arrays;
        let (small, large) = if a.buckets() <= b.buckets() { (a, b) } else { (b, a) };
        let (low, high) = (small.buckets() as u64 - 1, large.buckets() as u64 - 1);
        visit(small, cursor & low);
        let mut cursor = cursor;
        loop {
            visit(large, cursor & high);
            cursor = next_cursor(cursor, high);
            // The bits that only the larger mask has are back at zero: every split chain has been seen.
            if cursor & (low ^ high) == 0 {
                return cursor;
            }
        }
    }

    /// Calls `f` with every entry, in no particular but a repeatable order.
    pub fn for_each(&self, mut f: impl FnMut(P)) {
        for array in &self.arrays {
            for index in 0..array.buckets() {
                if let Some(bucket) = array.get(index) {
                    bucket.for_each(&mut f);
                }
            }
        }
    }

    /// A random entry, each with the same probability (up to chains of unheard-of length).
    pub fn random(&self, prng: &mut Prng) -> Option<P> {
        if self.len == 0 {
            return None;
        }
        let chains = self.buckets() as u64;
        for _ in 0..FAIR_TRIES {
            let Some(bucket) = self.chain_at(prng.below(chains) as usize) else { continue };
            let count = bucket.count() as u64;
            let draw = prng.below(count.max(FAIR_CHAIN));
            if draw < count {
                return nth(bucket, draw as usize);
            }
        }
        // A sparse table: take the next chain that has something.
        let start = prng.below(chains) as usize;
        let bucket = (0..chains as usize)
            .filter_map(|i| self.chain_at((start + i) % chains as usize))
            .find(|bucket| !bucket.is_empty())?;
        nth(bucket, prng.below(bucket.count() as u64) as usize)
    }

    /// Gives a hint to the processor that the bucket of `hash` will be needed.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(bucket) = self.chain(hash) {
            crate::hint::fetch(bucket);
        }
    }

    /// Array and index of the one chain that an entry with this hash can be in.
    #[inline]
    fn place(&self, hash: u64) -> (usize, usize) {
        let index = hash as usize & self.arrays[0].buckets().wrapping_sub(1);
        if index >= self.moved {
            return (0, index);
        }
        (1, hash as usize & self.arrays[1].buckets().wrapping_sub(1))
    }

    #[inline]
    fn chain(&self, hash: u64) -> Option<&Bucket<P>> {
        let (array, index) = self.place(hash);
        self.arrays[array].get(index)
    }

    /// The `n`-th chain of both arrays together.
    fn chain_at(&self, n: usize) -> Option<&Bucket<P>> {
        let first = self.arrays[0].buckets();
        if n < first { self.arrays[0].get(n) } else { self.arrays[1].get(n - first) }
    }

    fn put(&mut self, hash: u64, entry: P) {
        let (array, index) = self.place(hash);
        // The index is below the number of buckets, so there is always a bucket.
        if let Some((bucket, bytes)) = self.arrays[array].get_or_allocate(index) {
            let chained = bucket.insert(tag_of(hash), entry);
            self.bytes += bytes + chained * size_of::<Bucket<P>>();
        }
    }

    fn take(&mut self, hash: u64, eq: &impl Fn(P) -> bool) -> Option<P> {
        let (array, index) = self.place(hash);
        let (entry, freed) = self.arrays[array].get_mut(index)?.remove(tag_of(hash), eq)?;
        self.bytes -= freed * size_of::<Bucket<P>>();
        Some(entry)
    }

    fn begin_rehash(&mut self, buckets: usize) {
        let array = Store::new(buckets);
        self.bytes += array.fixed_bytes();
        self.moved = 0;
        if self.arrays[0].buckets() == 0 {
            self.arrays[0] = array;
        } else {
            self.arrays[1] = array;
        }
    }

    /// Moves the chain at `moved`; true if it was empty. Ends the rehash after the last one.
    fn move_chain(&mut self, hash_of: &impl Fn(P) -> u64) -> bool {
        let [old, new] = &mut self.arrays;
        let (mut allocated, mut freed, mut empty) = (0, 0, true);
        if let Some(chain) = old.get_mut(self.moved) {
            empty = chain.is_empty();
            let mask = new.buckets() - 1;
            freed += size_of::<Bucket<P>>()
                * chain.drain(|entry| {
                    let hash = hash_of(entry);
                    if let Some((bucket, bytes)) = new.get_or_allocate(hash as usize & mask) {
                        let chained = bucket.insert(tag_of(hash), entry);
                        allocated += bytes + chained * size_of::<Bucket<P>>();
                    }
                });
        }
        self.moved += 1;
        freed += old.release_before(self.moved);
        if self.moved == old.buckets() {
            freed += old.fixed_bytes();
            let new = core::mem::replace(new, Store::Empty);
            *old = new;
            self.moved = 0;
        }
        self.bytes = self.bytes + allocated - freed;
        empty
    }
}

/// Adds one to the cursor with the bits of `mask` reversed: the high bit of the mask counts fastest.
fn next_cursor(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
}

fn nth<P: Copy>(bucket: &Bucket<P>, n: usize) -> Option<P> {
    let mut left = n;
    let mut found = None;
    bucket.for_each(|entry| {
        if left == 0 && found.is_none() {
            found = Some(entry);
        }
        left = left.wrapping_sub(1);
    });
    found
}
