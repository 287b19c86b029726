//! The bus of a host: its links on the network, and the carrying out of what its machine asks for.

use std::net::SocketAddr;

use base::Now;
use cluster::codec::is_one_packet;
use cluster::{Action, LinkEvent, LinkId, Machine, ToData};

use super::life::Link;
use super::{BUS_PORT, Inside, World};
use crate::checker::Seen;
use crate::clock::Instant;
use crate::event_log::fingerprint;
use crate::network::{Chunk, ConnectionId, Port};
use crate::wire::{Header, TYPE_FAILOVER_AUTH_ACK};

impl World {
    /// Calls a host's machine, then does what it asks for.
    pub(super) fn with_machine(&mut self, host: usize, call: impl FnOnce(&mut Machine, Now)) {
        let now = self.clock(host);
        let Some(process) = &mut self.hosts[host].process else { return };
        call(&mut process.machine, now);
        self.drain(host);
    }

    /// Everything that the machine wants now.
    pub(super) fn drain(&mut self, host: usize) {
        while let Some(process) = &mut self.hosts[host].process {
            while let Some(action) = process.machine.poll_action() {
                process.outbox.push(action);
            }
            let Some(action) = process.outbox.pop() else { break };
            self.carry_out(host, action);
        }
        self.arm_timer(host);
        if self.violation.is_none() {
            self.show_step(host);
        }
    }

    fn show_step(&mut self, host: usize) {
        // The checkers borrow the machine, which the world holds: take it out for a moment.
        let Some(process) = self.hosts[host].process.take() else { return };
        self.show(&Seen::Stepped { host, life: process.life, machine: &process.machine });
        self.hosts[host].process = Some(process);
    }

    fn carry_out(&mut self, host: usize, action: Action) {
        match action {
            Action::Connect { link, addr } => self.connect(host, link, addr),
            Action::Close { link } => self.close_link(host, link),
            Action::Send { link, packet, .. } => self.send_packet(host, link, &packet),
            Action::Save { version, text } => {
                self.log.record(self.now, host, "save", &[version.0, fingerprint(text.as_bytes())], || {
                    format!("version {}", version.0)
                });
                let done = self.hosts[host].disk.begin(self.now, version, text, &mut self.prng);
                self.schedule_inside(done, host, Inside::Saved);
            }
            Action::ToData { message, .. } => self.send_to_data(host, message),
            // Nothing reads it.
            Action::Journal(_) => {}
            // No node of the simulation has seeds with names.
            Action::Resolve { .. } => {}
            Action::Log { level, text } => {
                self.log.record(self.now, host, "log", &[fingerprint(text.as_bytes())], || {
                    format!("{level:?}: {text}")
                });
            }
        }
    }

    fn send_to_data(&mut self, host: usize, message: ToData) {
        let delay = 10 + self.prng.below(200);
        let Some(process) = &mut self.hosts[host].process else { return };
        let at = self.now.plus_micros(delay).max(process.last_to_data);
        process.last_to_data = at;
        self.schedule_inside(at, host, Inside::ToData(message));
    }

    fn arm_timer(&mut self, host: usize) {
        let clock = self.hosts[host].clock;
        let jitter = self.prng.below(1500);
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        let Some(due) = process.machine.poll_timeout() else { return };
        let at = clock.instant(due).max(now).plus_micros(jitter);
        if process.timer.is_none_or(|timer| timer > at) {
            process.timer = Some(at);
            self.schedule_inside(at, host, Inside::Timer { at });
        }
    }

    /// A timer's event, unless an earlier one has taken its place.
    pub(super) fn timer(&mut self, host: usize, at: Instant) {
        let now = self.clock(host);
        let Some(process) = self.hosts[host].process.as_mut().filter(|process| process.timer == Some(at))
        else {
            return;
        };
        process.timer = None;
        if process.machine.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.with_machine(host, |machine, now| machine.handle_timeout(now));
        } else {
            self.arm_timer(host);
        }
    }

    pub(super) fn saved(&mut self, host: usize) {
        let Some(outcome) = self.hosts[host].disk.finish() else { return };
        match outcome {
            Ok(version) => {
                let durable = self.hosts[host].disk.durable().cloned();
                match &durable {
                    Some(durable) => self.show(&Seen::Saved { host, durable }),
                    None => self.complain(
                        "nodes.conf",
                        format!("host {host} saved what a reader does not understand"),
                    ),
                }
                if let Some(process) = &mut self.hosts[host].process {
                    process.outbox.saved(version);
                }
                self.with_machine(host, |machine, now| machine.handle_saved(now, version));
            }
            Err(version) => {
                self.with_machine(host, |machine, now| {
                    machine.handle_save_failed(now, version, "No space left on device");
                });
            }
        }
    }

    fn connect(&mut self, host: usize, link: LinkId, addr: SocketAddr) {
        let Some(process) = &mut self.hosts[host].process else { return };
        let life = process.life;
        let Some(target) = self.host_at(addr).filter(|_| addr.port() == BUS_PORT) else {
            let event = LinkEvent::Failed("No route to host".into());
            return self.with_machine(host, |machine, now| machine.handle_link(now, link, event));
        };
        let connection = self.open(Port::Bus, host, life, target);
        let entry = Link { connection, end: 0, framer: None, established: false };
        self.network.set_tag(connection, 0, link.0);
        if let Some(process) = &mut self.hosts[host].process {
            process.links.insert(link, entry);
        }
    }

    /// A peer's connect came through.
    pub(super) fn bus_accepted(&mut self, host: usize, connection: ConnectionId, peer: usize) {
        let (peer, local) = (self.socket_address(peer, connection), self.address(host));
        let Some(process) = &mut self.hosts[host].process else { return };
        process.next_link += 1;
        let link = LinkId(process.next_link);
        let entry = Link { connection, end: 1, framer: None, established: true };
        process.links.insert(link, entry);
        self.network.set_tag(connection, 1, link.0);
        let event = LinkEvent::Accepted { peer, local };
        self.with_machine(host, |machine, now| machine.handle_link(now, link, event));
    }

    /// The outcome of our own connect.
    pub(super) fn bus_connected(&mut self, host: usize, connection: ConnectionId, established: bool) {
        let local = self.address(host);
        let Some(link) = self.network.tag(connection, 0).map(LinkId) else { return };
        let Some(process) = &mut self.hosts[host].process else { return };
        let Some(entry) = process.links.get_mut(&link).filter(|entry| entry.connection == connection) else {
            return;
        };
        let event = if established {
            entry.established = true;
            LinkEvent::Connected { local }
        } else {
            process.links.remove(&link);
            let _ = self.network.close(self.now, connection, 0);
            LinkEvent::Refused
        };
        self.with_machine(host, |machine, now| machine.handle_link(now, link, event));
    }

    fn close_link(&mut self, host: usize, link: LinkId) {
        let Some(process) = &mut self.hosts[host].process else { return };
        if let Some(entry) = process.links.remove(&link) {
            self.close_end(entry.connection, entry.end);
        }
    }

    fn send_packet(&mut self, host: usize, link: LinkId, packet: &std::sync::Arc<[u8]>) {
        let Some(process) = &self.hosts[host].process else { return };
        let Some(entry) = process.links.get(&link).filter(|entry| entry.established) else { return };
        let (connection, end) = (entry.connection, entry.end);
        let Some(to) = self.network.get(connection).map(|entry| entry.ends[1 - end].host) else { return };
        let kind = Header::new(packet).map_or(u64::MAX, |header| u64::from(header.kind()));
        self.counts.packets += 1;
        self.counts.bytes += packet.len() as u64;
        self.counts.votes += u64::from(kind == u64::from(TYPE_FAILOVER_AUTH_ACK));
        self.log.record(self.now, host, "send", &[to as u64, kind, fingerprint(packet)], || {
            let name = cluster::MESSAGE_TYPES.get(kind as usize).unwrap_or(&"?");
            format!(
                "{name} to host {to}{}",
                Header::new(packet).map_or_else(String::new, |header| header.to_string())
            )
        });
        let durable = self.hosts[host].disk.take_durable();
        self.show(&Seen::Sent { host, to, packet, durable: durable.as_ref() });
        self.hosts[host].disk.put_durable(durable);
        self.transmit(connection, end, Chunk::Bytes(packet.clone(), 0));
    }

    /// The peer closed a link.
    pub(super) fn bus_closed(&mut self, host: usize, connection: ConnectionId, tag: u64) {
        let link = LinkId(tag);
        let Some(process) = &mut self.hosts[host].process else { return };
        if process.links.get(&link).is_none_or(|entry| entry.connection != connection) {
            return;
        }
        process.links.remove(&link);
        self.with_machine(host, |machine, now| machine.handle_link(now, link, LinkEvent::Closed));
    }

    pub(super) fn bus_receive(&mut self, host: usize, connection: ConnectionId, end: usize, bytes: &[u8]) {
        let now = self.clock(host);
        let Some(link) = self.network.tag(connection, end).map(LinkId) else { return };
        let Some(process) = &mut self.hosts[host].process else { return };
        let Some(entry) = process.links.get_mut(&link).filter(|entry| entry.connection == connection) else {
            return;
        };
        // Most come whole, and a copy of each would be a large part of a run.
        if entry.framer.is_none() && is_one_packet(bytes) {
            if let Err(error) = process.machine.handle_packet(now, link, bytes) {
                return self.complain("packets", format!("host {host} refused a packet: {error}"));
            }
            return self.drain(host);
        }
        // A framer keeps its buffer, and there are millions of links: only one with half a packet has a framer.
        let mut framer = entry.framer.take().unwrap_or_default();
        framer.feed(bytes);
        let mut complaint = None;
        loop {
            let wrong = match framer.next_packet() {
                Ok(Some(packet)) => {
                    process.machine.handle_packet(now, link, packet).err().map(|e| e.to_string())
                }
                Ok(None) => break,
                Err(error) => Some(error.to_string()),
            };
            if let Some(error) = wrong {
                complaint = Some(error);
                break;
            }
        }
        if framer.buffered() > 0
            && let Some(entry) = process.links.get_mut(&link)
        {
            entry.framer = Some(framer);
        }
        if let Some(error) = complaint {
            return self.complain("packets", format!("host {host} refused a packet: {error}"));
        }
        self.drain(host);
    }
}
