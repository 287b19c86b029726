//! Requests, replies and bus packets.

use cluster::codec::{Framer, decode};
use resp::{Limits, Parsed, RequestParser, ValueParser};

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

/// Decodes a packet and walks over everything in it.
fn look_at(packet: &[u8]) {
    if let Ok(decoded) = decode(packet) {
        let _ = format!("{decoded:?}").len();
    }
}
