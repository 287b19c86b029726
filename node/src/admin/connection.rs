//! PING, ECHO, SELECT: the smallest commands of a connection.

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, DbIndex, number};
use resp::{Protocol, Reply};

/// The handlers of this family.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "ping" => ping,
        "echo" => echo,
        "select" => select,
        _ => return None,
    })
}

/// PING [message]
///
/// A RESP2 client that has subscribed gets an array, so that it can tell the answer from a message.
fn ping(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 2 {
        return Err("ERR wrong number of arguments for 'ping' command".into());
    }
    let subscriber = node.sessions.get(client).is_some_and(|s| s.is_subscriber());
    if subscriber && reply.protocol() == Protocol::Resp2 {
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(args.at(1));
    } else if let Some(message) = args.get(1) {
        reply.bulk(message);
    } else {
        reply.simple("PONG");
    }
    Ok(())
}

/// ECHO message
fn echo(_node: &mut Node, _client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.bulk(args.at(1));
    Ok(())
}

/// SELECT index
fn select(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let index = number::parse_i64(args.at(1)).ok_or(Refusal::NOT_INTEGER)?;
    if i32::try_from(index).is_err() {
        return Err("ERR value is out of range, value must between -2147483648 and 2147483647".into());
    }
    if node.cluster.enabled && index != 0 {
        return Err("ERR SELECT is not allowed in cluster mode".into());
    }
    let db = u32::try_from(index).ok().filter(|db| *db < node.keyspace.databases());
    let Some(db) = db else { return Err("ERR DB index is out of range".into()) };
    if let Some(session) = node.sessions.get_mut(client) {
        session.db = DbIndex(db);
    }
    reply.ok();
    Ok(())
}
