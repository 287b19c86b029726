//! The families through the whole node in process: requests in, replies out, in the words of the protocol.

mod bench;
mod cluster_commands;
mod doors;
mod families;
mod lone_cluster;
mod observe;
mod tracking;
mod transcript;

pub(super) use bench::Bench;
