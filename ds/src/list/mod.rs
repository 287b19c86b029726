//! Lists: a listpack while small, a quicklist (a sequence of listpacks) when not, both as Redis 7.2 has them.
//!
//! ```text
//! small: | listpack |
//! large: directory -> page -> node: listpack, or one huge element
//!                          -> node
//!                  -> page ...
//! ```
//!
//! A list becomes a quicklist when an element is about to take it past `list-max-listpack-size` ([`List::grow`], called
//! before elements come), and a listpack again when its one node has fallen to half of that ([`List::shrink`],
//! called after elements went). The two thresholds differ, so form is a matter of history; that is why
//! these are calls of their own, made where Redis makes them. Which element is in which node follows Redis too
//! (`quicklist.rs`).
//!
//! `list-compress-depth` is not acted upon: nodes stay as they are in memory, dumps compress strings by themselves.
//!
//! Pushing and popping at the ends costs the size of one node at most; an index in the middle costs a walk over the
//! directory and one node. Weakness: elements of a few bytes in nodes of 64 KiB make every change in a node's middle
//! move tens of kilobytes, as it does in Redis.

mod iter;
mod limits;
mod load;
mod node;
mod nodes;
mod quicklist;

pub use iter::Iter;
pub use load::{Builder, Facts, NodePlace, NodeRef};

use crate::Settings;
use crate::listpack::{Entry, Listpack};
use limits::Limit;
use node::Node;
use quicklist::{Quicklist, end_of, matches_in, remove_matches};
use triomphe::Arc;

/// The count before what is shared.
const SHARED: usize = 8;

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The head: index 0.
    Left,
    /// The tail: index -1.
    Right,
}

/// A side of an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Nearer to the head.
    Before,
    /// Nearer to the tail.
    After,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct List {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Small(Listpack),
    Large(Arc<Quicklist>),
}

impl List {
    /// An empty one.
    pub fn new(_settings: &Settings) -> Self {
        Self { form: Form::Small(Listpack::new()) }
    }

    /// Elements are about to come, `count` of them with `bytes` bytes of text: takes the form that has room.
    pub fn grow(&mut self, bytes: usize, count: usize, settings: &Settings) {
        let Form::Small(listpack) = &mut self.form else { return };
        let (bytes, count) =
            (listpack.bytes_len().saturating_add(bytes), listpack.len().saturating_add(count));
        if !Limit::of(settings).exceeded_by(bytes, count) {
            return;
        }
        let mut quicklist = Quicklist::new(settings);
        if !listpack.is_empty() {
            quicklist.push_node(End::Right, Node::Packed(std::mem::take(listpack)));
        }
        self.form = Form::Large(Arc::new(quicklist));
    }

    /// The elements that are about to come, for which [`List::grow`] was called: makes room for them in a list that is empty.
    pub fn reserve<'a>(&mut self, elements: impl Iterator<Item = &'a [u8]>) {
        if let Form::Small(listpack) = &mut self.form
            && listpack.is_empty()
        {
            listpack.reserve(elements.map(Listpack::entry_size));
        }
    }

    /// Elements went: takes the small form if the list is well below the limit.
    pub fn shrink(&mut self, settings: &Settings) {
        self.try_small(true, settings);
    }

    /// Adds an element at one end; [`List::grow`] was called.
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8], settings: &Settings) {
        match &mut self.form {
            Form::Small(listpack) => {
                let pushed = match end {
                    End::Left => listpack.push_front(value),
                    End::Right => listpack.push_back(value),
                };
                debug_assert!(pushed.is_ok(), "grow keeps a listpack far below its limit");
            }
            Form::Large(quicklist) => Arc::make_mut(quicklist).push(end, value, settings),
        }
    }

    /// Takes an element from one end and shows it to `f`; `None` if there is none.
    #[inline]
    pub fn pop<R>(&mut self, end: End, f: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        match &mut self.form {
            Form::Small(listpack) => {
                let pos = end_of(listpack, end)?;
                let result = f(listpack.get(pos));
                listpack.remove(pos);
                Some(result)
            }
            Form::Large(quicklist) => Arc::make_mut(quicklist).pop(end, f),
        }
    }

    /// Puts another element in the place of the `index`-th; [`List::grow`] was called. False if there is none.
    pub fn set(&mut self, index: usize, value: &[u8], settings: &Settings) -> bool {
        match &mut self.form {
            Form::Small(listpack) => {
                listpack.seek(index as i64).is_some_and(|pos| listpack.replace(pos, value).is_ok())
            }
            Form::Large(quicklist) => Arc::make_mut(quicklist).set(index, value, settings),
        }
    }

    /// Puts an element beside the `index`-th; [`List::grow`] was called. Nothing happens if there is none.
    pub fn insert(&mut self, index: usize, side: Side, value: &[u8], settings: &Settings) {
        match &mut self.form {
            Form::Small(listpack) => {
                let inserted = listpack.seek(index as i64).map(|pos| match side {
                    Side::Before => listpack.insert_before(pos, value),
                    Side::After => listpack.insert_after(pos, value),
                });
                debug_assert!(
                    inserted.is_none_or(|result| result.is_ok()),
                    "grow keeps it far below its limit"
                );
            }
            Form::Large(quicklist) => Arc::make_mut(quicklist).insert(index, side, value, settings),
        }
    }

    /// Takes out up to `count` elements from the `start`-th on.
    pub fn remove_range(&mut self, start: usize, count: usize) {
        match &mut self.form {
            Form::Small(listpack) => listpack.remove_range(start as i64, count),
            Form::Large(quicklist) => Arc::make_mut(quicklist).remove_range(start, count),
        }
    }

    /// Takes out up to `limit` elements that equal `value`, looking from one end; `each_node` is called before each node
    /// that is looked at. Returns how many it were.
    pub fn remove_matching(
        &mut self,
        value: &[u8],
        limit: usize,
        from: End,
        each_node: impl FnMut(),
    ) -> usize {
        match &mut self.form {
            Form::Small(listpack) => {
                let value = Entry::from(value);
                let found = matches_in(listpack, &value, limit, from);
                if found > 0 {
                    remove_matches(listpack, &value, found, from);
                }
                found
            }
            Form::Large(quicklist) => Arc::make_mut(quicklist).remove_matching(value, limit, from, each_node),
        }
    }

    /// Tells that it will be used ([`crate::hint`]).
    #[inline]
    pub fn expect(&self) {
        match &self.form {
            Form::Small(listpack) => listpack.fetch(),
            Form::Large(quicklist) => crate::hint::fetch(&raw const **quicklist),
        }
    }

    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Small(listpack) => listpack.len(),
            Form::Large(quicklist) => quicklist.nodes.count(),
        }
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `index`-th element.
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        match &self.form {
            Form::Small(listpack) => Some(listpack.get(listpack.seek(i64::try_from(index).ok()?)?)),
            Form::Large(quicklist) => {
                let (at, offset) = quicklist.nodes.find(index)?;
                quicklist.nodes.get(at)?.get(offset)
            }
        }
    }

    /// The elements from the `index`-th on, forward or (`reverse`) back to the first.
    pub fn iter_at(&self, index: usize, reverse: bool) -> Iter<'_> {
        match &self.form {
            Form::Small(listpack) => Iter::over_listpack(listpack, index, reverse),
            Form::Large(quicklist) => Iter::over_nodes(&quicklist.nodes, index, reverse),
        }
    }

    /// Whether it is a quicklist.
    pub fn is_large(&self) -> bool {
        matches!(self.form, Form::Large(_))
    }

    /// Bytes on the heap.
    #[inline]
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Small(listpack) => listpack.memory(),
            Form::Large(quicklist) => {
                crate::size::rounded(SHARED + size_of::<Quicklist>()) + quicklist.nodes.memory()
            }
        }
    }

    /// Bytes of a clone that it does not share with this one: those of a small form.
    pub fn unshared(&self) -> usize {
        if let Form::Small(listpack) = &self.form { listpack.memory() } else { 0 }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.form {
            Form::Small(_) => "listpack",
            Form::Large(_) => "quicklist",
        }
    }

    fn try_small(&mut self, shrinking: bool, settings: &Settings) {
        let Form::Large(quicklist) = &mut self.form else { return };
        if quicklist.nodes.len() != 1 {
            return;
        }
        let Some(first) = quicklist.nodes.first() else { return };
        let Some(Node::Packed(listpack)) = quicklist.nodes.get(first) else { return };
        if !Limit::of(settings).allows_return(listpack.bytes_len(), listpack.len(), shrinking) {
            return;
        }
        if let Some(node) = Arc::make_mut(quicklist).nodes.remove(first)
            && let Node::Packed(listpack) = Arc::unwrap_or_clone(node)
        {
            self.form = Form::Small(listpack);
        }
    }
}

#[cfg(test)]
mod tests;
