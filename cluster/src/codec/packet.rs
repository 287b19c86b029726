//! From bytes to a packet: every length checked before anything is read.
//!
//! The expected length follows from the type, the gossip count, the extensions' own lengths or the strings' lengths; a packet of any other length is
//! refused as a whole, as Redis does.

use super::extension::HEAD;
use super::{
    BITMAP_LEN, Extensions, GOSSIP_LEN, GossipSection, HEADER_LEN, Header, LIGHT, LIGHT_HEADER_LEN,
    MessageType, PROTOCOL_VERSION, PacketError, SIGNATURE, mflags, u16_at, u32_at, u64_at,
};
use base::{Epoch, NodeId};

/// A decoded packet.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives on the stack while it is looked at, and is never moved"
)]
pub enum Packet<'a> {
    /// With a full header.
    Full(Header<'a>, Body<'a>),
    /// With Valkey's light header: the sender is whoever owns the link.
    Light {
        /// PUBLISHSHARD rather than PUBLISH.
        sharded: bool,
        /// Channel.
        channel: &'a [u8],
        /// Payload.
        message: &'a [u8],
    },
}

/// What follows the header.
#[derive(Clone, PartialEq, Debug)]
pub enum Body<'a> {
    /// PING, PONG or MEET.
    Heartbeat {
        /// Which of the three.
        kind: MessageType,
        /// Gossip.
        gossip: GossipSection<'a>,
        /// Extensions.
        extensions: Extensions<'a>,
    },
    /// FAIL.
    Fail {
        /// Who failed; `None` if the field is no name.
        node: Option<NodeId>,
    },
    /// PUBLISH or PUBLISHSHARD.
    Publish {
        /// Which of the two.
        sharded: bool,
        /// Channel.
        channel: &'a [u8],
        /// Payload.
        message: &'a [u8],
    },
    /// FAILOVER_AUTH_REQUEST.
    AuthRequest,
    /// FAILOVER_AUTH_ACK.
    AuthAck,
    /// UPDATE.
    Update {
        /// The epoch of the claim.
        config_epoch: Epoch,
        /// Whose claim; `None` if the field is no name.
        node: Option<NodeId>,
        /// The slots claimed.
        slots: &'a [u8; BITMAP_LEN],
    },
    /// MFSTART.
    MfStart,
    /// MODULE, ignored.
    Module,
    /// A type that we do not know, ignored.
    Unknown,
}

/// Decodes one whole packet, as the framer delivers it.
pub fn decode(bytes: &[u8]) -> Result<Packet<'_>, PacketError> {
    if bytes.len() < LIGHT_HEADER_LEN || bytes[..4] != SIGNATURE {
        return Err(PacketError::Framing);
    }
    if Header::claimed_length(bytes) as usize != bytes.len() {
        return Err(PacketError::Framing);
    }
    let version = u16_at(bytes, 8);
    if version != PROTOCOL_VERSION {
        return Err(PacketError::Version(version));
    }
    let kind = u16_at(bytes, 12);
    if kind & LIGHT != 0 {
        return decode_light(bytes, kind & !LIGHT);
    }
    let header = Header::read(bytes).ok_or(PacketError::Framing)?;
    let body = decode_body(&header, bytes, &bytes[HEADER_LEN..])?;
    Ok(Packet::Full(header, body))
}

fn decode_light(bytes: &[u8], kind: u16) -> Result<Packet<'_>, PacketError> {
    let sharded = match MessageType::from_wire(kind) {
        Some(MessageType::Publish) => false,
        Some(MessageType::PublishShard) => true,
        _ => return Err(PacketError::NotLight(kind)),
    };
    let (channel, message) = strings(kind, LIGHT_HEADER_LEN, &bytes[LIGHT_HEADER_LEN..])?;
    Ok(Packet::Light { sharded, channel, message })
}

fn decode_body<'a>(header: &Header<'a>, bytes: &'a [u8], data: &'a [u8]) -> Result<Body<'a>, PacketError> {
    let kind = header.kind;
    let exactly = |need: usize| {
        let error =
            PacketError::Length { kind, claimed: bytes.len() as u64, expected: (HEADER_LEN + need) as u64 };
        if data.len() == need { Ok(()) } else { Err(error) }
    };
    let Some(message) = MessageType::from_wire(kind) else { return Ok(Body::Unknown) };
    match message {
        MessageType::Ping | MessageType::Pong | MessageType::Meet => {
            let (gossip, extensions) = heartbeat(header, data)?;
            Ok(Body::Heartbeat { kind: message, gossip, extensions })
        }
        MessageType::Fail => {
            exactly(40)?;
            Ok(Body::Fail { node: NodeId::parse(data) })
        }
        MessageType::Publish | MessageType::PublishShard => {
            let (channel, payload) = strings(kind, HEADER_LEN, data)?;
            Ok(Body::Publish { sharded: message == MessageType::PublishShard, channel, message: payload })
        }
        MessageType::AuthRequest => exactly(0).map(|()| Body::AuthRequest),
        MessageType::AuthAck => exactly(0).map(|()| Body::AuthAck),
        MessageType::MfStart => exactly(0).map(|()| Body::MfStart),
        MessageType::Update => {
            exactly(48 + BITMAP_LEN)?;
            let slots = data[48..].try_into().map_err(|_| PacketError::Framing)?;
            Ok(Body::Update {
                config_epoch: Epoch(u64_at(data, 0)),
                node: NodeId::parse(&data[8..48]),
                slots,
            })
        }
        MessageType::Module => {
            if data.len() < 13 {
                return exactly(13).map(|()| Body::Module);
            }
            exactly(13usize.saturating_add(u32_at(data, 8) as usize)).map(|()| Body::Module)
        }
    }
}

/// Cuts the data of a heartbeat into gossip and extensions.
fn heartbeat<'a>(
    header: &Header<'a>,
    data: &'a [u8],
) -> Result<(GossipSection<'a>, Extensions<'a>), PacketError> {
    let kind = header.kind;
    let gossip_len = usize::from(header.count) * GOSSIP_LEN;
    let length = |expected: usize| PacketError::Length {
        kind,
        claimed: (HEADER_LEN + data.len()) as u64,
        expected: (HEADER_LEN + expected) as u64,
    };
    let gossip = data.get(..gossip_len).ok_or_else(|| length(gossip_len))?;
    let rest = &data[gossip_len..];
    let mut used = 0;
    if header.mflags & mflags::EXT_DATA != 0 {
        for _ in 0..header.extensions {
            let head = rest.get(used..used + HEAD).ok_or(PacketError::Extension { kind, length: 0 })?;
            let extension = u32_at(head, 0);
            let bad = PacketError::Extension { kind, length: extension };
            if !extension.is_multiple_of(8)
                || (extension as usize) < HEAD
                || rest.len() - used < extension as usize
            {
                return Err(bad);
            }
            used += extension as usize;
        }
    }
    if used != rest.len() {
        return Err(length(gossip_len + used));
    }
    Ok((GossipSection(gossip), Extensions { bytes: rest }))
}

/// The two strings of PUBLISH: both lengths, then both contents.
fn strings(kind: u16, head: usize, data: &[u8]) -> Result<(&[u8], &[u8]), PacketError> {
    let error = |expected: u64| PacketError::Length { kind, claimed: (head + data.len()) as u64, expected };
    if data.len() < 8 {
        return Err(error(head as u64 + 8));
    }
    let (channel, message) = (u32_at(data, 0), u32_at(data, 4));
    let need = 8 + u64::from(channel) + u64::from(message);
    if need != data.len() as u64 {
        return Err(error(head as u64 + need));
    }
    Ok(data[8..].split_at(channel as usize))
}
