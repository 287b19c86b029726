//! A real data thread: the shipping `node::Node` over persist's worker and a storage that tears.
//!
//! What the server's data loop and disk thread do with sockets and files, this does with the world's network and
//! [`MemStorage`]. Every event is a turn of its own. It decides nothing.

use std::collections::{BTreeMap, VecDeque};

use base::{ConnId, Now};
use node::{Action, Node};
use persist::{DiskEvent, DiskRequest, MemStorage, Worker};

use crate::clock::Instant;
use crate::network::ConnectionId;

/// A connection of the data thread.
#[derive(Clone, Copy, Debug)]
pub struct Socket {
    /// The connection.
    pub connection: ConnectionId,
    /// Which end is ours.
    pub end: usize,
    /// Whether bytes may be sent.
    pub established: bool,
}

/// The data thread of one process, with its disk thread.
pub struct Real {
    /// The machine.
    pub node: Node,
    /// The disk thread's machine.
    pub worker: Worker<MemStorage>,
    /// What the disk thread has not worked off.
    pub requests: VecDeque<DiskRequest>,
    /// Its connections.
    pub sockets: BTreeMap<ConnId, Socket>,
    /// The same, by the world's name.
    pub conn_of: BTreeMap<ConnectionId, ConnId>,
    /// The name of the next connection accepted.
    pub next_conn: u64,
    /// When its timer is due.
    pub timer: Option<Instant>,
    /// A slice of background work is queued in the world.
    pub slice_queued: bool,
    /// A disk event is queued in the world.
    pub disk_queued: bool,
}

/// What a turn of the data thread wants from the world.
#[derive(Default)]
pub struct Turn {
    /// Bytes for connections.
    pub output: Vec<(ConnId, Vec<u8>)>,
    /// The rest, in order.
    pub actions: Vec<Action>,
}

impl Real {
    /// A data thread that has loaded what its storage holds; `Err` is why it could not.
    pub fn start(config: config::Config, seed: u64, now: Now, storage: MemStorage) -> Result<Self, String> {
        let mut worker = Worker::new(storage);
        let mut node = Node::new(config, seed, now);
        node.load(worker.storage(), now).map_err(|error| error.to_string())?;
        Ok(Self {
            node,
            worker,
            requests: VecDeque::new(),
            sockets: BTreeMap::new(),
            conn_of: BTreeMap::new(),
            next_conn: 1,
            timer: None,
            slice_queued: false,
            disk_queued: false,
        })
    }

    /// A client connected.
    pub fn accept(&mut self, now: Now, connection: ConnectionId, peer: String, local: String) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.sockets.insert(conn, Socket { connection, end: 1, established: true });
        self.conn_of.insert(connection, conn);
        self.node.accept(now, conn, node::PeerInfo { peer, local, unix: false, loopback: false });
    }

    /// Bytes arrived.
    pub fn receive(&mut self, now: Now, connection: ConnectionId, bytes: &[u8]) {
        let Some(conn) = self.conn_of.get(&connection).copied() else { return };
        if let Some(input) = self.node.input(conn) {
            input.extend_from_slice(bytes);
            self.node.process(now, conn);
        }
    }

    /// The outcome of a connect.
    pub fn connected(&mut self, now: Now, connection: ConnectionId, ip: String, established: bool) {
        let Some(conn) = self.conn_of.get(&connection).copied() else { return };
        let outcome = if established {
            if let Some(socket) = self.sockets.get_mut(&conn) {
                socket.established = true;
            }
            Ok(node::LocalInfo { ip, port: 40_000 })
        } else {
            self.forget(connection);
            Err("Connection refused".into())
        };
        self.node.handle_connected(now, conn, outcome);
    }

    /// The peer closed.
    pub fn closed(&mut self, now: Now, connection: ConnectionId) {
        if let Some(conn) = self.forget(connection) {
            self.node.handle_closed(now, conn);
        }
    }

    fn forget(&mut self, connection: ConnectionId) -> Option<ConnId> {
        let conn = self.conn_of.remove(&connection)?;
        self.sockets.remove(&conn);
        Some(conn)
    }

    /// The disk thread works off what waits; the data thread hears of it.
    pub fn disk(&mut self, now: Now) {
        self.disk_queued = false;
        let mut events: Vec<DiskEvent> = Vec::new();
        self.worker.handle_all(self.requests.drain(..), &mut events);
        for event in events {
            self.node.handle_disk(now, event);
        }
    }

    /// The end of a turn, until nothing is left to do.
    pub fn finish_turn(&mut self, now: Now) -> Turn {
        let mut turn = Turn::default();
        for _ in 0..8 {
            self.node.end_batch(now);
            while let Some(conn) = self.node.next_writable() {
                if !self.sockets.get(&conn).is_some_and(|socket| socket.established) {
                    continue;
                }
                let bytes = self.node.output(conn).to_vec();
                self.node.sent(now, conn, bytes.len());
                turn.output.push((conn, bytes));
            }
            let before = turn.actions.len();
            while let Some(action) = self.node.poll_action() {
                turn.actions.push(action);
            }
            if turn.actions.len() == before {
                break;
            }
        }
        turn
    }
}
