//! Random fields of a hash.

use super::{Form, Hash, Text, iter};
use crate::dict::choose;
use base::Prng;

impl Hash {
    /// A random field and its value, each field with the same probability.
    pub fn random(&self, prng: &mut Prng) -> Option<(Text<'_>, Text<'_>)> {
        match &self.form {
            Form::Listpack(listpack) => {
                let pos = listpack.seek(2 * prng.below(listpack.len() as u64 / 2) as i64)?;
                Some((listpack.get(pos), listpack.get(listpack.next(pos)?)))
            }
            Form::Table(table) => table.random(prng).map(iter::pair),
        }
    }

    /// So many random fields with their values, each field with the same probability each time.
    pub fn draw<'a>(&'a self, count: usize, prng: &mut Prng, mut f: impl FnMut(Text<'a>, Text<'a>)) {
        if let Form::Listpack(_) = &self.form {
            // Walked once, not once for each.
            let all: Vec<(Text<'a>, Text<'a>)> = self.iter().collect();
            (0..count).filter_map(|_| prng.pick(&all).copied()).for_each(|(field, value)| f(field, value));
            return;
        }
        for _ in 0..count {
            if let Some((field, value)) = self.random(prng) {
                f(field, value);
            }
        }
    }

    /// `count` different random fields (all, if there are not so many), each choice of them equally likely.
    pub fn sample<'a>(&'a self, count: usize, prng: &mut Prng, mut f: impl FnMut(Text<'a>, Text<'a>)) {
        match &self.form {
            Form::Listpack(_) => choose(self.iter(), count, prng, |(field, value)| f(field, value)),
            Form::Table(table) => table.sample(count, prng, |item| {
                let (field, value) = iter::pair(item);
                f(field, value);
            }),
        }
    }
}
