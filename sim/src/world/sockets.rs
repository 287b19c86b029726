//! TCP between hosts: connects, arrivals and closes, handed to whom the port belongs.
//!
//! The bus port is the control thread's, the client port the data thread's; hosts past the last one are clients.

use std::net::SocketAddr;

use super::{Event, Inside, World};
use crate::network::{Chunk, ConnectionId, Port};

/// How long until a lost SYN is sent again, in ms.
const SYN_RETRY_MS: u64 = 1000;

impl World {
    /// Begins a connect; the outcome comes as [`Inside::Connected`] or, for a client, at once to the client.
    pub(super) fn open(&mut self, port: Port, host: usize, life: u64, target: usize) -> ConnectionId {
        let connection = self.network.connect(port, host, life, target);
        let at = self.now.plus_micros(self.network.delay());
        self.schedule(at, Event::Syn { connection });
        connection
    }

    /// A connect arrives at the other host, which answers for it even while the process is paused.
    pub(super) fn syn(&mut self, connection: ConnectionId) {
        let Some(entry) = self.network.get(connection).filter(|entry| entry.ends[0].open) else { return };
        let (from, to) = (entry.ends[0].host, entry.ends[1].host);
        if !self.network.reaches(from, to) || !self.network.reaches(to, from) || !self.hosts[to].powered {
            let again = self.now.plus_millis(SYN_RETRY_MS);
            return self.schedule(again, Event::Syn { connection });
        }
        let listens = !self.network.rejects(from, to);
        let life = self.hosts[to].process.as_ref().filter(|_| listens).map(|process| process.life);
        let back = self.now.plus_micros(self.network.delay());
        if let Some(life) = life {
            self.network.accept(connection, life);
            self.schedule_inside(self.now, to, Inside::Connected { connection, accepted: true });
        }
        if self.is_client(from) {
            return self.schedule(back, Event::ClientConnected { host: from, connection });
        }
        self.schedule_inside(back, from, Inside::Connected { connection, accepted: false });
    }

    /// A connect came through: at the host that was connected to (`accepted`), or back at the one that connected.
    pub(super) fn connected(&mut self, host: usize, connection: ConnectionId, accepted: bool) {
        let Some(entry) = self.network.get(connection) else { return };
        let (port, established, peer) = (entry.port, entry.established, entry.ends[0].host);
        match (port, accepted) {
            (Port::Bus, true) => self.bus_accepted(host, connection, peer),
            (Port::Bus, false) => self.bus_connected(host, connection, established),
            (Port::Client, true) => self.data_accepted(host, connection, peer),
            (Port::Client, false) => self.data_connected(host, connection, established),
        }
    }

    pub(super) fn close_end(&mut self, connection: ConnectionId, end: usize) {
        if let Some(at) = self.network.close(self.now, connection, end) {
            self.schedule(at, Event::Arrive { connection, from: end });
        }
    }

    /// Bytes set out from an end.
    pub(super) fn transmit(&mut self, connection: ConnectionId, end: usize, chunk: Chunk) {
        if let Some(at) = self.network.send(self.now, connection, end, chunk) {
            self.schedule(at, Event::Arrive { connection, from: end });
        }
    }

    /// A chunk arrives at the other end of a connection.
    pub(super) fn arrive(&mut self, connection: ConnectionId, from: usize) {
        let Some(entry) = self.network.get(connection) else { return };
        let (end, port) = (entry.ends[1 - from], entry.port);
        let client = self.is_client(end.host);
        if !client && !self.hosts[end.host].powered {
            self.network.hollow(connection, from);
            return self.network.stall(connection, from);
        }
        if !client && end.open && self.hosts[end.host].paused {
            return self.network.stall(connection, from);
        }
        let (chunk, next) = self.network.arrive(self.now, connection, from);
        if let Some(at) = next {
            self.schedule(at, Event::Arrive { connection, from });
        }
        let Some(chunk) = chunk else { return };
        let there =
            client || self.hosts[end.host].process.as_ref().is_some_and(|process| process.life == end.life);
        if !end.open || !there {
            // Nobody there, which the host's system says.
            if !matches!(chunk, Chunk::Close) {
                self.close_end(connection, 1 - from);
            }
            return;
        }
        match (chunk, port) {
            (Chunk::Bytes(bytes, offset), _) if client => {
                self.client_receive(end.host, connection, &bytes[offset..]);
            }
            (Chunk::Bytes(bytes, offset), Port::Bus) => {
                self.bus_receive(end.host, connection, 1 - from, &bytes[offset..]);
            }
            (Chunk::Bytes(bytes, offset), Port::Client) => {
                self.data_receive(end.host, connection, &bytes[offset..]);
            }
            (Chunk::Close, _) => self.hear_close(end.host, connection, 1 - from, port),
        }
    }

    fn hear_close(&mut self, host: usize, connection: ConnectionId, end: usize, port: Port) {
        let tag = self.network.tag(connection, end).unwrap_or_default();
        let _ = self.network.close(self.now, connection, end);
        match port {
            _ if self.is_client(host) => self.client_closed(host, connection),
            Port::Bus => self.bus_closed(host, connection, tag),
            Port::Client => self.data_closed(host, connection),
        }
    }

    /// Directions that were stalled flow again; those to one host at once.
    pub(crate) fn wake_network(&mut self, towards: Option<usize>) {
        for (connection, from, at) in self.network.wake(self.now, towards) {
            self.schedule(at, Event::Arrive { connection, from });
        }
    }

    pub(super) fn is_client(&self, host: usize) -> bool {
        host >= self.hosts.len()
    }

    /// The address that a peer's socket shows.
    pub(super) fn socket_address(&self, host: usize, connection: ConnectionId) -> SocketAddr {
        SocketAddr::new(self.address(host), 30_000 + (connection.0 % 30_000) as u16)
    }
}
