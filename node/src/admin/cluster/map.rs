//! CLUSTER SLOTS and CLUSTER SHARDS: who serves which slots, as clients learn it.

use crate::cluster::redirect;
use base::{NodeId, SLOT_COUNT};
use cluster::{NodeFlags, NodeView, Topology};
use config::EndpointType;
use resp::Reply;
use std::collections::BTreeMap;

/// What an answer depends on besides the topology.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// The client came over TLS and is told TLS ports.
    pub tls: bool,
    /// What it is told to connect to.
    pub endpoint: EndpointType,
    /// The client came over IPv6.
    pub v6: bool,
    /// This node's own replication offset; the topology's may be a second old.
    pub my_offset: i64,
}

impl View {
    fn port(&self, node: &NodeView) -> i64 {
        i64::from(if self.tls { node.tls_port } else { node.port })
    }
}

/// CLUSTER SLOTS: an array of `[first, last, primary, replica...]`.
pub(super) fn slots(topology: &Topology, view: &View, reply: &mut Reply) {
    let runs = runs(topology);
    reply.array(runs.len());
    for (first, last, owner) in runs {
        let owner = &topology.nodes[owner];
        let replicas: Vec<&NodeView> =
            topology.replicas(&owner.id).filter(|n| is_available(n, view)).collect();
        reply.array(3 + replicas.len());
        reply.int(first as i64);
        reply.int(last as i64);
        endpoint(owner, view, reply);
        for replica in replicas {
            endpoint(replica, view, reply);
        }
    }
}

/// Whether clients are told about a replica: not failed, and it has some data.
fn is_available(replica: &NodeView, view: &View) -> bool {
    !replica.is_failed() && offset(replica, view) != 0
}

fn offset(node: &NodeView, view: &View) -> i64 {
    if node.flags.has(NodeFlags::MYSELF) { view.my_offset } else { node.repl_offset.0 as i64 }
}

/// Maximal runs of slots with one owner: first, last, the owner's place.
fn runs(topology: &Topology) -> Vec<(usize, usize, usize)> {
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (slot, owner) in topology.slots.iter().enumerate().take(SLOT_COUNT) {
        let owner = usize::from(*owner);
        if owner >= topology.nodes.len() {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.1 + 1 == slot && run.2 == owner => run.1 = slot,
            _ => runs.push((slot, slot, owner)),
        }
    }
    runs
}

/// A node in CLUSTER SLOTS: what to connect to, port, id, and the endpoints that are not preferred.
fn endpoint(node: &NodeView, view: &View, reply: &mut Reply) {
    reply.array(4);
    match view.endpoint {
        EndpointType::UnknownEndpoint => reply.null(),
        kind => reply.bulk(redirect::endpoint(node, kind, view.v6).as_bytes()),
    }
    reply.int(view.port(node));
    reply.bulk(node.id.to_string().as_bytes());
    let ip = view.endpoint != EndpointType::Ip;
    let hostname = view.endpoint != EndpointType::Hostname && !node.hostname.is_empty();
    reply.map(usize::from(ip) + usize::from(hostname));
    if ip {
        reply.bulk(b"ip");
        reply.bulk(node.client_ip(view.v6).as_bytes());
    }
    if hostname {
        reply.bulk(b"hostname");
        reply.bulk(node.hostname.as_bytes());
    }
}

/// CLUSTER SHARDS: an array of maps with the slots and the nodes of each shard.
pub(super) fn shards(topology: &Topology, view: &View, reply: &mut Reply) {
    let mut shards: BTreeMap<NodeId, Vec<&NodeView>> = BTreeMap::new();
    for node in topology.nodes.iter().filter(|n| !n.flags.has(NodeFlags::HANDSHAKE)) {
        shards.entry(node.shard_id).or_default().push(node);
    }
    reply.array(shards.len());
    for nodes in shards.values() {
        reply.map(2);
        reply.bulk(b"slots");
        shard_slots(topology, nodes, reply);
        reply.bulk(b"nodes");
        reply.array(nodes.len());
        for node in nodes {
            shard_node(node, view, reply);
        }
    }
}

/// The slots of a shard are its primary's, or those of the primary that is still the owner: pairs of first and last.
fn shard_slots(topology: &Topology, nodes: &[&NodeView], reply: &mut Reply) {
    let first = nodes[0];
    let owner = nodes.iter().find(|node| !node.slots.is_empty()).copied();
    let primary = owner.or_else(|| first.primary.and_then(|id| topology.node(&id))).unwrap_or(first);
    let ranges: Vec<_> = primary.slots.ranges().collect();
    reply.array(ranges.len() * 2);
    for (first, last) in ranges {
        reply.int(i64::from(first.number()));
        reply.int(i64::from(last.number()));
    }
}

fn shard_node(node: &NodeView, view: &View, reply: &mut Reply) {
    let offset = offset(node, view);
    let replica = !node.is_primary();
    let health = if node.is_failed() {
        "fail"
    } else if replica && offset == 0 {
        "loading"
    } else {
        "online"
    };
    let endpoint = redirect::endpoint(node, view.endpoint, view.v6);
    let place = reply.deferred();
    let mut fields = 6;
    text(reply, "id", &node.id.to_string());
    for (name, port) in [("port", node.port), ("tls-port", node.tls_port)] {
        if port != 0 {
            reply.bulk(name.as_bytes());
            reply.int(i64::from(port));
            fields += 1;
        }
    }
    text(reply, "ip", node.client_ip(view.v6));
    text(reply, "endpoint", endpoint);
    if !node.hostname.is_empty() {
        text(reply, "hostname", &node.hostname);
        fields += 1;
    }
    text(reply, "role", if replica { "replica" } else { "master" });
    reply.bulk(b"replication-offset");
    reply.int(offset);
    text(reply, "health", health);
    reply.finish_map(place, fields);
}

fn text(reply: &mut Reply, name: &str, value: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}
