//! The inputs of `corpus/fuzz/` through the fuzz targets' own functions, without libFuzzer and its counters: what has
//! failed once, and what the targets have reached in long runs, stays sound in every run of the suite.
//!
//! What it takes is bounded by what is kept: `cargo xtask fuzz --merge yes` keeps inputs of 4 KiB at most, and one that takes
//! longer than `SLOW` here fails, since nothing from outside may take that long.

extern crate grapevine_node as node;

#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};

/// One input's time, generous for a build without optimization on a busy machine.
const SLOW: Duration = Duration::from_secs(30);

/// Every input of a target.
fn replay(name: &str) {
    let target = targets::named(name).expect("a target");
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

/// A test for each target, so that they run side by side.
macro_rules! replayed {
    ($($test:ident: $target:literal,)*) => {
        $(
            #[test]
            fn $test() {
                replay($target);
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            assert_eq!(targets::TARGETS.map(|(name, _)| name), [$($target),*]);
        }
    };
}

replayed! {
    requests: "request",
    replies: "reply",
    bus_packets: "bus",
    command_scripts: "commands",
    rdb_files: "rdb",
    aof_files: "aof",
    nodes_confs: "nodes-conf",
    redis_confs: "redis-conf",
    dump_payloads: "restore",
    lua_scripts: "scripts",
}
