//! `cargo xtask failover [--runs N] [--mode kill|term|stop|manual] [--timeout MS] [--redis N]`: how long a key takes no writes when its
//! master goes, on real processes: six nodes, of which N (the last ones) are redis-server.

use grapevine_testkit::Kind;
use grapevine_testkit::failover::{Gap, Mode, cluster, measure};
use std::process::ExitCode;

const USAGE: &str =
    "usage: measure_failover [--runs N] [--mode kill|term|stop|manual] [--timeout MS] [--redis N]";

struct Plan {
    runs: usize,
    mode: Mode,
    timeout_ms: u64,
    redis: usize,
}

fn parse(words: &[String]) -> Option<Plan> {
    let mut plan = Plan { runs: 20, mode: Mode::Kill, timeout_ms: 15_000, redis: 0 };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--runs" => plan.runs = value.parse().ok().filter(|n| *n > 0)?,
            "--mode" => plan.mode = Mode::parse(value)?,
            "--timeout" => plan.timeout_ms = value.parse().ok()?,
            "--redis" => plan.redis = value.parse().ok().filter(|n| *n <= 6)?,
            _ => return None,
        }
    }
    Some(plan)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = parse(&words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let kinds: Vec<Kind> =
        (0..6).map(|i| if i < 6 - plan.redis { Kind::Grapevine } else { Kind::Redis }).collect();
    let mut nodes = cluster(&kinds, plan.timeout_ms);
    let mut gaps: Vec<Gap> = Vec::new();
    for run in 1..=plan.runs {
        let gap = measure(&mut nodes, plan.mode, gaps.last().map_or(0, |gap| gap.found + 1000));
        println!(
            "run {run}: {} ms without writes, taken over after {} ms, {} attempts failed, {} confirmed by a replica, {} found",
            gap.longest.as_millis(),
            gap.taken_over.as_millis(),
            gap.failures,
            gap.confirmed,
            gap.found
        );
        gaps.push(gap);
    }
    // Beside redis-server it is redis-server's time.
    report(&gaps, Some(plan.mode).filter(|_| plan.redis == 0))
}

/// How long a write may wait in any run, and whether one may fail. Silence takes the node timeout, which is not judged here.
fn promise(mode: Mode) -> Option<(u128, u64)> {
    match mode {
        Mode::Kill => Some((2000, u64::MAX)),
        Mode::Term | Mode::Manual => Some((200, 0)),
        Mode::Stop => None,
    }
}

fn report(gaps: &[Gap], judged: Option<Mode>) -> ExitCode {
    let mut longest: Vec<u128> = gaps.iter().map(|gap| gap.longest.as_millis()).collect();
    longest.sort_unstable();
    let lost = gaps.iter().filter(|gap| gap.found < gap.confirmed).count();
    let failures: u64 = gaps.iter().map(|gap| gap.failures).sum();
    let mut taken_over: Vec<u128> = gaps.iter().map(|gap| gap.taken_over.as_millis()).collect();
    taken_over.sort_unstable();
    println!("taken over: median {} ms, worst {} ms", taken_over[gaps.len() / 2], taken_over[gaps.len() - 1]);
    println!(
        "{} runs: median {} ms, best {} ms, worst {} ms; {failures} attempts failed; {lost} runs lost what a replica had",
        gaps.len(),
        longest[longest.len() / 2],
        longest[0],
        longest[longest.len() - 1]
    );
    let broken = judged
        .and_then(promise)
        .filter(|(limit, errors)| longest[longest.len() - 1] > *limit || failures > *errors);
    if let Some((limit, errors)) = broken {
        let attempts = if errors == 0 { ", and none may fail" } else { "" };
        println!("promised for this mode: no write waits longer than {limit} ms{attempts}");
    }
    if lost == 0 && broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
