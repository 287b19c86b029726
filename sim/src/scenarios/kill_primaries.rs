//! A minority of the primaries dies for good: each is replaced by one of its replicas, and the slots live on.

use base::Prng;

use super::{Shape, converge};
use crate::world::{Crash, World};

/// Kills primaries, and waits for their replacement.
pub fn run(world: &mut World, shape: &Shape, prng: &mut Prng) {
    if kill(world, shape, prng) {
        converge(world, 20_000 + shape.node_timeout_ms * 12, "dead primaries are replaced");
    }
}

/// Kills a minority of the primaries at once or one after the other. False if a checker has complained.
pub fn kill(world: &mut World, shape: &Shape, prng: &mut Prng) -> bool {
    let mut primaries: Vec<usize> = (0..shape.primaries).collect();
    prng.shuffle(&mut primaries);
    let most = (shape.primaries - 1) / 2;
    let dying = 1 + prng.below(most as u64) as usize;
    let gap = if prng.chance(1, 2) { 0 } else { prng.below(shape.node_timeout_ms * 2) };
    for host in primaries.into_iter().take(dying) {
        let how = if prng.chance(1, 2) { Crash::Kill } else { Crash::PowerOff };
        world.crash(host, how);
        if !world.run_for(gap) {
            return false;
        }
    }
    true
}
