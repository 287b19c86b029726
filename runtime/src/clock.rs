//! The clocks. The only place in the project that reads them.
//!
//! Deadlines run on `CLOCK_BOOTTIME`, which counts the time that the machine was suspended: a node that slept through
//! its lease must see that it is over. What users see and key expiry run on the wall clock, which may jump.
//!
//! Who asks after every command asks [`quick_micros`].

mod quick;

pub use quick::quick_micros;

use base::{Millis, Now, UnixMillis};
use rustix::time::{ClockId, clock_gettime};

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Both clocks, now.
    pub fn now(self) -> Now {
        both(self.mono_micros(), self.unix_micros())
    }

    /// Microseconds of the wall clock since 1970.
    fn unix_micros(self) -> i64 {
        let wall = clock_gettime(ClockId::Realtime);
        wall.tv_sec * 1_000_000 + wall.tv_nsec / 1000
    }

    /// Milliseconds since boot, suspended time included.
    pub fn mono(self) -> Millis {
        Millis(self.mono_micros() / 1000)
    }

    /// Microseconds since boot, suspended time included.
    pub fn mono_micros(self) -> u64 {
        let boot = clock_gettime(ClockId::Boottime);
        boot.tv_sec.max(0) as u64 * 1_000_000 + boot.tv_nsec.max(0) as u64 / 1000
    }
}

/// The clocks, for who reads them many times in a millisecond: the wall clock is read once in each, and goes on from there with
/// the other one, so that a jump of it is seen within a millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watch {
    /// Microseconds since boot when the wall clock was read, and what it said.
    boot: u64,
    wall: i64,
}

impl Watch {
    /// Both clocks, now, and the microseconds since boot.
    pub fn read(&mut self) -> (Now, u64) {
        let boot = quick_micros();
        (self.at(boot, || Clock.unix_micros()), boot)
    }

    fn at(&mut self, boot: u64, wall: impl FnOnce() -> i64) -> Now {
        if boot / 1000 != self.boot / 1000 {
            (self.boot, self.wall) = (boot, wall());
        }
        both(boot, self.wall.saturating_add_unsigned(boot.saturating_sub(self.boot)))
    }
}

fn both(boot: u64, wall: i64) -> Now {
    Now {
        mono: Millis(boot / 1000),
        unix: UnixMillis(wall.div_euclid(1000)),
        micros: wall.rem_euclid(1000) as u16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_read_once_in_a_millisecond() {
        let mut watch = Watch::default();
        let now = |mono, unix, micros| Now { mono: Millis(mono), unix: UnixMillis(unix), micros };
        assert_eq!(watch.at(7_000_400, || 90_000_999), now(7000, 90_000, 999));
        assert_eq!(watch.at(7_000_999, || unreachable!()), now(7000, 90_001, 598));
        assert_eq!(watch.at(7_001_000, || -1), now(7001, -1, 999));
    }

    #[test]
    fn it_tells_what_the_clocks_tell() {
        let mut watch = Watch::default();
        for _ in 0..1000 {
            let before = Clock.now();
            let (now, boot) = watch.read();
            let after = Clock.now();
            assert!((before.mono..=after.mono).contains(&now.mono) && boot / 1000 == now.mono.0);
        }
    }
}
