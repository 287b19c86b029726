//! One kind of fault each, over light data threads: safety all the time, the time until every shard is written to again
//! where a majority and a replica are left to see to that, and agreement after healing.

use base::Prng;
use cluster::Command;

use super::form::must;
use super::recovery::{Recovery, await_service};
use super::{Shape, converge};
use crate::world::{Crash, World};

/// Zones that hosts are spread over, a replica never beside its primary.
const ZONES: usize = 3;
/// How long shards may take after silence, beyond the node timeout, in ms.
pub const BEYOND_TIMEOUT_MS: u64 = 5000;

/// How long a shard may be without service after silence.
pub fn silence_limit(shape: &Shape) -> u64 {
    shape.node_timeout_ms + BEYOND_TIMEOUT_MS
}

/// What a fault did.
pub type Outcome = Option<Recovery>;

fn crash_all(world: &mut World, hosts: &[usize], how: Crash) {
    world.measure_service(&[]);
    hosts.iter().for_each(|host| world.crash(*host, how));
}

/// The shard whose slots a host owns now.
fn shard_of(world: &World, shape: &Shape, host: usize) -> Option<usize> {
    let topology = world.machine(host)?.topology();
    let first = topology.myself().slots.iter().next()?;
    (0..shape.primaries).find(|shard| super::form::range(shape, *shard).0 == first.index())
}

/// Who owns a shard's slots now, among those that run.
fn owner_of(world: &World, shape: &Shape, shard: usize) -> Option<usize> {
    world.alive().into_iter().find(|host| shard_of(world, shape, *host) == Some(shard))
}

fn some_primaries(shape: &Shape, count: usize, prng: &mut Prng) -> Vec<usize> {
    let mut primaries: Vec<usize> = (0..shape.primaries).collect();
    prng.shuffle(&mut primaries);
    primaries.truncate(count.max(1));
    primaries
}

/// So many primaries die at one instant.
pub fn crash(world: &mut World, shape: &Shape, count: usize, how: Crash, prng: &mut Prng) -> Outcome {
    let dying = some_primaries(shape, count, prng);
    crash_all(world, &dying, how);
    await_service(world, shape, &dying, silence_limit(shape), "dead primaries are replaced")
}

/// 49 per cent of the primaries, and in the smallest cluster one.
pub fn half(shape: &Shape) -> usize {
    (shape.primaries * 49 / 100).min((shape.primaries - 1) / 2)
}

/// A third of all hosts loses its power at one instant: of each shard one node at most.
pub fn zone(world: &mut World, shape: &Shape, prng: &mut Prng) -> Outcome {
    let zone = prng.below(ZONES as u64) as usize;
    // Replicas of a primary follow it at a distance of the number of primaries: one zone further each.
    let place = |host: usize| (host % shape.primaries + host / shape.primaries) % ZONES;
    let dying: Vec<usize> = (0..shape.hosts()).filter(|host| place(*host) == zone).collect();
    let primaries: Vec<usize> = dying.iter().copied().filter(|host| *host < shape.primaries).collect();
    if primaries.len() > (shape.primaries - 1) / 2 {
        return Some(Recovery::default());
    }
    crash_all(world, &dying, Crash::PowerOff);
    await_service(world, shape, &primaries, silence_limit(shape), "a zone's primaries are replaced")
}

/// A shard's primary dies, then its successor, until one node of the shard is left.
pub fn chain(world: &mut World, shape: &Shape, prng: &mut Prng) -> Outcome {
    let shard = prng.below(shape.primaries as u64) as usize;
    let mut recovery = Recovery::default();
    for _ in 0..shape.replicas {
        let owner = owner_of(world, shape, shard)?;
        let how = if prng.chance(1, 2) { Crash::Kill } else { Crash::PowerOff };
        crash_all(world, &[owner], how);
        let limit = silence_limit(shape);
        recovery.add(&await_service(world, shape, &[shard], limit, "a successor is replaced")?);
        // The next must have synchronized: a replica that has not does not stand.
        if !world.run_for(2000) {
            return None;
        }
    }
    Some(recovery)
}

/// Primaries are stopped for longer than it takes to replace them, and go on.
pub fn pauses(world: &mut World, shape: &Shape, prng: &mut Prng) -> Outcome {
    let stopped = some_primaries(shape, 1 + prng.below(half(shape) as u64) as usize, prng);
    world.measure_service(&stopped);
    let millis = silence_limit(shape) + 1000;
    stopped.iter().for_each(|host| world.pause(*host, millis));
    let recovery = await_service(world, shape, &stopped, millis, "stopped primaries are replaced")?;
    world.run_for(millis).then_some(recovery)
}

/// Most wall clocks jump, by an hour at most, again and again: nobody is suspected, and nothing else happens.
pub fn clocks(world: &mut World, shape: &Shape, prng: &mut Prng) -> Outcome {
    let before = world.counts().promotions;
    for _ in 0..10 {
        for host in 0..shape.hosts() {
            if prng.chance(2, 3) {
                world.jump_clock(host, prng.below(7_200_000) as i64 - 3_600_000);
            }
        }
        if !world.run_for(shape.node_timeout_ms / 2) {
            return None;
        }
    }
    if world.counts().promotions != before {
        world.complain("clocks", "a jump of the wall clock led to a promotion".into());
        return None;
    }
    Some(Recovery::default())
}

/// Hosts die, some with their disks: the data alone, or everything. They come back at once or late.
pub fn lost_disks(world: &mut World, shape: &Shape, prng: &mut Prng) -> Outcome {
    let dying = some_primaries(shape, 1 + prng.below(half(shape) as u64) as usize, prng);
    let kept: Vec<bool> = dying.iter().map(|_| prng.chance(2, 3)).collect();
    let down_ms = prng.below(2 * shape.node_timeout_ms);
    crash_all(world, &dying, Crash::PowerOff);
    if !world.run_for(down_ms) {
        return None;
    }
    for (host, kept) in dying.iter().zip(&kept) {
        world.lose_disk(*host, !kept);
        world.start(*host, world.now());
    }
    // One that comes back empty leaves its shard to its replica, who must see that by the old rules if it is not ours.
    let limit = 4 * shape.node_timeout_ms + 15_000;
    let recovery = await_service(world, shape, &dying, limit, "shards outlive their primary's disk")?;
    for (host, kept) in dying.iter().zip(&kept) {
        if !kept && !adopt(world, shape, *host) {
            return None;
        }
    }
    Some(recovery)
}

/// A new node is met, and replicates the primary of the shard that its host had.
fn adopt(world: &mut World, shape: &Shape, host: usize) -> bool {
    let end = world.now().plus_millis(1000);
    if !world.run_while(end, |world| world.machine(host).is_none()) {
        return false;
    }
    let old = (0..shape.hosts()).find(|other| *other != host && world.machine(*other).is_some());
    let Some(ip) = old.map(|old| world.address(old).to_string().into_bytes()) else { return false };
    let port = crate::world::CLIENT_PORT.to_string().into_bytes();
    if !must(world, host, Command::Meet { ip, port, bus_port: None }) {
        return false;
    }
    let end = world.now().plus_millis(30_000);
    let shard = host % shape.primaries;
    let owner = |world: &World| {
        let owner = owner_of(world, shape, shard)?;
        let id = world.node_id(owner)?;
        world.machine(host)?.topology().node(&id).filter(|node| !node.slots.is_empty()).map(|_| id)
    };
    if !world.run_while(end, |world| owner(world).is_none()) {
        return false;
    }
    let Some(id) = owner(world) else {
        world.complain("a new node", format!("host {host} does not hear of its shard's primary"));
        return false;
    };
    must(world, host, Command::Replicate { node: id.as_str().into(), empty: true })
}

/// A minority of the hosts goes down and comes back with each other's addresses.
pub fn addresses(world: &mut World, shape: &Shape, prng: &mut Prng) -> Outcome {
    let mut moving = some_primaries(shape, 1, prng);
    let mut others: Vec<usize> = (shape.primaries..shape.hosts()).collect();
    prng.shuffle(&mut others);
    moving.extend(others.into_iter().take(1 + prng.below(shape.replicas as u64) as usize));
    world.measure_service(&[]);
    moving.iter().for_each(|host| world.crash(*host, Crash::Kill));
    if !world.run_for(100 + prng.below(shape.node_timeout_ms)) {
        return None;
    }
    moving.windows(2).for_each(|pair| world.exchange_addresses(pair[0], pair[1]));
    moving.iter().for_each(|host| world.start(*host, world.now()));
    let shards: Vec<usize> = (0..shape.primaries).collect();
    let limit = 6 * shape.node_timeout_ms + 15_000;
    await_service(world, shape, &shards, limit, "shards find their primaries at new addresses")
}

/// Ends everything, and waits for agreement.
pub fn heal(world: &mut World, shape: &Shape) -> bool {
    world.heal();
    converge(world, 30_000 + shape.node_timeout_ms * 20, "convergence after healing")
}
