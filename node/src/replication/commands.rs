//! REPLICAOF, SLAVEOF, ROLE, REPLCONF, PSYNC, SYNC.

use super::{failover, keep, primary, replica, with_primary};
use crate::admin::AdminHandler;
use crate::api::{Action, LogLevel};
use crate::blocking;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, Role};
use base::Args;
use repl::{LinkState, Peer, ReplconfReply};
use resp::Reply;

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "replicaof" | "slaveof" => replicaof,
        "role" => role,
        "replconf" => replconf,
        "psync" | "sync" => psync,
        "failover" => failover::command,
        _ => return None,
    })
}

/// REPLICAOF host port | NO ONE
fn replicaof(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if node.cluster.enabled {
        return Err("ERR REPLICAOF not allowed in cluster mode.".into());
    }
    if failover::is_running(node) {
        return Err("ERR REPLICAOF not allowed while failing over.".into());
    }
    let who = crate::admin::client::log_line(node, client);
    if args.at(1).eq_ignore_ascii_case(b"no") && args.at(2).eq_ignore_ascii_case(b"one") {
        if super::is_replica(node) {
            replica::promote(node);
            node.config.settings.replicaof = None;
            node.log(LogLevel::Notice, format!("MASTER MODE enabled (user request from '{who}')"));
        }
        reply.ok();
        return Ok(());
    }
    if node.sessions.get(client).is_some_and(|s| s.role == Role::Replica) {
        return Err("ERR Command is not valid when client is a replica.".into());
    }
    let port = base::number::parse_i64(args.at(2)).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(Refusal::from("ERR Invalid master port"))?;
    let host = resp::reply::lossy(args.at(1));
    let same = node.replication.upstream.as_ref().is_some_and(|upstream| {
        let config = upstream.machine.config();
        config.host.eq_ignore_ascii_case(&host) && config.port == port
    });
    if same {
        node.log(
            LogLevel::Notice,
            "REPLICAOF would result into synchronization with the master we are already connected with. No operation \
             performed.",
        );
        reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    replica::follow(node, None, &host, port);
    node.config.settings.replicaof = Some((host.clone(), port));
    node.log(LogLevel::Notice, format!("REPLICAOF {host}:{port} enabled (user request from '{who}')"));
    reply.ok();
    Ok(())
}

/// ROLE
fn role(node: &mut Node, _client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    if let Some(upstream) = &node.replication.upstream {
        let config = upstream.machine.config();
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(config.host.as_bytes());
        reply.int(i64::from(config.port));
        reply.bulk(upstream.machine.phase().role_name().as_bytes());
        reply.int(if upstream.machine.is_streaming() { node.log.offset().0 as i64 } else { -1 });
        return Ok(());
    }
    reply.array(3);
    reply.bulk(b"master");
    reply.int(node.log.offset().0 as i64);
    let online = |state| matches!(state, LinkState::Online | LinkState::AwaitingAck);
    let replicas: Vec<_> =
        node.replication.primary.replicas(node.now.mono).filter(|r| online(r.state)).collect();
    reply.array(replicas.len());
    for replica in replicas {
        reply.array(3);
        reply.bulk(replica.ip.as_bytes());
        reply.bulk(replica.port.to_string().as_bytes());
        reply.bulk(replica.acked.to_string().as_bytes());
    }
    Ok(())
}

/// REPLCONF option value [option value ...]
fn replconf(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get(client) else { return Ok(()) };
    let (peer, id) = (peer_ip(&session.peer.peer), session.id);
    let peer = Peer { ip: &peer, client_id: id };
    let answer = node.replication.primary.handle_replconf(node.now.mono, client.conn(), peer, args);
    primary::drive(node);
    match answer {
        ReplconfReply::Ok => reply.ok(),
        ReplconfReply::Error(text) => return Err(text.into()),
        ReplconfReply::Silent => {
            if !node.waiting_for_replicas.is_empty() {
                blocking::replicas_advanced(node);
            }
        }
        ReplconfReply::Holds(held) => match keep::lacked(node, held) {
            Some(offset) => reply.simple(&format!("LACKS {offset}")),
            None => reply.ok(),
        },
        ReplconfReply::SendAck => replica::acknowledge_soon(node, client),
    }
    Ok(())
}

/// PSYNC replicationid offset, SYNC: the connection becomes a replica's.
fn psync(node: &mut Node, client: Client, args: Args<'_>, _reply: &mut Reply) -> Outcome {
    let hands_over = args.at(0).eq_ignore_ascii_case(b"psync")
        && args.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"failover"));
    if hands_over {
        failover::take_over(node, client, args.at(1))?;
    }
    if failover::is_running(node) {
        return Err("NOMASTERLINK Can't SYNC while failing over".into());
    }
    if keeps_replicas_off(node) {
        // The words that every replica takes for "try again later", keeping its data.
        return Err("NOMASTERLINK Can't SYNC while not connected with my master".into());
    }
    let Some(session) = node.sessions.get(client) else { return Ok(()) };
    let (peer, id) = (peer_ip(&session.peer.peer), session.id);
    let now = node.now.mono;
    let link_up = replica::is_streaming(node);
    let refused = with_primary(node, |primary, context| {
        let peer = Peer { ip: &peer, client_id: id };
        primary.handle_sync(now, client.conn(), peer, args, link_up, context)
    });
    if let Some(text) = refused {
        primary::drive(node);
        return Err(text.into());
    }
    if let Some(session) = node.sessions.get_mut(client) {
        session.role = Role::Replica;
        if node.config.settings.repl_disable_tcp_nodelay {
            node.actions.push_back(Action::GatherWrites { conn: client.conn() });
        }
    }
    primary::drive(node);
    Ok(())
}

/// A primary that just started does not know yet whether its replicas hold more than it does (rule 17 of the cluster):
/// whoever synchronized now would replace its data by less.
fn keeps_replicas_off(node: &Node) -> bool {
    node.cluster.enabled
        && node.cluster.view().is_none_or(
            |view| matches!(view.state, cluster::State::Fail(reason) if reason.refuses_replicas()),
        )
}

/// The address without its port.
fn peer_ip(peer: &str) -> String {
    let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}
