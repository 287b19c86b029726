//! Persistence's glue: what the data thread asks of the disk thread and what it makes of the answers.
//!
//! Model: everything that touches a file is a [`DiskRequest`]; the disk thread works them off in order, so that "append,
//! then begin a snapshot" means what it says. Here is only the state that commands and INFO look at, and the routing of
//! answers to the rooms: `aof` (the log's reader on disk), `snapshot` (the one job), `save` (BGSAVE and its kin), `load`
//! (at start), `shutdown`.
//!
//! Invariant: one snapshot job at a time, whoever asked for it.

mod aof;
pub(crate) mod load;
pub(crate) mod reload;
mod save;
pub(crate) mod shutdown;
pub(crate) mod snapshot;

#[cfg(test)]
mod tests;

pub(crate) use aof::{
    State as AofState, deadline as gate_deadline, keep_history as keep_aof_history, set_policy,
    switch as switch_aof,
};
pub(crate) use save::flushed_all;

/// The data is about to be replaced as a whole: whatever was being written of it is worth nothing any more.
pub(crate) fn data_replaced(node: &mut Node) {
    // The AOF first: a base that is given up would take the file that it belongs to with it.
    aof::stop(node);
    if node.persistence.job.is_some() {
        snapshot::abort(node);
    }
    // The old keyspace's marks go with it.
    node.persistence.sweeping = false;
}

/// The new data is in place: the AOF, if there is to be one, begins anew from it.
pub(crate) fn begin_anew(node: &mut Node) {
    node.persistence.dirty = 0;
    if node.config.settings.appendonly {
        node.persistence.rewrite_scheduled = true;
    }
}

use crate::admin::AdminHandler;
use crate::api::{Action, LogLevel};
use crate::node::Node;
use crate::refusal::Refusal;
use base::Now;
use persist::{DiskEvent, DiskRequest, JobId};

/// How often a replica says that its disk fails, in ms.
const COMPLAIN_EVERY_MS: u64 = 10_000;

/// Persistence's state.
pub(crate) struct Persistence {
    /// Changes since the last save.
    pub dirty: u64,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: bool,
    /// When the last successful save ended, in seconds since 1970.
    pub last_save: i64,
    /// When the last background save was tried, in seconds since 1970.
    pub last_try: i64,
    /// How the last background save ended.
    pub last_save_ok: bool,
    /// How long the last background save took, in seconds; -1 before the first.
    pub last_save_seconds: i64,
    /// BGSAVE SCHEDULE: begin as soon as the running job is over.
    pub scheduled: bool,
    /// FLUSHALL wants an empty data set to be saved.
    pub flushed: bool,
    /// The most bytes of pre-images that the last save and the last rewrite held (`rdb_last_cow_size`, `aof_last_cow_size`).
    pub last_preimages: (usize, usize),
    /// How long the last rewrite took, in seconds; -1 before the first.
    pub last_rewrite_seconds: i64,
    /// BGREWRITEAOF while another job runs.
    pub rewrite_scheduled: bool,
    /// When a first base of the AOF that failed is tried again.
    pub rewrite_retry: Option<base::Millis>,
    /// The running job.
    pub job: Option<snapshot::Job>,
    /// The load at start, while it lasts (not while one of its slices runs).
    pub loading: Option<Box<load::Loading>>,
    /// DEBUG RELOAD or LOADAOF, while it goes on.
    pub reload: Option<reload::Reload>,
    /// Keys and expired keys of the load at start (`rdb_last_load_keys_loaded`, `..._expired`).
    pub loaded: (u64, u64),
    /// The AOF.
    pub aof: aof::Aof,
    /// DEBUG AOF-FLUSH-SLEEP, in microseconds.
    pub aof_flush_sleep: u64,
    /// SHUTDOWN, once asked for.
    pub shutdown: Option<shutdown::Shutdown>,
    /// When it was last said that a replica's disk fails.
    pub complained: base::Millis,
    /// A signal that came while the cron was paused; whether it was SIGINT.
    pub signal: Option<bool>,
    /// An aborted job's marks are being swept.
    pub sweeping: bool,
    next_job: u64,
}

impl Persistence {
    pub fn new(now: Now) -> Self {
        Self {
            dirty: 0,
            active_expire: true,
            last_save: now.unix.seconds(),
            last_try: 0,
            last_save_ok: true,
            last_save_seconds: -1,
            scheduled: false,
            flushed: false,
            last_preimages: (0, 0),
            last_rewrite_seconds: -1,
            rewrite_scheduled: false,
            rewrite_retry: None,
            job: None,
            loading: None,
            reload: None,
            loaded: (0, 0),
            aof: aof::Aof::new(),
            aof_flush_sleep: 0,
            shutdown: None,
            complained: base::Millis(0),
            signal: None,
            sweeping: false,
            next_job: 1,
        }
    }

    /// A name for a job or a file request; never given twice.
    pub fn job_id(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job - 1)
    }
}

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    save::handler(name).or_else(|| shutdown::handler(name))
}

/// Why writes are refused, when the disk fails.
pub(crate) fn write_refusal(node: &Node) -> Option<Refusal> {
    let persistence = &node.persistence;
    let saves = !node.config.settings.save.is_empty();
    if node.policy.stop_writes_on_bgsave_error && saves && !persistence.last_save_ok {
        return Some(
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
             Commands that may modify the data set are disabled, because this instance is configured to report \
             errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the \
             Redis logs for details about the RDB error."
                .into(),
        );
    }
    persistence.aof.failure().map(|text| format!("MISCONF Errors writing to the AOF file: {text}").into())
}

/// The same for a script that says that it writes.
pub(crate) fn script_refusal(node: &Node) -> Option<Refusal> {
    const END: &str = "but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag \
                       for read only scripts.";
    write_refusal(node)?;
    Some(match node.persistence.aof.failure().filter(|_| node.persistence.last_save_ok) {
        Some(error) => {
            format!("MISCONF Redis is configured to persist data to AOF, {END} AOF error: {error}").into()
        }
        None => format!("MISCONF Redis is configured to save RDB snapshots, {END}").into(),
    })
}

/// A replica cannot write to its disk what its primary has written: it ends, unless `replica-ignore-disk-write-errors` is
/// set.
pub(crate) fn write_anyway(node: &mut Node, harmless: bool) {
    if node.loading {
        return;
    }
    if !harmless && !node.config.settings.replica_ignore_disk_write_errors {
        node.log(LogLevel::Warning, "Replica was unable to write command to disk.");
        node.actions.push_back(Action::Exit { code: 1 });
    } else if node.now.mono.since(node.persistence.complained) >= COMPLAIN_EVERY_MS {
        node.persistence.complained = node.now.mono;
        node.log(
            LogLevel::Warning,
            "Replica is applying a command even though it is unable to write to disk.",
        );
    }
}

/// Whether the log is safe in the AOF up to `seq` (WAITAOF).
pub(crate) fn is_safe(node: &Node, seq: persist::Seq) -> bool {
    node.persistence.aof.is_safe(seq)
}

/// An answer of the disk thread.
pub(crate) fn handle_disk(node: &mut Node, event: DiskEvent) {
    match event {
        DiskEvent::AofOpened { log, size } => aof::opened(node, log, size),
        DiskEvent::AofWritten { upto, size } => aof::written(node, upto, size),
        DiskEvent::AofSynced { upto } => aof::synced(node, upto),
        DiskEvent::AofFailed { stage, error } => aof::failed(node, stage, &error.text),
        DiskEvent::AofClosed { clean } => {
            aof::closed(node);
            shutdown::aof_closed(node, clean);
        }
        DiskEvent::Took { event, micros } => crate::observe::note_latency(node, event, micros),
        DiskEvent::SnapshotTaken { id } => snapshot::taken(node, id),
        DiskEvent::SnapshotBytes { id, bytes } => snapshot::streamed(node, id, bytes),
        DiskEvent::SnapshotDone { id, bytes_total, log } => {
            for line in log {
                node.log(LogLevel::Notice, line);
            }
            snapshot::ended(node, id, Ok(bytes_total));
        }
        DiskEvent::SnapshotFailed { id, error } => snapshot::ended(node, id, Err(error.text)),
        // Nobody in the node asks for whole files yet.
        DiskEvent::FileWritten { .. } => crate::replication::stray::file_written(node, &event),
    }
}

/// The end of a turn: new records go to the AOF.
pub(crate) fn end_batch(node: &mut Node) {
    aof::flush(node);
    aof::watch(node);
    save::save_flushed(node);
    reload::advance(node);
}

/// Ten times a second.
pub(crate) fn cron(node: &mut Node) {
    if let Some(interrupt) = node.persistence.signal.take() {
        shutdown::signal(node, interrupt);
    }
    aof::cron(node);
    save::cron(node);
    shutdown::cron(node);
}

/// Whether a slice would do something.
pub(crate) fn has_work(node: &Node) -> bool {
    let can_step = node.persistence.job.as_ref().is_some_and(|job| job.can_step(node.now.mono));
    node.persistence.sweeping
        || (can_step && !snapshot::held_back(node))
        || snapshot::owes_acknowledgement(node)
}

/// One slice of the running job.
pub(crate) fn run_slice(node: &mut Node) {
    snapshot::slice(node);
}

/// Asks the disk thread.
pub(crate) fn request(node: &mut Node, request: DiskRequest) {
    node.actions.push_back(Action::Disk(request));
}
