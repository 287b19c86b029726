//! The data thread's sockets: clients, replicas, and connections that the node asked for.
//!
//! Each socket is named by its [`ConnId`], which is also its token in the poller. What a socket is asked for follows
//! three facts: whether the node wants its bytes, whether bytes for it could not be written, whether it is still being
//! connected. The poller tells of arrivals once (edge-triggered): a socket that a read may not have emptied is read again
//! in the next turn, and one that nobody wanted to read is asked for anew.
//!
//! Bounds: reads grow from [`READ_MIN`] to [`READ_MAX`] bytes while they fill their room, so that a big value takes few
//! system calls and a small request no big buffer.

use base::ConnId;
use node::Wanted;
use runtime::ring::Ring;
use runtime::{Events, Interest, Poller, Stream, Token};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

/// First and smallest read, in bytes; as in Redis.
pub const READ_MIN: usize = 16 << 10;
/// Largest read of one connection in one turn, in bytes.
pub const READ_MAX: usize = 1 << 20;

/// One socket.
#[derive(Debug)]
pub struct Conn {
    /// The socket.
    pub stream: Stream,
    /// Whether the outcome of its connect is still open.
    pub connecting: bool,
    /// Whether the node did not want its bytes when it was last asked.
    pub paused: bool,
    /// Whether the poller is asked for room to write.
    pub waits_for_room: bool,
    /// Whether its peer has said that it will send nothing more.
    pub ended: bool,
    /// Whether it is on the list of those to be read again without being told.
    pub again: bool,
    /// The last list of connections to be written that it was put on.
    pub listed: u64,
    /// How much to read at a time.
    pub read_size: usize,
    /// Whether the ring receives its bytes.
    pub receiving: Receiving,
    /// What the ring has received and the node did not want.
    pub held: Vec<u8>,
    /// What the poller is asked for; `None`: it does not know the socket.
    watched: Option<Interest>,
}

/// Whether the ring receives the bytes of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receiving {
    /// There is no ring, or nothing is to be received now.
    No,
    /// As they come.
    Yes,
    /// It was told to stop, and may still bring some.
    Stopping,
}

/// What moves the bytes.
pub struct Io {
    /// Tells which sockets are ready.
    pub poller: Poller,
    /// Receives and sends in its place, for all sockets that are connected and have room (`grapevine-io-backend`).
    pub ring: Option<Ring>,
}

impl Io {
    /// Sleeps until there is something to do; `events` are the poller's. If nothing is there yet the sleep lasts for a `nap` at
    /// least; a ring gathers by itself.
    pub fn wait(
        &mut self,
        events: &mut Events,
        timeout_ms: u64,
        nap: Option<Duration>,
    ) -> std::io::Result<()> {
        let Some(ring) = &mut self.ring else {
            if let Some(nap) = nap.filter(|_| timeout_ms > 0) {
                self.poller.wait(events, Some(0))?;
                if !events.is_empty() {
                    return Ok(());
                }
                std::thread::sleep(nap);
            }
            return self.poller.wait(events, Some(timeout_ms));
        };
        events.clear();
        if ring.wait(&self.poller, timeout_ms)? {
            self.poller.wait(events, Some(0))?;
        }
        Ok(())
    }
}

/// The most room that is worth having for what is lacking.
fn useful(wanted: Wanted) -> usize {
    if wanted.big { wanted.bytes } else { wanted.bytes.max(READ_MIN) }
}

/// Makes `input` larger for `room` bytes, by the rule of [`Conn::room`].
pub fn make_room(input: &mut Vec<u8>, wanted: Wanted, room: usize) {
    if wanted.bytes != 0 && input.capacity() - input.len() < room {
        input.reserve_exact((input.len() / 4).clamp(room, useful(wanted).max(room)));
    }
}

impl Conn {
    /// Learns from a read how much the next one should bring.
    pub fn adapt(&mut self, filled: bool) {
        self.read_size =
            if filled { (self.read_size * 2).min(READ_MAX) } else { (self.read_size / 2).max(READ_MIN) };
    }

    /// How much to read now into `input`, which is made larger for it. When it is known what the request that has begun lacks,
    /// the buffer grows by a quarter at a time and no further than it needs: what it takes is counted for its client. A big
    /// argument is read to its end and no further, so that in the end its buffer is as large however it came.
    pub fn room(&self, input: &mut Vec<u8>, wanted: Wanted) -> usize {
        if wanted.bytes == 0 {
            return self.read_size;
        }
        let room = self.read_size.min(useful(wanted));
        make_room(input, wanted, room);
        room
    }

    fn wanted(&self) -> Interest {
        let read = !self.paused && !self.connecting;
        Interest { read, write: self.connecting || self.waits_for_room, edge: false }
    }

    /// Has the poller and the ring do what the flags ask for. What the ring does the poller need not know of; it tells of
    /// hang-ups where the ring does not receive.
    fn settle(&mut self, io: &mut Io, conn: ConnId) -> std::io::Result<()> {
        let mut interest = self.wanted();
        let mut by_ring = false;
        if let Some(ring) = &mut io.ring {
            by_ring = interest.read && self.receive(ring, conn);
            if !interest.read && self.receiving == Receiving::Yes {
                self.receiving = Receiving::Stopping;
                let _ = ring.stop(Token(conn.0));
            }
            interest.read &= !by_ring;
        }
        interest.edge = io.ring.is_none();
        let watched = (!by_ring || interest.write).then_some(interest);
        let before = std::mem::replace(&mut self.watched, watched);
        match (before, watched) {
            (None, Some(interest)) => io.poller.add(&self.stream, Token(conn.0), interest),
            (Some(_), None) => io.poller.remove(&self.stream),
            (Some(old), Some(interest)) if old != interest => {
                io.poller.modify(&self.stream, Token(conn.0), interest)
            }
            _ => Ok(()),
        }
    }

    /// Whether the ring receives, or will when it has stopped.
    fn receive(&mut self, ring: &mut Ring, conn: ConnId) -> bool {
        if self.receiving == Receiving::No && ring.receive(&self.stream, Token(conn.0)).is_ok() {
            self.receiving = Receiving::Yes;
        }
        self.receiving != Receiving::No
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Connections {
    map: HashMap<u64, Conn, BuildHasherDefault<IdHasher>>,
}

impl Connections {
    /// Starts watching a socket.
    pub fn insert(
        &mut self,
        io: &mut Io,
        conn: ConnId,
        stream: Stream,
        connecting: bool,
    ) -> std::io::Result<()> {
        let mut new = Conn {
            stream,
            connecting,
            paused: false,
            waits_for_room: false,
            ended: false,
            again: false,
            listed: 0,
            read_size: READ_MIN,
            receiving: Receiving::No,
            held: Vec::new(),
            watched: None,
        };
        new.settle(io, conn)?;
        self.map.insert(conn.0, new);
        Ok(())
    }

    /// The socket of a connection, to use.
    pub fn get(&self, conn: ConnId) -> Option<&Conn> {
        self.map.get(&conn.0)
    }

    /// The socket of a connection.
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Conn> {
        self.map.get_mut(&conn.0)
    }

    /// Tells the poller and the ring what the socket's flags now ask for.
    pub fn update(&mut self, io: &mut Io, conn: ConnId) {
        if let Some(entry) = self.map.get_mut(&conn.0) {
            let _ = entry.settle(io, conn);
        }
    }

    /// Has the poller look at a socket again.
    pub fn look_again(&mut self, io: &Io, conn: ConnId) {
        if let Some(entry) = self.map.get(&conn.0)
            && let Some(interest) = entry.watched
        {
            let _ = io.poller.modify(&entry.stream, Token(conn.0), interest);
        }
    }

    /// Closes a socket; whether there was one.
    pub fn remove(&mut self, io: &mut Io, conn: ConnId) -> bool {
        let Some(entry) = self.map.remove(&conn.0) else { return false };
        if entry.watched.is_some() {
            let _ = io.poller.remove(&entry.stream);
        }
        if let Some(ring) = &mut io.ring
            && entry.receiving != Receiving::No
        {
            let _ = ring.forget(Token(conn.0));
        }
        true
    }
}

/// Connection numbers are small and distinct: one multiplication spreads them well enough.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What is left of the room when an argument of `all` bytes came in pieces of `each`.
    fn left_over(all: usize, each: usize, big: bool) -> usize {
        let mut input = Vec::new();
        while input.len() < all {
            let wanted = Wanted { bytes: all - input.len(), big };
            let room = READ_MIN.min(useful(wanted));
            make_room(&mut input, wanted, room);
            input.resize(input.len() + each.min(room).min(wanted.bytes), b'v');
        }
        input.capacity() - all
    }

    #[test]
    fn a_big_argument_takes_as_much_however_it_came() {
        for each in [1000, 4096, 16_384, 1 << 20] {
            assert_eq!(left_over(3 << 20, each, true), 0, "{each}");
        }
        assert!((1..=READ_MIN).contains(&left_over(20_000, 4096, false)));
    }

    #[test]
    fn ids_in_a_row_fall_into_different_buckets() {
        let hash = |id: u64| {
            let mut hasher = IdHasher::default();
            hasher.write_u64(id);
            hasher.finish()
        };
        // The table takes its bucket from the low bits and its tag from the high seven.
        let low: BTreeSet<u64> = (0..256).map(|id| hash(id) & 255).collect();
        let tags: BTreeSet<u64> = (0..256).map(|id| hash(id) >> 57).collect();
        assert!(low.len() > 128, "{}", low.len());
        assert!(tags.len() > 64, "{}", tags.len());
    }
}
