//! What this node noticed and decided about the cluster, in order, with its evidence: for operators who ask why.
//!
//! Model: a bounded queue of events, each with a number that grows by one and is never used twice in a life of the process. The oldest go first, so a
//! gap in the numbers says that something was forgotten. Nothing reads the journal to decide anything.

use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use base::{NodeId, UnixMillis};

/// How many events are kept.
pub const MAX_EVENTS: usize = 2048;
/// How many are answered unless the client says otherwise.
const DEFAULT_COUNT: u64 = 100;

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EventType {
    /// This node suspects another (PFAIL), or no longer does.
    Suspicion,
    /// Another node reports a suspicion, or withdraws it.
    Report,
    /// A node is failed by agreement (FAIL), or no longer is.
    Fail,
    /// This replica stands for election, or says why it does not.
    Candidacy,
    /// A vote given, refused, or received.
    Vote,
    /// This node takes over, step by step, or gives that up.
    Promotion,
    /// This node becomes a replica, or the replica of another.
    Demotion,
    /// An epoch has changed.
    Epoch,
    /// Slots have changed hands.
    Slots,
    /// What a primary does after its start, before it serves.
    Boot,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Suspicion,
        Self::Report,
        Self::Fail,
        Self::Candidacy,
        Self::Vote,
        Self::Promotion,
        Self::Demotion,
        Self::Epoch,
        Self::Slots,
        Self::Boot,
    ];

    /// Its word in CLUSTER EVENTS.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Suspicion => "suspicion",
            EventType::Report => "report",
            EventType::Fail => "fail",
            EventType::Candidacy => "candidacy",
            EventType::Vote => "vote",
            EventType::Promotion => "promotion",
            EventType::Demotion => "demotion",
            EventType::Epoch => "epoch",
            EventType::Slots => "slots",
            EventType::Boot => "boot",
        }
    }

    /// The type of that name, in any case.
    pub fn parse(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| word.eq_ignore_ascii_case(kind.as_str().as_bytes()))
    }
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its number, from 1.
    pub id: u64,
    /// When, by the wall clock.
    pub at: UnixMillis,
    /// What it is about.
    pub kind: EventType,
    /// Which node it is about.
    pub node: NodeId,
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
    fn add(&mut self, at: UnixMillis, kind: EventType, node: NodeId, text: String) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.last += 1;
        self.events.push_back(Event { id: self.last, at, kind, node, text });
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
        let (at, node) = (self.now.unix, self.nodes[about].id);
        self.journal.add(at, kind, node, text);
    }

    /// Notes an event about this node.
    pub(crate) fn note_own(&mut self, kind: EventType, text: String) {
        self.note(kind, self.me, text);
    }
}
