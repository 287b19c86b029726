//! The open AOF: which files there are, what was written and what is safe.
//!
//! Writing: bytes that could not be written stay in `pending`, and the next attempt goes on at the exact byte, so that
//! nothing is ever appended twice. Syncing: after a failed sync the system may have dropped the pages and call the next
//! sync a success, so the file is `poisoned`: nothing of it is promised again until a new base has replaced it.
//!
//! Listing: nothing is promised of an increment file before the manifest on disk is known to name it. When replacing the
//! manifest fails, nobody knows which one a power loss would leave; so everything here is done such that both would
//! do: the new increment file is used at once, the old one is whole, and no number of a file is used twice.

use crate::aof::{self, BaseForm, FileInfo, Manifest};
use crate::load::LoadFailure;
use crate::rdb::Encoder;
use crate::request::{AofStage, DiskEvent, Seq};
use crate::storage::{ErrorKind, FileId, Storage, StorageError};

/// Bytes that wait for a disk that does not take them; past this the AOF is given up until a new base is written.
const PENDING_MAX: usize = 1 << 30;
/// The version that our files claim.
pub(super) const REDIS_VERSION: &[u8] = b"7.2.4";

/// Whether the manifest on disk names the open increment file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Listing {
    /// It does.
    Listed,
    /// It may or may not: storing it failed, and is tried again with each sync.
    Due,
    /// It must not before a new base is there.
    NeedsBase,
}

/// The open AOF.
pub(super) struct AofFiles {
    directory: String,
    filename: String,
    manifest: Manifest,
    file: FileId,
    incr: FileInfo,
    listing: Listing,
    poisoned: bool,
    /// The highest number that a base was ever given.
    base_seq: u64,
    /// Bytes of the base and of the increments before this one, and of this one.
    old_size: u64,
    incr_size: u64,
    pending: Vec<u8>,
    /// Records were dropped because too many waited; nothing after them may be written.
    overflowed: bool,
    /// A manifest that names an unlisted increment may have reached the disk.
    perhaps_listed: bool,
    /// `aof-disable-auto-gc`: what the manifest calls history stays.
    keep_history: bool,
    /// Log positions: given to us, written, safe, and last promised as safe.
    accepted: Seq,
    written: Seq,
    safe: Seq,
    promised: Seq,
    /// A sync of what was written up to here is under way.
    syncing: Option<Seq>,
}

/// The answer to requests that need an open AOF.
pub(super) fn not_open() -> DiskEvent {
    let error = StorageError::new(ErrorKind::Other, "the append only file is not open");
    DiskEvent::AofFailed { stage: AofStage::Open, error }
}

impl AofFiles {
    /// Opens after loading; makes the first files if there are none. Also returns lines for the log.
    pub fn open(
        storage: &mut dyn Storage,
        directory: String,
        filename: String,
        form: BaseForm,
        keep_history: bool,
    ) -> Result<(Self, Vec<String>), StorageError> {
        storage.mkdir(&directory)?;
        storage.sync_dir("")?;
        let mut manifest = load_manifest(storage, &directory, &filename)?;
        let mut log = Vec::new();
        if manifest.is_empty() {
            let name = aof::base_name(&filename, 1, form);
            write_empty_base(storage, &directory, &name, form)?;
            log.push(format!("Creating AOF base file {name} on server start"));
            manifest.base = Some(FileInfo { name, seq: 1 });
        }
        let incr = match manifest.incrs.last() {
            Some(incr) => {
                log.push(format!("Opening AOF incr file {} on server start", incr.name));
                incr.clone()
            }
            None => {
                let name = aof::incr_name(&filename, 1);
                log.push(format!("Creating AOF incr file {name} on server start"));
                let incr = FileInfo { name, seq: 1 };
                manifest.incrs.push(incr.clone());
                incr
            }
        };
        let path = aof::path(&directory, &incr.name);
        let file = storage.open_append(&path)?;
        storage.sync(file)?;
        storage.sync_dir(&directory)?;
        let incr_size = storage.len(&path)?;
        let mut files = Self::with(directory, filename, manifest, file, incr);
        files.listing = Listing::Listed;
        files.incr_size = incr_size;
        files.old_size = files.size_of_others(storage);
        files.store_manifest(storage)?;
        files.keep_history(storage, keep_history);
        Ok((files, log))
    }

    /// A new increment file for an AOF that is being switched on: listed only when its base is there.
    pub fn start_unlisted(
        storage: &mut dyn Storage,
        directory: &str,
        filename: &str,
    ) -> Result<Self, StorageError> {
        storage.mkdir(directory)?;
        storage.sync_dir("")?;
        let manifest = load_manifest(storage, directory, filename)?;
        let seq = manifest.next_incr_seq();
        let incr = FileInfo { name: aof::incr_name(filename, seq), seq };
        let file = storage.create(&aof::path(directory, &incr.name))?;
        Ok(Self::with(directory.to_string(), filename.to_string(), manifest, file, incr))
    }

    fn with(directory: String, filename: String, manifest: Manifest, file: FileId, incr: FileInfo) -> Self {
        let base_seq = manifest.base.as_ref().map_or(0, |base| base.seq);
        Self {
            directory,
            filename,
            manifest,
            file,
            incr,
            listing: Listing::NeedsBase,
            poisoned: false,
            base_seq,
            old_size: 0,
            incr_size: 0,
            pending: Vec::new(),
            overflowed: false,
            perhaps_listed: false,
            keep_history: true,
            accepted: 0,
            written: 0,
            safe: 0,
            promised: 0,
            syncing: None,
        }
    }

    /// Bytes in all files.
    pub fn size(&self) -> u64 {
        self.old_size + self.incr_size
    }

    /// Whether it is worth nothing without the base that is being written.
    pub fn needs_base(&self) -> bool {
        self.listing == Listing::NeedsBase
    }

    /// Takes records and writes what the disk takes.
    pub fn append(&mut self, storage: &mut dyn Storage, bytes: Vec<u8>, upto: Seq, out: &mut Vec<DiskEvent>) {
        self.accepted = upto;
        if self.pending.is_empty() && !self.overflowed {
            self.pending = bytes;
        } else if self.pending.len() + bytes.len() <= PENDING_MAX && !self.overflowed {
            self.pending.extend_from_slice(&bytes);
        } else {
            self.overflowed = true;
            self.poisoned = true;
        }
        self.write_pending(storage, out);
    }

    /// False if bytes are left.
    fn write_pending(&mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) -> bool {
        let mut done = 0;
        let mut failure = None;
        while done < self.pending.len() && failure.is_none() {
            match storage.write(self.file, &self.pending[done..]) {
                Ok(0) => failure = Some(StorageError::new(ErrorKind::Full, "No space left on device")),
                Ok(count) => done = (done + count).min(self.pending.len()),
                Err(error) => failure = Some(error),
            }
        }
        self.incr_size += done as u64;
        self.pending.drain(..done);
        match failure {
            Some(error) => {
                out.push(DiskEvent::AofFailed { stage: AofStage::Write, error });
                false
            }
            None => {
                self.pending = Vec::new();
                if self.written != self.accepted {
                    self.written = self.accepted;
                    out.push(DiskEvent::AofWritten { upto: self.written, size: self.size() });
                }
                true
            }
        }
    }

    /// Writes what is left and makes it safe.
    pub fn sync(&mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) {
        if !self.pending.is_empty() && !self.write_pending(storage, out) {
            return;
        }
        let outcome = storage.sync(self.file);
        self.syncing = None;
        self.synced(storage, self.written, outcome, out);
    }

    /// As [`AofFiles::sync`], while other things go on if the storage can.
    pub fn begin_sync(&mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) {
        if self.syncing.is_some() || (!self.pending.is_empty() && !self.write_pending(storage, out)) {
            return;
        }
        if storage.begin_sync(self.file) {
            self.syncing = Some(self.written);
        } else {
            self.sync(storage, out);
        }
    }

    /// Waits for a sync that is under way.
    pub fn await_sync(&mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) {
        if self.syncing.is_some() {
            self.sync(storage, out);
        }
    }

    /// The sync of `file` that was under way has ended; whether that was one of the AOF.
    pub fn sync_ended(
        &mut self,
        storage: &mut dyn Storage,
        file: FileId,
        outcome: &Result<(), StorageError>,
        out: &mut Vec<DiskEvent>,
    ) -> bool {
        if let Some(upto) = self.syncing.take_if(|_| file == self.file) {
            self.synced(storage, upto, outcome.clone(), out);
        }
        file == self.file
    }

    fn synced(
        &mut self,
        storage: &mut dyn Storage,
        upto: Seq,
        outcome: Result<(), StorageError>,
        out: &mut Vec<DiskEvent>,
    ) {
        if let Err(error) = outcome {
            self.poisoned = true;
            out.push(DiskEvent::AofFailed { stage: AofStage::Sync, error });
            return;
        }
        self.safe = self.safe.max(upto);
        if self.listing == Listing::Due {
            match self.store_manifest(storage) {
                Ok(()) => self.listing = Listing::Listed,
                Err(error) => out.push(DiskEvent::AofFailed { stage: AofStage::Write, error }),
            }
        }
        self.promise(out);
    }

    /// Says what is safe, if it may be said.
    pub fn promise(&mut self, out: &mut Vec<DiskEvent>) {
        if self.listing == Listing::Listed && !self.poisoned && self.promised != self.safe {
            self.promised = self.safe;
            out.push(DiskEvent::AofSynced { upto: self.safe });
        }
    }

    /// Begins the next increment file, because a new base is being written as of now.
    pub fn rotate(
        &mut self,
        storage: &mut dyn Storage,
        out: &mut Vec<DiskEvent>,
    ) -> Result<(), StorageError> {
        self.sync(storage, out);
        let whole = self.pending.is_empty() && self.listing != Listing::Due;
        if !whole && !self.poisoned {
            return Err(StorageError::new(ErrorKind::Full, "the append only file has unwritten bytes"));
        }
        let seq = self.manifest.next_incr_seq().max(self.incr.seq + 1);
        let incr = FileInfo { name: aof::incr_name(&self.filename, seq), seq };
        let file = storage.create(&aof::path(&self.directory, &incr.name))?;
        if let Err(error) = storage.sync_dir(&self.directory) {
            storage.close(file);
            return Err(error);
        }
        storage.close(self.file);
        self.file = file;
        self.incr = incr.clone();
        self.old_size += self.incr_size;
        self.incr_size = 0;
        self.pending = Vec::new();
        self.written = self.accepted;
        // After a failed sync the old files have a hole that the new one must not be replayed over.
        if self.poisoned || self.listing == Listing::NeedsBase {
            self.listing = Listing::NeedsBase;
            self.poisoned = false;
            self.overflowed = false;
            return Ok(());
        }
        self.manifest.incrs.push(incr);
        self.listing = Listing::Due;
        self.store_manifest(storage)?;
        self.listing = Listing::Listed;
        Ok(())
    }

    /// The new base is safe as `temp`: make it the base, this increment the only one, and remove the rest.
    pub fn install_base(
        &mut self,
        storage: &mut dyn Storage,
        temp: &str,
        form: BaseForm,
        base_size: u64,
        log: &mut Vec<String>,
    ) -> Result<(), StorageError> {
        if self.poisoned {
            return Err(StorageError::new(ErrorKind::Other, "the new increment file could not be made safe"));
        }
        if self.listing != Listing::Listed {
            // It must be whole before a manifest names it.
            storage.sync(self.file)?;
            self.safe = self.written;
        }
        self.base_seq = self.base_seq.max(self.manifest.next_base_seq() - 1) + 1;
        let seq = self.base_seq;
        let base = FileInfo { name: aof::base_name(&self.filename, seq, form), seq };
        storage.rename(temp, &aof::path(&self.directory, &base.name))?;
        storage.sync_dir(&self.directory)?;
        log.push(format!("Successfully renamed the temporary AOF base file {temp} into {}", base.name));
        let mut manifest = self.manifest.clone();
        // The newest first, as Redis lists them.
        let old = manifest.incrs.drain(..).filter(|incr| incr.name != self.incr.name).rev();
        let history = old.chain(manifest.base.take()).chain(manifest.history.drain(..)).collect();
        manifest.history = history;
        manifest.base = Some(base);
        manifest.incrs = vec![self.incr.clone()];
        self.perhaps_listed = true;
        aof::store_manifest(storage, &self.directory, &self.filename, &manifest)?;
        self.manifest = manifest;
        self.listing = Listing::Listed;
        self.old_size = base_size;
        self.remove_history(storage);
        Ok(())
    }

    /// Whether history stays; if not, what there is of it goes now.
    pub fn keep_history(&mut self, storage: &mut dyn Storage, keep: bool) {
        self.keep_history = keep;
        // What no manifest on disk names yet must not change one.
        if self.listing != Listing::NeedsBase {
            self.remove_history(storage);
        }
    }

    /// Removes what the manifest calls history, unless it is kept. A failure leaves it for the next start.
    fn remove_history(&mut self, storage: &mut dyn Storage) {
        if self.manifest.history.is_empty() || self.keep_history {
            return;
        }
        for file in std::mem::take(&mut self.manifest.history) {
            let path = aof::path(&self.directory, &file.name);
            if storage.remove(&path).is_err() && storage.exists(&path) {
                self.manifest.history.push(file);
            }
        }
        let _ = self.store_manifest(storage);
    }

    fn store_manifest(&self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        aof::store_manifest(storage, &self.directory, &self.filename, &self.manifest)
    }

    fn size_of_others(&self, storage: &mut dyn Storage) -> u64 {
        let others = self.manifest.files().filter(|(file, _)| file.name != self.incr.name);
        others.map(|(file, _)| storage.len(&aof::path(&self.directory, &file.name)).unwrap_or(0)).sum()
    }

    /// Syncs and closes; whether everything is safe.
    pub fn close(mut self, storage: &mut dyn Storage, out: &mut Vec<DiskEvent>) -> bool {
        self.sync(storage, out);
        storage.close(self.file);
        self.listing == Listing::Listed && !self.poisoned && self.safe == self.accepted
    }

    /// Closes and removes an increment file that needs a base and will not get it.
    pub fn discard(self, storage: &mut dyn Storage) {
        storage.close(self.file);
        if self.perhaps_listed {
            return;
        }
        let _ = storage.remove(&aof::path(&self.directory, &self.incr.name));
    }

    /// Where the base is written before it has its name.
    pub fn temp_base(directory: &str, id: u64) -> String {
        aof::path(directory, &format!("temp-rewriteaof-bg-{id}.aof"))
    }
}

/// The new base is safe as `temp`, and the AOF is off: the manifest names it alone, and what it named before goes, or
/// stays as history.
pub(super) fn install_alone(
    storage: &mut dyn Storage,
    directory: &str,
    filename: &str,
    temp: &str,
    form: BaseForm,
    keep_history: bool,
    log: &mut Vec<String>,
) -> Result<(), StorageError> {
    let mut manifest = load_manifest(storage, directory, filename)?;
    let seq = manifest.next_base_seq();
    let base = FileInfo { name: aof::base_name(filename, seq, form), seq };
    storage.rename(temp, &aof::path(directory, &base.name))?;
    storage.sync_dir(directory)?;
    log.push(format!("Successfully renamed the temporary AOF base file {temp} into {}", base.name));
    manifest.history.extend(manifest.base.replace(base));
    manifest.history.append(&mut manifest.incrs);
    aof::store_manifest(storage, directory, filename, &manifest)?;
    if keep_history {
        return Ok(());
    }
    manifest.history.retain(|file| {
        let path = aof::path(directory, &file.name);
        storage.remove(&path).is_err() && storage.exists(&path)
    });
    aof::store_manifest(storage, directory, filename, &manifest)
}

fn load_manifest(
    storage: &mut dyn Storage,
    directory: &str,
    filename: &str,
) -> Result<Manifest, StorageError> {
    aof::read_manifest(storage, directory, filename).map_err(|failure| match failure {
        LoadFailure::Missing => StorageError::new(ErrorKind::NotFound, "no manifest"),
        LoadFailure::Broken(text) => StorageError::new(ErrorKind::Other, text),
    })
}

fn write_empty_base(
    storage: &mut dyn Storage,
    directory: &str,
    name: &str,
    form: BaseForm,
) -> Result<(), StorageError> {
    let bytes = match form {
        BaseForm::Commands => Vec::new(),
        BaseForm::Rdb => {
            let mut encoder = Encoder::new(false, true);
            encoder.aux("redis-ver", REDIS_VERSION);
            encoder.aux("redis-bits", b"64");
            encoder.aux("aof-base", b"1");
            encoder.finish();
            encoder.take()
        }
    };
    let temp = aof::path(directory, &format!("temp-{name}"));
    aof::replace_file(storage, &temp, &aof::path(directory, name), &bytes)
}
