//! How much goes into one node: `list-max-listpack-size`, and when a list is one listpack and when a quicklist.

use crate::Settings;

/// What a node may hold when only its number of elements is limited.
const SAFETY_BYTES: usize = 8192;
/// What -1 to -5 stand for.
const SIZES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// What Redis adds to an element's length when it guesses what the element takes in a node.
const ENTRY_OVERHEAD: usize = 8;
/// Header and end mark of a listpack, of which a merge drops one.
const MERGE_SAVES: usize = 7;

/// `list-max-listpack-size` as a quicklist keeps it: Redis has 16 bits for it, and five sizes.
pub fn clamped(settings: &Settings) -> i64 {
    settings.list_max_listpack_size.clamp(-(SIZES.len() as i64), i64::from(i16::MAX))
}

/// The limit of a node: a size or a number of elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Bytes of the listpack.
    Bytes(usize),
    /// Elements; at least 1. The bytes are bounded as well, by [`SAFETY_BYTES`].
    Elements(usize),
}

impl Limit {
    /// As `list-max-listpack-size` says.
    pub fn of(settings: &Settings) -> Self {
        Self::from_directive(settings.list_max_listpack_size)
    }

    fn from_directive(size: i64) -> Self {
        match usize::try_from(size) {
            Ok(elements) => Limit::Elements(elements.max(1)),
            Err(_) => Limit::Bytes(SIZES[(size.unsigned_abs() as usize - 1).min(SIZES.len() - 1)]),
        }
    }

    /// The limit that a quicklist keeps from its creation on.
    pub fn of_quicklist(settings: &Settings) -> Self {
        Self::from_directive(clamped(settings))
    }

    /// Whether a listpack of that size passes the limit.
    pub fn exceeded_by(self, bytes: usize, elements: usize) -> bool {
        match self {
            Limit::Bytes(limit) => bytes > limit,
            Limit::Elements(limit) => bytes > SAFETY_BYTES || elements > limit,
        }
    }

    /// Whether an element of `len` bytes may join a listpack of that size.
    pub fn allows_insert(self, bytes: usize, elements: usize, len: usize) -> bool {
        !self.exceeded_by(bytes.saturating_add(len).saturating_add(ENTRY_OVERHEAD), elements + 1)
    }

    /// Whether two listpacks may become one.
    pub fn allows_merge(self, bytes: [usize; 2], elements: [usize; 2]) -> bool {
        !self.exceeded_by(bytes[0] + bytes[1] - MERGE_SAVES, elements[0] + elements[1])
    }

    /// Whether a quicklist's only node is small enough to be the whole list again; a list that shrinks must reach
    /// half the limit first, so that it does not change its form with every element.
    pub fn allows_return(self, bytes: usize, elements: usize, shrinking: bool) -> bool {
        let part = if shrinking { 2 } else { 1 };
        match self {
            Limit::Bytes(limit) => bytes <= limit / part,
            Limit::Elements(limit) => elements <= limit / part,
        }
    }
}
