//! One client connection: its input, its output, and what it has told us about itself.
//!
//! Model: bytes come into `input`; [`input`] parses and dispatches them in order; replies go into [`Output`], from
//! which the runtime writes. While commands of a batch run, the input, the parser and the reply are out of the session
//! (local values of the loop), so that handlers may hold arguments and still reach the whole node; what other parts of
//! the node send to this very session meanwhile collects in `pushes` and follows the command's reply.
//!
//! Invariant: a session that waits ([`Waiting`]) executes nothing; its input stays where it is.

pub mod buffer;
pub mod commands;
pub mod input;
pub mod lifecycle;
pub mod memory;
pub mod output;
pub mod table;
pub mod window;

pub use output::{Output, SlotId};
pub use table::{Client, Sessions};

use crate::api::PeerInfo;
use crate::blocking::Waiting;
use crate::pubsub::Subscriptions;
use crate::transaction::Multi;
use base::{ConnId, DbIndex, Millis, UnixMillis};
use resp::{Protocol, RequestParser};

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// A client.
    #[default]
    Normal,
    /// A replica of ours: it sent PSYNC, and reads our stream.
    Replica,
    /// Our primary: what it sends is obeyed, and gets no reply.
    Primary,
    /// The AOF at start: obeyed too.
    Loader,
}

impl Role {
    /// Whether the checks for clients do not apply: whoever wrote this down has made them.
    pub fn is_obeyed(self) -> bool {
        matches!(self, Role::Primary | Role::Loader)
    }
}

/// CLIENT REPLY.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReplyMode {
    /// Replies are sent.
    #[default]
    On,
    /// No replies.
    Off,
    /// No reply to the next command (set by the command before it).
    SkipNext,
    /// No reply to this command.
    Skip,
}

/// One connection. Fields are open to the node's rooms; see the module for who owns what while commands run.
pub struct Session {
    /// Its connection.
    pub conn: ConnId,
    /// CLIENT ID: grows by one with every connection.
    pub id: u64,
    /// Addresses.
    pub peer: PeerInfo,
    /// Who is at the other end.
    pub role: Role,
    /// Received bytes.
    pub input: Vec<u8>,
    /// How many of them are consumed; they are dropped once they are the larger part.
    pub consumed: usize,
    /// Whether `input` stays when it is empty: a request that came in parts has needed it ([`buffer`]).
    pub keeps_input: bool,
    /// The most that `input` held since the cron last looked, in bytes.
    pub input_peak: usize,
    /// Bytes of room in `input` for an argument that has been announced and not come.
    pub promised: usize,
    /// Where the parser stands in the rest of `input`.
    pub parser: RequestParser,
    /// Bytes on their way out.
    pub output: Output,
    /// Bytes for this session that came up while it executed a command; they follow the command's reply.
    pub pushes: Vec<u8>,
    /// Whether its commands are being executed right now.
    pub executing: bool,
    /// Whether it is in the node's list of sessions with new output.
    pub dirty: bool,
    /// Whether it is in the node's list of sessions whose output waits for the disk.
    pub gated: bool,
    /// It is owed the reply to a write in a cluster: whether that may leave depends on the write lease.
    pub wrote: bool,
    /// SELECTed database.
    pub db: DbIndex,
    /// CLIENT SETNAME; empty for none.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Vec<u8>,
    /// Whether it may do more than authenticate.
    pub authenticated: bool,
    /// Its user.
    pub user: acl::UserId,
    /// Whether something is forbidden to its user.
    pub restricted: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// READONLY: may read from a replica.
    pub readonly: bool,
    /// ASKING: the next command may touch an importing slot.
    pub asking: bool,
    /// MULTI's queue, while one is open.
    pub multi: Option<Box<Multi>>,
    /// WATCHed keys; an empty list costs nothing.
    pub watched: Vec<(DbIndex, Vec<u8>)>,
    /// A watched key changed: the next EXEC fails.
    pub dirty_cas: bool,
    /// Channels and patterns, once there were any.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// What it waits for, if it waits.
    pub waiting: Option<Waiting>,
    /// Bytes of the request that waits for keys.
    pub parked: usize,
    /// CLIENT PAUSE holds its next command back.
    pub postponed: bool,
    /// It is owed so much that it executes nothing until it has read the most of it.
    pub crowded: bool,
    /// It passed a limit while it executed a command: closed as soon as that is over, with nothing more sent.
    pub doomed: bool,
    /// What `maxmemory-clients` counts for it, in bytes.
    pub counted: usize,
    /// Bytes of its buffers that are taken out while its commands run.
    pub lent: usize,
    /// Close it once its output is written; it executes nothing more.
    pub close_after_reply: bool,
    /// The last command, for CLIENT LIST and so that its name need not be hashed again.
    pub last_command: Option<&'static spec::Command>,
    /// A command of its that waits, to be counted when it has its answer.
    pub unfinished: Option<Box<crate::observe::Unfinished>>,
    /// CLIENT TRACKING, while it is on.
    pub tracking: Option<Box<crate::tracking::Tracked>>,
    /// MONITOR: it is shown every command.
    pub monitor: bool,
    /// Commands executed.
    pub commands: u64,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// When it connected.
    pub created: UnixMillis,
    /// When it last said something.
    pub last_interaction: Millis,
    /// When the size of its reply buffer was last looked at.
    pub reply_look: Millis,
    /// Since when its output is past the soft limit.
    pub soft_limit_since: Option<Millis>,
    /// The log's end after its last write command, which WAIT waits for.
    pub last_write_offset: base::ReplOffset,
    /// The same among what the AOF gets, which WAITAOF waits for.
    pub last_write_seq: persist::Seq,
}

impl Session {
    /// Whether the client came over IPv6.
    pub fn is_v6(&self) -> bool {
        self.peer.peer.starts_with('[')
    }

    /// A fresh client.
    pub fn new(conn: ConnId, id: u64, peer: PeerInfo, now: base::Now) -> Self {
        Self {
            conn,
            id,
            peer,
            role: Role::Normal,
            input: Vec::new(),
            consumed: 0,
            keeps_input: false,
            input_peak: 0,
            promised: 0,
            parser: RequestParser::new(),
            output: Output::new(Protocol::Resp2),
            pushes: Vec::new(),
            executing: false,
            dirty: false,
            gated: false,
            wrote: false,
            db: DbIndex(0),
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            authenticated: false,
            user: acl::UserId::DEFAULT,
            restricted: false,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            readonly: false,
            asking: false,
            multi: None,
            watched: Vec::new(),
            dirty_cas: false,
            subscriptions: None,
            waiting: None,
            postponed: false,
            crowded: false,
            doomed: false,
            counted: 0,
            lent: 0,
            parked: 0,
            close_after_reply: false,
            last_command: None,
            unfinished: None,
            tracking: None,
            monitor: false,
            commands: 0,
            received: 0,
            sent: 0,
            created: now.unix,
            last_interaction: now.mono,
            reply_look: now.mono,
            soft_limit_since: None,
            last_write_offset: base::ReplOffset(0),
            last_write_seq: 0,
        }
    }

    /// Whether it is a client in no special state, so that only the command and the node decide what may be executed.
    #[inline]
    pub fn is_ordinary(&self) -> bool {
        self.role == Role::Normal
            && !(self.restricted || self.monitor || self.asking || self.doomed)
            && self.multi.is_none()
            && self.subscriptions.is_none()
            && self.pushes.is_empty()
    }

    /// Whether it has any subscription: RESP2 clients may then do little else.
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|s| s.count() > 0 || s.shard_count() > 0)
    }

    /// Received bytes that are not consumed yet.
    pub fn unconsumed(&self) -> usize {
        self.input.len().saturating_sub(self.consumed)
    }

    /// Whether a command of its waits for what others do.
    pub fn is_blocked(&self) -> bool {
        let shutdown = matches!(self.waiting, Some(Waiting::Shutdown));
        shutdown || self.waiting.as_ref().is_some_and(Waiting::is_blocking_command)
    }

    /// Whether its commands may run now.
    pub fn is_runnable(&self) -> bool {
        self.waiting.is_none() && !(self.close_after_reply || self.postponed || self.crowded || self.doomed)
    }
}
