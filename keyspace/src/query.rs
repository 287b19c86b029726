//! Counting, walking, sampling: everything that looks at many keys or at none in particular.

use crate::Keyspace;
use crate::db::Which;
use crate::entry::Encoding;
use crate::value::{TypeName, ValueRef};
use base::{DbIndex, Prng, Slot, UnixMillis};

/// Draws of RANDOMKEY before an expired key is good enough (on a replica all keys may have expired).
const RANDOM_TRIES: usize = 100;
/// Chains that one SCAN call visits per key asked for, at most.
const SCAN_CHAINS_PER_KEY: usize = 10;

/// Called with key, value and expiry.
pub type EntryVisitor<'f> = dyn FnMut(&[u8], ValueRef<'_>, Option<UnixMillis>) + 'f;

/// What OBJECT tells about a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectInfo {
    /// How the value is kept.
    pub encoding: Encoding,
    /// Seconds since the last use; meaningful under an LRU policy.
    pub idle_seconds: u64,
    /// Logarithmic frequency counter; meaningful under an LFU policy.
    pub frequency: u32,
    /// Bytes of the entry.
    pub memory: usize,
}

impl Keyspace {
    /// How many databases there are.
    pub fn databases(&self) -> u32 {
        self.dbs.len() as u32
    }

    /// How many keys a database has, expired ones that were not deleted yet included, as DBSIZE counts.
    pub fn len(&self, db: DbIndex) -> usize {
        self.dbs.get(db.0 as usize).map_or(0, |(_, db)| db.len())
    }

    /// How many of them have a TTL.
    pub fn expires_len(&self, db: DbIndex) -> usize {
        self.dbs.get(db.0 as usize).map_or(0, |(_, db)| db.expires_len())
    }

    /// Whether no database has a key.
    pub fn is_empty(&self) -> bool {
        self.dbs.iter().all(|(_, db)| db.len() == 0)
    }

    /// One call of SCAN: gives keys (an expired one is deleted or hidden instead) and returns the next cursor, 0 at
    /// the end. About `count` keys; at most ten times as many chains are visited.
    ///
    /// A key that is there from the call with cursor 0 to the one that returns 0 is given at least once.
    pub fn scan(
        &mut self,
        db: DbIndex,
        cursor: u64,
        count: usize,
        f: &mut dyn FnMut(&[u8], TypeName),
    ) -> u64 {
        let mut cursor = cursor;
        let mut expired: Vec<Vec<u8>> = Vec::new();
        let (mut given, mut chains) = (0, 0);
        if let Some((_, database)) = self.dbs.get(db.0 as usize) {
            loop {
                cursor = database.step(Which::Keys, cursor, |entry| {
                    given += 1;
                    if self.is_expired(entry) {
                        expired.push(entry.key().to_vec());
                    } else {
                        f(entry.key(), entry.value().type_name());
                    }
                });
                chains += 1;
                if cursor == 0 || given >= count || chains >= count.saturating_mul(SCAN_CHAINS_PER_KEY) {
                    break;
                }
            }
        } else {
            cursor = 0;
        }
        for key in expired {
            self.expire_found(db, &key);
        }
        cursor
    }

    /// Every live key, without deleting expired ones (KEYS).
    pub fn for_each_live(&self, db: DbIndex, f: &mut dyn FnMut(&[u8], TypeName)) {
        if let Some((_, database)) = self.dbs.get(db.0 as usize) {
            let steps = self.steps();
            database.for_each(|entry| {
                steps.one();
                if !self.is_expired(entry) {
                    f(entry.key(), entry.value().type_name());
                }
            });
        }
    }

    /// Every entry, expired or not (DEBUG DIGEST, tests).
    pub fn for_each(&self, db: DbIndex, f: &mut EntryVisitor<'_>) {
        if let Some((_, database)) = self.dbs.get(db.0 as usize) {
            let steps = self.steps();
            database.for_each(|entry| {
                steps.one();
                f(entry.key(), entry.value(), entry.expire());
            });
        }
    }

    /// A random live key, each with the same probability. Expired ones met on the way are deleted; where they are
    /// only hidden, one of them may be the answer after many draws.
    pub fn random_key(&mut self, db: DbIndex, prng: &mut Prng) -> Option<Vec<u8>> {
        let mut tries = 0;
        loop {
            let entry = self.dbs.get(db.0 as usize)?.1.random(prng)?;
            let key = entry.key().to_vec();
            tries += 1;
            if !self.is_expired(entry) || (!self.may_delete_expired() && tries >= RANDOM_TRIES) {
                return Some(key);
            }
            self.expire_found(db, &key);
        }
    }

    /// How many keys a slot has. 0 outside cluster mode.
    pub fn count_in_slot(&self, slot: Slot) -> usize {
        self.dbs.first().map_or(0, |(_, db)| db.count_in_slot(slot))
    }

    /// Up to `limit` keys of a slot. None outside cluster mode.
    pub fn keys_in_slot(&self, slot: Slot, limit: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        if let Some((_, database)) = self.dbs.first() {
            database.for_each_in_slot(slot, limit, |entry| keys.push(entry.key().to_vec()));
        }
        keys
    }

    /// What OBJECT tells about a live key; does not touch it.
    pub fn object(&mut self, db: DbIndex, key: &[u8]) -> Option<ObjectInfo> {
        let place = self.place(key);
        let entry = self.live(db, place, key)?;
        let entry = self.dbs.get(db.0 as usize)?.1.read(entry);
        Some(ObjectInfo {
            encoding: entry.encoding(),
            idle_seconds: self.access.idle_seconds(entry.access(), self.now),
            frequency: self.access.frequency(entry.access(), self.now),
            memory: entry.memory(),
        })
    }
}
