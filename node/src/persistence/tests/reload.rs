//! DEBUG RELOAD and LOADAOF: the same data as before, from the disk.

use super::durable;
use crate::Action;
use crate::tests::World;

fn reload(world: &mut World, words: &[&str]) -> String {
    assert_eq!(world.run(words), "", "the asker waits");
    world.settle();
    if world.others.iter().any(|action| matches!(action, Action::Load)) {
        while world.load_slice() {}
        world.others.clear();
    }
    world.settle();
    world.read(1)
}

fn world() -> World {
    let mut world = World::with(|c| c.settings.enable_debug_command = config::Permission::Yes);
    for i in 0..100 {
        world.run(&["SET", &format!("key:{i}"), &i.to_string()]);
    }
    world.run(&["SADD", "set", "a", "b"]);
    world
}

#[test]
fn the_data_comes_back_from_the_rdb_file() {
    let mut world = world();
    let digest = world.run(&["DEBUG", "DIGEST"]);
    world.run(&["WATCH", "set"]);
    assert_eq!(reload(&mut world, &["DEBUG", "RELOAD"]), "+OK\r\n");
    assert!(world.has_logged("DB reloaded by DEBUG RELOAD"));
    assert_eq!(world.run(&["DEBUG", "DIGEST"]), digest);
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["EXEC"]), "*-1\r\n", "all keys were replaced");
    // The file stays as it is, and comes back as it was.
    world.run(&["SET", "later", "x"]);
    assert_eq!(reload(&mut world, &["DEBUG", "RELOAD", "NOSAVE"]), "+OK\r\n");
    assert_eq!(world.run(&["EXISTS", "later"]), ":0\r\n");
    world.run(&["SET", "later", "x"]);
    world.run(&["SET", "key:1", "changed"]);
    assert_eq!(reload(&mut world, &["DEBUG", "RELOAD", "nosave", "noflush", "merge"]), "+OK\r\n");
    assert_eq!(world.run(&["MGET", "later", "key:1"]), "*2\r\n$1\r\nx\r\n$1\r\n1\r\n");
    assert_eq!(
        world.run(&["DEBUG", "RELOAD", "nonsense"]),
        "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n"
    );
}

#[test]
fn others_are_told_that_it_loads_and_transactions_may_not_ask() {
    let mut world = world();
    world.connect(2);
    world.run(&["DEBUG", "RELOAD"]);
    world.settle();
    assert_eq!(world.run_on(2, &["GET", "key:1"]), "-LOADING Redis is loading the dataset in memory\r\n");
    while world.load_slice() {}
    assert_eq!(world.run_on(2, &["GET", "key:1"]), "$1\r\n1\r\n");
    world.run_on(2, &["MULTI"]);
    world.run_on(2, &["DEBUG", "RELOAD"]);
    assert_eq!(world.run_on(2, &["EXEC"]), "*1\r\n-ERR The data cannot be reloaded right now\r\n");
}

#[test]
fn without_a_file_there_is_an_error_and_no_end() {
    let mut world = world();
    let failed = "-ERR Error trying to load the RDB dump, check server logs.\r\n";
    assert_eq!(reload(&mut world, &["DEBUG", "RELOAD", "NOSAVE"]), failed);
    assert_eq!(world.run(&["DBSIZE"]), ":0\r\n");
    let failed = "-ERR Error trying to load the AOF files, check server logs.\r\n";
    assert_eq!(reload(&mut world, &["DEBUG", "LOADAOF"]), failed);
    assert_eq!(world.run(&["PING"]), "+PONG\r\n");
}

#[test]
fn the_data_comes_back_from_the_aof_and_the_aof_goes_on() {
    let mut world = World::with(|c| {
        durable(c);
        c.settings.enable_debug_command = config::Permission::Yes;
    });
    for i in 0..100 {
        world.run(&["SET", &format!("key:{i}"), &i.to_string()]);
    }
    let digest = world.run(&["DEBUG", "DIGEST"]);
    assert_eq!(reload(&mut world, &["DEBUG", "LOADAOF"]), "+OK\r\n");
    assert_eq!(world.run(&["DEBUG", "DIGEST"]), digest);
    world.run(&["SET", "later", "x"]);
    let mut world = world.restarted();
    assert_eq!(world.run(&["DBSIZE"]), ":101\r\n");
}

#[test]
fn populated_keys_are_there_and_nobody_else_hears() {
    let mut world = World::with(|c| {
        durable(c);
        c.settings.enable_debug_command = config::Permission::Yes;
    });
    world.run(&["SET", "key:1", "own"]);
    assert_eq!(world.run(&["DEBUG", "POPULATE", "3"]), "+OK\r\n");
    assert_eq!(world.run(&["MGET", "key:0", "key:1"]), "*2\r\n$7\r\nvalue:0\r\n$3\r\nown\r\n");
    assert_eq!(world.run(&["DEBUG", "POPULATE", "1", "p", "9"]), "+OK\r\n");
    assert_eq!(world.run(&["GET", "p:0"]), "$9\r\nvalue:0\0\0\r\n");
    for (count, text) in [
        ("x", "ERR value is not an integer or out of range"),
        ("-1", "ERR value is out of range, must be positive"),
    ] {
        assert_eq!(world.run(&["DEBUG", "POPULATE", count]), format!("-{text}\r\n"));
    }
    let mut world = world.restarted();
    assert_eq!(world.run(&["DBSIZE"]), ":1\r\n");
}
