//! `--cluster create`: nodes that know nothing become a cluster.
//!
//! The order is redis-cli's: check every node, plan, ask, give the primaries their slots and everyone an epoch of its
//! own, let them meet, wait, make the replicas, check.

use std::time::{SystemTime, UNIX_EPOCH};

use base::Prng;
use client::connection::resolve;

use super::affinity::{self, Affinity};
use super::join;
use super::log::Log;
use super::plan::{self, PlanError, Step};
use super::remote::{Cluster, Remote};
use super::view::{ClusterView, Node};
use super::{Manager, check, split_address};
use crate::console;

/// `--cluster create host:port ...`.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    let log = &manager.log;
    let Some(mut cluster) = connect_all(manager, args) else { return false };
    let mut view = cluster.view();
    let steps = match plan::create(&view, manager.settings.cluster.replicas) {
        Ok(steps) => steps,
        Err(error) => {
            refuse(error, log);
            return false;
        }
    };
    log.info(&format!(">>> Performing hash slots allocation on {} nodes...\n", view.nodes.len()));
    show_plan(&view, &steps, log);
    plan::apply(&mut view, &steps);
    spread(&mut view, log);
    cluster.set_view(view);
    cluster.show(log);
    if !manager.confirm("Can I set the above configuration?") {
        return true;
    }
    execute(cluster, manager)
}

fn connect_all(manager: &Manager<'_>, args: &[String]) -> Option<Cluster> {
    let mut nodes: Vec<Remote> = Vec::new();
    for address in args {
        let Some((host, port)) = split_address(address) else {
            console::complain(&format!("Invalid address format: {address}\n"));
            return None;
        };
        let mut remote = Remote::connect(Node::at(&host, port), manager.settings, &manager.log)?;
        remote.load_member(&manager.log)?;
        if !remote.check_empty(&manager.log) {
            return None;
        }
        if nodes.iter().any(|other| other.node.id == remote.node.id) {
            manager.log.error(&format!("[ERR] Node {} is given more than once.\n", remote.address()));
            return None;
        }
        nodes.push(remote);
    }
    Some(Cluster { nodes, unreachable: 0 })
}

fn refuse(error: PlanError, log: &Log) {
    let PlanError::TooFewPrimaries { nodes, replicas } = error;
    let least = plan::MIN_PRIMARIES;
    log.error(&format!(
        "*** ERROR: Invalid configuration for cluster creation.\n\
         *** Redis Cluster requires at least {least} master nodes.\n\
         *** This is not possible with {nodes} nodes and {replicas} replicas per node."
    ));
    let required = replicas.saturating_add(1).saturating_mul(least);
    log.error(&format!("\n*** At least {required} nodes are required.\n"));
}

fn show_plan(view: &ClusterView, steps: &[Step], log: &Log) {
    for step in steps {
        log.plain(&match *step {
            Step::Slots { rank, first, last, .. } => format!("Master[{rank}] -> Slots {first} - {last}\n"),
            Step::Replica { node, primary } => {
                format!(
                    "Adding replica {} to {}\n",
                    view.nodes[node].address(),
                    view.nodes[primary].address()
                )
            }
            Step::Extra => String::from("Adding extra replicas...\n"),
        });
    }
}

fn spread(view: &mut ClusterView, log: &Log) {
    if affinity::is_perfect(view) {
        return;
    }
    log.info(">>> Trying to optimize slaves allocation for anti-affinity\n");
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    match affinity::optimize(view, &mut Prng::new(seed)) {
        Affinity::Untouched | Affinity::Perfect => log.ok("[OK] Perfect anti-affinity obtained!\n"),
        Affinity::WithPrimary => {
            log.warn("[WARNING] Some slaves are in the same host as their master\n");
        }
        Affinity::WithSibling => {
            log.warn("[WARNING] Some slaves of the same master are in the same host\n");
        }
    }
}

fn execute(mut cluster: Cluster, manager: &Manager<'_>) -> bool {
    let log = &manager.log;
    for remote in cluster.nodes.iter_mut().filter(|remote| remote.node.primary.is_none()) {
        if !add_slots(remote, log) {
            return false;
        }
    }
    log.info(">>> Nodes configuration updated\n");
    log.info(">>> Assign a different config epoch to each node\n");
    for (epoch, remote) in cluster.nodes.iter_mut().enumerate() {
        // A node that has an epoch already keeps it; collisions are settled by the nodes themselves.
        let _ = remote.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()]);
    }
    log.info(">>> Sending CLUSTER MEET messages to join the cluster\n");
    let Some((first, others)) = cluster.nodes.split_first_mut() else { return false };
    for remote in others {
        if !meet(remote, &first.node, log) {
            return false;
        }
    }
    if !join::wait(&mut cluster.nodes, log) {
        return false;
    }
    for remote in cluster.nodes.iter_mut() {
        let Some(primary) = remote.node.primary.clone().filter(|_| remote.node.planned) else { continue };
        if let Err(error) = remote.ask(&["CLUSTER", "REPLICATE", &primary]) {
            remote.print_error(&error, log);
            return false;
        }
    }
    let first = cluster.nodes.swap_remove(0);
    let Some(mut cluster) = Cluster::load_from(first, manager.settings, log) else { return false };
    check::check(&mut cluster, manager)
}

fn add_slots(remote: &mut Remote, log: &Log) -> bool {
    let mut words = vec![String::from("CLUSTER"), String::from("ADDSLOTS")];
    words.extend(remote.node.slots.0.iter().map(|slot| slot.number().to_string()));
    let added = remote.ask(&words);
    if let Err(error) = &added {
        remote.print_error(error, log);
    }
    remote.node.planned = false;
    added.is_ok()
}

/// Has `remote` meet `other`, whose name is looked up here: CLUSTER MEET wants an address.
pub fn meet(remote: &mut Remote, other: &Node, log: &Log) -> bool {
    let Some(address) = resolve(&other.host, other.port).ok().and_then(|all| all.into_iter().next()) else {
        console::complain(&format!("Invalid IP address or hostname specified: {}\n", other.host));
        return false;
    };
    let (ip, port) = (address.ip().to_string(), other.port.to_string());
    let mut words = vec![String::from("CLUSTER"), String::from("MEET"), ip, port];
    if other.bus_port != 0 && u32::from(other.bus_port) != u32::from(other.port) + 10_000 {
        words.push(other.bus_port.to_string());
    }
    match remote.ask(&words) {
        Ok(_) => true,
        Err(error) => {
            remote.print_error(&error, log);
            false
        }
    }
}
