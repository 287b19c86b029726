//! Slots that are being moved while the masters at either end fail.

use super::world::{self, World};
use crate::*;
use base::{NodeId, Slot};
use std::string::ToString;

/// Of the first master's slots, and of the second's replica's target.
const SLOT: u64 = 7;

fn slot() -> Slot {
    Slot::new(SLOT).expect("a slot")
}

fn set(world: &mut World, index: usize, action: SetSlotAction) {
    set_other(world, index, SLOT, action, 1);
}

/// The same of any slot, which has so many keys.
fn set_other(world: &mut World, index: usize, slot: u64, action: SetSlotAction, keys: u64) {
    let slot = slot.to_string().into_bytes();
    world.ok(index, Command::SetSlot { slot, action, keys, timeout_ms: 2000 });
}

fn name(id: NodeId) -> std::vec::Vec<u8> {
    id.as_str().as_bytes().to_vec()
}

fn owner(world: &World, index: usize) -> Option<NodeId> {
    world.topology(index).owner(slot()).map(|node| node.id)
}

/// Masters 0, 1, 2 with replicas 3, 4, 5; the slot moves from 0 to 1.
fn moving(seed: u64) -> World {
    moving_in(World::formed(3, 3, seed))
}

/// The slot moves from 0 to 1.
fn moving_in(mut world: World) -> World {
    let (from, to) = (world.id(0), world.id(1));
    set(&mut world, 1, SetSlotAction::Importing(name(from)));
    set(&mut world, 0, SetSlotAction::Migrating(name(to)));
    world.run(200);
    world
}

/// What a node says of itself now, without gossip.
fn packet(world: &World, index: usize, kind: crate::codec::MessageType) -> std::sync::Arc<[u8]> {
    let machine = &world.members[index].machine;
    crate::codec::Writer::new(&machine.header(kind, &machine.wire)).finish()
}

#[test]
fn the_source_fails_over_in_the_middle() {
    let mut world = moving(91);
    let (heir, target) = (world.id(3), world.id(1));
    assert_eq!(world.topology(3).migrating.get(&slot()), Some(&target), "as its master does");
    world.kill(0);
    world.run_until(30_000, "the target hears of its new source", |w| {
        owner(w, 1) == Some(heir) && w.topology(1).importing.get(&slot()) == Some(&heir)
    });
    assert_eq!(world.topology(3).migrating.get(&slot()), Some(&target));
    // The move goes on to its end.
    set(&mut world, 1, SetSlotAction::Node(name(target)));
    world.run_until(5_000, "everybody knows", |w| (1..6).all(|index| owner(w, index) == Some(target)));
    world.run_until(5_000, "the old source's replica knows, too", |w| w.topology(3).migrating.is_empty());
}

#[test]
fn the_target_fails_over_in_the_middle() {
    let mut world = moving(92);
    let (source, heir) = (world.id(0), world.id(4));
    world.kill(1);
    world.run_until(30_000, "the source hears of its new target", |w| {
        w.topology(0).migrating.get(&slot()) == Some(&heir)
    });
    assert_eq!(world.topology(4).importing.get(&slot()), Some(&source));
    assert_eq!(owner(&world, 4), Some(source));
    set(&mut world, 4, SetSlotAction::Node(name(heir)));
    world.run_until(5_000, "everybody knows", |w| [0, 2, 3, 4, 5].iter().all(|i| owner(w, *i) == Some(heir)));
}

#[test]
fn a_move_that_is_closed_is_not_inherited() {
    let mut world = moving(93);
    set(&mut world, 0, SetSlotAction::Stable);
    set(&mut world, 1, SetSlotAction::Stable);
    world.run(200);
    let heir = world.id(3);
    world.kill(0);
    world.run_until(30_000, "failed over", |w| owner(w, 1) == Some(heir));
    assert!(world.topology(3).migrating.is_empty() && world.topology(1).importing.is_empty());
}

/// The target was told that the slot is its own, told nobody, and died; the source was told, too.
#[test]
fn a_slot_that_was_given_to_the_dead_goes_to_their_heir() {
    let mut world = moving(94);
    let (target, heir) = (world.id(1), world.id(4));
    world.kill(1);
    world.run_until(30_000, "the target's replica acts", |w| {
        w.topology(4).importing.contains_key(&slot()) && w.topology(4).myself().is_primary()
    });
    // Whoever closes the move now still calls the target by its old name.
    let number = SLOT.to_string().into_bytes();
    world.ok(
        0,
        Command::SetSlot {
            slot: number,
            action: SetSlotAction::Node(name(target)),
            keys: 0,
            timeout_ms: 2000,
        },
    );
    world
        .run_until(10_000, "somebody serves it", |w| [0, 2, 4, 5].iter().all(|i| owner(w, *i) == Some(heir)));
    assert!(world.logged(4, "was to be ours: taking it over."));
}

#[test]
fn replicas_know_of_a_move_before_its_client() {
    let mut world = World::formed(3, 3, 95);
    let (from, to) = (world.id(0), world.id(1));
    set(&mut world, 1, SetSlotAction::Importing(name(from)));
    assert_eq!(world.topology(4).importing.get(&slot()), Some(&from));
    set(&mut world, 0, SetSlotAction::Migrating(name(to)));
    assert_eq!(world.topology(3).migrating.get(&slot()), Some(&to));
    // To its end: the target's replica has the slot as its master's.
    set(&mut world, 1, SetSlotAction::Node(name(to)));
    assert_eq!(owner(&world, 4), Some(to));
    assert!(world.topology(4).importing.is_empty());
}

#[test]
fn a_move_that_a_replica_does_not_hear_of_is_refused() {
    let mut world = World::formed(3, 6, 96);
    let to = world.id(1);
    world.members[3].cut = true;
    let slot_text = SLOT.to_string().into_bytes();
    let action = SetSlotAction::Migrating(name(to));
    let command = Command::SetSlot { slot: slot_text, action, keys: 0, timeout_ms: 500 };
    assert_eq!(world.command(0, command), Err(CommandError::NoReplicas));
    assert!(world.topology(0).migrating.is_empty());
    // The other replica heard of it: it is told that nothing came of it.
    world.run(200);
    assert!(world.topology(6).migrating.is_empty());
    // Once the dead one is known to be dead, nobody waits for it.
    world.run_until(20_000, "the replica has failed", |w| {
        let id = w.id(3);
        w.topology(0).node(&id).is_some_and(|node| node.flags.has(NodeFlags::FAIL))
    });
    set(&mut world, 0, SetSlotAction::Migrating(name(to)));
    assert_eq!(world.topology(6).migrating.get(&slot()), Some(&to));
}

#[test]
fn a_slot_that_its_source_gives_away_is_taken() {
    let mut world = moving(97);
    let target = world.id(1);
    let command = Command::SetSlot {
        slot: SLOT.to_string().into_bytes(),
        action: SetSlotAction::Node(name(target)),
        keys: 0,
        timeout_ms: 2000,
    };
    world.ok(0, command);
    world.run_until(5_000, "everybody knows", |w| (0..6).all(|index| owner(w, index) == Some(target)));
    assert!(world.topology(1).importing.is_empty());
}

#[test]
fn a_replica_that_leaves_meanwhile_is_not_waited_for() {
    let mut world = World::formed(3, 6, 98);
    let to = world.id(1);
    // The replica reads no PING, in which it would be told.
    world.ok(3, Command::Hook(Hook::DropPackets(0)));
    let action = SetSlotAction::Migrating(name(to));
    let slot_text = SLOT.to_string().into_bytes();
    let now = world::now_at(world.now);
    let command = Command::SetSlot { slot: slot_text, action, keys: 0, timeout_ms: 60_000 };
    world.members[0].machine.command(now, RequestId(77), command);
    world.run(500);
    assert!(world.topology(0).migrating.is_empty());
    world.ok(3, Command::Replicate { node: name(to), empty: true });
    world.run_until(20_000, "it is carried out", |w| w.topology(0).migrating.contains_key(&slot()));
}

/// The source of one move is the target of another, and both end at one instant: the two new epochs are the same.
#[test]
fn a_slot_stays_where_its_keys_have_gone_when_epochs_collide() {
    const OTHER: u64 = 12_000;
    let mut collisions = 0;
    for seed in 300..316 {
        let mut world = World::formed(3, 0, seed);
        let [source, target, third] = [0, 1, 2].map(|index| world.id(index));
        let end = |world: &mut World, index: usize, slot: u64, node: NodeId| {
            let slot = slot.to_string().into_bytes();
            let action = SetSlotAction::Node(name(node));
            world.ok(index, Command::SetSlot { slot, action, keys: 1, timeout_ms: 2000 });
        };
        let open = |world: &mut World, index: usize, slot: u64, action: SetSlotAction| {
            let slot = slot.to_string().into_bytes();
            world.ok(index, Command::SetSlot { slot, action, keys: 1, timeout_ms: 2000 });
        };
        open(&mut world, 1, SLOT, SetSlotAction::Importing(name(source)));
        open(&mut world, 0, SLOT, SetSlotAction::Migrating(name(target)));
        open(&mut world, 0, OTHER, SetSlotAction::Importing(name(third)));
        open(&mut world, 2, OTHER, SetSlotAction::Migrating(name(source)));
        world.run(200);
        end(&mut world, 1, SLOT, target);
        end(&mut world, 0, OTHER, source);
        let epoch = |world: &World, index: usize| world.topology(index).myself().config_epoch;
        collisions += usize::from(epoch(&world, 0) == epoch(&world, 1));
        world.run_until(10_000, "everybody knows", |w| {
            let other = Slot::new(OTHER).expect("a slot");
            let owner_of_other = |index| w.topology(index).owner(other).map(|node| node.id);
            (0..3).all(|index| owner(w, index) == Some(target) && owner_of_other(index) == Some(source))
                && epoch(w, 0) != epoch(w, 1)
        });
        world.run(2_000);
        assert!((0..3).all(|index| owner(&world, index) == Some(target)), "seed {seed}");
        assert!(world.topology(0).migrating.is_empty());
    }
    assert!(collisions > 2, "{collisions}");
}

/// The source takes one epoch after the other before it hears that the target has its slot.
#[test]
fn a_slot_stays_where_its_keys_have_gone_when_its_old_owner_has_later_epochs() {
    let mut world = moving_in(World::formed(3, 0, 317));
    let (source, target) = (world.id(0), world.id(1));
    // An operator's bumps stand for the ends of imports that the target does not hear of.
    world.members[1].cut = true;
    for index in [0, 2, 0] {
        assert!(world.command(index, Command::BumpEpoch).is_ok());
        world.run(200);
    }
    set(&mut world, 1, SetSlotAction::Node(name(target)));
    world.members[1].cut = false;
    let epoch = |world: &World, index: usize| world.topology(index).myself().config_epoch;
    assert!(epoch(&world, 1) < epoch(&world, 0));
    world.run_until(20_000, "everybody knows", |w| (0..3).all(|index| owner(w, index) == Some(target)));
    world.run(2_000);
    assert!((0..3).all(|index| owner(&world, index) == Some(target)));
    assert!(epoch(&world, 1) > epoch(&world, 0), "the target has the last word");
    // Once the source has let it go, the slot can go back.
    set(&mut world, 0, SetSlotAction::Importing(name(target)));
    set(&mut world, 0, SetSlotAction::Node(name(source)));
    world.run_until(5_000, "it is back", |w| (0..3).all(|index| owner(w, index) == Some(source)));
}

/// An import that nobody ended, and a move of the slot to somebody else.
#[test]
fn a_slot_that_its_source_gives_to_a_third_is_left_to_that_one() {
    let mut world = World::formed(3, 0, 318);
    let (source, third) = (world.id(0), world.id(2));
    set(&mut world, 1, SetSlotAction::Importing(name(source)));
    set(&mut world, 2, SetSlotAction::Importing(name(source)));
    set(&mut world, 0, SetSlotAction::Migrating(name(third)));
    world.run(200);
    world.mute.insert((2, 1));
    let end = |world: &mut World, index: usize| {
        let action = SetSlotAction::Node(name(third));
        let slot = SLOT.to_string().into_bytes();
        world.ok(index, Command::SetSlot { slot, action, keys: 0, timeout_ms: 2000 });
    };
    end(&mut world, 2);
    end(&mut world, 0);
    // It hears the source let go, and not who has it.
    world.run(2 * world.timeout);
    assert_eq!(owner(&world, 1), Some(source));
    world.mute.clear();
    world.run_until(10_000, "everybody knows", |w| (0..3).all(|index| owner(w, index) == Some(third)));
    assert!(world.topology(1).importing.is_empty(), "there is nothing to import any more");
    world.run(8 * world.timeout);
    assert!((0..3).all(|index| owner(&world, index) == Some(third)));
}

/// Who was to have it is told by its source alone, while another primary is dead for good: not waited for without end.
#[test]
fn a_slot_is_taken_though_somebody_is_never_heard() {
    let mut world = moving_in(World::formed(4, 0, 319));
    let target = world.id(1);
    world.members[3].cut = true;
    world.run(100);
    let action = SetSlotAction::Node(name(target));
    let slot = SLOT.to_string().into_bytes();
    world.ok(0, Command::SetSlot { slot, action, keys: 0, timeout_ms: 2000 });
    world.run_until(20 * world.timeout, "it is served", |w| {
        (0..3).all(|index| owner(w, index) == Some(target))
    });
}

/// Told to import from one who does not have the slot yet, a node believes that one once it has.
#[test]
fn the_source_of_an_import_may_get_the_slot_later() {
    let mut world = World::formed(3, 0, 320);
    let (first, second) = (world.id(0), world.id(2));
    set(&mut world, 1, SetSlotAction::Importing(name(second)));
    set(&mut world, 2, SetSlotAction::Importing(name(first)));
    set(&mut world, 2, SetSlotAction::Node(name(second)));
    world.run_until(5_000, "everybody knows", |w| (0..3).all(|index| owner(w, index) == Some(second)));
    assert_eq!(world.topology(1).importing.get(&slot()), Some(&second));
}

/// A primary was replaced while it was cut off. Would it end an import, its new epoch would make all its old claims win.
#[test]
fn a_replaced_primary_ends_no_import() {
    let mut world = World::formed(3, 3, 321);
    let (other, me, heir) = (world.id(1), world.id(0), world.id(3));
    let slot = Slot::new(6000).expect("a slot");
    assert_eq!(world.topology(0).owner(slot).map(|node| node.id), Some(other));
    let text = slot.number().to_string().into_bytes();
    let set = |action| Command::SetSlot { slot: text.clone(), action, keys: 1, timeout_ms: 60_000 };
    world.ok(0, set(SetSlotAction::Importing(name(other))));
    world.ok(1, set(SetSlotAction::Migrating(name(me))));
    world.run(200);
    world.members[0].cut = true;
    world.run_until(30_000, "replaced", |w| owner(w, 1) == Some(heir));
    let now = world::now_at(world.now);
    world.members[0].machine.command(now, RequestId(78), set(SetSlotAction::Node(name(me))));
    let epoch = world.topology(0).myself().config_epoch;
    world.run(1_000);
    world.members[0].cut = false;
    world.run_until(30_000, "it hears of its heir", |w| owner(w, 0) == Some(heir));
    assert_eq!(world.topology(0).current_epoch, world.topology(1).current_epoch);
    assert!(world.topology(0).current_epoch > epoch);
    world.run(5_000);
    assert!((0..6).all(|index| owner(&world, index) == Some(heir)));
}

#[test]
fn a_primary_without_a_majority_ends_no_import() {
    let mut world = World::formed(3, 3, 322);
    let (other, me) = (world.id(1), world.id(0));
    let set = |action, timeout_ms| Command::SetSlot { slot: b"6000".to_vec(), action, keys: 1, timeout_ms };
    world.ok(0, set(SetSlotAction::Importing(name(other)), 2000));
    let replica = world.id(3);
    world.kill(3);
    world.run_until(20_000, "the replica has failed", |w| {
        w.topology(0).node(&replica).is_some_and(|node| node.flags.has(NodeFlags::FAIL))
    });
    world.members[0].cut = true;
    world.run(2 * world.timeout);
    assert_eq!(world.command(0, set(SetSlotAction::Node(name(me)), 500)), Err(CommandError::NoMajority));
    world.members[0].cut = false;
    world.run_until(30_000, "the cluster is well", |w| w.topology(0).state == State::Ok);
    world.ok(0, set(SetSlotAction::Node(name(me)), 5000));
    world.run_until(5_000, "everybody knows", |w| {
        (0..3).all(|index| {
            w.topology(index).owner(Slot::new(6000).expect("a slot")).is_some_and(|n| n.id == me)
        })
    });
}

/// The source had later epochs, and lets go before the target hears it: what it claimed by those may still be on its way.
#[test]
fn who_has_a_slot_has_a_later_epoch_than_its_old_owner() {
    let mut world = moving_in(World::formed(3, 0, 323));
    let target = world.id(1);
    world.members[1].cut = true;
    for index in [0, 2, 0] {
        assert!(world.command(index, Command::BumpEpoch).is_ok());
        world.run(200);
    }
    set(&mut world, 1, SetSlotAction::Node(name(target)));
    let action = SetSlotAction::Node(name(target));
    let slot = SLOT.to_string().into_bytes();
    world.ok(0, Command::SetSlot { slot, action, keys: 0, timeout_ms: 2000 });
    world.run(200);
    world.members[1].cut = false;
    let epoch = |world: &World, index: usize| world.topology(index).myself().config_epoch;
    assert!(epoch(&world, 1) < epoch(&world, 0));
    world.run_until(20_000, "the target has the last word", |w| epoch(w, 1) > epoch(w, 0));
    world.run_until(5_000, "everybody knows", |w| (0..3).all(|index| owner(w, index) == Some(target)));
}

/// A node hears the source let the slot go, and then a later epoch of the source's, but not yet the target; and starts anew. Would it have forgotten that, it would
/// tell the target that the source has the slot by the later epoch, and nobody would have it.
#[test]
fn a_restart_does_not_give_a_slot_back_to_who_let_it_go() {
    let mut world = moving_in(World::formed(3, 0, 324));
    let (source, target) = (world.id(0), world.id(1));
    world.mute.insert((1, 2));
    set(&mut world, 1, SetSlotAction::Node(name(target)));
    let action = SetSlotAction::Node(name(target));
    let slot = SLOT.to_string().into_bytes();
    world.ok(0, Command::SetSlot { slot, action, keys: 0, timeout_ms: 2000 });
    world.run(2 * world.timeout);
    assert_eq!(owner(&world, 0), Some(target), "it hears the target");
    assert_eq!(owner(&world, 2), Some(source), "it does not");
    world.mute.insert((0, 1));
    assert!(world.command(0, Command::BumpEpoch).is_ok());
    let later = world.topology(0).myself().config_epoch;
    world.run_until(5_000, "the bystander hears of the source's epoch", |w| {
        w.topology(2).node(&source).is_some_and(|node| node.config_epoch == later)
    });
    world.run(1_000);
    world.kill(2);
    world.mute = [(0, 1), (0, 2)].into();
    world.restart(2, false);
    world.run_until(30_000, "the bystander knows", |w| owner(w, 2) == Some(target));
    world.mute.clear();
    world.run(2 * world.timeout);
    assert!((0..3).all(|index| owner(&world, index) == Some(target)));
}

/// The same, while the end is told twice, as by an operator who missed the answer.
#[test]
fn a_slot_stays_where_it_is_when_that_is_said_again() {
    let mut world = moving_in(World::formed(3, 0, 325));
    let target = world.id(1);
    world.members[1].cut = true;
    for index in [0, 2, 0] {
        assert!(world.command(index, Command::BumpEpoch).is_ok());
        world.run(200);
    }
    set(&mut world, 1, SetSlotAction::Node(name(target)));
    set(&mut world, 1, SetSlotAction::Node(name(target)));
    world.members[1].cut = false;
    world.run(2 * world.timeout);
    assert!((0..3).all(|index| owner(&world, index) == Some(target)));
}

/// Two nodes have given each other a slot. In one answer the first hears that its own is its own, and that the second has the other one by a later epoch.
#[test]
fn an_exchange_of_slots_is_not_contested() {
    const OTHER: u64 = 6_000;
    let mut world = World::formed(3, 0, 326);
    let [first, second] = [0, 1].map(|index| world.id(index));
    set_other(&mut world, 0, OTHER, SetSlotAction::Importing(name(second)), 0);
    set_other(&mut world, 1, OTHER, SetSlotAction::Migrating(name(first)), 1);
    set_other(&mut world, 1, SLOT, SetSlotAction::Importing(name(first)), 0);
    set_other(&mut world, 0, SLOT, SetSlotAction::Migrating(name(second)), 1);
    world.run(200);
    world.mute = [(1, 0), (2, 0)].into();
    set_other(&mut world, 0, OTHER, SetSlotAction::Node(name(first)), 1);
    world.run(100);
    set_other(&mut world, 1, OTHER, SetSlotAction::Node(name(first)), 0);
    set_other(&mut world, 1, SLOT, SetSlotAction::Node(name(second)), 1);
    let epoch = |world: &World, index: usize| world.topology(index).myself().config_epoch;
    assert!(epoch(&world, 1) > epoch(&world, 0));
    let peer = world.members[0].machine.nodes.find(&second).expect("known");
    world.run_until(5_000, "it is asked", |w| w.members[0].machine.nodes[peer].ping_sent.is_some());
    assert_eq!(owner(&world, 0), Some(first), "it has heard nothing");
    let answer = packet(&world, 1, crate::codec::MessageType::Pong);
    let machine = &mut world.members[0].machine;
    let link = machine.nodes[peer].link.expect("a link");
    assert_eq!(machine.handle_packet(world::now_at(world.now), link, &answer), Ok(()));
    assert_eq!(owner(&world, 0), Some(second), "it is left to the second at once");
    assert!(epoch(&world, 0) > epoch(&world, 1), "who has the other one has a later epoch than who had it");
    world.mute.clear();
    world.run(2 * world.timeout);
    assert!((0..3).all(|index| owner(&world, index) == Some(second)));
}

/// A slot goes to and fro, and then the packets come that the other end sent meanwhile: one from before it had the slot does not say that it has let it go.
#[test]
fn a_late_packet_does_not_say_that_a_slot_was_let_go() {
    let mut world = moving_in(World::formed(3, 0, 327));
    let (first, second) = (world.id(0), world.id(1));
    let mut late = std::vec![packet(&world, 1, crate::codec::MessageType::Ping)];
    world.mute = [(1, 0), (2, 0)].into();
    for index in [1, 2, 1] {
        assert!(world.command(index, Command::BumpEpoch).is_ok());
        world.run(200);
    }
    set(&mut world, 1, SetSlotAction::Node(name(second)));
    late.push(packet(&world, 1, crate::codec::MessageType::Ping));
    let given = |world: &mut World, index: usize, to: NodeId| {
        set_other(world, index, SLOT, SetSlotAction::Node(name(to)), 0);
    };
    given(&mut world, 0, second);
    set(&mut world, 0, SetSlotAction::Importing(name(second)));
    set(&mut world, 1, SetSlotAction::Migrating(name(first)));
    set(&mut world, 0, SetSlotAction::Node(name(first)));
    given(&mut world, 1, first);
    let machine = &mut world.members[0].machine;
    let peer = machine.nodes.find(&second).expect("known");
    let link = machine.nodes[peer].inbound.expect("a link");
    for bytes in late {
        assert_eq!(machine.handle_packet(world::now_at(world.now), link, &bytes), Ok(()));
    }
    assert_eq!(owner(&world, 0), Some(first));
    world.mute.clear();
    world.run(2 * world.timeout);
    assert!((0..3).all(|index| owner(&world, index) == Some(first)));
}

/// A source that has given its last slot away follows the target, and so do its replicas: all are of one shard when the target is replaced.
#[test]
fn a_target_gives_way_to_its_heir_though_the_source_has_become_its_replica() {
    const LAST: u64 = 16_383;
    let mut world = World::formed(4, 4, 328);
    let (target, source) = (world.id(0), world.id(3));
    let rest = [(b"12291".to_vec(), b"16382".to_vec())];
    for index in [3, 0, 1, 2, 4, 5, 6, 7] {
        world.ok(index, Command::DelSlotsRange(rest.clone().into()));
    }
    world.ok(2, Command::AddSlotsRange(rest.into()));
    let last = Slot::new(LAST).expect("a slot");
    let owner =
        |world: &World, index: usize, slot: Slot| world.topology(index).owner(slot).map(|node| node.id);
    world.run_until(10_000, "the others have its slots", |w| {
        let before = Slot::new(LAST - 1).expect("a slot");
        (0..8).all(|index| owner(w, index, before) == Some(w.id(2)) && owner(w, index, last) == Some(source))
    });
    set_other(&mut world, 0, LAST, SetSlotAction::Importing(name(source)), 0);
    set_other(&mut world, 3, LAST, SetSlotAction::Migrating(name(target)), 1);
    set_other(&mut world, 0, LAST, SetSlotAction::Node(name(target)), 1);
    world.run_until(20_000, "the source and its replica follow the target", |w| {
        let follows = |by: usize, whom: usize| {
            w.topology(by).node(&w.id(whom)).is_some_and(|node| node.primary == Some(target))
        };
        (0..8).all(|index| follows(index, 3) && follows(index, 7))
    });
    world.members[0].cut = true;
    world.run_until(30_000, "the target is replaced", |w| owner(w, 1, last).is_some_and(|id| id != target));
    let heir = owner(&world, 1, last);
    world.members[0].cut = false;
    world.run_until(30_000, "it follows its heir", |w| w.topology(0).myself().primary == heir);
    assert!((0..8).all(|index| owner(&world, index, last) == heir));
}

/// The target is cut off right after it took the slot, and replaced; its heir gives the slot back. It does not take it from whom it once had it.
#[test]
fn a_replaced_target_does_not_contest_what_its_heir_has_given_back() {
    for seed in 329..333 {
        let mut world = moving(seed);
        let (source, target, heir) = (world.id(0), world.id(1), world.id(4));
        world.mute.insert((0, 1));
        set(&mut world, 1, SetSlotAction::Node(name(target)));
        world.members[1].cut = true;
        world.mute.clear();
        world.run_until(30_000, "the heir has it", |w| {
            [0, 2, 3, 4, 5].iter().all(|i| owner(w, *i) == Some(heir))
        });
        set(&mut world, 0, SetSlotAction::Importing(name(heir)));
        set(&mut world, 4, SetSlotAction::Migrating(name(source)));
        set(&mut world, 0, SetSlotAction::Node(name(source)));
        world
            .run_until(5_000, "it is back", |w| [0, 2, 3, 4, 5].iter().all(|i| owner(w, *i) == Some(source)));
        world.members[1].cut = false;
        world.run_until(30_000, "the old target knows", |w| {
            owner(w, 1) == Some(source) && w.topology(1).myself().primary.is_some()
        });
        world.run(4 * world.timeout);
        assert!((0..6).all(|index| owner(&world, index) == Some(source)), "seed {seed}");
    }
}

/// A primary said that it takes a slot, and died before any of its packets showed that: those on their way were older. Its
/// successor has the slot; the old owner would have kept it otherwise, or nobody would.
#[test]
fn a_slot_that_a_primary_was_about_to_take_is_its_successors() {
    let mut world = moving(103);
    let (target, heir) = (world.id(1), world.id(4));
    let machine = &mut world.members[4].machine;
    let sender = machine.nodes.find(&target).expect("its primary");
    machine.on_set_slot(sender, 1, slot(), crate::codec::SetSlotKind::Node, target);
    // Both say the contrary meanwhile.
    world.run(world.timeout);
    assert_eq!(owner(&world, 4), Some(target));
    assert_ne!(owner(&world, 1), Some(target));
    world.kill(1);
    world
        .run_until(30_000, "the heir has it", |w| [0, 2, 3, 4, 5].iter().all(|i| owner(w, *i) == Some(heir)));
}

/// What it said did not come to pass.
#[test]
fn a_slot_that_a_primary_does_not_take_goes_back_in_time() {
    let mut world = moving(104);
    let (source, target) = (world.id(0), world.id(1));
    let machine = &mut world.members[4].machine;
    let sender = machine.nodes.find(&target).expect("its primary");
    machine.on_set_slot(sender, 1, slot(), crate::codec::SetSlotKind::Node, target);
    world.run(4 * world.timeout);
    assert_eq!(owner(&world, 4), Some(source));
}
