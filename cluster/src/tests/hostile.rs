//! Packets of known nodes with any content: nothing panics, and what must always hold holds.

use super::world::{now_at, slots};
use crate::codec::{Extension, Gossip, Header, MessageType, Writer};
use crate::*;
use alloc::sync::Arc;
use base::{Epoch, Millis, NodeId, Now, Prng, ReplId, ReplOffset, Slot, SlotSet};
use std::format;
use std::vec::Vec;

const PEERS: u64 = 7;

fn name(n: u64) -> NodeId {
    NodeId([b'0' + n as u8; 40])
}

fn random_slots(prng: &mut Prng) -> SlotSet {
    match prng.below(4) {
        0 => SlotSet::empty(),
        1 => slots(0..16384),
        _ => {
            let start = prng.below(16384);
            slots(start..(start + prng.below(3000)).min(16384))
        }
    }
}

fn random_packet(prng: &mut Prng, sender: NodeId, epoch: u64) -> Arc<[u8]> {
    let claimed = random_slots(prng);
    let kind = MessageType::ALL[prng.below(11) as usize];
    let primary = prng.chance(1, 2).then(|| name(prng.below(PEERS + 2)));
    let header = Header {
        kind: kind as u16,
        port: prng.below(65536) as u16,
        second_port: 0,
        bus_port: prng.below(65536) as u16,
        count: 0,
        extensions: 0,
        current_epoch: Epoch(prng.below(epoch)),
        config_epoch: Epoch(prng.below(epoch)),
        offset: ReplOffset(prng.below(100)),
        sender: Some(sender),
        slots: claimed.as_bytes(),
        primary,
        is_primary: primary.is_none(),
        ip: ["", "10.0.0.1", "::1"][prng.below(3) as usize],
        flags: NodeFlags(prng.next_u64() as u16),
        state: 0,
        mflags: prng.below(4) as u8,
        mark: None,
    };
    let mut writer = Writer::new(&header);
    match kind {
        MessageType::Fail => return writer.fail(&name(prng.below(PEERS + 2))),
        MessageType::Update => {
            return writer.update(
                Epoch(prng.below(epoch)),
                &name(prng.below(PEERS + 2)),
                random_slots(prng).as_bytes(),
            );
        }
        MessageType::Publish | MessageType::PublishShard => {
            return writer.publish(b"c", b"m").expect("short");
        }
        MessageType::Ping | MessageType::Pong | MessageType::Meet => {}
        _ => return writer.finish(),
    }
    for _ in 0..prng.below(4) {
        writer.gossip(&Gossip {
            node: Some(name(prng.below(PEERS + 3))),
            ping_sent: prng.next_u64() as u32,
            pong_received: 1_700_000_000 + prng.below(100) as u32,
            ip: ["", "10.0.0.2"][prng.below(2) as usize],
            port: 1,
            bus_port: 10001,
            flags: NodeFlags(prng.next_u64() as u16),
            second_port: 0,
        });
    }
    if prng.chance(1, 5) {
        writer.extension(&Extension::Forgotten {
            node: name(prng.below(PEERS + 2)),
            ttl_seconds: prng.below(3),
        });
    }
    writer.extension(&Extension::ShardId(name(prng.below(9))));
    writer.finish()
}

fn start(seed: u64) -> Machine {
    let mut text = format!("{} 10.0.0.1:7000@17000 myself,master - 0 0 3 connected 0-5000\n", name(0));
    for peer in 1..PEERS {
        let role = if peer > 4 { format!("slave {}", name(peer - 5)) } else { "master -".into() };
        text += &format!("{} 10.0.0.1:700{peer}@1700{peer} {role} 0 0 {peer} connected\n", name(peer));
    }
    let conf = nodes_conf::parse(text.as_bytes()).expect("readable").expect("not empty");
    let config = Config { port: 7000, node_timeout_ms: 1000, ..Config::default() };
    Machine::new(config, Start::Restored(conf), seed, now_at(1000))
}

/// What must hold in every published view.
fn check(topology: &Topology) {
    for slot in Slot::all() {
        let owner = topology.owner(slot).map(|n| n.id);
        let holders: Vec<_> =
            topology.nodes.iter().filter(|n| n.slots.contains(slot)).map(|n| n.id).collect();
        assert_eq!(holders, owner.into_iter().collect::<Vec<_>>(), "slot {slot}");
    }
    assert!(topology.myself().flags.has(NodeFlags::MYSELF));
    assert!(!topology.myself().flags.any(NodeFlags::PFAIL | NodeFlags::FAIL));
    assert_ne!(topology.myself().primary, Some(topology.myself().id));
    assert!(topology.nodes.windows(2).all(|pair| pair[0].id < pair[1].id));
}

fn random_status(prng: &mut Prng, now: Now) -> DataStatus {
    DataStatus {
        syncing: false,
        primary: prng.chance(1, 2),
        offset: ReplOffset(prng.below(100)),
        link_up: true,
        last_primary_io: Some(now.mono),
        synced_once: prng.chance(3, 4),
        history: ReplId::ZERO,
        loaded: prng.chance(1, 2).then(|| (base::ReplId([b'1'; 40]), ReplOffset(prng.below(100)))),
        progress: prng.below(5),
        empty: prng.chance(1, 2),
        written: prng.chance(1, 2),
    }
}

fn random_command(prng: &mut Prng) -> Command {
    let node = || name(3).0.to_vec();
    match prng.below(8) {
        0 => Command::Replicate { node: name(prng.below(PEERS)).0.to_vec(), empty: true },
        1 => Command::Forget { node: name(prng.below(PEERS)).0.to_vec() },
        2 => Command::Failover(FailoverMode::Takeover),
        3 => Command::Failover(FailoverMode::Force),
        4 => Command::SetSlot {
            slot: b"77".to_vec(),
            action: SetSlotAction::Node(node()),
            keys: 0,
            timeout_ms: 2000,
        },
        5 => Command::SetSlot {
            slot: b"78".to_vec(),
            action: SetSlotAction::Importing(node()),
            keys: 0,
            timeout_ms: 2000,
        },
        6 => Command::FlushSlots { empty: true },
        _ => Command::BumpEpoch,
    }
}

fn drain(machine: &mut Machine, prng: &mut Prng, now: Now, outbound: &mut Vec<LinkId>) {
    let mut later: Vec<Action> = Vec::new();
    while let Some(action) = machine.poll_action() {
        later.push(action);
    }
    for action in later {
        match action {
            Action::Save { version, text } => {
                nodes_conf::parse(text.as_bytes()).expect("what is written can be read");
                if prng.chance(9, 10) {
                    machine.handle_saved(now, version);
                } else {
                    machine.handle_save_failed(now, version, "no");
                }
            }
            Action::Connect { link, .. } => {
                outbound.push(link);
                let local = "10.0.0.1".parse().expect("address");
                let event =
                    if prng.chance(3, 4) { LinkEvent::Connected { local } } else { LinkEvent::Refused };
                machine.handle_link(now, link, event);
            }
            Action::ToData { message: ToData::Topology(topology), .. } => {
                check(&topology);
                machine.handle_data(now, DataEvent::Applied { version: topology.version });
            }
            Action::ToData { message: ToData::Order(Order::Promote { version }), .. }
                if prng.chance(3, 4) =>
            {
                machine.handle_data(now, DataEvent::Promoted { version });
            }
            Action::ToData { message: ToData::Order(Order::PauseWrites { .. }), .. } => {
                machine.handle_data(now, DataEvent::Paused { offset: ReplOffset(5) });
            }
            _ => {}
        }
    }
}

#[test]
fn known_nodes_may_say_anything() {
    for seed in 0..12 {
        let mut prng = Prng::new(seed);
        let mut machine = start(seed);
        let (mut outbound, mut ms) = (Vec::new(), 1000);
        let (mut epoch, mut vote) = (Epoch(0), Epoch(0));
        let me = machine.me();
        for round in 0..1500u64 {
            ms += prng.below(60);
            let now = now_at(ms);
            let link = LinkId(round % 9 + 1);
            match prng.below(20) {
                0..3 => machine.handle_timeout(now),
                3 => machine.handle_data(now, DataEvent::Status(random_status(&mut prng, now))),
                4 => {
                    let (peer, local) =
                        ("10.0.0.9:4000".parse().expect("address"), "10.0.0.1".parse().expect("address"));
                    machine.handle_link(now, link, LinkEvent::Accepted { peer, local });
                }
                5 => machine.command(now, RequestId(round), random_command(&mut prng)),
                6 => machine.handle_link(now, link, LinkEvent::Closed),
                pick => {
                    let ours = prng.pick(&outbound).copied().filter(|_| pick % 2 == 0);
                    let packet = random_packet(&mut prng, name(round % (PEERS + 1)), round / 20 + 2);
                    assert_eq!(machine.handle_packet(now, ours.unwrap_or(link), &packet), Ok(()));
                }
            }
            drain(&mut machine, &mut prng, now, &mut outbound);
            assert!(
                machine.current_epoch() >= epoch && machine.last_vote_epoch() >= vote,
                "epochs never go back"
            );
            (epoch, vote) = (machine.current_epoch(), machine.last_vote_epoch());
            assert_eq!(machine.me(), me);
            assert!(machine.poll_timeout().is_some_and(|at| at >= Millis(1000)));
        }
    }
}
