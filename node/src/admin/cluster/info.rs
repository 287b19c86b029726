//! CLUSTER INFO and CLUSTER LINKS.

use cluster::topology::MESSAGE_TYPES;
use cluster::{LinkView, Topology};
use resp::Reply;
use std::fmt::Write;

/// The text of CLUSTER INFO: `name:value` lines.
pub(super) fn info(topology: &Topology) -> String {
    let assigned = topology.slots_assigned();
    let (pfail, fail) = topology.slots_failing();
    let me = topology.myself();
    let mut out = String::new();
    let mut field = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(out, "{name}:{value}\r\n");
    };
    field("cluster_state", &topology.state.as_str());
    field("cluster_slots_assigned", &assigned);
    field("cluster_slots_ok", &assigned.saturating_sub(pfail + fail));
    field("cluster_slots_pfail", &pfail);
    field("cluster_slots_fail", &fail);
    field("cluster_known_nodes", &topology.nodes.len());
    field("cluster_size", &topology.size);
    field("cluster_current_epoch", &topology.current_epoch.0);
    field("cluster_my_epoch", &me.config_epoch.0);
    messages(&mut out, "sent", &topology.stats.sent);
    messages(&mut out, "received", &topology.stats.received);
    let exceeded = topology.stats.links_buffer_limit_exceeded;
    let _ = write!(out, "total_cluster_links_buffer_limit_exceeded:{exceeded}\r\n");
    // Redis has no such thing: nothing is said before there is something to say.
    if topology.stats.refused_peers > 0 {
        let _ = write!(out, "cluster_bus_refused_peers:{}\r\n", topology.stats.refused_peers);
    }
    if let Some(place) = &topology.name_taken_by {
        let _ = write!(out, "cluster_name_taken_by:{place}\r\n");
    }
    if let Some(error) = &topology.save_error {
        let _ = write!(out, "cluster_config_file_error:{error}\r\n");
    }
    out
}

/// Counters of one direction: types that never occurred are left out, the sum is always there.
fn messages(out: &mut String, direction: &str, counts: &[u64]) {
    for (name, count) in MESSAGE_TYPES.iter().zip(counts).filter(|(_, count)| **count > 0) {
        let _ = write!(out, "cluster_stats_messages_{name}_{direction}:{count}\r\n");
    }
    let sum: u64 = counts.iter().sum();
    let _ = write!(out, "cluster_stats_messages_{direction}:{sum}\r\n");
}

/// CLUSTER LINKS: a map per bus connection.
pub(super) fn links(links: &[LinkView], reply: &mut Reply) {
    reply.array(links.len());
    for link in links {
        reply.map(6);
        let mut text = |name: &str, value: &str| {
            reply.bulk(name.as_bytes());
            reply.bulk(value.as_bytes());
        };
        text("direction", if link.outbound { "to" } else { "from" });
        text("node", &link.node.to_string());
        reply.bulk(b"create-time");
        reply.int(link.created.0);
        reply.bulk(b"events");
        reply.bulk(if link.send_buffered > 0 { b"rw" } else { b"r" });
        for name in ["send-buffer-allocated", "send-buffer-used"] {
            reply.bulk(name.as_bytes());
            reply.int(link.send_buffered as i64);
        }
    }
}
