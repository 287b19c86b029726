//! Gossip entries: what the sender thinks of some other node (104 bytes each).

use super::header::write_text;
use super::{GOSSIP_LEN, IP_LEN, text_field, u16_at, u32_at};
use crate::topology::NodeFlags;
use base::NodeId;

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gossip<'a> {
    /// About whom; `None` if the field is no name.
    pub node: Option<NodeId>,
    /// When the sender's unanswered ping was sent, in Unix seconds; 0 if there is none.
    pub ping_sent: u32,
    /// When the sender last had a pong, in Unix seconds; 0 if never.
    pub pong_received: u32,
    /// Address.
    pub ip: &'a str,
    /// Client port of the bus's own transport.
    pub port: u16,
    /// Bus port.
    pub bus_port: u16,
    /// Flags, as the sender sees the node.
    pub flags: NodeFlags,
    /// The other client port.
    pub second_port: u16,
}

impl<'a> Gossip<'a> {
    fn read(entry: &'a [u8]) -> Self {
        Self {
            node: entry.get(..40).and_then(NodeId::parse),
            ping_sent: u32_at(entry, 40),
            pong_received: u32_at(entry, 44),
            ip: entry.get(48..48 + IP_LEN).map_or("", text_field),
            port: u16_at(entry, 94),
            bus_port: u16_at(entry, 96),
            flags: NodeFlags(u16_at(entry, 98)),
            second_port: u16_at(entry, 100),
        }
    }

    /// The entry's bytes.
    pub(super) fn to_bytes(&self) -> [u8; GOSSIP_LEN] {
        let mut out = [0; GOSSIP_LEN];
        if let Some(node) = self.node {
            out[..40].copy_from_slice(&node.0);
        }
        out[40..44].copy_from_slice(&self.ping_sent.to_be_bytes());
        out[44..48].copy_from_slice(&self.pong_received.to_be_bytes());
        write_text(&mut out[48..48 + IP_LEN], self.ip);
        out[94..96].copy_from_slice(&self.port.to_be_bytes());
        out[96..98].copy_from_slice(&self.bus_port.to_be_bytes());
        out[98..100].copy_from_slice(&self.flags.0.to_be_bytes());
        out[100..102].copy_from_slice(&self.second_port.to_be_bytes());
        out
    }
}

/// The entries of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GossipSection<'a>(pub(super) &'a [u8]);

impl<'a> GossipSection<'a> {
    /// In order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Gossip<'a>> + use<'a> {
        self.0.chunks_exact(GOSSIP_LEN).map(Gossip::read)
    }
}
