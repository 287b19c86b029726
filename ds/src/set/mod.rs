//! Sets: distinct strings, in one of three forms as in Redis 7.2.
//!
//! - `intset`: all members read as integers and there are few ([`IntSet`]).
//! - `listpack`: few and short members ([`Listpack`]), in order of arrival.
//! - `hashtable`: all others ([`Dict`]).
//!
//! A set begins in the form that suits its first member and is converted when a member or the number of members no
//! longer fits; it never goes back while it lives. The small forms are one block of bytes, copied whole when shared.

mod convert;
mod iter;
mod random;
#[cfg(test)]
mod tests;

pub use iter::Iter;

use crate::hint::Expected;
use crate::listpack::{Entry, Pos};
use crate::{Dict, IntSet, Listpack, Settings};
use triomphe::Arc;

/// A member. An integer stands for its decimal text; bytes may spell an integer and are the same member then.
pub type Member<'a> = Entry<'a>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Set {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Ints(IntSet),
    Listpack(Listpack),
    Table(Arc<Dict<()>>),
}

impl Set {
    /// An empty one, in the smallest form.
    pub fn new(_settings: &Settings) -> Self {
        Self { form: Form::Ints(IntSet::new()) }
    }

    /// An empty set with room for these members.
    pub fn for_members<'a>(
        members: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
        settings: &Settings,
    ) -> Self {
        let expected = members.len() as u64;
        let as_int = |member: &'a [u8]| Entry::from(member).as_int();
        let begins_with_int = members.clone().next().and_then(as_int).is_some();
        let form = if begins_with_int && expected <= settings.set_max_intset_entries {
            let mut ints = IntSet::new();
            ints.reserve(members.filter_map(as_int));
            Form::Ints(ints)
        } else if expected <= settings.set_max_listpack_entries {
            let mut listpack = Listpack::new();
            // Members that are too long will have it converted.
            let fits = |member: &&[u8]| member.len() as u64 <= settings.set_max_listpack_value;
            if members.clone().all(|member| fits(&member)) {
                listpack.reserve(members.map(Listpack::entry_size));
            }
            Form::Listpack(listpack)
        } else {
            Form::Table(table(settings))
        };
        Self { form }
    }

    /// How many members there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.len(),
            Form::Listpack(listpack) => listpack.len(),
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.memory(),
            Form::Listpack(listpack) => listpack.memory(),
            Form::Table(table) => Dict::<()>::SHARED + table.memory(),
        }
    }

    /// Bytes of a clone that it does not share with this one: those of a small form.
    pub fn unshared(&self) -> usize {
        if let Form::Table(_) = &self.form { 0 } else { self.memory() }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Ints(_) => "intset",
            Form::Listpack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The bytes of the integer set, if that is the form.
    pub fn as_ints(&self) -> Option<&IntSet> {
        if let Form::Ints(ints) = &self.form { Some(ints) } else { None }
    }

    /// Whether `member` is in the set.
    #[inline]
    pub fn contains(&self, member: Member<'_>) -> bool {
        match &self.form {
            Form::Ints(ints) => member.as_int().is_some_and(|value| ints.contains(value)),
            Form::Listpack(listpack) => find(listpack, member).is_some(),
            Form::Table(table) => member.with_text(|text| table.contains(text)),
        }
    }

    /// Tells that this member will be looked for ([`crate::hint`]).
    #[inline]
    pub fn expect_member(&self, member: &[u8]) -> Option<Expected<'_>> {
        match &self.form {
            Form::Table(table) => return Some(table.expect(member)),
            Form::Ints(ints) => ints.fetch(),
            Form::Listpack(listpack) => listpack.fetch(),
        }
        None
    }

    /// Adds a member; false if it was there.
    pub fn insert(&mut self, member: Member<'_>, settings: &Settings) -> bool {
        match &mut self.form {
            Form::Ints(ints) => {
                let Some(value) = member.as_int() else {
                    self.convert_for(member, settings);
                    return self.insert(member, settings);
                };
                let added = ints.insert(value);
                if added && ints.len() as u64 > convert::ints_max(settings) {
                    self.convert_to_table(settings);
                }
                added
            }
            Form::Listpack(listpack) => {
                if find(listpack, member).is_some() {
                    return false;
                }
                let fits = (listpack.len() as u64) < settings.set_max_listpack_entries
                    && member.text_len() as u64 <= settings.set_max_listpack_value;
                if !fits || listpack.push_back(canonical(member)).is_err() {
                    self.convert_to_table(settings);
                    return self.insert(member, settings);
                }
                true
            }
            Form::Table(table) => member.with_text(|text| Arc::make_mut(table).insert(text, ()).is_none()),
        }
    }

    /// Removes a member; false if it was not there.
    pub fn remove(&mut self, member: Member<'_>) -> bool {
        match &mut self.form {
            Form::Ints(ints) => member.as_int().is_some_and(|value| ints.remove(value)),
            Form::Listpack(listpack) => match find(listpack, member) {
                Some(pos) => {
                    listpack.remove(pos);
                    true
                }
                None => false,
            },
            Form::Table(table) => member.with_text(|text| Arc::make_mut(table).remove(text).is_some()),
        }
    }

    /// All members: ascending integers, in order of arrival, or in the table's order.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Ints(ints) => Iter::ints(ints),
            Form::Listpack(listpack) => Iter::listpack(listpack),
            Form::Table(table) => Iter::table(table),
        }
    }

    /// Gives about `count` members from the cursor on, 0 at first; returns the next cursor, 0 after the last. Small
    /// forms are given whole, whatever the cursor.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Member<'_>)) -> u64 {
        if let Form::Table(table) = &self.form {
            return table.scan(cursor, count, |item| f(Entry::Bytes(item.key)));
        }
        self.iter().for_each(f);
        0
    }
}

fn table(settings: &Settings) -> Arc<Dict<()>> {
    Arc::new(Dict::new(settings.hash_seed))
}

/// The member as a listpack stores it: text that reads as an integer is one.
#[inline]
fn canonical(member: Member<'_>) -> Member<'_> {
    match member {
        Entry::Bytes(text) => Entry::from(text),
        int => int,
    }
}

#[inline]
fn find(listpack: &Listpack, member: Member<'_>) -> Option<Pos> {
    listpack.find(listpack.first()?, canonical(member), 0)
}
