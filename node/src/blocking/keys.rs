//! Clients that wait for keys: BLPOP and its kin, XREAD BLOCK.
//!
//! Model: a blocking command that found nothing left a `commands::Block`. Its request is kept ([`Parked`]) and its client is
//! listed under each of its keys. Whatever changes one of these keys (a command, a transaction, expiry, a flush, a swap,
//! a new data set) puts the key on the list of ready ones. Between execution units [`serve`] works that list off: who
//! waits for a ready key of the right type executes its request again, the whole checklist included, in the order in
//! which the clients blocked. Who finds nothing again goes on waiting in its old place and with its old deadline.
//!
//! Invariants: a client is in [`Blocked::parked`] if and only if it waits for keys, and under each of its keys once. A
//! ready key is served before the next command of anybody is executed. Only what is on the list before a key is
//! served is tried for it, once, so that serving ends.
//!
//! Bounds: keys by the size of requests, the ready list by the keys that somebody waits for.

use super::{Waiting, begin, finish};
use crate::node::Node;
use crate::refusal::Refusal;
use crate::session::{Client, ReplyMode, input, memory};
use crate::transaction::request_memory;
use crate::{cluster, dispatch, migrate};
use base::{Args, DbIndex, Millis, OwnedArgs};
use commands::{Block, Effects};
use keyspace::{Touch, TypeName};
use resp::Reply;
use spec::Command;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

/// Who waits for which key.
#[derive(Default)]
pub(crate) struct Blocked {
    parked: BTreeMap<Client, Box<Parked>>,
    keys: BTreeMap<DbIndex, BTreeMap<Vec<u8>, Queue>>,
    /// Keys to be served, oldest first; each is there once.
    ready: VecDeque<(DbIndex, Vec<u8>)>,
    listed: BTreeSet<(DbIndex, Vec<u8>)>,
    /// Tickets given out so far.
    tickets: u64,
    serving: bool,
    /// What the request that is being tried again had, in case it must wait on.
    retried: Option<(u64, Option<Millis>)>,
}

/// The clients that wait for one key, by ticket.
#[derive(Default)]
struct Queue {
    clients: BTreeMap<u64, Client>,
    /// How many of them want to know when the key goes away.
    when_gone: usize,
}

/// A request that waits.
struct Parked {
    /// Bytes that it costs, the names of its keys in the list included.
    cost: usize,
    command: &'static Command,
    args: OwnedArgs,
    db: DbIndex,
    block: Block,
    ticket: u64,
    deadline: Option<Millis>,
    /// CLIENT REPLY OFF or SKIP was in force.
    muted: bool,
    /// ASKING preceded the command.
    asking: bool,
}

impl Blocked {
    /// Whether nobody waits for a key.
    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// How many keys somebody waits for, and for how many of them somebody wants to know when they go away.
    pub fn key_counts(&self) -> (usize, usize) {
        let queues = || self.keys.values().flat_map(BTreeMap::values);
        (queues().count(), queues().filter(|queue| queue.when_gone > 0).count())
    }

    fn signal(&mut self, db: DbIndex, key: &[u8]) {
        if self.keys.get(&db).is_some_and(|keys| keys.contains_key(key)) {
            let place = (db, key.to_vec());
            if self.listed.insert(place.clone()) {
                self.ready.push_back(place);
            }
        }
    }

    fn queue(&self, db: DbIndex, key: &[u8]) -> Option<&Queue> {
        self.keys.get(&db)?.get(key)
    }

    fn enlist(&mut self, client: Client, parked: Box<Parked>) {
        for key in &parked.block.keys {
            let queue = self.keys.entry(parked.db).or_default().entry(key.clone()).or_default();
            if queue.clients.insert(parked.ticket, client).is_none() {
                queue.when_gone += usize::from(parked.block.when_gone);
            }
        }
        self.parked.insert(client, parked);
    }

    fn strike(&mut self, client: Client) -> Option<Box<Parked>> {
        let parked = self.parked.remove(&client)?;
        let keys = self.keys.get_mut(&parked.db)?;
        for key in &parked.block.keys {
            let Some(queue) = keys.get_mut(key) else { continue };
            if queue.clients.remove(&parked.ticket).is_some() {
                queue.when_gone -= usize::from(parked.block.when_gone);
            }
            if queue.clients.is_empty() {
                keys.remove(key);
            }
        }
        if keys.is_empty() {
            self.keys.remove(&parked.db);
        }
        Some(parked)
    }
}

/// The client's command waits for keys.
pub(crate) fn park(node: &mut Node, client: Client, args: Args<'_>, mut block: Block) {
    let Some(session) = node.sessions.get(client) else { return };
    let Some(command) = session.last_command else { return };
    let (ticket, deadline) = match node.blocked.retried.take() {
        Some(before) => before,
        None => {
            node.blocked.tickets += 1;
            let deadline = (block.timeout_ms > 0).then(|| node.now.mono + block.timeout_ms);
            (node.blocked.tickets, deadline)
        }
    };
    let args = block.instead.take().unwrap_or_else(|| args.to_owned());
    let keys: usize = block.keys.iter().map(|key| 2 * (key.len() + size_of::<Vec<u8>>())).sum();
    let parked = Parked {
        cost: request_memory(args.as_args()) + keys + size_of::<Parked>(),
        command,
        args,
        db: session.db,
        block,
        ticket,
        deadline,
        muted: matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip),
        asking: false,
    };
    set_cost(node, client, parked.cost);
    node.blocked.enlist(client, Box::new(parked));
    begin(node, client, Waiting::Keys { deadline }, deadline);
}

/// What the request that waits costs counts for its client.
fn set_cost(node: &mut Node, client: Client, cost: usize) {
    if let Some(session) = node.sessions.get_mut(client) {
        session.parked = cost;
    }
    memory::account(node, client);
}

/// Takes the request of a waiting client back.
fn strike(node: &mut Node, client: Client) -> Option<Box<Parked>> {
    let parked = node.blocked.strike(client)?;
    set_cost(node, client, 0);
    Some(parked)
}

/// The command that just began to wait was preceded by ASKING: so will be its repetition.
pub(crate) fn keep_asking(node: &mut Node, client: Client) {
    if let Some(parked) = node.blocked.parked.get_mut(&client) {
        parked.asking = true;
    }
}

/// The session is gone, or waits no longer.
pub(crate) fn forget(node: &mut Node, client: Client) {
    if let Some(parked) = strike(node, client)
        && let Some(deadline) = parked.deadline
    {
        node.deadlines.remove(&(deadline, client));
    }
}

/// A key changed, came or went.
pub(crate) fn signal(node: &mut Node, db: DbIndex, key: &[u8]) {
    if !node.blocked.is_empty() {
        node.blocked.signal(db, key);
    }
}

/// What a command changed.
pub(crate) fn signal_all(node: &mut Node, effects: &Effects) {
    if node.blocked.is_empty() {
        return;
    }
    for (db, key) in effects.touched().chain(effects.woken()) {
        node.blocked.signal(db, key);
    }
    for flushed in &effects.flushed {
        signal_databases(node, *flushed);
    }
}

/// Everything in a database, or in all, may have changed.
pub(crate) fn signal_databases(node: &mut Node, which: Option<DbIndex>) {
    let blocked = &mut node.blocked;
    let all = blocked.keys.iter().filter(|(db, _)| which.is_none_or(|only| only == **db));
    let keys: Vec<_> = all.flat_map(|(db, keys)| keys.keys().map(|key| (*db, key.clone()))).collect();
    for (db, key) in keys {
        blocked.signal(db, &key);
    }
}

/// Lets clients go on whose keys are ready. Between execution units only.
pub(crate) fn serve(node: &mut Node) {
    if node.blocked.ready.is_empty()
        || node.blocked.serving
        || node.unit.in_exec
        || node.interrupted.is_some()
    {
        return;
    }
    node.blocked.serving = true;
    let mut held = Vec::new();
    while let Some(place) = node.blocked.ready.pop_front() {
        node.blocked.listed.remove(&place);
        if serve_key(node, place.0, &place.1) == Served::Held {
            held.push(place);
        }
    }
    node.blocked.serving = false;
    for (db, key) in held {
        node.blocked.signal(db, &key);
    }
}

#[derive(PartialEq, Eq)]
enum Served {
    Done,
    /// Somebody cannot be tried now: the key stays ready.
    Held,
}

fn serve_key(node: &mut Node, db: DbIndex, key: &[u8]) -> Served {
    let Some(last) = node.blocked.queue(db, key).and_then(|queue| queue.clients.keys().next_back().copied())
    else {
        return Served::Done;
    };
    let (mut after, mut held) = (0, Served::Done);
    while let Some(queue) = node.blocked.queue(db, key) {
        let next = queue.clients.range((Bound::Excluded(after), Bound::Included(last))).next();
        let Some((&ticket, &client)) = next else { break };
        let wants_gone = queue.when_gone > 0;
        after = ticket;
        let kind = kind_of(node, db, key);
        if kind.is_none() && !wants_gone {
            break;
        }
        let Some(parked) = node.blocked.parked.get(&client) else { continue };
        // It has only begun to wait: its batch must end first.
        if node.sessions.get(client).is_some_and(|session| session.executing) {
            held = Served::Held;
            continue;
        }
        if kind != Some(parked.block.kind) && !parked.block.when_gone {
            continue;
        }
        let writes = parked.command.is_write();
        if node.pause.holds(writes) || cluster::hold::blocks(node, writes) || is_held(node, client) {
            held = Served::Held;
            continue;
        }
        retry(node, client);
    }
    held
}

/// Whether the client's request names a key that is on its way to another server.
fn is_held(node: &mut Node, client: Client) -> bool {
    if node.migrations.is_idle() {
        return false;
    }
    let Some(parked) = node.blocked.parked.remove(&client) else { return false };
    let held = migrate::holds_any(node, parked.command, parked.args.as_args());
    node.blocked.parked.insert(client, parked);
    held
}

/// The type of a key, if it is there, without any effect on it.
fn kind_of(node: &mut Node, db: DbIndex, key: &[u8]) -> Option<TypeName> {
    if !node.keyspace.contains(db, key) {
        return None;
    }
    node.keyspace.lookup(db, key, Touch::Silent).map(|found| found.type_name())
}

/// Executes a waiting request again.
fn retry(node: &mut Node, client: Client) {
    let Some(parked) = strike(node, client) else { return };
    let Parked { command, args, ticket, deadline, muted, asking, .. } = *parked;
    if let Some(deadline) = deadline {
        node.deadlines.remove(&(deadline, client));
    }
    let Some(session) = node.sessions.get_mut(client) else { return };
    session.waiting = None;
    session.asking = asking;
    node.blocked.retried = Some((ticket, deadline));
    input::run_aside(node, client, muted, |node, reply| {
        dispatch::again(node, client, command, args.as_args(), reply);
    });
    node.blocked.retried = None;
    if let Some(parked) = node.blocked.parked.get_mut(&client) {
        parked.muted = muted;
        parked.asking = asking;
    }
}

/// The client has waited long enough.
pub(crate) fn time_out(node: &mut Node, client: Client) {
    answer(node, client, Reply::null_array);
}

/// Ends a client's wait with an error.
pub(crate) fn refuse(node: &mut Node, client: Client, text: &str) {
    node.stats.count_error(text);
    answer(node, client, |reply| reply.error(text));
}

fn answer(node: &mut Node, client: Client, write: impl FnOnce(&mut Reply)) {
    let Some(parked) = strike(node, client) else { return };
    finish(node, client, |reply| {
        if !parked.muted {
            write(reply);
        }
    });
}

/// All clients that wait for keys.
pub(crate) fn clients(node: &Node) -> Vec<Client> {
    node.blocked.parked.keys().copied().collect()
}

/// The cluster's view changed: who waits for keys that are served elsewhere now, or by nobody, is told so.
pub(crate) fn redirect(node: &mut Node) {
    if !node.cluster.enabled || node.blocked.is_empty() {
        return;
    }
    for client in clients(node) {
        let Some(parked) = node.blocked.parked.get(&client) else { continue };
        let Some(key) = parked.block.keys.first() else { continue };
        let writes = parked.command.is_write();
        if let Err(refusal) = cluster::redirect::still_serves(node, client, key, writes) {
            refuse(node, client, &Refusal::to_string(&refusal));
        }
    }
}
