//! A primary that comes back with some data compares it with its replicas' (rule 17).

use super::world::World;
use crate::*;
use base::Slot;
use std::vec::Vec;

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

#[test]
fn with_less_than_a_replica_it_leaves_the_shard_to_that_one() {
    let mut world = World::formed(3, 3, 171);
    let heir = world.id(3);
    world.kill(0);
    world.restart_at(0, 400, Some(400));
    world.run_until(5_000, "handed over", |w| owner_of_zero(w, 1) == Some(heir));
    assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
    assert!(world.logged(0, "I came back with data up to offset 400, but replica"));
    world.run_until(2_000, "the data came back", |w| w.members[0].data.offset == 1000);
    world.run_until(5_000, "agreement", World::agreed);
}

#[test]
fn with_as_much_as_its_replicas_it_serves() {
    let mut world = World::formed(3, 3, 172);
    world.kill(0);
    world.restart_at(0, 1000, Some(1000));
    world.run_until(5_000, "serves", |w| w.topology(0).state == State::Ok);
    assert_eq!(owner_of_zero(&world, 0), Some(world.id(0)));
}

#[test]
fn with_data_of_unknown_extent_it_serves() {
    let mut world = World::formed(3, 3, 173);
    world.kill(0);
    world.restart_at(0, 400, None);
    world.run_until(5_000, "serves", |w| w.topology(0).state == State::Ok);
    assert!(world.topology(0).myself().is_primary());
}

#[test]
fn an_operator_may_want_what_it_has() {
    let mut world = World::formed(3, 3, 174);
    let config = Config { replica_no_failover: true, ..world.members[3].machine.config().clone() };
    let now = super::world::now_at(world.now);
    world.members[3].machine.set_config(now, config);
    world.kill(0);
    world.restart_at(0, 400, Some(400));
    world.run_until(5_000, "yields", |w| w.topology(0).state == State::Fail(FailReason::YieldingToReplica));
    world.ok(0, Command::Failover(FailoverMode::Takeover));
    world.run_until(5_000, "serves", |w| w.topology(0).state == State::Ok);
    assert!(world.logged(0, "An operator wants this node to serve with what it has."));
}

#[test]
fn a_sibling_that_has_not_synchronized_with_the_successor_keeps_what_it_has() {
    let mut world = World::formed(3, 4, 175);
    let (first, second) = (world.id(3), world.id(6));
    world.kill(0);
    world.members[6].data.offset = 990;
    world.members[6].data_refuses = true;
    world.run_until(15_000, "3 is followed", |w| w.members[6].data.of == Some(first));
    world.run(1_000);
    assert!(!world.members[6].data.synced);
    world.kill(3);
    world.restart(3, true);
    world.members[6].data_refuses = false;
    world.run_until(20_000, "the sibling takes over", |w| w.members[3].data.of == Some(second));
    assert_eq!(world.members[6].data.offset, 990, "the sibling was not wiped");
    world.run_until(2_000, "the data came back", |w| w.members[3].data.offset == 990);
}

#[test]
fn a_replica_from_another_shard_is_not_asked_for_its_data() {
    let mut world = World::formed(3, 4, 176);
    let other = world.id(1);
    // Node 6 moves to another shard, and cannot synchronize there.
    world.members[6].data_refuses = true;
    world.ok(6, Command::Replicate { node: other.0.to_vec(), empty: false });
    world.run(2_000);
    world.kill(1);
    world.members[4].data.offset = 0;
    world.kill(4);
    world.restart(1, true);
    world.run_until(5_000, "serves", |w| w.topology(1).state != State::Fail(FailReason::AwaitingReplicas));
    assert!(!world.logged(1, "I came back empty, but replica"));
}

/// A primary and its replica are both started again, with what their files hold.
fn both_restart(seed: u64, primary: (u64, Option<u64>), replica: (u64, Option<u64>)) -> World {
    let mut world = World::formed(3, 3, seed);
    [0, 3].iter().for_each(|index| world.kill(*index));
    world.restart_at(0, primary.0, primary.1);
    world.restart_at(3, replica.0, replica.1);
    world
}

#[test]
fn a_replica_that_was_restarted_too_says_what_its_file_holds() {
    let mut world = both_restart(177, (400, Some(400)), (1000, Some(1000)));
    let heir = world.id(3);
    world.run_until(8_000, "handed over", |w| owner_of_zero(w, 1) == Some(heir));
    assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
    world.run_until(3_000, "the data came back", |w| w.members[0].data.offset == 1000);
    world.run_until(10_000, "agreement", World::agreed);
}

#[test]
fn an_empty_primary_yields_to_a_replica_that_was_restarted_too() {
    let mut world = both_restart(178, (0, None), (1000, Some(1000)));
    let heir = world.id(3);
    world.run_until(8_000, "handed over", |w| owner_of_zero(w, 1) == Some(heir));
    assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
    world.run_until(3_000, "the data came back", |w| w.members[0].data.offset == 1000);
}

#[test]
fn a_replica_that_is_still_loading_is_waited_for() {
    let mut world = World::formed(3, 3, 179);
    let heir = world.id(3);
    [0, 3].iter().for_each(|index| world.kill(*index));
    world.members[3].loads_until = world.now + 15_000;
    world.restart_at(0, 400, Some(400));
    world.restart_at(3, 1000, Some(1000));
    world.run(14_000);
    assert_eq!(world.topology(0).state, State::Fail(FailReason::AwaitingReplicas));
    world.run_until(8_000, "handed over", |w| owner_of_zero(w, 1) == Some(heir));
    assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
}

#[test]
fn but_not_for_ever() {
    let mut world = World::formed(3, 3, 180);
    [0, 3].iter().for_each(|index| world.kill(*index));
    world.members[3].loads_until = u64::MAX;
    world.restart_at(0, 400, Some(400));
    world.restart_at(3, 1000, Some(1000));
    world.run(55_000);
    assert_eq!(world.topology(0).state, State::Fail(FailReason::AwaitingReplicas));
    world.run_until(8_000, "serves", |w| w.topology(0).state == State::Ok);
}

#[test]
fn a_file_of_another_history_says_nothing() {
    let mut world = World::formed(3, 3, 181);
    [0, 3].iter().for_each(|index| world.kill(*index));
    world.restart_at(0, 400, Some(400));
    world.restart_at(3, 5000, Some(5000));
    world.members[3].data.history = base::ReplId([b'9'; 40]);
    world.run_until(5_000, "serves", |w| w.topology(0).state == State::Ok);
    assert_eq!(owner_of_zero(&world, 1), Some(world.id(0)));
    world.run_until(2_000, "the replica has what its primary has", |w| w.members[3].data.offset == 400);
}

#[test]
fn both_with_the_same_the_primary_serves() {
    let mut world = both_restart(182, (1000, Some(1000)), (1000, Some(1000)));
    world.run_until(5_000, "serves", |w| w.topology(0).state == State::Ok);
    assert_eq!(owner_of_zero(&world, 1), Some(world.id(0)));
}

#[test]
fn in_whatever_order_a_whole_cluster_is_restarted_nobody_is_wiped_by_less() {
    for (seed, order) in [(183, [0, 1, 2, 3, 4, 5]), (184, [5, 4, 3, 2, 1, 0]), (185, [3, 0, 4, 1, 5, 2])] {
        let mut world = World::formed(3, 3, seed);
        (0..6).for_each(|index| world.kill(index));
        for index in order {
            // The primaries have lost their last seconds, as with appendfsync everysec.
            let offset = if index < 3 { 900 } else { 1000 };
            world.restart_at(index, offset, Some(offset));
            world.run(300);
        }
        world.run_until(30_000, "served again", World::agreed);
        world.run(3_000);
        let held: Vec<u64> = (0..6).map(|index| world.members[index].data.offset).collect();
        assert_eq!(held, [1000; 6], "{order:?}");
    }
}

/// The primary serves with less before its replica comes back; that one has not synchronized.
fn the_replica_comes_late(seed: u64, primary: (u64, Option<u64>)) -> World {
    let mut world = World::formed(3, 3, seed);
    [0, 3].iter().for_each(|index| world.kill(*index));
    world.restart_at(0, primary.0, primary.1);
    world.run_until(10_000, "serves", |w| w.topology(0).state == State::Ok);
    world.run(5_000);
    // What it must keep first is being written.
    world.members[3].data_refuses = true;
    world.restart_at(3, 1000, Some(1000));
    world
}

#[test]
fn a_primary_that_has_written_nothing_still_yields_to_a_replica_that_comes_back_later() {
    for (seed, primary) in [(186, (400, Some(400))), (187, (0, None))] {
        let mut world = the_replica_comes_late(seed, primary);
        let heir = world.id(3);
        world.run_until(8_000, "handed over", |w| owner_of_zero(w, 1) == Some(heir));
        assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
        assert!(world.logged(0, "nothing was written since; replica"));
        world.run_until(3_000, "the data came back", |w| w.members[0].data.offset == 1000);
        world.run_until(10_000, "agreement", World::agreed);
    }
}

#[test]
fn one_that_has_written_does_not() {
    let mut world = the_replica_comes_late(188, (400, Some(400)));
    world.members[0].data.written = true;
    world.run(10_000);
    assert_eq!(owner_of_zero(&world, 1), Some(world.id(0)));
    assert_eq!(world.topology(0).state, State::Ok);
    assert!(!world.logged(0, "leaving the shard"));
}

#[test]
fn a_write_in_the_moment_of_yielding_keeps_the_shard_where_it_is() {
    let mut world = the_replica_comes_late(189, (400, Some(400)));
    world.run_until(8_000, "yields", |w| w.logged(0, "leaving the shard"));
    world.members[0].data.written = true;
    world.run(10_000);
    assert_eq!(owner_of_zero(&world, 1), Some(world.id(0)));
    assert_eq!(world.topology(0).state, State::Ok);
}

#[test]
fn nor_does_one_that_has_what_its_replica_has() {
    let mut world = the_replica_comes_late(190, (1000, Some(1000)));
    world.run(10_000);
    assert_eq!(owner_of_zero(&world, 1), Some(world.id(0)));
    assert!(!world.logged(0, "leaving the shard"));
}
