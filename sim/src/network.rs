//! The network between hosts: TCP connections with delay, one-way partitions, stalls and resets.
//!
//! Model: a connection has two directions, each a queue of chunks with their instants of arrival, in order. TCP loses
//! nothing, so "loss" is a direction that stalls while packets from one host to the other are dropped (and flows on
//! when they are not), or a connection that is reset. A connect needs both directions once. A host that loses its
//! power answers nothing; one whose process died refuses connections and resets those it had.
//!
//! It does not know what the bytes mean, and schedules nothing itself: it returns instants, the world queues events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use base::Prng;

use crate::clock::Instant;

/// A connection, named for the whole world, never twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u64);

/// Which service of a host is connected to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Port {
    /// The cluster bus.
    Bus,
    /// Clients and replicas.
    Client,
}

/// One end: which host, and which life of its process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// The host.
    pub host: usize,
    /// The life of its process that holds this end; 0 for the end of a connect that has not been accepted.
    pub life: u64,
    /// Whether this end still has a socket.
    pub open: bool,
}

/// What travels in one direction.
#[derive(Clone, Debug)]
pub enum Chunk {
    /// Bytes, from an offset on.
    Bytes(Arc<[u8]>, usize),
    /// The other end is gone.
    Close,
}

#[derive(Debug, Default)]
struct Direction {
    queue: VecDeque<(Instant, Chunk)>,
    last_arrival: Instant,
    /// An event for the first chunk is queued in the world.
    armed: bool,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Where it leads.
    pub port: Port,
    /// The end that connected, the end that was connected to.
    pub ends: [End; 2],
    /// Whether the other side has accepted.
    pub established: bool,
    directions: [Direction; 2],
}

/// All connections and what disturbs them.
pub struct Network {
    prng: Prng,
    next: u64,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Packets from the first host to the second are dropped.
    blocked: BTreeSet<(usize, usize)>,
    /// Connects from the first host to the second are refused on their way.
    rejected: BTreeSet<(usize, usize)>,
    /// Added to every delay, in µs.
    pub extra_delay: u64,
}

impl Network {
    /// An undisturbed network.
    pub fn new(prng: Prng) -> Self {
        Self {
            prng,
            next: 0,
            connections: BTreeMap::new(),
            blocked: BTreeSet::new(),
            rejected: BTreeSet::new(),
            extra_delay: 0,
        }
    }

    /// How long a packet takes now, in µs: mostly a fraction of a millisecond, sometimes tens of them.
    pub fn delay(&mut self) -> u64 {
        let base = 80 + self.prng.below(400);
        let spike = if self.prng.chance(1, 300) { self.prng.below(40_000) } else { 0 };
        base + spike + self.extra_delay
    }

    /// Begins a connect.
    pub fn connect(&mut self, port: Port, from: usize, life: u64, to: usize) -> ConnectionId {
        self.next += 1;
        let id = ConnectionId(self.next);
        let ends = [End { host: from, life, open: true }, End { host: to, life: 0, open: false }];
        let directions = [Direction::default(), Direction::default()];
        self.connections.insert(id, Connection { port, ends, established: false, directions });
        id
    }

    /// A connection, while one of its ends is open.
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// The other side accepts.
    pub fn accept(&mut self, id: ConnectionId, life: u64) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.established = true;
            connection.ends[1].life = life;
            connection.ends[1].open = true;
        }
    }

    /// Whether packets from one host reach the other.
    pub fn reaches(&self, from: usize, to: usize) -> bool {
        from == to || !self.blocked.contains(&(from, to))
    }

    /// Drops packets from one host to another from now on.
    pub fn block(&mut self, from: usize, to: usize) {
        self.blocked.insert((from, to));
    }

    /// Lets packets from one host to another pass again.
    pub fn unblock(&mut self, from: usize, to: usize) {
        self.blocked.remove(&(from, to));
    }

    /// Refuses connects from one host to another from now on, as a firewall that rejects does.
    pub fn reject(&mut self, from: usize, to: usize) {
        self.rejected.insert((from, to));
    }

    /// Whether a connect is refused on its way.
    pub fn rejects(&self, from: usize, to: usize) -> bool {
        self.rejected.contains(&(from, to))
    }

    /// The connections that a host has opened to another.
    pub fn opened(&self, from: usize, to: usize) -> Vec<ConnectionId> {
        let opened = |c: &Connection| c.ends[0].host == from && c.ends[1].host == to && c.established;
        self.connections.iter().filter(|(_, c)| opened(c)).map(|(id, _)| *id).collect()
    }

    /// Every host reaches every other again.
    pub fn unblock_all(&mut self) {
        self.blocked.clear();
        self.rejected.clear();
    }

    /// Queues a chunk from an end; returns when an event for the direction is due, if none is queued yet.
    pub fn send(&mut self, now: Instant, id: ConnectionId, from: usize, chunk: Chunk) -> Option<Instant> {
        let delay = self.delay();
        let connection = self.connections.get_mut(&id)?;
        let direction = &mut connection.directions[from];
        let arrival = now.plus_micros(delay).max(direction.last_arrival);
        direction.last_arrival = arrival;
        direction.queue.push_back((arrival, chunk));
        if direction.armed {
            return None;
        }
        direction.armed = true;
        Some(arrival)
    }

    /// The event of a direction has come: takes the first chunk, if the network lets it through. Also says when the
    /// next event is due. A chunk of bytes may come in two pieces, as TCP likes.
    pub fn arrive(
        &mut self,
        now: Instant,
        id: ConnectionId,
        from: usize,
    ) -> (Option<Chunk>, Option<Instant>) {
        let Some(connection) = self.connections.get_mut(&id) else { return (None, None) };
        let (source, target) = (connection.ends[from].host, connection.ends[1 - from].host);
        let direction = &mut connection.directions[from];
        direction.armed = false;
        if source != target && self.blocked.contains(&(source, target)) {
            return (None, None);
        }
        let Some((_, chunk)) = direction.queue.pop_front() else { return (None, None) };
        let mut taken = chunk;
        if let Chunk::Bytes(bytes, offset) = &taken {
            let left = bytes.len() - offset;
            if left > 1 && self.prng.chance(1, 64) {
                let cut = offset + 1 + self.prng.below(left as u64 - 1) as usize;
                direction.queue.push_front((now.plus_micros(50), Chunk::Bytes(bytes.clone(), cut)));
                taken = Chunk::Bytes(bytes[..cut].into(), *offset);
            }
        }
        let next = direction.queue.front().map(|(arrival, _)| (*arrival).max(now));
        direction.armed = next.is_some();
        (Some(taken), next)
    }

    /// The direction's event came while its target was paused: the chunks stay where they are.
    pub fn stall(&mut self, id: ConnectionId, from: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.directions[from].armed = false;
        }
    }

    /// Directions that hold chunks without a queued event, because they were stalled, and now are not: each with the
    /// instant at which its event is due.
    pub fn wake(&mut self, now: Instant, at_once: bool) -> Vec<(ConnectionId, usize, Instant)> {
        let mut woken = Vec::new();
        for (id, connection) in &mut self.connections {
            for from in 0..2 {
                let (source, target) = (connection.ends[from].host, connection.ends[1 - from].host);
                let direction = &mut connection.directions[from];
                let idle = !direction.armed && !direction.queue.is_empty();
                if idle && (source == target || !self.blocked.contains(&(source, target))) {
                    direction.armed = true;
                    // TCP's retransmission is not at once; what a paused process finds in its buffers is there.
                    let wait = if at_once { 0 } else { 1000 + self.prng.below(200_000) };
                    let at = now.plus_micros(wait);
                    woken.push((*id, from, at));
                }
            }
        }
        woken
    }

    /// One end closes its socket. What it sent still arrives, then the close. Returns when that event is due.
    pub fn close(&mut self, now: Instant, id: ConnectionId, end: usize) -> Option<Instant> {
        let connection = self.connections.get_mut(&id)?;
        connection.ends[end].open = false;
        connection.directions[1 - end].queue.clear();
        if !connection.ends[1 - end].open {
            self.connections.remove(&id);
            return None;
        }
        self.send(now, id, end, Chunk::Close)
    }

    /// The connection breaks in the middle: both ends hear of a close, each after a delay. Returns the directions whose
    /// events are due.
    pub fn reset(&mut self, now: Instant, id: ConnectionId) -> Vec<(usize, Instant)> {
        let mut due = Vec::new();
        for from in 0..2 {
            let Some(connection) = self.connections.get_mut(&id) else { break };
            connection.directions[from].queue.clear();
            due.extend(self.send(now, id, from, Chunk::Close).map(|at| (from, at)));
        }
        due
    }

    /// One end vanishes without a word: the host has lost its power.
    pub fn vanish(&mut self, id: ConnectionId, end: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ends[end].open = false;
            connection.directions[0].queue.clear();
            connection.directions[1].queue.clear();
            if !connection.ends[1 - end].open {
                self.connections.remove(&id);
            }
        }
    }

    /// The connections of a host, with the number of its end.
    pub fn of_host(&self, host: usize) -> Vec<(ConnectionId, usize)> {
        let ends = |(id, connection): (&ConnectionId, &Connection)| {
            let end = |i: usize| (connection.ends[i].host == host).then_some((*id, i));
            [end(0), end(1)]
        };
        self.connections.iter().flat_map(ends).flatten().collect()
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// A connection between two hosts, at random.
    pub fn pick(&mut self) -> Option<ConnectionId> {
        let n = self.connections.len() as u64;
        let index = self.prng.below(n) as usize;
        self.connections.keys().nth(index).copied()
    }
}
