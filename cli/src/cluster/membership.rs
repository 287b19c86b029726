//! `--cluster add-node` and `--cluster del-node`.

use client::Value;

use super::log::Log;
use super::remote::{Cluster, Remote};
use super::view::Node;
use super::{Manager, check, create, host_and_port, join};

/// `--cluster add-node new_host:new_port existing_host:existing_port`.
pub fn add_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let log = &manager.log;
    let (Some((host, port)), Some((known_host, known_port))) =
        (host_and_port(&args[..1]), host_and_port(&args[1..]))
    else {
        return false;
    };
    log.info(&format!(">>> Adding node {host}:{port} to cluster {known_host}:{known_port}\n"));
    let Some(mut cluster) = manager.load(&known_host, known_port) else { return false };
    if !check::check(&mut cluster, manager) {
        return false;
    }
    let primary = match choose_primary(&cluster, manager) {
        Ok(primary) => primary,
        Err(()) => return false,
    };
    let Some(mut new) = Remote::connect(Node::at(&host, port), manager.settings, log) else {
        log.error(&format!("[ERR] Sorry, can't connect to node {host}:{port}\n"));
        return false;
    };
    if new.load_member(log).is_none() || !new.check_empty(log) {
        return false;
    }
    // A replica gets the functions from its primary.
    if primary.is_none() && !copy_functions(&mut cluster.nodes[0], &mut new, log) {
        return false;
    }
    log.info(&format!(">>> Send CLUSTER MEET to node {host}:{port} to make it join the cluster.\n"));
    if !create::meet(&mut new, &cluster.nodes[0].node, log) {
        return false;
    }
    if let Some(primary) = primary {
        cluster.nodes.push(new);
        if !join::wait(&mut cluster.nodes, log) || !replicate_last(&mut cluster, &primary, log) {
            return false;
        }
    }
    log.ok("[OK] New node added correctly.\n");
    true
}

/// The primary of the new node when it shall be a replica.
fn choose_primary(cluster: &Cluster, manager: &Manager<'_>) -> Result<Option<Node>, ()> {
    let settings = &manager.settings.cluster;
    if !settings.replica {
        return Ok(None);
    }
    let view = cluster.view();
    match &settings.primary_id {
        Some(id) => match view.by_id(id) {
            Some(node) => Ok(Some(node.clone())),
            None => {
                manager.log.error(&format!("[ERR] No such master ID {id}\n"));
                Err(())
            }
        },
        None => {
            let Some(node) = view.least_replicated(|_| true) else {
                manager.log.error("[ERR] There is no master to replicate.\n");
                return Err(());
            };
            manager.log.plain(&format!("Automatically selected master {}\n", node.address()));
            Ok(Some(node.clone()))
        }
    }
}

fn replicate_last(cluster: &mut Cluster, primary: &Node, log: &Log) -> bool {
    let Some(new) = cluster.nodes.last_mut() else { return false };
    log.info(&format!(">>> Configure node as replica of {}.\n", primary.address()));
    match new.ask(&["CLUSTER", "REPLICATE", &primary.id]) {
        Ok(_) => true,
        Err(error) => {
            new.print_error(&error, log);
            false
        }
    }
}

/// A new primary must be able to run what the cluster's scripts call.
pub fn copy_functions(from: &mut Remote, to: &mut Remote, log: &Log) -> bool {
    log.info(">>> Getting functions from cluster\n");
    let dump = match from.ask(&["FUNCTION", "DUMP"]) {
        Ok(dump) => dump.as_bytes().unwrap_or(b"").to_vec(),
        Err(error) => {
            log.info(&format!(
                ">>> Failed retrieving Functions from the cluster, skip this step as Redis version do not support function command (error = '{error}')\n"
            ));
            return true;
        }
    };
    let address = to.address();
    log.info(&format!(">>> Send FUNCTION LIST to {address} to verify there is no functions in it\n"));
    match to.ask(&["FUNCTION", "LIST"]) {
        Ok(Value::Array(list)) if !list.is_empty() => {
            log.error(">>> New node already contains functions and can not be added to the cluster. Use FUNCTION FLUSH and try again.\r\n");
            return false;
        }
        Ok(_) => {}
        Err(error) => {
            log.error(&format!(">>> Failed on CLUSTER LIST (error = '{error}')\r\n"));
            return false;
        }
    }
    log.info(&format!(">>> Send FUNCTION RESTORE to {address}\n"));
    match to.ask(&[b"FUNCTION".as_slice(), b"RESTORE", &dump]) {
        Ok(_) => true,
        Err(error) => {
            log.error(&format!(">>> Failed loading functions to the new node (error = '{error}')\r\n"));
            false
        }
    }
}

/// `--cluster del-node host:port node_id`.
pub fn delete_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let log = &manager.log;
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let id = args[1].to_ascii_lowercase();
    log.info(&format!(">>> Removing node {} from cluster {host}:{port}\n", args[1]));
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let Some(at) = cluster.nodes.iter().position(|remote| remote.node.id == id) else {
        log.error(&format!("[ERR] No such node ID {}\n", args[1]));
        return false;
    };
    let mut gone = cluster.nodes.remove(at);
    if !gone.node.slots.0.is_empty() {
        log.error(&format!("[ERR] Node {} is not empty! Reshard data away and try again.\n", gone.address()));
        return false;
    }
    log.info(">>> Sending CLUSTER FORGET messages to the cluster...\n");
    if !forget(&mut cluster, &id, log) {
        return false;
    }
    log.info(">>> Sending CLUSTER RESET SOFT to the deleted node.\n");
    match gone.ask(&["CLUSTER", "RESET", "SOFT"]) {
        Ok(_) => true,
        Err(error) => {
            gone.print_error(&error, log);
            false
        }
    }
}

/// Every remaining node forgets `id`; its replicas find another primary first.
pub fn forget(cluster: &mut Cluster, id: &str, log: &Log) -> bool {
    for at in 0..cluster.nodes.len() {
        if cluster.nodes[at].node.primary.as_deref() == Some(id) && !adopt(cluster, at, log) {
            return false;
        }
        let remote = &mut cluster.nodes[at];
        if let Err(error) = remote.ask(&["CLUSTER", "FORGET", id]) {
            remote.print_error(&error, log);
            return false;
        }
    }
    true
}

fn adopt(cluster: &mut Cluster, at: usize, log: &Log) -> bool {
    let mut view = cluster.view();
    view.count_replicas();
    let Some(primary) = view.least_replicated(|_| true).cloned() else {
        log.error("[ERR] There is no master left for its replicas.\n");
        return false;
    };
    let remote = &mut cluster.nodes[at];
    log.info(&format!(">>> {} as replica of {}\n", remote.address(), primary.address()));
    match remote.ask(&["CLUSTER", "REPLICATE", &primary.id]) {
        Ok(_) => {
            remote.node.primary = Some(primary.id);
            true
        }
        Err(error) => {
            remote.print_error(&error, log);
            false
        }
    }
}
