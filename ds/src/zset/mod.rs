//! Sorted sets: members with scores, in one of two forms as in Redis 7.2.
//!
//! - `listpack`: few and short members; each is followed by its score, an integer where it is one, else its text. They
//!   stand in order.
//! - `skiplist`: all others. The name is Redis's; it is a [`Tree`] for order and ranks, and a [`Dict`] from member to
//!   score.
//!
//! Order is by score, then by the members' bytes. Scores are never NaN: callers check what they compute or read.
//!
//! A sorted set begins as a listpack and is converted when a member or their number no longer fits; it never goes back
//! while it lives.

mod iter;
mod packed;
mod tree;

#[cfg(test)]
mod tests;

pub use iter::Iter;
pub use packed::Invalid;
pub use tree::order;

use crate::hint::Expected;
use crate::listpack::Entry;
use crate::size::rounded;
use crate::{Dict, Listpack, Settings};
use base::Prng;
use tree::Tree;
use triomphe::Arc;

/// A member: an integer stands for its decimal text.
pub type Member<'a> = Entry<'a>;

/// The count before what is shared.
const SHARED: usize = 8;

/// See the module.
#[derive(Clone, Debug)]
pub struct Zset {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Listpack(Listpack),
    Tree(Arc<Ordered>),
}

/// Invariant: both hold the same members with the same scores.
#[derive(Clone, Debug)]
struct Ordered {
    tree: Tree,
    scores: Dict<f64>,
}

impl Ordered {
    fn new(settings: &Settings) -> Self {
        Self { tree: Tree::default(), scores: Dict::new(settings.hash_seed) }
    }

    fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.scores.insert(member, score);
        match old {
            None => self.tree.insert(score, member),
            Some(old) if old.to_bits() != score.to_bits() => {
                self.tree.change_score(old, member, score);
            }
            Some(_) => {}
        }
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.tree.remove(score, member);
        Some(score)
    }

    /// Leaf by leaf.
    fn remove_range(&mut self, rank: usize, count: usize) {
        if count == self.tree.len() {
            self.tree = Tree::default();
            self.scores.clear();
            return;
        }
        let mut left = count;
        while left > 0 {
            let run = self.tree.run_at(rank).min(left);
            for (_, member) in self.tree.iter_from(rank, false).take(run) {
                self.scores.remove(member);
            }
            left -= run;
            if self.tree.remove_run(rank, run) == 0 {
                return;
            }
        }
    }
}

impl Zset {
    /// An empty one.
    pub fn new(_settings: &Settings) -> Self {
        Self { form: Form::Listpack(Listpack::new()) }
    }

    /// An empty one in the form for this many members, the longest of them this long.
    pub fn for_size(members: usize, longest: usize, settings: &Settings) -> Self {
        let mut zset = Self::new(settings);
        if longest as u64 > settings.zset_max_listpack_value {
            zset.convert(settings);
        }
        zset.expect(members, settings);
        zset
    }

    /// Makes room for these members in one that is empty.
    pub fn reserve<'a>(&mut self, members: impl Iterator<Item = (f64, &'a [u8])>) {
        if let Form::Listpack(listpack) = &mut self.form
            && listpack.is_empty()
        {
            packed::reserve(listpack, members);
        }
    }

    /// Converts it at once if this many members will not fit in the small form.
    pub fn expect(&mut self, members: usize, settings: &Settings) {
        if members as u64 > settings.zset_max_listpack_entries {
            self.convert(settings);
        }
    }

    /// The members of a listpack in Redis's form; it is checked for pairs, scores and members that come twice. Members
    /// out of order are put in order.
    pub fn from_listpack(listpack: Listpack, settings: &Settings) -> Result<Self, Invalid> {
        let ordered = packed::check(&listpack)?;
        let mut zset = Self { form: Form::Listpack(listpack) };
        if !ordered {
            let scattered = core::mem::replace(&mut zset, Self::new(settings));
            scattered.iter().for_each(|(member, score)| {
                member.with_text(|member| zset.set(member, score, settings));
            });
        }
        // As Redis: a long member alone is no reason.
        zset.expect(zset.len(), settings);
        Ok(zset)
    }

    /// How many members there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Listpack(listpack) => listpack.len() / 2,
            Form::Tree(ordered) => ordered.tree.len(),
        }
    }

    /// Whether there is no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Listpack(listpack) => listpack.memory(),
            Form::Tree(ordered) => {
                rounded(SHARED + size_of::<Ordered>()) + ordered.tree.memory() + ordered.scores.memory()
            }
        }
    }

    /// Bytes of a clone that it does not share with this one: those of a small form.
    pub fn unshared(&self) -> usize {
        if let Form::Listpack(listpack) = &self.form { listpack.memory() } else { 0 }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Listpack(_) => "listpack",
            Form::Tree(_) => "skiplist",
        }
    }

    /// The bytes of the listpack, if that is the form.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        if let Form::Listpack(listpack) = &self.form { Some(listpack) } else { None }
    }

    /// Tells that this member will be looked for ([`crate::hint`]).
    #[inline]
    pub fn expect_member(&self, member: &[u8]) -> Option<Expected<'_>> {
        match &self.form {
            Form::Tree(ordered) => return Some(ordered.scores.expect(member)),
            Form::Listpack(listpack) => listpack.fetch(),
        }
        None
    }

    /// The score of a member. O(1), in the small form O(n).
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.form {
            Form::Listpack(listpack) => packed::find(listpack, member).map(|(_, score)| score),
            Form::Tree(ordered) => ordered.scores.get(member),
        }
    }

    /// Gives a member a score; the one it had, if it was there. O(log n).
    pub fn set(&mut self, member: &[u8], score: f64, settings: &Settings) -> Option<f64> {
        if let Form::Listpack(listpack) = &mut self.form {
            let old = packed::find(listpack, member);
            let fits = old.is_some()
                || member.len() as u64 <= settings.zset_max_listpack_value
                    && (listpack.len() as u64) / 2 < settings.zset_max_listpack_entries;
            if fits && packed::set(listpack, member, score, old.map(|(pos, _)| pos)).is_ok() {
                return old.map(|(_, old)| old);
            }
            self.convert(settings);
        }
        let Form::Tree(ordered) = &mut self.form else { return None };
        Arc::make_mut(ordered).set(member, score)
    }

    /// Removes a member; the score it had. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.form {
            Form::Listpack(listpack) => {
                let (pos, score) = packed::find(listpack, member)?;
                listpack.remove_from(pos, 2);
                Some(score)
            }
            Form::Tree(ordered) => Arc::make_mut(ordered).remove(member),
        }
    }

    /// Removes up to `count` members from a rank on; how many. O(log n) and O(1) for each.
    pub fn remove_range(&mut self, rank: usize, count: usize) -> usize {
        let count = count.min(self.len().saturating_sub(rank));
        match &mut self.form {
            Form::Listpack(listpack) => listpack.remove_range(2 * rank as i64, 2 * count),
            Form::Tree(ordered) => {
                Arc::make_mut(ordered).remove_range(rank, count);
            }
        }
        count
    }

    /// The rank and the score of a member: how many come before it. O(log n).
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.form {
            Form::Listpack(listpack) => packed::rank(listpack, member),
            Form::Tree(ordered) => {
                let score = ordered.scores.get(member)?;
                Some((ordered.tree.rank(score, member), score))
            }
        }
    }

    /// How many members from the first on fulfil `pred`, which must hold for a prefix of the order. O(log n).
    ///
    /// `pred` is also asked about keys that are not there.
    pub fn partition_point(&self, mut pred: impl FnMut(f64, &[u8]) -> bool) -> usize {
        match &self.form {
            Form::Listpack(_) => {
                self.iter().take_while(|(member, score)| member.with_text(|text| pred(*score, text))).count()
            }
            Form::Tree(ordered) => ordered.tree.partition_point(pred),
        }
    }

    /// All members in order.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0, false)
    }

    /// The members from a rank on, in order or, with `reverse`, backwards.
    pub fn iter_from(&self, rank: usize, reverse: bool) -> Iter<'_> {
        match &self.form {
            Form::Listpack(listpack) => Iter::listpack(listpack, rank, reverse),
            Form::Tree(ordered) => Iter::tree(ordered.tree.iter_from(rank, reverse)),
        }
    }

    /// A random member, each with the same probability. O(log n).
    pub fn random(&self, prng: &mut Prng) -> Option<(Member<'_>, f64)> {
        self.iter_from(prng.below(self.len() as u64) as usize, false).next()
    }

    /// Gives about `count` members from the cursor on, 0 at first; returns the next cursor, 0 after the last. A member
    /// that is there all the time is given. The small form is given whole, whatever the cursor.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Member<'_>, f64)) -> u64 {
        match &self.form {
            Form::Listpack(_) => {
                self.iter().for_each(|(member, score)| f(member, score));
                0
            }
            Form::Tree(ordered) => {
                ordered.scores.scan(cursor, count, |item| f(Entry::Bytes(item.key), item.value))
            }
        }
    }

    fn convert(&mut self, settings: &Settings) {
        if let Form::Listpack(listpack) = &self.form {
            let mut ordered = Ordered::new(settings);
            for (member, score) in Iter::listpack(listpack, 0, false) {
                member.with_text(|member| ordered.set(member, score));
            }
            self.form = Form::Tree(Arc::new(ordered));
        }
    }
}
