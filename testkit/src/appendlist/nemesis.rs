//! What goes wrong: one fault at a time, each with its end, then a moment of rest.

use super::{Field, NODE_TIMEOUT_MS, NODES};
use base::Prng;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The faults of one run.
pub(super) struct Nemesis {
    prng: Prng,
    counts: BTreeMap<&'static str, u64>,
    blocked: Vec<(usize, usize)>,
    stopped: Vec<usize>,
}

impl Nemesis {
    pub(super) fn new(seed: u64) -> Self {
        Self { prng: Prng::new(seed), counts: BTreeMap::new(), blocked: Vec::new(), stopped: Vec::new() }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.counts.iter().map(|(name, count)| (*name, *count)).collect()
    }

    fn wait(&mut self, least_ms: u64, most_ms: u64, end: Instant) {
        let wanted = Duration::from_millis(least_ms + self.prng.below(most_ms - least_ms));
        std::thread::sleep(wanted.min(end.saturating_duration_since(Instant::now())));
    }

    /// One fault, its end, and a rest; nothing lasts beyond `end`.
    pub(super) fn strike(&mut self, field: &mut Field, end: Instant) {
        let kinds = if field.namespaces.is_some() { 9 } else { 4 };
        let victim = self.prng.below(NODES as u64) as usize;
        let name = match self.prng.below(kinds) {
            0 | 1 => {
                field.servers[victim].kill();
                self.wait(200, 3 * NODE_TIMEOUT_MS, end);
                "kill -9"
            }
            2 => {
                self.stop(field, victim);
                self.wait(NODE_TIMEOUT_MS * 3 / 2, 4 * NODE_TIMEOUT_MS, end);
                "SIGSTOP beyond the node timeout"
            }
            3 => {
                self.stop(field, victim);
                self.wait(100, NODE_TIMEOUT_MS / 2, end);
                "SIGSTOP within it"
            }
            4 => self.cut(field, &[victim], true, true, end, "cut off, both ways"),
            5 => self.cut(field, &[victim], true, false, end, "cut off, mute"),
            6 => self.cut(field, &[victim], false, true, end, "cut off, deaf"),
            7 => {
                let mut all: Vec<usize> = (0..NODES).collect();
                self.prng.shuffle(&mut all);
                let half = &all[..NODES / 2];
                self.cut(field, half, true, true, end, "halves")
            }
            _ => self.exchange(field, victim, end),
        };
        *self.counts.entry(name).or_insert(0) += 1;
        self.heal(field);
        self.wait(1000, 4000, end);
    }

    fn stop(&mut self, field: &Field, victim: usize) {
        field.servers[victim].signal(Signal::STOP);
        self.stopped.push(victim);
    }

    fn cut(
        &mut self,
        field: &Field,
        inside: &[usize],
        out: bool,
        back: bool,
        end: Instant,
        name: &'static str,
    ) -> &'static str {
        let Some(net) = &field.namespaces else { return name };
        for a in inside {
            for b in (0..NODES).filter(|b| !inside.contains(b)) {
                let pairs = [(out, (*a, b)), (back, (b, *a))];
                for (_, (from, to)) in pairs.into_iter().filter(|(wanted, _)| *wanted) {
                    net.block(from, to);
                    self.blocked.push((from, to));
                }
            }
        }
        self.wait(NODE_TIMEOUT_MS / 2, 5 * NODE_TIMEOUT_MS, end);
        name
    }

    fn exchange(&mut self, field: &mut Field, a: usize, end: Instant) -> &'static str {
        let b = (a + 1 + self.prng.below(NODES as u64 - 1) as usize) % NODES;
        let Some(net) = &mut field.namespaces else { return "addresses exchanged" };
        field.servers[a].kill();
        field.servers[b].kill();
        net.exchange(a, b);
        for i in [a, b] {
            field.servers[i].move_to(&net.address(i));
        }
        self.wait(200, NODE_TIMEOUT_MS, end);
        "addresses exchanged"
    }

    /// Everything is as it should be, but for what the nodes make of it.
    pub(super) fn heal(&mut self, field: &mut Field) {
        for victim in self.stopped.drain(..) {
            field.servers[victim].signal(Signal::CONT);
        }
        if let Some(net) = &field.namespaces {
            self.blocked.drain(..).for_each(|(from, to)| net.unblock(from, to));
        }
        for server in &mut field.servers {
            if server.has_exited() {
                server.start();
            }
        }
    }
}
