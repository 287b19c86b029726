//! nodes.conf: this node's memory of the cluster, in the format that Redis 7.0, 7.2 and Valkey read and write.
//!
//! Model: one line per node, as CLUSTER NODES prints them, and a `vars` line. Two kinds of reader constrain the printer: Redis 7.0 takes everything
//! behind the first comma of the address for the host name, and all of them stop at node-line fields that they do not know, while unknown name-value pairs
//! on the `vars` line are skipped. So node lines carry only `ip:port@bus[,hostname]`, and shard names go to the `vars` line (`grapevine-shards`), and so do a replica's own config epoch,
//! the epoch of a promotion that is not claimed yet, the last votes, slots that their owners have let go, and the cluster's name.
//! The reader also takes what Redis 7.2 and Valkey write (`shard-id=`, `nodename=`, `tls-port=`, `tcp-port=`), skips auxiliary fields and flags that
//! it does not know, and refuses only what cannot be understood, naming the line.
//!
//! It does not know files: the text comes in and goes out whole.

mod parse;
mod print;

#[cfg(test)]
mod tests;

pub use parse::parse;

use crate::codec::ClusterId;
use crate::topology::NodeFlags;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, NodeId, Slot, SlotSet};
use core::fmt;

/// The name on the `vars` line under which shard names are kept: `<primary id>:<shard id>,...`.
const SHARDS_VARIABLE: &str = "grapevine-shards";

/// The name on the `vars` line under which a replica keeps its own config epoch (its node line shows its primary's).
const OWN_EPOCH_VARIABLE: &str = "grapevine-config-epoch";

/// The name on the `vars` line for the config epoch of a promotion that may not have been claimed on the bus yet.
const UNCLAIMED_EPOCH_VARIABLE: &str = "grapevine-unclaimed-epoch";

/// The name on the `vars` line for the votes about failed primaries that are not long ago: `<primary id>:<candidate id>,...`.
const VOTES_VARIABLE: &str = "grapevine-votes";

/// The name on the `vars` line for the cluster that the node belongs to.
const CLUSTER_VARIABLE: &str = "grapevine-cluster";

/// The name on the `vars` line for slots that their owners were heard not to claim any more: `7,9-11,...`.
const NOT_CLAIMED_VARIABLE: &str = "grapevine-not-claimed";

/// The name on the `vars` line of a node that RESET has told to be alone, with the value 1.
const ALONE_VARIABLE: &str = "grapevine-alone";

/// The contents of nodes.conf.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct NodesConf {
    /// One per node line; exactly one is flagged `myself`.
    pub nodes: Vec<NodeLine>,
    /// `vars currentEpoch`; at least the largest config epoch of the lines.
    pub current_epoch: Epoch,
    /// `vars lastVoteEpoch`.
    pub last_vote_epoch: Epoch,
    /// A replica's own config epoch, which must not go back; 0 if the file has none, or for a primary (its line has it).
    pub own_config_epoch: Epoch,
    /// The config epoch of this node's promotion, while perhaps nobody has heard of it; 0 otherwise.
    pub unclaimed_epoch: Epoch,
    /// Which candidate has had the last vote about a primary, if less than the voters' pause ago.
    pub votes: Vec<(NodeId, NodeId)>,
    /// Slots of the lines that their owners have stopped claiming, and that nobody else was heard to claim.
    pub not_claimed: SlotSet,
    /// The cluster that this node has joined.
    pub cluster_id: Option<ClusterId>,
    /// RESET told it to be alone, and nobody has met it since.
    pub stays_alone: bool,
}

impl NodesConf {
    /// This node's line.
    pub fn myself(&self) -> Option<&NodeLine> {
        self.nodes.iter().find(|n| n.flags.has(NodeFlags::MYSELF))
    }
}

/// One node line.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeLine {
    /// Name.
    pub id: NodeId,
    /// Address; empty while unknown.
    pub ip: String,
    /// The client port in `ip:port@bus`.
    pub port: u16,
    /// Bus port.
    pub bus_port: u16,
    /// Announced host name; empty for none.
    pub hostname: String,
    /// Announced name for people; empty for none. Read, not printed.
    pub human_nodename: String,
    /// Shard name, if the file has one.
    pub shard_id: Option<NodeId>,
    /// `tls-port`; read, not printed. 0 if the file has none.
    pub tls_port: u16,
    /// Flags.
    pub flags: NodeFlags,
    /// Primary.
    pub primary: Option<NodeId>,
    /// When the unanswered ping was sent, wall clock in ms; 0 if there is none.
    pub ping_sent: i64,
    /// When the last pong came, wall clock in ms; 0 if never.
    pub pong_received: i64,
    /// Config epoch; a replica's line shows its primary's.
    pub config_epoch: Epoch,
    /// Whether the link was up.
    pub connected: bool,
    /// Slots.
    pub slots: Arc<SlotSet>,
    /// `[slot->-id]`, of this node's line only.
    pub migrating: Vec<(Slot, NodeId)>,
    /// `[slot-<-id]`, of this node's line only.
    pub importing: Vec<(Slot, NodeId)>,
}

impl NodeLine {
    /// A line without anything but a name.
    pub fn new(id: NodeId) -> Self {
        Self::with_slots(id, Arc::new(SlotSet::empty()))
    }

    /// A line with a name and slots.
    pub fn with_slots(id: NodeId, slots: Arc<SlotSet>) -> Self {
        Self {
            id,
            ip: String::new(),
            port: 0,
            bus_port: 0,
            hostname: String::new(),
            human_nodename: String::new(),
            shard_id: None,
            tls_port: 0,
            flags: NodeFlags::NONE,
            primary: None,
            ping_sent: 0,
            pong_received: 0,
            config_epoch: Epoch(0),
            connected: false,
            slots,
            migrating: Vec::new(),
            importing: Vec::new(),
        }
    }
}

/// What is wrong with a nodes.conf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodesConfError {
    /// Which line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The line itself.
    pub text: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for NodesConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corrupted cluster config file, line {}: {}: \"{}\"", self.line, self.what, self.text)
    }
}

impl core::error::Error for NodesConfError {}
