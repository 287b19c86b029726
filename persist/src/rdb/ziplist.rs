//! The ziplist: the block of elements that Redis wrote before there were listpacks. Only read.
//!
//! ```text
//! | total bytes: u32 | offset of the last element: u32 | elements: u16 | element | ... | 0xff |
//! element: | size of the one before: 1 byte, or 0xfe and u32 | encoding | text or number |
//! ```
//!
//! Everything is checked: the sizes, the backward lengths, the offset of the last element, the count (65535 stands for
//! "count them").

use super::cursor::{Stop, malformed};
use ds::listpack::Entry;

const HEADER: usize = 10;
const END: u8 = 0xff;
const BIG_PREVIOUS: u8 = 0xfe;
const UNCOUNTED: u16 = u16::MAX;

/// The elements of a ziplist.
pub(super) fn elements(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Stop> {
    match parse(bytes) {
        Some(elements) => Ok(elements),
        None => malformed("a ziplist that contradicts itself"),
    }
}

fn parse(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let total = u32::from_le_bytes(*bytes.first_chunk()?);
    let tail = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    let count = u16::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    let (end, body) = bytes.split_last()?;
    if total as usize != bytes.len() || *end != END || body.len() < HEADER {
        return None;
    }
    let mut elements = Vec::new();
    let (mut at, mut last, mut previous) = (HEADER, HEADER, 0);
    while at < body.len() {
        let (entry, size) = element(&body[at..], previous)?;
        elements.push(entry);
        (last, previous) = (at, size);
        at += size;
    }
    let counted = count == UNCOUNTED || usize::from(count) == elements.len();
    (tail == last && counted).then_some(elements)
}

/// The element at the front, and its size; `previous` is the size of the one before.
fn element(bytes: &[u8], previous: usize) -> Option<(Entry<'_>, usize)> {
    let (claimed, mut at) = match *bytes.first()? {
        BIG_PREVIOUS => (u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize, 5),
        END => return None,
        small => (usize::from(small), 1),
    };
    if claimed != previous {
        return None;
    }
    let head = *bytes.get(at)?;
    at += 1;
    let rest = &bytes[at..];
    let text_len = match head >> 6 {
        0 => Some((usize::from(head & 0x3f), 0)),
        1 => Some((usize::from(head & 0x3f) << 8 | usize::from(*rest.first()?), 1)),
        2 => Some((u32::from_be_bytes(*rest.first_chunk()?) as usize, 4)),
        _ => None,
    };
    if let Some((len, skip)) = text_len {
        let start = at + skip;
        let end = start.checked_add(len)?;
        return Some((Entry::Bytes(bytes.get(start..end)?), end));
    }
    let (value, size) = match head {
        0xc0 => (i64::from(i16::from_le_bytes(*rest.first_chunk()?)), 2),
        0xd0 => (i64::from(i32::from_le_bytes(*rest.first_chunk()?)), 4),
        0xe0 => (i64::from_le_bytes(*rest.first_chunk()?), 8),
        0xf0 => {
            let [a, b, c] = *rest.first_chunk()?;
            (i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), 3)
        }
        0xfe => (i64::from(*rest.first()? as i8), 1),
        0xf1..=0xfd => (i64::from(head & 0x0f) - 1, 0),
        _ => return None,
    };
    Some((Entry::Int(value), at + size))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "two", 2, 12, -5, 300, 70000, -1 in 64 bits, and 100 times x.
    fn sample() -> Vec<u8> {
        let parts: [&[u8]; 7] = [
            b"\x03two",
            b"\xf3",
            b"\xfd",
            b"\xfe\xfb",
            b"\xc0\x2c\x01",
            b"\xf0\x70\x11\x01",
            b"\xe0\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        let mut body = Vec::new();
        let mut previous = 0u8;
        let mut last = 0;
        let mut long = b"\x40\x64".to_vec();
        long.extend([b'x'; 100]);
        for part in parts.into_iter().chain([&long[..]]) {
            last = HEADER + body.len();
            body.push(previous);
            body.extend_from_slice(part);
            previous = part.len() as u8 + 1;
        }
        let mut bytes = ((HEADER + body.len() + 1) as u32).to_le_bytes().to_vec();
        bytes.extend((last as u32).to_le_bytes());
        bytes.extend(8u16.to_le_bytes());
        bytes.extend(body);
        bytes.push(END);
        bytes
    }

    #[test]
    fn every_encoding_is_read() {
        let bytes = sample();
        let elements = parse(&bytes).expect("well-formed");
        let text: Vec<String> =
            elements.iter().map(|e| String::from_utf8_lossy(&e.to_vec()).into_owned()).collect();
        assert_eq!(text[..7], ["two", "2", "12", "-5", "300", "70000", "-1"]);
        assert_eq!(text[7].len(), 100);
    }

    #[test]
    fn damage_is_noticed_or_harmless() {
        let bytes = sample();
        for at in 0..bytes.len() {
            assert!(parse(&bytes[..at]).is_none());
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                // Flips inside a text or a number make another one; what counts is that nothing breaks.
                let _ = parse(&damaged);
            }
        }
    }
}
