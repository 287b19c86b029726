//! What a checker reads in a bus packet and in a nodes.conf: a reader of its own, beside the machines' codec.
//!
//! A checker that used the codec under test would miss what the codec gets wrong on both sides. Offsets are those of
//! the Redis Cluster bus, `clusterMsg` version 1. Nothing here trusts lengths.

use base::{NodeId, SLOT_COUNT, Slot, SlotSet};

/// Bytes of a packet's header.
pub const HEADER_LEN: usize = 2256;
/// The last of the three heartbeats: PING, PONG, MEET.
pub const TYPE_MEET: u16 = 2;
/// A vote.
pub const TYPE_FAILOVER_AUTH_ACK: u16 = 6;
/// Flag bit of a primary.
pub const FLAG_PRIMARY: u16 = 1;

/// The header of a packet.
#[derive(Clone, Copy)]
pub struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    /// A packet with a whole header, or `None`.
    pub fn new(packet: &'a [u8]) -> Option<Self> {
        (packet.len() >= HEADER_LEN && packet.starts_with(b"RCmb")).then_some(Self(packet))
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    fn u64(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[at..at + 8]);
        u64::from_be_bytes(bytes)
    }

    fn id(&self, at: usize) -> NodeId {
        let mut id = [0; 40];
        id.copy_from_slice(&self.0[at..at + 40]);
        NodeId(id)
    }

    /// The message type.
    pub fn kind(&self) -> u16 {
        self.u16(12)
    }

    /// `currentEpoch`.
    pub fn current_epoch(&self) -> u64 {
        self.u64(16)
    }

    /// `configEpoch`: the sender's, or its primary's.
    pub fn config_epoch(&self) -> u64 {
        self.u64(24)
    }

    /// The replication offset.
    pub fn offset(&self) -> u64 {
        self.u64(32)
    }

    /// The sender.
    pub fn sender(&self) -> NodeId {
        self.id(40)
    }

    /// The slot bitmap: the sender's, or its primary's.
    pub fn slots(&self) -> &'a [u8] {
        &self.0[80..80 + SLOT_COUNT / 8]
    }

    /// The sender's primary; zero if it has none.
    pub fn primary(&self) -> NodeId {
        self.id(2128)
    }

    /// The sender's flags.
    pub fn flags(&self) -> u16 {
        self.u16(2250)
    }

    /// Whether the sender says that it is a primary.
    pub fn is_primary(&self) -> bool {
        self.flags() & FLAG_PRIMARY != 0
    }
}

impl std::fmt::Display for Header<'_> {
    /// What the sender says of itself, for the log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = if self.is_primary() { "primary" } else { "replica" };
        let slots: u32 = self.slots().iter().map(|byte| byte.count_ones()).sum();
        let (current, config) = (self.current_epoch(), self.config_epoch());
        write!(
            f,
            ": {role}, currentEpoch {current}, {slots} slots in epoch {config}, offset {}",
            self.offset()
        )
    }
}

/// What a node's durable nodes.conf says about itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Durable {
    /// Its name.
    pub id: NodeId,
    /// `currentEpoch`.
    pub current_epoch: u64,
    /// `lastVoteEpoch`.
    pub last_vote_epoch: u64,
    /// Its own config epoch (for a replica: as printed, its primary's).
    pub config_epoch: u64,
    /// Whether it is a primary.
    pub primary: bool,
    /// The slots that it owns.
    pub slots: SlotSet,
}

impl Durable {
    /// Reads the lines that matter; `None` if one of them is missing or strange.
    pub fn read(text: &str) -> Option<Self> {
        // The other nodes' lines are as many as there are of them, and are left alone.
        let own = text.lines().filter(|line| line.contains("myself")).find_map(Self::read_own)?;
        let vars: Vec<&str> =
            text.lines().rev().find(|line| line.starts_with("vars"))?.split_whitespace().collect();
        let (current, vote) = (variable(&vars, "currentEpoch")?, variable(&vars, "lastVoteEpoch")?);
        Some(Self { current_epoch: current, last_vote_epoch: vote, ..own })
    }

    fn read_own(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let flags = words.get(2)?;
        if !flags.split(',').any(|flag| flag == "myself") {
            return None;
        }
        Some(Self {
            id: NodeId::parse(words[0].as_bytes())?,
            current_epoch: 0,
            last_vote_epoch: 0,
            config_epoch: words.get(6)?.parse().ok()?,
            primary: flags.split(',').any(|flag| flag == "master"),
            slots: slots(words.get(8..).unwrap_or(&[]))?,
        })
    }
}

fn variable(words: &[&str], name: &str) -> Option<u64> {
    let at = words.iter().position(|word| *word == name)?;
    words.get(at + 1)?.parse().ok()
}

fn slots(words: &[&str]) -> Option<SlotSet> {
    let mut set = SlotSet::empty();
    for word in words.iter().filter(|word| !word.starts_with('[')) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        for slot in first.parse::<u64>().ok()?..=last.parse::<u64>().ok()?.min(SLOT_COUNT as u64) {
            set.insert(Slot::new(slot)?);
        }
    }
    Some(set)
}
