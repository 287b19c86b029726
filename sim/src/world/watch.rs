//! What the checkers of data see: who is in what trouble, who holds which confirmed key, and who serves without it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{DbIndex, NodeId, ReplId, SlotSet};
use cluster::{DataStatus, FailReason, State};

use super::World;
use super::data::DataThread;
use crate::checker::conditions::{Conditions, Trouble};
use crate::checker::confirmed::{Confirmed, Excuse, Look, Origin, Other, Unfit};
use crate::checker::cut_off;
use crate::checker::key_places::{self, Place};
use crate::clock::Instant;
use crate::light::REPORT_MS;
use crate::workload::Note;

/// Trouble within so many node timeouts before a promotion is of late.
const LATELY_TIMEOUTS: u64 = 2;
/// How many node timeouts before a promotion its election can have begun, with the delays and a retry.
const ELECTION_TIMEOUTS: u64 = 6;
const ELECTION_EXTRA_MS: u64 = 3000;
/// A primary that came back with nothing waits for so many node timeouts at least to be replaced.
const YIELD_TIMEOUTS: u64 = 8;
/// How long an operator's FAILOVER FORCE works, with what delays it.
const FORCE_MS: u64 = 10_000;

/// What is remembered of the hosts for the checkers.
pub(crate) struct Watch {
    pub(crate) conditions: Conditions,
    confirmed: Confirmed,
    hosts: Vec<Watched>,
    /// On which host a node is, alive or not.
    places: Arc<BTreeMap<NodeId, usize>>,
}

#[derive(Clone, Default)]
struct Watched {
    booted: Instant,
    had_data: bool,
    /// The life in which it was last promoted, and whether an operator had forced that.
    promoted: Option<(u64, bool)>,
    /// How often it was, in all its lives.
    promotions: u64,
    forced: Option<Instant>,
    synced: bool,
    /// On which host its primary is, and since when that is so.
    follows: Option<(usize, Instant)>,
    /// Until when it let no replica synchronize.
    asked: Instant,
    /// In this life, since when and until when it left its shard to a replica.
    yielding: Option<(Instant, Instant)>,
    last: Signature,
}

/// What must change before the keys are looked at again.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Signature {
    life: u64,
    history: ReplId,
    primary: bool,
    owns: SlotSet,
    keys: usize,
}

impl Default for Signature {
    fn default() -> Self {
        Self { life: 0, history: ReplId::ZERO, primary: false, owns: SlotSet::empty(), keys: 0 }
    }
}

impl Watch {
    pub(crate) fn new(hosts: usize) -> Self {
        Self {
            conditions: Conditions::new(hosts),
            confirmed: Confirmed::default(),
            hosts: vec![Watched::default(); hosts],
            places: Arc::default(),
        }
    }

    /// On which host a node last started.
    pub(crate) fn place(&self, id: &NodeId) -> Option<usize> {
        self.places.get(id).copied()
    }
}

impl World {
    /// Why a write that WAIT confirmed is lost; `Err` if it should not be.
    pub fn verdict(&self, key: &str) -> Result<Excuse, String> {
        self.watch.confirmed.verdict(key)
    }

    /// Whether every key is where it belongs.
    pub fn check_key_places(&self) -> Result<(), String> {
        let places: Vec<Place> = self.alive().into_iter().filter_map(|host| self.place(host)).collect();
        key_places::check(&places)
    }

    fn place(&self, host: usize) -> Option<Place> {
        let topology = self.machine(host)?.topology();
        let keyspace = self.real(host)?.node.keyspace();
        let me = topology.myself();
        let owner = me.primary.and_then(|primary| topology.node(&primary)).unwrap_or(me);
        let importing = if me.primary.is_none() {
            topology.importing.keys().copied().collect()
        } else {
            SlotSet::empty()
        };
        Some(Place {
            host,
            keys: base::Slot::all().filter(|slot| keyspace.count_in_slot(*slot) > 0).collect(),
            owned: (*owner.slots).clone(),
            importing,
        })
    }

    fn real(&self, host: usize) -> Option<&crate::real::Real> {
        match &self.hosts[host].process.as_ref()?.data {
            DataThread::Real(real) => Some(real),
            DataThread::Light(_) => None,
        }
    }

    // What happens to hosts

    pub(super) fn watch_boot(&mut self, host: usize) {
        let had_data = self.real(host).is_some_and(|real| !real.node.keyspace().is_empty());
        let watched = &mut self.watch.hosts[host];
        (watched.booted, watched.had_data, watched.synced) = (self.now, had_data, false);
        watched.yielding = None;
        if let Some(id) = self.node_id(host) {
            Arc::make_mut(&mut self.watch.places).insert(id, host);
        }
        self.watch.conditions.set(host, Trouble::Down, false, self.now);
        self.watch_touch();
    }

    pub(super) fn watch_crash(&mut self, host: usize) {
        self.watch.conditions.set(host, Trouble::Down, true, self.now);
        self.watch.conditions.set(host, Trouble::Paused, false, self.now);
        self.watch_touch();
    }

    pub(super) fn watch_pause(&mut self, host: usize, paused: bool) {
        self.watch.conditions.set(host, Trouble::Paused, paused, self.now);
        self.watch_touch();
    }

    pub(super) fn watch_promotion(&mut self, host: usize) {
        let Some(life) = self.hosts[host].process.as_ref().map(|process| process.life) else { return };
        let forced = self.watch.hosts[host].forced.is_some_and(|at| at.plus_millis(FORCE_MS) >= self.now);
        self.watch.hosts[host].promoted = Some((life, forced));
        self.watch.hosts[host].promotions += 1;
    }

    /// How often a host has been promoted.
    pub fn promotions(&self, host: usize) -> u64 {
        self.watch.hosts.get(host).map_or(0, |watched| watched.promotions)
    }

    pub(super) fn watch_force(&mut self, host: usize) {
        self.watch.hosts[host].forced = Some(self.now);
    }

    /// Who can talk to a majority, after something has changed for anybody.
    pub(super) fn watch_touch(&mut self) {
        // Only what holds keys is judged by it.
        if self.data_config.is_none() {
            return;
        }
        let places = self.watch.places.clone();
        for host in 0..self.hosts.len() {
            self.watch_touch_of(host, &places);
        }
    }

    fn watch_touch_of(&mut self, host: usize, places: &BTreeMap<NodeId, usize>) {
        let (mut answer, mut vote, mut size) = (0, 0, 0);
        if let Some(machine) = self.machine(host) {
            let topology = machine.topology();
            for node in topology.nodes.iter().filter(|node| node.is_primary() && !node.slots.is_empty()) {
                size += 1;
                let reachable = places.get(&node.id).filter(|peer| {
                    self.hosts[**peer].is_running()
                        && self.network.reaches(host, **peer)
                        && self.network.reaches(**peer, host)
                });
                answer += usize::from(reachable.is_some());
                vote += usize::from(
                    reachable.is_some_and(|peer| self.hosts[*peer].disk.stalled_until <= self.now),
                );
            }
        }
        let quorum = size / 2 + 1;
        self.watch.conditions.set(host, Trouble::CutOff, size > 0 && answer < quorum, self.now);
        self.watch.conditions.set(host, Trouble::NoVotes, size > 0 && vote < quorum, self.now);
    }

    // What clients and data threads say

    pub(super) fn client_noted(&mut self, note: Note) {
        match note {
            Note::Acknowledged { connection, asked } => {
                if let Some(server) = self.network.get(connection).map(|entry| entry.ends[1].host) {
                    self.watch_write(server, asked);
                }
            }
            Note::Confirmed(key) => {
                let holders: Vec<(usize, u64)> = (0..self.hosts.len())
                    .filter(|host| self.holds(*host, key.as_bytes()))
                    .filter_map(|host| Some((host, self.hosts[host].process.as_ref()?.life)))
                    .collect();
                self.watch.confirmed.confirm(&key, holders.into_iter());
            }
        }
    }

    /// A host accepted a write that it was asked for at this instant.
    pub(super) fn watch_write(&mut self, host: usize, asked: Instant) {
        let Some(topology) = self.machine(host).map(|machine| machine.topology()) else { return };
        // Without partitions and with few hosts down a majority can answer at this very moment.
        if self.watch.conditions.are_open() && 2 * self.watch.conditions.down_count() + 1 < topology.size {
            return;
        }
        let places = self.watch.places.clone();
        let voters = topology.nodes.iter().filter(|node| node.is_primary() && !node.slots.is_empty());
        let (size, me) = (voters.clone().count(), topology.myself().id);
        let touch = |peer: usize| self.watch.conditions.last_touch(host, peer, self.now);
        let others = voters.filter(|node| node.id != me).filter_map(|node| places.get(&node.id));
        let last = cut_off::last_majority(others.map(|peer| touch(*peer)).collect(), size / 2);
        let timeout = self.hosts[host].config.node_timeout_ms;
        if let Err(what) = cut_off::check(host, last, asked, self.now, timeout) {
            self.complain(cut_off::NAME, what);
        }
    }

    fn holds(&self, host: usize, key: &[u8]) -> bool {
        self.real(host).is_some_and(|real| real.node.keyspace().contains(DbIndex(0), key))
    }

    /// A data thread reports: if its data may have changed other than by writes, its keys are looked at.
    pub(super) fn watch_status(&mut self, host: usize, status: &DataStatus) {
        if self.data_config.is_none() {
            return;
        }
        let places = self.watch.places.clone();
        self.watch_touch_of(host, &places);
        self.watch.hosts[host].synced = status.synced_once;
        let Some(topology) = self.machine(host).map(|machine| machine.topology()) else { return };
        if topology.state == State::Fail(FailReason::YieldingToReplica) {
            let since = self.watch.hosts[host].yielding.map_or(self.now, |(since, _)| since);
            self.watch.hosts[host].yielding = Some((since, self.now));
        }
        let asks = matches!(topology.state, State::Fail(reason) if reason.refuses_replicas());
        if asks {
            self.watch.hosts[host].asked = self.now;
        }
        let Some(process) = self.hosts[host].process.as_ref() else { return };
        let Some(real) = self.real(host) else { return };
        let me = topology.myself();
        let acts = status.primary && me.primary.is_none() && !asks;
        let now = Signature {
            life: process.life,
            history: status.history,
            primary: status.primary,
            owns: if acts { (*me.slots).clone() } else { SlotSet::empty() },
            keys: real.node.keyspace().len(DbIndex(0)),
        };
        let primary = me.primary.and_then(|id| places.get(&id).copied());
        let watched = &mut self.watch.hosts[host];
        if watched.follows.map(|(followed, _)| followed) != primary {
            watched.follows = primary.map(|primary| (primary, self.now));
        }
        let last = std::mem::replace(&mut watched.last, now.clone());
        if now.keys < last.keys || (Signature { keys: last.keys, ..now.clone() }) != last {
            self.look_at_keys(host, &now, primary);
        }
    }

    fn look_at_keys(&mut self, host: usize, now: &Signature, primary: Option<usize>) {
        // The checker borrows the world, which holds it: taken out for a moment.
        let mut confirmed = std::mem::take(&mut self.watch.confirmed);
        let look = Look {
            host,
            life: now.life,
            at: self.now,
            primary,
            owns: &now.owns,
            origin: self.origin(host),
            unfit: primary.and_then(|primary| self.unfit(host, primary)),
            has: &|key| self.holds(host, key),
        };
        confirmed.look(&look, &|other, key| self.other(host, other, key));
        self.watch.confirmed = confirmed;
    }

    /// How a host came by its slots, if it has any.
    fn origin(&self, host: usize) -> Origin {
        let watched = &self.watch.hosts[host];
        let life = self.hosts[host].process.as_ref().map(|process| process.life);
        match watched.promoted.filter(|(promoted, _)| Some(*promoted) == life) {
            Some((_, true)) => Origin::Forced,
            Some((_, false)) => Origin::Elected,
            None => {
                let patience = self.hosts[host].config.node_timeout_ms * YIELD_TIMEOUTS;
                let waited = watched.yielding.is_some_and(|(since, end)| since.plus_millis(patience) <= end);
                Origin::Reborn { with_data: watched.had_data, waited }
            }
        }
    }

    /// What was wrong with a host when another came by its slots.
    fn unfit(&self, host: usize, usurper: usize) -> Option<Unfit> {
        let conditions = &self.watch.conditions;
        let watched = &self.watch.hosts[usurper];
        let timeout = self.hosts[host].config.node_timeout_ms;
        let ago = |millis: u64| Instant(self.now.0.saturating_sub(millis * 1000));
        if !matches!(self.origin(usurper), Origin::Reborn { .. }) {
            let since = |from| conditions.within(host, Trouble::UNELECTABLE, from, self.now);
            let lately = since(ago(timeout * LATELY_TIMEOUTS)).map(|text| Unfit { lately: true, text });
            let earlier = || since(ago(timeout * ELECTION_TIMEOUTS + ELECTION_EXTRA_MS));
            return lately.or_else(|| Some(Unfit { lately: false, text: earlier()? }));
        }
        let (from, to) = (watched.booted, watched.asked.max(watched.booted).plus_millis(REPORT_MS));
        let apart = || {
            let apart = conditions.apart(host, usurper, from, to);
            apart.then(|| format!("could not talk to host {usurper}"))
        };
        let text = conditions.within(host, Trouble::MUTE, from, to).or_else(apart)?;
        Some(Unfit { lately: to >= ago(timeout * LATELY_TIMEOUTS), text })
    }

    fn other(&self, usurper: usize, host: usize, key: &[u8]) -> Other {
        let Some(process) = self.hosts[host].process.as_ref() else { return Other::Down };
        let topology = process.machine.topology();
        let primary = topology.myself().primary.and_then(|id| self.watch.places.get(&id).copied());
        let unfit = self.unfit(host, usurper);
        if !self.holds(host, key) {
            return Other::Lacks { life: process.life, primary, unfit };
        }
        let watched = &self.watch.hosts[host];
        let follows = watched.follows.filter(|(followed, _)| Some(*followed) == primary);
        let earlier = follows.is_some_and(|(followed, since)| since < self.watch.hosts[followed].booted);
        Other::Has { primary, synced: watched.synced, earlier, unfit }
    }
}
