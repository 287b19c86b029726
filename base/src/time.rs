//! Time as a value. Nothing below `runtime` reads a clock: it is told.

use core::ops::{Add, Sub};

/// Milliseconds on a monotonic clock with an arbitrary origin. Deadlines, timeouts and "how long ago" use this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// Milliseconds from `earlier` to here, 0 if `earlier` is later.
    pub fn since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Millis {
    type Output = Millis;
    fn add(self, ms: u64) -> Millis {
        Millis(self.0.saturating_add(ms))
    }
}

impl Sub<u64> for Millis {
    type Output = Millis;
    fn sub(self, ms: u64) -> Millis {
        Millis(self.0.saturating_sub(ms))
    }
}

/// Milliseconds since 1970 on the wall clock, which may jump. Key expiry and everything that users see uses this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// The instant at which an event is handled, on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// For deadlines and durations.
    pub mono: Millis,
    /// For what users see, and for key expiry.
    pub unix: UnixMillis,
    /// Microseconds of the same wall clock below `unix`'s millisecond, `0..1000` (TIME, SLOWLOG ids).
    pub micros: u16,
}
