//! The sockets of the cluster bus: one per link, with its framer and what waits to be sent.
//!
//! Bytes that are read become whole packets in the link's [`Guard`] (which refuses a stranger's first bytes and absurd
//! lengths, and who does not know the secret); packets to send queue up as shared slices and leave in order.
//!
//! Bounds: one read of [`READ_SIZE`] per link and turn; a peer that does not read is cut off when [`SEND_BUFFER_MAX`]
//! bytes wait (`cluster-link-sendbuf-limit`, smaller, is the machine's); at most [`ACCEPTED_MAX`] accepted links.
//!
//! It does not know what packets mean.

use super::token_of;
use base::NodeId;
use cluster::secure::{Guard, GuardError, GuardEvent, NONCE_LEN, SecretMode, Secrets};
use cluster::{LinkEvent, LinkId};
use runtime::stream::{ConnectOutcome, ReadOutcome};
use runtime::{Interest, Poller, Stream};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Most bytes read from one link in one turn.
const READ_SIZE: usize = 64 << 10;
/// Most bytes that may wait for one peer.
const SEND_BUFFER_MAX: usize = 256 << 20;
/// Most addresses that are remembered to know of no secret.
const PLAIN_MAX: usize = 4096;
/// Most links that others opened to us.
const ACCEPTED_MAX: usize = 20_000;

struct Link {
    stream: Stream,
    guard: Guard,
    connecting: bool,
    /// Connected, and waiting for the peer's proof: our address on the connection.
    shaking_hands: Option<IpAddr>,
    /// Where we connected to.
    addr: Option<SocketAddr>,
    queue: VecDeque<Arc<[u8]>>,
    /// Bytes of the first queued packet that have left already.
    sent: usize,
    queued_bytes: usize,
    /// What the machine was last told of `queued_bytes`.
    reported: u64,
    /// Whether the poller is asked for room to write.
    waits_for_room: bool,
    dirty: bool,
}

/// What became of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkEnd {
    /// It goes on.
    Open,
    /// There is no such link (any more).
    Gone,
    /// The peer closed it, or sent what no packet is.
    Closed,
    /// It broke; the system's words.
    Broken(String),
    /// The peer may not speak here.
    Intruder(GuardError),
}

/// What is heard on a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard<'a> {
    /// Tell the machine.
    Event(LinkEvent),
    /// A whole packet.
    Packet(&'a [u8]),
}

/// All links of the bus.
pub struct Links {
    links: BTreeMap<LinkId, Link>,
    accepted: usize,
    next_accepted: u64,
    dirty: Vec<LinkId>,
    scratch: Vec<u8>,
    source: Option<IpAddr>,
    secrets: Arc<Secrets>,
    /// Peers that knew of no secret when we offered proof: the next attempt is a plain one, where that is allowed.
    plain: BTreeSet<SocketAddr>,
}

impl Links {
    /// None yet. Outbound links leave from the address `source`, if given.
    pub fn new(source: Option<IpAddr>) -> Self {
        Self {
            links: BTreeMap::new(),
            accepted: 0,
            next_accepted: 1,
            dirty: Vec::new(),
            scratch: Vec::new(),
            source,
            secrets: Arc::default(),
            plain: BTreeSet::new(),
        }
    }

    /// What is asked of links from now on. The links that may not live on under that; the caller closes them.
    pub fn set_secrets(&mut self, secrets: &Secrets) -> Vec<LinkId> {
        if *self.secrets == *secrets {
            return Vec::new();
        }
        self.secrets = Arc::new(secrets.clone());
        self.plain.clear();
        let unfit = self.links.iter().filter(|(_, link)| !link.guard.is_allowed_by(secrets));
        unfit.map(|(id, _)| *id).collect()
    }

    /// Takes over an accepted connection and names it. We are `me`.
    pub fn accept(&mut self, poller: &Poller, stream: Stream, me: NodeId) -> Result<LinkId, String> {
        if self.accepted >= ACCEPTED_MAX {
            return Err("too many connections on the bus port".into());
        }
        let link = LinkId(self.next_accepted);
        self.next_accepted += 1;
        // Only delay is lost if these fail.
        let _ = stream.set_nodelay(true);
        let guard = Guard::accept(self.secrets.clone(), me, nonce());
        self.insert(poller, link, stream, guard, None).map_err(runtime::process::reason)?;
        self.accepted += 1;
        Ok(link)
    }

    /// Starts to connect. `Err` tells an outcome that is known at once. We are `me`.
    pub fn connect(
        &mut self,
        poller: &Poller,
        link: LinkId,
        addr: SocketAddr,
        me: NodeId,
    ) -> Result<(), LinkEvent> {
        let stream = Stream::connect(addr, self.source).map_err(|e| event_of(Stream::classify(e), None))?;
        let guard = Guard::initiate(self.secrets.clone(), me, nonce(), self.plain.remove(&addr));
        let inserted = self.insert(poller, link, stream, guard, Some(addr));
        inserted.map_err(|e| LinkEvent::Failed(runtime::process::reason(e)))
    }

    fn insert(
        &mut self,
        poller: &Poller,
        link: LinkId,
        stream: Stream,
        guard: Guard,
        addr: Option<SocketAddr>,
    ) -> std::io::Result<()> {
        let connecting = addr.is_some();
        let interest = if connecting { Interest::WRITE } else { Interest::READ };
        poller.add(&stream, token_of(link), interest)?;
        let new = Link {
            stream,
            guard,
            connecting,
            shaking_hands: None,
            addr,
            queue: VecDeque::new(),
            sent: 0,
            queued_bytes: 0,
            reported: 0,
            waits_for_room: false,
            dirty: false,
        };
        self.links.insert(link, new);
        Ok(())
    }

    /// Whether the link is still being connected.
    pub fn is_connecting(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|l| l.connecting)
    }

    /// The poller has said that the connect ended: how. A failed link is gone afterwards. `None` also while the peer's proof is
    /// waited for.
    pub fn finish_connect(&mut self, poller: &Poller, link: LinkId) -> Option<LinkEvent> {
        let entry = self.links.get_mut(&link)?;
        let outcome = entry.stream.connect_outcome();
        let event = event_of(outcome, entry.stream.local_addr());
        if matches!(event, LinkEvent::Connected { .. }) {
            entry.connecting = false;
            let _ = entry.stream.set_nodelay(true);
            let _ = poller.modify(&entry.stream, token_of(link), Interest::READ);
            if !entry.guard.is_ready() {
                entry.shaking_hands = entry.stream.local_addr().map(|local| local.ip());
                self.push_handshake(link);
                return None;
            }
        } else {
            self.remove(poller, link);
        }
        Some(event)
    }

    /// Reads once and hands over every whole packet, until `handle` says no more.
    pub fn read(&mut self, link: LinkId, handle: &mut dyn FnMut(Heard<'_>) -> bool) -> LinkEnd {
        let end = self.read_once(link, handle);
        self.push_handshake(link);
        // It may be one that knows of no secret, and closes what it does not understand.
        let unheard = matches!(end, LinkEnd::Closed | LinkEnd::Broken(_))
            || end == LinkEnd::Intruder(GuardError::NoSecret);
        if let Some(entry) = self.links.get(&link)
            && let (true, Some(_), Some(addr)) = (unheard, entry.shaking_hands, entry.addr)
            && self.secrets.mode() == SecretMode::Permissive
        {
            if self.plain.len() >= PLAIN_MAX {
                self.plain.clear();
            }
            self.plain.insert(addr);
        }
        end
    }

    fn read_once(&mut self, link: LinkId, handle: &mut dyn FnMut(Heard<'_>) -> bool) -> LinkEnd {
        let Some(entry) = self.links.get_mut(&link) else { return LinkEnd::Gone };
        self.scratch.clear();
        match entry.stream.read(&mut self.scratch, READ_SIZE) {
            Ok(ReadOutcome::Bytes { .. }) => {}
            Ok(ReadOutcome::NotNow) => return LinkEnd::Open,
            Ok(ReadOutcome::End) => return LinkEnd::Closed,
            Err(error) => return LinkEnd::Broken(runtime::process::reason(error)),
        }
        entry.guard.feed(&self.scratch);
        loop {
            let goes_on = match entry.guard.next_event() {
                Ok(Some(GuardEvent::Packet(packet))) => handle(Heard::Packet(packet)),
                Ok(Some(GuardEvent::Ready(name))) => {
                    let proved = name.map(|node| LinkEvent::Authenticated { node });
                    let up = entry.shaking_hands.take().map(|local| LinkEvent::Connected { local });
                    [proved, up].into_iter().flatten().all(|event| handle(Heard::Event(event)))
                }
                Ok(None) => return LinkEnd::Open,
                Err(error) if error.is_intrusion() => return LinkEnd::Intruder(error),
                Err(_) => return LinkEnd::Closed,
            };
            if !goes_on {
                return LinkEnd::Closed;
            }
        }
    }

    /// Queues what the guard has to say.
    fn push_handshake(&mut self, link: LinkId) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        let output = entry.guard.take_output();
        if !output.is_empty() {
            entry.queued_bytes += output.len();
            entry.queue.push_back(output.into());
            self.mark_dirty(link);
        }
    }

    fn mark_dirty(&mut self, link: LinkId) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        if !entry.dirty {
            entry.dirty = true;
            self.dirty.push(link);
        }
    }

    /// Queues a packet; silently nowhere if the link is gone. `false`: too much waits, the link must go.
    pub fn send(&mut self, link: LinkId, packet: Arc<[u8]>) -> bool {
        let Some(entry) = self.links.get_mut(&link) else { return true };
        if entry.queued_bytes + packet.len() > SEND_BUFFER_MAX {
            return false;
        }
        let trailer = entry.guard.seal(&packet);
        entry.queued_bytes += packet.len();
        entry.queue.push_back(packet);
        if let Some(trailer) = trailer {
            entry.queued_bytes += trailer.len();
            entry.queue.push_back(trailer.as_slice().into());
        }
        self.mark_dirty(link);
        true
    }

    /// Writes what the kernel takes, and asks the poller for room if something is left.
    pub fn flush(&mut self, poller: &Poller, link: LinkId) -> LinkEnd {
        let Some(entry) = self.links.get_mut(&link) else { return LinkEnd::Gone };
        entry.dirty = false;
        if entry.connecting {
            return LinkEnd::Open;
        }
        while let Some(packet) = entry.queue.front() {
            let rest = packet.get(entry.sent..).unwrap_or_default();
            let count = match entry.stream.write(rest) {
                Ok(count) => count,
                Err(error) => return LinkEnd::Broken(runtime::process::reason(error)),
            };
            entry.queued_bytes -= count;
            if count < rest.len() {
                entry.sent += count;
                break;
            }
            entry.queue.pop_front();
            entry.sent = 0;
        }
        let waits = !entry.queue.is_empty();
        if waits != entry.waits_for_room {
            entry.waits_for_room = waits;
            let interest = if waits { Interest::BOTH } else { Interest::READ };
            let _ = poller.modify(&entry.stream, token_of(link), interest);
        }
        LinkEnd::Open
    }

    /// How many bytes wait, if that is news: something waits, or nothing does any more.
    pub fn buffered_if_changed(&mut self, link: LinkId) -> Option<u64> {
        let entry = self.links.get_mut(&link)?;
        let bytes = entry.queued_bytes as u64;
        (bytes != std::mem::replace(&mut entry.reported, bytes)).then_some(bytes)
    }

    /// Links with packets that nobody has tried to write yet; give the vector back for reuse.
    pub fn take_dirty(&mut self) -> Vec<LinkId> {
        std::mem::take(&mut self.dirty)
    }

    /// Returns the vector of [`Links::take_dirty`], emptied.
    pub fn give_back_dirty(&mut self, emptied: Vec<LinkId>) {
        if self.dirty.is_empty() {
            self.dirty = emptied;
        }
    }

    /// Closes and forgets a link.
    pub fn remove(&mut self, poller: &Poller, link: LinkId) {
        if let Some(entry) = self.links.remove(&link) {
            let _ = poller.remove(&entry.stream);
            if !link.is_outbound() {
                self.accepted -= 1;
            }
        }
    }
}

/// Never the same twice.
fn nonce() -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    for piece in nonce.chunks_exact_mut(8) {
        piece.copy_from_slice(&runtime::process::random_seed().to_be_bytes());
    }
    nonce
}

fn event_of(outcome: ConnectOutcome, local: Option<SocketAddr>) -> LinkEvent {
    match (outcome, local) {
        (ConnectOutcome::Connected, Some(local)) => LinkEvent::Connected { local: local.ip() },
        (ConnectOutcome::Connected, None) => LinkEvent::Failed("no local address".into()),
        (ConnectOutcome::Refused, _) => LinkEvent::Refused,
        (ConnectOutcome::Failed(text), _) => LinkEvent::Failed(text),
    }
}
