//! Replication without I/O: the one log that every write goes to, its readers, and PSYNC in both roles.
//!
//! Model: a write becomes a record of the [`Log`]. The AOF reads records; replicas read bytes by offset, from the same
//! store that is the backlog. [`Primary`] is what we are to our replicas, [`Replica`] what we are to our primary;
//! [`History`] names the stream that both speak of. A node is a `Primary` always and a `Replica` sometimes.
//!
//! Invariants: an offset names the same byte for everyone who shares the replication id (or the second id, up to its
//! bound); a replica's log holds its primary's bytes unchanged.
//!
//! It does not know what a command does, what an RDB contains, or where a connection leads.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod failover;
mod history;
mod log;
mod primary;
mod replica;
mod store;

#[cfg(test)]
mod tests;

pub use failover::{Failover, FailoverPhase, FailoverRequest, FailoverStep};
pub use history::History;
pub use log::{Kind, Log, Meta, Seq, Targets, Unit};
pub use primary::{
    Context, Filter, LinkState, Peer, Primary, PrimaryAction, PrimaryConfig, ReplconfReply, ReplicaView,
    SyncCounts,
};
pub use replica::{Phase, Position, Replica, ReplicaAction, ReplicaConfig};

/// Severity of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Ordinary.
    Notice,
    /// Something is wrong.
    Warning,
}
