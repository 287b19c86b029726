//! The 10 Hz timer: links, pings, suspicion, and the steps that only time moves.

use crate::codec::MessageType;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::{NodeFlags, State};
use base::Millis;

/// The timer's period.
pub(crate) const TICK_MS: u64 = 100;
/// Every so many ticks one node is pinged, the one of a few at random that was heard from longest ago.
const PING_TICKS: u64 = 10;
const PING_CANDIDATES: usize = 5;

impl Machine {
    /// The earliest instant at which time alone moves something.
    pub(crate) fn next_timeout(&self) -> Millis {
        let election = self.election.due().filter(|due| *due > self.now.mono);
        election.map_or(self.next_tick, |due| due.min(self.next_tick))
    }

    pub(crate) fn on_timeout(&mut self) {
        if self.now.mono < self.next_tick {
            self.todo.failover = true;
            return;
        }
        self.excuse_after_absence();
        self.next_tick = self.now.mono + TICK_MS;
        self.ticks += 1;
        self.pay_pongs();
        self.tend_links();
        if self.ticks.is_multiple_of(PING_TICKS) {
            self.ping_oldest();
            self.blacklist.expire(self.now.mono);
        }
        self.watch_nodes();
        self.order_replication();
        self.check_role();
        self.manual_failover_timeout();
        self.promotion_timeout();
        self.boot_ask();
        self.boot_yield();
        self.boot_check();
        if self.myself().is_replica() {
            self.leave_sub_replica();
            self.handle_manual_failover();
            self.handle_election();
            self.consider_migration();
        }
        self.renew_lease();
        self.publisher.counters_changed();
        if self.health.state != State::Ok {
            self.todo.state = true;
        }
    }

    /// This thread itself was away: what it did not read meanwhile is no evidence against anybody (rule 6).
    fn excuse_after_absence(&mut self) {
        let now = self.now.mono;
        let due = self.next_tick;
        if now.since(due) <= self.config.node_timeout_ms / 2 {
            return;
        }
        for ix in self.nodes.places() {
            let node = &mut self.nodes[ix];
            if node.ping_sent.is_some() {
                node.ping_sent = Some(now);
            }
        }
        self.data.excuse(now);
    }

    /// Drops handshakes that took too long, and opens the links that are missing.
    fn tend_links(&mut self) {
        let mut suspects = 0;
        for ix in self.nodes.places() {
            let node = &self.nodes[ix];
            if ix == self.me || !node.has_address() {
                continue;
            }
            suspects += usize::from(node.suspected());
            if self.handshake_expired(node) {
                self.delete_node(ix);
            } else if node.link.is_none() {
                self.connect(ix);
            }
        }
        self.suspects = suspects;
    }

    fn ping_oldest(&mut self) {
        let mut oldest: Option<(Option<Millis>, NodeIx)> = None;
        for _ in 0..PING_CANDIDATES {
            let Some(ix) = self.nodes.random(&mut self.prng) else { return };
            let node = &self.nodes[ix];
            let idle = node.ping_sent.is_none() && node.link.is_some_and(|link| self.links.is_up(link));
            if !idle || ix == self.me || node.in_handshake() {
                continue;
            }
            if oldest.is_none_or(|(heard, _)| node.pong_received < heard) {
                oldest = Some((node.pong_received, ix));
            }
        }
        if let Some(link) = oldest.and_then(|(_, ix)| self.nodes[ix].link) {
            self.send_heartbeat(link, MessageType::Ping);
        }
    }

    fn watch_nodes(&mut self) {
        let skipped = NodeFlags::MYSELF | NodeFlags::NOADDR | NodeFlags::HANDSHAKE;
        for ix in self.nodes.places() {
            if !self.nodes[ix].flags.any(skipped) {
                self.watch(ix);
            }
        }
    }

    /// Pings a node that was not heard from for half the timeout, renews a link that seems stuck, and suspects after the whole timeout.
    fn watch(&mut self, ix: NodeIx) {
        let (now, timeout) = (self.now.mono, self.config.node_timeout_ms);
        let node = &self.nodes[ix];
        if self.link_is_stuck(node)
            && let Some(link) = node.link
        {
            self.close_link(link);
        }
        let node = &self.nodes[ix];
        if let Some(link) = node.link {
            let stale = node.pong_received.is_none_or(|at| now.since(at) > timeout / 2);
            if node.ping_sent.is_none() && (stale || self.lease_wants_ping(node)) {
                if self.links.is_up(link) {
                    self.send_heartbeat(link, MessageType::Ping);
                } else {
                    // Still connecting: the time counts all the same.
                    self.nodes[ix].ping_sent = Some(now);
                }
                return;
            }
            if self.manual.waiting_replica() == Some(ix) {
                self.send_heartbeat(link, MessageType::Ping);
                return;
            }
        }
        let Some(sent) = self.nodes[ix].ping_sent else { return };
        let heard = self.nodes[ix].data_received.map_or(u64::MAX, |at| now.since(at));
        let silent_for = now.since(sent).min(heard);
        if silent_for > timeout && !self.nodes[ix].flags.any(NodeFlags::PFAIL | NodeFlags::FAIL) {
            self.suspect(ix);
        }
    }

    /// A link older than the timeout on which a ping, and everything else, went unanswered for half of it.
    fn link_is_stuck(&self, node: &Node) -> bool {
        let (now, timeout) = (self.now.mono, self.config.node_timeout_ms);
        let Some(link) = node.link.and_then(|link| self.links.get(link)) else { return false };
        let Some(sent) = node.ping_sent else { return false };
        let heard = node.data_received.map_or(u64::MAX, |at| now.since(at));
        now.since(link.created) > timeout && now.since(sent) > timeout / 2 && heard > timeout / 2
    }
}
