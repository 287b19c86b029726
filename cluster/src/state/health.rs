//! Whether the cluster serves, as this node sees it (specification, "Cluster state", and Redis's delays).
//!
//! It does not while a slot is uncovered (with full coverage required) or only a minority of the voting primaries is reachable; a primary also waits two seconds
//! after its start, and a while after it was in a minority, so that others can tell it that it was replaced.

use crate::actions::LogLevel;
use crate::machine::Machine;
use crate::topology::{FailReason, State};
use base::Millis;

/// How long a primary does not serve after its start.
pub(crate) const WRITABLE_DELAY_MS: u64 = 2000;
/// How long a primary at least does not serve after it was in a minority.
const MIN_REJOIN_DELAY_MS: u64 = 500;
/// And at most; between the two it is the node timeout.
const MAX_REJOIN_DELAY_MS: u64 = 5000;

#[derive(Debug)]
pub(crate) struct Health {
    pub state: State,
    /// How many primaries own slots.
    pub size: usize,
    /// When the data thread was up.
    pub up_since: Option<Millis>,
    minority_at: Option<Millis>,
}

impl Health {
    pub fn new() -> Self {
        Self { state: State::Fail(FailReason::Starting), size: 1, up_since: None, minority_at: None }
    }

    /// The votes that make a majority.
    pub fn quorum(&self) -> usize {
        self.size / 2 + 1
    }
}

impl Machine {
    /// Evaluates the state again.
    pub(crate) fn update_state(&mut self) {
        self.todo.state = false;
        let reachable = self.count_voters();
        let now = self.now.mono;
        // Without any slots there is nobody to be separated from.
        if self.health.size > 0 && reachable < self.health.quorum() {
            self.health.minority_at = Some(now);
        }
        let new = match self.reason_not_to_serve(reachable) {
            Some(reason) => State::Fail(reason),
            None => State::Ok,
        };
        let old = core::mem::replace(&mut self.health.state, new);
        if new != old {
            self.publisher.structure_changed();
        }
        match (old, new) {
            (State::Ok, State::Fail(_)) => self.log(LogLevel::Warning, "Cluster state changed: fail".into()),
            (State::Fail(_), State::Ok) => self.log(LogLevel::Notice, "Cluster state changed: ok".into()),
            _ => {}
        }
    }

    fn reason_not_to_serve(&self, reachable: usize) -> Option<FailReason> {
        let now = self.now.mono;
        let failing = self.health.state != State::Ok;
        let primary = self.myself().is_primary();
        // First, as it also tells the data thread to refuse replicas, from its first topology on.
        if let Some(reason) = self.boot.reason() {
            return Some(reason);
        }
        if self.has_twin() {
            return Some(FailReason::NameTaken);
        }
        let Some(up_since) = self.health.up_since else { return Some(FailReason::Starting) };
        if primary && failing && now.since(up_since) < WRITABLE_DELAY_MS {
            return Some(FailReason::Starting);
        }
        if self.config.require_full_coverage {
            if !self.slots.all_assigned() {
                return Some(FailReason::SlotUnassigned);
            }
            if self.nodes.iter().any(|(_, n)| n.failed() && n.slot_count > 0) {
                return Some(FailReason::OwnerFailed);
            }
        }
        if reachable < self.health.quorum() {
            return Some(FailReason::Minority);
        }
        let delay = self.config.node_timeout_ms.clamp(MIN_REJOIN_DELAY_MS, MAX_REJOIN_DELAY_MS);
        let recent = |at: Millis| now.since(at) < delay;
        (failing && primary && self.health.minority_at.is_some_and(recent)).then_some(FailReason::Rejoining)
    }

    /// Counts the voting primaries, and says how many of them look alive.
    fn count_voters(&mut self) -> usize {
        let voters = self.nodes.iter().filter(|(_, n)| n.is_voter());
        let (mut size, mut reachable) = (0, 0);
        for (_, node) in voters {
            size += 1;
            reachable += usize::from(!node.failed() && !node.suspected());
        }
        self.health.size = size;
        reachable
    }
}
