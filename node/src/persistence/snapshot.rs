//! The one snapshot job: from the cut of the keyspace to the last chunk handed to the disk thread.
//!
//! Model: [`begin`] is the cut (ENGINE 2): one step between two execution units that flips the keyspace's parity, records
//! what the head of the file says, and asks the disk thread to begin. [`slice`] visits a few entries and hands over full
//! chunks; the disk thread encodes and writes them. BGSAVE, SAVE, AOF bases and full syncs are kinds of the same job and
//! exclude each other.
//!
//! Bounds: at most [`CHUNKS_UNDER_WAY`] chunks are with the disk thread, and it sends at most [`STREAM_AHEAD`] bytes of a
//! stream (and a piece) before they are acknowledged, when the replicas have taken them; pre-images may pile up to [`MEMORY_BUDGET`] bytes,
//! then the job is aborted with a logged reason (ENGINE 3).

use super::{aof, request, save, shutdown};
use crate::api::LogLevel;
use crate::node::Node;
use crate::replication;
use crate::scripting;
use crate::session::Client;
use base::Millis;
use keyspace::{EvictBy, JobSlot, SnapshotBusy, StepOutcome};
use persist::rdb::{AccessField, Encoder};
use persist::request::STREAM_AHEAD;
use persist::{BaseForm, DiskRequest, JobId, SnapshotHead, SnapshotTarget};

/// Entries that one slice visits while nobody asks for anything.
const ENTRIES_PER_SLICE: usize = 256;
/// Entries that one slice visits when commands were executed since the last one: clients wait for it.
const ENTRIES_PER_BUSY_SLICE: usize = 64;
/// Chunks handed over and not yet written.
const CHUNKS_UNDER_WAY: usize = 32;
/// Bytes of pre-images at which the job is given up.
const MEMORY_BUDGET: usize = 1 << 30;

/// Who wants the snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// BGSAVE or a save point.
    Background,
    /// SAVE: this client waits.
    Save(Client),
    /// The save that FLUSHALL makes when there are save points.
    Flushed,
    /// The last save of a SHUTDOWN.
    Shutdown,
    /// A new AOF base.
    Rewrite,
    /// A full sync of replicas; its bytes come back.
    Replication,
    /// What only this replica holds, before its primary's data takes its place.
    Kept,
}

/// Why a job did not end well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// The disk's words.
    Broken(String),
    /// It was given up on purpose: nothing is wrong with the disk.
    Aborted,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Failure::Broken(text) => text,
            Failure::Aborted => "aborted",
        })
    }
}

/// The running job.
pub(crate) struct Job {
    pub id: JobId,
    pub kind: Kind,
    pub began_mono: Millis,
    /// `dirty` at the cut: what a successful save takes off.
    pub dirty: u64,
    /// Keys at the cut, and keys visited so far (`current_save_keys_*`).
    pub keys_total: u64,
    pub keys_done: u64,
    /// The most bytes of pre-images that were held so far.
    pub preimages_peak: usize,
    visiting: bool,
    /// Commands that had been executed at the last slice.
    processed: u64,
    under_way: usize,
    /// Bytes of a stream that came back and were not acknowledged yet.
    unacknowledged: usize,
    /// When `rdb-key-save-delay` lets it go on.
    pub resume_at: Option<Millis>,
    /// Keys for which it has waited that long.
    waited_for: u64,
}

impl Job {
    /// Whether a slice would do something at this time.
    pub fn can_step(&self, now: Millis) -> bool {
        self.visiting && self.under_way < CHUNKS_UNDER_WAY && self.resume_at.is_none_or(|at| at <= now)
    }

    /// Pauses for the keys that were visited since the last time; `delay` is microseconds for each.
    fn wait_for(&mut self, visited: u64, delay: u64, now: Millis) {
        let keys = visited.saturating_sub(self.waited_for);
        self.waited_for = visited;
        self.resume_at = (delay > 0).then(|| now + delay.saturating_mul(keys) / 1000);
    }
}

/// Makes the cut. The error is a text for the log or a reply, without code.
pub(crate) fn begin(node: &mut Node, kind: Kind, target: SnapshotTarget) -> Result<JobId, String> {
    if node.persistence.job.is_some() {
        return Err("Another child process is active (AOF?)".to_owned());
    }
    if node.interrupted.is_some() {
        // The cut lies between execution units.
        return Err("a transaction is under way".to_owned());
    }
    let began = (node.meter)();
    let cut = node.keyspace.snapshot_begin(JobSlot::Save).map_err(|busy| match busy {
        SnapshotBusy::Running => "a snapshot is already in progress".to_owned(),
        SnapshotBusy::Sweeping => "an aborted snapshot is still being cleaned up".to_owned(),
    });
    let cut = match cut {
        Ok(cut) => cut,
        Err(text) => {
            node.persistence.sweeping = true;
            return Err(text);
        }
    };
    node.stats.snapshots += 1;
    node.stats.cut_micros = (node.meter)().saturating_sub(began);
    replication::note_writes(node);
    let id = node.persistence.job_id();
    let keys_total = cut.databases.iter().map(|(_, keys, _)| keys).sum();
    let head = SnapshotHead {
        aux: aux_fields(node, kind),
        libraries: scripting::functions::libraries(node),
        databases: cut.databases,
        compress: node.config.settings.rdbcompression,
        checksum: node.config.settings.rdbchecksum,
        access: access_field(node),
        time_note: node.config.settings.aof_timestamp_enabled.then(|| node.now.unix.seconds()),
        incremental_sync: match kind {
            Kind::Rewrite => node.config.settings.aof_rewrite_incremental_fsync,
            _ => node.config.settings.rdb_save_incremental_fsync,
        },
        form: if kind == Kind::Rewrite { aof::base_form(node) } else { BaseForm::Rdb },
    };
    request(node, DiskRequest::SnapshotBegin { id, target, head: Box::new(head) });
    node.persistence.job = Some(Job {
        id,
        kind,
        began_mono: node.now.mono,
        dirty: node.persistence.dirty,
        keys_total,
        keys_done: 0,
        preimages_peak: 0,
        visiting: true,
        processed: 0,
        under_way: 0,
        unacknowledged: 0,
        resume_at: None,
        waited_for: 0,
    });
    Ok(id)
}

/// An RDB without keys; `functions`: with the libraries.
pub(crate) fn filtered(node: &Node, functions: bool) -> Vec<u8> {
    let settings = &node.config.settings;
    let mut encoder = Encoder::new(settings.rdbcompression, settings.rdbchecksum);
    aux_fields(node, Kind::Replication).iter().for_each(|(name, value)| encoder.aux(name, value));
    if functions {
        scripting::functions::libraries(node).iter().for_each(|code| encoder.function(code));
    }
    encoder.finish();
    encoder.take()
}

/// Access bits are written when the policy will want them back, as in Redis.
fn access_field(node: &Node) -> AccessField {
    match node.policy.eviction.map(|policy| policy.by) {
        Some(EvictBy::Recency) => AccessField::Lru { clock: node.now.unix.seconds() as u32 & 0xff_ffff },
        Some(EvictBy::Frequency) => AccessField::Lfu,
        _ => AccessField::None,
    }
}

fn aux_fields(node: &Node, kind: Kind) -> Vec<(String, Vec<u8>)> {
    let mut fields = vec![
        ("redis-ver".to_owned(), b"7.2.4".to_vec()),
        ("redis-bits".to_owned(), b"64".to_vec()),
        ("ctime".to_owned(), node.now.unix.seconds().to_string().into_bytes()),
        ("used-mem".to_owned(), node.keyspace.used_memory().to_string().into_bytes()),
    ];
    if kind != Kind::Rewrite {
        fields.extend(replication::snapshot_fields(node));
    }
    let base = if kind == Kind::Rewrite { b"1" } else { b"0" };
    fields.push(("aof-base".to_owned(), base.to_vec()));
    fields
}

/// Visits some entries and hands over what is full.
pub(super) fn slice(node: &mut Node) {
    if node.persistence.sweeping {
        if node.keyspace.snapshot_step(JobSlot::Save, ENTRIES_PER_SLICE) == StepOutcome::Done {
            node.persistence.sweeping = false;
        }
        return;
    }
    if held_back(node) {
        return;
    }
    acknowledge(node);
    let now = node.now.mono;
    let Some(job) = node.persistence.job.as_mut().filter(|job| job.can_step(now)) else { return };
    let id = job.id;
    let delay = u64::try_from(node.config.settings.rdb_key_save_delay).unwrap_or(0);
    let entries = match delay {
        0 if std::mem::replace(&mut job.processed, node.stats.processed) != node.stats.processed => {
            ENTRIES_PER_BUSY_SLICE
        }
        0 => ENTRIES_PER_SLICE,
        // About a tenth of a second's worth, so that the job stays as responsive as the clock.
        delay => usize::try_from(100_000 / delay).unwrap_or(ENTRIES_PER_SLICE).clamp(1, ENTRIES_PER_SLICE),
    };
    let visited = node.keyspace.snapshot_visited(JobSlot::Save);
    if delay > 0 && visited > job.waited_for {
        // Writers have handed over keys: they take their time, too, before the job may be done.
        job.wait_for(visited, delay, now);
        return;
    }
    job.preimages_peak = job.preimages_peak.max(node.keyspace.snapshot_preimage_bytes(JobSlot::Save));
    let done = node.keyspace.snapshot_step(JobSlot::Save, entries) == StepOutcome::Done;
    job.wait_for(node.keyspace.snapshot_visited(JobSlot::Save), delay, now);
    while job.under_way < CHUNKS_UNDER_WAY || done {
        let Some(chunk) = node.keyspace.snapshot_take(JobSlot::Save) else { break };
        job.under_way += 1;
        job.keys_done += chunk.len() as u64;
        node.actions.push_back(crate::api::Action::Disk(DiskRequest::SnapshotChunk { id, chunk }));
    }
    if done {
        job.visiting = false;
        request(node, DiskRequest::SnapshotEnd { id });
    } else if node.keyspace.snapshot_queued_bytes(JobSlot::Save) > MEMORY_BUDGET {
        node.log(
            LogLevel::Warning,
            "Snapshot aborted: writes outran the disk and the memory budget is used up",
        );
        abort(node);
    }
}

/// Sweeps what an aborted job left to the end, however long that takes.
pub(super) fn finish_sweep(node: &mut Node) {
    while node.persistence.sweeping {
        slice(node);
    }
}

/// Whether the job waits for replicas to take what they have been sent.
pub(super) fn held_back(node: &Node) -> bool {
    node.persistence.job.as_ref().is_some_and(|job| job.kind == Kind::Replication)
        && replication::snapshot_held_back(node)
}

/// Bytes of a stream came back.
pub(super) fn streamed(node: &mut Node, id: JobId, bytes: Vec<u8>) {
    if let Some(job) = node.persistence.job.as_mut().filter(|job| job.id == id) {
        job.unacknowledged += bytes.len();
        replication::snapshot_bytes(node, bytes);
    }
}

/// Whether the disk thread must hear that its bytes went on.
pub(super) fn owes_acknowledgement(node: &Node) -> bool {
    node.persistence.job.as_ref().is_some_and(|job| job.unacknowledged >= STREAM_AHEAD / 4)
        && !held_back(node)
}

/// The replicas have room: the disk thread may send more.
fn acknowledge(node: &mut Node) {
    if owes_acknowledgement(node)
        && let Some(job) = &mut node.persistence.job
    {
        let (id, bytes) = (job.id, std::mem::take(&mut job.unacknowledged));
        request(node, DiskRequest::SnapshotGoOn { id, bytes });
    }
}

/// The disk thread has worked off a chunk.
pub(super) fn taken(node: &mut Node, id: JobId) {
    if let Some(job) = node.persistence.job.as_mut().filter(|job| job.id == id) {
        job.under_way = job.under_way.saturating_sub(1);
    }
}

/// The job is over on the disk's side.
pub(super) fn ended(node: &mut Node, id: JobId, outcome: Result<u64, String>) {
    let Some(job) = node.persistence.job.take_if(|job| job.id == id) else { return };
    if job.visiting {
        stop_visiting(node);
    }
    conclude(node, &job, outcome.map_err(Failure::Broken));
}

/// Gives the running job up: FLUSHALL, SHUTDOWN, a lost replica, memory.
pub(crate) fn abort(node: &mut Node) {
    let Some(job) = node.persistence.job.take() else { return };
    request(node, DiskRequest::SnapshotAbort { id: job.id });
    if job.visiting {
        stop_visiting(node);
    }
    conclude(node, &job, Err(Failure::Aborted));
}

/// The keyspace's marks are swept in later slices.
fn stop_visiting(node: &mut Node) {
    node.keyspace.snapshot_abort(JobSlot::Save);
    node.persistence.sweeping = true;
}

fn conclude(node: &mut Node, job: &Job, outcome: Result<u64, Failure>) {
    let last = &mut node.persistence.last_preimages;
    *(if job.kind == Kind::Rewrite { &mut last.1 } else { &mut last.0 }) = job.preimages_peak;
    match job.kind {
        Kind::Background | Kind::Save(_) | Kind::Flushed => save::ended(node, job, outcome),
        Kind::Shutdown => shutdown::saved(node, outcome),
        Kind::Rewrite => {
            match &outcome {
                Ok(_) => node.log(LogLevel::Notice, "Background AOF rewrite finished successfully"),
                Err(error) => {
                    node.log(
                        LogLevel::Warning,
                        format!("Background AOF rewrite terminated with error: {error}"),
                    );
                }
            }
            node.persistence.last_rewrite_seconds = (node.now.mono.since(job.began_mono) / 1000) as i64;
            aof::rewritten(node, outcome.is_ok());
        }
        Kind::Kept => replication::keep::written(node, outcome),
        Kind::Replication => {
            replication::snapshot_ended(node, outcome.map_err(|failure| failure.to_string()))
        }
    }
}
