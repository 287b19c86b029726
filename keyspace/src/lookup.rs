//! Finding keys, hiding or deleting what has expired, and the way to an entry that may be changed.

use crate::Keyspace;
use crate::db::Place;
use crate::entry::{Encoding, EntryPtr, EntryRef, OwnedEntry, Stamp};
use crate::events::KeyEventKind;
use crate::garbage::Waste;
use crate::object::Object;
use crate::value::{StringRef, TypeName, ValueRef};

use base::{Args, DbIndex, Slot, UnixMillis};

/// Keys that [`Keyspace::expect`] hears of at once: about as many misses as a core can wait for at a time.
pub const EXPECTED_MAX: usize = 16;

/// After a batch of requests without any object, so many batches are taken for ones of strings.
const STRINGS_EXPECTED: u8 = 15;

/// What a lookup is for; decides about statistics and access bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    /// A read: counted as hit or miss, and the key counts as used.
    Read,
    /// A look that does not count as use (EXISTS, TTL, TYPE): hit or miss only.
    Peek,
    /// Before a write: the key counts as used, no statistics.
    Write,
    /// Neither (OBJECT, SCAN).
    Silent,
}

/// A key that is there.
#[derive(Clone, Copy)]
pub struct Found<'a>(EntryRef<'a>);

impl<'a> Found<'a> {
    /// Its value.
    #[inline]
    pub fn value(&self) -> ValueRef<'a> {
        self.0.value()
    }

    /// Its value, if it is a string.
    #[inline]
    pub fn string(&self) -> Option<StringRef<'a>> {
        self.0.value().as_string()
    }

    /// Its value, if it is anything but a string.
    pub fn object(&self) -> Option<&'a Object> {
        self.0.object()
    }

    /// When it expires.
    pub fn expire(&self) -> Option<UnixMillis> {
        self.0.expire()
    }

    /// The type that TYPE answers.
    pub fn type_name(&self) -> TypeName {
        self.0.value().type_name()
    }

    /// How it is kept.
    pub fn encoding(&self) -> Encoding {
        self.0.encoding()
    }
}

impl Keyspace {
    /// The live entry of `key`.
    #[inline]
    pub fn lookup(&mut self, db: DbIndex, key: &[u8], touch: Touch) -> Option<Found<'_>> {
        let place = self.place(key);
        let counts = matches!(touch, Touch::Read | Touch::Peek);
        let Some(entry) = self.live(db, place, key) else {
            self.stats.misses += u64::from(counts);
            return None;
        };
        self.stats.hits += u64::from(counts);
        let database = &mut self.dbs.get_mut(db.0 as usize)?.1;
        if matches!(touch, Touch::Read | Touch::Write) && !self.no_touch {
            let bits = self.access.touched(database.read(entry).access(), self.now, &mut self.prng);
            database.set_access(entry, bits);
        }
        Some(Found(database.read(entry)))
    }

    /// Tells which keys are about to be asked for (at most [`EXPECTED_MAX`] are heard), so that the processor fetches
    /// what it needs for all of them at once: first their buckets, then their entries. A hint: nothing changes.
    pub fn expect<'k>(&self, db: DbIndex, keys: impl Iterator<Item = &'k [u8]>) {
        let Some((_, database)) = self.dbs.get(db.0 as usize) else { return };
        let mut places = [Place::WHOLE; EXPECTED_MAX];
        let mut count = 0;
        for (key, place) in keys.zip(&mut places) {
            *place = self.place(key);
            database.prefetch_bucket(*place);
            count += 1;
        }
        for place in &places[..count] {
            database.prefetch_entry(*place);
        }
    }

    /// As [`Keyspace::expect`], of requests whose first argument is a key: also has the places fetched where the members
    /// are that they name.
    pub fn expect_requests<'k>(&mut self, db: DbIndex, requests: impl Iterator<Item = Args<'k>>) {
        let Some((_, database)) = self.dbs.get(db.0 as usize) else { return };
        let mut expected = [(Place::WHOLE, None); EXPECTED_MAX];
        let mut count = 0;
        let requests = requests.filter(|args| args.len() > 1);
        for (args, (place, request)) in requests.zip(&mut expected) {
            (*place, *request) = (self.place(args.at(1)), Some(args));
            count += 1;
        }
        // In loops of their own: the processor looks several of these addresses up at a time if little is between them.
        expected[..count].iter().for_each(|(place, _)| database.prefetch_bucket(*place));
        expected[..count].iter().for_each(|(place, _)| database.prefetch_entry(*place));
        // Who uses strings alone need not pay for more than a look now and then.
        if self.strings_expected > 0 {
            self.strings_expected -= 1;
            return;
        }
        let mut members = [None; EXPECTED_MAX];
        let mut objects = 0;
        for ((place, args), member) in expected[..count].iter().zip(&mut members) {
            if let Some(args) = args
                && let Some(object) = database.probable_object(*place)
            {
                *member = object.expect(*args);
                objects += 1;
            }
        }
        members.iter().flatten().for_each(|member: &ds::hint::Expected<'_>| member.fetch());
        if objects == 0 {
            self.strings_expected = STRINGS_EXPECTED;
        }
    }

    /// The live entry of `key`; nothing changes, and an expired one is not deleted.
    #[inline]
    pub fn peek(&self, db: DbIndex, key: &[u8]) -> Option<Found<'_>> {
        let entry = self.dbs.get(db.0 as usize)?.1.find(self.place(key), key)?;
        (!self.is_expired(entry)).then_some(Found(entry))
    }

    /// Whether a live key is there; nothing changes, and an expired one is not deleted.
    pub fn contains(&self, db: DbIndex, key: &[u8]) -> bool {
        self.peek(db, key).is_some()
    }

    #[inline]
    pub(crate) fn place(&self, key: &[u8]) -> Place {
        let slot = match (self.clustered, self.slot_hint) {
            (false, _) => 0,
            (true, Some(slot)) => {
                debug_assert_eq!(slot, Slot::of_key(key), "the slot hint is stale");
                slot.number()
            }
            (true, None) => Slot::of_key(key).number(),
        };
        Place::new(&self.hasher, key, slot)
    }

    /// The entry of a key, unless it has expired; then it is deleted here if this node may do so.
    #[inline]
    pub(crate) fn live(&mut self, db: DbIndex, place: Place, key: &[u8]) -> Option<EntryPtr> {
        let entry = self.dbs.get(db.0 as usize)?.1.find(place, key)?;
        if !self.is_expired(entry) {
            return Some(entry.ptr());
        }
        let ptr = entry.ptr();
        if self.may_delete_expired() {
            self.expire_now(db, place, ptr);
        }
        None
    }

    /// Whether the entry's time has passed, as this node sees it.
    #[inline]
    pub(crate) fn is_expired(&self, entry: EntryRef<'_>) -> bool {
        entry.expires() && !self.ignore_expiry && entry.expire().is_some_and(|at| self.now > at)
    }

    /// Whether this node deletes what has expired, rather than hiding it.
    pub(crate) fn may_delete_expired(&self) -> bool {
        !self.replica && !self.expire_pause
    }

    /// Deletes a key that a walk found expired, if this node may. The slot hint is about other keys.
    pub(crate) fn expire_found(&mut self, db: DbIndex, key: &[u8]) {
        let slot = if self.clustered { Slot::of_key(key).number() } else { 0 };
        self.live(db, Place::new(&self.hasher, key, slot), key);
    }

    /// Deletes an entry whose time has passed and reports it.
    pub(crate) fn expire_now(&mut self, db: DbIndex, place: Place, entry: EntryPtr) {
        if let Some((_, database)) = self.dbs.get(db.0 as usize) {
            self.events.push(KeyEventKind::Expired, db, database.read(entry).key());
            self.stats.expired += 1;
            self.remove_entry(db, place, entry);
        }
    }

    /// Takes an entry out of its database; whoever still needs it gets it.
    pub(crate) fn remove_entry(&mut self, db: DbIndex, place: Place, entry: EntryPtr) {
        if let Some((uid, database)) = self.dbs.get_mut(db.0 as usize) {
            let uid = *uid;
            if let Some(old) = database.remove(&self.hasher, place, entry) {
                self.retire(uid, old);
            }
        }
    }

    /// Puts `new` in the place of `old`; whoever still needs the old entry gets it.
    pub(crate) fn replace_entry(
        &mut self,
        db: DbIndex,
        place: Place,
        old: EntryPtr,
        new: OwnedEntry,
    ) -> EntryPtr {
        let ptr = new.get().ptr();
        if let Some((uid, database)) = self.dbs.get_mut(db.0 as usize) {
            let uid = *uid;
            if let Some(old) = database.replace(&self.hasher, place, old, new) {
                self.retire(uid, old);
            }
        }
        ptr
    }

    /// The snapshot choke point: the only way to an entry that may be changed in place. An entry that a running
    /// job has not seen is replaced by a copy that counts as seen, and the job gets the original.
    pub(crate) fn writable(&mut self, db: DbIndex, place: Place, entry: EntryPtr) -> EntryPtr {
        let Some((_, database)) = self.dbs.get(db.0 as usize) else { return entry };
        let old = database.read(entry);
        if self.jobs.unseen(old.marks()) == 0 {
            return entry;
        }
        let stamp = Stamp { marks: self.jobs.stamp(), access: old.access() };
        let copy = OwnedEntry::rebuilt(old, old.key(), old.expire(), stamp);
        self.replace_entry(db, place, entry, copy)
    }

    /// The stamp of a new entry.
    pub(crate) fn new_stamp(&self) -> Stamp {
        Stamp { marks: self.jobs.stamp(), access: self.access.initial(self.now) }
    }

    fn retire(&mut self, uid: crate::snapshot::DbUid, old: OwnedEntry) {
        if let Some(unwanted) = self.jobs.retire(uid, old)
            && Self::is_slow_to_free(unwanted.get())
        {
            self.discard(Waste::Entry(unwanted));
        }
    }
}
