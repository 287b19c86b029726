//! A small world: machines, their links, their disks and their data threads, under one virtual clock.
//!
//! Model: a queue of events ordered by time; packets take a millisecond, saves and the data thread take two. Nodes live at 127.0.0.1, node `n` with
//! client port 7000+n. A node can be killed and started again from its disk, cut off, or have its disk or data thread stalled.

use crate::nodes_conf;
use crate::*;
use alloc::collections::{BTreeMap, BTreeSet};
use base::{Millis, NodeId, Now, ReplId, ReplOffset, Slot, SlotSet, UnixMillis};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

const PACKET_MS: u64 = 1;
const DISK_MS: u64 = 2;
const DATA_MS: u64 = 2;
const STATUS_MS: u64 = 50;
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

enum Event {
    Timer,
    Packet { link: LinkId, bytes: Arc<[u8]> },
    Link { link: LinkId, event: LinkEvent },
    Saved { version: ConfigVersion },
    NotSaved { version: ConfigVersion },
    Data { event: DataEvent, life: u32 },
}

/// What stands in for the data thread.
pub struct Data {
    pub primary: bool,
    pub of: Option<NodeId>,
    pub offset: u64,
    pub empty: bool,
    /// Since its start.
    pub written: bool,
    /// What the file said that it holds, after a restart,
    pub loaded: Option<u64>,
    /// of this history.
    pub history: ReplId,
    pub synced: bool,
    pub heard: Option<Millis>,
    pub paused: bool,
    pub progress: u64,
    pub topology: Option<Arc<Topology>>,
    pub orders: Vec<Order>,
    pub lease: Option<Millis>,
    pub delivered: Vec<(Vec<u8>, Vec<u8>, bool)>,
}

pub struct Member {
    pub machine: Machine,
    outbox: Outbox,
    pub data: Data,
    pub disk: String,
    pub alive: bool,
    /// Without power nobody says that nothing listens.
    powered: bool,
    pub cut: bool,
    pub disk_stalled: bool,
    /// Nothing can be written: it is full, say.
    pub disk_fails: bool,
    pub data_stalled: bool,
    /// Its data thread works, but does not synchronize with anybody.
    pub data_refuses: bool,
    /// Its data thread loads files until then, and says nothing.
    pub loads_until: u64,
    /// Its data thread does not carry out promotions.
    pub deaf: bool,
    life: u32,
    pub log: Vec<String>,
    pub replies: BTreeMap<u64, Result<Answer, CommandError>>,
    /// Link of ours to (peer, link of theirs).
    wires: BTreeMap<LinkId, (usize, LinkId)>,
    seed: u64,
    config: Config,
    /// The instant of its next timer.
    timer: u64,
    pub sent: u64,
    pub saves: u64,
    /// The save that a stalled disk has not finished.
    stalled_save: Option<(ConfigVersion, String)>,
    /// When a packet of its last said that it owns slots.
    pub claimed_at: Option<u64>,
}

pub struct World {
    pub now: u64,
    pub members: Vec<Member>,
    queue: BTreeMap<(u64, u64), (usize, Event)>,
    order: u64,
    next_link: u64,
    next_request: u64,
    /// Votes seen on the wire: (voter, epoch) to candidates.
    pub votes: BTreeMap<(NodeId, u64), BTreeSet<usize>>,
    pub timeout: u64,
    /// Packets of these types are lost.
    pub lost_types: BTreeSet<u8>,
    /// Packets on these links of these members are lost, and nobody says so.
    pub dead_links: BTreeSet<(usize, LinkId)>,
    /// What the first sends to the second is lost.
    pub mute: BTreeSet<(usize, usize)>,
    /// The first cannot connect to the second: it is refused.
    refused: BTreeSet<(usize, usize)>,
}

pub fn now_at(ms: u64) -> Now {
    Now { mono: Millis(ms), unix: UnixMillis(1_700_000_000_000 + ms as i64), micros: 0 }
}

fn fresh_data() -> Data {
    Data {
        primary: true,
        of: None,
        offset: 0,
        empty: true,
        written: false,
        loaded: None,
        history: ReplId([b'5'; 40]),
        synced: false,
        heard: None,
        paused: false,
        progress: 0,
        topology: None,
        orders: Vec::new(),
        lease: None,
        delivered: Vec::new(),
    }
}

impl Member {
    fn new(machine: Machine, config: Config, seed: u64) -> Member {
        Member {
            machine,
            outbox: Outbox::new(),
            data: fresh_data(),
            disk: String::new(),
            alive: true,
            powered: true,
            cut: false,
            disk_stalled: false,
            disk_fails: false,
            data_stalled: false,
            data_refuses: false,
            loads_until: 0,
            deaf: false,
            life: 0,
            log: Vec::new(),
            replies: BTreeMap::new(),
            wires: BTreeMap::new(),
            seed,
            config,
            timer: u64::MAX,
            sent: 0,
            saves: 0,
            stalled_save: None,
            claimed_at: None,
        }
    }
}

impl World {
    pub fn new(count: usize, seed: u64) -> World {
        let mut world = World {
            now: 1000,
            members: Vec::new(),
            queue: BTreeMap::new(),
            order: 0,
            next_link: 1,
            next_request: 1,
            votes: BTreeMap::new(),
            timeout: 2000,
            lost_types: BTreeSet::new(),
            dead_links: BTreeSet::new(),
            mute: BTreeSet::new(),
            refused: BTreeSet::new(),
        };
        for index in 0..count {
            let config =
                Config { port: 7000 + index as u16, node_timeout_ms: world.timeout, ..Config::default() };
            let machine =
                Machine::new(config.clone(), Start::Fresh, seed * 1000 + index as u64, now_at(world.now));
            world.members.push(Member::new(machine, config, seed * 1000 + index as u64));
            world.start_up(index);
        }
        world
    }

    /// A cluster of `primaries` with one replica each and all slots, converged.
    pub fn formed(primaries: usize, replicas: usize, seed: u64) -> World {
        let mut world = World::new(primaries + replicas, seed);
        for index in 0..primaries + replicas {
            world.ok(index, Command::SetConfigEpoch(format!("{}", index + 1).into_bytes()));
        }
        let share = 16384 / primaries + 1;
        for index in 0..primaries {
            let (first, last) = (index * share, ((index + 1) * share).min(16384) - 1);
            let range = (first.to_string().into_bytes(), last.to_string().into_bytes());
            world.ok(index, Command::AddSlotsRange([range].into()));
        }
        for index in 1..primaries + replicas {
            world.meet(0, index);
        }
        world.run_until(30_000, "all know all", |w| {
            let count = w.members.len();
            w.members
                .iter()
                .all(|m| m.machine.topology().nodes.iter().filter(|n| !n.ip.is_empty()).count() == count)
        });
        for replica in primaries..primaries + replicas {
            let primary = world.id((replica - primaries) % primaries);
            world.ok(replica, Command::Replicate { node: primary.0.to_vec(), empty: true });
        }
        world.run_until(30_000, "state ok and replicas attached", |w| {
            w.members.iter().all(|m| {
                let topology = m.machine.topology();
                topology.state == State::Ok
                    && topology.nodes.iter().filter(|n| n.primary.is_some()).count() == replicas
            })
        });
        for index in 0..primaries {
            world.members[index].data.offset = 1000;
            world.members[index].data.empty = false;
        }
        world.run(3000);
        world
    }

    fn start_up(&mut self, index: usize) {
        self.drain(index);
        self.schedule_timer(index);
        self.status_soon(index);
    }

    fn status_soon(&mut self, index: usize) {
        let life = self.members[index].life;
        let event = DataEvent::Status(self.status(index));
        self.at(STATUS_MS, index, Event::Data { event, life });
    }

    pub fn id(&self, index: usize) -> NodeId {
        self.members[index].machine.me()
    }

    pub fn topology(&self, index: usize) -> Arc<Topology> {
        self.members[index].machine.topology()
    }

    pub fn meet(&mut self, from: usize, to: usize) {
        let port = self.members[to].config.port.to_string().into_bytes();
        self.ok(from, Command::Meet { ip: b"127.0.0.1".to_vec(), port, bus_port: None });
    }

    /// Runs a command to its answer.
    pub fn command(&mut self, index: usize, command: Command) -> Result<Answer, CommandError> {
        let request = self.next_request;
        self.next_request += 1;
        let now = now_at(self.now);
        self.members[index].machine.command(now, RequestId(request), command);
        self.drain(index);
        for _ in 0..1500 {
            if let Some(result) = self.members[index].replies.remove(&request) {
                return result;
            }
            self.run(1);
        }
        panic!("no answer in time");
    }

    /// A member believes that it knows this node, as from somebody's old gossip.
    pub fn plant(&mut self, index: usize, id: NodeId, port: u16) {
        let now = Millis(self.now);
        let machine = &mut self.members[index].machine;
        let mut node = crate::state::Node::new(id, id, NodeFlags::PRIMARY, now);
        (node.ip, node.port, node.bus_port) = ("127.0.0.1".into(), port, port + 10_000);
        machine.nodes.insert(node);
    }

    /// A member that is not running will start at another's address, and the other way round.
    pub fn exchange_addresses(&mut self, one: usize, other: usize) {
        let (a, b) = (self.members[one].config.port, self.members[other].config.port);
        (self.members[one].config.port, self.members[other].config.port) = (b, a);
    }

    /// A member that is not running will start so.
    pub fn prepare(&mut self, index: usize, change: impl FnOnce(&mut Config)) {
        change(&mut self.members[index].config);
    }

    /// A second process from a copy of a member's nodes.conf, at a port of its own; its index.
    pub fn copy(&mut self, index: usize, port: u16) -> usize {
        let conf =
            nodes_conf::parse(self.members[index].disk.as_bytes()).expect("own file").expect("not empty");
        let config = Config { port, ..self.members[index].config.clone() };
        let seed = self.members[index].seed + 77;
        let machine = Machine::new(config.clone(), Start::Restored(conf), seed, now_at(self.now));
        let mut member = Member::new(machine, config, seed);
        member.disk = self.members[index].disk.clone();
        member.data = Data { offset: self.members[index].data.offset, empty: false, ..fresh_data() };
        self.members.push(member);
        self.start_up(self.members.len() - 1);
        self.members.len() - 1
    }

    /// A member's data thread reports something.
    pub fn tell(&mut self, index: usize, event: DataEvent) {
        let life = self.members[index].life;
        self.at(DATA_MS, index, Event::Data { event, life });
        self.run(2 * DATA_MS);
    }

    pub fn ok(&mut self, index: usize, command: Command) {
        assert_eq!(self.command(index, command), Ok(Answer::Ok));
    }

    pub fn kill(&mut self, index: usize) {
        self.members[index].alive = false;
        let wires = core::mem::take(&mut self.members[index].wires);
        for (peer, link) in wires.into_values() {
            self.members[peer].wires.remove(&link);
            self.at(PACKET_MS, peer, Event::Link { link, event: LinkEvent::Closed });
        }
        self.queue.retain(|_, (owner, _)| *owner != index);
    }

    pub fn configure(&mut self, index: usize, change: impl FnOnce(&mut Config)) {
        let mut config = self.members[index].config.clone();
        change(&mut config);
        self.members[index].config = config.clone();
        self.members[index].machine.set_config(now_at(self.now), config);
        self.drain(index);
    }

    /// The data thread reports something.
    pub fn report(&mut self, index: usize, event: DataEvent) {
        self.members[index].machine.handle_data(now_at(self.now), event);
        self.drain(index);
        self.schedule_timer(index);
    }

    /// From now on `from` is refused by `to`, and its link to it breaks, at both ends.
    pub fn refuse(&mut self, from: usize, to: usize) {
        self.refused.insert((from, to));
        let links: Vec<_> = self.members[from].wires.iter().map(|(link, (peer, _))| (*link, *peer)).collect();
        for (link, _) in links.into_iter().filter(|(link, peer)| *peer == to && link.is_outbound()) {
            if let Some((_, theirs)) = self.members[from].wires.remove(&link) {
                self.members[to].wires.remove(&theirs);
                self.at(PACKET_MS, from, Event::Link { link, event: LinkEvent::Closed });
                self.at(PACKET_MS, to, Event::Link { link: theirs, event: LinkEvent::Closed });
            }
        }
    }

    /// A stalled disk goes on with what it was at.
    pub fn end_disk_stall(&mut self, index: usize) {
        self.members[index].disk_stalled = false;
        if let Some((version, text)) = self.members[index].stalled_save.take() {
            self.members[index].disk = text;
            self.at(DISK_MS, index, Event::Saved { version });
        }
    }

    /// The node's host loses its power: nobody hears of it.
    pub fn power_off(&mut self, index: usize) {
        self.members[index].alive = false;
        self.members[index].powered = false;
        self.members[index].wires.clear();
        self.queue.retain(|_, (owner, _)| *owner != index);
    }

    /// Starts a killed node from its disk; its data survived unless `empty`.
    pub fn restart(&mut self, index: usize, empty: bool) {
        let offset = if empty { 0 } else { self.members[index].data.offset };
        self.restart_at(index, offset, None);
    }

    /// Starts a killed node from its disk, with data up to `offset`; `loaded` is what its file says about that.
    pub fn restart_at(&mut self, index: usize, offset: u64, loaded: Option<u64>) {
        let conf =
            nodes_conf::parse(self.members[index].disk.as_bytes()).expect("own file").expect("not empty");
        let now = now_at(self.now);
        let member = &mut self.members[index];
        member.life += 1;
        member.alive = true;
        member.powered = true;
        member.seed += 500;
        member.machine = Machine::new(member.config.clone(), Start::Restored(conf), member.seed, now);
        member.outbox = Outbox::new();
        member.wires.clear();
        member.timer = u64::MAX;
        member.data = Data { offset, empty: offset == 0, loaded, ..fresh_data() };
        self.start_up(index);
    }

    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > end {
                break;
            }
            let (index, event) = entry.remove();
            self.now = at;
            self.handle(index, event);
        }
        self.now = end;
    }

    pub fn run_until(&mut self, limit_ms: u64, what: &str, done: impl Fn(&World) -> bool) {
        let end = self.now + limit_ms;
        while self.now < end {
            if done(self) {
                return;
            }
            self.run(20);
        }
        for (index, member) in self.members.iter().enumerate() {
            std::eprintln!("--- {index} {} {:?}", member.machine.me(), member.machine.topology().state);
            for line in member.log.iter().rev().take(12).rev() {
                std::eprintln!("    {line}");
            }
        }
        panic!("not reached within {limit_ms} ms: {what}");
    }

    fn at(&mut self, delay: u64, index: usize, event: Event) {
        self.order += 1;
        self.queue.insert((self.now + delay, self.order), (index, event));
    }

    fn schedule_timer(&mut self, index: usize) {
        let due = self.members[index].machine.poll_timeout().map_or(self.now + 100, |at| at.0);
        let at = due.max(self.now + 1);
        if at < self.members[index].timer {
            self.members[index].timer = at;
            self.at(at - self.now, index, Event::Timer);
        }
    }

    fn handle(&mut self, index: usize, event: Event) {
        if !self.members[index].alive {
            return;
        }
        let now = now_at(self.now);
        match event {
            // An earlier one has taken its place.
            Event::Timer if self.members[index].timer != self.now => return,
            Event::Timer => {
                self.members[index].timer = u64::MAX;
                self.members[index].machine.handle_timeout(now);
            }
            Event::Packet { link, bytes } => {
                if !self.members[index].wires.contains_key(&link) || self.members[index].cut {
                    return;
                }
                let result = self.members[index].machine.handle_packet(now, link, &bytes);
                assert_eq!(result, Ok(()));
            }
            Event::Link { link, event } => self.members[index].machine.handle_link(now, link, event),
            Event::Saved { version } => {
                self.members[index].outbox.saved(version);
                self.members[index].machine.handle_saved(now, version);
            }
            Event::NotSaved { version } => {
                self.members[index].machine.handle_save_failed(now, version, "No space left on device");
            }
            Event::Data { event, life } => self.handle_data(index, event, life, now),
        }
        self.drain(index);
        self.schedule_timer(index);
    }

    fn handle_data(&mut self, index: usize, event: DataEvent, life: u32, now: Now) {
        if self.members[index].life != life {
            return;
        }
        match event {
            DataEvent::Status(_) if self.now < self.members[index].loads_until => self.status_soon(index),
            DataEvent::Status(_) => {
                // Built anew when it is delivered: the stand-in has no queue.
                self.replicate_step(index);
                let status = self.status(index);
                self.members[index].machine.handle_data(now, DataEvent::Status(status));
                self.status_soon(index);
            }
            event => {
                if let DataEvent::Applied { version } | DataEvent::Promoted { version } = &event {
                    self.members[index].outbox.applied(*version);
                }
                self.members[index].machine.handle_data(now, event);
            }
        }
    }

    /// A replica takes over its primary's offset, if it can reach it.
    fn replicate_step(&mut self, index: usize) {
        if self.members[index].data_stalled {
            return;
        }
        self.members[index].data.progress += 1;
        let Some(of) = self.members[index].data.of.filter(|_| !self.members[index].data_refuses) else {
            return;
        };
        let found = self.members.iter().position(|m| m.alive && !m.cut && m.machine.me() == of);
        let Some(primary) = found.filter(|_| !self.members[index].cut) else { return };
        let source = &self.members[primary].data;
        let refuses = matches!(
            source.topology.as_ref().map(|t| t.state),
            Some(State::Fail(reason)) if reason.refuses_replicas()
        );
        if !source.primary || refuses {
            return;
        }
        let (offset, empty) = (source.offset, source.empty);
        let data = &mut self.members[index].data;
        (data.offset, data.empty, data.synced, data.heard) = (offset, empty, true, Some(Millis(self.now)));
    }

    fn status(&self, index: usize) -> DataStatus {
        let data = &self.members[index].data;
        DataStatus {
            syncing: false,
            primary: data.primary,
            offset: ReplOffset(data.offset),
            link_up: data.synced
                && data.of.is_some_and(|of| self.members.iter().any(|m| m.alive && m.machine.me() == of)),
            last_primary_io: data.heard,
            synced_once: data.synced,
            history: ReplId::ZERO,
            loaded: data.loaded.map(|offset| (data.history, ReplOffset(offset))),
            progress: data.progress,
            empty: data.empty,
            written: data.written,
        }
    }

    fn drain(&mut self, index: usize) {
        while let Some(action) = self.members[index].machine.poll_action() {
            self.members[index].outbox.push(action);
        }
        while let Some(action) = self.members[index].outbox.pop() {
            self.carry_out(index, action);
        }
    }

    fn carry_out(&mut self, index: usize, action: Action) {
        match action {
            Action::Connect { link, addr } => self.connect(index, link, addr),
            Action::Close { link } => {
                if let Some((peer, theirs)) = self.members[index].wires.remove(&link) {
                    self.members[peer].wires.remove(&theirs);
                    self.at(PACKET_MS, peer, Event::Link { link: theirs, event: LinkEvent::Closed });
                }
            }
            Action::Send { link, packet, .. } => self.transmit(index, link, packet),
            Action::Save { version, text } => {
                self.members[index].saves += 1;
                nodes_conf::parse(text.as_bytes()).expect("what is written can be read");
                if self.members[index].disk_fails {
                    self.at(DISK_MS, index, Event::NotSaved { version });
                } else if self.members[index].disk_stalled {
                    self.members[index].stalled_save = Some((version, text));
                } else {
                    self.members[index].disk = text;
                    self.at(DISK_MS, index, Event::Saved { version });
                }
            }
            Action::ToData { message, .. } => self.data_thread(index, message),
            Action::Journal(_) => {}
            Action::Resolve { host } => {
                let addresses: &[IpAddr] = if host == "seeds.example" { &[LOCAL] } else { &[] };
                self.members[index].machine.handle_resolved(now_at(self.now), &host, addresses);
                self.drain(index);
            }
            Action::Log { text, .. } => {
                let line = format!("{} {text}", self.now);
                self.members[index].log.push(line);
            }
        }
    }

    fn connect(&mut self, index: usize, link: LinkId, addr: SocketAddr) {
        let peer = self.members.iter().position(|m| m.config.bus_listen_port() == addr.port());
        if peer.is_some_and(|p| !self.members[p].powered) {
            return;
        }
        let listens = |p: &usize| self.members[*p].alive && !self.refused.contains(&(index, *p));
        let Some(peer) = peer.filter(listens) else {
            self.at(PACKET_MS, index, Event::Link { link, event: LinkEvent::Refused });
            return;
        };
        if self.members[peer].cut || self.members[index].cut {
            // Silence: no answer to the SYN.
            return;
        }
        let theirs = LinkId(self.next_link);
        self.next_link += 1;
        self.members[index].wires.insert(link, (peer, theirs));
        self.members[peer].wires.insert(theirs, (index, link));
        let from = SocketAddr::new(LOCAL, 40_000);
        self.at(
            PACKET_MS,
            peer,
            Event::Link { link: theirs, event: LinkEvent::Accepted { peer: from, local: LOCAL } },
        );
        self.at(PACKET_MS, index, Event::Link { link, event: LinkEvent::Connected { local: LOCAL } });
    }

    fn transmit(&mut self, index: usize, link: LinkId, packet: Arc<[u8]>) {
        let Some((peer, theirs)) = self.members[index].wires.get(&link).copied() else { return };
        self.members[index].sent += 1;
        if claims_slots(&packet) {
            self.members[index].claimed_at = Some(self.now);
        }
        if self.members[index].disk_fails {
            self.assert_durable(index, &packet);
        }
        if packet[13] == 6 {
            let epoch = u64::from_be_bytes(packet[16..24].try_into().expect("eight bytes"));
            let voter = self.id(index);
            self.votes.entry((voter, epoch)).or_default().insert(peer);
        }
        let mute = self.mute.contains(&(index, peer)) || self.dead_links.contains(&(index, link));
        let lost = self.lost_types.contains(&packet[13]) || mute;
        if !self.members[index].cut && !lost {
            self.at(PACKET_MS, peer, Event::Packet { link: theirs, bytes: packet });
        }
    }

    /// No packet says more than the sender's file (rule 18).
    fn assert_durable(&self, index: usize, packet: &[u8]) {
        let conf =
            nodes_conf::parse(self.members[index].disk.as_bytes()).expect("own file").expect("not empty");
        let number = |at: usize| u64::from_be_bytes(packet[at..at + 8].try_into().expect("eight bytes"));
        assert!(number(16) <= conf.current_epoch.0, "an epoch that is not saved");
        assert_ne!(packet[13], 6, "a vote that is not saved");
        if packet[2128..2168] == [0; 40] {
            let own = conf.myself().expect("a line of its own").config_epoch.max(conf.own_config_epoch);
            assert!(number(24) <= own.0, "a config epoch that is not saved");
        }
    }

    fn data_thread(&mut self, index: usize, message: ToData) {
        let life = self.members[index].life;
        let (stalled, deaf) = (self.members[index].data_stalled, self.members[index].deaf);
        let data = &mut self.members[index].data;
        let answer = match message {
            ToData::Topology(topology) => {
                let version = topology.version;
                data.topology = Some(topology);
                Some(DataEvent::Applied { version })
            }
            ToData::Order(order) => {
                data.orders.push(order.clone());
                match order {
                    Order::Promote { version } if !stalled && !deaf => {
                        (data.primary, data.of, data.synced) = (true, None, false);
                        data.lease = Some(Millis(0));
                        let event =
                            DataEvent::Shifted { history: ReplId([b'e'; 40]), offset: ReplOffset(77) };
                        self.at(DATA_MS, index, Event::Data { event, life });
                        Some(DataEvent::Promoted { version })
                    }
                    Order::Replicate { primary, .. } if !stalled => {
                        data.synced &= data.of == Some(primary);
                        (data.primary, data.of) = (false, Some(primary));
                        None
                    }
                    Order::BecomeEmptyPrimary => {
                        (data.primary, data.of, data.offset, data.empty) = (true, None, 0, true);
                        None
                    }
                    Order::PauseWrites { .. } => {
                        data.paused = true;
                        Some(DataEvent::Paused { offset: ReplOffset(data.offset) })
                    }
                    Order::ResumeWrites => {
                        data.paused = false;
                        None
                    }
                    _ => None,
                }
            }
            ToData::Reply { request, result } => {
                self.members[index].replies.insert(request.0, result);
                None
            }
            ToData::Deliver { channel, message, sharded } => {
                data.delivered.push((channel, message, sharded));
                None
            }
            ToData::Lease { until } => {
                data.lease = Some(until);
                None
            }
        };
        if let Some(event) = answer.filter(|_| !stalled) {
            self.at(DATA_MS, index, Event::Data { event, life });
        }
    }

    /// Whether all live members agree on the owner of every slot, and it is `state: ok` everywhere.
    pub fn agreed(&self) -> bool {
        let alive: Vec<_> = self.members.iter().filter(|m| m.alive).map(|m| m.machine.topology()).collect();
        let owners =
            |t: &Topology| -> Vec<Option<NodeId>> { Slot::all().map(|s| t.owner(s).map(|n| n.id)).collect() };
        let first = owners(&alive[0]);
        alive.iter().all(|t| t.state == State::Ok && owners(t) == first)
    }

    /// At most one candidate per voter and epoch.
    pub fn assert_single_votes(&self) {
        for ((voter, epoch), candidates) in &self.votes {
            assert_eq!(candidates.len(), 1, "{voter} voted twice in epoch {epoch}");
        }
    }

    pub fn logged(&self, index: usize, text: &str) -> bool {
        self.members[index].log.iter().any(|line| line.contains(text))
    }
}

/// Whether a packet's sender says that it is a primary with slots, or (UPDATE) that it is the owner of some.
fn claims_slots(packet: &[u8]) -> bool {
    const NAME: core::ops::Range<usize> = 40..80;
    const SLOTS: core::ops::Range<usize> = 80..2128;
    const FLAGS: usize = 2250;
    const UPDATE: u8 = 7;
    if packet.len() <= FLAGS + 6 {
        return false;
    }
    let about_itself = packet[13] == UPDATE && packet[FLAGS + 14..].starts_with(&packet[NAME]);
    let primary = packet[FLAGS + 1] & 1 != 0 && packet[SLOTS].iter().any(|byte| *byte != 0);
    primary || about_itself
}

/// Slots by numbers.
pub fn slots(range: core::ops::Range<u64>) -> SlotSet {
    range.filter_map(Slot::new).collect()
}
