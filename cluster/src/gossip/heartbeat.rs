//! PING, PONG and MEET, step by step.
//!
//! The order matters: roles before slots, so that a claim is judged by what its sender is now; slots before gossip, so that reports are counted
//! by who votes now.

use crate::actions::LinkId;
use crate::codec::{Extensions, GossipSection, Header, MessageType};
use crate::machine::Machine;
use crate::state::NodeIx;
use crate::topology::NodeFlags;

impl Machine {
    pub(super) fn on_heartbeat(
        &mut self,
        link: LinkId,
        sender: Option<NodeIx>,
        header: &Header<'_>,
        kind: MessageType,
        gossip: GossipSection<'_>,
        extensions: Extensions<'_>,
    ) {
        if kind != MessageType::Pong {
            self.learn_own_address(link, kind, sender.is_some());
            if kind == MessageType::Meet && sender.is_none() {
                self.on_meet_from_stranger(link, header);
            }
            self.send_heartbeat(link, MessageType::Pong);
        }
        let outbound = self.links.get(link).is_some_and(|l| !l.inbound);
        let sender = if outbound {
            match self.finish_handshake(link, sender, header) {
                Some(ix) => Some(ix),
                None => return,
            }
        } else {
            sender
        };
        let Some(ix) = sender else { return };
        self.copy_nofailover(ix, header);
        if kind == MessageType::Ping {
            self.update_address(ix, link, header);
        }
        let answer = outbound && kind == MessageType::Pong;
        if answer {
            self.on_pong(link, ix);
        }
        self.update_role(ix, header);
        self.update_slots(ix, header);
        // After its claims: the epoch that this may take must not win against what the sender has imported from us.
        if answer && self.nodes[ix].is_primary() {
            self.note_released(ix, header.config_epoch, header.slots);
        }
        // By what this packet says: the epoch that we remember may be one that the sender repeated as a replica.
        if header.is_primary && header.config_epoch == self.myself().config_epoch {
            self.resolve_collision(ix);
        }
        self.read_gossip(ix, gossip);
        self.read_extensions(link, ix, extensions);
    }

    /// The NOFAILOVER flag is the sender's to set: ranks are computed among those that stand.
    fn copy_nofailover(&mut self, ix: NodeIx, header: &Header<'_>) {
        let said = header.flags.has(NodeFlags::NOFAILOVER);
        let flags = &mut self.nodes[ix].flags;
        if flags.has(NodeFlags::NOFAILOVER) != said {
            if said {
                flags.set(NodeFlags::NOFAILOVER)
            } else {
                flags.clear(NodeFlags::NOFAILOVER)
            }
            self.publisher.structure_changed();
        }
    }

    /// Our ping was answered.
    fn on_pong(&mut self, link: LinkId, ix: NodeIx) {
        let now = self.now.mono;
        let asked = self.links.answered_ping(link);
        self.note_contact(ix, asked);
        let node = &mut self.nodes[ix];
        node.pong_received = Some(now);
        node.ping_sent = None;
        self.note_address_of_answer(ix);
        let node = &self.nodes[ix];
        if node.suspected() {
            self.unsuspect(ix);
        } else if node.failed() {
            self.clear_failure_if_possible(ix);
        }
    }

    /// The sender says what it is: a primary, or a replica of somebody.
    fn update_role(&mut self, ix: NodeIx, header: &Header<'_>) {
        if header.is_primary {
            self.set_as_primary(ix);
        } else {
            let primary = header.primary.and_then(|id| self.nodes.find(&id));
            self.set_as_replica(ix, primary);
        }
    }
}
