//! What goes wrong in a run: chosen at random from the seed, each fault with its end.
//!
//! A storm applies faults at random instants for a while; `heal` ends everything that is still going on. Crashed hosts
//! come back by themselves, so what follows a storm must converge.

use std::collections::BTreeMap;

use base::Prng;
use cluster::{Command, FailoverMode};

use crate::clock::Instant;
use crate::world::{Crash, World};

/// How to end a fault.
#[derive(Debug)]
enum End {
    Unblock(Vec<(usize, usize)>),
    Restart(usize),
    Fast,
}

/// Faults under way.
pub struct Storm {
    prng: Prng,
    ends: BTreeMap<(Instant, u64), End>,
    count: u64,
    node_timeout_ms: u64,
}

impl Storm {
    /// A storm that has not begun; durations are measured in the node timeout.
    pub fn new(prng: Prng, node_timeout_ms: u64) -> Self {
        Self { prng, ends: BTreeMap::new(), count: 0, node_timeout_ms }
    }

    /// Blows for some milliseconds, with a fault about every `gap_ms`. False if a checker has complained.
    pub fn blow(&mut self, world: &mut World, millis: u64, gap_ms: u64) -> bool {
        let end = world.now().plus_millis(millis);
        let mut next = world.now().plus_millis(self.prng.below(2 * gap_ms));
        while world.now() < end {
            let due = self.ends.first_key_value().map_or(end, |((at, _), _)| *at);
            if !world.run_until(due.min(next).min(end)) {
                return false;
            }
            while self.ends.first_key_value().is_some_and(|((at, _), _)| *at <= world.now()) {
                if let Some((_, over)) = self.ends.pop_first() {
                    finish(world, over);
                }
            }
            if world.now() >= next {
                self.strike(world);
                next = world.now().plus_millis(1 + self.prng.below(2 * gap_ms));
            }
        }
        true
    }

    /// Ends every fault: the network is whole, every host is up.
    pub fn heal(&mut self, world: &mut World) {
        while let Some((_, over)) = self.ends.pop_first() {
            finish(world, over);
        }
        world.heal();
    }

    fn until(&mut self, world: &World, millis: u64, end: End) {
        self.count += 1;
        self.ends.insert((world.now().plus_millis(millis), self.count), end);
    }

    /// Between a twentieth and three times the node timeout.
    fn duration(&mut self) -> u64 {
        self.node_timeout_ms / 20 + self.prng.below(3 * self.node_timeout_ms)
    }

    fn strike(&mut self, world: &mut World) {
        let hosts = world.host_count();
        let host = self.prng.below(hosts as u64) as usize;
        let millis = self.duration();
        match self.prng.below(20) {
            0..5 => {
                let how = if self.prng.chance(1, 2) { Crash::Kill } else { Crash::PowerOff };
                world.crash(host, how);
                self.until(world, millis, End::Restart(host));
            }
            5..8 => world.pause(host, millis),
            8..11 => self.partition(world, millis),
            11..13 => {
                let peer = self.prng.below(hosts as u64) as usize;
                self.block(world, vec![(host, peer)], millis);
            }
            13..15 => {
                for _ in 0..=self.prng.below(8) {
                    world.reset_some_connection();
                }
            }
            15 => world.jump_clock(host, self.prng.below(7_200_000) as i64 - 3_600_000),
            16 => world.stall_disk(host, millis),
            17 => {
                world.slow_network(500 + self.prng.below(20_000));
                self.until(world, millis, End::Fast);
            }
            _ => {
                let mode = if self.prng.chance(3, 4) { FailoverMode::Default } else { FailoverMode::Force };
                world.command(host, Command::Failover(mode));
            }
        }
    }

    /// Cuts some hosts off, both ways or in one direction only.
    fn partition(&mut self, world: &mut World, millis: u64) {
        let mut hosts: Vec<usize> = (0..world.host_count()).collect();
        self.prng.shuffle(&mut hosts);
        let cut = 1 + self.prng.below(hosts.len() as u64 / 2) as usize;
        let (inside, outside) = hosts.split_at(cut);
        let way = self.prng.below(3);
        let mut pairs = Vec::new();
        for a in inside {
            for b in outside {
                if way != 0 {
                    pairs.push((*a, *b));
                }
                if way != 1 {
                    pairs.push((*b, *a));
                }
            }
        }
        self.block(world, pairs, millis);
    }

    fn block(&mut self, world: &mut World, pairs: Vec<(usize, usize)>, millis: u64) {
        world.block(&pairs);
        self.until(world, millis, End::Unblock(pairs));
    }
}

fn finish(world: &mut World, over: End) {
    match over {
        End::Unblock(pairs) => world.unblock(&pairs),
        End::Restart(host) => world.start(host, world.now()),
        End::Fast => world.slow_network(0),
    }
}
