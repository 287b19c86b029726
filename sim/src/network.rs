//! The network between hosts: TCP connections with delay, one-way partitions, stalls and resets.
//!
//! Model: a connection has two directions, each a queue of chunks with their instants of arrival, in order. TCP loses
//! nothing, so "loss" is a direction that stalls while packets from one host to the other are dropped (and flows on
//! when they are not), or a connection that is reset. A connect needs both directions once. A host that loses its
//! power answers nothing; one whose process died refuses connections and resets those it had.
//!
//! Millions of connections are kept, so nothing here walks over all of them: they lie in a slab, each host has a list of its
//! own, and directions that wait for a partition or a pause to end are remembered.
//!
//! It does not know what the bytes mean, and schedules nothing itself: it returns instants, the world queues events.

use std::collections::{BTreeSet, VecDeque};
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
    /// What the owners of the ends call it.
    pub tags: [u64; 2],
    directions: [Direction; 2],
}

/// A place for a connection, and how often it has been used.
#[derive(Default)]
struct Place {
    uses: u64,
    connection: Option<Connection>,
}

/// A host's connections, some of which may be gone.
#[derive(Default)]
struct Own {
    ids: Vec<ConnectionId>,
    /// At this length those that are gone are taken out.
    prune_at: usize,
}

/// The bits of a name that say which place; the others say which use of it.
const PLACE_BITS: u32 = 32;
/// A list shorter than this is not worth pruning.
const PRUNE_LEAST: usize = 64;

/// All connections and what disturbs them.
pub struct Network {
    prng: Prng,
    places: Vec<Place>,
    free: Vec<usize>,
    own: Vec<Own>,
    /// Directions with chunks and without an event: a partition or a pause held them up.
    stalled: BTreeSet<(ConnectionId, usize)>,
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
            places: Vec::new(),
            free: Vec::new(),
            own: Vec::new(),
            stalled: BTreeSet::new(),
            blocked: BTreeSet::new(),
            rejected: BTreeSet::new(),
            extra_delay: 0,
        }
    }

    fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let place = self.places.get_mut(place_of(id))?;
        place.connection.as_mut().filter(|_| place.uses == id.0 >> PLACE_BITS)
    }

    fn remove(&mut self, id: ConnectionId) {
        if self.get_mut(id).is_some() {
            self.places[place_of(id)].connection = None;
            self.free.push(place_of(id));
        }
    }

    fn note_own(&mut self, host: usize, id: ConnectionId) {
        if self.own.len() <= host {
            self.own.resize_with(host + 1, Own::default);
        }
        if self.own[host].ids.len() >= self.own[host].prune_at {
            let mut own = std::mem::take(&mut self.own[host]);
            own.ids.retain(|id| self.get(*id).is_some());
            own.prune_at = (own.ids.len() * 2).max(PRUNE_LEAST);
            self.own[host] = own;
        }
        self.own[host].ids.push(id);
    }

    /// What the owner of an end calls a connection.
    pub fn tag(&self, id: ConnectionId, end: usize) -> Option<u64> {
        self.get(id).map(|connection| connection.tags[end])
    }

    /// Gives an end of a connection a name of its owner's.
    pub fn set_tag(&mut self, id: ConnectionId, end: usize, tag: u64) {
        if let Some(connection) = self.get_mut(id) {
            connection.tags[end] = tag;
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
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() - 1
        });
        let place = &mut self.places[index];
        place.uses += 1;
        let id = ConnectionId(place.uses << PLACE_BITS | index as u64);
        let ends = [End { host: from, life, open: true }, End { host: to, life: 0, open: false }];
        let directions = [Direction::default(), Direction::default()];
        place.connection = Some(Connection { port, ends, established: false, tags: [0; 2], directions });
        self.note_own(from, id);
        self.note_own(to, id);
        id
    }

    /// A connection, while one of its ends is open.
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let place = self.places.get(place_of(id))?;
        place.connection.as_ref().filter(|_| place.uses == id.0 >> PLACE_BITS)
    }

    /// The other side accepts.
    pub fn accept(&mut self, id: ConnectionId, life: u64) {
        if let Some(connection) = self.get_mut(id) {
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
        let own = self.of_host(from).into_iter().filter(|(_, end)| *end == 0).map(|(id, _)| id);
        own.filter(|id| self.get(*id).is_some_and(opened)).collect()
    }

    /// Every host reaches every other again.
    pub fn unblock_all(&mut self) {
        self.blocked.clear();
        self.rejected.clear();
    }

    /// Queues a chunk from an end; returns when an event for the direction is due, if none is queued yet.
    pub fn send(&mut self, now: Instant, id: ConnectionId, from: usize, chunk: Chunk) -> Option<Instant> {
        let delay = self.delay();
        let connection = self.get_mut(id)?;
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
        let Self { places, prng, blocked, stalled, .. } = self;
        let Some(place) = places.get_mut(place_of(id)).filter(|place| place.uses == id.0 >> PLACE_BITS)
        else {
            return (None, None);
        };
        let Some(connection) = &mut place.connection else { return (None, None) };
        let (source, target) = (connection.ends[from].host, connection.ends[1 - from].host);
        let direction = &mut connection.directions[from];
        direction.armed = false;
        if source != target && !blocked.is_empty() && blocked.contains(&(source, target)) {
            stalled.insert((id, from));
            return (None, None);
        }
        let Some((_, chunk)) = direction.queue.pop_front() else { return (None, None) };
        let mut taken = chunk;
        if let Chunk::Bytes(bytes, offset) = &taken {
            let left = bytes.len() - offset;
            if left > 1 && prng.chance(1, 64) {
                let cut = offset + 1 + prng.below(left as u64 - 1) as usize;
                direction.queue.push_front((now.plus_micros(50), Chunk::Bytes(bytes.clone(), cut)));
                taken = Chunk::Bytes(bytes[..cut].into(), *offset);
            }
        }
        let next = direction.queue.front().map(|(arrival, _)| (*arrival).max(now));
        direction.armed = next.is_some();
        if next.is_none() {
            // Most connections carry nothing most of the time.
            direction.queue = VecDeque::new();
        }
        (Some(taken), next)
    }

    /// The target has lost its power: what is under way to it will be answered by a reset, whatever it says. Thousands of
    /// nodes that go on talking to it for minutes would fill the memory.
    pub fn hollow(&mut self, id: ConnectionId, from: usize) {
        let Some(connection) = self.get_mut(id) else { return };
        for (_, chunk) in &mut connection.directions[from].queue {
            if let Chunk::Bytes(bytes, offset) = chunk {
                (*bytes, *offset) = (Arc::default(), 0);
            }
        }
    }

    /// The direction's event came while its target was paused: the chunks stay where they are.
    pub fn stall(&mut self, id: ConnectionId, from: usize) {
        if let Some(connection) = self.get_mut(id) {
            connection.directions[from].armed = false;
            self.stalled.insert((id, from));
        }
    }

    /// Directions that hold chunks without a queued event, because they were stalled, and now are not: each with the
    /// instant at which its event is due. `towards`: those to this host alone, whose sockets are full as it wakes.
    pub fn wake(&mut self, now: Instant, towards: Option<usize>) -> Vec<(ConnectionId, usize, Instant)> {
        let mut woken = Vec::new();
        for (id, from) in std::mem::take(&mut self.stalled) {
            let Some(connection) = self.get(id) else { continue };
            let (source, target) = (connection.ends[from].host, connection.ends[1 - from].host);
            let direction = &connection.directions[from];
            if direction.armed || direction.queue.is_empty() {
                continue;
            }
            if towards.is_some_and(|host| host != target) {
                self.stalled.insert((id, from));
                continue;
            }
            if source != target && self.blocked.contains(&(source, target)) {
                self.stalled.insert((id, from));
                continue;
            }
            // TCP's retransmission is not at once; what a paused process finds in its buffers is there.
            let wait = if towards.is_some() { 0 } else { 1000 + self.prng.below(200_000) };
            if let Some(connection) = self.get_mut(id) {
                connection.directions[from].armed = true;
            }
            woken.push((id, from, now.plus_micros(wait)));
        }
        woken
    }

    /// One end closes its socket. What it sent still arrives, then the close. Returns when that event is due.
    pub fn close(&mut self, now: Instant, id: ConnectionId, end: usize) -> Option<Instant> {
        let connection = self.get_mut(id)?;
        connection.ends[end].open = false;
        connection.directions[1 - end].queue.clear();
        if !connection.ends[1 - end].open {
            self.remove(id);
            return None;
        }
        self.send(now, id, end, Chunk::Close)
    }

    /// The connection breaks in the middle: both ends hear of a close, each after a delay. Returns the directions whose
    /// events are due.
    pub fn reset(&mut self, now: Instant, id: ConnectionId) -> Vec<(usize, Instant)> {
        let mut due = Vec::new();
        for from in 0..2 {
            let Some(connection) = self.get_mut(id) else { break };
            connection.directions[from].queue.clear();
            due.extend(self.send(now, id, from, Chunk::Close).map(|at| (from, at)));
        }
        due
    }

    /// One end vanishes without a word: the host has lost its power. What is sent to it is sent again until it answers.
    pub fn vanish(&mut self, id: ConnectionId, end: usize) {
        if let Some(connection) = self.get_mut(id) {
            connection.ends[end].open = false;
            connection.directions[end].queue.clear();
            if !connection.ends[1 - end].open {
                self.remove(id);
            }
        }
    }

    /// The connections of a host, with the number of its end.
    pub fn of_host(&self, host: usize) -> Vec<(ConnectionId, usize)> {
        let ids = self.own.get(host).map_or(&[][..], |own| &own.ids);
        let live = ids.iter().filter_map(|id| Some((*id, self.get(*id)?)));
        let ends = |(id, connection): (ConnectionId, &Connection)| {
            let end = |i: usize| (connection.ends[i].host == host).then_some((id, i));
            [end(0), end(1)]
        };
        let mut found: Vec<(ConnectionId, usize)> = live.flat_map(ends).flatten().collect();
        // One to the host itself is listed twice.
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A connection between two hosts, at random.
    pub fn pick(&mut self) -> Option<ConnectionId> {
        for _ in 0..PICKS {
            let index = self.prng.below(self.places.len() as u64) as usize;
            if let Some(place) = self.places.get(index).filter(|place| place.connection.is_some()) {
                return Some(ConnectionId(place.uses << PLACE_BITS | index as u64));
            }
        }
        None
    }
}

/// How often a place is looked at that may be empty.
const PICKS: usize = 64;

fn place_of(id: ConnectionId) -> usize {
    (id.0 & ((1 << PLACE_BITS) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(network: &mut Network, from: usize, to: usize) -> ConnectionId {
        let id = network.connect(Port::Bus, from, 1, to);
        network.accept(id, 1);
        id
    }

    #[test]
    fn what_waits_for_one_host_is_not_woken_by_another() {
        let mut network = Network::new(Prng::new(1));
        let ids = [connected(&mut network, 0, 1), connected(&mut network, 0, 2)];
        for id in ids {
            assert!(network.send(Instant(0), id, 0, Chunk::Close).is_some());
            network.stall(id, 0);
        }
        let now = Instant(1_000_000);
        assert_eq!(network.wake(now, Some(2)), [(ids[1], 0, now)]);
        assert_eq!(network.wake(now, Some(2)), []);
        assert_eq!(network.wake(now, Some(1)), [(ids[0], 0, now)]);
    }

    #[test]
    fn what_was_sent_to_a_host_without_power_waits_for_it() {
        let mut network = Network::new(Prng::new(2));
        let id = connected(&mut network, 0, 1);
        assert!(network.send(Instant(0), id, 0, Chunk::Bytes([1][..].into(), 0)).is_some());
        assert!(network.send(Instant(0), id, 1, Chunk::Bytes([2][..].into(), 0)).is_some());
        network.vanish(id, 1);
        let now = Instant(1_000_000);
        assert!(matches!(network.arrive(now, id, 0), (Some(Chunk::Bytes(..)), None)));
        assert!(matches!(network.arrive(now, id, 1), (None, None)), "what it sent last is gone");
    }
}
