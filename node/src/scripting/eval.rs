//! EVAL, EVALSHA, their read-only twins, and SCRIPT.

use super::busy;
use super::run::{Given, Run, Work};
use super::{Current, Name};
use crate::admin::AdminHandler;
use crate::dispatch;
use crate::node::Node;
use crate::observe::monitor;
use crate::refusal::{Outcome, Refusal};
use crate::replication;
use crate::session::{Client, ReplyMode};
use base::Args;
use base::number::parse_i64;
use repl::Targets;
use resp::Reply;
use script::{Flags, Sha};
use std::rc::Rc;

/// The handlers of this file.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "eval" => |node, client, args, reply| eval(node, client, args, reply, false),
        "eval_ro" => |node, client, args, reply| eval(node, client, args, reply, true),
        "evalsha" => |node, client, args, reply| evalsha(node, client, args, reply, false),
        "evalsha_ro" => |node, client, args, reply| evalsha(node, client, args, reply, true),
        "script|load" => load,
        "script|exists" => exists,
        "script|flush" => flush,
        "script|kill" => kill,
        "script|debug" => debug,
        _ => return None,
    })
}

const NO_SCRIPT: Refusal =
    Refusal::Text(std::borrow::Cow::Borrowed("NOSCRIPT No matching script. Please use EVAL."));

/// EVAL script numkeys [key ...] [arg ...]
fn eval(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply, read_only: bool) -> Outcome {
    show(node, client, args);
    let keys = count_keys(args)?;
    let sha = match node.scripting.engine().load(args.at(1)) {
        Ok(sha) => sha,
        Err(error) => {
            reply.error_bytes(&error.0);
            return Ok(());
        }
    };
    start(node, client, sha, args, keys, read_only, reply)
}

/// EVALSHA sha1 numkeys [key ...] [arg ...]
fn evalsha(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply, read_only: bool) -> Outcome {
    show(node, client, args);
    let sha = Sha::parse(args.at(1)).ok_or(NO_SCRIPT)?;
    let keys = count_keys(args)?;
    if !node.scripting.engine().contains(&sha) {
        return Err(NO_SCRIPT);
    }
    start(node, client, sha, args, keys, read_only, reply)
}

/// Monitors see a script before its commands.
pub(super) fn show(node: &mut Node, client: Client, args: Args<'_>) {
    if node.observers.monitors.is_empty() {
        return;
    }
    let db = node.sessions.get(client).map(|session| session.db);
    if let (Some(db), Some(command)) = (db, spec::lookup(b"eval")) {
        monitor::feed(node, client, db, command, args);
    }
}

pub(super) fn count_keys(args: Args<'_>) -> Result<usize, Refusal> {
    let count = parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER)?;
    let Ok(count) = usize::try_from(count) else {
        return Err("ERR Number of keys can't be negative".into());
    };
    if count > args.len().saturating_sub(3) {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    Ok(count)
}

fn start(
    node: &mut Node,
    client: Client,
    sha: Sha,
    args: Args<'_>,
    keys: usize,
    read_only: bool,
    reply: &mut Reply,
) -> Outcome {
    let Some(flags) = node.scripting.engine().script(&sha).map(|script| script.flags) else {
        return Err(NO_SCRIPT);
    };
    let current = prepare(node, client, flags, read_only, Name::Script(sha))?;
    let work = Work::Script(node.scripting.take_engine(), sha);
    launch(node, current, work, args, keys, reply)
}

/// Begins to run something; its keys and arguments follow the third word.
pub(super) fn launch(
    node: &mut Node,
    mut current: Current,
    work: Work,
    args: Args<'_>,
    keys: usize,
    reply: &mut Reply,
) -> Outcome {
    let command = Rc::new(args.to_owned());
    current.command = Some(command.clone());
    let given = Given { command, keys, protocol: reply.protocol() };
    let stack = std::mem::take(&mut node.scripting.stack);
    match Run::new(stack, work, given) {
        Ok(run) => {
            node.unit.in_exec = true;
            busy::begin(node, run, current, reply);
            Ok(())
        }
        Err(error) => Err(format!("ERR Can't allocate a stack for the script: {error}").into()),
    }
}

/// What the node's state and the script's flags say to its running at all.
pub(super) fn prepare(
    node: &mut Node,
    client: Client,
    flags: Flags,
    read_only: bool,
    name: Name,
) -> Result<Current, Refusal> {
    let Some(session) = node.sessions.get(client) else { return Err(NO_SCRIPT) };
    let (obey, db) = (session.role.is_obeyed(), session.db);
    let muted = matches!(session.reply_mode, ReplyMode::Off | ReplyMode::Skip);
    let stale = !node.policy.serve_stale && replication::is_stale(node);
    let full = node.policy.max_memory != 0 && node.eviction.full && !obey;
    if flags.compatibility {
        if stale {
            return Err(
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.".into()
            );
        }
    } else {
        allowed(node, flags, read_only, obey, stale)?;
        if full && !(flags.allow_oom || flags.no_writes) {
            return Err(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"
                    .into(),
            );
        }
    }
    Ok(Current {
        client,
        is_eval: matches!(name, Name::Script(_)),
        name,
        command: None,
        read_only: read_only || !flags.compatibility && flags.no_writes,
        oom: full && (flags.compatibility || !flags.allow_oom),
        cross_slot: flags.compatibility || flags.allow_cross_slot_keys,
        slot: None,
        wrote: false,
        killed: false,
        announced: false,
        obey,
        muted,
        db,
        now: node.now,
        begun: (node.meter)(),
        propagation: Targets::ALL,
        in_exec: node.unit.in_exec,
    })
}

/// The same for scripts that declare what they do.
fn allowed(node: &Node, flags: Flags, read_only: bool, obey: bool, stale: bool) -> Result<(), Refusal> {
    if flags.no_cluster && node.cluster.enabled {
        return Err("ERR Can not run script on cluster, 'no-cluster' flag is set.".into());
    }
    if stale && !flags.allow_stale {
        return Err(
            "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' \
                    flag is not set on the script."
                .into(),
        );
    }
    if flags.no_writes {
        return Ok(());
    }
    if replication::is_replica(node) && node.policy.replica_read_only && !obey {
        return Err("READONLY Can not run script with write flag on readonly replica".into());
    }
    if let Some(refusal) = crate::persistence::script_refusal(node).filter(|_| !obey) {
        return Err(refusal);
    }
    if read_only {
        return Err("ERR Can not execute a script with write flag using *_ro command.".into());
    }
    dispatch::enough_replicas(node)
}

/// SCRIPT LOAD script
fn load(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    match node.scripting.engine().load(args.at(2)) {
        Ok(sha) => reply.bulk(sha.as_bytes()),
        Err(error) => reply.error_bytes(&error.0),
    }
    Ok(())
}

/// SCRIPT EXISTS sha1 [sha1 ...]
fn exists(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let wanted = args.from(2);
    reply.array(wanted.len());
    for text in wanted.iter() {
        let there = Sha::parse(text).is_some_and(|sha| node.scripting.engine().contains(&sha));
        reply.int(i64::from(there));
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC | SYNC]
fn flush(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let modes: [&[u8]; 2] = [b"sync", b"async"];
    let known = args.len() == 2 || modes.iter().any(|mode| args.at(2).eq_ignore_ascii_case(mode));
    if args.len() > 3 || !known {
        return Err("ERR SCRIPT FLUSH only support SYNC|ASYNC option".into());
    }
    node.scripting.engine().flush();
    reply.ok();
    Ok(())
}

/// SCRIPT KILL
fn kill(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    busy::kill(node, true)?;
    reply.ok();
    Ok(())
}

/// SCRIPT DEBUG YES | SYNC | NO: there is no debugger, so that it can only be left as it is.
fn debug(_: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"no" => reply.ok(),
        b"yes" | b"sync" => return Err("ERR The script debugger is not supported".into()),
        _ => return Err("ERR Use SCRIPT DEBUG YES/SYNC/NO".into()),
    }
    Ok(())
}
