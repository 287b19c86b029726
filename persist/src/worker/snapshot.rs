//! A snapshot on its way out: entries are encoded here, on the disk thread, and go to a file or back as bytes.
//!
//! Chunks wait in [`Job`] and are written by and by, a piece in one call of [`Job::write`]; a large value takes many.

use super::append::{self, AofFiles};
use crate::aof::{self, BaseForm, CommandWriter, write_all};
use crate::rdb::{self, Encoder, PIECE};
use crate::request::{DiskEvent, JobId, STREAM_AHEAD, SnapshotHead, SnapshotTarget};
use crate::storage::{ErrorKind, FileId, Storage, StorageError, directory_of};
use keyspace::{SnapshotChunk, SnapshotEntry};
use std::collections::VecDeque;

/// A file is synced each time so many bytes were written, so that the last sync is short (`rdb-save-incremental-fsync`).
const SYNC_EVERY: u64 = 4 << 20;

/// Entries that one call writes at most: the thread yields between two calls, and where cores are few whoever answers clients waits
/// no longer than for one.
const ENTRIES_PER_CALL: usize = 64;

enum Sink {
    Events,
    File { temp: String, file: FileId, unsynced: u64, syncing: bool, goal: Goal },
}

/// What becomes of a complete file.
enum Goal {
    /// It takes this name.
    Named(String),
    /// It is the base of the AOF that is open.
    AofBase,
    /// It is all there is of an AOF that is off.
    BaseAlone { directory: String, filename: String },
}

/// The form that entries take.
enum Writer {
    Rdb(Box<Encoder>),
    Commands(CommandWriter),
}

/// How far a large value was written.
enum Place {
    Rdb(rdb::Place),
    Commands(aof::Place),
}

impl Writer {
    fn new(head: &SnapshotHead, form: BaseForm) -> Self {
        if form == BaseForm::Commands {
            let mut commands = CommandWriter::noted(head.time_note);
            head.libraries.iter().for_each(|code| commands.function(code));
            return Writer::Commands(commands);
        }
        let mut encoder = Encoder::new(head.compress, head.checksum);
        encoder.set_access(head.access);
        encoder.set_sizes(head.databases.clone());
        for (name, value) in &head.aux {
            encoder.aux(name, value);
        }
        head.libraries.iter().for_each(|code| encoder.function(code));
        Writer::Rdb(Box::new(encoder))
    }

    /// Writes an entry, or a piece of it; where it goes on then.
    fn entry(&mut self, entry: &SnapshotEntry<'_>, from: Option<Place>) -> Option<Place> {
        let (key, value, expire) = (entry.key, entry.value, entry.expire);
        match (self, from) {
            (Writer::Rdb(encoder), Some(Place::Rdb(from))) => encoder.go_on(value, from).map(Place::Rdb),
            (Writer::Rdb(encoder), _) => {
                encoder.begin(entry.db, key, value, expire, entry.access).map(Place::Rdb)
            }
            (Writer::Commands(commands), Some(Place::Commands(from))) => {
                commands.go_on(key, value, expire, from).map(Place::Commands)
            }
            (Writer::Commands(commands), _) => {
                commands.begin_entry(entry.db, key, value, expire).map(Place::Commands)
            }
        }
    }

    fn finish(&mut self) {
        if let Writer::Rdb(encoder) = self {
            encoder.finish();
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Writer::Rdb(encoder) => encoder.take(),
            Writer::Commands(commands) => commands.take(),
        }
    }

    fn pending(&self) -> usize {
        match self {
            Writer::Rdb(encoder) => encoder.pending(),
            Writer::Commands(commands) => commands.pending(),
        }
    }

    fn total(&self) -> u64 {
        match self {
            Writer::Rdb(encoder) => encoder.total(),
            Writer::Commands(commands) => commands.total(),
        }
    }

    fn form(&self) -> BaseForm {
        match self {
            Writer::Rdb(_) => BaseForm::Rdb,
            Writer::Commands(_) => BaseForm::Commands,
        }
    }
}

/// One snapshot job.
pub(super) struct Job {
    id: JobId,
    writer: Writer,
    sink: Sink,
    /// What is still to be written; the first chunk from its entry `next` on, and that from `place` on.
    chunks: VecDeque<SnapshotChunk>,
    next: usize,
    place: Option<Place>,
    /// No more chunks will come.
    complete: bool,
    /// Bytes sent that nobody has acknowledged.
    ahead: usize,
    incremental_sync: bool,
}

impl Job {
    pub fn begin(
        storage: &mut dyn Storage,
        id: JobId,
        target: SnapshotTarget,
        head: &SnapshotHead,
        out: &mut Vec<DiskEvent>,
    ) -> Result<Self, StorageError> {
        let form = if matches!(target, SnapshotTarget::AofBase { .. }) { head.form } else { BaseForm::Rdb };
        let sink = match target {
            SnapshotTarget::Stream => Sink::Events,
            SnapshotTarget::File { temp, name } => Sink::open(storage, temp, Goal::Named(name))?,
            SnapshotTarget::AofBase { directory, alone: false, .. } => {
                Sink::open(storage, AofFiles::temp_base(&directory, id.0), Goal::AofBase)?
            }
            SnapshotTarget::AofBase { directory, filename, alone: true } => {
                storage.mkdir(&directory)?;
                storage.sync_dir("")?;
                let temp = AofFiles::temp_base(&directory, id.0);
                Sink::open(storage, temp, Goal::BaseAlone { directory, filename })?
            }
        };
        let mut job = Self {
            id,
            writer: Writer::new(head, form),
            sink,
            chunks: VecDeque::new(),
            next: 0,
            place: None,
            complete: false,
            ahead: 0,
            incremental_sync: head.incremental_sync,
        };
        // A stream's head leaves at once: the replica sees that something comes.
        if matches!(job.sink, Sink::Events) {
            job.flush(storage, out)?;
        }
        Ok(job)
    }

    pub fn id(&self) -> JobId {
        self.id
    }

    pub fn is_aof_base(&self) -> bool {
        matches!(self.sink, Sink::File { goal: Goal::AofBase, .. })
    }

    /// More entries.
    pub fn chunk(&mut self, chunk: SnapshotChunk) {
        self.chunks.push_back(chunk);
    }

    /// There are no more entries.
    pub fn no_more(&mut self) {
        self.complete = true;
    }

    /// Bytes of the stream have gone on.
    pub fn go_on(&mut self, bytes: usize) {
        self.ahead = self.ahead.saturating_sub(bytes);
    }

    /// Whether there is something to write, or all is written.
    pub fn has_work(&self) -> bool {
        let wants = self.is_written() || (!self.chunks.is_empty() && self.ahead < STREAM_AHEAD);
        wants && self.syncing().is_none()
    }

    /// Whether only the end is missing.
    pub fn is_written(&self) -> bool {
        self.complete && self.chunks.is_empty()
    }

    /// Writes some entries, up to the next full piece or the end of a chunk.
    pub fn write(&mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) -> Result<(), StorageError> {
        let Some(chunk) = self.chunks.front() else { return Ok(()) };
        let most = self.next + ENTRIES_PER_CALL;
        while self.writer.pending() < PIECE
            && self.next < most
            && let Some(entry) = chunk.get(self.next)
        {
            self.place = self.writer.entry(&entry, self.place.take());
            self.next += usize::from(self.place.is_none());
            // A long string may take a while before there is anything of it.
            if self.place.is_some() {
                break;
            }
        }
        let done = self.next == chunk.len();
        if done {
            self.chunks.pop_front();
            self.next = 0;
            out.push(DiskEvent::SnapshotTaken { id: self.id });
        }
        let all = done && matches!(self.sink, Sink::Events);
        if all || self.writer.pending() >= PIECE { self.flush(storage, out) } else { Ok(()) }
    }

    fn flush(&mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) -> Result<(), StorageError> {
        let bytes = self.writer.take();
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.sink {
            Sink::Events => {
                self.ahead += bytes.len();
                out.push(DiskEvent::SnapshotBytes { id: self.id, bytes });
            }
            Sink::File { file, unsynced, syncing, .. } => {
                write_all(storage, *file, &bytes)?;
                *unsynced += bytes.len() as u64;
                if self.incremental_sync && *unsynced >= SYNC_EVERY {
                    // Nothing more is written meanwhile: what is dirty stays little.
                    *syncing = storage.begin_sync(*file);
                    if !*syncing {
                        storage.sync(*file)?;
                    }
                    *unsynced = 0;
                }
            }
        }
        Ok(())
    }

    /// The file whose sync is waited for.
    pub fn syncing(&self) -> Option<FileId> {
        match &self.sink {
            Sink::File { file, syncing: true, .. } => Some(*file),
            _ => None,
        }
    }

    /// The sync of a file has ended; whether it was this job's.
    pub fn sync_ended(&mut self, ended: FileId) -> bool {
        match &mut self.sink {
            Sink::File { file, syncing, .. } if *file == ended => std::mem::take(syncing),
            _ => false,
        }
    }

    /// Completes it. On failure the job must be discarded.
    pub fn end(
        &mut self,
        storage: &mut dyn Storage,
        aof: Option<&mut AofFiles>,
        keep_history: bool,
        out: &mut Vec<DiskEvent>,
    ) -> Result<DiskEvent, StorageError> {
        self.writer.finish();
        let bytes_total = self.writer.total();
        self.flush(storage, out)?;
        let mut log = Vec::new();
        if let Sink::File { temp, file, goal, .. } = &self.sink {
            storage.sync(*file)?;
            storage.close(*file);
            let (named, began) = (matches!(goal, Goal::Named(_)), storage.micros());
            match (goal, aof) {
                (Goal::Named(name), _) => {
                    storage.rename(temp, name)?;
                    storage.sync_dir(directory_of(name))?;
                }
                (Goal::BaseAlone { directory, filename }, _) => {
                    let form = self.writer.form();
                    append::install_alone(storage, directory, filename, temp, form, keep_history, &mut log)?;
                }
                (Goal::AofBase, Some(aof)) => {
                    aof.await_sync(storage, out);
                    aof.install_base(storage, temp, self.writer.form(), bytes_total, &mut log)?;
                }
                (Goal::AofBase, None) => {
                    return Err(StorageError::new(ErrorKind::Other, "the append only file was closed"));
                }
            }
            let micros = storage.micros().saturating_sub(began);
            if !named && micros >= super::WORTH_TELLING_MICROS {
                out.push(DiskEvent::Took { event: "aof-rename", micros });
            }
        }
        Ok(DiskEvent::SnapshotDone { id: self.id, bytes_total, log })
    }

    /// Removes what there is of it.
    pub fn discard(self, storage: &mut dyn Storage) {
        if let Sink::File { temp, file, .. } = self.sink {
            storage.close(file);
            let _ = storage.remove(&temp);
        }
    }
}

impl Sink {
    fn open(storage: &mut dyn Storage, temp: String, goal: Goal) -> Result<Sink, StorageError> {
        let file = storage.create(&temp)?;
        Ok(Sink::File { temp, file, unsynced: 0, syncing: false, goal })
    }
}
