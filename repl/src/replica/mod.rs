//! [`Replica`]: what a node is to its primary.
//!
//! Model: one connection goes through [`Phase`]s named after what they wait for. The handshake is PING, then AUTH and the
//! REPLCONFs in one go, then PSYNC; a full sync hands the RDB's bytes out as they come, whatever its framing; then the
//! stream is the owner's to parse and apply. Whatever goes wrong, the connection is closed and tried again: at once when
//! it was lost in the stream, with the next second otherwise.
//!
//! The owner says how far it has *applied* the stream with every call ([`Position`]); received bytes do not count. It must
//! answer `LoadEnd` with [`Replica::handle_loaded`], and drain `poll_action` after every call.
//!
//! It does not know what an RDB is: the end of a streamed one is found by its mark.

mod handshake;
mod transfer;

use crate::Level;
use crate::log::push_command;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{Millis, ReplId, ReplOffset};
use handshake::Expected;
use transfer::Transfer;

/// Whom to follow, and how we introduce ourselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplicaConfig {
    /// The primary's host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `masteruser`, empty for none.
    pub user: Vec<u8>,
    /// `masterauth`, empty for none.
    pub password: Vec<u8>,
    /// The port that we announce (`replica-announce-port`, or ours).
    pub listening_port: u16,
    /// `replica-announce-ip`, empty for none.
    pub announce_ip: String,
    /// `repl-timeout` in milliseconds.
    pub timeout: u64,
}

/// How far we are: the history that our data belongs to, and the offset up to which it has been applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The replication id.
    pub id: ReplId,
    /// The offset.
    pub offset: ReplOffset,
}

/// Where the link stands, as INFO and ROLE tell it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// A connection is due.
    Connect,
    /// The connection is being made.
    Connecting,
    /// The handshake is under way.
    Handshake,
    /// The RDB is coming, or being put in place.
    Sync,
    /// The stream is coming.
    Connected,
}

impl Phase {
    /// ROLE's word.
    pub fn role_name(self) -> &'static str {
        match self {
            Phase::Connect => "connect",
            Phase::Connecting => "connecting",
            Phase::Handshake => "handshake",
            Phase::Sync => "sync",
            Phase::Connected => "connected",
        }
    }
}

/// What must be done outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplicaAction {
    /// Open a connection; answered by `handle_connected`.
    Connect {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Send these bytes.
    Send(Vec<u8>),
    /// Close the connection; no `handle_closed` for it.
    Close,
    /// A full sync begins: what was loading before is void.
    LoadBegin {
        /// The history and offset that the data will have.
        at: Position,
        /// Bytes to come, if known.
        size: Option<u64>,
    },
    /// The next bytes of the RDB.
    LoadBytes(Vec<u8>),
    /// The RDB is complete: check it, put it in place, and say so with `handle_loaded`.
    LoadEnd,
    /// The RDB will not be completed: drop what was loaded, keep what was there.
    LoadAbort,
    /// The primary goes on from our position, perhaps under another id, which is ours from now on.
    Continued {
        /// The id, if it named one.
        id: Option<ReplId>,
    },
    /// Bytes of the stream that came together with something else. Later ones are the owner's directly.
    Stream(Vec<u8>),
    /// The primary says that it has less of our data than we do (see [`Replica::set_holds`]). The connection has been closed, and the next attempt
    /// asks again unless the owner has nothing to ask any more.
    Lacks {
        /// Up to where in the history that was asked for the primary has it.
        offset: ReplOffset,
    },
    /// The answer to the PSYNC that said FAILOVER: whether the other node is the primary now. If not, the connection has been closed, and
    /// nothing more is tried before the owner says what it wants to be.
    FailoverAnswered {
        /// It is.
        accepted: bool,
    },
    /// A synchronization, and its reason: for the cluster's journal.
    Note(String),
    /// A line for the log.
    Log {
        /// Its severity.
        level: Level,
        /// Its text.
        text: String,
    },
}

enum State {
    /// Connect when the time has come.
    Waiting {
        until: Millis,
    },
    Connecting,
    /// Replies to what was sent are due, in this order.
    Handshake {
        expected: VecDeque<Expected>,
    },
    /// PSYNC is sent.
    AwaitPsync,
    /// The RDB is coming.
    Transfer(Transfer),
    /// The owner is putting it in place. With a length in front the stream may follow at once: it waits here.
    Installing {
        early: Vec<u8>,
    },
    Streaming,
}

/// What a node is to its primary.
pub struct Replica {
    config: ReplicaConfig,
    state: State,
    /// Whether our data is a state of our history at our offset, so that a partial resync can be asked for.
    resumable: bool,
    /// The next PSYNC says FAILOVER.
    hands_over: bool,
    /// What the primary is asked about before it may replace it.
    holds: Option<Position>,
    /// Bytes of an unfinished line of the handshake.
    line: Vec<u8>,
    last_io: Millis,
    down_since: Option<Millis>,
    /// What of the stream is safe in our append only file.
    safe: Option<ReplOffset>,
    next_tick: Millis,
    actions: VecDeque<ReplicaAction>,
}

/// Milliseconds between two ticks, and between two attempts to connect.
const TICK: u64 = 1000;
/// Bytes of the stream that may come before the RDB is in place.
const EARLY_MAX: usize = 64 << 20;
/// A line of the handshake may have so many bytes.
const LINE_MAX: usize = 4096;

impl Replica {
    /// Begins to follow: the first action is the connection. `resumable`: the owner's data belongs to its [`Position`].
    pub fn new(config: ReplicaConfig, resumable: bool, now: Millis) -> Self {
        let mut replica = Self {
            config,
            state: State::Waiting { until: now },
            resumable,
            hands_over: false,
            holds: None,
            line: Vec::new(),
            last_io: now,
            safe: None,
            down_since: Some(now),
            next_tick: now + TICK,
            actions: VecDeque::new(),
        };
        replica.connect(now, "Connecting to");
        replica
    }

    /// As [`Replica::new`], of a primary that makes the other node the primary (see [`Failover`](crate::Failover)).
    pub fn handing_over(config: ReplicaConfig, resumable: bool, now: Millis) -> Self {
        Self { hands_over: true, ..Self::new(config, resumable, now) }
    }

    /// Whom we follow and how.
    pub fn config(&self) -> &ReplicaConfig {
        &self.config
    }

    /// New settings; they count from the next handshake on.
    pub fn set_config(&mut self, config: ReplicaConfig) {
        self.config = config;
    }

    /// What we hold that came from this same primary: from the next handshake on it is asked whether it has as much (`REPLCONF holds id:offset`,
    /// which Redis answers with an error that does no harm), and if not, nothing of ours is replaced.
    pub fn set_holds(&mut self, holds: Option<Position>) {
        self.holds = holds;
    }

    /// Where the link stands.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Waiting { .. } => Phase::Connect,
            State::Connecting => Phase::Connecting,
            State::Handshake { .. } | State::AwaitPsync => Phase::Handshake,
            State::Transfer(_) | State::Installing { .. } => Phase::Sync,
            State::Streaming => Phase::Connected,
        }
    }

    /// Whether bytes of the connection are the stream: parse and apply them, and call `handle_stream`.
    pub fn is_streaming(&self) -> bool {
        matches!(self.state, State::Streaming)
    }

    /// When something last came from the primary.
    pub fn last_io(&self) -> Millis {
        self.last_io
    }

    /// Since when the link has been down; `None` while it is up.
    pub fn down_since(&self) -> Option<Millis> {
        self.down_since
    }

    /// Bytes of the RDB expected (if known) and received, during a transfer.
    pub fn transfer(&self) -> Option<(Option<u64>, u64)> {
        match &self.state {
            State::Transfer(transfer) => Some((transfer.size(), transfer.received())),
            _ => None,
        }
    }

    /// Whether a partial resync could be asked for.
    pub fn is_resumable(&self) -> bool {
        self.resumable
    }

    /// What must be done outside, until `None`.
    pub fn poll_action(&mut self) -> Option<ReplicaAction> {
        self.actions.pop_front()
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Millis {
        match self.state {
            State::Waiting { until } => until.min(self.next_tick),
            _ => self.next_tick,
        }
    }

    // What the world tells.

    /// The outcome of `Connect`.
    pub fn handle_connected(&mut self, now: Millis, outcome: Result<(), &str>) {
        if !matches!(self.state, State::Connecting) {
            return;
        }
        self.last_io = now;
        match outcome {
            Ok(()) => {
                self.notice("Non blocking connect for SYNC fired the event.".to_string());
                self.command(&[b"PING"]);
                self.state = State::Handshake { expected: VecDeque::from([Expected::Pong]) };
            }
            Err(error) => {
                self.warning(format!("Error condition on socket for SYNC: {error}"));
                self.retry(now);
            }
        }
    }

    /// Bytes came while not streaming.
    pub fn handle_bytes(&mut self, now: Millis, bytes: &[u8], at: Position) {
        self.last_io = now;
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Handshake { .. } | State::AwaitPsync => self.handshake_bytes(now, rest, at),
                State::Transfer(_) => self.transfer_bytes(now, rest),
                State::Streaming => {
                    self.actions.push_back(ReplicaAction::Stream(rest.to_vec()));
                    return;
                }
                State::Installing { ref mut early } if early.len() + rest.len() <= EARLY_MAX => {
                    early.extend_from_slice(rest);
                    return;
                }
                State::Installing { .. } => {
                    self.warning("The stream outran the loading of the RDB".to_string());
                    return self.retry(now);
                }
                // Nothing is due now; what comes is the tail of a connection that was given up.
                State::Waiting { .. } | State::Connecting => return,
            };
        }
    }

    /// Bytes of the stream came and are the owner's.
    pub fn handle_stream(&mut self, now: Millis) {
        self.last_io = now;
    }

    /// Up to where the stream is safe in our append only file, to be told with acknowledgements; `None` without a file.
    pub fn set_safe(&mut self, safe: Option<ReplOffset>) {
        self.safe = safe;
    }

    /// The primary asked for an acknowledgement, or the owner wants to give one.
    pub fn acknowledge(&mut self, at: Position) {
        if self.is_streaming() {
            let mut number = Vec::new();
            base::number::push_u64(&mut number, at.offset.0);
            let Some(safe) = self.safe else { return self.command(&[b"REPLCONF", b"ACK", &number]) };
            let mut durable = Vec::new();
            base::number::push_u64(&mut durable, safe.0);
            self.command(&[b"REPLCONF", b"ACK", &number, b"FACK", &durable]);
        }
    }

    /// The connection is gone.
    pub fn handle_closed(&mut self, now: Millis) {
        let lost = self.is_streaming();
        match self.state {
            State::Waiting { .. } => return,
            State::Streaming => {
                self.warning("Connection with master lost.".to_string());
                self.notice("Caching the disconnected master state.".to_string());
            }
            State::Transfer(_) | State::Installing { .. } => {
                self.warning("I/O error trying to sync with MASTER: connection lost".to_string());
            }
            State::Handshake { .. } | State::AwaitPsync => {
                self.warning("Master did not respond to command during SYNC handshake".to_string());
            }
            State::Connecting => {}
        }
        self.leave(now);
        if lost {
            self.connect(now, "Reconnecting to");
        } else {
            self.state = State::Waiting { until: now + TICK };
        }
    }

    /// The owner found what the primary sends impossible to apply: the link goes down, and a full sync is needed if
    /// `diverged`. Nothing is retried before the next second.
    pub fn fail(&mut self, now: Millis, why: &str, diverged: bool) {
        self.warning(why.to_string());
        self.resumable &= !diverged;
        self.retry(now);
    }

    /// The RDB is in place (or is not, and why): the answer to `LoadEnd`.
    pub fn handle_loaded(&mut self, now: Millis, outcome: Result<Position, &str>) {
        let State::Installing { early } = &mut self.state else { return };
        let early = core::mem::take(early);
        match outcome {
            Ok(at) => {
                self.resumable = true;
                self.go_online(now);
                self.notice("MASTER <-> REPLICA sync: Finished with success".to_string());
                // A primary that streamed the RDB sends the rest only after this one.
                self.acknowledge(at);
                if !early.is_empty() {
                    self.actions.push_back(ReplicaAction::Stream(early));
                }
            }
            Err(why) => {
                self.warning(format!("Failed trying to load the MASTER synchronization DB: {why}"));
                self.retry(now);
            }
        }
    }

    /// What was loaded so far turned out to be unusable: before `LoadEnd`.
    pub fn handle_load_failed(&mut self, now: Millis, why: &str) {
        if matches!(self.state, State::Transfer(_) | State::Installing { .. }) {
            self.warning(format!("Failed trying to load the MASTER synchronization DB: {why}"));
            self.retry(now);
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Millis, at: Position) {
        if let State::Waiting { until } = self.state
            && now >= until
        {
            self.connect(now, "Connecting to");
        }
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        let late = now.since(self.last_io) > self.config.timeout;
        match self.state {
            State::Connecting | State::Handshake { .. } | State::AwaitPsync if late => {
                self.warning("Timeout connecting to the MASTER...".to_string());
                self.retry(now);
            }
            State::Transfer(_) if late => {
                self.warning("Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.".to_string());
                self.retry(now);
            }
            State::Streaming if late => {
                self.warning("MASTER timeout: no data nor PING received...".to_string());
                self.actions.push_back(ReplicaAction::Close);
                self.handle_closed(now);
            }
            State::Streaming => self.acknowledge(at),
            // The primary must see that we live while we load.
            State::Transfer(_) | State::Installing { .. } => self.send(b"\n".to_vec()),
            _ => {}
        }
    }

    // Steps that several of them share.

    fn connect(&mut self, now: Millis, verb: &str) {
        let (host, port) = (self.config.host.clone(), self.config.port);
        self.notice(format!("{verb} MASTER {host}:{port}"));
        self.notice("MASTER <-> REPLICA sync started".to_string());
        self.actions.push_back(ReplicaAction::Connect { host, port });
        self.state = State::Connecting;
        self.last_io = now;
        self.line.clear();
    }

    /// Gives the connection up and tries again with the next second.
    /// The line that the primary's bytes complete, with its end, and the bytes behind it. `None` until more come, or when it has grown
    /// too long and the link is given up.
    fn take_line<'b>(&mut self, now: Millis, bytes: &'b [u8]) -> Option<(Vec<u8>, &'b [u8])> {
        let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
            if self.line.len() + bytes.len() > LINE_MAX {
                self.warning("Bad protocol from MASTER: a line that does not end".to_string());
                self.retry(now);
            } else {
                self.line.extend_from_slice(bytes);
            }
            return None;
        };
        let (head, rest) = bytes.split_at(end + 1);
        let mut line = core::mem::take(&mut self.line);
        line.extend_from_slice(head);
        Some((line, rest))
    }

    fn retry(&mut self, now: Millis) {
        if !matches!(self.state, State::Waiting { .. }) {
            self.actions.push_back(ReplicaAction::Close);
        }
        self.leave(now);
        self.state = State::Waiting { until: now + TICK };
    }

    fn leave(&mut self, now: Millis) {
        if matches!(self.state, State::Transfer(_) | State::Installing { .. }) {
            self.actions.push_back(ReplicaAction::LoadAbort);
        }
        self.line.clear();
        self.down_since.get_or_insert(now);
    }

    fn go_online(&mut self, now: Millis) {
        self.state = State::Streaming;
        self.down_since = None;
        self.last_io = now;
    }

    fn command(&mut self, args: &[&[u8]]) {
        let mut bytes = Vec::new();
        push_command(&mut bytes, args.iter().copied());
        self.send(bytes);
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.actions.push_back(ReplicaAction::Send(bytes));
    }

    fn notice(&mut self, text: String) {
        self.actions.push_back(ReplicaAction::Log { level: Level::Notice, text });
    }

    fn note(&mut self, text: String) {
        self.actions.push_back(ReplicaAction::Note(text));
    }

    fn warning(&mut self, text: String) {
        self.actions.push_back(ReplicaAction::Log { level: Level::Warning, text });
    }
}
