//! Reading lengths and strings from bytes that may end too soon.

use super::decode::Fault;
use super::types::{ENC_INT8, ENC_INT16, ENC_INT32, ENC_LZF};
use keyspace::LoadValue;
use std::borrow::Cow;

/// Strings of this many bytes or more are refused; the keyspace has 32 bits for lengths.
const STRING_MAX: u64 = u32::MAX as u64;

/// A string not yet copied.
pub(crate) enum Text {
    Raw(usize, usize),
    Int(i64),
    Unpacked(Vec<u8>),
}

impl Text {
    /// Its bytes; `bytes` is what the cursor read from.
    pub fn text(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Text::Raw(at, len) => Cow::Borrowed(&bytes[at..at + len]),
            Text::Int(number) => {
                let mut text = Vec::with_capacity(11);
                base::number::push_i64(&mut text, number);
                Cow::Owned(text)
            }
            Text::Unpacked(text) => Cow::Owned(text),
        }
    }

    /// As a value.
    pub fn value(self, bytes: &[u8]) -> LoadValue {
        match self {
            Text::Int(number) => LoadValue::Int(number),
            other => LoadValue::Bytes(other.text(bytes).into_owned()),
        }
    }
}

/// Why a part could not be read.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Not before this many bytes are there.
    More(usize),
    Fault(Fault),
}

pub(crate) fn malformed<T>(what: &'static str) -> Result<T, Stop> {
    Err(Stop::Fault(Fault::Malformed(what)))
}

pub(crate) struct Cursor<'a> {
    /// Where the places of [`Text::Raw`] count from.
    pub bytes: &'a [u8],
    /// The next byte to be read.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.saturating_add(count);
        let Some(slice) = self.bytes.get(self.at..end) else { return Err(Stop::More(end)) };
        self.at = end;
        Ok(slice)
    }

    /// The next bytes, as many as the array has.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Stop> {
        Ok(self.array::<1>()?[0])
    }

    /// A length, or the number of a special encoding.
    pub fn length_or_encoding(&mut self) -> Result<(u64, bool), Stop> {
        let first = self.byte()?;
        Ok(match (first >> 6, first) {
            (0, _) => (u64::from(first & 63), false),
            (1, _) => (u64::from(first & 63) << 8 | u64::from(self.byte()?), false),
            (2, 0x80) => (u64::from(u32::from_be_bytes(self.array()?)), false),
            (2, 0x81) => (u64::from_be_bytes(self.array()?), false),
            (2, _) => return malformed("a length with an unknown form"),
            _ => (u64::from(first & 63), true),
        })
    }

    /// A count.
    pub fn length(&mut self) -> Result<u64, Stop> {
        match self.length_or_encoding()? {
            (length, false) => Ok(length),
            _ => malformed("an encoded string where a length belongs"),
        }
    }

    /// How long a string claims to be, within what we hold.
    pub fn size(&mut self) -> Result<usize, Stop> {
        let length = self.length()?;
        if length >= STRING_MAX {
            return malformed("a string of 4 GiB or more");
        }
        Ok(length as usize)
    }

    /// A string in any of its forms.
    pub fn string(&mut self) -> Result<Text, Stop> {
        let (length, encoded) = self.length_or_encoding()?;
        if !encoded {
            if length >= STRING_MAX {
                return malformed("a string of 4 GiB or more");
            }
            let at = self.at;
            self.take(length as usize)?;
            return Ok(Text::Raw(at, length as usize));
        }
        match length {
            ENC_INT8 => Ok(Text::Int(i64::from(self.byte()? as i8))),
            ENC_INT16 => Ok(Text::Int(i64::from(i16::from_le_bytes(self.array()?)))),
            ENC_INT32 => Ok(Text::Int(i64::from(i32::from_le_bytes(self.array()?)))),
            ENC_LZF => self.compressed(),
            _ => malformed("a string with an unknown encoding"),
        }
    }

    /// The next string's bytes.
    pub fn bytes(&mut self) -> Result<Cow<'a, [u8]>, Stop> {
        let bytes = self.bytes;
        Ok(self.string()?.text(bytes))
    }

    /// Passes over a string without unpacking it.
    pub fn skip_string(&mut self) -> Result<(), Stop> {
        let (length, encoded) = self.length_or_encoding()?;
        let count = match (encoded, length) {
            (false, length) if length >= STRING_MAX => return malformed("a string of 4 GiB or more"),
            (false, length) => length as usize,
            (true, ENC_INT8) => 1,
            (true, ENC_INT16) => 2,
            (true, ENC_INT32) => 4,
            (true, ENC_LZF) => {
                let packed = self.size()?;
                self.size()?;
                packed
            }
            _ => return malformed("a string with an unknown encoding"),
        };
        self.take(count).map(drop)
    }

    fn compressed(&mut self) -> Result<Text, Stop> {
        let packed = self.size()?;
        let size = self.size()?;
        if size > packed.saturating_mul(crate::lzf::MAX_RATIO) {
            return malformed("a compressed string that claims more than its bytes can hold");
        }
        match crate::lzf::decompress(self.take(packed)?, size) {
            Some(text) => Ok(Text::Unpacked(text)),
            None => malformed("a compressed string that does not unpack to its claimed size"),
        }
    }
}
