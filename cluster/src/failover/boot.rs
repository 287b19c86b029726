//! A primary that comes back compares itself with its replicas before it serves (rule 17, simplest form).
//!
//! Started as a primary that knows replicas, it waits up to two seconds for their packets, and lets none of them synchronize meanwhile. If it has come back
//! empty it asks all that time, as the first answers may be older than the last write. If then a replica holds something, it falls silent so that the others fail it over; bounded: if nobody did, it serves, and says what was lost.

use crate::actions::LogLevel;
use crate::codec::MessageType;
use crate::machine::Machine;
use crate::state::NodeIx;
use crate::topology::FailReason;
use alloc::collections::BTreeSet;
use alloc::format;
use base::{Millis, NodeId, ReplOffset};

/// How long the replicas' answers are waited for.
const ASK_MS: u64 = 2000;
/// How many node timeouts an empty primary waits to be replaced, and how long beyond.
const YIELD_TIMEOUTS: u64 = 3;
const YIELD_EXTRA_MS: u64 = 5000;

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Done,
    /// The data thread is still loading.
    Loading,
    Asking {
        until: Millis,
    },
    Yielding {
        until: Millis,
    },
}

/// The state of this check.
#[derive(Debug, Default)]
pub(crate) struct Boot {
    phase: Phase,
    /// The replicas, and those of them that have not answered yet.
    asked: BTreeSet<NodeIx>,
    waiting: BTreeSet<NodeIx>,
    most: Option<(NodeId, ReplOffset)>,
}

impl Boot {
    /// Of a primary that knows these replicas.
    pub fn new(replicas: impl Iterator<Item = NodeIx>) -> Self {
        let waiting: BTreeSet<_> = replicas.collect();
        let phase = if waiting.is_empty() { Phase::Done } else { Phase::Loading };
        Self { phase, asked: waiting.clone(), waiting, most: None }
    }

    pub fn reason(&self) -> Option<FailReason> {
        match self.phase {
            Phase::Done => None,
            Phase::Loading | Phase::Asking { .. } => Some(FailReason::AwaitingReplicas),
            Phase::Yielding { .. } => Some(FailReason::YieldingToReplica),
        }
    }

    pub fn is_yielding(&self) -> bool {
        matches!(self.phase, Phase::Yielding { .. })
    }

    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    pub fn forget(&mut self, ix: NodeIx) {
        self.waiting.remove(&ix);
        self.asked.remove(&ix);
    }
}

impl Machine {
    /// The data thread has loaded its data.
    pub(crate) fn data_thread_is_up(&mut self) {
        self.health.up_since = Some(self.now.mono);
        self.todo.state = true;
        if matches!(self.boot.phase, Phase::Loading) {
            self.boot.phase = Phase::Asking { until: self.now.mono + ASK_MS };
        }
    }

    /// A packet of a node came: if it is a replica that we ask, this is its answer.
    pub(crate) fn boot_check_answer(&mut self, ix: NodeIx) {
        if !matches!(self.boot.phase, Phase::Loading | Phase::Asking { .. }) || !self.boot.asked.contains(&ix)
        {
            return;
        }
        self.boot.waiting.remove(&ix);
        let node = &self.nodes[ix];
        if self.boot.most.is_none_or(|(_, most)| node.repl_offset > most) {
            self.boot.most = Some((node.id, node.repl_offset));
        }
        self.boot_check();
    }

    /// Ends the waiting when all have answered, or time is up.
    pub(crate) fn boot_check(&mut self) {
        let now = self.now.mono;
        match self.boot.phase {
            Phase::Asking { until } if now >= until || (self.boot.waiting.is_empty() && !self.is_empty()) => {
                self.conclude_boot();
            }
            Phase::Yielding { until } if now >= until => {
                let (replica, offset) = self.boot.most.unwrap_or((NodeId::ZERO, ReplOffset(0)));
                self.log(
                    LogLevel::Warning,
                    format!("No replica took over; serving without the data that replica {replica} holds up to offset {offset}."),
                );
                self.boot.cancel();
                self.structure_and_state_changed();
            }
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.data.status.as_ref().is_none_or(|status| status.empty)
    }

    /// Each tick: the replicas of an empty primary are asked again.
    pub(crate) fn boot_ask(&mut self) {
        if !matches!(self.boot.phase, Phase::Asking { .. }) || !self.is_empty() {
            return;
        }
        for ix in self.boot.asked.clone() {
            if let Some(link) = self.nodes[ix].link {
                self.send_heartbeat(link, MessageType::Ping);
            }
        }
    }

    fn conclude_boot(&mut self) {
        let Some(status) = &self.data.status else { return };
        let (empty, mine) = (status.empty, status.offset);
        match self.boot.most.filter(|(_, offset)| empty && *offset > mine) {
            Some((replica, offset)) => {
                let wait = self.config.node_timeout_ms * YIELD_TIMEOUTS + YIELD_EXTRA_MS;
                self.boot.phase = Phase::Yielding { until: self.now.mono + wait };
                self.log(
                    LogLevel::Warning,
                    format!("I came back empty, but replica {replica} holds data up to offset {offset}: leaving the shard to it."),
                );
            }
            None => self.boot.cancel(),
        }
        self.publisher.structure_changed();
        self.todo.state = true;
    }
}
