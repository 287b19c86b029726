//! [`Worker`]: what the disk thread does, as a machine. The server runs it on a thread of its own; the simulator calls it
//! in line, over a storage that crashes.
//!
//! It blocks in [`Storage`] and nowhere else. Requests are worked off in order; consecutive appends under `always` share
//! one sync when they come together in [`Worker::take`] (group commit).
//!
//! A snapshot's entries alone wait: [`Worker::work`] writes a piece of them, so that appends need not wait for a
//! value of a gigabyte, and a stream does not run ahead of those who read it.

mod append;
mod snapshot;

#[cfg(test)]
mod tests;

use crate::aof::{self, BaseForm};
use crate::request::{DiskEvent, DiskRequest, JobId, SnapshotTarget, SyncPolicy};
use crate::storage::{ErrorKind, FileId, Storage, StorageError};
use append::AofFiles;
use snapshot::Job;

/// What takes less is not told, in microseconds: LATENCY counts milliseconds.
const WORTH_TELLING_MICROS: u64 = 1000;

/// The disk thread's machine.
pub struct Worker<S: Storage> {
    storage: S,
    aof: Option<AofFiles>,
    job: Option<Job>,
    /// An append under `always` waits for the end of its group.
    sync_due: bool,
    /// `aof-disable-auto-gc`.
    keep_history: bool,
}

impl<S: Storage> Worker<S> {
    /// A worker with nothing open.
    pub fn new(storage: S) -> Self {
        Self { storage, aof: None, job: None, sync_due: false, keep_history: false }
    }

    /// The storage, for whoever owns both (loading at start; tests).
    pub fn storage(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Ends the worker without closing anything, as a crash would.
    pub fn into_storage(self) -> S {
        self.storage
    }

    /// Works off one request and all the work there is; what came of it is pushed to `out`.
    pub fn handle(&mut self, request: DiskRequest, out: &mut Vec<DiskEvent>) {
        self.handle_all([request], out);
    }

    /// Works off several requests that wait together, and all the work there is.
    pub fn handle_all(&mut self, requests: impl IntoIterator<Item = DiskRequest>, out: &mut Vec<DiskEvent>) {
        self.take(requests, out);
        self.work_all(out);
    }

    /// Works off requests that wait together, but for the entries of a snapshot.
    pub fn take(&mut self, requests: impl IntoIterator<Item = DiskRequest>, out: &mut Vec<DiskEvent>) {
        for request in requests {
            self.step(request, out);
        }
        self.settle(out);
    }

    /// Whether [`Worker::work`] would do something.
    pub fn has_work(&self) -> bool {
        self.job.as_ref().is_some_and(Job::has_work)
    }

    /// Writes the next piece of the snapshot, or ends it.
    pub fn work(&mut self, out: &mut Vec<DiskEvent>) {
        let Some(job) = self.job.as_mut().filter(|job| job.has_work()) else { return };
        if job.is_written() {
            self.end_snapshot(out);
        } else if let Err(error) = job.write(&mut self.storage, out) {
            self.fail_snapshot(error, out);
        }
    }

    /// A sync that [`Storage::begin_sync`] began has ended.
    pub fn sync_ended(&mut self, file: FileId, outcome: Result<(), StorageError>, out: &mut Vec<DiskEvent>) {
        let of_aof =
            self.aof.as_mut().is_some_and(|aof| aof.sync_ended(&mut self.storage, file, &outcome, out));
        if !of_aof
            && self.job.as_mut().is_some_and(|job| job.sync_ended(file))
            && let Err(error) = outcome
        {
            self.fail_snapshot(error, out);
        }
    }

    /// Works until nothing of a snapshot waits, for a sync that is under way either.
    pub fn work_all(&mut self, out: &mut Vec<DiskEvent>) {
        loop {
            while self.has_work() {
                self.work(out);
            }
            let Some(file) = self.job.as_ref().and_then(Job::syncing) else { return };
            let outcome = self.storage.sync(file);
            self.sync_ended(file, outcome, out);
        }
    }

    /// The sync that a group of appends shares.
    fn settle(&mut self, out: &mut Vec<DiskEvent>) {
        if std::mem::take(&mut self.sync_due)
            && let Some(aof) = &mut self.aof
        {
            let began = self.storage.micros();
            aof.sync(&mut self.storage, out);
            self.took("aof-fsync-always", began, out);
        }
    }

    /// Says that something took long, if it did.
    fn took(&mut self, event: &'static str, began: u64, out: &mut Vec<DiskEvent>) {
        let micros = self.storage.micros().saturating_sub(began);
        if micros >= WORTH_TELLING_MICROS {
            out.push(DiskEvent::Took { event, micros });
        }
    }

    fn append(&mut self, bytes: Vec<u8>, upto: crate::Seq, policy: SyncPolicy, out: &mut Vec<DiskEvent>) {
        let Some(aof) = &mut self.aof else { return out.push(append::not_open()) };
        let began = self.storage.micros();
        aof.append(&mut self.storage, bytes, upto, out);
        self.sync_due |= policy == SyncPolicy::Always;
        let alone = self.job.is_none();
        self.took("aof-write", began, out);
        self.took(if alone { "aof-write-alone" } else { "aof-write-active-child" }, began, out);
    }

    fn step(&mut self, request: DiskRequest, out: &mut Vec<DiskEvent>) {
        if !matches!(request, DiskRequest::AofAppend { .. }) {
            self.settle(out);
        }
        match request {
            DiskRequest::AofOpen { directory, filename, form } => {
                self.open_aof(directory, filename, form, out);
            }
            DiskRequest::AofAppend { bytes, upto, policy } => self.append(bytes, upto, policy, out),
            DiskRequest::AofSync => match &mut self.aof {
                Some(aof) => aof.begin_sync(&mut self.storage, out),
                None => out.push(append::not_open()),
            },
            DiskRequest::AofClose => {
                let clean = self.aof.take().is_none_or(|aof| aof.close(&mut self.storage, out));
                out.push(DiskEvent::AofClosed { clean });
            }
            DiskRequest::AofKeepHistory { keep } => {
                self.keep_history = keep;
                if let Some(aof) = &mut self.aof {
                    aof.keep_history(&mut self.storage, keep);
                }
            }
            DiskRequest::SnapshotBegin { id, target, head } => {
                if let Err(error) = self.begin_snapshot(id, target, &head, out) {
                    out.push(DiskEvent::SnapshotFailed { id, error });
                }
            }
            DiskRequest::SnapshotChunk { id, chunk } => {
                if let Some(job) = self.job_of(id) {
                    job.chunk(chunk);
                }
            }
            DiskRequest::SnapshotGoOn { id, bytes } => {
                if let Some(job) = self.job_of(id) {
                    job.go_on(bytes);
                }
            }
            DiskRequest::SnapshotEnd { id } => {
                if let Some(job) = self.job_of(id) {
                    job.no_more();
                }
            }
            DiskRequest::SnapshotAbort { id } => {
                if self.job_of(id).is_some() {
                    let began = self.storage.micros();
                    self.drop_snapshot();
                    self.took("rdb-unlink-temp-file", began, out);
                }
            }
            DiskRequest::WriteFile { id, name, bytes } => {
                let temp = format!("{name}.tmp");
                let result = aof::replace_file(&mut self.storage, &temp, &name, &bytes);
                out.push(DiskEvent::FileWritten { id, result });
            }
            DiskRequest::Remove { name } => {
                // A missing file is what was asked for; any other failure leaves a file that the next start overwrites.
                let _ = self.storage.remove(&name);
            }
        }
    }

    fn job_of(&mut self, id: JobId) -> Option<&mut Job> {
        self.job.as_mut().filter(|job| job.id() == id)
    }

    fn open_aof(&mut self, directory: String, filename: String, form: BaseForm, out: &mut Vec<DiskEvent>) {
        match AofFiles::open(&mut self.storage, directory, filename, form, self.keep_history) {
            Ok((aof, log)) => {
                out.push(DiskEvent::AofOpened { log, size: aof.size() });
                self.aof = Some(aof);
            }
            Err(error) => {
                out.push(DiskEvent::AofFailed { stage: crate::AofStage::Open, error });
            }
        }
    }

    fn begin_snapshot(
        &mut self,
        id: JobId,
        target: SnapshotTarget,
        head: &crate::SnapshotHead,
        out: &mut Vec<DiskEvent>,
    ) -> Result<(), StorageError> {
        if self.job.is_some() {
            return Err(StorageError::new(ErrorKind::Other, "another snapshot is running"));
        }
        if let SnapshotTarget::AofBase { directory, filename, alone: false } = &target {
            match &mut self.aof {
                Some(aof) => aof.rotate(&mut self.storage, out)?,
                None => {
                    let mut aof = AofFiles::start_unlisted(&mut self.storage, directory, filename)?;
                    aof.keep_history(&mut self.storage, self.keep_history);
                    self.aof = Some(aof);
                }
            }
        }
        match Job::begin(&mut self.storage, id, target, head, out) {
            Ok(job) => self.job = Some(job),
            Err(error) => {
                self.forget_unlisted();
                return Err(error);
            }
        }
        Ok(())
    }

    fn end_snapshot(&mut self, out: &mut Vec<DiskEvent>) {
        let Some(mut job) = self.job.take() else { return };
        match job.end(&mut self.storage, self.aof.as_mut(), self.keep_history, out) {
            Ok(done) => {
                out.push(done);
                if let Some(aof) = &mut self.aof {
                    aof.promise(out);
                }
            }
            Err(error) => {
                self.job = Some(job);
                self.fail_snapshot(error, out);
            }
        }
    }

    fn fail_snapshot(&mut self, error: StorageError, out: &mut Vec<DiskEvent>) {
        if let Some(id) = self.job.as_ref().map(Job::id) {
            self.drop_snapshot();
            out.push(DiskEvent::SnapshotFailed { id, error });
        }
    }

    fn drop_snapshot(&mut self) {
        if let Some(job) = self.job.take() {
            let for_aof = job.is_aof_base();
            job.discard(&mut self.storage);
            if for_aof {
                self.forget_unlisted();
            }
        }
    }

    /// An increment file that no manifest names is worth nothing without the base that it was begun for.
    fn forget_unlisted(&mut self) {
        if let Some(aof) = self.aof.take_if(|aof| aof.needs_base()) {
            aof.discard(&mut self.storage);
        }
    }
}
