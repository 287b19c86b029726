//! Many sockets at once, when there are I/O threads (`io-threads`) and it pays to use them ([`super::sharing`]).
//!
//! Reads: the sessions' input buffers are taken out, filled by all threads, and put back before the first request is
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
/// Empty buffers kept between two turns.
const SPARES: usize = READS_AT_ONCE;

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
                0 => group.iter().for_each(|conn| self.read(*conn)),
                helpers => self.read_together(group, helpers),
            }
        }
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
                input = self.spares.pop().unwrap_or_default();
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
            if let Some(input) = self.node.input(conn)
                && input.is_empty()
                && self.spares.len() < SPARES
            {
                self.spares.push(std::mem::take(input));
            }
        }
        unwanted.into_iter().for_each(|conn| self.read(conn));
    }

    /// Writes what may leave to these connections.
    pub(super) fn write_all(&mut self, now: Now, ready: &[ConnId]) {
        if self.io.ring.is_some() && ready.len() > 1 {
            return self.send_all(now, ready);
        }
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
