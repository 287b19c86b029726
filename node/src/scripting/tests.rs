//! Scripts that take long, by a clock that moves when it is looked at: what may happen in their middle, and what not.

use crate::tests::World;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every look at the clock takes two milliseconds.
fn meter() -> u64 {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    LOOKS.fetch_add(2_000, Ordering::Relaxed)
}

const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";

/// A node with three clients whose scripts are late at once.
fn world() -> World {
    let mut world = World::with(|config| config.settings.busy_reply_threshold = 1);
    world.node.set_meter(meter);
    // Whoever settles everything would carry the script to its end.
    world.disk_is_slow = true;
    (2..=3).for_each(|conn| world.connect(conn));
    world
}

/// Runs slices until the client has its answer.
fn answer(world: &mut World, conn: u64) -> String {
    for _ in 0..100_000 {
        let reply = world.read(conn);
        if !reply.is_empty() {
            return reply;
        }
        slice(world);
    }
    panic!("the script does not end");
}

fn slice(world: &mut World) {
    world.node.run_slice(world.now);
    world.turn();
}

#[test]
fn others_are_told_and_the_script_ends_as_one_unit() {
    let mut world = world();
    let body =
        "redis.call('set', 'k', 1) for i = 1, 3000000 do local x = i end return redis.call('incr', 'k')";
    assert_eq!(world.run_on(2, &["EVAL", body, "0"]), "");
    assert_eq!(world.run(&["GET", "k"]), BUSY);
    assert!(world.run(&["SCRIPT", "KILL"]).starts_with("-UNKILLABLE"));
    assert_eq!(world.run(&["BGSAVE"]), BUSY);
    assert_eq!(answer(&mut world, 2), ":2\r\n");
    assert_eq!(world.run(&["GET", "k"]), "$1\r\n2\r\n");
    assert!(world.run(&["INFO", "commandstats"]).contains("cmdstat_eval:calls=1,"));
}

#[test]
fn a_transaction_goes_on_behind_its_script() {
    let mut world = world();
    let body = "for i = 1, 3000000 do local x = i end return redis.call('incr', 'k')";
    for request in [&["MULTI"][..], &["SET", "k", "5"], &["EVAL", body, "0"], &["INCR", "k"]] {
        world.run_on(2, request);
    }
    assert_eq!(world.run_on(2, &["EXEC"]), "*3\r\n+OK\r\n");
    assert_eq!(world.run(&["GET", "k"]), BUSY);
    assert_eq!(answer(&mut world, 2), ":6\r\n:7\r\n");
    assert_eq!(world.run(&["GET", "k"]), "$1\r\n7\r\n");
}

#[test]
fn time_stands_still_for_a_script() {
    let mut world = world();
    world.run(&["SET", "mortal", "1", "PX", "50"]);
    let body = "local before = redis.call('time') for i = 1, 3000000 do local x = i end \
                local after = redis.call('time') \
                return {before[1] == after[1] and before[2] == after[2], redis.call('exists', 'mortal')}";
    assert_eq!(world.run_on(2, &["EVAL", body, "0"]), "");
    world.pass(1000);
    assert_eq!(answer(&mut world, 2), "*2\r\n:1\r\n:1\r\n");
    assert_eq!(world.run(&["EXISTS", "mortal"]), ":0\r\n");
}

#[test]
fn a_killed_script_leaves_nothing_behind() {
    let mut world = world();
    let body = "redis.call('select', 3) while true do pcall(function() local x = 1 end) end";
    assert_eq!(world.run_on(2, &["EVAL", body, "0"]), "");
    assert_eq!(world.run(&["SCRIPT", "KILL"]), "+OK\r\n");
    assert!(answer(&mut world, 2).starts_with("-ERR Script killed by user with SCRIPT KILL"));
    assert_eq!(world.run(&["SCRIPT", "KILL"]), "-NOTBUSY No scripts in execution right now.\r\n");
    assert_eq!(world.run_on(2, &["SET", "k", "1"]), "+OK\r\n");
    assert_eq!(world.run(&["EXISTS", "k"]), ":1\r\n");
}

#[test]
fn a_client_that_leaves_does_not_end_its_script() {
    let mut world = world();
    let body = "for i = 1, 3000000 do local x = i end redis.call('set', 'k', 1)";
    assert_eq!(world.run_on(2, &["EVAL", body, "0"]), "");
    world.node.handle_closed(world.now, base::ConnId(2));
    for _ in 0..100_000 {
        if world.run(&["EXISTS", "k"]) == ":1\r\n" {
            return;
        }
        slice(&mut world);
    }
    panic!("the script does not end");
}

#[test]
fn a_node_with_a_script_can_be_dropped() {
    let mut world = world();
    assert_eq!(world.run_on(2, &["EVAL", "while true do end", "0"]), "");
    drop(world);
}
