//! Two processes under one name are told from each other, and the later one does not serve (rule 25).

use super::world::World;
use crate::journal::{EventType, Query};
use crate::*;
use base::Slot;
use std::string::String;
use std::vec::Vec;

fn bus_events(world: &mut World, index: usize) -> Vec<String> {
    let query = Query { since: Some(0), count: Some(u64::MAX), kind: Some(EventType::Bus) };
    match world.command(index, Command::Events(query)) {
        Ok(Answer::Events(events)) => events.into_iter().map(|e| e.text).collect(),
        other => panic!("{other:?}"),
    }
}

const TAKEN: State = State::Fail(FailReason::NameTaken);

#[test]
fn the_later_of_two_processes_does_not_serve() {
    let mut world = World::formed(3, 3, 421);
    let (id, port) = (world.id(0), world.topology(0).myself().port);
    let copy = world.copy(0, 9000);
    assert_eq!(world.id(copy), id);
    world.run_until(3_000, "the copy is told", |w| w.topology(copy).state == TAKEN);
    // For long enough that a suspicion would have become a failover.
    for _ in 0..200 {
        world.run(100);
        assert_eq!(world.topology(copy).state, TAKEN);
        assert_eq!(world.topology(0).state, State::Ok);
        for index in 1..6 {
            let node = world.topology(index).node(&id).cloned().expect("known");
            assert_eq!(node.port, port, "its address does not go to and fro");
            assert!(!node.is_failed());
        }
    }
    assert_eq!(world.members[copy].data.lease, Some(base::Millis(0)), "writes are not acknowledged");
    assert_eq!(world.topology(1).owner(Slot::new(0).expect("a slot")).map(|n| n.id), Some(id));
    let place = world.topology(copy).name_taken_by.clone().expect("where");
    assert!(place.ends_with(":7000"), "{place}");
    let told = bus_events(&mut world, copy);
    assert!(told.iter().any(|text| text.contains("another process has this node's name")), "{told:?}");
    let told = bus_events(&mut world, 1);
    let count = told.iter().filter(|text| text.contains("two processes speak under the name")).count();
    assert_eq!(count, 1, "{told:?}");
    assert!(world.topology(1).stats.refused_peers > 0);
}

#[test]
fn the_later_one_takes_the_place_when_the_first_has_gone() {
    let mut world = World::formed(3, 3, 422);
    let id = world.id(4);
    let copy = world.copy(4, 9000);
    world.run_until(3_000, "the copy is told", |w| w.topology(copy).state == TAKEN);
    world.kill(4);
    world.run_until(15_000, "the copy is the node", |w| {
        w.topology(copy).state == State::Ok
            && [0, 1, 2, 3, 5]
                .iter()
                .all(|index| w.topology(*index).node(&id).is_some_and(|n| n.port == 9000))
    });
    assert!(world.topology(copy).name_taken_by.is_none());
}

#[test]
fn a_restart_elsewhere_after_a_silent_loss_is_no_second_process() {
    let mut world = World::formed(3, 3, 423);
    let id = world.id(4);
    // Its host has lost its power: nobody's link to it ends.
    world.power_off(4);
    world.run(10);
    let copy = world.copy(4, 9000);
    world.run_until(6_000, "taken for the node", |w| {
        (0..6)
            .filter(|index| *index != 4)
            .all(|index| w.topology(index).node(&id).is_some_and(|n| n.port == 9000))
    });
    assert!(world.topology(copy).name_taken_by.is_none());
}

#[test]
fn a_quick_restart_is_no_second_process() {
    let mut world = World::formed(3, 3, 424);
    for _ in 0..3 {
        world.kill(5);
        world.restart(5, false);
        world.run_until(3_000, "back", |w| {
            w.topology(5).nodes.iter().all(|n| n.link_up) && w.topology(0).nodes.iter().all(|n| n.link_up)
        });
    }
    for index in 0..6 {
        assert!(world.topology(index).name_taken_by.is_none());
        let told = bus_events(&mut world, index);
        assert!(!told.iter().any(|text| text.contains("two processes")), "{told:?}");
    }
}

#[test]
fn of_two_the_one_that_started_first_keeps_the_name_whoever_was_seen_first() {
    let mut world = World::formed(3, 3, 425);
    let (id, port) = (world.id(4), world.topology(4).myself().port);
    // Cut off, the first is taken for lost, and the copy for it.
    world.members[4].cut = true;
    world.run(5_000);
    let copy = world.copy(4, 9000);
    world.run_until(15_000, "taken for the node", |w| {
        [0, 1, 2, 3, 5].iter().all(|index| w.topology(*index).node(&id).is_some_and(|n| n.port == 9000))
    });
    world.members[4].cut = false;
    world.run_until(20_000, "the first has its name again", |w| {
        w.topology(copy).state == TAKEN
            && [0, 1, 2, 3, 5]
                .iter()
                .all(|index| w.topology(*index).node(&id).is_some_and(|n| n.port == port))
    });
    world.run(3_000);
    assert_eq!(world.topology(4).state, State::Ok);
}
