//! Sessions that wait: what for, until when, and how they go on. WAIT lives here, WAITAOF in [`durable`]; who waits for
//! keys is in [`keys`].
//!
//! Model: a waiting session executes nothing; its input stays in its buffer (order per client is kept). When what it
//! waits for has happened, [`finish`] writes the reply and puts the session on the list of those to run again, which
//! `Node::end_batch` works off.
//!
//! Bound: one wait per session; deadlines are kept in one ordered set.

mod durable;
pub(crate) mod keys;
#[cfg(test)]
mod tests;

use crate::admin::AdminHandler;
use crate::migrate::JobId;
use crate::node::Node;
use crate::observe;
use crate::refusal::{Outcome, Refusal};
use crate::replication;
use crate::session::{Client, SlotId};
use base::{Args, Millis, ReplOffset};
use cluster::RequestId;
use resp::Reply;

/// What a session waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// WAIT: so many replicas at this offset.
    Replicas {
        /// The offset.
        offset: ReplOffset,
        /// How many replicas.
        count: u64,
        /// When it gives up.
        deadline: Option<Millis>,
    },
    /// WAITAOF.
    Durable {
        /// What for.
        wish: durable::Wish,
        /// When it gives up.
        deadline: Option<Millis>,
    },
    /// The control thread's answer, for which a reply slot is open.
    Control {
        /// The request.
        request: RequestId,
        /// The slot.
        slot: SlotId,
    },
    /// The end of a snapshot (SAVE).
    Snapshot,
    /// Keys: what and which is in [`keys`].
    Keys {
        /// When it gives up.
        deadline: Option<Millis>,
    },
    /// MIGRATE is under way.
    Migration {
        /// The job.
        job: JobId,
    },
    /// SHUTDOWN is under way.
    Shutdown,
    /// Its script takes long.
    Script,
}

impl Waiting {
    /// Whether a command is counted when it has its answer.
    pub fn is_counted_later(&self) -> bool {
        self.is_blocking_command() || matches!(self, Waiting::Migration { .. } | Waiting::Script)
    }

    /// Whether what follows in a transaction waits too.
    pub fn interrupts_unit(&self) -> bool {
        matches!(self, Waiting::Migration { .. } | Waiting::Script)
    }

    /// Whether a command waits for other clients' doing, and not for a part of the server to do what it said.
    pub fn is_blocking_command(&self) -> bool {
        matches!(self, Waiting::Replicas { .. } | Waiting::Durable { .. } | Waiting::Keys { .. })
    }
}

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "wait" => wait,
        "waitaof" => durable::wait_aof,
        _ => return None,
    })
}

/// WAIT numreplicas timeout
fn wait(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if replication::is_replica(node) {
        return Err("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a \
                    replica is configured to be writable (which is not the default) writes to replicas are just \
                    local and are not propagated."
            .into());
    }
    let wanted = base::number::parse_i64(args.at(1)).ok_or(Refusal::NOT_INTEGER)?;
    let deadline = timeout_ms(args.at(2), node.now.mono)?;
    let Some(session) = node.sessions.get(client) else { return Ok(()) };
    let offset = session.last_write_offset;
    let acknowledged = replication::acknowledged(node, offset);
    if i64::try_from(acknowledged).unwrap_or(i64::MAX) >= wanted || node.unit.in_exec {
        reply.int(acknowledged as i64);
        return Ok(());
    }
    let count = u64::try_from(wanted).unwrap_or(0);
    begin(node, client, Waiting::Replicas { offset, count, deadline }, deadline);
    replication::ask_for_acks(node);
    Ok(())
}

/// When a wait of so many milliseconds ends; 0 stands for never.
fn timeout_ms(text: &[u8], now: Millis) -> Result<Option<Millis>, Refusal> {
    let timeout = base::number::parse_i64(text)
        .ok_or(Refusal::from("ERR timeout is not an integer or out of range"))?;
    let timeout = u64::try_from(timeout).map_err(|_| Refusal::from("ERR timeout is negative"))?;
    let end = now.0.checked_add(timeout).filter(|end| i64::try_from(*end).is_ok());
    let end = end.ok_or(Refusal::from("ERR timeout is out of range"))?;
    Ok((timeout > 0).then_some(Millis(end)))
}

/// A session begins to wait.
pub(crate) fn begin(node: &mut Node, client: Client, waiting: Waiting, deadline: Option<Millis>) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.waiting = Some(waiting);
    if let Some(deadline) = deadline {
        node.deadlines.insert((deadline, client));
    }
    if matches!(waiting, Waiting::Replicas { .. } | Waiting::Durable { .. }) {
        node.waiting_for_replicas.push(client);
    }
}

/// What the session waited for has happened: writes its reply and lets it go on. The session must not be executing.
pub(crate) fn finish(node: &mut Node, client: Client, answer: impl FnOnce(&mut Reply)) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    if let Some(
        Waiting::Replicas { deadline, .. } | Waiting::Durable { deadline, .. } | Waiting::Keys { deadline },
    ) = session.waiting.take()
        && let Some(deadline) = deadline
    {
        node.deadlines.remove(&(deadline, client));
    }
    let reply = session.output.reply();
    let start = reply.buffer().len();
    answer(reply);
    let written = reply.buffer().get(start..).unwrap_or_default();
    let (length, failed) = (written.len(), written.first() == Some(&b'-'));
    observe::unblocked(node, client, length, failed);
    node.mark_dirty(client);
    node.runnable.push_back(client);
}

/// Replicas acknowledged something, or something became safe here: answers every WAIT and WAITAOF that is satisfied now.
pub(crate) fn replicas_advanced(node: &mut Node) {
    for client in std::mem::take(&mut node.waiting_for_replicas) {
        let waiting = node.sessions.get(client).and_then(|s| s.waiting);
        if let Some(Waiting::Durable { wish, .. }) = waiting {
            if !durable::advance(node, client, wish) {
                node.waiting_for_replicas.push(client);
            }
            continue;
        }
        let Some(Waiting::Replicas { offset, count, .. }) = waiting else { continue };
        let acknowledged = replication::acknowledged(node, offset);
        if acknowledged >= count {
            finish(node, client, |reply| reply.int(acknowledged as i64));
        } else {
            node.waiting_for_replicas.push(client);
        }
    }
}

/// Time passed: who has waited long enough is answered with what there is.
pub(crate) fn expire(node: &mut Node) {
    while let Some(&(deadline, client)) = node.deadlines.first() {
        if deadline > node.now.mono {
            return;
        }
        node.deadlines.remove(&(deadline, client));
        let waiting = node.sessions.get(client).and_then(|s| s.waiting);
        match waiting {
            Some(Waiting::Replicas { offset, .. }) => {
                node.waiting_for_replicas.retain(|other| *other != client);
                let acknowledged = replication::acknowledged(node, offset);
                finish(node, client, |reply| reply.int(acknowledged as i64));
            }
            Some(Waiting::Durable { wish, .. }) => {
                node.waiting_for_replicas.retain(|other| *other != client);
                durable::time_out(node, client, wish);
            }
            Some(Waiting::Keys { .. }) => keys::time_out(node, client),
            _ => {}
        }
    }
}

/// CLIENT UNBLOCK: ends a client's wait as if its time were over, or with an error. False if it does not wait for
/// anything that may be ended so.
pub(crate) fn unblock(node: &mut Node, client: Client, with_error: bool) -> bool {
    const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    match node.sessions.get(client).and_then(|session| session.waiting) {
        Some(Waiting::Replicas { offset, .. }) => {
            node.waiting_for_replicas.retain(|other| *other != client);
            let acknowledged = replication::acknowledged(node, offset);
            finish(node, client, |reply| {
                if with_error { reply.error(UNBLOCKED) } else { reply.int(acknowledged as i64) }
            });
        }
        Some(Waiting::Durable { wish, .. }) => {
            node.waiting_for_replicas.retain(|other| *other != client);
            if with_error {
                finish(node, client, |reply| reply.error(UNBLOCKED));
            } else {
                durable::time_out(node, client, wish);
            }
        }
        Some(Waiting::Keys { .. }) if with_error => keys::refuse(node, client, UNBLOCKED),
        Some(Waiting::Keys { .. }) => keys::time_out(node, client),
        _ => return false,
    }
    true
}

/// Our role changed: what was promised to those who wait does not hold on a replica. They are told, and disconnected.
pub(crate) fn unblock_all(node: &mut Node) {
    const CHANGED: &str =
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
    for client in std::mem::take(&mut node.waiting_for_replicas) {
        let waiting = node.sessions.get(client).and_then(|s| s.waiting);
        if matches!(waiting, Some(Waiting::Replicas { .. } | Waiting::Durable { .. })) {
            finish(node, client, |reply| reply.error(CHANGED));
            close_when_told(node, client);
        }
    }
    for client in keys::clients(node) {
        keys::refuse(node, client, CHANGED);
        close_when_told(node, client);
    }
}

fn close_when_told(node: &mut Node, client: Client) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.close_after_reply = true;
    }
}
