//! Whole runs: a cluster is formed, something happens to it, it must be well again.

mod chaos;
mod form;
mod kill_primaries;

use base::Prng;
use cluster::Config;

use crate::world::{Violation, World};

pub use form::Shape;

/// What a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// How many nodes; 0 lets the seed choose.
    pub nodes: usize,
    /// Keep the log's lines.
    pub keep_lines: bool,
}

/// How a run ended.
pub struct Report {
    /// Its name.
    pub scenario: &'static str,
    /// How many nodes it had.
    pub nodes: usize,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
    /// How long it was, in the world's milliseconds.
    pub millis: u64,
    /// The world, with its log.
    pub world: World,
}

/// Runs a seed: the seed chooses the scenario and its size.
pub fn run(options: Options) -> Report {
    let mut prng = Prng::new(options.seed ^ 0x5eed);
    let shape = Shape::choose(&mut prng, options.nodes);
    let config = Config {
        port: crate::world::CLIENT_PORT,
        node_timeout_ms: shape.node_timeout_ms,
        require_full_coverage: true,
        ..Config::default()
    };
    let mut world = World::new(prng.next_u64(), shape.hosts(), &config, options.keep_lines);
    let scenario = match prng.below(3) {
        0 => "kill-primaries",
        _ => "chaos",
    };
    if form::form(&mut world, &shape) {
        match scenario {
            "chaos" => chaos::run(&mut world, &shape, &mut prng),
            _ => kill_primaries::run(&mut world, &shape, &mut prng),
        }
    }
    Report {
        scenario,
        nodes: shape.hosts(),
        violation: world.violation().cloned(),
        millis: world.now().millis(),
        world,
    }
}

/// Lets the world run until it has converged; complains if it has not by then.
fn converge(world: &mut World, millis: u64, what: &'static str) -> bool {
    let end = world.now().plus_millis(millis);
    if !world.run_while(end, |world| crate::checker::convergence::check(world).is_err()) {
        return false;
    }
    match crate::checker::convergence::check(world) {
        Ok(()) => true,
        Err(missing) => {
            world.complain(what, format!("not within {millis} ms: {missing}"));
            false
        }
    }
}
