//! PUBLISH, SPUBLISH and PUBSUB: messages on their way to local subscribers, to replicas and to the cluster.
//!
//! In a cluster a message goes to every node over the bus (a sharded one to the shard's nodes); outside of one it travels
//! to the replicas in the replication stream. Replies count local receivers only, as Redis does.

use super::Kind;
use crate::api::{Action, ToControl};
use crate::cluster::slot_stats;
use crate::effects;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::{Client, Role};
use base::{Args, DbIndex};
use repl::{Kind as RecordKind, Targets};
use resp::{Protocol, Reply};

/// PUBLISH channel message
pub fn publish(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let receivers = publish_local(node, args.at(1), args.at(2));
    spread(node, client, args, false);
    reply.int(receivers as i64);
    Ok(())
}

/// SPUBLISH shardchannel message
pub fn spublish(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let receivers = publish_shard(node, args.at(1), args.at(2));
    spread(node, client, args, true);
    reply.int(receivers as i64);
    Ok(())
}

fn spread(node: &mut Node, client: Client, args: Args<'_>, sharded: bool) {
    if node.cluster.enabled {
        node.actions.push_back(Action::Control(ToControl::Publish {
            channel: args.at(1).to_vec(),
            message: args.at(2).to_vec(),
            sharded,
        }));
        return;
    }
    // A primary's own message passes on to our replicas within its stream.
    if node.sessions.get(client).is_some_and(|s| s.role == Role::Primary) {
        return;
    }
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    effects::record(node, RecordKind::Publish, Targets::REPLICAS, db, None, args);
}

/// Delivers to the subscribers of the channel and of matching patterns on this node; how many there were.
pub(crate) fn publish_local(node: &mut Node, channel: &[u8], message: &[u8]) -> usize {
    let mut receivers = deliver(node, Kind::Channel, channel, channel, message);
    let matching: Vec<Vec<u8>> = node
        .pubsub
        .index(Kind::Pattern)
        .keys()
        .filter(|pattern| base::glob::matches(pattern, channel, false))
        .cloned()
        .collect();
    for pattern in matching {
        receivers += deliver(node, Kind::Pattern, &pattern, channel, message);
    }
    receivers
}

fn publish_shard(node: &mut Node, channel: &[u8], message: &[u8]) -> usize {
    deliver(node, Kind::Shard, channel, channel, message)
}

/// A message from another node of the cluster.
pub(crate) fn deliver_remote(node: &mut Node, channel: &[u8], message: &[u8], sharded: bool) {
    if sharded {
        publish_shard(node, channel, message);
    } else {
        publish_local(node, channel, message);
    }
}

fn deliver(node: &mut Node, kind: Kind, name: &[u8], channel: &[u8], message: &[u8]) -> usize {
    let Some(clients) = node.pubsub.index(kind).get(name) else { return 0 };
    let clients: Vec<Client> = clients.iter().copied().collect();
    let mut sent = 0;
    let mut encoded: [Option<Vec<u8>>; 2] = [None, None];
    for client in &clients {
        let Some(session) = node.sessions.get(*client) else { continue };
        let protocol = session.output.protocol();
        let bytes = encoded[usize::from(protocol == Protocol::Resp3)]
            .get_or_insert_with(|| encode(protocol, kind, name, channel, message));
        node.push_to(*client, |reply| reply.raw(bytes));
        sent += bytes.len();
    }
    if kind == Kind::Shard && node.cluster.slot_stats.is_enabled() {
        slot_stats::pushed(node, channel, sent);
    }
    clients.len()
}

fn encode(protocol: Protocol, kind: Kind, name: &[u8], channel: &[u8], message: &[u8]) -> Vec<u8> {
    let mut reply = Reply::new(protocol);
    match kind {
        Kind::Pattern => {
            reply.push(4);
            reply.bulk(b"pmessage");
            reply.bulk(name);
        }
        Kind::Channel => {
            reply.push(3);
            reply.bulk(b"message");
        }
        Kind::Shard => {
            reply.push(3);
            reply.bulk(b"smessage");
        }
    }
    reply.bulk(channel);
    reply.bulk(message);
    reply.take()
}

/// PUBSUB CHANNELS [pattern]
pub fn channels(node: &mut Node, _client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    list(node, Kind::Channel, args, reply)
}

/// PUBSUB SHARDCHANNELS [pattern]
pub fn shard_channels(node: &mut Node, _client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    list(node, Kind::Shard, args, reply)
}

fn list(node: &Node, kind: Kind, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 3 {
        return Err(crate::admin::subcommand_syntax(args));
    }
    let pattern = args.get(2);
    let place = reply.deferred_array();
    let mut count = 0;
    for name in node.pubsub.index(kind).keys() {
        if pattern.is_none_or(|p| base::glob::matches(p, name, false)) {
            reply.bulk(name);
            count += 1;
        }
    }
    reply.finish_array(place, count);
    Ok(())
}

/// PUBSUB NUMSUB [channel ...]
pub fn numsub(node: &mut Node, _client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    counts(node, Kind::Channel, args, reply)
}

/// PUBSUB SHARDNUMSUB [shardchannel ...]
pub fn shard_numsub(node: &mut Node, _client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    counts(node, Kind::Shard, args, reply)
}

fn counts(node: &Node, kind: Kind, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let names = args.from(2);
    reply.array(names.len() * 2);
    for name in names.iter() {
        reply.bulk(name);
        reply.int(node.pubsub.index(kind).get(name).map_or(0, |clients| clients.len()) as i64);
    }
    Ok(())
}

/// PUBSUB NUMPAT
pub fn numpat(node: &mut Node, _client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.int(node.pubsub.index(Kind::Pattern).len() as i64);
    Ok(())
}
