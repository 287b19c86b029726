//! A cluster is made as the cluster manager makes one: slots, config epochs, MEET, agreement, REPLICATE.

use base::{Epoch, NodeId, Prng, ReplId, SLOT_COUNT, Slot, SlotSet};
use cluster::nodes_conf::{NodeLine, NodesConf};
use cluster::{Command, NodeFlags};

use super::converge;
use crate::light::Kept;
use crate::world::{BUS_PORT, CLIENT_PORT, World, address};

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
    pub fn choose(prng: &mut Prng, nodes: usize, replicas: Option<usize>) -> Self {
        let chosen = 1 + prng.below(3) as usize;
        let replicas = replicas.unwrap_or(chosen).max(1);
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

/// From so many hosts on a cluster is started as one that was formed before: joining one by one is another question.
const FORMED_BEFORE: usize = 100;

/// From so many hosts on they start one after the other, so many microseconds apart.
const SLOW_START: usize = 300;
const START_STEP_MICROS: u64 = 250;

/// Makes the cluster, in either way. False if a checker has complained or it did not come about.
pub fn make(world: &mut World, shape: &Shape, light: bool, prng: &mut Prng) -> bool {
    if !light || shape.hosts() < FORMED_BEFORE {
        return form(world, shape);
    }
    let mut conf = nodes_conf(shape, prng);
    let names: Vec<NodeId> = conf.nodes.iter().map(|line| line.id).collect();
    // As a node writes its file: in the order of names.
    conf.nodes.sort_by_key(|line| line.id);
    for (host, name) in names.iter().enumerate() {
        let Ok(place) = conf.nodes.binary_search_by_key(name, |line| line.id) else { continue };
        conf.nodes[place].flags.set(NodeFlags::MYSELF);
        let data =
            Kept { offset: 100, history: ReplId([b'1'; 40]), slots: (*conf.nodes[place].slots).clone() };
        world.install(host, conf.print(), Some(data));
        conf.nodes[place].flags.clear(NodeFlags::MYSELF);
        world.start(host, world.now().plus_micros(start_micros(shape, host)));
    }
    converge(world, 60_000, "start of a cluster that was formed before")
}

/// When a host of a large cluster starts: each opens links to all others, and what is under way at one instant fills the memory.
fn start_micros(shape: &Shape, host: usize) -> u64 {
    match shape.hosts() {
        SLOW_START.. => host as u64 * START_STEP_MICROS,
        _ => host as u64 % 100 * 1000,
    }
}

/// What every node's file says, but for whose it is. In order of host.
fn nodes_conf(shape: &Shape, prng: &mut Prng) -> NodesConf {
    let ids: Vec<NodeId> = (0..shape.hosts()).map(|_| NodeId::random(prng)).collect();
    let shards: Vec<NodeId> = (0..shape.primaries).map(|_| NodeId::random(prng)).collect();
    let line = |(host, id): (usize, &NodeId)| {
        let shard = host % shape.primaries;
        let mut line = NodeLine::with_slots(*id, std::sync::Arc::new(SlotSet::empty()));
        line.ip = address(host).to_string();
        (line.port, line.bus_port) = (CLIENT_PORT, BUS_PORT);
        line.shard_id = Some(shards[shard]);
        line.config_epoch = Epoch(shard as u64 + 1);
        line.connected = true;
        if host < shape.primaries {
            line.flags = NodeFlags::PRIMARY;
            let (first, last) = range(shape, host);
            line.slots = std::sync::Arc::new((first..=last).filter_map(|n| Slot::new(n as u64)).collect());
        } else {
            line.flags = NodeFlags::REPLICA;
            line.primary = Some(ids[shard]);
        }
        line
    };
    NodesConf {
        nodes: ids.iter().enumerate().map(line).collect(),
        current_epoch: Epoch(shape.primaries as u64),
        ..NodesConf::default()
    }
}

/// The slots of a shard, first and last.
pub fn range(shape: &Shape, shard: usize) -> (usize, usize) {
    (SLOT_COUNT * shard / shape.primaries, SLOT_COUNT * (shard + 1) / shape.primaries - 1)
}

/// Forms the cluster: hosts below `primaries` are primaries, the others their replicas in turn. False if a checker has
/// complained or it did not come about.
fn form(world: &mut World, shape: &Shape) -> bool {
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
        let (first, last) = range(shape, host);
        commands.push(Command::AddSlotsRange(vec![(number(first), number(last))]));
    }
    if host > 0 {
        let ip = address(0).to_string().into_bytes();
        commands.push(Command::Meet { ip, port: number(usize::from(CLIENT_PORT)), bus_port: None });
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

pub fn must(world: &mut World, host: usize, command: Command) -> bool {
    let text = format!("{command:?}");
    match world.ask(host, command) {
        Ok(()) => true,
        Err(error) => {
            world.complain("formation", format!("host {host}, {text}: {error}"));
            false
        }
    }
}
