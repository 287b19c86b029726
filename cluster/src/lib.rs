//! The cluster, without I/O: the bus codec, nodes.conf, and the state machine that joins nodes, watches them, agrees on
//! who owns which slot and replaces a dead primary (Redis Cluster specification, all of its second half).
//!
//! Model: [`Machine`] is told what happened (`handle_*`), what the operator wants (`command`), and is then asked for
//! what must be done (`poll_action`, until `None`) and when to call again (`poll_timeout`).
//! Actions that must wait for a save or for the data thread say so ([`After`]); [`Outbox`] keeps them until then.
//!
//! What it does not know: sockets, clocks, files, threads, keys. Time and the random seed are passed in.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod actions;
pub mod codec;
pub mod commands;
pub mod config;
mod failover;
mod gossip;
pub mod journal;
pub mod machine;
pub mod nodes_conf;
pub mod outbox;
mod restore;
pub mod secure;
mod state;
mod timers;
pub mod topology;

pub use actions::{
    Action, After, ConfigVersion, DataEvent, DataStatus, LinkEvent, LinkId, LogLevel, Order, RequestId,
    ToData, TopologyVersion,
};
pub use codec::{Framer, PacketError};
pub use commands::{Answer, Command, CommandError, FailoverMode, Hook, SetSlotAction};
pub use config::Config;
pub use gossip::Seed;
pub use journal::{Event, EventType, Step};
pub use machine::{Machine, Start};
pub use nodes_conf::NodesConf;
pub use outbox::Outbox;
pub use topology::{FailReason, LinkView, MESSAGE_TYPES, NodeFlags, NodeView, State, Stats, Topology};

#[cfg(test)]
mod tests;
