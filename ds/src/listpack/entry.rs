//! One element of a listpack: a number or bytes, and how each is laid out.
//!
//! A string that [`base::number::parse_i64`] reads, and would print the same, is stored as the integer; so the bytes
//! of a listpack follow from its elements alone, and equal those of Redis.

use base::number::{parse_i64, push_i64};

/// What ends a listpack; no element starts with it.
pub(super) const END: u8 = 0xff;

/// An element as it is stored, or is to be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    /// An integer, which stands for its decimal text.
    Int(i64),
    /// Any other text.
    Bytes(&'a [u8]),
}

impl<'a> From<&'a [u8]> for Entry<'a> {
    /// The form in which Redis stores `text`: an integer when it reads as one.
    #[inline]
    fn from(text: &'a [u8]) -> Self {
        match text.first() {
            Some(b'0'..=b'9' | b'-') => parse_i64(text).map_or(Entry::Bytes(text), Entry::Int),
            _ => Entry::Bytes(text),
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Entry<'a> {
    fn from(text: &'a [u8; N]) -> Self {
        Entry::from(&text[..])
    }
}

impl<'a> From<&'a Vec<u8>> for Entry<'a> {
    fn from(text: &'a Vec<u8>) -> Self {
        Entry::from(&text[..])
    }
}

impl From<i64> for Entry<'_> {
    fn from(value: i64) -> Self {
        Entry::Int(value)
    }
}

impl Entry<'_> {
    /// The element's text.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.push_to(&mut text);
        text
    }

    /// Appends the element's text to `out`.
    #[inline]
    pub fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Entry::Int(value) => push_i64(out, *value),
            Entry::Bytes(text) => out.extend_from_slice(text),
        }
    }

    /// Calls `f` with the element's text, without allocating.
    #[inline]
    pub fn with_text<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Entry::Int(value) => f(itoa::Buffer::new().format(*value).as_bytes()),
            Entry::Bytes(text) => f(text),
        }
    }

    /// The length of the element's text.
    #[inline]
    pub fn text_len(&self) -> usize {
        match self {
            Entry::Int(_) => self.with_text(<[u8]>::len),
            Entry::Bytes(text) => text.len(),
        }
    }

    /// The number that the element's text reads as.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Entry::Int(value) => Some(*value),
            Entry::Bytes(text) => parse_i64(text),
        }
    }

    /// Whether both have the same text; also true of a number that a foreign payload holds as a string.
    #[inline]
    pub fn same_text(&self, other: &Entry<'_>) -> bool {
        match (self, other) {
            (Entry::Int(a), Entry::Int(b)) => a == b,
            (Entry::Bytes(a), Entry::Bytes(b)) => a == b,
            (Entry::Int(value), Entry::Bytes(text)) | (Entry::Bytes(text), Entry::Int(value)) => {
                parse_i64(text) == Some(*value)
            }
        }
    }
}

/// The bytes before an element's text (a string) or all of it (a number): at most 9.
pub(super) struct Head {
    bytes: [u8; 9],
    len: u8,
}

impl Head {
    fn new(parts: &[&[u8]]) -> Self {
        let mut head = Self { bytes: [0; 9], len: 0 };
        for part in parts {
            let at = usize::from(head.len);
            head.bytes[at..at + part.len()].copy_from_slice(part);
            head.len += part.len() as u8;
        }
        head
    }

    pub(super) fn of(entry: &Entry<'_>) -> Self {
        match entry {
            Entry::Int(value) => Self::of_int(*value),
            Entry::Bytes(text) => Self::of_text(text.len()),
        }
    }

    fn of_int(value: i64) -> Self {
        let bytes = value.to_le_bytes();
        match value {
            0..=127 => Self::new(&[&bytes[..1]]),
            -4096..=4095 => Self::new(&[&[0xc0 | (bytes[1] & 0x1f), bytes[0]]]),
            -32768..=32767 => Self::new(&[&[0xf1], &bytes[..2]]),
            -8_388_608..=8_388_607 => Self::new(&[&[0xf2], &bytes[..3]]),
            -2_147_483_648..=2_147_483_647 => Self::new(&[&[0xf3], &bytes[..4]]),
            _ => Self::new(&[&[0xf4], &bytes]),
        }
    }

    fn of_text(len: usize) -> Self {
        let bytes = (len as u32).to_le_bytes();
        match len {
            0..=63 => Self::new(&[&[0x80 | bytes[0]]]),
            64..=4095 => Self::new(&[&[0xe0 | bytes[1], bytes[0]]]),
            _ => Self::new(&[&[0xf0], &bytes]),
        }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// How many bytes the backward length of an element of `size` bytes takes. The limits are Redis's, one short of
/// what seven bits a byte could hold.
#[inline]
pub(super) fn back_len(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Appends to `out` the backward length of an element of `size` bytes: seven bits a byte, the most significant first,
/// every byte but the first marked, so that it reads from its end.
#[inline]
pub(super) fn push_back_len(out: &mut [u8; 5], size: usize) -> usize {
    let len = back_len(size);
    for (i, byte) in out[..len].iter_mut().enumerate() {
        let bits = (size >> (7 * (len - 1 - i))) & 0x7f;
        *byte = bits as u8 | if i == 0 { 0 } else { 0x80 };
    }
    len
}

/// The backward length that ends just before `end`, and how many bytes it takes.
#[inline]
pub(super) fn read_back_len(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let mut size = 0;
    for i in 0..5 {
        let byte = *bytes.get(end.checked_sub(i + 1)?)?;
        size |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((size, i + 1));
        }
    }
    None
}

/// How many bytes the element at `at` takes, its backward length not counted; `None` at the end, or where no element
/// can start or its head is cut short.
#[inline]
pub(super) fn size_at(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at)?;
    Some(match first {
        0..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(at + 1)?)),
        0xf0 => 5 + u32::from_le_bytes(*bytes.get(at + 1..)?.first_chunk()?) as usize,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        0xf4 => 9,
        _ => return None,
    })
}

/// The element at `at` and how many bytes it takes without its backward length; `None` as for [`size_at`], or when
/// the bytes end before the element does.
#[inline]
pub(super) fn entry_at(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let rest = bytes.get(at..)?;
    let first = *rest.first()?;
    let (entry, size) = match first {
        0..=0x7f => (Entry::Int(i64::from(first)), 1),
        0x80..=0xbf => {
            let size = 1 + usize::from(first & 0x3f);
            (Entry::Bytes(rest.get(1..size)?), size)
        }
        0xc0..=0xdf => {
            (Entry::Int(sign_extend(u64::from(first & 0x1f) << 8 | u64::from(*rest.get(1)?), 13)), 2)
        }
        0xe0..=0xef => {
            let size = size_at(bytes, at)?;
            (Entry::Bytes(rest.get(2..size)?), size)
        }
        0xf0 => {
            let size = size_at(bytes, at)?;
            (Entry::Bytes(rest.get(5..size)?), size)
        }
        0xf1 => (Entry::Int(wide_int(rest, 2)?), 3),
        0xf2 => (Entry::Int(wide_int(rest, 3)?), 4),
        0xf3 => (Entry::Int(wide_int(rest, 4)?), 5),
        0xf4 => (Entry::Int(wide_int(rest, 8)?), 9),
        _ => return None,
    };
    Some((entry, size))
}

/// The little-endian number of `len` bytes behind a head byte.
fn wide_int(rest: &[u8], len: usize) -> Option<i64> {
    let mut bytes = [0; 8];
    bytes[..len].copy_from_slice(rest.get(1..=len)?);
    Some(sign_extend(u64::from_le_bytes(bytes), 8 * len as u32))
}

fn sign_extend(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}
