//! What the model consists of, and what each event does to it.

use super::search::Bound;
use crate::failover::Ballots;
use crate::failover::plea::{LastVote, Plea, VOTE_PAUSE};
use base::{Epoch, Millis};
use std::format;
use std::string::String;
use std::vec::Vec;

const SHARDS: usize = 2;
/// Two of each shard; a candidate's shard is its number modulo [`SHARDS`].
const CANDIDATES: usize = 4;
/// The voters' clock shows this; ages are subtracted from it. The primaries failed long before.
const NOW: Millis = Millis(1000);
const FAILED: Millis = Millis(1);
/// An election lasts so many node timeouts.
const ELECTION: u64 = 2;

/// Which parts of the rule hold; without one of them something must go wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A second replica of a primary is refused for two node timeouts.
    pub pause: bool,
    /// A voter knows in which epochs it has voted.
    pub memory: bool,
    /// Votes are durable before they are sent.
    pub saved_before_sent: bool,
    /// Whom one has voted for is durable, too, so that the pause outlives a crash.
    pub pause_saved: bool,
    /// Who wins late counts on answers to its pings only as far as the voters' pause reaches.
    pub lease_capped: bool,
    /// Votes count in exactly their epoch.
    pub exact_epoch: bool,
}

impl Rules {
    pub const SHIPPED: Self = Self {
        pause: true,
        memory: true,
        saved_before_sent: true,
        pause_saved: true,
        lease_capped: true,
        exact_epoch: true,
    };
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// A candidate asks all voters for their votes.
    Ask { candidate: usize, epoch: u64 },
    /// Such a request arrives, and is granted.
    Receive { voter: usize, candidate: usize, epoch: u64 },
    /// A voter's process ends, and begins again from its file.
    Crash { voter: usize },
    /// Votes enough have arrived.
    Win { candidate: usize },
    /// Time passes.
    Tick,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Voter {
    current: Epoch,
    ballots: Ballots,
    /// Per shard, who had the last vote and how many ticks ago.
    last: [Option<(usize, u64)>; SHARDS],
    saved: Saved,
    /// The votes that have left: to whom, in which epoch.
    given: Vec<(Epoch, usize)>,
}

/// A voter's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Saved {
    current: Epoch,
    last_vote: Epoch,
    /// Per shard, who had a vote less than a pause before the file was written.
    votes: [Option<usize>; SHARDS],
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Candidate {
    /// In which epochs it has asked; the last one is the present election's.
    asked: Vec<Epoch>,
    /// How many ticks ago it asked in that one.
    age: u64,
    /// After an election that was won: for how many more ticks it may have a lease of which nobody has heard.
    lease: u64,
}

impl Candidate {
    fn may_win(&self, bound: &Bound) -> bool {
        !self.asked.is_empty() && self.age <= ELECTION * bound.timeout
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    voters: Vec<Voter>,
    candidates: [Candidate; CANDIDATES],
    asks: u8,
    crashes: u8,
    /// How many have passed, as far as they are bounded.
    ticks: u8,
}

fn shard(candidate: usize) -> usize {
    candidate % SHARDS
}

impl State {
    pub fn new(bound: &Bound) -> Self {
        let voter = Voter {
            current: Epoch(0),
            ballots: Ballots::default(),
            last: [None; SHARDS],
            saved: Saved::default(),
            given: Vec::new(),
        };
        Self {
            voters: std::vec![voter; bound.voters],
            candidates: Default::default(),
            asks: 0,
            crashes: 0,
            ticks: 0,
        }
    }

    /// Forgets what can make no difference any more, and who of the voters is who.
    pub fn canonicalize(&mut self, bound: &Bound, rules: &Rules) {
        let last_word = self.asks == bound.asks;
        for own in self.candidates.iter_mut().filter(|own| own.age > ELECTION * bound.timeout) {
            // Requests that still arrive when there is no other election only cost others a vote.
            if last_word {
                *own = Candidate { lease: own.lease, ..Candidate::default() };
            }
        }
        let candidates = &self.candidates;
        let alone =
            |of: usize| last_word && (of..CANDIDATES).step_by(SHARDS).all(|n| !candidates[n].may_win(bound));
        let decided: [bool; SHARDS] = std::array::from_fn(alone);
        for voter in &mut self.voters {
            if self.crashes == bound.crashes {
                voter.saved = Saved::default();
            }
            for (epoch, to) in voter.given.iter_mut().filter(|(_, to)| rules.exact_epoch && *to < CANDIDATES)
            {
                if candidates[*to].asked.last() != Some(epoch) || !candidates[*to].may_win(bound) {
                    *to = CANDIDATES;
                }
            }
            for (last, _) in voter.last.iter_mut().zip(decided).filter(|(_, decided)| *decided) {
                *last = None;
            }
        }
        self.voters.sort_unstable();
    }

    /// What can happen now.
    pub fn actions(&self, bound: &Bound, rules: &Rules) -> Vec<Action> {
        let mut actions = Vec::new();
        if bound.ticks.is_none_or(|ticks| self.ticks < ticks) {
            actions.push(Action::Tick);
        }
        let latest = self.latest().0;
        for (candidate, own) in self.candidates.iter().enumerate() {
            // Of two that have done nothing, the first begins.
            let waits = candidate >= SHARDS && self.candidates[candidate - SHARDS].asked.is_empty();
            if self.asks < bound.asks && !waits {
                let first = own.asked.last().map_or(0, |epoch| epoch.0) + 1;
                // The next epoch, or some distance from it in the order of the shards.
                let last = (latest + 1 + shard(candidate) as u64).min(bound.epochs);
                actions.extend((first..=last).map(|epoch| Action::Ask { candidate, epoch }));
            }
            if own.may_win(bound) && self.elected(candidate, bound, rules).is_some() {
                actions.push(Action::Win { candidate });
            }
        }
        for voter in 0..self.voters.len() {
            // Of voters who have seen the same, one is enough.
            if voter > 0 && self.voters[voter] == self.voters[voter - 1] {
                continue;
            }
            if self.crashes < bound.crashes && !self.voters[voter].given.is_empty() {
                actions.push(Action::Crash { voter });
            }
            for (candidate, own) in self.candidates.iter().enumerate() {
                let grants = |epoch: &&Epoch| self.voters[voter].grants(candidate, **epoch, bound, rules);
                let receive = |epoch: &Epoch| Action::Receive { voter, candidate, epoch: epoch.0 };
                actions.extend(own.asked.iter().filter(grants).map(receive));
            }
        }
        actions
    }

    /// The state after an event, and what is wrong with it.
    pub fn after(&self, action: Action, bound: &Bound, rules: &Rules) -> (Self, Option<String>) {
        let mut state = self.clone();
        let wrong = match action {
            Action::Ask { candidate, epoch } => {
                state.asks += 1;
                state.candidates[candidate].asked.push(Epoch(epoch));
                state.candidates[candidate].age = 0;
                None
            }
            Action::Receive { voter, candidate, epoch } => {
                state.voters[voter].grant(candidate, Epoch(epoch), bound, rules)
            }
            Action::Crash { voter } => {
                state.crashes += 1;
                state.voters[voter].crash()
            }
            Action::Win { candidate } => state.win(candidate, bound, rules),
            Action::Tick => {
                state.tick(bound);
                None
            }
        };
        (state, wrong)
    }

    fn latest(&self) -> Epoch {
        self.candidates.iter().filter_map(|own| own.asked.last().copied()).max().unwrap_or_default()
    }

    /// The epoch of a candidate's election, if votes enough for it have left.
    fn elected(&self, candidate: usize, bound: &Bound, rules: &Rules) -> Option<Epoch> {
        let epoch = *self.candidates[candidate].asked.last()?;
        let counts =
            |(given, to): &(Epoch, usize)| *to == candidate && (*given == epoch || !rules.exact_epoch);
        let votes = self.voters.iter().filter(|voter| voter.given.iter().any(counts)).count();
        (votes >= bound.quorum).then_some(epoch)
    }

    fn win(&mut self, candidate: usize, bound: &Bound, rules: &Rules) -> Option<String> {
        let epoch = self.elected(candidate, bound, rules)?;
        // The last answers that came without the claim count up to the claim, and if it is late, up to a node timeout after the request.
        let age = self.candidates[candidate].age;
        let late = if rules.lease_capped { age.saturating_sub(bound.timeout) } else { 0 };
        let lease = bound.timeout.saturating_sub(late);
        self.candidates[candidate].lease = lease;
        for other in (0..CANDIDATES).filter(|other| *other != candidate) {
            let both = lease.min(self.candidates[other].lease) > 0;
            if both && shard(other) == shard(candidate) {
                return Some(format!("leases meet: {candidate} wins epoch {epoch} beside {other}"));
            }
            if self.elected(other, bound, rules) == Some(epoch) {
                return Some(format!("{candidate} and {other} win epoch {epoch}"));
            }
        }
        None
    }

    fn tick(&mut self, bound: &Bound) {
        self.ticks += u8::from(bound.ticks.is_some());
        for own in self.candidates.iter_mut().filter(|own| !own.asked.is_empty()) {
            own.age = (own.age + 1).min(ELECTION * bound.timeout + 1);
            own.lease = own.lease.saturating_sub(1);
        }
        for (_, age) in self.voters.iter_mut().flat_map(|voter| voter.last.iter_mut().flatten()) {
            *age = (*age + 1).min(VOTE_PAUSE * bound.timeout);
        }
    }
}

impl Voter {
    /// Whether a request is granted: with the shipping code.
    fn grants(&self, candidate: usize, asked: Epoch, bound: &Bound, rules: &Rules) -> bool {
        let last = self.last[shard(candidate)];
        let plea = Plea {
            asked,
            current: self.current.max(asked),
            failed_since: Some(FAILED),
            last: last.map(|(to, ago)| LastVote { at: NOW - ago, same_candidate: to == candidate }),
            now: NOW,
        };
        let pause = if rules.pause { VOTE_PAUSE * bound.timeout } else { 0 };
        let none = Ballots::default();
        let ballots = if rules.memory { &self.ballots } else { &none };
        plea.check_epoch(ballots).and_then(|()| plea.check_pause(pause)).is_ok()
    }

    fn grant(&mut self, candidate: usize, asked: Epoch, bound: &Bound, rules: &Rules) -> Option<String> {
        self.current = self.current.max(asked);
        self.ballots.give(asked);
        self.last[shard(candidate)] = Some((candidate, 0));
        if rules.saved_before_sent {
            self.save(asked, bound, rules);
        }
        let twice = self.given.iter().any(|(epoch, _)| *epoch == asked);
        self.given.push((asked, candidate));
        self.given.sort_unstable();
        twice.then(|| format!("a voter votes twice in epoch {asked}"))
    }

    fn save(&mut self, voted: Epoch, bound: &Bound, rules: &Rules) {
        let recent = |(to, ago): (usize, u64)| (ago < VOTE_PAUSE * bound.timeout).then_some(to);
        self.saved = Saved {
            current: self.current,
            last_vote: self.saved.last_vote.max(voted),
            votes: if rules.pause_saved {
                self.last.map(|last| last.and_then(recent))
            } else {
                [None; SHARDS]
            },
        };
    }

    fn crash(&mut self) -> Option<String> {
        self.current = self.saved.current;
        self.ballots = Ballots::default();
        self.ballots.begin_above(self.saved.last_vote);
        self.last = self.saved.votes.map(|vote| vote.map(|to| (to, 0)));
        let shown = self.given.iter().map(|(epoch, _)| *epoch).max().unwrap_or_default();
        (self.saved.current < shown).then(|| format!("a voter in {shown} starts in {}", self.saved.current))
    }
}
