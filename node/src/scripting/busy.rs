//! Driving a script: answering what it asks for, and what happens when it takes too long.
//!
//! Model: [`drive`] goes on until the script is over, or late. A late script is put aside with its unit
//! (`Node::interrupted`), its session waits, and every slice of background work carries it a bit further
//! ([`slice`]). Everything that may not run in the middle of a unit (snapshots' cuts, expiry, eviction) waits for it by the
//! rules that hold for an interrupted transaction; clients are refused by [`refusal`].
//!
//! Invariant: however long a script takes, the node's progress counter grows with it, so that the control thread goes on
//! to speak for the node.

use super::run::{Ask, Ended, Run, Step, Told};
use super::{Current, inner};
use crate::api::LogLevel;
use crate::node::Node;
use crate::refusal::Refusal;
use crate::session::{Client, Role};
use crate::{dispatch, transaction};
use base::{Args, DbIndex, Now};
use repl::Targets;
use resp::Reply;
use script::Outcome;

/// How long a late script runs before others are served again, in microseconds.
const SLICE_MICROS: u64 = 5_000;

const SCRIPT: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

/// Why a command that others may not wait for is refused now; `None` while no script is late.
pub(crate) fn refusal(node: &Node) -> Option<Refusal> {
    node.scripting.late.as_ref()?;
    Some(if is_eval(node) { SCRIPT } else { FUNCTION }.into())
}

/// Whether what runs is a script of EVAL, and no function.
pub(super) fn is_eval(node: &Node) -> bool {
    node.scripting.current.as_ref().is_some_and(|current| current.is_eval)
}

/// Whether a script is put aside.
pub(crate) fn is_late(node: &Node) -> bool {
    node.scripting.late.is_some()
}

/// Carries a script to its end, or puts it aside. Its reply, if it has ended.
pub(super) fn begin(node: &mut Node, run: Run, current: Current, reply: &mut Reply) {
    let (client, in_exec) = (current.client, current.in_exec);
    node.scripting.current = Some(Box::new(current));
    match proceed(node, run, Told::Go) {
        Some(ended) => settle(node, *ended, |bytes, counted, node| {
            reply.raw(bytes);
            node.scripting.counted = counted;
        }),
        None => transaction::put_aside(node, client, in_exec),
    }
}

/// A slice of the script that is late.
pub(crate) fn slice(node: &mut Node) {
    let Some(run) = node.scripting.late.take() else { return };
    let killed = node.scripting.current.as_ref().is_some_and(|current| current.killed);
    transaction::exchange_units(node);
    node.keyspace.set_expire_pause(false);
    let ended = proceed(node, *run, if killed { Told::End } else { Told::Go });
    transaction::exchange_units(node);
    match ended {
        Some(ended) => finish(node, *ended),
        None => node.keyspace.set_expire_pause(true),
    }
}

/// The late script is over: its caller is answered, and everything goes on.
fn finish(node: &mut Node, ended: Ended) {
    let Some(current) = node.scripting.current.as_ref() else { return };
    let (client, muted) = (current.client, current.muted);
    let interrupted = transaction::reopen(node, client);
    dispatch::set_asking(node, client, false);
    settle(node, ended, |bytes, counted, node| {
        if bytes.first() == Some(&b'-') && !counted {
            node.stats.count_error(&String::from_utf8_lossy(bytes.get(1..).unwrap_or_default()));
        }
        if let Some(interrupted) = interrupted {
            transaction::go_on(node, *interrupted, muted, |reply| reply.raw(bytes));
        }
    });
    let primaries: Vec<Client> =
        node.sessions.iter().filter(|(_, s)| s.role == Role::Primary).map(|(client, _)| client).collect();
    node.runnable.extend(primaries);
}

/// What is left to do when a script has ended; `answer` is told its reply, and whether an error in it has been counted.
fn settle(node: &mut Node, ended: Ended, answer: impl FnOnce(&[u8], bool, &mut Node)) {
    let Ended { work, outcome, reply } = ended;
    node.scripting.put_back(work);
    if let Some(current) = node.scripting.current.take() {
        node.unit.in_exec = current.in_exec;
        node.scripting.touched = current.slot;
        node.keyspace.set_now(node.now.unix);
    }
    answer(&reply, outcome == Some(Outcome::CountedError), node);
}

/// Goes on with the script as long as it may run in one go; `None` when it is late.
fn proceed(node: &mut Node, mut run: Run, told: Told) -> Option<Box<Ended>> {
    let mut current = node.scripting.current.take()?;
    let before = enter(node, &current);
    let ended = drive(node, &mut run, &mut current, told);
    leave(node, &mut current, before);
    node.scripting.current = Some(current);
    match ended {
        Some(ended) => {
            node.scripting.stack = run.into_stack();
            Some(ended)
        }
        None => {
            node.scripting.late = Some(Box::new(run));
            None
        }
    }
}

/// What a script finds otherwise than its caller left it.
struct Before {
    now: Now,
    db: DbIndex,
    readonly: bool,
    executing: bool,
}

/// Time as it was when the script began, and the database that it has chosen.
fn enter(node: &mut Node, current: &Current) -> Before {
    let now = node.now;
    node.now = Now { mono: now.mono, ..current.now };
    node.keyspace.set_now(node.now.unix);
    let mut before = Before { now, db: current.db, readonly: false, executing: false };
    if let Some(session) = node.sessions.get_mut(current.client) {
        before.db = std::mem::replace(&mut session.db, current.db);
        before.readonly = session.readonly;
        before.executing = std::mem::replace(&mut session.executing, true);
    }
    before
}

fn leave(node: &mut Node, current: &mut Current, before: Before) {
    node.now = before.now;
    node.keyspace.set_now(node.now.unix);
    if let Some(session) = node.sessions.get_mut(current.client) {
        current.db = std::mem::replace(&mut session.db, before.db);
        session.readonly = before.readonly;
        session.executing = before.executing;
    }
}

fn drive(node: &mut Node, run: &mut Run, current: &mut Current, mut told: Told) -> Option<Box<Ended>> {
    let until = turn_ends(node, current);
    loop {
        let ask = match run.step(told) {
            Step::Ended(ended) => return Some(ended),
            Step::Asks(ask) => ask,
        };
        told = match ask {
            Ask::Command(args, protocol, buffer) => {
                node.scripting.inside = Some(current.propagation);
                let reply = inner::execute(node, current, args.as_args(), protocol, buffer);
                node.scripting.inside = None;
                Told::Reply(reply)
            }
            Ask::Tick => {
                node.progress.tick();
                match (node.meter)() {
                    _ if current.killed => Told::End,
                    now if now >= until && !current.obey => {
                        announce(node, current, now);
                        return None;
                    }
                    _ => Told::Go,
                }
            }
            Ask::Propagate(flags) => {
                current.propagation = targets(flags);
                Told::Go
            }
            Ask::Log(level, text) => {
                log(node, level, &text);
                Told::Go
            }
            Ask::Permission(args) => Told::Permission(inner::permission(node, current, args.as_args())),
        };
    }
}

/// Until when it may run in one go, by the meter.
fn turn_ends(node: &Node, current: &Current) -> u64 {
    let threshold = node.config.settings.busy_reply_threshold.saturating_mul(1000);
    let now = (node.meter)();
    current.begun.saturating_add(threshold).max(now.saturating_add(SLICE_MICROS))
}

/// The first time that a script is put aside, the log says so.
fn announce(node: &mut Node, current: &mut Current, now: u64) {
    if std::mem::replace(&mut current.announced, true) {
        return;
    }
    let kill = if current.is_eval { "SCRIPT KILL" } else { "FUNCTION KILL" };
    let ms = now.saturating_sub(current.begun) / 1000;
    let text = format!(
        "Slow script detected: still in execution after {ms} milliseconds. You can try killing the script using the \
         {kill} command. Script name is: {}.",
        resp::reply::lossy(current.name.as_bytes())
    );
    node.log(LogLevel::Warning, text);
}

fn targets(flags: script::Propagation) -> Targets {
    match (flags.aof(), flags.replicas()) {
        (true, true) => Targets::ALL,
        (true, false) => Targets::AOF,
        (false, true) => Targets::REPLICAS,
        (false, false) => Targets::NONE,
    }
}

fn log(node: &mut Node, level: script::LogLevel, text: &[u8]) {
    node.log(log_level(level), resp::reply::lossy(text));
}

pub(super) fn log_level(level: script::LogLevel) -> LogLevel {
    match level {
        script::LogLevel::Debug => LogLevel::Debug,
        script::LogLevel::Verbose => LogLevel::Verbose,
        script::LogLevel::Notice => LogLevel::Notice,
        script::LogLevel::Warning => LogLevel::Warning,
    }
}

/// What FUNCTION STATS says of the script that runs: its name, its command, for how long.
pub(super) fn describe(node: &Node, reply: &mut Reply) {
    let Some(current) = node.scripting.current.as_deref() else { return reply.null() };
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(current.name.as_bytes());
    reply.bulk(b"command");
    let command = current.command.as_deref().map(|command| command.as_args());
    reply.array(command.map_or(0, |command| command.len()));
    command.iter().flat_map(Args::iter).for_each(|word| reply.bulk(word));
    reply.bulk(b"duration_ms");
    reply.int(((node.meter)().saturating_sub(current.begun) / 1000) as i64);
}

/// SCRIPT KILL (`is_eval`) and FUNCTION KILL.
pub(super) fn kill(node: &mut Node, is_eval: bool) -> Result<(), Refusal> {
    let Some(current) = node.scripting.current.as_deref_mut() else {
        return Err("NOTBUSY No scripts in execution right now.".into());
    };
    if current.wrote {
        return Err("UNKILLABLE Sorry the script already executed write commands against the dataset. You can either \
                    wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
            .into());
    }
    if is_eval != current.is_eval {
        return Err(if current.is_eval { SCRIPT } else { FUNCTION }.into());
    }
    current.killed = true;
    Ok(())
}

/// The node is to be somebody's replica, or its data is about to be replaced: a script that is put aside ends now, written
/// or not, and what it wrote is logged while it may be.
pub(crate) fn abort(node: &mut Node) {
    while node.scripting.late.is_some() {
        if let Some(current) = node.scripting.current.as_deref_mut() {
            current.killed = true;
        }
        slice(node);
    }
}
