//! What replies wait for when the AOF is not synced before each of them.

use crate::tests::World;
use config::AppendFsync;
use persist::memory::Failure;

fn world(policy: AppendFsync) -> World {
    let mut world = World::with(|c| {
        c.settings.appendonly = true;
        c.settings.appendfsync = policy;
        c.settings.hz = 1;
    });
    world.run(&["SET", "k", "0"]);
    world.pass(1000);
    world.disk_is_slow = true;
    world
}

#[test]
fn a_write_is_acknowledged_when_the_system_has_it() {
    for policy in [AppendFsync::Everysec, AppendFsync::No] {
        let mut world = world(policy);
        assert_eq!(world.run(&["GET", "k"]), "$1\r\n0\r\n", "nothing is on its way to the file");
        assert_eq!(world.run(&["SET", "k", "1"]), "", "{policy:?}");
        assert_eq!(world.run(&["GET", "k"]), "", "what was read could be lost, too");
        world.settle();
        assert_eq!(world.read(1), "+OK\r\n$1\r\n1\r\n");
    }
}

#[test]
fn nobody_waits_long_for_a_disk_that_has_other_things_to_do() {
    let mut world = world(AppendFsync::Everysec);
    let begun = world.now.mono;
    assert_eq!(world.run(&["SET", "k", "1"]), "");
    let due = world.node.poll_timeout().unwrap();
    assert_eq!(due.since(begun), 100);
    world.pass(100);
    assert_eq!(world.read(1), "+OK\r\n");
    assert_eq!(world.run(&["SET", "k", "2"]), "+OK\r\n", "nor does who comes later");
    // Two seconds behind is as far as it may fall: then replies wait, whatever it does.
    world.pass(1899);
    assert_eq!(world.run(&["SET", "k", "3"]), "+OK\r\n");
    world.pass(1);
    assert_eq!(world.run(&["SET", "k", "4"]), "");
    world.settle();
    assert_eq!(world.read(1), "+OK\r\n");
    // It has caught up: the rule is the old one.
    assert_eq!(world.run(&["SET", "k", "5"]), "");
}

#[test]
fn under_always_replies_wait_for_as_long_as_it_takes() {
    let mut world = world(AppendFsync::Always);
    assert_eq!(world.run(&["SET", "k", "1"]), "");
    world.pass(1000);
    assert_eq!(world.read(1), "");
    // A weaker promise is kept at once.
    assert_eq!(world.run(&["CONFIG", "SET", "appendfsync", "everysec"]), "+OK\r\n+OK\r\n");
    world.settle();
    assert_eq!(world.run(&["SET", "k", "2"]), "");
    assert_eq!(world.run(&["CONFIG", "SET", "appendonly", "no"]), "+OK\r\n+OK\r\n");
}

#[test]
fn a_disk_that_takes_nothing_does_not_keep_answers() {
    let mut world = world(AppendFsync::Everysec);
    world.disk_is_slow = false;
    let at = world.disk.storage().operations();
    world.disk.storage().fail_at(at, Failure::Until);
    assert_eq!(world.run(&["SET", "k", "1"]), "+OK\r\n", "it was executed");
    assert!(world.run(&["SET", "k", "2"]).starts_with("-MISCONF"));
    assert_eq!(world.run(&["GET", "k"]), "$1\r\n1\r\n");
    world.disk.storage().heal();
    world.pass(1000);
    assert_eq!(world.run(&["SET", "k", "3"]), "+OK\r\n");
    assert_eq!(world.restarted().run(&["GET", "k"]), "$1\r\n1\r\n", "a power cut takes what was not synced");
}
