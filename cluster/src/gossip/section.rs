//! Reading gossip: what a known node thinks of the others.
//!
//! From primaries, suspicions are failure reports and their absence withdraws them. From anybody known: new nodes, fresher pongs, and new addresses of
//! nodes that we cannot reach. Gossip of strangers is not read: an address may have been reused by another cluster.

use crate::codec::{Gossip, GossipSection};
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use base::{Millis, NodeId};

/// How far in the future a pong may be that others report, clocks being what they are.
const PONG_TOLERANCE_MS: i64 = 500;
/// The flags of a gossip entry that may be believed about a node that is new to us.
const BELIEVED: u16 =
    NodeFlags::PRIMARY.0 | NodeFlags::REPLICA.0 | NodeFlags::FAIL.0 | NodeFlags::NOFAILOVER.0;

impl Machine {
    pub(super) fn read_gossip(&mut self, sender: NodeIx, section: GossipSection<'_>) {
        // In large clusters entries come in the order of names.
        let mut guess = 0;
        for entry in section.iter() {
            let Some(id) = entry.node else { continue };
            let found = self.nodes.find_near(&id, guess);
            guess = found.map_or(guess, |(place, _)| place + 1);
            match found.map(|(_, ix)| ix) {
                Some(ix) if ix == self.me => {}
                Some(ix) => self.gossip_about(sender, ix, &entry),
                None => self.gossip_about_new(id, &entry),
            }
        }
    }

    fn gossip_about(&mut self, sender: NodeIx, ix: NodeIx, entry: &Gossip<'_>) {
        let failing = entry.flags.any(NodeFlags::FAIL | NodeFlags::PFAIL);
        if ix != sender && self.nodes[sender].is_primary() {
            if failing {
                if self.counts_for_failures(&self.nodes[sender]) {
                    self.add_failure_report(ix, sender);
                }
                self.mark_failed_if_agreed(ix);
            } else {
                self.remove_failure_report(ix, sender);
            }
        }
        if failing {
            return;
        }
        let reported = self.is_reported(&self.nodes[ix]);
        let pong = self.mono_of_seconds(entry.pong_received);
        let node = &mut self.nodes[ix];
        if node.ping_sent.is_none() && !reported && pong.is_some() && pong > node.pong_received {
            node.pong_received = pong;
        }
        let suspected = node.flags.any(NodeFlags::FAIL | NodeFlags::PFAIL);
        // Who has heard of it since we began to miss it knows where it is.
        let missed_since = node.ping_sent.filter(|_| node.link.is_none_or(|link| !self.links.is_up(link)));
        let unreachable = suspected || missed_since.is_some_and(|at| pong > Some(at));
        if unreachable && !entry.flags.has(NodeFlags::NOADDR) && !entry.ip.is_empty() {
            let (port, tls_port) = self.order_ports(entry.port, entry.second_port);
            if self.set_address(ix, entry.ip.into(), port, tls_port, entry.bus_port) {
                self.saver.mark_in_time();
            }
        }
    }

    fn gossip_about_new(&mut self, id: NodeId, entry: &Gossip<'_>) {
        let unusable = entry.flags.any(NodeFlags::NOADDR | NodeFlags::HANDSHAKE) || entry.ip.is_empty();
        if unusable || self.blacklist.contains(&id, self.now.mono) {
            return;
        }
        let shard = NodeId::random(&mut self.prng);
        let mut node = Node::new(id, shard, NodeFlags(entry.flags.0 & BELIEVED), self.now.mono);
        let (port, tls_port) = self.order_ports(entry.port, entry.second_port);
        (node.ip, node.port, node.tls_port, node.bus_port) =
            (entry.ip.into(), port, tls_port, entry.bus_port);
        if self.nodes.insert(node).is_some() {
            self.structure_and_state_changed();
        }
    }

    /// A time of day that a peer reports, on our monotonic clock; `None` for never, for the future, and for before our clock began.
    fn mono_of_seconds(&self, seconds: u32) -> Option<Millis> {
        let ago = self.now.unix.0 - i64::from(seconds) * 1000;
        if seconds == 0 || ago < -PONG_TOLERANCE_MS {
            return None;
        }
        self.now.mono.0.checked_sub(ago.max(0) as u64).map(Millis)
    }
}
