//! `--cluster backup`: a snapshot of every primary, and the layout as JSON.

use super::view::{Node, slots_text};
use super::{Manager, check, host_and_port};
use crate::transfer::rdb;

/// `--cluster backup host:port directory`.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    let log = &manager.log;
    let healthy = check::check(&mut cluster, manager);
    let folder = args[1].trim_end_matches('/').to_string();
    let mut nodes = Vec::new();
    for mut remote in cluster.nodes {
        nodes.push(json(&remote.node, healthy));
        if remote.node.primary.is_some() {
            continue;
        }
        log.info(&format!(">>> Node {} -> Saving RDB...\n", remote.address()));
        let Node { host, port, id, .. } = &remote.node;
        let file = format!("{folder}/redis-node-{host}-{port}-{id}.rdb");
        // The connection is a replica's from here on, and of no use for anything else.
        if rdb::save(remote.connection(), &file, false).is_err() {
            log.ok("[ERR] Failed to back cluster!\n");
            return false;
        }
    }
    let file = format!("{folder}/nodes.json");
    log.info(&format!("Saving cluster configuration to: {file}\n"));
    if std::fs::write(&file, format!("[\n{}\n]", nodes.join(",\n"))).is_err() {
        log.error(&format!("Could not save nodes to: {file}\n"));
        log.ok("[ERR] Failed to back cluster!\n");
        return false;
    }
    if !healthy {
        log.warn(
            "*** Cluster seems to have some problems, please be aware of it if you're going to restore this backup.\n",
        );
    }
    log.ok(&format!("[OK] Backup created into: {}\n", args[1]));
    true
}

fn json(node: &Node, healthy: bool) -> String {
    let primary = node.primary.as_ref().map_or(String::from("null"), |id| format!("\"{id}\""));
    let flags: Vec<&str> = node.flags.iter().map(String::as_str).filter(|flag| *flag != "myself").collect();
    let mut text = format!(
        "  {{\n    \"name\": \"{}\",\n    \"host\": \"{}\",\n    \"port\": {},\n    \"replicate\": {primary},\n    \"slots\": [{}],\n    \"slots_count\": {},\n    \"flags\": \"{}\",\n    \"current_epoch\": {}",
        node.id,
        node.host,
        node.port,
        slots_text(&node.slots.0).replace('-', ","),
        node.slots.0.len(),
        flags.join(","),
        node.config_epoch
    );
    if !healthy {
        text.push_str(",\n    \"cluster_errors\": 1");
    }
    for (name, slots) in [("migrating", &node.migrating), ("importing", &node.importing)] {
        if !slots.is_empty() {
            let pairs: Vec<String> = slots.iter().map(|(slot, id)| format!("\"{slot}\": \"{id}\"")).collect();
            text.push_str(&format!(",\n    \"{name}\": {{{}}}", pairs.join(",")));
        }
    }
    text + "\n  }"
}
