//! Cuts the byte stream of a link into whole packets.
//!
//! Model: a buffer that grows only by what has arrived. The first eight bytes decide whether this is the bus at all and how long the packet is; with
//! fourteen the type is known, and a length that this type cannot have is refused at once, before the rest is waited for.

use super::{HEADER_LEN, LIGHT, LIGHT_HEADER_LEN, MessageType, PacketError, SIGNATURE, u16_at, u32_at};
use alloc::vec::Vec;

/// The longest packet: a PUBLISH of about a gigabyte.
pub const MAX_PACKET: usize = 1 << 30;
/// The longest heartbeat: every gossip entry that 16 bits can count, and a mebibyte of extensions.
const MAX_HEARTBEAT: usize = HEADER_LEN + 65_535 * super::GOSSIP_LEN + (1 << 20);
/// The longest packet of any other type, known or not.
const MAX_OTHER: usize = 1 << 20;
/// A buffer larger than this is given back once it is empty.
const KEEP_CAPACITY: usize = 64 * 1024;

/// The receiving end of one link.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    start: usize,
}

impl Framer {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole packet, or `None` until more has arrived. `Err`: close the link.
    pub fn next_packet(&mut self) -> Result<Option<&[u8]>, PacketError> {
        self.next_packet_and(0)
    }

    /// As [`Framer::next_packet`], with so many bytes that stand behind every packet.
    pub fn next_packet_and(&mut self, trailer: usize) -> Result<Option<&[u8]>, PacketError> {
        let Some(length) = packet_length(&self.buffer[self.start..])? else { return Ok(None) };
        let length = length + trailer;
        if self.buffer.len() - self.start < length {
            return Ok(None);
        }
        let packet = self.start..self.start + length;
        self.start += length;
        Ok(Some(&self.buffer[packet]))
    }

    /// How many bytes wait for the rest of their packet.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    fn compact(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            if self.buffer.capacity() > KEEP_CAPACITY {
                self.buffer = Vec::new();
            }
        } else if self.start > 0 {
            self.buffer.drain(..self.start);
        }
        self.start = 0;
    }
}

/// Whether these bytes are one packet, no more and no less: then it needs no [`Framer`].
pub fn is_one_packet(bytes: &[u8]) -> bool {
    packet_length(bytes) == Ok(Some(bytes.len()))
}

/// The length of the packet that begins here, once it is known and plausible.
fn packet_length(bytes: &[u8]) -> Result<Option<usize>, PacketError> {
    let have = bytes.len().min(SIGNATURE.len());
    if bytes[..have] != SIGNATURE[..have] {
        return Err(PacketError::Framing);
    }
    if bytes.len() < 8 {
        return Ok(None);
    }
    let length = u32_at(bytes, 4) as usize;
    if !(LIGHT_HEADER_LEN..=MAX_PACKET).contains(&length) {
        return Err(PacketError::Framing);
    }
    if bytes.len() < 14 {
        return Ok(None);
    }
    let kind = u16_at(bytes, 12);
    let (least, most) = length_bounds(kind);
    if length < least || length > most { Err(PacketError::Framing) } else { Ok(Some(length)) }
}

fn length_bounds(kind: u16) -> (usize, usize) {
    let least = if kind & LIGHT != 0 { LIGHT_HEADER_LEN } else { HEADER_LEN };
    let most = match MessageType::from_wire(kind & !LIGHT) {
        Some(MessageType::Ping | MessageType::Pong | MessageType::Meet) => MAX_HEARTBEAT,
        Some(MessageType::Publish | MessageType::PublishShard | MessageType::Module) => MAX_PACKET,
        _ => MAX_OTHER,
    };
    (least, most)
}
