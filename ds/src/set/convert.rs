//! From one form of a set to another, at the limits that Redis 7.2 has.

use super::{Form, Member, Set, table};
use crate::listpack::Entry;
use crate::{Dict, IntSet, Listpack, Settings};
use triomphe::Arc;

/// The most integers that an integer set may hold.
pub(super) fn ints_max(settings: &Settings) -> u64 {
    // Redis has 2^30 for 2^28.
    settings.set_max_intset_entries.min(IntSet::MAX as u64)
}

impl Set {
    /// Before `more` members are added at once: a form that they would outgrow gives way to the table now.
    pub fn expect(&mut self, more: usize, settings: &Settings) {
        let more = more as u64;
        let outgrown = match &self.form {
            Form::Ints(_) => more > settings.set_max_intset_entries,
            Form::Listpack(_) => more > settings.set_max_listpack_entries,
            Form::Table(_) => false,
        };
        if outgrown {
            self.convert_to_table(settings);
        }
    }

    /// A set whose members may all be integers becomes an integer set, if they are and not too many.
    pub fn into_ints_if_possible(self, settings: &Settings) -> Self {
        if matches!(self.form, Form::Ints(_)) || self.len() as u64 > ints_max(settings) {
            return self;
        }
        let values: Option<Vec<i64>> = self.iter().map(|member| member.as_int()).collect();
        let Some(mut values) = values else { return self };
        values.sort_unstable();
        let mut ints = IntSet::new();
        for value in values {
            ints.insert(value);
        }
        Self { form: Form::Ints(ints) }
    }

    /// The form of an empty listpack, whatever comes.
    pub fn new_listpack() -> Self {
        Self { form: Form::Listpack(Listpack::new()) }
    }

    /// An empty set that is about to be filled with the members that a file or a payload holds.
    pub fn for_loading(members: u64, settings: &Settings) -> Self {
        let large = members > ints_max(settings);
        Self { form: if large { Form::Table(table(settings)) } else { Form::Ints(IntSet::new()) } }
    }

    /// Takes over an integer set from a file or a payload.
    pub fn from_ints(ints: IntSet, settings: &Settings) -> Self {
        let mut set = Self { form: Form::Ints(ints) };
        if set.len() as u64 > ints_max(settings) {
            set.convert_to_table(settings);
        }
        set
    }

    /// Takes over a listpack from a file or a payload; `None` if a member is there twice.
    pub fn from_listpack(listpack: Listpack, settings: &Settings) -> Option<Self> {
        if !listpack.all_differ(1, settings.hash_seed) {
            return None;
        }
        let mut set = Self { form: Form::Listpack(listpack) };
        if set.len() as u64 > settings.set_max_listpack_entries {
            set.convert_to_table(settings);
        }
        Some(set)
    }

    /// Integers give way to the form that a member which is none asks for.
    pub(super) fn convert_for(&mut self, member: Member<'_>, settings: &Settings) {
        let Form::Ints(ints) = &self.form else { return };
        let longest = [ints.first(), ints.last()]
            .into_iter()
            .flatten()
            .map(|value| Entry::Int(value).text_len())
            .max()
            .unwrap_or(0);
        let limit = settings.set_max_listpack_value;
        let fits = (ints.len() as u64) < settings.set_max_listpack_entries
            && member.text_len() as u64 <= limit
            && longest as u64 <= limit;
        let mut listpack = Listpack::new();
        if fits && ints.iter().all(|value| listpack.push_back(value).is_ok()) {
            self.form = Form::Listpack(listpack);
        } else {
            self.convert_to_table(settings);
        }
    }

    pub(super) fn convert_to_table(&mut self, settings: &Settings) {
        let mut members = Dict::new(settings.hash_seed);
        for member in self.iter() {
            member.with_text(|text| members.insert(text, ()));
        }
        self.form = Form::Table(Arc::new(members));
    }
}
