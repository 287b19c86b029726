//! Waiting until the nodes of a cluster have found each other, and saying what keeps them apart.
//!
//! Done means: every node knows every other (no handshake under way) and all agree about the slots. The wait is
//! bounded; while it lasts, the nodes' own views and the bus ports are looked at every few seconds. A bus port that
//! refuses connections ends the wait early once the nodes make no progress: only the operator can change that. (It
//! may be closed to this machine alone; then the nodes do make progress.)

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use client::connection::resolve;
use client::error::describe;

use super::log::Log;
use super::remote::Remote;
use super::view::{LinkState, Node, signature};

/// How often the nodes are asked.
const POLL: Duration = Duration::from_millis(100);
/// How often what is wrong is reported.
const REPORT_EVERY: Duration = Duration::from_secs(5);
/// Longest wait while the bus ports can be reached, and what each node adds to it.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_PER_NODE: Duration = Duration::from_millis(500);
/// Longest wait while some bus port cannot be reached and nothing changes.
const PATIENCE_UNREACHABLE: Duration = Duration::from_secs(10);
/// Longest time for one probe of a bus port.
const PROBE: Duration = Duration::from_secs(1);
/// Missing acquaintances named in one report.
const NAMED: usize = 10;

/// Waits; false when the deadline has passed, which has been said.
pub fn wait(nodes: &mut [Remote], log: &Log) -> bool {
    log.plain("Waiting for the cluster to join\n");
    let start = Instant::now();
    let patience = PATIENCE + PATIENCE_PER_NODE * nodes.len() as u32;
    let (mut dots, mut reports, mut known) = (0, 0, 0);
    loop {
        let views: Vec<View> = nodes.iter_mut().map(Remote::nodes).collect();
        let ids: Vec<&str> = nodes.iter().map(|remote| remote.node.id.as_str()).collect();
        if is_joined(&views, &ids) {
            log.plain("\n");
            return true;
        }
        let elapsed = start.elapsed();
        if elapsed.as_secs() > dots {
            dots = elapsed.as_secs();
            log.plain(".");
        }
        if elapsed >= REPORT_EVERY * (reports + 1) {
            reports += 1;
            log.plain("\n");
            let refused = report(nodes, &views, log);
            let known_now = acquaintances(&views);
            let stuck = refused && known_now == known;
            known = known_now;
            let limit = if stuck { PATIENCE_UNREACHABLE } else { patience };
            if elapsed >= limit {
                log.error(&format!("[ERR] The cluster did not join within {} seconds.\n", elapsed.as_secs()));
                return false;
            }
        }
        std::thread::sleep(POLL);
    }
}

/// What one node says of all, or why it says nothing.
type View = Result<Vec<(Node, LinkState)>, String>;

fn is_joined(views: &[View], ids: &[&str]) -> bool {
    let knows = |view: &[(Node, LinkState)], id: &&str| {
        view.iter().any(|(node, _)| node.id == **id && !node.has_flag("handshake"))
    };
    let mut agreed = None;
    for view in views {
        let Ok(view) = view else { return false };
        let signature = signature(view);
        if signature.is_none() || !ids.iter().all(|id| knows(view, id)) {
            return false;
        }
        if *agreed.get_or_insert_with(|| signature.clone()) != signature {
            return false;
        }
    }
    true
}

/// How many nodes know how many: grows while the cluster is joining.
fn acquaintances(views: &[View]) -> usize {
    let met = |(node, _): &&(Node, LinkState)| !node.has_flag("handshake");
    views.iter().flatten().map(|view| view.iter().filter(met).count()).sum()
}

/// Says what keeps the nodes apart; true when a bus port cannot be reached from here.
fn report(nodes: &[Remote], views: &[View], log: &Log) -> bool {
    report_links(nodes, views, log);
    let mut refused = false;
    for remote in nodes {
        let Node { host, bus_port, .. } = &remote.node;
        if let Err(reason) = probe(host, *bus_port) {
            let address = remote.address();
            log.error(&format!("Node {address} cannot be reached on its bus port {bus_port}: {reason}.\n"));
            refused = true;
        }
    }
    report_strangers(nodes, views, log);
    refused
}

fn report_links(nodes: &[Remote], views: &[View], log: &Log) {
    let mut broken: BTreeMap<(String, u16), Vec<String>> = BTreeMap::new();
    for (remote, view) in nodes.iter().zip(views) {
        for (node, link) in view.iter().flatten() {
            let is_broken = *link == LinkState::Disconnected || node.has_flag("handshake");
            if is_broken && !node.has_flag("myself") {
                broken.entry((node.host.clone(), node.bus_port)).or_default().push(remote.address());
            }
        }
    }
    if broken.is_empty() {
        return;
    }
    log.error(&format!("Warning: {} node(s) may be unreachable\n", broken.len()));
    for ((host, bus_port), from) in broken {
        log.error(&format!(" - The port {bus_port} of node {host} may be unreachable from:\n"));
        for address in from {
            log.error(&format!("   {address}\n"));
        }
    }
    log.error(
        "Cluster bus ports must be reachable by every node.\n\
         Remember that cluster bus ports are different from standard instance ports.\n",
    );
}

fn report_strangers(nodes: &[Remote], views: &[View], log: &Log) {
    let mut named = 0;
    for (remote, view) in nodes.iter().zip(views) {
        let view = match view {
            Ok(view) => view,
            Err(error) => {
                log.error(&format!("Node {} does not answer: {error}.\n", remote.address()));
                continue;
            }
        };
        for other in nodes {
            if view.iter().any(|(node, _)| node.id == other.node.id) {
                continue;
            }
            named += 1;
            if named <= NAMED {
                let (here, there) = (remote.address(), other.address());
                log.error(&format!("Node {here} does not know node {there} yet.\n"));
            }
        }
    }
    if named > NAMED {
        log.error(&format!("... and {} more.\n", named - NAMED));
    }
}

/// Connects to a bus port and closes again; an error says why it cannot be done.
fn probe(host: &str, bus_port: u16) -> Result<(), String> {
    let addresses = resolve(host, bus_port).map_err(|error| describe(&error))?;
    let mut reason = String::from("no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, PROBE) {
            Ok(_) => return Ok(()),
            Err(error) => reason = describe(&error),
        }
    }
    Err(reason)
}
