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
}
