//! A session's beginning and end, and the bookkeeping of what it is sent.
//!
//! Invariant: when a session goes, everything that names it goes too: subscriptions, watches, waits. The connection is
//! closed by one action, and nothing is heard of it afterwards.

use super::{Client, Role, Session, buffer, memory};
use crate::admin::client::{FIXED_BUFFER, log_line};
use crate::api::{Action, LogLevel, PeerInfo};
use crate::blocking::{self, Waiting};
use crate::cluster::lease;
use crate::node::Node;
use crate::observe::monitor;
use crate::{pubsub, replication, tracking, transaction};
use base::ConnId;
use config::{OutputLimit, OutputLimits};
use persist::Seq;

const DENIED: &str = "DENIED Redis is running in protected mode because protected mode is enabled and no password is \
    set for the default user. In this mode connections are only accepted from the loopback interface. If you want to \
    connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected \
    mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from \
    the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do \
    so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by \
    editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the \
    server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. \
    4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in \
    order for the server to start accepting connections from the outside.";

/// A client connected; some are told why they may not stay.
pub(crate) fn accept(node: &mut Node, conn: ConnId, peer: PeerInfo) {
    let outsider = !peer.loopback && !peer.unix;
    let mut session = Session::new(conn, node.next_client_id, peer, node.now);
    if node.config.settings.client_default_resp == 3 {
        session.output.reply().set_protocol(resp::Protocol::Resp3);
    }
    node.next_client_id += 1;
    let (user, open_door) = (node.access.users.default_user(), node.access.has_open_door());
    session.authenticated = user.is_open();
    session.restricted = !user.is_unrestricted();
    node.access.any_restricted |= session.restricted;
    let refusal = if node.sessions.len() as u64 >= node.policy.max_clients {
        node.stats.rejected_connections += 1;
        Some("ERR max number of clients reached")
    } else if node.policy.protected_mode && open_door && outsider {
        node.stats.rejected_connections += 1;
        Some(DENIED)
    } else {
        node.stats.connections += 1;
        None
    };
    if let Some(text) = refusal {
        session.output.reply().error(text);
        session.close_after_reply = true;
    }
    let client = node.sessions.insert(session);
    if refusal.is_some() {
        node.mark_dirty(client);
    }
}

/// Closes a session: after the command that it executes, or at once.
pub(crate) fn close(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    if session.executing {
        session.close_after_reply = true;
        return;
    }
    let conn = session.conn;
    remove(node, client);
    node.actions.push_back(Action::Close { conn });
}

/// Forgets a session and everything that names it.
pub(crate) fn remove(node: &mut Node, client: Client) {
    if transaction::is_interrupted(node, client) {
        // It goes when its transaction is over, which is all or nothing.
        if let Some(session) = node.sessions.get_mut(client) {
            session.doomed = true;
        }
        return;
    }
    monitor::leave(node, client);
    tracking::stop(node, client);
    pubsub::leave_all(node, client);
    transaction::unwatch_all(node, client);
    let Some(session) = node.sessions.remove(client) else { return };
    match session.waiting {
        Some(Waiting::Replicas { deadline, .. } | Waiting::Durable { deadline, .. }) => {
            node.waiting_for_replicas.retain(|other| *other != client);
            if let Some(deadline) = deadline {
                node.deadlines.remove(&(deadline, client));
            }
        }
        Some(Waiting::Keys { .. }) => blocking::keys::forget(node, client),
        Some(Waiting::Control { request, .. }) => {
            node.cluster.requests.remove(&request);
        }
        _ => {}
    }
    memory::forget(node, &session);
    buffer::forget(node, &session);
    replication::session_closed(node, client, &session);
}

/// Ends a session's turn: its new bytes may leave once `mark` is durable.
pub(crate) fn commit(node: &mut Node, client: Client, mark: Option<Seq>) {
    let Some(session) = node.sessions.get(client) else { return };
    if !lease::may_acknowledge(node, session) {
        return close(node, client);
    }
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.dirty = false;
    session.output.commit(mark);
    if session.output.is_gated() && !session.gated {
        session.gated = true;
        node.gated.push(client);
    }
    session.wrote &= session.gated;
    let done = session.close_after_reply && session.output.pending() == 0;
    node.writable.push_back(client);
    if done {
        return close(node, client);
    }
    enforce_limit(node, client);
    memory::account(node, client);
}

/// Bytes were written to the socket.
pub(crate) fn sent(node: &mut Node, client: Client, n: usize) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.output.advance(n);
    session.sent += n as u64;
    if session.role == Role::Replica {
        node.stats.repl_output_bytes += n as u64;
    }
    node.stats.output_bytes += n as u64;
    node.stats.total_writes += 1;
    if session.close_after_reply && session.output.pending() == 0 {
        return close(node, client);
    }
    super::input::relieve(node, client);
    memory::account(node, client);
}

/// Closes a session that lets too much output pile up (`client-output-buffer-limit`).
pub(crate) fn enforce_limit(node: &mut Node, client: Client) {
    let now = node.now.mono;
    let Some(session) = node.sessions.get_mut(client) else { return };
    let Some(limit) = output_limit(session, &node.policy.output_limits) else { return };
    if exceeds(session, limit, now) {
        report_overflow(node, client);
        close(node, client);
    }
}

/// The hard limit on what a command, or one of a transaction, has written to the writer that was taken out. What comes
/// behind `before` is dropped once it is passed: the session will be closed when it has executed everything.
pub(crate) fn limit_reply(node: &mut Node, client: Client, reply: &mut resp::Reply, before: usize) {
    let deferred = reply.take_deferred();
    let Some(session) = node.sessions.get_mut(client) else { return };
    let Some(limit) = output_limit(session, &node.policy.output_limits) else { return };
    if session.doomed {
        reply.buffer_mut().truncate(before);
        session.pushes = Vec::new();
        return;
    }
    let bytes = session.output.unsent(reply).saturating_add(session.pushes.len());
    // In Redis nothing goes into the fixed buffer behind a header that is still to come.
    let owed = if deferred { bytes as u64 } else { counted(session, bytes) };
    if limit.hard_bytes == 0 || owed < limit.hard_bytes {
        return;
    }
    session.doomed = true;
    session.pushes = Vec::new();
    reply.buffer_mut().truncate(before);
    report_overflow(node, client);
}

/// Whether a session may be owed so much and no more, at any moment.
#[inline]
pub(crate) fn has_hard_limit(session: &Session, limits: &OutputLimits) -> bool {
    output_limit(session, limits).is_some_and(|limit| limit.hard_bytes != 0)
}

fn output_limit(session: &Session, limits: &OutputLimits) -> Option<OutputLimit> {
    match session.role {
        Role::Primary | Role::Loader => None,
        Role::Replica => Some(limits.replica),
        Role::Normal if session.is_subscriber() => Some(limits.pubsub),
        Role::Normal => Some(limits.normal),
    }
}

fn report_overflow(node: &mut Node, client: Client) {
    let line = log_line(node, client);
    node.stats.output_buffer_disconnections += 1;
    node.log(
        LogLevel::Warning,
        format!("Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."),
    );
}

/// What of the bytes that a client is owed counts against its limit: not those of Redis's fixed buffer, so that a
/// small limit still lets small replies through. A replica has no such buffer.
fn counted(session: &Session, bytes: usize) -> u64 {
    let free = if session.role == Role::Replica { 0 } else { FIXED_BUFFER };
    bytes.saturating_sub(free) as u64
}

fn exceeds(session: &mut Session, limit: OutputLimit, now: base::Millis) -> bool {
    let pending = counted(session, session.output.pending());
    if limit.hard_bytes != 0 && pending >= limit.hard_bytes {
        return true;
    }
    if limit.soft_bytes == 0 || pending < limit.soft_bytes {
        session.soft_limit_since = None;
        return false;
    }
    let since = *session.soft_limit_since.get_or_insert(now);
    now.since(since) > limit.soft_seconds.saturating_mul(1000)
}
