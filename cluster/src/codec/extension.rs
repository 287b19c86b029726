//! Extensions of PING, PONG and MEET: length, type, contents, padded to eight bytes; Redis 7.2's four, others skipped.

use super::{text_field, u16_at, u32_at, u64_at};
use alloc::vec::Vec;
use base::NodeId;

/// Length of an extension's own header.
pub(super) const HEAD: usize = 8;

/// One extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extension<'a> {
    /// Type 0: the sender's host name.
    Hostname(&'a str),
    /// Type 1: the sender's name for people.
    HumanNodename(&'a str),
    /// Type 2: a node that was forgotten.
    Forgotten {
        /// Whom.
        node: NodeId,
        /// For how many more seconds it must not be taken in again.
        ttl_seconds: u64,
    },
    /// Type 3: the sender's shard.
    ShardId(NodeId),
    /// Anything else that fits in length: skipped.
    Unknown {
        /// Its type.
        kind: u16,
    },
}

impl<'a> Extension<'a> {
    /// Its type, by the contents of a whole extension (header included).
    fn read(bytes: &'a [u8]) -> Self {
        let kind = u16_at(bytes, 4);
        let data = bytes.get(HEAD..).unwrap_or(&[]);
        let name = || data.get(..40).and_then(NodeId::parse);
        match kind {
            0 => Extension::Hostname(text_field(data)),
            1 => Extension::HumanNodename(text_field(data)),
            2 => match name() {
                Some(node) if data.len() >= 48 => {
                    Extension::Forgotten { node, ttl_seconds: u64_at(data, 40) }
                }
                _ => Extension::Unknown { kind },
            },
            3 => name().map_or(Extension::Unknown { kind }, Extension::ShardId),
            _ => Extension::Unknown { kind },
        }
    }

    /// Appends it, padded.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (kind, data): (u16, Vec<u8>) = match self {
            Extension::Hostname(name) => (0, [name.as_bytes(), b"\0"].concat()),
            Extension::HumanNodename(name) => (1, [name.as_bytes(), b"\0"].concat()),
            Extension::Forgotten { node, ttl_seconds } => {
                (2, [&node.0[..], &ttl_seconds.to_be_bytes()].concat())
            }
            Extension::ShardId(shard) => (3, shard.0.to_vec()),
            Extension::Unknown { .. } => return,
        };
        let length = (HEAD + data.len()).next_multiple_of(8);
        let start = out.len();
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&data);
        out.resize(start + length, 0);
    }
}

/// The extensions of one packet; their lengths have been checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extensions<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// None.
    pub const NONE: Extensions<'static> = Extensions { bytes: &[] };

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let length = u32_at(rest.get(..HEAD)?, 0) as usize;
            let whole = rest.get(..length)?;
            rest = &rest[length..];
            // A zero length would never end; the decoder refuses it, and this does too.
            if length < HEAD { None } else { Some(Extension::read(whole)) }
        })
    }
}
