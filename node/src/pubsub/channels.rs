//! SUBSCRIBE, UNSUBSCRIBE and their pattern and shard forms.
//!
//! Each name gets a reply of its own, a push in RESP3: the word, the name, and how many subscriptions of that family the
//! session has now.

use super::{Kind, Subscriptions};
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::{Client, ReplyMode, Session};
use base::{Args, Slot};
use resp::Reply;

/// SUBSCRIBE channel [channel ...]
pub fn subscribe(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    join(node, client, Kind::Channel, args, reply)
}

/// PSUBSCRIBE pattern [pattern ...]
pub fn psubscribe(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    join(node, client, Kind::Pattern, args, reply)
}

/// SSUBSCRIBE shardchannel [shardchannel ...]
pub fn ssubscribe(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    // As in Redis, whose other two are allowed for old clients' sake.
    if node.unit.in_exec {
        return Err("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client".into());
    }
    join(node, client, Kind::Shard, args, reply)
}

/// UNSUBSCRIBE [channel [channel ...]]
pub fn unsubscribe(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    leave(node, client, Kind::Channel, args, reply)
}

/// PUNSUBSCRIBE [pattern [pattern ...]]
pub fn punsubscribe(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    leave(node, client, Kind::Pattern, args, reply)
}

/// SUNSUBSCRIBE [shardchannel [shardchannel ...]]
pub fn sunsubscribe(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    leave(node, client, Kind::Shard, args, reply)
}

fn join(node: &mut Node, client: Client, kind: Kind, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let mut pushed = Reply::new(reply.protocol());
    let muted = is_muted(session);
    let reply = if muted { &mut pushed } else { reply };
    let subscriptions = session.subscriptions.get_or_insert_default();
    for name in args.from(1).iter() {
        if kind.of(subscriptions).insert(name.to_vec()) {
            node.pubsub.add(kind, name, client);
        }
        confirm(reply, kind.subscribed(), Some(name), family_count(kind, subscriptions));
    }
    session.pushes.extend_from_slice(pushed.buffer());
    Ok(())
}

fn leave(node: &mut Node, client: Client, kind: Kind, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let mut pushed = Reply::new(reply.protocol());
    let muted = is_muted(session);
    let reply = if muted { &mut pushed } else { reply };
    let subscriptions = session.subscriptions.get_or_insert_default();
    let names: Vec<Vec<u8>> = if args.len() > 1 {
        args.from(1).iter().map(<[u8]>::to_vec).collect()
    } else {
        kind.of(subscriptions).iter().cloned().collect()
    };
    if names.is_empty() {
        confirm(reply, kind.unsubscribed(), None, family_count(kind, subscriptions));
    }
    for name in names {
        if kind.of(subscriptions).remove(&name) {
            node.pubsub.remove(kind, &name, client);
        }
        confirm(reply, kind.unsubscribed(), Some(&name), family_count(kind, subscriptions));
    }
    session.pushes.extend_from_slice(pushed.buffer());
    Ok(())
}

/// Whether CLIENT REPLY keeps replies back: confirmations are messages, and come all the same.
fn is_muted(session: &Session) -> bool {
    matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip)
}

fn family_count(kind: Kind, subscriptions: &Subscriptions) -> usize {
    if kind == Kind::Shard { subscriptions.shard_count() } else { subscriptions.count() }
}

fn confirm(reply: &mut Reply, word: &str, name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(word.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.int(count as i64);
}

/// Ends all subscriptions of a session without a word (RESET, closing).
pub(crate) fn leave_all(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    if let Some(subscriptions) = session.subscriptions.take() {
        node.pubsub.forget(client, &subscriptions);
    }
}

/// Slots were lost: their channels' subscribers are told `sunsubscribe`, unasked.
pub(crate) fn leave_lost_slots(node: &mut Node, serves: impl Fn(Slot) -> bool) {
    let lost: Vec<Vec<u8>> =
        node.pubsub.index(Kind::Shard).keys().filter(|name| !serves(Slot::of_key(name))).cloned().collect();
    for name in lost {
        let clients: Vec<Client> =
            node.pubsub.index(Kind::Shard).get(&name).into_iter().flatten().copied().collect();
        for client in clients {
            node.pubsub.remove(Kind::Shard, &name, client);
            let Some(session) = node.sessions.get_mut(client) else { continue };
            let Some(subscriptions) = session.subscriptions.as_mut() else { continue };
            subscriptions.shard_channels.remove(&name);
            let count = subscriptions.shard_count();
            node.push_to(client, |reply| confirm(reply, "sunsubscribe", Some(&name), count));
        }
    }
}
