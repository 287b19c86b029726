//! Saving, loading and the AOF through the real disk machine over a storage in memory that forgets what was not synced.

mod gate;
mod lists;
mod loading;
mod operations;
mod reload;
mod sorted_sets;

use crate::Action;
use crate::tests::World;
use config::{AppendFsync, Config};
use persist::Storage;
use persist::memory::Failure;

/// Lets the n-th change on disk from here fail.
fn fail_next(world: &mut World, n: u64) {
    let at = world.disk.storage().operations() + n - 1;
    world.disk.storage().fail_at(at, Failure::Once);
}

fn durable(config: &mut Config) {
    config.settings.appendonly = true;
    config.settings.appendfsync = AppendFsync::Always;
}

#[test]
fn save_and_load_an_rdb() {
    let mut world = World::new();
    for i in 0..1000 {
        world.run(&["SET", &format!("key:{i}"), &i.to_string()]);
    }
    world.run(&["SET", "gone", "x", "PX", "100"]);
    world.run(&["SET", "stays", "x", "EX", "100"]);
    world.disk_is_slow = true;
    assert_eq!(world.run(&["SAVE"]), "");
    assert_eq!(world.run(&["PING"]), "", "commands behind a SAVE wait for it");
    world.settle();
    assert_eq!(world.read(1), "+OK\r\n+PONG\r\n");
    world.disk_is_slow = false;
    assert!(world.has_logged("DB saved on disk"));
    world.now.unix.0 += 200;
    let mut world = world.restarted();
    assert!(world.has_logged("Done loading RDB, keys loaded: 1001, keys expired: 1."));
    assert_eq!(world.run(&["DBSIZE"]), ":1001\r\n");
    assert_eq!(world.run(&["GET", "key:999"]), "$3\r\n999\r\n");
    assert_eq!(world.run(&["PTTL", "stays"]), ":99800\r\n");
}

/// Replicas hide an expired key until they are told: also of those that its primary did not load any more.
#[test]
fn replicas_hear_of_keys_that_had_expired_when_their_primary_started() {
    let mut world = World::new();
    let offset = |world: &mut World| -> u64 {
        let info = world.run(&["INFO", "replication"]);
        let line = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
        line.and_then(|text| text.parse().ok()).expect("an offset")
    };
    world.node.log.start_backlog(16 << 10);
    for i in 0..20 {
        world.run(&["SET", &format!("gone:{i}"), "x", "PX", "100"]);
    }
    world.run(&["SET", "stays", "x"]);
    world.run(&["SAVE"]);
    let before = offset(&mut world);
    world.now.unix.0 += 200;
    let mut world = world.restarted();
    assert!(world.has_logged("Done loading RDB, keys loaded: 1, keys expired: 20."));
    let mut wire = Vec::new();
    world.node.log.copy_wire(base::ReplOffset(before), 10_000, &mut wire);
    let wire = String::from_utf8_lossy(&wire).into_owned();
    assert_eq!(wire.matches("$3\r\nDEL\r\n").count(), 20, "{wire}");
    assert_eq!(offset(&mut world), before + wire.len() as u64);
    // Where others may know better, nothing is decided: a replica's keys go when its primary says so.
    let mut world = world.restarting(|c| c.settings.replicaof = Some(("127.0.0.1".into(), 1)));
    while world.load_slice() {}
    assert!(world.has_logged("Done loading RDB, keys loaded: 21, keys expired: 0."));
}

#[test]
fn a_background_save_is_the_moment_of_its_command() {
    let mut world = World::new();
    for i in 0..2000 {
        world.run(&["SET", &format!("key:{i}"), "old"]);
    }
    world.disk_is_slow = true;
    assert_eq!(world.run(&["BGSAVE"]), "+Background saving started\r\n");
    assert_eq!(world.run(&["BGSAVE"]), "-ERR Background save already in progress\r\n");
    for i in 0..2000 {
        world.run(&["SET", &format!("key:{i}"), "new"]);
    }
    world.run(&["SET", "later", "x"]);
    world.settle();
    assert!(world.has_logged("Background saving terminated with success"));
    let mut world = world.restarted();
    assert_eq!(world.run(&["GET", "key:0"]), "$3\r\nold\r\n");
    assert_eq!(world.run(&["GET", "key:1999"]), "$3\r\nold\r\n");
    assert_eq!(world.run(&["EXISTS", "later"]), ":0\r\n");
}

#[test]
fn save_points() {
    let mut world = World::with(|c| c.settings.save = vec![(10, 2)]);
    world.run(&["SET", "a", "1"]);
    world.pass(11_000);
    assert!(!world.has_logged("Saving..."));
    world.run(&["SET", "a", "2"]);
    world.pass(100);
    assert!(world.has_logged("2 changes in 10 seconds. Saving..."));
    assert!(world.has_logged("Background saving terminated with success"));
    assert_eq!(world.node.persistence.dirty, 0);
}

#[test]
fn a_save_point_past_all_time_is_never_reached() {
    let mut world = World::with(|c| c.settings.save = vec![(1 << 63, 1)]);
    world.run(&["SET", "a", "1"]);
    world.pass(11_000);
    assert!(!world.has_logged("Saving..."));
}

#[test]
fn writes_stop_when_saving_fails() {
    let mut world = World::with(|c| c.settings.save = vec![(10, 1)]);
    world.run(&["SET", "a", "1"]);
    fail_next(&mut world, 1);
    world.run(&["BGSAVE"]);
    assert!(world.has_logged("Background saving error"));
    assert!(world.run(&["SET", "a", "2"]).starts_with("-MISCONF Redis is configured to save RDB snapshots"));
    assert!(world.run(&["PING"]).starts_with("-MISCONF"));
    assert_eq!(world.run(&["GET", "a"]), "$1\r\n1\r\n");
    world.run(&["BGSAVE"]);
    assert_eq!(world.run(&["SET", "a", "2"]), "+OK\r\n");
}

#[test]
fn the_aof_brings_everything_back() {
    let mut world = World::with(durable);
    world.run(&["SET", "a", "1"]);
    world.run(&["INCRBYFLOAT", "f", "0.1"]);
    world.run(&["SELECT", "3"]);
    world.run(&["MULTI"]);
    world.run(&["SET", "b", "2"]);
    world.run(&["INCR", "b"]);
    world.run(&["EXEC"]);
    world.run(&["SET", "t", "x", "EX", "100"]);
    let mut world = world.restarted();
    assert_eq!(world.run(&["GET", "a"]), "$1\r\n1\r\n");
    assert_eq!(world.run(&["GET", "f"]), "$3\r\n0.1\r\n");
    world.run(&["SELECT", "3"]);
    assert_eq!(world.run(&["GET", "b"]), "$1\r\n3\r\n");
    assert_eq!(world.run(&["PTTL", "t"]), ":100000\r\n");
    // And once more: what was loaded is not appended again.
    world.run(&["INCR", "b"]);
    let mut world = world.restarted();
    world.run(&["SELECT", "3"]);
    assert_eq!(world.run(&["GET", "b"]), "$1\r\n4\r\n");
}

/// What the AOF's increment file holds, one word per line as in the protocol, lengths left out.
fn logged_commands(world: &mut World) -> Vec<String> {
    let bytes =
        world.disk.storage().read("appendonlydir/appendonly.aof.1.incr.aof").expect("there is an increment");
    let mut reader = persist::aof::CommandReader::new(0);
    reader.feed(&bytes);
    let mut commands = Vec::new();
    while let Some(args) = reader.next_command().expect("whole commands") {
        commands
            .push(args.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect::<Vec<_>>().join(" "));
    }
    commands
}

#[test]
fn what_reaches_the_log() {
    let mut world = World::with(durable);
    world.run(&["GET", "a"]);
    world.run(&["SET", "a", "1"]);
    world.run(&["DEL", "missing"]);
    world.run(&["MULTI"]);
    world.run(&["GET", "a"]);
    world.run(&["EXEC"]);
    world.run(&["MULTI"]);
    world.run(&["SET", "b", "1"]);
    world.run(&["GET", "a"]);
    world.run(&["SELECT", "1"]);
    world.run(&["INCR", "c"]);
    world.run(&["EXEC"]);
    world.run(&["SELECT", "0"]);
    world.run(&["SET", "d", "1", "PX", "10"]);
    world.now.unix.0 += 20;
    world.run(&["GET", "d"]);
    world.run(&["SET", "e", "1", "PX", "10"]);
    world.now.unix.0 += 20;
    world.run(&["APPEND", "e", "x"]);
    world.run(&["PUBLISH", "c", "x"]);
    let at = world.now.unix.0;
    assert_eq!(
        logged_commands(&mut world),
        [
            "SELECT 0",
            "SET a 1",
            "MULTI",
            "SET b 1",
            "SELECT 1",
            "INCR c",
            "EXEC",
            "SELECT 0",
            &format!("SET d 1 PXAT {}", at - 30),
            "DEL d",
            &format!("SET e 1 PXAT {}", at - 10),
            "MULTI",
            "DEL e",
            "APPEND e x",
            "EXEC",
        ]
    );
}

#[test]
fn under_always_no_reply_leaves_before_the_sync() {
    let mut world = World::with(durable);
    world.disk_is_slow = true;
    assert_eq!(world.run(&["GET", "a"]), "$-1\r\n");
    assert_eq!(world.run(&["SET", "a", "1"]), "");
    assert_eq!(world.run(&["GET", "a"]), "", "a read behind a pending write waits too");
    world.settle();
    assert_eq!(world.read(1), "+OK\r\n$1\r\n1\r\n");
}

#[test]
fn other_clients_do_not_see_what_is_not_safe() {
    let mut world = World::with(durable);
    world.connect(2);
    world.connect(3);
    world.run_on(3, &["SUBSCRIBE", "c"]);
    world.disk_is_slow = true;
    world.run(&["SET", "a", "1"]);
    assert_eq!(world.run_on(2, &["GET", "a"]), "");
    world.run(&["PUBLISH", "c", "done"]);
    assert_eq!(world.read(3), "");
    world.settle();
    assert_eq!(world.read(2), "$1\r\n1\r\n");
    assert!(world.read(3).starts_with("*3\r\n$7\r\nmessage"));
}

#[test]
fn a_failed_sync_under_always_ends_the_process_without_an_answer() {
    let mut world = World::with(durable);
    world.disk_is_slow = true;
    world.run(&["SET", "a", "1"]);
    // The write goes well, its sync does not.
    fail_next(&mut world, 2);
    world.settle();
    assert_eq!(world.read(1), "");
    assert!(world.is_closed(1));
    assert!(world.others.iter().any(|a| matches!(a, Action::Exit { code: 1 })));
    assert!(world.has_logged("Can't persist AOF for fsync error when the AOF fsync policy is 'always'"));
}

#[test]
fn everysec_syncs_once_a_second() {
    let mut world = World::with(|c| c.settings.appendonly = true);
    world.run(&["SET", "a", "1"]);
    world.pass(1100);
    world.run(&["SET", "a", "2"]);
    let mut world = world.restarted();
    assert_eq!(
        world.run(&["GET", "a"]),
        "$1\r\n1\r\n",
        "what was not synced is lost in a power cut, and only that"
    );
}

#[test]
fn the_aof_can_be_switched_on() {
    let mut world = World::new();
    world.run(&["SET", "before", "1"]);
    assert_eq!(world.run(&["CONFIG", "SET", "appendonly", "yes", "appendfsync", "always"]), "+OK\r\n");
    world.pass(200);
    world.run(&["SET", "after", "1"]);
    let mut world = world.restarted();
    assert_eq!(world.run(&["EXISTS", "before", "after"]), ":2\r\n");
    assert_eq!(world.run(&["CONFIG", "SET", "appendonly", "no"]), "+OK\r\n");
    assert_eq!(world.run(&["SET", "after", "2"]), "+OK\r\n");
}

#[test]
fn a_rewrite_keeps_what_comes_during_it() {
    let mut world = World::with(durable);
    for i in 0..500 {
        world.run(&["SET", &format!("key:{i}"), "1"]);
    }
    world.disk_is_slow = true;
    assert_eq!(world.run(&["BGREWRITEAOF"]), "+Background append only file rewriting started\r\n");
    world.run(&["INCR", "key:0"]);
    world.settle();
    world.disk_is_slow = false;
    world.run(&["INCR", "key:0"]);
    let mut world = world.restarted();
    assert_eq!(world.run(&["GET", "key:0"]), "$1\r\n3\r\n");
    assert_eq!(world.run(&["DBSIZE"]), ":500\r\n");
}

#[test]
fn an_expired_key_is_deleted_in_the_log_before_what_follows() {
    let mut world = World::with(durable);
    world.run(&["SET", "k", "1", "PX", "50"]);
    world.now.unix.0 += 100;
    world.run(&["APPEND", "k", "2"]);
    let mut world = world.restarted();
    assert_eq!(world.run(&["GET", "k"]), "$1\r\n2\r\n");
}

#[test]
fn shutdown_saves_when_save_points_are_set() {
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1)]);
    world.run(&["SET", "a", "1"]);
    assert_eq!(world.run(&["SHUTDOWN"]), "");
    assert!(world.others.iter().any(|a| matches!(a, Action::Exit { code: 0 })));
    assert!(world.has_logged("Saving the final RDB snapshot before exiting."));
    let mut world = world.restarted();
    assert_eq!(world.run(&["GET", "a"]), "$1\r\n1\r\n");
    world.node.handle_signal(world.now, false);
    world.turn();
    assert!(world.others.iter().any(|a| matches!(a, Action::Exit { code: 0 })));
}

#[test]
fn a_shutdown_that_cannot_save_is_called_off() {
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1)]);
    world.run(&["SET", "a", "1"]);
    fail_next(&mut world, 1);
    assert_eq!(world.run(&["SHUTDOWN"]), "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert!(!world.others.iter().any(|a| matches!(a, Action::Exit { .. })));
    assert_eq!(world.run(&["GET", "a"]), "$1\r\n1\r\n");
    assert_eq!(world.run(&["SHUTDOWN", "ABORT"]), "-ERR No shutdown in progress.\r\n");
}

#[test]
fn flushall_aborts_a_background_save() {
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1_000_000)]);
    for i in 0..3000 {
        world.run(&["SET", &format!("key:{i}"), "1"]);
    }
    world.disk_is_slow = true;
    world.run(&["BGSAVE"]);
    world.run(&["FLUSHALL"]);
    world.settle();
    world.disk_is_slow = false;
    assert!(world.has_logged("Background saving terminated by signal 10"));
    assert_eq!(world.run(&["SET", "a", "1"]), "+OK\r\n", "a save given up on purpose stops no writes");
    assert_eq!(world.run(&["BGSAVE"]), "+Background saving started\r\n");
    world.pass(100);
    assert!(world.has_logged("Background saving terminated with success"));
    let mut world = world.restarted();
    assert_eq!(world.run(&["DBSIZE"]), ":1\r\n");
}

#[test]
fn flushall_voids_the_changes_before_it_unless_its_save_fails() {
    let changes = |world: &mut World, count: u32| {
        let info = world.run(&["INFO", "persistence"]);
        let found = info.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
        assert_eq!(found, Some(count.to_string().as_str()));
    };
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1_000_000)]);
    world.run(&["SET", "a", "1"]);
    world.run(&["FLUSHALL"]);
    changes(&mut world, 0);
    world.run(&["SET", "a", "1"]);
    fail_next(&mut world, 1);
    world.run(&["FLUSHALL"]);
    assert!(world.has_logged("Failed saving the DB"));
    changes(&mut world, 2);
    world.run(&["CONFIG", "SET", "save", ""]);
    world.run(&["SET", "b", "1"]);
    world.run(&["FLUSHALL"]);
    changes(&mut world, 4);
}

#[test]
fn an_aof_that_has_grown_gets_a_new_base_by_itself() {
    let mut world = World::with(|c| {
        durable(c);
        c.settings.auto_aof_rewrite_min_size = 4000;
    });
    world.settle();
    for _ in 0..40 {
        world.run(&["SET", "k", &"v".repeat(100)]);
        world.pass(200);
    }
    assert!(world.has_logged("Starting automatic rewriting of AOF on"));
    assert!(world.has_logged("Background append only file rewriting started by pid"));
    world.pass(200);
    // The base is small again: one growth is one rewrite.
    let began =
        |world: &World| world.logged.iter().filter(|(_, text)| text.starts_with("Starting auto")).count();
    assert_eq!(began(&world), 1);
    let mut again = world.restarted();
    assert_eq!(again.run(&["STRLEN", "k"]), ":100\r\n");
}
