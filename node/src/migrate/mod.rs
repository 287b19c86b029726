//! MIGRATE: keys go to another server, and nobody here waits for the network but who has to.
//!
//! Redis does nothing else while a MIGRATE runs. Here the client is parked, a connection of our own ([`link`]) carries the
//! keys as RESTOREs, and everybody else is served. The *rule* that keeps this a possible history of Redis's: from the
//! moment that MIGRATE found its keys until it is over, these keys are **held** ([`Held`]). A command that names a
//! held key is not consumed before they are free again, be it a read, a write, an EXEC or a blocked client's repetition;
//! with COPY, where nothing goes away, reads are served. So nobody sees a key here after the target may have it, and what
//! the target was sent is what is deleted. Commands that mean all keys, or freeze them (FLUSHALL, SWAPDB, SHUTDOWN, CLIENT
//! PAUSE, a change of role; `is::SETTLES`), wait until no key is held. Keys are compared by name alone, whatever their
//! database. What only lists or counts keys (KEYS, SCAN, DBSIZE) sees held keys as keys that are still here.
//!
//! A key is deleted when the target has said that it took it, all those of one MIGRATE in one step and as one DEL in the log;
//! before that nothing is. Whatever goes wrong (no answer in time, an error, a connection that breaks, an order to be a
//! replica) leaves the keys that were not acknowledged here, alive: then the target may have them too, as with Redis, and REPLACE
//! is for that. A transaction with a MIGRATE in it stops there, and with it everything ([`crate::transaction`]).
//!
//! Bounds: one job per parked client; at most [`IDLE_LINKS_MAX`] idle connections, for at most [`IDLE_MS`].

mod held;
mod job;
mod link;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use held::{holds, holds_any};
pub(crate) use job::{Taken, abort_all};
pub(crate) use link::{bytes_sent, closed, connected, input, output, process};

use crate::admin::AdminHandler;
use crate::blocking::{self, Waiting};
use crate::effects;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::{Client, ReplyMode};
use base::{Args, ConnId, Millis};
use commands::Classes;
use held::Held;
use job::Job;
use keyspace::Touch;
use link::Link;
use resp::Reply;
use std::collections::{BTreeMap, VecDeque};

/// Idle connections that are kept, as in Redis.
const IDLE_LINKS_MAX: usize = 64;
/// How long an idle connection is kept, in ms, as in Redis.
const IDLE_MS: u64 = 10_000;

/// Names a MIGRATE that is under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct JobId(u64);

/// All that is under way.
#[derive(Default)]
pub(crate) struct Migrations {
    jobs: BTreeMap<JobId, Job>,
    next_job: u64,
    links: BTreeMap<ConnId, Link>,
    next_conn: u64,
    held: Held,
    /// Links with bytes to be written.
    writable: VecDeque<ConnId>,
    /// The control thread waits for the last job's end to have its offset (`Order::PauseWrites`).
    pub(crate) pause_due: bool,
}

impl Migrations {
    /// Whether no MIGRATE is under way.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Connections that are kept for the next MIGRATE, and those in use.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// When [`expire`] has something to do.
    pub fn deadline(&self) -> Option<Millis> {
        let jobs = self.jobs.values().map(|job| job.deadline);
        let idle = self.links.values().filter(|link| link.job.is_none()).map(|link| link.last_use + IDLE_MS);
        jobs.chain(idle).min()
    }

    /// The next link with bytes to be written.
    pub fn next_writable(&mut self) -> Option<ConnId> {
        self.writable.pop_front()
    }
}

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    (name == "migrate").then_some(migrate as AdminHandler)
}

/// MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password] [KEYS key ...]
///
/// O(N) in the size of the values. `+OK`, `+NOKEY` when none of the keys is here, or what went wrong.
fn migrate(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (request, names) = parse::request(args)?;
    let Some(session) = node.sessions.get(client) else { return Ok(()) };
    let db = session.db;
    let muted = matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip);
    let mut keys = Vec::new();
    for name in names.iter() {
        if node.keyspace.lookup(db, name, Touch::Read).is_some() {
            keys.push(name.to_vec());
        } else {
            effects::notify(node, Classes::KEY_MISS, "keymiss", db, name);
        }
    }
    if keys.is_empty() {
        reply.simple("NOKEY");
        return Ok(());
    }
    if request.address().is_none() {
        return Err(job::UNREACHABLE.into());
    }
    let id = JobId(node.migrations.next_job);
    node.migrations.next_job += 1;
    node.migrations.held.add(&keys, request.copy);
    blocking::begin(node, client, Waiting::Migration { job: id }, None);
    let job = Job::new(client, muted, db, request, keys, node.now.mono);
    node.migrations.jobs.insert(id, job);
    job::connect(node, id);
    Ok(())
}

/// Time passed: jobs that heard nothing for too long fail, links that nobody used are closed.
pub(crate) fn expire(node: &mut Node) {
    if node.migrations.links.is_empty() && node.migrations.jobs.is_empty() {
        return;
    }
    let now = node.now.mono;
    let late = node.migrations.jobs.iter().filter(|(_, job)| job.deadline <= now);
    let late: Vec<JobId> = late.map(|(id, _)| *id).collect();
    for id in late {
        job::time_out(node, id);
    }
    let idle = |link: &Link| link.job.is_none() && link.last_use + IDLE_MS <= now;
    let old: Vec<ConnId> =
        node.migrations.links.iter().filter(|(_, link)| idle(link)).map(|(conn, _)| *conn).collect();
    for conn in old {
        link::drop_link(node, conn);
    }
}
