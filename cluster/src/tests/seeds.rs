//! All addresses change, and the cluster heals by itself; who was removed stays removed (rule 25).

use super::world::World;
use crate::journal::{EventType, Query};
use crate::*;
use alloc::collections::BTreeMap;
use base::NodeId;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

fn seed(port: u16) -> Seed {
    Seed { host: "seeds.example".to_string(), port, bus_port: port + 10_000 }
}

/// Where everybody says that everybody is.
fn places(world: &World, members: usize) -> Vec<BTreeMap<NodeId, u16>> {
    (0..members)
        .filter(|index| world.members[*index].alive)
        .map(|index| world.topology(index).nodes.iter().map(|n| (n.id, n.port)).collect())
        .collect()
}

/// Whether all agree on all addresses, and these are the real ones.
fn healed(world: &World, members: usize) -> bool {
    let truth: BTreeMap<NodeId, u16> =
        (0..members).map(|index| (world.id(index), world.topology(index).myself().port)).collect();
    world.agreed() && places(world, members).iter().all(|seen| *seen == truth)
}

fn address_events(world: &mut World, index: usize) -> Vec<String> {
    let query = Query { since: Some(0), count: Some(u64::MAX), kind: Some(EventType::Address) };
    match world.command(index, Command::Events(query)) {
        Ok(Answer::Events(events)) => events.into_iter().map(|e| e.text).collect(),
        other => panic!("{other:?}"),
    }
}

/// Who owns slots, by name.
fn owners(world: &World, index: usize) -> Vec<NodeId> {
    let topology = world.topology(index);
    topology.nodes.iter().filter(|n| n.slots.iter().next().is_some()).map(|n| n.id).collect()
}

#[test]
fn exchanged_addresses_heal_without_seeds() {
    let mut world = World::formed(3, 3, 401);
    let primaries = owners(&world, 0);
    (0..6).for_each(|index| world.kill(index));
    // Everybody comes back at somebody else's address.
    for pair in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)] {
        world.exchange_addresses(pair.0, pair.1);
    }
    (0..6).for_each(|index| world.restart(index, false));
    world.run_until(30_000, "healed", |w| healed(w, 6));
    assert_eq!(owners(&world, 5), primaries, "nobody was failed over");
    let told: Vec<String> = (0..6).flat_map(|index| address_events(&mut world, index)).collect();
    assert!(told.iter().any(|text| text.contains("is not its own any more")), "{told:?}");
}

#[test]
fn two_nodes_that_exchange_addresses_while_the_others_live_are_not_merged() {
    let mut world = World::formed(3, 3, 406);
    let primaries = owners(&world, 0);
    let data = |world: &World| -> Vec<u64> { (0..6).map(|index| world.members[index].data.offset).collect() };
    world.members[1].data.offset = 2000;
    world.run(500);
    let before = data(&world);
    [0, 1].iter().for_each(|index| world.kill(*index));
    world.exchange_addresses(0, 1);
    [0, 1].iter().for_each(|index| world.restart(*index, false));
    world.run_until(20_000, "healed", |w| healed(w, 6));
    assert_eq!(owners(&world, 5), primaries);
    world.run(1000);
    assert_eq!(data(&world), before, "each replica follows its own primary still");
}

#[test]
fn all_new_addresses_heal_by_seeds() {
    let mut world = World::formed(3, 3, 402);
    let primaries = owners(&world, 0);
    (0..6).for_each(|index| world.kill(index));
    for index in 0..6 {
        world.prepare(index, |config| {
            config.port = 9000 + index as u16;
            config.seeds = vec![seed(9000), seed(9001)];
        });
    }
    (0..6).for_each(|index| world.restart(index, false));
    world.run_until(40_000, "healed", |w| healed(w, 6));
    assert_eq!(owners(&world, 4), primaries, "nobody was failed over");
}

#[test]
fn without_seeds_all_new_addresses_do_not_heal() {
    let mut world = World::formed(3, 0, 407);
    (0..3).for_each(|index| world.kill(index));
    (0..3).for_each(|index| world.prepare(index, |config| config.port = 9000 + index as u16));
    (0..3).for_each(|index| world.restart(index, false));
    world.run(20_000);
    assert!(!healed(&world, 3), "else the test with seeds shows nothing");
}

#[test]
fn a_blank_node_with_seeds_joins_a_cluster_but_no_other_blank_one() {
    let mut world = World::new(4, 403);
    let port = world.topology(0).myself().port;
    for index in 1..4 {
        world.kill(index);
        // The last one is where nobody is.
        let own = world.topology(index).myself().port;
        world.prepare(index, |config| config.seeds = vec![seed(port), seed(own), seed(9999)]);
        world.restart(index, true);
    }
    world.run(10_000);
    let known = |w: &World, index: usize| w.topology(index).nodes.len();
    assert!((0..4).all(|index| known(&world, index) == 1), "as `--cluster create` wants them");
    world.meet(0, 1);
    world.run_until(20_000, "all have joined", |w| (0..4).all(|index| known(w, index) == 4));
    world.run(20_000);
    assert!((0..4).all(|index| known(&world, index) == 4), "and nobody is in handshake");
}

#[test]
fn a_seed_that_leads_to_another_cluster_joins_nothing() {
    let mut world = World::new(5, 404);
    for (from, to) in [(0, 1), (1, 2), (3, 4)] {
        world.meet(from, to);
    }
    world.run_until(20_000, "two clusters", |w| {
        (0..3).all(|i| w.topology(i).nodes.len() == 3) && (3..5).all(|i| w.topology(i).nodes.len() == 2)
    });
    let elsewhere = world.topology(3).myself().port;
    world.run(3000);
    [1, 2].iter().for_each(|index| world.kill(*index));
    world.kill(0);
    world.prepare(0, |config| config.seeds = vec![seed(elsewhere)]);
    world.restart(0, true);
    world.run(15_000);
    assert!((3..5).all(|index| world.topology(index).nodes.len() == 2), "two clusters still");
    assert_eq!(world.topology(0).nodes.iter().filter(|n| !n.flags.has(NodeFlags::HANDSHAKE)).count(), 3);
    let told = address_events(&mut world, 0);
    assert!(told.iter().any(|text| text.contains("which this node does not know: left alone")), "{told:?}");
}

#[test]
fn who_was_removed_stays_removed() {
    let mut world = World::formed(3, 1, 405);
    let (gone, port) = (world.id(3), world.topology(0).myself().port);
    world.kill(3);
    for index in 0..3 {
        world.ok(index, Command::Forget { node: gone.0.to_vec() });
    }
    // Long after the ban has ended it comes back with what it knew, and everybody has seeds, it among them.
    world.run(70_000);
    let own = world.topology(3).myself().port;
    for index in 0..4 {
        world.prepare(index, |config| config.seeds = vec![seed(port), seed(own)]);
    }
    world.restart(3, false);
    // A majority is missing for a while, so that the seeds are tried.
    [1, 2].iter().for_each(|index| world.kill(*index));
    world.kill(0);
    world.restart(0, false);
    world.run(10_000);
    [1, 2].iter().for_each(|index| world.restart(*index, false));
    world.run(20_000);
    let known = |w: &World, index: usize| {
        w.topology(index).nodes.iter().filter(|n| !n.flags.has(NodeFlags::HANDSHAKE)).count()
    };
    assert!((0..3).all(|index| world.topology(index).node(&gone).is_none()), "forgotten");
    assert!((0..3).all(|index| known(&world, index) == 3));
    // Nor does RESET, the other half of removal, make it a newcomer, not even over a restart.
    world.ok(3, Command::Reset { hard: true, empty: true });
    world.run(10_000);
    world.kill(3);
    world.restart(3, true);
    world.run(10_000);
    assert_eq!(world.topology(3).nodes.len(), 1);
    assert!((0..3).all(|index| known(&world, index) == 3));
    // An operator's MEET does.
    world.meet(0, 3);
    world.run_until(10_000, "taken in", |w| (0..4).all(|index| known(w, index) == 4));
}
