//! The cluster bus, byte for byte as Redis 7 speaks it (protocol version 1).
//!
//! Model: a packet is a fixed header of 2256 bytes (all integers big-endian) and a body whose shape the type decides: gossip entries of 104 bytes and
//! then extensions (PING, PONG, MEET), a name (FAIL), a name with slots (UPDATE), two strings (PUBLISH), or nothing (votes, MFSTART).
//! [`decode`] borrows from the received bytes and checks every length first; [`Writer`] builds; [`Framer`] cuts a byte stream into packets.
//!
//! Invariants: decoding never panics and never allocates by a number that a peer sent. Text from the wire (addresses, names) is let through
//! only if it is made of characters that nodes.conf and CLUSTER NODES can carry.
//! It does not know nodes, links or what a packet means.

mod extension;
mod framer;
mod gossip;
mod header;
mod mark;
mod packet;
mod writer;

#[cfg(test)]
mod tests;

pub use extension::{Extension, Extensions, SetSlotKind};
pub use framer::{Framer, MAX_PACKET, is_one_packet};
pub use gossip::{Gossip, GossipSection};
pub use header::{Header, MessageType, mflags};
pub use mark::{ClusterId, Mark, Process, capability};
pub use packet::{Body, Packet, decode};
pub use writer::Writer;

use core::fmt;

/// Length of the header, and of packets without a body.
pub const HEADER_LEN: usize = 2256;
/// Length of one gossip entry.
pub const GOSSIP_LEN: usize = 104;
/// Length of Valkey's light header.
pub const LIGHT_HEADER_LEN: usize = 16;
/// The first four bytes of every packet.
pub const SIGNATURE: [u8; 4] = *b"RCmb";
/// The protocol version that we speak.
pub const PROTOCOL_VERSION: u16 = 1;
/// The bit of the type that announces Valkey's light header.
pub const LIGHT: u16 = 0x8000;
/// Size of the address fields, the terminating NUL included.
pub const IP_LEN: usize = 46;
/// Length of a slot bitmap.
pub const BITMAP_LEN: usize = 2048;

/// Why bytes are not a packet of this protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PacketError {
    /// They do not begin with `RCmb`, or are shorter than any packet, or claim to be longer than any.
    Framing,
    /// Another protocol version.
    Version(u16),
    /// The length does not fit the type and its counts.
    Length {
        /// The type field.
        kind: u16,
        /// The length claimed.
        claimed: u64,
        /// The length that the contents need.
        expected: u64,
    },
    /// An extension is not padded to eight bytes, shorter than its own header, or reaches past the end.
    Extension {
        /// The type field.
        kind: u16,
        /// The extension's length.
        length: u32,
    },
    /// A light header on a type that has none.
    NotLight(u16),
}

impl PacketError {
    /// Whether the stream cannot be trusted any longer: close the link. Other errors concern one packet only.
    pub fn is_fatal(self) -> bool {
        self == PacketError::Framing
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |kind: &u16| MessageType::from_wire(*kind).map_or("unknown", MessageType::name);
        match self {
            PacketError::Framing => {
                f.write_str("Bad message length or signature received on the Cluster bus.")
            }
            PacketError::Version(version) => {
                write!(f, "Received packet of unknown protocol version {version}")
            }
            PacketError::Length { kind, claimed, expected } => write!(
                f,
                "Received invalid {} packet of length {claimed} but expected length {expected}",
                name(kind)
            ),
            PacketError::Extension { kind, length } => {
                write!(f, "Received a {} packet without proper padding ({length} bytes)", name(kind))
            }
            PacketError::NotLight(kind) => {
                write!(f, "Packet of type '{}' ({kind}) does not support light cluster header", name(kind))
            }
        }
    }
}

impl core::error::Error for PacketError {}

/// Big-endian integers at fixed places. Callers have checked the length.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    (u64::from(u32_at(bytes, at)) << 32) | u64::from(u32_at(bytes, at + 4))
}

/// Text up to the first NUL, if it is made of characters of addresses and names; else empty.
fn text_field(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    match core::str::from_utf8(&bytes[..end]) {
        Ok(text) if is_plain(text) => text,
        _ => "",
    }
}

/// Whether `text` can stand in a line of nodes.conf: letters, digits, `.`, `-`, `_`, `:`, `%`.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:%".contains(&b))
}
