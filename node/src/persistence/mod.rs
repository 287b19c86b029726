//! Persistence's glue: the dirty counter, and (next) loading, the AOF, snapshots and save points.

use crate::admin::AdminHandler;
use crate::node::Node;
use crate::refusal::Refusal;
use base::Now;

/// Persistence's state.
pub(crate) struct Persistence {
    /// Changes since the last save.
    pub dirty: u64,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: bool,
}

impl Persistence {
    pub fn new(_now: Now) -> Self {
        Self { dirty: 0, active_expire: true }
    }
}

/// The handlers of this room.
pub(crate) fn handler(_name: &str) -> Option<AdminHandler> {
    None
}

/// Why writes are refused, when the disk fails.
pub(crate) fn write_refusal(_node: &Node) -> Option<Refusal> {
    None
}

pub(crate) fn end_batch(_node: &mut Node) {}

pub(crate) fn cron(_node: &mut Node) {}

pub(crate) fn has_work(_node: &Node) -> bool {
    false
}

pub(crate) fn run_slice(_node: &mut Node) {}
