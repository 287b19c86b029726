//! The inputs of `corpus/fuzz/` through the fuzz targets' own functions, without libFuzzer and its counters: what has
//! failed once, and what the targets have reached in long runs, stays sound in every run of the suite.
//!
//! What it takes is bounded by what is kept: `cargo xtask fuzz --merge yes` keeps inputs of 4 KiB at most, and one that takes
//! longer than `SLOW` here fails, since nothing from outside may take that long.

extern crate grapevine_node as node;

#[path = "../../fuzz/src/commands.rs"]
mod commands;
#[path = "../../fuzz/src/files.rs"]
mod files;
#[path = "../../fuzz/src/values.rs"]
mod values;
#[path = "../../fuzz/src/wire.rs"]
mod wire;

use std::path::Path;
use std::time::{Duration, Instant};

/// One input's time, generous for a build without optimization on a busy machine.
const SLOW: Duration = Duration::from_secs(30);

/// Every input of a target.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/fuzz").join(name);
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no input is kept for {name}");
    for path in paths {
        let bytes = std::fs::read(&path).expect("an input");
        let began = Instant::now();
        // The test's output names the input that a panic comes from.
        println!("{}", path.display());
        target(&bytes);
        assert!(began.elapsed() < SLOW, "{} took {:?}", path.display(), began.elapsed());
    }
}

#[test]
fn requests() {
    replay("request", wire::request);
}

#[test]
fn replies() {
    replay("reply", wire::reply);
}

#[test]
fn bus_packets() {
    replay("bus", wire::bus);
}

#[test]
fn command_scripts() {
    replay("commands", commands::run);
}

#[test]
fn rdb_files() {
    replay("rdb", files::rdb);
}

#[test]
fn aof_files() {
    replay("aof", files::aof);
}

#[test]
fn nodes_confs() {
    replay("nodes-conf", files::nodes_conf);
}

#[test]
fn redis_confs() {
    replay("redis-conf", files::redis_conf);
}

#[test]
fn dump_payloads() {
    replay("restore", values::restore);
}
