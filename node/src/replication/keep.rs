//! A primary that came back with less than we hold does not wipe us (rule 17 of the cluster, the replica's side).
//!
//! Model: where our data comes from the very primary that we are to synchronize with, it is asked first whether it still has as much
//! (`REPLCONF holds`, answered by [`lacked`]). If it lacks something, nothing of ours is replaced before all of it is in
//! `stray-data-<time>.rdb` in `dir`, and not within the first [`PATIENCE_MS`]: a primary that has written nothing since its start hands the shard over to us meanwhile.
//! The log and the journal say so. A primary that cannot be asked (Redis's) counts as one that lacks everything if it sends an empty RDB of another history.
//!
//! Only that primary is asked: after a failover, and with another shard's primary, what we hold says nothing about it.
//!
//! Bounds: a file that cannot be written is tried again for [`KEEP_MS`]; then the primary's data is taken all the same, loudly. [`FILES_MAX`] files in a
//! life of the process, none of which Grapevine deletes.

use super::{is_replica, position};
use crate::api::LogLevel;
use crate::cluster::install;
use crate::node::Node;
use crate::persistence::snapshot::{self, Failure, Kind};
use base::{Millis, NodeId, ReplId, ReplOffset};
use cluster::{DataEvent, EventType};
use persist::SnapshotTarget;
use repl::Position;

/// How long the primary has, in ms, to hand over to us.
const PATIENCE_MS: u64 = 3000;
/// How long writing the file is tried, in ms.
const KEEP_MS: u64 = 60_000;
/// How long after a failure it is tried again, in ms.
const RETRY_MS: u64 = 2000;
/// How many names of our own history are remembered.
const NAMES_MAX: usize = 64;
/// Most files that one process writes.
const FILES_MAX: u32 = 16;

/// Whose data we have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Origin {
    /// Our own, or nothing that could be compared.
    #[default]
    Own,
    /// A file's; we have followed nobody yet.
    File,
    /// A file's, written as a replica of this one.
    FileOf(NodeId),
    /// This one's, by a synchronization.
    Synced(NodeId),
}

/// What stands between our data and a primary with less.
#[derive(Debug, Default)]
pub(super) struct Keep {
    pub origin: Origin,
    guard: Option<Guard>,
    /// What we hold counts no more for this primary: it is in a file.
    settled: Option<NodeId>,
    files: u32,
}

#[derive(Debug)]
struct Guard {
    since: Millis,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// To be written, not before this.
    Due(Millis),
    Writing(String),
    Kept,
}

/// What the primary is asked about, if it is the one that our data came from.
pub(super) fn holds(node: &Node) -> Option<Position> {
    let name = node.replication.upstream.as_ref()?.name()?;
    let keep = &node.replication.keep;
    if !node.cluster.enabled || node.keyspace.is_empty() || keep.settled == Some(name) {
        return None;
    }
    match keep.origin {
        Origin::Synced(origin) if origin == name => Some(position(node)),
        Origin::FileOf(origin) if origin == name => {
            node.replication.from_file.map(|(id, offset)| Position { id, offset })
        }
        _ => None,
    }
}

/// A file was loaded that says of which history it is. What a primary has is its own.
pub(super) fn loaded(node: &mut Node) {
    if !node.cluster.view().is_some_and(|view| view.myself().is_primary()) {
        node.replication.keep.origin = Origin::File;
    }
}

/// We follow this one from now on.
pub(super) fn follows(node: &mut Node, name: Option<NodeId>) {
    let keep = &mut node.replication.keep;
    (keep.guard, keep.settled) = (None, None);
    if keep.origin == Origin::File {
        keep.origin = name.map_or(Origin::Own, Origin::FileOf);
    }
}

/// Our data is the primary's now.
pub(super) fn synced(node: &mut Node) {
    let name = node.replication.upstream.as_ref().and_then(super::replica::Upstream::name);
    let keep = &mut node.replication.keep;
    (keep.guard, keep.settled) = (None, None);
    keep.origin = name.map_or(Origin::Own, Origin::Synced);
}

/// We are a primary: what we have is our own.
pub(crate) fn is_primary(node: &mut Node) {
    let files = node.replication.keep.files;
    node.replication.keep = Keep { files, ..Keep::default() };
}

/// The primary says that it has our data up to `offset` only.
pub(super) fn lacks(node: &mut Node, offset: ReplOffset) {
    let Some(held) = holds(node) else { return };
    let bytes = held.offset.0.saturating_sub(offset.0);
    if bytes == 0 {
        node.replication.keep.settled =
            node.replication.upstream.as_ref().and_then(super::replica::Upstream::name);
        return;
    }
    let text = format!(
        "its data goes up to offset {offset} of history {}, ours up to {}: it lacks {bytes} bytes",
        held.id, held.offset
    );
    guard(node, &text);
}

/// Whether an RDB of history `id`, `empty`, must not take the place of our data yet.
pub(super) fn refuses(node: &mut Node, id: ReplId, empty: bool) -> bool {
    let Some(held) = holds(node).filter(|held| empty && held.id != id) else { return false };
    let text = format!("its data is empty and of another history, ours goes up to offset {}", held.offset);
    guard(node, &text);
    true
}

fn guard(node: &mut Node, why: &str) {
    if node.replication.keep.guard.is_none() {
        let now = node.now.mono;
        node.replication.keep.guard = Some(Guard { since: now, stage: Stage::Due(now) });
        tell(
            node,
            format!(
                "The master came back with less than this replica holds ({why}). Nothing is replaced before it is kept."
            ),
        );
    }
    advance(node);
}

/// Each tick, and when something changed.
pub(super) fn advance(node: &mut Node) {
    let now = node.now.mono;
    let Some(guard) = &node.replication.keep.guard else { return };
    let waited = now.since(guard.since);
    match guard.stage {
        Stage::Kept if waited >= PATIENCE_MS => settle(node),
        Stage::Due(_) if waited >= KEEP_MS => {
            tell(
                node,
                "What only this replica held could not be kept in time; synchronizing all the same.".into(),
            );
            settle(node);
        }
        Stage::Due(at) if now >= at => write(node),
        _ => {}
    }
}

/// The primary is not asked any more.
fn settle(node: &mut Node) {
    let name = node.replication.upstream.as_ref().and_then(super::replica::Upstream::name);
    let keep = &mut node.replication.keep;
    (keep.guard, keep.settled) = (None, name);
}

fn write(node: &mut Node) {
    let now = node.now;
    let stage = if node.replication.keep.files >= FILES_MAX {
        Stage::Due(now.mono + KEEP_MS)
    } else {
        let name = format!("stray-data-{}.rdb", now.unix.0);
        let temp = format!("temp-stray-{}.rdb", node.process.pid);
        match snapshot::begin(node, Kind::Kept, SnapshotTarget::File { temp, name: name.clone() }) {
            Ok(_) => Stage::Writing(name),
            // Another snapshot is under way.
            Err(_) => Stage::Due(now.mono + RETRY_MS),
        }
    };
    if let Some(guard) = &mut node.replication.keep.guard {
        guard.stage = stage;
    }
}

/// The snapshot is over.
pub(crate) fn written(node: &mut Node, outcome: Result<u64, Failure>) {
    let now = node.now.mono;
    let Some(guard) = &mut node.replication.keep.guard else { return };
    let Stage::Writing(name) = &guard.stage else { return };
    let name = name.clone();
    guard.stage = if outcome.is_ok() { Stage::Kept } else { Stage::Due(now + RETRY_MS) };
    match outcome {
        Ok(_) => {
            node.replication.keep.files += 1;
            tell(node, format!("What this replica held before its master came back with less is in {name}."));
        }
        Err(error) => {
            node.log(
                LogLevel::Warning,
                format!("What only this replica holds could not be written to {name}: {error}"),
            );
        }
    }
    advance(node);
}

fn tell(node: &mut Node, text: String) {
    node.log(LogLevel::Warning, text.clone());
    install::tell(node, DataEvent::Journal { kind: EventType::Loss, text });
}

// The primary's side

/// Each tick: the names that our history has had.
pub(super) fn note_name(node: &mut Node) {
    let replication = &mut node.replication;
    let id = replication.history.id();
    if replication.names.last() == Some(&id) {
        return;
    }
    if replication.names.len() >= NAMES_MAX {
        // From here on nobody is told that we lack anything.
        replication.as_begun = false;
        return;
    }
    replication.names.push(id);
}

/// Up to where we have what a replica holds, if that is less and we can tell.
pub(super) fn lacked(node: &Node, held: Position) -> Option<ReplOffset> {
    if !node.cluster.enabled || is_replica(node) {
        return None;
    }
    let replication = &node.replication;
    let Position { id, offset } = held;
    let own = match replication.history.second() {
        _ if replication.history.id() == id => Some(node.log.offset()),
        Some((second, bound)) if second == id => Some(ReplOffset(bound.0.saturating_sub(1))),
        _ if !replication.as_begun => None,
        _ => match replication.from_file {
            Some((from, offset)) if from == id => Some(offset),
            Some(_) => None,
            // What was written under a name of ours is here, whatever we are called now.
            None if replication.names.contains(&id) => None,
            None => replication.began_empty.then_some(ReplOffset(0)),
        },
    };
    own.filter(|own| *own < offset)
}
