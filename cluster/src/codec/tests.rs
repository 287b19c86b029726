//! Golden bytes at the offsets that Redis asserts, and hostile input.

use super::*;
use crate::topology::NodeFlags;
use base::{Epoch, NodeId, Prng, ReplOffset, SlotSet};
use std::vec::Vec;

fn id(digit: u8) -> NodeId {
    NodeId([digit; 40])
}

fn header(kind: MessageType, slots: &SlotSet) -> Header<'_> {
    Header {
        kind: kind as u16,
        port: 0x1122,
        second_port: 0x3344,
        bus_port: 0x5566,
        count: 0,
        extensions: 0,
        current_epoch: Epoch(0x0102_0304_0506_0708),
        config_epoch: Epoch(0x1112_1314_1516_1718),
        offset: ReplOffset(0x2122_2324_2526_2728),
        sender: Some(id(b'a')),
        slots: slots.as_bytes(),
        primary: Some(id(b'b')),
        is_primary: false,
        ip: "10.1.2.3",
        flags: NodeFlags::REPLICA | NodeFlags::MYSELF,
        state: 1,
        mflags: mflags::PAUSED,
        mark: None,
    }
}

fn sample_ping(slots: &SlotSet) -> Vec<u8> {
    let mut writer = Writer::new(&header(MessageType::Ping, slots));
    writer.gossip(&Gossip {
        node: Some(id(b'c')),
        ping_sent: 0x0a0b_0c0d,
        pong_received: 0x1a1b_1c1d,
        ip: "::1",
        port: 7001,
        bus_port: 17001,
        flags: NodeFlags::PRIMARY | NodeFlags::PFAIL,
        second_port: 7443,
    });
    writer.extension(&Extension::Hostname("host.example"));
    writer.extension(&Extension::Forgotten { node: id(b'd'), ttl_seconds: 59 });
    writer.extension(&Extension::ShardId(id(b'e')));
    writer.finish().to_vec()
}

#[test]
fn header_fields_are_where_redis_asserts_them() {
    let slots: SlotSet = [0, 9, 16383].into_iter().filter_map(base::Slot::new).collect();
    let packet = Writer::new(&header(MessageType::AuthRequest, &slots)).finish();
    assert_eq!(packet.len(), 2256);
    assert_eq!(&packet[0..4], b"RCmb");
    assert_eq!(&packet[4..8], &2256u32.to_be_bytes());
    assert_eq!(&packet[8..10], &[0, 1]);
    assert_eq!(&packet[10..12], &[0x11, 0x22]);
    assert_eq!(&packet[12..14], &[0, 5]);
    assert_eq!(&packet[14..16], &[0, 0]);
    assert_eq!(&packet[16..24], &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(&packet[24..32], &[0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]);
    assert_eq!(&packet[32..40], &[0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28]);
    assert_eq!(&packet[40..80], &[b'a'; 40]);
    assert_eq!((packet[80], packet[81], packet[80 + 2047]), (1, 2, 0x80));
    assert_eq!(&packet[2128..2168], &[b'b'; 40]);
    assert_eq!(&packet[2168..2177], b"10.1.2.3\0");
    assert_eq!(&packet[2214..2216], &[0, 0]);
    assert_eq!(&packet[2216..2246], &[0; 30]);
    assert_eq!(&packet[2246..2248], &[0x33, 0x44]);
    assert_eq!(&packet[2248..2250], &[0x55, 0x66]);
    assert_eq!(&packet[2250..2252], &[0, 18]);
    assert_eq!((packet[2252], packet[2253], packet[2254], packet[2255]), (1, 1, 0, 0));
}

#[test]
fn sizes_are_redis_s() {
    let slots = SlotSet::empty();
    let fail = Writer::new(&header(MessageType::Fail, &slots)).fail(&id(b'f'));
    assert_eq!(fail.len(), 2296);
    let update =
        Writer::new(&header(MessageType::Update, &slots)).update(Epoch(7), &id(b'f'), slots.as_bytes());
    assert_eq!(update.len(), 4352);
    let ping = sample_ping(&slots);
    assert_eq!(ping.len(), 2256 + 104 + 24 + 56 + 48);
    assert_eq!(&ping[14..16], &[0, 1]);
    assert_eq!(&ping[2214..2216], &[0, 3]);
    assert_eq!(ping[2253], mflags::PAUSED | mflags::EXT_DATA);
}

#[test]
fn gossip_and_extensions_are_where_redis_has_them() {
    let ping = sample_ping(&SlotSet::empty());
    let gossip = &ping[2256..2360];
    assert_eq!(&gossip[0..40], &[b'c'; 40]);
    assert_eq!(&gossip[40..44], &[0x0a, 0x0b, 0x0c, 0x0d]);
    assert_eq!(&gossip[44..48], &[0x1a, 0x1b, 0x1c, 0x1d]);
    assert_eq!(&gossip[48..52], b"::1\0");
    assert_eq!(&gossip[94..96], &7001u16.to_be_bytes());
    assert_eq!(&gossip[96..98], &17001u16.to_be_bytes());
    assert_eq!(&gossip[98..100], &[0, 5]);
    assert_eq!(&gossip[100..102], &7443u16.to_be_bytes());
    assert_eq!(&gossip[102..104], &[0, 0]);
    assert_eq!(&ping[2360..2384], b"\0\0\0\x18\0\0\0\0host.example\0\0\0\0");
    assert_eq!(&ping[2384..2392], b"\0\0\0\x38\0\x02\0\0");
    assert_eq!(&ping[2432..2440], &59u64.to_be_bytes());
    assert_eq!(&ping[2440..2448], b"\0\0\0\x30\0\x03\0\0");
}

#[test]
fn what_is_written_is_read() {
    let slots: SlotSet = (100..200).filter_map(base::Slot::new).collect();
    let ping = sample_ping(&slots);
    let Ok(Packet::Full(head, Body::Heartbeat { kind, gossip, extensions })) = decode(&ping) else {
        panic!("not a heartbeat");
    };
    assert_eq!(kind, MessageType::Ping);
    assert_eq!(head.sender, Some(id(b'a')));
    assert_eq!(head.primary, Some(id(b'b')));
    assert_eq!(head.slots, slots.as_bytes());
    assert_eq!(head.ip, "10.1.2.3");
    let entries: Vec<_> = gossip.iter().collect();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].ip, entries[0].port, entries[0].second_port), ("::1", 7001, 7443));
    let expected = [
        Extension::Hostname("host.example"),
        Extension::Forgotten { node: id(b'd'), ttl_seconds: 59 },
        Extension::ShardId(id(b'e')),
    ];
    assert_eq!(extensions.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn strings_of_publish_both_ways() {
    let slots = SlotSet::empty();
    let packet = Writer::new(&header(MessageType::Publish, &slots)).publish(b"news", b"hello");
    let packet = packet.as_deref().unwrap_or(&[]);
    assert_eq!(packet.len(), 2256 + 8 + 9);
    let Ok(Packet::Full(_, Body::Publish { sharded: false, channel: b"news", message: b"hello" })) =
        decode(packet)
    else {
        panic!("not a publish");
    };
    let mut light = b"RCmb\0\0\0\x21\0\x01\0\0\x80\x0a\0\0\0\0\0\x04\0\0\0\x05newshello".to_vec();
    assert_eq!(decode(&light), Ok(Packet::Light { sharded: true, channel: b"news", message: b"hello" }));
    light[13] = 0;
    assert_eq!(decode(&light), Err(PacketError::NotLight(0)));
}

#[test]
fn unknown_extensions_are_skipped_by_length() {
    let mut ping = sample_ping(&SlotSet::empty());
    ping[2365] = 0x7f;
    let Ok(Packet::Full(_, Body::Heartbeat { extensions, .. })) = decode(&ping) else { panic!("refused") };
    let kinds: Vec<_> = extensions.iter().collect();
    assert_eq!(kinds[0], Extension::Unknown { kind: 0x7f });
    assert_eq!(kinds[2], Extension::ShardId(id(b'e')));
}

#[test]
fn extensions_that_do_not_fit_are_refused() {
    let good = sample_ping(&SlotSet::empty());
    for (byte, value) in [(2363, 0x19), (2363, 0), (2363, 0xf8), (2361, 1)] {
        let mut ping = good.clone();
        ping[byte] = value;
        assert!(matches!(decode(&ping), Err(PacketError::Extension { .. })), "byte {byte} = {value}");
    }
}

#[test]
fn text_that_would_break_a_line_is_dropped() {
    let slots = SlotSet::empty();
    let mut evil = header(MessageType::Pong, &slots);
    evil.ip = "1.2.3.4 x\nvars";
    let packet = Writer::new(&evil).finish();
    let Ok(Packet::Full(head, _)) = decode(&packet) else { panic!("refused") };
    assert_eq!(head.ip, "");
}

#[test]
fn the_framer_cuts_at_any_place() {
    let slots = SlotSet::empty();
    let ping = sample_ping(&slots);
    let ack = Writer::new(&header(MessageType::AuthAck, &slots)).finish();
    let stream = [&ping[..], &ack[..], &ping[..]].concat();
    for step in [1, 7, 1000, 2256, 5000, stream.len()] {
        let mut framer = Framer::new();
        let mut lengths = Vec::new();
        for piece in stream.chunks(step) {
            framer.feed(piece);
            while let Ok(Some(packet)) = framer.next_packet() {
                lengths.push(packet.len());
            }
        }
        assert_eq!(lengths, [ping.len(), ack.len(), ping.len()], "step {step}");
        assert_eq!(framer.buffered(), 0);
    }
}

#[test]
fn the_framer_refuses_strangers_at_once() {
    let refuses = |bytes: &[u8]| {
        let mut framer = Framer::new();
        framer.feed(bytes);
        framer.next_packet().is_err()
    };
    assert!(refuses(b"G"));
    assert!(refuses(b"GET / HTTP/1.1"));
    assert!(refuses(b"RCmb\0\0\0\x0f"));
    assert!(refuses(b"RCmb\xff\xff\xff\xff"));
    assert!(refuses(b"RCmb\0\0\x08\xcf\0\x01\0\0\0\0"), "shorter than a header");
    assert!(refuses(b"RCmb\x3f\xff\xff\xff\0\x01\0\0\0\x05"), "a vote of a gigabyte");
    assert!(!refuses(b"RCmb\0\0\x08\xd0\0\x01\0\0\0\x05"));
}

#[test]
fn hostile_bytes_never_panic() {
    let slots = SlotSet::full();
    let mut samples = std::vec![
        sample_ping(&slots),
        Writer::new(&header(MessageType::Fail, &slots)).fail(&id(b'f')).to_vec(),
        Writer::new(&header(MessageType::Update, &slots))
            .update(Epoch(7), &id(b'f'), slots.as_bytes())
            .to_vec(),
    ];
    let publish = Writer::new(&header(MessageType::Publish, &slots)).publish(b"channel", b"message");
    samples.extend(publish.map(|p| p.to_vec()));
    let mut prng = Prng::new(20240229);
    for round in 0..20_000 {
        let mut bytes = samples[round % samples.len()].clone();
        for _ in 0..=prng.below(6) {
            // Mostly where lengths and counts are.
            let at = if prng.chance(1, 2) { prng.below(16) } else { prng.below(bytes.len() as u64) } as usize;
            bytes[at] = prng.next_u64() as u8;
        }
        if prng.chance(1, 3) {
            bytes.truncate(prng.below(bytes.len() as u64 + 1) as usize);
        }
        if prng.chance(1, 2) && bytes.len() >= 8 {
            let length = bytes.len() as u32;
            bytes[4..8].copy_from_slice(&length.to_be_bytes());
        }
        if let Ok(Packet::Full(_, Body::Heartbeat { gossip, extensions, .. })) = decode(&bytes) {
            let _ = (gossip.iter().count(), extensions.iter().count());
        }
        let mut framer = Framer::new();
        framer.feed(&bytes);
        while let Ok(Some(_)) = framer.next_packet() {}
    }
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..prng.below(300)).map(|_| prng.next_u64() as u8).collect();
        assert!(decode(&bytes).is_err());
    }
}

#[test]
fn addresses_for_clients_are_addresses() {
    let slots = SlotSet::empty();
    let mut writer = Writer::new(&header(MessageType::Ping, &slots));
    let sent = [Extension::ClientIpv4("203.0.113.9"), Extension::ClientIpv6("2001:db8::9")];
    sent.iter().for_each(|extension| writer.extension(extension));
    // Redis 8 has a secret of 40 bytes under this number.
    writer.extension(&Extension::ClientIpv4("0123456789012345678901234567890123456789"));
    let packet = writer.finish();
    let Ok(Packet::Full(_, Body::Heartbeat { extensions, .. })) = decode(&packet) else {
        panic!("no heartbeat")
    };
    let read: Vec<_> = extensions.iter().collect();
    assert_eq!(read[..2], sent);
    assert_eq!(read[2], Extension::Unknown { kind: 4 });
}

#[test]
fn the_mark_is_in_the_bytes_that_redis_reserves_and_nowhere_else() {
    let slots = SlotSet::empty();
    let plain = Writer::new(&header(MessageType::Ping, &slots)).finish();
    let mut header = header(MessageType::Ping, &slots);
    let process = Process { started: 0x0102_0304_0506_0708, salt: 0x090a };
    let cluster = ClusterId::parse(&[b'1'; 32]);
    header.mark = Some(Mark { capabilities: 0x0b0c, cluster, process });
    let marked = Writer::new(&header).finish();
    assert_eq!(&marked[2216..2220], b"GV\x0b\x0c");
    assert_eq!(&marked[2220..2236], &[0x11; 16]);
    assert_eq!(&marked[2236..2246], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!((&marked[..2216], &marked[2246..]), (&plain[..2216], &plain[2246..]));
    let Ok(Packet::Full(read, _)) = decode(&marked) else { panic!("not a heartbeat") };
    assert_eq!(read.mark, header.mark);
    let Ok(Packet::Full(read, _)) = decode(&plain) else { panic!("not a heartbeat") };
    assert_eq!(read.mark, None);
}

#[test]
fn a_taken_name_is_told_with_where_the_other_process_is() {
    let process = Process { started: 7, salt: 9 };
    let mut writer = Writer::new(&header(MessageType::Pong, &SlotSet::empty()));
    writer.extension(&Extension::NameTaken { process, ip: "10.0.0.1", port: 7000 });
    let packet = writer.finish();
    assert_eq!(packet.len() % 8, 0);
    let Ok(Packet::Full(_, Body::Heartbeat { extensions, .. })) = decode(&packet) else {
        panic!("not a heartbeat")
    };
    let read: Vec<_> = extensions.iter().collect();
    assert_eq!(read, [Extension::NameTaken { process, ip: "10.0.0.1", port: 7000 }]);
}
