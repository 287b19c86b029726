//! A primary that comes back asks its replicas before it serves.

use super::world::World;
use crate::*;
use base::Slot;
use std::vec::Vec;

/// FAILOVER_AUTH_REQUEST.
const VOTE_REQUEST: u8 = 5;
/// FAILOVER_AUTH_ACK.
const VOTE: u8 = 6;
/// MFSTART, which a replica of Redis ignores.
const MFSTART: u8 = 8;

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

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
    assert_eq!(owner_of_zero(&world, 1), Some(heir));
    world.run_until(5_000, "agreement", World::agreed);
}

#[test]
fn empty_it_hands_over_at_once() {
    let mut world = World::formed(3, 3, 84);
    let heir = world.id(3);
    world.kill(0);
    world.restart(0, true);
    world.run_until(2_800, "handed over", |w| owner_of_zero(w, 1) == Some(heir));
    assert!(world.logged(3, "has lost its data and hands over to me."));
    world.run_until(1_000, "the data came back", |w| w.members[0].data.offset == 1000);
}

#[test]
fn all_of_them_empty_they_hand_over_by_each_others_votes() {
    let mut world = World::formed(3, 3, 85);
    let heirs: Vec<_> = (3..6).map(|i| world.id(i)).collect();
    for index in 0..3 {
        world.kill(index);
    }
    for index in 0..3 {
        world.restart(index, true);
    }
    world.run_until(30_000, "handed over", |w| (0..3).all(|i| w.members[i].data.of == Some(heirs[i])));
    world.run_until(5_000, "the data came back", |w| (0..3).all(|i| w.members[i].data.offset == 1000));
    world.assert_single_votes();
}

#[test]
fn left_to_redis_replicas_it_falls_silent() {
    let mut world = World::formed(3, 3, 86);
    world.lost_types.insert(MFSTART);
    let heir = world.id(3);
    world.kill(0);
    world.restart(0, true);
    world.run_until(20_000, "failed over", |w| w.members[0].data.of == Some(heir));
    world.run_until(1_000, "the data came back", |w| w.members[0].data.offset == 1000);
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
fn empty_it_asks_a_replica_that_did_not_see_it_go() {
    let mut world = World::formed(3, 3, 82);
    world.power_off(0);
    world.run(10);
    world.restart(0, true);
    world.run_until(4_000, "yields", |w| w.topology(0).state == State::Fail(FailReason::YieldingToReplica));
    assert_eq!(world.members[3].data.offset, 1000, "the replica was not wiped");
}

#[test]
fn empty_it_does_not_give_up_while_no_majority_is_there() {
    let mut world = World::formed(3, 3, 83);
    world.lost_types.insert(VOTE_REQUEST);
    let heir = world.id(3);
    let config = Config { replica_validity_factor: 0, ..world.members[3].machine.config().clone() };
    let now = super::world::now_at(world.now);
    world.members[3].machine.set_config(now, config);
    world.kill(0);
    world.restart(0, true);
    world.run_until(5_000, "yields", |w| w.topology(0).state == State::Fail(FailReason::YieldingToReplica));
    world.kill(1);
    world.kill(2);
    world.run(30_000);
    assert_eq!(world.topology(0).state, State::Fail(FailReason::YieldingToReplica));
    world.restart(1, false);
    world.restart(2, false);
    world.lost_types.clear();
    world.run_until(10_000, "failed over", |w| w.members[0].data.of == Some(heir));
    world.run_until(1_000, "the data came back", |w| w.members[0].data.offset == 1000);
}

#[test]
fn it_does_not_wait_for_a_replica_that_has_lost_its_data_too() {
    let mut world = World::formed(3, 3, 87);
    world.lost_types.insert(VOTE_REQUEST);
    world.kill(0);
    world.restart(0, true);
    world.run_until(5_000, "yields", |w| w.topology(0).state == State::Fail(FailReason::YieldingToReplica));
    world.kill(3);
    world.restart(3, true);
    world.run_until(4_000, "serves", |w| w.topology(0).state == State::Ok);
}

#[test]
fn bounded_when_nobody_takes_over() {
    let mut world = World::formed(3, 3, 73);
    let config = Config { replica_no_failover: true, ..world.members[3].machine.config().clone() };
    let now = super::world::now_at(world.now);
    world.members[3].machine.set_config(now, config);
    world.kill(0);
    world.restart(0, true);
    world.run_until(25_000, "gives up", |w| w.logged(0, "No replica took over; serving without the data"));
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

/// Nodes 3 and 6 are replicas of node 0, which dies; 3 is elected and dies after it has saved that and before it says so.
fn promoted_but_not_claimed(seed: u64) -> World {
    let mut world = World::formed(3, 4, seed);
    world.kill(0);
    world.members[6].data.offset = 990;
    world.members[3].deaf = true;
    world.run_until(15_000, "3 is elected", |w| w.logged(3, "Failover election won"));
    world.kill(3);
    world.members[3].deaf = false;
    world
}

#[test]
fn a_promotion_that_was_never_claimed_does_not_wipe_a_sibling() {
    let mut world = promoted_but_not_claimed(76);
    let (heir, begun) = (world.id(6), world.now);
    assert!(world.members[3].disk.contains("myself,master"), "the promotion is durable");
    world.restart(3, true);
    world.run_until(30_000, "the sibling takes over, with its data", |w| w.members[3].data.of == Some(heir));
    assert_eq!(world.members[6].data.offset, 990, "the sibling was not wiped");
    assert!(world.members[3].claimed_at.is_none_or(|at| at < begun), "nothing was claimed meanwhile");
    world.run_until(1_000, "the data came back", |w| w.members[3].data.offset == 990);
}

#[test]
fn an_unclaimed_promotion_ends_if_the_old_primary_is_back() {
    let mut world = promoted_but_not_claimed(77);
    let old = world.id(0);
    world.kill(6);
    world.restart(3, true);
    world.restart(0, false);
    world.run_until(40_000, "a replica again", |w| w.members[3].data.of == Some(old));
    assert!(world.logged(3, "Nobody has heard of my promotion."));
    assert_eq!(world.members[0].data.offset, 1000, "the old primary was not wiped");
    world.run_until(1_000, "the data came back", |w| w.members[3].data.offset == 1000);
    world.run_until(15_000, "agreement", World::agreed);
}

#[test]
fn an_unclaimed_promotion_is_claimed_if_nobody_else_is_there() {
    let mut world = promoted_but_not_claimed(78);
    let heir = world.id(3);
    world.kill(6);
    world.restart(3, true);
    world.run(10_000);
    assert_eq!(world.topology(3).state, State::Fail(FailReason::YieldingToReplica));
    world.run_until(20_000, "claimed", |w| owner_of_zero(w, 1) == Some(heir) && w.agreed());
    world.run_until(1_000, "the file says so", |w| !w.members[3].disk.contains("unclaimed"));
}

#[test]
fn an_unclaimed_promotion_with_its_data_is_claimed_as_soon_as_the_shard_has_answered() {
    let mut world = promoted_but_not_claimed(79);
    let heir = world.id(3);
    world.restart(3, false);
    world.run_until(4_000, "claimed", |w| owner_of_zero(w, 1) == Some(heir));
    world.run_until(1_000, "the file says so", |w| !w.members[3].disk.contains("unclaimed"));
}

#[test]
fn a_sibling_hears_nothing_before_it_follows() {
    let mut world = World::formed(3, 4, 80);
    // Node 6 did not hear that node 3 has replaced node 0.
    world.kill(0);
    world.members[6].cut = true;
    let (heir, old) = (world.id(3), world.id(0));
    world.run_until(15_000, "3 is elected", |w| owner_of_zero(w, 1) == Some(heir));
    world.run(500);
    world.kill(3);
    assert!(!world.members[3].disk.contains("unclaimed"));
    for other in [1, 2, 4, 5] {
        world.members[other].cut = true;
    }
    world.members[6].cut = false;
    // Long enough for its stuck links to be given up.
    world.run(3_000);
    world.restart(3, true);
    world.run(1_900);
    assert_eq!(world.topology(6).myself().primary, Some(old));
    world.run_until(3_000, "yields", |w| w.topology(3).state == State::Fail(FailReason::YieldingToReplica));
    assert_eq!(world.members[6].data.offset, 1000, "the sibling was not wiped");
}

#[test]
fn an_empty_primary_waits_for_a_second_election() {
    let mut world = World::formed(3, 3, 81);
    world.lost_types.insert(MFSTART);
    let heir = world.id(3);
    world.kill(0);
    world.restart(0, true);
    // The votes do not reach it.
    world.lost_types.insert(VOTE);
    let granted = |w: &World| [1, 2].iter().all(|voter| w.logged(*voter, "Failover auth granted"));
    world.run_until(15_000, "a first election", granted);
    // What was granted is on its way still.
    world.run(200);
    world.lost_types.remove(&VOTE);
    world.run_until(20_000, "failed over", |w| w.members[0].data.of == Some(heir));
    let attempts = world.members[3].log.iter().filter(|line| line.contains("Starting a failover election"));
    assert_eq!(attempts.count(), 2);
    world.run_until(1_000, "the data came back", |w| w.members[0].data.offset == 1000);
}
