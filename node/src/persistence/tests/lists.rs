//! Lists in files: the cut of a save, and what a log brings back.

use super::durable;
use crate::tests::World;
use config::{Config, Permission};

fn debuggable(config: &mut Config) {
    config.settings.enable_debug_command = Permission::Yes;
}

const KEYS: [&str; 3] = ["long", "small", "huge"];

/// A list of many nodes, one of one listpack, and one with elements that are nodes.
fn fill(world: &mut World) {
    for n in 0..3000 {
        world.run(&["RPUSH", "long", &format!("element {n}"), &n.to_string()]);
    }
    world.run(&["RPUSH", "small", "a", "b", "c", "d", "1", "2"]);
    world.run(&["DEBUG", "QUICKLIST-PACKED-THRESHOLD", "2000"]);
    world.run(&["RPUSH", "huge", "x", &"y".repeat(10_000), "z", &"w".repeat(3000), "v"]);
}

fn digests(world: &mut World) -> String {
    let digests = world.run(&[["DEBUG", "DIGEST-VALUE"].as_slice(), &KEYS].concat());
    assert!(!digests.contains(&"0".repeat(40)), "{digests}");
    digests
}

fn change_all(world: &mut World) {
    for n in (0..3000).step_by(7) {
        world.run(&["LINSERT", "long", "AFTER", &format!("element {n}"), "between"]);
        world.run(&["LSET", "long", &n.to_string(), "replaced by something longer"]);
    }
    world.run(&["LREM", "long", "-50", "between"]);
    world.run(&["LPOP", "long", "300"]);
    world.run(&["LMPOP", "2", "missing", "long", "RIGHT", "COUNT", "300"]);
    world.run(&["LTRIM", "long", "10", "-20"]);
    world.run(&["LMOVE", "small", "long", "LEFT", "RIGHT"]);
    world.run(&["RPOPLPUSH", "small", "small"]);
    world.run(&["LPUSHX", "small", "pushed"]);
    world.run(&["LSET", "huge", "1", "short"]);
    world.run(&["LSET", "huge", "0", &"u".repeat(5000)]);
}

#[test]
fn a_save_holds_what_was_there_when_it_began() {
    let mut world = World::with(debuggable);
    fill(&mut world);
    let before = digests(&mut world);
    world.disk_is_slow = true;
    assert_eq!(world.run(&["BGSAVE"]), "+Background saving started\r\n");
    change_all(&mut world);
    assert_ne!(digests(&mut world), before);
    world.settle();
    assert!(world.has_logged("Background saving terminated with success"));
    let mut world = world.restarted();
    assert_eq!(digests(&mut world), before);
    assert_eq!(world.run(&["LLEN", "long"]), ":6000\r\n");
    assert_eq!(world.run(&["OBJECT", "ENCODING", "long"]), "$9\r\nquicklist\r\n");
    assert_eq!(world.run(&["OBJECT", "ENCODING", "small"]), "$8\r\nlistpack\r\n");
}

#[test]
fn a_log_brings_all_of_it_back() {
    let mut world = World::with(|config| {
        durable(config);
        debuggable(config);
    });
    fill(&mut world);
    change_all(&mut world);
    world.connect(2);
    for command in [
        &["BLPOP", "queue", "0"][..],
        &["BRPOP", "queue", "0"],
        &["BLMPOP", "0", "1", "queue", "LEFT", "COUNT", "2"],
        &["BLMOVE", "queue", "small", "LEFT", "LEFT", "0"],
        &["BRPOPLPUSH", "queue", "small", "0"],
    ] {
        assert_eq!(world.run_on(2, command), "");
        world.run(&["RPUSH", "queue", "first", "second"]);
        assert_ne!(world.read(2), "");
        world.run(&["RENAME", "queue", "old queue"]);
    }
    world.run(&["RENAME", "old queue", "queue"]);
    world.run(&["SORT", "long", "ALPHA", "LIMIT", "0", "50", "STORE", "sorted"]);
    let before = digests(&mut world);
    let mut world = world.restarted();
    assert_eq!(digests(&mut world), before);
    assert_eq!(world.run(&["LRANGE", "queue", "0", "-1"]), "*1\r\n$5\r\nfirst\r\n");
    assert_eq!(world.run(&["LLEN", "sorted"]), ":50\r\n");
}
