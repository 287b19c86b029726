//! CLUSTER NODES and CLUSTER REPLICAS: one line per node, in the format that nodes.conf and every client share.
//!
//! `<id> <ip>:<port>@<bus-port>[,<hostname>] <flags> <primary or -> <ping-sent> <pong-received> <epoch> <link> <slots...>`,
//! with the slots on the move behind this node's own. Answered from the published [`Topology`] alone.

use cluster::{NodeFlags, NodeView, Topology};
use std::fmt::Write;

/// All nodes, one line each.
pub(super) fn nodes(topology: &Topology, tls: bool, v6: bool) -> String {
    let mut out = String::new();
    for node in &topology.nodes {
        line(topology, node, tls, v6, &mut out);
        out.push('\n');
    }
    out
}

/// Appends the line of one node, without a line end. `tls`: the TLS port is the one to show; `v6`: the client came over IPv6.
pub(super) fn line(topology: &Topology, node: &NodeView, tls: bool, v6: bool, out: &mut String) {
    let port = if tls { node.tls_port } else { node.port };
    let _ = write!(out, "{} {}:{port}@{}", node.id, node.client_ip(v6), node.bus_port);
    if !node.hostname.is_empty() {
        let _ = write!(out, ",{}", node.hostname);
    }
    let _ = write!(out, " {} ", node.flags);
    match &node.primary {
        Some(primary) => {
            let _ = write!(out, "{primary}");
        }
        None => out.push('-'),
    }
    let me = node.flags.has(NodeFlags::MYSELF);
    let link = if node.link_up || me { "connected" } else { "disconnected" };
    let (ping, pong) = (node.ping_sent.0, node.pong_received.0);
    let _ = write!(out, " {ping} {pong} {} {link}", node.config_epoch.0);
    for (first, last) in node.slots.ranges() {
        let _ = if first == last { write!(out, " {first}") } else { write!(out, " {first}-{last}") };
    }
    if me {
        moving_slots(topology, out);
    }
}

/// `[slot->-id]` and `[slot-<-id]`, in the order of the slots; a slot that moves both ways shows where it goes.
fn moving_slots(topology: &Topology, out: &mut String) {
    let arriving = topology.importing.iter().filter(|(slot, _)| !topology.migrating.contains_key(slot));
    let mut moving: Vec<_> = topology.migrating.iter().map(|(slot, node)| (slot, "->-", node)).collect();
    moving.extend(arriving.map(|(slot, node)| (slot, "-<-", node)));
    moving.sort_by_key(|(slot, ..)| **slot);
    for (slot, arrow, node) in moving {
        let _ = write!(out, " [{slot}{arrow}{node}]");
    }
}
