//! The clocks. The only place in the project that reads them.
//!
//! Deadlines run on `CLOCK_BOOTTIME`, which counts the time that the machine was suspended: a node that slept through
//! its lease must see that it is over. What users see and key expiry run on the wall clock, which may jump.

use base::{Millis, Now, UnixMillis};
use rustix::time::{ClockId, clock_gettime};

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Both clocks, now.
    pub fn now(self) -> Now {
        let wall = clock_gettime(ClockId::Realtime);
        let micros = wall.tv_nsec / 1000;
        Now {
            mono: self.mono(),
            unix: UnixMillis(wall.tv_sec * 1000 + micros / 1000),
            micros: (micros % 1000) as u16,
        }
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

    /// Microseconds of processor time that the calling thread has used, for a meter that stays out of the way.
    pub fn thread_cpu_micros(self) -> u64 {
        let cpu = clock_gettime(ClockId::ThreadCPUTime);
        cpu.tv_sec.max(0) as u64 * 1_000_000 + cpu.tv_nsec.max(0) as u64 / 1000
    }
}
