//! Running a command: to its concern, and its answer to the queue of those that wait for a save.

use super::{Answer, Command, CommandError};
use crate::actions::RequestId;
use crate::journal::EventType;
use crate::machine::Machine;
use crate::state::NodeIx;
use alloc::format;
use alloc::string::ToString;
use base::NodeId;

impl Machine {
    pub(crate) fn on_command(&mut self, request: RequestId, command: Command) {
        if let Command::Explain(failover) = &command {
            // Answered when the others have answered.
            if let Err(error) = self.start_inquiry(request, failover.as_deref()) {
                self.queue_reply(request, Err(error), None);
            }
            return;
        }
        if !self.propose(request, &command) {
            self.execute(request, command);
        }
    }

    /// Runs it; its reply waits for what it has saved.
    pub(super) fn execute(&mut self, request: RequestId, command: Command) {
        // A question waits for no disk.
        let asks = matches!(command, Command::Events(_) | Command::Hook(_));
        let result = match command {
            Command::Asked { by, words, command } => {
                let result = self.run(*command);
                self.note_command(&by, &words, &result);
                result
            }
            command => self.run(command),
        };
        let version = (result.is_ok() && !asks).then(|| self.saver.hurry());
        self.queue_reply(request, result, version);
    }

    pub(super) fn note_command(&mut self, by: &str, words: &str, result: &Result<Answer, CommandError>) {
        let outcome = match result {
            Ok(_) => "accepted".to_string(),
            Err(error) => format!("refused: {error}"),
        };
        self.note_own(EventType::Command, format!("{by} asked for {words}: {outcome}"));
    }

    fn run(&mut self, command: Command) -> Result<Answer, CommandError> {
        let ok = |()| Answer::Ok;
        match command {
            Command::Meet { ip, port, bus_port } => self.meet(&ip, &port, bus_port.as_deref()).map(ok),
            Command::AddSlots(slots) => self.change_slots(&super::slots::singles(&slots)?, false).map(ok),
            Command::DelSlots(slots) => self.change_slots(&super::slots::singles(&slots)?, true).map(ok),
            Command::AddSlotsRange(pairs) => self.change_slots(&super::slots::ranges(&pairs)?, false).map(ok),
            Command::DelSlotsRange(pairs) => self.change_slots(&super::slots::ranges(&pairs)?, true).map(ok),
            Command::FlushSlots { empty } => self.flush_slots(empty).map(ok),
            Command::SetSlot { slot, action, keys, .. } => self.set_slot(&slot, &action, keys).map(ok),
            Command::Replicate { node, empty } => self.replicate(&node, empty).map(ok),
            Command::Failover(mode) => self.start_manual_failover(mode).map(ok),
            Command::Forget { node } => self.forget(&node).map(ok),
            Command::Reset { hard, empty } => self.reset(hard, empty).map(ok),
            Command::BumpEpoch => self.bump_epoch(),
            Command::SetConfigEpoch(epoch) => self.set_config_epoch(&epoch).map(ok),
            Command::SaveConfig => {
                self.saver.mark();
                Ok(Answer::Ok)
            }
            Command::Asked { command, .. } => self.run(*command),
            Command::Hook(hook) => self.set_hook(hook).map(ok),
            // It has no answer of its own: see `on_command`.
            Command::Explain(_) => Err(CommandError::NoSuchFailover),
            Command::Events(query) => Ok(Answer::Events(self.journal.query(query))),
        }
    }

    /// A node by the name that a client gave.
    pub(super) fn named(&self, name: &[u8]) -> Option<NodeIx> {
        NodeId::parse(name).and_then(|id| self.nodes.find(&id))
    }

    /// With a disk that fails, nothing is changed that must be durable.
    pub(crate) fn refuse_without_disk(&self) -> Result<(), CommandError> {
        match self.saver.failure() {
            Some(error) => Err(CommandError::SaveFailed(error.into())),
            None => Ok(()),
        }
    }
}
