//! [`Encoder`]: entries in, RDB bytes out, in pieces that the caller takes away when it likes.
//!
//! A large collection is written in pieces: when [`PIECE`] bytes wait to be taken, [`Encoder::begin`] and
//! [`Encoder::go_on`] say how far they came. So no more is in memory than a piece of a string, or one element of a
//! collection (or some few, of a table), and what compressing that takes.
//!
//! Databases may come in any order and more than once (a snapshot hands over overwritten entries early): a SELECTDB is
//! written whenever the database changes, its size hint only the first time.

use super::object::Place;
use super::text::{self, Text};
use super::types::*;
use crate::lzf::Compressor;
use base::crc::Crc64;
use base::{DbIndex, UnixMillis};
use keyspace::ValueRef;

/// What the 24 access bits of an entry are written as; Redis writes them only under a policy that uses them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccessField {
    /// Not written.
    #[default]
    None,
    /// As seconds since the last access, seen from this LRU clock (24 bits, seconds).
    Lru {
        /// The clock at the cut.
        clock: u32,
    },
    /// As the LFU counter in the low 8 bits.
    Lfu,
}

/// Bytes that wait to be taken at which a large value stops for a while.
pub const PIECE: usize = 64 << 10;

/// Strings up to this many bytes are never compressed: the frame would eat the gain. As in Redis.
const COMPRESS_ABOVE: usize = 20;
/// A decimal longer than this is not tried as an integer: `-2147483648` has 11.
const INT_TEXT_MAX: usize = 11;

/// Writes one RDB.
pub struct Encoder {
    out: Vec<u8>,
    crc: Crc64,
    taken: u64,
    checksum: bool,
    compress: bool,
    access: AccessField,
    db: Option<DbIndex>,
    sizes: Vec<(DbIndex, u64, u64)>,
    lzf: Compressor,
}

impl Encoder {
    /// An encoder whose first bytes are the header. `compress`: LZF for longer strings; `checksum`: a CRC at the end.
    pub fn new(compress: bool, checksum: bool) -> Self {
        let mut encoder = Self {
            out: Vec::new(),
            crc: Crc64::default(),
            taken: 0,
            checksum,
            compress,
            access: AccessField::None,
            db: None,
            sizes: Vec::new(),
            lzf: Compressor::default(),
        };
        encoder.out.extend_from_slice(format!("REDIS{WRITTEN_VERSION:04}").as_bytes());
        encoder
    }

    /// How access bits are written from here on.
    pub fn set_access(&mut self, access: AccessField) {
        self.access = access;
    }

    /// The sizes for the hints: database, keys, keys with a TTL. Without them no hint is written.
    pub fn set_sizes(&mut self, sizes: Vec<(DbIndex, u64, u64)>) {
        self.sizes = sizes;
    }

    /// A named field.
    pub fn aux(&mut self, name: &str, value: &[u8]) {
        self.out.push(OP_AUX);
        self.string(name.as_bytes());
        self.string(value);
    }

    /// A library of functions, before the first entry.
    pub fn function(&mut self, code: &[u8]) {
        self.out.push(OP_FUNCTION2);
        self.string(code);
    }

    /// Libraries alone, as FUNCTION DUMP has them.
    pub(crate) fn libraries(codes: &[Vec<u8>], compress: bool) -> Vec<u8> {
        let mut encoder = Self::new(compress, false);
        encoder.out.clear();
        codes.iter().for_each(|code| encoder.function(code));
        encoder.out
    }

    /// One entry of any database, whole.
    pub fn entry(
        &mut self,
        db: DbIndex,
        key: &[u8],
        value: ValueRef<'_>,
        expire: Option<UnixMillis>,
        access: u32,
    ) {
        let mut place = self.begin(db, key, value, expire, access);
        while let Some(from) = place {
            place = self.go_on(value, from);
        }
    }

    /// One entry of any database, or the first piece of it: then [`Encoder::go_on`] must follow with the same value.
    pub fn begin(
        &mut self,
        db: DbIndex,
        key: &[u8],
        value: ValueRef<'_>,
        expire: Option<UnixMillis>,
        access: u32,
    ) -> Option<Place> {
        self.select(db);
        if let Some(at) = expire {
            self.out.push(OP_EXPIRE_MS);
            self.out.extend_from_slice(&at.0.to_le_bytes());
        }
        match self.access {
            AccessField::None => {}
            AccessField::Lru { clock } => {
                self.out.push(OP_IDLE);
                push_length(&mut self.out, u64::from(clock.wrapping_sub(access) & 0xff_ffff));
            }
            AccessField::Lfu => self.out.extend_from_slice(&[OP_FREQ, access as u8]),
        }
        self.out.push(kind_of(&value));
        self.string(key);
        self.value(value, None)
    }

    /// The next piece of a value.
    pub fn go_on(&mut self, value: ValueRef<'_>, from: Place) -> Option<Place> {
        self.value(value, Some(from))
    }

    /// Whether so much waits to be taken that a large value should stop.
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() >= PIECE
    }

    /// The end mark and the checksum. Nothing may follow.
    pub fn finish(&mut self) {
        self.out.push(OP_EOF);
        let sum = if self.checksum {
            self.crc.update(&self.out);
            self.crc.value()
        } else {
            0
        };
        // What `take` sees from here on has been summed up already; the sum itself is not part of the sum.
        self.checksum = false;
        self.out.extend_from_slice(&sum.to_le_bytes());
    }

    /// Takes away what has been written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        if self.checksum {
            self.crc.update(&self.out);
        }
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    /// Bytes waiting to be taken.
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// Bytes written so far, taken or not.
    pub fn total(&self) -> u64 {
        self.taken + self.out.len() as u64
    }

    fn select(&mut self, db: DbIndex) {
        if self.db == Some(db) {
            return;
        }
        self.db = Some(db);
        self.out.push(OP_SELECT);
        push_length(&mut self.out, u64::from(db.0));
        if let Some(at) = self.sizes.iter().position(|s| s.0 == db) {
            let (_, keys, expires) = self.sizes.swap_remove(at);
            self.out.push(OP_RESIZE);
            push_length(&mut self.out, keys);
            push_length(&mut self.out, expires);
        }
    }

    /// A value alone, as DUMP has it; `step` is called every few elements of a large one.
    pub(crate) fn value_bytes(value: ValueRef<'_>, compress: bool, mut step: impl FnMut()) -> Vec<u8> {
        let mut encoder = Encoder::new(compress, false);
        encoder.out.clear();
        let mut place = encoder.value(value, None);
        while let Some(from) = place {
            step();
            place = encoder.go_on(value, from);
        }
        encoder.out
    }

    fn value(&mut self, value: ValueRef<'_>, from: Option<Place>) -> Option<Place> {
        match value {
            ValueRef::Int(number) => {
                if !push_small_int(&mut self.out, number) {
                    let mut text = Vec::with_capacity(20);
                    base::number::push_i64(&mut text, number);
                    push_raw(&mut self.out, &text);
                }
            }
            ValueRef::Bytes(bytes) if bytes.len() > text::WHOLE_MAX => {
                let from = from.and_then(Place::text);
                return text::encode(bytes, self, from).map(Place::of_text);
            }
            ValueRef::Bytes(bytes) => self.string(bytes),
            ValueRef::Object(object) => return super::object::encode(object, self, from),
        }
        None
    }

    /// A count.
    pub(crate) fn length(&mut self, length: u64) {
        push_length(&mut self.out, length);
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A string in the shortest of its forms.
    pub(crate) fn string(&mut self, bytes: &[u8]) {
        if bytes.len() > text::WHOLE_MAX {
            let mut from: Option<Text> = None;
            while let Some(next) = text::encode(bytes, self, from) {
                from = Some(next);
            }
            return;
        }
        if bytes.len() <= INT_TEXT_MAX
            && let Some(number) = canonical_int(bytes)
            && push_small_int(&mut self.out, number)
        {
            return;
        }
        if self.compress
            && bytes.len() > COMPRESS_ABOVE
            && let Some(packed) = self.lzf.compress(bytes, bytes.len() - 4)
        {
            push_packed_head(&mut self.out, packed.len(), bytes.len());
            self.out.extend_from_slice(packed);
            return;
        }
        push_raw(&mut self.out, bytes);
    }

    /// Whether strings are compressed.
    pub(super) fn compresses(&self) -> bool {
        self.compress
    }

    /// What stands before a compressed string: how long it is so, and how long it is.
    pub(super) fn packed_head(&mut self, packed: usize, len: usize) {
        push_packed_head(&mut self.out, packed, len);
    }

    /// How long a segment of a long string is when it is compressed.
    pub(super) fn packed_len(&mut self, segment: &[u8]) -> usize {
        self.lzf.compress(segment, any_packed(segment)).map_or(0, <[u8]>::len)
    }

    /// A segment of a long string, compressed.
    pub(super) fn packed(&mut self, segment: &[u8]) {
        if let Some(packed) = self.lzf.compress(segment, any_packed(segment)) {
            self.out.extend_from_slice(packed);
        }
    }
}

/// The value type under which a value is written.
pub(crate) fn kind_of(value: &ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Int(_) | ValueRef::Bytes(_) => TYPE_STRING,
        ValueRef::Object(object) => super::object::kind(object),
    }
}

/// The number that `bytes` spell exactly as it would be printed.
fn canonical_int(bytes: &[u8]) -> Option<i64> {
    base::number::parse_i64(bytes)
}

/// An integer in 1, 2 or 4 bytes; false if it needs more.
fn push_small_int(out: &mut Vec<u8>, number: i64) -> bool {
    if let Ok(small) = i8::try_from(number) {
        out.push(0xc0 | ENC_INT8 as u8);
        out.push(small as u8);
    } else if let Ok(small) = i16::try_from(number) {
        out.push(0xc0 | ENC_INT16 as u8);
        out.extend_from_slice(&small.to_le_bytes());
    } else if let Ok(small) = i32::try_from(number) {
        out.push(0xc0 | ENC_INT32 as u8);
        out.extend_from_slice(&small.to_le_bytes());
    } else {
        return false;
    }
    true
}

fn push_packed_head(out: &mut Vec<u8>, packed: usize, len: usize) {
    out.push(0xc0 | ENC_LZF as u8);
    push_length(out, packed as u64);
    push_length(out, len as u64);
}

/// Room for a segment in which nothing repeats: every 32 bytes cost one more.
fn any_packed(segment: &[u8]) -> usize {
    segment.len() + segment.len() / 16 + 64
}

fn push_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    push_length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A length in 1, 2, 5 or 9 bytes.
pub(crate) fn push_length(out: &mut Vec<u8>, length: u64) {
    if length < 1 << 6 {
        out.push(length as u8);
    } else if length < 1 << 14 {
        out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes());
    } else if let Ok(short) = u32::try_from(length) {
        out.push(0x80);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&length.to_be_bytes());
    }
}
