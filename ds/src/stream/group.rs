//! Consumer groups: who was given which entries and has not acknowledged them.
//!
//! Model: the group's pending entries in a [`Tree`] by id, each with when and how often it was delivered and to whom;
//! beside them, per consumer, the ids alone. The consumer's name is one `Arc` that its pending entries share.
//!
//! Invariant: an id is pending in the group exactly if it is pending with exactly one consumer.

use super::id::StreamId;
use super::log::Log;
use super::tree::{ARC_HEADER, Ascending, Tree};
use crate::size::rounded;
use std::sync::Arc;

/// A consumer's name.
pub type Name = Arc<[u8]>;

/// "Not known" of [`Group::entries_read`].
pub const UNKNOWN_ENTRIES_READ: i64 = -1;
/// "Never" of [`Consumer::active_ms`].
pub const NEVER_ACTIVE: i64 = -1;

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug)]
pub struct Pending {
    /// When it was last delivered, Unix time in milliseconds.
    pub delivered_ms: i64,
    /// How often.
    pub deliveries: u64,
    /// To whom.
    pub consumer: Name,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    seen_ms: i64,
    active_ms: i64,
    pending: Tree<StreamId, ()>,
}

impl Consumer {
    /// When it last tried to read or claim, Unix time in milliseconds.
    pub fn seen_ms(&self) -> i64 {
        self.seen_ms
    }

    /// When it last got something; [`NEVER_ACTIVE`] if never.
    pub fn active_ms(&self) -> i64 {
        self.active_ms
    }

    /// How many entries are pending with it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The ids of its pending entries, in order.
    pub fn pending_ids(&self) -> impl Iterator<Item = StreamId> {
        self.pending.iter().map(|(id, ())| *id)
    }

    fn memory(&self) -> usize {
        rounded(ARC_HEADER + size_of::<Self>()) + self.pending.memory()
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Group {
    /// The last entry delivered to anybody.
    pub last_id: StreamId,
    /// How many entries were delivered, deleted ones included; [`UNKNOWN_ENTRIES_READ`] if nobody knows.
    pub entries_read: i64,
    pending: Tree<StreamId, Pending>,
    consumers: Tree<Name, Arc<Consumer>>,
    /// Bytes of consumers and their names.
    bytes: usize,
}

impl Group {
    /// A group without consumers.
    pub fn new(last_id: StreamId, entries_read: i64) -> Self {
        Self { last_id, entries_read, pending: Tree::new(), consumers: Tree::new(), bytes: 0 }
    }

    /// Adds a consumer; false if there is one of that name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> bool {
        self.restore_consumer(name, now_ms, NEVER_ACTIVE)
    }

    /// Removes a consumer with all that is pending with it; how much that was comes back.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        self.bytes -= consumer.memory() + name_memory(name);
        for id in consumer.pending_ids() {
            self.pending.remove(&id);
        }
        Some(consumer.pending_len())
    }

    /// The consumer tried to get something.
    pub fn mark_seen(&mut self, name: &[u8], now_ms: i64) {
        if let Some(consumer) = self.consumers.get_mut(name) {
            change_consumer(&mut self.bytes, consumer, |consumer| consumer.seen_ms = now_ms);
        }
    }

    /// Makes an entry pending with a consumer, whoever had it before, and the consumer active. Nothing happens without
    /// such a consumer.
    pub fn assign(&mut self, id: StreamId, name: &[u8], delivered_ms: i64, deliveries: u64, now_ms: i64) {
        let Some((owner, _)) = self.consumers.get_pair(name) else { return };
        let owner = owner.clone();
        let pending = Pending { delivered_ms, deliveries, consumer: owner.clone() };
        let before = self.pending.insert(id, pending);
        if let Some(before) = &before
            && before.consumer != owner
            && let Some(other) = self.consumers.get_mut(&*before.consumer)
        {
            change_consumer(&mut self.bytes, other, |consumer| consumer.pending.remove(&id));
        }
        if let Some(consumer) = self.consumers.get_mut(name) {
            change_consumer(&mut self.bytes, consumer, |consumer| {
                consumer.active_ms = now_ms;
                consumer.pending.insert(id, ());
            });
        }
    }

    /// A pending entry was read again by its consumer.
    pub fn redeliver(&mut self, id: StreamId, now_ms: i64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_ms = now_ms;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        }
    }

    /// An entry is pending no longer; false if it was not.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(consumer) = self.consumers.get_mut(&*pending.consumer) {
            change_consumer(&mut self.bytes, consumer, |consumer| consumer.pending.remove(&id));
        }
        true
    }

    /// An entry was handed out for the first time: the group goes on to it.
    pub fn advance(&mut self, id: StreamId, log: &Log) {
        if id <= self.last_id {
            return;
        }
        if self.entries_read != UNKNOWN_ENTRIES_READ && !log.may_have_deleted_since(id) {
            self.entries_read = self.entries_read.wrapping_add(1);
        } else if log.added() > 0 {
            self.entries_read = log.position_of(id).unwrap_or(UNKNOWN_ENTRIES_READ);
        }
        self.last_id = id;
    }

    /// How many entries are yet to be delivered; `None` when deletions hide it.
    pub fn lag(&self, log: &Log) -> Option<i64> {
        let added = log.added() as i64;
        if added == 0 {
            return Some(0);
        }
        if self.entries_read != UNKNOWN_ENTRIES_READ && !log.may_have_deleted_since(self.last_id) {
            return Some(added.wrapping_sub(self.entries_read));
        }
        Some(added.wrapping_sub(log.position_of(self.last_id)?))
    }

    /// What is known of a pending entry.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries from an id on.
    pub fn pending_from(&self, start: StreamId) -> Ascending<'_, StreamId, Pending> {
        self.pending.from(&start)
    }

    /// The smallest and the greatest pending id.
    pub fn pending_bounds(&self) -> Option<(StreamId, StreamId)> {
        Some((*self.pending.first()?.0, *self.pending.last()?.0))
    }

    /// The ids pending with a consumer, from an id on.
    pub fn pending_of<'g>(
        &'g self,
        name: &[u8],
        start: StreamId,
    ) -> impl Iterator<Item = StreamId> + use<'g> {
        let ids = self.consumers.get(name).map(|consumer| consumer.pending.from(&start));
        ids.into_iter().flatten().map(|(id, ())| *id)
    }

    /// A consumer.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name).map(|consumer| &**consumer)
    }

    /// The consumers by name.
    pub fn consumers(&self) -> impl Iterator<Item = (&Name, &Consumer)> {
        self.consumers.iter().map(|(name, consumer)| (name, &**consumer))
    }

    /// As [`Group::consumers`], from a name on.
    pub fn consumers_from(&self, name: &[u8]) -> impl Iterator<Item = (&Name, &Consumer)> {
        self.consumers.from(name).map(|(name, consumer)| (name, &**consumer))
    }

    /// How many consumers there are.
    pub fn consumers_len(&self) -> usize {
        self.consumers.len()
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.pending.memory() + self.consumers.memory() + self.bytes
    }

    /// [`Group::memory`] counted anew; the invariant is checked on the way.
    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        let mut owned = 0;
        let mut bytes = self.pending.memory() + self.consumers.memory();
        for (name, consumer) in self.consumers.iter() {
            bytes += consumer.memory() + name_memory(name);
            for id in consumer.pending_ids() {
                owned += 1;
                assert!(self.pending(id).is_some_and(|pending| Arc::ptr_eq(&pending.consumer, name)));
            }
        }
        assert_eq!(owned, self.pending_len());
        bytes
    }

    /// Adds a consumer from a file; false if there is one of that name.
    pub(super) fn restore_consumer(&mut self, name: &[u8], seen_ms: i64, active_ms: i64) -> bool {
        if self.consumers.get(name).is_some() {
            return false;
        }
        let consumer = Consumer { seen_ms, active_ms, pending: Tree::new() };
        self.bytes += consumer.memory() + name_memory(name);
        self.consumers.insert(name.into(), Arc::new(consumer));
        true
    }

    /// Adds a pending entry from a file, for a consumer that is not known yet; false if it is there.
    pub(super) fn restore_pending(&mut self, id: StreamId, pending: Pending) -> bool {
        self.pending.insert(id, pending).is_none()
    }

    /// Gives a pending entry of [`Group::restore_pending`] its consumer; false unless both are there and the entry
    /// still belongs to `nobody`.
    pub(super) fn restore_owner(&mut self, id: StreamId, name: &[u8], nobody: &Name) -> bool {
        let Some((owner, _)) = self.consumers.get_pair(name) else { return false };
        let owner = owner.clone();
        match self.pending.get_mut(&id) {
            Some(pending) if Arc::ptr_eq(&pending.consumer, nobody) => pending.consumer = owner,
            _ => return false,
        }
        if let Some(consumer) = self.consumers.get_mut(name) {
            change_consumer(&mut self.bytes, consumer, |consumer| consumer.pending.insert(id, ()));
        }
        true
    }
}

/// Changes a consumer; its size is counted anew.
fn change_consumer<R>(
    bytes: &mut usize,
    consumer: &mut Arc<Consumer>,
    change: impl FnOnce(&mut Consumer) -> R,
) -> R {
    *bytes -= consumer.memory();
    let consumer = Arc::make_mut(consumer);
    let result = change(consumer);
    *bytes += consumer.memory();
    result
}

fn name_memory(name: &[u8]) -> usize {
    rounded(ARC_HEADER + name.len())
}
