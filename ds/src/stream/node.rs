//! A leaf: up to `stream-node-max-entries` entries in one listpack, to the byte as Redis lays it out.
//!
//! ```text
//! header: | live | deleted | fields: n | name 1 | ... | name n | 0 |
//! entry:  | flags | ms delta | seq delta | value 1 | ... | value n | elements before this one: n + 3 |
//!     or  | flags | ms delta | seq delta | m | name 1 | value 1 | ... | elements before this one: 2m + 4 |
//! ```
//!
//! The names in the header are those of the first entry; entries with the same ones (flag 2) need not repeat them.
//! Deltas are from the leaf's key, the id of its first entry, and wrap. A deleted entry stays, marked (flag 1), until
//! the whole leaf goes. The last element of an entry lets a reader walk backwards; the header's 0 stops it.

use super::id::StreamId;
use crate::listpack::{Entry, Iter, Listpack, MAX_BYTES, Pos, TooLarge};

/// A leaf's bytes stay under this, so that the counts and flags of a full one can still grow.
pub(super) const LEAF_MAX: usize = MAX_BYTES - 64;

/// The entry is deleted.
const DELETED: i64 = 1;
/// The entry's names are the header's.
const SAME_NAMES: i64 = 2;
/// Flags and the two deltas.
const FIXED: i64 = 3;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) pack: Listpack,
}

impl Node {
    /// A leaf without entries, its header made of the names of the entry that is to come, for which it has room.
    pub(super) fn new<'f>(
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) -> Result<Self, TooLarge> {
        /// Bytes of the numbers in the header and in the first entry, if there are not many fields.
        const NUMBERS: usize = 16;
        let mut pack = Listpack::new();
        let sizes = fields.clone().flat_map(|(name, value)| [name, value]).map(Listpack::entry_size);
        pack.reserve(sizes.chain([NUMBERS]));
        pack.push_back(0)?;
        pack.push_back(0)?;
        pack.push_back(fields.len() as i64)?;
        for (name, _) in fields {
            pack.push_back(name)?;
        }
        pack.push_back(0)?;
        Ok(Self { pack })
    }

    /// Adds an entry to the leaf whose key is `key`. After an error the leaf must be thrown away.
    pub(super) fn push<'f>(
        &mut self,
        key: StreamId,
        id: StreamId,
        fields: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) -> Result<(), TooLarge> {
        let (live, _) = self.counts();
        let same = self.has_names(fields.clone().map(|(name, _)| name));
        self.set_count(0, live.saturating_add(1));
        let count = fields.len() as i64;
        self.pack.push_back(if same { SAME_NAMES } else { 0 })?;
        self.pack.push_back(id.ms.wrapping_sub(key.ms) as i64)?;
        self.pack.push_back(id.seq.wrapping_sub(key.seq) as i64)?;
        if !same {
            self.pack.push_back(count)?;
        }
        for (name, value) in fields {
            if !same {
                self.pack.push_back(name)?;
            }
            self.pack.push_back(value)?;
        }
        self.pack.push_back(if same { FIXED + count } else { FIXED + 1 + 2 * count })
    }

    /// Marks the entries whose flags are at `places`, given in ascending order, as deleted.
    pub(super) fn mark_deleted(&mut self, places: &[Pos]) {
        let (live, deleted) = self.counts();
        // From the end, so that no place is moved before its turn; a flag may be stored wider than it needs.
        for place in places.iter().rev() {
            let flags = self.pack.get(*place).as_int().unwrap_or(0);
            self.rewrite(*place, flags | DELETED);
        }
        let marked = places.len() as i64;
        self.set_count(1, deleted.saturating_add(marked));
        self.set_count(0, live.saturating_sub(marked));
    }

    /// Bytes of the leaf, its `Arc` included.
    pub(super) fn memory(&self) -> usize {
        crate::size::rounded(super::tree::ARC_HEADER + size_of::<Self>()) + self.pack.memory()
    }

    /// How many entries live, and how many are marked deleted.
    pub(super) fn counts(&self) -> (i64, i64) {
        let mut elements = self.pack.iter();
        let mut next = || elements.next().and_then(|e| e.as_int()).unwrap_or(0);
        (next(), next())
    }

    /// How many entries live.
    pub(super) fn live(&self) -> u64 {
        u64::try_from(self.counts().0).unwrap_or(0)
    }

    /// The names in the header.
    fn names(&self) -> Names<'_> {
        let mut elements = self.pack.iter();
        let header = (elements.next(), elements.next(), elements.next());
        let count = header.2.and_then(|e| e.as_int()).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        Names { elements, count }
    }

    /// The entries in order, deleted ones too.
    pub(super) fn records(&self, key: StreamId) -> Records<'_> {
        let names = self.names();
        let mut elements = names.elements.clone();
        for _ in 0..names.count.saturating_add(1) {
            if elements.next().is_none() {
                break;
            }
        }
        Records { key, names, elements }
    }

    /// The entries from the last to the first, deleted ones too.
    pub(super) fn records_back(&self, key: StreamId) -> RecordsBack<'_> {
        RecordsBack { key, names: self.names(), pack: &self.pack, end: self.pack.last() }
    }

    /// The id of the last entry, deleted or not; `None` without entries.
    pub(super) fn last_id(&self, key: StreamId) -> Option<StreamId> {
        self.records_back(key).next().map(|record| record.id)
    }

    fn has_names<'f>(&self, names: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        let header = self.names();
        header.count == names.len() as u64
            && header.elements.zip(names).all(|(have, name)| match have {
                Entry::Bytes(text) => text == name,
                Entry::Int(_) => have == Entry::from(name),
            })
    }

    /// Sets the header's first or second count.
    fn set_count(&mut self, index: usize, value: i64) {
        let first = self.pack.first();
        if let Some(place) = (0..index).try_fold(first, |place, _| Some(self.pack.next(place?))).flatten() {
            self.rewrite(place, value);
        }
    }

    fn rewrite(&mut self, place: Pos, value: i64) {
        // A leaf has room for wider integers left ([`LEAF_MAX`]).
        let done = self.pack.replace(place, value);
        debug_assert!(done.is_ok(), "a leaf at the limit of a listpack");
    }
}

/// The names in a header.
#[derive(Clone)]
struct Names<'a> {
    elements: Iter<'a>,
    count: u64,
}

/// One entry of a leaf.
#[derive(Clone)]
pub(super) struct Record<'a> {
    /// Where its flags are.
    pub(super) place: Pos,
    pub(super) deleted: bool,
    pub(super) id: StreamId,
    pub(super) fields: Fields<'a>,
}

/// The names and values of one entry, in order.
#[derive(Clone)]
pub struct Fields<'a> {
    /// Where names stand apart from the values.
    names: Option<Iter<'a>>,
    elements: Iter<'a>,
    left: u64,
}

impl<'a> Fields<'a> {
    /// How many there are still.
    pub fn len(&self) -> u64 {
        self.left
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Entry<'a>, Entry<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.elements.next()?,
        };
        Some((name, self.elements.next()?))
    }
}

/// Reads the entry that `elements` begins with; leaves `elements` behind its deltas and count.
fn read<'a>(elements: &mut Iter<'a>, key: StreamId, names: &Names<'a>) -> Option<Record<'a>> {
    let place = elements.pos()?;
    let flags = elements.next()?.as_int()?;
    let ms = key.ms.wrapping_add(elements.next()?.as_int()? as u64);
    let seq = key.seq.wrapping_add(elements.next()?.as_int()? as u64);
    let (header, left) = if flags & SAME_NAMES != 0 {
        (Some(names.elements.clone()), names.count)
    } else {
        (None, u64::try_from(elements.next()?.as_int()?).ok()?)
    };
    let fields = Fields { names: header, elements: elements.clone(), left };
    Some(Record { place, deleted: flags & DELETED != 0, id: StreamId { ms, seq }, fields })
}

/// See [`Node::records`].
#[derive(Clone)]
pub(super) struct Records<'a> {
    key: StreamId,
    names: Names<'a>,
    elements: Iter<'a>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        let record = read(&mut self.elements, self.key, &self.names)?;
        let own_names = record.fields.names.is_none();
        let elements = record.fields.left.saturating_mul(if own_names { 2 } else { 1 });
        for _ in 0..elements.saturating_add(1) {
            self.elements.next()?;
        }
        Some(record)
    }
}

/// See [`Node::records_back`].
#[derive(Clone)]
pub(super) struct RecordsBack<'a> {
    key: StreamId,
    names: Names<'a>,
    pack: &'a Listpack,
    /// The last element of the next entry, or the header's 0.
    end: Option<Pos>,
}

impl<'a> Iterator for RecordsBack<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let end = self.end.take()?;
        let elements = self.pack.get(end).as_int().filter(|n| *n > 0)?;
        let start = (0..elements).try_fold(end, |place, _| self.pack.prev(place))?;
        self.end = self.pack.prev(start);
        read(&mut self.pack.iter_from(start), self.key, &self.names)
    }
}

/// Whether bytes from outside are a leaf: every count agrees with what follows it. Returns the live entries.
pub(super) fn validate(pack: &Listpack) -> Option<u64> {
    if pack.bytes_len() > LEAF_MAX {
        return None;
    }
    let mut elements = pack.iter();
    let int = |elements: &mut Iter<'_>| elements.next()?.as_int();
    let natural = |value: i64| u64::try_from(value).ok();
    let live = natural(int(&mut elements)?)?;
    let deleted = natural(int(&mut elements)?)?;
    let names = natural(int(&mut elements)?)?;
    skip(&mut elements, names)?;
    if int(&mut elements)? != 0 {
        return None;
    }
    let (mut seen_live, mut seen_deleted) = (0, 0);
    while elements.pos().is_some() {
        let flags = int(&mut elements)?;
        int(&mut elements)?;
        int(&mut elements)?;
        let expected = if flags & SAME_NAMES != 0 {
            skip(&mut elements, names)?;
            names.checked_add(FIXED as u64)?
        } else {
            let count = natural(int(&mut elements)?)?;
            skip(&mut elements, count.checked_mul(2)?)?;
            count.checked_mul(2)?.checked_add(FIXED as u64 + 1)?
        };
        if natural(int(&mut elements)?)? != expected {
            return None;
        }
        *(if flags & DELETED != 0 { &mut seen_deleted } else { &mut seen_live }) += 1;
    }
    (live == seen_live && deleted == seen_deleted).then_some(live)
}

fn skip(elements: &mut Iter<'_>, count: u64) -> Option<()> {
    for _ in 0..count {
        elements.next()?;
    }
    Some(())
}
