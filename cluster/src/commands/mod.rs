//! What operators ask for: the mutating CLUSTER commands as values (and EVENTS), and their answers.
//!
//! The data thread checks arity and subcommand names and hands the arguments over as they came; everything that needs the cluster's state,
//! and every error text, is here. What only the data thread knows (key counts) travels with the command.

mod error;
mod hooks;
mod membership;
mod proposal;
mod run;
mod slots;

pub use error::CommandError;
pub use hooks::Hook;
pub(crate) use hooks::Hooks;
pub(crate) use proposal::Proposal;

use crate::journal::{Event, Explanation, Query};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A mutating CLUSTER command. Node names and numbers are as the client sent them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// `MEET <ip> <port> [<bus-port>]`.
    Meet {
        /// An IPv4 or IPv6 address.
        ip: Vec<u8>,
        /// Client port.
        port: Vec<u8>,
        /// Bus port; client port + 10000 if absent.
        bus_port: Option<Vec<u8>>,
    },
    /// `ADDSLOTS <slot> ...`: every slot as it was given.
    AddSlots(Vec<Vec<u8>>),
    /// `ADDSLOTSRANGE <start> <end> ...`: pairs as they were given.
    AddSlotsRange(Vec<(Vec<u8>, Vec<u8>)>),
    /// `DELSLOTS <slot> ...`.
    DelSlots(Vec<Vec<u8>>),
    /// `DELSLOTSRANGE <start> <end> ...`.
    DelSlotsRange(Vec<(Vec<u8>, Vec<u8>)>),
    /// `FLUSHSLOTS`.
    FlushSlots {
        /// Whether the keyspace is empty.
        empty: bool,
    },
    /// `SETSLOT <slot> ...`.
    SetSlot {
        /// The slot.
        slot: Vec<u8>,
        /// What to do.
        action: SetSlotAction,
        /// How many keys this node has in the slot; 0 if the slot is not a valid one.
        keys: u64,
        /// How long the replicas may take to hear of it first, in ms.
        timeout_ms: u64,
    },
    /// `REPLICATE <node-id>`.
    Replicate {
        /// The future primary.
        node: Vec<u8>,
        /// Whether the keyspace is empty.
        empty: bool,
    },
    /// `FAILOVER [FORCE|TAKEOVER]`.
    Failover(FailoverMode),
    /// `FORGET <node-id>`.
    Forget {
        /// Whom.
        node: Vec<u8>,
    },
    /// `RESET [HARD|SOFT]`.
    Reset {
        /// With a new name and epoch 0.
        hard: bool,
        /// Whether the keyspace is empty.
        empty: bool,
    },
    /// `BUMPEPOCH`.
    BumpEpoch,
    /// `SET-CONFIG-EPOCH <epoch>`.
    SetConfigEpoch(Vec<u8>),
    /// `SAVECONFIG`.
    SaveConfig,
    /// A command with who asked for it, for the journal.
    Asked {
        /// The user and where the client is.
        by: String,
        /// The command as it came.
        words: String,
        /// What to do.
        command: Box<Command>,
    },
    /// DEBUG's hooks.
    Hook(Hook),
    /// `EVENTS [SINCE id] [COUNT n] [TYPE t]`: changes nothing, but only the control thread knows.
    Events(Query),
    /// `EXPLAIN FAILOVER [id]`: likewise, and others are asked.
    Explain(Option<Vec<u8>>),
}

/// What SETSLOT does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetSlotAction {
    /// `MIGRATING <node-id>`.
    Migrating(Vec<u8>),
    /// `IMPORTING <node-id>`.
    Importing(Vec<u8>),
    /// `STABLE`.
    Stable,
    /// `NODE <node-id>`.
    Node(Vec<u8>),
}

/// How a manual failover goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailoverMode {
    /// In agreement with the primary: it pauses, the replica catches up.
    Default,
    /// Without the primary, with votes.
    Force,
    /// Without the primary and without votes.
    Takeover,
}

/// What a command answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// `+OK`.
    Ok,
    /// A simple string (BUMPEPOCH).
    Simple(String),
    /// Entries of the journal, oldest first.
    Events(Vec<Event>),
    /// A failover, explained.
    Explained(Box<Explanation>),
}
