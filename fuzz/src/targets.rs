//! The fuzz targets by name: what `cargo xtask fuzz` runs, and what `node/tests/corpus.rs` replays without libFuzzer.

#[path = "commands.rs"]
mod commands;
#[path = "files.rs"]
mod files;
#[path = "scripts.rs"]
mod scripts;
#[path = "values.rs"]
mod values;
#[path = "wire.rs"]
mod wire;

/// What takes the bytes. It panics if something is wrong.
pub type Target = fn(&[u8]);

/// Every target; its inputs are in the folder of its name in `corpus/fuzz/`.
pub const TARGETS: [(&str, Target); 10] = [
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

/// The target with this name.
pub fn named(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(own, _)| *own == name).map(|(_, target)| *target)
}
