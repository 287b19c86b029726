//! What is kept beside an interpreter: its memory's count, the host of the run, and the state of the libraries.
//!
//! Everything is a cell, because the allocator, native functions and the owner all look at it while Lua runs.

use crate::Host;
use crate::cjson::Options;
use crate::functions::Loading;
use crate::random::Random;
use base::DoubleText;
use base::number::format_g17;
use resp::Protocol;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

/// Bound on an interpreter's memory unless the owner sets another: 1 GiB. Redis has none and dies.
const MEMORY_LIMIT: usize = 1 << 30;

/// The count of an interpreter's memory.
pub(crate) struct Meter {
    /// Bytes allocated.
    pub used: Cell<usize>,
    /// Bound on them; 0 is none.
    pub limit: Cell<usize>,
    /// How deep in Rust we are: above 0 memory is not denied, since Rust's frames must not be jumped over.
    pub lenient: Cell<u32>,
}

/// Beside an interpreter.
pub(crate) struct Context {
    pub meter: Meter,
    /// The host of the run.
    pub host: Cell<Option<NonNull<dyn Host>>>,
    /// The protocol that the script wants replies in.
    pub protocol: Cell<Protocol>,
    /// The run was killed: every further instruction fails.
    pub killed: Cell<bool>,
    /// Doubles have as few digits as tell them apart, as since Redis 7.2, and not the 17 of Redis 7.0.
    pub shortest: bool,
    /// The error of a killed run, code included.
    pub kill_text: &'static str,
    /// What a native function or the host panicked with; it goes on when the run is over.
    pub panic: RefCell<Option<Box<dyn Any + Send>>>,
    /// Behind `math.random`.
    pub random: Cell<Random>,
    /// What `cjson` was told.
    pub json: Cell<Options>,
    /// The library that is being loaded.
    pub loading: RefCell<Option<Loading>>,
    /// The last command's reply: kept for its capacity.
    pub reply: Cell<Vec<u8>>,
}

impl Context {
    /// Of a new interpreter of that version, whose killed runs end with that text.
    pub fn new(version: &str, kill_text: &'static str) -> Self {
        Self {
            shortest: !version.starts_with("7.0."),
            meter: Meter { used: Cell::new(0), limit: Cell::new(MEMORY_LIMIT), lenient: Cell::new(1) },
            host: Cell::new(None),
            protocol: Cell::new(Protocol::Resp2),
            killed: Cell::new(false),
            kill_text,
            panic: RefCell::new(None),
            random: Cell::new(Random::default()),
            json: Cell::new(Options::default()),
            loading: RefCell::new(None),
            reply: Cell::new(Vec::new()),
        }
    }

    /// A double as commands and clients get it.
    pub fn double_text(&self, value: f64) -> Vec<u8> {
        if self.shortest {
            DoubleText::new(value).as_bytes().to_vec()
        } else {
            format_g17(value).into_bytes()
        }
    }

    /// The memory bound, or the usual one where none is set: what natives made of Rust's memory keep to.
    pub fn memory_bound(&self) -> usize {
        match self.meter.limit.get() {
            0 => MEMORY_LIMIT,
            limit => limit,
        }
    }

    /// Remembers a panic and ends the run.
    pub fn panicked(&self, payload: Box<dyn Any + Send>) {
        self.killed.set(true);
        self.panic.borrow_mut().get_or_insert(payload);
    }

    /// Lets a panic of the run go on, now that no C is below.
    pub fn resume_panic(&self) {
        if let Some(payload) = self.panic.borrow_mut().take() {
            std::panic::resume_unwind(payload);
        }
    }

    /// Whether a run is on, with a host to ask.
    pub fn is_running(&self) -> bool {
        let host = self.host.get();
        host.is_some()
    }
}
