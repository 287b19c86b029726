//! What old peers see: extensions only for those that read them, and flags that they know.

use super::world::now_at;
use crate::codec::{Body, Extension, Header, MessageType, Packet, Writer, decode};
use crate::*;
use base::{Epoch, NodeId, ReplOffset, SlotSet};
use std::vec::Vec;

/// What a peer says about its shard.
#[derive(Clone, Copy, PartialEq)]
enum Shard {
    /// Nothing, and it reads no extensions: Redis 7.0.
    Unheard,
    /// Nothing yet, but it reads extensions.
    Withheld,
    Told(NodeId),
}

fn ping_of(sender: NodeId, shard: Shard) -> alloc::sync::Arc<[u8]> {
    let slots = SlotSet::empty();
    let header = Header {
        kind: MessageType::Ping as u16,
        port: 7009,
        second_port: 0,
        bus_port: 17009,
        count: 0,
        extensions: 0,
        current_epoch: Epoch(1),
        config_epoch: Epoch(1),
        offset: ReplOffset(0),
        sender: Some(sender),
        slots: slots.as_bytes(),
        primary: None,
        is_primary: true,
        ip: "",
        flags: if shard == Shard::Withheld {
            NodeFlags::PRIMARY | NodeFlags::EXTENSIONS
        } else {
            NodeFlags::PRIMARY
        },
        state: 0,
        mflags: 0,
        mark: None,
    };
    let mut writer = Writer::new(&header);
    if let Shard::Told(shard) = shard {
        writer.extension(&Extension::ShardId(shard));
    }
    writer.finish()
}

/// The extension types in the pongs that a node in this role sends to this peer.
fn pong_extensions(role: &str, shard: Shard) -> Vec<u8> {
    let peer_id = NodeId([b'c'; 40]);
    let text = std::format!(
        "{} 10.0.0.1:6379@16379 myself,{role} 0 0 0 connected\n{peer_id} 10.0.0.9:7009@17009 master - 0 0 1 connected\n",
        "a".repeat(40)
    );
    let conf = nodes_conf::parse(text.as_bytes()).expect("readable").expect("not empty");
    let config = Config { announce_hostname: "me.example".into(), ..Config::default() };
    let mut machine = Machine::new(config, Start::Restored(conf), 1, now_at(0));
    let link = LinkId(5);
    let (peer, local) = ("10.0.0.9:4000".parse().expect("address"), "10.0.0.1".parse().expect("address"));
    machine.handle_link(now_at(1), link, LinkEvent::Accepted { peer, local });
    for _ in 0..2 {
        while machine.poll_action().is_some() {}
        machine.handle_packet(now_at(1), link, &ping_of(peer_id, shard)).expect("a packet");
    }
    let sent = core::iter::from_fn(|| machine.poll_action()).find_map(|a| match a {
        Action::Send { packet, .. } => Some(packet),
        _ => None,
    });
    let sent = sent.expect("a pong");
    let Ok(Packet::Full(_, Body::Heartbeat { kind: MessageType::Pong, extensions, .. })) = decode(&sent)
    else {
        panic!("not a pong");
    };
    extensions
        .iter()
        .map(|e| match e {
            Extension::Hostname(_) => 0,
            Extension::HumanNodename(_) => 1,
            Extension::Forgotten { .. } => 2,
            Extension::ShardId(_) => 3,
            _ => 9,
        })
        .collect()
}

#[test]
fn redis_7_0_gets_only_the_host_name() {
    assert_eq!(pong_extensions("master -", Shard::Unheard), [0]);
}

#[test]
fn redis_7_2_gets_the_shard_too() {
    assert_eq!(pong_extensions("master -", Shard::Told(NodeId([b'd'; 40]))), [0, 3]);
}

#[test]
fn a_replica_tells_no_shard_before_its_primary_does() {
    let replica = std::format!("slave {}", "c".repeat(40));
    assert_eq!(pong_extensions(&replica, Shard::Withheld), [0]);
    assert_eq!(pong_extensions(&replica, Shard::Told(NodeId([b'd'; 40]))), [0, 3]);
    assert_eq!(pong_extensions("master -", Shard::Withheld), [0, 3]);
}
