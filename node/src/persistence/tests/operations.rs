//! FLUSHALL's save, shutdowns that are given up, and directives of the AOF and the clock.

use super::{durable, fail_next};
use crate::Action;
use crate::tests::World;
use persist::{DiskEvent, DiskRequest, Storage};

fn exits(world: &World) -> Vec<i32> {
    let code = |action: &Action| if let Action::Exit { code } = action { Some(*code) } else { None };
    world.others.iter().filter_map(code).collect()
}

#[test]
fn flushall_saves_what_is_left_of_the_data_and_nothing_counts_as_changed() {
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1_000_000)]);
    world.run(&["SET", "a", "1"]);
    world.disk_is_slow = true;
    assert_eq!(world.run(&["FLUSHALL"]), "+OK\r\n");
    assert_eq!(world.node.persistence.dirty, 0);
    assert_eq!(world.run(&["SET", "b", "1"]), "+OK\r\n");
    // Whoever saves now need not wait for it.
    assert_eq!(world.run(&["BGSAVE"]), "+Background saving started\r\n");
    world.disk_is_slow = false;
    world.pass(100);
    world.pass(100);
    assert!(world.has_logged("Background saving terminated with success"));
    assert_eq!(world.node.persistence.dirty, 0);
    world.run(&["MULTI"]);
    world.run(&["FLUSHALL"]);
    world.run(&["SET", "c", "1"]);
    world.run(&["EXEC"]);
    assert_eq!(world.node.persistence.dirty, 0, "the cut lies behind the transaction");
    let mut world = world.restarted();
    assert_eq!(world.run(&["KEYS", "*"]), "*1\r\n$1\r\nc\r\n");
}

/// Who asks INFO whether it is over must not hear that before it has begun.
#[test]
fn a_rewrite_that_waits_for_flushalls_file_is_in_progress() {
    let field = |world: &mut World, name: &str| {
        let info = world.run(&["INFO", "everything"]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or("none").to_owned()
    };
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1_000_000)]);
    world.run(&["SET", "a", "1"]);
    assert_eq!(field(&mut world, "aof_last_rewrite_time_sec"), "-1");
    world.disk_is_slow = true;
    world.run(&["FLUSHALL"]);
    assert_eq!(world.run(&["BGREWRITEAOF"]), "+Background append only file rewriting started\r\n");
    assert_eq!(field(&mut world, "aof_rewrite_in_progress"), "1");
    assert_eq!(field(&mut world, "aof_rewrites"), "0");
    world.disk_is_slow = false;
    (0..4).for_each(|_| world.pass(100));
    assert_eq!(field(&mut world, "aof_rewrite_in_progress"), "0");
    for (name, value) in [
        ("aof_rewrites", "1"),
        ("aof_last_rewrite_time_sec", "0"),
        ("aof_rewrites_consecutive_failures", "0"),
        ("rdb_saves", "1"),
    ] {
        assert_eq!(field(&mut world, name), value, "{name}");
    }
    fail_next(&mut world, 1);
    world.run(&["BGREWRITEAOF"]);
    (0..4).for_each(|_| world.pass(100));
    assert_eq!(field(&mut world, "aof_rewrites_consecutive_failures"), "1");
    world.run(&["CONFIG", "RESETSTAT"]);
    assert_eq!(field(&mut world, "aof_rewrites"), "0");
    assert_eq!(field(&mut world, "rdb_saves"), "0");
}

#[test]
fn flushall_whose_save_fails_leaves_everything_changed() {
    let mut world = World::with(|c| c.settings.save = vec![(3600, 1_000_000)]);
    world.run(&["SET", "a", "1"]);
    fail_next(&mut world, 1);
    world.run(&["FLUSHALL"]);
    assert!(world.has_logged("Failed saving the DB"));
    assert_eq!(world.node.persistence.dirty, 2);
    assert_eq!(world.run(&["SET", "a", "1"]), "+OK\r\n", "only failed background saves stop writes");
}

#[test]
fn flushall_without_save_points_saves_nothing() {
    let mut world = World::with(|c| c.settings.save = vec![]);
    world.run(&["SET", "a", "1"]);
    world.run(&["FLUSHALL"]);
    assert_eq!(world.node.persistence.dirty, 2);
    assert!(!world.has_logged("DB saved on disk"));
}

#[test]
fn a_signal_waits_for_a_paused_cron_and_can_be_called_off() {
    let mut world = World::with(|c| c.settings.save = vec![]);
    world.node.cron.paused = true;
    world.node.handle_signal(world.now, false);
    world.pass(300);
    assert!(exits(&world).is_empty());
    assert_eq!(world.run(&["SHUTDOWN", "ABORT"]), "+OK\r\n");
    assert!(world.has_logged("Shutdown manually aborted."));
    assert!(!world.has_logged("Errors trying to shut down"));
    world.node.cron.paused = false;
    world.pass(300);
    assert!(exits(&world).is_empty());
    world.node.cron.paused = true;
    world.node.handle_signal(world.now, false);
    world.node.cron.paused = false;
    world.pass(300);
    assert_eq!(exits(&world), [0]);
}

#[test]
fn nobody_leaves_before_the_first_base_of_an_aof_is_there() {
    let mut world = World::with(|c| c.settings.save = vec![]);
    world.run(&["SET", "a", "1"]);
    world.disk_is_slow = true;
    world.run(&["CONFIG", "SET", "appendonly", "yes"]);
    world.node.handle_signal(world.now, false);
    world.turn();
    assert!(exits(&world).is_empty() && world.has_logged("Writing initial AOF, can't exit."));
    world.run(&["CONFIG", "SET", "shutdown-on-sigterm", "force"]);
    world.node.handle_signal(world.now, false);
    world.settle();
    assert_eq!(exits(&world), [0]);
    assert!(world.has_logged("Writing initial AOF. Exit anyway."));
}

#[test]
fn notes_of_the_time_stand_in_front_of_the_first_record_of_a_second() {
    let mut world = World::with(|c| {
        durable(c);
        c.settings.aof_timestamp_enabled = true;
    });
    let begun = world.now.unix.seconds();
    for _ in 0..3 {
        world.run(&["INCR", "n"]);
        world.run(&["INCR", "n"]);
        world.pass(1000);
    }
    let name = "appendonlydir/appendonly.aof.1.incr.aof";
    let text = String::from_utf8(world.disk.storage().read(name).unwrap()).unwrap();
    let notes: Vec<&str> = text.lines().filter(|line| line.starts_with("#TS:")).collect();
    let wanted: Vec<String> = (begun..begun + 3).map(|second| format!("#TS:{second}")).collect();
    assert_eq!(notes, wanted);
    assert!(text.starts_with("#TS:"));
    assert_eq!(world.restarted().run(&["GET", "n"]), "$1\r\n6\r\n");
}

#[test]
fn a_snapshot_is_spared_the_syncs_of_every_second() {
    let syncs = |world: &World| {
        world.requests.iter().filter(|request| matches!(request, DiskRequest::AofSync)).count()
    };
    for (spared, expected) in [(true, 0), (false, 1)] {
        let mut world = World::with(|c| {
            c.settings.appendonly = true;
            c.settings.no_appendfsync_on_rewrite = spared;
            c.settings.rdb_key_save_delay = 10_000_000;
        });
        (0..20).for_each(|i| drop(world.run(&["SET", &format!("key:{i}"), "1"])));
        world.pass(1100);
        world.disk_is_slow = true;
        world.run(&["BGSAVE"]);
        world.run(&["SET", "a", "1"]);
        world.now.mono.0 += 1100;
        world.node.handle_timeout(world.now);
        world.turn();
        assert_eq!(syncs(&world), expected, "{spared}");
    }
}

#[test]
fn a_slow_disk_is_an_event_of_latency() {
    let mut world = World::with(|c| c.settings.latency_monitor_threshold = 5);
    world.node.handle_disk(world.now, DiskEvent::Took { event: "aof-write", micros: 4_000 });
    assert_eq!(world.run(&["LATENCY", "LATEST"]), "*0\r\n");
    world.node.handle_disk(world.now, DiskEvent::Took { event: "aof-write", micros: 7_000 });
    assert!(world.run(&["LATENCY", "LATEST"]).contains("aof-write"));
}

#[test]
fn housekeeping_goes_by_hz_and_the_number_of_clients() {
    let mut world = World::with(|c| c.settings.hz = 50);
    assert_eq!(crate::cron::hz(&world.node), 50);
    let due = world.node.poll_timeout().unwrap();
    world.now.mono = due;
    world.node.handle_timeout(world.now);
    assert_eq!(world.node.poll_timeout().unwrap().since(due), 20);
    (10..2_420).for_each(|conn| world.connect(conn));
    world.run(&["CONFIG", "SET", "hz", "10"]);
    assert_eq!(crate::cron::hz(&world.node), 20);
    world.run(&["CONFIG", "SET", "dynamic-hz", "no"]);
    assert_eq!(crate::cron::hz(&world.node), 10);
}

/// `rdb-key-save-delay` counts every key, also those that a write has handed over.
#[test]
fn a_delayed_snapshot_waits_for_what_writers_hand_over_too() {
    let mut world = World::with(|c| c.settings.rdb_key_save_delay = 1_000_000);
    (0..50).for_each(|i| drop(world.run(&["SET", &format!("key:{i}"), "old"])));
    world.run(&["BGSAVE"]);
    (0..50).for_each(|i| drop(world.run(&["SET", &format!("key:{i}"), "new"])));
    let saving = |world: &mut World| world.run(&["INFO", "persistence"]).contains("rdb_bgsave_in_progress:1");
    for _ in 0..20 {
        world.pass(1000);
        assert!(saving(&mut world));
    }
    world.run(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
    world.pass(1000);
    assert!(!saving(&mut world));
}
