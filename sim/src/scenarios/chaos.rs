//! Everything goes wrong at random, then nothing does: safety all the time, convergence at the end.

use base::Prng;

use super::{Shape, converge};
use crate::fault::Storm;
use crate::world::World;

/// Blows a storm over the cluster, heals it, and waits for agreement.
pub fn run(world: &mut World, shape: &Shape, prng: &mut Prng) {
    let mut storm = Storm::new(prng.fork(), shape.node_timeout_ms);
    let gap = (shape.node_timeout_ms / shape.hosts() as u64).max(100);
    if storm.blow(world, shape.node_timeout_ms * 12, gap) {
        storm.heal(world);
        converge(world, 30_000 + shape.node_timeout_ms * 20, "convergence after healing");
    }
}
