//! The data loop's sockets: connections come in, bytes are read into the node's buffers, replies are written.
//!
//! A session that has no buffer of its own borrows a spare one for the length of a read, so that idle ones keep none. A connection whose
//! bytes the node does not want now rests until the node wants them again.

use super::peers::peer_info;
use super::{DataLoop, together};
use base::{ConnId, Now};
use runtime::listener::Accepted;
use runtime::stream::ReadOutcome;
use runtime::{Level, Token};

/// Most writes to one connection in one turn.
pub const WRITES_PER_TURN: usize = 4;

impl DataLoop {
    pub(super) fn accept(&mut self, token: Token) {
        for _ in 0..self.node.config().settings.max_new_connections_per_cycle {
            match self.parts.listening.accept(&self.poller, token, self.clock.mono()) {
                Ok(Some(accepted)) => self.welcome(accepted),
                Ok(None) => return,
                Err(text) => return self.log(Level::Warning, &text),
            }
        }
    }

    fn welcome(&mut self, accepted: Accepted) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let peer = peer_info(&accepted, self.parts.listening.unix_path());
        // Only delay and the detection of dead peers are lost if these fail.
        let _ = accepted.stream.set_nodelay(true);
        let _ = accepted.stream.set_keepalive(self.node.config().settings.tcp_keepalive);
        match self.connections.insert(&self.poller, conn, accepted.stream, false) {
            Ok(()) => self.node.accept(self.clock.now(), conn, peer),
            Err(error) => {
                let text =
                    format!("Error registering fd event for the new client: {error} (addr={})", peer.peer);
                self.log(Level::Warning, &text);
            }
        }
    }

    /// One socket's event. What there is to be read is put on `ready`, for all sockets to be read in one go.
    pub(super) fn serve(&mut self, conn: ConnId, event: runtime::poller::Event, ready: &mut Vec<ConnId>) {
        let Some(entry) = self.connections.get_mut(conn) else { return };
        if entry.connecting {
            return self.finish_connect(conn);
        }
        entry.ended |= event.ended;
        let (paused, waits) = (entry.paused, entry.waits_for_room);
        if event.readable && if paused { event.hangup } else { !entry.again } {
            self.node.expect(conn);
            ready.push(conn);
        }
        if event.writable && waits {
            self.write(self.clock.now(), conn);
        }
    }

    pub(super) fn read(&mut self, conn: ConnId) {
        if let Some(outcome) = self.fill(conn) {
            self.after_read(conn, outcome);
            self.keep_spare(conn);
        }
    }

    /// Reads into the node's buffer; `None` when nothing was to be read.
    pub(super) fn fill(&mut self, conn: ConnId) -> Option<std::io::Result<ReadOutcome>> {
        let wanted = self.node.wanted(conn);
        let entry = self.connections.get_mut(conn)?;
        let Some(input) = self.node.input(conn) else {
            // Nobody wants these bytes: either back-pressure, then the socket rests, or the connection is about to close.
            if entry.paused {
                self.lose(conn);
                return None;
            }
            entry.paused = true;
            self.paused.push(conn);
            self.connections.update(&self.poller, conn);
            return None;
        };
        if input.capacity() == 0
            && let Some(spare) = self.spares.pop()
        {
            *input = spare;
        }
        let room = entry.room(input, wanted);
        Some(entry.stream.read(input, room))
    }

    /// An empty buffer is kept here for the next reader.
    pub(super) fn keep_spare(&mut self, conn: ConnId) {
        if self.spares.len() < together::SPARES
            && let Some(spare) = self.node.take_spare(conn)
        {
            self.spares.push(spare);
        }
    }

    /// Executes what a read brought, or takes leave of the peer.
    pub(super) fn after_read(&mut self, conn: ConnId, outcome: std::io::Result<ReadOutcome>) {
        match outcome {
            Ok(ReadOutcome::Bytes { count, filled }) => {
                self.note_read(conn, count, filled);
                let now = self.now();
                self.node.process_next(now, conn);
            }
            Ok(ReadOutcome::NotNow) => {}
            Ok(ReadOutcome::End) => self.lose(conn),
            Err(error) => {
                let text = format!("Reading from client: {}", runtime::process::reason(error));
                self.log(Level::Verbose, &text);
                self.lose(conn);
            }
        }
    }

    /// So many bytes came; `filled`: there may be more.
    pub(super) fn note_read(&mut self, conn: ConnId, count: usize, filled: bool) {
        self.sharing.moved(count);
        if let Some(entry) = self.connections.get_mut(conn) {
            entry.adapt(filled);
            if filled || entry.ended {
                self.note_again(conn);
            }
        }
    }

    /// It is to be read in the next turn, whether the poller tells of it or not.
    pub(super) fn note_again(&mut self, conn: ConnId) {
        if let Some(entry) = self.connections.get_mut(conn)
            && !std::mem::replace(&mut entry.again, true)
        {
            self.again.push(conn);
        }
    }

    /// Puts on `ready` what the turn before may have left in the kernel.
    pub(super) fn read_again(&mut self, again: &mut Vec<ConnId>, ready: &mut Vec<ConnId>) {
        for conn in again.drain(..) {
            if let Some(entry) = self.connections.get_mut(conn) {
                entry.again = false;
                if !entry.paused {
                    ready.push(conn);
                }
            }
        }
    }

    /// The peer is gone.
    fn lose(&mut self, conn: ConnId) {
        if self.connections.remove(&self.poller, conn) {
            self.node.handle_closed(self.clock.now(), conn);
        }
    }

    /// Asks again for connections that were put to rest.
    pub(super) fn resume_reading(&mut self) {
        let mut paused = std::mem::take(&mut self.paused);
        paused.retain(|conn| {
            if self.connections.get_mut(*conn).is_none() {
                return false;
            }
            let wanted = self.node.input(*conn).is_some();
            if wanted {
                if let Some(entry) = self.connections.get_mut(*conn) {
                    entry.paused = false;
                }
                self.connections.update(&self.poller, *conn);
            }
            !wanted
        });
        self.paused = paused;
    }

    pub(super) fn write(&mut self, now: Now, conn: ConnId) {
        for _ in 0..WRITES_PER_TURN {
            let Some(entry) = self.connections.get_mut(conn) else { return };
            let waits = entry.waits_for_room;
            let bytes = self.node.output(conn);
            if bytes.is_empty() {
                break;
            }
            let all = bytes.len();
            let outcome = entry.stream.write(bytes);
            if !self.wrote(now, conn, all, outcome) || (!waits && self.node.output(conn).is_empty()) {
                return;
            }
        }
        let rest = !self.node.output(conn).is_empty();
        if rest && self.connections.get(conn).is_some_and(|entry| entry.waits_for_room) {
            // It had room to the last: nobody would tell of more.
            return self.connections.look_again(&self.poller, conn);
        }
        self.wait_for_room(conn, rest);
    }

    /// As [`DataLoop::write`], when the first write has been done elsewhere.
    pub(super) fn after_write(
        &mut self,
        now: Now,
        conn: ConnId,
        all: usize,
        outcome: std::io::Result<usize>,
    ) {
        if self.wrote(now, conn, all, outcome) {
            self.write(now, conn);
        }
    }

    /// Notes what a write of `all` bytes did; whether another may be tried.
    fn wrote(&mut self, now: Now, conn: ConnId, all: usize, outcome: std::io::Result<usize>) -> bool {
        match outcome {
            Ok(count) => {
                self.sharing.moved(count);
                self.node.sent(now, conn, count);
                if count < all {
                    self.wait_for_room(conn, true);
                }
                count == all
            }
            Err(error) => {
                let text = format!("Error writing to client: {}", runtime::process::reason(error));
                self.log(Level::Verbose, &text);
                self.lose(conn);
                false
            }
        }
    }

    fn wait_for_room(&mut self, conn: ConnId, waits: bool) {
        let Some(entry) = self.connections.get_mut(conn) else { return };
        if waits != entry.waits_for_room {
            entry.waits_for_room = waits;
            self.connections.update(&self.poller, conn);
        }
    }
}
