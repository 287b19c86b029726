//! The data threads: messages between them and the control threads, and the pretence of replication.

use cluster::{DataEvent, ToData};

use super::{Inside, World};
use crate::light::{REPORT_MS, Role};

impl World {
    pub(super) fn to_data(&mut self, host: usize, message: ToData) {
        if let ToData::Reply { request, result } = message {
            return self.take_reply(host, request.0, result);
        }
        let now = self.clock(host);
        let Some(process) = &mut self.hosts[host].process else { return };
        for event in process.light.handle(now, &message) {
            self.report(host, event);
        }
    }

    /// A data thread's report sets out for the control thread.
    fn report(&mut self, host: usize, event: DataEvent) {
        let delay = 10 + self.prng.below(300);
        let Some(process) = &mut self.hosts[host].process else { return };
        let at = self.now.plus_micros(delay).max(process.last_from_data);
        process.last_from_data = at;
        self.schedule_inside(at, host, Inside::FromData(event));
    }

    pub(super) fn report_status(&mut self, host: usize) {
        let Some(process) = &mut self.hosts[host].process else { return };
        let status = process.light.status();
        self.report(host, status);
    }

    pub(super) fn from_data(&mut self, host: usize, event: DataEvent) {
        let Some(process) = &mut self.hosts[host].process else { return };
        if let DataEvent::Applied { version } | DataEvent::Promoted { version } = &event {
            process.outbox.applied(*version);
        }
        self.with_machine(host, |machine, now| machine.handle_data(now, event));
    }

    pub(super) fn data_tick(&mut self, host: usize) {
        let now = self.clock(host);
        let role = self.hosts[host].process.as_ref().map(|process| process.light.role);
        let source = match role {
            Some(Role::Replica(primary)) => self.source_of(host, &primary),
            _ => None,
        };
        if let Some(process) = &mut self.hosts[host].process {
            match process.light.role {
                Role::Primary => process.light.write(now),
                Role::Replica(_) => process.light.replicate(now, source),
            }
        }
        self.report_status(host);
        self.schedule_inside(self.now.plus_millis(REPORT_MS), host, Inside::DataTick);
    }

    /// The position and history that a replica can copy now.
    fn source_of(&self, host: usize, primary: &base::NodeId) -> Option<(u64, base::ReplId)> {
        let source = self.host_of_node(primary)?;
        let reachable = self.network.reaches(host, source) && self.network.reaches(source, host);
        let process = self.hosts[source].process.as_ref().filter(|_| !self.hosts[source].paused)?;
        let refuses = process.light.topology.as_ref().is_some_and(|topology| match topology.state {
            cluster::State::Fail(reason) => reason.refuses_replicas(),
            cluster::State::Ok => false,
        });
        // A replica may follow a replica for a while, as in Redis.
        (reachable && !refuses && source != host).then_some((process.light.offset, process.light.history))
    }
}
