//! The keyspace: entries, databases, expiry, memory accounting, key events, and snapshots without fork.
//!
//! [`Keyspace`] is one value owned by one thread. Commands read and change it through a small set of verbs; every
//! change of an entry passes the snapshot choke point (`snapshot`). What expires by itself is reported as events,
//! which the owner turns into log records and notifications; big frees are handed out as [`Garbage`].
//!
//! Deliberately unknown here: commands, replies, clients, the log, files, clocks (time is set from outside and
//! frozen for an execution unit), cluster membership (slots are only a way to keep keys apart).

mod access;
mod active;
mod db;
mod due;
mod entry;
mod events;
mod evict;
mod fields;
mod garbage;
mod lookup;
mod object;
mod own;
mod query;
mod snapshot;
mod steps;
mod strings;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use access::AccessPolicy;
pub use entry::{EMBEDDED_MAX, Encoding, NewValue};
pub use events::{KeyEvent, KeyEventKind};
pub use evict::{EvictBy, EvictPolicy};
pub use fields::ExpiredFields;
pub use garbage::Garbage;
pub use lookup::{EXPECTED_MAX, Found, Touch};
pub use object::{Changed, Kind, Object, WrongType};
pub use query::{EntryVisitor, ObjectInfo};
pub use snapshot::{
    CHUNK_BYTES, JOB_SLOTS, JobSlot, QUEUE_PAUSE, SnapshotBusy, SnapshotChunk, SnapshotCut, SnapshotEntry,
    StepOutcome,
};
pub use steps::{Beat, PART, Pulse, Steps};
pub use value::{LoadError, LoadExtra, LoadValue, StringRef, TypeName, ValueRef};
pub use write::Ttl;

use base::{DbIndex, Prng, Slot, UnixMillis};
use db::{Db, Hasher};
use garbage::{Waste, WasteMeter};
use snapshot::{DbUid, Jobs};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

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

/// Counters for INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys deleted because their time had come.
    pub expired: u64,
}

/// The databases.
pub struct Keyspace {
    dbs: Vec<(DbUid, Db)>,
    hasher: Hasher,
    clustered: bool,
    slot_hint: Option<Slot>,
    /// Batches of requests that are taken for ones of strings.
    strings_expected: u8,
    /// Lookups do not count as use.
    no_touch: bool,
    now: UnixMillis,
    replica: bool,
    expire_pause: bool,
    ignore_expiry: bool,
    access: AccessPolicy,
    prng: Prng,
    jobs: Jobs,
    events: events::EventQueue,
    expired_fields: Vec<ExpiredFields>,
    garbage: Vec<Garbage>,
    waste: WasteMeter,
    candidates: evict::Pool,
    scratch: Vec<u8>,
    active: active::Walk,
    own: own::OwnKeys,
    stats: Stats,
    /// Counts up while one command walks over everything, for whoever asks whether this thread is alive.
    progress: Option<Arc<AtomicU64>>,
}

impl Keyspace {
    /// Empty databases. Nothing is allocated for a database until it has keys.
    pub fn new(options: Options) -> Self {
        let mut prng = Prng::new(options.seed);
        let db = |uid| (DbUid::from(uid), Db::new(options.clustered));
        Self {
            dbs: (0..options.databases.max(1)).map(db).collect(),
            hasher: Hasher::new(prng.next_u64()),
            clustered: options.clustered,
            slot_hint: None,
            strings_expected: 0,
            no_touch: false,
            now: UnixMillis::default(),
            replica: false,
            expire_pause: false,
            ignore_expiry: false,
            access: AccessPolicy::default(),
            prng,
            jobs: Jobs::new(),
            events: events::EventQueue::default(),
            expired_fields: Vec::new(),
            garbage: Vec::new(),
            waste: WasteMeter::default(),
            candidates: evict::Pool::default(),
            scratch: Vec::new(),
            active: active::Walk::default(),
            own: own::OwnKeys::default(),
            stats: Stats::default(),
            progress: None,
        }
    }

    /// The time at which everything until the next call happens.
    pub fn set_now(&mut self, now: UnixMillis) {
        self.now = now;
    }

    /// Whether keys are kept by slot (cluster mode).
    pub fn is_clustered(&self) -> bool {
        self.clustered
    }

    /// The frozen time.
    pub fn now(&self) -> UnixMillis {
        self.now
    }

    /// On a replica expired keys are hidden but never deleted: the master says when.
    pub fn set_replica(&mut self, replica: bool) {
        self.replica = replica;
        self.own.forget_all();
    }

    /// While clients are paused expired keys are hidden but not deleted.
    pub fn set_expire_pause(&mut self, paused: bool) {
        self.expire_pause = paused;
    }

    /// While the master's stream or a file is applied, expired keys are visible, as their writer saw them.
    pub fn set_ignore_expiry(&mut self, ignore: bool) {
        self.ignore_expiry = ignore;
    }

    /// All keys of the coming commands live in `slot`, which the dispatcher has computed already. In cluster mode
    /// only; `None` computes it for each key.
    pub fn set_slot_hint(&mut self, slot: Option<Slot>) {
        self.slot_hint = slot;
    }

    /// A counter that walks over whole databases count up now and then: proof of life in a long command. Only this
    /// thread may write to it.
    pub fn set_progress(&mut self, counter: Arc<AtomicU64>) {
        self.progress = Some(counter);
    }

    /// The steps of one long command, shown by that counter.
    pub fn steps(&self) -> Steps {
        Steps::shown_by(self.progress.clone())
    }

    /// Which access bits are kept.
    pub fn set_access_policy(&mut self, policy: AccessPolicy) {
        self.access = policy;
    }

    /// Which access bits are kept.
    pub fn access_policy(&self) -> AccessPolicy {
        self.access
    }

    /// Whether lookups do not count as use of the keys (CLIENT NO-TOUCH), until it is said otherwise.
    pub fn set_no_touch(&mut self, no_touch: bool) {
        self.no_touch = no_touch;
    }

    /// Counters for INFO.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&mut self) {
        self.stats = Stats::default();
    }

    /// Whether events wait to be drained.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty() || !self.expired_fields.is_empty()
    }

    /// Hands over what happened to keys since the last call, in order. To be called before the effects of the
    /// command that caused them are logged.
    pub fn drain_events(&mut self, f: &mut dyn FnMut(KeyEvent<'_>)) {
        self.events.drain(f);
    }

    /// Bytes of entries and tables; what snapshots hold is not counted.
    pub fn used_memory(&self) -> usize {
        self.dbs.iter().map(|(_, db)| db.memory()).sum()
    }

    /// Bytes of a database's tables, entries not counted.
    pub fn table_memory(&self, db: DbIndex) -> usize {
        self.dbs.get(db.0 as usize).map_or(0, |(_, db)| db.table_memory())
    }

    /// Begins a snapshot of what is there now. To be called between execution units.
    pub fn snapshot_begin(&mut self, slot: JobSlot) -> Result<SnapshotCut, SnapshotBusy> {
        let mut cut = SnapshotCut::default();
        let mut names = Vec::new();
        for (index, (uid, db)) in self.dbs.iter().enumerate() {
            if db.len() > 0 {
                let index = DbIndex(index as u32);
                cut.databases.push((index, db.len() as u64, db.expires_len() as u64));
                names.push((*uid, index));
            }
        }
        self.jobs.begin(slot, names)?;
        Ok(cut)
    }

    /// Visits up to `entries` entries for a job (or for the sweep after an aborted one). Does nothing while
    /// [`QUEUE_PAUSE`] bytes wait to be taken.
    pub fn snapshot_step(&mut self, slot: JobSlot, entries: usize) -> StepOutcome {
        let outcome = self.jobs.step(slot, entries, &mut self.dbs);
        self.release_detached();
        outcome
    }

    /// The next chunk. Chunks come while the job works; after [`StepOutcome::Done`], `None` ends the job.
    pub fn snapshot_take(&mut self, slot: JobSlot) -> Option<SnapshotChunk> {
        self.jobs.take(slot)
    }

    /// Entries that this slot's job has so far, from its walk and from writers ahead of it.
    pub fn snapshot_visited(&self, slot: JobSlot) -> u64 {
        self.jobs.visited(slot)
    }

    /// Bytes that wait to be taken.
    pub fn snapshot_queued_bytes(&self, slot: JobSlot) -> usize {
        self.jobs.queued_bytes(slot)
    }

    /// Bytes handed over so far because entries were changed before the scan came to them (`rdb_last_cow_size`).
    pub fn snapshot_preimage_bytes(&self, slot: JobSlot) -> usize {
        self.jobs.preimage_bytes(slot)
    }

    /// Drops a job. Its marks are swept by [`Keyspace::snapshot_step`] or [`Keyspace::idle_work`]; until then
    /// [`Keyspace::snapshot_begin`] says so.
    pub fn snapshot_abort(&mut self, slot: JobSlot) {
        let chunks = self.jobs.abort(slot);
        self.discard(Waste::Chunks(chunks));
        self.release_detached();
        if self.is_empty() {
            self.jobs.all_gone();
        }
    }

    /// Bounded background work that no command asks for: sweeps after aborted jobs, tables that are being resized
    /// while nothing is inserted. True if there is more.
    pub fn idle_work(&mut self, entries: usize) -> bool {
        let mut more = false;
        for slot in [JobSlot::Save, JobSlot::Migration] {
            if self.jobs.is_sweeping(slot) {
                more |= self.snapshot_step(slot, entries) == StepOutcome::Working;
            }
        }
        if !self.clustered {
            for (_, db) in &mut self.dbs {
                let mut steps = 0;
                while steps < entries && db.rehash_step(&self.hasher, db::Place::WHOLE) {
                    steps += 1;
                }
                more |= steps == entries;
            }
        }
        more
    }

    fn release_detached(&mut self) {
        while let Some(db) = self.jobs.released() {
            self.discard(Waste::Db(db));
        }
    }
}
