//! [`Decoder`]: RDB bytes in, in pieces of any size; items out. Memory is bounded by what was fed: a claimed length only
//! makes it wait, and a claimed size after decompression is checked against what LZF can yield.
//!
//! Every malformed input is a [`DecodeError`] that names the offset and what is wrong there. What this version cannot
//! store is refused with its type and key, never skipped: skipping would lose data in silence.

use super::cursor::{Cursor, Stop, Text, malformed};
use super::object::{self, Context};
use super::shape::{self, Skim};
use super::types::*;
use base::crc::Crc64;
use base::{DbIndex, UnixMillis};
use keyspace::{LoadExtra, LoadValue, Steps};
use std::borrow::Cow;
use std::fmt;

/// Consumed bytes are kept in front of the buffer up to this many before they are moved away.
const COMPACT_ABOVE: usize = 64 << 10;
/// A key in an error message is cut to this many bytes.
const QUOTED_KEY_MAX: usize = 128;

/// One thing that an RDB says.
#[derive(Clone, PartialEq, Debug)]
pub enum Item<'a> {
    /// A named field.
    Aux {
        /// Its name.
        name: Cow<'a, [u8]>,
        /// Its value; integers in decimal.
        value: Cow<'a, [u8]>,
    },
    /// A library of functions: its code, first line included.
    Function {
        /// The code.
        code: Cow<'a, [u8]>,
    },
    /// The database of the entries that follow.
    SelectDb(DbIndex),
    /// How many keys follow in this database: a hint that may be wrong.
    Resize {
        /// Keys.
        keys: u64,
        /// Keys with a TTL.
        expires: u64,
    },
    /// One entry.
    Entry {
        /// Its database.
        db: DbIndex,
        /// Its key.
        key: Cow<'a, [u8]>,
        /// Its value.
        value: LoadValue,
        /// When it expires.
        expire: Option<UnixMillis>,
        /// Recency and frequency, if written.
        extra: LoadExtra,
    },
    /// A key with an empty collection, as old versions could leave them: nothing to load.
    EmptyKey {
        /// Its key.
        key: Cow<'a, [u8]>,
    },
    /// The end; the checksum was right, or 0 for "not computed".
    Eof,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It does not begin with `REDIS`.
    Signature,
    /// A version that we do not read, or what there is of digits where four belong.
    Version(u32),
    /// The input ended before the end mark.
    Truncated,
    /// The bytes make no sense; what was expected.
    Malformed(&'static str),
    /// A value whose bytes make no sense: what Redis calls its form, and what is wrong.
    Damaged(&'static str, &'static str),
    /// The checksum differs: what the bytes have, what stands in the file.
    Checksum(u64, u64),
    /// Data of a kind that this version cannot store: the sentence after "it".
    Unsupported(String),
}

/// Where and why decoding stopped. The decoder gives the same error again when asked again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecodeError {
    /// Bytes before the item at fault.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.offset;
        match &self.fault {
            Fault::Signature => f.write_str("Wrong signature trying to load DB from file"),
            Fault::Version(v) => write!(f, "Can't handle RDB format version {v}"),
            Fault::Truncated => write!(
                f,
                "Short read or OOM loading DB. Unrecoverable error, aborting now. \
                 Internal error in RDB reading offset {at} -> Unexpected EOF reading RDB file"
            ),
            Fault::Malformed(what) => write!(f, "Internal error in RDB reading offset {at} -> {what}"),
            Fault::Damaged(form, what) => {
                write!(
                    f,
                    "Internal error in RDB reading offset {at} -> {form} integrity check failed: {what}"
                )
            }
            Fault::Checksum(expected, found) => {
                write!(
                    f,
                    "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now. \
                     Internal error in RDB reading offset {at} -> RDB CRC error"
                )
            }
            Fault::Unsupported(what) => write!(f, "The RDB at offset {at} holds {what}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads one RDB.
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
    /// Bytes from `start` without which parsing need not be tried again.
    wanted: usize,
    offset: u64,
    crc: Crc64,
    verify: bool,
    version: u32,
    db: DbIndex,
    expire: Option<UnixMillis>,
    extra: LoadExtra,
    settings: ds::Settings,
    steps: Steps,
    /// The walk over a value that is not all there yet.
    skim: Option<Skim>,
    finished: bool,
    /// As it stands behind the end mark.
    checksum: Option<u64>,
    failed: Option<DecodeError>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that waits for the header.
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            wanted: 0,
            offset: 0,
            crc: Crc64::default(),
            verify: true,
            version: 0,
            db: DbIndex(0),
            expire: None,
            extra: LoadExtra::default(),
            settings: ds::Settings::default(),
            steps: Steps::default(),
            skim: None,
            finished: false,
            checksum: None,
            failed: None,
        }
    }

    /// Whether the checksum is looked at (`rdbchecksum`).
    pub fn set_verify(&mut self, verify: bool) {
        self.verify = verify;
    }

    /// Where small forms end, for the values to come.
    pub fn set_settings(&mut self, settings: ds::Settings) {
        self.settings = settings;
    }

    /// Where it shows that it goes on while it decodes a large value.
    pub fn set_steps(&mut self, steps: Steps) {
        self.steps = steps;
    }

    /// The next bytes. Bytes after the end are kept for [`Decoder::take_rest`].
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > COMPACT_ABOVE || self.start == self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.buffer.is_empty() && self.buffer.capacity() > 16 * COMPACT_ABOVE {
                self.buffer = Vec::new();
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the end mark has been read.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The checksum that stands at the end, 0 for one that was not computed; `None` before it has been read, and in versions
    /// before 5.
    pub fn checksum(&self) -> Option<u64> {
        self.checksum
    }

    /// Bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The version in the header, 0 before it has been read.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The bytes of the part at hand and what came after it, its offset, and the version.
    pub(crate) fn unread(&self) -> (&[u8], u64, u32) {
        (&self.buffer[self.start..], self.offset, self.version)
    }

    /// The bytes after the end mark (an AOF with an RDB at its front goes on there).
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start);
        self.buffer.clear();
        self.start = 0;
        rest
    }

    /// Says that nothing more comes.
    pub fn end(&self) -> Result<(), DecodeError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if self.finished => Ok(()),
            None => {
                let left = (self.buffer.len() - self.start) as u64;
                Err(DecodeError { offset: self.offset + left, fault: Fault::Truncated })
            }
        }
    }

    /// The next item, or `None` until more is fed (and for ever after the end).
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        loop {
            if self.finished || self.buffer.len() - self.start < self.wanted {
                return Ok(None);
            }
            let mut cursor = Cursor { bytes: &self.buffer[self.start..], at: 0 };
            let parsed = if self.version == 0 {
                header(&mut cursor).map(Part::Header)
            } else {
                part(&mut cursor, self.version, &mut self.skim)
            };
            match parsed {
                Ok(part) => {
                    let used = cursor.at;
                    if let Some(item) = self.accept(part, used)? {
                        // The borrow of `self.buffer` must end before the loop goes round, so items are built here.
                        return self.build(item).map(Some);
                    }
                }
                Err(Stop::More(wanted)) => {
                    self.wanted = wanted;
                    return Ok(None);
                }
                Err(Stop::Fault(fault)) => return Err(self.fail(fault)),
            }
        }
    }

    fn fail(&mut self, fault: Fault) -> DecodeError {
        let error = DecodeError { offset: self.offset, fault };
        self.failed = Some(error.clone());
        error
    }

    /// Consumes a part; what the caller must see of it comes back, with its place in the buffer.
    fn accept(&mut self, part: Part, used: usize) -> Result<Option<Placed>, DecodeError> {
        let begin = self.start;
        if let Part::Eof(sum) = part {
            return self.accept_end(sum, used).map(Some);
        }
        if self.verify {
            self.crc.update(&self.buffer[begin..begin + used]);
        }
        self.start += used;
        self.offset += used as u64;
        self.wanted = 0;
        match part {
            Part::Header(version) => self.version = version,
            Part::Expire(at) => self.expire = Some(at),
            Part::Idle(seconds) => self.extra.idle_seconds = Some(seconds),
            Part::Freq(count) => self.extra.frequency = Some(count),
            Part::Skip => {}
            Part::Select(db) => self.db = db,
            _ => {}
        }
        Ok(match part {
            Part::Select(_)
            | Part::Aux(..)
            | Part::Function(_)
            | Part::Resize(..)
            | Part::Entry(..)
            | Part::Object { .. } => Some((part, begin)),
            _ => None,
        })
    }

    fn accept_end(&mut self, sum: Option<u64>, used: usize) -> Result<Placed, DecodeError> {
        self.crc.update(&self.buffer[self.start..self.start + 1]);
        let computed = self.crc.value();
        if let Some(found) = sum
            && self.verify
            && found != 0
            && found != computed
        {
            return Err(self.fail(Fault::Checksum(computed, found)));
        }
        let begin = self.start;
        self.start += used;
        self.offset += used as u64;
        self.finished = true;
        self.checksum = sum;
        Ok((Part::Eof(sum), begin))
    }

    fn build(&mut self, (part, begin): Placed) -> Result<Item<'_>, DecodeError> {
        let expire = self.expire;
        let extra = self.extra;
        if matches!(part, Part::Entry(..) | Part::Object { .. }) {
            self.expire = None;
            self.extra = LoadExtra::default();
        }
        let part = match part {
            Part::Object { key, kind, at, end } => {
                let context = Context { settings: &self.settings, version: self.version, steps: &self.steps };
                match object::decode(kind, &self.buffer[begin + at..begin + end], &context) {
                    Ok(object) => Part::Decoded(key, object),
                    Err(fault) => return Err(self.fail(fault)),
                }
            }
            other => other,
        };
        let bytes = &self.buffer[begin..];
        Ok(match part {
            Part::Aux(name, value) => Item::Aux { name: name.text(bytes), value: value.text(bytes) },
            Part::Function(code) => Item::Function { code: code.text(bytes) },
            Part::Resize(keys, expires) => Item::Resize { keys, expires },
            Part::Entry(key, value) => {
                Item::Entry { db: self.db, key: key.text(bytes), value: value.value(bytes), expire, extra }
            }
            Part::Decoded(key, Some(object)) => {
                let value = LoadValue::Object(object);
                Item::Entry { db: self.db, key: key.text(bytes), value, expire, extra }
            }
            Part::Decoded(key, None) => Item::EmptyKey { key: key.text(bytes) },
            Part::Select(db) => Item::SelectDb(db),
            _ => Item::Eof,
        })
    }
}

/// A part and where it begins in the buffer.
type Placed = (Part, usize);

/// One opcode with its operands, or one entry. Strings are places relative to the part's beginning.
enum Part {
    Header(u32),
    Aux(Text, Text),
    Function(Text),
    Select(DbIndex),
    Resize(u64, u64),
    Expire(UnixMillis),
    Idle(u64),
    Freq(u8),
    Skip,
    Entry(Text, Text),
    /// An entry of another type, whose value lies from `at` to `end`.
    Object {
        key: Text,
        kind: u8,
        at: usize,
        end: usize,
    },
    Decoded(Text, Option<keyspace::Object>),
    Eof(Option<u64>),
}

/// A value alone, as DUMP has it; what is wrong if it is not exactly one, or an empty one.
pub(crate) fn decode_value(
    kind: u8,
    bytes: &[u8],
    version: u32,
    settings: &ds::Settings,
    steps: &Steps,
) -> Result<LoadValue, Fault> {
    if kind != TYPE_STRING {
        let context = Context { settings, version, steps };
        let object = object::decode(kind, bytes, &context)?;
        return object.map(LoadValue::Object).ok_or(Fault::Damaged(form_name(kind), "an empty collection"));
    }
    let mut cursor = Cursor { bytes, at: 0 };
    match cursor.string() {
        Ok(text) if cursor.at == bytes.len() => Ok(text.value(bytes)),
        _ => Err(Fault::Damaged(form_name(kind), "a string that is none")),
    }
}

/// The code of each library of what FUNCTION DUMP has made, up to the first that is none. The errors are Redis's.
pub(crate) fn decode_libraries(bytes: &[u8]) -> impl Iterator<Item = Result<Cow<'_, [u8]>, &'static str>> {
    let mut cursor = Cursor { bytes, at: 0 };
    core::iter::from_fn(move || {
        if cursor.at >= bytes.len() {
            return None;
        }
        let code = match cursor.byte() {
            Ok(OP_FUNCTION2) => cursor.bytes().map_err(|_| "Failed loading library payload"),
            _ => Err("given type is not a function"),
        };
        if code.is_err() {
            cursor.at = bytes.len();
        }
        Some(code)
    })
}

fn header(cursor: &mut Cursor<'_>) -> Result<u32, Stop> {
    let bytes = cursor.take(9)?;
    let Some(digits) = bytes.strip_prefix(b"REDIS") else { return Err(Stop::Fault(Fault::Signature)) };
    let count = digits.iter().take_while(|d| d.is_ascii_digit()).count();
    let version = digits[..count].iter().fold(0, |v, d| v * 10 + u32::from(d - b'0'));
    let known = (1..=NEWEST_VERSION).contains(&version) || VALKEY_VERSIONS.contains(&version);
    if known && count == digits.len() { Ok(version) } else { Err(Stop::Fault(Fault::Version(version))) }
}

fn part(cursor: &mut Cursor<'_>, version: u32, skim: &mut Option<Skim>) -> Result<Part, Stop> {
    Ok(match cursor.byte()? {
        OP_AUX => Part::Aux(cursor.string()?, cursor.string()?),
        OP_SELECT => match u32::try_from(cursor.length()?) {
            Ok(db) if db < i32::MAX as u32 => Part::Select(DbIndex(db)),
            _ => return malformed("an impossible database number"),
        },
        OP_RESIZE => Part::Resize(cursor.length()?, cursor.length()?),
        OP_EXPIRE_MS => Part::Expire(UnixMillis(i64::from_le_bytes(cursor.array()?))),
        OP_EXPIRE_S => {
            let seconds = i32::from_le_bytes(cursor.array()?);
            Part::Expire(UnixMillis(i64::from(seconds) * 1000))
        }
        OP_IDLE => Part::Idle(cursor.length()?),
        OP_FREQ => Part::Freq(cursor.byte()?),
        OP_SLOT_INFO => {
            for _ in 0..3 {
                cursor.length()?;
            }
            Part::Skip
        }
        OP_EOF => Part::Eof(if version >= 5 { Some(u64::from_le_bytes(cursor.array()?)) } else { None }),
        TYPE_STRING => Part::Entry(cursor.string()?, cursor.string()?),
        OP_FUNCTION2 => Part::Function(cursor.string()?),
        OP_FUNCTION_OLD => {
            return refuse(
                "a function library in a form of before Redis 7, which this version cannot store".into(),
            );
        }
        OP_MODULE_AUX => return refuse("auxiliary data of a module, which this version cannot store".into()),
        OP_SLOT_IMPORT => {
            return refuse("an unfinished import of slots, which this version cannot store".into());
        }
        other => match shape::of(other, version) {
            Some(pieces) => return object_part(cursor, other, pieces, skim),
            None => return refuse_type(cursor, other),
        },
    })
}

/// An entry that is no string, once all of it is there.
fn object_part(
    cursor: &mut Cursor<'_>,
    kind: u8,
    pieces: &'static [shape::Piece],
    skim: &mut Option<Skim>,
) -> Result<Part, Stop> {
    let key = cursor.string()?;
    let at = cursor.at;
    let end = skim.get_or_insert_with(|| Skim::new(pieces, at)).run(cursor.bytes)?;
    *skim = None;
    cursor.at = end;
    Ok(Part::Object { key, kind, at, end })
}

fn refuse<T>(what: String) -> Result<T, Stop> {
    Err(Stop::Fault(Fault::Unsupported(what)))
}

fn quoted(bytes: &[u8]) -> String {
    let mut shown = String::new();
    base::args::quote(&bytes[..bytes.len().min(QUOTED_KEY_MAX)], &mut shown);
    shown
}

fn refuse_type<T>(cursor: &mut Cursor<'_>, number: u8) -> Result<T, Stop> {
    let Some(name) = type_name(number) else {
        return refuse(format!(
            "an entry of unknown type (RDB type {number}), which this version cannot store"
        ));
    };
    let key = cursor.string()?.text(cursor.bytes);
    let shown = quoted(&key);
    let encoding = encoding_name(number);
    refuse(format!(
        "a {name} (RDB type {number}, {encoding}) under key {shown}, which this version cannot store"
    ))
}
