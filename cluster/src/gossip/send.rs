//! Packets that leave: headers from this node's claims, gossip about others, to one link or to all.

use crate::actions::{Action, After, LinkId};
use crate::codec::{Gossip, Header, Mark, MessageType, Writer, capability, mflags};
use crate::machine::Machine;
use crate::state::{Claims, Node, NodeIx};
use crate::topology::{NodeFlags, State};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, NodeId, ReplOffset, SlotSet};

/// What our headers' flags say about this program: it reads extensions, and Valkey's light PUBLISH headers. That it is Grapevine
/// says the mark.
const CAPABILITIES: NodeFlags = NodeFlags(1024 | 2048);
/// Gossip goes about a tenth of the nodes, and about three at least.
const GOSSIP_SHARE: usize = 10;
const GOSSIP_LEAST: usize = 3;
/// The data thread reports ten times a second: no shorter silence is a hang, whatever the node timeout.
const LEAST_HANG_MS: u64 = 300;
/// With so many nodes and more, about such as follow each other in the order of names.
const NEIGHBOURS_FROM: usize = 256;

impl Machine {
    /// A header with these claims.
    pub(crate) fn header<'a>(&'a self, kind: MessageType, claims: &'a Claims) -> Header<'a> {
        let (plain, tls) = (self.config.announced_port(), self.config.announced_tls_port());
        let (port, second_port) = if self.config.tls_cluster { (tls, plain) } else { (plain, tls) };
        let paused = self.manual.paused_offset.is_some() && claims.flags.has(NodeFlags::PRIMARY);
        let frozen = if self.sees_primary_failed() { NodeFlags::PRIMARY_FAILED } else { NodeFlags::NONE };
        Header {
            kind: kind as u16,
            port,
            second_port,
            bus_port: self.config.announced_bus_port(),
            count: 0,
            extensions: 0,
            current_epoch: claims.current_epoch,
            config_epoch: claims.config_epoch,
            offset: self.stated_offset(),
            sender: Some(self.myself().id),
            slots: claims.slots.as_bytes(),
            primary: claims.primary,
            is_primary: claims.primary.is_none(),
            ip: self.config.announce_ip.as_deref().unwrap_or(""),
            flags: claims.flags | CAPABILITIES | frozen,
            state: u8::from(self.health.state != State::Ok),
            mflags: if paused { mflags::PAUSED } else { 0 } | self.restarting_flag(),
            mark: Some(Mark {
                capabilities: self.capabilities(),
                cluster: self.cluster_id,
                process: self.process,
            }),
        }
    }

    fn capabilities(&self) -> u16 {
        let holds = if self.has_to_tell() { capability::HOLDS } else { 0 };
        capability::JOURNAL | capability::SET_SLOT | holds
    }

    /// Queues a packet on a link that is up.
    pub(crate) fn send(&mut self, link: LinkId, kind: MessageType, packet: Arc<[u8]>, after: After) {
        if self.links.is_up(link) && !self.boot_withholds(link, kind) {
            self.stats.sent[kind as usize] += 1;
            self.actions.push_back(Action::Send { link, packet, after });
        }
    }

    /// Queues a packet for every node that we have a link to, nodes in handshake left out.
    pub(crate) fn broadcast(&mut self, kind: MessageType, packet: &Arc<[u8]>, after: After) {
        for link in self.links_to(|_| true) {
            self.send(link, kind, packet.clone(), after);
        }
    }

    /// Our links to the nodes that `wanted` picks.
    pub(crate) fn links_to(&self, wanted: impl Fn(NodeIx) -> bool) -> Vec<LinkId> {
        let known = self.nodes.iter().filter(|(ix, n)| *ix != self.me && !n.in_handshake() && wanted(*ix));
        known.filter_map(|(_, n)| n.link.filter(|link| self.links.is_up(*link))).collect()
    }

    /// A packet without a body, built from the live state: it must wait for the save of that state.
    pub(crate) fn bare_packet(&self, kind: MessageType, extra_mflags: u8) -> Arc<[u8]> {
        let claims = self.live_claims();
        let mut header = self.header(kind, &claims);
        header.mflags |= extra_mflags;
        Writer::new(&header).finish()
    }

    /// Whether this node keeps still: its name is not durable yet, its data thread hangs, it leaves its shard to a replica, or nobody may hear of its promotion
    /// yet.
    pub(crate) fn is_silent(&self) -> bool {
        !self.saver.named || self.boot.is_silent() || self.is_hung()
    }

    pub(crate) fn is_hung(&self) -> bool {
        self.data.is_hung(self.now.mono, (self.config.node_timeout_ms / 2).max(LEAST_HANG_MS))
    }

    /// Sends a PING, PONG or MEET with gossip and extensions.
    pub(crate) fn send_heartbeat(&mut self, id: LinkId, kind: MessageType) {
        if self.is_silent() || self.boot_withholds(id, kind) {
            // The peer pings no more while that PING is open, and as long as it hears us otherwise it keeps the link:
            // unanswered for ever, it would never take a FAIL of ours back.
            if kind == MessageType::Pong {
                self.links.owe_pong(id);
            }
            return;
        }
        if !self.links.is_up(id) {
            return;
        }
        let Some(link) = self.links.get(id) else { return };
        let (target, inbound, mut extensions) = (link.node, link.inbound, link.extensions);
        extensions |= kind == MessageType::Meet || target.is_some_and(|ix| self.nodes[ix].extensions);
        if !inbound && kind != MessageType::Pong {
            self.links.note_ping(id, self.now.mono);
        }
        if let Some(ix) = target.filter(|_| !inbound && kind == MessageType::Ping) {
            self.nodes[ix].ping_sent = Some(self.now.mono);
        }
        let about = self.choose_gossip();
        let mut header = self.header(kind, &self.wire);
        if target.is_some() && target == self.my_primary() {
            // Nobody else may compare it with anything.
            let held = if self.data.held_from.is_none() { self.held_offset() } else { ReplOffset(0) };
            header.offset = header.offset.max(held);
        }
        let mut writer = Writer::with_room(&header, about.len());
        for ix in about {
            writer.gossip(&self.gossip_entry(ix));
        }
        self.write_extensions(&mut writer, extensions);
        self.write_takeover(&mut writer, target);
        self.write_holding(&mut writer, target);
        self.write_open_slots(&mut writer, target);
        self.send(id, kind, writer.finish(), After::Now);
    }

    /// Answers the PINGs that came while this node kept still, once it does not.
    pub(crate) fn pay_pongs(&mut self) {
        if self.is_silent() {
            return;
        }
        for (link, count) in self.links.take_owing() {
            for _ in 0..count {
                self.send_heartbeat(link, MessageType::Pong);
            }
        }
    }

    /// PONG to everybody: our claims changed.
    pub(crate) fn broadcast_pong(&mut self) {
        for link in self.links_to(|_| true) {
            self.send_heartbeat(link, MessageType::Pong);
        }
    }

    /// PONG to the replicas of our own shard: our offset matters to them.
    pub(crate) fn pong_to_siblings(&mut self) {
        let (me, primary) = (self.me, self.myself().primary);
        let sibling = |ix: NodeIx| {
            let theirs = self.nodes[ix].primary.filter(|_| self.nodes[ix].is_replica());
            theirs.is_some() && (theirs == Some(me) || theirs == primary)
        };
        for link in self.links_to(sibling) {
            self.send_heartbeat(link, MessageType::Pong);
        }
    }

    /// FAIL about a node, to everybody.
    pub(crate) fn broadcast_fail(&mut self, ix: NodeIx) {
        let id = self.nodes[ix].id;
        let packet = Writer::new(&self.header(MessageType::Fail, &self.wire)).fail(&id);
        self.broadcast(MessageType::Fail, &packet, After::Now);
    }

    /// FAIL about a node, to those who vote.
    pub(crate) fn fail_to_voters(&mut self, ix: NodeIx) {
        let id = self.nodes[ix].id;
        let packet = Writer::new(&self.header(MessageType::Fail, &self.wire)).fail(&id);
        for link in self.links_to(|ix| self.nodes[ix].is_voter()) {
            self.send(link, MessageType::Fail, packet.clone(), After::Now);
        }
    }

    /// UPDATE about a slot owner, to a node whose view is older. Slots that the owner itself no longer claims are left out.
    pub(crate) fn send_update(&mut self, to: NodeIx, owner: NodeIx) {
        let Some(link) = self.nodes[to].link else { return };
        let (id, epoch, slots) = if owner == self.me {
            (self.myself().id, self.wire.config_epoch, self.wire.slots.clone())
        } else {
            let node = &self.nodes[owner];
            (node.id, node.config_epoch, node.slots.clone())
        };
        self.send_claim(link, id, epoch, &slots);
    }

    fn send_claim(&mut self, link: LinkId, id: NodeId, epoch: Epoch, slots: &SlotSet) {
        let mut bitmap = *slots.as_bytes();
        for (byte, dropped) in bitmap.iter_mut().zip(self.slots.not_claimed.as_bytes()) {
            *byte &= !dropped;
        }
        let packet = Writer::new(&self.header(MessageType::Update, &self.wire)).update(epoch, &id, &bitmap);
        self.send(link, MessageType::Update, packet, After::Now);
    }

    /// Whom to gossip about: some at random, and everybody who is suspected.
    fn choose_gossip(&mut self) -> Vec<NodeIx> {
        let fresh = self.nodes.len().saturating_sub(2);
        let wanted = (self.nodes.len() / GOSSIP_SHARE).max(GOSSIP_LEAST).min(fresh);
        let mut chosen = Vec::with_capacity(wanted);
        if self.nodes.len() >= NEIGHBOURS_FROM {
            self.choose_neighbours(wanted, &mut chosen);
        } else {
            self.choose_at_random(wanted, fresh, &mut chosen);
        }
        if self.suspects > 0 {
            let known = |n: &Node| !n.in_handshake() && (n.has_address() || n.is_voter());
            let suspected = |n: &Node| n.suspected() && known(n);
            chosen.extend(self.nodes.iter().filter(|(_, n)| suspected(n)).map(|(ix, _)| ix));
        }
        chosen
    }

    fn is_hidden(node: &Node) -> bool {
        node.in_handshake() || !node.has_address() || (node.link.is_none() && node.slot_count == 0)
    }

    /// Some that follow each other in the order of names, which is everybody's: who writes hundreds of entries, and who reads them, goes through memory once.
    fn choose_neighbours(&mut self, wanted: usize, chosen: &mut Vec<NodeIx>) {
        let me = self.me;
        let told = |ix: &NodeIx| {
            let node = &self.nodes[*ix];
            *ix != me && !node.suspected() && !Self::is_hidden(node)
        };
        chosen.extend(self.nodes.ring_from_anywhere(&mut self.prng).filter(told).take(wanted));
    }

    fn choose_at_random(&mut self, wanted: usize, mut fresh: usize, chosen: &mut Vec<NodeIx>) {
        self.gossip_round += 1;
        let round = self.gossip_round;
        for _ in 0..wanted * 3 {
            if fresh == 0 || chosen.len() >= wanted {
                break;
            }
            let Some(ix) = self.nodes.random(&mut self.prng) else { break };
            let node = &mut self.nodes[ix];
            if ix == self.me || node.suspected() || node.gossip_round == round {
                continue;
            }
            fresh -= 1;
            if !Self::is_hidden(node) {
                node.gossip_round = round;
                chosen.push(ix);
            }
        }
    }

    fn gossip_entry(&self, ix: NodeIx) -> Gossip<'_> {
        let node = &self.nodes[ix];
        let seconds = |at| (self.unix_of(at).0 / 1000) as u32;
        let (port, second_port) =
            if self.config.tls_cluster { (node.tls_port, node.port) } else { (node.port, node.tls_port) };
        Gossip {
            node: Some(node.id),
            ping_sent: seconds(node.ping_sent),
            pong_received: seconds(node.pong_received),
            ip: &node.ip,
            port,
            bus_port: node.bus_port,
            flags: node.flags,
            second_port,
        }
    }
}
