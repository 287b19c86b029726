//! Developer entry points: `cargo xtask <command>`.
//!
//! Nothing here is part of what ships, and no crate of the workspace is used: the commands run the binaries from
//! outside, as a person would.
#![forbid(unsafe_code)]

mod appendlist;
mod bench;
mod demo;
mod differential;
mod failover;
mod fuzz;
mod install;
mod process;
mod sim;
mod tcl;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <command> [options]

  demo   Build, start a six-node cluster, print its layout, run until Ctrl-C
           --kill-master   also kill one master and show the failover as it happens
           --port N        first of the six client ports (default 7001; the bus uses port + 10000)
           --dir PATH      where the nodes keep their data (default grapevine-data/demo)
           --exit          stop by itself when everything has been shown
  test   Install what the tests need, then run the whole suite (--quick: no simulation campaign, no sanitizer)
  tidy   Check the house rules: arrows between crates, file headers, lengths, words, paths named in the docs
  sim    Run simulation seeds: --seeds N (default 100), --from SEED, --nodes N, --scenario NAME; or: sim replay SEED;
           sim campaign --seeds N for sums only; sim scale for clusters of 6, 100 and 1,000 primaries
  appendlist  Lists on real processes under kills, stops and partitions: --seconds N (default 300), --seed N
  bench  Measure against redis-server and print ratios: --rounds N, --keys N, --commands A,B, --pipelines N,M
  differential  Random commands of each type beside redis-server: --commands N of each (default 100000)
  tcl    Run Valkey's Tcl suite: --tree CHECKOUT, --single unit/NAME (repeat), --only TEST, --deadline SECONDS
  failover  Measure how long a key takes no writes when its master goes: --runs N, --mode kill|term|stop|manual, --timeout MS
  fuzz   Run the fuzz targets: --seconds N each (default 60), --merge yes to keep new finds, [TARGET]...
";

/// What every command returns: `Err` holds the sentence to print.
pub type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args.is_empty() {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    }
    let command = args.remove(0);
    let outcome = match command.as_str() {
        "demo" => demo::run(&args),
        "test" => test::run_args(&args),
        "tidy" => tidy::run(&args),
        "sim" => sim::run_args(&args),
        "appendlist" => appendlist::run(&args),
        "bench" => bench::run(&args),
        "differential" => differential::run(&args),
        "tcl" => tcl::run(&args),
        "failover" => failover::run_args(&args),
        "fuzz" => fuzz::run(&args),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no command '{other}'\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {command}: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root folder.
pub fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}
