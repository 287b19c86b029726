//! `grapevine-sim run --seeds 100 [--from N] [--nodes N] [--scenario NAME]` and
//! `grapevine-sim replay SEED [--nodes N] [--scenario NAME] [--log]`.
//!
//! Exits with status 1, after naming the seeds, when a checker has complained; with 2 for a command line that it does
//! not understand.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Instant;

use grapevine_sim::{Options, Report, Scenario, run};

const USAGE: &str = "usage: grapevine-sim run [--seeds N] [--from SEED] [--nodes N] [--scenario NAME]\n       \
                     grapevine-sim replay SEED [--nodes N] [--scenario NAME] [--log]\n\
                     scenarios: chaos, kill-primaries, writes, chaos-writes, crash; without a name the seed chooses";

struct Arguments {
    replay: Option<u64>,
    seeds: u64,
    from: u64,
    nodes: usize,
    scenario: Option<Scenario>,
    log: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(arguments) = parse(&words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let good = match arguments.replay {
        Some(seed) => replay(seed, &arguments),
        None => run_seeds(&arguments),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(words: &[String]) -> Option<Arguments> {
    let mut arguments = Arguments { replay: None, seeds: 100, from: 0, nodes: 0, scenario: None, log: false };
    let mut words = words.iter().map(String::as_str);
    match words.next()? {
        "run" => {}
        "replay" => arguments.replay = Some(words.next()?.parse().ok()?),
        _ => return None,
    }
    while let Some(word) = words.next() {
        match word {
            "--log" => arguments.log = true,
            "--seeds" => arguments.seeds = words.next()?.parse().ok()?,
            "--from" => arguments.from = words.next()?.parse().ok()?,
            "--nodes" => arguments.nodes = words.next()?.parse().ok().filter(|n| *n <= 1000)?,
            "--scenario" => arguments.scenario = Some(Scenario::parse(words.next()?)?),
            _ => return None,
        }
    }
    Some(arguments)
}

fn replay(seed: u64, arguments: &Arguments) -> bool {
    let report = run(Options {
        seed,
        nodes: arguments.nodes,
        scenario: arguments.scenario,
        keep_lines: arguments.log,
    });
    for line in report.world.log().lines() {
        println!("{line}");
    }
    print_report(seed, &report, 0);
    report.violation.is_none()
}

fn run_seeds(arguments: &Arguments) -> bool {
    let mut failed = Vec::new();
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        let begun = Instant::now();
        let report =
            run(Options { seed, nodes: arguments.nodes, scenario: arguments.scenario, keep_lines: false });
        print_report(seed, &report, begun.elapsed().as_millis());
        if report.violation.is_some() {
            failed.push(seed);
        }
    }
    if !failed.is_empty() {
        println!("failed seeds: {failed:?}; see one with: grapevine-sim replay SEED --log");
    }
    failed.is_empty()
}

fn print_report(seed: u64, report: &Report, took_ms: u128) {
    let (log, counts) = (report.world.log(), report.world.counts());
    let writes = match &report.writes {
        writes if writes.tried == 0 => String::new(),
        writes => format!(
            " writes: {} acknowledged, {} confirmed by WAIT, {} lost, {} of them confirmed and excused;",
            writes.acknowledged, writes.replicated, writes.lost, writes.excused
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
