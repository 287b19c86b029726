//! From a header and a body to bytes.

use super::{BITMAP_LEN, Extension, Gossip, HEADER_LEN, Header, mflags};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, NodeId};

/// Bytes of extensions for which there is room from the start.
const ROOM: usize = 256;

/// Builds one packet. The order of calls is the order of bytes: gossip before extensions.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    count: u16,
    extensions: u16,
}

impl Writer {
    /// Begins with a header; its counts and flags about extensions are filled in here.
    pub fn new(header: &Header<'_>) -> Self {
        let mut head = [0; HEADER_LEN];
        header.write(&mut head);
        Self { bytes: head.to_vec(), count: 0, extensions: 0 }
    }

    /// As [`Self::new`], with room for so many gossip entries.
    pub fn with_room(header: &Header<'_>, entries: usize) -> Self {
        let mut writer = Self::new(header);
        writer.bytes.reserve(entries * super::GOSSIP_LEN + ROOM);
        writer
    }

    /// Adds a gossip entry.
    pub fn gossip(&mut self, entry: &Gossip<'_>) {
        self.bytes.extend_from_slice(&entry.to_bytes());
        self.count = self.count.saturating_add(1);
    }

    /// Adds an extension.
    pub fn extension(&mut self, extension: &Extension<'_>) {
        extension.write(&mut self.bytes);
        self.extensions = self.extensions.saturating_add(1);
    }

    /// FAIL's body.
    pub fn fail(mut self, node: &NodeId) -> Arc<[u8]> {
        self.bytes.extend_from_slice(&node.0);
        self.finish()
    }

    /// UPDATE's body.
    pub fn update(mut self, config_epoch: Epoch, node: &NodeId, slots: &[u8; BITMAP_LEN]) -> Arc<[u8]> {
        self.bytes.extend_from_slice(&config_epoch.0.to_be_bytes());
        self.bytes.extend_from_slice(&node.0);
        self.bytes.extend_from_slice(slots);
        self.finish()
    }

    /// PUBLISH's body. `None` if the strings are too long for the bus.
    pub fn publish(mut self, channel: &[u8], message: &[u8]) -> Option<Arc<[u8]>> {
        let total =
            self.bytes.len().checked_add(8)?.checked_add(channel.len())?.checked_add(message.len())?;
        if total > super::MAX_PACKET {
            return None;
        }
        self.bytes.extend_from_slice(&(channel.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(channel);
        self.bytes.extend_from_slice(message);
        Some(self.finish())
    }

    /// The packet, with its length and counts.
    pub fn finish(mut self) -> Arc<[u8]> {
        let length = self.bytes.len() as u32;
        self.bytes[4..8].copy_from_slice(&length.to_be_bytes());
        self.bytes[14..16].copy_from_slice(&self.count.to_be_bytes());
        self.bytes[2214..2216].copy_from_slice(&self.extensions.to_be_bytes());
        if self.extensions > 0 {
            self.bytes[2253] |= mflags::EXT_DATA;
        }
        self.bytes.into()
    }
}
