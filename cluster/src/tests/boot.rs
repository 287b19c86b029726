//! A primary that comes back asks its replicas before it serves.

use super::world::World;
use crate::*;
use base::Slot;

#[test]
fn with_its_data_it_serves_after_its_replicas_answered() {
    let mut world = World::formed(3, 3, 71);
    world.kill(0);
    world.restart(0, false);
    assert_eq!(world.topology(0).state, State::Fail(FailReason::AwaitingReplicas));
    world.run_until(5_000, "serves", |w| w.topology(0).state == State::Ok);
    assert!(world.topology(0).myself().is_primary());
}

#[test]
fn empty_it_leaves_the_shard_to_its_replica() {
    let mut world = World::formed(3, 3, 72);
    let heir = world.id(3);
    world.kill(0);
    world.restart(0, true);
    world.run_until(5_000, "yields", |w| w.topology(0).state == State::Fail(FailReason::YieldingToReplica));
    assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
    world.run_until(20_000, "failed over", |w| w.members[0].data.of == Some(heir));
    world.run_until(1_000, "the data came back from the replica", |w| w.members[0].data.offset == 1000);
    assert_eq!(world.topology(1).owner(Slot::new(0).expect("slot")).map(|n| n.id), Some(heir));
    world.run_until(5_000, "agreement", World::agreed);
}

#[test]
fn empty_it_does_not_trust_the_first_answer() {
    let mut world = World::formed(3, 3, 75);
    let heir = world.id(3);
    // What its replica's data thread applied last is not known to its control thread yet.
    let real = world.members[3].data.offset;
    world.kill(0);
    world.members[3].data.offset = 0;
    world.run(100);
    world.restart(0, true);
    world.run(100);
    world.members[3].data.offset = real;
    world.run_until(20_000, "failed over", |w| w.members[0].data.of == Some(heir));
    world.run_until(1_000, "the data came back", |w| w.members[0].data.offset == real);
}

#[test]
fn bounded_when_nobody_takes_over() {
    let mut world = World::formed(3, 3, 73);
    let config = Config { replica_no_failover: true, ..world.members[3].machine.config().clone() };
    let now = super::world::now_at(world.now);
    world.members[3].machine.set_config(now, config);
    world.kill(0);
    world.restart(0, true);
    world.run(20_000);
    assert!(world.logged(0, "No replica took over; serving without the data"));
    world.run_until(15_000, "serves", World::agreed);
}

#[test]
fn bounded_when_no_replica_answers() {
    let mut world = World::formed(3, 3, 74);
    world.kill(3);
    world.kill(0);
    world.restart(0, true);
    world.run_until(4_000, "serves", |w| w.topology(0).state == State::Ok);
}
