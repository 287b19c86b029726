//! What the machine is told and what it asks for: the vocabulary between it, the control loop and the data thread.
//!
//! Invariant: order is a type. Whatever must follow a save, or the data thread's execution of something, carries the
//! version that it waits for ([`After`]); its bytes are built when the decision is taken and delayed unchanged.

use crate::commands::{Answer, CommandError};
use crate::journal::{Event, EventType, Step};
use crate::topology::Topology;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Millis, NodeId, ReplId, ReplOffset, SlotSet};
use core::net::{IpAddr, SocketAddr};

/// A bus connection. Those that the machine opens (`Action::Connect`) are named by it and have [`LinkId::OUTBOUND`] set;
/// those that were accepted are named by the loop, without that bit, and never twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

impl LinkId {
    /// The bit that tells links opened by the machine from accepted ones.
    pub const OUTBOUND: u64 = 1 << 63;

    /// Whether the machine opened this link.
    pub fn is_outbound(self) -> bool {
        self.0 & Self::OUTBOUND != 0
    }
}

/// A version of nodes.conf: grows by one with every [`Action::Save`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ConfigVersion(pub u64);

/// A version of the published [`Topology`]: grows by one with every publication.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TopologyVersion(pub u64);

/// A mutating CLUSTER command waiting for its reply; named by the data thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What an action waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// Nothing.
    Now,
    /// This version of nodes.conf, or a later one, is durable.
    Saved(ConfigVersion),
    /// The data thread has executed this version of the topology, or a later one.
    Applied(TopologyVersion),
}

/// Redis's log levels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// `.` in the log.
    Debug,
    /// `-` in the log.
    Verbose,
    /// `*` in the log.
    Notice,
    /// `#` in the log.
    Warning,
}

/// What must be done, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Open a connection to a peer's bus port (from the first `bind` address, as Redis does) and report it as `LinkEvent`.
    Connect {
        /// The name of the new link.
        link: LinkId,
        /// Where to.
        addr: SocketAddr,
    },
    /// Close a link and forget it; no `LinkEvent::Closed` is expected (one is harmless).
    Close {
        /// Which.
        link: LinkId,
    },
    /// Send one packet.
    Send {
        /// On which link; silently dropped if it is closed by then.
        link: LinkId,
        /// Shared between the links of a broadcast.
        packet: Arc<[u8]>,
        /// What it waits for.
        after: After,
    },
    /// Write nodes.conf atomically (temporary file, fsync, rename, fsync of the directory), then `handle_saved(version)`.
    /// At most one is under way at a time.
    Save {
        /// Its version.
        version: ConfigVersion,
        /// The whole file.
        text: String,
    },
    /// Hand a message to the data thread. The one FIFO: nothing overtakes anything, a waiting message holds back those behind it.
    ToData {
        /// What.
        message: ToData,
        /// What it waits for.
        after: After,
    },
    /// Find a seed's addresses, off this thread, then `handle_resolved(host, addresses)`. May be forgotten: it is asked again.
    Resolve {
        /// Its name.
        host: String,
    },
    /// Append to the journal's file. Losing it disturbs nothing.
    Journal(Event),
    /// A line for the log.
    Log {
        /// At this level.
        level: LogLevel,
        /// Without a line end.
        text: String,
    },
}

/// What travels to the data thread.
#[derive(Clone, PartialEq, Debug)]
pub enum ToData {
    /// Install this view of the cluster between two commands, then report `DataEvent::Applied { version }`.
    Topology(Arc<Topology>),
    /// Do something to the data or the replication role.
    Order(Order),
    /// Fill a CLUSTER command's reply slot. The topology that shows its effect went ahead of it.
    Reply {
        /// Which command.
        request: RequestId,
        /// Its outcome.
        result: Result<Answer, CommandError>,
    },
    /// A message published on another node: deliver to local subscribers.
    Deliver {
        /// The channel.
        channel: Vec<u8>,
        /// The payload.
        message: Vec<u8>,
        /// Whether it is for SSUBSCRIBE's subscribers.
        sharded: bool,
    },
    /// A primary may acknowledge writes until then (monotonic clock), rule 6 of the cluster's rules. `Millis(u64::MAX)`
    /// while no majority beside the node itself is needed. Until the first one arrives there is no limit.
    Lease {
        /// The last instant at which a write may be acknowledged.
        until: Millis,
    },
}

/// Orders to the data thread.
#[derive(Clone, PartialEq, Debug)]
pub enum Order {
    /// Won an election, or took over: close the input from the primary, apply what is parsed, shift the replication ids, act as a
    /// primary under the topology that came just before; then report `DataEvent::Promoted { version }`.
    Promote {
        /// The version of that topology.
        version: TopologyVersion,
    },
    /// Be a replica of this node. Also when the primary's address changed.
    Replicate {
        /// The primary.
        primary: NodeId,
        /// Its address.
        host: String,
        /// Its client port (plain or TLS, as replication uses).
        port: u16,
    },
    /// Be a primary without data (CLUSTER RESET of a replica): stop replicating, empty the keyspace.
    BecomeEmptyPrimary,
    /// Delete the keys of slots that another node has taken over. Re-check "not owned, not importing" in every slice.
    DropSlots {
        /// Which slots.
        slots: SlotSet,
        /// The topology in which they were lost.
        version: TopologyVersion,
    },
    /// We were replaced, and our successor has our data up to here: what lies behind is only ours. Comes before or after `Replicate`.
    Replaced {
        /// In this history.
        history: ReplId,
        /// Up to this offset.
        offset: ReplOffset,
    },
    /// Manual failover: hold all writes (clients, expiry, eviction, replication pings) and report `DataEvent::Paused { offset }`.
    PauseWrites {
        /// No longer than this (monotonic clock).
        until: Millis,
    },
    /// The manual failover is over: let writes go.
    ResumeWrites,
    /// Report `DataEvent::Status` as soon as so much of the log is applied, without waiting for the next tenth of a second.
    ReportAt {
        /// The replication offset.
        offset: ReplOffset,
    },
    /// An answer to `DataEvent::Leaving`: no replica has taken over, or can.
    NobodyTakesOver,
}

/// What happens to a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkEvent {
    /// A peer connected to our bus port.
    Accepted {
        /// Its address.
        peer: SocketAddr,
        /// Our address on that connection.
        local: IpAddr,
    },
    /// An `Action::Connect` succeeded.
    Connected {
        /// Our address on that connection.
        local: IpAddr,
    },
    /// An `Action::Connect` was refused: nobody listens there.
    Refused,
    /// An `Action::Connect` failed otherwise, or the connection broke; with the system's words.
    Failed(String),
    /// The peer has proved that it knows the secret, and is this node. Comes before the first packet, and before `Connected`.
    Authenticated {
        /// Whose link this is.
        node: NodeId,
    },
    /// The loop's guard has refused the peer, and the link is closed; why.
    Intruder(String),
    /// The peer closed the connection.
    Closed,
    /// So many bytes wait to be sent (reported now and then, for CLUSTER LINKS and `cluster-link-sendbuf-limit`).
    Buffered {
        /// Bytes queued.
        bytes: u64,
    },
}

/// What the data thread reports.
#[derive(Clone, PartialEq, Debug)]
pub enum DataEvent {
    /// Its state: at start, then at least every 100 ms and after each change of role.
    Status(DataStatus),
    /// It runs under this topology.
    Applied {
        /// Its version.
        version: TopologyVersion,
    },
    /// `Order::Promote` is done.
    Promoted {
        /// The version that the order carried.
        version: TopologyVersion,
    },
    /// `Order::PauseWrites` has taken hold.
    Paused {
        /// The replication offset behind the barrier; nothing follows it while paused.
        offset: ReplOffset,
    },
    /// Something for the journal, about this node.
    Journal {
        /// What it is about.
        kind: EventType,
        /// A sentence.
        text: String,
    },
    /// A step of a failover, for the journal.
    Step {
        /// `FirstWrite` or `Stray`.
        step: Step,
        /// A sentence.
        text: String,
    },
    /// Comes right before `Promoted` if the data were a replica's: they are the old primary's up to here.
    Shifted {
        /// The old primary's history.
        history: ReplId,
        /// The offset.
        offset: ReplOffset,
    },
    /// At start, after loading: the slots that hold keys.
    HasKeys(SlotSet),
    /// It is about to end: a replica is to take over first. Answered by `Order::Replicate` or `Order::NobodyTakesOver`.
    Leaving,
    /// It is about to end, and will be started again at once.
    Restarting,
}

/// The data thread's state, as the cluster needs it.
#[derive(Clone, PartialEq, Debug)]
pub struct DataStatus {
    /// Whether it acts as a primary.
    pub primary: bool,
    /// Applied replication offset.
    pub offset: ReplOffset,
    /// As a replica: whether the link to the primary is up and in sync.
    pub link_up: bool,
    /// As a replica: when the primary was last heard on the replication link (monotonic clock); `None` if never.
    pub last_primary_io: Option<Millis>,
    /// As a replica: whether this data came from the present primary's history (it never synced: it does not stand).
    pub synced_once: bool,
    /// As a replica: a full sync is being loaded; until it is complete the old data are served.
    pub syncing: bool,
    /// The replication history that `offset` counts in.
    pub history: ReplId,
    /// As a node that started from a file which says so: the history that this data is of (the one that this node's replicas, or its primary,
    /// followed), and how far it went in it at the start. `None` if the file does not say.
    pub loaded: Option<(ReplId, ReplOffset)>,
    /// Grows while the data thread works or waits; no growth is a hang.
    pub progress: u64,
    /// Whether the keyspace is empty.
    pub empty: bool,
    /// Whether anything was written since the process began, expired keys included.
    pub written: bool,
}
