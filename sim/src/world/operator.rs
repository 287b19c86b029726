//! Operators: CLUSTER commands given to a host's control thread, and their answers.

use cluster::{Answer, Command, CommandError, FailoverMode, RequestId};

use super::{Inside, World};

impl World {
    /// Gives a command to a host; its answer can be asked for by the number returned.
    pub fn command(&mut self, host: usize, command: Command) -> u64 {
        self.next_request += 1;
        let request = self.next_request;
        self.log.record(self.now, host, "command", &[request], || format!("{command:?}"));
        let at = self.now.plus_micros(100 + self.prng.below(500));
        self.schedule_inside(at, host, Inside::Command { request, command });
        request
    }

    /// Gives a command and waits for its answer, for 10 s at most.
    pub fn ask(&mut self, host: usize, command: Command) -> Result<(), String> {
        let request = self.command(host, command);
        let end = self.now.plus_millis(10_000);
        self.run_while(end, |world| !world.replies.contains_key(&request));
        self.replies.remove(&request).unwrap_or_else(|| Err("no answer within 10 s".into()))
    }

    /// The answer to a command, once it has come.
    pub fn take_answer(&mut self, request: u64) -> Option<Result<(), String>> {
        self.replies.remove(&request)
    }

    pub(super) fn deliver_command(&mut self, host: usize, request: u64, command: Command) {
        if matches!(command, Command::Failover(FailoverMode::Force | FailoverMode::Takeover)) {
            self.watch_force(host);
        }
        self.with_machine(host, |machine, now| machine.command(now, RequestId(request), command));
    }

    pub(super) fn take_reply(&mut self, host: usize, request: u64, result: Result<Answer, CommandError>) {
        let result = result.map(|_| ()).map_err(|error| error.to_string());
        self.log.record(self.now, host, "reply", &[request], || format!("{result:?}"));
        self.replies.insert(request, result);
    }
}
