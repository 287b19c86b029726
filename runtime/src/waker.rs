//! Waking a loop that sleeps in its poller, from another thread or from a signal handler: an eventfd.
//!
//! Wakes between two looks of the loop merge into one, and cost one system call in all: the flag says that the loop has
//! already been told. The loop must therefore call [`Waker::drain`] *before* it looks at its queues, never after.

use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A handle that wakes one loop. Clones wake the same loop.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fd: OwnedFd,
    told: AtomicBool,
}

impl Waker {
    /// A new waker, to be added to the loop's poller for reading.
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { shared: Arc::new(Shared { fd, told: AtomicBool::new(false) }) })
    }

    /// Makes the loop's next (or present) sleep end at once. What was written to memory before this call is seen by the
    /// loop after its [`Waker::drain`].
    pub fn wake(&self) {
        if !self.shared.told.swap(true, Ordering::AcqRel) {
            // The counter cannot overflow: it grows by one per drain. Any other failure leaves the loop's timer.
            let _ = rustix::io::write(&self.shared.fd, &1u64.to_ne_bytes());
        }
    }

    /// Takes the wake-up: the loop calls it before it looks at what the wakers may have left.
    pub fn drain(&self) {
        let mut counter = [0; 8];
        let _ = rustix::io::read(&self.shared.fd, &mut counter);
        self.shared.told.swap(false, Ordering::AcqRel);
    }

    /// The descriptor, for a signal handler that may only call `write`. It lives as long as any clone.
    pub fn raw_fd(&self) -> RawFd {
        self.shared.fd.as_raw_fd()
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.fd.as_fd()
    }
}
