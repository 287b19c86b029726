//! Nodes that were forgotten and must not be taken in again through gossip for a while (CLUSTER FORGET).

use alloc::collections::BTreeMap;
use base::{Millis, NodeId};

/// How many are remembered; beyond that the one that expires first gives way.
const MAX_ENTRIES: usize = 1000;
/// The longest time that a peer's packet, or a directive, may keep a node out: a day.
const MAX_TTL_MS: u64 = 86_400_000;

#[derive(Debug, Default)]
pub(crate) struct Blacklist {
    until: BTreeMap<NodeId, Millis>,
}

impl Blacklist {
    pub fn add(&mut self, id: NodeId, now: Millis, ttl_ms: u64) {
        self.expire(now);
        if self.until.len() >= MAX_ENTRIES
            && let Some(first) = self.until.iter().min_by_key(|(_, until)| **until).map(|(id, _)| *id)
        {
            self.until.remove(&first);
        }
        self.until.insert(id, now + ttl_ms.min(MAX_TTL_MS));
    }

    pub fn contains(&self, id: &NodeId, now: Millis) -> bool {
        self.until.get(id).is_some_and(|until| *until >= now)
    }

    pub fn clear(&mut self) {
        self.until.clear();
    }

    /// Who is out, and for how many more milliseconds.
    pub fn iter(&self, now: Millis) -> impl Iterator<Item = (NodeId, u64)> + '_ {
        self.until
            .iter()
            .filter(move |(_, until)| **until >= now)
            .map(move |(id, until)| (*id, until.since(now)))
    }

    pub fn expire(&mut self, now: Millis) {
        self.until.retain(|_, until| *until >= now);
    }
}
