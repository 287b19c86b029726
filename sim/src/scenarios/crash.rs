//! One thing happens to one primary, at the default node timeout: what must follow follows in time, and nothing else does.
//!
//! A process that is gone is replaced within a second; silence takes the node timeout and no more than half a second; a process that is
//! replaced quickly, or has said that it would be, a port that rejects one peer, a clock that jumps by an hour: nothing happens. A primary that
//! ends in order is replaced in a moment, by a replica that has all its data.

use base::{Prng, Slot};
use cluster::DataEvent;

use super::{Shape, converge};
use crate::world::{Crash, World};

/// The default node timeout, in ms.
pub const NODE_TIMEOUT_MS: u64 = 15_000;
/// From the end of the process until everybody knows its successor.
const CRASH_MS: u64 = 1000;
/// What silence takes beyond the node timeout.
const SILENCE_EXTRA_MS: u64 = 500;
/// How much sooner than the node timeout silence may be acted on: it is counted from the last sign of life.
const EARLY_MS: u64 = NODE_TIMEOUT_MS / 8;
/// A primary that ends in order is replaced within this.
const LEAVING_MS: u64 = 300;

/// Chooses what happens, and judges what follows.
pub fn run(world: &mut World, shape: &Shape, prng: &mut Prng) {
    // Who comes back without its data leaves its shard to a replica, and so it should.
    world.keep_data();
    let victim = prng.below(shape.primaries as u64) as usize;
    // Long enough for every link to have been answered on.
    if !world.run_for(2 * NODE_TIMEOUT_MS + prng.below(5000)) {
        return;
    }
    let quiet = 3000 + prng.below(NODE_TIMEOUT_MS);
    match prng.below(8) {
        0 | 1 => {
            world.crash(victim, Crash::Kill);
            replaced(world, victim, 0, CRASH_MS);
        }
        2 => {
            world.crash(victim, Crash::PowerOff);
            replaced(world, victim, NODE_TIMEOUT_MS - EARLY_MS, NODE_TIMEOUT_MS + SILENCE_EXTRA_MS);
        }
        3 => {
            world.pause(victim, 2 * NODE_TIMEOUT_MS);
            replaced(world, victim, NODE_TIMEOUT_MS - EARLY_MS, NODE_TIMEOUT_MS + SILENCE_EXTRA_MS);
        }
        4 => {
            world.crash(victim, Crash::Kill);
            world.start(victim, world.now().plus_millis(20 + prng.below(400)));
            unmoved(world, victim, quiet);
        }
        5 => {
            let deceived = (victim + 1 + prng.below(shape.hosts() as u64 - 1) as usize) % shape.hosts();
            world.reject(deceived, victim);
            if prng.chance(1, 2) {
                world.reject(victim, deceived);
            }
            unmoved(world, victim, quiet);
        }
        6 => {
            let hour = 3_600_000;
            world.jump_clock(victim, if prng.chance(1, 2) { hour } else { -hour });
            unmoved(world, victim, quiet);
        }
        _ => leave(world, victim, prng),
    }
    world.heal();
    converge(world, 20_000 + 4 * NODE_TIMEOUT_MS, "agreement afterwards");
}

fn leave(world: &mut World, victim: usize, prng: &mut Prng) {
    if prng.chance(1, 2) {
        world.hear_from_data(victim, DataEvent::Leaving);
        return replaced(world, victim, 0, LEAVING_MS);
    }
    world.hear_from_data(victim, DataEvent::Restarting);
    world.run_for(20);
    world.crash(victim, Crash::Kill);
    world.start(victim, world.now().plus_millis(2000 + prng.below(5000)));
    unmoved(world, victim, 8000);
}

/// Who owns the victim's slots, if all that run and have not lost touch say the same.
fn owner(world: &World, slot: Slot) -> Option<usize> {
    let views = world.alive().into_iter().filter(|host| !world.is_paused(*host));
    let mut owners = views.map(|host| world.machine(host)?.topology().owner(slot).map(|node| node.id));
    let first = owners.next()??;
    let agreed = owners.all(|other| other == Some(first));
    if agreed { world.host_of_node(&first) } else { None }
}

fn slot_of(world: &World, victim: usize) -> Option<Slot> {
    let witness = world.alive().into_iter().find(|host| *host != victim)?;
    let id = world.last_id(victim)?;
    world.machine(witness)?.topology().node(&id)?.slots.iter().next()
}

/// Another must own its slots, as everybody sees it, no sooner and no later than so many ms from now.
fn replaced(world: &mut World, victim: usize, soonest: u64, latest: u64) {
    let Some(slot) = slot_of(world, victim) else {
        return world.complain("crash", format!("host {victim} owned nothing"));
    };
    let begin = world.now();
    let is_replaced = |world: &World| owner(world, slot).is_some_and(|host| host != victim);
    if !world.run_while(begin.plus_millis(latest), |world| !is_replaced(world)) {
        return;
    }
    let took = world.now().millis() - begin.millis();
    if !is_replaced(world) {
        world.complain("replaced in time", format!("host {victim} is not replaced after {took} ms"));
    } else if took < soonest {
        world.complain("replaced in time", format!("host {victim} is replaced after {took} ms already"));
    }
    world.note("replaced", format!("after {took} ms"));
}

/// It must own its slots all the time.
fn unmoved(world: &mut World, victim: usize, millis: u64) {
    let Some(slot) = slot_of(world, victim) else {
        return world.complain("crash", format!("host {victim} owned nothing"));
    };
    let promotions = world.counts().promotions;
    if !world.run_for(millis) {
        return;
    }
    if world.counts().promotions != promotions || owner(world, slot) != Some(victim) {
        world.complain("nothing happens", format!("host {victim} is replaced"));
    }
}
