//! Bytes from outside: a listpack is taken only when every element lies within it, its backward length agrees with
//! its head, and header and end mark are right (`sanitize-dump-payload yes`, always).

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use super::{EMPTY, END, Entry, HEADER, Listpack, MAX_BYTES, UNCOUNTED, back_len, read_back_len, size_at};

/// The bytes are no listpack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

impl Listpack {
    /// Takes bytes from elsewhere as they are, after looking at every element.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Corrupt> {
        if !(EMPTY.len()..=MAX_BYTES).contains(&bytes.len()) || bytes.last() != Some(&END) {
            return Err(Corrupt);
        }
        let listpack = Self { bytes: bytes.into() };
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

impl Listpack {
    /// Whether every `step`-th element, from the first on, has a text of its own.
    pub fn all_differ(&self, step: usize, seed: u64) -> bool {
        let secrets = RapidSecrets::seed(seed);
        let hash = |entry: &Entry<'_>| entry.with_text(|text| rapidhash_v3_seeded(text, &secrets));
        let mut names: Vec<(u64, Entry<'_>)> =
            self.iter().step_by(step.max(1)).map(|entry| (hash(&entry), entry)).collect();
        names.sort_unstable_by_key(|name| name.0);
        // Names with one hash stand together; different ones with one hash are as good as never there.
        let groups = names.chunk_by(|a, b| a.0 == b.0);
        groups.filter(|group| group.len() > 1).all(|group| {
            group.iter().enumerate().all(|(at, name)| {
                group[..at].iter().all(|other| !other.1.with_text(|a| name.1.with_text(|b| a == b)))
            })
        })
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
