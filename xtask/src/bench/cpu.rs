//! What a request costs the server, and how long a client waits for it: by command, pipeline and number of connections.
//!
//! Keys are drawn at random from far more than the processor's caches hold, so that GET finds and SET overwrites. Each
//! cell asks for as many requests as take about [`CELL_CPU_SECONDS`] of that server's CPU. Latencies come from the same
//! runs: of a client that sends as fast as it gets answers.

use super::arm::{Arm, Latency, cpu_seconds};
use super::{Options, median};
use crate::Outcome;

/// What is measured unless told.
pub const COMMANDS: &[&str] = &["ping", "set", "get", "incr", "mget", "mset"];
const VALUE_BYTES: usize = 32;
/// Keys that the load draws from.
const KEYSPACE: u64 = 1_000_000;
/// Keys of MGET and MSET.
const MANY: usize = 10;
/// Server CPU that one cell should take, in seconds.
const CELL_CPU_SECONDS: f64 = 0.7;
/// Requests that warm a server up for a cell and tell what a request costs.
const WARM_UP: u64 = 50_000;
/// Requests of a cell at least and at most, whatever the warm-up said.
const REQUESTS: std::ops::RangeInclusive<u64> = 50_000..=5_000_000;

#[derive(Default)]
struct Samples {
    /// Microseconds of server CPU per request.
    cpu: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    p999: Vec<f64>,
}

impl Samples {
    fn add(&mut self, cpu: f64, latency: Latency) {
        self.cpu.push(cpu);
        self.p50.push(latency.p50);
        self.p99.push(latency.p99);
        self.p999.push(latency.p999);
    }
}

/// What one cell asks for.
struct Cell<'a> {
    command: &'a [String],
    pipeline: u32,
    connections: u32,
}

/// Measures and prints both tables. The arms are Grapevine, Redis, Redis again, echo.
pub fn table(arms: &[Arm; 4], options: &Options) -> Outcome {
    let commands =
        options.commands.iter().map(|name| Ok((name, words(name)?))).collect::<Result<Vec<_>, String>>()?;
    let servers = arms.iter().map(|arm| arm.start(&[])).collect::<Result<Vec<_>, _>>()?;
    let value = "v".repeat(VALUE_BYTES);
    for arm in arms.iter().filter(|arm| !arm.is_echo()) {
        arm.fill("key", 0..KEYSPACE, &value)?;
        arm.fill("counter", 0..KEYSPACE, "1")?;
    }
    println!(
        "\nserver CPU, microseconds per request, median of {} rounds ({KEYSPACE} keys, {VALUE_BYTES}-byte values)\n",
        options.rounds
    );
    let names: Vec<_> = arms.iter().map(|arm| arm.name).collect();
    println!(
        "| command | pipeline | connections | {} | redis / grapevine | redis again / redis | grapevine / echo |",
        names.join(" | ")
    );
    println!("|---|---|---|{}---|---|---|", "---|".repeat(arms.len()));
    let mut latencies = Vec::new();
    for connections in &options.connections {
        for pipeline in &options.pipelines {
            for (name, words) in &commands {
                let cell = Cell { command: words, pipeline: *pipeline, connections: *connections };
                let mut samples: [Samples; 4] = Default::default();
                for round in 0..options.rounds {
                    for turn in 0..arms.len() {
                        let index = (round + turn) % arms.len();
                        let (cpu, latency) = measure(&arms[index], servers[index].pid(), &cell)?;
                        samples[index].add(cpu, latency);
                    }
                }
                let label = format!("| {name} | {pipeline} | {connections} |");
                println!("{label}{}", costs(&mut samples));
                latencies.push(format!("{label}{}", waits(&mut samples[..2])));
            }
        }
    }
    println!("\nwhat the clients waited in the same runs, milliseconds: p50 / p99 / p99.9\n");
    println!("| command | pipeline | connections | grapevine | redis |\n|---|---|---|---|---|");
    latencies.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn costs(samples: &mut [Samples; 4]) -> String {
    let [grapevine, redis, again, echo] = samples.each_mut().map(|samples| median(&mut samples.cpu));
    format!(
        " {grapevine:.3} | {redis:.3} | {again:.3} | {echo:.3} | {:.2} | {:.2} | {:.2} |",
        redis / grapevine,
        again / redis,
        grapevine / echo
    )
}

fn waits(samples: &mut [Samples]) -> String {
    let cells = samples.iter_mut().map(|arm| {
        let [p50, p99, p999] = [&mut arm.p50, &mut arm.p99, &mut arm.p999].map(|samples| median(samples));
        format!(" {p50:.3} / {p99:.3} / {p999:.3} |")
    });
    cells.collect()
}

/// The words of a command, with redis-benchmark's placeholder for a random number.
fn words(name: &str) -> Result<Vec<String>, String> {
    const KEY: &str = "key:__rand_int__";
    let value = "v".repeat(VALUE_BYTES);
    let words: Vec<&str> = match name {
        "ping" => vec!["ping"],
        "set" => vec!["set", KEY, &value],
        "get" => vec!["get", KEY],
        "incr" => vec!["incr", "counter:__rand_int__"],
        "mget" => [vec!["mget"], vec![KEY; MANY]].concat(),
        "mset" => [vec!["mset"], [KEY, value.as_str()].repeat(MANY)].concat(),
        other => return Err(format!("bench knows no command '{other}': one of {}", COMMANDS.join(", "))),
    };
    Ok(words.into_iter().map(str::to_owned).collect())
}

/// Microseconds of server CPU per request, and what the clients waited.
fn measure(arm: &Arm, pid: u32, cell: &Cell<'_>) -> Result<(f64, Latency), String> {
    let once = |requests: u64| {
        let before = cpu_seconds(pid)?;
        let latency = load(arm, cell, requests)?;
        Ok::<_, String>(((cpu_seconds(pid)? - before) / requests as f64, latency))
    };
    let (estimate, _) = once(WARM_UP)?;
    let requests = (CELL_CPU_SECONDS / estimate.max(1e-9)) as u64;
    let (cost, latency) = once(requests.clamp(*REQUESTS.start(), *REQUESTS.end()))?;
    Ok((cost * 1e6, latency))
}

fn load(arm: &Arm, cell: &Cell<'_>, requests: u64) -> Result<Latency, String> {
    let numbers = [u64::from(cell.connections), KEYSPACE, u64::from(cell.pipeline), requests];
    let [connections, keys, pipeline, requests] = numbers.map(|number| number.to_string());
    let mut args = vec!["-c", &connections, "-r", &keys, "-P", &pipeline, "-n", &requests];
    args.extend(cell.command.iter().map(String::as_str));
    arm.load(&args)
}
