//! Actions that wait: holds each until what it waits for has happened, and keeps the one FIFO to the data thread in order.
//!
//! Model: two queues. Messages to the data thread leave strictly in order: a waiting one holds back all behind it. Everything else leaves in
//! the order in which it became ready; a packet that waits for a save does not hold back later packets of its link.
//! Used by the server's control loop and by the simulator alike: push every polled action, report saves and applications, pop.

use crate::actions::{Action, After, ConfigVersion, TopologyVersion};
use crate::machine::KEEP_ACTIONS;
use alloc::collections::VecDeque;

/// Holds actions until their [`After`] has happened.
#[derive(Debug, Default)]
pub struct Outbox {
    saved: ConfigVersion,
    applied: TopologyVersion,
    ready: VecDeque<Action>,
    waiting: VecDeque<Action>,
    to_data: VecDeque<Action>,
}

impl Outbox {
    /// An empty one; nothing has been saved or applied yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an action from the machine.
    pub fn push(&mut self, action: Action) {
        match &action {
            Action::ToData { .. } => self.to_data.push_back(action),
            Action::Send { after, .. } if !self.happened(*after) => self.waiting.push_back(action),
            _ => self.ready.push_back(action),
        }
    }

    /// This version of nodes.conf is durable.
    pub fn saved(&mut self, version: ConfigVersion) {
        self.saved = self.saved.max(version);
        self.release();
    }

    /// The data thread runs under this topology (`Applied` and `Promoted` alike).
    pub fn applied(&mut self, version: TopologyVersion) {
        self.applied = self.applied.max(version);
        self.release();
    }

    /// The next action that may be carried out now.
    pub fn pop(&mut self) -> Option<Action> {
        if let Some(action) = self.ready.pop_front() {
            return Some(action);
        }
        if self.ready.capacity() > KEEP_ACTIONS {
            self.ready = VecDeque::new();
        }
        let Some(Action::ToData { after, .. }) = self.to_data.front() else { return None };
        if self.happened(*after) { self.to_data.pop_front() } else { None }
    }

    /// How many actions wait.
    pub fn len(&self) -> usize {
        self.ready.len() + self.waiting.len() + self.to_data.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn happened(&self, after: After) -> bool {
        match after {
            After::Now => true,
            After::Saved(version) => version <= self.saved,
            After::Applied(version) => version <= self.applied,
        }
    }

    fn release(&mut self) {
        for _ in 0..self.waiting.len() {
            if let Some(action) = self.waiting.pop_front() {
                self.push(action);
            }
        }
    }
}
