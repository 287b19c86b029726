//! Random members of a set.

use super::{Form, Member, Set};
use crate::dict::choose;
use crate::listpack::Entry;
use crate::{IntSet, Listpack, Settings};
use base::Prng;

/// When more than five times as many members go as stay, those that stay make a new set.
const REBUILD: usize = 5;

impl Set {
    /// A random member, each with the same probability.
    pub fn random(&self, prng: &mut Prng) -> Option<Member<'_>> {
        match &self.form {
            Form::Ints(ints) => ints.get(prng.below(ints.len() as u64) as usize).map(Entry::Int),
            Form::Listpack(listpack) => {
                let pos = listpack.seek(prng.below(listpack.len() as u64) as i64)?;
                Some(listpack.get(pos))
            }
            Form::Table(table) => table.random(prng).map(|item| Entry::Bytes(item.key)),
        }
    }

    /// So many random members, each with the same probability each time.
    pub fn draw<'a>(&'a self, count: usize, prng: &mut Prng, mut f: impl FnMut(Member<'a>)) {
        if let Form::Listpack(_) = &self.form {
            // Walked once, not once for each.
            let all: Vec<Member<'a>> = self.iter().collect();
            (0..count).filter_map(|_| prng.pick(&all).copied()).for_each(f);
            return;
        }
        for _ in 0..count {
            if let Some(member) = self.random(prng) {
                f(member);
            }
        }
    }

    /// `count` different random members (all, if there are not so many), each choice of them equally likely.
    pub fn sample<'a>(&'a self, count: usize, prng: &mut Prng, mut f: impl FnMut(Member<'a>)) {
        match &self.form {
            Form::Table(table) => table.sample(count, prng, |item| f(Entry::Bytes(item.key))),
            _ => choose(self.iter(), count, prng, f),
        }
    }

    /// Takes a random member out.
    pub fn pop(&mut self, prng: &mut Prng) -> Option<Vec<u8>> {
        let member = self.random(prng)?.to_vec();
        self.remove(Entry::Bytes(&member));
        Some(member)
    }

    /// Takes `count` random members out. As in Redis, what stays gets the form of a new set when it is little.
    pub fn pop_many(&mut self, count: usize, prng: &mut Prng, settings: &Settings) -> Vec<Vec<u8>> {
        let count = count.min(self.len());
        let left = self.len() - count;
        let mut popped = Vec::with_capacity(count);
        if left.saturating_mul(REBUILD) > count {
            self.sample(count, prng, |member| popped.push(member.to_vec()));
            popped.iter().for_each(|member| _ = self.remove(Entry::Bytes(member)));
            return popped;
        }
        let mut rest = Self {
            form: match &self.form {
                Form::Ints(_) => Form::Ints(IntSet::new()),
                _ => Form::Listpack(Listpack::new()),
            },
        };
        let mut wanted = count as u64;
        for (index, member) in self.iter().enumerate() {
            if prng.below((self.len() - index) as u64) < wanted {
                popped.push(member.to_vec());
                wanted -= 1;
            } else {
                rest.insert(member, settings);
            }
        }
        *self = rest;
        popped
    }
}
