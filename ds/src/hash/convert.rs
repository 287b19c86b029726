//! From one form of a hash to the other, at the limits that Redis 7.2 has, and from what files hold.

use super::{Form, Hash};
use crate::{Dict, Listpack, Settings};

impl Hash {
    /// Before these texts, fields and values in turn, are set at once: a listpack that they would outgrow gives way
    /// to the table now.
    pub fn expect<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a [u8]>, settings: &Settings) {
        if !matches!(self.form, Form::Listpack(_)) {
            return;
        }
        let mut texts = texts;
        let limit = settings.hash_max_listpack_value;
        if texts.len().div_ceil(2) as u64 > settings.hash_max_listpack_entries
            || texts.any(|text| text.len() as u64 > limit)
        {
            self.convert_to_table(settings);
        }
    }

    /// Takes over a listpack of fields and values in turn from a file or a payload; `None` if a field lacks its value
    /// or is there twice. Past the limits it becomes a table.
    pub fn from_listpack(listpack: Listpack, settings: &Settings) -> Option<Self> {
        if !listpack.len().is_multiple_of(2) {
            return None;
        }
        let hash = Self { form: Form::Listpack(listpack) };
        let (fields, limit) = (hash.len(), settings.hash_max_listpack_value);
        let table = hash.to_table(settings);
        let long = hash.iter().any(|(field, value)| field.text_len().max(value.text_len()) as u64 > limit);
        if table.len() != fields {
            return None;
        }
        let fits = !long && fields as u64 <= settings.hash_max_listpack_entries;
        Some(if fits { hash } else { Self { form: Form::Table(Box::new(table)) } })
    }

    pub(super) fn convert_to_table(&mut self, settings: &Settings) {
        self.form = Form::Table(Box::new(self.to_table(settings)));
    }

    fn to_table(&self, settings: &Settings) -> Dict<()> {
        let mut table = Dict::new(settings.hash_seed);
        for (field, value) in self.iter() {
            field.with_text(|field| value.with_text(|value| table.insert_with(field, value, ())));
        }
        table
    }
}
