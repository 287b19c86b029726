//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! Model: an open MULTI is a queue in the session. EXEC runs it as one unit: nothing comes between, and what it changes
//! reaches the log between MULTI and EXEC. WATCH is an index from key to sessions; whoever changes a key marks them.
//!
//! Bound: a queue holds at most `client-query-buffer-limit` bytes, overhead included; past that the transaction is lost.

use crate::access;
use crate::admin::AdminHandler;
use crate::blocking::Waiting;
use crate::dispatch::{self, Request};
use crate::effects::{self, Unit};
use crate::node::Node;
use crate::observe;
use crate::pause::{self, Purpose};
use crate::refusal::Outcome;
use crate::session::{Client, input, lifecycle};
use base::{Args, DbIndex, Millis, OwnedArgs, Slot};
use commands::Effects;
use resp::Reply;
use spec::Command;
use std::collections::{BTreeMap, VecDeque};

/// What an argument costs in memory besides its bytes: its place.
const ARGUMENT_BYTES: usize = size_of::<base::argv::ArgRange>();

/// What the arguments of a request that is kept cost.
pub(crate) fn request_memory(args: Args<'_>) -> usize {
    args.total_len() + args.len() * ARGUMENT_BYTES
}

/// A command that waits for EXEC.
pub struct Queued {
    /// Which command.
    pub command: &'static Command,
    /// Its arguments.
    pub args: OwnedArgs,
    /// The slot of its keys.
    pub slot: Option<Slot>,
}

/// An open transaction.
#[derive(Default)]
pub struct Multi {
    /// What EXEC will run.
    pub queue: Vec<Queued>,
    /// Flags that some queued command has.
    pub flags: u32,
    /// Flags that some queued command lacks.
    pub lacking: u32,
    /// A command was refused while queueing: EXEC will fail.
    pub broken: bool,
    /// Bytes that the queue costs.
    pub bytes: usize,
}

/// Which sessions watch which key.
#[derive(Default)]
pub(crate) struct Watches {
    keys: BTreeMap<DbIndex, BTreeMap<Vec<u8>, Vec<Watcher>>>,
}

struct Watcher {
    client: Client,
    /// Whether the key existed when it was watched: its disappearance by FLUSHALL or expiry then counts.
    present: bool,
}

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "multi" => multi,
        "exec" => exec,
        "discard" => discard,
        "watch" => watch,
        "unwatch" => unwatch,
        _ => return None,
    })
}

/// MULTI
fn multi(node: &mut Node, client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    if session.multi.is_some() {
        return Err("ERR MULTI calls can not be nested".into());
    }
    session.multi = Some(Box::default());
    reply.ok();
    Ok(())
}

/// DISCARD
fn discard(node: &mut Node, client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    if node.sessions.get(client).is_none_or(|s| s.multi.is_none()) {
        return Err("ERR DISCARD without MULTI".into());
    }
    discard_all(node, client);
    reply.ok();
    Ok(())
}

/// EXEC
fn exec(node: &mut Node, client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    let expired = watched_key_expired(node, client);
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let Some(multi) = session.multi.take() else { return Err("ERR EXEC without MULTI".into()) };
    let changed = session.dirty_cas || expired;
    unwatch_all(node, client);
    if multi.broken {
        return Err("EXECABORT Transaction discarded because of previous errors.".into());
    }
    if changed {
        reply.null_array();
        return Ok(());
    }
    reply.array(multi.queue.len());
    run_queue(node, client, multi.queue.into(), reply);
    Ok(())
}

/// Executes what a transaction still has to do. A MIGRATE interrupts it: until that is over nothing else happens here,
/// as nothing does in Redis, and the unit is put aside as it is.
fn run_queue(node: &mut Node, client: Client, mut queue: VecDeque<Queued>, reply: &mut Reply) {
    node.unit.in_exec = true;
    while let Some(queued) = queue.pop_front() {
        let before = reply.buffer().len();
        let args = queued.args.as_args();
        match access::check_queued(node, client, queued.command, args) {
            Ok(()) => dispatch::call(node, client, queued.command, args, queued.slot, reply),
            Err(refusal) => {
                let text = refusal.to_string();
                node.stats.count_error(&text);
                reply.error(&text);
            }
        }
        lifecycle::limit_reply(node, client, reply, before);
        if node.sessions.get(client).is_some_and(|s| s.waiting.is_some_and(|w| w.interrupts_unit())) {
            return interrupt(node, client, queue);
        }
    }
    node.unit.in_exec = false;
}

fn interrupt(node: &mut Node, client: Client, queue: VecDeque<Queued>) {
    let unit = std::mem::take(&mut node.unit);
    node.interrupted = Some(Box::new(Interrupted { client, queue, unit }));
    node.pause.begin(Purpose::Transaction, Millis(u64::MAX), pause::Kind::All);
    node.keyspace.set_expire_pause(true);
}

/// A script takes long: its unit is put aside, that of the transaction that it belongs to by [`run_queue`].
pub(crate) fn put_aside(node: &mut Node, client: Client, in_exec: bool) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.waiting = Some(Waiting::Script);
    }
    if !in_exec {
        interrupt(node, client, VecDeque::new());
    }
}

/// Takes up the unit that was put aside, or puts it aside again.
pub(crate) fn exchange_units(node: &mut Node) {
    if let Some(interrupted) = &mut node.interrupted {
        std::mem::swap(&mut node.unit, &mut interrupted.unit);
    }
}

/// A transaction that a MIGRATE interrupted, or a script that takes long with what follows it in its transaction.
pub(crate) struct Interrupted {
    client: Client,
    queue: VecDeque<Queued>,
    unit: Unit,
}

/// Whether this client's transaction is interrupted: it ends, whatever becomes of the client.
pub(crate) fn is_interrupted(node: &Node, client: Client) -> bool {
    node.interrupted.as_ref().is_some_and(|interrupted| interrupted.client == client)
}

/// The MIGRATE is over: what it did belongs to the transaction's unit again.
pub(crate) fn reopen(node: &mut Node, client: Client) -> Option<Box<Interrupted>> {
    let mut interrupted = node.interrupted.take_if(|interrupted| interrupted.client == client)?;
    node.unit = std::mem::take(&mut interrupted.unit);
    node.release_paused(Purpose::Transaction);
    Some(interrupted)
}

/// Goes on behind the MIGRATE, whose reply `answer` writes.
pub(crate) fn go_on(node: &mut Node, interrupted: Interrupted, muted: bool, answer: impl FnOnce(&mut Reply)) {
    let client = interrupted.client;
    if let Some(session) = node.sessions.get_mut(client) {
        session.waiting = None;
    }
    let before = dispatch::log_ends(node);
    input::run_aside(node, client, muted, |node, reply| {
        let start = reply.buffer().len();
        answer(reply);
        run_queue(node, client, interrupted.queue, reply);
        if !is_interrupted(node, client) {
            effects::end_unit(node);
            observe::unblocked(node, client, reply.buffer().len().saturating_sub(start), false);
        }
    });
    dispatch::note_write(node, client, before, node.cluster.enabled);
}

/// Puts a request into the open transaction's queue.
pub(crate) fn queue(node: &mut Node, request: &Request<'_>, reply: &mut Reply) {
    let limit = node.policy.query_buffer_limit;
    let Some(multi) = node.sessions.get_mut(request.client).and_then(|s| s.multi.as_mut()) else { return };
    multi.bytes += request_memory(request.args) + size_of::<Queued>();
    if multi.bytes as u64 > limit {
        multi.broken = true;
        multi.queue = Vec::new();
    }
    // A transaction that is lost already needs no more memory.
    if !multi.broken {
        multi.flags |= request.flags;
        multi.lacking |= !request.flags;
        multi.queue.push(Queued {
            command: request.command,
            args: request.args.to_owned(),
            slot: request.slot,
        });
    }
    reply.simple("QUEUED");
}

/// A command was refused: an open transaction cannot be executed any more.
pub(crate) fn flag(node: &mut Node, client: Client) {
    if let Some(multi) = node.sessions.get_mut(client).and_then(|s| s.multi.as_mut()) {
        multi.broken = true;
        multi.queue = Vec::new();
    }
}

/// Ends a transaction without executing it, and the watches with it.
pub(crate) fn discard_all(node: &mut Node, client: Client) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.multi = None;
    }
    unwatch_all(node, client);
}

/// WATCH key [key ...]
fn watch(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    if session.multi.is_some() {
        return Err("ERR WATCH inside MULTI is not allowed".into());
    }
    reply.ok();
    // No point in watching more: the next EXEC fails anyway.
    if session.dirty_cas {
        return Ok(());
    }
    let db = session.db;
    for key in args.from(1).iter() {
        let watchers = node.watches.keys.entry(db).or_default().entry(key.to_vec()).or_default();
        if watchers.iter().any(|watcher| watcher.client == client) {
            continue;
        }
        session.watched.push((db, key.to_vec()));
        let present = node.keyspace.contains(db, key);
        watchers.push(Watcher { client, present });
    }
    Ok(())
}

/// UNWATCH
fn unwatch(node: &mut Node, client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    unwatch_all(node, client);
    reply.ok();
    Ok(())
}

/// Forgets what a session watches.
pub(crate) fn unwatch_all(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.dirty_cas = false;
    let watched = std::mem::take(&mut session.watched);
    node.watches.forget(client, &watched);
}

impl Watches {
    /// Removes a session from the keys it watched.
    pub fn forget(&mut self, client: Client, watched: &[(DbIndex, Vec<u8>)]) {
        for (db, key) in watched {
            let Some(keys) = self.keys.get_mut(db) else { continue };
            if let Some(watchers) = keys.get_mut(key) {
                watchers.retain(|w| w.client != client);
                if watchers.is_empty() {
                    keys.remove(key);
                }
            }
            if keys.is_empty() {
                self.keys.remove(db);
            }
        }
    }

    /// How many keys are watched.
    pub fn keys(&self) -> usize {
        self.keys.values().map(BTreeMap::len).sum()
    }

    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// A key changed.
pub(crate) fn touch(node: &mut Node, db: DbIndex, key: &[u8]) {
    let Some(watchers) = node.watches.keys.get(&db).and_then(|keys| keys.get(key)) else { return };
    for watcher in watchers {
        if let Some(session) = node.sessions.get_mut(watcher.client) {
            session.dirty_cas = true;
        }
    }
}

/// A key has expired, and was met: for who watched it when it was over already, nothing changed.
pub(crate) fn touch_expired(node: &mut Node, db: DbIndex, key: &[u8]) {
    let Some(watchers) = node.watches.keys.get(&db).and_then(|keys| keys.get(key)) else { return };
    for watcher in watchers.iter().filter(|watcher| watcher.present) {
        if let Some(session) = node.sessions.get_mut(watcher.client) {
            session.dirty_cas = true;
        }
    }
}

/// Marks the sessions that watch what a command changed.
pub(crate) fn touch_all(node: &mut Node, effects: &Effects) {
    if node.watches.is_empty() {
        return;
    }
    for (db, key) in effects.touched() {
        touch(node, db, key);
    }
    for flushed in &effects.flushed {
        touch_where(node, |db, _, present| present && flushed.is_none_or(|f| f == db));
    }
    if effects.swapped {
        touch_arrived(node, &effects.flushed);
    }
}

/// Databases were exchanged: who watched a key that was not there finds one.
fn touch_arrived(node: &mut Node, databases: &[Option<DbIndex>]) {
    for (db, keys) in node.watches.keys.iter().filter(|(db, _)| databases.contains(&Some(**db))) {
        for (_, watchers) in keys.iter().filter(|(key, _)| node.keyspace.contains(*db, key)) {
            for watcher in watchers {
                if let Some(session) = node.sessions.get_mut(watcher.client) {
                    session.dirty_cas = true;
                }
            }
        }
    }
}

/// Marks the watchers of all keys that `wanted(db, key, present at WATCH)` names: flushes, lost slots, a new data set.
pub(crate) fn touch_where(node: &mut Node, wanted: impl Fn(DbIndex, &[u8], bool) -> bool) {
    for (db, keys) in &node.watches.keys {
        for (key, watchers) in keys {
            for watcher in watchers.iter().filter(|w| wanted(*db, key, w.present)) {
                if let Some(session) = node.sessions.get_mut(watcher.client) {
                    session.dirty_cas = true;
                }
            }
        }
    }
}

/// A watched key that has expired since, but was not met by anyone yet, has changed too.
fn watched_key_expired(node: &mut Node, client: Client) -> bool {
    let Some(session) = node.sessions.get(client) else { return false };
    session.watched.iter().any(|(db, key)| {
        let watchers = node.watches.keys.get(db).and_then(|keys| keys.get(key));
        let present =
            watchers.is_some_and(|all| all.iter().any(|watcher| watcher.client == client && watcher.present));
        present && !node.keyspace.contains(*db, key)
    })
}
