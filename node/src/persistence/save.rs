//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE and the save points.
//!
//! SAVE blocks its client, not the node: the reply comes when the file is safe, and what the file holds is the moment of
//! the command. Log lines are Redis's, because tools wait for them; there is no child, so the pid is the server's.

use super::snapshot::{self, Failure, Job, Kind};
use super::{aof, reload};
use crate::admin::AdminHandler;
use crate::api::LogLevel;
use crate::blocking::{self, Waiting};
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use persist::SnapshotTarget;
use resp::Reply;

/// After a failed background save, the next save point waits this long, in seconds.
const RETRY_SECONDS: i64 = 5;

/// The handlers of this family.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "save" => save,
        "bgsave" => bgsave,
        "bgrewriteaof" => bgrewriteaof,
        "lastsave" => lastsave,
        _ => return None,
    })
}

/// LASTSAVE
fn lastsave(node: &mut Node, _client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.int(node.persistence.last_save);
    Ok(())
}

/// SAVE
fn save(node: &mut Node, client: Client, _args: Args<'_>, _reply: &mut Reply) -> Outcome {
    supersede_flushed(node);
    if node.persistence.job.is_some() {
        return Err("ERR Background save already in progress".into());
    }
    snapshot::finish_sweep(node);
    let target = file_target(node);
    snapshot::begin(node, Kind::Save(client), target).map_err(|text| Refusal::from(format!("ERR {text}")))?;
    blocking::begin(node, client, Waiting::Snapshot, None);
    Ok(())
}

/// BGSAVE [SCHEDULE]
fn bgsave(node: &mut Node, _client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let schedule = match args.len() {
        1 => false,
        2 if args.at(1).eq_ignore_ascii_case(b"schedule") => true,
        _ => return Err(Refusal::SYNTAX),
    };
    supersede_flushed(node);
    match node.persistence.job.as_ref().map(|job| job.kind) {
        // The next tick begins it, or the one after: marks of an aborted job are being swept, or the cut would lie
        // within a transaction.
        None if node.persistence.sweeping && !node.unit.in_exec => {
            node.persistence.scheduled = true;
            reply.simple("Background saving started");
        }
        None if !node.unit.in_exec => {
            background(node).map_err(|text| Refusal::from(format!("ERR {text}")))?;
            reply.simple("Background saving started");
        }
        Some(Kind::Background | Kind::Save(_) | Kind::Replication) => {
            return Err("ERR Background save already in progress".into());
        }
        _ if schedule || node.unit.in_exec => {
            node.persistence.scheduled = true;
            reply.simple("Background saving scheduled");
        }
        _ => {
            return Err(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in \
                        order to schedule a BGSAVE whenever possible."
                    .into(),
            );
        }
    }
    Ok(())
}

/// BGREWRITEAOF: a snapshot becomes the AOF's new base.
fn bgrewriteaof(node: &mut Node, _client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    match node.persistence.job.as_ref().map(|job| job.kind) {
        Some(Kind::Rewrite) => {
            return Err("ERR Background append only file rewriting already in progress".into());
        }
        Some(Kind::Flushed) => {
            node.persistence.rewrite_scheduled = true;
            reply.simple("Background append only file rewriting started");
        }
        Some(_) => {
            node.persistence.rewrite_scheduled = true;
            reply.simple("Background append only file rewriting scheduled");
        }
        None if node.unit.in_exec => {
            node.persistence.rewrite_scheduled = true;
            reply.simple("Background append only file rewriting scheduled");
        }
        None if node.persistence.sweeping => {
            node.persistence.rewrite_scheduled = true;
            reply.simple("Background append only file rewriting started");
        }
        None => {
            start_rewrite(node)?;
            reply.simple("Background append only file rewriting started");
        }
    }
    Ok(())
}

fn start_rewrite(node: &mut Node) -> Outcome {
    aof::rewrite(node).map_err(|text| Refusal::from(format!("ERR {text}")))?;
    node.log(
        LogLevel::Notice,
        format!("Background append only file rewriting started by pid {}", node.process.pid),
    );
    Ok(())
}

/// Begins a background save.
pub(super) fn background(node: &mut Node) -> Result<(), String> {
    let target = file_target(node);
    node.persistence.last_try = node.now.unix.seconds();
    snapshot::begin(node, Kind::Background, target)?;
    node.log(LogLevel::Notice, format!("Background saving started by pid {}", node.process.pid));
    Ok(())
}

/// `temp-<pid>.rdb`, then `dbfilename`.
pub(super) fn file_target(node: &Node) -> SnapshotTarget {
    SnapshotTarget::File {
        temp: format!("temp-{}.rdb", node.process.pid),
        name: node.config.settings.dbfilename.clone(),
    }
}

/// A save ended.
pub(super) fn ended(node: &mut Node, job: &Job, outcome: Result<u64, Failure>) {
    let ok = outcome.is_ok();
    let persistence = &mut node.persistence;
    let flushed = job.kind == Kind::Flushed;
    match (ok, flushed) {
        (true, false) => persistence.dirty = persistence.dirty.saturating_sub(job.dirty),
        (false, true) => persistence.dirty += job.dirty,
        _ => {}
    }
    if ok {
        persistence.last_save = node.now.unix.seconds();
        node.stats.saves += 1;
    }
    // A save that was given up on purpose says nothing about the disk; in Redis a failed SAVE does not count either.
    if ok || (job.kind == Kind::Background && outcome != Err(Failure::Aborted)) {
        persistence.last_save_ok = ok;
    }
    persistence.last_save_seconds = (node.now.mono.since(job.began_mono) / 1000) as i64;
    if ok {
        node.log(LogLevel::Notice, "DB saved on disk");
    }
    if let Kind::Save(client) = job.kind
        && reload::saved(node, client, ok)
    {
        return;
    }
    match (job.kind, &outcome) {
        (Kind::Flushed, Ok(_) | Err(Failure::Aborted)) => {}
        (Kind::Flushed, Err(error)) => node.log(LogLevel::Warning, format!("Failed saving the DB: {error}")),
        (Kind::Save(client), Ok(_)) => blocking::finish(node, client, |reply| reply.ok()),
        (Kind::Save(client), Err(error)) => {
            node.log(LogLevel::Warning, format!("Failed saving the DB: {error}"));
            blocking::finish(node, client, |reply| reply.error("ERR"));
        }
        (_, Ok(_)) => node.log(LogLevel::Notice, "Background saving terminated with success"),
        (_, Err(Failure::Aborted)) => {
            node.log(LogLevel::Warning, "Background saving terminated by signal 10");
        }
        (_, Err(error)) => {
            node.log(LogLevel::Warning, format!("Write error saving DB on disk: {error}"));
            node.log(LogLevel::Warning, "Background saving error");
        }
    }
}

/// FLUSHALL: what is being saved is gone, and an empty data set is saved when save points are set; at the end of the
/// turn, for no cut may lie within a transaction.
pub(crate) fn flushed_all(node: &mut Node) {
    // What a new AOF base holds stays right: the FLUSHALL follows in the increment.
    let doomed = |job: &Job| matches!(job.kind, Kind::Background | Kind::Replication);
    if node.persistence.job.as_ref().is_some_and(doomed) {
        snapshot::abort(node);
    }
    if !node.config.settings.save.is_empty() && !node.loading {
        node.persistence.flushed = true;
    }
}

/// Saves what FLUSHALL left. As in Redis, nothing has changed since then; if the save fails, everything has again.
pub(super) fn save_flushed(node: &mut Node) {
    if !node.persistence.flushed || node.unit.in_exec {
        return;
    }
    node.persistence.flushed = false;
    if node.persistence.job.is_some() || node.loading {
        node.persistence.scheduled = true;
        return;
    }
    snapshot::finish_sweep(node);
    let target = file_target(node);
    match snapshot::begin(node, Kind::Flushed, target) {
        Ok(_) => node.persistence.dirty = 0,
        Err(text) => node.log(LogLevel::Warning, format!("Failed saving the DB: {text}")),
    }
}

/// Whoever saves now saves what FLUSHALL left, too.
fn supersede_flushed(node: &mut Node) {
    if node.persistence.job.as_ref().is_some_and(|job| job.kind == Kind::Flushed) {
        snapshot::abort(node);
    }
}

/// A new base for an AOF that has grown too much.
fn rewrite_grown(node: &mut Node) {
    let Some(growth) = aof::grown(node) else { return };
    node.log(LogLevel::Notice, format!("Starting automatic rewriting of AOF on {growth}% growth"));
    if let Err(refusal) = start_rewrite(node) {
        node.log(LogLevel::Warning, format!("Can't rewrite append only file in background: {refusal}"));
    }
}

/// Save points, and what was scheduled.
pub(super) fn cron(node: &mut Node) {
    if node.persistence.job.is_some()
        || node.persistence.sweeping
        || node.loading
        || node.interrupted.is_some()
    {
        return;
    }
    if node.persistence.rewrite_scheduled {
        node.persistence.rewrite_scheduled = false;
        if let Err(refusal) = start_rewrite(node) {
            node.log(LogLevel::Warning, format!("Can't rewrite append only file in background: {refusal}"));
        }
        return;
    }
    let now = node.now.unix.seconds();
    let persistence = &node.persistence;
    let due = persistence.last_save_ok || now - persistence.last_try > RETRY_SECONDS;
    let since = now - persistence.last_save;
    let point = node
        .config
        .settings
        .save
        .iter()
        .find(|(seconds, changes)| {
            persistence.dirty >= *changes && since > i64::try_from(*seconds).unwrap_or(i64::MAX)
        })
        .copied();
    if let (Some((seconds, changes)), true) = (point, due) {
        node.log(LogLevel::Notice, format!("{changes} changes in {seconds} seconds. Saving..."));
    } else if !persistence.scheduled || !due {
        return rewrite_grown(node);
    }
    node.persistence.scheduled = false;
    if let Err(text) = background(node) {
        node.log(LogLevel::Warning, format!("Can't save in background: {text}"));
    }
}
