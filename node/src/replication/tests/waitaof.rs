//! WAITAOF: safe here, safe there, and every way to be refused.

use super::Pair;
use crate::tests::World;
use config::{AppendFsync, Config};

fn every_second(config: &mut Config) {
    config.settings.appendonly = true;
    config.settings.appendfsync = AppendFsync::Everysec;
}

#[test]
fn a_write_is_safe_here_once_it_is_synced() {
    let mut world = World::with(every_second);
    assert_eq!(world.run(&["WAITAOF", "1", "0", "0"]), "*2\r\n:1\r\n:0\r\n", "nothing was written");
    world.run(&["SET", "k", "v"]);
    world.connect(2);
    assert_eq!(world.run(&["WAITAOF", "1", "0", "0"]), "");
    assert_eq!(world.run_on(2, &["WAITAOF", "1", "0", "0"]), "*2\r\n:1\r\n:0\r\n", "it wrote nothing");
    assert!(world.run_on(2, &["CLIENT", "LIST"]).contains(" flags=b "));
    for _ in 0..11 {
        world.pass(100);
    }
    world.settle();
    assert_eq!(world.read(1), "*2\r\n:1\r\n:0\r\n");
    assert_eq!(world.run(&["WAITAOF", "1", "1", "50"]), "");
    world.pass(60);
    assert_eq!(world.read(1), "*2\r\n:1\r\n:0\r\n", "there is no replica, and the time is over");
}

#[test]
fn without_an_aof_nothing_is_safe_here() {
    let mut world = World::new();
    let refused = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n";
    assert_eq!(world.run(&["WAITAOF", "1", "0", "0"]), refused);
    assert_eq!(world.run(&["WAITAOF", "0", "0", "0"]), "*2\r\n:0\r\n:0\r\n");
    for (words, text) in [
        (["WAITAOF", "2", "0", "0"], "ERR value is out of range, value must between 0 and 1"),
        (["WAITAOF", "x", "0", "0"], "ERR value is not an integer or out of range"),
        (["WAITAOF", "0", "-1", "0"], "ERR value is out of range, must be positive"),
        (["WAITAOF", "0", "0", "x"], "ERR timeout is not an integer or out of range"),
        (["WAITAOF", "0", "0", "-1"], "ERR timeout is negative"),
    ] {
        assert_eq!(world.run(&words), format!("-{text}\r\n"));
    }
    // Who waits when it is switched off is told so.
    let mut world = World::with(every_second);
    world.connect(2);
    world.run(&["SET", "k", "v"]);
    assert_eq!(world.run(&["WAITAOF", "1", "0", "0"]), "");
    world.run_on(2, &["CONFIG", "SET", "appendonly", "no"]);
    world.settle();
    world.pass(1100);
    assert_eq!(world.read(1), refused);
}

#[test]
fn a_base_makes_safe_what_was_written_before_it() {
    let mut world = World::new();
    world.run(&["SET", "k", "v"]);
    world.disk_is_slow = true;
    world.run(&["CONFIG", "SET", "appendonly", "yes"]);
    world.pass(100);
    assert_eq!(world.run(&["WAITAOF", "1", "0", "0"]), "", "the base is being written");
    world.settle();
    assert_eq!(world.read(1), "*2\r\n:1\r\n:0\r\n");
}

#[test]
fn replicas_tell_what_is_safe_there() {
    let mut pair = Pair::with(every_second).synced();
    pair.a.run(&["SET", "k", "v"]);
    assert_eq!(pair.a.run(&["WAITAOF", "0", "1", "0"]), "");
    pair.run();
    assert_eq!(pair.a.read(1), "*2\r\n:1\r\n:1\r\n");
    assert_eq!(
        pair.b.run(&["WAITAOF", "0", "0", "0"]),
        "-ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local \
         and are not propagated.\r\n"
    );
    // One without a file never does.
    let mut pair = Pair::new().synced();
    pair.a.run(&["SET", "k", "v"]);
    assert_eq!(pair.a.run(&["WAITAOF", "0", "1", "500"]), "");
    pair.run();
    assert_eq!(pair.a.read(1), "*2\r\n:0\r\n:0\r\n");
}
