//! SETSLOT, told to the replicas before it is carried out (as in Valkey 8, which sends the command down the replication stream).
//!
//! Model: a primary that has Grapevine replicas at hand sends them what is about to change, each answers when it has that on its disk,
//! and only then the command is run. So whoever is promoted after the client's OK knows of the change. A replica takes the change for what its
//! primary's next heartbeat says anyway; if the command is given up, that heartbeat takes it back.
//! A SETSLOT NODE that takes a new config epoch waits, too, until this primary can tell that it has not been replaced (`Machine::may_take_epoch`).
//! Redis and Valkey replicas are not asked: a replica of theirs knows nothing of its primary's moves, or only by its own stream.
//!
//! Bounds: [`MAX_PROPOSALS`] at a time; each ends with its timeout.

use super::slots::Step;
use super::{Command, CommandError, SetSlotAction};
use crate::actions::{After, RequestId};
use crate::codec::{Extension, MessageType, SetSlotKind, Writer, capability};
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use base::{Millis, NodeId, Slot};

/// How many may wait; further ones are refused.
const MAX_PROPOSALS: usize = 1024;

/// A SETSLOT that waits for the replicas.
#[derive(Debug)]
pub(crate) struct Proposal {
    /// Comes back in the answers.
    number: u64,
    request: RequestId,
    command: Command,
    /// Who has not answered.
    waiting: BTreeSet<NodeId>,
    deadline: Millis,
}

impl Machine {
    /// Tells our replicas, if this is a SETSLOT that would be accepted; false: it is to be run at once.
    pub(super) fn propose(&mut self, request: RequestId, command: &Command) -> bool {
        let inner = if let Command::Asked { command, .. } = command { command } else { command };
        let Command::SetSlot { slot, action, keys, timeout_ms } = inner else { return false };
        let Ok((slot, step)) = self.check_set_slot(slot, action, *keys) else { return false };
        let able: Vec<NodeIx> =
            self.nodes.iter().filter(|(ix, _)| self.takes_proposals(*ix)).map(|(ix, _)| ix).collect();
        if able.is_empty() && self.is_timely(command) {
            return false;
        }
        if self.proposals.len() >= MAX_PROPOSALS {
            self.queue_reply(request, Err(CommandError::NoReplicas), None);
            return true;
        }
        let number = self.prng.next_u64();
        let (kind, node) = match step {
            Step::Migrating(ix) => (SetSlotKind::Migrating, self.nodes[ix].id),
            Step::Importing(ix) => (SetSlotKind::Importing, self.nodes[ix].id),
            Step::Stable => (SetSlotKind::Stable, self.me()),
            Step::Node(ix) => (SetSlotKind::Node, self.nodes[ix].id),
        };
        for ix in &able {
            self.ping_with(*ix, &Extension::SetSlot { number, slot, kind, node });
        }
        let waiting = able.iter().map(|ix| self.nodes[*ix].id).collect();
        let deadline = self.now.mono + *timeout_ms;
        self.proposals.push(Proposal { number, request, command: command.clone(), waiting, deadline });
        true
    }

    /// Whether a SETSLOT can be run now: not if it takes a new epoch, and this node may not.
    fn is_timely(&self, command: &Command) -> bool {
        let inner = if let Command::Asked { command, .. } = command { command } else { command };
        let Command::SetSlot { slot, action: SetSlotAction::Node(name), .. } = inner else { return true };
        let imports = super::slots::slot(slot).is_ok_and(|slot| self.slots.importing.contains_key(&slot));
        let mine = self.named(name) == Some(self.me);
        !(imports && mine) || self.may_take_epoch()
    }

    fn takes_proposals(&self, ix: NodeIx) -> bool {
        let node = &self.nodes[ix];
        let able = node.mark.is_some_and(|mark| mark.capabilities & capability::SET_SLOT != 0);
        // Who is only suspected may take over all the same.
        able && self.is_waited_for(ix)
            && !node.failed()
            && node.link.is_some_and(|link| self.links.is_up(link))
    }

    /// A PONG with all that a heartbeat says of this node, and one thing more.
    pub(crate) fn send_beside_heartbeat(&mut self, to: NodeIx, extension: &Extension<'_>, after: After) {
        self.send_with(to, MessageType::Pong, extension, after);
    }

    fn send_with(&mut self, to: NodeIx, kind: MessageType, extension: &Extension<'_>, after: After) {
        let Some(link) = self.nodes[to].link.filter(|link| self.links.is_up(*link)) else { return };
        let mut writer = Writer::new(&self.header(kind, &self.wire));
        self.write_extensions(&mut writer, true);
        self.write_open_slots(&mut writer, Some(to));
        writer.extension(extension);
        self.send(link, kind, writer.finish(), after);
    }

    /// A PING with one thing more.
    fn ping_with(&mut self, to: NodeIx, extension: &Extension<'_>) {
        let now = self.now.mono;
        let Some(link) = self.nodes[to].link.filter(|link| self.links.is_up(*link)) else { return };
        self.links.note_ping(link, now);
        // An older one that is still unanswered goes on counting.
        self.nodes[to].ping_sent.get_or_insert(now);
        self.send_with(to, MessageType::Ping, extension, After::Now);
    }

    /// Our primary is about to change a slot.
    pub(crate) fn on_set_slot(
        &mut self,
        sender: NodeIx,
        number: u64,
        slot: Slot,
        kind: SetSlotKind,
        node: NodeId,
    ) {
        if self.my_primary() != Some(sender) || self.is_silent() {
            return;
        }
        let mut successor = None;
        let open = &mut self.slots.inherited;
        match kind {
            SetSlotKind::Migrating => drop(open.migrating.insert(slot, node)),
            SetSlotKind::Importing => drop(open.importing.insert(slot, node)),
            SetSlotKind::Stable | SetSlotKind::Node => {
                open.migrating.remove(&slot);
                open.importing.remove(&slot);
            }
        }
        if kind == SetSlotKind::Node {
            let Some(ix) = self.nodes.find(&node).filter(|ix| self.nodes[*ix].is_primary()) else { return };
            let before = self.delete_slot(slot);
            let was_ours = before == Some(sender);
            self.add_slot(ix, slot);
            if ix == sender && !was_ours {
                let from = before.map(|before| self.nodes[before].id);
                self.slots.told.insert(slot, (from, self.now.mono));
            }
            let emptied = was_ours && ix != sender && self.nodes[sender].slot_count == 0;
            successor = Some(ix).filter(|_| emptied && self.config.allow_replica_migration);
        }
        self.structure_and_state_changed();
        let after = After::Saved(self.saver.pending());
        self.send_beside_heartbeat(sender, &Extension::SetSlotDone { number }, after);
        if let Some(ix) = successor {
            self.follow(ix, "Configuration change detected. Reconfiguring myself as a replica of");
        }
    }

    /// A replica knows.
    pub(crate) fn on_set_slot_done(&mut self, sender: NodeIx, number: u64) {
        let id = self.nodes[sender].id;
        let Some(at) = self.proposals.iter().position(|proposal| proposal.number == number) else { return };
        self.proposals[at].waiting.remove(&id);
        if self.proposals[at].waiting.is_empty() && self.is_timely(&self.proposals[at].command) {
            let proposal = self.proposals.remove(at);
            self.execute(proposal.request, proposal.command);
        }
    }

    /// Goes on with those that wait for nobody any more (who follows another primary by now is not waited for), and gives up those whose time
    /// is over.
    pub(crate) fn review_proposals(&mut self) {
        if self.proposals.is_empty() {
            return;
        }
        let now = self.now.mono;
        let mut over = Vec::new();
        for mut proposal in core::mem::take(&mut self.proposals) {
            proposal.waiting.retain(|id| self.nodes.find(id).is_some_and(|ix| self.is_waited_for(ix)));
            if proposal.waiting.is_empty() && self.is_timely(&proposal.command) {
                self.execute(proposal.request, proposal.command);
            } else if proposal.deadline <= now {
                over.push(proposal);
            } else {
                self.proposals.push(proposal);
            }
        }
        if over.is_empty() {
            return;
        }
        for proposal in over {
            let late = proposal.waiting.is_empty();
            let result = Err(if late { CommandError::NoMajority } else { CommandError::NoReplicas });
            if let Command::Asked { by, words, .. } = &proposal.command {
                self.note_command(by, words, &result);
            }
            self.queue_reply(proposal.request, result, None);
        }
        // What the others were told does not come to pass.
        self.pong_to_siblings();
    }

    fn is_waited_for(&self, ix: NodeIx) -> bool {
        let node = &self.nodes[ix];
        node.is_replica() && node.primary == Some(self.me)
    }
}
