//! Grapevine's mark in the header: 30 bytes that Redis and Valkey reserve, send as zeros and do not read.
//!
//! `GV`, what the sender understands (16 bits), its cluster (16 bytes, zero if it has none), and which process it is: when it started (64 bits) and a
//! number of its own (16 bits). A header without the mark is Redis's or Valkey's: Grapevine's own extensions are never sent to such a peer (rule 21).
//!
//! It is the only sign of Grapevine on the bus. A bit of the header's flags would be the other place, but these are Redis's and Valkey's to give
//! out (Valkey has taken bits 10 to 13 already), and the flags of a node travel on in gossip; neither program lets a reserved byte
//! of a header go further than the peer that reads it.

use super::{u16_at, u64_at};
use alloc::string::String;
use base::Prng;
use core::fmt::{self, Write};

/// Where in the header it is.
pub(super) const MARK_AT: usize = 2216;
/// How long it is.
pub(super) const MARK_LEN: usize = 30;
const MAGIC: [u8; 2] = *b"GV";

/// Bits of [`Mark::capabilities`].
pub mod capability {
    /// Answers questions about its journal.
    pub const JOURNAL: u16 = 1;
    /// Of a replica that has not synchronized since its start: it has, or is loading, data from a file, and tells its primary how far
    /// that goes (`Holding`) as soon as it knows.
    pub const HOLDS: u16 = 4;
    /// As a replica, takes note of its primary's SETSLOT before that is carried out.
    pub const SET_SLOT: u16 = 2;
}

/// The name of a cluster: drawn when its first two nodes meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClusterId([u8; 16]);

impl ClusterId {
    /// A new one.
    pub fn random(prng: &mut Prng) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&prng.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&prng.next_u64().to_be_bytes());
        Self(bytes)
    }

    /// From 32 hexadecimal digits; `None` for anything else, and for all zeros.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |b: u8| char::from(b).to_digit(16);
            *byte = (digit(digits[0])? * 16 + digit(digits[1])?) as u8;
        }
        Self::known(bytes)
    }

    fn known(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(32);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        f.write_str(&text)
    }
}

/// A process: two of them under one name are told apart by it. The one that started first is the smaller one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Process {
    /// When it started, Unix time in ms.
    pub started: u64,
    /// Drawn by it: two that started in the same millisecond differ.
    pub salt: u16,
}

/// What a Grapevine node says in every header beside what Redis's says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// What it understands: [`capability`].
    pub capabilities: u16,
    /// Its cluster; `None` before its first successful join.
    pub cluster: Option<ClusterId>,
    /// Its process.
    pub process: Process,
}

impl Mark {
    /// The mark of a header of full length, if it has one.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        let field = head.get(MARK_AT..MARK_AT + MARK_LEN)?;
        if field[..2] != MAGIC {
            return None;
        }
        let cluster: [u8; 16] = field[4..20].try_into().ok()?;
        Some(Self {
            capabilities: u16_at(field, 2),
            cluster: ClusterId::known(cluster),
            process: Process { started: u64_at(field, 20), salt: u16_at(field, 28) },
        })
    }

    pub(super) fn write(&self, head: &mut [u8]) {
        let Some(field) = head.get_mut(MARK_AT..MARK_AT + MARK_LEN) else { return };
        field[..2].copy_from_slice(&MAGIC);
        field[2..4].copy_from_slice(&self.capabilities.to_be_bytes());
        field[4..20].copy_from_slice(&self.cluster.map_or([0; 16], |id| id.0));
        field[20..28].copy_from_slice(&self.process.started.to_be_bytes());
        field[28..30].copy_from_slice(&self.process.salt.to_be_bytes());
    }
}
