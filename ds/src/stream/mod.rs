//! Streams: a log of entries with ascending ids, and the consumer groups that read it.
//!
//! Model: [`Log`] holds the entries in leaves of Redis's own bytes, [`Group`] what was delivered and not acknowledged.
//! Both are made of [`tree`]s, whose chunks clones share: cloning a stream copies some thousandth of its pointers,
//! and a change afterwards copies one leaf and the way to it.
//!
//! A stream stays when its last entry goes: its ids must not come again, and its groups remember.

mod group;
mod id;
mod load;
mod log;
mod node;
mod radix;
mod range;
mod tree;

#[cfg(test)]
mod tests;

pub use group::{Consumer, Group, NEVER_ACTIVE, Name, Pending, UNKNOWN_ENTRIES_READ};
pub use id::{IdText, ParsedId, StreamId};
pub use load::{Builder, Corrupt, GroupBuilder, NewerNumbers, Numbers};
pub use log::{AppendError, Bound, Log, NewId, Trim};
pub use node::Fields;
pub use range::{Range, RangeBack, StreamEntry};

use crate::Settings;
use crate::size::rounded;
use std::sync::Arc;
use tree::{ARC_HEADER, Tree};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    groups: Tree<Name, Arc<Group>>,
    /// Bytes of groups and their names, without the tree's.
    bytes: usize,
}

impl Stream {
    /// An empty one.
    pub fn new(_settings: &Settings) -> Self {
        Self::default()
    }

    /// Adds a group; false if there is one of that name.
    pub fn create_group(&mut self, name: &[u8], last_id: StreamId, entries_read: i64) -> bool {
        self.restore_group(name, Group::new(last_id, entries_read))
    }

    /// Removes a group; false if there is none of that name.
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        self.bytes -= group_memory(name, &group);
        true
    }

    /// Changes a group with the entries in sight; `None` without such a group.
    pub fn change_group<R>(&mut self, name: &[u8], change: impl FnOnce(&mut Group, &Log) -> R) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        self.bytes -= group_memory(name, group);
        let group = Arc::make_mut(group);
        let result = change(group, &self.log);
        self.bytes += group_memory(name, group);
        Some(result)
    }

    /// The entries, to change.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// The entries.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// A group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name).map(|group| &**group)
    }

    /// The groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&Name, &Group)> {
        self.groups.iter().map(|(name, group)| (name, &**group))
    }

    /// As [`Stream::groups`], from a name on.
    pub fn groups_from(&self, name: &[u8]) -> impl Iterator<Item = (&Name, &Group)> {
        self.groups.from(name).map(|(name, group)| (name, &**group))
    }

    /// How many groups there are.
    pub fn groups_len(&self) -> usize {
        self.groups.len()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.log.len()).unwrap_or(usize::MAX)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.log.memory() + self.groups.memory() + self.bytes
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Adds a group that is complete; false if there is one of that name.
    fn restore_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.get(name).is_some() {
            return false;
        }
        self.bytes += group_memory(name, &group);
        self.groups.insert(name.into(), Arc::new(group));
        true
    }
}

fn group_memory(name: &[u8], group: &Group) -> usize {
    rounded(ARC_HEADER + name.len()) + rounded(ARC_HEADER + size_of::<Group>()) + group.memory()
}
