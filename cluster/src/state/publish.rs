//! Publishing the view of the cluster to the data thread, and the orders that go with it.
//!
//! Rule 1: one FIFO. A topology goes first, then the orders that assume it, then the replies that promised it. While a promotion waits for its save nothing
//! is published: the data thread must not see itself as an owner before it is told to be one.

use super::table::NodeIx;
use crate::actions::{Action, After, ConfigVersion, Order, RequestId, ToData, TopologyVersion};
use crate::commands::{Answer, CommandError};
use crate::machine::Machine;
use crate::topology::{LinkView, NodeFlags, NodeView, Topology};
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use base::{Millis, SlotSet, UnixMillis};

/// How often at most a view is published for its counters alone.
const COUNTERS_MS: u64 = 1000;

/// A reply that waits for a save.
#[derive(Debug)]
pub(crate) struct WaitingReply {
    pub request: RequestId,
    pub result: Result<Answer, CommandError>,
    pub version: Option<ConfigVersion>,
}

#[derive(Debug, Default)]
pub(crate) struct Publisher {
    version: TopologyVersion,
    structure: bool,
    /// Since when structure waits.
    since: Option<Millis>,
    counters: bool,
    counters_at: Millis,
    /// Slots that this node lost to others since the last publication.
    pub lost: Option<SlotSet>,
    pub replies: VecDeque<WaitingReply>,
    owners: Option<(u64, Vec<NodeIx>, Arc<[u16]>)>,
}

impl Publisher {
    pub fn structure_changed(&mut self) {
        self.structure = true;
    }

    pub fn counters_changed(&mut self) {
        self.counters = true;
    }

    /// The version last published.
    pub fn version(&self) -> TopologyVersion {
        self.version
    }

    /// The version that will contain everything so far.
    pub fn next_version(&self) -> TopologyVersion {
        TopologyVersion(self.version.0 + 1)
    }
}

impl Machine {
    /// Publishes what has changed, unless a promotion is being saved.
    pub(crate) fn flush_topology(&mut self) {
        let due = self.publisher.counters && self.now.mono.since(self.publisher.counters_at) >= COUNTERS_MS;
        if self.promotion_holds_publication() || !(self.publisher.structure || due) {
            return;
        }
        let since = *self.publisher.since.get_or_insert(self.now.mono);
        if due || self.now.mono.since(since) >= self.pace_ms() || self.publication_is_urgent() {
            self.publish_topology();
        }
    }

    /// Whether more has changed than what we think of others: something that the data thread or a client waits for.
    fn publication_is_urgent(&self) -> bool {
        let (known, me) = (self.topology.myself(), self.myself());
        !self.orders.is_empty()
            || !self.publisher.replies.is_empty()
            || self.publisher.lost.is_some()
            || self.topology.state != self.health.state
            || (known.id, known.flags) != (me.id, me.flags)
            || known.primary != me.primary.map(|primary| self.nodes[primary].id)
            || (me.is_primary() && known.config_epoch != me.config_epoch)
            || !(Arc::ptr_eq(&known.slots, &me.slots) || known.slots == me.slots)
    }

    /// Publishes now; the version published.
    pub(crate) fn publish_topology(&mut self) -> TopologyVersion {
        let version = self.publisher.next_version();
        self.publisher.version = version;
        self.publisher.structure = false;
        self.publisher.since = None;
        self.publisher.counters = false;
        self.publisher.counters_at = self.now.mono;
        let topology = Arc::new(self.build_topology(version));
        self.topology = topology.clone();
        self.tell_data(ToData::Topology(topology));
        version
    }

    pub(crate) fn flush_orders(&mut self) {
        if self.promotion_holds_publication() {
            return;
        }
        if let Some(slots) = self.publisher.lost.take() {
            self.tell_data(ToData::Order(Order::DropSlots { slots, version: self.publisher.version }));
        }
        while let Some(order) = self.orders.pop_front() {
            self.tell_data(ToData::Order(order));
        }
    }

    /// Sends the replies whose save has happened. They leave in order of their saves, not of their requests.
    pub(crate) fn flush_replies(&mut self) {
        if self.promotion_holds_publication() {
            return;
        }
        for _ in 0..self.publisher.replies.len() {
            let Some(reply) = self.publisher.replies.pop_front() else { return };
            if reply.version.is_none_or(|version| self.saver.is_saved(version)) {
                self.tell_data(ToData::Reply { request: reply.request, result: reply.result });
            } else {
                self.publisher.replies.push_back(reply);
            }
        }
    }

    /// Queues a reply; it waits for this version, if any.
    pub(crate) fn queue_reply(
        &mut self,
        request: RequestId,
        result: Result<Answer, CommandError>,
        version: Option<ConfigVersion>,
    ) {
        self.publisher.replies.push_back(WaitingReply { request, result, version });
    }

    /// The disk refuses: what was promised after a save is refused too.
    pub(crate) fn fail_waiting_replies(&mut self, error: &str) {
        for reply in &mut self.publisher.replies {
            if reply.version.take().is_some() {
                reply.result = Err(CommandError::SaveFailed(error.to_string()));
            }
        }
    }

    pub(crate) fn tell_data(&mut self, message: ToData) {
        self.actions.push_back(Action::ToData { message, after: After::Now });
    }

    /// An instant of the monotonic clock as wall-clock time; 0 for never.
    pub(crate) fn unix_of(&self, at: Option<Millis>) -> UnixMillis {
        let Some(at) = at else { return UnixMillis(0) };
        let ago = self.now.mono.since(at) as i64;
        let ahead = at.since(self.now.mono) as i64;
        UnixMillis(self.now.unix.0.saturating_sub(ago).saturating_add(ahead).max(1))
    }

    fn build_topology(&mut self, version: TopologyVersion) -> Topology {
        let mut places = self.nodes.places();
        places.retain(|ix| !(self.nodes[*ix].is_seed && self.nodes[*ix].in_handshake()));
        let slots = self.owner_table(&places);
        let me = places.iter().position(|ix| *ix == self.me).unwrap_or(0);
        let nodes: Vec<NodeView> = places.iter().map(|ix| self.node_view(*ix)).collect();
        let (migrating, importing) = self.shown_open_slots();
        let links = self.links.map.values().filter(|link| link.up).filter_map(|link| {
            Some(LinkView {
                outbound: !link.inbound,
                node: self.nodes[link.node?].id,
                created: link.opened,
                send_buffered: link.buffered,
            })
        });
        let mut links: Vec<LinkView> = links.collect();
        // As Redis tells them: both directions of a peer together, ours first.
        links.sort_by_key(|link| (link.node, !link.outbound));
        Topology {
            version,
            state: self.health.state,
            me,
            current_epoch: self.current_epoch,
            last_vote_epoch: self.last_vote_epoch,
            size: self.health.size,
            slots,
            migrating,
            importing,
            links,
            nodes,
            stats: self.stats,
            name_taken_by: self.twin_place().map(Arc::from),
            save_error: self.saver.failure().map(Arc::from),
            require_full_coverage: self.config.require_full_coverage,
            allow_reads_when_down: self.config.allow_reads_when_down,
            allow_pubsubshard_when_down: self.config.allow_pubsubshard_when_down,
        }
    }

    /// The owner table in terms of the published order; built again only when owners or nodes changed.
    fn owner_table(&mut self, places: &[NodeIx]) -> Arc<[u16]> {
        let generation = self.slots.generation;
        if let Some((known, order, table)) = &self.publisher.owners
            && *known == generation
            && order == places
        {
            return table.clone();
        }
        let highest = places.iter().map(|ix| usize::from(ix.0)).max().unwrap_or(0);
        let mut position = vec![Topology::UNASSIGNED; highest + 1];
        for (at, ix) in places.iter().enumerate() {
            position[usize::from(ix.0)] = at as u16;
        }
        let place = |ix: Option<NodeIx>| ix.map_or(Topology::UNASSIGNED, |ix| position[usize::from(ix.0)]);
        let table: Arc<[u16]> = self.slots.owners().map(place).collect();
        self.publisher.owners = Some((generation, places.to_vec(), table.clone()));
        table
    }

    fn node_view(&self, ix: NodeIx) -> NodeView {
        let node = &self.nodes[ix];
        let speaker = node.primary.filter(|_| node.is_replica()).map_or(node, |primary| &self.nodes[primary]);
        let offset = if ix == self.me { self.my_offset() } else { node.repl_offset };
        NodeView {
            id: node.id,
            shard_id: node.shard_id,
            ip: node.ip.clone(),
            port: node.port,
            tls_port: node.tls_port,
            bus_port: node.bus_port,
            hostname: node.hostname.clone(),
            human_nodename: node.human_nodename.clone(),
            client_ipv4: node.client_ipv4.clone(),
            client_ipv6: node.client_ipv6.clone(),
            flags: node.flags,
            primary: node.primary.map(|primary| self.nodes[primary].id),
            ping_sent: self.unix_of(node.ping_sent),
            pong_received: self.unix_of(node.pong_received),
            config_epoch: speaker.config_epoch,
            link_up: node.flags.has(NodeFlags::MYSELF)
                || node.link.is_some_and(|link| self.links.is_up(link)),
            slots: node.slots.clone(),
            repl_offset: offset,
            failure_reports: self.fresh_reports(node),
        }
    }
}
