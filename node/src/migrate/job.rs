//! One MIGRATE under way: from its keys to the target's answers, and what is done about them.
//!
//! Steps: a link ([`connect`]), AUTH and SELECT where needed, then the keys one by one ([`fill`]), encoded no sooner than there is
//! room for them on the way out, so that a thousand large values never lie in memory twice. The target's answers come in
//! the order of the requests. The end is [`finish`], whatever the reason.
//!
//! A connection that breaks before any key was answered is tried once more with a new link (an idle link may have died long ago),
//! unless time is over: then the target may be at work still.

use super::parse::Request;
use super::{JobId, link};
use crate::blocking;
use crate::cluster::install;
use crate::node::Node;
use crate::session::Client;
use crate::{dispatch, effects, tracking, transaction};
use base::{ConnId, DbIndex, Millis, OwnedArgs, Slot};
use commands::Classes;
use repl::Kind;
use resp::Reply;
use std::collections::VecDeque;

/// What a client is told whose target cannot be reached.
pub(super) const UNREACHABLE: &str = "IOERR error or timeout connecting to the client";
/// Bytes that may wait to be written before the next key is encoded.
const AHEAD: usize = 256 << 10;

/// An answer that the target owes.
#[derive(Clone, Copy)]
enum Awaited {
    Auth,
    Select,
    /// Of this key of the job.
    Key(usize),
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// With requests unsent.
    Writing,
    /// With answers outstanding.
    Reading,
    /// Something else than an answer came. No second attempt.
    Nonsense,
}

/// See the module.
pub(super) struct Job {
    client: Client,
    /// CLIENT REPLY OFF or SKIP was in force.
    muted: bool,
    db: DbIndex,
    pub request: Request,
    keys: Vec<Vec<u8>>,
    link: Option<ConnId>,
    /// The first key that is not on its way.
    next: usize,
    awaited: VecDeque<Awaited>,
    /// What AUTH, or else SELECT, was answered, if that was an error.
    refused: Option<String>,
    /// The first error that the target answered to a key.
    error: Option<String>,
    /// The keys that the target has taken.
    taken: Vec<usize>,
    /// Some key has been answered.
    answered: bool,
    may_retry: bool,
    /// When the silence has lasted too long.
    pub deadline: Millis,
}

impl Job {
    pub fn new(
        client: Client,
        muted: bool,
        db: DbIndex,
        request: Request,
        keys: Vec<Vec<u8>>,
        now: Millis,
    ) -> Job {
        Job {
            client,
            muted,
            db,
            deadline: now + request.timeout,
            request,
            keys,
            link: None,
            next: 0,
            awaited: VecDeque::new(),
            refused: None,
            error: None,
            taken: Vec::new(),
            answered: false,
            may_retry: true,
        }
    }

    fn is_all_written(&self) -> bool {
        self.next == self.keys.len()
    }
}

/// Finds the job a link.
pub(super) fn connect(node: &mut Node, id: JobId) {
    let conn = link::acquire(node, id);
    let now = node.now.mono;
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return };
    job.deadline = now + job.request.timeout;
    job.link = conn;
    match conn {
        None => unreachable(node, id),
        Some(conn) if node.migrations.links.get(&conn).is_some_and(|link| !link.connecting) => {
            begin(node, id)
        }
        Some(_) => {}
    }
}

/// The link is there: the requests go out.
pub(super) fn begin(node: &mut Node, id: JobId) {
    let now = node.now.mono;
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return };
    job.deadline = now + job.request.timeout;
    let Some(link) = job.link.and_then(|conn| node.migrations.links.get_mut(&conn)) else { return };
    if let Some(auth) = &job.request.auth {
        let words = [Some(b"AUTH".as_slice()), auth.user.as_deref(), Some(auth.password.as_slice())];
        let words: Vec<&[u8]> = words.into_iter().flatten().collect();
        resp::write_command(link.output(), words.into_iter());
        job.awaited.push_back(Awaited::Auth);
    }
    if link.db != Some(job.request.db) {
        let db = job.request.db.to_string();
        resp::write_command(link.output(), [b"SELECT".as_slice(), db.as_bytes()].into_iter());
        job.awaited.push_back(Awaited::Select);
    }
    fill(node, id);
}

/// Puts keys on their way as long as there is room. A key that has expired meanwhile stays behind.
fn fill(node: &mut Node, id: JobId) {
    let verb: &[u8] = if node.cluster.enabled { b"RESTORE-ASKING" } else { b"RESTORE" };
    let now = node.now.unix;
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return };
    let Some(conn) = job.link else { return };
    let Some(link) = node.migrations.links.get_mut(&conn) else { return };
    while link.pending() < AHEAD && !job.is_all_written() {
        let (at, key) = (job.next, job.keys[job.next].as_slice());
        job.next += 1;
        let Some(found) = node.keyspace.peek(job.db, key) else { continue };
        let ttl = found.expire().map_or(0, |at| at.0.saturating_sub(now.0).max(1)).to_string();
        let payload = persist::dump::encode(found.value(), node.config.settings.rdbcompression);
        let mut words = vec![verb, key, ttl.as_bytes(), payload.as_slice()];
        if job.request.replace {
            words.push(b"REPLACE");
        }
        resp::write_command(link.output(), words.into_iter());
        job.awaited.push_back(Awaited::Key(at));
    }
    link::wake(node, conn);
    finish_if_done(node, id);
}

/// The target took some bytes.
pub(super) fn progressed(node: &mut Node, id: JobId) {
    let now = node.now.mono;
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return };
    job.deadline = now + job.request.timeout;
    if !job.is_all_written() {
        fill(node, id);
    }
}

/// The target answered; false if that is no answer that anybody waits for.
pub(super) fn answered(node: &mut Node, id: JobId, line: &[u8]) -> bool {
    let now = node.now.mono;
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return false };
    let failure = line.strip_prefix(b"-").map(|text| String::from_utf8_lossy(text).into_owned());
    // Whatever else it says, it is no Redis, and has not taken any key.
    if failure.is_none() && !line.starts_with(b"+") {
        return false;
    }
    let Some(awaited) = job.awaited.pop_front() else { return false };
    job.deadline = now + job.request.timeout;
    match awaited {
        Awaited::Auth | Awaited::Select => job.refused = job.refused.take().or(failure),
        Awaited::Key(at) => {
            job.answered = true;
            match job.refused.clone().or(failure) {
                Some(text) => job.error = job.error.take().or(Some(text)),
                None => job.taken.push(at),
            }
        }
    }
    finish_if_done(node, id);
    true
}

fn finish_if_done(node: &mut Node, id: JobId) {
    let Some(job) = node.migrations.jobs.get(&id) else { return };
    if !job.is_all_written() || !job.awaited.is_empty() {
        return;
    }
    // After an error nobody knows which database the target is in.
    let db = job.error.is_none().then_some(job.request.db);
    if let Some(conn) = job.link {
        link::release(node, conn, db);
    }
    finish(node, id, None);
}

/// There is no way to the target.
pub(super) fn unreachable(node: &mut Node, id: JobId) {
    finish(node, id, Some(UNREACHABLE));
}

/// The connection could not be made. A refusal of the other side is found out by Redis when it writes.
pub(super) fn refused(node: &mut Node, id: JobId, why: &str) {
    let by_target = matches!(why, "Connection refused" | "Connection reset by peer" | "No route to host");
    if by_target { finish(node, id, Some(io_error(true))) } else { unreachable(node, id) }
}

/// The connection ended before its time.
pub(super) fn broken(node: &mut Node, id: JobId, how: Break) {
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return };
    job.link = None;
    if job.may_retry && !job.answered && how != Break::Nonsense {
        job.may_retry = false;
        job.next = 0;
        job.awaited.clear();
        job.refused = None;
        return connect(node, id);
    }
    let writing = how == Break::Writing || !job.is_all_written();
    finish(node, id, Some(io_error(writing)));
}

/// The target was silent for too long. The link is of no use any more: an answer may still come.
pub(super) fn time_out(node: &mut Node, id: JobId) {
    let Some(job) = node.migrations.jobs.get_mut(&id) else { return };
    let conn = job.link.take();
    let link = conn.and_then(|conn| node.migrations.links.get(&conn));
    let connecting = link.is_none_or(|link| link.connecting);
    let writing = link.is_some_and(|link| link.pending() > 0) || !job.is_all_written();
    if let Some(conn) = conn {
        link::drop_link(node, conn);
    }
    if connecting { unreachable(node, id) } else { finish(node, id, Some(io_error(writing))) }
}

fn io_error(writing: bool) -> &'static str {
    if writing {
        "IOERR error or timeout writing to target instance"
    } else {
        "IOERR error or timeout reading to target instance"
    }
}

/// What becomes of the keys that the target has taken when a job is given up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// They are deleted, as at any other end.
    Deleted,
    /// They stay: it is not for us to delete them any more.
    Kept,
}

/// This node is to be a replica, or to stop: every job ends now.
pub(crate) fn abort_all(node: &mut Node, taken: Taken) {
    const CHANGED: &str =
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
    // What is left of an interrupted transaction may begin another.
    while let Some((id, job)) = node.migrations.jobs.iter_mut().next() {
        let id = *id;
        if taken == Taken::Kept {
            job.taken.clear();
        }
        job.error = None;
        if let Some(conn) = job.link.take() {
            link::drop_link(node, conn);
        }
        finish(node, id, Some(CHANGED));
    }
}

/// The end: what the target took is deleted here, the keys are free, the client has its answer. An error that the target
/// answered is told rather than the connection's.
fn finish(node: &mut Node, id: JobId, failure: Option<&str>) {
    let Some(mut job) = node.migrations.jobs.remove(&id) else { return };
    let interrupted = transaction::reopen(node, job.client);
    let before = dispatch::log_ends(node);
    if !job.request.copy {
        delete(node, &mut job);
    }
    node.migrations.held.remove(&job.keys);
    dispatch::note_write(node, job.client, before, node.cluster.enabled);
    let muted = job.muted;
    let error = job.error.map(|text| format!("ERR Target instance replied with error: {text}"));
    let error = error.or(failure.map(str::to_owned));
    if let Some(text) = &error {
        node.stats.count_error(text);
    }
    let answer = |reply: &mut Reply| match &error {
        Some(text) => reply.error(text),
        None => reply.ok(),
    };
    match interrupted {
        Some(interrupted) => transaction::go_on(node, *interrupted, muted, answer),
        None => blocking::finish(node, job.client, |reply| {
            if !muted {
                answer(reply);
            }
        }),
    }
    let waiting = node.migrations.held.take_waiting();
    node.resume(waiting);
    if node.migrations.is_idle() && std::mem::take(&mut node.migrations.pause_due) {
        install::tell_paused(node);
    }
}

/// Deletes the keys that the target has taken, as one DEL.
fn delete(node: &mut Node, job: &mut Job) {
    let mut gone = Vec::new();
    for at in std::mem::take(&mut job.taken) {
        let key = std::mem::take(&mut job.keys[at]);
        if node.keyspace.remove(job.db, &key) {
            transaction::touch(node, job.db, &key);
            tracking::key_changed(node, Some(job.client), &key);
            blocking::keys::signal(node, job.db, &key);
            effects::notify(node, Classes::GENERIC, "del", job.db, &key);
            node.persistence.dirty += 1;
            gone.push(at);
        }
        job.keys[at] = key;
    }
    if gone.is_empty() {
        return;
    }
    let names = gone.iter().map(|at| job.keys[*at].as_slice());
    let command = OwnedArgs::from_slices(std::iter::once(b"DEL".as_slice()).chain(names));
    let slot = node.cluster.enabled.then(|| Slot::of_key(&job.keys[gone[0]]));
    let targets = effects::targets(node, false);
    effects::record(node, Kind::Write, targets, job.db, slot, command.as_args());
    effects::end_unit(node);
}
