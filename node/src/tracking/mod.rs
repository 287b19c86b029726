//! Client-side caching: who has read which key, and who is told when it changes (CLIENT TRACKING).
//!
//! Model: in the default mode a table maps each key that a tracking client has read to those clients; a change takes
//! the key out and tells them, once. In broadcasting mode a client names prefixes, nothing is remembered about reads,
//! and keys that change under a prefix are told together at the end of the turn. Messages are pushes (RESP3) or, for a
//! client that is redirected to, messages of the channel `__redis__:invalidate`.
//!
//! Weakness, as in Redis: keys are remembered by name alone, so that a key of one database speaks for all.
//!
//! Bounds: `tracking-table-max-keys` keys, past which some are taken out, and told; clients that left are forgotten with
//! their keys. Prefixes are bounded by the requests that name them.

mod send;

use crate::node::Node;
use crate::scripting;
use crate::session::{Client, Role};
use base::Args;
use commands::Effects;
use spec::{Command, flag};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Keys taken out at once when the table is too large; more each time that it was not enough.
const EFFORT: usize = 100;

/// What one session asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tracked {
    /// BCAST.
    pub broadcast: bool,
    /// OPTIN: only what follows CLIENT CACHING YES is tracked.
    pub opt_in: bool,
    /// OPTOUT: all but what follows CLIENT CACHING NO.
    pub opt_out: bool,
    /// NOLOOP: its own changes are not told.
    pub no_loop: bool,
    /// CLIENT CACHING was said for the next command.
    pub caching: bool,
    /// The client that the messages should go to is gone.
    pub broken_redirect: bool,
    /// REDIRECT: another client's id and place.
    pub redirect: Option<(u64, Client)>,
    /// Prefixes of the broadcasting mode; an empty one stands for all keys.
    pub prefixes: BTreeSet<Vec<u8>>,
}

/// Keys that changed, each with the client that changed it last.
type Changes = BTreeMap<Vec<u8>, Option<Client>>;

/// What happened under a prefix in this turn.
#[derive(Default)]
struct Prefix {
    clients: BTreeSet<Client>,
    keys: Changes,
}

/// Who is told what.
#[derive(Default)]
pub(crate) struct Tracking {
    /// Sessions that track.
    clients: BTreeSet<Client>,
    table: BTreeMap<Vec<u8>, BTreeSet<Client>>,
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// Whose command is executed.
    current: Option<Client>,
    /// Where the next key to be taken out of a table that is too large is looked for.
    cursor: Vec<u8>,
    /// How often in a row the table was too large in spite of all effort.
    too_large: usize,
}

impl Tracking {
    /// How many clients track.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Whether nobody tracks and nothing is left of those who did: the table keeps what they read until it changes.
    fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.table.is_empty()
    }

    /// Keys in the table, entries of it, prefixes.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.table.len(), self.items, self.prefixes.len())
    }

    /// A client begins to track, or tracks otherwise than before.
    pub fn join(&mut self, client: Client, prefixes: &BTreeSet<Vec<u8>>) {
        self.clients.insert(client);
        for prefix in prefixes {
            self.prefixes.entry(prefix.clone()).or_default().clients.insert(client);
        }
    }

    fn leave(&mut self, client: Client, prefixes: &BTreeSet<Vec<u8>>) {
        self.clients.remove(&client);
        for name in prefixes {
            let Some(prefix) = self.prefixes.get_mut(name) else { continue };
            prefix.clients.remove(&client);
            if prefix.clients.is_empty() {
                self.prefixes.remove(name);
            }
        }
    }

    fn remember(&mut self, client: Client, key: &[u8]) {
        let fresh = match self.table.get_mut(key) {
            Some(clients) => clients.insert(client),
            None => self.table.insert(key.to_vec(), BTreeSet::from([client])).is_none(),
        };
        self.items += usize::from(fresh);
    }

    fn take(&mut self, key: &[u8]) -> Option<BTreeSet<Client>> {
        let clients = self.table.remove(key)?;
        self.items -= clients.len();
        Some(clients)
    }

    /// A key to take out of a table that is too large: they go round in the order of their names.
    fn victim(&mut self) -> Option<Vec<u8>> {
        let from = (Bound::Excluded(self.cursor.as_slice()), Bound::Unbounded);
        let next = self.table.range::<[u8], _>(from).next().or_else(|| self.table.iter().next());
        self.cursor = next.map(|(key, _)| key.clone())?;
        Some(self.cursor.clone())
    }
}

/// A session stops tracking.
pub(crate) fn stop(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    if let Some(tracked) = session.tracking.take() {
        node.tracking.leave(client, &tracked.prefixes);
    }
}

/// A session's command begins.
pub(crate) fn before_command(node: &mut Node, client: Client) {
    if !node.tracking.clients.is_empty() {
        node.tracking.current = Some(client);
        limit_table(node);
    }
}

/// A session's command, or one of its transaction, was executed: what it read is remembered.
pub(crate) fn after_command(node: &mut Node, client: Client, command: &Command, args: Args<'_>) {
    // What a script reads its commands say.
    let silent = command.has(flag::PUBSUB) || scripting::runs_scripts(command.name);
    if node.tracking.clients.is_empty() || !command.is_readonly() || silent {
        return;
    }
    let Some(tracked) = node.sessions.get(client).and_then(|s| s.tracking.as_ref()) else { return };
    if tracked.broadcast || (tracked.opt_in && !tracked.caching) || (tracked.opt_out && tracked.caching) {
        return;
    }
    let mut keys = std::mem::take(&mut node.key_positions);
    keys.clear();
    if spec::key_positions(command, &args, &mut keys).is_ok() {
        for key in &keys {
            node.tracking.remember(client, args.at(key.index as usize));
        }
    }
    node.key_positions = keys;
}

/// A session's request is over; CLIENT CACHING is said for one request, or one transaction.
pub(crate) fn after_request(node: &mut Node, client: Client, command: &Command) {
    if node.tracking.clients.is_empty() {
        return;
    }
    node.tracking.current = None;
    if command.name.starts_with("client|") {
        return;
    }
    if let Some(session) = node.sessions.get_mut(client)
        && session.multi.is_none()
        && let Some(tracked) = session.tracking.as_mut()
    {
        tracked.caching = false;
    }
}

/// What a command changed is told.
pub(crate) fn changed(node: &mut Node, client: Client, effects: &Effects) {
    if node.tracking.is_idle() {
        return;
    }
    if !effects.flushed.is_empty() && !effects.swapped {
        return all_changed(node);
    }
    for (_, key) in effects.touched() {
        key_changed(node, Some(client), key);
    }
}

/// A key changed by the doing of `by`, or by itself.
pub(crate) fn key_changed(node: &mut Node, by: Option<Client>, key: &[u8]) {
    if node.tracking.is_idle() {
        return;
    }
    for (name, prefix) in &mut node.tracking.prefixes {
        if key.starts_with(name) {
            prefix.keys.insert(key.to_vec(), by);
        }
    }
    tell_readers(node, key);
}

/// Takes a key out of the table and tells those who read it.
fn tell_readers(node: &mut Node, key: &[u8]) {
    let Some(clients) = node.tracking.take(key) else { return };
    let current = node.tracking.current;
    for client in clients {
        let Some(tracked) = node.sessions.get(client).and_then(|s| s.tracking.as_ref()) else { continue };
        // Who broadcasts now has switched since.
        if tracked.broadcast || (tracked.no_loop && current == Some(client)) {
            continue;
        }
        send::keys(node, client, &[key]);
    }
}

/// Every key may have changed: FLUSHALL, FLUSHDB, a new data set.
pub(crate) fn all_changed(node: &mut Node) {
    if node.tracking.is_idle() {
        return;
    }
    node.tracking.table = BTreeMap::new();
    node.tracking.items = 0;
    for client in node.tracking.clients.clone() {
        send::everything(node, client);
    }
}

/// The turn ends: what changed under prefixes is told.
pub(crate) fn broadcast(node: &mut Node) {
    if node.tracking.clients.is_empty() {
        return;
    }
    let mut told: Vec<(BTreeSet<Client>, Changes)> = Vec::new();
    for prefix in node.tracking.prefixes.values_mut().filter(|prefix| !prefix.keys.is_empty()) {
        told.push((prefix.clients.clone(), std::mem::take(&mut prefix.keys)));
    }
    for (clients, keys) in told {
        for client in clients {
            let Some(tracked) = node.sessions.get(client).and_then(|s| s.tracking.as_ref()) else { continue };
            let own = |by: &Option<Client>| tracked.no_loop && *by == Some(client);
            let keys: Vec<&[u8]> =
                keys.iter().filter(|(_, by)| !own(by)).map(|(key, _)| key.as_slice()).collect();
            if !keys.is_empty() {
                send::keys(node, client, &keys);
            }
        }
    }
}

/// Takes keys out of a table that is larger than `tracking-table-max-keys`, with an effort that grows. Before each
/// command, and ten times a second.
pub(crate) fn limit_table(node: &mut Node) {
    if node.tracking.clients.is_empty() {
        return;
    }
    let limit = usize::try_from(node.config.settings.tracking_table_max_keys).unwrap_or(usize::MAX);
    if limit == 0 || node.tracking.table.len() <= limit {
        node.tracking.too_large = 0;
        return;
    }
    for _ in 0..EFFORT.saturating_mul(node.tracking.too_large + 1) {
        let Some(key) = node.tracking.victim() else { break };
        tell_readers(node, &key);
        if node.tracking.table.len() <= limit {
            node.tracking.too_large = 0;
            return;
        }
    }
    node.tracking.too_large += 1;
}

/// Whether a session may be sent invalidations in RESP2: it listens to channels.
fn listens(node: &Node, client: Client) -> bool {
    node.sessions.get(client).is_some_and(|s| s.role == Role::Normal && s.is_subscriber())
}
