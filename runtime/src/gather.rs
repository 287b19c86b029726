//! When to wait for company: a short sleep that lets several sockets become ready before the first of them is served.
//!
//! Falling asleep and being woken cost more than a small request does. A loop that is a little faster than its clients does
//! both for nearly every arrival, and answers one of them at a time, so that they sleep and wake as often. If instead it looks
//! whether somebody is there, and takes a nap when there is nobody, the next few arrivals share all of that: a request costs a tenth less, more are
//! answered, and hardly anybody waits longer for it (`docs/decisions/0007-naps.md`).
//!
//! The rule: in a [`MOMENT`] of arrivals at least [`SOCKETS_MIN`] sockets were heard of, one every [`APART_US`] or more often, and the loop was
//! awake for [`AWAKE_PERCENT`] of the time. A nap then is as long as it takes for an eighth of the sockets that were heard of to arrive. What the moment was like
//! holds until the next one is full: when all falls silent, the last naps are taken while nobody waits.
//!
//! Bounds: whoever comes during a nap waits for the rest of it, [`NAP_US_MAX`] at most and what the system adds
//! ([`prepare`] asks it not to). A loop that always has something to do takes none.
//!
//! It reads no clock: it is told the time.

use crate::poller::Token;
use std::num::NonZeroU64;
use std::time::Duration;

/// The longest nap, in µs.
const NAP_US_MAX: u64 = 100;
/// A nap lasts for one arrival for each so many sockets: the more there are, the less of their time is one arrival's.
const SOCKETS_PER_ARRIVAL: u64 = 8;
/// How far apart arrivals may be, in µs.
const APART_US: u64 = 40;
/// How much of the time the loop must be awake: one that has time to spare spends it on answering at once.
const AWAKE_PERCENT: u64 = 40;
/// Sockets that must be busy: fewer wait for us themselves.
const SOCKETS_MIN: u64 = 2 * SOCKETS_PER_ARRIVAL;
/// A moment, in arrivals.
const MOMENT: u64 = 128;
/// How late the system may wake the thread, in ns, where priority does not decide it.
const SLACK_NS: NonZeroU64 = NonZeroU64::new(1000).unwrap();

/// The rule, and what it rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gathering {
    /// Length of a nap, in µs; 0: the last moment was not busy enough.
    nap: u64,
    /// Who was heard of in this one, told apart by the last six bits of their tokens.
    heard: u64,
    counted: u64,
    /// When it began, in µs, and for how long the loop was awake in it.
    began: u64,
    awake: u64,
    /// When this turn began.
    woke: u64,
    /// Something arrived in it.
    served: bool,
}

impl Gathering {
    /// A turn begins at `now` (µs on any clock that does not jump).
    #[inline]
    pub fn begin_turn(&mut self, now: u64) {
        self.woke = now;
    }

    /// A socket had something to be read.
    #[inline]
    pub fn saw(&mut self, token: Token) {
        self.heard |= 1 << (token.0 % 64);
        self.counted += 1;
        self.served = true;
    }

    /// The turn is over at `now`: how long to sleep if nobody is there.
    #[inline]
    pub fn end_turn(&mut self, now: u64) -> Option<Duration> {
        self.awake += now.saturating_sub(self.woke);
        if self.counted >= MOMENT {
            let lasted = now.saturating_sub(self.began);
            let sockets = u64::from(self.heard.count_ones());
            let busy = sockets >= SOCKETS_MIN
                && lasted <= self.counted * APART_US
                && self.awake * 100 >= lasted * AWAKE_PERCENT;
            let company = lasted * sockets / (SOCKETS_PER_ARRIVAL * self.counted);
            let nap = if busy { company.clamp(1, NAP_US_MAX) } else { 0 };
            *self = Self { nap, began: now, served: self.served, ..Self::default() };
        }
        let served = std::mem::take(&mut self.served);
        (self.nap > 0 && served).then_some(Duration::from_micros(self.nap))
    }
}

/// Has the calling thread woken on time.
pub fn prepare() {
    // Without it a nap is a little longer.
    let _ = rustix::thread::set_current_timer_slack(Some(SLACK_NS));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of `each` arrivals from `sockets` sockets in turn, every `micros` µs, awake for `awake` of them; how many of a thousand may
    /// be followed by a nap.
    fn naps(gathering: &mut Gathering, sockets: u64, each: u64, micros: u64, awake: u64) -> usize {
        let mut naps = 0;
        for turn in 0..1000 {
            let now = 1_000_000 + turn * micros;
            gathering.begin_turn(now);
            (0..each).for_each(|index| gathering.saw(Token(100 + (turn * each + index) % sockets)));
            naps += usize::from(gathering.end_turn(now + awake).is_some());
        }
        naps
    }

    #[test]
    fn many_busy_sockets_are_gathered() {
        assert!(naps(&mut Gathering::default(), 50, 1, 12, 10) > 700);
        assert!(naps(&mut Gathering::default(), 16, 2, 40, 20) > 700);
    }

    #[test]
    fn few_sockets_slow_ones_and_a_loop_at_leisure_are_not() {
        assert_eq!(naps(&mut Gathering::default(), 15, 1, 12, 10), 0);
        assert_eq!(naps(&mut Gathering::default(), 1000, 1, 50, 40), 0);
        assert_eq!(naps(&mut Gathering::default(), 1000, 1, 30, 10), 0);
        assert_eq!(naps(&mut Gathering::default(), 50, 0, 1, 1), 0);
    }

    #[test]
    fn a_nap_lasts_for_some_arrivals() {
        let nap = |sockets, micros| {
            let mut gathering = Gathering::default();
            naps(&mut gathering, sockets, 1, micros, micros - 1);
            gathering.nap
        };
        assert_eq!([nap(48, 4), nap(48, 10), nap(48, 39)], [24, 60, 100]);
        assert_eq!([nap(16, 10), nap(24, 10), nap(1000, 10)], [20, 30, 80]);
    }

    #[test]
    fn it_ends_with_the_rush() {
        let mut gathering = Gathering::default();
        naps(&mut gathering, 50, 1, 12, 10);
        assert!(naps(&mut gathering, 50, 1, 1000, 10) < MOMENT as usize);
    }
}
