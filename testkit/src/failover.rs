//! How long a shard takes no writes when its master goes, as one client sees it that retries one key.
//!
//! The client asks a node at random for the owner when it has lost touch, follows redirections, and tries again 5 ms after an error. Each write is
//! a number larger than the last; every tenth is confirmed by WAIT 1, so that what a replica had is known: it must not be lost.

use crate::{Cluster, Kind, wait_for};
use client::{Address, Connection, Options};
use resp::Value;
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const KEY: &str = "failover:key";
const RETRY: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_millis(4000);
/// So many writes go by between two that a replica confirms.
const CONFIRM_EVERY: u64 = 10;
/// So many writes are seen before the master goes, and after it has been replaced.
const WRITES_AROUND: u64 = 100;

/// How the master goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Term,
    /// SIGSTOP.
    Stop,
    /// CLUSTER FAILOVER on a replica.
    Manual,
}

impl Mode {
    /// By its name on the command line.
    pub fn parse(name: &str) -> Option<Mode> {
        Some(match name {
            "kill" => Mode::Kill,
            "term" => Mode::Term,
            "stop" => Mode::Stop,
            "manual" => Mode::Manual,
            _ => return None,
        })
    }
}

/// What a run has shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The longest time that a write took from its first attempt until it was acknowledged, of those that ended after the command or the signal.
    pub longest: Duration,
    /// The same of those before: what this machine takes for a write just now.
    pub quiet: Duration,
    /// From the command or the signal until another node sees another owner; for a master that is stopped this is the figure, as its
    /// client waits for an answer meanwhile.
    pub taken_over: Duration,
    /// Attempts that were answered by an error other than a redirection, or by a closed connection.
    pub failures: u64,
    /// The last of these.
    pub last_failure: String,
    /// The last number that a replica was known to have, and the one found afterwards.
    pub confirmed: u64,
    /// The number found afterwards.
    pub found: u64,
}

/// What the writer has seen so far.
#[derive(Default)]
struct Seen {
    longest: Duration,
    quiet: Duration,
    failures: u64,
    last_failure: String,
    confirmed: u64,
    written: u64,
}

/// What the writer and its owner tell each other.
#[derive(Default)]
struct Signs {
    stop: AtomicBool,
    /// The master is going.
    begun: AtomicBool,
    /// Writes that were acknowledged.
    written: AtomicU64,
}

struct Writer {
    signs: Arc<Signs>,
    thread: JoinHandle<Seen>,
}

impl Writer {
    fn start(ports: Vec<u16>, owner: u16, first: u64) -> Writer {
        let signs = Arc::new(Signs::default());
        let theirs = signs.clone();
        let thread = std::thread::spawn(move || write(&ports, owner, first, &theirs));
        Writer { signs, thread }
    }

    /// Returns when some more writes have been acknowledged.
    fn wait_for_writes(&self, what: &str) {
        let written = || self.signs.written.load(Ordering::Relaxed);
        let enough = written() + WRITES_AROUND;
        wait_for(what, || written() >= enough || self.thread.is_finished());
    }

    fn end(self) -> Seen {
        self.signs.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn connect(port: u16) -> Option<Connection> {
    Connection::connect(&Address::tcp("127.0.0.1", port), &Options::with_timeout(TIMEOUT)).ok()
}

fn write(ports: &[u16], owner: u16, first: u64, signs: &Signs) -> Seen {
    let stop = &signs.stop;
    let mut seen = Seen { written: first, confirmed: first, ..Seen::default() };
    let mut connection = connect(owner);
    let mut other = 0;
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let number = seen.written + 1;
        loop {
            let reply = match &mut connection {
                Some(c) => c.call(&["SET", KEY, &number.to_string()]).ok(),
                None => None,
            };
            match reply {
                Some(Value::Simple(_)) => break,
                Some(value) if moved(&value).is_some() => connection = moved(&value).and_then(connect),
                Some(other) => {
                    seen.failures += 1;
                    seen.last_failure = format!("{other:?}");
                    std::thread::sleep(RETRY);
                }
                None => {
                    if connection.is_some() {
                        seen.failures += 1;
                        seen.last_failure = "the connection ended".into();
                    }
                    other += 1;
                    connection = connect(ports[other % ports.len()]);
                    std::thread::sleep(RETRY);
                }
            }
            if stop.load(Ordering::Relaxed) {
                return seen;
            }
        }
        let slowest = if signs.begun.load(Ordering::Relaxed) { &mut seen.longest } else { &mut seen.quiet };
        *slowest = begin.elapsed().max(*slowest);
        seen.written = number;
        signs.written.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(CONFIRM_EVERY)
            && let Some(c) = &mut connection
        {
            match c.call(&["WAIT", "1", "100"]) {
                Ok(copies) if copies.as_int() == Some(1) => seen.confirmed = number,
                Ok(copies) if !copies.is_error() => {}
                // A master that is demoted disconnects who waits, as Redis does; no write has failed.
                _ => connection = None,
            }
        }
    }
    seen
}

/// The port that a redirection names.
fn moved(value: &Value) -> Option<u16> {
    let text = match value {
        Value::Error(text) => String::from_utf8_lossy(text).into_owned(),
        _ => return None,
    };
    let target = text.strip_prefix("MOVED ")?.rsplit(':').next()?;
    target.parse().ok()
}

/// The node that owns the key, as a node sees it that answers.
fn owner(cluster: &Cluster, witness: usize) -> Option<usize> {
    let slot = cluster.nodes[witness].command(&["CLUSTER", "KEYSLOT", KEY]).as_int()?;
    let holds = |slots: &str| {
        slots.split_whitespace().any(|range| {
            let mut ends = range.splitn(2, '-').filter_map(|n| n.parse::<i64>().ok());
            let first = ends.next();
            let last = ends.next().or(first);
            first.is_some_and(|first| first <= slot) && last.is_some_and(|last| slot <= last)
        })
    };
    let view = cluster.view(witness);
    view.iter().find(|n| n.has("master") && holds(&n.slots)).map(|n| cluster.index_of(n.port))
}

/// Takes the master of the key away while a client writes, and brings it back afterwards.
pub fn measure(cluster: &mut Cluster, mode: Mode, first: u64) -> Gap {
    let victim = owner(cluster, 0).expect("somebody owns the key");
    let witness = (victim + 1) % cluster.nodes.len();
    let ports: Vec<u16> = cluster.nodes.iter().map(crate::Server::port).collect();
    let replica = {
        let dead = cluster.id(victim);
        let view = cluster.view(witness);
        view.iter().find(|n| n.master == dead).map(|n| cluster.index_of(n.port)).expect("a replica")
    };
    let writer = Writer::start(ports, cluster.nodes[victim].port(), first);
    writer.wait_for_writes("the client writes");
    writer.signs.begun.store(true, Ordering::Relaxed);
    let begin = Instant::now();
    match mode {
        Mode::Kill => cluster.nodes[victim].kill(),
        Mode::Term => {
            cluster.nodes[victim].signal(Signal::TERM);
        }
        Mode::Stop => cluster.nodes[victim].signal(Signal::STOP),
        Mode::Manual => assert_eq!(cluster.nodes[replica].text(&["CLUSTER", "FAILOVER"]), "OK"),
    }
    wait_for("a replica takes over", || owner(cluster, witness).is_some_and(|now| now != victim));
    let taken_over = begin.elapsed();
    if mode == Mode::Term {
        // Not a second SIGTERM: that one waits for nobody.
        wait_for("the master ends", || cluster.nodes[victim].has_exited());
    }
    writer.wait_for_writes("the client writes again");
    let seen = writer.end();
    match mode {
        Mode::Kill | Mode::Term => cluster.nodes[victim].start(),
        Mode::Stop => cluster.nodes[victim].signal(Signal::CONT),
        Mode::Manual => {}
    }
    cluster.wait_until_healthy();
    let now = owner(cluster, witness).expect("somebody owns the key");
    let found = cluster.nodes[now].text(&["GET", KEY]).parse().unwrap_or(0);
    Gap {
        longest: seen.longest,
        quiet: seen.quiet,
        taken_over,
        failures: seen.failures,
        last_failure: seen.last_failure,
        confirmed: seen.confirmed,
        found,
    }
}

/// A cluster of three masters and three replicas of this program.
pub fn cluster(kinds: &[Kind], node_timeout_ms: u64) -> Cluster {
    let cluster = Cluster::start(kinds, node_timeout_ms, &[("appendonly", "yes"), ("save", "")]);
    cluster.create(Kind::Grapevine, 1);
    cluster
}
