//! What watches the commands: SLOWLOG and COMMANDLOG, LATENCY's events and histograms, MONITOR.
//!
//! Model: [`executed`] is told of every command that ran, with what it cost; a command that began to wait is told once
//! more, by [`unblocked`], when it has its answer, and counts then. What each of the watchers keeps lives in a file of
//! its own, none of which knows sessions.
//!
//! Invariant: what nobody watches costs a comparison per command and no allocation. Passwords reach neither a log nor a
//! monitor ([`redact`]).

pub(crate) mod commandlog;
pub(crate) mod histogram;
pub(crate) mod latency;
pub(crate) mod monitor;
mod redact;

use crate::cluster::slot_stats;
use crate::node::Node;
use crate::session::{Client, Role};
use base::{Args, OwnedArgs, Slot};
use commandlog::{CommandLogs, Kind};
use latency::Latency;
use spec::{Command, flag};

/// The watchers' state.
#[derive(Default)]
pub(crate) struct Observers {
    /// SLOWLOG and COMMANDLOG.
    pub logs: CommandLogs,
    /// LATENCY's events.
    pub latency: Latency,
    /// Who sent MONITOR.
    pub monitors: Vec<Client>,
    /// Microseconds that the running command will sleep once it is over (DEBUG SLEEP): they count as its time.
    pub slept: u64,
}

impl Observers {
    /// Settings changed: logs keep no more than they may.
    pub fn obey(&mut self, settings: &config::Settings) {
        self.logs.of_mut(Kind::Slow).set_limit(settings.slowlog_max_len);
        self.logs.of_mut(Kind::LargeRequest).set_limit(settings.commandlog_large_request_max_len);
        self.logs.of_mut(Kind::LargeReply).set_limit(settings.commandlog_large_reply_max_len);
    }
}

/// What a command cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Cost {
    /// Microseconds.
    pub micros: u64,
    /// Bytes of its reply.
    pub reply: usize,
    /// Whether it was answered with an error.
    pub failed: bool,
    /// The slot of its keys, if that is known.
    pub slot: Option<Slot>,
}

/// A command that waits for something: what it takes to count it when it goes on.
pub(crate) struct Unfinished {
    command: &'static Command,
    args: OwnedArgs,
    micros: u64,
    slot: Option<Slot>,
}

/// A command ran, or began to wait.
pub(crate) fn executed(
    node: &mut Node,
    client: Client,
    command: &'static Command,
    args: Args<'_>,
    cost: Cost,
) {
    // What an AOF says at the start is nobody's command.
    let Some(session) = node.sessions.get_mut(client) else { return };
    if session.role == Role::Loader {
        return;
    }
    let waits =
        session.waiting.as_ref().is_some_and(|waiting| waiting.is_counted_later()) && !node.unit.in_exec;
    let db = session.db;
    // It waited for keys and was tried again: one command still. Inside EXEC it would be EXEC that waits.
    let before = if node.unit.in_exec { None } else { session.unfinished.take() };
    let cost = Cost { micros: cost.micros + before.as_ref().map_or(0, |before| before.micros), ..cost };
    if waits {
        let args = args.to_owned();
        session.unfinished =
            Some(Box::new(Unfinished { command, args, micros: cost.micros, slot: cost.slot }));
    }
    let event = if command.fast() { "fast-command" } else { "command" };
    note_latency(node, event, cost.micros);
    if before.is_none()
        && !node.observers.monitors.is_empty()
        && !command.has_any(flag::SKIP_MONITOR | flag::ADMIN)
    {
        monitor::feed(node, client, db, command, args);
    }
    if !waits {
        count(node, client, command, args, cost);
    }
}

/// A command that waited has its answer.
pub(crate) fn unblocked(node: &mut Node, client: Client, reply: usize, failed: bool) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    let Some(unfinished) = session.unfinished.take() else { return };
    // Waiting costs nobody anything: as in Redis it is no part of the command's time.
    let cost = Cost { micros: unfinished.micros, reply, failed, slot: unfinished.slot };
    count(node, client, unfinished.command, unfinished.args.as_args(), cost);
}

fn count(node: &mut Node, client: Client, command: &'static Command, args: Args<'_>, cost: Cost) {
    node.stats.processed += 1;
    if !node.unit.in_exec {
        node.stats.turns.commands_micros += cost.micros;
    }
    if let Some(session) = node.sessions.get_mut(client) {
        session.commands += 1;
    }
    if let Some(stats) = node.stats.commands.get_mut(command.id.index()) {
        stats.calls += 1;
        stats.usec += cost.micros;
        stats.failed += u64::from(cost.failed);
        if node.policy.latency_tracking {
            stats.histogram.get_or_insert_default().record_micros(cost.micros);
        }
    }
    if node.cluster.slot_stats.is_enabled() {
        slot_stats::executed(node, client, command, args, cost);
    }
    let limits = &node.policy.command_logs;
    let over = |kind: Kind, value: u64| limits[kind as usize].is_some_and(|limit| value >= limit);
    let large = limits[Kind::LargeRequest as usize].is_some_and(|limit| request_bytes_at_most(args) >= limit);
    let request = if large { request_bytes(args) } else { 0 };
    let values =
        [(Kind::Slow, cost.micros), (Kind::LargeRequest, request), (Kind::LargeReply, cost.reply as u64)];
    if command.has(flag::SKIP_SLOWLOG) || !values.iter().any(|(kind, value)| over(*kind, *value)) {
        return;
    }
    let hidden = redact::hidden(command, args);
    let Some(session) = node.sessions.get(client) else { return };
    for (kind, value) in values.into_iter().filter(|(kind, value)| over(*kind, *value)) {
        let (peer, name) = (&session.peer.peer, &session.name);
        node.observers.logs.of_mut(kind).push(node.now.unix.seconds(), value, args, &hidden, peer, name);
    }
}

/// Notes that something took long, if it did (`latency-monitor-threshold`).
pub(crate) fn note_latency(node: &mut Node, event: &'static str, micros: u64) {
    let threshold = node.policy.latency_threshold_ms;
    if threshold != 0 && micros / 1000 >= threshold {
        node.observers.latency.add(event, node.now.unix.seconds(), micros / 1000);
    }
}

/// What a request weighs on the wire at most: a sum that takes less time than the exact one.
fn request_bytes_at_most(args: Args<'_>) -> u64 {
    const NUMBER_AND_ENDS: usize = 20 + 5;
    (args.iter().map(<[u8]>::len).sum::<usize>() + (args.len() + 1) * NUMBER_AND_ENDS) as u64
}

/// What a request weighs on the wire: its multibulk form.
pub(crate) fn request_bytes(args: Args<'_>) -> u64 {
    let decimals = |value: usize| value.checked_ilog10().unwrap_or(0) as usize + 1;
    let head = decimals(args.len()) + 3;
    (args.iter().map(|arg| decimals(arg.len()) + arg.len() + 5).sum::<usize>() + head) as u64
}
