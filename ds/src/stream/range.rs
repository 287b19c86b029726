//! Walking the live entries of a stream, up or down.
//!
//! A walk begins in the last leaf whose key is not past the bound, and in the first leaf when there is none such: its
//! entries may have smaller ids than its key, when XSETID went back behind a deleted entry.

use super::id::StreamId;
use super::node::{Fields, Node, Record, Records, RecordsBack};
use super::tree::{Ascending, Descending, Tree};
use crate::listpack::Pos;
use std::sync::Arc;

type Leaves = Tree<StreamId, Arc<Node>>;

/// One live entry.
#[derive(Clone)]
pub struct StreamEntry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its names and values.
    pub fields: Fields<'a>,
}

impl<'a> From<Record<'a>> for StreamEntry<'a> {
    fn from(record: Record<'a>) -> Self {
        Self { id: record.id, fields: record.fields }
    }
}

/// Entries in ascending order.
#[derive(Clone)]
pub struct Range<'a> {
    leaves: Ascending<'a, StreamId, Arc<Node>>,
    leaf: Option<(StreamId, Records<'a>)>,
    start: StreamId,
    end: StreamId,
    done: bool,
}

impl<'a> Range<'a> {
    pub(super) fn new(tree: &'a Leaves, start: StreamId, end: StreamId) -> Self {
        let leaves = match tree.back_from(&start).next() {
            Some((key, _)) => tree.from(key),
            None => tree.iter(),
        };
        Self { leaves, leaf: None, start, end, done: false }
    }

    /// Where the first entry is: its leaf's key, and the place of its flags in there.
    pub(super) fn place(&mut self) -> Option<(StreamId, Pos)> {
        let record = self.record()?;
        Some((self.leaf.as_ref()?.0, record.place))
    }

    fn record(&mut self) -> Option<Record<'a>> {
        while !self.done {
            if let Some((_, records)) = &mut self.leaf
                && let Some(record) = records.find(|r| !r.deleted && r.id >= self.start)
            {
                // Everything behind is past the end too.
                self.done = record.id > self.end;
                return (!self.done).then_some(record);
            }
            match self.leaves.next() {
                Some((key, node)) => self.leaf = Some((*key, node.records(*key))),
                None => self.done = true,
            }
        }
        None
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = StreamEntry<'a>;

    #[inline]
    fn next(&mut self) -> Option<StreamEntry<'a>> {
        self.record().map(StreamEntry::from)
    }
}

/// Entries in descending order.
#[derive(Clone)]
pub struct RangeBack<'a> {
    leaves: Descending<'a, StreamId, Arc<Node>>,
    leaf: Option<RecordsBack<'a>>,
    start: StreamId,
    end: StreamId,
    done: bool,
}

impl<'a> RangeBack<'a> {
    pub(super) fn new(tree: &'a Leaves, start: StreamId, end: StreamId) -> Self {
        let leaves = match (tree.back_from(&end).next(), tree.first()) {
            (None, Some((first, _))) => tree.back_from(first),
            _ => tree.back_from(&end),
        };
        Self { leaves, leaf: None, start, end, done: false }
    }
}

impl<'a> Iterator for RangeBack<'a> {
    type Item = StreamEntry<'a>;

    fn next(&mut self) -> Option<StreamEntry<'a>> {
        while !self.done {
            if let Some(records) = &mut self.leaf
                && let Some(record) = records.find(|r| !r.deleted && r.id <= self.end)
            {
                self.done = record.id < self.start;
                return (!self.done).then(|| record.into());
            }
            match self.leaves.next() {
                Some((key, node)) => self.leaf = Some(node.records_back(*key)),
                None => self.done = true,
            }
        }
        None
    }
}
