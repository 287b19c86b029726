//! One vote per epoch and voter: a voter's acknowledgements of one epoch all go to one candidate, restarts included.

use std::collections::BTreeMap;

use base::NodeId;

use super::{Checker, Seen};
use crate::wire::{Header, TYPE_FAILOVER_AUTH_ACK};

/// Which host got a voter's vote of an epoch.
#[derive(Default)]
pub struct Votes {
    given: BTreeMap<(NodeId, u64), usize>,
}

impl Checker for Votes {
    fn name(&self) -> &'static str {
        "one vote per epoch and voter"
    }

    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { packet, to, .. } = seen else { return Ok(()) };
        let Some(header) = Header::new(packet) else { return Ok(()) };
        if header.kind() != TYPE_FAILOVER_AUTH_ACK {
            return Ok(());
        }
        let (voter, epoch) = (header.sender(), header.current_epoch());
        let candidate = *self.given.entry((voter, epoch)).or_insert(*to);
        if candidate == *to {
            Ok(())
        } else {
            Err(format!("{voter} votes in epoch {epoch} for host {candidate} and for host {to}"))
        }
    }
}
