//! Requests, replies and bus packets.

use base::NodeId;
use cluster::codec::{Framer, decode};
use cluster::secure::{Guard, NONCE_LEN, SecretMode, Secrets};
use resp::{Limits, Parsed, RequestParser, ValueParser};
use std::sync::Arc;

/// Requests, in pieces: however the bytes are cut, the same requests come out.
pub fn request(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    assert_eq!(requests(bytes, bytes.len().max(1)), requests(bytes, usize::from(cut).max(1)));
}

/// The requests and how they ended.
fn requests(bytes: &[u8], step: usize) -> (Vec<Vec<Vec<u8>>>, bool) {
    let limits = Limits { max_bulk: 1 << 20, authenticated: true };
    let mut parser = RequestParser::new();
    let (mut found, mut start, mut end) = (Vec::new(), 0, 0);
    loop {
        match parser.parse(&bytes[start..end], &limits) {
            Ok(Parsed::Complete { consumed }) => {
                found.push(parser.args(&bytes[start..end]).iter().map(<[u8]>::to_vec).collect());
                start += consumed;
                parser.reset();
            }
            Ok(_) if end == bytes.len() => return (found, true),
            Ok(_) => end = (end + step).min(bytes.len()),
            Err(_) => return (found, false),
        }
    }
}

/// Replies, as clients read them.
pub fn reply(bytes: &[u8]) {
    let mut parser = ValueParser::with_max_bytes(1 << 20);
    for piece in bytes.chunks(7) {
        parser.feed(piece);
        while let Ok(Some(_)) = parser.next() {}
    }
}

/// What a bus peer sends.
pub fn bus(bytes: &[u8]) {
    // As it is: what the framer lets through is decoded.
    shake_hands(bytes);
    let mut framer = Framer::new();
    framer.feed(bytes);
    while let Ok(Some(packet)) = framer.next_packet() {
        look_at(packet);
    }
    // With signature, length and version put right, so that the fuzzer need not find them.
    let mut packet = bytes.to_vec();
    if packet.len() >= 10 {
        let length = packet.len() as u32;
        packet[..4].copy_from_slice(b"RCmb");
        packet[4..8].copy_from_slice(&length.to_be_bytes());
        packet[8..10].copy_from_slice(&1u16.to_be_bytes());
        look_at(&packet);
    }
}

/// Both ends of an authenticated link before and while they shake hands: whatever comes, in pieces.
fn shake_hands(bytes: &[u8]) {
    for mode in [SecretMode::Off, SecretMode::Permissive, SecretMode::Required] {
        let secrets = Arc::new(Secrets::new(mode, ["0123456789abcdef".to_string()]));
        let (me, nonce) = (NodeId([b'a'; 40]), [7; NONCE_LEN]);
        for mut guard in
            [Guard::accept(secrets.clone(), me, nonce), Guard::initiate(secrets.clone(), me, nonce, false)]
        {
            for piece in bytes.chunks(61) {
                guard.feed(piece);
                while let Ok(Some(_)) = guard.next_event() {}
                // What it says is as short as the handshake, however much is said to it.
                assert!(guard.take_output().len() <= 160);
            }
        }
    }
}

/// Decodes a packet and walks over everything in it.
fn look_at(packet: &[u8]) {
    if let Ok(decoded) = decode(packet) {
        let _ = format!("{decoded:?}").len();
    }
}
