//! Checkers: one property each, told of everything that happens, silent until it is broken.

pub mod conditions;
pub mod confirmed;
pub mod convergence;
pub mod cut_off;
mod durable;
mod epochs;
pub mod key_places;
mod offsets;
mod slot_claims;
#[cfg(test)]
mod tests;
mod votes;

use base::NodeId;
use cluster::{DataStatus, Machine};

use crate::wire::Durable;

/// What a checker sees.
pub enum Seen<'a> {
    /// A process has started.
    Started {
        /// On this host.
        host: usize,
        /// Which of its lives.
        life: u64,
        /// Its node's name.
        id: NodeId,
    },
    /// A packet leaves a host.
    Sent {
        /// From this host.
        host: usize,
        /// To this host.
        to: usize,
        /// The whole packet.
        packet: &'a [u8],
        /// What is durable on the sender's disk.
        durable: Option<&'a Durable>,
    },
    /// nodes.conf has become durable.
    Saved {
        /// On this host.
        host: usize,
        /// What it says.
        durable: &'a Durable,
    },
    /// A data thread makes a report.
    Status {
        /// On this host.
        host: usize,
        /// What it says.
        status: &'a DataStatus,
    },
    /// A machine has handled something and done what followed.
    Stepped {
        /// On this host.
        host: usize,
        /// Which of its lives.
        life: u64,
        /// The machine.
        machine: &'a Machine,
    },
}

/// A property.
pub trait Checker {
    /// Its name, for the report.
    fn name(&self) -> &'static str;
    /// Looks; `Err` says how the property is broken.
    fn observe(&mut self, seen: &Seen<'_>) -> Result<(), String>;
}

/// All checkers of the cluster.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::<slot_claims::SlotClaims>::default(),
        Box::<epochs::Epochs>::default(),
        Box::<votes::Votes>::default(),
        Box::new(durable::DurableClaims),
        Box::<offsets::Offsets>::default(),
    ]
}
