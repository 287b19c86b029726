//! Config epochs: collisions, bumps, and claims that win or lose by them.

use super::world::{World, slots};
use crate::*;
use base::{Epoch, Slot};
use std::collections::BTreeSet;
use std::string::ToString;
use std::vec::Vec;

#[test]
fn collisions_are_resolved() {
    let mut world = World::new(3, 61);
    world.meet(0, 1);
    world.meet(0, 2);
    let epochs = |w: &World| w.members.iter().map(|m| m.machine.config_epoch()).collect::<BTreeSet<_>>();
    world.run_until(20_000, "distinct epochs", |w| epochs(w).len() == 3);
    let largest = (0..3).max_by_key(|i| world.id(*i)).expect("three");
    assert_eq!(world.members[largest].machine.config_epoch(), Epoch(0), "the largest name never moves");
}

#[test]
fn bumpepoch_says_what_it_did() {
    let mut world = World::new(1, 62);
    assert_eq!(world.command(0, Command::BumpEpoch), Ok(Answer::Simple("BUMPED 1".into())));
    assert_eq!(world.command(0, Command::BumpEpoch), Ok(Answer::Simple("STILL 1".into())));
    assert!(world.logged(0, "New configEpoch set to 1"));
    assert!(world.members[0].disk.contains("vars currentEpoch 1 lastVoteEpoch 0"));
}

#[test]
fn a_slot_moves_by_setslot_and_everybody_learns() {
    let mut world = World::formed(3, 0, 63);
    let (from, to) = (world.id(0), world.id(1));
    let set = |action| Command::SetSlot { slot: b"7".to_vec(), action, keys: 0, timeout_ms: 2000 };
    world.ok(1, set(SetSlotAction::Importing(from.0.to_vec())));
    world.ok(0, set(SetSlotAction::Migrating(to.0.to_vec())));
    let slot = Slot::new(7).expect("slot");
    assert_eq!(world.topology(0).migrating.get(&slot), Some(&to));
    assert_eq!(world.topology(1).importing.get(&slot), Some(&from));
    assert!(world.members[0].disk.contains(&std::format!("[7->-{to}]")));
    world.ok(1, set(SetSlotAction::Node(to.0.to_vec())));
    assert!(world.logged(1, "configEpoch updated after importing slot 7"));
    world.run_until(5_000, "everybody knows", |w| {
        (0..3).all(|i| w.topology(i).owner(slot).is_some_and(|n| n.id == to))
    });
    assert!(world.topology(0).migrating.is_empty());
    let dropped: Vec<_> =
        world.members[0].data.orders.iter().filter(|o| matches!(o, Order::DropSlots { .. })).collect();
    assert!(
        matches!(dropped[..], [Order::DropSlots { slots: lost, .. }] if *lost == slots(7..8)),
        "{dropped:?}"
    );
}

#[test]
fn a_primary_with_an_old_view_is_told() {
    let mut world = World::formed(3, 3, 64);
    let heir = world.id(3);
    world.members[0].cut = true;
    world.run_until(20_000, "failover", |w| {
        w.topology(1).owner(Slot::new(0).expect("slot")).is_some_and(|n| n.id == heir)
    });
    world.kill(3);
    world.run(3_000);
    world.members[0].cut = false;
    world.run_until(20_000, "the old primary gives way", |w| {
        w.topology(0).owner(Slot::new(0).expect("slot")).is_some_and(|n| n.id == heir)
    });
    assert!((1..6).any(|i| world.logged(i, "has old slots configuration, sending an UPDATE message about")));
    assert_eq!(world.topology(0).myself().primary, Some(heir));
}

#[test]
fn set_config_epoch_texts() {
    let mut world = World::new(1, 65);
    let set = |epoch: &str| Command::SetConfigEpoch(epoch.as_bytes().to_vec());
    let text = |result: Result<Answer, CommandError>| result.map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(text(world.command(0, set("-1"))), Err("ERR Invalid config epoch specified: -1".into()));
    assert_eq!(text(world.command(0, set("x"))), Err("ERR value is not an integer or out of range".into()));
    assert_eq!(text(world.command(0, set("5"))), Ok(()));
    assert_eq!(text(world.command(0, set("6"))), Err("ERR Node config epoch is already non-zero".into()));
    assert!(world.logged(0, "configEpoch set to 5 via CLUSTER SET-CONFIG-EPOCH"));
}

/// A replica's header repeats its primary's epoch. A packet that it sent as a primary, and that comes late on another
/// link, does not turn that epoch into a claim of its own.
#[test]
fn an_epoch_repeated_as_a_replica_is_no_collision() {
    use crate::codec::{Header, MessageType, Writer};
    let mut world = World::formed(3, 0, 66);
    let (me, other) = if world.id(0) < world.id(1) { (0, 1) } else { (1, 0) };
    let (my_id, other_id) = (world.id(me), world.id(other));
    let _ = world.command(me, Command::BumpEpoch);
    let epoch = world.members[me].machine.config_epoch();
    let theirs = world.members[other].machine.config_epoch();
    assert!(epoch > theirs);
    let claimed = (*world.topology(other).myself().slots).clone();
    let link = world.members[me].machine.links.map.iter().find(|(_, link)| {
        link.inbound && link.node.is_some_and(|ix| world.members[me].machine.nodes[ix].id == other_id)
    });
    let link = *link.expect("of the other").0;
    let now = super::world::now_at(world.now);
    for (primary, config_epoch) in [(Some(my_id), epoch), (None, theirs)] {
        let header = Header {
            kind: MessageType::Ping as u16,
            port: 7000,
            second_port: 0,
            bus_port: 17000,
            count: 0,
            extensions: 0,
            current_epoch: epoch.max(theirs),
            config_epoch,
            offset: base::ReplOffset(0),
            sender: Some(other_id),
            slots: claimed.as_bytes(),
            primary,
            is_primary: primary.is_none(),
            ip: "",
            flags: if primary.is_none() { NodeFlags::PRIMARY } else { NodeFlags::REPLICA },
            state: 0,
            mflags: 0,
            mark: None,
        };
        let packet = Writer::new(&header).finish();
        world.members[me].machine.handle_packet(now, link, &packet).expect("well formed");
    }
    assert_eq!(world.members[me].machine.config_epoch(), epoch);
}

#[test]
fn in_a_large_cluster_what_others_say_is_saved_and_published_in_time_and_what_is_asked_for_at_once() {
    let mut world = World::formed(3, 3, 77);
    for n in 0..400u16 {
        let mut id = [b'0'; 40];
        id[..3].copy_from_slice(std::format!("{n:03x}").as_bytes());
        world.plant(0, base::NodeId(id), 20_000 + n);
    }
    world.run(300);
    let now = world.now;
    let machine = &mut world.members[0].machine;
    assert_eq!(machine.pace_ms(), 20);
    let mut step = |at: u64, act: &dyn Fn(&mut Machine)| {
        machine.now = super::world::now_at(at);
        act(machine);
        // A report that changes nothing.
        machine.handle_save_failed(super::world::now_at(at), ConfigVersion(0), "");
        let mut seen = (0, 0);
        while let Some(action) = machine.poll_action() {
            match action {
                Action::Save { version, .. } => {
                    machine.handle_saved(super::world::now_at(at), version);
                    seen.0 += 1;
                }
                Action::ToData { message: ToData::Topology(_), .. } => seen.1 += 1,
                _ => {}
            }
        }
        seen
    };
    step(now + 1000, &|_| {});
    step(now + 2000, &|_| {});
    let hear = |epoch| move |machine: &mut Machine| machine.observe_epoch(Epoch(epoch));
    assert_eq!(step(now + 2001, &hear(500)), (0, 0));
    assert_eq!(step(now + 2010, &hear(501)), (0, 0));
    assert_eq!(step(now + 2021, &|_| {}), (1, 1), "20 ms after the first");
    assert_eq!(step(now + 2030, &hear(502)), (0, 0));
    let bump = |machine: &mut Machine| machine.command(machine.now, RequestId(9), Command::BumpEpoch);
    assert_eq!(step(now + 2031, &bump), (1, 1), "an operator waits");
}
