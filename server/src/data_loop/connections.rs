//! The data thread's sockets: clients, replicas, and connections that the node asked for.
//!
//! Each socket is named by its [`ConnId`], which is also its token in the poller. What a socket is asked for follows
//! three facts: whether the node wants its bytes, whether bytes for it could not be written, whether it is still being
//! connected.
//!
//! Bounds: reads grow from [`READ_MIN`] to [`READ_MAX`] bytes while they fill their room, so that a big value takes few
//! system calls and a small request no big buffer.

use base::ConnId;
use runtime::{Interest, Poller, Stream, Token};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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
    /// How much to read at a time.
    pub read_size: usize,
    interest: Interest,
}

impl Conn {
    /// Learns from a read how much the next one should bring.
    pub fn adapt(&mut self, filled: bool) {
        self.read_size =
            if filled { (self.read_size * 2).min(READ_MAX) } else { (self.read_size / 2).max(READ_MIN) };
    }

    /// How much to read now into `input`, which is made larger for it. When the request that has begun lacks `wanted`
    /// bytes (0: nobody knows), the buffer grows by a quarter at a time and no further than it needs: what it takes is
    /// counted for its client.
    pub fn room(&self, input: &mut Vec<u8>, wanted: usize) -> usize {
        if wanted == 0 {
            return self.read_size;
        }
        let wanted = wanted.max(READ_MIN);
        let room = self.read_size.min(wanted);
        if input.capacity() - input.len() < room {
            input.reserve_exact((input.len() / 4).clamp(room, wanted));
        }
        room
    }

    fn wanted(&self) -> Interest {
        Interest { read: !self.paused && !self.connecting, write: self.connecting || self.waits_for_room }
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
        poller: &Poller,
        conn: ConnId,
        stream: Stream,
        connecting: bool,
    ) -> std::io::Result<()> {
        let mut new = Conn {
            stream,
            connecting,
            paused: false,
            waits_for_room: false,
            read_size: READ_MIN,
            interest: Interest::NONE,
        };
        new.interest = new.wanted();
        poller.add(&new.stream, Token(conn.0), new.interest)?;
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

    /// Tells the poller what the socket's flags now ask for.
    pub fn update(&mut self, poller: &Poller, conn: ConnId) {
        if let Some(entry) = self.map.get_mut(&conn.0)
            && entry.wanted() != entry.interest
        {
            entry.interest = entry.wanted();
            let _ = poller.modify(&entry.stream, Token(conn.0), entry.interest);
        }
    }

    /// Closes a socket; whether there was one.
    pub fn remove(&mut self, poller: &Poller, conn: ConnId) -> bool {
        match self.map.remove(&conn.0) {
            Some(entry) => {
                let _ = poller.remove(&entry.stream);
                true
            }
            None => false,
        }
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
