//! A primary that ends leaves its shard to a replica first, or is excused for a moment.

use super::world::World;
use crate::*;
use base::Slot;

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

#[test]
fn a_primary_that_ends_is_replaced_in_a_moment_by_who_has_all_its_data() {
    let mut world = World::formed(3, 3, 221);
    let heir = world.id(3);
    world.members[0].data.offset = 1234;
    world.report(0, DataEvent::Leaving);
    world.run_until(200, "taken over", |w| (0..6).all(|i| owner_of_zero(w, i) == Some(heir)));
    assert_eq!(world.members[3].data.offset, 1234);
    assert!(world.logged(3, "is about to end and hands over to me."));
    assert!(matches!(
        world.members[0].data.orders.last(),
        Some(Order::Replicate { .. } | Order::ResumeWrites)
    ));
    world.run_until(5_000, "agreement", World::agreed);
}

#[test]
fn with_nobody_to_leave_to_it_is_told_at_once() {
    let mut world = World::formed(4, 3, 222);
    // Node 3 has no replica; node 4 is a replica itself.
    for index in [3, 4] {
        world.report(index, DataEvent::Leaving);
        assert_eq!(world.members[index].data.orders.last(), Some(&Order::NobodyTakesOver));
    }
}

#[test]
fn a_replica_that_does_not_take_over_is_not_waited_for_for_ever() {
    let mut world = World::formed(3, 3, 223);
    let old = world.id(0);
    // Votes do not arrive.
    world.lost_types.insert(6);
    world.report(0, DataEvent::Leaving);
    world.run(1_000);
    assert!(!world.members[0].data.orders.contains(&Order::NobodyTakesOver));
    world.run(1_300);
    assert!(world.members[0].data.orders.contains(&Order::NobodyTakesOver));
    assert!(!world.members[0].data.paused, "writes go on");
    world.lost_types.clear();
    world.run(10_000);
    assert!((0..6).all(|i| owner_of_zero(&world, i) == Some(old)));
}

#[test]
fn who_announces_a_restart_is_not_failed_over_meanwhile() {
    let mut world = World::formed(3, 3, 224);
    for index in 0..6 {
        world.configure(index, |config| config.node_timeout_ms = 15_000);
    }
    world.run(2_000);
    let old = world.id(0);
    world.report(0, DataEvent::Restarting);
    // Its disk takes its time, and it speaks on meanwhile.
    world.run(2_000);
    world.kill(0);
    world.run(8_000);
    assert!((1..6).all(|i| owner_of_zero(&world, i) == Some(old)));
    world.restart(0, false);
    world.run_until(5_000, "agreement", World::agreed);
    // The excuse is spent: a crash is a crash.
    world.kill(0);
    let heir = world.id(3);
    world.run_until(1_000, "failover", |w| owner_of_zero(w, 1) == Some(heir));
}

#[test]
fn a_second_manual_failover_does_not_disturb_the_first() {
    let mut world = World::formed(3, 6, 225);
    // Nodes 3 and 6 are replicas of node 0.
    let heir = world.id(3);
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.ok(6, Command::Failover(FailoverMode::Default));
    world.ok(3, Command::Failover(FailoverMode::Default));
    world.run_until(500, "the first one's", |w| (0..9).all(|i| owner_of_zero(w, i) == Some(heir)));
    world.run_until(8_000, "the other follows", |w| w.members[6].data.of == Some(heir) && w.agreed());
    assert!(!world.logged(6, "Failover election won"));
    world.assert_single_votes();
}
