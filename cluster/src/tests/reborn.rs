//! A primary that comes back with some data compares it with its replicas' (rule 17).

use super::world::World;
use crate::*;
use base::Slot;

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
