//! What the loops need of the node and the node does not have yet: loading, the disk's answers, shutdown by signal.
//!
//! An inherent method of the same name takes precedence, so each of these goes away by itself once the node has it.

use base::Now;
use node::{Action, LoadError, LoadReport, Node};

/// The missing methods.
pub trait Pending {
    /// Answers of the disk thread are ignored.
    fn handle_disk(&mut self, _now: Now, _event: persist::DiskEvent) {}

    /// Leaves at once.
    fn handle_signal(&mut self, _now: Now, _interrupt: bool) -> Option<Action> {
        Some(Action::Exit { code: 0 })
    }

    /// Loads nothing.
    fn load(&mut self, _storage: &mut dyn persist::Storage, _now: Now) -> Result<LoadReport, LoadError> {
        Ok(LoadReport::default())
    }
}

impl Pending for Node {}
