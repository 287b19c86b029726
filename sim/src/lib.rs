//! The simulator: whole clusters of the shipping machines in one thread, in virtual time, from one seed.
//!
//! [`World`] holds hosts with their disks and clocks, the network between them and a queue of events; [`fault`] makes
//! things go wrong; [`checker`] watches every packet, every durable file and every machine's state; [`scenarios`] are
//! the runs. The same seed gives the same run, which [`EventLog`]'s hash shows.
//!
//! It does not know how the machines work: it delivers what they ask for, late, twice delayed, or never, as real
//! networks, disks and schedulers do.

#![forbid(unsafe_code)]

pub mod campaign;
pub mod checker;
pub mod clock;
pub mod disk;
pub mod event_log;
pub mod fault;
pub mod light;
pub mod network;
pub mod real;
pub mod scenarios;
#[cfg(test)]
mod tests;
pub mod wire;
pub mod workload;
pub mod world;

pub use event_log::EventLog;
pub use scenarios::{Options, Partition, Report, Scenario, run};
pub use world::World;
