//! What faults do to the network and the disks, and how all of it ends.

use super::{Event, World};
use crate::checker::conditions::Trouble;

impl World {
    /// Drops packets between these hosts, in these directions, from now on.
    pub fn block(&mut self, pairs: &[(usize, usize)]) {
        self.log.record(self.now, 0, "block", &[pairs.len() as u64], || short(pairs));
        for (from, to) in pairs {
            self.network.block(*from, *to);
            self.watch.conditions.block(*from, *to, true, self.now);
        }
        self.watch_touch();
    }

    /// Lets packets between these hosts pass again.
    pub fn unblock(&mut self, pairs: &[(usize, usize)]) {
        self.log.record(self.now, 0, "unblock", &[pairs.len() as u64], || short(pairs));
        for (from, to) in pairs {
            self.network.unblock(*from, *to);
            self.watch.conditions.block(*from, *to, false, self.now);
        }
        self.watch_touch();
        self.wake_network(None);
    }

    /// A firewall rejects what one host sends to another's ports: connections break at both ends, new ones are refused.
    pub fn reject(&mut self, from: usize, to: usize) {
        self.log.record(self.now, from, "reject", &[to as u64], || format!("by host {to}"));
        self.network.reject(from, to);
        for connection in self.network.opened(from, to) {
            for (from, at) in self.network.reset(self.now, connection) {
                self.schedule(at, Event::Arrive { connection, from });
            }
        }
    }

    /// Resets some connection, as a middlebox does: both ends hear of it.
    pub fn reset_some_connection(&mut self) {
        let Some(connection) = self.network.pick() else { return };
        let ends = self.network.get(connection).filter(|entry| entry.established).map(|entry| entry.ends);
        let Some(ends) = ends else { return };
        self.log
            .record(self.now, ends[0].host, "reset", &[connection.0], || format!("to host {}", ends[1].host));
        for (from, at) in self.network.reset(self.now, connection) {
            self.schedule(at, Event::Arrive { connection, from });
        }
    }

    /// Nothing becomes durable on a host for a while.
    pub fn stall_disk(&mut self, host: usize, millis: u64) {
        self.log.record(self.now, host, "diskstall", &[millis], || format!("for {millis} ms"));
        let end = self.now.plus_millis(millis);
        self.hosts[host].disk.stalled_until = end;
        self.watch.conditions.add(host, Trouble::DiskStalled, self.now, end);
        self.watch_touch();
    }

    /// Adds to every delay, in µs.
    pub fn slow_network(&mut self, extra_micros: u64) {
        self.log.record(self.now, 0, "slow", &[extra_micros], || format!("{extra_micros} µs more"));
        self.network.extra_delay = extra_micros;
    }

    /// Ends all trouble: the network is whole, paused processes go on, dead ones start.
    pub fn heal(&mut self) {
        self.log.record(self.now, 0, "heal", &[], String::new);
        self.network.extra_delay = 0;
        self.network.unblock_all();
        self.watch.conditions.unblock_all(self.now);
        self.wake_network(None);
        for host in 0..self.hosts.len() {
            self.hosts[host].disk.stalled_until = self.now;
            self.resume(host);
            self.start(host, self.now);
        }
        self.watch_touch();
    }
}

fn short(pairs: &[(usize, usize)]) -> String {
    let first: Vec<String> = pairs.iter().take(12).map(|(from, to)| format!("{from}>{to}")).collect();
    format!("{} {}", first.join(" "), if pairs.len() > 12 { "..." } else { "" })
}
