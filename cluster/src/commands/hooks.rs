//! Hooks of DEBUG for tests of the bus: packets that are not read, links that are closed.
//!
//! As in Redis 7.2 and Valkey they are off until an operator switches them on, and nothing of them is saved.

use super::CommandError;
use crate::actions::{LinkId, LogLevel};
use crate::machine::Machine;
use alloc::format;
use alloc::vec::Vec;

/// Every type, as DROP-CLUSTER-PACKET-FILTER has it.
const EVERY_TYPE: i64 = -2;

/// What DEBUG asks of the bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hook {
    /// `DROP-CLUSTER-PACKET-FILTER <type>`: packets of this type are not read; -1 for none, -2 for all.
    DropPackets(i64),
    /// `CLOSE-CLUSTER-LINK-ON-PACKET-DROP <0|1>`: and their link is closed.
    CloseOnDrop(bool),
    /// `CLUSTERLINK KILL <to|from|all> <node-id>`.
    KillLinks {
        /// The one that we opened.
        to: bool,
        /// The one that it opened.
        from: bool,
        /// Whose.
        node: Vec<u8>,
    },
}

/// Which hooks are on.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    dropped: Option<i64>,
    close: bool,
}

impl Machine {
    pub(super) fn set_hook(&mut self, hook: Hook) -> Result<(), CommandError> {
        match hook {
            Hook::DropPackets(kind) => self.hooks.dropped = Some(kind),
            Hook::CloseOnDrop(close) => self.hooks.close = close,
            Hook::KillLinks { to, from, node } => {
                let ix = self.named(&node).ok_or(CommandError::UnknownNode(node))?;
                let (own, theirs) = (self.nodes[ix].link, self.nodes[ix].inbound);
                for link in [own.filter(|_| to), theirs.filter(|_| from)].into_iter().flatten() {
                    self.close_link(link);
                }
                self.publisher.structure_changed();
            }
        }
        Ok(())
    }

    /// Whether a packet of this type is not to be read.
    pub(crate) fn drops_packet(&mut self, link: LinkId, kind: u16) -> bool {
        let dropped = self.hooks.dropped.is_some_and(|own| own == i64::from(kind) || own == EVERY_TYPE);
        if dropped && self.hooks.close {
            self.close_link(link);
            self.log(LogLevel::Warning, format!("Closing link for matching packet type {kind}"));
        } else if dropped {
            self.log(
                LogLevel::Warning,
                format!("Packet that matches debug drop filter dropped. packet type: {kind}"),
            );
        }
        dropped
    }
}
