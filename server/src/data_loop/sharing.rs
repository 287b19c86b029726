//! Whether, and how widely, system calls on sockets are shared with I/O threads (`io-threads`, `events-per-io-thread`).
//!
//! There must be enough of them to outweigh waking a thread ([`WEIGHT_MIN`]) and enough for each thread
//! (`events-per-io-thread`), and help must pay at present ([`Governor`]). With `events-per-io-thread 0` all threads take part
//! in whatever there is, which is for tests.

use config::Settings;
use runtime::governor::Governor;
use runtime::{Clock, Team};
use std::io;

/// What is worth sharing, in the governor's weights: eight small reads, or one write of 64 KiB.
const WEIGHT_MIN: u64 = 64 << 10;
/// A wait that is shorter, in µs, was no sleep: the poller had something to tell at once.
const SLEEP_MIN_US: u64 = 5;

/// The threads and the rules.
#[derive(Debug, Default)]
pub struct Sharing {
    pub(super) team: Team,
    governor: Governor,
    /// `events-per-io-thread`.
    per_thread: usize,
    /// When the loop began to wait, in µs; not measured while there is nobody to help.
    waits_since: Option<u64>,
    /// Reads and writes that were shared.
    pub(super) reads: u64,
    pub(super) writes: u64,
}

impl Sharing {
    /// As many threads as the settings say.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let mut sharing = Self::default();
        sharing.configure(settings)?;
        Ok(sharing)
    }

    /// Other settings; the threads stay as they are when the system has no others.
    pub fn configure(&mut self, settings: &Settings) -> io::Result<()> {
        self.per_thread = settings.events_per_io_thread as usize;
        let threads = settings.io_threads as usize;
        if threads != self.team.threads() {
            self.team = Team::new(threads)?;
            self.governor = Governor::default();
        }
        Ok(())
    }

    /// The loop is about to wait for events.
    pub fn before_wait(&mut self, clock: Clock) {
        self.waits_since = (self.team.threads() > 1).then(|| clock.mono_micros());
    }

    /// The wait is over.
    pub fn after_wait(&mut self, clock: Clock) {
        if let Some(since) = self.waits_since.take() {
            let now = clock.mono_micros();
            let slept = now.saturating_sub(since);
            self.governor.turn(now, if slept < SLEEP_MIN_US { 0 } else { slept });
        }
    }

    /// One call has moved so many bytes.
    pub fn moved(&mut self, bytes: usize) {
        self.governor.moved(bytes);
    }

    /// How many threads should help with so many calls, which move so many bytes as far as that is known.
    pub fn helpers(&mut self, calls: usize, bytes: Option<usize>) -> usize {
        let others = self.team.threads() - 1;
        if others == 0 || calls < 2 {
            return 0;
        }
        if self.per_thread == 0 {
            return others;
        }
        let wide = calls / self.per_thread;
        if wide < 2 || self.governor.weight(calls, bytes) < WEIGHT_MIN {
            return 0;
        }
        self.governor.saw_width();
        if self.governor.helps() { others.min(wide - 1) } else { 0 }
    }
}
