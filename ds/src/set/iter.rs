//! Walking over a set, whatever its form.

use super::Member;
use crate::listpack::{self, Entry};
use crate::{Dict, IntSet, Listpack, dict};

/// See [`super::Set::iter`].
#[derive(Clone)]
pub struct Iter<'a>(Inner<'a>);

#[derive(Clone)]
enum Inner<'a> {
    Ints(&'a IntSet, usize),
    Listpack(listpack::Iter<'a>, usize),
    Table(dict::Iter<'a, ()>),
}

impl<'a> Iter<'a> {
    pub(super) fn ints(ints: &'a IntSet) -> Self {
        Self(Inner::Ints(ints, 0))
    }

    pub(super) fn listpack(listpack: &'a Listpack) -> Self {
        Self(Inner::Listpack(listpack.iter(), listpack.len()))
    }

    pub(super) fn table(table: &'a Dict<()>) -> Self {
        Self(Inner::Table(table.items()))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Member<'a>;

    #[inline]
    fn next(&mut self) -> Option<Member<'a>> {
        match &mut self.0 {
            Inner::Ints(ints, at) => {
                *at += 1;
                ints.get(*at - 1).map(Entry::Int)
            }
            Inner::Listpack(iter, left) => {
                *left = left.saturating_sub(1);
                iter.next()
            }
            Inner::Table(iter) => iter.next().map(|item| Entry::Bytes(item.key)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Inner::Ints(ints, at) => ints.len().saturating_sub(*at),
            Inner::Listpack(_, left) => *left,
            Inner::Table(iter) => iter.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
