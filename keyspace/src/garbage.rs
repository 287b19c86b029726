//! What takes long to free, on its way to whoever frees it.
//!
//! Every heap of garbage knows how big it is and tells the keyspace it came from when it has been freed: until then its
//! bytes are counted as on their way, so that nobody evicts keys to make room that is about to be there.

use crate::Keyspace;
use crate::db::Db;
use crate::entry::OwnedEntry;
use crate::snapshot::SnapshotChunk;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Freed values and tables that wait for the reaper at most; past that they are freed on the spot.
const GARBAGE_MAX: usize = 1024;

/// Memory on its way to be freed; drop it wherever the time that this takes does not matter.
pub struct Garbage {
    // The order matters: fields are dropped from the first to the last.
    #[allow(dead_code)]
    waste: Waste,
    #[allow(dead_code)]
    ticket: Ticket,
}

pub(crate) enum Waste {
    Db(#[allow(dead_code)] Db),
    Entry(#[allow(dead_code)] OwnedEntry),
    Chunks(#[allow(dead_code)] Vec<SnapshotChunk>),
}

impl Waste {
    fn bytes(&self) -> usize {
        match self {
            Waste::Db(db) => db.memory(),
            Waste::Entry(entry) => entry.get().memory(),
            Waste::Chunks(chunks) => chunks.iter().map(SnapshotChunk::bytes).sum(),
        }
    }

    /// Values of keys in it, as Redis counts them; a snapshot's copies are nobody's.
    fn objects(&self) -> u64 {
        match self {
            Waste::Db(db) => db.len() as u64,
            Waste::Entry(_) => 1,
            Waste::Chunks(_) => 0,
        }
    }
}

/// What was thrown away.
#[derive(Default)]
struct Counters {
    /// Bytes that are not freed yet.
    bytes: AtomicUsize,
    /// Values that are not freed yet, and those that are.
    pending: AtomicU64,
    freed: AtomicU64,
}

/// What was thrown away and is not freed yet.
#[derive(Default)]
pub(crate) struct WasteMeter(Arc<Counters>);

impl WasteMeter {
    /// The bytes of it.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    fn wrap(&self, waste: Waste) -> Garbage {
        let ticket = Ticket { bytes: waste.bytes(), objects: waste.objects(), meter: self.0.clone() };
        self.0.bytes.fetch_add(ticket.bytes, Ordering::Relaxed);
        self.0.pending.fetch_add(ticket.objects, Ordering::Relaxed);
        Garbage { waste, ticket }
    }
}

struct Ticket {
    bytes: usize,
    objects: u64,
    meter: Arc<Counters>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.meter.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        // Whoever sees none pending sees all of them freed.
        self.meter.freed.fetch_add(self.objects, Ordering::Relaxed);
        self.meter.pending.fetch_sub(self.objects, Ordering::Release);
    }
}

impl Keyspace {
    /// Values that wait to be freed elsewhere, and those that have been since [`Keyspace::reset_freed`]
    /// (`lazyfree_pending_objects`, `lazyfreed_objects`).
    pub fn lazily_freed(&self) -> (u64, u64) {
        let pending = self.waste.0.pending.load(Ordering::Acquire);
        (pending, self.waste.0.freed.load(Ordering::Relaxed))
    }

    /// CONFIG RESETSTAT.
    pub fn reset_freed(&mut self) {
        self.waste.0.freed.store(0, Ordering::Relaxed);
    }

    /// Memory to be freed elsewhere, if there is any.
    pub fn take_garbage(&mut self) -> Option<Garbage> {
        self.garbage.pop()
    }

    /// Takes over the databases of another keyspace, and throws its own away. No snapshot may be running on either; what
    /// was set from outside (role, pauses, statistics) stays.
    pub fn replace_with(&mut self, mut fresh: Keyspace) {
        std::mem::swap(self, &mut fresh);
        self.now = fresh.now;
        self.replica = fresh.replica;
        self.expire_pause = fresh.expire_pause;
        self.ignore_expiry = fresh.ignore_expiry;
        self.progress = fresh.progress.take();
        self.slot_hint = None;
        self.stats = fresh.stats;
        std::mem::swap(&mut self.events, &mut fresh.events);
        std::mem::swap(&mut self.waste, &mut fresh.waste);
        self.dispose(fresh);
    }

    /// Throws another keyspace away; what takes long to free becomes garbage of this one.
    pub fn dispose(&mut self, mut other: Keyspace) {
        self.garbage.append(&mut other.garbage);
        self.garbage.extend(other.dbs.drain(..).map(|(_, db)| self.waste.wrap(Waste::Db(db))));
    }

    pub(crate) fn discard(&mut self, waste: Waste) {
        if self.garbage.len() < GARBAGE_MAX {
            self.garbage.push(self.waste.wrap(waste));
        }
    }
}
