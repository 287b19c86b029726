//! Everything goes wrong at random, then nothing does: safety all the time, convergence at the end.

use base::Prng;

use super::{Shape, converge};
use crate::fault::Storm;
use crate::world::World;

/// Blows a storm over the cluster, heals it, and waits for agreement.
pub fn run(world: &mut World, shape: &Shape, prng: &mut Prng) {
    storm(world, shape, prng);
}

/// The same; false if a checker has complained or agreement did not come.
pub fn storm(world: &mut World, shape: &Shape, prng: &mut Prng) -> bool {
    let mut storm = Storm::new(prng.fork(), shape.node_timeout_ms);
    // From a fault now and then, with time to recover, to so many that hardly anything works.
    let tenths = prng.pick(&[1, 3, 10, 30]).copied().unwrap_or(10);
    let gap = (shape.node_timeout_ms * tenths / 10).max(100);
    if !storm.blow(world, shape.node_timeout_ms * 40, gap) {
        return false;
    }
    storm.heal(world);
    converge(world, 30_000 + shape.node_timeout_ms * 20, "convergence after healing")
}
