//! `cargo xtask bench`: server CPU per request and memory per key beside redis-server, in one run.
//!
//! The arms run alternately, round by round: Grapevine, redis-server, and redis-server again (the A/A arm, whose
//! ratio says how much of a difference is noise). The load is redis-benchmark's. Server CPU is user plus system time
//! of the server process, read before and after; requests per second are not compared, since the client is the
//! bottleneck. Medians are printed.

use crate::process::{Server, binary, build, output, wait_until};
use crate::{Outcome, install};
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PORT: u16 = 26_379;
const PIPELINES: &[u32] = &[1, 16, 64];
const COMMANDS: &[&str] = &["ping_mbulk", "set", "get", "incr", "mset"];
const CLIENTS: &str = "50";
const VALUE_BYTES: &str = "32";
const KEYSPACE: &str = "1000000";
/// Clock ticks per second of /proc/PID/stat on Linux.
const TICKS_PER_SECOND: f64 = 100.0;
const START_DEADLINE: Duration = Duration::from_secs(20);

struct Arm {
    name: &'static str,
    program: String,
}

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let mut rounds = 3usize;
    let mut keys = 1_000_000u64;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|v| v.parse().ok()).ok_or(format!("{word} needs a number"));
        match word.as_str() {
            "--rounds" => rounds = number()? as usize,
            "--keys" => keys = number()?,
            other => return Err(format!("bench has no option '{other}'")),
        }
    }
    install::reference_server()?;
    build(&["grapevine-server"], "dist")?;
    let arms = [
        Arm { name: "grapevine", program: binary("grapevine-server", "dist") },
        Arm { name: "redis", program: "redis-server".into() },
        Arm { name: "redis (A/A)", program: "redis-server".into() },
    ];
    cpu_table(&arms, rounds)?;
    memory_table(&arms[..2], keys)
}

fn cpu_table(arms: &[Arm], rounds: usize) -> Outcome {
    println!(
        "\nserver CPU, microseconds per request, median of {rounds} rounds ({CLIENTS} clients, {VALUE_BYTES}-byte values)\n"
    );
    println!(
        "| command | pipeline | {} | redis / grapevine | A/A |",
        arms.iter().map(|a| a.name).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|---|{}---|---|", "---|".repeat(arms.len()));
    for pipeline in PIPELINES {
        for command in COMMANDS {
            let mut samples = vec![Vec::new(); arms.len()];
            for round in 0..rounds {
                for turn in 0..arms.len() {
                    let arm = (round + turn) % arms.len();
                    samples[arm].push(cpu_per_request(&arms[arm], command, *pipeline)?);
                }
            }
            let medians: Vec<f64> = samples.iter_mut().map(|s| median(s)).collect();
            let cells: Vec<String> = medians.iter().map(|m| format!("{m:.2}")).collect();
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

fn start(arm: &Arm) -> Result<Server, String> {
    let port = PORT.to_string();
    let args = ["--port", &port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
    let server = Server::start(&arm.program, &args)?;
    wait_until(START_DEADLINE, || TcpStream::connect(("127.0.0.1", PORT)).is_ok())
        .map_err(|()| format!("{} did not start on port {PORT}", arm.name))?;
    Ok(server)
}

fn cpu_per_request(arm: &Arm, command: &str, pipeline: u32) -> Result<f64, String> {
    let server = start(arm)?;
    let requests = if pipeline == 1 { 200_000 } else { 1_500_000 };
    let (port, requests_text, pipeline) = (PORT.to_string(), requests.to_string(), pipeline.to_string());
    let args = |n: &str| {
        [
            "-p",
            &port,
            "-t",
            command,
            "-c",
            CLIENTS,
            "-d",
            VALUE_BYTES,
            "-r",
            KEYSPACE,
            "-P",
            &pipeline,
            "-n",
            n,
            "-q",
        ]
        .map(str::to_string)
    };
    let load = |n: &str| output("redis-benchmark", &args(n).each_ref().map(String::as_str));
    load("20000")?;
    let before = cpu_seconds(server.pid())?;
    load(&requests_text)?;
    let after = cpu_seconds(server.pid())?;
    Ok((after - before) * 1e6 / f64::from(requests))
}

fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|e| format!("the server is gone: {e}"))?;
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let field =
        |i: usize| after_name.split_whitespace().nth(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((field(11) + field(12)) / TICKS_PER_SECOND)
}

fn memory_table(arms: &[Arm], keys: u64) -> Outcome {
    println!(
        "\nmemory per key: {keys} keys of 16 bytes with 32-byte values; resident set after minus before\n"
    );
    println!("| server | bytes per key |\n|---|---|");
    for arm in arms {
        let server = start(arm)?;
        let before = resident_bytes(server.pid())?;
        fill(keys)?;
        let after = resident_bytes(server.pid())?;
        println!("| {} | {:.1} |", arm.name, (after - before) as f64 / keys as f64);
    }
    Ok(())
}

fn resident_bytes(pid: u32) -> Result<i64, String> {
    let statm =
        fs::read_to_string(format!("/proc/{pid}/statm")).map_err(|e| format!("the server is gone: {e}"))?;
    Ok(statm.split_whitespace().nth(1).and_then(|f| f.parse::<i64>().ok()).unwrap_or(0) * 4096)
}

/// Sets `keys` keys in pipelines of 1000 and reads every reply.
fn fill(keys: u64) -> Outcome {
    let failed = |e: std::io::Error| format!("the connection failed while filling: {e}");
    let mut stream = TcpStream::connect(("127.0.0.1", PORT)).map_err(failed)?;
    let mut replies = BufReader::new(stream.try_clone().map_err(failed)?);
    let value = "v".repeat(32);
    let mut batch = String::new();
    for first in (0..keys).step_by(1000) {
        batch.clear();
        let last = (first + 1000).min(keys);
        for i in first..last {
            batch.push_str(&format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{i:012}\r\n$32\r\n{value}\r\n"));
        }
        stream.write_all(batch.as_bytes()).map_err(failed)?;
        let mut answer = vec![0; (last - first) as usize * 5];
        replies.read_exact(&mut answer).map_err(failed)?;
        if !answer.starts_with(b"+OK\r\n") {
            return Err(format!(
                "unexpected reply: {}",
                String::from_utf8_lossy(&answer[..20.min(answer.len())])
            ));
        }
    }
    Ok(())
}
