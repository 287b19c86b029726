//! The bytes of a segment's members, one record behind the other, without an allocation for each.
//!
//! ```text
//! | value | key length * 2 + has payload: varint | key | payload length: varint | payload |   the last two if there is one
//! ```
//!
//! A removed record stays as a hole until so many have gathered that everything is copied together. Records of more
//! than [`LARGE`] bytes are blobs of their own, shared by clones, so that a segment stays cheap to copy.

use super::value::Value;
use crate::size::rounded;
use triomphe::Arc;

/// Bytes of key and payload past which a record is a blob.
pub const LARGE: usize = 512;
const BLOB: u32 = 1 << 31;
/// Arena bytes that offsets can name; past them records become blobs.
const ARENA_MAX: usize = BLOB as usize - 2 * LARGE;

/// Where a record is: an offset into the arena, or the index of a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(pub(super) u32);

#[derive(Clone, Debug)]
struct Blob<V> {
    /// Key and payload, one behind the other.
    bytes: Arc<[u8]>,
    value: V,
    key_len: u32,
    /// The member's: blobs move when others go, and who refers to them must be found.
    hash: u32,
    has_payload: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Records<V> {
    arena: Vec<u8>,
    /// Bytes of the arena in holes.
    dead: u32,
    /// Few tables have any.
    blobs: Option<Box<Blobs<V>>>,
}

#[derive(Clone, Debug)]
struct Blobs<V> {
    all: Vec<Blob<V>>,
    /// Of their contents.
    bytes: usize,
}

/// A record was moved by the removal of another one.
pub struct Moved {
    /// Its member's.
    pub hash: u32,
    pub from: Place,
    pub to: Place,
}

impl<V: Value> Records<V> {
    /// Empty, with room for `bytes` bytes of records in the arena.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { arena: Vec::with_capacity(rounded(bytes)), dead: 0, blobs: None }
    }

    /// Bytes on the heap.
    #[inline]
    pub fn memory(&self) -> usize {
        let blobs = self.blobs.as_ref().map_or(0, |blobs| {
            size_of::<Blobs<V>>() + blobs.all.capacity() * size_of::<Blob<V>>() + blobs.bytes
        });
        self.arena.capacity() + blobs
    }

    /// All records but blobs.
    #[inline]
    pub fn arena(&self) -> &Vec<u8> {
        &self.arena
    }

    /// Bytes of the arena that records take, holes not counted.
    #[inline]
    pub fn live(&self) -> usize {
        self.arena.len() - self.dead as usize
    }

    /// Whether holes are worth closing.
    pub fn is_sparse(&self) -> bool {
        self.dead > 64 && self.dead as usize * 2 > self.arena.len()
    }

    /// Whether a record of `bytes` more would make the arena grow although closing its holes would do.
    pub fn wants_compaction(&self, bytes: usize) -> bool {
        let dead = self.dead as usize;
        self.arena.len() + bytes > self.arena.capacity() && dead * 4 > self.arena.len() && dead > bytes
    }

    /// Adds a record for a member with this hash.
    pub fn push(&mut self, hash: u32, key: &[u8], payload: Option<&[u8]>, value: V) -> Place {
        let bytes = record_len::<V>(key.len(), payload);
        if is_large(key.len(), payload) || self.arena.len() + bytes > ARENA_MAX {
            return self.push_blob(hash, key, payload, value);
        }
        let start = self.begin(bytes, key.len(), payload, value);
        self.arena.extend_from_slice(key);
        self.end(payload);
        start
    }

    /// Adds a record for the member at `place`, with another payload; the old one stays.
    pub fn push_again(&mut self, hash: u32, place: Place, payload: &[u8]) -> Place {
        let value = self.value(place);
        if place.0 & BLOB != 0 {
            let key = self.key(place).to_vec();
            return self.push(hash, &key, Some(payload), value);
        }
        let (length, at) = self.header(place);
        let key = at..at + (length >> 1);
        let bytes = record_len::<V>(key.len(), Some(payload));
        if is_large(key.len(), Some(payload)) || self.arena.len() + bytes > ARENA_MAX {
            let key = self.arena[key].to_vec();
            return self.push_blob(hash, &key, Some(payload), value);
        }
        let start = self.begin(bytes, key.len(), Some(payload), value);
        self.arena.extend_from_within(key);
        self.end(Some(payload));
        start
    }

    /// The key of a record.
    #[inline]
    pub fn key(&self, place: Place) -> &[u8] {
        if place.0 & BLOB != 0 {
            let blob = self.blob(place);
            return &blob.bytes[..blob.key_len as usize];
        }
        let (header, at) = self.header(place);
        &self.arena[at..at + (header >> 1)]
    }

    /// The value of a record.
    #[inline]
    pub fn value(&self, place: Place) -> V {
        if place.0 & BLOB != 0 { self.blob(place).value } else { V::read(&self.arena[place.0 as usize..]) }
    }

    /// Key and payload of a record.
    #[inline]
    pub fn get(&self, place: Place) -> (&[u8], Option<&[u8]>) {
        if place.0 & BLOB != 0 {
            let blob = self.blob(place);
            let (key, payload) = blob.bytes.split_at(blob.key_len as usize);
            return (key, blob.has_payload.then_some(payload));
        }
        let (header, at) = self.header(place);
        let (key, rest) = self.arena[at..].split_at(header >> 1);
        if header & 1 == 0 {
            return (key, None);
        }
        let (length, at) = varint(rest, 0);
        (key, Some(&rest[at..at + length]))
    }

    /// Sets the value of a record.
    #[inline]
    pub fn set_value(&mut self, place: Place, value: V) {
        if place.0 & BLOB == 0 {
            let at = place.0 as usize;
            self.arena[at..at + V::SIZE].copy_from_slice(value.bytes().as_ref());
        } else if let Some(blobs) = &mut self.blobs {
            blobs.all[(place.0 ^ BLOB) as usize].value = value;
        }
    }

    /// Writes `payload` over the one of the record, if they have the same length and lie in the arena.
    pub fn overwrite(&mut self, place: Place, payload: &[u8]) -> bool {
        if place.0 & BLOB != 0 {
            return false;
        }
        let (header, at) = self.header(place);
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

    /// Frees a record; tells which one is elsewhere now, if any.
    #[must_use]
    pub fn remove(&mut self, place: Place) -> Option<Moved> {
        if place.0 & BLOB == 0 {
            let (key, payload) = self.get(place);
            // An arena is far below 4 GiB.
            self.dead += record_len::<V>(key.len(), payload) as u32;
            return None;
        }
        let index = (place.0 ^ BLOB) as usize;
        let blobs = self.blobs.as_mut()?;
        let blob = blobs.all.swap_remove(index);
        blobs.bytes -= blob_size(blob.bytes.len());
        if blobs.all.len() * 4 < blobs.all.capacity() {
            blobs.all.shrink_to(blobs.all.len() * 2);
        }
        let from = Place(blobs.all.len() as u32 | BLOB);
        let moved = blobs.all.get(index).map(|moved| Moved { hash: moved.hash, from, to: place });
        if blobs.all.is_empty() {
            self.blobs = None;
        }
        moved
    }

    /// Adds a copy of a record of `other`; a blob is shared, not copied.
    pub fn adopt(&mut self, hash: u32, other: &Self, place: Place) -> Place {
        if place.0 & BLOB == 0 {
            let (key, payload) = other.get(place);
            return self.push(hash, key, payload, other.value(place));
        }
        self.add_blob(other.blob(place).clone())
    }

    /// The number in front of the key, and where the key is.
    #[inline]
    fn header(&self, place: Place) -> (usize, usize) {
        varint(&self.arena, place.0 as usize + V::SIZE)
    }

    /// What stands before the key of a record of `bytes` bytes in the arena.
    fn begin(&mut self, bytes: usize, key_len: usize, payload: Option<&[u8]>, value: V) -> Place {
        let start = self.arena.len();
        if start + bytes > self.arena.capacity() {
            self.arena.reserve_exact(rounded((start + bytes).max(start + start / 8)) - start);
        }
        self.arena.extend_from_slice(value.bytes().as_ref());
        push_varint(&mut self.arena, (key_len as u64) << 1 | u64::from(payload.is_some()));
        Place(start as u32)
    }

    /// What stands behind the key.
    fn end(&mut self, payload: Option<&[u8]>) {
        if let Some(payload) = payload {
            push_varint(&mut self.arena, payload.len() as u64);
            self.arena.extend_from_slice(payload);
        }
    }

    /// The blob of a place that names one.
    fn blob(&self, place: Place) -> &Blob<V> {
        let blobs = self.blobs.as_ref().map_or(&[][..], |blobs| &blobs.all);
        &blobs[(place.0 ^ BLOB) as usize]
    }

    fn push_blob(&mut self, hash: u32, key: &[u8], payload: Option<&[u8]>, value: V) -> Place {
        let mut bytes = Vec::with_capacity(key.len() + payload.map_or(0, <[u8]>::len));
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(payload.unwrap_or_default());
        // Strings end at 512 MiB, far below what the length of the key can say.
        let key_len = key.len() as u32;
        self.add_blob(Blob { bytes: bytes.into(), value, key_len, hash, has_payload: payload.is_some() })
    }

    fn add_blob(&mut self, blob: Blob<V>) -> Place {
        let blobs = self.blobs.get_or_insert_with(|| Box::new(Blobs { all: Vec::new(), bytes: 0 }));
        if blobs.all.len() == blobs.all.capacity() {
            blobs.all.reserve_exact(blobs.all.len() / 4 + 1);
        }
        blobs.bytes += blob_size(blob.bytes.len());
        blobs.all.push(blob);
        Place((blobs.all.len() - 1) as u32 | BLOB)
    }
}

fn is_large(key_len: usize, payload: Option<&[u8]>) -> bool {
    key_len + payload.map_or(0, <[u8]>::len) > LARGE
}

/// Bytes of a record in the arena.
pub fn record_len<V: Value>(key_len: usize, payload: Option<&[u8]>) -> usize {
    let tail = payload.map_or(0, |payload| varint_len(payload.len()) + payload.len());
    V::SIZE + varint_len(key_len << 1) + key_len + tail
}

fn blob_size(bytes: usize) -> usize {
    // The count stands before the bytes of an Arc.
    bytes + 8
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
