//! A data thread without data: it follows orders, reports its state and pretends to replicate.
//!
//! For runs that are about the cluster alone, with a hundred nodes in the time of ten. What it does is what the
//! cluster machine can see of a real one: it installs topologies, acknowledges, takes up roles, pauses, and reports an
//! offset. A replica's offset is its primary's as of the last report, if the two hosts reach each other.

use base::{Epoch, Millis, NodeId, Now, Prng, ReplId, ReplOffset, SlotSet};
use cluster::{DataEvent, DataStatus, Order, State, ToData, Topology};
use std::sync::Arc;

/// How often it reports, in ms.
pub const REPORT_MS: u64 = 100;

/// What it replicates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nothing.
    Primary,
    /// This node.
    Replica(NodeId),
}

/// The data thread of one process.
#[derive(Debug)]
pub struct Light {
    /// What it does.
    pub role: Role,
    /// The position of its data.
    pub offset: u64,
    /// The history that the position counts in.
    pub history: ReplId,
    /// The view that it runs under.
    pub topology: Option<Arc<Topology>>,
    link_up: bool,
    last_primary_io: Option<Millis>,
    synced_once: bool,
    paused_until: Option<Millis>,
    /// Until when it may accept writes; `None` before anything was said about that.
    lease: Option<Millis>,
    progress: u64,
    prng: Prng,
    /// What its file said, until it has been a replica.
    loaded: Option<(ReplId, u64)>,
    /// What a snapshot holds, which is taken now and then.
    saved: (ReplId, u64),
}

/// What stays on disk when the process ends.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The position,
    pub offset: u64,
    /// in this history.
    pub history: ReplId,
    /// The slots that held keys.
    pub slots: SlotSet,
}

impl Light {
    /// A data thread that starts, with what it finds on disk.
    pub fn new(kept: Option<&Kept>, prng: &mut Prng) -> Self {
        Self {
            role: Role::Primary,
            offset: kept.map_or(0, |kept| kept.offset),
            loaded: kept.map(|kept| (kept.history, kept.offset)),
            saved: kept.map_or((ReplId::ZERO, 0), |kept| (kept.history, kept.offset)),
            // Data that is loaded as a primary's begins a history of its own (ENGINE 14).
            history: ReplId::random(prng),
            prng: prng.fork(),
            topology: None,
            link_up: false,
            last_primary_io: None,
            synced_once: false,
            paused_until: None,
            lease: None,
            progress: 0,
        }
    }

    /// What would be left of it: everything, or what the last snapshot holds.
    pub fn kept(&self, all: bool) -> Kept {
        // Until something is written, what was loaded at start is of the history that the file named.
        let now =
            self.loaded.filter(|(_, offset)| *offset == self.offset).unwrap_or((self.history, self.offset));
        let (history, offset) = if all { now } else { self.saved };
        Kept { offset, history, slots: self.own_slots() }
    }

    /// Takes a snapshot.
    pub fn save(&mut self) {
        self.saved = (self.history, self.offset);
    }

    fn own_slots(&self) -> SlotSet {
        match &self.topology {
            Some(topology) if self.offset > 0 => (*topology.myself().slots).clone(),
            _ => SlotSet::empty(),
        }
    }

    /// A message from the control thread; what it answers.
    pub fn handle(&mut self, now: Now, message: &ToData) -> Vec<DataEvent> {
        match message {
            ToData::Topology(topology) => {
                self.topology = Some(topology.clone());
                vec![DataEvent::Applied { version: topology.version }]
            }
            ToData::Order(order) => self.obey(now, order),
            ToData::Lease { until } => {
                self.lease = Some(*until);
                Vec::new()
            }
            ToData::Reply { .. } | ToData::Deliver { .. } => Vec::new(),
        }
    }

    fn obey(&mut self, now: Now, order: &Order) -> Vec<DataEvent> {
        match order {
            Order::Promote { version } => {
                self.role = Role::Primary;
                self.history = ReplId::random(&mut self.prng);
                self.paused_until = None;
                // A lease of its own comes with the claim.
                self.lease = Some(Millis(0));
                self.progress += 1;
                vec![DataEvent::Promoted { version: *version }, self.status()]
            }
            Order::Replicate { primary, .. } => {
                self.loaded = None;
                if self.role != Role::Replica(*primary) {
                    self.role = Role::Replica(*primary);
                    self.link_up = false;
                    self.synced_once = false;
                    self.last_primary_io = None;
                }
                vec![self.status()]
            }
            // A light data thread has no bytes to compare.
            Order::Replaced { .. } => Vec::new(),
            Order::BecomeEmptyPrimary => {
                self.role = Role::Primary;
                self.history = ReplId::random(&mut self.prng);
                self.offset = 0;
                vec![self.status()]
            }
            Order::PauseWrites { until } => {
                self.paused_until = (*until > now.mono).then_some(*until);
                vec![DataEvent::Paused { offset: ReplOffset(self.offset) }]
            }
            Order::ResumeWrites => {
                self.paused_until = None;
                Vec::new()
            }
            Order::ReportAt { .. } => vec![self.status()],
            Order::DropSlots { .. } | Order::NobodyTakesOver => Vec::new(),
        }
    }

    /// A tenth of a second as a primary: clients write, if the cluster and the lease let them; whether they did.
    pub fn write(&mut self, now: Now) -> bool {
        if self.paused_until.is_some_and(|until| until <= now.mono) {
            self.paused_until = None;
        }
        let serves = self.topology.as_ref().is_some_and(|topology| {
            topology.state == State::Ok
                && topology.current_epoch > Epoch(0)
                && !topology.myself().slots.is_empty()
        });
        let leased = self.lease.is_none_or(|until| now.mono <= until);
        let writes = self.role == Role::Primary && serves && leased && self.paused_until.is_none();
        if writes {
            self.offset += 100;
        }
        writes
    }

    /// A tenth of a second as a replica: the primary's position if it can be reached.
    pub fn replicate(&mut self, now: Now, primary: Option<(u64, ReplId)>) {
        match primary {
            Some((offset, history)) => {
                self.offset = offset;
                self.history = history;
                self.link_up = true;
                self.synced_once = true;
                self.last_primary_io = Some(now.mono);
            }
            None => self.link_up = false,
        }
    }

    /// Its report.
    pub fn status(&mut self) -> DataEvent {
        self.progress += 1;
        DataEvent::Status(DataStatus {
            syncing: false,
            primary: self.role == Role::Primary,
            offset: ReplOffset(self.offset),
            link_up: self.link_up,
            last_primary_io: self.last_primary_io,
            synced_once: self.synced_once,
            history: self.history,
            loaded: self.loaded.map(|(history, offset)| (history, ReplOffset(offset))),
            progress: self.progress,
            empty: self.offset == 0,
            written: self.offset != self.loaded.map_or(0, |(_, offset)| offset),
        })
    }
}
