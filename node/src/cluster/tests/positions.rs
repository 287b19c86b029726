//! What an append only file says of how far its data goes in the history of replication, and when it is not believed.

use super::*;
use base::ReplId;
use persist::Storage;

const INCREMENT: &str = "appendonlydir/appendonly.aof.1.incr.aof";

fn durable() -> World {
    let mut world = World::with(|c| {
        c.settings.cluster_enabled = true;
        c.settings.appendonly = true;
        c.settings.appendfsync = config::AppendFsync::Always;
        c.settings.aof_use_rdb_preamble = false;
    });
    install(&mut world, view());
    world
}

/// A replica asks for everything: from now on the stream counts.
fn with_replica() -> World {
    let mut world = durable();
    world.connect(2);
    world.run_on(2, &["PSYNC", "?", "-1"]);
    world
}

fn restarted(world: World) -> World {
    let mut world = world.restarted();
    install(&mut world, view());
    world
}

fn position(world: &World) -> (ReplId, ReplOffset) {
    let status = crate::replication::status(&world.node);
    (status.history, status.offset)
}

/// What the files said at start.
fn told(world: &World) -> Option<(ReplId, ReplOffset)> {
    crate::replication::status(&world.node).loaded
}

fn write_some(world: &mut World) {
    for n in 0..5 {
        assert_eq!(world.run(&["SET", "bar", &n.to_string()]), "+OK\r\n");
        world.pass(100);
    }
}

/// As another program does that goes on with the last increment.
fn append(world: &mut World, name: &str, bytes: &[u8]) {
    let mut whole = world.disk.storage().read(name).expect("the file");
    whole.extend_from_slice(bytes);
    world.disk.storage().put(name, &whole);
}

#[test]
fn it_is_as_far_as_the_stream_was() {
    let mut world = with_replica();
    write_some(&mut world);
    world.run(&["MULTI"]);
    world.run(&["INCR", "bar"]);
    world.run(&["INCR", "bar"]);
    world.run(&["EXEC"]);
    let there = position(&world);
    assert_eq!(told(&restarted(world)), Some(there));
}

#[test]
fn a_base_of_commands_without_a_write_since_says_it_too() {
    let mut world = with_replica();
    write_some(&mut world);
    world.run(&["BGREWRITEAOF"]);
    (0..20).for_each(|_| world.pass(100));
    let there = position(&world);
    let base = world.disk.storage().read("appendonlydir/appendonly.aof.2.base.aof");
    assert!(base.is_ok_and(|base| base.ends_with(b"$1\r\n4\r\n")), "the value is in the base");
    assert_eq!(told(&restarted(world)), Some(there));
}

#[test]
fn what_another_writer_has_put_behind_it_makes_it_unknown() {
    let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
    let set = "*3\r\n$3\r\nSET\r\n$3\r\nbar\r\n$1\r\n9\r\n";
    let writes = [
        format!("{select}{set}"),
        format!("#TS:1700000000\r\n{select}{set}"),
        format!("*1\r\n$5\r\nMULTI\r\n{select}{set}*1\r\n$4\r\nEXEC\r\n"),
    ];
    for foreign in writes {
        let mut world = with_replica();
        write_some(&mut world);
        append(&mut world, INCREMENT, foreign.as_bytes());
        let mut world = restarted(world);
        assert_eq!(told(&world), None, "{foreign:?}");
        assert_eq!(world.run(&["GET", "bar"]), "$1\r\n9\r\n");
        // Once we have written again with a replica, it is known again, in our present history.
        world.connect(2);
        world.run_on(2, &["PSYNC", "?", "-1"]);
        write_some(&mut world);
        let there = position(&world);
        assert_eq!(told(&restarted(world)), Some(there), "{foreign:?}");
    }
}

#[test]
fn writes_that_no_stream_counted_make_it_unknown() {
    let mut world = with_replica();
    write_some(&mut world);
    let mut world = restarted(world);
    assert!(told(&world).is_some());
    // Nobody has attached yet.
    write_some(&mut world);
    assert_eq!(told(&restarted(world)), None);
}

#[test]
fn a_stream_that_is_not_counted_any_more_makes_it_unknown() {
    let mut world = with_replica();
    write_some(&mut world);
    world.run(&["CONFIG", "SET", "repl-backlog-ttl", "1"]);
    world.node.handle_closed(world.now, ConnId(2));
    (0..30).for_each(|_| world.pass(100));
    assert!(world.node.log.backlog_size().is_none(), "the backlog is gone");
    write_some(&mut world);
    assert_eq!(told(&restarted(world)), None);
}

#[test]
fn a_lost_tail_makes_it_smaller() {
    let mut world = with_replica();
    write_some(&mut world);
    let before = position(&world);
    let whole = world.disk.storage().read(INCREMENT).expect("the file").len();
    write_some(&mut world);
    let bytes = world.disk.storage().read(INCREMENT).expect("the file");
    world.disk.storage().put(INCREMENT, &bytes[..whole + 7]);
    assert_eq!(told(&restarted(world)), Some(before));
}
