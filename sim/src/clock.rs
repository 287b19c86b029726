//! Virtual time: one instant for the whole world, and per host a wall clock that may be wrong and may jump.
//!
//! The monotonic clock of a host is the world's instant plus an origin of its own, so that machines which compare
//! instants of different hosts are caught. It never jumps. It does not know who reads it.

use base::{Millis, Now, UnixMillis};

/// Microseconds since the beginning of the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// This instant plus some microseconds.
    pub fn plus_micros(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This instant plus some milliseconds.
    pub fn plus_millis(self, millis: u64) -> Self {
        self.plus_micros(millis.saturating_mul(1000))
    }

    /// Whole milliseconds since the beginning.
    pub fn millis(self) -> u64 {
        self.0 / 1000
    }
}

/// The wall clock at the beginning of the world: some day in 2023.
const UNIX_ORIGIN_MS: i64 = 1_700_000_000_000;

/// One host's two clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostClock {
    /// What the host's monotonic clock shows at the beginning of the world, in ms.
    pub origin_ms: u64,
    /// How wrong its wall clock is, in ms.
    pub skew_ms: i64,
}

impl HostClock {
    /// Both clocks at an instant of the world.
    pub fn now(&self, instant: Instant) -> Now {
        Now {
            mono: Millis(self.origin_ms + instant.millis()),
            unix: UnixMillis(UNIX_ORIGIN_MS + instant.millis() as i64 + self.skew_ms),
            micros: (instant.0 % 1000) as u16,
        }
    }

    /// The world's first instant at which the host's monotonic clock shows `at`.
    pub fn instant(&self, at: Millis) -> Instant {
        Instant(at.0.saturating_sub(self.origin_ms).saturating_mul(1000))
    }
}
