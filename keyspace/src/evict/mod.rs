//! Which key goes when memory is needed: Redis's approximations of LRU, LFU and "soonest to expire".
//!
//! Model: no order over the keys is kept. Each eviction draws a few random keys per database and puts those that score
//! high (idle long, used rarely, expiring soon) into a small [`pool`] that remembers good candidates from one
//! eviction to the next; the best one that still exists goes. The random policies take a random key, one database after
//! the other.
//!
//! Each eviction leaves a [`KeyEventKind::Evicted`] event. When memory is needed, and how much, is for the caller: what
//! the process uses is not known here, only what of it will be given back by itself
//! ([`Keyspace::memory_on_its_way`]).
//!
//! Bound: one eviction looks at `samples` keys of each database, and at those again while all candidates turn out to be
//! gone.

mod pool;
#[cfg(test)]
mod tests;

pub(crate) use pool::Pool;

use crate::db::{Place, Which};
use crate::entry::EntryRef;
use crate::snapshot::JobSlot;
use crate::{KeyEventKind, Keyspace};
use base::{DbIndex, Slot};

/// Most keys that one eviction draws from a database, whatever the configuration says.
const SAMPLES_MAX: usize = 1 << 16;
/// How often an eviction fills the pool again after all of its candidates were gone.
const REFILLS: usize = 16;

/// What makes a key go first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictBy {
    /// Not used for the longest time.
    Recency,
    /// Used least often.
    Frequency,
    /// Expires soonest.
    TimeToLive,
    /// Chance.
    Random,
}

/// `maxmemory-policy` and `maxmemory-samples`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvictPolicy {
    /// The score.
    pub by: EvictBy,
    /// Only keys with a time to live.
    pub volatile: bool,
    /// Keys drawn per database and eviction, at least 1.
    pub samples: usize,
}

impl EvictPolicy {
    fn table(self) -> Which {
        if self.volatile { Which::Expires } else { Which::Keys }
    }
}

impl Keyspace {
    /// Removes one key, with an event; false if there is none that the policy admits.
    pub fn evict_one(&mut self, policy: EvictPolicy) -> bool {
        let found = match policy.by {
            EvictBy::Random => self.random_victim(policy),
            _ => self.best_victim(policy),
        };
        let Some((db, key)) = found else { return false };
        self.evict(db, &key);
        true
    }

    /// Forgets the candidates: the policy is another one now, and scores cannot be compared.
    pub fn forget_candidates(&mut self) {
        self.candidates = Pool::default();
    }

    /// Bytes that are allocated but will be given back without anybody evicting anything: garbage that the reaper has
    /// not freed, and what running snapshots hold.
    pub fn memory_on_its_way(&self) -> usize {
        let jobs = [JobSlot::Save, JobSlot::Migration];
        self.waste.bytes()
            + self.jobs.detached_bytes()
            + jobs.map(|job| self.jobs.queued_bytes(job)).iter().sum::<usize>()
    }

    fn random_victim(&mut self, policy: EvictPolicy) -> Option<(DbIndex, Vec<u8>)> {
        for _ in 0..self.dbs.len() {
            let index = self.candidates.next_database(self.dbs.len());
            if let Some(entry) = self.dbs[index].1.random_in(policy.table(), &mut self.prng) {
                return Some((DbIndex(index as u32), entry.key().to_vec()));
            }
        }
        None
    }

    fn best_victim(&mut self, policy: EvictPolicy) -> Option<(DbIndex, Vec<u8>)> {
        for _ in 0..REFILLS {
            if !self.fill_pool(policy) {
                return None;
            }
            while let Some((db, key)) = self.candidates.take_best() {
                if self.has(policy, db, &key) {
                    return Some((db, key));
                }
            }
        }
        None
    }

    /// Draws keys from every database; false if none has any.
    fn fill_pool(&mut self, policy: EvictPolicy) -> bool {
        let mut any = false;
        for (index, (_, database)) in self.dbs.iter().enumerate() {
            for _ in 0..policy.samples.clamp(1, SAMPLES_MAX) {
                let Some(entry) = database.random_in(policy.table(), &mut self.prng) else { break };
                let score = self.access_score(policy.by, entry);
                self.candidates.offer(score, DbIndex(index as u32), entry.key());
                any = true;
            }
        }
        any
    }

    /// Higher goes first.
    fn access_score(&self, by: EvictBy, entry: EntryRef<'_>) -> u64 {
        match by {
            EvictBy::Recency => self.access.idle_seconds(entry.access(), self.now),
            EvictBy::Frequency => u64::from(255 - self.access.frequency(entry.access(), self.now)),
            EvictBy::TimeToLive => u64::MAX - entry.expire().map_or(0, |at| at.0.max(0) as u64),
            EvictBy::Random => 0,
        }
    }

    fn has(&self, policy: EvictPolicy, db: DbIndex, key: &[u8]) -> bool {
        let place = self.place_of(key);
        let found = self.dbs.get(db.0 as usize).and_then(|(_, database)| database.find(place, key));
        found.is_some_and(|entry| !policy.volatile || entry.expires())
    }

    fn evict(&mut self, db: DbIndex, key: &[u8]) {
        let place = self.place_of(key);
        let Some((_, database)) = self.dbs.get(db.0 as usize) else { return };
        if let Some(entry) = database.find(place, key).map(EntryRef::ptr) {
            self.events.push(KeyEventKind::Evicted, db, key);
            self.remove_entry(db, place, entry);
        }
    }

    /// The place of a key that the slot hint is not about.
    fn place_of(&self, key: &[u8]) -> Place {
        let slot = if self.clustered { Slot::of_key(key).number() } else { 0 };
        Place::new(&self.hasher, key, slot)
    }
}
