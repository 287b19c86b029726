//! stub with the final signatures over a BTreeMap; the real tables replace it.

pub mod events;
pub mod snapshot;
pub mod value;

pub use events::{KeyEvent, KeyEventKind};
pub use snapshot::{JobSlot, SnapshotBusy, SnapshotChunk, SnapshotCut, SnapshotEntry, StepOutcome};
pub use value::{LoadError, LoadExtra, LoadValue, TypeName, ValueRef};

use base::{DbIndex, Prng, Slot, UnixMillis};
use std::collections::BTreeMap;

/// How a keyspace is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many databases there are.
    pub databases: u32,
    /// Whether keys are kept by slot.
    pub clustered: bool,
    /// Seed of the hash function.
    pub seed: u64,
}

type Stored = (LoadValue, Option<UnixMillis>);

/// Memory on its way to be freed; drop it wherever the time to do so does not matter.
pub struct Garbage(#[allow(dead_code)] Box<dyn Send>);

/// The databases.
pub struct Keyspace {
    options: Options,
    dbs: Vec<BTreeMap<Vec<u8>, Stored>>,
    events: events::EventQueue,
    job: Option<SnapshotChunk>,
}

#[allow(missing_docs, unused_variables)]
impl Keyspace {
    pub fn new(options: Options) -> Self {
        let dbs = (0..options.databases).map(|_| BTreeMap::new()).collect();
        Self { options, dbs, events: Default::default(), job: None }
    }
    pub fn set_now(&mut self, now: UnixMillis) {}
    /// Replica: expired keys are hidden, never deleted.
    pub fn set_replica(&mut self, replica: bool) {}
    /// CLIENT PAUSE, manual failover: hidden, not deleted, until it ends.
    pub fn set_expire_pause(&mut self, paused: bool) {}
    /// While the master's stream or a file is applied: expired keys are visible, as the master saw them.
    pub fn set_ignore_expiry(&mut self, ignore: bool) {}
    /// All keys of the coming commands live in this slot (hashed once by the dispatcher).
    pub fn set_slot_hint(&mut self, slot: Option<Slot>) {}
    pub fn len(&self, db: DbIndex) -> usize {
        self.dbs.get(db.0 as usize).map_or(0, |d| d.len())
    }
    pub fn expires_len(&self, db: DbIndex) -> usize {
        self.dbs.get(db.0 as usize).map_or(0, |d| d.values().filter(|v| v.1.is_some()).count())
    }
    pub fn is_empty(&self) -> bool {
        self.dbs.iter().all(|d| d.is_empty())
    }
    pub fn databases(&self) -> u32 {
        self.options.databases
    }
    pub fn flush(&mut self, db: Option<DbIndex>) -> u64 {
        let mut removed = 0;
        for (i, d) in self.dbs.iter_mut().enumerate() {
            if db.is_none_or(|db| db.0 as usize == i) {
                removed += d.len() as u64;
                d.clear();
            }
        }
        removed
    }
    pub fn take_garbage(&mut self) -> Option<Garbage> {
        None
    }
    pub fn scan(
        &mut self,
        db: DbIndex,
        cursor: u64,
        count: usize,
        f: &mut dyn FnMut(&[u8], TypeName),
    ) -> u64 {
        if let Some(d) = self.dbs.get(db.0 as usize) {
            d.keys().for_each(|k| f(k, TypeName::String));
        }
        0
    }
    pub fn random_key(&mut self, db: DbIndex, prng: &mut Prng) -> Option<Vec<u8>> {
        self.dbs.get(db.0 as usize)?.keys().next().cloned()
    }
    pub fn count_in_slot(&self, slot: Slot) -> usize {
        self.keys_in_slot(slot, usize::MAX).len()
    }
    pub fn keys_in_slot(&self, slot: Slot, limit: usize) -> Vec<Vec<u8>> {
        self.dbs[0].keys().filter(|k| Slot::of_key(k) == slot).take(limit).cloned().collect()
    }
    pub fn delete_slot(&mut self, slot: Slot, budget: usize) -> usize {
        let keys = self.keys_in_slot(slot, budget);
        for key in &keys {
            self.dbs[0].remove(key);
            self.events.push(KeyEventKind::SlotDropped, DbIndex(0), key);
        }
        keys.len()
    }
    pub fn for_each(&self, db: DbIndex, f: &mut dyn FnMut(&[u8], ValueRef<'_>, Option<UnixMillis>)) {
        for (key, (value, expire)) in self.dbs.get(db.0 as usize).into_iter().flatten() {
            match value {
                LoadValue::Int(v) => f(key, ValueRef::Int(*v), *expire),
                LoadValue::Bytes(b) => f(key, ValueRef::Bytes(b), *expire),
            }
        }
    }
    pub fn load(
        &mut self,
        db: DbIndex,
        key: &[u8],
        value: LoadValue,
        expire: Option<UnixMillis>,
        extra: LoadExtra,
    ) -> Result<(), LoadError> {
        let d = self.dbs.get_mut(db.0 as usize).ok_or(LoadError::NoSuchDatabase)?;
        if d.contains_key(key) {
            return Err(LoadError::Duplicate);
        }
        d.insert(key.to_vec(), (value, expire));
        Ok(())
    }
    pub fn active_expire(&mut self, effort: u32) -> usize {
        0
    }
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
    pub fn drain_events(&mut self, f: &mut dyn FnMut(KeyEvent<'_>)) {
        self.events.drain(f);
    }
    pub fn used_memory(&self) -> usize {
        0
    }
    pub fn snapshot_begin(&mut self, job: JobSlot) -> Result<SnapshotCut, SnapshotBusy> {
        if self.job.is_some() {
            return Err(SnapshotBusy::Running);
        }
        let mut chunk = SnapshotChunk::default();
        let mut cut = SnapshotCut::default();
        for i in 0..self.options.databases {
            let db = DbIndex(i);
            if self.len(db) > 0 {
                cut.databases.push((db, self.len(db) as u64, self.expires_len(db) as u64));
            }
            self.for_each(db, &mut |key, value, expire| chunk.push(db, key, value, expire));
        }
        self.job = Some(chunk);
        Ok(cut)
    }
    pub fn snapshot_step(&mut self, job: JobSlot, entries: usize) -> StepOutcome {
        StepOutcome::Done
    }
    /// After Done: the chunk that ends the job has been taken when this returns `None`.
    pub fn snapshot_take(&mut self, job: JobSlot) -> Option<SnapshotChunk> {
        self.job.take()
    }
    pub fn snapshot_queued_bytes(&self, job: JobSlot) -> usize {
        0
    }
    pub fn snapshot_abort(&mut self, job: JobSlot) {
        self.job = None;
    }
}
