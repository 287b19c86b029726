//! What this node noticed and decided about the cluster, in order, with its evidence: for operators who ask why.
//!
//! Model: a bounded queue of events, each with a number that grows by one. The oldest go first, so a
//! gap in the numbers says that something was forgotten. Every event also leaves as [`Action::Journal`], for a file
//! ([`line`](mod@line)); what the file held at start comes first ([`Machine::with_past`]), so that numbers go on.
//! Nothing reads the journal to decide anything.

mod explain;
mod inquiry;
mod kinds;
pub mod line;

pub use explain::{Explanation, Phase, Witnessed};
pub(crate) use inquiry::{Inquiry, Question};
pub use kinds::{EventType, Step};

use crate::actions::Action;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use base::{Epoch, NodeId, UnixMillis};

/// How many events are kept.
pub const MAX_EVENTS: usize = 2048;
/// How long an event's text may be, in bytes; longer ones are cut.
pub const MAX_TEXT: usize = 1024;
/// How many are answered unless the client says otherwise.
const DEFAULT_COUNT: u64 = 100;

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its number, from 1.
    pub id: u64,
    /// When, by the wall clock.
    pub at: UnixMillis,
    /// What it is about.
    pub kind: EventType,
    /// Which step of a failover it is, if any.
    pub step: Step,
    /// Which node it is about.
    pub node: NodeId,
    /// In a failover: the primary that is replaced.
    pub of: Option<NodeId>,
    /// The largest epoch that this node knew.
    pub epoch: Epoch,
    /// What happened, and the evidence, as a sentence.
    pub text: String,
}

/// Which events a client wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// Only those with a larger number; then the oldest of these, so that a reader can go on. Without it the newest.
    pub since: Option<u64>,
    /// No more than this; 100 if absent.
    pub count: Option<u64>,
    /// Only these.
    pub kind: Option<EventType>,
}

/// The last events.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    last: u64,
    events: VecDeque<Event>,
}

impl Journal {
    /// Goes on after these, the oldest first.
    pub fn with_past(past: Vec<Event>) -> Self {
        let skipped = past.len().saturating_sub(MAX_EVENTS);
        let events: VecDeque<Event> = past.into_iter().skip(skipped).collect();
        Self { last: events.back().map_or(0, |event| event.id), events }
    }

    fn add(&mut self, event: Event) -> Event {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.last += 1;
        let event = Event { id: self.last, ..event };
        self.events.push_back(event.clone());
        event
    }

    /// All that is kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter()
    }

    /// What a client asked for, oldest first.
    pub fn query(&self, query: Query) -> Vec<Event> {
        let count = usize::try_from(query.count.unwrap_or(DEFAULT_COUNT)).unwrap_or(usize::MAX);
        let since = query.since.unwrap_or(0);
        let wanted = |event: &&Event| event.id > since && query.kind.is_none_or(|kind| kind == event.kind);
        if query.since.is_some() {
            return self.events.iter().filter(wanted).take(count).cloned().collect();
        }
        let mut newest: Vec<Event> = self.events.iter().rev().filter(wanted).take(count).cloned().collect();
        newest.reverse();
        newest
    }
}

impl Machine {
    /// Notes an event about a node.
    pub(crate) fn note(&mut self, kind: EventType, about: NodeIx, text: String) {
        let node = self.nodes[about].id;
        self.add_event(kind, Step::None, node, None, text);
    }

    /// Notes an event about this node.
    pub(crate) fn note_own(&mut self, kind: EventType, text: String) {
        self.note(kind, self.me, text);
    }

    /// Notes a step of the failover of the primary `of`, about a node.
    pub(crate) fn note_step(&mut self, step: Step, about: NodeIx, of: Option<NodeIx>, text: String) {
        let (node, of) = (self.nodes[about].id, of.map(|ix| self.nodes[ix].id));
        self.add_event(step.kind(), step, node, of, text);
    }

    /// As [`Self::note_step`], about nodes that need not be known (any more).
    pub(crate) fn add_event(
        &mut self,
        kind: EventType,
        step: Step,
        node: NodeId,
        of: Option<NodeId>,
        mut text: String,
    ) {
        if text.len() > MAX_TEXT {
            let cut = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(cut);
        }
        let (at, epoch) = (self.now.unix, self.current_epoch);
        let event = self.journal.add(Event { id: 0, at, kind, step, node, of, epoch, text });
        self.actions.push_back(Action::Journal(event));
    }
}
