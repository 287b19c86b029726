//! Many sockets at once: some are read before the first of them is executed, so that the node can look ahead; many are read
//! and written by several threads when there are I/O threads (`io-threads`) and it pays to use them ([`super::sharing`]).
//!
//! Reads by threads: the sessions' input buffers are taken out, filled by all threads, and put back before the first request is
//! executed; then the requests are executed one connection after the other, as always. Writes: the replies are only
//! read, and nothing else happens meanwhile.
//!
//! Bounds: [`READS_AT_ONCE`] buffers are filled before what they hold is executed; [`SPARES`] empty ones are kept.

use super::DataLoop;
use base::{ConnId, Now};
use runtime::Stream;
use runtime::stream::ReadOutcome;
use std::io;

/// Most connections read before any of them is executed: what they sent is in memory all at once.
const READS_AT_ONCE: usize = 128;
/// Connections read one after the other before the first of them is executed: as many as the node looks ahead.
const READS_IN_A_ROW: usize = keyspace::EXPECTED_MAX;
/// Empty buffers kept between two turns.
pub(super) const SPARES: usize = READS_AT_ONCE;

struct ReadJob<'a> {
    stream: &'a Stream,
    input: Vec<u8>,
    room: usize,
    outcome: io::Result<ReadOutcome>,
}

struct WriteJob<'a> {
    stream: &'a Stream,
    bytes: &'a [u8],
    outcome: io::Result<usize>,
}

impl DataLoop {
    /// Reads from connections that have bytes, and executes what came.
    pub(super) fn read_all(&mut self, ready: &[ConnId]) {
        for group in ready.chunks(READS_AT_ONCE) {
            match self.sharing.helpers(group.len(), None) {
                0 => group.chunks(READS_IN_A_ROW).for_each(|row| self.read_in_a_row(row)),
                helpers => self.read_together(group, helpers),
            }
        }
    }

    /// Reads from some connections before any of them is executed, so that the memory that their requests are about can
    /// be fetched at once ([`Node::foresee`]). One reading of the clock serves until its millisecond is over.
    fn read_in_a_row(&mut self, row: &[ConnId]) {
        if let [conn] = row {
            return self.read(*conn);
        }
        let mut filled = std::mem::take(&mut self.filled);
        for &conn in row {
            if let Some(outcome) = self.fill(conn) {
                filled.push((conn, outcome));
            }
        }
        let mut conns = [ConnId(0); READS_IN_A_ROW];
        for (place, (conn, _)) in conns.iter_mut().zip(&filled) {
            *place = *conn;
        }
        self.node.foresee(&conns[..filled.len()]);
        let mut now: Option<Now> = None;
        for (conn, outcome) in filled.drain(..) {
            if let Ok(ReadOutcome::Bytes { count, filled }) = outcome {
                self.note_read(conn, count, filled);
                match now {
                    Some(now) if self.node.metered() / 1000 <= now.mono.0 => {
                        self.node.process_next(now, conn)
                    }
                    _ => {
                        let read = *now.insert(self.now());
                        self.node.process_next(read, conn);
                    }
                }
            } else {
                self.after_read(conn, outcome);
            }
            self.keep_spare(conn);
        }
        self.filled = filled;
    }

    fn read_together(&mut self, group: &[ConnId], helpers: usize) {
        let mut conns = Vec::with_capacity(group.len());
        let mut jobs = Vec::with_capacity(group.len());
        let mut unwanted = Vec::new();
        for &conn in group {
            let wanted = self.node.wanted(conn);
            let Some(entry) = self.connections.get(conn) else { continue };
            let Some(input) = self.node.input(conn) else {
                unwanted.push(conn);
                continue;
            };
            let mut input = std::mem::take(input);
            if input.capacity() == 0 {
                input = self.spares.pop().unwrap_or(input);
            }
            let outcome = Ok(ReadOutcome::NotNow);
            let room = entry.room(&mut input, wanted);
            conns.push(conn);
            jobs.push(ReadJob { stream: &entry.stream, input, room, outcome });
        }
        self.sharing.team.run(&mut jobs, helpers, |job| {
            job.outcome = job.stream.read(&mut job.input, job.room);
        });
        self.sharing.reads += jobs.len() as u64;
        // All buffers are back in their places before anything is executed: a command may look at other sessions.
        let mut outcomes = Vec::with_capacity(jobs.len());
        for (&conn, job) in conns.iter().zip(jobs) {
            if let Some(input) = self.node.input(conn) {
                *input = job.input;
            }
            outcomes.push(job.outcome);
        }
        for (conn, outcome) in conns.into_iter().zip(outcomes) {
            self.after_read(conn, outcome);
            self.keep_spare(conn);
        }
        unwanted.into_iter().for_each(|conn| self.read(conn));
    }

    /// Writes what may leave to these connections.
    pub(super) fn write_all(&mut self, now: Now, ready: &[ConnId]) {
        let helpers = if self.sharing.team.threads() > 1 {
            let bytes = ready.iter().map(|conn| self.node.output(*conn).len()).sum();
            self.sharing.helpers(ready.len(), Some(bytes))
        } else {
            0
        };
        if helpers == 0 {
            return ready.iter().for_each(|conn| self.write(now, *conn));
        }
        let mut jobs = Vec::with_capacity(ready.len());
        for &conn in ready {
            let bytes = self.node.output(conn);
            if let Some(entry) = self.connections.get(conn)
                && !bytes.is_empty()
            {
                jobs.push((conn, WriteJob { stream: &entry.stream, bytes, outcome: Ok(0) }));
            }
        }
        self.sharing.team.run(&mut jobs, helpers, |(_, job)| job.outcome = job.stream.write(job.bytes));
        self.sharing.writes += jobs.len() as u64;
        let done: Vec<_> = jobs.into_iter().map(|(conn, job)| (conn, job.bytes.len(), job.outcome)).collect();
        for (conn, all, outcome) in done {
            self.after_write(now, conn, all, outcome);
        }
    }
}
