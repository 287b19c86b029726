//! The published view of the cluster: everything that read-only CLUSTER commands and redirections need.
//!
//! Model: an immutable value, shared by pointer; slot sets and the owner table are shared between versions that do not differ in them.
//! Republished at once when structure changes (owners, roles, flags, addresses, epochs, state), at most once a second for counters.
//! Instants are wall-clock, as users see them.

use crate::actions::TopologyVersion;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, NodeId, ReplOffset, SLOT_COUNT, Slot, SlotSet, UnixMillis};

/// An immutable view of the cluster.
#[derive(Clone, PartialEq, Debug)]
pub struct Topology {
    /// Grows by one with every publication.
    pub version: TopologyVersion,
    /// Whether the cluster serves, as this node sees it.
    pub state: State,
    /// This node's place in `nodes`.
    pub me: usize,
    /// The largest epoch known.
    pub current_epoch: Epoch,
    /// The epoch of this node's last vote.
    pub last_vote_epoch: Epoch,
    /// How many primaries own at least one slot.
    pub size: usize,
    /// Per slot, the owner's place in `nodes`, or [`Topology::UNASSIGNED`]. Always 16384 long.
    pub slots: Arc<[u16]>,
    /// Slots of ours that are being moved to another node.
    pub migrating: BTreeMap<Slot, NodeId>,
    /// Slots that are being moved to us.
    pub importing: BTreeMap<Slot, NodeId>,
    /// All known nodes, handshakes included, in ascending order of id.
    pub nodes: Vec<NodeView>,
    /// The bus links, for CLUSTER LINKS: by peer, the one that we opened first.
    pub links: Vec<LinkView>,
    /// Message counters.
    pub stats: Stats,
    /// Where another process is that has this node's name, and was started earlier: `ip:port`.
    pub name_taken_by: Option<Arc<str>>,
    /// Why nodes.conf cannot be written, in the system's words.
    pub save_error: Option<Arc<str>>,
    /// `cluster-require-full-coverage`.
    pub require_full_coverage: bool,
    /// `cluster-allow-reads-when-down`.
    pub allow_reads_when_down: bool,
    /// `cluster-allow-pubsubshard-when-down`.
    pub allow_pubsubshard_when_down: bool,
}

impl Topology {
    /// "Nobody" in `slots`.
    pub const UNASSIGNED: u16 = u16::MAX;

    /// A node that knows only itself and owns nothing.
    pub fn alone(id: NodeId) -> Self {
        Self {
            version: TopologyVersion(0),
            state: State::Fail(FailReason::Starting),
            me: 0,
            current_epoch: Epoch(0),
            last_vote_epoch: Epoch(0),
            size: 0,
            slots: alloc::vec![Self::UNASSIGNED; SLOT_COUNT].into(),
            migrating: BTreeMap::new(),
            importing: BTreeMap::new(),
            nodes: alloc::vec![NodeView::unknown(id, NodeFlags::MYSELF | NodeFlags::PRIMARY)],
            links: Vec::new(),
            stats: Stats::default(),
            name_taken_by: None,
            save_error: None,
            require_full_coverage: true,
            allow_reads_when_down: false,
            allow_pubsubshard_when_down: true,
        }
    }

    /// This node.
    pub fn myself(&self) -> &NodeView {
        &self.nodes[self.me]
    }

    /// Who owns a slot.
    pub fn owner(&self, slot: Slot) -> Option<&NodeView> {
        self.nodes.get(usize::from(*self.slots.get(slot.index())?))
    }

    /// Whether this node itself owns a slot.
    pub fn owns(&self, slot: Slot) -> bool {
        self.slots.get(slot.index()).is_some_and(|owner| usize::from(*owner) == self.me)
    }

    /// Whether this node, or as a replica its primary, owns a slot.
    pub fn serves(&self, slot: Slot) -> bool {
        let Some(owner) = self.owner(slot) else { return false };
        let me = self.myself();
        owner.id == me.id || me.primary == Some(owner.id)
    }

    /// A node by name.
    pub fn node(&self, id: &NodeId) -> Option<&NodeView> {
        self.nodes.binary_search_by(|n| n.id.cmp(id)).ok().map(|i| &self.nodes[i])
    }

    /// The replicas of a primary.
    pub fn replicas<'a>(&'a self, primary: &'a NodeId) -> impl Iterator<Item = &'a NodeView> + 'a {
        self.nodes.iter().filter(move |n| n.primary == Some(*primary))
    }

    /// How many slots have an owner.
    pub fn slots_assigned(&self) -> usize {
        self.slots.iter().filter(|owner| **owner != Self::UNASSIGNED).count()
    }

    /// How many slots have an owner that is suspected (`pfail`), and that is failed (`fail`): for CLUSTER INFO.
    pub fn slots_failing(&self) -> (usize, usize) {
        let count = |flag| self.nodes.iter().filter(|n| n.flags.has(flag)).map(|n| n.slots.len()).sum();
        let fail: usize = count(NodeFlags::FAIL);
        let pfail = |n: &&NodeView| n.flags.has(NodeFlags::PFAIL) && !n.flags.has(NodeFlags::FAIL);
        (self.nodes.iter().filter(pfail).map(|n| n.slots.len()).sum(), fail)
    }
}

/// Whether the cluster serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It does.
    Ok,
    /// It does not, and why.
    Fail(FailReason),
}

impl State {
    /// `ok` or `fail`, as CLUSTER INFO prints it.
    pub fn as_str(self) -> &'static str {
        if self == State::Ok { "ok" } else { "fail" }
    }
}

/// Why the cluster does not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailReason {
    /// Less than two seconds since the start: others may have to tell us something first.
    Starting,
    /// Full coverage is required and a slot has no owner.
    SlotUnassigned,
    /// Full coverage is required and an owner is failed.
    OwnerFailed,
    /// Only a minority of the voting primaries is reachable.
    Minority,
    /// A majority came back a moment ago; a primary waits for news before it accepts writes again.
    Rejoining,
    /// A primary that just started waits for its replicas to say what they hold (rule 17).
    AwaitingReplicas,
    /// Another process has this node's name, and was started earlier (rule 25).
    NameTaken,
    /// A primary that started empty leaves the shard to a replica that holds more (rule 17).
    YieldingToReplica,
}

impl FailReason {
    /// Whether a primary must also refuse PSYNC, so that a replica does not replace its data by less.
    pub fn refuses_replicas(self) -> bool {
        matches!(self, FailReason::AwaitingReplicas | FailReason::YieldingToReplica | FailReason::NameTaken)
    }
}

/// A node as the others see it.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeView {
    /// Its name.
    pub id: NodeId,
    /// Its shard's name.
    pub shard_id: NodeId,
    /// Its address; empty while unknown (this node before its first contact).
    pub ip: Arc<str>,
    /// Its plain client port, 0 if none.
    pub port: u16,
    /// Its TLS client port, 0 if none.
    pub tls_port: u16,
    /// Its bus port.
    pub bus_port: u16,
    /// Its announced host name; empty for none.
    pub hostname: Arc<str>,
    /// Its announced name for people; empty for none.
    pub human_nodename: Arc<str>,
    /// The IPv4 address that it wants clients to be told; empty for none.
    pub client_ipv4: Arc<str>,
    /// The same for clients that came over IPv6.
    pub client_ipv6: Arc<str>,
    /// Its flags.
    pub flags: NodeFlags,
    /// For a replica: its primary, if known.
    pub primary: Option<NodeId>,
    /// When the ping that is still unanswered was sent; 0 if none is.
    pub ping_sent: UnixMillis,
    /// When the last pong came; 0 if none has.
    pub pong_received: UnixMillis,
    /// Its config epoch; for a replica its primary's, as CLUSTER NODES prints it.
    pub config_epoch: Epoch,
    /// Whether our link to it is up (always true for this node itself).
    pub link_up: bool,
    /// The slots that it owns.
    pub slots: Arc<SlotSet>,
    /// Its replication offset as last heard. For this node itself the data thread knows better.
    pub repl_offset: ReplOffset,
    /// How many unexpired failure reports about it are known.
    pub failure_reports: u32,
}

impl NodeView {
    /// A node of which nothing else is known.
    pub fn unknown(id: NodeId, flags: NodeFlags) -> Self {
        Self {
            id,
            shard_id: id,
            ip: "".into(),
            port: 0,
            tls_port: 0,
            bus_port: 0,
            hostname: "".into(),
            human_nodename: "".into(),
            client_ipv4: "".into(),
            client_ipv6: "".into(),
            flags,
            primary: None,
            ping_sent: UnixMillis(0),
            pong_received: UnixMillis(0),
            config_epoch: Epoch(0),
            link_up: false,
            slots: Arc::new(SlotSet::empty()),
            repl_offset: ReplOffset(0),
            failure_reports: 0,
        }
    }

    /// The address that a client is told, by whether that came over IPv6.
    pub fn client_ip(&self, v6: bool) -> &str {
        let announced = if v6 { &self.client_ipv6 } else { &self.client_ipv4 };
        if announced.is_empty() { &self.ip } else { announced }
    }

    /// Whether it is a primary.
    pub fn is_primary(&self) -> bool {
        self.flags.has(NodeFlags::PRIMARY)
    }

    /// Whether it is marked failed by agreement.
    pub fn is_failed(&self) -> bool {
        self.flags.has(NodeFlags::FAIL)
    }
}

/// Node flags, with the bits of the bus.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeFlags(pub u16);

impl NodeFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// A primary.
    pub const PRIMARY: Self = Self(1);
    /// A replica.
    pub const REPLICA: Self = Self(2);
    /// Suspected by this node.
    pub const PFAIL: Self = Self(4);
    /// Failed, by agreement of a majority.
    pub const FAIL: Self = Self(8);
    /// This node.
    pub const MYSELF: Self = Self(16);
    /// Its real name is not known yet.
    pub const HANDSHAKE: Self = Self(32);
    /// Its address is not known.
    pub const NOADDR: Self = Self(64);
    /// To be greeted with MEET.
    pub const MEET: Self = Self(128);
    /// A primary that may receive a replica from elsewhere.
    pub const MIGRATE_TO: Self = Self(256);
    /// A replica that will not stand for election.
    pub const NOFAILOVER: Self = Self(512);
    /// Reads ping extensions.
    pub const EXTENSIONS: Self = Self(1024);
    /// In a header, of a replica: it sees its primary failed, and the offset that it states does not move any more (as Valkey 9).
    pub const PRIMARY_FAILED: Self = Self(1 << 13);

    /// Whether every bit of `other` is set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some bit of `other` is set.
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Sets bits.
    pub fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Clears bits.
    pub fn clear(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

impl core::ops::BitOr for NodeFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The words of CLUSTER NODES and nodes.conf, in Redis's order; flags that have no word are not printed.
const FLAG_WORDS: [(NodeFlags, &str); 8] = [
    (NodeFlags::MYSELF, "myself"),
    (NodeFlags::PRIMARY, "master"),
    (NodeFlags::REPLICA, "slave"),
    (NodeFlags::PFAIL, "fail?"),
    (NodeFlags::FAIL, "fail"),
    (NodeFlags::HANDSHAKE, "handshake"),
    (NodeFlags::NOADDR, "noaddr"),
    (NodeFlags::NOFAILOVER, "nofailover"),
];

impl core::fmt::Display for NodeFlags {
    /// `myself,master`; `noflags` when there is nothing to say.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut first = true;
        for (flag, word) in FLAG_WORDS {
            // A failed node is not also printed as suspected.
            if !self.has(flag) {
                continue;
            }
            if !first {
                f.write_str(",")?;
            }
            f.write_str(word)?;
            first = false;
        }
        if first { f.write_str("noflags") } else { Ok(()) }
    }
}

impl core::fmt::Debug for NodeFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// A bus link, for CLUSTER LINKS.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkView {
    /// True for a link that this node opened (`to`), false for one that it accepted (`from`).
    pub outbound: bool,
    /// The peer.
    pub node: NodeId,
    /// When it was opened.
    pub created: UnixMillis,
    /// Bytes that wait to be sent, as last reported.
    pub send_buffered: u64,
}

/// Names of the message types in CLUSTER INFO's `cluster_stats_messages_<name>_sent`, by number.
pub const MESSAGE_TYPES: [&str; 11] = [
    "ping",
    "pong",
    "meet",
    "fail",
    "publish",
    "auth-req",
    "auth-ack",
    "update",
    "mfstart",
    "module",
    "publishshard",
];

/// Counters since the start, by message type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Messages sent.
    pub sent: [u64; MESSAGE_TYPES.len()],
    /// Messages received.
    pub received: [u64; MESSAGE_TYPES.len()],
    /// Links closed because too much waited to be sent on them (`total_cluster_links_exceeded...`).
    pub links_buffer_limit_exceeded: u64,
    /// Peers that were refused on the bus.
    pub refused_peers: u64,
}
