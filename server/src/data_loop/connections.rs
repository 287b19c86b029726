//! The data thread's sockets: clients, replicas, and connections that the node asked for.
//!
//! Each socket is named by its [`ConnId`], which is also its token in the poller. What a socket is asked for follows
//! three facts: whether the node wants its bytes, whether bytes for it could not be written, whether it is still being
//! connected. The poller tells of arrivals once (edge-triggered): a socket that a read may not have emptied is read again
//! in the next turn, and one that nobody wanted to read is asked for anew.
//!
//! Bounds: reads grow from [`READ_MIN`] to [`READ_MAX`] bytes while they fill their room, so that a big value takes few
//! system calls and a small request no big buffer.

use base::{ByConn, ConnId};
use node::Wanted;
use runtime::{Interest, Poller, Stream, Token};

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
    /// What the poller is asked for.
    watched: Interest,
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
        Interest { read, write: self.connecting || self.waits_for_room, edge: true }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Connections {
    table: ByConn<Conn>,
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
            ended: false,
            again: false,
            listed: 0,
            read_size: READ_MIN,
            watched: Interest::NONE,
        };
        new.watched = new.wanted();
        poller.add(&new.stream, Token(conn.0), new.watched)?;
        self.table.insert(conn, new);
        Ok(())
    }

    /// The socket of a connection, to use.
    #[inline]
    pub fn get(&self, conn: ConnId) -> Option<&Conn> {
        self.table.get(conn)
    }

    /// The socket of a connection.
    #[inline]
    pub fn get_mut(&mut self, conn: ConnId) -> Option<&mut Conn> {
        self.table.get_mut(conn)
    }

    /// Tells the poller what the socket's flags now ask for.
    pub fn update(&mut self, poller: &Poller, conn: ConnId) {
        if let Some(entry) = self.table.get_mut(conn)
            && entry.watched != entry.wanted()
        {
            entry.watched = entry.wanted();
            let _ = poller.modify(&entry.stream, Token(conn.0), entry.watched);
        }
    }

    /// Has the poller look at a socket again.
    pub fn look_again(&mut self, poller: &Poller, conn: ConnId) {
        if let Some(entry) = self.table.get(conn) {
            let _ = poller.modify(&entry.stream, Token(conn.0), entry.watched);
        }
    }

    /// Closes a socket; whether there was one.
    pub fn remove(&mut self, poller: &Poller, conn: ConnId) -> bool {
        let Some(entry) = self.table.remove(conn) else { return false };
        let _ = poller.remove(&entry.stream);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
