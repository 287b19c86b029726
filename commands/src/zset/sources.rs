//! What the set operations read: sorted sets, and sets, whose members count as having score 1.

use ds::zset::Member;
use ds::{Set, Zset};
use keyspace::Object;

/// One operand; a missing key is an empty one.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Missing,
    Zset(&'a Zset),
    Set(&'a Set),
}

impl<'a> Source<'a> {
    /// `None` if the object is of a type that is no operand.
    pub(super) fn of(object: Option<&'a Object>) -> Option<Self> {
        match object {
            Some(Object::Zset(zset)) => Some(Source::Zset(zset)),
            Some(Object::Set(set)) => Some(Source::Set(set)),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Zset(zset) => zset.len(),
            Source::Set(set) => set.len(),
        }
    }

    pub(super) fn score(&self, member: Member<'_>) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Zset(zset) => member.with_text(|member| zset.score(member)),
            Source::Set(set) => {
                // A set wants an element in its own form.
                let there = match member {
                    Member::Bytes(text) => set.contains(Member::from(text)),
                    number => set.contains(number),
                };
                there.then_some(1.0)
            }
        }
    }

    pub(super) fn for_each(&self, mut f: impl FnMut(Member<'a>, f64)) {
        self.any(|member, score| {
            f(member, score);
            false
        });
    }

    /// Walks until `f` holds.
    pub(super) fn any(&self, mut f: impl FnMut(Member<'a>, f64) -> bool) -> bool {
        match self {
            Source::Missing => false,
            Source::Zset(zset) => zset.iter().any(|(member, score)| f(member, score)),
            Source::Set(set) => set.iter().any(|member| f(member, 1.0)),
        }
    }
}
