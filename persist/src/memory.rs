//! [`MemStorage`]: a directory in memory that can fail, and that can lose power.
//!
//! Model of a power loss ([`MemStorage::crash`]): a file keeps what was synced and any prefix of what was appended since;
//! names keep what was synced with their directory and any prefix of what was done since (an ordered journal). Which
//! prefixes follows from the seed. `truncate` and `mkdir` are safe at once.
//!
//! Faults are set for the n-th operation that changes something ([`MemStorage::fail_at`]); a write that fails may have
//! written a part, as real ones do.

use crate::storage::{ErrorKind, FileId, Storage, StorageError, directory_of};
use base::Prng;
use std::collections::{BTreeMap, BTreeSet};

/// What happens at the chosen operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It fails with "No space left on device"; later ones work again.
    Once,
    /// It and every later one fails until [`MemStorage::heal`].
    Until,
    /// The machine stops: it and every later one fails until [`MemStorage::crash`].
    Stop,
}

#[derive(Clone, Default)]
struct Inode {
    data: Vec<u8>,
    synced: usize,
}

#[derive(Clone)]
enum NameChange {
    Set(String, u64),
    Rename(String, String),
    Remove(String),
}

/// Files in memory.
#[derive(Clone)]
pub struct MemStorage {
    prng: Prng,
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    safe_names: BTreeMap<String, u64>,
    journal: Vec<NameChange>,
    directories: BTreeSet<String>,
    open: BTreeMap<FileId, u64>,
    next: u64,
    operations: u64,
    fault: Option<(u64, Failure)>,
    stopped: bool,
    /// Syncs that were begun and that [`MemStorage::end_sync`] has not ended; `None` while they are done at once.
    late: Option<BTreeSet<FileId>>,
}

impl MemStorage {
    /// An empty directory; `seed` decides what a power loss tears.
    pub fn new(seed: u64) -> Self {
        Self {
            prng: Prng::new(seed),
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            journal: Vec::new(),
            directories: BTreeSet::from([String::new()]),
            open: BTreeMap::new(),
            next: 1,
            operations: 0,
            fault: None,
            stopped: false,
            late: None,
        }
    }

    /// Operations so far that changed, or would have changed, something.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Lets the operation number `at` (as [`MemStorage::operations`] counts; the next one is that number) fail.
    pub fn fail_at(&mut self, at: u64, failure: Failure) {
        self.fault = Some((at, failure));
    }

    /// From here on a sync that may be late is, until it is ended.
    pub fn let_syncs_wait(&mut self) {
        self.late = Some(BTreeSet::new());
    }

    /// Ends the oldest file's late sync: which one, and how it went. What was written meanwhile is safe, too.
    pub fn end_sync(&mut self) -> Option<(FileId, Result<(), StorageError>)> {
        let file = self.late.as_mut()?.pop_first()?;
        Some((file, self.sync(file)))
    }

    /// No more faults.
    pub fn heal(&mut self) {
        self.fault = None;
        self.stopped = false;
    }

    /// The power goes and comes back: open files are closed, and what was not synced is torn.
    pub fn crash(&mut self) {
        self.heal();
        self.open.clear();
        let kept = self.prng.below(self.journal.len() as u64 + 1) as usize;
        let journal = std::mem::take(&mut self.journal);
        for change in &journal[..kept] {
            apply(&mut self.safe_names, change);
        }
        self.names = self.safe_names.clone();
        for inode in self.inodes.values_mut() {
            let loose = inode.data.len().saturating_sub(inode.synced) as u64;
            let kept = inode.synced + self.prng.below(loose + 1) as usize;
            inode.data.truncate(kept);
            inode.synced = inode.data.len();
        }
        let live: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|id, _| live.contains(id));
    }

    /// Puts a file there, safe at once. For tests that begin with files.
    pub fn put(&mut self, name: &str, bytes: &[u8]) {
        let id = self.fresh();
        self.inodes.insert(id, Inode { data: bytes.to_vec(), synced: bytes.len() });
        self.names.insert(name.to_string(), id);
        self.safe_names.insert(name.to_string(), id);
        self.directories.insert(directory_of(name).to_string());
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Counts a changing operation, and fails it if its time has come.
    fn step(&mut self) -> Result<(), StorageError> {
        let number = self.operations;
        self.operations += 1;
        if let Some((at, failure)) = self.fault
            && number >= at
        {
            // The operation at which the machine stops may still have done a part; later ones do nothing.
            self.stopped = failure == Failure::Stop && number > at;
            if failure == Failure::Once {
                self.fault = None;
            }
            return Err(StorageError::new(ErrorKind::Full, "No space left on device"));
        }
        Ok(())
    }

    fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.journal.push(change);
    }

    fn inode(&self, name: &str) -> Result<u64, StorageError> {
        self.names.get(name).copied().ok_or_else(not_found)
    }

    fn open_inode(&mut self, id: u64) -> FileId {
        let file = FileId(self.fresh());
        self.open.insert(file, id);
        file
    }

    fn opened(&mut self, file: FileId) -> Result<&mut Inode, StorageError> {
        let id = self.open.get(&file).ok_or_else(|| other("Bad file descriptor"))?;
        self.inodes.get_mut(id).ok_or_else(|| other("Bad file descriptor"))
    }

    fn need_directory(&self, name: &str) -> Result<(), StorageError> {
        if self.directories.contains(directory_of(name)) { Ok(()) } else { Err(not_found()) }
    }
}

fn apply(names: &mut BTreeMap<String, u64>, change: &NameChange) {
    match change {
        NameChange::Set(name, id) => {
            names.insert(name.clone(), *id);
        }
        NameChange::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
        NameChange::Remove(name) => {
            names.remove(name);
        }
    }
}

fn not_found() -> StorageError {
    StorageError::new(ErrorKind::NotFound, "No such file or directory")
}

fn other(text: &str) -> StorageError {
    StorageError::new(ErrorKind::Other, text)
}

impl Storage for MemStorage {
    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError> {
        let data = &self.inodes.get(&self.inode(name)?).ok_or_else(not_found)?.data;
        let rest = usize::try_from(offset).ok().and_then(|at| data.get(at..)).unwrap_or(&[]);
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn open_append(&mut self, name: &str) -> Result<FileId, StorageError> {
        match self.names.get(name) {
            Some(&id) => Ok(self.open_inode(id)),
            None => self.create(name),
        }
    }

    fn create(&mut self, name: &str) -> Result<FileId, StorageError> {
        self.step()?;
        self.need_directory(name)?;
        let id = self.fresh();
        self.inodes.insert(id, Inode::default());
        self.change(NameChange::Set(name.to_string(), id));
        Ok(self.open_inode(id))
    }

    fn write(&mut self, file: FileId, bytes: &[u8]) -> Result<usize, StorageError> {
        let part = match self.step() {
            Ok(()) => bytes.len(),
            Err(error) if self.stopped => return Err(error),
            // Half of the failing writes get something out before they fail: the caller sees a short count first.
            Err(error) => match self.prng.below(2 * bytes.len() as u64 + 1) as usize {
                part if part < bytes.len() && part > 0 => part,
                _ => return Err(error),
            },
        };
        self.opened(file)?.data.extend_from_slice(&bytes[..part]);
        Ok(part)
    }

    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        self.step()?;
        let inode = self.opened(file)?;
        inode.synced = inode.data.len();
        Ok(())
    }

    fn begin_sync(&mut self, file: FileId) -> bool {
        self.late.as_mut().is_some_and(|late| late.insert(file))
    }

    fn close(&mut self, file: FileId) {
        self.open.remove(&file);
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.step()?;
        self.inode(from)?;
        self.need_directory(to)?;
        self.change(NameChange::Rename(from.to_string(), to.to_string()));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        self.step()?;
        self.inode(name)?;
        self.change(NameChange::Remove(name.to_string()));
        Ok(())
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), StorageError> {
        self.step()?;
        let id = self.inode(name)?;
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.data.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            inode.synced = inode.synced.min(inode.data.len());
        }
        Ok(())
    }

    fn list(&mut self, directory: &str) -> Result<Vec<String>, StorageError> {
        let inside = self.names.keys().filter(|name| directory_of(name) == directory);
        Ok(inside.map(|name| name.rsplit('/').next().unwrap_or(name).to_string()).collect())
    }

    fn mkdir(&mut self, directory: &str) -> Result<(), StorageError> {
        self.step()?;
        self.directories.insert(directory.to_string());
        Ok(())
    }

    fn sync_dir(&mut self, directory: &str) -> Result<(), StorageError> {
        self.step()?;
        let journal = std::mem::take(&mut self.journal);
        for change in journal {
            let name = match &change {
                NameChange::Set(name, _) | NameChange::Remove(name) | NameChange::Rename(_, name) => name,
            };
            if directory_of(name) == directory {
                apply(&mut self.safe_names, &change);
            } else {
                self.journal.push(change);
            }
        }
        Ok(())
    }

    fn len(&mut self, name: &str) -> Result<u64, StorageError> {
        if self.directories.contains(name) && !name.is_empty() {
            return Ok(0);
        }
        let id = self.inode(name)?;
        Ok(self.inodes.get(&id).map_or(0, |inode| inode.data.len() as u64))
    }
}
