//! Bytes from outside: a listpack is taken only when every element lies within it, its backward length agrees with
//! its head, and header and end mark are right (`sanitize-dump-payload yes`, always).

use super::{EMPTY, END, HEADER, Listpack, MAX_BYTES, UNCOUNTED, back_len, read_back_len, size_at};

/// The bytes are no listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

impl Listpack {
    /// Takes bytes from elsewhere as they are, after looking at every element.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Corrupt> {
        if !(EMPTY.len()..=MAX_BYTES).contains(&bytes.len()) || bytes.last() != Some(&END) {
            return Err(Corrupt);
        }
        let listpack = Self { bytes };
        let total = listpack.bytes.first_chunk().map(|total| u32::from_le_bytes(*total));
        if total != Some(listpack.bytes.len() as u32) {
            return Err(Corrupt);
        }
        let count = count_elements(&listpack.bytes).ok_or(Corrupt)?;
        let counted = listpack.counted();
        if counted != UNCOUNTED && usize::from(counted) != count {
            return Err(Corrupt);
        }
        let mut listpack = listpack;
        listpack.set_header(count);
        Ok(listpack)
    }
}

/// How many elements lie between header and end mark; `None` unless they fill that space exactly.
fn count_elements(bytes: &[u8]) -> Option<usize> {
    let end = bytes.len() - 1;
    let (mut at, mut count) = (HEADER, 0);
    while at < end {
        let size = size_at(bytes, at)?;
        let behind = at.checked_add(size)?.checked_add(back_len(size))?;
        if behind > end || read_back_len(bytes, behind)? != (size, back_len(size)) {
            return None;
        }
        at = behind;
        count += 1;
    }
    (at == end).then_some(count)
}
