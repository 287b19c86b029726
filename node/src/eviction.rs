//! `maxmemory`: when keys must go, and what is refused when none can.
//!
//! Model: before each command [`make_room`] compares what the process uses with the limit and evicts key by key until it is
//! below, for no longer than `maxmemory-eviction-tenacity` allows; what is left to do goes on in slices of background
//! work, and commands that add data are obeyed meanwhile, as in Redis. Only when there is nothing to evict are they
//! refused.
//!
//! What does not count: what replicas have yet to read beyond the backlog, what is on its way to the AOF, what snapshots
//! hold, garbage that is being freed. None of it is helped by evicting keys, which would only make more of it.
//!
//! Without a memory meter (tests, the simulator) the keyspace's own bytes count.

use crate::effects;
use crate::node::Node;
use crate::observe;
use crate::replication;
use crate::session::{Role, Session};

/// Keys between two looks at the clock.
const KEYS_PER_LOOK: u64 = 16;

/// What eviction remembers.
#[derive(Default)]
pub(crate) struct Eviction {
    /// The time was up: slices go on.
    pub running: bool,
    /// Memory was used up when the last command was looked at, and nothing could go.
    pub full: bool,
    /// Since when the limit is exceeded, in the meter's microseconds.
    over_since: Option<u64>,
    /// How long it was exceeded before, in microseconds.
    over_total: u64,
}

/// Whether there is room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    /// The limit is kept.
    Enough,
    /// Not yet, but keys go.
    Coming,
    /// There is nothing left to evict.
    None,
}

/// Everything that the process has allocated, in bytes.
pub(crate) fn used_memory(node: &Node) -> u64 {
    match (node.allocator.allocated)() {
        0 => node.keyspace.used_memory() as u64,
        bytes => bytes,
    }
}

/// What replicas have yet to read beyond the backlog.
pub(crate) fn log_beyond_backlog(node: &Node) -> u64 {
    (node.log.wire_memory() as u64).saturating_sub(node.log.backlog_size().unwrap_or(0))
}

/// What of it does not count for `maxmemory`.
pub(crate) fn uncounted(node: &Node) -> u64 {
    let log = log_beyond_backlog(node);
    let of_replicas = |(_, s): (_, &Session)| if s.role == Role::Replica { s.output.capacity() } else { 0 };
    let owed: usize =
        if replication::has_replicas(node) { node.sessions.iter().map(of_replicas).sum() } else { 0 };
    let on_its_way = if (node.allocator.allocated)() == 0 { 0 } else { node.keyspace.memory_on_its_way() };
    log + owed as u64 + node.persistence.aof.outstanding() + on_its_way as u64
}

/// How many bytes there are too many.
fn excess(node: &Node) -> u64 {
    let (used, limit) = (used_memory(node), node.policy.max_memory);
    // The sum of what does not count is only worked out when it matters.
    if used <= limit { 0 } else { used.saturating_sub(uncounted(node)).saturating_sub(limit) }
}

/// A replica follows its primary's deletions; nothing changes by itself while clients are paused or data is loaded.
fn is_exempt(node: &Node) -> bool {
    node.loading
        || node.pause.holds_writes()
        || (node.policy.replica_ignores_limit && replication::is_replica(node))
}

/// Evicts until the limit is kept, or time is up, or nothing can go.
pub(crate) fn make_room(node: &mut Node) -> Room {
    if node.policy.max_memory == 0 && !node.eviction.running {
        return Room::Enough;
    }
    let free = node.policy.max_memory == 0 || is_exempt(node);
    let excess = if free { 0 } else { excess(node) };
    let room = if excess == 0 { Room::Enough } else { evict(node, excess) };
    note(node, room);
    room
}

/// Evicts keys of at least `excess` bytes. What their going makes of messages to others does not count here: it leaves
/// before the next look at the limit, and must not make more keys go.
fn evict(node: &mut Node, excess: u64) -> Room {
    let Some(policy) = node.policy.eviction else { return Room::None };
    let begun = (node.meter)();
    let mut gone = 0u64;
    let mut freed = 0u64;
    let room = loop {
        let before = node.keyspace.used_memory();
        // The clock is read for each key only when somebody wants to know.
        let timed = (node.policy.latency_threshold_ms != 0).then(|| (node.meter)());
        if !node.keyspace.evict_one(policy) {
            break Room::None;
        }
        if let Some(since) = timed {
            observe::note_latency(node, "eviction-del", (node.meter)().saturating_sub(since));
        }
        freed += before.saturating_sub(node.keyspace.used_memory()) as u64;
        if freed >= excess {
            break Room::Enough;
        }
        gone += 1;
        if gone.is_multiple_of(KEYS_PER_LOOK) {
            settle(node);
            if (node.meter)().saturating_sub(begun) > node.policy.eviction_micros {
                break Room::Coming;
            }
        }
    };
    settle(node);
    observe::note_latency(node, "eviction-cycle", (node.meter)().saturating_sub(begun));
    room
}

/// Each eviction is a DEL of its own in front of whatever asked for room.
fn settle(node: &mut Node) {
    effects::settle_events(node);
    effects::end_loose_unit(node);
}

fn note(node: &mut Node, room: Room) {
    let now = (node.meter)();
    let state = &mut node.eviction;
    state.running = room == Room::Coming;
    state.full = room == Room::None;
    match (room, state.over_since) {
        (Room::Enough, Some(since)) => {
            state.over_total += now.saturating_sub(since);
            state.over_since = None;
        }
        (Room::Coming | Room::None, None) => state.over_since = Some(now),
        _ => {}
    }
}

/// A slice of what was left to do.
pub(crate) fn slice(node: &mut Node) {
    if node.eviction.running {
        make_room(node);
    }
}

/// `maxmemory` was changed: what exceeds the new limit goes soon, whether a command comes or not.
pub(crate) fn limit_changed(node: &mut Node) {
    let (limit, used) = (node.policy.max_memory, used_memory(node));
    if limit != 0 && used.saturating_sub(uncounted(node)) > limit {
        node.log(
            crate::api::LogLevel::Warning,
            format!(
                "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands depending \
                 on the maxmemory-policy."
            ),
        );
    }
    // The first slice says whether there is anything to do, and ends what the old limit made exceed.
    node.eviction.running = true;
}

/// `total_eviction_exceeded_time` and `current_eviction_exceeded_time`, in ms.
pub(crate) fn exceeded_ms(node: &Node) -> (u64, u64) {
    let now = (node.meter)();
    let current = node.eviction.over_since.map_or(0, |since| now.saturating_sub(since));
    ((node.eviction.over_total + current) / 1000, current / 1000)
}

/// CONFIG RESETSTAT: what is exceeded now begins now.
pub(crate) fn reset_stats(node: &mut Node) {
    node.eviction.over_total = 0;
    node.eviction.over_since = node.eviction.over_since.map(|_| (node.meter)());
}
