//! Crash detection: a process that is gone is replaced within a second, whatever the node timeout; nothing else is taken for that.

use super::world::World;
use crate::*;
use base::Slot;

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

/// Everybody has the default node timeout from now on.
fn with_default_timeout(world: &mut World) {
    for index in 0..world.members.len() {
        world.configure(index, |config| config.node_timeout_ms = 15_000);
    }
    world.run(2_000);
}

#[test]
fn a_crash_is_failed_over_within_a_second() {
    let mut world = World::formed(3, 3, 201);
    with_default_timeout(&mut world);
    let heir = world.id(3);
    world.kill(0);
    world.run_until(700, "failover", |w| (1..6).all(|i| owner_of_zero(w, i) == Some(heir)));
    assert!(world.logged(3, "Start of election delayed for 0 milliseconds (rank #0, offset 1000)."));
    world.run_until(1_000, "agreement", World::agreed);
    world.assert_single_votes();
}

#[test]
fn it_can_be_switched_off() {
    let mut world = World::formed(3, 3, 202);
    with_default_timeout(&mut world);
    for index in 0..6 {
        world.configure(index, |config| config.crash_detection = false);
    }
    let (old, heir) = (world.id(0), world.id(3));
    world.kill(0);
    world.run(13_000);
    assert!((1..6).all(|i| owner_of_zero(&world, i) == Some(old)));
    world.run_until(4_000, "failover", |w| owner_of_zero(w, 1) == Some(heir));
}

#[test]
fn silence_takes_the_node_timeout() {
    let mut world = World::formed(3, 3, 203);
    with_default_timeout(&mut world);
    let (old, heir) = (world.id(0), world.id(3));
    world.power_off(0);
    world.run(13_500);
    assert!((1..6).all(|i| owner_of_zero(&world, i) == Some(old)), "not much sooner");
    world.run_until(2_000, "failover", |w| (1..6).all(|i| owner_of_zero(w, i) == Some(heir)));
}

#[test]
fn a_quick_restart_is_not_failed_over() {
    let mut world = World::formed(3, 3, 204);
    with_default_timeout(&mut world);
    let old = world.id(0);
    world.kill(0);
    world.run(400);
    world.restart(0, false);
    world.run(5_000);
    assert!((0..6).all(|i| owner_of_zero(&world, i) == Some(old)));
    assert!((1..6).all(|i| !world.logged(i, "possibly failing")));
}

#[test]
fn without_a_replica_nobody_hurries() {
    let mut world = World::formed(4, 3, 205);
    with_default_timeout(&mut world);
    // Node 3 has no replica.
    world.kill(3);
    world.run(5_000);
    assert!((0..3).all(|i| world.topology(i).state == State::Ok));
}

#[test]
fn a_port_closed_to_one_node_alone_is_no_crash() {
    let mut world = World::formed(3, 3, 206);
    with_default_timeout(&mut world);
    let victim = world.id(0);
    // Node 1 cannot connect to node 0 any more, which it is told by a refusal; and its link breaks.
    world.refuse(1, 0);
    world.run(5_000);
    assert!(!world.logged(1, "possibly failing"), "it holds a link to us");
    assert!((1..6).all(|i| world.topology(i).node(&victim).is_some_and(|n| !n.is_failed())));
    assert!((0..6).all(|i| owner_of_zero(&world, i) == Some(victim)));
}

#[test]
fn one_deceived_node_is_no_majority() {
    let mut world = World::formed(3, 3, 207);
    with_default_timeout(&mut world);
    let victim = world.id(0);
    // Neither can connect to the other.
    world.refuse(1, 0);
    world.refuse(0, 1);
    world.run(5_000);
    assert!(world.logged(1, "possibly failing"));
    assert!((2..6).all(|i| owner_of_zero(&world, i) == Some(victim)));
    assert!((2..6).all(|i| world.topology(i).node(&victim).is_some_and(|n| !n.is_failed())));
}

#[test]
fn a_primary_that_everybody_takes_for_dead_acknowledges_nothing() {
    let mut world = World::formed(3, 3, 208);
    with_default_timeout(&mut world);
    let heir = world.id(3);
    for peer in 1..6 {
        world.refuse(peer, 0);
        world.refuse(0, peer);
    }
    for _ in 0..3_000 {
        world.run(1);
        let lease = world.members[0].data.lease.expect("told");
        if (1..6).any(|i| owner_of_zero(&world, i) == Some(heir)) {
            assert!(lease.0 <= world.now, "a lease beside its successor");
        }
    }
    assert_eq!(owner_of_zero(&world, 1), Some(heir));
}

#[test]
fn a_node_failed_by_evidence_that_is_back_before_anybody_voted_is_not_failed_any_more() {
    let mut world = World::formed(3, 3, 209);
    with_default_timeout(&mut world);
    let old = world.id(0);
    // Its replica cannot ask for votes.
    world.lost_types.insert(5);
    world.kill(0);
    world.run_until(1_000, "failed", |w| w.topology(1).node(&old).is_some_and(NodeView::is_failed));
    world.members[3].cut = true;
    world.restart(0, false);
    world.run_until(1_000, "not failed", |w| w.topology(1).node(&old).is_some_and(|n| !n.is_failed()));
    assert!(world.logged(1, "master answers again, and nobody was elected in its place."));
}

#[test]
fn of_two_equal_replicas_one_stands_at_once() {
    let mut world = World::formed(3, 6, 210);
    with_default_timeout(&mut world);
    let siblings = [world.id(3), world.id(6)];
    let heir = *siblings.iter().min().expect("two");
    world.kill(0);
    world.run_until(700, "failover", |w| owner_of_zero(w, 1) == Some(heir));
}

#[test]
fn the_replica_that_holds_most_stands_at_once() {
    let mut world = World::formed(3, 6, 211);
    with_default_timeout(&mut world);
    let lagging = if world.id(3) < world.id(6) { 3 } else { 6 };
    let heir = world.id(9 - lagging);
    world.kill(0);
    world.members[lagging].data.offset = 10;
    world.run_until(700, "failover", |w| owner_of_zero(w, 1) == Some(heir));
    world.assert_single_votes();
}

#[test]
fn shards_that_fail_together_do_not_wait_for_each_other() {
    let mut world = World::formed(9, 9, 212);
    with_default_timeout(&mut world);
    for primary in 0..4 {
        world.kill(primary);
    }
    world.run_until(2_000, "four failovers", |w| {
        (4..18).all(|i| (9..13).all(|heir| w.topology(i).node(&w.id(heir)).is_some_and(NodeView::is_primary)))
    });
    world.run_until(1_000, "agreement", World::agreed);
    world.assert_single_votes();
}
