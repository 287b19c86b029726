//! What the data thread asks of the disk thread, and what it hears back. Requests are handled in order, one at a time.
//!
//! The order is a promise: an `AofAppend` before a `SnapshotBegin` of an [`SnapshotTarget::AofBase`] goes to the old
//! increment file, one after it to the new one. So the cut of the data and the cut of the files are the same.

use crate::aof::BaseForm;
use crate::storage::StorageError;
use base::DbIndex;
use keyspace::SnapshotChunk;

/// A position in the log of `repl`: the number of records before it.
pub type Seq = u64;

/// A snapshot job, named by who asks for it; never used twice in one process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobId(pub u64);

/// `appendfsync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncPolicy {
    /// Synced before `AofSynced` and before any reply leaves; neighbouring appends share one sync.
    Always,
    /// The asker sends an `AofSync` each second.
    EverySecond,
    /// The system decides.
    No,
}

/// Where a snapshot goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SnapshotTarget {
    /// To `temp`, and renamed to `name` once it is safe. SAVE, BGSAVE.
    File {
        /// The name while it is written, such as `temp-12.rdb`.
        temp: String,
        /// The name at the end, `dbfilename`.
        name: String,
    },
    /// Back to the asker as `SnapshotBytes`. Full sync.
    Stream,
    /// To a new base file of the AOF. A new increment file is opened at the beginning; the manifest names the new base
    /// and drops the old files at the end. If the AOF is not open, it is from here on (and safe from the end on): that is
    /// how `appendonly` is switched on at run time, and how a replica starts again after a full sync.
    AofBase {
        /// `appenddirname`.
        directory: String,
        /// `appendfilename`.
        filename: String,
        /// The AOF is off and stays so: the manifest names the base alone.
        alone: bool,
    },
}

/// What stands at the head of the RDB file, and how it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SnapshotHead {
    /// AUX fields in order: `redis-ver`, `redis-bits`, `ctime`, `used-mem`, `repl-stream-db`, `repl-id`, `repl-offset`, `aof-base`.
    pub aux: Vec<(String, Vec<u8>)>,
    /// The code of the libraries of functions, as in the snapshot's cut; a base of commands loads them first.
    pub libraries: Vec<Vec<u8>>,
    /// Database, keys, keys with a TTL; as in the snapshot's cut.
    pub databases: Vec<(DbIndex, u64, u64)>,
    /// `rdbcompression`.
    pub compress: bool,
    /// `rdbchecksum`.
    pub checksum: bool,
    /// What the entries' access bits are written as.
    pub access: crate::rdb::AccessField,
    /// Whether what is written is made safe as it is written (`rdb-save-incremental-fsync`, `aof-rewrite-incremental-fsync`),
    /// and not all at the end.
    pub incremental_sync: bool,
    /// The time that a base of commands notes at its beginning (`aof-timestamp-enabled`), in seconds since 1970.
    pub time_note: Option<i64>,
    /// Commands only for a base of the AOF; nothing of the above is in them.
    pub form: BaseForm,
}

/// How many bytes of a streamed snapshot come back before some of them are acknowledged ([`DiskRequest::SnapshotGoOn`]).
pub const STREAM_AHEAD: usize = 4 << 20;

/// For the disk thread.
#[derive(Debug)]
pub enum DiskRequest {
    /// Open the AOF after loading: the last increment file of the manifest, or a first one. With no AOF at all, an empty
    /// base is written first, as Redis does: the asker must hold no data then, or ask for an `AofBase` snapshot instead.
    /// Answered by `AofOpened` or `AofFailed`.
    AofOpen {
        /// `appenddirname`.
        directory: String,
        /// `appendfilename`.
        filename: String,
        /// What an empty base is written as.
        form: BaseForm,
    },
    /// Append whole records. Answered by `AofWritten`, and by `AofSynced` under `Always`, or by `AofFailed`.
    AofAppend {
        /// Their bytes.
        bytes: Vec<u8>,
        /// The log position after them.
        upto: Seq,
        /// The policy in force.
        policy: SyncPolicy,
    },
    /// Sync what was appended; also retries bytes that could not be written. Answered by `AofSynced` or `AofFailed`.
    AofSync,
    /// Sync and close the AOF (`appendonly no`, shutdown). Answered by `AofClosed`.
    AofClose,
    /// Whether files that a manifest calls history stay where they are (`aof-disable-auto-gc`); they go when it is told to
    /// remove them again.
    AofKeepHistory {
        /// They stay.
        keep: bool,
    },
    /// Begin a snapshot. Only one job runs at a time; a second one fails at once.
    SnapshotBegin {
        /// The job.
        id: JobId,
        /// Where to.
        target: SnapshotTarget,
        /// What stands first.
        head: Box<SnapshotHead>,
    },
    /// The next entries. Answered by `SnapshotTaken` (and `SnapshotBytes` for a stream).
    SnapshotChunk {
        /// The job.
        id: JobId,
        /// The entries.
        chunk: SnapshotChunk,
    },
    /// So many bytes of a streamed snapshot have gone on: as many more may come. Not answered.
    SnapshotGoOn {
        /// The job.
        id: JobId,
        /// How many.
        bytes: usize,
    },
    /// No more entries. Answered by `SnapshotDone` or `SnapshotFailed`.
    SnapshotEnd {
        /// The job.
        id: JobId,
    },
    /// Throw it away. Not answered.
    SnapshotAbort {
        /// The job.
        id: JobId,
    },
    /// Replace a file at once or not at all (CONFIG REWRITE). Answered by `FileWritten`.
    WriteFile {
        /// Comes back in the answer.
        id: JobId,
        /// Which file.
        name: String,
        /// Its new content.
        bytes: Vec<u8>,
    },
    /// Remove a file; a missing one is fine. Not answered.
    Remove {
        /// Which file.
        name: String,
    },
}

/// At which step the AOF failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AofStage {
    /// Opening it: nothing is written.
    Open,
    /// Writing. The bytes are kept and retried at the exact byte with the next `AofAppend` or `AofSync`.
    Write,
    /// Syncing. What was not yet synced may be lost whatever a later sync says, so `AofSynced` is not sent for it any
    /// more until a new base has been written: exit, or ask for one.
    Sync,
}

/// From the disk thread.
#[derive(Debug, PartialEq, Eq)]
pub enum DiskEvent {
    /// The AOF takes appends.
    AofOpened {
        /// Lines for the log, as Redis has them ("Creating AOF base file ...").
        log: Vec<String>,
        /// Bytes in all its files.
        size: u64,
    },
    /// Everything before `upto` is with the operating system.
    AofWritten {
        /// Log position.
        upto: Seq,
        /// Bytes in all AOF files now.
        size: u64,
    },
    /// Everything before `upto` is safe.
    AofSynced {
        /// Log position.
        upto: Seq,
    },
    /// It failed; see the stage for what that means.
    AofFailed {
        /// At which step.
        stage: AofStage,
        /// Why.
        error: StorageError,
    },
    /// The AOF is closed; `clean` if its last sync went well.
    AofClosed {
        /// Whether everything appended is safe.
        clean: bool,
    },
    /// Something took the disk a millisecond or more: LATENCY's name for it.
    Took {
        /// The event.
        event: &'static str,
        /// How long, in microseconds.
        micros: u64,
    },
    /// One `SnapshotChunk` has been worked off, in the order in which they came: the asker's measure of how much is under way.
    SnapshotTaken {
        /// The job.
        id: JobId,
    },
    /// The next bytes of a streamed snapshot, head and checksum included.
    SnapshotBytes {
        /// The job.
        id: JobId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// It is complete; a file is safe under its name.
    SnapshotDone {
        /// The job.
        id: JobId,
        /// The RDB's length in bytes.
        bytes_total: u64,
        /// Lines for the log.
        log: Vec<String>,
    },
    /// It failed, and nothing of it is left but perhaps a temporary file.
    SnapshotFailed {
        /// The job.
        id: JobId,
        /// Why.
        error: StorageError,
    },
    /// The outcome of `WriteFile`.
    FileWritten {
        /// As in the request.
        id: JobId,
        /// How it went.
        result: Result<(), StorageError>,
    },
}
