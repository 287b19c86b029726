//! An append-list test in the manner of Jepsen's suite for Redis Cluster: appenders write ever new numbers to lists while
//! nodes are killed, stopped and cut off; at the end the lists are read and compared with what was acknowledged.
//!
//! Model: a number is sent again only after a refusal, never after an unknown outcome, so it is in its list once or not
//! at all. Replication is asynchronous: what was acknowledged may be lost, but only in a failover, and every failover is
//! in some node's journal (CLUSTER EVENTS). A loss without one is a failure of the test, and so are numbers that appear
//! twice, that nobody wrote, or that stand before an acknowledged one of the same appender that was sent after them.
//!
//! With network namespaces each node has its own, and the network is cut, too; without them (no root) it is not, and the
//! report says so.

mod check;
mod nemesis;
mod worker;

use crate::namespaces::Namespaces;
use crate::ports::{Ports, reserve};
use crate::server::{Kind, Server, run_cli};
use crate::wait::{wait_for, wait_for_within};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use check::Outcome;

/// Primaries, and replicas of each.
const PRIMARIES: usize = 3;
const REPLICAS: usize = 2;
const NODES: usize = PRIMARIES * (1 + REPLICAS);
const NODE_TIMEOUT_MS: u64 = 2000;
const APPENDERS: usize = 5;
/// How long a cluster may take to be well again, after everything.
const SETTLE: Duration = Duration::from_secs(120);
/// The port of nodes that have an address each.
const PORT: u16 = 7000;

/// What happened.
#[derive(Debug)]
pub struct Report {
    /// For how long there were faults.
    pub seconds: u64,
    /// Whether the network could be cut.
    pub partitions: bool,
    /// How often each fault struck.
    pub faults: Vec<(&'static str, u64)>,
    /// What the lists say.
    pub outcome: Outcome,
}

struct Field {
    servers: Vec<Server>,
    namespaces: Option<Namespaces>,
    _ports: Ports,
}

impl Field {
    fn new() -> Self {
        let ports = reserve();
        let namespaces = crate::permitted("cutting the network", Namespaces::new(NODES));
        let start = |i: usize| {
            let builder = match &namespaces {
                Some(net) => Server::build(Kind::Grapevine, PORT).within(&net.name(i), &net.address(i)),
                None => Server::build(Kind::Grapevine, ports.port(i)),
            };
            builder
                .clustered(NODE_TIMEOUT_MS)
                .with("appendonly", "yes")
                .with("repl-diskless-sync-delay", "0")
                .with("cluster-allow-replica-migration", "no")
                .with("cluster-require-full-coverage", "no")
                .start()
        };
        Self { servers: (0..NODES).map(start).collect(), namespaces, _ports: ports }
    }

    fn create(&self) {
        let addresses: Vec<String> = self.servers.iter().map(Server::address).collect();
        let replicas = REPLICAS.to_string();
        let mut args = vec!["--cluster", "create"];
        args.extend(addresses.iter().map(String::as_str));
        args.extend(["--cluster-replicas", &replicas, "--cluster-yes"]);
        let output = run_cli(Kind::Grapevine, &args);
        assert!(output.status.success(), "create failed:\n{}", String::from_utf8_lossy(&output.stdout));
        wait_for("the cluster is made", || self.is_well());
    }

    /// Whether every node says ok and knows who is who, and every replica is in sync.
    fn is_well(&self) -> bool {
        self.servers.iter().all(|node| {
            let Some(mut client) = node.try_client() else { return false };
            let mut text = |args: &[&str]| match client.call(args) {
                Ok(resp::Value::Bulk(text)) => String::from_utf8_lossy(&text).into_owned(),
                _ => String::new(),
            };
            let replication = text(&["INFO", "replication"]);
            let synced = replication.contains("role:master") || replication.contains("master_link_status:up");
            let nodes = text(&["CLUSTER", "NODES"]);
            // Whoever has only just become a replica is a primary without slots to those who have not heard of it.
            let primaries = nodes.lines().filter(|line| line.contains("master")).count();
            let known = nodes.lines().count() == NODES
                && primaries == PRIMARIES
                && !nodes.contains("fail")
                && !nodes.contains("handshake");
            synced && known && text(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        })
    }
}

/// Runs it for so long, with faults chosen by the seed.
pub fn run(duration: Duration, seed: u64) -> Report {
    let mut field = Field::new();
    field.create();
    let shards = check::shards(&field.servers);
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let mut faults = Vec::new();
    let seeds: Vec<String> = field.servers.iter().map(Server::address).collect();
    let written: Vec<worker::Written> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..APPENDERS)
            .map(|name| {
                let (seeds, stop) = (&seeds, &stop);
                scope.spawn(move || worker::append(name, seeds, stop))
            })
            .collect();
        let mut nemesis = nemesis::Nemesis::new(seed);
        while begun.elapsed() < duration {
            nemesis.strike(&mut field, begun + duration);
        }
        nemesis.heal(&mut field);
        faults = nemesis.counts();
        stop.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().expect("an appender")).collect()
    });
    wait_for_within(SETTLE, "the cluster is well again", || field.is_well());
    let outcome = check::judge(&field.servers, &shards, &written);
    Report { seconds: begun.elapsed().as_secs(), partitions: field.namespaces.is_some(), faults, outcome }
}
