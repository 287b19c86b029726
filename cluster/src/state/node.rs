//! One node, as this node sees it.
//!
//! Instants are on the monotonic clock; `None` is "never" (Redis's 0).

use super::reports::FailReports;
use super::table::NodeIx;
use crate::actions::LinkId;
use crate::codec::{Mark, Process};
use crate::gossip::Rival;
use crate::gossip::crash::Evidence;
use crate::topology::NodeFlags;
use alloc::sync::Arc;
use alloc::vec::Vec;
use base::{Epoch, Millis, NodeId, ReplOffset, Slot, SlotSet};
use core::net::{IpAddr, SocketAddr};

/// A node's record.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub id: NodeId,
    pub shard_id: NodeId,
    /// Whether the node itself has told its shard since we started; until then `shard_id` may be of our own making.
    pub shard_told: bool,
    pub flags: NodeFlags,
    pub config_epoch: Epoch,
    pub slots: Arc<SlotSet>,
    pub slot_count: usize,
    pub primary: Option<NodeIx>,
    pub replicas: Vec<NodeIx>,

    pub ip: Arc<str>,
    pub port: u16,
    pub tls_port: u16,
    pub bus_port: u16,
    pub hostname: Arc<str>,
    pub human_nodename: Arc<str>,
    /// What it wants clients to be told, by the protocol that they come over; empty for its address.
    pub client_ipv4: Arc<str>,
    pub client_ipv6: Arc<str>,

    /// The link that we opened.
    pub link: Option<LinkId>,
    /// The link that it opened.
    pub inbound: Option<LinkId>,
    /// What only Grapevine says in its headers; `None` of Redis and Valkey, and before it was heard.
    pub mark: Option<Mark>,
    /// The process that has its name, if it is Grapevine's,
    pub process: Option<Process>,
    /// and another one that speaks under it.
    pub rival: Option<Rival>,
    /// In handshake: only to see who is there, not to take anybody in.
    pub is_seed: bool,
    /// Whether it is known to belong to our cluster: we met it, our file names it, or it has shown our cluster's name.
    pub member: bool,
    /// Since when it, no member, has shown another cluster's name.
    pub foreign_since: Option<Millis>,
    /// Whether it reads extensions beyond the host name.
    pub extensions: bool,

    pub created: Millis,
    pub ping_sent: Option<Millis>,
    pub pong_received: Option<Millis>,
    pub data_received: Option<Millis>,
    /// Answers to what was asked before that do not count as contact.
    pub contact_void: Millis,
    /// When the last ping that it answered to us ourselves was sent: at that moment at the earliest it knew us alive.
    pub contact: Option<Millis>,
    pub fail_time: Millis,
    /// When we last voted for a replica of it.
    pub voted_time: Option<Millis>,
    /// For which one.
    pub voted_for: Option<NodeIx>,
    /// When, since its last FAIL, we first refused a vote because another replica of it has more data.
    pub refused_time: Option<Millis>,
    pub orphaned_since: Option<Millis>,
    pub repl_offset: ReplOffset,
    /// Who reported it as failing, and when last.
    pub fail_reports: FailReports,
    /// The last packet of ours that carried gossip about it.
    pub gossip_round: u64,
    /// What speaks for its process being gone.
    pub evidence: Evidence,
    /// When it last said, as a replica, that its primary is failed and its offset final; `None` once it says otherwise.
    pub said_primary_failed: Option<Millis>,
}

impl Node {
    pub fn new(id: NodeId, shard_id: NodeId, flags: NodeFlags, now: Millis) -> Self {
        Self {
            id,
            shard_id,
            shard_told: false,
            flags,
            config_epoch: Epoch(0),
            slots: Arc::new(SlotSet::empty()),
            slot_count: 0,
            primary: None,
            replicas: Vec::new(),
            ip: Arc::default(),
            port: 0,
            tls_port: 0,
            bus_port: 0,
            hostname: Arc::default(),
            human_nodename: Arc::default(),
            client_ipv4: Arc::default(),
            client_ipv6: Arc::default(),
            link: None,
            inbound: None,
            mark: None,
            process: None,
            rival: None,
            is_seed: false,
            member: false,
            foreign_since: None,
            extensions: false,
            created: now,
            ping_sent: None,
            pong_received: None,
            data_received: None,
            contact_void: Millis(0),
            contact: None,
            fail_time: now,
            voted_time: None,
            voted_for: None,
            refused_time: None,
            orphaned_since: None,
            repl_offset: ReplOffset(0),
            fail_reports: FailReports::default(),
            gossip_round: 0,
            evidence: Evidence::default(),
            said_primary_failed: None,
        }
    }

    pub fn is_primary(&self) -> bool {
        self.flags.has(NodeFlags::PRIMARY)
    }

    pub fn is_replica(&self) -> bool {
        self.flags.has(NodeFlags::REPLICA)
    }

    /// Whether its headers have shown Grapevine's mark.
    pub fn is_grapevine(&self) -> bool {
        self.mark.is_some()
    }

    pub fn in_handshake(&self) -> bool {
        self.flags.has(NodeFlags::HANDSHAKE)
    }

    pub fn failed(&self) -> bool {
        self.flags.has(NodeFlags::FAIL)
    }

    pub fn suspected(&self) -> bool {
        self.flags.has(NodeFlags::PFAIL)
    }

    pub fn has_address(&self) -> bool {
        !self.flags.has(NodeFlags::NOADDR)
    }

    /// Whether it counts for majorities: a primary with at least one slot.
    pub fn is_voter(&self) -> bool {
        self.is_primary() && self.slot_count > 0
    }

    /// Where its bus listens, if its address is a numeric one.
    pub fn bus_address(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.ip.parse().ok()?;
        (self.bus_port != 0).then_some(SocketAddr::new(ip, self.bus_port))
    }

    /// Adds a slot to its set; the owner table is the caller's.
    pub fn insert_slot(&mut self, slot: Slot) {
        if Arc::make_mut(&mut self.slots).insert(slot) {
            self.slot_count += 1;
        }
    }

    /// Keeps an equal set that somebody else has, and not a copy: two kilobytes for each of a thousand nodes.
    pub fn share_slots(&mut self, other: &Arc<SlotSet>) {
        if *self.slots == **other {
            self.slots = other.clone();
        }
    }

    /// Takes a slot out of its set; the owner table is the caller's.
    pub fn remove_slot(&mut self, slot: Slot) {
        if Arc::make_mut(&mut self.slots).remove(slot) {
            self.slot_count -= 1;
        }
    }
}
