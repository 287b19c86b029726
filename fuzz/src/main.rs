//! Bytes from outside, thrown at everything that reads them. `GRAPEVINE_FUZZ_TARGET` names the target, so that one
//! binary serves them all; `cargo xtask fuzz` builds and runs it.
//!
//! A target fails by a panic, by an overflow, by memory past libFuzzer's limit, by time past its limit, or by an
//! assertion of its own: what was accepted must be written and read again as the same.
#![no_main]

mod commands;
mod files;
mod scripts;
mod values;
mod wire;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 10] = [
    ("request", wire::request),
    ("reply", wire::reply),
    ("bus", wire::bus),
    ("commands", commands::run),
    ("rdb", files::rdb),
    ("aof", files::aof),
    ("nodes-conf", files::nodes_conf),
    ("redis-conf", files::redis_conf),
    ("restore", values::restore),
    ("scripts", scripts::run),
];

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("GRAPEVINE_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(own, _)| *own == name);
    found.unwrap_or_else(|| panic!("no fuzz target '{name}'; there are {:?}", TARGETS.map(|t| t.0))).1
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
