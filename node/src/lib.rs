//! The data thread's machine: sessions, dispatch, transactions, pub/sub, propagation, persistence and cron, without I/O.
//!
//! Model: the runtime tells [`Node`] what happened (bytes, closed connections, disk and control events, time) and then
//! drains it: bytes to write through [`Node::next_writable`] and [`Node::output`], rare things through
//! [`Node::poll_action`]. One turn of the loop is: any number of `process` and `handle_*` calls, then one
//! [`Node::end_batch`], then the drain. Replies leave only after `end_batch`, so that one AOF write and one mark cover
//! the whole turn.
//!
//! Invariants: no clock, thread, socket or file is touched here; the same calls with the same times and the same seed
//! give the same bytes. Replies to one client keep the order of its requests whatever the splitting of its input.
//!
//! It does not know who calls it: the server's loop and the simulator drive the very same machine.

#![forbid(unsafe_code)]

mod access;
mod admin;
mod api;
mod blocking;
mod cluster;
mod cron;
mod dispatch;
mod effects;
mod eviction;
mod gate;
pub mod identity;
mod migrate;
mod node;
mod observe;
mod pause;
mod persistence;
mod policy;
mod progress;
mod pubsub;
mod refusal;
mod renames;
mod replication;
mod scripting;
mod session;
mod stats;
mod table;
#[cfg(test)]
mod tests;
mod tracking;
mod transaction;

pub use access::{UsersFile, check_users, cluster_config_at_start};
pub use admin::{Allocator, Process, Usage};
pub use api::{
    Action, ApplyError, CrashBy, LoadError, LoadProgress, LoadReport, LocalInfo, LogLevel, PeerInfo,
    ToControl, Wanted,
};
pub use node::Node;
pub use renames::check_renames;
