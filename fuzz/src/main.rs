//! Bytes from outside, thrown at everything that reads them. `GRAPEVINE_FUZZ_TARGET` names the target, so that one
//! binary serves them all; `cargo xtask fuzz` builds and runs it.
//!
//! A target fails by a panic, by an overflow, by memory past libFuzzer's limit, by time past its limit, or by an
//! assertion of its own: what was accepted must be written and read again as the same.
#![no_main]

mod targets;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use targets::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("GRAPEVINE_FUZZ_TARGET").unwrap_or_default();
    targets::named(&name).unwrap_or_else(|| panic!("no fuzz target '{name}'; there are {:?}", TARGETS.map(|t| t.0)))
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
