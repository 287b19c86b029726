//! `grapevine-sim run [--seeds N] [--from SEED]`, `replay SEED [--log]`, `campaign [--seeds N] [--seconds S]` and
//! `scale`, which puts clusters of 6, 100 and 1,000 primaries through one fault each. See USAGE for the rest.
//!
//! Exits with status 1, after naming the seeds, when a checker has complained; with 2 for a command line that it does
//! not understand.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use grapevine_sim::campaign::Campaign;
use grapevine_sim::{Options, Report, Scenario, run};

const USAGE: &str = "usage: grapevine-sim run      [--seeds N] [--from SEED] [OPTION]...\n       \
                     grapevine-sim campaign [--seeds N] [--from SEED] [--seconds N] [--also SEED,...] [--jobs N] [OPTION]...\n       \
                     grapevine-sim replay SEED [--log] [OPTION]...\n       \
                     grapevine-sim scale    [--from SEED] [OPTION]...\n\
                     options: --nodes N, --replicas N, --timeout MS, --scenario NAME, --no-healing; what is left out the seed chooses";

/// The most nodes of a run.
const MAX_NODES: usize = 4000;
const MAX_JOBS: usize = 64;
/// What `scale` does, unless told otherwise: primaries with a replica each.
const SCALES: [usize; 3] = [6, 100, 1000];
/// With more nodes, agreement after the fault is not waited for.
const HEALED_NODES: usize = 400;
/// The node timeout of `scale`: Redis's default, in ms.
const SCALE_TIMEOUT_MS: u64 = 15_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Run,
    Campaign,
    Replay,
    Scale,
}

struct Arguments {
    mode: Mode,
    seeds: u64,
    from: u64,
    seconds: Option<u64>,
    /// Seeds to be played first, whatever the range.
    also: Vec<u64>,
    /// How many seeds are played at a time.
    jobs: usize,
    options: Options,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(arguments) = parse(&words) else {
        eprintln!("{USAGE}");
        let names: Vec<&str> = Scenario::all().into_iter().map(Scenario::as_str).collect();
        eprintln!("scenarios: {}", names.join(", "));
        return ExitCode::from(2);
    };
    let good = match arguments.mode {
        Mode::Replay => replay(&arguments),
        Mode::Run => run_seeds(&arguments),
        Mode::Campaign => campaign(&arguments),
        Mode::Scale => scale(&arguments),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(words: &[String]) -> Option<Arguments> {
    let mut words = words.iter().map(String::as_str);
    let mode = match words.next()? {
        "run" => Mode::Run,
        "campaign" => Mode::Campaign,
        "replay" => Mode::Replay,
        "scale" => Mode::Scale,
        _ => return None,
    };
    let mut arguments = Arguments {
        mode,
        seeds: 100,
        from: 0,
        seconds: None,
        also: Vec::new(),
        jobs: 1,
        options: Options::default(),
    };
    if mode == Mode::Replay {
        arguments.from = words.next()?.parse().ok()?;
    }
    let options = &mut arguments.options;
    while let Some(word) = words.next() {
        match word {
            "--log" => options.keep_lines = mode == Mode::Replay,
            "--no-healing" => options.no_healing = true,
            "--seeds" => arguments.seeds = words.next()?.parse().ok()?,
            "--from" => arguments.from = words.next()?.parse().ok()?,
            "--also" => {
                let seeds = words.next()?.split(',').map(str::parse).collect::<Result<_, _>>();
                arguments.also = seeds.ok()?;
            }
            "--jobs" => arguments.jobs = words.next()?.parse().ok().filter(|n| (1..=MAX_JOBS).contains(n))?,
            "--seconds" => arguments.seconds = Some(words.next()?.parse().ok()?),
            "--nodes" => options.nodes = words.next()?.parse().ok().filter(|n| *n <= MAX_NODES)?,
            "--replicas" => options.replicas = Some(words.next()?.parse().ok().filter(|n| *n > 0)?),
            "--timeout" => options.node_timeout_ms = Some(words.next()?.parse().ok().filter(|n| *n > 0)?),
            "--scenario" => options.scenario = Some(Scenario::parse(words.next()?)?),
            _ => return None,
        }
    }
    Some(arguments)
}

fn replay(arguments: &Arguments) -> bool {
    let seed = arguments.from;
    let report = run(Options { seed, ..arguments.options });
    for line in report.world.log().lines() {
        println!("{line}");
    }
    print_report(seed, &report, 0);
    report.violation.is_none()
}

fn run_seeds(arguments: &Arguments) -> bool {
    let mut campaign = Campaign::default();
    play(arguments, &mut campaign, true);
    tell_failed(&campaign)
}

fn campaign(arguments: &Arguments) -> bool {
    let mut campaign = Campaign::default();
    let begun = Instant::now();
    let played = play(arguments, &mut campaign, false);
    println!(
        "{played} seeds from {} in {} s of this machine's time.\n\n{}",
        arguments.from,
        begun.elapsed().as_secs(),
        campaign.print()
    );
    tell_failed(&campaign)
}

/// Plays seeds until there are enough or the time is up; how many it were.
fn play(arguments: &Arguments, campaign: &mut Campaign, every: bool) -> u64 {
    let range = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let seeds: Vec<u64> = arguments.also.iter().copied().chain(range).collect();
    let (seeds, next) = (seeds.as_slice(), AtomicUsize::new(0));
    let limit = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let worker = || {
        let (mut own, mut played) = (Campaign::default(), 0);
        while limit.is_none_or(|limit| Instant::now() < limit) {
            let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)).copied() else { break };
            let at = Instant::now();
            let report = run(Options { seed, ..arguments.options });
            if every || report.violation.is_some() {
                print_report(seed, &report, at.elapsed().as_millis());
            }
            own.add(seed, &report);
            played += 1;
        }
        (own, played)
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut total = 0;
    for (part, played) in parts {
        campaign.merge(part);
        total += played;
    }
    total
}

fn tell_failed(campaign: &Campaign) -> bool {
    if !campaign.failed.is_empty() {
        println!("failed seeds: {:?}; see one with: grapevine-sim replay SEED --log", campaign.failed);
    }
    campaign.failed.is_empty()
}

/// Every fault that has a time to recover, at every size: a table for docs/simulation.md.
fn scale(arguments: &Arguments) -> bool {
    println!(
        "| primaries + replicas | fault | shards hit | writable after, ms: median | worst | calm: packets/s, KiB/s per node | \
         until recovered: packets/s, KiB/s per node | |\n|---|---|---|---|---|---|---|---|"
    );
    let given = &arguments.options;
    let replicas = given.replicas.unwrap_or(1);
    let sizes: Vec<usize> = match given.nodes {
        0 => SCALES.iter().map(|primaries| primaries * (1 + replicas)).collect(),
        nodes => vec![nodes],
    };
    let measured =
        [Scenario::CrashOne, Scenario::CrashHalf, Scenario::LoseOne, Scenario::LoseHalf, Scenario::Zone];
    let mut good = true;
    for nodes in sizes {
        for scenario in given.scenario.map_or(measured.to_vec(), |only| vec![only]) {
            let report = run(Options {
                seed: arguments.from,
                nodes,
                replicas: Some(replicas),
                node_timeout_ms: Some(given.node_timeout_ms.unwrap_or(SCALE_TIMEOUT_MS)),
                scenario: Some(scenario),
                no_healing: given.no_healing || nodes > HEALED_NODES,
                keep_lines: false,
            });
            good &= report.violation.is_none();
            print_row(&report, replicas);
        }
    }
    good
}

fn print_row(report: &Report, replicas: usize) {
    let primaries = report.nodes / (1 + replicas);
    let (calm, struck) = report.traffic;
    println!(
        "| {primaries} + {} | {} | {} | {} | {} | {}, {} | {}, {} | {} |",
        report.nodes - primaries,
        report.scenario.as_str(),
        report.recovery.shards.len(),
        report.recovery.median(),
        report.recovery.worst(),
        calm.packets,
        calm.bytes / 1024,
        struck.packets,
        struck.bytes / 1024,
        report.violation.as_ref().map_or_else(
            || String::from("ok"),
            |violation| format!("BROKEN: {}: {}", violation.checker, violation.what)
        ),
    );
}

fn print_report(seed: u64, report: &Report, took_ms: u128) {
    let (log, counts) = (report.world.log(), report.world.counts());
    let writes = match &report.writes {
        writes if writes.tried == 0 => String::new(),
        writes => format!(
            " writes: {} acknowledged, {} confirmed by WAIT, {} lost, {} of them confirmed and excused;",
            writes.acknowledged,
            writes.replicated,
            writes.lost,
            writes.excused.values().sum::<u64>()
        ),
    };
    println!(
        "seed {seed}: {} with {} nodes, {} s of its time, {} crashes, {} votes, {} promotions, {} packets, hash {:016x}, \
         {took_ms} ms;{writes} {}",
        report.scenario.as_str(),
        report.nodes,
        report.millis / 1000,
        counts.crashes,
        counts.votes,
        counts.promotions,
        counts.packets,
        log.hash(),
        match &report.violation {
            None => String::from("ok"),
            Some(violation) => {
                format!("BROKEN at {} ms: {}: {}", violation.at.millis(), violation.checker, violation.what)
            }
        }
    );
}
