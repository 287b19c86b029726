//! [`Progress`]: the data thread's proof of life, a counter that grows with whatever it does (rule 7 of the cluster).
//!
//! Model: one thread ticks, any thread reads. The control thread looks at it while the data thread is too busy to report,
//! so a turn that executes a thousand commands ticks a thousand times; only a thread that does nothing at all stands still.

use core::sync::atomic::{AtomicU64, Ordering};
use keyspace::Pulse;
use std::sync::Arc;

/// The counter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Over a counter that others read.
    pub fn over(counter: Arc<AtomicU64>) -> Self {
        Self(counter)
    }

    /// One more thing was done. Only one thread ticks: no read-modify-write is needed.
    #[inline]
    pub fn tick(&self) {
        self.0.store(self.get().wrapping_add(1), Ordering::Relaxed);
    }

    /// The same, lent to a command.
    #[inline]
    pub fn pulse(&self) -> Pulse<'_> {
        Pulse::of(&self.0)
    }

    /// Ticks so far.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
