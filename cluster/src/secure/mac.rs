//! The HMACs: what is proved, the link's key, and what stands behind a packet.

use super::{NONCE_LEN, TRAILER_LEN};
use base::NodeId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(super) const MAC_LEN: usize = 32;

/// What both ends have said in the open before anything is proved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub initiator: NodeId,
    pub acceptor: NodeId,
    pub initiator_nonce: [u8; NONCE_LEN],
    pub acceptor_nonce: [u8; NONCE_LEN],
}

/// What an HMAC over it is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    InitiatorProof,
    AcceptorProof,
    LinkKey,
}

impl Label {
    fn bytes(self) -> &'static [u8] {
        match self {
            Label::InitiatorProof => b"grapevine bus 1: initiator",
            Label::AcceptorProof => b"grapevine bus 1: acceptor ",
            Label::LinkKey => b"grapevine bus 1: link key ",
        }
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // Any length is taken.
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn over(key: &[u8], label: Label, said: &Said) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    mac.update(label.bytes());
    mac.update(&said.initiator_nonce);
    mac.update(&said.acceptor_nonce);
    mac.update(&said.initiator.0);
    mac.update(&said.acceptor.0);
    mac
}

pub(super) fn sign(key: &[u8], label: Label, said: &Said) -> [u8; MAC_LEN] {
    over(key, label, said).finalize().into_bytes().into()
}

/// In time that does not depend on where a difference is.
pub(super) fn is_signed(key: &[u8], label: Label, said: &Said, mac: &[u8]) -> bool {
    over(key, label, said).verify_slice(mac).is_ok()
}

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    FromInitiator = 1,
    FromAcceptor = 2,
}

fn over_packet(key: &[u8], direction: Direction, number: u64, packet: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(key);
    mac.update(&[direction as u8]);
    mac.update(&number.to_be_bytes());
    mac.update(packet);
    mac
}

pub(super) fn seal(key: &[u8], direction: Direction, number: u64, packet: &[u8]) -> [u8; TRAILER_LEN] {
    let whole = over_packet(key, direction, number, packet).finalize().into_bytes();
    let mut trailer = [0; TRAILER_LEN];
    trailer.copy_from_slice(&whole[..TRAILER_LEN]);
    trailer
}

/// In time that does not depend on where a difference is.
pub(super) fn is_sealed(
    key: &[u8],
    direction: Direction,
    number: u64,
    packet: &[u8],
    trailer: &[u8; TRAILER_LEN],
) -> bool {
    over_packet(key, direction, number, packet).verify_truncated_left(trailer).is_ok()
}
