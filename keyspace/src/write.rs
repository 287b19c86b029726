//! Creating, replacing, moving and removing keys, and their time to live.

use crate::Keyspace;
use crate::db::Place;
use crate::entry::{EntryPtr, EntryRef, KEY_LIMIT, NewValue, OwnedEntry, Stamp};
use crate::garbage::Waste;
use crate::value::{LoadError, LoadExtra, LoadValue};
use base::{DbIndex, UnixMillis};

/// What becomes of the time to live when a value is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ttl {
    /// It stays.
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    At(UnixMillis),
}

impl Keyspace {
    /// Sets a key, whatever it held. True if a live key was there before. Nothing happens in a database that does
    /// not exist.
    ///
    /// A value of the old one's size is written in place; else one allocation is made.
    pub fn set(&mut self, db: DbIndex, key: &[u8], value: NewValue<'_>, ttl: Ttl) -> bool {
        let place = self.place(key);
        let (mut there, visible) = self.find_for_change(db, place, key);
        if self.replica
            && !visible
            && !self.expire_pause
            && let Some(entry) = there.take()
        {
            // A client of a writable replica makes a new key: what hides here is no more than its name.
            self.expire_now(db, place, entry);
        }
        let Some((_, database)) = self.dbs.get_mut(db.0 as usize) else { return false };
        let Some(old) = there.map(|entry| database.read(entry)) else {
            let expire = if let Ttl::At(at) = ttl { Some(at) } else { None };
            let stamp = Stamp { marks: self.jobs.stamp(), access: self.access.initial(self.now) };
            database.insert(&self.hasher, place, OwnedEntry::new(key, value, expire, stamp));
            return false;
        };
        let expire = match ttl {
            Ttl::Keep => old.expire(),
            Ttl::Clear => None,
            Ttl::At(at) => Some(at),
        };
        let bits = self.access.touched(old.access(), self.now, &mut self.prng);
        let stamp = Stamp { marks: self.jobs.stamp(), access: bits };
        let (ptr, same_form) = (old.ptr(), old.expires() == expire.is_some());
        let mut value = value;
        // In place is a change like any other: only for entries that no job waits for (see `writable`).
        if same_form && self.jobs.unseen(old.marks()) == 0 {
            match database.overwrite(ptr, value) {
                Ok(()) => {
                    database.set_access(ptr, bits);
                    if let Some(at) = expire {
                        database.set_expire(ptr, at);
                    }
                    database.rehash_step(&self.hasher, place);
                    return visible;
                }
                Err(back) => value = back,
            }
        }
        self.replace_entry(db, place, ptr, OwnedEntry::new(key, value, expire, stamp));
        visible
    }

    /// Removes a key; false if no live key was there.
    pub fn remove(&mut self, db: DbIndex, key: &[u8]) -> bool {
        let place = self.place(key);
        // Where expired keys are only hidden, an explicit deletion still deletes.
        let (Some(entry), _) = self.find_for_change(db, place, key) else { return false };
        self.remove_entry(db, place, entry);
        true
    }

    /// Gives a live key a new time to live, or none; false if there is no such key, or if there was none to take.
    pub fn set_expire(&mut self, db: DbIndex, key: &[u8], expire: Option<UnixMillis>) -> bool {
        let place = self.place(key);
        let Some(entry) = self.live(db, place, key) else { return false };
        let Some((_, database)) = self.dbs.get(db.0 as usize) else { return false };
        let old = database.read(entry);
        match (old.expires(), expire) {
            (false, None) => return false,
            (true, Some(at)) => {
                let entry = self.writable(db, place, entry);
                self.dbs[db.0 as usize].1.set_expire(entry, at);
            }
            _ => {
                let stamp = Stamp { marks: self.jobs.stamp(), access: old.access() };
                let new = OwnedEntry::rebuilt(old, key, expire, stamp);
                self.replace_entry(db, place, entry, new);
            }
        }
        true
    }

    /// Renames a live key over whatever the new name holds; false if there is no such key. The TTL moves along.
    pub fn rename(&mut self, db: DbIndex, from: &[u8], to: &[u8]) -> bool {
        if from == to {
            return self.contains(db, from);
        }
        self.copy_entry((db, from), (db, to)) && self.remove(db, from)
    }

    /// Copies a live key over whatever the target holds; false if there is no such key. The TTL is copied too.
    pub fn copy(&mut self, from_db: DbIndex, from: &[u8], to_db: DbIndex, to: &[u8]) -> bool {
        if (from_db, from) == (to_db, to) {
            return self.contains(from_db, from);
        }
        self.copy_entry((from_db, from), (to_db, to))
    }

    /// Moves a live key to another database, over whatever is there; false if there is no such key.
    pub fn move_key(&mut self, from_db: DbIndex, key: &[u8], to_db: DbIndex) -> bool {
        if from_db == to_db {
            return self.contains(from_db, key);
        }
        self.copy_entry((from_db, key), (to_db, key)) && self.remove(from_db, key)
    }

    /// The entry to be replaced or removed, if there is one, and whether a reader would see it: an expired one that
    /// this node may not delete is still there. One that it may delete is deleted, so that its event comes first.
    fn find_for_change(&mut self, db: DbIndex, place: Place, key: &[u8]) -> (Option<EntryPtr>, bool) {
        let Some((_, database)) = self.dbs.get(db.0 as usize) else { return (None, false) };
        let Some(entry) = database.find(place, key) else { return (None, false) };
        if !self.is_expired(entry) {
            return (Some(entry.ptr()), true);
        }
        let ptr = entry.ptr();
        if self.may_delete_expired() {
            self.expire_now(db, place, ptr);
            return (None, false);
        }
        (Some(ptr), false)
    }

    fn copy_entry(&mut self, from: (DbIndex, &[u8]), to: (DbIndex, &[u8])) -> bool {
        let (source, target) = (self.place(from.1), self.place(to.1));
        let Some(entry) = self.live(from.0, source, from.1) else { return false };
        if to.0.0 as usize >= self.dbs.len() {
            return false;
        }
        let stamp = self.new_stamp();
        let old = self.dbs[from.0.0 as usize].1.read(entry);
        let new = OwnedEntry::rebuilt(old, to.1, old.expire(), stamp);
        let there = self.dbs[to.0.0 as usize].1.find(target, to.1).map(EntryRef::ptr);
        match there {
            Some(there) => {
                self.replace_entry(to.0, target, there, new);
            }
            None => self.dbs[to.0.0 as usize].1.insert(&self.hasher, target, new),
        }
        true
    }

    /// Exchanges two databases; false if one does not exist.
    pub fn swap(&mut self, a: DbIndex, b: DbIndex) -> bool {
        let (a, b) = (a.0 as usize, b.0 as usize);
        let exist = a < self.dbs.len() && b < self.dbs.len();
        if exist {
            self.dbs.swap(a, b);
        }
        exist
    }

    /// Removes every key of one database or of all; returns how many. The memory comes out of `take_garbage`.
    pub fn flush(&mut self, db: Option<DbIndex>) -> u64 {
        let mut removed = 0;
        self.own.forget_all();
        for index in 0..self.dbs.len() {
            if db.is_some_and(|only| only.0 as usize != index) {
                continue;
            }
            let (uid, database) = &mut self.dbs[index];
            let (uid, old) = (*uid, database.take());
            removed += old.len() as u64;
            if let Some(old) = self.jobs.detach(uid, old)
                && old.memory() > 0
            {
                self.discard(Waste::Db(old));
            }
        }
        if self.is_empty() {
            self.jobs.all_gone();
        }
        removed
    }

    /// Removes up to `budget` keys of a slot, each with an event; returns how many. 0: the slot is empty.
    pub fn delete_slot(&mut self, slot: base::Slot, budget: usize) -> usize {
        let keys = self.keys_in_slot(slot, budget);
        for key in &keys {
            let place = Place::new(&self.hasher, key, slot.number());
            let Some(entry) = self.dbs[0].1.find(place, key).map(EntryRef::ptr) else { continue };
            self.events.push(crate::KeyEventKind::SlotDropped, DbIndex(0), key);
            self.remove_entry(DbIndex(0), place, entry);
        }
        keys.len()
    }

    /// Adds an entry from a file. Expired entries are the caller's to skip.
    pub fn load(
        &mut self,
        db: DbIndex,
        key: &[u8],
        value: LoadValue,
        expire: Option<UnixMillis>,
        extra: LoadExtra,
    ) -> Result<(), LoadError> {
        if key.len() >= KEY_LIMIT {
            return Err(LoadError::KeyTooLong);
        }
        let place = Place::new(&self.hasher, key, self.slot_of(key));
        let access = self.access.loaded(self.now, extra.idle_seconds, extra.frequency);
        let stamp = Stamp { marks: self.jobs.stamp(), access };
        let (_, database) = self.dbs.get_mut(db.0 as usize).ok_or(LoadError::NoSuchDatabase)?;
        if database.find(place, key).is_some() {
            return Err(LoadError::Duplicate);
        }
        let entry = match value {
            LoadValue::Int(int) => OwnedEntry::new(key, NewValue::Int(int), expire, stamp),
            LoadValue::Bytes(bytes) if bytes.len() > crate::EMBEDDED_MAX => {
                OwnedEntry::new(key, NewValue::Block(std::sync::Arc::new(bytes)), expire, stamp)
            }
            LoadValue::Bytes(bytes) => OwnedEntry::new(key, NewValue::encoded(&bytes), expire, stamp),
            LoadValue::Object(object) => OwnedEntry::new(key, NewValue::Object(object), expire, stamp),
        };
        database.insert(&self.hasher, place, entry);
        Ok(())
    }

    /// Makes room for the keys that a file announces. Numbers come from the file, so that they are capped.
    pub fn reserve(&mut self, db: DbIndex, keys: u64, expires: u64) {
        // 16 million keys need 256 MiB of table, allocated piece by piece; more grow as they come.
        let cap = |n: u64| n.min(1 << 24) as usize;
        if let Some((_, database)) = self.dbs.get_mut(db.0 as usize)
            && database.len() == 0
        {
            database.reserve(cap(keys), cap(expires));
        }
    }

    fn slot_of(&self, key: &[u8]) -> u16 {
        if self.clustered { base::Slot::of_key(key).number() } else { 0 }
    }

    /// Sets the value of a live entry, keeping its TTL; for changes that have looked the entry up already.
    pub(crate) fn set_value(&mut self, db: DbIndex, place: Place, entry: EntryPtr, value: NewValue<'_>) {
        let entry = self.writable(db, place, entry);
        let database = &mut self.dbs[db.0 as usize].1;
        if let Err(value) = database.overwrite(entry, value) {
            let old = database.read(entry);
            let stamp = Stamp { marks: self.jobs.stamp(), access: old.access() };
            let new = OwnedEntry::new(old.key(), value, old.expire(), stamp);
            self.replace_entry(db, place, entry, new);
        }
    }
}
