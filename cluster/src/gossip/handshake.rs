//! Getting to know each other (specification, "Nodes handshake").
//!
//! A node that an operator names (CLUSTER MEET) is in HANDSHAKE under a random name; our link greets it with MEET; its PONG tells its real name. It in turn does
//! the same back to us, with a PING. A node that does not answer within the node timeout (at least a second) is dropped.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{Header, MessageType};
use crate::gossip::receive::Sender;
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
    /// Adds a node in HANDSHAKE, unless one with that address is there already.
    pub(crate) fn start_handshake(
        &mut self,
        ip: Arc<str>,
        port: u16,
        tls_port: u16,
        bus_port: u16,
        flags: NodeFlags,
    ) {
        let mut handshakes = 0;
        for (_, node) in self.nodes.iter().filter(|(_, n)| n.in_handshake()) {
            handshakes += 1;
            if node.ip == ip && node.port == port && node.tls_port == tls_port && node.bus_port == bus_port {
                return;
            }
        }
        if handshakes >= MAX_HANDSHAKES {
            return;
        }
        let (id, shard) = (NodeId::random(&mut self.prng), NodeId::random(&mut self.prng));
        let mut node = Node::new(id, shard, flags | NodeFlags::HANDSHAKE, self.now.mono);
        (node.ip, node.port, node.tls_port, node.bus_port) = (ip, port, tls_port, bus_port);
        if self.nodes.insert(node).is_some() {
            self.publisher.structure_changed();
        }
    }

    /// Whether a handshake has taken too long.
    pub(crate) fn handshake_expired(&self, node: &Node) -> bool {
        let limit = self.config.node_timeout_ms.max(LEAST_HANDSHAKE_MS);
        node.in_handshake() && self.now.mono.since(node.created) > limit
    }

    /// A MEET from somebody unknown: greet back.
    pub(super) fn on_meet_from_stranger(&mut self, link: LinkId, header: &Header<'_>) {
        self.join_cluster(header, true);
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
            self.update_address(known, link, header);
            self.delete_node(ix);
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
    pub(super) fn on_wrong_name(&mut self, link: LinkId, ix: NodeIx) {
        self.close_link(link);
        let node = &mut self.nodes[ix];
        node.flags.set(NodeFlags::NOADDR);
        node.ip = "".into();
        (node.port, node.tls_port, node.bus_port) = (0, 0, 0);
        let text = format!("PONG contains mismatching sender ID. About node {}", self.nodes[ix].id);
        self.log(LogLevel::Debug, text);
        self.structure_and_state_changed();
    }

    /// Somebody speaks under our name: ourselves (an operator had us meet ourselves), or a copy of us.
    pub(super) fn on_own_name(&mut self, link: LinkId, header: &Header<'_>) -> Sender {
        if let Some(ix) = self.links.get(link).and_then(|l| l.node)
            && self.nodes[ix].in_handshake()
        {
            self.delete_node(ix);
        } else if self.links.get(link).is_some_and(|l| !l.inbound) {
            self.close_link(link);
        } else if header.kind == MessageType::Meet as u16 {
            // The other end of this link is us: the answer ends the handshake there.
            self.send_heartbeat(link, MessageType::Pong);
        }
        Sender::Ignore
    }
}
