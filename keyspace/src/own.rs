//! Keys to which the clients of a writable replica gave a time to live.
//!
//! A replica leaves expired keys to its primary, which knows nothing of keys that the replica made itself: they would
//! stay for ever. So they are remembered by name, with the time at which to look at them again, and deleted when that has
//! come. A name says little: the primary may meanwhile have written a key of that name, and then that one goes when its
//! time has come, as in Redis. Nothing is remembered on a primary, and a flush forgets everything.

use crate::Keyspace;
use crate::db::Place;
use base::{DbIndex, Slot, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

/// Keys looked at in one call.
const KEYS: usize = 256;

type Name = (DbIndex, Vec<u8>);

/// See the module.
#[derive(Default)]
pub(crate) struct OwnKeys {
    /// When to look at which key.
    due: BTreeSet<(UnixMillis, Name)>,
    times: BTreeMap<Name, UnixMillis>,
}

impl OwnKeys {
    pub fn forget_all(&mut self) {
        *self = Self::default();
    }

    fn set(&mut self, name: Name, at: UnixMillis) {
        if let Some(before) = self.times.insert(name.clone(), at) {
            self.due.remove(&(before, name.clone()));
        }
        self.due.insert((at, name));
    }

    /// A key whose time is before `now`; it is forgotten.
    fn pop(&mut self, now: UnixMillis) -> Option<Name> {
        self.due.first().filter(|(at, _)| *at < now)?;
        let (_, name) = self.due.pop_first()?;
        self.times.remove(&name);
        Some(name)
    }
}

impl Keyspace {
    /// A client of this replica has written to a key: if it has a time to live now, it is remembered.
    pub fn remember_own(&mut self, db: DbIndex, key: &[u8]) {
        if self.replica
            && let Some(at) = self.own_time(db, key)
        {
            self.own.set((db, key.to_vec()), at);
        }
    }

    /// How many keys are remembered.
    pub fn own_keys(&self) -> usize {
        self.own.times.len()
    }

    /// Deletes remembered keys whose time has passed, each with an event; returns how many were looked at, at most a
    /// bounded number.
    pub fn expire_own(&mut self) -> usize {
        if !self.replica || self.expire_pause || self.ignore_expiry {
            return 0;
        }
        let mut seen = 0;
        while seen < KEYS
            && let Some((db, key)) = self.own.pop(self.now)
        {
            seen += 1;
            match self.own_time(db, &key) {
                Some(at) if at >= self.now => self.own.set((db, key), at),
                Some(_) => self.expire_whole(db, &key),
                None => {}
            }
        }
        seen
    }

    fn own_place(&self, key: &[u8]) -> Place {
        let slot = if self.clustered { Slot::of_key(key).number() } else { 0 };
        Place::new(&self.hasher, key, slot)
    }

    fn own_time(&self, db: DbIndex, key: &[u8]) -> Option<UnixMillis> {
        self.dbs.get(db.0 as usize)?.1.find(self.own_place(key), key)?.expire()
    }

    fn expire_whole(&mut self, db: DbIndex, key: &[u8]) {
        let place = self.own_place(key);
        let entry = self.dbs.get(db.0 as usize).and_then(|(_, database)| database.find(place, key));
        if let Some(entry) = entry.map(|entry| entry.ptr()) {
            self.expire_now(db, place, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::*;
    use base::{DbIndex, UnixMillis};

    fn replica() -> Keyspace {
        let mut keyspace = Keyspace::new(Options { databases: 2, clustered: false, seed: 1 });
        keyspace.set_replica(true);
        keyspace.set_now(UnixMillis(1000));
        keyspace
    }

    fn set(keyspace: &mut Keyspace, key: &[u8], at: i64) {
        let expire = (at > 0).then_some(UnixMillis(at));
        keyspace.remove(DbIndex(1), key);
        keyspace.load(DbIndex(1), key, LoadValue::Int(1), expire, LoadExtra::default()).expect("room");
    }

    #[test]
    fn keys_of_clients_expire_and_those_of_the_primary_stay() {
        let mut keyspace = replica();
        for (key, at) in [(&b"own"[..], 1500), (b"later", 3000), (b"primary", 1500), (b"stays", 0)] {
            set(&mut keyspace, key, at);
            if key != b"primary" {
                keyspace.remember_own(DbIndex(1), key);
            }
        }
        assert_eq!((keyspace.own_keys(), keyspace.expire_own()), (2, 0));
        keyspace.set_now(UnixMillis(2000));
        assert_eq!((keyspace.expire_own(), keyspace.own_keys(), keyspace.len(DbIndex(1))), (1, 1, 3));
        let mut gone = Vec::new();
        keyspace.drain_events(&mut |event| gone.push(event.key.to_vec()));
        assert_eq!(gone, [b"own".to_vec()]);
        // A time that has changed, one that is no more, a key that is no more.
        set(&mut keyspace, b"later", 5000);
        set(&mut keyspace, b"gone", 2500);
        keyspace.remember_own(DbIndex(1), b"gone");
        keyspace.remove(DbIndex(1), b"gone");
        keyspace.set_now(UnixMillis(4000));
        assert_eq!((keyspace.expire_own(), keyspace.own_keys(), keyspace.len(DbIndex(1))), (2, 1, 3));
        keyspace.set_now(UnixMillis(6000));
        assert_eq!((keyspace.expire_own(), keyspace.own_keys(), keyspace.len(DbIndex(1))), (1, 0, 2));
    }

    #[test]
    fn nothing_is_remembered_where_it_need_not_be() {
        let mut keyspace = replica();
        set(&mut keyspace, b"own", 1500);
        keyspace.remember_own(DbIndex(1), b"own");
        keyspace.set_replica(false);
        assert_eq!(keyspace.own_keys(), 0);
        keyspace.remember_own(DbIndex(1), b"own");
        assert_eq!(keyspace.own_keys(), 0);
        keyspace.set_replica(true);
        keyspace.remember_own(DbIndex(1), b"own");
        keyspace.flush(Some(DbIndex(0)));
        assert_eq!(keyspace.own_keys(), 0);
    }
}
