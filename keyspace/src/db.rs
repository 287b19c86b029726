//! One database: which entries there are and where. It owns them; all raw entry access of the crate is here and
//! in `entry.rs`.
//!
//! A database is one pair of tables, or one pair per slot in cluster mode, allocated when the slot gets its first
//! key and freed with its last. The second table of a pair holds the same addresses for keys with a TTL only.
//! Counts per slot are Fenwick trees, so that "the n-th key" and "the next slot with keys" are fast.
//!
//! Invariants: an address is in `keys` exactly once and its entry is alive; it is in `expires` exactly if the entry
//! has an expiry. `entry_bytes` is the sum of the entries' memory.
//! Does not know what time it is, what a snapshot is, or what commands want.

use crate::due::Due;
use crate::entry::{EntryPtr, EntryRef, NewValue, OwnedEntry};
use crate::object::Object;
use base::{Prng, SLOT_COUNT, Slot, UnixMillis};
use ds::{Fenwick, Table};
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// The seeded hash function of all tables.
pub struct Hasher(RapidSecrets);

impl Hasher {
    /// Seeded, so that nobody outside can make keys collide.
    pub fn new(seed: u64) -> Self {
        Self(RapidSecrets::seed(seed))
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        rapidhash_v3_seeded(key, &self.0)
    }

    #[inline]
    fn hash_entry(&self, entry: EntryPtr) -> u64 {
        // SAFETY: tables ask only for entries that they hold, and those are alive.
        self.hash(unsafe { entry.get() }.key())
    }
}

/// Where a key belongs: computed once per access.
#[derive(Clone, Copy)]
pub struct Place {
    hash: u64,
    slot: u16,
}

impl Place {
    /// The table that is not of a slot.
    pub const WHOLE: Place = Place { hash: 0, slot: 0 };

    /// The place of `key`; `slot` is 0 outside cluster mode.
    #[inline]
    pub fn new(hasher: &Hasher, key: &[u8], slot: u16) -> Self {
        Self { hash: hasher.hash(key), slot }
    }
}

#[derive(Default)]
struct Pair {
    keys: Table<EntryPtr>,
    expires: Table<EntryPtr>,
}

impl Pair {
    fn bytes(&self) -> usize {
        self.keys.bytes() + self.expires.bytes()
    }
}

struct Slots {
    pairs: Box<[Option<Box<Pair>>]>,
    keys: Fenwick,
    expires: Fenwick,
}

enum Tables {
    One(Pair),
    /// Cluster mode; `None` until the first key comes.
    PerSlot(Option<Box<Slots>>),
}

/// Which table of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every key.
    Keys,
    /// Keys with a TTL.
    Expires,
}

/// A position in a walk over a database: slot in the low 14 bits (0 outside cluster mode), table cursor above.
pub type Cursor = u64;

const SLOT_BITS: u32 = 14;

/// See the module.
pub struct Db {
    tables: Tables,
    len: usize,
    expires_len: usize,
    entry_bytes: usize,
    table_bytes: usize,
    due: Due,
}

impl Db {
    /// An empty database; it allocates nothing.
    pub fn new(clustered: bool) -> Self {
        let tables = if clustered { Tables::PerSlot(None) } else { Tables::One(Pair::default()) };
        Self { tables, len: 0, expires_len: 0, entry_bytes: 0, table_bytes: 0, due: Due::default() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many of them expire.
    pub fn expires_len(&self) -> usize {
        self.expires_len
    }

    /// Bytes of entries and tables.
    pub fn memory(&self) -> usize {
        self.entry_bytes + self.table_bytes + self.due.memory()
    }

    /// Bytes of tables alone.
    pub fn table_memory(&self) -> usize {
        self.table_bytes + self.due.memory()
    }

    /// Keys whose values expire by parts.
    pub fn due(&self) -> &Due {
        &self.due
    }

    /// Takes everything out, leaving an empty database.
    pub fn take(&mut self) -> Db {
        let clustered = matches!(self.tables, Tables::PerSlot(_));
        core::mem::replace(self, Db::new(clustered))
    }

    fn pair(&self, slot: u16) -> Option<&Pair> {
        match &self.tables {
            Tables::One(pair) => Some(pair),
            Tables::PerSlot(slots) => slots.as_ref()?.pairs.get(slot as usize)?.as_deref(),
        }
    }

    fn pair_mut(&mut self, slot: u16) -> Option<&mut Pair> {
        match &mut self.tables {
            Tables::One(pair) => Some(pair),
            Tables::PerSlot(slots) => slots.as_mut()?.pairs.get_mut(slot as usize)?.as_deref_mut(),
        }
    }

    /// The pair of a slot, allocated if need be.
    fn pair_or_new(&mut self, slot: u16) -> &mut Pair {
        match &mut self.tables {
            Tables::One(pair) => pair,
            Tables::PerSlot(slots) => {
                if slots.is_none() {
                    self.table_bytes += SLOT_COUNT * (size_of::<Option<Box<Pair>>>() + 2 * size_of::<u64>());
                }
                let slots = slots.get_or_insert_with(|| {
                    Box::new(Slots {
                        pairs: (0..SLOT_COUNT).map(|_| None).collect(),
                        keys: Fenwick::new(SLOT_COUNT),
                        expires: Fenwick::new(SLOT_COUNT),
                    })
                });
                let pair = &mut slots.pairs[slot as usize % SLOT_COUNT];
                if pair.is_none() {
                    self.table_bytes += size_of::<Pair>();
                }
                pair.get_or_insert_with(Default::default)
            }
        }
    }

    fn count(&mut self, slot: u16, keys: i64, expires: i64) {
        self.len = self.len.wrapping_add_signed(keys as isize);
        self.expires_len = self.expires_len.wrapping_add_signed(expires as isize);
        if let Tables::PerSlot(Some(slots)) = &mut self.tables {
            if keys != 0 {
                slots.keys.add(slot as usize, keys);
            }
            if expires != 0 {
                slots.expires.add(slot as usize, expires);
            }
        }
    }

    /// The entry of a key.
    #[inline]
    pub fn find(&self, place: Place, key: &[u8]) -> Option<EntryRef<'_>> {
        // SAFETY: the table holds living entries, and they cannot be written while `self` is borrowed.
        let is = |entry: EntryPtr| unsafe { entry.get() }.key() == key;
        let found = self.pair(place.slot)?.keys.find(place.hash, is)?;
        // SAFETY: as above.
        Some(unsafe { found.get() })
    }

    /// Has the bucket of a key fetched.
    #[inline]
    pub fn prefetch_bucket(&self, place: Place) {
        if let Some(pair) = self.pair(place.slot) {
            pair.keys.prefetch(place.hash);
        }
    }

    /// Has the entry of a key fetched, as far as its bucket tells which one it is.
    #[inline]
    pub fn prefetch_entry(&self, place: Place) {
        if let Some(entry) = self.pair(place.slot).and_then(|pair| pair.keys.find(place.hash, |_| true)) {
            entry.prefetch();
        }
    }

    /// What is most probably the object of a key, if it is no string.
    #[inline]
    pub fn probable_object(&self, place: Place) -> Option<&Object> {
        let entry = self.pair(place.slot)?.keys.find(place.hash, |_| true)?;
        // SAFETY: the table holds living entries, and they cannot be written while `self` is borrowed.
        unsafe { entry.get() }.object()
    }

    /// Adds an entry whose key is not there yet.
    pub fn insert(&mut self, hasher: &Hasher, place: Place, entry: OwnedEntry) {
        let (expires, memory) = (entry.get().expires(), entry.get().memory());
        self.due.note(entry.get().key(), None, entry.get().next_expiry());
        let pair = self.pair_or_new(place.slot);
        let before = pair.bytes();
        let ptr = entry.into_ptr();
        pair.keys.insert(place.hash, ptr, |e| hasher.hash_entry(e));
        if expires {
            pair.expires.insert(place.hash, ptr, |e| hasher.hash_entry(e));
        }
        let after = pair.bytes();
        self.table_bytes = self.table_bytes + after - before;
        self.entry_bytes += memory;
        self.count(place.slot, 1, i64::from(expires));
    }

    /// Puts `new` (same key) in the place of `old`, which must be in this database; returns the old one.
    pub fn replace(
        &mut self,
        hasher: &Hasher,
        place: Place,
        old: EntryPtr,
        new: OwnedEntry,
    ) -> Option<OwnedEntry> {
        let memory = new.get().memory();
        let (expires, next_expiry) = (new.get().expires(), new.get().next_expiry());
        let pair = self.pair_mut(place.slot)?;
        let before = pair.bytes();
        let new = new.into_ptr();
        let Some(found) = pair.keys.replace(place.hash, |e| e == old, new) else {
            debug_assert!(false, "the entry to replace is not in its table");
            // SAFETY: the entry was given up above and no table took it.
            drop(unsafe { OwnedEntry::from_ptr(new) });
            return None;
        };
        // SAFETY: the address came out of the table just now; it is in `expires` at most until the lines below.
        let found = unsafe { OwnedEntry::from_ptr(found) };
        let expired = found.get().expires();
        match (expired, expires) {
            (true, true) => {
                pair.expires.replace(place.hash, |e| e == old, new);
            }
            (true, false) => {
                pair.expires.remove(place.hash, |e| e == old, |e| hasher.hash_entry(e));
            }
            (false, true) => pair.expires.insert(place.hash, new, |e| hasher.hash_entry(e)),
            (false, false) => {}
        }
        let after = pair.bytes();
        self.table_bytes = self.table_bytes + after - before;
        self.entry_bytes = self.entry_bytes + memory - found.get().memory();
        self.count(place.slot, 0, i64::from(expires) - i64::from(expired));
        self.due.note(found.get().key(), found.get().next_expiry(), next_expiry);
        Some(found)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, hasher: &Hasher, place: Place, entry: EntryPtr) -> Option<OwnedEntry> {
        let pair = self.pair_mut(place.slot)?;
        let before = pair.bytes();
        // `expires` first: while entries move between arrays, every address in a table must be alive.
        let in_expires = pair.expires.remove(place.hash, |e| e == entry, |e| hasher.hash_entry(e)).is_some();
        let found = pair.keys.remove(place.hash, |e| e == entry, |e| hasher.hash_entry(e))?;
        // SAFETY: the address is in no table any more.
        let found = unsafe { OwnedEntry::from_ptr(found) };
        let after = pair.bytes();
        let empty = pair.keys.is_empty();
        self.table_bytes = self.table_bytes + after - before;
        self.entry_bytes -= found.get().memory();
        self.due.note(found.get().key(), found.get().next_expiry(), None);
        self.count(place.slot, -1, -i64::from(in_expires));
        if empty
            && let Tables::PerSlot(Some(slots)) = &mut self.tables
            && slots.pairs[place.slot as usize].take().is_some()
        {
            self.table_bytes -= size_of::<Pair>();
        }
        Some(found)
    }

    /// Overwrites a value in place if it fits; gives the value back if it does not.
    pub fn overwrite<'v>(&mut self, entry: EntryPtr, value: NewValue<'v>) -> Result<(), NewValue<'v>> {
        // SAFETY: `entry` is in this database (all callers found it there), which is borrowed exclusively.
        // The entry's size does not change, so neither does `entry_bytes`.
        unsafe { entry.overwrite(value) }
    }

    /// Writes bytes into an embedded string that is kept as `raw`, within its length; false if it is not.
    pub fn patch(&mut self, entry: EntryPtr, offset: usize, bytes: &[u8]) -> bool {
        // SAFETY: as in `overwrite`.
        unsafe { entry.patch(offset, bytes) }
    }

    /// Overwrites the expiry of an entry that has one; false if it has none.
    pub fn set_expire(&mut self, entry: EntryPtr, at: UnixMillis) -> bool {
        // SAFETY: as in `overwrite`.
        unsafe { entry.set_expire(at) }
    }

    /// Changes the block of a value in place; `None` when the value is embedded.
    pub fn change_block<R>(&mut self, entry: EntryPtr, change: impl FnOnce(&mut Vec<u8>) -> R) -> Option<R> {
        // SAFETY: as in `overwrite`; the borrow of the block ends with the closure.
        unsafe {
            let before = entry.get().memory();
            let result = change(entry.block_mut()?);
            self.entry_bytes = self.entry_bytes + entry.get().memory() - before;
            Some(result)
        }
    }

    /// Changes the object of a value in place; `None` for a string.
    pub fn change_object<R>(&mut self, entry: EntryPtr, change: impl FnOnce(&mut Object) -> R) -> Option<R> {
        // SAFETY: as in `overwrite`; the borrow of the object ends with the closure.
        unsafe {
            // Before it is made this entry's own: a copy may have other capacities.
            let old = entry.get().object()?;
            let (before, due_before) = (old.memory(), old.next_expiry());
            let object = entry.object_mut()?;
            let result = change(object);
            self.entry_bytes = self.entry_bytes + object.memory() - before;
            let due_after = object.next_expiry();
            if due_after != due_before {
                self.due.note(entry.get().key(), due_before, due_after);
            }
            Some(result)
        }
    }

    /// Sets the snapshot marks of an entry.
    #[inline]
    pub fn set_marks(&mut self, entry: EntryPtr, marks: u8) {
        // SAFETY: as in `overwrite`.
        unsafe { entry.set_marks(marks) }
    }

    /// Sets the LRU or LFU bits of an entry.
    #[inline]
    pub fn set_access(&mut self, entry: EntryPtr, access: u32) {
        // SAFETY: as in `overwrite`.
        unsafe { entry.set_access(access) }
    }

    /// Reads an entry whose address a walk of this database gave, if nothing was removed since.
    #[inline]
    pub fn read(&self, entry: EntryPtr) -> EntryRef<'_> {
        // SAFETY: all callers hold addresses from `find` or `step` and have removed nothing else in between.
        unsafe { entry.get() }
    }

    fn table(&self, slot: u16, which: Which) -> Option<&Table<EntryPtr>> {
        let pair = self.pair(slot)?;
        Some(if which == Which::Keys { &pair.keys } else { &pair.expires })
    }

    /// One step of a walk: calls `f` with the entries of one chain and returns the next position, 0 at the end.
    /// What is there during the whole walk is given at least once.
    pub fn step(&self, which: Which, cursor: Cursor, mut f: impl FnMut(EntryRef<'_>)) -> Cursor {
        // SAFETY: the table holds living entries, and they cannot be written while `self` is borrowed.
        let mut visit = |entry: EntryPtr| f(unsafe { entry.get() });
        let slots = match &self.tables {
            Tables::One(_) => {
                return self.table(0, which).map_or(0, |table| table.scan(cursor, &mut visit));
            }
            Tables::PerSlot(None) => return 0,
            Tables::PerSlot(Some(slots)) => slots,
        };
        let counts = if which == Which::Keys { &slots.keys } else { &slots.expires };
        let (slot, inside) = (cursor as usize & (SLOT_COUNT - 1), cursor >> SLOT_BITS);
        let Some(occupied) = counts.next_occupied(slot) else { return 0 };
        let inside = if occupied == slot { inside } else { 0 };
        let next = self.table(occupied as u16, which).map_or(0, |table| table.scan(inside, &mut visit));
        if next != 0 {
            return next << SLOT_BITS | occupied as u64;
        }
        counts.next_occupied(occupied + 1).unwrap_or(0) as u64
    }

    /// Every entry, in a repeatable order.
    pub fn for_each(&self, mut f: impl FnMut(EntryRef<'_>)) {
        // SAFETY: as in `step`.
        let mut visit = |entry: EntryPtr| f(unsafe { entry.get() });
        match &self.tables {
            Tables::One(pair) => pair.keys.for_each(&mut visit),
            Tables::PerSlot(slots) => {
                let pairs = slots.iter().flat_map(|s| s.pairs.iter().flatten());
                pairs.for_each(|pair| pair.keys.for_each(&mut visit));
            }
        }
    }

    /// A random entry, each with the same probability.
    pub fn random(&self, prng: &mut Prng) -> Option<EntryRef<'_>> {
        self.random_in(Which::Keys, prng)
    }

    /// A random entry of one of the tables, each with the same probability.
    pub fn random_in(&self, which: Which, prng: &mut Prng) -> Option<EntryRef<'_>> {
        let count = if which == Which::Keys { self.len } else { self.expires_len };
        if count == 0 {
            return None;
        }
        let slot = match &self.tables {
            Tables::PerSlot(Some(slots)) => {
                let counts = if which == Which::Keys { &slots.keys } else { &slots.expires };
                counts.find(prng.below(count as u64))?
            }
            _ => 0,
        };
        let entry = self.table(slot as u16, which)?.random(prng)?;
        // SAFETY: as in `step`.
        Some(unsafe { entry.get() })
    }

    /// How many keys a slot has; 0 outside cluster mode.
    pub fn count_in_slot(&self, slot: Slot) -> usize {
        match &self.tables {
            Tables::One(_) => 0,
            Tables::PerSlot(_) => self.pair(slot.number()).map_or(0, |pair| pair.keys.len()),
        }
    }

    /// Up to `limit` entries of a slot. Nothing outside cluster mode.
    pub fn for_each_in_slot(&self, slot: Slot, limit: usize, mut f: impl FnMut(EntryRef<'_>)) {
        let Tables::PerSlot(_) = self.tables else { return };
        let Some(pair) = self.pair(slot.number()) else { return };
        let (mut cursor, mut left) = (0, limit);
        loop {
            cursor = pair.keys.scan(cursor, |entry| {
                if left > 0 {
                    left -= 1;
                    // SAFETY: as in `step`.
                    f(unsafe { entry.get() });
                }
            });
            if cursor == 0 || left == 0 {
                return;
            }
        }
    }

    /// Goes on with the rehash of the tables at a place; insertions and removals do so by themselves. True if there
    /// is more to do.
    pub fn rehash_step(&mut self, hasher: &Hasher, place: Place) -> bool {
        let Some(pair) = self.pair_mut(place.slot) else { return false };
        if !pair.keys.is_rehashing() && !pair.expires.is_rehashing() {
            return false;
        }
        let before = pair.bytes();
        pair.keys.rehash_step(&|e| hasher.hash_entry(e));
        pair.expires.rehash_step(&|e| hasher.hash_entry(e));
        let after = pair.bytes();
        self.table_bytes = self.table_bytes + after - before;
        true
    }

    /// Makes room for `keys` keys, `expires` of them with a TTL, in a database that is still empty.
    pub fn reserve(&mut self, keys: usize, expires: usize) {
        if let Tables::One(pair) = &mut self.tables {
            pair.keys.reserve(keys);
            pair.expires.reserve(expires);
            self.table_bytes = pair.bytes();
        }
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // SAFETY: the tables own the entries, each address is in `keys` once, and the tables go next.
        let free = |entry: EntryPtr| drop(unsafe { OwnedEntry::from_ptr(entry) });
        match &mut self.tables {
            Tables::One(pair) => pair.keys.for_each(free),
            Tables::PerSlot(slots) => {
                for pair in slots.iter().flat_map(|s| s.pairs.iter().flatten()) {
                    pair.keys.for_each(free);
                }
            }
        }
    }
}
