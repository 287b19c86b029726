//! Walking over a hash, whatever its form.

use super::Text;
use crate::listpack::{self, Entry};
use crate::{Dict, Listpack, dict};

/// See [`super::Hash::iter`].
#[derive(Clone)]
pub struct Iter<'a>(Inner<'a>);

#[derive(Clone)]
enum Inner<'a> {
    Listpack(listpack::Iter<'a>, usize),
    Table(dict::Iter<'a, ()>),
}

impl<'a> Iter<'a> {
    pub(super) fn listpack(listpack: &'a Listpack) -> Self {
        Self(Inner::Listpack(listpack.iter(), listpack.len() / 2))
    }

    pub(super) fn table(table: &'a Dict<()>) -> Self {
        Self(Inner::Table(table.items()))
    }
}

/// Field and value of a table's member.
#[inline]
pub(super) fn pair<'a>(item: dict::Item<'a, ()>) -> (Text<'a>, Text<'a>) {
    (Entry::Bytes(item.key), Entry::Bytes(item.payload.unwrap_or_default()))
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Text<'a>, Text<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Inner::Listpack(iter, left) => {
                *left = left.saturating_sub(1);
                Some((iter.next()?, iter.next()?))
            }
            Inner::Table(iter) => iter.next().map(pair),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Inner::Listpack(_, left) => *left,
            Inner::Table(iter) => iter.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
