//! A host's disk as the cluster machine uses it: nodes.conf, replaced whole and made durable after a while.
//!
//! The replacement is atomic (temporary file, sync, rename, sync of the directory), so a crash leaves the old file or
//! the new one; which of the two is left open until the sync has been reported. A disk may stall, or fail.

use base::Prng;
use cluster::ConfigVersion;

use crate::clock::Instant;
use crate::wire::Durable;

/// nodes.conf on one host.
#[derive(Debug, Default)]
pub struct Disk {
    conf: Option<String>,
    durable: Option<Durable>,
    pending: Option<(ConfigVersion, String)>,
    /// Nothing becomes durable before this instant.
    pub stalled_until: Instant,
    /// Writes fail.
    pub failing: bool,
    /// Nobody will start from this disk: what the file says about its node is kept, and the text is not.
    pub spare: bool,
}

impl Disk {
    /// Begins to replace nodes.conf; returns when the disk is done.
    pub fn begin(&mut self, now: Instant, version: ConfigVersion, text: String, prng: &mut Prng) -> Instant {
        self.pending = Some((version, text));
        let slow = if prng.chance(1, 200) { prng.below(80_000) } else { 0 };
        now.plus_micros(300 + prng.below(3000) + slow).max(self.stalled_until)
    }

    /// The disk is done: the version that is durable now, or `Err` if it could not be written.
    pub fn finish(&mut self) -> Option<Result<ConfigVersion, ConfigVersion>> {
        let (version, text) = self.pending.take()?;
        if self.failing {
            return Some(Err(version));
        }
        self.durable = Durable::read(&text);
        self.conf = (!self.spare).then_some(text);
        Some(Ok(version))
    }

    /// Puts a file there that is durable at once.
    pub fn install(&mut self, text: String) {
        self.durable = Durable::read(&text);
        self.conf = Some(text);
    }

    /// The host crashed: what was being written is there or is not.
    pub fn crash(&mut self, prng: &mut Prng) {
        if prng.chance(1, 2) {
            let _ = self.finish();
        }
        self.pending = None;
    }

    /// The durable file.
    pub fn conf(&self) -> Option<&str> {
        self.conf.as_deref()
    }

    /// The same, taken out for a moment.
    pub(crate) fn take_durable(&mut self) -> Option<Durable> {
        self.durable.take()
    }

    /// And put back.
    pub(crate) fn put_durable(&mut self, durable: Option<Durable>) {
        self.durable = durable;
    }

    /// What the durable file says about its node; `None` without a file, or when it cannot be read.
    pub fn durable(&self) -> Option<&Durable> {
        self.durable.as_ref()
    }
}
