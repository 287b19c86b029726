//! What a new primary lacks of the old one's data, and how the old one learns it.
//!
//! The data thread says at its promotion up to which offset of the old history its data go. Compared with what the old primary announced last, that is the
//! least that is lost. As long as it is a primary, the new one repeats it to the old one in every heartbeat (an
//! extension that only Grapevine reads), so that the old one, back again, can count what only it had (`Order::Replaced`).

use crate::actions::Order;
use crate::codec::{Extension, Writer};
use crate::journal::Step;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::string::String;
use base::{NodeId, ReplId, ReplOffset};

/// A takeover that its victim has to hear of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takeover {
    primary: NodeId,
    history: ReplId,
    offset: ReplOffset,
}

impl Machine {
    /// Our promotion in place of `old` is complete.
    pub(super) fn remember_takeover(&mut self, old: NodeId) {
        let Some((history, offset)) = self.shifted.take() else { return };
        self.takeover = Some(Takeover { primary: old, history, offset });
        let Some(node) = self.nodes.find(&old).map(|ix| &self.nodes[ix]) else { return };
        let lacked = node.repl_offset.0.saturating_sub(offset.0);
        let heard = match node.data_received {
            Some(at) => format!("announced {} ms ago", self.now.mono.since(at)),
            None => "announced, never".into(),
        };
        let text = format!(
            "{lacked} bytes lacking of what the old master had {heard} (its offset {}, ours {offset})",
            node.repl_offset
        );
        self.add_event(Step::Lacked.kind(), Step::Lacked, self.me(), Some(old), text);
    }

    /// Tells the old primary, in a heartbeat to it.
    pub(crate) fn write_takeover(&self, writer: &mut Writer, target: Option<NodeIx>) {
        let Some(takeover) = &self.takeover else { return };
        let Some(node) = target.map(|ix| &self.nodes[ix]) else { return };
        if node.id == takeover.primary && node.mark.is_some() && self.myself().is_primary() {
            let Takeover { primary, history, offset } = *takeover;
            writer.extension(&Extension::Takeover { primary, history, offset });
        }
    }

    /// We were replaced.
    pub(crate) fn on_takeover(
        &mut self,
        sender: NodeIx,
        primary: NodeId,
        history: ReplId,
        offset: ReplOffset,
    ) {
        let news = self.replaced != Some((history, offset));
        if primary != self.me() || !news || !self.nodes[sender].is_primary() {
            return;
        }
        self.replaced = Some((history, offset));
        self.orders.push_back(Order::Replaced { history, offset });
    }

    /// The data thread tells a step.
    pub(crate) fn on_data_step(&mut self, step: Step, text: String) {
        let of = match step {
            Step::Stray => Some(self.me()),
            _ => self.takeover.map(|takeover| takeover.primary),
        };
        self.add_event(step.kind(), step, self.me(), of, text);
    }
}
