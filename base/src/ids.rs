//! Newtypes for everything that would otherwise be a bare integer or a 40-byte array.

use crate::prng::Prng;
use core::fmt;

/// Length in bytes of a node id, shard id or replication id: 40 lower-case hexadecimal digits.
pub const ID_LEN: usize = 40;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; ID_LEN]);

        impl $name {
            /// All bytes zero: what the wire uses for "none".
            pub const ZERO: Self = Self([0; ID_LEN]);

            /// A fresh id of 40 random lower-case hexadecimal digits.
            pub fn random(prng: &mut Prng) -> Self {
                Self(prng.hex_digits())
            }

            /// Reads 40 bytes of `[0-9a-f]`; anything else is `None`.
            pub fn parse(text: &[u8]) -> Option<Self> {
                let bytes: [u8; ID_LEN] = text.try_into().ok()?;
                let hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
                bytes.iter().all(hex).then_some(Self(bytes))
            }

            /// Whether this is [`Self::ZERO`].
            pub fn is_zero(&self) -> bool {
                *self == Self::ZERO
            }

            /// The digits as text; the empty string for a value that is not ASCII (the zero id included).
            pub fn as_str(&self) -> &str {
                if self.is_zero() { "" } else { core::str::from_utf8(&self.0).unwrap_or("") }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.as_str())
            }
        }
    };
}

hex_id! {
    /// A cluster node's name. Shard ids share its shape and use this type too.
    NodeId
}
hex_id! {
    /// A replication history's name (`master_replid`).
    ReplId
}

/// A cluster epoch: `currentEpoch`, `configEpoch` or `lastVoteEpoch`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A position in the replication stream, in bytes since the history began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ReplOffset(pub u64);

impl ReplOffset {
    /// This position moved forward by `bytes`.
    pub fn advanced(self, bytes: usize) -> Self {
        Self(self.0.saturating_add(bytes as u64))
    }
}

impl fmt::Display for ReplOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A database number, `0 ..= databases - 1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct DbIndex(pub u32);

/// A connection, named by whoever owns the sockets; never used twice in one process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);
