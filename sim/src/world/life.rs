//! Processes: started from what the disk holds, killed or cut off, paused and resumed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{NodeId, Prng, SlotSet};
use cluster::codec::Framer;
use cluster::{Config, DataEvent, LinkId, Machine, Outbox, Start, nodes_conf};
use persist::MemStorage;

use super::data::DataThread;
use super::{Event, Inside, World};
use crate::checker::Seen;
use crate::clock::{HostClock, Instant};
use crate::disk::Disk;
use crate::event_log::fingerprint;
use crate::light::{Kept, Light};
use crate::network::ConnectionId;
use crate::real::Real;

/// Sets of slots that many hosts know, each kept once: a thousand nodes know two kilobytes of each of a thousand others.
#[derive(Default)]
pub(crate) struct SlotSets(BTreeMap<u64, Arc<SlotSet>>);

impl SlotSets {
    /// Replaces a set by an equal one that is there already, or remembers it.
    fn share(&mut self, slots: &mut Arc<SlotSet>) {
        let known = self.0.entry(fingerprint(slots.as_bytes())).or_insert_with(|| slots.clone());
        if known == slots {
            *slots = known.clone();
        }
    }
}

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// `kill -9`: the system closes its connections and refuses new ones.
    Kill,
    /// The host loses its power: silence.
    PowerOff,
}

/// A machine of the world, in or out of service.
pub struct Host {
    pub(crate) config: Config,
    pub(crate) clock: HostClock,
    pub(crate) disk: Disk,
    /// The data on disk; `None` for a node without persistence, or before its first life.
    pub(crate) kept: Option<Kept>,
    /// The data directory of a real data thread, while no process runs.
    pub(crate) storage: Option<MemStorage>,
    /// Whether data survives the process.
    pub(crate) persistent: bool,
    /// Whether all of it does, and not only what the last snapshot has.
    pub(crate) keeps_all: bool,
    pub(crate) process: Option<Box<Process>>,
    pub(crate) powered: bool,
    pub(crate) paused: bool,
    /// The data thread's last report: in sync with a primary.
    pub(crate) in_sync: bool,
    pub(crate) deferred: Vec<Inside>,
    lives: u64,
    seed: Prng,
}

/// One life of a host's server process.
pub struct Process {
    pub(crate) life: u64,
    pub(crate) machine: Machine,
    pub(crate) outbox: Outbox,
    /// Looked up only, never walked over.
    pub(crate) links: HashMap<LinkId, Link>,
    pub(crate) next_link: u64,
    pub(crate) timer: Option<Instant>,
    pub(crate) data: DataThread,
    /// The two FIFOs between the threads keep their order.
    pub(crate) last_to_data: Instant,
    pub(crate) last_from_data: Instant,
}

/// A bus link.
pub struct Link {
    pub(crate) connection: ConnectionId,
    /// Which end of the connection is ours.
    pub(crate) end: usize,
    /// Half a packet, while there is one.
    pub(crate) framer: Option<Box<Framer>>,
    pub(crate) established: bool,
}

impl Host {
    pub(crate) fn new(config: Config, prng: &mut Prng) -> Self {
        let clock =
            HostClock { origin_ms: 1000 + prng.below(1 << 40), skew_ms: prng.below(2000) as i64 - 1000 };
        Self {
            config,
            clock,
            disk: Disk::default(),
            kept: None,
            storage: None,
            persistent: prng.chance(3, 4),
            keeps_all: false,
            process: None,
            powered: true,
            paused: false,
            in_sync: false,
            deferred: Vec::new(),
            lives: 0,
            seed: prng.fork(),
        }
    }

    /// Whether the process runs and is not paused.
    pub fn is_running(&self) -> bool {
        self.process.is_some() && !self.paused
    }
}

impl World {
    /// Starts a host's process at an instant.
    pub fn start(&mut self, host: usize, at: Instant) {
        self.schedule(at, Event::Boot { host });
    }

    pub(super) fn boot(&mut self, host: usize) {
        if self.hosts[host].process.is_some() {
            return;
        }
        let now = self.clock(host);
        let place = &mut self.hosts[host];
        let was_off = !std::mem::replace(&mut place.powered, true);
        place.lives += 1;
        let start = match place.disk.conf().map(|text| nodes_conf::parse(text.as_bytes())) {
            None | Some(Ok(None)) => Start::Fresh,
            Some(Ok(Some(mut conf))) => {
                conf.nodes.iter_mut().for_each(|line| self.slot_sets.share(&mut line.slots));
                Start::Restored(conf)
            }
            Some(Err(error)) => {
                return self.complain("nodes.conf", format!("host {host} cannot read its own file: {error}"));
            }
        };
        let mut machine = Machine::new(place.config.clone(), start, place.seed.next_u64(), now);
        let life = place.lives;
        let data = match &self.data_config {
            None => {
                let slots = place.kept.as_ref().map(|kept| kept.slots.clone()).unwrap_or_default();
                machine.handle_data(now, DataEvent::HasKeys(slots));
                DataThread::Light(Box::new(Light::new(place.kept.as_ref(), &mut place.seed)))
            }
            Some(config) => {
                let seed = place.seed.next_u64();
                let storage = place.storage.take().unwrap_or_else(|| MemStorage::new(seed));
                match Real::start(config.clone(), seed, now, storage) {
                    Ok(real) => DataThread::Real(Box::new(real)),
                    Err(error) => return self.complain("loading", format!("host {host}: {error}")),
                }
            }
        };
        self.log.record(self.now, host, "boot", &[life], || format!("life {life}, node {}", machine.me()));
        self.hosts[host].process = Some(Box::new(Process {
            life,
            machine,
            outbox: Outbox::new(),
            links: HashMap::new(),
            next_link: 0,
            timer: None,
            data,
            last_to_data: self.now,
            last_from_data: self.now,
        }));
        if was_off {
            self.wake_network(None);
        }
        self.watch_boot(host);
        self.drain(host);
        self.start_data(host);
        if let Some(id) = self.node_id(host) {
            self.show(&Seen::Started { host, life, id });
        }
    }

    /// Ends a host's process without warning.
    pub fn crash(&mut self, host: usize, how: Crash) {
        let Some(process) = self.hosts[host].process.take() else { return };
        let life = process.life;
        self.counts.crashes += 1;
        self.log
            .record(self.now, host, "crash", &[life], || format!("{how:?}, node {}", process.machine.me()));
        let place = &mut self.hosts[host];
        place.disk.crash(&mut self.prng);
        match process.data {
            DataThread::Light(light) => {
                // A file that is as good as the last snapshot, or an AOF.
                let all = place.keeps_all || self.prng.chance(1, 2);
                place.kept = place.persistent.then(|| light.kept(all));
            }
            DataThread::Real(real) => {
                let mut storage = real.worker.into_storage();
                // What the system has is safe from the end of a process, not from the end of power.
                if how == Crash::PowerOff {
                    storage.crash();
                }
                place.storage = Some(storage);
            }
        }
        place.paused = false;
        place.in_sync = false;
        place.deferred.clear();
        place.powered = how == Crash::Kill;
        self.watch_crash(host);
        for (connection, end) in self.network.of_host(host) {
            match how {
                Crash::Kill => self.close_end(connection, end),
                Crash::PowerOff => self.network.vanish(connection, end),
            }
        }
    }

    /// Stops a host's process for a while, as SIGSTOP or a stalled virtual machine does.
    pub fn pause(&mut self, host: usize, millis: u64) {
        if self.hosts[host].process.is_none() || self.hosts[host].paused {
            return;
        }
        self.log.record(self.now, host, "pause", &[millis], || format!("for {millis} ms"));
        self.hosts[host].paused = true;
        self.watch_pause(host, true);
        self.schedule(self.now.plus_millis(millis), Event::Resume { host });
    }

    pub(super) fn resume(&mut self, host: usize) {
        if !self.hosts[host].paused {
            return;
        }
        self.log.record(self.now, host, "resume", &[], String::new);
        self.hosts[host].paused = false;
        self.watch_pause(host, false);
        // What the sockets hold is read before timers and other threads' messages are looked at; and a connection is
        // accepted before it is read.
        let deferred = std::mem::take(&mut self.hosts[host].deferred);
        for (i, what) in deferred.into_iter().enumerate() {
            match what {
                Inside::Connected { connection, accepted } => self.connected(host, connection, accepted),
                _ => self.schedule_inside(self.now.plus_micros(500 + i as u64), host, what),
            }
        }
        self.wake_network(Some(host));
    }

    /// Loses what a host without a process has on its disk: its data, and `all`, so that it will be a new node.
    pub fn lose_disk(&mut self, host: usize, all: bool) {
        self.log.record(self.now, host, "diskloss", &[u64::from(all)], || {
            if all { "everything" } else { "the data" }.into()
        });
        let place = &mut self.hosts[host];
        if place.process.is_some() {
            return;
        }
        (place.kept, place.storage) = (None, None);
        if all {
            place.disk = Disk::default();
        }
    }

    /// Two hosts without a process get each other's address.
    pub fn exchange_addresses(&mut self, a: usize, b: usize) {
        self.log.record(self.now, a, "exchange", &[b as u64], || format!("addresses with host {b}"));
        if self.hosts[a].process.is_none() && self.hosts[b].process.is_none() {
            self.places.swap(a, b);
            (self.residents[self.places[a]], self.residents[self.places[b]]) = (a, b);
        }
    }

    /// Puts a nodes.conf, and some data, onto the disk of a host that has never been started.
    pub fn install(&mut self, host: usize, conf: String, data: Option<Kept>) {
        let place = &mut self.hosts[host];
        place.disk.install(conf);
        place.kept = data;
    }

    /// Nobody will be started again, so that no file is needed.
    pub fn keep_no_files(&mut self) {
        self.hosts.iter_mut().for_each(|host| host.disk.spare = true);
    }

    /// Moves a host's wall clock.
    pub fn jump_clock(&mut self, host: usize, millis: i64) {
        self.log.record(self.now, host, "clock", &[millis as u64], || format!("jumps by {millis} ms"));
        self.hosts[host].clock.skew_ms += millis;
    }

    /// From now on data survive their processes everywhere.
    pub fn keep_data(&mut self) {
        self.hosts.iter_mut().for_each(|host| (host.persistent, host.keeps_all) = (true, true));
    }

    /// Whether a host's process is stopped.
    pub fn is_paused(&self, host: usize) -> bool {
        self.hosts[host].paused
    }

    /// A host's data thread reports something that it does not come to by itself in a simulation.
    pub fn hear_from_data(&mut self, host: usize, event: DataEvent) {
        self.with_machine(host, |machine, now| machine.handle_data(now, event));
    }

    /// The name of a host's node, by its file if its process does not run.
    pub fn last_id(&self, host: usize) -> Option<NodeId> {
        self.node_id(host).or_else(|| {
            let text = self.hosts[host].disk.conf()?;
            nodes_conf::parse(text.as_bytes()).ok()??.myself().map(|line| line.id)
        })
    }

    /// The name of a host's node, while its process runs.
    pub fn node_id(&self, host: usize) -> Option<NodeId> {
        self.machine(host).map(Machine::me)
    }
}
