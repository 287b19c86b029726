//! One server that is measured: started, filled, loaded, and asked what it cost.
//!
//! Server CPU is the time that all threads of the process ran, in nanoseconds, as the scheduler counts it; requests per
//! second are not compared, since the client is the bottleneck.

use crate::Outcome;
use crate::process::{Server, output, wait_until};
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

const PAGE_BYTES: i64 = 4096;
const START_DEADLINE: Duration = Duration::from_secs(20);

/// Where a server and the load run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Where the scheduler puts them.
    Anywhere,
    /// On a core each, before everything else on the machine (`taskset`, `chrt`; needs root).
    Alone,
    /// On any core, but before everything else on the machine (`chrt`; needs root): for what needs several threads.
    First,
}

impl Placement {
    /// The same for a server whose threads must not wait for each other.
    pub fn shared(self) -> Self {
        if self == Self::Alone { Self::First } else { self }
    }

    /// The command line that runs `program` so; `core` is its own if it is to have one.
    pub fn wrap<'a>(self, core: &'a str, program: &'a str, args: &[&'a str]) -> (&'a str, Vec<&'a str>) {
        let (before, mut all) = match self {
            Self::Anywhere => return (program, args.to_vec()),
            Self::Alone => ("chrt", vec!["-f", "20", "taskset", "-c", core, program]),
            Self::First => ("chrt", vec!["-r", "20", program]),
        };
        all.extend(args);
        (before, all)
    }
}

/// One server of the comparison.
#[derive(Clone)]
pub struct Arm {
    pub name: &'static str,
    pub program: String,
    pub port: u16,
    pub placement: Placement,
}

/// What a load says of itself, in milliseconds.
#[derive(Clone, Copy, Default)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

impl Arm {
    /// Starts the server with nothing that writes to disk by itself. `more` goes to its command line.
    pub fn start(&self, more: &[&str]) -> Result<Server, String> {
        let port = self.port.to_string();
        let mut args = vec![port.as_str()];
        if !self.is_echo() {
            args = vec!["--port", &port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
            args.extend(more);
        }
        let (program, args) = self.placement.wrap("0", &self.program, &args);
        let server = Server::start(program, &args)?;
        wait_until(START_DEADLINE, || TcpStream::connect(("127.0.0.1", self.port)).is_ok())
            .map_err(|()| format!("{} did not start on port {}", self.name, self.port))?;
        Ok(server)
    }

    /// The one that only sends back.
    pub fn is_echo(&self) -> bool {
        self.name == "echo"
    }

    /// Runs redis-benchmark against it; `args` are its options and the command.
    pub fn load(&self, args: &[&str]) -> Result<Latency, String> {
        let port = self.port.to_string();
        let mut all = vec!["-p", port.as_str()];
        all.extend(args);
        let (program, all) = self.placement.wrap("1", "redis-benchmark", &all);
        latency(&output(program, &all)?)
    }

    /// Sets keys named as redis-benchmark names them, in pipelines of 1000, and reads every reply.
    pub fn fill(&self, prefix: &str, numbers: Range<u64>, value: &str) -> Outcome {
        let failed = |e: std::io::Error| format!("the connection failed while filling: {e}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(failed)?;
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
                return Err(format!("{} refuses to be filled: {shown}", self.name));
            }
        }
        Ok(())
    }
}

/// The percentiles that redis-benchmark prints. Its distribution halves what is left from line to line, so that 99.902%
/// is the line nearest to 99.9%.
fn latency(text: &str) -> Result<Latency, String> {
    let unknown = || format!("redis-benchmark printed no latencies:\n{text}");
    let mut lines = text.lines().skip_while(|line| !line.contains("latency summary"));
    let summary: Vec<f64> =
        lines.nth(2).ok_or_else(unknown)?.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [_, _, p50, _, p99, _] = summary[..] else { return Err(unknown()) };
    let tail = text.lines().find_map(|line| {
        let (percent, rest) = line.split_once("% <= ")?;
        let reached = percent.parse::<f64>().ok()? >= 99.9;
        reached.then(|| rest.split_whitespace().next()?.parse().ok())?
    });
    Ok(Latency { p50, p99, p999: tail.ok_or_else(unknown)? })
}

/// How long all threads of a process have run. /proc/PID/stat would tell hundredths of a second only.
pub fn cpu_seconds(pid: u32) -> Result<f64, String> {
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

/// The resident set of a process.
pub fn resident_bytes(pid: u32) -> Result<i64, String> {
    let statm =
        fs::read_to_string(format!("/proc/{pid}/statm")).map_err(|e| format!("the server is gone: {e}"))?;
    let pages = statm.split_whitespace().nth(1).and_then(|f| f.parse::<i64>().ok());
    Ok(pages.ok_or("this kernel does not tell resident pages (statm)")? * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_from_what_redis_benchmark_prints() {
        let text = "Latency by percentile distribution:\n0.000% <= 0.119 milliseconds (cumulative count 1)\n\
                    99.805% <= 0.511 milliseconds (cumulative count 99806)\n\
                    99.902% <= 0.607 milliseconds (cumulative count 99908)\n\nSummary:\n  throughput summary: 1 requests \
                    per second\n  latency summary (msec):\n          avg       min       p50       p95       p99       \
                    max\n        0.264     0.112     0.255     0.327     0.447     1.247\n";
        let latency = latency(text).unwrap();
        assert_eq!((latency.p50, latency.p99, latency.p999), (0.255, 0.447, 0.607));
        assert!(super::latency("GET: rps=1").is_err());
    }
}
