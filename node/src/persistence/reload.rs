//! DEBUG RELOAD and DEBUG LOADAOF: the data set goes to disk, is thrown away, and is loaded again.
//!
//! Model: stages. RELOAD begins with a SAVE whose client waits; LOADAOF waits until the AOF has everything. Then the data
//! is dropped and the same loader runs as at the start, in slices, everybody but the asker being told LOADING. The
//! primary's stream waits meanwhile. Nothing of it is logged or replicated: it is the same data.
//!
//! Invariant: one reload at a time; unlike at the start, a file that cannot be loaded is an error for the asker and no
//! reason to stop.

use super::load::{self, Source};
use super::snapshot::{self, Kind};
use super::{aof, save};
use crate::api::{Action, LogLevel};
use crate::blocking::{self, Waiting};
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, Role};
use crate::{scripting, tracking, transaction};
use base::Args;

/// A reload under way.
pub(crate) struct Reload {
    client: Client,
    source: Source,
    /// The data is dropped first.
    flush: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Another snapshot must end, or an aborted one be cleaned up.
    Begin,
    /// The RDB file is being written.
    Saving,
    /// The AOF must have all that was executed.
    Flushing,
    /// The loader is at work.
    Loading,
}

const RDB_FAILED: &str = "ERR Error trying to load the RDB dump, check server logs.";
const AOF_FAILED: &str = "ERR Error trying to load the AOF files, check server logs.";

/// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]
pub(crate) fn rdb(node: &mut Node, client: Client, args: Args<'_>) -> Outcome {
    let (mut flush, mut save, mut merge) = (true, true, false);
    for word in args.from(2).iter() {
        match word.to_ascii_lowercase().as_slice() {
            b"merge" => merge = true,
            b"noflush" => flush = false,
            b"nosave" => save = false,
            _ => return Err("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.".into()),
        }
    }
    let stage = if save { Stage::Begin } else { Stage::Flushing };
    begin(node, Reload { client, source: Source::Rdb { merge }, flush, stage })
}

/// DEBUG LOADAOF
pub(crate) fn aof(node: &mut Node, client: Client) -> Outcome {
    begin(node, Reload { client, source: Source::Aof, flush: true, stage: Stage::Flushing })
}

fn begin(node: &mut Node, reload: Reload) -> Outcome {
    if node.unit.in_exec || node.loading || node.persistence.reload.is_some() {
        return Err(Refusal::from("ERR The data cannot be reloaded right now"));
    }
    blocking::begin(node, reload.client, Waiting::Snapshot, None);
    node.persistence.reload = Some(reload);
    Ok(())
}

/// The end of a turn, and whenever the disk has answered: the next stage, once it may begin.
pub(super) fn advance(node: &mut Node) {
    let Some(reload) = &node.persistence.reload else { return };
    let (client, stage, source, flush) = (reload.client, reload.stage, reload.source, reload.flush);
    if node.persistence.job.is_some() {
        return;
    }
    match stage {
        Stage::Begin => {
            snapshot::finish_sweep(node);
            let target = save::file_target(node);
            enter(node, Stage::Saving);
            if let Err(text) = snapshot::begin(node, Kind::Save(client), target) {
                node.log(LogLevel::Warning, format!("DEBUG RELOAD cannot save: {text}"));
                fail(node, "ERR");
            }
        }
        Stage::Flushing if aof::is_settled(node) => {
            if flush {
                drop_data(node);
            }
            enter(node, Stage::Loading);
            load::begin_again(node, source);
            node.actions.push_back(Action::Load);
        }
        Stage::Saving | Stage::Flushing | Stage::Loading => {}
    }
}

fn enter(node: &mut Node, stage: Stage) {
    if let Some(reload) = node.persistence.reload.as_mut() {
        reload.stage = stage;
    }
}

/// A SAVE of this client ended; whether a reload takes over its reply.
pub(super) fn saved(node: &mut Node, client: Client, ok: bool) -> bool {
    let wanted = |reload: &&mut Reload| reload.client == client && reload.stage == Stage::Saving;
    let Some(reload) = node.persistence.reload.as_mut().filter(wanted) else { return false };
    reload.stage = Stage::Flushing;
    if !ok {
        fail(node, "ERR");
    }
    true
}

fn drop_data(node: &mut Node) {
    node.keyspace.flush(None);
    scripting::functions::forget_libraries(node);
    transaction::touch_where(node, |_, _, present| present);
    tracking::all_changed(node);
}

fn fail(node: &mut Node, text: &str) {
    let Some(reload) = node.persistence.reload.take() else { return };
    node.stats.count_error(text);
    blocking::finish(node, reload.client, |reply| reply.error(text));
}

/// The loader is done, or found what it cannot load.
pub(super) fn loaded(node: &mut Node, found: bool) {
    let Some(reload) = &node.persistence.reload else { return };
    let (client, source) = (reload.client, reload.source);
    node.persistence.dirty = 0;
    let failure = match source {
        Source::Rdb { .. } => RDB_FAILED,
        Source::Aof => AOF_FAILED,
    };
    if found {
        let line = match source {
            Source::Rdb { .. } => "DB reloaded by DEBUG RELOAD",
            Source::Aof => "Append Only File loaded by DEBUG LOADAOF",
        };
        node.log(LogLevel::Notice, line);
        node.persistence.reload = None;
        blocking::finish(node, client, |reply| reply.ok());
    } else {
        fail(node, failure);
    }
    let primaries: Vec<Client> =
        node.sessions.iter().filter(|(_, s)| s.role == Role::Primary).map(|(client, _)| client).collect();
    node.runnable.extend(primaries);
}
