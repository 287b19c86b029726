//! What a snapshot job hands to the disk thread: copies made by the scan, and entries whose ownership was given up
//! because they were deleted or overwritten while the job had not yet seen them.

use crate::entry::{EntryRef, OwnedEntry, PackedEntries};
use crate::value::ValueRef;
use base::{DbIndex, UnixMillis};

/// A chunk is closed when it holds this many bytes of copies or handed-over entries.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// One entry as it was at the cut.
#[derive(Clone, Copy, PartialEq, Debug)]
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

impl<'a> SnapshotEntry<'a> {
    fn new(db: DbIndex, entry: EntryRef<'a>) -> Self {
        Self { db, key: entry.key(), value: entry.value(), expire: entry.expire(), access: entry.access() }
    }
}

/// Entries on their way to the disk thread; `Send`, and freed wherever it is dropped.
#[derive(Default)]
pub struct SnapshotChunk {
    packed: PackedEntries,
    packed_dbs: Vec<DbIndex>,
    owned: Vec<(DbIndex, OwnedEntry)>,
    owned_bytes: usize,
}

impl SnapshotChunk {
    /// The entries: first the copies in the order of the scan, then the handed-over ones.
    pub fn iter(&self) -> impl Iterator<Item = SnapshotEntry<'_>> {
        let packed = self.packed_dbs.iter().enumerate();
        let packed = packed.filter_map(|(i, db)| Some(SnapshotEntry::new(*db, self.packed.get(i)?)));
        packed.chain(self.owned.iter().map(|(db, entry)| SnapshotEntry::new(*db, entry.get())))
    }

    /// The entry at a place in the order of [`SnapshotChunk::iter`].
    pub fn get(&self, index: usize) -> Option<SnapshotEntry<'_>> {
        if let Some(db) = self.packed_dbs.get(index) {
            return Some(SnapshotEntry::new(*db, self.packed.get(index)?));
        }
        let (db, entry) = self.owned.get(index - self.packed_dbs.len())?;
        Some(SnapshotEntry::new(*db, entry.get()))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.packed_dbs.len() + self.owned.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the chunk keeps alive (blocks that it shares with the keyspace not included).
    pub fn bytes(&self) -> usize {
        self.packed.bytes() + self.owned_bytes
    }

    pub(crate) fn copy(&mut self, db: DbIndex, entry: EntryRef<'_>) {
        self.packed.push(entry);
        self.packed_dbs.push(db);
    }

    pub(crate) fn own(&mut self, db: DbIndex, entry: OwnedEntry) {
        self.owned_bytes += entry.get().memory();
        self.owned.push((db, entry));
    }
}

impl core::fmt::Debug for SnapshotChunk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SnapshotChunk").field("entries", &self.len()).field("bytes", &self.bytes()).finish()
    }
}
