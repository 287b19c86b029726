//! Bytes by way of an io_uring (`grapevine-io-backend io_uring`): what has arrived, for the node, and its replies.
//!
//! Bytes come without being asked for each time, so that some may come for a connection that the node has just stopped
//! listening to. They are held until it listens again, and go before anything that comes later.
//!
//! Bounds: what is held for all connections together is what one or two waits can bring ([`runtime::ring`]).

use super::DataLoop;
use super::connections::{Receiving, make_room};
use base::{ConnId, Now};
use runtime::ring::{Arrival, Lent, Ring, Sending};
use runtime::stream::ReadOutcome;
use runtime::{Level, Token};
use std::io;

impl DataLoop {
    /// Passes on all that has arrived.
    pub(super) fn take_arrivals(&mut self) {
        while let Some(received) = self.io.ring.as_mut().and_then(Ring::next_arrival) {
            let conn = ConnId(received.token.0);
            if received.last
                && let Some(entry) = self.connections.get_mut(conn)
            {
                entry.receiving = Receiving::No;
            }
            match received.what {
                Arrival::Bytes(lent) => self.take_bytes(conn, lent),
                Arrival::Nothing => {}
                // Met again by a read in the next turn, when what came before it has been answered.
                Arrival::End => self.note_again(conn),
                Arrival::Failed(code) => self.fail_receiving(conn, io::Error::from_raw_os_error(code)),
            }
            if received.last {
                // It is asked for again, unless nobody wants it now.
                self.connections.update(&mut self.io, conn);
            }
        }
    }

    /// An error comes after what is held: whoever resumes reading meets it again.
    fn fail_receiving(&mut self, conn: ConnId, error: io::Error) {
        if self.connections.get(conn).is_some_and(|entry| !entry.paused) {
            self.after_read(conn, Err(error));
        }
    }

    /// Executes the bytes of this arrival and of those right behind it that are the same connection's.
    fn take_bytes(&mut self, conn: ConnId, first: Lent) {
        let mut count = 0;
        let mut next = Some(first);
        while let Some(lent) = next.take() {
            let len = lent.len();
            if !self.append(conn, lent) {
                break;
            }
            count += len;
            next = self.io.ring.as_mut().and_then(|ring| ring.next_bytes_of(Token(conn.0)));
        }
        if count > 0 {
            self.after_read(conn, Ok(ReadOutcome::Bytes { count, filled: false }));
            self.keep_spare(conn);
        }
    }

    /// Puts bytes into the node's buffer, or aside if it does not want them; whether it does.
    fn append(&mut self, conn: ConnId, lent: Lent) -> bool {
        let wanted = self.node.wanted(conn);
        let Some(ring) = &mut self.io.ring else { return false };
        let Some(entry) = self.connections.get_mut(conn) else {
            ring.take(lent, |_| ());
            return false;
        };
        let input = if entry.paused { None } else { self.node.input(conn) };
        if let Some(input) = input {
            if input.capacity() == 0
                && let Some(spare) = self.spares.pop()
            {
                *input = spare;
            }
            make_room(input, wanted, lent.len());
            ring.take(lent, |bytes| input.extend_from_slice(bytes));
            return true;
        }
        ring.take(lent, |bytes| entry.held.extend_from_slice(bytes));
        if !std::mem::replace(&mut entry.paused, true) {
            self.paused.push(conn);
            self.connections.update(&mut self.io, conn);
        }
        false
    }

    /// Passes on what was held for a connection that the node listens to again; whether it still does.
    pub(super) fn take_held(&mut self, conn: ConnId) -> bool {
        let Some(entry) = self.connections.get_mut(conn) else { return false };
        if entry.held.is_empty() {
            return true;
        }
        let held = std::mem::take(&mut entry.held);
        if let Some(input) = self.node.input(conn) {
            input.extend_from_slice(&held);
            self.after_read(conn, Ok(ReadOutcome::Bytes { count: held.len(), filled: false }));
        }
        self.node.input(conn).is_some()
    }

    /// Writes what may leave to these connections, in one go.
    pub(super) fn send_all(&mut self, now: Now, ready: &[ConnId]) {
        let Some(ring) = &mut self.io.ring else { return };
        let mut conns = Vec::with_capacity(ready.len());
        let mut sendings = Vec::with_capacity(ready.len());
        for &conn in ready {
            let bytes = self.node.output(conn);
            if let Some(entry) = self.connections.get(conn)
                && !bytes.is_empty()
            {
                conns.push((conn, bytes.len()));
                sendings.push(Sending { stream: &entry.stream, bytes, outcome: Ok(0) });
            }
        }
        // What was not handed over counts as not written, and is tried one by one.
        let failed = ring.send_all(&mut sendings).err();
        let outcomes: Vec<_> = sendings.into_iter().map(|sending| sending.outcome).collect();
        if let Some(error) = failed {
            self.log(Level::Warning, &format!("io_uring: {}", runtime::process::reason(error)));
        }
        for ((conn, all), outcome) in conns.into_iter().zip(outcomes) {
            self.after_write(now, conn, all, outcome);
        }
    }
}
