//! Building a stream from a file or a payload, in the order in which RDB has its parts: leaves, numbers, groups, and
//! in a group the pending entries before the consumers. Everything is checked as it comes in; what does not fit
//! together is refused with a word on what was expected.

use super::Stream;
use super::group::{Group, Name, Pending};
use super::id::StreamId;
use super::log::Log;
use super::node;
use crate::listpack::Listpack;
use std::sync::Arc;

/// What is wrong with the parts of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt(pub &'static str);

/// The numbers that follow the leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// Live entries.
    pub len: u64,
    /// The last id.
    pub last_id: StreamId,
    /// What the second form added.
    pub newer: Option<NewerNumbers>,
}

/// What `STREAM_LISTPACKS_2` added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewerNumbers {
    /// The first live entry's id.
    pub first_id: StreamId,
    /// The greatest id deleted.
    pub max_deleted_id: StreamId,
    /// Entries ever added.
    pub added: u64,
}

/// See the module.
#[derive(Default)]
pub struct Builder {
    log: Log,
    /// Live entries counted so far, and the id of the last.
    live: u64,
    last_live: Option<StreamId>,
}

impl Builder {
    /// A stream of which nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next leaf: its key as sixteen bytes, and its listpack.
    pub fn leaf(&mut self, key: &[u8], pack: Vec<u8>) -> Result<(), Corrupt> {
        let key: [u8; 16] = key.try_into().map_err(|_| Corrupt("a stream node whose key is not an id"))?;
        let key = StreamId::from_bytes(key);
        let pack = Listpack::from_bytes(pack).map_err(|_| Corrupt("a stream node that is no listpack"))?;
        let live = node::validate(&pack).ok_or(Corrupt("a stream node whose counts do not fit"))?;
        let node = node::Node { pack };
        for record in node.records(key).filter(|record| !record.deleted) {
            if self.last_live.is_some_and(|last| last >= record.id) {
                return Err(Corrupt("stream entries out of order"));
            }
            self.last_live = Some(record.id);
        }
        self.live = self.live.saturating_add(live);
        if !self.log.restore_leaf(key, node) {
            return Err(Corrupt("a stream node twice"));
        }
        Ok(())
    }

    /// The numbers; no leaf may follow.
    pub fn finish(mut self, numbers: &Numbers) -> Result<Stream, Corrupt> {
        if numbers.len != self.live {
            return Err(Corrupt("a stream whose length is not that of its nodes"));
        }
        self.log.restore_numbers(numbers);
        Ok(Stream { log: self.log, ..Stream::default() })
    }
}

/// One group on its way in.
pub struct GroupBuilder {
    group: Group,
    nobody: Name,
    owned: usize,
}

impl GroupBuilder {
    /// A group without pending entries.
    pub fn new(last_id: StreamId, entries_read: i64) -> Self {
        Self { group: Group::new(last_id, entries_read), nobody: Arc::from([]), owned: 0 }
    }

    /// A pending entry.
    pub fn pending(&mut self, id: [u8; 16], delivered_ms: i64, deliveries: u64) -> Result<(), Corrupt> {
        let pending = Pending { delivered_ms, deliveries, consumer: self.nobody.clone() };
        match self.group.restore_pending(StreamId::from_bytes(id), pending) {
            true => Ok(()),
            false => Err(Corrupt("a pending entry twice")),
        }
    }

    /// A consumer; no pending entry of the group may follow.
    pub fn consumer(&mut self, name: &[u8], seen_ms: i64, active_ms: i64) -> Result<(), Corrupt> {
        match self.group.restore_consumer(name, seen_ms, active_ms) {
            true => Ok(()),
            false => Err(Corrupt("Duplicate stream consumer detected")),
        }
    }

    /// An entry pending with a consumer.
    pub fn owned(&mut self, name: &[u8], id: [u8; 16]) -> Result<(), Corrupt> {
        if !self.group.restore_owner(StreamId::from_bytes(id), name, &self.nobody) {
            return Err(Corrupt("a consumer's pending entry that the group does not have for it"));
        }
        self.owned += 1;
        Ok(())
    }

    /// The group goes into its stream.
    pub fn finish(self, name: &[u8], stream: &mut Stream) -> Result<(), Corrupt> {
        if self.owned != self.group.pending_len() {
            return Err(Corrupt("a pending entry without a consumer"));
        }
        match stream.restore_group(name, self.group) {
            true => Ok(()),
            false => Err(Corrupt("a consumer group twice")),
        }
    }
}
