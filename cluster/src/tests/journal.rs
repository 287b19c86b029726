//! The journal tells a failover in order, with reasons, and forgets the oldest.

use super::world::World;
use crate::journal::{Event, EventType, MAX_EVENTS, Query};
use crate::*;
use base::NodeId;
use std::string::ToString;
use std::vec::Vec;

/// FAILOVER_AUTH_ACK.
const VOTE: u8 = 6;

fn events(world: &mut World, index: usize, query: Query) -> Vec<Event> {
    match world.command(index, Command::Events(query)) {
        Ok(Answer::Events(events)) => events,
        other => panic!("{other:?}"),
    }
}

fn all(world: &mut World, index: usize) -> Vec<Event> {
    events(world, index, Query { since: Some(0), count: Some(u64::MAX), kind: None })
}

fn of_kind(events: &[Event], kind: EventType, about: NodeId) -> Vec<&str> {
    events.iter().filter(|e| e.kind == kind && e.node == about).map(|e| e.text.as_str()).collect()
}

#[test]
fn a_failover_is_told_in_order() {
    let mut world = World::formed(3, 3, 101);
    let (old, heir) = (world.id(0), world.id(3));
    world.power_off(0);
    world.run_until(15_000, "failover", |w| w.topology(1).node(&heir).is_some_and(|n| n.is_primary()));
    let told = all(&mut world, 3);
    assert!(told.windows(2).all(|pair| pair[0].id + 1 == pair[1].id && pair[0].at.0 <= pair[1].at.0));
    let voter = all(&mut world, 1);
    let suspicion = of_kind(&voter, EventType::Suspicion, old);
    assert!(suspicion.iter().any(|text| text.contains("(timeout 2000), last heard of")), "{suspicion:?}");
    let first = |kind: EventType, words: &str| {
        let found = told.iter().find(|e| e.kind == kind && e.text.contains(words));
        found.unwrap_or_else(|| panic!("{kind:?} {words}: {told:#?}")).id
    };
    let order = [
        first(EventType::Fail, "failed: "),
        first(EventType::Candidacy, "its master failed; rank 0"),
        first(EventType::Candidacy, "asks for votes in epoch 7"),
        first(EventType::Vote, "votes for us in epoch 7: 2 of 2 needed"),
        first(EventType::Promotion, "won epoch 7 with 2 votes"),
        first(EventType::Promotion, "saved"),
        first(EventType::Promotion, "acts as a master: claims 5462 slots in epoch 7"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(of_kind(&voter, EventType::Vote, heir), ["given a vote in epoch 7"]);
    let slots = of_kind(&voter, EventType::Slots, heir);
    assert!(slots.iter().any(|text| text.starts_with("takes 5462 slots of") && text.ends_with("epoch 7")));
    world.restart(0, false);
    world.run_until(10_000, "a replica", |w| w.members[0].data.of == Some(heir));
    let told = all(&mut world, 0);
    let demotion = of_kind(&told, EventType::Demotion, old);
    assert_eq!(demotion, [std::format!("was a master, now a replica of {heir}")]);
}

#[test]
fn it_says_why_nobody_stands() {
    let mut world = World::formed(3, 3, 102);
    let replica = world.id(3);
    world.members[3].data.synced = false;
    world.kill(0);
    world.members[3].data.synced = false;
    world.run(15_000);
    let told = all(&mut world, 3);
    let why = of_kind(&told, EventType::Candidacy, replica);
    assert_eq!(why, ["does not stand: never synchronized with its master"]);
}

#[test]
fn a_vote_refused_has_its_reason() {
    let mut world = World::formed(3, 4, 103);
    world.lost_types.insert(VOTE);
    for candidate in [3, 3, 6] {
        world.ok(candidate, Command::Failover(FailoverMode::Force));
        world.run(500);
    }
    let told = all(&mut world, 1);
    let votes = of_kind(&told, EventType::Vote, world.id(3));
    assert_eq!(
        votes[..2],
        ["given a vote in epoch 10", "given a vote in epoch 13"],
        "in as many epochs as it asks"
    );
    let votes = of_kind(&told, EventType::Vote, world.id(6));
    assert!(votes[0].starts_with("refused a vote: can't vote about this master before"), "{votes:?}");
}

#[test]
fn queries() {
    let mut world = World::formed(3, 3, 104);
    world.kill(0);
    world.run(10_000);
    let everything = all(&mut world, 1);
    let last = everything.last().expect("some").id;
    assert!(last > 5);
    let ids = |events: Vec<Event>| events.iter().map(|e| e.id).collect::<Vec<_>>();
    let query = Query { since: Some(2), count: Some(2), kind: None };
    assert_eq!(ids(events(&mut world, 1, query)), [3, 4], "with SINCE, the oldest");
    let query = Query { since: None, count: Some(2), kind: None };
    assert_eq!(ids(events(&mut world, 1, query)), [last - 1, last], "else the newest");
    let query = Query { since: Some(0), count: None, kind: Some(EventType::Epoch) };
    let epochs = events(&mut world, 1, query);
    assert!(!epochs.is_empty() && epochs.iter().all(|e| e.kind == EventType::Epoch));
    assert_eq!(ids(events(&mut world, 1, Query { since: Some(last), ..Query::default() })), []);
    for kind in EventType::ALL {
        assert_eq!(EventType::parse(kind.as_str().to_uppercase().as_bytes()), Some(kind));
    }
    assert_eq!(EventType::parse("fails".to_string().as_bytes()), None);
}

#[test]
fn bounded() {
    let mut world = World::new(1, 105);
    let machine = &mut world.members[0].machine;
    for n in 0..2 * MAX_EVENTS {
        machine.note_own(EventType::Boot, n.to_string());
    }
    let told = all(&mut world, 0);
    assert_eq!(told.len(), MAX_EVENTS);
    assert_eq!(told.last().map(|e| e.text.as_str()), Some((2 * MAX_EVENTS - 1).to_string().as_str()));
}
