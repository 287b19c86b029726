//! A cluster is made as the cluster manager makes one: slots, config epochs, MEET, agreement, REPLICATE.

use base::{Prng, SLOT_COUNT};
use cluster::Command;

use super::converge;
use crate::world::{World, address};

/// How large a cluster is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Primaries.
    pub primaries: usize,
    /// Replicas of each.
    pub replicas: usize,
    /// `cluster-node-timeout`.
    pub node_timeout_ms: u64,
}

impl Shape {
    /// A shape at random, of about so many nodes if that is not 0; else one in 33 has a hundred and more.
    pub fn choose(prng: &mut Prng, nodes: usize) -> Self {
        let replicas = 1 + prng.below(3) as usize;
        // Most are small, and some have a hundred nodes: what many nodes show is shown by a short timeout too.
        let large = nodes == 0 && prng.chance(1, 33);
        let timeouts: &[u64] = if large { &[1000] } else { &[1000, 2000, 5000] };
        let node_timeout_ms = prng.pick(timeouts).copied().unwrap_or(1000);
        let primaries = match nodes {
            0 if large => 100usize.div_ceil(1 + replicas),
            0 => 3 + prng.below(6) as usize,
            _ => (nodes / (1 + replicas)).max(3),
        };
        Self { primaries, replicas, node_timeout_ms }
    }

    /// How many hosts it takes.
    pub fn hosts(&self) -> usize {
        self.primaries * (1 + self.replicas)
    }
}

/// Forms the cluster: hosts below `primaries` are primaries, the others their replicas in turn. False if a checker has
/// complained or it did not come about.
pub fn form(world: &mut World, shape: &Shape) -> bool {
    for host in 0..shape.hosts() {
        world.start(host, world.now().plus_millis(host as u64 % 50));
    }
    if !world.run_for(500) {
        return false;
    }
    for host in 0..shape.hosts() {
        if !prepare(world, shape, host) {
            return false;
        }
    }
    let all_known = |world: &World| {
        (0..shape.hosts()).all(|host| {
            world.machine(host).is_some_and(|machine| {
                let topology = machine.topology();
                (0..shape.hosts())
                    .filter_map(|peer| world.node_id(peer))
                    .all(|id| topology.node(&id).is_some())
            })
        })
    };
    let end = world.now().plus_millis(60_000);
    if !world.run_while(end, |world| !all_known(world)) {
        return false;
    }
    for host in shape.primaries..shape.hosts() {
        if !replicate(world, shape, host) {
            return false;
        }
    }
    converge(world, 60_000, "formation")
}

fn prepare(world: &mut World, shape: &Shape, host: usize) -> bool {
    let mut commands = vec![Command::SetConfigEpoch((host + 1).to_string().into_bytes())];
    if host < shape.primaries {
        let first = SLOT_COUNT * host / shape.primaries;
        let last = SLOT_COUNT * (host + 1) / shape.primaries - 1;
        commands.push(Command::AddSlotsRange(vec![(number(first), number(last))]));
    }
    if host > 0 {
        let ip = address(0).to_string().into_bytes();
        commands.push(Command::Meet {
            ip,
            port: number(usize::from(crate::world::CLIENT_PORT)),
            bus_port: None,
        });
    }
    commands.into_iter().all(|command| must(world, host, command))
}

fn number(n: usize) -> Vec<u8> {
    n.to_string().into_bytes()
}

fn replicate(world: &mut World, shape: &Shape, host: usize) -> bool {
    let Some(primary) = world.node_id(host % shape.primaries) else { return false };
    must(world, host, Command::Replicate { node: primary.as_str().into(), empty: true })
}

fn must(world: &mut World, host: usize, command: Command) -> bool {
    let text = format!("{command:?}");
    match world.ask(host, command) {
        Ok(()) => true,
        Err(error) => {
            world.complain("formation", format!("host {host}, {text}: {error}"));
            false
        }
    }
}
