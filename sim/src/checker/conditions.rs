//! What was wrong with which host, and when: the evidence for what a cluster could not do.

use std::collections::BTreeMap;

use crate::clock::Instant;

/// What can be wrong with a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// No process.
    Down,
    /// A process that does not run.
    Paused,
    /// No majority of the voting primaries can answer it.
    CutOff,
    /// No majority of them could vote for it: those with stalled disks cannot either.
    NoVotes,
    /// Its disk makes nothing durable.
    DiskStalled,
}

#[derive(Clone, Copy, Debug)]
struct Period {
    trouble: Trouble,
    from: Instant,
    to: Option<Instant>,
}

/// From, to.
type Span = (Instant, Option<Instant>);

/// The troubles of every host.
#[derive(Debug)]
pub struct Conditions {
    hosts: Vec<Vec<Period>>,
    /// When packets from the first host to the second were dropped.
    blocked: BTreeMap<(usize, usize), Vec<Span>>,
    /// How many pairs are blocked now, and how many hosts are down.
    closed: usize,
    down: usize,
}

impl Trouble {
    /// What keeps a host from winning an election.
    pub const UNELECTABLE: &[Self] =
        &[Self::Down, Self::Paused, Self::CutOff, Self::NoVotes, Self::DiskStalled];
    /// What keeps it from answering.
    pub const MUTE: &[Self] = &[Self::Down, Self::Paused];
}

impl Conditions {
    /// Of so many hosts, which have not been started.
    pub fn new(hosts: usize) -> Self {
        let down = Period { trouble: Trouble::Down, from: Instant(0), to: None };
        Self { hosts: vec![vec![down]; hosts], blocked: BTreeMap::new(), closed: 0, down: hosts }
    }

    /// A trouble begins, goes on, or is over.
    pub fn set(&mut self, host: usize, trouble: Trouble, is: bool, at: Instant) {
        let Some(periods) = self.hosts.get_mut(host) else { return };
        let open = periods.iter_mut().rev().find(|p| p.trouble == trouble && p.to.is_none());
        let change = match open {
            Some(period) if !is => {
                period.to = Some(at);
                -1
            }
            None if is => {
                periods.push(Period { trouble, from: at, to: None });
                1
            }
            _ => 0,
        };
        if trouble == Trouble::Down {
            self.down = self.down.saturating_add_signed(change);
        }
    }

    /// Whether no packet is dropped anywhere now.
    pub fn are_open(&self) -> bool {
        self.closed == 0
    }

    /// How many hosts have no process now.
    pub fn down_count(&self) -> usize {
        self.down
    }

    /// A trouble whose end is known in advance.
    pub fn add(&mut self, host: usize, trouble: Trouble, from: Instant, to: Instant) {
        if let Some(periods) = self.hosts.get_mut(host) {
            periods.push(Period { trouble, from, to: Some(to) });
        }
    }

    /// Packets from one host to another are dropped from now on, or pass again.
    pub fn block(&mut self, from: usize, to: usize, is: bool, at: Instant) {
        let periods = self.blocked.entry((from, to)).or_default();
        match periods.last_mut().filter(|(_, end)| end.is_none()) {
            Some((_, end)) if !is => {
                *end = Some(at);
                self.closed -= 1;
            }
            None if is => {
                periods.push((at, None));
                self.closed += 1;
            }
            _ => {}
        }
    }

    /// All packets pass again.
    pub fn unblock_all(&mut self, at: Instant) {
        for (_, end) in self.blocked.values_mut().flatten() {
            end.get_or_insert(at);
        }
        self.closed = 0;
    }

    /// Whether two hosts could not talk to each other at some time of this span.
    pub fn apart(&self, a: usize, b: usize, from: Instant, to: Instant) -> bool {
        let touches = |(begin, end): &Span| *begin <= to && end.is_none_or(|end| end >= from);
        let of = |pair| self.blocked.get(&pair).is_some_and(|periods| periods.iter().any(touches));
        of((a, b)) || of((b, a))
    }

    /// The last instant at which `voter` can have answered a question of `host`: both ways were open by then, and it had a process.
    pub fn last_touch(&self, host: usize, voter: usize, now: Instant) -> Instant {
        let open = |pair| match self.blocked.get(&pair).and_then(|periods| periods.last()) {
            Some((since, None)) => *since,
            _ => now,
        };
        let down = self.hosts.get(voter).and_then(|periods| {
            periods.iter().rev().find(|p| p.trouble == Trouble::Down && p.to.is_none()).map(|p| p.from)
        });
        open((host, voter)).min(open((voter, host))).min(down.unwrap_or(now))
    }

    /// The last of these troubles that touched this span, in words.
    pub fn within(&self, host: usize, which: &[Trouble], from: Instant, to: Instant) -> Option<String> {
        let periods = self.hosts.get(host)?;
        let touches =
            |p: &&Period| which.contains(&p.trouble) && p.from <= to && p.to.is_none_or(|end| end >= from);
        let found = periods.iter().rev().find(touches)?;
        let end = found.to.map_or_else(|| "now".into(), |end| format!("{} ms", end.millis()));
        Some(format!("{:?} from {} ms to {end}", found.trouble, found.from.millis()))
    }
}
