//! Whole runs: a cluster is formed, something happens to it, it must be well again.

mod chaos;
mod crash;
mod form;
mod kill_primaries;
mod writes;

use base::Prng;
use cluster::Config;

use crate::world::{Violation, World};

pub use form::Shape;

/// The kinds of runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Everything goes wrong, then nothing does.
    Chaos,
    /// A minority of the primaries dies for good.
    KillPrimaries,
    /// The same with real data threads and clients.
    Writes,
    /// A storm over real data threads and clients.
    ChaosWrites,
    /// One primary crashes, or seems to, at the default node timeout.
    Crash,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Chaos, Self::KillPrimaries, Self::Writes, Self::ChaosWrites, Self::Crash];

    /// Its name in reports and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::Chaos => "chaos",
            Scenario::KillPrimaries => "kill-primaries",
            Scenario::Writes => "writes",
            Scenario::ChaosWrites => "chaos-writes",
            Scenario::Crash => "crash",
        }
    }

    /// The scenario of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.as_str() == name)
    }
}

/// What a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// How many nodes; 0 lets the seed choose.
    pub nodes: usize,
    /// Which scenario; `None` lets the seed choose.
    pub scenario: Option<Scenario>,
    /// Keep the log's lines.
    pub keep_lines: bool,
}

/// What became of the clients' writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Writes {
    /// Sent.
    pub tried: u64,
    /// Answered with `+OK`.
    pub acknowledged: u64,
    /// Confirmed by WAIT for all replicas.
    pub replicated: u64,
    /// Acknowledged, and not there at the end.
    pub lost: u64,
    /// Among these, confirmed by WAIT: each is excused in the log.
    pub excused: u64,
}

/// How a run ended.
pub struct Report {
    /// Its name.
    pub scenario: Scenario,
    /// How many nodes it had.
    pub nodes: usize,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
    /// What became of the clients' writes; zero in runs without clients.
    pub writes: Writes,
    /// How long it was, in the world's milliseconds.
    pub millis: u64,
    /// The world, with its log.
    pub world: World,
}

/// Runs a seed: the seed chooses the scenario and its size.
pub fn run(options: Options) -> Report {
    let mut prng = Prng::new(options.seed ^ 0x5eed);
    let mut shape = Shape::choose(&mut prng, options.nodes);
    if options.scenario == Some(Scenario::Crash) {
        shape.node_timeout_ms = crash::NODE_TIMEOUT_MS;
    }
    let config = Config {
        port: crate::world::CLIENT_PORT,
        node_timeout_ms: shape.node_timeout_ms,
        require_full_coverage: true,
        ..Config::default()
    };
    let mut world = World::new(prng.next_u64(), shape.hosts(), &config, options.keep_lines);
    let chosen = match prng.below(6) {
        0 => Scenario::KillPrimaries,
        1 => Scenario::Writes,
        2 => Scenario::ChaosWrites,
        _ => Scenario::Chaos,
    };
    let scenario = options.scenario.unwrap_or(chosen);
    let mut writes = Writes::default();
    if matches!(scenario, Scenario::Writes | Scenario::ChaosWrites) {
        world.use_real_data(writes::data_config(&shape, &mut prng));
    }
    if form::form(&mut world, &shape) {
        match scenario {
            Scenario::Chaos => chaos::run(&mut world, &shape, &mut prng),
            Scenario::KillPrimaries => kill_primaries::run(&mut world, &shape, &mut prng),
            Scenario::Writes => writes = writes::run(&mut world, &shape, &mut prng),
            Scenario::ChaosWrites => writes = writes::run_storm(&mut world, &shape, &mut prng),
            Scenario::Crash => crash::run(&mut world, &shape, &mut prng),
        }
    }
    Report {
        scenario,
        nodes: shape.hosts(),
        violation: world.violation().cloned(),
        writes,
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
