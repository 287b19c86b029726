//! nodes.conf: parse and print (stub).

use crate::topology::NodeFlags;
use alloc::string::String;
use alloc::vec::Vec;
use base::{Epoch, NodeId, Slot, SlotSet};
use core::fmt;

/// The contents of nodes.conf.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct NodesConf {
    /// One per node line.
    pub nodes: Vec<NodeLine>,
    /// `vars currentEpoch`.
    pub current_epoch: Epoch,
    /// `vars lastVoteEpoch`.
    pub last_vote_epoch: Epoch,
}

/// One node line.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeLine {
    /// Name.
    pub id: NodeId,
    /// Address; empty while unknown.
    pub ip: String,
    /// Client port as the first one printed.
    pub port: u16,
    /// Bus port.
    pub bus_port: u16,
    /// Announced host name; empty for none.
    pub hostname: String,
    /// Announced name for people; empty for none.
    pub human_nodename: String,
    /// Shard name, if the file has one.
    pub shard_id: Option<NodeId>,
    /// `tls-port` or `tcp-port`: the second client port; 0 if the file has none.
    pub tls_port: u16,
    /// Flags.
    pub flags: NodeFlags,
    /// Primary.
    pub primary: Option<NodeId>,
    /// Whether a ping was unanswered.
    pub ping_sent: i64,
    /// When the last pong came, wall clock in ms.
    pub pong_received: i64,
    /// Config epoch.
    pub config_epoch: Epoch,
    /// Slots.
    pub slots: SlotSet,
    /// `[slot->-id]`, of this node only.
    pub migrating: Vec<(Slot, NodeId)>,
    /// `[slot-<-id]`, of this node only.
    pub importing: Vec<(Slot, NodeId)>,
}

/// What is wrong with a nodes.conf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodesConfError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for NodesConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl core::error::Error for NodesConfError {}

/// Reads a nodes.conf; an empty one is `Ok(None)` (as a fresh start).
pub fn parse(_text: &[u8]) -> Result<Option<NodesConf>, NodesConfError> {
    Ok(None)
}
