//! Where nodes are: what they announce, what their sockets show, and our own address as others see it.

use crate::actions::{LinkId, LogLevel};
use crate::codec::{Header, MessageType};
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use crate::topology::NodeFlags;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::net::IpAddr;

impl Machine {
    /// The address that a sender announces, or else the one it comes from.
    pub(super) fn address_of(&self, link: LinkId, header: &Header<'_>) -> Option<Arc<str>> {
        if !header.ip.is_empty() {
            return Some(header.ip.into());
        }
        let peer = self.links.get(link)?.peer?;
        Some(peer.to_canonical().to_string().into())
    }

    /// Plain and TLS client port of a header or a gossip entry, whichever comes first on the wire.
    pub(super) fn ports_of(&self, header: &Header<'_>) -> (u16, u16) {
        self.order_ports(header.port, header.second_port)
    }

    pub(super) fn order_ports(&self, first: u16, second: u16) -> (u16, u16) {
        if self.config.tls_cluster { (second, first) } else { (first, second) }
    }

    /// Others reach us by the address that they connected to: learn it from a MEET, from any ping while we have none, and from the first member that reaches us
    /// after a start, as it may be another one now.
    pub(super) fn learn_own_address(&mut self, link: LinkId, kind: MessageType, member: bool) {
        let confirms = member && !self.own_address_confirmed;
        let due = kind == MessageType::Meet || self.myself().ip.is_empty() || confirms;
        if self.config.announce_ip.is_some() || !due {
            return;
        }
        let Some(local) = self.links.get(link).and_then(|l| l.local).map(|ip| ip.to_canonical()) else {
            return;
        };
        let is_local = |ip: &str| ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        // A neighbour on the same host says nothing about where others find us.
        let tells = !local.is_loopback() || self.myself().ip.is_empty() || is_local(&self.myself().ip);
        if kind != MessageType::Meet && !tells {
            return;
        }
        self.own_address_confirmed |= member;
        let ip = local.to_string();
        if *self.myself().ip == *ip || local.is_unspecified() {
            return;
        }
        self.log(LogLevel::Notice, format!("IP address for this node updated to {ip}"));
        let me = self.me;
        self.nodes[me].ip = ip.into();
        self.saver.mark();
        self.publisher.structure_changed();
    }

    /// A ping on the link that the node opened shows where it is now; if that is news, our own link is opened again.
    pub(super) fn update_address(&mut self, ix: NodeIx, link: LinkId, header: &Header<'_>) {
        if self.nodes[ix].link == Some(link) || self.nodes[ix].in_handshake() {
            return;
        }
        let Some(ip) = self.address_of(link, header) else { return };
        let (port, tls_port) = self.ports_of(header);
        if !self.set_address(ix, ip, port, tls_port, header.bus_port) {
            return;
        }
        let node = &self.nodes[ix];
        let shown = if self.config.tls_cluster { node.tls_port } else { node.port };
        let text = format!("Address updated for node {}, now {}:{shown}", self.label(ix), node.ip);
        self.log(LogLevel::Notice, text);
        self.note_address(ix);
        self.structure_and_state_changed();
    }

    pub(super) fn note_address(&mut self, ix: NodeIx) {
        let node = &self.nodes[ix];
        let text = format!("is at {}:{} now", node.ip, node.bus_port);
        self.note(EventType::Address, ix, text);
    }

    /// Moves a node to another address; false if it is there already.
    pub(super) fn set_address(
        &mut self,
        ix: NodeIx,
        ip: Arc<str>,
        port: u16,
        tls_port: u16,
        bus_port: u16,
    ) -> bool {
        let node = &mut self.nodes[ix];
        if (&*node.ip, node.port, node.tls_port, node.bus_port) == (&*ip, port, tls_port, bus_port) {
            return false;
        }
        (node.ip, node.port, node.tls_port, node.bus_port) = (ip, port, tls_port, bus_port);
        node.flags.clear(NodeFlags::NOADDR);
        if let Some(old) = node.link {
            self.close_link(old);
        }
        self.publisher.structure_changed();
        if self.myself().primary == Some(ix) {
            self.order_replication();
        }
        true
    }
}
