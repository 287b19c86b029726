//! The append only file as a reader of the log.
//!
//! Model: at the end of each turn the log's new records go to the disk thread as one append. Under `always` replies wait
//! for its sync (the gate); under `everysec` and `no` for its write, within bounds ([`watch`]), and a sync is asked for each second or left
//! to the system.
//!
//! Invariants: nothing is appended twice (the log's reader moves on when it is read, the disk thread resumes at the exact
//! byte). What a failed fsync covered is never reported as safe: under `always` the process ends, as Redis does; otherwise
//! writes are refused until a new base has been written (ENGINE 12).
//!
//! Bound: [`BACKLOG_MAX`] bytes on their way to the disk; past it writes are refused until it has caught up.

use super::{request, snapshot};
use crate::api::{Action, LogLevel};
use crate::gate::Until;
use crate::node::Node;
use crate::{blocking, gate, replication};
use base::{Millis, ReplId, ReplOffset};
use config::AppendFsync;
use persist::aof::Note;
use persist::{AofStage, BaseForm, DiskRequest, Seq, SnapshotTarget, SyncPolicy};
use std::collections::VecDeque;

/// Bytes handed to the disk thread and not yet written at which writes are refused.
const BACKLOG_MAX: u64 = 1 << 30;
/// Turns whose end in the stream is remembered until it is safe.
const MARKS_MAX: usize = 4096;
/// How often `everysec` syncs, in ms.
const SYNC_PERIOD_MS: u64 = 1000;
/// How long replies wait for a write under `everysec` and `no`, in ms. The disk thread does little that takes so long.
const PATIENCE_MS: u64 = 100;
/// How far the file may fall behind before replies wait again, in ms. Redis postpones a write behind a sync for as long.
const BEHIND_MAX_MS: u64 = 2000;
/// After so many rewrites that failed one after the other the file's growth waits.
const FAILURES_IN_A_ROW: u32 = 3;
/// How long it waits then, in ms.
const RETRY_GROWN_MS: u64 = 60_000;
/// How long after a failure a first base is tried again, in ms.
const RETRY_MS: u64 = 5000;

/// Whether there is an AOF.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// `appendonly no`.
    Off,
    /// Asked for; appends wait in the log.
    Opening,
    /// Appends go to it.
    On,
    /// Being closed.
    Closing,
}

/// The AOF's state.
pub(crate) struct Aof {
    pub state: State,
    /// Bytes in all its files, as last reported.
    pub size: u64,
    /// What its size was after the last rewrite or at start.
    pub base_size: u64,
    /// Handed over, written, and safe.
    handed: Seq,
    written: Seq,
    synced: Seq,
    /// What was handed over and is not safe yet: the log's end and the stream's at that time, oldest first.
    marks: VecDeque<(Seq, ReplOffset)>,
    /// The stream is safe up to here.
    synced_offset: ReplOffset,
    /// The log's end and the stream's at the cut of the base that is being written.
    base: (Seq, ReplOffset),
    outstanding: u64,
    unsynced: bool,
    last_sync: Millis,
    /// Since when something that was handed over has not been written.
    waits_since: Option<Millis>,
    write_error: Option<String>,
    sync_error: Option<String>,
    /// A base was asked for after a failed fsync.
    repairing: bool,
    /// The next report of the size is that of a fresh base.
    measure_base: bool,
    /// Rewrites that failed one after the other.
    failures: u32,
    /// Not before this does the file's growth begin another rewrite.
    grow_after: Millis,
    /// The process is about to end because of an error.
    given_up: bool,
    /// The file was begun for a base that is not there yet.
    needs_base: bool,
    /// When records were handed over last, in seconds since 1970.
    noted: i64,
    /// Where in which history the present file's reader takes the data to be, and whether it counts on from there.
    position: Option<(ReplId, ReplOffset, bool)>,
}

impl Aof {
    pub fn new() -> Self {
        Self {
            state: State::Off,
            size: 0,
            base_size: 0,
            handed: 0,
            written: 0,
            synced: 0,
            marks: VecDeque::new(),
            synced_offset: ReplOffset(0),
            base: (0, ReplOffset(0)),
            outstanding: 0,
            unsynced: false,
            last_sync: Millis(0),
            waits_since: None,
            write_error: None,
            sync_error: None,
            repairing: false,
            measure_base: false,
            failures: 0,
            grow_after: Millis(0),
            given_up: false,
            needs_base: false,
            noted: 0,
            position: None,
        }
    }

    /// Why nothing may be written, in the system's words.
    pub fn failure(&self) -> Option<&str> {
        if self.state == State::Off {
            return None;
        }
        if self.outstanding > BACKLOG_MAX {
            return Some("the disk does not keep up");
        }
        self.write_error.as_deref().or(self.sync_error.as_deref())
    }

    /// Up to where the stream of replication is safe in the files; `None` without files, or before their base is there.
    pub fn safe_offset(&self) -> Option<ReplOffset> {
        (self.state == State::On && !self.needs_base).then_some(self.synced_offset)
    }

    /// Whether the log is safe in the files up to `seq`.
    pub fn is_safe(&self, seq: Seq) -> bool {
        self.state == State::On && !self.needs_base && self.synced >= seq
    }

    fn mark(&mut self, seq: Seq, offset: ReplOffset) {
        // Past the bound the newest mark stands for those that follow it, too: they are safe later than they are told.
        if self.marks.len() >= MARKS_MAX {
            self.marks.pop_back();
        }
        self.marks.push_back((seq, offset));
    }

    fn advance(&mut self, synced: Seq) {
        self.synced = self.synced.max(synced);
        while let Some((_, offset)) = self.marks.pop_front_if(|(seq, _)| *seq <= synced) {
            self.synced_offset = self.synced_offset.max(offset);
        }
    }

    /// Rewrites that failed since the last one that did not.
    pub fn rewrite_failures(&self) -> u32 {
        self.failures
    }

    /// Whether the last rewrite succeeded.
    pub fn rewrite_ok(&self) -> bool {
        self.failures == 0
    }

    /// Bytes on their way to the disk.
    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

fn policy(node: &Node) -> SyncPolicy {
    match node.config.settings.appendfsync {
        AppendFsync::Always => SyncPolicy::Always,
        AppendFsync::Everysec => SyncPolicy::EverySecond,
        AppendFsync::No => SyncPolicy::No,
    }
}

/// Whether the AOF is being switched on, and its first base is not there yet.
pub(super) fn waits_for_base(node: &Node) -> bool {
    node.persistence.aof.needs_base
}

/// `appendfsync` or the AOF's state may have changed, and with it what replies wait for.
pub(crate) fn set_policy(node: &mut Node) {
    let until = match (node.persistence.aof.state, node.config.settings.appendfsync) {
        (State::Off | State::Closing, _) => Until::Nothing,
        (_, AppendFsync::Always) => Until::Safe,
        (_, AppendFsync::Everysec | AppendFsync::No) => Until::Written,
    };
    gate::change(node, until);
}

/// Under `everysec` and `no`: replies wait for the write, but not longer than [`PATIENCE_MS`]; and they do again once the
/// file is [`BEHIND_MAX_MS`] behind.
pub(crate) fn watch(node: &mut Node) {
    if node.gate.until != Until::Written {
        return;
    }
    let aof = &node.persistence.aof;
    let fails = aof.write_error.is_some() || aof.sync_error.is_some();
    let waited = aof.waits_since.map(|since| node.now.mono.since(since));
    let ajar = match waited {
        None => false,
        // What was executed is answered; what follows is refused with MISCONF.
        Some(_) if fails => true,
        Some(ms) => (PATIENCE_MS..BEHIND_MAX_MS).contains(&ms),
    };
    if ajar {
        gate::set_ajar(node);
    } else {
        gate::shut(node);
    }
}

/// When [`watch`] has something to do.
pub(crate) fn deadline(node: &Node) -> Option<Millis> {
    let waits = node.gate.until == Until::Written && !node.gate.ajar && !node.gated.is_empty();
    let since = node.persistence.aof.waits_since.filter(|_| waits)?;
    let at = since + PATIENCE_MS;
    (at > node.now.mono).then_some(at)
}

/// `appendonly` may have changed at run time. Switching on writes a base first, so that the files hold everything.
pub(crate) fn switch(node: &mut Node) {
    let wanted = node.config.settings.appendonly;
    match (wanted, node.persistence.aof.state) {
        // At once if that can be, as in Redis: who asks INFO next sees it under way. Never amid a transaction.
        (true, State::Off) if !node.unit.in_exec && rewrite(node).is_ok() => {}
        (true, State::Off | State::Closing) => {
            let why = if node.unit.in_exec {
                "during a transaction"
            } else {
                "but there is already another background operation"
            };
            let text =
                format!("AOF was enabled {why}. An AOF background was scheduled to start when possible.");
            node.log(LogLevel::Notice, text);
            node.persistence.rewrite_scheduled = true;
        }
        (false, State::On | State::Opening) => {
            if node.persistence.job.as_ref().is_some_and(|job| job.kind == snapshot::Kind::Rewrite) {
                let pid = node.process.pid;
                node.log(LogLevel::Notice, format!("Killing running AOF rewrite child: {pid}"));
                snapshot::abort(node);
            }
            flush(node);
            node.log.set_aof(false);
            node.persistence.aof.state = State::Closing;
            request(node, DiskRequest::AofClose);
            set_policy(node);
            tell_safe(node);
        }
        _ => {}
    }
}

/// The files must not get another byte: what follows belongs to other data. They stay as they are until a new base is
/// written, so that a crash meanwhile finds the old data whole.
pub(crate) fn stop(node: &mut Node) {
    if matches!(node.persistence.aof.state, State::On | State::Opening) {
        flush(node);
        node.log.set_aof(false);
        request(node, DiskRequest::AofClose);
        node.persistence.aof = Aof::new();
        set_policy(node);
    }
}

/// `aof-disable-auto-gc`, at start and when it changes.
pub(crate) fn keep_history(node: &mut Node) {
    let keep = node.config.settings.aof_disable_auto_gc;
    request(node, DiskRequest::AofKeepHistory { keep });
}

/// `aof-use-rdb-preamble`.
pub(super) fn base_form(node: &Node) -> BaseForm {
    if node.config.settings.aof_use_rdb_preamble { BaseForm::Rdb } else { BaseForm::Commands }
}

/// Opens the AOF after loading; the files hold what was loaded.
pub(crate) fn open(node: &mut Node) {
    let settings = &node.config.settings;
    let (directory, filename) = (settings.appenddirname.clone(), settings.appendfilename.clone());
    let form = base_form(node);
    node.log.set_aof(true);
    node.persistence.aof.state = State::Opening;
    request(node, DiskRequest::AofOpen { directory, filename, form });
    set_policy(node);
}

/// Begins a new base: BGREWRITEAOF, `appendonly yes` at run time, a replica after its full sync, repair. With
/// `appendonly no` the base is all there is, and the next start without an AOF does not read it.
pub(crate) fn rewrite(node: &mut Node) -> Result<(), String> {
    let settings = &node.config.settings;
    let alone = node.persistence.aof.state == State::Off && !settings.appendonly;
    let target = SnapshotTarget::AofBase {
        directory: settings.appenddirname.clone(),
        filename: settings.appendfilename.clone(),
        alone,
    };
    // Records before the cut belong to the old increment file, those after it to the new one.
    flush(node);
    snapshot::begin(node, snapshot::Kind::Rewrite, target)?;
    node.stats.rewrites += 1;
    let base = (node.log.aof_end_seq(), node.log.offset());
    node.persistence.aof.base = base;
    node.persistence.aof.position = None;
    if node.persistence.aof.state == State::On {
        node.log.begin_aof_file();
    } else if !alone {
        node.log.set_aof(true);
        node.persistence.aof.state = State::On;
        node.persistence.aof.needs_base = true;
        set_policy(node);
    }
    Ok(())
}

/// By how many percent the file has grown since its base was written, if that is reason enough for another one
/// (`auto-aof-rewrite-percentage`, `auto-aof-rewrite-min-size`).
pub(super) fn grown(node: &Node) -> Option<u64> {
    let (settings, aof) = (&node.config.settings, &node.persistence.aof);
    let fit = aof.state == State::On && !aof.measure_base && node.now.mono >= aof.grow_after;
    if !fit || settings.auto_aof_rewrite_percentage == 0 || aof.size <= settings.auto_aof_rewrite_min_size {
        return None;
    }
    let growth = (aof.size.saturating_mul(100) / aof.base_size.max(1)).saturating_sub(100);
    (growth >= settings.auto_aof_rewrite_percentage).then_some(growth)
}

/// Hands the log's new records to the disk thread.
pub(crate) fn flush(node: &mut Node) {
    // The disk thread takes requests in order: an append follows the opening that was asked for before.
    if !matches!(node.persistence.aof.state, State::On | State::Opening) {
        return;
    }
    let mut bytes = time_note(node);
    distrust_position(node);
    let (noted, selected) = (bytes.len(), node.log.aof_selects());
    let upto = match node.log.take_aof(&mut bytes) {
        Some(upto) => {
            node.persistence.aof.noted = node.now.unix.seconds();
            upto
        }
        None => {
            bytes.clear();
            node.persistence.aof.handed
        }
    };
    if node.log.aof_selects() != selected {
        node.persistence.aof.position = None;
    }
    let counted = bytes.len().saturating_sub(noted) as u64;
    note_position(node, counted, &mut bytes);
    if bytes.is_empty() {
        return;
    }
    let policy = policy(node);
    let offset = node.log.offset();
    let aof = &mut node.persistence.aof;
    aof.handed = upto;
    aof.waits_since = aof.waits_since.or(Some(node.now.mono));
    aof.mark(upto, offset);
    aof.outstanding += bytes.len() as u64;
    aof.unsynced = true;
    if node.persistence.aof_flush_sleep > 0 {
        node.actions.push_back(Action::Sleep { micros: node.persistence.aof_flush_sleep });
    }
    request(node, DiskRequest::AofAppend { bytes, upto, policy });
}

/// `aof-timestamp-enabled`: a note in front of the first record of a second, for `--truncate-to-timestamp`.
fn time_note(node: &Node) -> Vec<u8> {
    let now = node.now.unix.seconds();
    if node.config.settings.aof_timestamp_enabled && now > node.persistence.aof.noted {
        format!("#TS:{now}\r\n").into_bytes()
    } else {
        Vec::new()
    }
}

/// What the file said of its position does not hold for what comes now: the stream has another name, or is not counted. A SELECT in front
/// tells its reader so, even if the rest of the write is lost.
fn distrust_position(node: &mut Node) {
    let counted = node.log.backlog_size().is_some();
    let id = node.replication.history.id();
    let aof = &mut node.persistence.aof;
    if aof.position.take_if(|(known, _, _)| !counted || *known != id).is_some() {
        node.log.begin_aof_file();
    }
}

/// In cluster mode: how far the data goes in the history of replication, where that does not follow from the note before and the
/// `counted` bytes since. A primary that comes back compares it with what its replicas hold.
fn note_position(node: &mut Node, counted: u64, bytes: &mut Vec<u8>) {
    if !node.cluster.enabled || node.log.backlog_size().is_none() {
        return;
    }
    let (id, offset) = (node.replication.history.id(), node.log.offset());
    let counts = !replication::is_replica(node);
    let position = &mut node.persistence.aof.position;
    let known =
        position.map(|(known, at, how)| (known, ReplOffset(at.0 + if how { counted } else { 0 }), how));
    if known == Some((id, offset, counts)) && (counts || counted == 0) {
        *position = known;
        return;
    }
    let named = known.is_none_or(|(known, _, _)| known != id);
    *position = Some((id, offset, counts));
    Note { id: named.then_some(id), offset, counts }.print(bytes);
}

/// Whether all that was executed is in the files, or none of it ever will be.
pub(super) fn is_settled(node: &Node) -> bool {
    let aof = &node.persistence.aof;
    match aof.state {
        State::Off => true,
        State::On => aof.outstanding == 0,
        _ => false,
    }
}

/// The AOF takes appends.
pub(super) fn opened(node: &mut Node, log: Vec<String>, size: u64) {
    for line in log {
        node.log(LogLevel::Notice, line);
    }
    let aof = &mut node.persistence.aof;
    if aof.state == State::Opening {
        aof.state = State::On;
        aof.size = size;
        aof.base_size = size;
    }
    flush(node);
}

/// Bytes reached the operating system.
pub(super) fn written(node: &mut Node, upto: Seq, size: u64) {
    let aof = &mut node.persistence.aof;
    aof.written = aof.written.max(upto);
    aof.size = size;
    if std::mem::take(&mut aof.measure_base) {
        aof.base_size = size;
    }
    if aof.written >= aof.handed {
        aof.outstanding = 0;
        aof.waits_since = None;
    } else {
        // The rest was handed over later: when, is not remembered.
        aof.waits_since = Some(node.now.mono);
    }
    if node.gate.until == Until::Written {
        gate::open(node, upto);
    }
    let aof = &mut node.persistence.aof;
    if aof.write_error.take().is_some() {
        node.log(LogLevel::Warning, "AOF write error looks solved. The server can write again.");
    }
}

/// Bytes are safe.
pub(super) fn synced(node: &mut Node, upto: Seq) {
    let aof = &mut node.persistence.aof;
    if upto >= aof.handed {
        aof.unsynced = false;
    }
    aof.advance(upto);
    gate::open(node, upto);
    tell_safe(node);
}

/// Writing or syncing failed.
pub(super) fn failed(node: &mut Node, stage: AofStage, error: &str) {
    let always = node.config.settings.appendfsync == AppendFsync::Always;
    match stage {
        // The base that the file was begun for failed, which is told by itself; there will be another one.
        AofStage::Open if node.persistence.aof.state != State::Opening => return,
        AofStage::Open => {
            node.log(LogLevel::Warning, format!("Fatal error: can't open the append-only file: {error}"));
            return die(node);
        }
        AofStage::Write => {
            if node.persistence.aof.write_error.is_none() {
                node.log(LogLevel::Warning, format!("Error writing to the AOF file: {error}"));
            }
            node.persistence.aof.write_error = Some(error.to_owned());
        }
        AofStage::Sync => {
            if node.persistence.aof.sync_error.is_none() {
                node.log(LogLevel::Warning, format!("Fail to fsync the AOF file: {error}"));
            }
            node.persistence.aof.sync_error = Some(error.to_owned());
        }
    }
    // Once is enough: what fails behind it fails for the same reason.
    if !always || std::mem::replace(&mut node.persistence.aof.given_up, true) {
        return;
    }
    let text = match stage {
        AofStage::Sync => format!(
            "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {error}. Exiting..."
        ),
        _ => {
            "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...".to_owned()
        }
    };
    node.log(LogLevel::Warning, text);
    // Whoever waits for the sync must not get an answer: nobody knows whether the write survives.
    gate::break_off(node);
    die(node);
}

fn die(node: &mut Node) {
    node.actions.push_back(Action::Exit { code: 1 });
}

/// The AOF is closed.
pub(super) fn closed(node: &mut Node) {
    if node.persistence.aof.state == State::Closing {
        node.persistence.aof = Aof::new();
    }
}

/// A new base is in place: everything is on disk again.
pub(super) fn rewritten(node: &mut Node, ok: bool) {
    let aof = &mut node.persistence.aof;
    aof.repairing = false;
    aof.failures = if ok { 0 } else { aof.failures + 1 };
    if aof.failures >= FAILURES_IN_A_ROW {
        aof.grow_after = node.now.mono + RETRY_GROWN_MS;
    }
    let orphan = std::mem::take(&mut aof.needs_base) && !ok;
    if orphan && aof.state == State::On {
        // Without the base the new file is worth nothing, and the disk thread has dropped it.
        node.log.set_aof(false);
        node.persistence.aof = Aof::new();
        set_policy(node);
        node.persistence.rewrite_retry = Some(node.now.mono + RETRY_MS);
        return;
    }
    if ok {
        aof.sync_error = None;
        aof.base_size = aof.size;
        aof.measure_base = true;
        let (seq, offset) = aof.base;
        aof.advance(seq);
        aof.synced_offset = aof.synced_offset.max(offset);
        tell_safe(node);
    }
}

/// More is safe than before: who waits for that hears of it, and the primary with the next acknowledgement.
fn tell_safe(node: &mut Node) {
    if !node.waiting_for_replicas.is_empty() {
        blocking::replicas_advanced(node);
    }
    replication::set_safe(node);
}

/// Syncs each second, retries what could not be written, repairs what could not be synced.
pub(super) fn cron(node: &mut Node) {
    let now = node.now.mono;
    if node.persistence.rewrite_retry.is_some_and(|at| now >= at) {
        node.persistence.rewrite_retry = None;
        node.persistence.rewrite_scheduled = node.config.settings.appendonly;
    }
    // `no-appendfsync-on-rewrite` spares a disk that a snapshot is being written to. Under `always` it changes nothing: what
    // is acknowledged is safe.
    let spared = node.config.settings.no_appendfsync_on_rewrite && node.persistence.job.is_some();
    let every_second = policy(node) == SyncPolicy::EverySecond && !spared;
    let aof = &mut node.persistence.aof;
    if aof.state != State::On || now.since(aof.last_sync) < SYNC_PERIOD_MS {
        return;
    }
    aof.last_sync = now;
    if (every_second && aof.unsynced) || aof.write_error.is_some() {
        request(node, DiskRequest::AofSync);
    }
    let aof = &mut node.persistence.aof;
    if aof.sync_error.is_some() && !aof.repairing && node.persistence.job.is_none() {
        node.persistence.aof.repairing = rewrite(node).is_ok();
    }
}
