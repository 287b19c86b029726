//! Walking the members of either form in order.

use super::{Member, packed, tree};
use crate::Listpack;
use crate::listpack::{Entry, Pos};

/// Members with their scores.
#[derive(Clone, Debug)]
pub struct Iter<'a>(Form<'a>);

#[derive(Clone, Debug)]
enum Form<'a> {
    /// The next member's place.
    Listpack {
        listpack: &'a Listpack,
        at: Option<Pos>,
        reverse: bool,
    },
    Tree(tree::Iter<'a>),
}

impl<'a> Iter<'a> {
    pub(super) fn listpack(listpack: &'a Listpack, rank: usize, reverse: bool) -> Self {
        let at = i64::try_from(rank).ok().and_then(|rank| listpack.seek(rank.checked_mul(2)?));
        Self(Form::Listpack { listpack, at, reverse })
    }

    pub(super) fn tree(iter: tree::Iter<'a>) -> Self {
        Self(Form::Tree(iter))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Member<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Form::Tree(iter) => iter.next().map(|(score, member)| (Entry::Bytes(member), score)),
            Form::Listpack { listpack, at, reverse } => {
                let pos = (*at)?;
                let behind = listpack.next(pos)?;
                *at = if *reverse {
                    listpack.prev(pos).and_then(|score| listpack.prev(score))
                } else {
                    listpack.next(behind)
                };
                Some((listpack.get(pos), packed::score_of(listpack.get(behind))))
            }
        }
    }
}
