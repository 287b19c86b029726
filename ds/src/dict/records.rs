//! The bytes of a segment's members, one record behind the other, without an allocation for each.
//!
//! ```text
//! | key length * 2 + has payload: varint | key | payload length: varint | payload |      the last two if there is one
//! ```
//!
//! A removed record stays as a hole until so many have gathered that everything is copied together. Records of more
//! than [`LARGE`] bytes are blobs of their own, shared by clones, so that a segment stays cheap to copy.

use crate::size::rounded;
use std::sync::Arc;

/// Bytes of key and payload past which a record is a blob.
pub const LARGE: usize = 512;
const BLOB: u32 = 1 << 31;
/// Arena bytes that offsets can name; past them records become blobs.
const ARENA_MAX: usize = BLOB as usize - 2 * LARGE;

/// Where a record is: an offset into the arena, or the index of a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(u32);

#[derive(Clone, Debug)]
struct Blob {
    /// Key and payload, one behind the other.
    bytes: Arc<[u8]>,
    key_len: u32,
    has_payload: bool,
    /// Index of the entry whose record this is: blobs move when others go.
    owner: u32,
}

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Records {
    arena: Vec<u8>,
    /// Bytes of the arena in holes.
    dead: usize,
    /// Few tables have any.
    blobs: Option<Box<Blobs>>,
}

#[derive(Clone, Default, Debug)]
struct Blobs {
    all: Vec<Blob>,
    /// Of their contents.
    bytes: usize,
}

/// What removing a record did to another one.
#[must_use]
pub enum Moved {
    Nothing,
    /// The record of this entry is at this place now.
    Owner(usize, Place),
}

impl Records {
    /// Empty, with room for `bytes` bytes of records in the arena.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { arena: Vec::with_capacity(rounded(bytes)), ..Self::default() }
    }

    /// Bytes on the heap.
    #[inline]
    pub fn memory(&self) -> usize {
        let blobs = self
            .blobs
            .as_ref()
            .map_or(0, |blobs| size_of::<Blobs>() + blobs.all.capacity() * size_of::<Blob>() + blobs.bytes);
        self.arena.capacity() + blobs
    }

    /// Bytes of the arena that records take, holes not counted.
    #[inline]
    pub fn live(&self) -> usize {
        self.arena.len() - self.dead
    }

    /// Whether holes are worth closing.
    pub fn is_sparse(&self) -> bool {
        self.dead > 64 && self.dead * 2 > self.arena.len()
    }

    /// Whether a record of `bytes` more would make the arena grow although closing its holes would do.
    pub fn wants_compaction(&self, bytes: usize) -> bool {
        self.arena.len() + bytes > self.arena.capacity()
            && self.dead * 4 > self.arena.len()
            && self.dead > bytes
    }

    /// Adds a record for the entry `owner`.
    pub fn push(&mut self, owner: usize, key: &[u8], payload: Option<&[u8]>) -> Place {
        let bytes = record_len(key, payload);
        if key.len() + payload.map_or(0, <[u8]>::len) > LARGE || self.arena.len() + bytes > ARENA_MAX {
            return self.push_blob(owner, key, payload);
        }
        let start = self.arena.len();
        if start + bytes > self.arena.capacity() {
            self.arena.reserve_exact(rounded((start + bytes).max(start + start / 8)) - start);
        }
        push_varint(&mut self.arena, (key.len() as u64) << 1 | u64::from(payload.is_some()));
        self.arena.extend_from_slice(key);
        if let Some(payload) = payload {
            push_varint(&mut self.arena, payload.len() as u64);
            self.arena.extend_from_slice(payload);
        }
        Place(start as u32)
    }

    /// The key of a record.
    #[inline]
    pub fn key(&self, place: Place) -> &[u8] {
        if place.0 & BLOB != 0 {
            let blob = self.blob(place);
            return &blob.bytes[..blob.key_len as usize];
        }
        let (header, at) = varint(&self.arena, place.0 as usize);
        &self.arena[at..at + (header >> 1)]
    }

    /// Key and payload of a record.
    #[inline]
    pub fn get(&self, place: Place) -> (&[u8], Option<&[u8]>) {
        if place.0 & BLOB != 0 {
            let blob = self.blob(place);
            let (key, payload) = blob.bytes.split_at(blob.key_len as usize);
            return (key, blob.has_payload.then_some(payload));
        }
        let (header, at) = varint(&self.arena, place.0 as usize);
        let (key, rest) = self.arena[at..].split_at(header >> 1);
        if header & 1 == 0 {
            return (key, None);
        }
        let (length, at) = varint(rest, 0);
        (key, Some(&rest[at..at + length]))
    }

    /// Writes `payload` over the one of the record, if they have the same length and lie in the arena.
    pub fn overwrite(&mut self, place: Place, payload: &[u8]) -> bool {
        if place.0 & BLOB != 0 {
            return false;
        }
        let (header, at) = varint(&self.arena, place.0 as usize);
        if header & 1 == 0 {
            return false;
        }
        let (length, at) = varint(&self.arena, at + (header >> 1));
        if length != payload.len() {
            return false;
        }
        self.arena[at..at + length].copy_from_slice(payload);
        true
    }

    /// Frees a record.
    pub fn remove(&mut self, place: Place) -> Moved {
        if place.0 & BLOB == 0 {
            let (key, payload) = self.get(place);
            self.dead += record_len(key, payload);
            return Moved::Nothing;
        }
        let index = (place.0 ^ BLOB) as usize;
        let Some(blobs) = &mut self.blobs else { return Moved::Nothing };
        let blob = blobs.all.swap_remove(index);
        blobs.bytes -= blob_size(blob.bytes.len());
        if blobs.all.len() * 4 < blobs.all.capacity() {
            blobs.all.shrink_to(blobs.all.len() * 2);
        }
        let moved = match blobs.all.get(index) {
            Some(moved) => Moved::Owner(moved.owner as usize, place),
            None => Moved::Nothing,
        };
        if blobs.all.is_empty() {
            self.blobs = None;
        }
        moved
    }

    /// The entry that owns this record has another index now.
    pub fn renamed(&mut self, place: Place, owner: usize) {
        if place.0 & BLOB != 0
            && let Some(blobs) = &mut self.blobs
        {
            blobs.all[(place.0 ^ BLOB) as usize].owner = owner as u32;
        }
    }

    /// Adds a copy of a record of `other`; a blob is shared, not copied.
    pub fn adopt(&mut self, owner: usize, other: &Records, place: Place) -> Place {
        if place.0 & BLOB == 0 {
            let (key, payload) = other.get(place);
            return self.push(owner, key, payload);
        }
        let blob = other.blob(place).clone();
        self.add_blob(Blob { owner: owner as u32, ..blob })
    }

    /// The blob of a place that names one.
    fn blob(&self, place: Place) -> &Blob {
        let blobs = self.blobs.as_ref().map_or(&[][..], |blobs| &blobs.all);
        &blobs[(place.0 ^ BLOB) as usize]
    }

    fn push_blob(&mut self, owner: usize, key: &[u8], payload: Option<&[u8]>) -> Place {
        let mut bytes = Vec::with_capacity(key.len() + payload.map_or(0, <[u8]>::len));
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(payload.unwrap_or_default());
        // Strings end at 512 MiB, far below what the length of the key can say.
        let key_len = key.len() as u32;
        self.add_blob(Blob {
            bytes: bytes.into(),
            key_len,
            has_payload: payload.is_some(),
            owner: owner as u32,
        })
    }

    fn add_blob(&mut self, blob: Blob) -> Place {
        let blobs = self.blobs.get_or_insert_default();
        if blobs.all.len() == blobs.all.capacity() {
            blobs.all.reserve_exact(blobs.all.len() / 4 + 1);
        }
        blobs.bytes += blob_size(blob.bytes.len());
        blobs.all.push(blob);
        Place((blobs.all.len() - 1) as u32 | BLOB)
    }
}

/// Bytes of a record in the arena.
pub fn record_len(key: &[u8], payload: Option<&[u8]>) -> usize {
    let tail = payload.map_or(0, |payload| varint_len(payload.len()) + payload.len());
    varint_len(key.len() << 1) + key.len() + tail
}

fn blob_size(bytes: usize) -> usize {
    // Two counts stand before the bytes of an Arc.
    bytes + 16
}

fn varint_len(value: usize) -> usize {
    value.checked_ilog2().map_or(1, |log| log as usize / 7 + 1)
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The number at `at` and where it ends. Records are written here alone, so that there always is one.
#[inline]
fn varint(bytes: &[u8], at: usize) -> (usize, usize) {
    let first = bytes[at];
    if first < 0x80 {
        return (usize::from(first), at + 1);
    }
    let (mut value, mut shift, mut at) = (usize::from(first & 0x7f), 7, at + 1);
    loop {
        let byte = bytes[at];
        value |= usize::from(byte & 0x7f) << shift;
        at += 1;
        shift += 7;
        if byte < 0x80 || shift > 56 {
            return (value, at);
        }
    }
}
