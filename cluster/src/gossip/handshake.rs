//! Getting to know each other (specification, "Nodes handshake").
//!
//! A node that an operator names (CLUSTER MEET) is in HANDSHAKE under a random name; our link greets it with MEET; its PONG tells its real name. It in turn does
//! the same back to us, with a PING. A node that does not answer within the node timeout (at least a second) is dropped.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{Header, MessageType};
use crate::gossip::receive::Sender;
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::{Node, NodeIx};
use crate::topology::NodeFlags;
use alloc::format;
use alloc::sync::Arc;
use base::NodeId;

/// How long a handshake may take at least.
const LEAST_HANDSHAKE_MS: u64 = 1000;
/// How many may be under way.
const MAX_HANDSHAKES: usize = 2000;

impl Machine {
    /// Greets an address in earnest (whoever answers is taken in), with MEET if the flags say so. Nothing happens if that is under way already.
    pub(crate) fn start_handshake(
        &mut self,
        ip: Arc<str>,
        port: u16,
        tls_port: u16,
        bus_port: u16,
        flags: NodeFlags,
    ) {
        // One for a seed only looks who is there.
        let looks = |n: &Node| n.is_seed && n.in_handshake() && n.ip == ip && n.bus_port == bus_port;
        let looking = self.nodes.iter().find(|(_, n)| looks(n)).map(|(ix, _)| ix);
        if let Some(ix) = looking {
            self.delete_node(ix);
        }
        self.begin_handshake(ip, port, tls_port, bus_port, flags);
    }

    /// Adds a node in HANDSHAKE, unless one with that address is there already.
    pub(super) fn begin_handshake(
        &mut self,
        ip: Arc<str>,
        port: u16,
        tls_port: u16,
        bus_port: u16,
        flags: NodeFlags,
    ) -> Option<NodeIx> {
        let mut handshakes = 0;
        for (_, node) in self.nodes.iter().filter(|(_, n)| n.in_handshake()) {
            handshakes += 1;
            if node.ip == ip && node.port == port && node.tls_port == tls_port && node.bus_port == bus_port {
                return None;
            }
        }
        if handshakes >= MAX_HANDSHAKES {
            return None;
        }
        let (id, shard) = (NodeId::random(&mut self.prng), NodeId::random(&mut self.prng));
        let mut node = Node::new(id, shard, flags | NodeFlags::HANDSHAKE, self.now.mono);
        (node.ip, node.port, node.tls_port, node.bus_port) = (ip, port, tls_port, bus_port);
        let ix = self.nodes.insert(node)?;
        self.publisher.structure_changed();
        Some(ix)
    }

    /// Whether a handshake has taken too long.
    pub(crate) fn handshake_expired(&self, node: &Node) -> bool {
        let limit = self.config.node_timeout_ms.max(LEAST_HANDSHAKE_MS);
        node.in_handshake() && self.now.mono.since(node.created) > limit
    }

    /// A MEET from somebody unknown: greet back.
    pub(super) fn on_meet_from_stranger(&mut self, link: LinkId, header: &Header<'_>) {
        self.join_cluster(header, true);
        self.stays_alone = false;
        let Some(ip) = self.address_of(link, header) else { return };
        let (port, tls_port) = self.ports_of(header);
        self.start_handshake(ip, port, tls_port, header.bus_port, NodeFlags::NONE);
    }

    /// On our link: ends the handshake with the name in the answer. `None`: the packet is done with.
    pub(super) fn finish_handshake(
        &mut self,
        link: LinkId,
        sender: Option<NodeIx>,
        header: &Header<'_>,
    ) -> Option<NodeIx> {
        let ix = self.links.get(link)?.node?;
        if !self.nodes[ix].in_handshake() {
            return sender;
        }
        if self.links.get(link).is_some_and(|l| l.greeted) {
            self.join_cluster(header, false);
        }
        if let Some(known) = sender {
            let text = format!(
                "Handshake: we already know node {}, updating the address if needed.",
                self.label(known)
            );
            self.log(LogLevel::Verbose, text);
            // A seed may be another address of somebody whom we reach: that changes nothing.
            if !(self.nodes[ix].is_seed && self.is_linked(&self.nodes[known])) {
                self.update_address(known, link, header);
            }
            self.delete_node(ix);
            return None;
        }
        if self.meets_stranger_at_seed(link, ix, header) {
            return None;
        }
        let name = header.sender?;
        // Somebody else may be in handshake under exactly this name only by forgery.
        if !self.nodes.rename(ix, name) {
            self.delete_node(ix);
            return None;
        }
        let node = &mut self.nodes[ix];
        node.mark = header.mark;
        node.process = header.mark.map(|mark| mark.process);
        node.member = true;
        node.flags.clear(NodeFlags::HANDSHAKE | NodeFlags::MEET);
        let role = if header.is_primary { NodeFlags::PRIMARY } else { NodeFlags::REPLICA };
        node.flags.set(role);
        node.config_epoch = node.config_epoch.max(header.config_epoch);
        self.log(LogLevel::Debug, format!("Handshake with node {name} completed."));
        self.observe_epoch(header.current_epoch.max(header.config_epoch));
        self.structure_and_state_changed();
        Some(ix)
    }

    /// Our link reached another node than the one we mean: that one's address is not known any more.
    pub(super) fn on_wrong_name(&mut self, link: LinkId, ix: NodeIx, header: &Header<'_>) {
        let place = self.address_of(link, header);
        self.close_link(link);
        let known = header.sender.and_then(|id| self.nodes.find(&id)).filter(|other| *other != self.me);
        let found = known.map_or("a stranger".into(), |other| format!("{}", self.nodes[other].id));
        let old = format!("{}:{}", self.nodes[ix].ip, self.nodes[ix].bus_port);
        self.note(
            EventType::Address,
            ix,
            format!("its address {old} is not its own any more: {found} answers there"),
        );
        let node = &mut self.nodes[ix];
        node.ping_sent.get_or_insert(self.now.mono);
        node.flags.set(NodeFlags::NOADDR);
        node.ip = "".into();
        (node.port, node.tls_port, node.bus_port) = (0, 0, 0);
        let text = format!("PONG contains mismatching sender ID. About node {}", self.nodes[ix].id);
        self.log(LogLevel::Debug, text);
        self.structure_and_state_changed();
        if let (Some(other), Some(place)) = (known, place) {
            self.found_elsewhere(other, place, header);
        }
    }

    /// A member answers at an address that we took for another's: that is where it is now, unless we reach it already.
    fn found_elsewhere(&mut self, ix: NodeIx, place: Arc<str>, header: &Header<'_>) {
        let moved = header.mark.is_none() || header.mark.map(|mark| mark.process) != self.nodes[ix].process;
        if self.is_linked(&self.nodes[ix]) || self.nodes[ix].in_handshake() || !moved {
            return;
        }
        let (port, tls_port) = self.ports_of(header);
        if self.set_address(ix, place, port, tls_port, header.bus_port) {
            self.note_address(ix);
            self.structure_and_state_changed();
        }
    }

    /// Somebody speaks under our name: ourselves (an operator had us meet ourselves), or a copy of us.
    pub(super) fn on_own_name(&mut self, link: LinkId, header: &Header<'_>) -> Sender {
        let twin = header.mark.map(|mark| mark.process).filter(|process| *process != self.process);
        if let Some(process) = twin {
            self.on_own_twin(link, header, process);
        }
        if let Some(ix) = self.links.get(link).and_then(|l| l.node)
            && self.nodes[ix].in_handshake()
        {
            self.delete_node(ix);
        } else if self.links.get(link).is_some_and(|l| !l.inbound) {
            self.close_link(link);
        } else if header.kind == MessageType::Meet as u16 && twin.is_none() {
            // The other end of this link is us: the answer ends the handshake there.
            self.send_heartbeat(link, MessageType::Pong);
        }
        Sender::Ignore
    }
}
