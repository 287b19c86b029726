//! [`Steps`]: proof that the thread lives while one command takes many steps.
//!
//! A single command over millions of elements keeps the thread from everything else, and to whoever watches a counter
//! (rule 7 of the cluster) it looks like a hang. So long loops count their steps here, and every so many of them raise
//! that counter. Only the thread that executes commands writes to it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps between two ticks. A step may be as much as a value's element, found in a table that is in no cache.
const STEPS_PER_TICK: u64 = 256;

/// Counts the steps of one command.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    counter: Option<Arc<AtomicU64>>,
    seen: Cell<u64>,
}

impl Steps {
    /// Steps that are shown by this counter; nobody is shown any without one.
    pub fn shown_by(counter: Option<Arc<AtomicU64>>) -> Self {
        Self { counter, seen: Cell::new(0) }
    }

    /// One more step was made.
    #[inline]
    pub fn one(&self) {
        let seen = self.seen.get() + 1;
        self.seen.set(seen);
        if seen.is_multiple_of(STEPS_PER_TICK)
            && let Some(counter) = &self.counter
        {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }
}

/// The counter that [`Steps`] raise, lent to one command: for loops over one value, most of which are short.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulse<'a>(Option<&'a AtomicU64>);

impl<'a> Pulse<'a> {
    /// Of this counter.
    pub fn of(counter: &'a AtomicU64) -> Self {
        Self(Some(counter))
    }

    /// The thread lives.
    pub fn tick(self) {
        if let Some(counter) = self.0 {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Calls `visit` for each of `len` items. Only if there are many are they counted.
    #[inline]
    pub fn each<T>(self, len: usize, items: impl Iterator<Item = T>, mut visit: impl FnMut(T)) {
        if len as u64 <= STEPS_PER_TICK {
            return items.for_each(visit);
        }
        let beat = self.beat();
        items.for_each(|item| {
            beat.one();
            visit(item);
        });
    }

    /// The items as they are, counted as they are taken: for what may be as many as a request has arguments.
    #[inline]
    pub fn over<I: Iterator>(self, items: I) -> impl Iterator<Item = I::Item> {
        let beat = self.beat();
        items.inspect(move |_| beat.one())
    }

    /// For loops that end when they have found something.
    pub fn beat(self) -> Beat<'a> {
        Beat { pulse: self, seen: Cell::new(0) }
    }

    /// Does `all` of something that can be done in parts, [`PART`] at a time; `part` is told how much to do.
    pub fn in_parts(self, all: usize, mut part: impl FnMut(usize)) {
        let mut rest = all;
        while rest > PART {
            part(PART);
            rest -= PART;
            self.tick();
        }
        part(rest);
    }
}

/// Elements that are removed, or the like, between two ticks.
pub const PART: usize = 4096;

/// Steps of one loop; see [`Pulse::beat`].
#[derive(Debug)]
pub struct Beat<'a> {
    pulse: Pulse<'a>,
    seen: Cell<u32>,
}

impl Beat<'_> {
    /// One more step was made.
    #[inline]
    pub fn one(&self) {
        let seen = self.seen.get() + 1;
        self.seen.set(seen);
        if u64::from(seen) == STEPS_PER_TICK {
            self.seen.set(0);
            self.pulse.tick();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_steps_are_a_tick() {
        let counter = Arc::new(AtomicU64::new(7));
        let steps = Steps::shown_by(Some(counter.clone()));
        (0..3 * STEPS_PER_TICK + 5).for_each(|_| steps.one());
        assert_eq!(counter.load(Ordering::Relaxed), 10);
        Steps::default().one();
    }

    #[test]
    fn a_loop_over_many_ticks_and_one_over_few_does_not() {
        let counter = AtomicU64::new(0);
        let pulse = Pulse::of(&counter);
        let mut sum = 0;
        pulse.each(200, 0..200, |n| sum += n);
        assert_eq!((sum, counter.load(Ordering::Relaxed)), (19_900, 0));
        pulse.each(1000, 0..1000, |_| ());
        assert_eq!(counter.load(Ordering::Relaxed), 3);
        assert_eq!(pulse.over(0..600).sum::<u64>(), 179_700);
        assert_eq!(counter.load(Ordering::Relaxed), 5);
        let mut parts = Vec::new();
        pulse.in_parts(2 * PART + 5, |part| parts.push(part));
        assert_eq!((parts, counter.load(Ordering::Relaxed)), (vec![PART, PART, 5], 7));
        Pulse::default().tick();
    }
}
