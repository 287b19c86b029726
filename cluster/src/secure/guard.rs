//! [`Guard`]: one end of a link, from its first byte.
//!
//! The initiator says HELLO (its name, a nonce); the acceptor answers with its own; the initiator proves; the acceptor, convinced, proves in turn. So a
//! stranger who connects gets nothing that he could try secrets on. All four messages have a fixed length and begin with `GVab`, which no packet does. An acceptor without a secret answers NO, and
//! closes.

use super::mac::{self, Direction, Label, MAC_LEN, Said};
use super::{NONCE_LEN, SecretMode, Secrets, TRAILER_LEN};
use crate::codec::{Framer, PacketError, SIGNATURE};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::NodeId;
use core::fmt;

const MAGIC: [u8; 4] = *b"GVab";
/// Magic, kind, version, two zeros.
const HEAD: usize = 8;
const VERSION: u8 = 1;
const HELLO: u8 = 1;
const CHALLENGE: u8 = 2;
const PROOF: u8 = 3;
const ACCEPT: u8 = 4;
const NO: u8 = 5;

/// What comes out of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuardEvent<'a> {
    /// Packets may be sent from here on, and will come. With the peer's name, if it is proved.
    Ready(Option<NodeId>),
    /// A whole packet.
    Packet(&'a [u8]),
}

/// Why a link must be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuardError {
    /// It offers no proof, and proof is required.
    NoProof,
    /// It does not know our secret, or speaks another version of this.
    WrongProof,
    /// A packet is not from whom the link belongs to, is altered, repeated, or out of order.
    WrongSeal,
    /// It asks for proof, and we have no secret; or the other way round.
    NoSecret,
    /// What comes is no packet.
    Packet(PacketError),
}

impl GuardError {
    /// Whether this is somebody who may not speak here, rather than a broken stream.
    pub fn is_intrusion(self) -> bool {
        !matches!(self, GuardError::Packet(_))
    }
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GuardError::NoProof => f.write_str("it does not prove that it knows the cluster-secret"),
            GuardError::WrongProof => f.write_str("its cluster-secret is another one"),
            GuardError::WrongSeal => f.write_str("a packet on an authenticated link is not authentic"),
            GuardError::NoSecret => f.write_str("only one of both sides has a cluster-secret"),
            GuardError::Packet(error) => error.fmt(f),
        }
    }
}

#[derive(Debug)]
struct Seal {
    key: [u8; MAC_LEN],
    sends: Direction,
    sent: u64,
    received: u64,
    /// Which secret the proof was made with.
    secret: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// Accepted, and nothing has come yet.
    Undecided,
    AwaitChallenge,
    AwaitProof(Said),
    /// Proved by the secret of this place in the list.
    AwaitAccept(Said),
    Plain,
    Sealed(Seal),
    Broken(GuardError),
}

/// One end of a link.
#[derive(Debug)]
pub struct Guard {
    state: State,
    secrets: Arc<Secrets>,
    me: NodeId,
    nonce: [u8; NONCE_LEN],
    /// What has come and is no packet.
    early: Vec<u8>,
    framer: Framer,
    output: Vec<u8>,
    /// The Ready that is to be told.
    ready: Option<Option<NodeId>>,
}

impl Guard {
    /// Of a link that we opened. With `plain`, or without a secret, it says nothing of its own.
    pub fn initiate(secrets: Arc<Secrets>, me: NodeId, nonce: [u8; NONCE_LEN], plain: bool) -> Self {
        let mut guard = Self::new(secrets, me, nonce);
        if guard.secrets.mode == SecretMode::Off || (plain && !guard.secrets.is_required()) {
            guard.state = State::Plain;
            guard.ready = Some(None);
        } else {
            guard.state = State::AwaitChallenge;
            guard.say(HELLO, &[&nonce, &me.0]);
        }
        guard
    }

    /// Of a link that was opened to us.
    pub fn accept(secrets: Arc<Secrets>, me: NodeId, nonce: [u8; NONCE_LEN]) -> Self {
        Self::new(secrets, me, nonce)
    }

    fn new(secrets: Arc<Secrets>, me: NodeId, nonce: [u8; NONCE_LEN]) -> Self {
        Self {
            state: State::Undecided,
            secrets,
            me,
            nonce,
            early: Vec::new(),
            framer: Framer::new(),
            output: Vec::new(),
            ready: None,
        }
    }

    /// Whether packets may be sent.
    pub fn is_ready(&self) -> bool {
        // An accepted link without any secret in force answers only what it has heard: it has always been so.
        matches!(self.state, State::Plain | State::Sealed(_))
    }

    /// Whether the link may live on under these secrets.
    pub fn is_allowed_by(&self, secrets: &Secrets) -> bool {
        match &self.state {
            State::Plain => !secrets.is_required(),
            State::Sealed(seal) => secrets.keys.contains(&seal.secret),
            // It began under other rules.
            _ => *self.secrets == *secrets,
        }
    }

    /// Takes bytes as they arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_ready() { self.framer.feed(bytes) } else { self.early.extend_from_slice(bytes) }
    }

    /// What has to be sent before any packet; empty most of the time.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// What must follow this packet on the wire.
    pub fn seal(&mut self, packet: &[u8]) -> Option<[u8; TRAILER_LEN]> {
        let State::Sealed(seal) = &mut self.state else { return None };
        let trailer = mac::seal(&seal.key, seal.sends, seal.sent, packet);
        seal.sent += 1;
        Some(trailer)
    }

    /// What comes next; `None` until more has arrived. `Err`: send what there is to be sent, and close.
    pub fn next_event(&mut self) -> Result<Option<GuardEvent<'_>>, GuardError> {
        if let State::Broken(error) = self.state {
            return Err(error);
        }
        while !self.is_ready() {
            match self.shake_hands() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    self.state = State::Broken(error);
                    return Err(error);
                }
            }
        }
        if let Some(name) = self.ready.take() {
            let early = core::mem::take(&mut self.early);
            self.framer.feed(&early);
            return Ok(Some(GuardEvent::Ready(name)));
        }
        self.next_packet()
    }

    fn next_packet(&mut self) -> Result<Option<GuardEvent<'_>>, GuardError> {
        let State::Sealed(seal) = &mut self.state else {
            return Ok(self.framer.next_packet().map_err(GuardError::Packet)?.map(GuardEvent::Packet));
        };
        let Some(whole) = self.framer.next_packet_and(TRAILER_LEN).map_err(GuardError::Packet)? else {
            return Ok(None);
        };
        let (packet, trailer) = whole.split_at(whole.len() - TRAILER_LEN);
        let trailer: &[u8; TRAILER_LEN] = trailer.try_into().map_err(|_| GuardError::WrongSeal)?;
        let comes = match seal.sends {
            Direction::FromInitiator => Direction::FromAcceptor,
            Direction::FromAcceptor => Direction::FromInitiator,
        };
        if !mac::is_sealed(&seal.key, comes, seal.received, packet, trailer) {
            self.state = State::Broken(GuardError::WrongSeal);
            return Err(GuardError::WrongSeal);
        }
        seal.received += 1;
        Ok(Some(GuardEvent::Packet(packet)))
    }

    fn say(&mut self, kind: u8, parts: &[&[u8]]) {
        self.output.extend_from_slice(&MAGIC);
        self.output.extend_from_slice(&[kind, VERSION, 0, 0]);
        parts.iter().for_each(|part| self.output.extend_from_slice(part));
    }

    /// One step; false until more has arrived.
    fn shake_hands(&mut self) -> Result<bool, GuardError> {
        if let State::Undecided = self.state {
            let have = self.early.len().min(SIGNATURE.len());
            if have > 0 && self.early[..have] == SIGNATURE[..have] {
                return match self.secrets.mode {
                    SecretMode::Required => Err(GuardError::NoProof),
                    _ if have < SIGNATURE.len() => Ok(false),
                    _ => {
                        self.become_plain();
                        Ok(true)
                    }
                };
            }
        }
        let (length, state) = match &self.state {
            State::Undecided => (HEAD + NONCE_LEN + 40, HELLO),
            State::AwaitChallenge => (HEAD + NONCE_LEN + 40, CHALLENGE),
            State::AwaitProof(_) => (HEAD + MAC_LEN, PROOF),
            State::AwaitAccept(_) => (HEAD + MAC_LEN, ACCEPT),
            State::Plain | State::Sealed(_) | State::Broken(_) => return Ok(false),
        };
        self.check_head(state)?;
        if self.early.len() < length {
            return Ok(false);
        }
        let message: Vec<u8> = self.early.drain(..length).collect();
        let body = &message[HEAD..];
        match state {
            HELLO => self.on_hello(body),
            CHALLENGE => self.on_challenge(body),
            PROOF => self.on_proof(body),
            _ => self.on_accept(body),
        }?;
        Ok(true)
    }

    /// Refuses what is not the message that is waited for, as soon as it shows.
    fn check_head(&mut self, wanted: u8) -> Result<(), GuardError> {
        let have = self.early.len().min(MAGIC.len());
        if self.early[..have] != MAGIC[..have] {
            let plain = have > 0 && self.early[..have] == SIGNATURE[..have];
            return Err(if plain { GuardError::NoSecret } else { GuardError::Packet(PacketError::Framing) });
        }
        if self.early.len() < HEAD {
            return Ok(());
        }
        if self.early[4] == NO && wanted == CHALLENGE {
            return Err(GuardError::NoSecret);
        }
        if self.early[4] != wanted || self.early[5] != VERSION {
            return Err(GuardError::WrongProof);
        }
        if wanted == HELLO && self.secrets.mode == SecretMode::Off {
            self.say(NO, &[]);
            return Err(GuardError::NoSecret);
        }
        Ok(())
    }

    fn on_hello(&mut self, body: &[u8]) -> Result<(), GuardError> {
        let (nonce, name) = introduction(body)?;
        let said =
            Said { initiator: name, acceptor: self.me, initiator_nonce: nonce, acceptor_nonce: self.nonce };
        self.say(CHALLENGE, &[&said.acceptor_nonce, &said.acceptor.0]);
        self.state = State::AwaitProof(said);
        Ok(())
    }

    fn on_challenge(&mut self, body: &[u8]) -> Result<(), GuardError> {
        let (nonce, name) = introduction(body)?;
        let said =
            Said { initiator: self.me, acceptor: name, initiator_nonce: self.nonce, acceptor_nonce: nonce };
        let key = self.secrets.keys.first().ok_or(GuardError::NoSecret)?;
        let proof = mac::sign(key, Label::InitiatorProof, &said);
        self.say(PROOF, &[&proof]);
        self.state = State::AwaitAccept(said);
        Ok(())
    }

    fn on_proof(&mut self, body: &[u8]) -> Result<(), GuardError> {
        let State::AwaitProof(said) = self.state else { return Err(GuardError::WrongProof) };
        let mut keys = self.secrets.keys.iter();
        let known = keys.find(|key| mac::is_signed(key, Label::InitiatorProof, &said, body));
        let secret = known.ok_or(GuardError::WrongProof)?.clone();
        let accept = mac::sign(&secret, Label::AcceptorProof, &said);
        self.say(ACCEPT, &[&accept]);
        self.become_sealed(secret, &said, Direction::FromAcceptor, said.initiator);
        Ok(())
    }

    fn on_accept(&mut self, body: &[u8]) -> Result<(), GuardError> {
        let State::AwaitAccept(said) = self.state else { return Err(GuardError::WrongProof) };
        let secret = self.secrets.keys.first().ok_or(GuardError::NoSecret)?.clone();
        if !mac::is_signed(&secret, Label::AcceptorProof, &said, body) {
            return Err(GuardError::WrongProof);
        }
        self.become_sealed(secret, &said, Direction::FromInitiator, said.acceptor);
        Ok(())
    }

    fn become_plain(&mut self) {
        self.state = State::Plain;
        self.ready = Some(None);
    }

    fn become_sealed(&mut self, secret: Vec<u8>, said: &Said, sends: Direction, peer: NodeId) {
        let key = mac::sign(&secret, Label::LinkKey, said);
        self.state = State::Sealed(Seal { key, sends, sent: 0, received: 0, secret });
        self.ready = Some(Some(peer));
    }
}

/// Nonce and name of HELLO and CHALLENGE.
fn introduction(body: &[u8]) -> Result<([u8; NONCE_LEN], NodeId), GuardError> {
    let (nonce, name) = body.split_at_checked(NONCE_LEN).ok_or(GuardError::WrongProof)?;
    let nonce = nonce.try_into().map_err(|_| GuardError::WrongProof)?;
    Ok((nonce, NodeId::parse(name).ok_or(GuardError::WrongProof)?))
}
