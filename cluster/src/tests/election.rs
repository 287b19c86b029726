//! A primary dies; a replica is elected, promoted and claims its slots.

use super::world::World;
use crate::*;
use alloc::collections::BTreeSet;
use base::Slot;
use std::vec::Vec;

fn owner_of_zero(world: &World, index: usize) -> Option<base::NodeId> {
    world.topology(index).owner(Slot::new(0)?).map(|n| n.id)
}

#[test]
fn a_replica_takes_over_and_the_old_primary_follows_it() {
    let mut world = World::formed(3, 3, 31);
    let heir = world.id(3);
    world.kill(0);
    world.run_until(15_000, "failover", |w| (1..6).all(|i| owner_of_zero(w, i) == Some(heir)));
    for text in [
        "Start of election delayed for ",
        "Starting a failover election for epoch 7.",
        "Failover election won: I'm the new master.",
        "configEpoch set to 7 after successful failover",
    ] {
        assert!(world.logged(3, text), "{text}");
    }
    assert!((1..3).all(|i| world.logged(i, "Failover auth granted to")));
    assert!(world.members[3].data.primary);
    assert!(matches!(world.members[3].data.orders.last(), Some(Order::Promote { .. })));
    world.run_until(5_000, "agreement", World::agreed);
    world.restart(0, false);
    world.run_until(10_000, "the old primary is a replica", |w| w.members[0].data.of == Some(heir));
    assert!(world.logged(0, "Configuration change detected. Reconfiguring myself as a replica of"));
    world.run_until(5_000, "agreement", World::agreed);
    let old = world.id(0);
    world.run_until(5_000, "others see that, and that it lives", |w| {
        w.topology(1).node(&old).is_some_and(|n| n.primary == Some(heir) && !n.is_failed())
    });
    world.assert_single_votes();
}

#[test]
fn without_a_majority_nobody_is_elected() {
    let mut world = World::formed(3, 3, 32);
    world.kill(0);
    world.kill(1);
    world.run(20_000);
    assert!(world.members[3].machine.topology().myself().primary.is_some());
    assert_ne!(world.topology(2).state, State::Ok);
}

#[test]
fn the_replica_with_more_data_goes_first() {
    let mut world = World::formed(3, 4, 33);
    // Nodes 3 and 6 are replicas of node 0; node 6 lags.
    assert_eq!(world.topology(6).myself().primary, Some(world.id(0)));
    world.kill(0);
    world.members[6].data.offset = 10;
    world.run(300);
    let heir = world.id(3);
    world.run_until(15_000, "failover", |w| owner_of_zero(w, 1) == Some(heir));
    world.run_until(10_000, "the sibling follows", |w| w.members[6].data.of == Some(heir));
    world.assert_single_votes();
}

#[test]
fn a_replica_that_never_synced_does_not_stand() {
    let mut world = World::formed(3, 3, 34);
    world.kill(0);
    world.members[3].data.synced = false;
    world.run(30_000);
    assert!(world.topology(3).myself().primary.is_some());
    assert!(
        world.logged(3, "Currently unable to failover: Disconnected from master for longer than allowed.")
    );
}

#[test]
fn nofailover_is_honoured() {
    let mut world = World::formed(3, 3, 35);
    let config = Config { replica_no_failover: true, ..world.members[3].machine.config().clone() };
    let now = super::world::now_at(world.now);
    world.members[3].machine.set_config(now, config);
    world.run(2000);
    assert!(world.topology(1).node(&world.id(3)).is_some_and(|n| n.flags.has(NodeFlags::NOFAILOVER)));
    world.kill(0);
    world.run(20_000);
    assert!(world.topology(3).myself().primary.is_some());
}

#[test]
fn a_replica_moves_to_an_orphaned_primary() {
    let mut world = World::formed(3, 4, 36);
    // Node 0 has two replicas (3 and 6), node 1 has one: it dies.
    world.kill(4);
    let orphan = world.id(1);
    world.run_until(30_000, "migration", |w| [3, 6].iter().any(|i| w.members[*i].data.of == Some(orphan)));
    assert!([3, 6].iter().any(|i| world.logged(*i, "Migrating to orphaned master")));
}

#[test]
fn a_dead_primary_is_replaced_again_and_again() {
    let mut world = World::formed(3, 3, 37);
    for round in 0..4 {
        let (old, new) = if round % 2 == 0 { (0, 3) } else { (3, 0) };
        let heir = world.id(new);
        world.kill(old);
        world.run_until(20_000, "failover", |w| owner_of_zero(w, 1) == Some(heir));
        world.restart(old, false);
        world.run_until(15_000, "back as a replica", |w| {
            w.members[old].data.of == Some(heir) && w.members[old].data.synced
        });
        world.run(6_000);
    }
    world.run_until(5_000, "agreement", World::agreed);
    world.assert_single_votes();
}

#[test]
fn an_empty_replica_may_leave_it_to_others() {
    let mut world = World::formed(3, 3, 88);
    let config = Config { no_failover_if_empty: true, ..world.members[3].machine.config().clone() };
    let now = super::world::now_at(world.now);
    world.members[3].machine.set_config(now, config);
    world.members[0].data.empty = true;
    world.members[0].data.offset = 1500;
    world.run(500);
    world.kill(0);
    world.run(20_000);
    assert!(!world.topology(3).myself().is_primary(), "it holds nothing");
    world.members[3].data.empty = false;
    world.run_until(10_000, "it stands now", |w| w.topology(3).myself().is_primary());
}

#[test]
fn when_the_successor_dies_before_its_sibling_has_synchronized_that_one_stands() {
    let mut world = World::formed(3, 4, 181);
    // Nodes 3 and 6 are replicas of node 0; node 6 has less, so that node 3 is elected.
    world.members[6].data.offset = 10;
    world.members[6].data_refuses = true;
    world.kill(0);
    let (first, second) = (world.id(3), world.id(6));
    world.run_until(15_000, "failover", |w| owner_of_zero(w, 6) == Some(first));
    world.run_until(5_000, "the sibling follows", |w| w.members[6].data.of == Some(first));
    assert!(!world.members[6].data.synced);
    world.kill(3);
    world.run_until(30_000, "the second failover", |w| owner_of_zero(w, 1) == Some(second));
    world.assert_single_votes();
}

#[test]
fn equal_replicas_rank_by_their_names() {
    let mut world = World::formed(3, 4, 182);
    world.kill(0);
    world.run(3000);
    let ranks = |text: &str| [3, 6].iter().filter(|i| world.logged(**i, text)).count();
    assert_eq!((ranks("(rank #0,"), ranks("(rank #1,")), (1, 1));
}

/// Whom each of these members' machines sees failed.
fn fail(machine: &mut Machine, dead: &[base::NodeId]) {
    let now = machine.now.mono;
    for ix in dead.iter().filter_map(|id| machine.nodes.find(id)).collect::<Vec<_>>() {
        machine.nodes[ix].flags.set(NodeFlags::FAIL);
        machine.nodes[ix].fail_time = now;
    }
}

#[test]
fn no_two_shards_ask_in_the_same_epoch() {
    let mut world = World::formed(9, 9, 35);
    let dead: Vec<base::NodeId> = (0..8).map(|index| world.id(index)).collect();
    let mut epochs = BTreeSet::new();
    for index in 9..17 {
        let machine = &mut world.members[index].machine;
        // Each has heard of another epoch, and of other failures.
        machine.current_epoch = base::Epoch(machine.current_epoch().0 + index as u64 % 3);
        for seen in [0, 3, 8] {
            fail(machine, &dead[..seen]);
            let epoch = machine.epoch_to_ask_in();
            let ahead = epoch.0 - machine.current_epoch().0;
            assert!((1..=9).contains(&ahead), "{ahead}");
            epochs.insert((epoch.0 % 9, index));
        }
    }
    let shards: BTreeSet<u64> = epochs.iter().map(|(rest, _)| *rest).collect();
    assert_eq!((shards.len(), epochs.len()), (8, 8), "{epochs:?}");
}

/// The votes of these epochs are gone at both voters that are left when node 0 of three dies, and its replica asks in the first of them.
fn asks_in_vain(replicas: usize, seed: u64, epochs: &[u64]) -> World {
    let mut world = World::formed(3, replicas, seed);
    world.kill(0);
    for voter in [1, 2] {
        epochs.iter().for_each(|epoch| world.members[voter].machine.ballots.give(base::Epoch(*epoch)));
    }
    let asks = std::format!("Starting a failover election for epoch {}.", epochs[0]);
    world.run_until(15_000, "it asks", |w| [3, 6].iter().any(|i| *i < 3 + replicas && w.logged(*i, &asks)));
    world
}

#[test]
fn who_asks_in_vain_asks_in_a_new_epoch() {
    let mut world = asks_in_vain(3, 183, &[7, 10]);
    assert!(!world.logged(3, "for epoch 10."));
    world.run_until(2_500, "a second epoch", |w| w.logged(3, "Starting a failover election for epoch 10."));
    world.run_until(2_500, "a third one", |w| w.logged(3, "Failover election won"));
    assert_eq!(world.members[3].machine.config_epoch(), base::Epoch(13));
    world.assert_single_votes();
}

#[test]
fn an_epoch_that_another_primary_has_is_given_up_early() {
    let mut world = asks_in_vain(3, 184, &[7]);
    world.members[1].machine.current_epoch = base::Epoch(7);
    let me = world.members[1].machine.me;
    world.members[1].machine.nodes[me].config_epoch = base::Epoch(7);
    world.members[1].machine.refresh_wire();
    world.run_until(1_300, "a new epoch", |w| w.logged(3, "Starting a failover election for epoch 10."));
    world.run_until(200, "won", |w| w.logged(3, "Failover election won"));
    world.assert_single_votes();
}

#[test]
fn an_epoch_in_which_another_shard_asks_too_is_given_up_early() {
    let mut world = World::formed(3, 3, 185);
    world.kill(0);
    for voter in [1, 2] {
        world.members[voter].machine.ballots.give(base::Epoch(7));
    }
    world.run_until(15_000, "it asks", |w| w.logged(3, "Starting a failover election for epoch 7."));
    // Node 4, of the second shard, does not know of the first one.
    let machine = &mut world.members[4].machine;
    let first = machine.slots.owner(Slot::new(0).expect("a slot")).expect("an owner");
    machine.delete_node_slots(first);
    world.ok(4, Command::Failover(FailoverMode::Force));
    assert!(world.logged(4, "Starting a failover election for epoch 7."));
    world.run_until(600, "a new epoch", |w| w.logged(3, "Starting a failover election for epoch 10."));
    world.run_until(200, "won", |w| w.logged(3, "Failover election won"));
    world.assert_single_votes();
}

#[test]
fn a_sibling_stands_aside_while_a_better_one_asks() {
    let mut world = asks_in_vain(4, 186, &[10]);
    let asked = [3, 6].map(|index: usize| world.logged(index, "Starting a failover election"));
    let other = if asked == [true, false] { 6 } else { 3 };
    world.run(900);
    assert!(!world.logged(other, "Starting a failover election"));
    let heirs = [world.id(3), world.id(6)];
    world.run_until(4_000, "one of them wins", |w| owner_of_zero(w, 1).is_some_and(|id| heirs.contains(&id)));
    world.assert_single_votes();
}
