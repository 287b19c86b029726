//! A script's commands: the checklist of those, and their execution.
//!
//! Model: like a request, but for whom it is decided once for the whole script what can be: it never waits, and what the
//! node's state forbids (a failing disk, too few replicas, used up memory) is not held against a script that has begun to
//! write, for half of a script is worse than all of it.
//!
//! The texts are Redis's.

use super::Current;
use crate::cluster::{lease, redirect};
use crate::dispatch::{self, Request};
use crate::node::Node;
use crate::refusal::Refusal;
use crate::table::is;
use crate::{access, migrate, persistence, replication};
use base::{Args, Slot};
use resp::{Protocol, Reply};
use spec::{Command, flag};

/// Executes a command of the script that runs. `buffer` is empty and comes back with the whole reply.
pub(super) fn execute(
    node: &mut Node,
    current: &mut Current,
    args: Args<'_>,
    protocol: Protocol,
    buffer: Vec<u8>,
) -> Vec<u8> {
    let mut reply = Reply::new(protocol);
    *reply.buffer_mut() = buffer;
    let command = lookup(node, current, args);
    match command.map_or_else(
        |refusal| Err((None, refusal)),
        |command| {
            check(node, current, command, args)
                .map(|slot| (command, slot))
                .map_err(|refusal| (Some(command), refusal))
        },
    ) {
        Ok((command, slot)) => {
            node.begin_metering();
            dispatch::call(node, current.client, command, args, slot, &mut reply);
        }
        Err((command, refusal)) => refuse(node, command, &refusal, &mut reply),
    }
    reply.take()
}

/// Whether there is such a command, and the caller's user may run it.
pub(super) fn permission(node: &Node, current: &Current, args: Args<'_>) -> Option<bool> {
    let command = lookup(node, current, args).ok()?;
    Some(current.obey || access::may_run(node, current.client, command, args).is_ok())
}

fn refuse(node: &mut Node, command: Option<&Command>, refusal: &Refusal, reply: &mut Reply) {
    if let Some(stats) = command.and_then(|command| node.stats.commands.get_mut(command.id.index())) {
        stats.rejected += 1;
    }
    let text = refusal.to_string();
    node.stats.count_error(&text);
    reply.error(&text);
}

fn lookup(node: &Node, current: &Current, args: Args<'_>) -> Result<&'static Command, Refusal> {
    const UNKNOWN: Refusal =
        Refusal::Text(std::borrow::Cow::Borrowed("ERR Unknown Redis command called from script"));
    let command = node.renames.find(args.at(0), current.obey).ok_or(UNKNOWN)?;
    if command.subcommands().is_empty() || args.len() < 2 {
        return Ok(command);
    }
    spec::subcommand(command, args.at(1)).ok_or(UNKNOWN)
}

/// The checklist, in Redis's order; the slot of its keys, in a cluster.
fn check(
    node: &mut Node,
    current: &mut Current,
    command: &'static Command,
    args: Args<'_>,
) -> Result<Option<Slot>, Refusal> {
    if !command.arity_ok(args.len()) {
        return Err("ERR Wrong number of args calling Redis command from script".into());
    }
    let banned = command.noscript() && !(node.scripting.looks_allowed && only_looks(command, args));
    if banned || waits_for_others(command) || current.killed {
        return Err("ERR This Redis command is not allowed from script".into());
    }
    if asks_to_block(command, args) {
        let name = resp::reply::lossy(args.at(0));
        return Err(format!("ERR {name} command is not allowed with BLOCK option from scripts").into());
    }
    if !command.stale() && !node.policy.serve_stale && replication::is_stale(node) {
        return Err("ERR Can not execute the command on a stale replica".into());
    }
    if !current.obey {
        access::check_scripted(node, current.client, command, args)?;
    }
    may_write(node, current, command)?;
    if current.oom && !current.wrote && command.denyoom() {
        return Err("OOM command not allowed when used memory > 'maxmemory'.".into());
    }
    let writes = command.is_write();
    current.wrote |= writes;
    let slot = routed(node, current, command, args)?;
    if !node.migrations.is_idle() && (settles(node, command) || migrate::holds_any(node, command, args)) {
        return Err("TRYAGAIN Script attempted to access a key that is on its way to another server".into());
    }
    if writes
        && node.cluster.enabled
        && !current.obey
        && let Some(session) = node.sessions.get_mut(current.client)
    {
        session.wrote = true;
    }
    Ok(slot)
}

/// Whether it concerns keys that it does not name.
fn settles(node: &Node, command: &Command) -> bool {
    node.table.get(command.id.index()).is_some_and(|entry| entry.traits & is::SETTLES != 0)
}

/// What no script may do, but one of a test: ask about clients and for replies of every type, and sleep behind its end.
fn only_looks(command: &Command, args: Args<'_>) -> bool {
    let harmless =
        |word: &[u8]| [b"protocol".as_slice(), b"sleep"].iter().any(|name| word.eq_ignore_ascii_case(name));
    matches!(command.name, "client|list" | "client|info" | "client|id")
        || command.name == "debug" && args.get(1).is_some_and(harmless)
}

/// Commands that another thread or another server must answer: a script waits for nobody.
fn waits_for_others(command: &Command) -> bool {
    command.name == "migrate" || command.name.starts_with("cluster|") && command.has(flag::ADMIN)
}

/// XREAD and XREADGROUP with BLOCK; every other command that could wait for keys answers what it would at its timeout.
fn asks_to_block(command: &Command, args: Args<'_>) -> bool {
    matches!(command.name, "xread" | "xreadgroup")
        && args
            .iter()
            .take_while(|word| !word.eq_ignore_ascii_case(b"streams"))
            .any(|word| word.eq_ignore_ascii_case(b"block"))
}

fn may_write(node: &Node, current: &Current, command: &Command) -> Result<(), Refusal> {
    if current.read_only && command.has_any(flag::WRITE | flag::MAY_REPLICATE) {
        return Err("ERR Write commands are not allowed from read-only scripts.".into());
    }
    if !command.is_write() || current.wrote || current.obey {
        return Ok(());
    }
    if replication::is_replica(node) && node.policy.replica_read_only {
        return Err("READONLY You can't write against a read only replica.".into());
    }
    if let Some(refusal) = persistence::write_refusal(node) {
        return Err(refusal);
    }
    dispatch::enough_replicas(node)
}

/// What a cluster says to its keys.
fn routed(
    node: &mut Node,
    current: &mut Current,
    command: &'static Command,
    args: Args<'_>,
) -> Result<Option<Slot>, Refusal> {
    if !node.cluster.enabled || current.obey {
        return Ok(None);
    }
    let mut request = dispatch::describe(node, current.client, command, args);
    redirect::check_at_once(node, &mut request).map_err(|refusal| translate(&refusal))?;
    if request.may_write() && !lease::holds(node) {
        return Err(DOWN.into());
    }
    let Request { slot: Some(slot), .. } = request else { return Ok(None) };
    match current.slot {
        _ if current.cross_slot => {}
        None => current.slot = Some(slot),
        Some(first) if first != slot => {
            return Err("ERR Script attempted to access keys that do not hash to the same slot".into());
        }
        Some(_) => {}
    }
    Ok(Some(slot))
}

const DOWN: &str = "ERR Script attempted to execute a command while the cluster is down";

/// What the slot check says to a client, as it is said to a script, which cannot go elsewhere.
fn translate(refusal: &Refusal) -> Refusal {
    match refusal.to_string().as_str() {
        "CLUSTERDOWN The cluster is down and only accepts read commands" => {
            "ERR Script attempted to execute a write command while the cluster is down and readonly"
        }
        "CLUSTERDOWN The cluster is down" => DOWN,
        _ => "ERR Script attempted to access a non local key in a cluster node",
    }
    .into()
}
