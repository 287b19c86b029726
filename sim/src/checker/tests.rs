//! Each checker complains when its property is broken: packets made by hand, no world.

mod data;
mod views;

use base::{NodeId, ReplId, ReplOffset, Slot, SlotSet};
use cluster::DataStatus;

use super::{Checker, Seen, durable, offsets, slot_claims, votes};
use crate::wire::{Durable, FLAG_PRIMARY, HEADER_LEN, TYPE_FAILOVER_AUTH_ACK};

fn id(letter: u8) -> NodeId {
    NodeId([letter; 40])
}

fn packet(kind: u16, sender: u8, current: u64, config: u64, slot: usize) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    bytes[..4].copy_from_slice(b"RCmb");
    bytes[12..14].copy_from_slice(&kind.to_be_bytes());
    bytes[16..24].copy_from_slice(&current.to_be_bytes());
    bytes[24..32].copy_from_slice(&config.to_be_bytes());
    bytes[40..80].copy_from_slice(&id(sender).0);
    bytes[80 + slot / 8] |= 1 << (slot % 8);
    bytes[2250..2252].copy_from_slice(&FLAG_PRIMARY.to_be_bytes());
    bytes
}

fn sees(
    checker: &mut dyn Checker,
    packet: &[u8],
    to: usize,
    durable: Option<&Durable>,
) -> Result<(), String> {
    checker.observe(&Seen::Sent { host: 0, to, packet, durable })
}

#[test]
fn two_claims_of_a_slot_in_one_epoch() {
    let mut checker = slot_claims::SlotClaims::default();
    assert_eq!(sees(&mut checker, &packet(0, b'a', 9, 5, 100), 1, None), Ok(()));
    assert_eq!(sees(&mut checker, &packet(0, b'b', 9, 5, 101), 1, None), Ok(()));
    assert_eq!(sees(&mut checker, &packet(0, b'b', 9, 6, 100), 1, None), Ok(()));
    let complaint = sees(&mut checker, &packet(1, b'c', 9, 5, 100), 1, None).unwrap_err();
    assert!(complaint.contains("slot 100 in epoch 5"), "{complaint}");
}

#[test]
fn both_ends_of_a_move_may_take_the_same_epoch() {
    let mut checker = slot_claims::SlotClaims::default();
    for (node, shard) in [(b'a', b'x'), (b'b', b'y'), (b'c', b'z')] {
        checker.note_shard(id(node), id(shard));
    }
    let slot = Slot::new(100).expect("a slot");
    checker.note_move(slot, id(b'y'), id(b'x'));
    assert_eq!(sees(&mut checker, &packet(0, b'a', 9, 5, 100), 1, None), Ok(()));
    assert_eq!(sees(&mut checker, &packet(0, b'b', 9, 5, 100), 1, None), Ok(()));
    assert!(sees(&mut checker, &packet(0, b'c', 9, 5, 100), 1, None).is_err(), "no end of it");
    assert_eq!(sees(&mut checker, &packet(0, b'a', 9, 6, 101), 1, None), Ok(()));
    assert!(sees(&mut checker, &packet(0, b'b', 9, 6, 101), 1, None).is_err(), "another slot");
}

#[test]
fn two_votes_in_one_epoch() {
    let mut checker = votes::Votes::default();
    let vote = |epoch| packet(TYPE_FAILOVER_AUTH_ACK, b'a', epoch, 1, 0);
    assert_eq!(sees(&mut checker, &vote(7), 1, None), Ok(()));
    assert_eq!(sees(&mut checker, &vote(7), 1, None), Ok(()));
    assert_eq!(sees(&mut checker, &vote(8), 2, None), Ok(()));
    assert!(sees(&mut checker, &vote(7), 2, None).is_err());
}

#[test]
fn more_than_is_durable() {
    let mut checker = durable::DurableClaims;
    let mut slots = SlotSet::empty();
    slots.insert(base::Slot::new(100).unwrap());
    let kept =
        Durable { id: id(b'a'), current_epoch: 9, last_vote_epoch: 8, config_epoch: 5, primary: true, slots };
    let mut says = |packet: Vec<u8>| sees(&mut checker, &packet, 1, Some(&kept));
    assert_eq!(says(packet(0, b'a', 9, 5, 100)), Ok(()));
    assert!(says(packet(0, b'a', 10, 5, 100)).is_err());
    assert!(says(packet(0, b'a', 9, 6, 100)).is_err());
    assert!(says(packet(0, b'a', 9, 5, 101)).is_err());
    assert!(says(packet(0, b'b', 9, 5, 100)).is_err());
    assert!(says(packet(TYPE_FAILOVER_AUTH_ACK, b'a', 9, 5, 100)).is_err());
    assert_eq!(says(packet(TYPE_FAILOVER_AUTH_ACK, b'a', 8, 5, 101)), Ok(()));
    assert!(sees(&mut checker, &packet(0, b'a', 0, 0, 100), 1, None).is_err());
}

#[test]
fn a_replica_ahead_of_its_primary() {
    let mut checker = offsets::Offsets::default();
    let mut reports = |primary, offset| {
        let status = DataStatus {
            syncing: false,
            primary,
            offset: ReplOffset(offset),
            link_up: true,
            last_primary_io: None,
            synced_once: true,
            history: ReplId([b'h'; 40]),
            loaded: None,
            progress: 1,
            empty: false,
            written: false,
        };
        checker.observe(&Seen::Status { host: 3, status: &status })
    };
    assert_eq!(reports(false, 10), Ok(()));
    assert_eq!(reports(true, 10), Ok(()));
    assert_eq!(reports(false, 12), Ok(()));
    assert!(reports(true, 11).is_err());
}
