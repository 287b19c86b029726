//! The one place where what a command did becomes log records, keyspace notifications, dirty WATCHes and the dirty counter.
//!
//! Model: a *unit* is a command, or an EXEC with all it runs, or one slice of background work. Records of a unit reach the
//! log together: one alone as it is, several between MULTI and EXEC (so that a reader sees all or nothing). A command that
//! does one thing goes straight into the log; only what belongs to a longer unit is copied aside until the unit ends.
//! Expired keys become DEL (UNLINK when `lazyfree-lazy-expire`) in front of the command that met them.
//!
//! Invariants: nothing is encoded that nobody reads; a replica logs what its primary's commands did for its AOF alone,
//! because the primary's own bytes are what its replicas get.

use crate::api::LogLevel;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use crate::{blocking, persistence, pubsub, replication, tracking, transaction};
use base::{Args, DbIndex, OwnedArgs, Slot};
use commands::{Classes, CommandError, Ctx, Effects, Propagate};
use keyspace::KeyEventKind;
use repl::{Kind, Meta, Targets, Unit as Place};
use resp::Reply;

/// A record that waits for the end of its unit.
struct Pending {
    meta: Meta,
    args: OwnedArgs,
}

/// The unit that is being executed.
#[derive(Default)]
pub(crate) struct Unit {
    /// EXEC is running: what its commands do belongs together.
    pub in_exec: bool,
    /// Microseconds that the thread will sleep before it does anything else (DEBUG SLEEP): what follows the unit in this
    /// turn happens after that.
    pub slept: u64,
    pending: Vec<Pending>,
}

/// Executes a data command and settles what it did.
pub(crate) fn run(
    node: &mut Node,
    client: Client,
    handler: commands::Handler,
    args: Args<'_>,
    slot: Option<Slot>,
    reply: &mut Reply,
) -> Outcome {
    let Some(session) = node.sessions.get(client) else { return Ok(()) };
    let (db, obey) = (session.db, session.role.is_obeyed());
    let mut effects = node.effects.take().unwrap_or_default();
    effects.clear();
    effects.wanted = node.policy.notify;
    node.limits.obey = obey;
    node.limits.may_block = !obey && !node.unit.in_exec;
    node.limits.in_script = node.scripting.inside().is_some();
    node.limits.logged = !node.loading && !node.log.readers().is_none();
    node.limits.keep_expired = obey || replication::is_replica(node);
    let untouched = session.no_touch && !args.at(0).eq_ignore_ascii_case(b"touch");
    node.keyspace.set_no_touch(untouched);
    // The primary's commands see the keys that the primary saw.
    let follows = obey && !node.loading;
    if follows {
        node.keyspace.set_ignore_expiry(true);
    }
    let outcome = handler(
        &mut Ctx {
            keyspace: &mut node.keyspace,
            db,
            now: node.now.unix,
            effects: &mut effects,
            prng: &mut node.prng,
            limits: &node.limits,
            pulse: node.progress.pulse(),
        },
        args,
        reply,
    );
    if follows {
        node.keyspace.set_ignore_expiry(false);
    }
    settle(node, client, obey, db, slot, args, &effects);
    let block = effects.block.take();
    node.effects = Some(effects);
    if let Some(block) = block {
        blocking::keys::park(node, client, args, *block);
    }
    if let Err(CommandError::BadPayload(form, what)) = outcome {
        node.log(LogLevel::Warning, format!("Refused payload: {form} integrity check failed: {what}"));
    }
    outcome.map_err(Refusal::from)
}

/// Acts on what the command left in `effects`.
fn settle(
    node: &mut Node,
    client: Client,
    obey: bool,
    db: DbIndex,
    slot: Option<Slot>,
    args: Args<'_>,
    effects: &Effects,
) {
    if node.keyspace.has_events() {
        settle_events(node);
    }
    let quiet = effects.dirty == 0 && effects.touched().len() == 0 && effects.events().len() == 0;
    if quiet && !effects.is_logged() && effects.flushed.is_empty() {
        return;
    }
    node.persistence.dirty += effects.dirty;
    if !obey && replication::is_replica(node) {
        effects.touched().for_each(|(db, key)| node.keyspace.remember_own(db, key));
    }
    if effects.flushed.contains(&None) {
        persistence::flushed_all(node);
    }
    transaction::touch_all(node, effects);
    tracking::changed(node, client, effects);
    blocking::keys::signal_all(node, effects);
    if effects.is_logged() {
        propagate(node, obey, db, slot, args, effects);
    }
    for event in effects.events() {
        notify(node, event.class, event.name, event.db, event.key);
    }
}

fn propagate(
    node: &mut Node,
    obey: bool,
    db: DbIndex,
    slot: Option<Slot>,
    args: Args<'_>,
    effects: &Effects,
) {
    let chosen = node.scripting.inside().unwrap_or(Targets::ALL);
    let targets = targets(node, obey).and(chosen);
    if node.cluster.first_write_due {
        crate::cluster::install::first_write(node);
    }
    match &effects.propagate {
        Propagate::Verbatim | Propagate::Always => record(node, Kind::Write, targets, db, slot, args),
        Propagate::Instead(commands) => {
            let together = commands.len() > 1;
            for command in commands {
                record_in(node, Kind::Write, targets, db, slot, command.as_args(), together);
            }
        }
        Propagate::Nothing => {}
    }
}

/// Who reads the effects of a command: a replica's own or its primary's commands are for its AOF only.
pub(crate) fn targets(node: &Node, obey: bool) -> Targets {
    if obey || replication::is_replica(node) { Targets::AOF } else { Targets::ALL }
}

/// Puts a command into the log, or aside until its unit ends.
pub(crate) fn record(
    node: &mut Node,
    kind: Kind,
    targets: Targets,
    db: DbIndex,
    slot: Option<Slot>,
    args: Args<'_>,
) {
    record_in(node, kind, targets, db, slot, args, false);
}

/// [`record`]; `together` says that more of the same unit follows.
fn record_in(
    node: &mut Node,
    kind: Kind,
    targets: Targets,
    db: DbIndex,
    slot: Option<Slot>,
    args: Args<'_>,
    together: bool,
) {
    if node.loading || node.log.readers().and(targets).is_none() {
        return;
    }
    if together || node.unit.in_exec || !node.unit.pending.is_empty() {
        let meta = Meta { targets, db, slot, unit: Place::Inside, kind };
        node.unit.pending.push(Pending { meta, args: args.to_owned() });
    } else {
        node.log.append(Meta { targets, db, slot, unit: Place::Alone, kind }, args);
    }
}

/// Ends a unit: what was put aside reaches the log, as one transaction if it is more than one command.
pub(crate) fn end_unit(node: &mut Node) {
    if node.unit.in_exec || node.unit.pending.is_empty() {
        return;
    }
    flush(node, true);
}

/// What happened to keys while a request was only looked at (an expired key met by the slot check) is settled too.
pub(crate) fn settle_leftovers(node: &mut Node) {
    if node.keyspace.has_events() {
        settle_events(node);
        end_unit(node);
    }
}

/// Ends a unit whose records need not be seen together (expiry cycles, slot drops).
pub(crate) fn end_loose_unit(node: &mut Node) {
    flush(node, false);
}

fn flush(node: &mut Node, together: bool) {
    let mut pending = std::mem::take(&mut node.unit.pending);
    let wrap = together && pending.len() > 1;
    let unit = if wrap { Place::Inside } else { Place::Alone };
    if let (true, Some(first)) = (wrap, pending.first()) {
        append_edge(node, "MULTI", Place::First, first.meta, &pending);
    }
    for record in &pending {
        node.log.append(Meta { unit, ..record.meta }, record.args.as_args());
    }
    if let (true, Some(last)) = (wrap, pending.last()) {
        append_edge(node, "EXEC", Place::Last, last.meta, &pending);
    }
    pending.clear();
    node.unit.pending = pending;
}

/// MULTI or EXEC, for everyone who reads some record of the unit.
fn append_edge(node: &mut Node, name: &str, unit: Place, beside: Meta, pending: &[Pending]) {
    let reads = |one: Targets| pending.iter().any(|record| record.meta.targets.includes(one));
    let targets = match (reads(Targets::AOF), reads(Targets::REPLICAS)) {
        (true, true) => Targets::ALL,
        (true, false) => Targets::AOF,
        (false, true) => Targets::REPLICAS,
        (false, false) => Targets::NONE,
    };
    let args = OwnedArgs::from_slices([name.as_bytes()]);
    node.log.append(Meta { targets, unit, kind: Kind::Write, ..beside }, args.as_args());
}

/// Turns what happened to keys by itself (expiry, eviction, slot drops) into records, notifications and dirty WATCHes.
pub(crate) fn settle_events(node: &mut Node) {
    let mut events = Vec::new();
    node.keyspace.drain_events(&mut |event| events.push((event.kind, event.db, event.key.to_vec())));
    let targets = targets(node, false);
    let clustered = node.cluster.enabled;
    for (kind, db, key) in &events {
        let (class, name) = match kind {
            KeyEventKind::Expired => (Classes::EXPIRED, "expired"),
            KeyEventKind::Evicted => (Classes::EVICTED, "evicted"),
            KeyEventKind::SlotDropped => (Classes::GENERIC, "del"),
        };
        let unlink = match kind {
            KeyEventKind::Expired => node.policy.lazy_expire,
            KeyEventKind::Evicted => node.policy.lazy_eviction,
            KeyEventKind::SlotDropped => false,
        };
        let verb: &[u8] = if unlink { b"UNLINK" } else { b"DEL" };
        let command = OwnedArgs::from_slices([verb, key.as_slice()]);
        let slot = clustered.then(|| Slot::of_key(key));
        // Put aside even when it is alone: the command that met the key may follow in the same unit.
        if !node.loading && !node.log.readers().and(targets).is_none() {
            let meta = Meta { targets, db: *db, slot, unit: Place::Inside, kind: Kind::Write };
            node.unit.pending.push(Pending { meta, args: command });
        }
        match kind {
            KeyEventKind::Expired => transaction::touch_expired(node, *db, key),
            _ => transaction::touch(node, *db, key),
        }
        tracking::key_changed(node, None, key);
        blocking::keys::signal(node, *db, key);
        notify(node, class, name, *db, key);
        node.persistence.dirty += 1;
        match kind {
            KeyEventKind::Expired => node.stats.expired_keys += 1,
            KeyEventKind::Evicted => node.stats.evicted_keys += 1,
            KeyEventKind::SlotDropped => {}
        }
    }
    settle_fields(node, targets);
}

/// Turns fields that expired into HDEL, as [`settle_events`] turns keys into DEL.
fn settle_fields(node: &mut Node, targets: Targets) {
    for expired in node.keyspace.take_expired_fields() {
        let (db, key) = (expired.db, expired.key.as_slice());
        if !node.loading && !node.log.readers().and(targets).is_none() {
            let words = [b"HDEL".as_slice(), key];
            let args =
                OwnedArgs::from_slices(words.into_iter().chain(expired.fields.iter().map(Vec::as_slice)));
            let slot = node.cluster.enabled.then(|| Slot::of_key(key));
            let meta = Meta { targets, db, slot, unit: Place::Inside, kind: Kind::Write };
            node.unit.pending.push(Pending { meta, args });
        }
        transaction::touch(node, db, key);
        tracking::key_changed(node, None, key);
        notify(node, Classes::HASH, "hexpired", db, key);
        if expired.removed {
            blocking::keys::signal(node, db, key);
            notify(node, Classes::GENERIC, "del", db, key);
        }
        node.persistence.dirty += expired.fields.len() as u64;
        node.stats.expired_fields += expired.fields.len() as u64;
    }
}

/// Publishes a keyspace event to those who listen (`notify-keyspace-events`); it never leaves this node.
pub(crate) fn notify(node: &mut Node, class: Classes, event: &str, db: DbIndex, key: &[u8]) {
    if !node.policy.notify.contains(class) {
        return;
    }
    if node.policy.notify_keyspace {
        let mut channel = format!("__keyspace@{}__:", db.0).into_bytes();
        channel.extend_from_slice(key);
        pubsub::publish_local(node, &channel, event.as_bytes());
    }
    if node.policy.notify_keyevent {
        let channel = format!("__keyevent@{}__:{event}", db.0);
        pubsub::publish_local(node, channel.as_bytes(), key);
    }
}
