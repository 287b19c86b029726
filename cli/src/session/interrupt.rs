//! Ctrl-C: it leaves an endless mode (SUBSCRIBE, MONITOR) of an interactive session, and ends the program elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// Exit code of an interrupted program, as redis-cli's.
const INTERRUPTED: i32 = 1;

/// What Ctrl-C does now.
pub struct Interrupt {
    happened: Arc<AtomicBool>,
    /// While false a mode wants to see the interrupt itself.
    ends_program: Arc<AtomicBool>,
}

impl Interrupt {
    /// Ctrl-C as the system has it: the process dies.
    pub fn none() -> Self {
        Self { happened: Arc::default(), ends_program: Arc::new(AtomicBool::new(true)) }
    }

    /// Takes Ctrl-C over. When that fails, it stays as the system has it.
    pub fn catch() -> Self {
        let this = Self::none();
        let _ = flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&this.ends_program));
        let _ = flag::register(SIGINT, Arc::clone(&this.happened));
        this
    }

    /// From now on an interrupt is only noted.
    pub fn watch(&self) {
        self.happened.store(false, Ordering::SeqCst);
        self.ends_program.store(false, Ordering::SeqCst);
    }

    /// From now on an interrupt ends the program again.
    pub fn unwatch(&self) {
        self.ends_program.store(true, Ordering::SeqCst);
    }

    /// Whether there was one since [`Self::watch`].
    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::SeqCst)
    }
}
