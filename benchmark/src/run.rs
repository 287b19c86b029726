//! One test: what its threads share, starting them, watching them, and summing up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::Address;

use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Progress;
use crate::suite::Test;
use crate::topology::Topology;
use crate::worker::Worker;

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(250);
/// How often the threads and the cluster's changes are looked after.
const TICK: Duration = Duration::from_millis(10);
/// A cluster that answers nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Kinds of errors told apart.
const MAX_KINDS: usize = 100;

/// Where a client's requests go at first.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub address: Address,
    /// With a cluster: characters that lead to a slot of the server.
    pub tag: Option<[u8; 3]>,
}

/// What the threads of a test share.
pub struct Shared<'a> {
    /// The options.
    pub options: &'a Options,
    /// The test.
    pub test: &'a Test,
    /// The cluster; `None` for one server.
    pub topology: Option<&'a Topology>,
    /// Requests that clients have taken on.
    pub issued: AtomicU64,
    /// Requests answered.
    pub finished: AtomicU64,
    /// Sum of the latencies in microseconds, and their number.
    pub latency: (AtomicU64, AtomicU64),
    /// The threads must end.
    pub stop: AtomicBool,
    failure: Mutex<Option<String>>,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl<'a> Shared<'a> {
    fn new(options: &'a Options, test: &'a Test, topology: Option<&'a Topology>) -> Self {
        Self {
            options,
            test,
            topology,
            issued: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            latency: Default::default(),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
            errors: Mutex::new(BTreeMap::new()),
        }
    }

    /// Ends the test; the first reason is said.
    pub fn fail(&self, text: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
        self.stop.store(true, Relaxed);
    }

    /// Counts an error by its first word; true for the first of its kind.
    pub fn count_error(&self, text: &str) -> bool {
        let kind = text.split_whitespace().next().unwrap_or("").to_string();
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        if errors.len() >= MAX_KINDS && !errors.contains_key(&kind) {
            return false;
        }
        let count = errors.entry(kind).or_insert(0);
        *count += 1;
        *count == 1
    }
}

/// What a test has brought.
pub struct Measured {
    /// Requests answered.
    pub finished: u64,
    /// Time from the first request to the last answer.
    pub elapsed_ms: u64,
    /// All latencies.
    pub latencies: Histogram,
    /// Errors by kind.
    pub errors: Vec<(String, u64)>,
    /// Characters of the progress line.
    pub width: usize,
}

/// Runs a test with `threads` threads, one for 0; the text of what ended it otherwise.
pub fn run(
    test: &Test,
    options: &Options,
    targets: &[Target],
    topology: Option<&Topology>,
    threads: usize,
    seed: u64,
) -> Result<Measured, String> {
    let shared = Shared::new(options, test, topology);
    let count = threads.max(1);
    let mut progress = Progress::default();
    let start = Instant::now();
    let histograms = std::thread::scope(|scope| {
        let shared = &shared;
        let workers: Vec<_> = (0..count)
            .map(|thread| {
                let mine = clients_of(thread, count, options.clients, targets, threads);
                scope.spawn(move || match Worker::new(shared, mine, seed.wrapping_add(thread as u64)) {
                    Ok(worker) => worker.run(),
                    Err(error) => {
                        shared.fail(format!("{error}\n"));
                        Histogram::new(options.precision)
                    }
                })
            })
            .collect();
        watch(shared, start, &mut progress, || workers.iter().all(|worker| worker.is_finished()));
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Histogram::new(options.precision)))
            .collect::<Vec<_>>()
    });
    let elapsed_ms = start.elapsed().as_millis() as u64;
    if let Some(text) = shared.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(text);
    }
    let mut latencies = Histogram::new(options.precision);
    histograms.iter().for_each(|histogram| latencies.merge(histogram));
    let errors = shared.errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Measured {
        finished: shared.finished.load(Relaxed),
        elapsed_ms,
        latencies,
        errors: errors.into_iter().collect(),
        width: progress.width(),
    })
}

/// Where the clients of a thread go: clients take turns over threads, and over primaries with their threads or
/// themselves, as in redis-benchmark.
fn clients_of(
    thread: usize,
    count: usize,
    clients: usize,
    targets: &[Target],
    threads: usize,
) -> Vec<Target> {
    let place = |client: usize| if threads < targets.len() { client } else { client % count };
    (0..clients)
        .filter(|client| client % count == thread)
        .map(|client| targets[place(client) % targets.len()].clone())
        .collect()
}

fn watch(shared: &Shared<'_>, start: Instant, progress: &mut Progress, ended: impl Fn() -> bool) {
    let mut shown = start;
    let mut last = (0, start);
    let show = |progress: &mut Progress| {
        let finished = shared.finished.load(Relaxed);
        let latency = (shared.latency.0.load(Relaxed), shared.latency.1.load(Relaxed));
        let line = if shared.options.idle {
            format!("clients: {}\r", shared.options.clients)
        } else {
            progress.line(&shared.test.title, start.elapsed().as_millis() as u64, finished, latency)
        };
        crate::print(&line);
    };
    if !shared.options.csv {
        show(progress);
    }
    while !ended() {
        std::thread::sleep(TICK);
        if let Some(topology) = shared.topology {
            topology.refresh();
            let finished = shared.finished.load(Relaxed);
            if finished != last.0 {
                last = (finished, Instant::now());
            } else if !shared.options.idle && last.1.elapsed() > PATIENCE {
                shared.fail(format!("No reply for {} seconds... aborting.\n", PATIENCE.as_secs()));
            }
        }
        if !shared.options.csv && shown.elapsed() >= PROGRESS {
            shown = Instant::now();
            show(progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_take_turns() {
        let target = |port| Target { address: Address::tcp("h", port), tag: None };
        let targets = [target(1), target(2), target(3)];
        let ports = |thread, count, threads| {
            let clients = clients_of(thread, count, 7, &targets, threads);
            clients.into_iter().map(|target| target.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(ports(0, 1, 0).len(), 7);
        assert_eq!(ports(0, 3, 3), ["h:1", "h:1", "h:1"]);
        assert_eq!(ports(1, 2, 2), ["h:2", "h:1", "h:3"]);
    }
}
