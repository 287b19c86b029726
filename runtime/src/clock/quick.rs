//! The time since boot by the processor's own counter: a third of the cost of asking the system, for who asks after each command.
//!
//! The model: the system's clock is read once in [`SPAN_NS`]; in between, time is that reading and what the counter says has passed. How fast it counts
//! is measured against the system's clock, again and again, over [`WINDOW_NS`] at least.
//!
//! Invariants: what one thread is told never goes back. It differs from the system's clock by what the measured speed can be wrong
//! within one span: a microsecond at most. A machine that was suspended, or a counter that jumped, is beyond the span and asks
//! the system.
//!
//! Only where the system itself relies on the counter (`current_clocksource` is `tsc`) is it used at all; everywhere else every reading is
//! the system's.

use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;

/// For how long a reading of the system's clock serves, in ns.
const SPAN_NS: u64 = 1_000_000;
/// Over how long the counter's speed is measured at least, in ns.
const WINDOW_NS: u64 = 10_000_000;
/// Ticks between which the system's clock must have been read, to be a measure of the counter's speed.
const TOGETHER_TICKS: u64 = 1000;
/// Binary digits of [`Anchor::scale`] behind the point.
const SCALE_BITS: u32 = 32;
/// Slower than any counter, and faster: in ns per tick.
const PLAUSIBLE: std::ops::RangeInclusive<u64> = 1 << (SCALE_BITS - 4)..=1 << (SCALE_BITS + 2);

thread_local! {
    static ANCHOR: Cell<Anchor> = const { Cell::new(Anchor::NONE) };
}

/// A reading of the system's clock, and how to go on from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Anchor {
    ticks: u64,
    nanos: u64,
    /// For how many ticks it serves.
    span: u64,
    /// Nanoseconds per tick, in units of 2⁻³².
    scale: u64,
    /// Where the measuring of the speed began: ticks and ns; ticks 0: it did not.
    since: (u64, u64),
}

impl Anchor {
    const NONE: Self = Self { ticks: 0, nanos: 0, span: 0, scale: 0, since: (0, 0) };

    /// The time after so many ticks, which are within the span.
    #[inline]
    fn at(self, passed: u64) -> u64 {
        self.nanos + ((passed * self.scale) >> SCALE_BITS)
    }

    /// The next one: the system's clock said `nanos` between two readings of the counter.
    fn next(self, before: u64, nanos: u64, after: u64) -> Self {
        // Somebody may have been told as much.
        let told = self.at(self.span);
        let mut next = Self { ticks: after, nanos: nanos.max(told), span: 0, ..self };
        if after.wrapping_sub(before) > TOGETHER_TICKS {
            return next;
        }
        let (ticks, began) = self.since;
        let lasted = nanos.saturating_sub(began);
        if ticks == 0 || lasted >= WINDOW_NS {
            next.since = (before, nanos);
        }
        if ticks != 0 && (WINDOW_NS..=WINDOW_NS * 100).contains(&lasted) {
            let passed = before.wrapping_sub(ticks).max(1);
            next.scale = u64::try_from((u128::from(lasted) << SCALE_BITS) / u128::from(passed)).unwrap_or(0);
        }
        if nanos >= told && PLAUSIBLE.contains(&next.scale) {
            next.span = (SPAN_NS << SCALE_BITS) / next.scale;
        }
        next
    }
}

/// Microseconds since boot, suspended time included, on a clock that is the calling thread's own to a microsecond.
#[inline]
pub fn quick_micros() -> u64 {
    ANCHOR.with(|anchor| {
        let now = anchor.get();
        let passed = ticks().wrapping_sub(now.ticks);
        if passed < now.span { now.at(passed) / 1000 } else { ask(anchor) / 1000 }
    })
}

#[cold]
fn ask(anchor: &Cell<Anchor>) -> u64 {
    let before = ticks();
    let boot = clock_gettime(ClockId::Boottime);
    let nanos = boot.tv_sec.max(0) as u64 * 1_000_000_000 + boot.tv_nsec.max(0) as u64;
    let now = if is_reliable() { anchor.get().next(before, nanos, ticks()) } else { Anchor::NONE };
    anchor.set(now);
    nanos.max(now.nanos)
}

/// Whether the system relies on the counter for its own clocks.
fn is_reliable() -> bool {
    use std::sync::OnceLock;
    const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    static RELIABLE: OnceLock<bool> = OnceLock::new();
    *RELIABLE.get_or_init(|| {
        cfg!(target_arch = "x86_64")
            && std::fs::read_to_string(CLOCK_SOURCE).is_ok_and(|name| name.trim() == "tsc")
    })
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn ticks() -> u64 {
    // SAFETY: it only reads a register, which every processor of this architecture lets everybody do.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use std::time::{Duration, Instant};

    #[test]
    fn it_tells_what_the_system_tells_and_never_goes_back() {
        let begun = Instant::now();
        let mut last = 0;
        while begun.elapsed() < Duration::from_millis(100) {
            let before = Clock.mono_micros();
            let quick = quick_micros();
            let after = Clock.mono_micros();
            assert!(before <= quick + 2 && quick <= after + 2, "{before} {quick} {after}");
            assert!(last <= quick, "{last} {quick}");
            last = quick;
        }
    }

    /// Two ticks per ns, readings at these times.
    fn counted(times_ns: &[u64]) -> Anchor {
        times_ns.iter().fold(Anchor::NONE, |anchor, ns| anchor.next(1000 + 2 * ns, *ns, 1040 + 2 * ns))
    }

    #[test]
    fn it_counts_once_it_knows_how_fast() {
        assert_eq!(counted(&[1000, 2000, 9_000_000]).span, 0, "not yet");
        let anchor = counted(&[1000, 20_001_000]);
        assert_eq!((anchor.scale, anchor.span), (1 << 31, 2_000_000));
        assert_eq!(anchor.at(1000), 20_001_500);
        // What was told before the system's clock seemed to stand still stays true.
        let later = anchor.next(anchor.ticks + 3_000_000, 20_001_100, anchor.ticks + 3_000_010);
        assert_eq!((later.nanos, later.span), (21_001_000, 0));
        let caught_up = later.next(later.ticks + 10, 21_001_001, later.ticks + 20);
        assert_eq!((caught_up.nanos, caught_up.span), (21_001_001, 2_000_000));
    }

    #[test]
    fn a_reading_that_took_long_and_an_absurd_speed_measure_nothing() {
        let begun = counted(&[1000]);
        assert_eq!(begun.next(40_000_000, 20_001_000, 50_000_000).span, 0);
        assert_eq!(begun.next(3_001, 20_001_000, 3_011).span, 0, "it stood still");
        assert_eq!(begun.next(u64::MAX / 2, 20_001_000, u64::MAX / 2 + 10).span, 0, "it jumped");
    }
}
