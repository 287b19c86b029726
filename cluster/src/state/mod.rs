//! What a node knows: the nodes, the slots, the links, the epochs, and what of it is durable and published.
//!
//! Rooms: `node`, `table` and `reports` (who, and who is said to be gone), `slots` (what they own), `links` (how we reach them), `roles` and `epochs` (the rules for changing
//! them), `blacklist` (who must not come back yet), `claims` and `saver` (what may leave this node), `data` (what the data thread told us),
//! `health` (whether the cluster serves), `publish` (what the data thread is told).

mod blacklist;
mod claims;
mod data;
mod epochs;
mod health;
mod links;
mod node;
mod publish;
mod reports;
mod roles;
mod saver;
mod slots;
mod table;

pub(crate) use blacklist::Blacklist;
pub(crate) use claims::Claims;
pub(crate) use data::DataView;
pub(crate) use health::Health;
pub(crate) use links::Links;
pub(crate) use node::Node;
pub(crate) use publish::Publisher;
pub(crate) use saver::Saver;
pub(crate) use slots::SlotMap;
pub(crate) use table::{NodeIx, Nodes};

/// How many nodes are taken in at most (Redis recommends at most 1000).
pub(crate) const MAX_NODES: usize = 10_000;
