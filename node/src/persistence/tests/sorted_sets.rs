//! Sorted sets, HyperLogLogs and bitmaps in files: the cut of a save, and what a log brings back.

use super::durable;
use crate::tests::World;
use config::{Config, Permission};

fn debuggable(config: &mut Config) {
    config.settings.enable_debug_command = Permission::Yes;
}

const KEYS: [&str; 5] = ["large", "small", "places", "counter", "bits"];

/// Sorted sets of both forms, and strings that change in place.
fn fill(world: &mut World) {
    for n in 0..3000 {
        world.run(&["ZADD", "large", &(n % 700).to_string(), &format!("member:{n}")]);
        world.run(&["PFADD", "counter", &n.to_string()]);
    }
    world.run(&["ZADD", "small", "1", "a", "2.5", "b", "-inf", "c"]);
    world.run(&[
        "GEOADD",
        "places",
        "13.361389",
        "38.115556",
        "Palermo",
        "15.087269",
        "37.502669",
        "Catania",
    ]);
    world.run(&["SETBIT", "bits", "100000", "1"]);
    world.run(&["SETBIT", "bits", "1000000", "1"]);
}

fn digests(world: &mut World) -> String {
    let digests = world.run(&[["DEBUG", "DIGEST-VALUE"].as_slice(), &KEYS].concat());
    assert!(!digests.contains(&"0".repeat(40)), "{digests}");
    digests
}

fn change_all(world: &mut World) {
    for n in (0..3000).step_by(7) {
        world.run(&["ZADD", "large", "9.5", &format!("member:{n}")]);
        world.run(&["ZREM", "large", &format!("member:{}", n + 1)]);
        world.run(&["PFADD", "counter", &format!("another {n}")]);
    }
    world.run(&["ZREMRANGEBYRANK", "large", "100", "300"]);
    world.run(&["ZPOPMAX", "large", "50"]);
    world.run(&["ZUNIONSTORE", "large", "2", "large", "small"]);
    world.run(&["PFCOUNT", "counter"]);
    world.run(&["ZINCRBY", "small", "0.25", "a"]);
    world.run(&["ZMPOP", "1", "small", "MAX"]);
    world.run(&["GEOADD", "places", "0", "0", "Null Island"]);
    world.run(&["BITFIELD", "bits", "SET", "u8", "0", "255"]);
    world.run(&["SETBIT", "bits", "100000", "0"]);
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
    assert_eq!(world.run(&["ZCARD", "large"]), ":3000\r\n");
    assert_eq!(world.run(&["ZRANK", "large", "member:699"]), ":2999\r\n");
    assert_eq!(world.run(&["OBJECT", "ENCODING", "large"]), "$8\r\nskiplist\r\n");
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
    world.run(&["ZADD", "queue", "1", "x", "2", "y"]);
    world.run(&["BZPOPMIN", "queue", "0"]);
    world.run(&["BZMPOP", "0", "1", "queue", "MIN", "COUNT", "5"]);
    world.run(&["GEOSEARCHSTORE", "found", "places", "FROMLONLAT", "15", "37", "BYRADIUS", "200", "km"]);
    let before = digests(&mut world);
    let mut world = world.restarted();
    assert_eq!(digests(&mut world), before);
    assert_eq!(world.run(&["EXISTS", "queue"]), ":0\r\n");
    assert_eq!(world.run(&["ZCARD", "found"]), ":2\r\n");
}
