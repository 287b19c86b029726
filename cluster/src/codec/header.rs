//! The header that every packet but Valkey's light ones begins with: who speaks, what it claims, what it believes.

use super::{
    BITMAP_LEN, HEADER_LEN, IP_LEN, Mark, PROTOCOL_VERSION, SIGNATURE, text_field, u16_at, u32_at, u64_at,
};
use crate::topology::NodeFlags;
use base::{Epoch, NodeId, ReplOffset};

/// Bits of `Header::mflags`.
pub mod mflags {
    /// The primary holds its writes for a manual failover.
    pub const PAUSED: u8 = 1;
    /// Vote although the candidate's primary works (manual failover).
    pub const FORCEACK: u8 = 2;
    /// Extensions follow the gossip entries.
    pub const EXT_DATA: u8 = 4;
    /// Grapevine's own, between Grapevine's nodes: the sender is about to be started again.
    pub const RESTARTING: u8 = 128;
}

/// What a packet is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MessageType {
    /// Are you there? With gossip.
    Ping = 0,
    /// I am. With gossip. Also unasked, to announce something.
    Pong = 1,
    /// A ping that makes the receiver take the sender in.
    Meet = 2,
    /// A node is failed, by agreement.
    Fail = 3,
    /// A published message.
    Publish = 4,
    /// A replica asks for a vote.
    AuthRequest = 5,
    /// A vote.
    AuthAck = 6,
    /// News about a node's slots, for one whose view is old.
    Update = 7,
    /// A replica asks its primary to hold its writes.
    MfStart = 8,
    /// A module's message; ignored.
    Module = 9,
    /// A message published within a shard.
    PublishShard = 10,
}

impl MessageType {
    /// All of them, by number.
    pub const ALL: [MessageType; 11] = [
        MessageType::Ping,
        MessageType::Pong,
        MessageType::Meet,
        MessageType::Fail,
        MessageType::Publish,
        MessageType::AuthRequest,
        MessageType::AuthAck,
        MessageType::Update,
        MessageType::MfStart,
        MessageType::Module,
        MessageType::PublishShard,
    ];

    /// From the type field (without the light bit).
    pub fn from_wire(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// As CLUSTER INFO calls it.
    pub fn name(self) -> &'static str {
        crate::topology::MESSAGE_TYPES[self as usize]
    }
}

/// The header's fields. Ports and addresses are what the sender announces about itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Header<'a> {
    /// The type field as it came.
    pub kind: u16,
    /// Client port of the bus's own transport: the TLS port when the bus uses TLS, else the plain one.
    pub port: u16,
    /// The other client port; 0 if there is none.
    pub second_port: u16,
    /// Bus port.
    pub bus_port: u16,
    /// How many gossip entries follow.
    pub count: u16,
    /// How many extensions follow those (counts only with `mflags::EXT_DATA`).
    pub extensions: u16,
    /// The largest epoch that the sender knows.
    pub current_epoch: Epoch,
    /// The epoch of the claim below; a replica sends its primary's.
    pub config_epoch: Epoch,
    /// Replication offset.
    pub offset: ReplOffset,
    /// Who speaks; `None` if the field is no name.
    pub sender: Option<NodeId>,
    /// The claimed slots; a replica sends its primary's.
    pub slots: &'a [u8; BITMAP_LEN],
    /// A replica's primary; `None` from a primary.
    pub primary: Option<NodeId>,
    /// Whether the `replicaof` field is all zero, that is, whether the sender is a primary.
    pub is_primary: bool,
    /// The announced address; empty to be taken from the socket.
    pub ip: &'a str,
    /// The sender's flags.
    pub flags: NodeFlags,
    /// 0 if the cluster serves as the sender sees it, 1 if not.
    pub state: u8,
    /// Message flags, see [`mflags`].
    pub mflags: u8,
    /// What only Grapevine says; `None` from Redis and Valkey.
    pub mark: Option<Mark>,
}

impl<'a> Header<'a> {
    /// Reads the header of a packet of at least `HEADER_LEN` bytes; `None` if it is shorter.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.get(..HEADER_LEN)?;
        let slots: &[u8; BITMAP_LEN] = head[80..80 + BITMAP_LEN].try_into().ok()?;
        let primary = &head[2128..2168];
        Some(Self {
            kind: u16_at(head, 12),
            port: u16_at(head, 10),
            second_port: u16_at(head, 2246),
            bus_port: u16_at(head, 2248),
            count: u16_at(head, 14),
            extensions: u16_at(head, 2214),
            current_epoch: Epoch(u64_at(head, 16)),
            config_epoch: Epoch(u64_at(head, 24)),
            offset: ReplOffset(u64_at(head, 32)),
            sender: NodeId::parse(&head[40..80]),
            slots,
            primary: NodeId::parse(primary),
            is_primary: primary.iter().all(|b| *b == 0),
            ip: text_field(&head[2168..2168 + IP_LEN]),
            flags: NodeFlags(u16_at(head, 2250)),
            state: head[2252],
            mflags: head[2253],
            mark: Mark::read(head),
        })
    }

    /// Writes the header; length, count and extensions are filled in by the writer when it is done.
    pub(super) fn write(&self, out: &mut [u8; HEADER_LEN]) {
        out.fill(0);
        out[0..4].copy_from_slice(&SIGNATURE);
        out[8..10].copy_from_slice(&PROTOCOL_VERSION.to_be_bytes());
        out[10..12].copy_from_slice(&self.port.to_be_bytes());
        out[12..14].copy_from_slice(&self.kind.to_be_bytes());
        out[16..24].copy_from_slice(&self.current_epoch.0.to_be_bytes());
        out[24..32].copy_from_slice(&self.config_epoch.0.to_be_bytes());
        out[32..40].copy_from_slice(&self.offset.0.to_be_bytes());
        if let Some(sender) = self.sender {
            out[40..80].copy_from_slice(&sender.0);
        }
        out[80..80 + BITMAP_LEN].copy_from_slice(self.slots);
        if let Some(primary) = self.primary {
            out[2128..2168].copy_from_slice(&primary.0);
        }
        write_text(&mut out[2168..2168 + IP_LEN], self.ip);
        out[2246..2248].copy_from_slice(&self.second_port.to_be_bytes());
        out[2248..2250].copy_from_slice(&self.bus_port.to_be_bytes());
        out[2250..2252].copy_from_slice(&self.flags.0.to_be_bytes());
        out[2252] = self.state;
        out[2253] = self.mflags;
        if let Some(mark) = &self.mark {
            mark.write(out);
        }
    }

    /// The claimed total length (bytes 4 to 8).
    pub(super) fn claimed_length(bytes: &[u8]) -> u32 {
        u32_at(bytes, 4)
    }
}

/// Writes text into a NUL-terminated field, cut to fit.
pub(super) fn write_text(field: &mut [u8], text: &str) {
    let len = text.len().min(field.len().saturating_sub(1));
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
}
