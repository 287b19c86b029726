//! stub: snapshot types

use crate::value::ValueRef;
use base::{DbIndex, UnixMillis};

/// A kind of snapshot job; jobs of one kind exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobSlot {
    /// BGSAVE, AOF rewrite and full sync.
    Save = 0,
    /// A slot migration.
    Migration = 1,
}

/// How many job slots exist; the entry header has a bit for each of four.
pub const JOB_SLOTS: usize = 2;

/// The state of the keyspace at the moment a job began.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SnapshotCut {
    /// For each database that is not empty, in ascending order: index, keys, keys with a TTL.
    pub databases: Vec<(DbIndex, u64, u64)>,
}

/// Why a job cannot begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotBusy {
    /// A job runs in this slot.
    Running,
    /// An aborted job's marks are still being swept; step the slot until it is done.
    Sweeping,
}

/// Whether more steps are needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    /// There is more to visit.
    Working,
    /// Every entry of the cut has been handed over; take the remaining chunks.
    Done,
}

/// One entry as it was at the cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SnapshotEntry<'a> {
    /// The database's number at the cut.
    pub db: DbIndex,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: ValueRef<'a>,
    /// When it expires.
    pub expire: Option<UnixMillis>,
    /// The 24 LRU or LFU bits.
    pub access: u32,
}

/// Entries on their way to the disk thread.
#[derive(Debug, Default)]
pub struct SnapshotChunk {
    entries: Vec<(DbIndex, Vec<u8>, crate::value::LoadValue, Option<UnixMillis>)>,
}

impl SnapshotChunk {
    pub(crate) fn push(&mut self, db: DbIndex, key: &[u8], value: ValueRef<'_>, expire: Option<UnixMillis>) {
        let value = match value {
            ValueRef::Int(v) => crate::value::LoadValue::Int(v),
            ValueRef::Bytes(b) => crate::value::LoadValue::Bytes(b.to_vec()),
        };
        self.entries.push((db, key.to_vec(), value, expire));
    }

    /// The entries in the order in which they were handed over.
    pub fn iter(&self) -> impl Iterator<Item = SnapshotEntry<'_>> {
        self.entries.iter().map(|(db, key, value, expire)| SnapshotEntry {
            db: *db,
            key,
            value: match value {
                crate::value::LoadValue::Int(v) => ValueRef::Int(*v),
                crate::value::LoadValue::Bytes(b) => ValueRef::Bytes(b),
            },
            expire: *expire,
            access: 0,
        })
    }

    /// Bytes that the chunk holds.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|e| e.1.len() + 64).sum()
    }
}
