//! Redis's texts for bad input, and what good input does.

use super::world::World;
use crate::*;
use std::string::{String, ToString};
use std::vec::Vec;

fn error(world: &mut World, index: usize, command: Command) -> String {
    world.command(index, command).expect_err("refused").to_string()
}

fn list(slots: &[&str]) -> Vec<Vec<u8>> {
    slots.iter().map(|s| s.as_bytes().to_vec()).collect()
}

#[test]
fn meet() {
    let mut world = World::new(1, 81);
    let meet = |ip: &str, port: &str, bus: Option<&str>| Command::Meet {
        ip: ip.into(),
        port: port.into(),
        bus_port: bus.map(Into::into),
    };
    let cases = [
        (meet("127.0.0.1", "x", None), "ERR Invalid base port specified: x"),
        (meet("127.0.0.1", "7000", Some("y")), "ERR Invalid bus port specified: y"),
        (meet("localhost", "7000", None), "ERR Invalid node address specified: localhost:7000"),
        (meet("127.0.0.1", "0", None), "ERR Invalid node address specified: 127.0.0.1:0"),
        (meet("127.0.0.1", "60000", None), "ERR Invalid node address specified: 127.0.0.1:60000"),
        (meet("127.0.0.1", "7000", Some("65536")), "ERR Invalid node address specified: 127.0.0.1:7000"),
    ];
    for (command, text) in cases {
        assert_eq!(error(&mut world, 0, command), text);
    }
}

#[test]
fn slots() {
    let mut world = World::new(1, 82);
    assert_eq!(
        error(&mut world, 0, Command::AddSlots(list(&["1", "16384"]))),
        "ERR Invalid or out of range slot"
    );
    assert_eq!(
        error(&mut world, 0, Command::AddSlots(list(&["1", "-1"]))),
        "ERR Invalid or out of range slot"
    );
    assert_eq!(
        error(&mut world, 0, Command::AddSlots(list(&["1", "1"]))),
        "ERR Slot 1 specified multiple times"
    );
    world.ok(0, Command::AddSlots(list(&["1", "2"])));
    assert_eq!(error(&mut world, 0, Command::AddSlots(list(&["3", "2"]))), "ERR Slot 2 is already busy");
    assert_eq!(world.topology(0).slots_assigned(), 2);
    assert_eq!(error(&mut world, 0, Command::DelSlots(list(&["3"]))), "ERR Slot 3 is already unassigned");
    let range = |a: &str, b: &str| Vec::from([(a.as_bytes().to_vec(), b.as_bytes().to_vec())]);
    assert_eq!(
        error(&mut world, 0, Command::AddSlotsRange(range("9", "5"))),
        "ERR start slot number 9 is greater than end slot number 5"
    );
    world.ok(0, Command::AddSlotsRange(range("5", "16383")));
    world.ok(0, Command::DelSlotsRange(range("5", "16000")));
    assert_eq!(world.topology(0).slots_assigned(), 385);
    assert!(world.members[0].disk.contains(" connected 1-2 16001-16383\n"), "{}", world.members[0].disk);
    assert_eq!(
        error(&mut world, 0, Command::FlushSlots { empty: false }),
        "ERR DB must be empty to perform CLUSTER FLUSHSLOTS."
    );
    world.ok(0, Command::FlushSlots { empty: true });
    assert_eq!(world.topology(0).slots_assigned(), 0);
}

#[test]
fn setslot() {
    let mut world = World::formed(3, 3, 83);
    let (mine, other, replica) = (world.id(0).0.to_vec(), world.id(1).0.to_vec(), world.id(3).0.to_vec());
    let unknown = Vec::from([b'0'; 40]);
    let set =
        |slot: &str, action, keys| Command::SetSlot { slot: slot.into(), action, keys, timeout_ms: 2000 };
    use SetSlotAction::{Importing, Migrating, Node, Stable};
    let zeros = "0".repeat(40);
    let cases = [
        (3, set("1", Stable, 0), "ERR Please use SETSLOT only with masters.".to_string()),
        (0, set("x", Stable, 0), "ERR Invalid or out of range slot".into()),
        (0, set("6000", Migrating(other.clone()), 0), "ERR I'm not the owner of hash slot 6000".into()),
        (0, set("1", Migrating(unknown.clone()), 0), std::format!("ERR I don't know about node {zeros}")),
        (0, set("1", Migrating(replica.clone()), 0), "ERR Target node is not a master".into()),
        (0, set("1", Importing(other.clone()), 0), "ERR I'm already the owner of hash slot 1".into()),
        (0, set("1", Node(unknown), 0), std::format!("ERR Unknown node {zeros}")),
        (0, set("1", Node(replica), 0), "ERR Target node is not a master".into()),
        (
            0,
            set("1", Node(other.clone()), 3),
            "ERR Can't assign hashslot 1 to a different node while I still hold keys for this hash slot."
                .into(),
        ),
    ];
    for (index, command, text) in cases {
        assert_eq!(error(&mut world, index, command), text);
    }
    world.ok(0, set("1", Migrating(other), 5));
    world.ok(0, set("1", Node(mine), 5));
    assert_eq!(world.topology(0).migrating.len(), 1, "keys left: still migrating");
    world.ok(0, set("1", Stable, 5));
    assert!(world.topology(0).migrating.is_empty());
}

#[test]
fn membership() {
    let mut world = World::formed(3, 3, 84);
    let id = |world: &World, index: usize| world.id(index).0.to_vec();
    let (zero, one, three) = (id(&world, 0), id(&world, 1), id(&world, 3));
    let replicate = |node: &[u8], empty| Command::Replicate { node: node.to_vec(), empty };
    let forget = |node: &[u8]| Command::Forget { node: node.to_vec() };
    let cases = [
        (0, forget(b"nobody"), "ERR Unknown node nobody"),
        (0, forget(&zero), "ERR I tried hard but I can't forget myself..."),
        (3, forget(&zero), "ERR Can't forget my master!"),
        (3, replicate(b"nobody", true), "ERR Unknown node nobody"),
        (3, replicate(&three, true), "ERR Can't replicate myself"),
        (4, replicate(&three, true), "ERR I can only replicate a master, not a replica."),
        (0, replicate(&one, true), "ERR To set a master the node must be empty and without assigned slots."),
        (
            0,
            Command::Reset { hard: false, empty: false },
            "ERR CLUSTER RESET can't be called with master nodes containing keys",
        ),
        (
            0,
            Command::SetConfigEpoch(b"9".to_vec()),
            "ERR The user can assign a config epoch only when the node does not know any other node.",
        ),
    ];
    for (index, command, text) in cases {
        assert_eq!(error(&mut world, index, command), text);
    }
    world.ok(3, replicate(&one, false));
    world.run(500);
    assert_eq!(world.members[3].data.of, Some(world.id(1)));
    assert_eq!(world.topology(3).myself().shard_id, world.topology(1).myself().shard_id);
}

#[test]
fn reset() {
    let mut world = World::formed(3, 3, 85);
    let before = world.id(3);
    world.ok(3, Command::Reset { hard: false, empty: false });
    let topology = world.topology(3);
    assert_eq!((topology.nodes.len(), topology.slots_assigned(), world.id(3)), (1, 0, before));
    assert!(matches!(world.members[3].data.orders.last(), Some(Order::BecomeEmptyPrimary)));
    assert!(world.members[3].machine.current_epoch().0 >= 6);
    world.ok(3, Command::Reset { hard: true, empty: true });
    assert_ne!(world.id(3), before);
    assert_eq!(world.members[3].machine.current_epoch().0, 0);
    assert!(world.logged(3, "Node hard reset, now I'm"));
}

#[test]
fn an_answer_leaves_after_the_save() {
    let mut world = World::new(1, 86);
    world.members[0].disk_stalled = true;
    let now = super::world::now_at(world.now);
    world.members[0].machine.command(now, RequestId(77), Command::AddSlots(list(&["5"])));
    world.run(500);
    assert!(world.members[0].replies.is_empty());
    let version = ConfigVersion(2);
    world.members[0].machine.handle_save_failed(now, version, "No space left on device");
    world.run(500);
    let result = world.members[0].replies.remove(&77).expect("answered");
    assert_eq!(
        result.map_err(|e| e.to_string()),
        Err("ERR error saving the cluster node config: No space left on device".into())
    );
    assert_eq!(
        error(&mut world, 0, Command::AddSlots(list(&["6"]))),
        "ERR error saving the cluster node config: No space left on device"
    );
}
