//! What end-to-end tests share: real servers as child processes, clusters of them, free ports, waiting for a condition.
//!
//! Rules: a test waits for a condition, never for a duration; every process and folder is gone when its owner is
//! dropped; a missing program is a failure that says what to install, never a silent pass.

#![forbid(unsafe_code)]

pub mod appendlist;
mod cluster;
pub mod failover;
mod folder;
mod namespaces;
mod permitted;
mod ports;
mod server;
pub mod transcript;
mod wait;

pub use cluster::{Cluster, NodeLine};
pub use folder::Folder;
pub use namespaces::Namespaces;
pub use permitted::permitted;
pub use ports::{Ports, reserve};
pub use server::{Kind, Server, ServerBuilder, cli, run_cli};
pub use wait::{DEADLINE, wait_for, wait_for_within};
