//! Votes respect data: a worse candidate is refused for a while, and the better one, if it is there, wins.

use super::world::World;
use crate::*;
use base::{Epoch, Slot};

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

/// Nodes 3 and 6 are replicas of node 0, which dies; node 3 holds more, but cannot stand as long as its disk is stalled.
fn the_better_one_is_slow(seed: u64) -> World {
    let mut world = World::formed(3, 4, seed);
    world.kill(0);
    world.members[6].data.offset = 990;
    world.members[3].disk_stalled = true;
    world.run_until(15_000, "FAIL", |w| w.logged(3, "Start of election delayed"));
    world
}

#[test]
fn a_worse_candidate_is_refused_for_a_second_and_then_elected() {
    let mut world = the_better_one_is_slow(111);
    let (better, worse) = (world.id(3), world.id(6));
    world.run_until(5_000, "6 asks", |w| w.logged(6, "Starting a failover election"));
    world.run(800);
    for voter in [1, 2] {
        assert!(world.logged(voter, &std::format!("{better} () holds 10 bytes more and may stand")));
        assert!(!world.logged(voter, "Failover auth granted"));
    }
    world.run_until(1_500, "elected all the same", |w| owner_of_zero(w, 1) == Some(worse));
    let epoch = world.members[6].machine.config_epoch();
    let told = world.command(1, Command::Events(journal::Query { count: Some(2048), ..Default::default() }));
    let Ok(Answer::Events(told)) = told else { panic!("{told:?}") };
    let loss = std::format!("given a vote in epoch {epoch}, although {better} holds 10 bytes more");
    assert!(told.iter().any(|event| event.node == worse && event.text == loss), "{told:#?}");
    world.assert_single_votes();
}

#[test]
fn the_better_one_is_elected_if_it_stands_meanwhile() {
    let mut world = the_better_one_is_slow(112);
    let better = world.id(3);
    world.run_until(5_000, "6 is refused", |w| w.logged(1, "holds 10 bytes more and may stand"));
    world.end_disk_stall(3);
    world.run_until(3_000, "the better one wins", |w| owner_of_zero(w, 1) == Some(better));
    world.run_until(5_000, "6 follows", |w| w.members[6].data.of == Some(better));
    assert!(!world.logged(6, "Failover election won"));
    world.assert_single_votes();
}

#[test]
fn if_the_better_one_dies_too_the_next_is_elected() {
    let mut world = the_better_one_is_slow(113);
    let worse = world.id(6);
    world.kill(3);
    world.run_until(6_000, "the next one", |w| owner_of_zero(w, 1) == Some(worse));
    world.assert_single_votes();
}

#[test]
fn who_did_not_hear_the_request_is_asked_again() {
    const VOTE_REQUEST: u8 = 5;
    let mut world = World::formed(3, 3, 114);
    let heir = world.id(3);
    world.kill(0);
    world.lost_types.insert(VOTE_REQUEST);
    world.run_until(15_000, "it asks", |w| w.logged(3, "Starting a failover election"));
    world.run(200);
    world.lost_types.clear();
    world.run_until(1_000, "elected in the same epoch", |w| owner_of_zero(w, 1) == Some(heir));
    assert_eq!(world.members[3].machine.config_epoch().0, 7);
}

#[test]
fn an_operator_may_prefer_the_worse_one() {
    let mut world = the_better_one_is_slow(115);
    let worse = world.id(6);
    world.ok(6, Command::Failover(FailoverMode::Force));
    world.run_until(300, "forced", |w| owner_of_zero(w, 1) == Some(worse));
    assert!(!world.logged(1, "may stand"));
}

#[test]
fn later_epochs_of_other_shards_cost_nobody_a_vote() {
    let mut world = World::formed(3, 3, 116);
    let heir = world.id(3);
    world.kill(0);
    world.run_until(15_000, "it asks", |w| w.logged(3, "Starting a failover election for epoch 7."));
    for voter in [1, 2] {
        world.members[voter].machine.current_epoch = Epoch(60);
    }
    world.run_until(100, "elected in the epoch that it asked in", |w| w.logged(3, "Failover election won"));
    assert_eq!(world.members[3].machine.config_epoch(), Epoch(7));
    world.run_until(5_000, "known", |w| owner_of_zero(w, 1) == Some(heir));
    assert!(world.members[1].machine.current_epoch() >= Epoch(60), "nothing went back");
    world.assert_single_votes();
}

#[test]
fn a_restart_does_not_end_the_pause() {
    let mut world = World::formed(3, 3, 117);
    let (failed, heir) = (world.id(0), world.id(3));
    world.kill(0);
    world.run_until(15_000, "voted", |w| w.logged(1, "Failover auth granted"));
    world.run_until(5_000, "elected", |w| owner_of_zero(w, 1) == Some(heir));
    assert!(world.members[1].disk.contains(&std::format!(" grapevine-votes {failed}:{heir}")));
    world.kill(1);
    world.restart(1, false);
    assert_eq!(world.members[1].machine.recent_votes(), [(failed, heir)]);
    let pause = world.members[1].machine.vote_pause();
    world.run(pause);
    assert_eq!(world.members[1].machine.recent_votes(), []);
}
