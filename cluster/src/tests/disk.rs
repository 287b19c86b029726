//! nodes.conf cannot be written: nothing is promised, the node serves on, and recovers with its disk (rules 18, 20).

use super::world::World;
use crate::journal::{EventType, Query};
use crate::*;
use base::Slot;
use std::string::String;
use std::vec::Vec;

const FULL: &str = "No space left on device";

fn events(world: &mut World, index: usize, kind: EventType) -> Vec<String> {
    let query = Query { since: Some(0), count: Some(u64::MAX), kind: Some(kind) };
    match world.command(index, Command::Events(query)) {
        Ok(Answer::Events(events)) => events.into_iter().map(|e| e.text).collect(),
        other => panic!("{other:?}"),
    }
}

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

#[test]
fn a_voter_with_a_full_disk_gives_no_vote_until_it_is_not() {
    let mut world = World::formed(3, 3, 441);
    let (heir, voter) = (world.id(3), world.id(1));
    world.members[1].disk_fails = true;
    world.kill(0);
    world.run(20_000);
    assert_ne!(owner_of_zero(&world, 2), Some(heir), "one vote of three is no majority");
    assert!(world.votes.keys().all(|(id, _)| *id != voter));
    let said = events(&mut world, 1, EventType::Vote);
    assert!(said.iter().any(|text| text.contains("nodes.conf cannot be written")), "{said:?}");
    assert_eq!(world.topology(1).save_error.as_deref(), Some(FULL));
    world.members[1].disk_fails = false;
    world.run_until(30_000, "failed over", |w| owner_of_zero(w, 2) == Some(heir));
    world.run_until(2_000, "nothing to complain about", |w| w.topology(1).save_error.is_none());
    world.assert_single_votes();
}

#[test]
fn a_voter_that_crashes_with_a_full_disk_has_not_voted() {
    let mut world = World::formed(3, 3, 442);
    let heir = world.id(3);
    world.members[1].disk_fails = true;
    world.kill(0);
    world.run(10_000);
    world.kill(1);
    world.members[1].disk_fails = false;
    world.restart(1, false);
    world.run_until(30_000, "failed over", |w| owner_of_zero(w, 2) == Some(heir));
    world.assert_single_votes();
}

#[test]
fn a_replica_with_a_full_disk_does_not_stand_and_says_why() {
    let mut world = World::formed(3, 4, 443);
    let other = world.id(6);
    world.members[3].disk_fails = true;
    // It would be the better one.
    world.members[6].data.offset = 500;
    world.kill(0);
    world.run_until(30_000, "the other one is elected", |w| owner_of_zero(w, 1) == Some(other));
    let said = events(&mut world, 3, EventType::Candidacy);
    assert!(said.iter().any(|text| text.contains("nodes.conf cannot be written")), "{said:?}");
    // It follows all the same, in memory.
    world.run_until(5_000, "it follows", |w| w.members[3].data.of == Some(other));
    let durable = nodes_conf::parse(world.members[3].disk.as_bytes()).expect("own file").expect("not empty");
    assert_ne!(durable.myself().expect("a line").primary, Some(other));
    world.members[3].disk_fails = false;
    world.run_until(3_000, "the file says so, too", |w| {
        let conf = nodes_conf::parse(w.members[3].disk.as_bytes()).expect("own file").expect("not empty");
        conf.myself().expect("a line").primary == Some(other)
    });
}

#[test]
fn a_primary_with_a_full_disk_serves_and_can_be_replaced() {
    let mut world = World::formed(3, 3, 444);
    let heir = world.id(3);
    world.members[0].disk_fails = true;
    // Something to write.
    world.command(2, Command::BumpEpoch).expect("another node's disk works");
    world.run(10_000);
    assert_eq!(world.topology(0).state, State::Ok);
    assert!(world.agreed());
    world.ok(3, Command::Failover(FailoverMode::Takeover));
    world.run_until(5_000, "it follows", |w| w.members[0].data.of == Some(heir));
    world.run(3_000);
    assert_eq!(owner_of_zero(&world, 0), Some(heir));
    world.members[0].disk_fails = false;
    world.run_until(5_000, "agreement", World::agreed);
}

#[test]
fn a_failing_disk_is_told_once_and_its_end_too() {
    let mut world = World::formed(3, 0, 445);
    world.members[0].disk_fails = true;
    assert!(world.command(0, Command::BumpEpoch).is_err());
    world.run(30_000);
    let told =
        |world: &World, text: &str| world.members[0].log.iter().filter(|line| line.contains(text)).count();
    assert_eq!(told(&world, "The cluster config file cannot be written"), 1);
    assert_eq!(world.topology(0).save_error.as_deref(), Some(FULL));
    world.members[0].disk_fails = false;
    world.run(3_000);
    assert_eq!(told(&world, "The cluster config file could be updated again."), 1);
    assert_eq!(world.topology(0).save_error, None);
    let said = events(&mut world, 0, EventType::Boot);
    assert_eq!(said.iter().filter(|text| text.contains("nodes.conf")).count(), 3, "{said:?}");
}
