//! The world: hosts, the network between them, one queue of events in virtual time, and the checkers that watch.
//!
//! Model: everything happens in one thread, in the order of (instant, number) of the queue; every choice comes from
//! generators forked from one seed. So a seed is a run. Parts: `bus` carries packets between the cluster machines,
//! `life` starts, kills and pauses processes, `data` drives data threads and joins them to control threads,
//! `sockets` is TCP for both, `clients` a workload's, `operator` gives commands, `trouble` is what faults do,
//! `watch` shows the data checkers what they ask for.
//!
//! Invariant: nothing here decides what a machine may know; it only delivers, late, never, or after a crash.

mod bus;
mod clients;
mod data;
mod life;
mod operator;
mod queue;
mod service;
mod sockets;
mod trouble;
mod watch;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base::{NodeId, Now, Prng};
use cluster::{Config, Machine, ToData};
use node::ToControl;

pub use life::{Crash, Host, Process};

use crate::checker::{Checker, Seen};
use crate::clock::Instant;
use crate::event_log::EventLog;
use crate::network::{ConnectionId, Network};
use crate::workload::Client;

/// The client port of every host; the bus is 10000 above.
pub const CLIENT_PORT: u16 = 7000;
/// The bus port of every host.
pub const BUS_PORT: u16 = CLIENT_PORT + 10_000;
/// No run processes more events than this: a run that does not end is a failure, not a hang.
pub const MAX_EVENTS: u64 = 400_000_000;

/// Something that is due at an instant.
#[derive(Debug)]
pub(crate) enum Event {
    /// A chunk of a connection's direction arrives.
    Arrive { connection: ConnectionId, from: usize },
    /// A connect reaches the other host.
    Syn { connection: ConnectionId },
    /// Something inside one life of a process.
    Inside { host: usize, life: u64, what: Inside },
    /// A process is to be started.
    Boot { host: usize },
    /// A pause ends.
    Resume { host: usize },
    /// The outcome of a client's connect.
    ClientConnected { host: usize, connection: ConnectionId },
    /// A client asked to be called.
    ClientWake { host: usize },
}

/// What happens inside a process.
#[derive(Debug)]
pub(crate) enum Inside {
    /// The outcome of a connect.
    Connected { connection: ConnectionId, accepted: bool },
    /// The machine's timer, as set for this instant.
    Timer { at: Instant },
    /// The disk is done with nodes.conf.
    Saved,
    /// A message reaches the data thread.
    ToData(ToData),
    /// A report reaches the control thread.
    FromData(ToControl),
    /// An operator's command reaches the control thread.
    Command { request: u64, command: cluster::Command },
    /// A tenth of a second passed for a light data thread.
    DataTick,
    /// A real data thread's timer, as set for this instant.
    DataTimer { at: Instant },
    /// A slice of a real data thread's background work.
    DataSlice,
    /// The disk thread works.
    DiskTurn,
}

/// A checker's complaint, or a run that does not end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The checker.
    pub checker: &'static str,
    /// When.
    pub at: Instant,
    /// What.
    pub what: String,
}

/// What happened how often, to see whether a run put anything to the test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Processes ended without warning.
    pub crashes: u64,
    /// Packets sent on the bus.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Votes among them.
    pub votes: u64,
    /// Data threads that were ordered to take over.
    pub promotions: u64,
}

/// The simulated world.
pub struct World {
    pub(crate) now: Instant,
    queue: queue::Queue,
    pub(crate) hosts: Vec<Host>,
    pub(crate) clients: Vec<Client>,
    /// Real data threads run with this; without it they are light.
    pub(crate) data_config: Option<config::Config>,
    pub(crate) network: Network,
    /// Per host, the number of its address; and the other way round.
    places: Vec<usize>,
    residents: Vec<usize>,
    pub(crate) prng: Prng,
    pub(crate) log: EventLog,
    pub(crate) watch: watch::Watch,
    checkers: Vec<Box<dyn Checker>>,
    violation: Option<Violation>,
    service: service::Service,
    pub(crate) slot_sets: life::SlotSets,
    next_request: u64,
    replies: BTreeMap<u64, Result<(), String>>,
    events: u64,
    pub(crate) counts: Counts,
}

impl World {
    /// A world of hosts that are switched off.
    pub fn new(seed: u64, hosts: usize, config: &Config, keep_lines: bool) -> Self {
        let mut prng = Prng::new(seed);
        let network = Network::new(prng.fork());
        let hosts: Vec<Host> = (0..hosts).map(|_| Host::new(config.clone(), &mut prng)).collect();
        Self {
            now: Instant(0),
            queue: queue::Queue::default(),
            watch: watch::Watch::new(hosts.len()),
            clients: Vec::new(),
            data_config: None,
            network,
            places: (0..hosts.len()).collect(),
            residents: (0..hosts.len()).collect(),
            prng,
            hosts,
            log: EventLog::new(keep_lines),
            checkers: crate::checker::all(),
            violation: None,
            service: service::Service::default(),
            slot_sets: life::SlotSets::default(),
            next_request: 0,
            replies: BTreeMap::new(),
            events: 0,
            counts: Counts::default(),
        }
    }

    /// Gives the hosts real data threads with this configuration. Before any of them is started.
    pub fn use_real_data(&mut self, config: config::Config) {
        self.data_config = Some(config);
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What a checker complained about, if one did.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The log of this run.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// What happened how often.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many hosts there are.
    pub fn host_count(&self) -> usize {
        self.hosts.len()
    }

    /// The cluster machine of a host, while its process runs.
    pub fn machine(&self, host: usize) -> Option<&Machine> {
        Some(&self.hosts.get(host)?.process.as_ref()?.machine)
    }

    /// Which of its lives a host's process is; 0 if there is none.
    pub fn life(&self, host: usize) -> u64 {
        self.hosts.get(host).and_then(|host| host.process.as_ref()).map_or(0, |process| process.life)
    }

    /// The hosts whose process runs, paused or not.
    pub fn alive(&self) -> Vec<usize> {
        (0..self.hosts.len()).filter(|host| self.hosts[*host].process.is_some()).collect()
    }

    /// Whether a host's data thread has reported that it is in sync with its primary.
    pub fn is_in_sync(&self, host: usize) -> bool {
        self.hosts.get(host).is_some_and(|host| host.in_sync)
    }

    /// The host on which a node runs.
    pub fn host_of_node(&self, id: &NodeId) -> Option<usize> {
        let host = self.watch.place(id)?;
        self.machine(host).filter(|machine| machine.me() == *id).map(|_| host)
    }

    /// A finding for the log.
    pub fn note(&mut self, kind: &'static str, text: String) {
        let number = crate::event_log::fingerprint(text.as_bytes());
        self.log.record(self.now, self.hosts.len(), kind, &[number], || text);
    }

    /// Complains in the name of a check that is not an event's.
    pub fn complain(&mut self, checker: &'static str, what: String) {
        if self.violation.is_none() {
            self.log.record(self.now, 0, "VIOLATION", &[], || format!("{checker}: {what}"));
            self.violation = Some(Violation { checker, at: self.now, what });
        }
    }

    /// Lets the world run until an instant, or until a checker complains. False if one has.
    pub fn run_until(&mut self, end: Instant) -> bool {
        self.run_while(end, |_| true)
    }

    /// Lets the world run for some milliseconds.
    pub fn run_for(&mut self, millis: u64) -> bool {
        self.run_until(self.now.plus_millis(millis))
    }

    /// Lets the world run until `more` is false (looked at every 50 ms of the world's time) or an instant has come.
    pub fn run_while(&mut self, end: Instant, mut more: impl FnMut(&World) -> bool) -> bool {
        let mut look = self.now;
        while self.violation.is_none() {
            if self.now >= look {
                if !more(self) {
                    return true;
                }
                look = self.now.plus_millis(50);
            }
            match self.queue.due() {
                Some(at) if at <= end => self.step(),
                _ => {
                    self.now = end;
                    return true;
                }
            }
        }
        false
    }

    fn step(&mut self) {
        let Some((at, event)) = self.queue.pop() else { return };
        self.now = self.now.max(at);
        self.events += 1;
        if self.events > MAX_EVENTS {
            self.complain("end", format!("more than {MAX_EVENTS} events"));
            return;
        }
        match event {
            Event::Arrive { connection, from } => self.arrive(connection, from),
            Event::Syn { connection } => self.syn(connection),
            Event::Boot { host } => self.boot(host),
            Event::Resume { host } => self.resume(host),
            Event::ClientConnected { host, connection } => self.client_connected(host, connection),
            Event::ClientWake { host } => self.wake_client(host),
            Event::Inside { host, life, what } => self.inside(host, life, what),
        }
    }

    fn inside(&mut self, host: usize, life: u64, what: Inside) {
        let paused = self.hosts[host].paused;
        if self.hosts[host].process.as_ref().is_none_or(|process| process.life != life) {
            return;
        }
        if paused {
            self.hosts[host].deferred.push(what);
            return;
        }
        match what {
            Inside::Connected { connection, accepted } => self.connected(host, connection, accepted),
            Inside::Timer { at } => self.timer(host, at),
            Inside::Saved => self.saved(host),
            Inside::ToData(message) => self.deliver_to_data(host, message),
            Inside::FromData(message) => self.deliver_from_data(host, message),
            Inside::Command { request, command } => self.deliver_command(host, request, command),
            Inside::DataTick => self.data_tick(host),
            Inside::DataTimer { at } => self.data_timer(host, at),
            Inside::DataSlice => self.data_slice(host),
            Inside::DiskTurn => self.disk_turn(host),
        }
    }

    pub(crate) fn schedule(&mut self, at: Instant, event: Event) {
        self.queue.push(at.max(self.now), event);
    }

    pub(crate) fn schedule_inside(&mut self, at: Instant, host: usize, what: Inside) {
        if let Some(life) = self.hosts[host].process.as_ref().map(|process| process.life) {
            self.schedule(at, Event::Inside { host, life, what });
        }
    }

    /// Shows something to every checker.
    pub(crate) fn show(&mut self, seen: &Seen<'_>) {
        if self.violation.is_some() {
            return;
        }
        let complaint = self
            .checkers
            .iter_mut()
            .find_map(|checker| checker.observe(seen).err().map(|what| (checker.name(), what)));
        if let Some((checker, what)) = complaint {
            self.complain(checker, what);
        }
    }

    pub(crate) fn clock(&self, host: usize) -> Now {
        self.hosts[host].clock.now(self.now)
    }

    /// The address of a host now.
    pub fn address(&self, host: usize) -> IpAddr {
        address(self.places.get(host).copied().unwrap_or(host))
    }

    /// Which host has an address now.
    pub(crate) fn host_at(&self, addr: SocketAddr) -> Option<usize> {
        self.residents.get(place_of(addr)?).copied()
    }
}

/// The address with this number.
pub fn address(place: usize) -> IpAddr {
    let n = place as u32 + 1;
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n))
}

/// Which number an address has.
pub(crate) fn place_of(addr: SocketAddr) -> Option<usize> {
    let IpAddr::V4(ip) = addr.ip() else { return None };
    Some(u32::from(ip).checked_sub(0x0a00_0001)? as usize)
}
