//! Clients: each writes keys of its own, one at a time, and remembers what it was told.
//!
//! A key is written once, so that its presence at the end is the whole question: `acknowledged` keys had `+OK`,
//! `replicated` ones had as many replicas as were asked for behind them (WAIT). An unknown outcome (a timeout, a broken
//! connection) is never taken for absent or present.
//!
//! A client follows MOVED, backs off on CLUSTERDOWN and its kind, and goes to another server when its connection
//! breaks. It does not know the cluster's state.

use std::collections::BTreeMap;

use base::{Prng, Slot};
use resp::{Value, ValueParser, write_command};

use crate::clock::Instant;
use crate::network::ConnectionId;

/// How long a client waits for an answer, in ms.
const PATIENCE_MS: u64 = 1500;
/// How long it waits after a refusal, in ms.
const BACKOFF_MS: u64 = 50;
/// What WAIT is given, in ms.
const WAIT_MS: u64 = 500;
/// How often a key is tried when it is read at the end.
const READ_ATTEMPTS: u32 = 200;

/// What a client knows of a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// Refused, or the outcome is unknown.
    Unknown,
    /// `+OK`.
    Acknowledged,
    /// `+OK`, and WAIT counted enough replicas.
    Replicated,
}

/// A key that a client wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub key: String,
    /// What the client was told.
    pub fate: Fate,
    /// When.
    pub at: Instant,
    /// At the end: whether it is there. `None` while it has not been read.
    pub found: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Set,
    Wait,
    Get,
}

#[derive(Clone, Debug)]
struct Operation {
    stage: Stage,
    index: usize,
    connection: Option<ConnectionId>,
    deadline: Instant,
    /// When the present question left.
    asked: Instant,
    attempts: u32,
}

/// What a client wants from the world.
#[derive(Debug)]
pub enum Want {
    /// Connect to the server at the address with this number.
    Connect(usize),
    /// Send bytes.
    Send(ConnectionId, Vec<u8>),
    /// Close a connection.
    Close(ConnectionId),
    /// Be called again at an instant.
    Wake(Instant),
}

/// What a client learnt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// A server acknowledged a write.
    Acknowledged {
        /// On this connection.
        connection: ConnectionId,
        /// When it was asked.
        asked: Instant,
    },
    /// WAIT counted enough replicas behind this key.
    Confirmed(String),
}

/// What a client does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Writes new keys.
    Write,
    /// Finishes what it is at.
    Rest,
    /// Reads every key that was acknowledged.
    Read,
}

/// One client.
pub struct Client {
    name: usize,
    servers: usize,
    replicas: usize,
    think_ms: u64,
    phase: Phase,
    written: Vec<Written>,
    /// The next key to be read.
    reading: usize,
    operation: Option<Operation>,
    /// The next operation does not begin before this instant, whatever wakes us.
    rest_until: Instant,
    links: BTreeMap<ConnectionId, (usize, bool, ValueParser)>,
    owners: BTreeMap<Slot, usize>,
    prng: Prng,
    notes: Vec<Note>,
}

impl Client {
    /// A client of `servers` hosts that asks WAIT for `replicas`, and rests for less than `think_ms` after an answer.
    pub fn new(name: usize, servers: usize, replicas: usize, think_ms: u64, prng: Prng) -> Self {
        Self {
            name,
            servers,
            replicas,
            think_ms,
            phase: Phase::Rest,
            written: Vec::new(),
            reading: 0,
            operation: None,
            rest_until: Instant(0),
            links: BTreeMap::new(),
            owners: BTreeMap::new(),
            prng,
            notes: Vec::new(),
        }
    }

    /// What it remembers.
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// What it has learnt since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Whether it has nothing more to do in this phase.
    pub fn is_idle(&self) -> bool {
        let all_read = self.phase != Phase::Read || self.next_unread().is_none();
        self.operation.is_none() && self.phase != Phase::Write && all_read
    }

    /// Begins a phase.
    pub fn begin(&mut self, now: Instant, phase: Phase) -> Vec<Want> {
        self.phase = phase;
        self.reading = 0;
        self.rest_until = now;
        self.wake(now)
    }

    fn next_unread(&self) -> Option<usize> {
        let rest = self.written.iter().enumerate().skip(self.reading);
        rest.filter(|(_, written)| written.fate >= Fate::Acknowledged && written.found.is_none())
            .map(|(i, _)| i)
            .next()
    }

    /// Time has come.
    pub fn wake(&mut self, now: Instant) -> Vec<Want> {
        let mut wants = Vec::new();
        match &self.operation {
            None if now < self.rest_until => {}
            None => self.start(now, &mut wants),
            Some(operation) if operation.deadline <= now => self.give_up(now, &mut wants),
            Some(operation) if operation.connection.is_none() => self.submit(now, &mut wants),
            Some(operation) => wants.push(Want::Wake(operation.deadline)),
        }
        wants
    }

    fn start(&mut self, now: Instant, wants: &mut Vec<Want>) {
        let (stage, index) = match self.phase {
            Phase::Rest => return,
            Phase::Write => {
                let key = format!("c{}:{}", self.name, self.written.len());
                self.written.push(Written { key, fate: Fate::Unknown, at: now, found: None });
                (Stage::Set, self.written.len() - 1)
            }
            Phase::Read => match self.next_unread() {
                Some(index) => (Stage::Get, index),
                None => return,
            },
        };
        let deadline = now.plus_millis(PATIENCE_MS);
        self.operation =
            Some(Operation { stage, index, connection: None, deadline, asked: now, attempts: 0 });
        self.submit(now, wants);
    }

    /// Sends the operation to whom we think owns the key, over a connection that may have to be made first.
    fn submit(&mut self, now: Instant, wants: &mut Vec<Want>) {
        let Some(operation) = &self.operation else { return };
        let slot = Slot::of_key(self.written[operation.index].key.as_bytes());
        let known = self.owners.get(&slot).copied();
        let server = known.unwrap_or_else(|| self.prng.below(self.servers as u64) as usize);
        let link = self.links.iter().find(|(_, (to, ..))| *to == server).map(|(id, (_, up, _))| (*id, *up));
        match link {
            None => {
                self.owners.insert(slot, server);
                wants.push(Want::Connect(server));
            }
            Some((_, false)) => {}
            Some((id, true)) => self.send(now, id, wants),
        }
        wants.push(Want::Wake(now.plus_millis(PATIENCE_MS)));
    }

    fn send(&mut self, now: Instant, id: ConnectionId, wants: &mut Vec<Want>) {
        let Some(operation) = &mut self.operation else { return };
        operation.asked = now;
        let key = &self.written[operation.index].key;
        let replicas = self.replicas.to_string();
        let wait = WAIT_MS.to_string();
        let words: Vec<&str> = match operation.stage {
            Stage::Set => vec!["SET", key, key],
            Stage::Wait => vec!["WAIT", &replicas, &wait],
            Stage::Get => vec!["GET", key],
        };
        let mut bytes = Vec::new();
        write_command(&mut bytes, words.iter().map(|word| word.as_bytes()));
        operation.connection = Some(id);
        wants.push(Want::Send(id, bytes));
    }

    /// No answer: the connection is closed, the outcome stays unknown.
    fn give_up(&mut self, now: Instant, wants: &mut Vec<Want>) {
        let Some(operation) = self.operation.take() else { return };
        let slot = Slot::of_key(self.written[operation.index].key.as_bytes());
        let server = self.owners.remove(&slot);
        let stuck = self
            .links
            .iter()
            .find(|(id, (to, ..))| operation.connection == Some(**id) || Some(*to) == server);
        if let Some(id) = stuck.map(|(id, _)| *id) {
            self.links.remove(&id);
            self.owners.retain(|_, owner| Some(*owner) != server);
            wants.push(Want::Close(id));
        }
        self.retry_reading(operation);
        wants.push(Want::Wake(now.plus_millis(BACKOFF_MS)));
    }

    /// A read is tried again until its attempts are used up; a write is not.
    fn retry_reading(&mut self, operation: Operation) {
        if operation.stage == Stage::Get && operation.attempts >= READ_ATTEMPTS {
            self.reading = operation.index + 1;
        }
        if operation.stage == Stage::Get && operation.attempts < READ_ATTEMPTS {
            let attempts = operation.attempts + 1;
            let deadline = operation.deadline.plus_millis(PATIENCE_MS);
            self.operation = Some(Operation { connection: None, attempts, deadline, ..operation });
        }
    }

    /// The world has begun a connect.
    pub fn connecting(&mut self, id: ConnectionId, server: usize) {
        self.links.insert(id, (server, false, ValueParser::new()));
    }

    /// The outcome of a connect.
    pub fn connected(&mut self, now: Instant, id: ConnectionId, established: bool) -> Vec<Want> {
        if !established {
            return self.closed(now, id);
        }
        let mut wants = Vec::new();
        if let Some((_, up, _)) = self.links.get_mut(&id) {
            *up = true;
            if self.operation.as_ref().is_some_and(|operation| operation.connection.is_none()) {
                self.submit(now, &mut wants);
            }
        }
        wants
    }

    /// A connection is gone.
    pub fn closed(&mut self, now: Instant, id: ConnectionId) -> Vec<Want> {
        let Some((server, ..)) = self.links.remove(&id) else { return Vec::new() };
        self.owners.retain(|_, owner| *owner != server);
        match self.operation.take() {
            Some(operation) if operation.connection == Some(id) => self.retry_reading(operation),
            other => self.operation = other,
        }
        vec![Want::Wake(now.plus_millis(BACKOFF_MS))]
    }

    /// Bytes arrived.
    pub fn receive(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) -> Vec<Want> {
        let Some((_, _, parser)) = self.links.get_mut(&id) else { return Vec::new() };
        parser.feed(bytes);
        let mut answers = Vec::new();
        while let Ok(Some(value)) = parser.next() {
            answers.push(value);
        }
        let mut wants = Vec::new();
        for value in answers {
            if self.operation.as_ref().is_some_and(|operation| operation.connection == Some(id)) {
                self.answer(now, id, &value, &mut wants);
            }
        }
        wants
    }

    fn answer(&mut self, now: Instant, id: ConnectionId, value: &Value, wants: &mut Vec<Want>) {
        let Some(mut operation) = self.operation.take() else { return };
        if let Some(error) = value.error() {
            let error = String::from_utf8_lossy(error).into_owned();
            return self.refused(now, operation, &error, wants);
        }
        let replicas = self.replicas as i64;
        let written = &mut self.written[operation.index];
        match operation.stage {
            Stage::Set => {
                written.fate = Fate::Acknowledged;
                let asked = operation.asked;
                self.notes.push(Note::Acknowledged { connection: id, asked });
                written.at = now;
                operation.stage = Stage::Wait;
                operation.deadline = now.plus_millis(PATIENCE_MS);
                if replicas > 0 {
                    self.operation = Some(operation);
                    return self.send(now, id, wants);
                }
            }
            Stage::Wait => {
                if value.as_int().is_some_and(|count| count >= replicas) {
                    written.fate = Fate::Replicated;
                    self.notes.push(Note::Confirmed(written.key.clone()));
                }
            }
            Stage::Get => written.found = Some(*value != Value::Null),
        }
        let think = if operation.stage == Stage::Get { 0 } else { self.prng.below(self.think_ms) };
        self.rest_until = now.plus_millis(think);
        wants.push(Want::Wake(self.rest_until));
    }

    /// An error: the command was not executed. It is tried again elsewhere or later, until its deadline.
    fn refused(&mut self, now: Instant, operation: Operation, error: &str, wants: &mut Vec<Want>) {
        if operation.stage == Stage::Wait {
            return wants.push(Want::Wake(now.plus_millis(BACKOFF_MS)));
        }
        let slot = Slot::of_key(self.written[operation.index].key.as_bytes());
        let attempts = operation.attempts + 1;
        self.operation = Some(Operation { connection: None, attempts, ..operation });
        let target =
            error.strip_prefix("MOVED ").and_then(|rest| rest.split(' ').nth(1)).and_then(moved_host);
        match target.filter(|host| *host < self.servers) {
            Some(host) if !attempts.is_multiple_of(5) => {
                self.owners.insert(slot, host);
                self.submit(now, wants);
            }
            _ => {
                self.owners.remove(&slot);
                wants.push(Want::Wake(now.plus_millis(BACKOFF_MS)));
            }
        }
    }
}

fn moved_host(address: &str) -> Option<usize> {
    let ip: std::net::IpAddr = address.rsplit_once(':')?.0.parse().ok()?;
    crate::world::place_of(std::net::SocketAddr::new(ip, 0))
}
