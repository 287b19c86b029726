//! What sessions cost, and `maxmemory-clients`: the largest of them are closed when all together cost too much.
//!
//! Model: while the limit is set, each session's cost is put into one sum whenever it may have changed (its input was
//! read, its output was written to or left). The sum is exact for what the sessions hold in buffers; small things are
//! estimated.
//!
//! Bound: a sweep looks at every session once, and is only made when the sum exceeds the limit.

use super::{Client, Role, Session};
use crate::admin::client::log_line;
use crate::api::LogLevel;
use crate::node::Node;

/// What a watched key, a subscription or a prefix costs here, without its name.
const ENTRY_BYTES: usize = 64;

impl Session {
    /// Bytes that it costs, buffers and bookkeeping.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.input.capacity()
            + self.output.capacity()
            + self.pushes.capacity()
            + self.parser.memory()
            + self.queue_memory()
            + self.parked
            + self.lent
            + self.name.capacity()
            + self.bookkeeping()
    }

    /// Bytes of MULTI's queue.
    pub fn queue_memory(&self) -> usize {
        self.multi.as_ref().map_or(0, |multi| multi.bytes)
    }

    fn bookkeeping(&self) -> usize {
        let subscriptions = self.subscriptions.as_ref().map_or(0, |s| s.count() + s.shard_count());
        let prefixes = self.tracking.as_ref().map_or(0, |t| t.prefixes.len());
        (self.watched.len() + subscriptions + prefixes) * ENTRY_BYTES
    }

    /// Whether it may be closed to make room: replicas and our primary have limits of their own.
    pub(crate) fn is_evictable(&self) -> bool {
        self.role == Role::Normal && !self.no_evict && !self.doomed
    }
}

/// The sum over the sessions that count.
#[derive(Default)]
pub(crate) struct ClientMemory {
    sum: usize,
    /// Everybody who may be closed was, and it did not suffice: said once.
    warned: bool,
}

/// A session's cost may have changed.
#[inline]
pub(crate) fn account(node: &mut Node, client: Client) {
    if node.policy.client_memory > 0 {
        count(node, client);
    }
}

fn count(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    let cost = if session.role == Role::Normal { session.memory() } else { 0 };
    let before = std::mem::replace(&mut session.counted, cost);
    node.client_memory.sum = node.client_memory.sum + cost - before;
}

/// A session is gone.
pub(crate) fn forget(node: &mut Node, session: &Session) {
    node.client_memory.sum -= session.counted;
}

/// The limit was changed: everything is counted anew, and who is too much goes at the end of the turn.
pub(crate) fn limit_changed(node: &mut Node) {
    for client in node.sessions.clients() {
        count(node, client);
    }
}

/// Closes the largest sessions until the limit is kept.
pub(crate) fn evict(node: &mut Node) {
    let limit = node.policy.client_memory;
    if limit == 0 || node.client_memory.sum as u64 <= limit {
        return;
    }
    let mut candidates: Vec<(usize, Client)> = node
        .sessions
        .iter()
        .filter(|(_, session)| session.is_evictable())
        .map(|(client, session)| (session.counted, client))
        .collect();
    candidates.sort_unstable();
    while node.client_memory.sum as u64 > limit {
        let Some((_, client)) = candidates.pop() else { return warn(node) };
        evict_one(node, client);
    }
    node.client_memory.warned = false;
}

fn evict_one(node: &mut Node, client: Client) {
    let line = log_line(node, client);
    node.log(LogLevel::Notice, format!("Evicting client: {line}"));
    node.stats.evicted_clients += 1;
    if let Some(session) = node.sessions.get_mut(client)
        && session.executing
    {
        session.doomed = true;
        node.client_memory.sum -= std::mem::take(&mut session.counted);
        return;
    }
    node.close(client);
}

fn warn(node: &mut Node) {
    if !std::mem::replace(&mut node.client_memory.warned, true) {
        node.log(LogLevel::Warning, "Over client maxmemory after evicting all evictable clients");
    }
}
