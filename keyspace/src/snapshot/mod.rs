//! Point-in-time snapshots without fork, and the choke point that makes them exact.
//!
//! Each job slot owns one of four *mark* bits in every entry and one *parity*, the value that means "seen". Between
//! jobs all entries carry the parity. A job begins by flipping it: in one step every entry is unseen. From then on
//!
//! - the scan ([`Jobs::visit`]) copies an unseen entry into the job's queue and marks it seen;
//! - whoever wants to change, replace or remove an unseen entry must give up the old one to the job
//!   ([`Jobs::retire`]) — `Keyspace::writable` is the only way to an entry that may be changed, and it does this;
//! - new entries, whatever creates them, are stamped seen ([`Jobs::stamp`]).
//!
//! So each entry of the cut is handed over exactly once, as it was at the cut, and nothing younger is.
//! An aborted job cannot simply stop: some entries are marked and some are not, and the next job would take the
//! marked ones for unseen. It goes on as a sweep that only marks; its slot is busy until then. When a job is done or
//! swept, all entries carry its parity again.
//!
//! What changes entries without looking like a write, and therefore comes through `writable` or `retire` too
//! (ENGINE 5; one test each in `tests.rs`): expiry on read and active expiry, GETEX and PERSIST and EXPIRE (the
//! TTL is part of the entry), RENAME and MOVE (the old name is what is handed over), slot deletion. SWAPDB moves
//! whole databases under other numbers: each database has an identity that does not change, and the job remembers
//! which number each identity had at the cut. FLUSHDB keeps the old tables for the jobs that have not finished them
//! ([`Detached`]). Only LRU and LFU bits are exempt.
//!
//! Bounds: the scan pauses while [`QUEUE_PAUSE`] bytes wait to be taken. Handed-over entries may pass that; the
//! owner of the job looks at `snapshot_queued_bytes` and aborts when its budget is spent.

mod chunk;
#[cfg(test)]
mod object_tests;
#[cfg(test)]
mod tests;

pub use chunk::{CHUNK_BYTES, SnapshotChunk, SnapshotEntry};

use crate::db::{Cursor, Db, Which};
use crate::entry::{EntryPtr, EntryRef, OwnedEntry};
use base::DbIndex;
use std::collections::VecDeque;

/// Bytes waiting to be taken at which the scan pauses.
pub const QUEUE_PAUSE: usize = 1 << 20;
/// How many job slots there are; an entry has a mark for each of four.
pub const JOB_SLOTS: usize = 2;

/// A kind of snapshot job; jobs of one kind exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobSlot {
    /// BGSAVE, AOF rewrite and full sync.
    Save = 0,
    /// A slot migration.
    Migration = 1,
}

/// The state of the keyspace at the moment a job began.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SnapshotCut {
    /// For each database that is not empty, in ascending order: index, keys, keys with a TTL.
    pub databases: Vec<(DbIndex, u64, u64)>,
}

/// Why a job cannot begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotBusy {
    /// A job runs in this slot, or has chunks that were not taken.
    Running,
    /// An aborted job's marks are still being swept; step the slot until it is done.
    Sweeping,
}

/// Whether more steps are needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    /// There is more to visit (or the queue is full: take chunks first).
    Working,
    /// Every entry of the cut has been handed over; take chunks until there are none, which ends the job.
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Idle,
    Running,
    Done,
    Sweeping,
}

/// A database's identity; SWAPDB does not change it.
pub type DbUid = u64;

/// Where a walk over one database stands; `None` before the first step.
type Walk = Option<Cursor>;

struct Job {
    state: State,
    /// Number at the cut by identity; few databases, looked up once per chunk of work and per handed-over entry.
    names: Vec<(DbUid, DbIndex)>,
    /// Identities still to walk, last first.
    pending: Vec<DbUid>,
    walk: Walk,
    full: VecDeque<SnapshotChunk>,
    open: SnapshotChunk,
    full_bytes: usize,
    preimage_bytes: usize,
    /// Entries that the walk has met.
    visited: u64,
}

impl Job {
    fn new() -> Self {
        Self {
            state: State::Idle,
            names: Vec::new(),
            pending: Vec::new(),
            walk: None,
            full: VecDeque::new(),
            open: SnapshotChunk::default(),
            full_bytes: 0,
            visited: 0,
            preimage_bytes: 0,
        }
    }

    fn name(&self, uid: DbUid) -> DbIndex {
        self.names.iter().find(|(u, _)| *u == uid).map_or(DbIndex(0), |(_, index)| *index)
    }

    fn queued(&self) -> usize {
        self.full_bytes + self.open.bytes()
    }

    fn close_if_full(&mut self) {
        if self.open.bytes() >= CHUNK_BYTES {
            self.full_bytes += self.open.bytes();
            self.full.push_back(core::mem::take(&mut self.open));
        }
    }
}

/// Tables that FLUSHDB took out of a database while a job still needed them.
pub struct Detached {
    uid: DbUid,
    db: Db,
    /// Bits of the job slots that have not finished with it.
    needed: u8,
    walks: [Walk; JOB_SLOTS],
}

/// All job slots.
pub struct Jobs {
    slots: [Job; JOB_SLOTS],
    parity: u8,
    /// Bits of the slots that collect (state Running).
    running: u8,
    detached: Vec<Detached>,
}

impl Jobs {
    /// No job, parity zero.
    pub fn new() -> Self {
        Self { slots: [Job::new(), Job::new()], parity: 0, running: 0, detached: Vec::new() }
    }

    /// The marks of a new entry: seen by every job.
    #[inline]
    pub fn stamp(&self) -> u8 {
        self.parity
    }

    /// Bits of the running jobs that have not seen an entry with these marks.
    #[inline]
    pub fn unseen(&self, marks: u8) -> u8 {
        (marks ^ self.parity) & self.running
    }

    /// Begins a job over `databases` (identity, number at the cut), which the cut already describes.
    pub fn begin(&mut self, slot: JobSlot, databases: Vec<(DbUid, DbIndex)>) -> Result<(), SnapshotBusy> {
        let job = &mut self.slots[slot as usize];
        match job.state {
            State::Idle => {}
            State::Sweeping => return Err(SnapshotBusy::Sweeping),
            State::Running | State::Done => return Err(SnapshotBusy::Running),
        }
        *job = Job::new();
        job.state = State::Running;
        job.pending = databases.iter().rev().map(|(uid, _)| *uid).collect();
        job.names = databases;
        self.parity ^= 1 << slot as u8;
        self.running |= 1 << slot as u8;
        Ok(())
    }

    /// Takes an entry that left the keyspace: jobs that have not seen it get it, the last of them the entry itself.
    /// Gives it back when no job wants it.
    pub fn retire(&mut self, uid: DbUid, entry: OwnedEntry) -> Option<OwnedEntry> {
        let mut wanted = self.unseen(entry.get().marks());
        while wanted != 0 {
            let index = wanted.trailing_zeros() as usize;
            wanted &= wanted - 1;
            let job = &mut self.slots[index];
            let name = job.name(uid);
            job.preimage_bytes += entry.get().memory();
            job.visited += 1;
            if wanted == 0 {
                job.open.own(name, entry);
                job.close_if_full();
                return None;
            }
            job.open.copy(name, entry.get());
            job.close_if_full();
        }
        Some(entry)
    }

    /// Copies an entry into the job's queue if the job collects and has not seen it. The caller marks it.
    fn visit(&mut self, slot: JobSlot, name: DbIndex, entry: EntryRef<'_>) {
        if self.unseen(entry.marks()) & (1 << slot as u8) != 0 {
            let job = &mut self.slots[slot as usize];
            job.visited += 1;
            job.open.copy(name, entry);
            job.close_if_full();
        }
    }

    /// Keeps the old tables of a flushed database for the jobs that still need them; gives them back if none does.
    pub fn detach(&mut self, uid: DbUid, db: Db) -> Option<Db> {
        if self.running == 0 || db.len() == 0 {
            return Some(db);
        }
        self.detached.push(Detached { uid, db, needed: self.running, walks: [None; JOB_SLOTS] });
        None
    }

    /// Detached tables that no job needs any more.
    pub fn released(&mut self) -> Option<Db> {
        let index = self.detached.iter().position(|d| d.needed == 0)?;
        Some(self.detached.swap_remove(index).db)
    }

    /// Bytes of detached tables.
    pub fn detached_bytes(&self) -> usize {
        self.detached.iter().map(|d| d.db.memory()).sum()
    }

    /// Does up to `budget` entries (or empty chains) of work for a slot.
    pub fn step(&mut self, slot: JobSlot, budget: usize, dbs: &mut [(DbUid, Db)]) -> StepOutcome {
        let index = slot as usize;
        let mut left = budget.max(1);
        loop {
            match self.slots[index].state {
                State::Idle | State::Done => return StepOutcome::Done,
                State::Running if self.slots[index].queued() >= QUEUE_PAUSE => return StepOutcome::Working,
                State::Running | State::Sweeping => {}
            }
            if left == 0 {
                return StepOutcome::Working;
            }
            let used = self.step_detached(slot).unwrap_or_else(|| self.step_live(slot, dbs));
            left = left.saturating_sub(used);
        }
    }

    /// One chain of detached tables, if there are any for this slot. Returns the work done.
    fn step_detached(&mut self, slot: JobSlot) -> Option<usize> {
        let bit = 1 << slot as u8;
        let at = self.detached.iter().position(|d| d.needed & bit != 0)?;
        // Out of the list, so that the queue can be written while the tables are read.
        let mut tables = self.detached.swap_remove(at);
        let name = self.slots[slot as usize].name(tables.uid);
        let cursor = tables.walks[slot as usize].unwrap_or(0);
        let (next, entries) = self.step_chain(slot, name, &mut tables.db, cursor);
        tables.walks[slot as usize] = Some(next);
        if next == 0 {
            tables.needed &= !bit;
        }
        self.detached.push(tables);
        Some(entries)
    }

    /// One chain of the live database that is next. Returns the work done.
    fn step_live(&mut self, slot: JobSlot, dbs: &mut [(DbUid, Db)]) -> usize {
        let job = &mut self.slots[slot as usize];
        let Some(&uid) = job.pending.last() else {
            self.finish(slot);
            return 0;
        };
        let (name, cursor) = (job.name(uid), job.walk.unwrap_or(0));
        let (next, entries) = match dbs.iter_mut().find(|(u, _)| *u == uid) {
            Some((_, db)) => self.step_chain(slot, name, db, cursor),
            None => (0, 1),
        };
        let job = &mut self.slots[slot as usize];
        job.walk = Some(next);
        if next == 0 {
            job.pending.pop();
            job.walk = None;
        }
        entries
    }

    fn step_chain(&mut self, slot: JobSlot, name: DbIndex, db: &mut Db, cursor: Cursor) -> (Cursor, usize) {
        let bit = 1 << slot as u8;
        // A chain seldom has more entries than this.
        let mut unmarked: smallvec::SmallVec<[EntryPtr; 16]> = smallvec::SmallVec::new();
        let next = db.step(Which::Keys, cursor, |entry| {
            if (entry.marks() ^ self.parity) & bit != 0 {
                self.visit(slot, name, entry);
                unmarked.push(entry.ptr());
            }
        });
        for entry in &unmarked {
            let marks = db.read(*entry).marks();
            db.set_marks(*entry, (marks & !bit) | (self.parity & bit));
        }
        (next, unmarked.len() + 1)
    }

    fn finish(&mut self, slot: JobSlot) {
        let job = &mut self.slots[slot as usize];
        job.state = if job.state == State::Running { State::Done } else { State::Idle };
        self.running &= !(1 << slot as u8);
    }

    /// The next full chunk, or the last one once the job is done. `None` then ends the job.
    pub fn take(&mut self, slot: JobSlot) -> Option<SnapshotChunk> {
        let job = &mut self.slots[slot as usize];
        if let Some(chunk) = job.full.pop_front() {
            job.full_bytes -= chunk.bytes();
            return Some(chunk);
        }
        if job.state != State::Done {
            return None;
        }
        if !job.open.is_empty() {
            return Some(core::mem::take(&mut job.open));
        }
        job.state = State::Idle;
        None
    }

    /// Bytes waiting to be taken.
    pub fn queued_bytes(&self, slot: JobSlot) -> usize {
        self.slots[slot as usize].queued()
    }

    /// Entries that this slot's job has, from its walk and from writers ahead of it.
    pub fn visited(&self, slot: JobSlot) -> u64 {
        self.slots[slot as usize].visited
    }

    /// Bytes of entries handed over because they were changed during the job.
    pub fn preimage_bytes(&self, slot: JobSlot) -> usize {
        self.slots[slot as usize].preimage_bytes
    }

    /// Whether an aborted job of this slot is being swept.
    pub fn is_sweeping(&self, slot: JobSlot) -> bool {
        self.slots[slot as usize].state == State::Sweeping
    }

    /// Drops the queue and goes on as a sweep. What waited is returned, to be freed elsewhere.
    pub fn abort(&mut self, slot: JobSlot) -> Vec<SnapshotChunk> {
        let bit = 1 << slot as u8;
        let job = &mut self.slots[slot as usize];
        match job.state {
            State::Idle | State::Sweeping => return Vec::new(),
            State::Done => job.state = State::Idle,
            State::Running => job.state = State::Sweeping,
        }
        let mut dropped: Vec<SnapshotChunk> = core::mem::take(&mut job.full).into();
        dropped.push(core::mem::take(&mut job.open));
        job.full_bytes = 0;
        self.running &= !bit;
        // Detached tables never come back to life: their marks do not matter.
        self.detached.iter_mut().for_each(|d| d.needed &= !bit);
        dropped
    }

    /// The keyspace is empty: there is nothing left to sweep.
    pub fn all_gone(&mut self) {
        for job in &mut self.slots {
            if job.state == State::Sweeping {
                job.state = State::Idle;
            }
        }
    }
}
