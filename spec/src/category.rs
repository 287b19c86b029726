//! ACL categories as a set of bits, and those that follow from a command's flags.

use crate::command::{Flags, flag};

/// The bits of [`Categories`], in the order in which Redis lists them.
#[allow(missing_docs)] // the names are the documentation
pub mod acl {
    pub const KEYSPACE: u64 = 1 << 0;
    pub const READ: u64 = 1 << 1;
    pub const WRITE: u64 = 1 << 2;
    pub const SET: u64 = 1 << 3;
    pub const SORTEDSET: u64 = 1 << 4;
    pub const LIST: u64 = 1 << 5;
    pub const HASH: u64 = 1 << 6;
    pub const STRING: u64 = 1 << 7;
    pub const BITMAP: u64 = 1 << 8;
    pub const HYPERLOGLOG: u64 = 1 << 9;
    pub const GEO: u64 = 1 << 10;
    pub const STREAM: u64 = 1 << 11;
    pub const PUBSUB: u64 = 1 << 12;
    pub const ADMIN: u64 = 1 << 13;
    pub const FAST: u64 = 1 << 14;
    pub const SLOW: u64 = 1 << 15;
    pub const BLOCKING: u64 = 1 << 16;
    pub const DANGEROUS: u64 = 1 << 17;
    pub const CONNECTION: u64 = 1 << 18;
    pub const TRANSACTION: u64 = 1 << 19;
    pub const SCRIPTING: u64 = 1 << 20;
}

const NAMES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// A set of ACL categories.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Categories(pub u64);

impl Categories {
    /// The one category of this name (without `@`, any case), as ACL rules and COMMAND LIST give it.
    pub fn named(name: &[u8]) -> Option<Categories> {
        let bit = NAMES.iter().position(|n| n.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Categories(1 << bit))
    }

    /// Whether the two sets share a category.
    pub const fn intersects(self, other: Categories) -> bool {
        self.0 & other.0 != 0
    }

    /// The names in the set, without `@`, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }

    /// The declared categories with those that the flags imply; a command is either `@fast` or `@slow`.
    pub(crate) const fn with_implied(self, flags: Flags) -> Categories {
        let mut bits = self.0;
        if flags.has(flag::WRITE) {
            bits |= acl::WRITE;
        }
        if flags.has(flag::READONLY) && bits & acl::SCRIPTING == 0 {
            bits |= acl::READ;
        }
        if flags.has(flag::ADMIN) {
            bits |= acl::ADMIN | acl::DANGEROUS;
        }
        if flags.has(flag::PUBSUB) {
            bits |= acl::PUBSUB;
        }
        if flags.has(flag::FAST) {
            bits |= acl::FAST;
        }
        if flags.has(flag::BLOCKING) {
            bits |= acl::BLOCKING;
        }
        if bits & acl::FAST == 0 {
            bits |= acl::SLOW;
        }
        Categories(bits)
    }
}
