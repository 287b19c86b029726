//! The first actions of a node, and packets by themselves: equality on the action list.

use super::world::now_at;
use crate::codec::{Header, MessageType, Writer};
use crate::*;
use alloc::sync::Arc;
use base::{Epoch, NodeId, ReplOffset, SlotSet};
use std::format;
use std::vec::Vec;

fn drain(machine: &mut Machine) -> Vec<Action> {
    let actions = core::iter::from_fn(|| machine.poll_action());
    actions.filter(|action| !matches!(action, Action::Journal(_))).collect()
}

fn fresh() -> Machine {
    Machine::new(Config::default(), Start::Fresh, 1, now_at(0))
}

#[test]
fn a_fresh_node_saves_and_publishes() {
    let mut machine = fresh();
    let me = machine.me();
    let actions = drain(&mut machine);
    let text = format!(
        "{me} :6379@16379 myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0 grapevine-shards {me}:{}\n",
        machine.topology().myself().shard_id
    );
    let expected = [
        Action::Log { level: LogLevel::Notice, text: format!("No cluster configuration found, I'm {me}") },
        Action::Save { version: ConfigVersion(1), text },
        Action::ToData { message: ToData::Topology(machine.topology()), after: After::Now },
    ];
    assert_eq!(actions, expected);
    assert_eq!(machine.topology().state, State::Fail(FailReason::Starting));
    assert_eq!(machine.poll_timeout(), Some(base::Millis(0)));
}

#[test]
fn the_same_seed_gives_the_same_node() {
    assert_eq!(fresh().me(), fresh().me());
    assert_ne!(fresh().me(), Machine::new(Config::default(), Start::Fresh, 2, now_at(0)).me());
}

#[test]
fn a_restored_node_orders_what_its_file_says() {
    let (me, primary) = ("a".repeat(40), "b".repeat(40));
    let text = format!(
        "{me} 127.0.0.1:7001@17001 myself,slave {primary} 0 0 3 connected\n\
         {primary} 127.0.0.1:7002@17002 master - 0 0 3 connected 0-16383\n\
         vars currentEpoch 6 lastVoteEpoch 2\n"
    );
    let conf = nodes_conf::parse(text.as_bytes()).expect("readable").expect("not empty");
    let config = Config { port: 7001, ..Config::default() };
    let mut machine = Machine::new(config, Start::Restored(conf), 1, now_at(0));
    let actions = drain(&mut machine);
    let order = Order::Replicate { primary: NodeId([b'b'; 40]), host: "127.0.0.1".into(), port: 7002 };
    let expected = [
        Action::Log { level: LogLevel::Notice, text: format!("Node configuration loaded, I'm {me}") },
        Action::ToData { message: ToData::Topology(machine.topology()), after: After::Now },
        Action::ToData { message: ToData::Order(order), after: After::Now },
    ];
    assert_eq!(actions, expected);
    assert_eq!((machine.current_epoch(), machine.last_vote_epoch()), (Epoch(6), Epoch(2)));
}

/// Saved in the moment in which the replica's primary had just become a replica: it is of this shard, and asked before we serve.
#[test]
fn a_replica_of_a_replica_is_restored_to_the_shard() {
    let [me, replica, between] = ["a", "b", "c"].map(|name| name.repeat(40));
    let text = format!(
        "{replica} 127.0.0.1:7002@17002 slave {between} 0 0 3 connected\n\
         {between} 127.0.0.1:7003@17003 slave {me} 0 0 3 connected\n\
         {me} 127.0.0.1:7001@17001 myself,master - 0 0 3 connected 0-16383\n\
         vars currentEpoch 6 lastVoteEpoch 2\n"
    );
    let conf = nodes_conf::parse(text.as_bytes()).expect("readable").expect("not empty");
    let machine = Machine::new(Config::default(), Start::Restored(conf), 1, now_at(0));
    let topology = machine.topology();
    assert!(topology.nodes.iter().all(|node| node.shard_id == topology.myself().shard_id));
}

/// A file that nobody wrote.
#[test]
fn replicas_in_a_circle_are_restored() {
    let [me, one, other] = ["a", "b", "c"].map(|name| name.repeat(40));
    let text = format!(
        "{me} 127.0.0.1:7001@17001 myself,master - 0 0 3 connected 0-16383\n\
         {one} 127.0.0.1:7002@17002 slave {other} 0 0 3 connected\n\
         {other} 127.0.0.1:7003@17003 slave {one} 0 0 3 connected\n\
         vars currentEpoch 6 lastVoteEpoch 2\n"
    );
    let conf = nodes_conf::parse(text.as_bytes()).expect("readable").expect("not empty");
    let machine = Machine::new(Config::default(), Start::Restored(conf), 1, now_at(0));
    assert_eq!(machine.topology().nodes.len(), 3);
}

fn packet(kind: MessageType, sender: NodeId) -> Arc<[u8]> {
    let slots = SlotSet::empty();
    let header = Header {
        kind: kind as u16,
        port: 7009,
        second_port: 0,
        bus_port: 17009,
        count: 0,
        extensions: 0,
        current_epoch: Epoch(99),
        config_epoch: Epoch(99),
        offset: ReplOffset(0),
        sender: Some(sender),
        slots: slots.as_bytes(),
        primary: None,
        is_primary: true,
        ip: "",
        flags: NodeFlags::PRIMARY,
        state: 0,
        mflags: 0,
        mark: None,
    };
    Writer::new(&header).finish()
}

#[test]
fn a_stranger_is_answered_but_not_believed() {
    let mut machine = fresh();
    drain(&mut machine);
    machine.handle_saved(now_at(0), ConfigVersion(1));
    drain(&mut machine);
    let link = LinkId(5);
    let (peer, local) = ("10.0.0.9:4000".parse().expect("address"), "10.0.0.1".parse().expect("address"));
    machine.handle_link(now_at(1), link, LinkEvent::Accepted { peer, local });
    assert_eq!(
        machine.handle_packet(now_at(1), link, &packet(MessageType::Ping, NodeId([b'c'; 40]))),
        Ok(())
    );
    let actions = drain(&mut machine);
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Send { link: l, packet, .. } if *l == link && packet[13] == 1))
    );
    assert_eq!(machine.current_epoch(), Epoch(0));
    assert_eq!(machine.topology().nodes.len(), 1);
    assert_eq!(&*machine.topology().myself().ip, "10.0.0.1");
    // A MEET is believed enough to greet back.
    assert_eq!(
        machine.handle_packet(now_at(2), link, &packet(MessageType::Meet, NodeId([b'c'; 40]))),
        Ok(())
    );
    assert_eq!(machine.topology().nodes.len(), 2);
    machine.handle_timeout(now_at(100));
    let connect = drain(&mut machine).into_iter().find_map(|a| match a {
        Action::Connect { addr, link } => Some((addr, link.is_outbound())),
        _ => None,
    });
    assert_eq!(connect, Some(("10.0.0.9:17009".parse().expect("address"), true)));
}

#[test]
fn nobody_hears_a_name_that_is_not_durable() {
    let mut machine = fresh();
    drain(&mut machine);
    let link = LinkId(5);
    let (peer, local) = ("10.0.0.9:4000".parse().expect("address"), "10.0.0.1".parse().expect("address"));
    machine.handle_link(now_at(1), link, LinkEvent::Accepted { peer, local });
    let ping = packet(MessageType::Ping, NodeId([b'c'; 40]));
    assert_eq!(machine.handle_packet(now_at(1), link, &ping), Ok(()));
    let sends = |actions: &[Action]| actions.iter().any(|a| matches!(a, Action::Send { .. }));
    assert!(!sends(&drain(&mut machine)));
    machine.handle_saved(now_at(2), ConfigVersion(1));
    machine.handle_timeout(now_at(150));
    assert!(sends(&drain(&mut machine)), "the answer is not forgotten");
}

#[test]
fn garbage_closes_the_link() {
    let mut machine = fresh();
    let link = LinkId(5);
    let (peer, local) = ("10.0.0.9:4000".parse().expect("address"), "10.0.0.1".parse().expect("address"));
    machine.handle_link(now_at(1), link, LinkEvent::Accepted { peer, local });
    drain(&mut machine);
    assert_eq!(machine.handle_packet(now_at(1), link, b"GET / HTTP/1.1\r\n\r\n"), Err(PacketError::Framing));
    assert!(drain(&mut machine).contains(&Action::Close { link }));
}

#[test]
fn keys_without_an_owner_are_taken_over() {
    let mut machine = fresh();
    drain(&mut machine);
    machine.handle_data(now_at(1), DataEvent::HasKeys(super::world::slots(10..12)));
    let text = "I have keys for unassigned slot 11. Taking responsibility for it.".into();
    assert!(drain(&mut machine).contains(&Action::Log { level: LogLevel::Notice, text }));
    assert_eq!(machine.topology().slots_assigned(), 2);
}

#[test]
fn hostile_packets_never_panic() {
    let mut machine = fresh();
    let link = LinkId(5);
    let (peer, local) = ("10.0.0.9:4000".parse().expect("address"), "10.0.0.1".parse().expect("address"));
    let mut prng = base::Prng::new(3);
    for round in 0..5_000u64 {
        let now = now_at(1 + round * 7);
        machine.handle_link(now, link, LinkEvent::Accepted { peer, local });
        let kind = MessageType::ALL[prng.below(11) as usize];
        let mut bytes = packet(kind, NodeId([b'c'; 40])).to_vec();
        for _ in 0..prng.below(8) {
            let at = 8 + prng.below(bytes.len() as u64 - 8) as usize;
            bytes[at] = prng.next_u64() as u8;
        }
        let _ = machine.handle_packet(now, link, &bytes);
        if round % 15 == 0 {
            machine.handle_timeout(now);
        }
        drain(&mut machine);
    }
}
