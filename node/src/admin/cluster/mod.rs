//! CLUSTER, ASKING, READONLY, READWRITE.
//!
//! What only reads is answered here and now from the published topology. What changes the cluster becomes a
//! [`Command`] for the control thread with the arguments as they came; its answer fills a reply slot. All texts of
//! refusals are [`CommandError`]'s.

pub(crate) mod cached;
pub(crate) mod events;
pub(crate) mod explain;
mod info;
mod map;
mod mutate;
mod nodes;
mod slot_stats;

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, Session};
use base::{Args, NodeId, Slot, number};
use cached::Kind;
use cluster::{CommandError, NodeView, Topology};
use map::View;
use resp::Reply;
use std::sync::Arc;

/// Handlers of the commands above.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "asking" => asking,
        "readonly" => readonly,
        "readwrite" => readwrite,
        "cluster|help" => help,
        "cluster|nodes" => list_nodes,
        "cluster|slots" => slots,
        "cluster|shards" => shards,
        "cluster|info" => cluster_info,
        "cluster|links" => links,
        "cluster|slot-stats" => slot_stats::slot_stats,
        "cluster|myid" => my_id,
        "cluster|myshardid" => my_shard_id,
        "cluster|keyslot" => key_slot,
        "cluster|countkeysinslot" => count_keys_in_slot,
        "cluster|getkeysinslot" => get_keys_in_slot,
        "cluster|replicas" | "cluster|slaves" => replicas,
        "cluster|count-failure-reports" => count_failure_reports,
        _ => return mutate::handler(name),
    })
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        error.to_string().into()
    }
}

/// The view that commands are answered from; refuses outside a cluster.
fn topology(node: &Node) -> Result<Arc<Topology>, Refusal> {
    if !node.cluster.enabled {
        return Err(CommandError::Disabled.into());
    }
    node.cluster.topology.clone().ok_or(Refusal::from("CLUSTERDOWN The cluster is down"))
}

fn view(node: &Node, client: Client) -> View {
    let endpoint = node.config.settings.cluster_preferred_endpoint_type;
    let v6 = node.sessions.get(client).is_some_and(Session::is_v6);
    // Who is loading a full sync has none yet.
    let my_offset = if crate::replication::is_loading(node) { 0 } else { node.log.offset().0 as i64 };
    View { tls: false, endpoint, v6, my_offset }
}

/// The node that an argument names in full.
fn named<'t>(topology: &'t Topology, name: &[u8]) -> Result<&'t NodeView, Refusal> {
    let found = NodeId::parse(name).and_then(|id| topology.node(&id));
    found.ok_or_else(|| CommandError::UnknownNode(name.to_vec()).into())
}

fn integer(text: &[u8]) -> Result<i64, Refusal> {
    number::parse_i64(text).ok_or(Refusal::NOT_INTEGER)
}

fn slot(number: i64) -> Option<Slot> {
    u64::try_from(number).ok().and_then(Slot::new)
}

/// ASKING.
fn asking(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    set_on_session(node, client, reply, |session| session.asking = true)
}

/// READONLY.
fn readonly(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    set_on_session(node, client, reply, |session| session.readonly = true)
}

/// READWRITE.
fn readwrite(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    set_on_session(node, client, reply, |session| session.readonly = false)
}

fn set_on_session(node: &mut Node, client: Client, reply: &mut Reply, set: fn(&mut Session)) -> Outcome {
    topology(node)?;
    if let Some(session) = node.sessions.get_mut(client) {
        set(session);
    }
    reply.ok();
    Ok(())
}

/// CLUSTER HELP.
fn help(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    topology(node)?;
    super::help::help(node, client, args, reply)
}

/// CLUSTER NODES.
fn list_nodes(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    cached::answer(node, client, Kind::Nodes, reply, |topology, view, reply| {
        reply.verbatim("txt", nodes::nodes(topology, view.tls, view.v6).as_bytes());
    })
}

/// CLUSTER SLOTS.
fn slots(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    cached::answer(node, client, Kind::Slots, reply, map::slots)
}

/// CLUSTER SHARDS.
fn shards(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    cached::answer(node, client, Kind::Shards, reply, map::shards)
}

/// CLUSTER INFO.
fn cluster_info(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let text = info::info(&*topology(node)?);
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// CLUSTER LINKS.
fn links(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    info::links(&topology(node)?.links, reply);
    Ok(())
}

/// CLUSTER MYID.
fn my_id(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.bulk(topology(node)?.myself().id.as_str().as_bytes());
    Ok(())
}

/// CLUSTER MYSHARDID.
fn my_shard_id(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.bulk(topology(node)?.myself().shard_id.as_str().as_bytes());
    Ok(())
}

/// CLUSTER KEYSLOT key.
fn key_slot(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    topology(node)?;
    reply.int(i64::from(Slot::of_key(args.at(2)).number()));
    Ok(())
}

/// CLUSTER COUNTKEYSINSLOT slot.
fn count_keys_in_slot(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    topology(node)?;
    let slot = slot(integer(args.at(2))?).ok_or(CommandError::InvalidSlotNumber)?;
    reply.int(node.keyspace.count_in_slot(slot) as i64);
    Ok(())
}

/// CLUSTER GETKEYSINSLOT slot count.
fn get_keys_in_slot(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    topology(node)?;
    let (number, count) = (integer(args.at(2))?, integer(args.at(3))?);
    let slot = slot(number).ok_or(CommandError::InvalidSlotOrCount)?;
    let count = usize::try_from(count).map_err(|_| CommandError::InvalidSlotOrCount)?;
    let keys = node.keyspace.keys_in_slot(slot, count);
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

/// CLUSTER REPLICAS node-id.
fn replicas(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let topology = topology(node)?;
    let primary = named(&topology, args.at(2))?;
    if !primary.is_primary() {
        return Err(CommandError::NotPrimary.into());
    }
    let replicas: Vec<&NodeView> = topology.replicas(&primary.id).collect();
    let v6 = node.sessions.get(client).is_some_and(Session::is_v6);
    reply.array(replicas.len());
    for replica in replicas {
        let mut line = String::new();
        nodes::line(&topology, replica, false, v6, &mut line);
        reply.bulk(line.as_bytes());
    }
    Ok(())
}

/// CLUSTER COUNT-FAILURE-REPORTS node-id.
fn count_failure_reports(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let topology = topology(node)?;
    reply.int(i64::from(named(&topology, args.at(2))?.failure_reports));
    Ok(())
}
