//! Waiting for service after a fault, and what is said about how long it took.

use base::Slot;

use super::Shape;
use super::form::range;
use crate::world::{Counts, World};

/// How long the shards that a fault hit could not be written to, in ms of the world's time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Every affected shard's time, ascending.
    pub shards: Vec<u64>,
}

impl Recovery {
    /// The last shard's.
    pub fn worst(&self) -> u64 {
        self.shards.last().copied().unwrap_or(0)
    }

    /// The middle one's.
    pub fn median(&self) -> u64 {
        self.shards.get(self.shards.len() / 2).copied().unwrap_or(0)
    }

    /// Takes in another fault's.
    pub fn add(&mut self, other: &Recovery) {
        self.shards.extend(&other.shards);
        self.shards.sort_unstable();
    }
}

/// What the bus carried per node and second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets sent.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Traffic {
    /// Between two counts, over so many ms, sent by so many nodes.
    pub fn between(before: &Counts, after: &Counts, millis: u64, nodes: usize) -> Self {
        let per = |count: u64| count * 1000 / (millis.max(1) * nodes.max(1) as u64);
        Self { packets: per(after.packets - before.packets), bytes: per(after.bytes - before.bytes) }
    }
}

/// Waits until every one of these shards has been written to since the measuring began; complains if that is not within
/// `limit_ms` of that. `None` if a checker has complained.
pub fn await_service(
    world: &mut World,
    shape: &Shape,
    shards: &[usize],
    limit_ms: u64,
    what: &'static str,
) -> Option<Recovery> {
    let firsts: Vec<Slot> =
        shards.iter().filter_map(|shard| Slot::new(range(shape, *shard).0 as u64)).collect();
    let mut waiting = firsts.clone();
    let end = world.now().plus_millis(limit_ms);
    let quiet = world.run_while(end, |world| {
        waiting.retain(|slot| world.served_after(*slot).is_none());
        !waiting.is_empty()
    });
    if !quiet {
        return None;
    }
    let mut times = Vec::new();
    for slot in &firsts {
        match world.served_after(*slot) {
            Some(millis) => times.push(millis),
            None => {
                let missing = firsts.iter().filter(|slot| world.served_after(**slot).is_none()).count();
                let text = format!("{missing} of {} shards, that of slot {slot} among them", firsts.len());
                world.complain(what, format!("not writable within {limit_ms} ms: {text}"));
                return None;
            }
        }
    }
    times.sort_unstable();
    Some(Recovery { shards: times })
}
