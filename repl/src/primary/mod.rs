//! [`Primary`]: what a node is to its replicas.
//!
//! Model: each replica's connection is a [`Link`] that goes through [`LinkState`]. A full sync is one snapshot of the data
//! for every link that waits when it begins: its bytes go out as they come, framed by a random mark, and the stream that
//! was written meanwhile follows after the replica's first acknowledgement. A link reads the log by its cursor; nothing
//! is buffered for it here.
//!
//! The owner must: keep the snapshot's order (`snapshot_begun`, `snapshot_bytes`, `snapshot_done` or `snapshot_failed`),
//! call `pull` for links with room, `handle_timeout` at least once a second, and drain `poll_action` after every call.
//!
//! Invariant: the bytes that follow a snapshot begin exactly at the offset that +FULLRESYNC named.

mod filtered;
mod handshake;
mod stream;
mod sync;

pub use filtered::Filter;
pub use handshake::ReplconfReply;

use crate::{History, Level, Log};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use base::{ConnId, Millis, Prng, ReplOffset};

/// What the owner has set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrimaryConfig {
    /// `repl-timeout`, in milliseconds.
    pub timeout: u64,
    /// `repl-ping-replica-period`, in milliseconds.
    pub ping_period: u64,
    /// `repl-diskless-sync-delay`, in milliseconds.
    pub sync_delay: u64,
    /// `repl-diskless-sync-max-replicas`; 0: the delay alone decides.
    pub sync_max_replicas: usize,
    /// `repl-backlog-size` in bytes.
    pub backlog_size: u64,
    /// `repl-backlog-ttl` in milliseconds; 0: for ever.
    pub backlog_ttl: u64,
    /// `min-replicas-max-lag` in milliseconds.
    pub max_lag: u64,
    /// `client-output-buffer-limit replica`: hard limit in bytes (0: none), soft limit in bytes (0: none), milliseconds.
    pub output_limit: (u64, u64, u64),
}

impl Default for PrimaryConfig {
    fn default() -> Self {
        Self {
            timeout: 60_000,
            ping_period: 10_000,
            sync_delay: 5_000,
            sync_max_replicas: 0,
            backlog_size: 1 << 20,
            backlog_ttl: 3_600_000,
            max_lag: 10_000,
            output_limit: (256 << 20, 64 << 20, 60_000),
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer<'a> {
    /// Its IP address.
    pub ip: &'a str,
    /// Its client id, for the log while no port is known.
    pub client_id: u64,
}

/// Where a replica's connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// It has sent REPLCONF; it is a client like any other so far.
    Handshake,
    /// It waits for the next snapshot to begin.
    Waiting,
    /// It takes only files of known length: the snapshot is collected for it.
    Collecting,
    /// The snapshot goes out to it.
    Streaming,
    /// It has the whole snapshot; the stream follows when it says that it is loaded.
    AwaitingAck,
    /// It gets the stream.
    Online,
}

/// What must be done outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PrimaryAction {
    /// Send these bytes on the connection, behind everything sent before.
    Send {
        /// The replica's connection.
        conn: ConnId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close the connection; the machine has forgotten it.
    Close {
        /// The replica's connection.
        conn: ConnId,
    },
    /// Begin a streamed snapshot: answered by `snapshot_begun` at its cut, or by `snapshot_refused`.
    StartSnapshot,
    /// Make an RDB of this much alone: answered by `filtered`, now or when it is asked for again.
    EncodeFiltered {
        /// The replica's connection.
        conn: ConnId,
        /// What it is to hold.
        filter: Filter,
    },
    /// Nobody wants the running snapshot any more.
    AbortSnapshot,
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

/// What the machine works with besides its own state.
pub struct Context<'a> {
    /// The log whose wire the replicas read.
    pub log: &'a mut Log,
    /// Its name.
    pub history: &'a mut History,
    /// For marks and new ids.
    pub prng: &'a mut Prng,
    /// Whether we are somebody's replica ourselves: the wire is not ours to write then.
    pub chained: bool,
    /// Whether nothing may be added to the wire now (manual failover).
    pub paused: bool,
}

/// One replica as INFO and ROLE show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplicaView<'a> {
    /// Its connection.
    pub conn: ConnId,
    /// The address that it announced, or the one that it came from.
    pub ip: &'a str,
    /// The port that it announced, 0 if none.
    pub port: u16,
    /// Its state.
    pub state: LinkState,
    /// What it has acknowledged.
    pub acked: ReplOffset,
    /// Milliseconds since it last did.
    pub lag: u64,
}

impl ReplicaView<'_> {
    /// INFO's word for the state.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            LinkState::Online | LinkState::AwaitingAck => "online",
            _ => "wait_bgsave",
        }
    }
}

/// `sync_full`, `sync_partial_ok`, `sync_partial_err`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SyncCounts {
    /// Full syncs asked for.
    pub full: u64,
    /// Partial ones granted.
    pub partial_ok: u64,
    /// Partial ones refused.
    pub partial_err: u64,
}

/// How far the snapshot for replicas is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Snapshot {
    None,
    Asked,
    Running,
}

/// One replica's connection.
struct Link {
    ip: String,
    announced_ip: Option<String>,
    port: u16,
    client_id: u64,
    eof: bool,
    psync2: bool,
    rdb_only: bool,
    /// It wants an RDB without the data.
    filter: Option<Filter>,
    /// It came by SYNC: no acknowledgements, no offsets.
    old: bool,
    state: LinkState,
    since: Millis,
    cursor: ReplOffset,
    acked: ReplOffset,
    /// What it has safe in its append only file, if it says so.
    safe: Option<ReplOffset>,
    ack_time: Millis,
    mark: [u8; 40],
    /// Since when it is over the soft output limit; when its output last shrank, and to what.
    soft_since: Option<Millis>,
    drained: Millis,
    queued: u64,
}

impl Link {
    fn new(peer: Peer<'_>, now: Millis) -> Self {
        Self {
            ip: peer.ip.into(),
            announced_ip: None,
            port: 0,
            client_id: peer.client_id,
            eof: false,
            psync2: false,
            rdb_only: false,
            filter: None,
            old: false,
            state: LinkState::Handshake,
            since: now,
            cursor: ReplOffset(0),
            acked: ReplOffset(0),
            safe: None,
            ack_time: now,
            mark: [0; 40],
            soft_since: None,
            drained: now,
            queued: 0,
        }
    }

    fn ip(&self) -> &str {
        self.announced_ip.as_deref().unwrap_or(&self.ip)
    }

    /// As the log names it.
    fn name(&self) -> String {
        if self.port == 0 {
            return alloc::format!("client id #{}", self.client_id);
        }
        if self.ip().contains(':') {
            alloc::format!("[{}]:{}", self.ip(), self.port)
        } else {
            alloc::format!("{}:{}", self.ip(), self.port)
        }
    }

    /// Whether it is a replica and not just a client that has sent REPLCONF.
    fn is_replica(&self) -> bool {
        self.state != LinkState::Handshake
    }

    /// Whether it waits for a snapshot of everything.
    fn awaits_snapshot(&self) -> bool {
        self.state == LinkState::Waiting && self.filter.is_none()
    }

    /// Whether it reads the wire now or will from its cursor.
    fn reads_wire(&self) -> bool {
        !self.rdb_only && !matches!(self.state, LinkState::Handshake | LinkState::Waiting)
    }
}

/// What a node is to its replicas.
pub struct Primary {
    config: PrimaryConfig,
    links: BTreeMap<ConnId, Link>,
    actions: VecDeque<PrimaryAction>,
    snapshot: Snapshot,
    /// The snapshot so far, for links of [`LinkState::Collecting`].
    collected: Vec<u8>,
    counts: SyncCounts,
    next_tick: Millis,
    last_ping: Millis,
    lonely_since: Millis,
}

impl Primary {
    /// A primary without replicas.
    pub fn new(config: PrimaryConfig, now: Millis) -> Self {
        Self {
            config,
            links: BTreeMap::new(),
            actions: VecDeque::new(),
            snapshot: Snapshot::None,
            collected: Vec::new(),
            counts: SyncCounts::default(),
            next_tick: now + TICK,
            last_ping: now,
            lonely_since: now,
        }
    }

    /// New settings. A backlog that exists takes its new size.
    pub fn set_config(&mut self, config: PrimaryConfig, log: &mut Log) {
        if log.backlog_size().is_some() {
            log.start_backlog(config.backlog_size);
        }
        self.config = config;
    }

    /// What must be done outside, until `None`.
    pub fn poll_action(&mut self) -> Option<PrimaryAction> {
        self.actions.pop_front()
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Millis {
        self.next_tick
    }

    /// Every replica, in order of arrival.
    pub fn replicas(&self, now: Millis) -> impl Iterator<Item = ReplicaView<'_>> {
        self.links.iter().filter(|(_, link)| link.is_replica()).map(move |(conn, link)| ReplicaView {
            conn: *conn,
            ip: link.ip(),
            port: link.port,
            state: link.state,
            acked: link.acked,
            lag: now.since(link.ack_time),
        })
    }

    /// The state of a connection, if it is a replica's.
    pub fn state(&self, conn: ConnId) -> Option<LinkState> {
        self.links.get(&conn).filter(|link| link.is_replica()).map(|link| link.state)
    }

    /// `connected_slaves`.
    pub fn replica_count(&self) -> usize {
        self.links.values().filter(|link| link.is_replica()).count()
    }

    /// Replicas whose last acknowledgement is recent enough (`min-replicas-max-lag`).
    pub fn good_replicas(&self, now: Millis) -> usize {
        let good =
            |link: &&Link| link.state == LinkState::Online && now.since(link.ack_time) <= self.config.max_lag;
        self.links.values().filter(good).count()
    }

    /// Replicas that have acknowledged everything up to `offset`: WAIT.
    pub fn count_acked(&self, offset: ReplOffset) -> usize {
        let done = |link: &&Link| link.state == LinkState::Online && !link.old && link.acked >= offset;
        self.links.values().filter(done).count()
    }

    /// Replicas that have everything up to `offset` safe in their append only files: WAITAOF.
    pub fn count_safe(&self, offset: ReplOffset) -> usize {
        let done =
            |link: &&Link| link.state == LinkState::Online && link.safe.is_some_and(|safe| safe >= offset);
        self.links.values().filter(done).count()
    }

    /// How many synchronizations there were.
    pub fn counts(&self) -> SyncCounts {
        self.counts
    }

    /// Counts them from 0 again (CONFIG RESETSTAT).
    pub fn reset_counts(&mut self) {
        self.counts = SyncCounts::default();
    }

    /// The connection is gone.
    pub fn handle_closed(&mut self, now: Millis, conn: ConnId) {
        if self.links.remove(&conn).is_some_and(|link| link.is_replica()) {
            self.link_left(now);
        }
    }

    /// Our role changed: time without replicas counts from here.
    pub fn reset_idle(&mut self, now: Millis) {
        self.lonely_since = now;
        self.last_ping = now;
    }

    /// Closes every replica: they must hear that our history has another name, or that we are no longer who we were.
    pub fn disconnect_all(&mut self, now: Millis) {
        let conns: Vec<ConnId> =
            self.links.iter().filter(|(_, link)| link.is_replica()).map(|(conn, _)| *conn).collect();
        conns.into_iter().for_each(|conn| self.drop_link(now, conn));
    }

    fn drop_link(&mut self, now: Millis, conn: ConnId) {
        if self.links.remove(&conn).is_some() {
            self.actions.push_back(PrimaryAction::Close { conn });
            self.link_left(now);
        }
    }

    fn link_left(&mut self, now: Millis) {
        if self.replica_count() == 0 {
            self.lonely_since = now;
        }
        let wanted = |link: &Link| matches!(link.state, LinkState::Streaming | LinkState::Collecting);
        if self.snapshot == Snapshot::Running && !self.links.values().any(wanted) {
            self.snapshot = Snapshot::None;
            self.collected = Vec::new();
            self.actions.push_back(PrimaryAction::AbortSnapshot);
        }
    }

    fn send(&mut self, conn: ConnId, bytes: impl Into<Vec<u8>>) {
        self.actions.push_back(PrimaryAction::Send { conn, bytes: bytes.into() });
    }

    fn notice(&mut self, text: String) {
        self.actions.push_back(PrimaryAction::Log { level: Level::Notice, text });
    }

    fn note(&mut self, text: String) {
        self.actions.push_back(PrimaryAction::Note(text));
    }

    fn warning(&mut self, text: String) {
        self.actions.push_back(PrimaryAction::Log { level: Level::Warning, text });
    }
}

/// Milliseconds between two ticks.
const TICK: u64 = 1000;
