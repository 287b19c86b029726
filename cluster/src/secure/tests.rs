//! Two ends of a link, with an attacker between them.

use super::*;
use crate::codec::{Header, MessageType, Writer};
use alloc::sync::Arc;
use base::{Epoch, NodeId, Prng, ReplOffset, SlotSet};
use std::string::ToString;

const OLD: &str = "the-old-secret-1";
const NEW: &str = "the-new-secret-2";

fn secrets(mode: SecretMode, keys: &[&str]) -> Arc<Secrets> {
    Arc::new(Secrets::new(mode, keys.iter().map(|key| key.to_string())))
}

fn name(byte: u8) -> NodeId {
    NodeId([byte; 40])
}

fn ping(sender: u8) -> Arc<[u8]> {
    let slots = SlotSet::empty();
    let header = Header {
        kind: MessageType::AuthAck as u16,
        port: 1,
        second_port: 0,
        bus_port: 2,
        count: 0,
        extensions: 0,
        current_epoch: Epoch(1),
        config_epoch: Epoch(1),
        offset: ReplOffset(0),
        sender: Some(name(sender)),
        slots: slots.as_bytes(),
        primary: None,
        is_primary: true,
        ip: "",
        flags: crate::topology::NodeFlags::PRIMARY,
        state: 0,
        mflags: 0,
        mark: None,
    };
    Writer::new(&header).finish()
}

/// What an end has told so far.
#[derive(Debug, Default, PartialEq)]
struct Told {
    ready: Option<Option<NodeId>>,
    packets: Vec<Vec<u8>>,
    error: Option<GuardError>,
}

fn drain(guard: &mut Guard, told: &mut Told) {
    loop {
        match guard.next_event() {
            Ok(Some(GuardEvent::Ready(name))) => told.ready = Some(name),
            Ok(Some(GuardEvent::Packet(packet))) => told.packets.push(packet.to_vec()),
            Ok(None) => return,
            Err(error) => {
                told.error = Some(error);
                return;
            }
        }
    }
}

struct Pair {
    a: Guard,
    b: Guard,
    told_a: Told,
    told_b: Told,
    /// What a has sent, from the first byte.
    from_a: Vec<u8>,
}

impl Pair {
    fn new(a: Arc<Secrets>, b: Arc<Secrets>) -> Self {
        Self {
            a: Guard::initiate(a, name(b'a'), [1; NONCE_LEN], false),
            b: Guard::accept(b, name(b'b'), [2; NONCE_LEN]),
            told_a: Told::default(),
            told_b: Told::default(),
            from_a: Vec::new(),
        }
    }

    /// Moves bytes, `step` at a time, until none move.
    fn pump(&mut self, step: usize) {
        loop {
            drain(&mut self.a, &mut self.told_a);
            drain(&mut self.b, &mut self.told_b);
            let (from_a, from_b) = (self.a.take_output(), self.b.take_output());
            if from_a.is_empty() && from_b.is_empty() {
                return;
            }
            self.from_a.extend_from_slice(&from_a);
            for piece in from_a.chunks(step) {
                self.b.feed(piece);
                drain(&mut self.b, &mut self.told_b);
            }
            for piece in from_b.chunks(step) {
                self.a.feed(piece);
                drain(&mut self.a, &mut self.told_a);
            }
        }
    }

    fn send(&mut self, packet: &[u8]) -> Vec<u8> {
        let trailer = self.a.seal(packet);
        let bytes = [packet, trailer.as_ref().map_or(&[][..], |t| &t[..])].concat();
        self.from_a.extend_from_slice(&bytes);
        bytes
    }
}

#[test]
fn both_prove_and_packets_pass_in_both_directions_however_they_are_cut() {
    let both = secrets(SecretMode::Required, &[OLD]);
    for step in [1, 7, 4096] {
        let mut pair = Pair::new(both.clone(), both.clone());
        pair.pump(step);
        assert_eq!(pair.told_a.ready, Some(Some(name(b'b'))));
        assert_eq!(pair.told_b.ready, Some(Some(name(b'a'))));
        let bytes = [pair.send(&ping(b'a')), pair.send(&ping(b'a'))].concat();
        for piece in bytes.chunks(step) {
            pair.b.feed(piece);
            drain(&mut pair.b, &mut pair.told_b);
        }
        assert_eq!(pair.told_b.packets, [ping(b'a').to_vec(), ping(b'a').to_vec()]);
        let answer = ping(b'b');
        let trailer = pair.b.seal(&answer).expect("sealed");
        pair.a.feed(&[&answer[..], &trailer].concat());
        drain(&mut pair.a, &mut pair.told_a);
        assert_eq!((pair.told_a.packets.len(), pair.told_a.error), (1, None));
    }
}

#[test]
fn who_does_not_know_the_secret_hears_nothing_signed() {
    let mut pair = Pair::new(secrets(SecretMode::Required, &[NEW]), secrets(SecretMode::Required, &[OLD]));
    pair.pump(4096);
    assert_eq!(pair.told_b.error, Some(GuardError::WrongProof));
    assert_eq!((pair.told_a.ready, pair.told_b.ready), (None, None));
    // Strangers with packets, or with anything.
    for (bytes, error) in [
        (&ping(b'a')[..], GuardError::NoProof),
        (b"RC", GuardError::NoProof),
        (b"GET / HTTP/1.1", GuardError::Packet(crate::codec::PacketError::Framing)),
    ] {
        let mut guard = Guard::accept(secrets(SecretMode::Required, &[OLD]), name(b'b'), [2; NONCE_LEN]);
        guard.feed(bytes);
        assert_eq!(guard.next_event(), Err(error));
        assert!(guard.take_output().is_empty());
        assert_eq!(guard.next_event(), Err(error), "and for good");
    }
}

#[test]
fn nothing_recorded_is_worth_anything_later() {
    let both = secrets(SecretMode::Required, &[OLD]);
    let mut pair = Pair::new(both.clone(), both.clone());
    pair.pump(4096);
    let first = pair.send(&ping(b'a'));
    pair.b.feed(&first);
    drain(&mut pair.b, &mut pair.told_b);
    assert_eq!(pair.told_b.packets.len(), 1);
    // The whole conversation again, to an acceptor with another nonce.
    let mut again = Guard::accept(both.clone(), name(b'b'), [3; NONCE_LEN]);
    let mut told = Told::default();
    again.feed(&pair.from_a);
    drain(&mut again, &mut told);
    assert_eq!((told.error, told.packets.len()), (Some(GuardError::WrongProof), 0));
    // The packet again on its own link, and back to where it came from.
    pair.b.feed(&first);
    drain(&mut pair.b, &mut pair.told_b);
    assert_eq!((pair.told_b.error, pair.told_b.packets.len()), (Some(GuardError::WrongSeal), 1));
    pair.a.feed(&first);
    drain(&mut pair.a, &mut pair.told_a);
    assert_eq!(pair.told_a.error, Some(GuardError::WrongSeal));
}

#[test]
fn an_altered_packet_ends_the_link() {
    let both = secrets(SecretMode::Required, &[OLD]);
    for at in [20, 2255, 2256, 2271] {
        let mut pair = Pair::new(both.clone(), both.clone());
        pair.pump(4096);
        let mut bytes = pair.send(&ping(b'a'));
        bytes[at] ^= 1;
        pair.b.feed(&bytes);
        drain(&mut pair.b, &mut pair.told_b);
        assert_eq!(pair.told_b.error, Some(GuardError::WrongSeal), "byte {at}");
        assert!(pair.told_b.packets.is_empty());
    }
}

#[test]
fn a_secret_is_introduced_and_changed_without_a_pause() {
    use SecretMode::{Off, Permissive, Required};
    let speaks = |a: (SecretMode, &[&str]), b: (SecretMode, &[&str])| {
        let mut pair = Pair::new(secrets(a.0, a.1), secrets(b.0, b.1));
        pair.pump(4096);
        // A plain link is ready on the other side with its first packet.
        let bytes = pair.send(&ping(b'a'));
        pair.b.feed(&bytes);
        drain(&mut pair.b, &mut pair.told_b);
        (pair.told_b.packets.len() == 1 && pair.told_a.ready.is_some()).then_some(pair.told_a.ready)
    };
    let proved = Some(Some(Some(name(b'b'))));
    let plain = Some(Some(None));
    assert_eq!(speaks((Off, &[]), (Permissive, &[OLD])), plain);
    assert_eq!(speaks((Permissive, &[OLD]), (Permissive, &[OLD])), proved);
    assert_eq!(speaks((Permissive, &[OLD]), (Required, &[OLD])), proved);
    assert_eq!(speaks((Required, &[OLD]), (Permissive, &[OLD])), proved);
    assert_eq!(speaks((Required, &[OLD]), (Required, &[OLD, NEW])), proved);
    assert_eq!(speaks((Required, &[OLD, NEW]), (Required, &[NEW, OLD])), proved);
    assert_eq!(speaks((Required, &[NEW, OLD]), (Required, &[OLD, NEW])), proved);
    assert_eq!(speaks((Required, &[NEW]), (Required, &[NEW, OLD])), proved);
    assert_eq!(speaks((Required, &[OLD]), (Required, &[NEW])), None);
    assert_eq!(speaks((Off, &[]), (Required, &[OLD])), None);
    // To one without a secret: refused in so many words, and the next attempt is a plain one.
    let mut pair = Pair::new(secrets(Permissive, &[OLD]), secrets(Off, &[]));
    pair.pump(4096);
    assert_eq!(pair.told_a.error, Some(GuardError::NoSecret));
    let again = Guard::initiate(secrets(Permissive, &[OLD]), name(b'a'), [1; NONCE_LEN], true);
    assert!(again.is_ready());
    assert!(!Guard::initiate(secrets(Required, &[OLD]), name(b'a'), [1; NONCE_LEN], true).is_ready());
}

#[test]
fn a_link_lives_as_long_as_its_secret_is_in_force() {
    use SecretMode::{Permissive, Required};
    let mut pair = Pair::new(secrets(Required, &[OLD]), secrets(Required, &[OLD]));
    pair.pump(4096);
    assert!(pair.a.is_allowed_by(&secrets(Required, &[NEW, OLD])));
    assert!(!pair.a.is_allowed_by(&secrets(Required, &[NEW])));
    let plain = Guard::initiate(secrets(Permissive, &[OLD]), name(b'a'), [1; NONCE_LEN], true);
    assert!(plain.is_allowed_by(&secrets(Permissive, &[OLD])));
    assert!(!plain.is_allowed_by(&secrets(Required, &[OLD])));
}

#[test]
fn hostile_bytes_never_panic() {
    let both = secrets(SecretMode::Permissive, &[OLD]);
    let mut prng = Prng::new(5);
    for round in 0..2000u32 {
        let mut pair = Pair::new(both.clone(), both.clone());
        if round % 2 == 0 {
            pair.pump(4096);
        }
        let mut bytes = [pair.from_a.clone(), pair.send(&ping(b'a'))].concat();
        for _ in 0..prng.below(5) {
            let at = prng.below(bytes.len() as u64) as usize;
            bytes[at] = prng.next_u64() as u8;
        }
        bytes.truncate(prng.below(bytes.len() as u64 + 1) as usize);
        for guard in [&mut pair.a, &mut pair.b] {
            guard.feed(&bytes);
            drain(guard, &mut Told::default());
        }
    }
}
