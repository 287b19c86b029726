//! From one form of a hash to the other, at the limits that Redis 7.2 has, and from what files hold.

use super::{Form, Hash};
use crate::{Dict, Listpack, Settings};

impl Hash {
    /// Before these texts, fields and values in turn, are set at once: a listpack that they would outgrow gives way
    /// to the table now.
    pub fn expect<'a>(
        &mut self,
        texts: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
        settings: &Settings,
    ) {
        if !matches!(self.form, Form::Listpack(_)) {
            return;
        }
        let limit = settings.hash_max_listpack_value;
        if texts.len().div_ceil(2) as u64 > settings.hash_max_listpack_entries
            || texts.clone().any(|text| text.len() as u64 > limit)
        {
            self.convert_to_table(settings);
        } else if let Form::Listpack(listpack) = &mut self.form
            && listpack.is_empty()
        {
            listpack.reserve(texts.map(Listpack::entry_size));
        }
    }

    /// An empty hash that is about to be filled with the fields that a file or a payload holds.
    pub fn for_loading(fields: u64, settings: &Settings) -> Self {
        let mut hash = Self::new(settings);
        if fields > settings.hash_max_listpack_entries {
            hash.convert_to_table(settings);
        }
        hash
    }

    /// Takes over a listpack of fields and values in turn from a file or a payload; `None` if a field lacks its value
    /// or is there twice. With too many fields it becomes a table; long texts may stay, as in Redis.
    pub fn from_listpack(listpack: Listpack, settings: &Settings) -> Option<Self> {
        if !listpack.len().is_multiple_of(2) || !listpack.all_differ(2, settings.hash_seed) {
            return None;
        }
        let mut hash = Self::of(Form::Listpack(listpack));
        if hash.len() as u64 > settings.hash_max_listpack_entries {
            hash.convert_to_table(settings);
        }
        Some(hash)
    }

    pub(super) fn convert_to_table(&mut self, settings: &Settings) {
        let mut table = Dict::new(settings.hash_seed);
        for (field, value) in self.iter() {
            field.with_text(|field| value.with_text(|value| table.insert_with(field, value, ())));
        }
        self.form = Form::Table(triomphe::Arc::new(table));
    }
}
