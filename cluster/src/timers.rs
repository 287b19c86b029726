//! The 10 Hz timer: links, pings, suspicion, and the steps that only time moves.

use crate::codec::MessageType;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::{NodeFlags, State};
use base::Millis;

/// The timer's period.
pub(crate) const TICK_MS: u64 = 100;
/// Every so many ticks what has time is done.
const SLOW_TICKS: u64 = 10;
/// Each `cluster-ping-interval` one node is pinged, the one of so many at random that was heard from longest ago.
const PING_CANDIDATES: usize = 5;
/// Voters ping each other so many times within a node timeout, so that a failure is told from the last sign of life to within that share,
const VOTER_PINGS: u64 = 16;
/// but not more often than this altogether, and not more often than so many ms apart for each voter that there is,
const VOTER_PING_LEAST_MS: u64 = 2 * TICK_MS;
const VOTER_PING_MS: u64 = 20;
/// and so many times within a node timeout in any case.
const VOTER_PINGS_LEAST: u64 = 3;

/// A link on which a ping is unanswered for so many node timeouts is renewed whatever else the node says.
const DEAF_TIMEOUTS: u64 = 2;

impl Machine {
    /// The earliest instant at which time alone moves something.
    pub(crate) fn next_timeout(&self) -> Millis {
        let election = self.election.due().filter(|due| *due > self.now.mono);
        let first = election.into_iter().chain(self.spread.due()).min();
        first.map_or(self.next_tick, |due| due.min(self.next_tick))
    }

    pub(crate) fn on_timeout(&mut self) {
        self.spread_what_is_due();
        if self.now.mono < self.next_tick {
            self.todo.failover = true;
            return;
        }
        self.excuse_after_absence();
        self.next_tick = self.now.mono + TICK_MS;
        self.ticks += 1;
        self.pay_pongs();
        self.tend_links();
        self.settle_rivals();
        self.take_released();
        self.look_for_members();
        if self.ticks.is_multiple_of((self.config.ping_interval_ms / TICK_MS).max(1)) {
            self.ping_oldest();
        }
        if self.ticks.is_multiple_of(SLOW_TICKS) {
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
        self.close_inquiries();
        self.review_proposals();
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
            suspects += usize::from(node.suspected());
            if ix == self.me || !node.has_address() {
                continue;
            }
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
        let skipped = NodeFlags::MYSELF | NodeFlags::HANDSHAKE;
        for ix in self.nodes.places() {
            let node = &mut self.nodes[ix];
            if node.flags.any(skipped) || !(node.has_address() || node.is_voter()) {
                continue;
            }
            if !node.has_address() {
                // Another node answers where it was (its host has lost its disk): it is as silent as one that is down, and its
                // slots need somebody.
                node.ping_sent.get_or_insert(self.now.mono);
            }
            self.watch(ix);
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
            if node.ping_sent.is_none() && (stale || self.voter_wants_ping(node)) {
                if self.links.is_up(link) {
                    self.send_heartbeat(link, MessageType::Ping);
                } else {
                    // Still connecting: the time counts all the same.
                    self.nodes[ix].ping_sent = Some(now);
                }
                return;
            }
            if node.ping_sent.is_some() && self.links.is_up(link) && !self.links.has_pinged(link) {
                // None has really left: this node kept still, or its link broke. The time counts from when it should have.
                let before = node.ping_sent;
                self.send_heartbeat(link, MessageType::Ping);
                self.nodes[ix].ping_sent = before;
            }
            if self.manual.waiting_replica() == Some(ix) {
                self.send_heartbeat(link, MessageType::Ping);
                return;
            }
        }
        let node = &self.nodes[ix];
        let Some(sent) = node.ping_sent else { return };
        // Who was alive at the last moment before the ping has been silent for almost as long as the ping is unanswered.
        // What others say of it counts where pings are rare; their clocks are not ours.
        let rumoured = node.pong_received.filter(|_| !self.are_voters(node));
        let alive = node.data_received.max(rumoured);
        let silent_for = alive.map_or_else(|| now.since(sent), |at| now.since(at));
        let unanswered_for = now.since(sent) + self.ping_period(node);
        if silent_for.min(unanswered_for) > timeout && !node.flags.any(NodeFlags::PFAIL | NodeFlags::FAIL) {
            self.suspect_by_silence(ix);
        }
    }

    /// How long at most a node is left without a ping, in ms. Voters decide over failures, and leases hang on their answers: they ping each other more
    /// often than others, as far as their number allows.
    fn ping_period(&self, node: &Node) -> u64 {
        let timeout = self.config.node_timeout_ms;
        if !self.are_voters(node) {
            return timeout / 2;
        }
        let affordable = (VOTER_PING_MS * self.health.size as u64).max(VOTER_PING_LEAST_MS);
        (timeout / VOTER_PINGS).max(affordable).min(timeout / VOTER_PINGS_LEAST)
    }

    /// Whether both vote, this node and the other.
    fn are_voters(&self, node: &Node) -> bool {
        self.myself().is_voter() && node.is_voter()
    }

    fn voter_wants_ping(&self, node: &Node) -> bool {
        self.are_voters(node)
            && node.contact.is_none_or(|at| self.now.mono.since(at) >= self.ping_period(node))
    }

    /// A link older than the timeout on which a ping, and everything else, went unanswered for half of it. Or a ping
    /// alone for much longer: the node speaks on a link of its own, but ours leads nowhere (a middlebox forgot it), and
    /// it would never be seen to answer.
    fn link_is_stuck(&self, node: &Node) -> bool {
        let (now, timeout) = (self.now.mono, self.config.node_timeout_ms);
        let Some(link) = node.link.and_then(|link| self.links.get(link)) else { return false };
        if link.pings.front().is_some_and(|at| now.since(*at) > timeout * DEAF_TIMEOUTS) {
            return true;
        }
        let Some(sent) = node.ping_sent else { return false };
        let heard = node.data_received.map_or(u64::MAX, |at| now.since(at));
        now.since(link.created) > timeout && now.since(sent) > timeout / 2 && heard > timeout / 2
    }
}
