//! `cargo xtask bench`: server CPU per request and memory per key beside redis-server, in one run.
//!
//! Three servers run side by side and idle while another is measured: Grapevine, redis-server, and redis-server again
//! (the A/A arm, whose ratio says how much of a difference is noise). Each holds the same keys, so that GET finds and
//! SET overwrites. Cells are measured alternately, round by round; each asks for as many requests as take about
//! [`CELL_CPU_SECONDS`] of that server's CPU. The load is redis-benchmark's. Server CPU is the time that all threads
//! of the process ran, in nanoseconds; requests per second are not compared, since the client is the bottleneck.
//! Medians are printed.

use crate::process::{Server, binary, build, output, wait_until};
use crate::{Outcome, install};
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The arms listen from here on.
const FIRST_PORT: u16 = 26_379;
const PIPELINES: &[u32] = &[1, 16, 64];
const COMMANDS: &[&str] = &["ping_mbulk", "set", "get", "incr", "mset"];
const CLIENTS: &str = "50";
const VALUE_BYTES: usize = 32;
/// Keys that the load draws from: well beyond the processor's caches.
const KEYSPACE: u64 = 1_000_000;
/// Server CPU that one cell should take, in seconds.
const CELL_CPU_SECONDS: f64 = 0.7;
/// Requests that warm a server up for a cell and tell what a request costs.
const WARM_UP: u64 = 50_000;
/// Requests of a cell at least and at most, whatever the warm-up said.
const REQUESTS: std::ops::RangeInclusive<u64> = 50_000..=5_000_000;
/// Counts at which memory is read: from half of `--keys` to all of it, which is one doubling of every table.
const MEMORY_STEPS: u64 = 8;
const PAGE_BYTES: i64 = 4096;
const START_DEADLINE: Duration = Duration::from_secs(20);

const USAGE: &str = "options: --rounds N, --keys N (0: no memory table), --commands a,b, --pipelines 1,16";

struct Options {
    rounds: usize,
    /// Keys of the memory table at its end.
    keys: u64,
    commands: Vec<String>,
    pipelines: Vec<u32>,
}

struct Arm {
    name: &'static str,
    program: String,
    port: u16,
}

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let options = parse(args)?;
    install::reference_server()?;
    build(&["grapevine-server"], "dist")?;
    let arm = |index: u16, name, program| Arm { name, program, port: FIRST_PORT + index };
    let arms = [
        arm(0, "grapevine", binary("grapevine-server", "dist")),
        arm(1, "redis", "redis-server".into()),
        arm(2, "redis again", "redis-server".into()),
    ];
    cpu_table(&arms, &options)?;
    if options.keys == 0 {
        return Ok(());
    }
    memory_table(&arms[..2], options.keys)
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        rounds: 3,
        keys: 1_300_000,
        commands: COMMANDS.iter().map(|c| (*c).to_owned()).collect(),
        pipelines: PIPELINES.to_vec(),
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value; {USAGE}"))?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{word} needs numbers; {USAGE}"));
        match word.as_str() {
            "--rounds" => options.rounds = number(value)?.max(1) as usize,
            "--keys" => options.keys = number(value)?,
            "--commands" => options.commands = value.split(',').map(str::to_owned).collect(),
            "--pipelines" => {
                let depths: Result<Vec<u64>, String> = value.split(',').map(number).collect();
                options.pipelines = depths?.into_iter().map(|d| d.clamp(1, 1000) as u32).collect();
            }
            other => return Err(format!("bench has no option '{other}'; {USAGE}")),
        }
    }
    Ok(options)
}

fn start(arm: &Arm) -> Result<Server, String> {
    let port = arm.port.to_string();
    let args = ["--port", &port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
    let server = Server::start(&arm.program, &args)?;
    wait_until(START_DEADLINE, || TcpStream::connect(("127.0.0.1", arm.port)).is_ok())
        .map_err(|()| format!("{} did not start on port {}", arm.name, arm.port))?;
    Ok(server)
}

// CPU

fn cpu_table(arms: &[Arm], options: &Options) -> Outcome {
    let servers = arms.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let value = "v".repeat(VALUE_BYTES);
    for arm in arms {
        fill(arm, "key", 0..KEYSPACE, &value)?;
        fill(arm, "counter", 0..KEYSPACE, "1")?;
    }
    println!(
        "\nserver CPU, microseconds per request, median of {} rounds ({CLIENTS} clients, {KEYSPACE} keys, \
         {VALUE_BYTES}-byte values)\n",
        options.rounds
    );
    let names: Vec<_> = arms.iter().map(|a| a.name).collect();
    println!("| command | pipeline | {} | redis / grapevine | redis again / redis |", names.join(" | "));
    println!("|---|---|{}---|---|", "---|".repeat(arms.len()));
    for pipeline in &options.pipelines {
        for command in &options.commands {
            let mut samples = vec![Vec::new(); arms.len()];
            for round in 0..options.rounds {
                for turn in 0..arms.len() {
                    let index = (round + turn) % arms.len();
                    let cost = cpu_per_request(&arms[index], servers[index].pid(), command, *pipeline)?;
                    samples[index].push(cost);
                }
            }
            let medians: Vec<f64> = samples.iter_mut().map(|s| median(s)).collect();
            let cells: Vec<String> = medians.iter().map(|m| format!("{m:.3}")).collect();
            println!(
                "| {command} | {pipeline} | {} | {:.2} | {:.2} |",
                cells.join(" | "),
                medians[1] / medians[0],
                medians[2] / medians[1]
            );
        }
    }
    Ok(())
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Microseconds of server CPU per request of `command`.
fn cpu_per_request(arm: &Arm, pid: u32, command: &str, pipeline: u32) -> Result<f64, String> {
    let measure = |requests: u64| {
        let before = cpu_seconds(pid)?;
        load(arm, command, pipeline, requests)?;
        Ok::<f64, String>((cpu_seconds(pid)? - before) / requests as f64)
    };
    let estimate = measure(WARM_UP)?;
    let requests = (CELL_CPU_SECONDS / estimate.max(1e-9)) as u64;
    Ok(measure(requests.clamp(*REQUESTS.start(), *REQUESTS.end()))? * 1e6)
}

fn load(arm: &Arm, command: &str, pipeline: u32, requests: u64) -> Outcome {
    let numbers = [
        arm.port.to_string(),
        VALUE_BYTES.to_string(),
        KEYSPACE.to_string(),
        pipeline.to_string(),
        requests.to_string(),
    ];
    let [port, bytes, keys, pipeline, requests] = numbers.each_ref().map(String::as_str);
    let args = [
        "-p", port, "-t", command, "-c", CLIENTS, "-d", bytes, "-r", keys, "-P", pipeline, "-n", requests,
        "-q",
    ];
    output("redis-benchmark", &args).map(|_| ())
}

/// How long all threads of a process have run. The scheduler counts in nanoseconds; /proc/PID/stat in hundredths of a
/// second.
fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let gone = |error| format!("the server is gone: {error}");
    let mut nanoseconds = 0u64;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).map_err(gone)? {
        // A thread may end while the list is read.
        let Ok(text) = fs::read_to_string(thread.map_err(gone)?.path().join("schedstat")) else { continue };
        let ran = text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok());
        nanoseconds += ran.ok_or("this kernel does not count CPU time per thread (schedstat)")?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

// Memory

fn memory_table(arms: &[Arm], keys: u64) -> Outcome {
    println!(
        "\nbytes per key: 16-byte keys with {VALUE_BYTES}-byte values; resident set after minus before, read at \
         {} counts\n",
        MEMORY_STEPS + 1
    );
    let counts: Vec<u64> = (0..=MEMORY_STEPS).map(|i| keys / 2 + keys / 2 * i / MEMORY_STEPS).collect();
    let shown: Vec<String> = counts.iter().map(u64::to_string).collect();
    println!("| server | mean | worst | {} |", shown.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(counts.len()));
    let value = "v".repeat(VALUE_BYTES);
    for arm in arms {
        let server = start(arm)?;
        let before = resident_bytes(server.pid())?;
        let mut per_key = Vec::new();
        let mut filled = 0;
        for count in &counts {
            fill(arm, "key", filled..*count, &value)?;
            filled = *count;
            per_key.push((resident_bytes(server.pid())? - before) as f64 / *count as f64);
        }
        let mean = per_key.iter().sum::<f64>() / per_key.len() as f64;
        let worst = per_key.iter().copied().fold(0.0, f64::max);
        let cells: Vec<String> = per_key.iter().map(|b| format!("{b:.1}")).collect();
        println!("| {} | {mean:.1} | {worst:.1} | {} |", arm.name, cells.join(" | "));
    }
    Ok(())
}

fn resident_bytes(pid: u32) -> Result<i64, String> {
    let statm =
        fs::read_to_string(format!("/proc/{pid}/statm")).map_err(|e| format!("the server is gone: {e}"))?;
    let pages = statm.split_whitespace().nth(1).and_then(|f| f.parse::<i64>().ok());
    Ok(pages.ok_or("this kernel does not tell resident pages (statm)")? * PAGE_BYTES)
}

/// Sets keys named as redis-benchmark names them, in pipelines of 1000, and reads every reply.
fn fill(arm: &Arm, prefix: &str, numbers: std::ops::Range<u64>, value: &str) -> Outcome {
    let failed = |e: std::io::Error| format!("the connection failed while filling: {e}");
    let mut stream = TcpStream::connect(("127.0.0.1", arm.port)).map_err(failed)?;
    let mut replies = BufReader::new(stream.try_clone().map_err(failed)?);
    let mut batch = String::new();
    let end = numbers.end;
    for first in numbers.step_by(1000) {
        batch.clear();
        let last = (first + 1000).min(end);
        for i in first..last {
            let key = format!("{prefix}:{i:012}");
            batch.push_str(&format!(
                "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n",
                key.len(),
                value.len()
            ));
        }
        stream.write_all(batch.as_bytes()).map_err(failed)?;
        let mut answer = vec![0; (last - first) as usize * 5];
        replies.read_exact(&mut answer).map_err(failed)?;
        if answer.chunks(5).any(|reply| reply != b"+OK\r\n") {
            let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]);
            return Err(format!("{} refuses to be filled: {shown}", arm.name));
        }
    }
    Ok(())
}
