//! `cargo xtask bench`: Grapevine beside redis-server and a bare echo server, in one run.
//!
//! The servers run side by side and idle while another is measured: Grapevine, redis-server, redis-server again (the A/A
//! arm, whose ratio says how much of a difference is noise) and `runtime/examples/echo.rs`, which sends back what it
//! receives and so says what a request costs before any of it is looked at. What is compared is measured alternately,
//! round by round, and medians are printed. The load is redis-benchmark's. Each table is a file here.

mod arm;
mod collections;
mod cpu;
mod memory;
mod snapshot;

use crate::process::{binary, build, run as run_program};
use crate::{Outcome, install};
use arm::{Arm, Placement};

/// The arms listen from here on.
const FIRST_PORT: u16 = 26_379;

/// What `--tables` may name.
const TABLES: &[&str] = &["cpu", "memory", "snapshot", "collections"];

const USAGE: &str = "options: --tables cpu,memory,snapshot,collections  --rounds N  --commands a,b  --pipelines 1,16  \
                     --connections 50,1000  --keys N (memory)  --snapshot-keys N  --alone yes (servers on the first \
                     core and the load on the second, both with real-time priority: for a machine that others use)";

/// What was asked for on the command line.
struct Options {
    tables: Vec<String>,
    rounds: usize,
    /// Keys of the memory table at its end.
    keys: u64,
    snapshot_keys: u64,
    commands: Vec<String>,
    pipelines: Vec<u32>,
    connections: Vec<u32>,
    placement: Placement,
}

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let options = parse(args)?;
    install::reference_server()?;
    build(&["grapevine-server"], "dist")?;
    let arm = |index: u16, name, program| Arm {
        name,
        program,
        port: FIRST_PORT + index,
        placement: options.placement,
    };
    let grapevine = arm(0, "grapevine", binary("grapevine-server", "dist"));
    let redis = arm(1, "redis", "redis-server".into());
    for table in &options.tables {
        match table.as_str() {
            "cpu" => {
                let again = arm(2, "redis again", "redis-server".into());
                run_program(
                    "cargo",
                    &["build", "--profile", "dist", "--package", "grapevine-runtime", "--example", "echo"],
                )?;
                let echo = arm(3, "echo", binary("examples/echo", "dist"));
                cpu::table(&[grapevine.clone(), redis.clone(), again, echo], &options)?;
            }
            "collections" => {
                let again = arm(2, "redis again", "redis-server".into());
                collections::cpu(&[grapevine.clone(), redis.clone(), again], options.rounds)?;
                collections::memory(&[grapevine.clone(), redis.clone()])?;
            }
            "memory" => memory::table(&[grapevine.clone(), redis.clone()], options.keys)?,
            "snapshot" => {
                let placement = options.placement.shared();
                let arms = [&grapevine, &redis].map(|arm| Arm { placement, ..arm.clone() });
                snapshot::table(&arms, options.snapshot_keys, options.rounds)?;
            }
            other => return Err(format!("bench has no table '{other}'; {USAGE}")),
        }
    }
    Ok(())
}

fn parse(args: &[String]) -> Result<Options, String> {
    let words = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut options = Options {
        tables: words("cpu,memory,snapshot"),
        rounds: 3,
        keys: 1_300_000,
        snapshot_keys: 3_000_000,
        commands: cpu::COMMANDS.iter().map(|command| (*command).to_owned()).collect(),
        pipelines: vec![1, 16, 64],
        connections: vec![50, 1000],
        placement: Placement::Anywhere,
    };
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let value = rest.next().ok_or(format!("{word} needs a value; {USAGE}"))?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{word} needs numbers; {USAGE}"));
        let numbers = |most: u64| {
            value
                .split(',')
                .map(|text| Ok(number(text)?.clamp(1, most) as u32))
                .collect::<Result<Vec<_>, String>>()
        };
        match word.as_str() {
            "--tables" => {
                options.tables = words(value);
                if let Some(other) = options.tables.iter().find(|table| !TABLES.contains(&table.as_str())) {
                    return Err(format!("bench has no table '{other}'; {USAGE}"));
                }
            }
            "--rounds" => options.rounds = number(value)?.max(1) as usize,
            "--keys" => options.keys = number(value)?.max(1),
            "--snapshot-keys" => options.snapshot_keys = number(value)?.max(1),
            "--commands" => options.commands = words(value),
            "--pipelines" => options.pipelines = numbers(1000)?,
            "--connections" => options.connections = numbers(10_000)?,
            "--alone" if value == "yes" => options.placement = Placement::Alone,
            other => return Err(format!("bench has no option '{other} {value}'; {USAGE}")),
        }
    }
    Ok(options)
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
