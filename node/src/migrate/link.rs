//! Connections to the servers that keys go to: bytes out, lines of answers in.
//!
//! They are no sessions: nobody lists, limits or kills them. One job at a time uses a link; between jobs it is kept for the
//! next one to the same host and port, with the database that it is in.

use super::job::{self, Break};
use super::{IDLE_LINKS_MAX, JobId};
use crate::api::Action;
use crate::node::Node;
use base::{ConnId, Millis};

/// Our connections are numbered from here: above those of replication, and of everybody who connects to us.
const FIRST_CONN: u64 = 1 << 49;
/// A longer answer than this is none, in bytes.
const LINE_MAX: usize = 64 << 10;
/// What was sent is cut off the buffer's front when it is more than this, and the larger part, in bytes.
const CUT_MIN: usize = 64 << 10;

/// One connection.
pub(super) struct Link {
    host: Vec<u8>,
    port: Vec<u8>,
    pub connecting: bool,
    input: Vec<u8>,
    output: Vec<u8>,
    sent: usize,
    /// The database that the target is in on this connection.
    pub db: Option<i64>,
    pub job: Option<JobId>,
    pub last_use: Millis,
}

impl Link {
    /// Bytes that are not written yet.
    pub fn pending(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Where requests are written to.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn is_idle_to(&self, host: &[u8], port: &[u8]) -> bool {
        self.job.is_none() && self.host == host && self.port == port
    }
}

/// A link for a job: an idle one, or one that is being connected. `None` if there cannot be any.
pub(super) fn acquire(node: &mut Node, id: JobId) -> Option<ConnId> {
    let request = &node.migrations.jobs.get(&id)?.request;
    let idle =
        node.migrations.links.iter_mut().find(|(_, link)| link.is_idle_to(&request.host, &request.port));
    if let Some((conn, link)) = idle {
        link.job = Some(id);
        return Some(*conn);
    }
    let (host, port) = request.address().map(|(host, port)| (host.to_owned(), port))?;
    let conn = ConnId(FIRST_CONN + node.migrations.next_conn);
    node.migrations.next_conn += 1;
    let link = Link {
        host: request.host.clone(),
        port: request.port.clone(),
        connecting: true,
        input: Vec::new(),
        output: Vec::new(),
        sent: 0,
        db: None,
        job: Some(id),
        last_use: node.now.mono,
    };
    node.migrations.links.insert(conn, link);
    node.actions.push_back(Action::Connect { conn, host, port });
    Some(conn)
}

/// The job is over: the link is kept for the next one. `db` is where the target is now, if that is known.
pub(super) fn release(node: &mut Node, conn: ConnId, db: Option<i64>) {
    let Some(link) = node.migrations.links.get_mut(&conn) else { return };
    link.job = None;
    link.db = db;
    link.last_use = node.now.mono;
    link.output = Vec::new();
    link.sent = 0;
    let idle = || node.migrations.links.iter().filter(|(_, link)| link.job.is_none());
    if idle().count() > IDLE_LINKS_MAX
        && let Some(oldest) = idle().min_by_key(|(conn, link)| (link.last_use, **conn)).map(|(conn, _)| *conn)
    {
        drop_link(node, oldest);
    }
}

/// Closes a link.
pub(super) fn drop_link(node: &mut Node, conn: ConnId) {
    if node.migrations.links.remove(&conn).is_some() {
        node.actions.push_back(Action::Close { conn });
    }
}

/// There are bytes to be written.
pub(super) fn wake(node: &mut Node, conn: ConnId) {
    node.migrations.writable.push_back(conn);
}

/// The outcome of a connection that we asked for; false if it is not one of ours.
pub(crate) fn connected(
    node: &mut Node,
    conn: ConnId,
    outcome: &Result<crate::api::LocalInfo, String>,
) -> bool {
    let Some(link) = node.migrations.links.get_mut(&conn) else { return false };
    link.connecting = false;
    let job = link.job;
    if outcome.is_err() {
        // It is closed already.
        node.migrations.links.remove(&conn);
    }
    match (job, outcome) {
        (Some(id), Ok(_)) => job::begin(node, id),
        (Some(id), Err(text)) => job::refused(node, id, text),
        (None, _) => {}
    }
    true
}

/// The target, or the network, closed the connection.
pub(crate) fn closed(node: &mut Node, conn: ConnId) {
    let Some(link) = node.migrations.links.remove(&conn) else { return };
    if let Some(id) = link.job {
        let written = link.pending() == 0;
        job::broken(node, id, if written { Break::Reading } else { Break::Writing });
    }
}

/// The buffer to read into.
pub(crate) fn input(node: &mut Node, conn: ConnId) -> Option<&mut Vec<u8>> {
    node.migrations.links.get_mut(&conn).map(|link| &mut link.input)
}

/// The bytes that may leave now.
pub(crate) fn output(node: &Node, conn: ConnId) -> &[u8] {
    let link = node.migrations.links.get(&conn).filter(|link| !link.connecting);
    link.and_then(|link| link.output.get(link.sent..)).unwrap_or_default()
}

/// So many of them were written.
pub(crate) fn bytes_sent(node: &mut Node, conn: ConnId, n: usize) {
    let Some(link) = node.migrations.links.get_mut(&conn) else { return };
    link.sent += n.min(link.pending());
    if link.sent == link.output.len() {
        link.output.clear();
        link.sent = 0;
    } else if link.sent > CUT_MIN && link.sent > link.output.len() / 2 {
        link.output.drain(..link.sent);
        link.sent = 0;
    }
    if let Some(id) = link.job {
        job::progressed(node, id);
    }
}

/// Bytes arrived: answers, line by line. An answer that nobody waits for, and what is no answer, end the link.
pub(crate) fn process(node: &mut Node, conn: ConnId) {
    let Some(link) = node.migrations.links.get_mut(&conn) else { return };
    let job = link.job;
    let bytes = std::mem::take(&mut link.input);
    let mut rest = bytes.as_slice();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        if !job.is_some_and(|id| job::answered(node, id, line)) {
            return break_off(node, conn);
        }
        let still = node.migrations.links.get(&conn).is_some_and(|link| link.job == job);
        if !still && !rest.is_empty() {
            return break_off(node, conn);
        }
    }
    if rest.len() > LINE_MAX || (job.is_none() && !rest.is_empty()) {
        return break_off(node, conn);
    }
    if let Some(link) = node.migrations.links.get_mut(&conn) {
        link.input = rest.to_vec();
    }
}

/// Whoever is at the other end does not speak our language.
fn break_off(node: &mut Node, conn: ConnId) {
    let job = node.migrations.links.get(&conn).and_then(|link| link.job);
    drop_link(node, conn);
    if let Some(id) = job {
        job::broken(node, id, Break::Nonsense);
    }
}
