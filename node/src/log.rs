//! Stands where `repl`'s log will be: a log without readers, which is why nothing is encoded and nothing is kept.

use base::{DbIndex, ReplOffset, Slot};
use std::ops::BitOr;

/// A position in the log.
pub type Seq = u64;

/// Who reads a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Targets(u8);

impl Targets {
    pub const NONE: Targets = Targets(0);
    pub const AOF: Targets = Targets(1);
    pub const REPLICAS: Targets = Targets(2);
    pub const ALL: Targets = Targets(3);
}

impl BitOr for Targets {
    type Output = Targets;
    fn bitor(self, other: Targets) -> Targets {
        Targets(self.0 | other.0)
    }
}

/// The log.
#[derive(Default)]
pub struct Log {
    end: u64,
}

impl Log {
    /// Whether some target of these is read.
    pub fn wants(&self, _targets: Targets) -> bool {
        false
    }

    /// Adds a command at the end.
    pub fn append<'a>(
        &mut self,
        _targets: Targets,
        _db: DbIndex,
        _slot: Option<Slot>,
        _args: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        self.end += 1;
    }

    /// The sequence after the last record.
    pub fn end_seq(&self) -> u64 {
        self.end
    }

    /// The replication offset after the last record.
    pub fn offset(&self) -> ReplOffset {
        ReplOffset(0)
    }
}
