//! The clients of a workload on the network.

use super::{Event, World};
use crate::event_log::fingerprint;
use crate::network::{Chunk, ConnectionId, Port};
use crate::workload::{Client, Phase, Want};

impl World {
    /// Adds clients that ask WAIT for `replicas` and rest for less than `think_ms` between commands.
    pub fn add_clients(&mut self, count: usize, replicas: usize, think_ms: u64) {
        for _ in 0..count {
            let prng = self.prng.fork();
            let name = self.clients.len();
            self.clients.push(Client::new(name, self.hosts.len(), replicas, think_ms, prng));
        }
    }

    /// The clients.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Every client begins a phase.
    pub fn begin_phase(&mut self, phase: Phase) {
        self.log.record(self.now, self.hosts.len(), "phase", &[phase as u64], || format!("{phase:?}"));
        for client in 0..self.clients.len() {
            let wants = self.clients[client].begin(self.now, phase);
            self.serve_client(client, wants);
        }
    }

    pub(super) fn wake_client(&mut self, host: usize) {
        self.with_client(host, |client, now| client.wake(now));
    }

    pub(super) fn client_connected(&mut self, host: usize, connection: ConnectionId) {
        let established = self.network.get(connection).is_some_and(|entry| entry.established);
        if !established {
            let _ = self.network.close(self.now, connection, 0);
        }
        self.with_client(host, |client, now| client.connected(now, connection, established));
    }

    pub(super) fn client_receive(&mut self, host: usize, connection: ConnectionId, bytes: &[u8]) {
        self.log.record(self.now, host, "answer", &[connection.0, fingerprint(bytes)], || {
            format!("on {}: {:?}", connection.0, String::from_utf8_lossy(bytes))
        });
        self.with_client(host, |client, now| client.receive(now, connection, bytes));
    }

    pub(super) fn client_closed(&mut self, host: usize, connection: ConnectionId) {
        self.with_client(host, |client, now| client.closed(now, connection));
    }

    fn with_client(
        &mut self,
        host: usize,
        call: impl FnOnce(&mut Client, crate::clock::Instant) -> Vec<Want>,
    ) {
        let index = host - self.hosts.len();
        let now = self.now;
        let Some(client) = self.clients.get_mut(index) else { return };
        let wants = call(client, now);
        for note in client.take_notes() {
            self.client_noted(note);
        }
        self.serve_client(index, wants);
    }

    fn serve_client(&mut self, index: usize, wants: Vec<Want>) {
        let host = self.hosts.len() + index;
        for want in wants {
            match want {
                Want::Connect(server) => {
                    let target = self.residents.get(server).copied().unwrap_or(server);
                    let connection = self.open(Port::Client, host, 0, target);
                    self.log
                        .record(self.now, host, "connect", &[connection.0], || format!("to host {server}"));
                    self.clients[index].connecting(connection, server);
                }
                Want::Send(connection, bytes) => {
                    self.log.record(self.now, host, "ask", &[connection.0, fingerprint(&bytes)], || {
                        format!("on {}: {:?}", connection.0, String::from_utf8_lossy(&bytes))
                    });
                    self.transmit(connection, 0, Chunk::Bytes(bytes.into(), 0));
                }
                Want::Close(connection) => self.close_end(connection, 0),
                Want::Wake(at) => self.schedule(at, Event::ClientWake { host }),
            }
        }
    }
}
