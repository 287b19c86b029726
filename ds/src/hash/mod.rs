//! Hashes: fields with values, in one of two forms as in Redis 7.2.
//!
//! - `listpack`: few and short fields and values, each field followed by its value, in order of arrival.
//! - `hashtable`: all others; [`Dict`] keeps a field and its value side by side in one record.
//!
//! Fields may have a time to live ([`expiry`]); the name of the small form is `listpackex` then, as in Redis 7.4.
//!
//! A hash begins as a listpack and is converted when a text or the number of fields no longer fits; it never goes
//! back while it lives. The small form is one block of bytes, copied whole when shared.

mod convert;
mod expiry;
mod iter;
mod random;
#[cfg(test)]
mod tests;

pub use expiry::EXPIRY_MAX;
pub use iter::Iter;

use crate::hint::Expected;
use crate::listpack::{Entry, Pos};
use crate::{Dict, Listpack, Settings, Zset};
use triomphe::Arc;

/// A field's name or value: an integer stands for its decimal text.
pub type Text<'a> = Entry<'a>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
    expiries: expiry::Expiries,
}

#[derive(Clone, Debug)]
enum Form {
    Listpack(Listpack),
    Table(Arc<Dict<()>>),
}

impl Hash {
    /// An empty one.
    pub fn new(_settings: &Settings) -> Self {
        Self::of(Form::Listpack(Listpack::new()))
    }

    fn of(form: Form) -> Self {
        Self { form, expiries: None }
    }

    /// How many fields there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Listpack(listpack) => listpack.len() / 2,
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there is no field.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let times = self.expiries.as_ref().map_or(0, |times| size_of::<Zset>() + times.memory());
        times
            + match &self.form {
                Form::Listpack(listpack) => listpack.memory(),
                Form::Table(table) => Dict::<()>::SHARED + table.memory(),
            }
    }

    /// Bytes of a clone that it does not share with this one: those of a small form.
    pub fn unshared(&self) -> usize {
        let times = self.expiries.as_ref().map_or(0, |times| size_of::<Zset>() + times.unshared());
        times + if let Form::Listpack(listpack) = &self.form { listpack.memory() } else { 0 }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Listpack(_) if self.expiries.is_some() => "listpackex",
            Form::Listpack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The bytes of the listpack, if that is the form.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        if let Form::Listpack(listpack) = &self.form { Some(listpack) } else { None }
    }

    /// Tells that this field will be looked for ([`crate::hint`]).
    #[inline]
    pub fn expect_field(&self, field: &[u8]) -> Option<Expected<'_>> {
        match &self.form {
            Form::Table(table) => return Some(table.expect(field)),
            Form::Listpack(listpack) => listpack.fetch(),
        }
        None
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Text<'_>> {
        match &self.form {
            Form::Listpack(listpack) => Some(listpack.get(listpack.next(find(listpack, field)?)?)),
            Form::Table(table) => table.payload(field).map(Entry::Bytes),
        }
    }

    /// Whether the field is there.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.form {
            Form::Listpack(listpack) => find(listpack, field).is_some(),
            Form::Table(table) => table.contains(field),
        }
    }

    /// Sets a field to a value; true if the field is new. A time to live that it had is gone.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], settings: &Settings) -> bool {
        self.clear_expiry(field);
        self.set_keeping(field, value, settings)
    }

    /// Sets a field to a value, and keeps its time to live; true if the field is new.
    pub fn set_keeping(&mut self, field: &[u8], value: &[u8], settings: &Settings) -> bool {
        if let Form::Listpack(listpack) = &mut self.form {
            let longest = field.len().max(value.len()) as u64;
            if longest <= settings.hash_max_listpack_value
                && let Some(new) = set_in(listpack, field, value)
            {
                if listpack.len() as u64 / 2 > settings.hash_max_listpack_entries {
                    self.convert_to_table(settings);
                }
                return new;
            }
            self.convert_to_table(settings);
        }
        let Form::Table(table) = &mut self.form else { return false };
        Arc::make_mut(table).insert_with(field, value, ()).is_none()
    }

    /// Removes a field; false if it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.clear_expiry(field);
        match &mut self.form {
            Form::Listpack(listpack) => match find(listpack, field) {
                Some(pos) => {
                    listpack.remove_from(pos, 2);
                    true
                }
                None => false,
            },
            Form::Table(table) => Arc::make_mut(table).remove(field).is_some(),
        }
    }

    /// All fields and their values: in order of arrival, or in the table's order.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Listpack(listpack) => Iter::listpack(listpack),
            Form::Table(table) => Iter::table(table),
        }
    }

    /// Gives about `count` fields from the cursor on, 0 at first; returns the next cursor, 0 after the last. The
    /// small form is given whole, whatever the cursor.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Text<'_>, Text<'_>)) -> u64 {
        if let Form::Table(table) = &self.form {
            return table.scan(cursor, count, |item| {
                let (field, value) = iter::pair(item);
                f(field, value);
            });
        }
        self.iter().for_each(|(field, value)| f(field, value));
        0
    }
}

#[inline]
fn find(listpack: &Listpack, field: &[u8]) -> Option<Pos> {
    listpack.find(listpack.first()?, field, 1)
}

/// Sets a field in a listpack; true if it is new, `None` if there is no room, and then nothing is changed.
fn set_in(listpack: &mut Listpack, field: &[u8], value: &[u8]) -> Option<bool> {
    if !listpack.has_room(Listpack::entry_size(field) + Listpack::entry_size(value)) {
        return None;
    }
    if let Some(pos) = find(listpack, field) {
        listpack.replace(listpack.next(pos)?, value).ok()?;
        return Some(false);
    }
    listpack.push_back(field).ok()?;
    listpack.push_back(value).ok()?;
    Some(true)
}
