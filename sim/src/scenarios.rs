//! Whole runs: a cluster is made, something happens to it, it must be well again.

mod chaos;
mod crash;
pub mod faults;
mod form;
mod kill_primaries;
mod moves;
pub mod partitions;
pub mod recovery;
mod writes;

use base::Prng;
use cluster::Config;

use crate::checker::confirmed::Rule;
use crate::world::{Crash, Violation, World};

pub use form::Shape;
pub use partitions::Partition;
pub use recovery::{Recovery, Traffic};

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
    /// One primary's process ends: connections to it are refused.
    CrashOne,
    /// One primary's host falls silent.
    LoseOne,
    /// 49% of the primaries' processes end at one instant.
    CrashHalf,
    /// 49% of the primaries' hosts fall silent at one instant.
    LoseHalf,
    /// A third of all hosts falls silent, of each shard one at most.
    Zone,
    /// A shard's primary dies, then its successor, and so on.
    Chain,
    /// Primaries are stopped for longer than the node timeout.
    Pauses,
    /// Wall clocks jump.
    Clocks,
    /// Primaries die and lose their data, or their whole disks.
    LostDisks,
    /// Hosts come back with each other's addresses.
    Addresses,
    /// Operators move slots through a storm.
    Moves,
    /// A partition of this shape.
    Parted(Partition),
}

/// Those of the plain scenarios that a seed chose from before there were more end here.
const PLAIN_CHOSEN: usize = 15;

impl Scenario {
    /// Those that every shape of cluster can be put through, partitions apart.
    const PLAIN: [(Self, &str); 16] = [
        (Self::Chaos, "chaos"),
        (Self::KillPrimaries, "kill-primaries"),
        (Self::Writes, "writes"),
        (Self::ChaosWrites, "chaos-writes"),
        (Self::Crash, "crash"),
        (Self::CrashOne, "crash-one"),
        (Self::LoseOne, "lose-one"),
        (Self::CrashHalf, "crash-half"),
        (Self::LoseHalf, "lose-half"),
        (Self::Zone, "zone"),
        (Self::Chain, "chain"),
        (Self::Pauses, "pauses"),
        (Self::Clocks, "clocks"),
        (Self::LostDisks, "lost-disks"),
        (Self::Addresses, "addresses"),
        (Self::Moves, "moves"),
    ];

    /// All of them.
    pub fn all() -> Vec<Self> {
        let parted = Partition::ALL.into_iter().map(Self::Parted);
        Self::PLAIN.into_iter().map(|(own, _)| own).chain(parted).collect()
    }

    /// Its name in reports and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parted(partition) => partition.as_str(),
            _ => Self::PLAIN.iter().find(|(own, _)| *own == self).map_or("?", |(_, name)| name),
        }
    }

    /// The scenario of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|own| own.as_str() == name)
    }

    /// What a seed chooses: half of the runs are storms.
    fn choose(prng: &mut Prng) -> Self {
        match prng.below(12) {
            0 => Self::KillPrimaries,
            1 => Self::Writes,
            2 | 3 => Self::ChaosWrites,
            4 | 5 => Self::Chaos,
            6..9 => Partition::ALL[prng.below(Partition::ALL.len() as u64) as usize].into(),
            _ => {
                let rest = &Self::PLAIN[5..PLAIN_CHOSEN];
                rest[prng.below(rest.len() as u64) as usize].0
            }
        }
    }

    /// Whether real data threads and clients take part.
    pub fn has_clients(self) -> bool {
        matches!(self, Self::Writes | Self::ChaosWrites)
    }
}

impl From<Partition> for Scenario {
    fn from(partition: Partition) -> Self {
        Self::Parted(partition)
    }
}

/// What a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// How many nodes; 0 lets the seed choose.
    pub nodes: usize,
    /// Replicas of each primary, if the seed is not to choose.
    pub replicas: Option<usize>,
    /// The node timeout in ms, if the seed is not to choose.
    pub node_timeout_ms: Option<u64>,
    /// Which scenario; `None` lets the seed choose.
    pub scenario: Option<Scenario>,
    /// Keep the log's lines.
    pub keep_lines: bool,
    /// Stop when the shards are served again: healing and agreement are left out.
    pub no_healing: bool,
}

/// What became of the clients' writes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Writes {
    /// Sent.
    pub tried: u64,
    /// Answered with `+OK`.
    pub acknowledged: u64,
    /// Confirmed by WAIT for all replicas.
    pub replicated: u64,
    /// Acknowledged, and not there at the end.
    pub lost: u64,
    /// Among these, confirmed by WAIT, by the rule that excuses each ([`Rule`]). The log has the sentences.
    pub excused: std::collections::BTreeMap<Rule, u64>,
}

/// How a run ended.
pub struct Report {
    /// Its name.
    pub scenario: Scenario,
    /// How many nodes it had.
    pub nodes: usize,
    /// Their node timeout.
    pub node_timeout_ms: u64,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
    /// What became of the clients' writes; zero in runs without clients.
    pub writes: Writes,
    /// How long shards were without service, where that is measured.
    pub recovery: Recovery,
    /// The bus while nothing was wrong, and from the fault until service was restored.
    pub traffic: (Traffic, Traffic),
    /// How long it was, in the world's milliseconds.
    pub millis: u64,
    /// The world, with its log.
    pub world: World,
}

/// How long the bus is watched before anything happens, in ms.
const CALM_MS: u64 = 5000;
/// And in a cluster of so many nodes, where each second is millions of packets.
const LARGE_CALM_MS: u64 = 1500;
const LARGE: usize = 1500;

/// Runs a seed: the seed chooses the scenario and its size.
pub fn run(options: Options) -> Report {
    let mut prng = Prng::new(options.seed ^ 0x5eed);
    let mut shape = Shape::choose(&mut prng, options.nodes, options.replicas);
    shape.node_timeout_ms = options.node_timeout_ms.unwrap_or(shape.node_timeout_ms);
    if options.scenario == Some(Scenario::Crash) {
        shape.node_timeout_ms = crash::NODE_TIMEOUT_MS;
    }
    let config = Config {
        port: crate::world::CLIENT_PORT,
        node_timeout_ms: shape.node_timeout_ms,
        // In a cluster that recovers shard by shard, each serves as soon as it can.
        require_full_coverage: prng.chance(1, 2) && options.scenario.is_none(),
        ..Config::default()
    };
    let mut world = World::new(prng.next_u64(), shape.hosts(), &config, options.keep_lines);
    if options.no_healing && shape.hosts() >= LARGE {
        world.keep_no_files();
    }
    let chosen = Scenario::choose(&mut prng);
    let scenario = options.scenario.unwrap_or(chosen);
    if scenario.has_clients() {
        world.use_real_data(writes::data_config(&shape, &mut prng));
    }
    let mut report = Report {
        scenario,
        nodes: shape.hosts(),
        node_timeout_ms: shape.node_timeout_ms,
        violation: None,
        writes: Writes::default(),
        recovery: Recovery::default(),
        traffic: Default::default(),
        millis: 0,
        world,
    };
    if form::make(&mut report.world, &shape, !scenario.has_clients(), &mut prng) {
        play(&mut report, &shape, &options, &mut prng);
    }
    report.violation = report.world.violation().cloned();
    report.millis = report.world.now().millis();
    report
}

fn play(report: &mut Report, shape: &Shape, options: &Options, prng: &mut Prng) {
    let world = &mut report.world;
    match report.scenario {
        Scenario::Chaos => return chaos::run(world, shape, prng),
        Scenario::KillPrimaries => return kill_primaries::run(world, shape, prng),
        Scenario::Crash => return crash::run(world, shape, prng),
        Scenario::Moves => return moves::run(world, shape, prng),
        Scenario::Writes => {
            report.writes = writes::run(world, shape, prng);
            return;
        }
        Scenario::ChaosWrites => {
            report.writes = writes::run_storm(world, shape, prng);
            return;
        }
        _ => {}
    }
    let calm = world.counts();
    let calm_ms = if shape.hosts() < LARGE { CALM_MS } else { LARGE_CALM_MS };
    if !world.run_for(calm_ms) {
        return;
    }
    let (before, at) = (world.counts(), world.now());
    let outcome = strike(world, shape, report.scenario, prng);
    let (after, millis) = (world.counts(), (world.now().millis() - at.millis()).max(1));
    let nodes = world.alive().len();
    report.traffic = (
        Traffic::between(&calm, &before, calm_ms, shape.hosts()),
        Traffic::between(&before, &after, millis, nodes),
    );
    if let Some(recovery) = outcome {
        report.recovery = recovery;
        if !options.no_healing {
            faults::heal(&mut report.world, shape);
        }
    }
}

fn strike(world: &mut World, shape: &Shape, scenario: Scenario, prng: &mut Prng) -> faults::Outcome {
    let half = faults::half(shape);
    match scenario {
        Scenario::CrashOne => faults::crash(world, shape, 1, Crash::Kill, prng),
        Scenario::LoseOne => faults::crash(world, shape, 1, Crash::PowerOff, prng),
        Scenario::CrashHalf => faults::crash(world, shape, half, Crash::Kill, prng),
        Scenario::LoseHalf => faults::crash(world, shape, half, Crash::PowerOff, prng),
        Scenario::Zone => faults::zone(world, shape, prng),
        Scenario::Chain => faults::chain(world, shape, prng),
        Scenario::Pauses => faults::pauses(world, shape, prng),
        Scenario::Clocks => faults::clocks(world, shape, prng),
        Scenario::LostDisks => faults::lost_disks(world, shape, prng),
        Scenario::Addresses => faults::addresses(world, shape, prng),
        Scenario::Parted(partition) => partitions::run(world, shape, partition, prng),
        Scenario::Chaos
        | Scenario::KillPrimaries
        | Scenario::Writes
        | Scenario::ChaosWrites
        | Scenario::Moves
        | Scenario::Crash => None,
    }
}

/// Lets the world run until it has converged; complains if it has not by then.
fn converge(world: &mut World, millis: u64, what: &'static str) -> bool {
    let end = world.now().plus_millis(millis);
    let mut patient = crate::checker::convergence::Patient::default();
    if !world.run_while(end, |world| patient.check(world).is_err()) {
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
