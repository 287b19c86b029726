//! Whether I/O threads pay: decided by trying, not by guessing.
//!
//! The model: time is cut into windows of [`WINDOW_US`]. While the loop's thread sleeps now and then, help would raise
//! the cost of a request and nothing else, so it works alone. Once it no longer sleeps, a trial begins: windows with help
//! and windows alone take turns, and what went through the sockets in each is added up. Help is kept while it moves more
//! by [`GAIN_PERCENT`], and tried against working alone again and again; where it does not pay (another process wants the
//! other processor, the clients are the limit, the requests are dear and not the sockets) the next trial waits longer,
//! up to [`PAUSE_MAX_US`]. What a wrong choice costs is thus bounded by the share of the trials in the time: 2%.
//!
//! It reads no clock: it is told the time.

/// Length of a window, in µs.
const WINDOW_US: u64 = 5_000;
/// Windows of a trial, every other one with help.
const TRIAL_WINDOWS: u32 = 8;
/// How much more help must move.
const GAIN_PERCENT: u64 = 5;
/// The loop's thread is busy when it sleeps less than this share of a window.
const BUSY_PERCENT: u64 = 95;
/// With help it is at leisure when it sleeps more than this: alone it would have time left.
const LEISURE_PERCENT: u64 = 50;
/// How long help is kept before it is tried again, in µs.
const KEEP_US: u64 = 2_000_000;
/// First and longest pause after a trial that failed, in µs.
const PAUSE_MIN_US: u64 = 50_000;
const PAUSE_MAX_US: u64 = 2_000_000;
/// What a system call on a socket weighs beside the bytes that it moves: it takes as long as to copy so many.
const CALL_WEIGHT: u64 = 8 << 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Until this time at least.
    Alone { until: u64 },
    /// What moved, alone and with help, in µs and weights.
    Trial { window: u32, alone: Moved, helped: Moved },
    /// Until this time at most.
    Helped { until: u64 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Moved {
    weight: u64,
    micros: u64,
}

/// The decision, and what it rests on.
#[derive(Debug)]
pub struct Governor {
    state: State,
    pause: u64,
    /// When the window began; 0 before the first.
    began: u64,
    slept: u64,
    calls: u64,
    bytes: u64,
    /// Bytes per call in the last window.
    usual_bytes: u64,
    /// Whether anything in the window was worth sharing.
    wide: bool,
}

impl Default for Governor {
    fn default() -> Self {
        let state = State::Alone { until: 0 };
        Self {
            state,
            pause: PAUSE_MIN_US,
            began: 0,
            slept: 0,
            calls: 0,
            bytes: 0,
            usual_bytes: 0,
            wide: false,
        }
    }
}

impl Governor {
    /// Whether this turn's work should be shared.
    pub fn helps(&self) -> bool {
        match self.state {
            State::Alone { .. } => false,
            State::Trial { window, .. } => window.is_multiple_of(2),
            State::Helped { .. } => true,
        }
    }

    /// One call has moved so many bytes.
    pub fn moved(&mut self, bytes: usize) {
        self.calls += 1;
        self.bytes += bytes as u64;
    }

    /// There was enough to be done at once to be shared.
    pub fn saw_width(&mut self) {
        self.wide = true;
    }

    /// How long so many calls that move so many bytes take, counted in bytes; `None`: as many as is usual.
    pub fn weight(&self, calls: usize, bytes: Option<usize>) -> u64 {
        let calls = calls as u64;
        calls * CALL_WEIGHT + bytes.map_or(calls * self.usual_bytes, |bytes| bytes as u64)
    }

    /// A turn begins at `now` (µs on any clock that does not jump), after a sleep of `slept` µs.
    pub fn turn(&mut self, now: u64, slept: u64) {
        self.slept += slept;
        let length = now.saturating_sub(self.began);
        if length >= WINDOW_US {
            // A sleep that is longer than a window says that there was nothing to do, and a first window nothing at all.
            if self.began != 0 {
                self.end_window(now, length);
            }
            self.usual_bytes = self.bytes / self.calls.max(1);
            (self.began, self.slept, self.calls, self.bytes, self.wide) = (now, 0, 0, 0, false);
        }
    }

    fn end_window(&mut self, now: u64, length: u64) {
        let awake = length.saturating_sub(self.slept) * 100 / length;
        let moved = Moved { weight: self.calls * CALL_WEIGHT + self.bytes, micros: length };
        self.state = match self.state {
            State::Alone { until } if now >= until && awake >= BUSY_PERCENT && self.wide => Self::TRIAL,
            State::Alone { until } => State::Alone { until },
            State::Helped { .. } if awake < LEISURE_PERCENT || !self.wide => self.alone(now),
            State::Helped { until } if now < until => State::Helped { until },
            State::Helped { .. } => Self::TRIAL,
            // Somebody with nothing to do tells nothing about what pays.
            State::Trial { .. } if self.slept >= WINDOW_US => self.alone(now),
            State::Trial { window, mut alone, mut helped } => {
                if window.is_multiple_of(2) {
                    helped.add(moved)
                } else {
                    alone.add(moved)
                }
                if window + 1 < TRIAL_WINDOWS {
                    State::Trial { window: window + 1, alone, helped }
                } else if helped.exceeds(alone) {
                    self.pause = PAUSE_MIN_US;
                    State::Helped { until: now + KEEP_US }
                } else {
                    self.alone(now)
                }
            }
        };
    }

    const TRIAL: State = State::Trial {
        window: 0,
        alone: Moved { weight: 0, micros: 0 },
        helped: Moved { weight: 0, micros: 0 },
    };

    fn alone(&mut self, now: u64) -> State {
        let until = now + self.pause;
        self.pause = (self.pause * 2).min(PAUSE_MAX_US);
        State::Alone { until }
    }
}

impl Moved {
    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.micros += other.micros;
    }

    /// Whether so much more was moved per time that it is worth the threads.
    fn exceeds(self, other: Self) -> bool {
        let rate = |moved: Self, micros: u64| u128::from(moved.weight) * u128::from(micros);
        rate(self, other.micros) * 100 > rate(other, self.micros) * u128::from(100 + GAIN_PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loop whose turns take 100 µs; `speed` calls per turn with and without help, `slept` µs of sleep per turn.
    struct World {
        governor: Governor,
        now: u64,
        helped_turns: u64,
    }

    impl World {
        fn new() -> Self {
            Self { governor: Governor::default(), now: 1, helped_turns: 0 }
        }

        fn run(&mut self, millis: u64, alone: usize, helped: usize, slept: u64, wide: bool) {
            self.helped_turns = 0;
            for _ in 0..millis * 10 {
                self.now += 100;
                self.governor.turn(self.now, slept);
                let helps = self.governor.helps();
                self.helped_turns += u64::from(helps);
                (0..if helps { helped } else { alone }).for_each(|_| self.governor.moved(0));
                if wide {
                    self.governor.saw_width();
                }
            }
        }
    }

    #[test]
    fn who_sleeps_needs_no_help() {
        let mut world = World::new();
        world.run(5_000, 20, 40, 10, true);
        assert_eq!(world.helped_turns, 0);
    }

    #[test]
    fn narrow_turns_are_not_shared() {
        let mut world = World::new();
        world.run(5_000, 3, 3, 0, false);
        assert_eq!(world.helped_turns, 0);
    }

    #[test]
    fn help_that_pays_is_kept_and_given_up_when_it_no_longer_does() {
        let mut world = World::new();
        world.run(1_000, 20, 30, 0, true);
        assert!(world.helped_turns > 9_600, "{}", world.helped_turns);
        // It is found out within the time for which help is kept.
        world.run(2_100, 30, 20, 0, true);
        world.run(10_000, 30, 20, 0, true);
        assert!(world.helped_turns < 2_000, "{} of 100000", world.helped_turns);
    }

    #[test]
    fn help_that_gains_too_little_is_left_alone() {
        let mut world = World::new();
        world.run(1_000, 100, 104, 0, true);
        world.run(10_000, 100, 104, 0, true);
        assert!(world.helped_turns < 2_000, "{} of 100000", world.helped_turns);
    }

    #[test]
    fn leisure_ends_the_help() {
        let mut world = World::new();
        world.run(1_000, 20, 30, 0, true);
        world.run(20, 20, 20, 80, true);
        assert!(!world.governor.helps());
        world.run(1_000, 20, 20, 60, true);
        assert_eq!(world.helped_turns, 0);
    }
}
