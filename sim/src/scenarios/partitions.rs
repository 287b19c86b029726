//! Partitions, one shape each. Where a majority of the primaries can still talk and a shard has a replica among them, the
//! time until it is written to there is measured; in the others safety is all that can be asked for until they end.

use base::Prng;

use super::Shape;
use super::faults::{Outcome, half, silence_limit};
use super::recovery::{Recovery, await_service};
use crate::world::World;

/// The shapes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Partition {
    /// Some primaries can talk to nobody.
    Minority,
    /// Nobody hears some primaries.
    Mute,
    /// Some primaries hear nobody.
    Deaf,
    /// A primary and a replica of each shard on either side of a line, and one host that talks to both sides.
    Bridge,
    /// The same without the bridge.
    Halves,
    /// Every host talks to its neighbours only.
    Ring,
    /// Some primaries are cut off and come back, again and again.
    Flapping,
}

impl Partition {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Minority, Self::Mute, Self::Deaf, Self::Bridge, Self::Halves, Self::Ring, Self::Flapping];

    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Partition::Minority => "minority",
            Partition::Mute => "mute",
            Partition::Deaf => "deaf",
            Partition::Bridge => "bridge",
            Partition::Halves => "halves",
            Partition::Ring => "ring",
            Partition::Flapping => "flapping",
        }
    }
}

/// Cuts, waits, and leaves the healing to the caller.
pub fn run(world: &mut World, shape: &Shape, partition: Partition, prng: &mut Prng) -> Outcome {
    let mut primaries: Vec<usize> = (0..shape.primaries).collect();
    prng.shuffle(&mut primaries);
    primaries.truncate(1 + prng.below(half(shape).max(1) as u64) as usize);
    let others: Vec<usize> = (0..shape.hosts()).filter(|host| !primaries.contains(host)).collect();
    let long = 4 * shape.node_timeout_ms + 5000;
    match partition {
        Partition::Minority | Partition::Mute => {
            let mut pairs = product(&primaries, &others);
            // Those cut off are cut off from each other, too.
            pairs.extend(product(&primaries, &primaries));
            if partition == Partition::Minority {
                pairs.extend(product(&others, &primaries));
            }
            world.measure_service(&primaries);
            world.block(&pairs);
            let limit = silence_limit(shape);
            await_service(world, shape, &primaries, limit, "primaries beyond a partition are replaced")
        }
        Partition::Deaf => {
            world.block(&product(&others, &primaries));
            world.run_for(long).then(Recovery::default)
        }
        Partition::Bridge | Partition::Halves => {
            let side = |host: usize| (host % shape.primaries + host / shape.primaries) % 2;
            let bridge = if partition == Partition::Bridge { Some(shape.hosts() - 1) } else { None };
            let on = |wanted: usize| -> Vec<usize> {
                (0..shape.hosts()).filter(|host| side(*host) == wanted && Some(*host) != bridge).collect()
            };
            let (left, right) = (on(0), on(1));
            world.block(&product(&left, &right));
            world.block(&product(&right, &left));
            world.run_for(long).then(Recovery::default)
        }
        Partition::Ring => {
            let hosts = shape.hosts();
            let near = |a: usize, b: usize| (a + 1) % hosts == b || (b + 1) % hosts == a;
            let all: Vec<usize> = (0..hosts).collect();
            let pairs: Vec<(usize, usize)> =
                product(&all, &all).into_iter().filter(|(a, b)| !near(*a, *b)).collect();
            world.block(&pairs);
            world.run_for(long).then(Recovery::default)
        }
        Partition::Flapping => {
            let mut pairs = product(&primaries, &others);
            pairs.extend(product(&others, &primaries));
            for _ in 0..8 {
                world.block(&pairs);
                if !world.run_for(shape.node_timeout_ms / 4 + prng.below(shape.node_timeout_ms)) {
                    return None;
                }
                world.unblock(&pairs);
                if !world.run_for(shape.node_timeout_ms / 4 + prng.below(shape.node_timeout_ms)) {
                    return None;
                }
            }
            Some(Recovery::default())
        }
    }
}

/// Every ordered pair of a host here and another one there.
fn product(from: &[usize], to: &[usize]) -> Vec<(usize, usize)> {
    from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b).collect()
}
