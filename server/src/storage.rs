//! [`persist::Storage`] over the real file system, below the server's `dir`.
//!
//! The current directory of the process is `dir` (start-up and CONFIG SET see to that), but names are resolved against
//! the folder given here, so that nothing depends on it.
//!
//! Bounds: one file is kept open for reading, besides those that the worker opens for writing.

use crate::syncer::Syncer;
use persist::{ErrorKind, FileId, Storage, StorageError};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A folder of the file system.
#[derive(Debug)]
pub struct DiskStorage {
    root: PathBuf,
    open: BTreeMap<u64, File>,
    next: u64,
    reader: Option<(String, File)>,
    syncer: Option<Syncer>,
}

impl DiskStorage {
    /// Files below `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), open: BTreeMap::new(), next: 1, reader: None, syncer: None }
    }

    /// As [`DiskStorage::new`]; files can be synced beside what else is done with them.
    pub fn with_syncer(root: &Path, syncer: Syncer) -> Self {
        Self { syncer: Some(syncer), ..Self::new(root) }
    }

    /// How the sync of `file` that was under way ended; `None` if that was told already.
    pub fn take_outcome(&mut self, file: FileId) -> Option<Result<(), StorageError>> {
        let outcome = self.syncer.as_mut()?.wait(file)?;
        Some(outcome.map_err(failure))
    }

    /// Names mean files below `root` from here on; what is open stays open.
    pub fn change_root(&mut self, root: &Path) {
        self.root = root.to_path_buf();
        self.reader = None;
    }

    fn path(&self, name: &str) -> PathBuf {
        // `join` takes an absolute name as it is.
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }

    fn keep(&mut self, file: File) -> FileId {
        let id = self.next;
        self.next += 1;
        self.open.insert(id, file);
        FileId(id)
    }

    fn file(&self, id: FileId) -> Result<&File, StorageError> {
        self.open.get(&id.0).ok_or_else(|| StorageError::new(ErrorKind::Other, "Bad file descriptor"))
    }

    fn reader(&mut self, name: &str) -> Result<&File, StorageError> {
        if self.reader.as_ref().is_none_or(|(open, _)| open != name) {
            let file = File::open(self.path(name)).map_err(failure)?;
            self.reader = Some((name.to_string(), file));
        }
        match &self.reader {
            Some((_, file)) => Ok(file),
            None => Err(StorageError::new(ErrorKind::Other, "Bad file descriptor")),
        }
    }
}

impl Storage for DiskStorage {
    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError> {
        let count = self.reader(name)?.read_at(into, offset).map_err(failure)?;
        if count == 0 {
            self.reader = None;
        }
        Ok(count)
    }

    fn open_append(&mut self, name: &str) -> Result<FileId, StorageError> {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name)).map_err(failure)?;
        Ok(self.keep(file))
    }

    fn create(&mut self, name: &str) -> Result<FileId, StorageError> {
        self.reader = None;
        let path = self.path(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(failure)?;
        Ok(self.keep(file))
    }

    fn write(&mut self, file: FileId, bytes: &[u8]) -> Result<usize, StorageError> {
        loop {
            match self.file(file).map(|mut file| file.write(bytes))? {
                Ok(0) if !bytes.is_empty() => {
                    return Err(StorageError::new(ErrorKind::Full, "No space left on device"));
                }
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(error)),
            }
        }
    }

    fn sync(&mut self, file: FileId) -> Result<(), StorageError> {
        // The system tells a failure once: if it told the other thread, it must not be missed here.
        self.take_outcome(file).unwrap_or(Ok(()))?;
        self.file(file)?.sync_data().map_err(failure)
    }

    fn begin_sync(&mut self, file: FileId) -> bool {
        let Some(copy) = self.file(file).ok().and_then(|file| file.try_clone().ok()) else { return false };
        self.syncer.as_mut().is_some_and(|syncer| syncer.begin(file, copy))
    }

    fn close(&mut self, file: FileId) {
        self.take_outcome(file);
        self.open.remove(&file.0);
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.reader = None;
        std::fs::rename(self.path(from), self.path(to)).map_err(failure)
    }

    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        self.reader = None;
        std::fs::remove_file(self.path(name)).map_err(failure)
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), StorageError> {
        self.reader = None;
        let file = OpenOptions::new().write(true).open(self.path(name)).map_err(failure)?;
        file.set_len(len).map_err(failure)
    }

    fn list(&mut self, directory: &str) -> Result<Vec<String>, StorageError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.path(directory)).map_err(failure)? {
            names.push(entry.map_err(failure)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn mkdir(&mut self, directory: &str) -> Result<(), StorageError> {
        let path = self.path(directory);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made.map_err(failure),
        }
    }

    fn sync_dir(&mut self, directory: &str) -> Result<(), StorageError> {
        File::open(self.path(directory)).and_then(|folder| folder.sync_all()).map_err(failure)
    }

    fn micros(&mut self) -> u64 {
        runtime::Clock.mono_micros()
    }

    fn len(&mut self, name: &str) -> Result<u64, StorageError> {
        std::fs::metadata(self.path(name)).map(|data| data.len()).map_err(failure)
    }
}

fn failure(error: io::Error) -> StorageError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::Exists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        _ => ErrorKind::Other,
    };
    StorageError::new(kind, runtime::process::reason(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(name: &str) -> (DiskStorage, PathBuf) {
        let root = std::env::temp_dir().join(format!("grapevine-storage-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        (DiskStorage::new(&root), root)
    }

    #[test]
    fn files_are_written_appended_cut_and_read() {
        let (mut disk, root) = storage("files");
        let file = disk.create("a").unwrap();
        assert_eq!(disk.write(file, b"hello").unwrap(), 5);
        disk.sync(file).unwrap();
        disk.close(file);
        assert!(disk.write(file, b"x").is_err(), "a closed file is not written");
        let file = disk.open_append("a").unwrap();
        disk.write(file, b" world").unwrap();
        assert_eq!(disk.read("a").unwrap(), b"hello world");
        disk.truncate("a", 5).unwrap();
        assert_eq!((disk.len("a").unwrap(), disk.read("a").unwrap()), (5, b"hello".to_vec()));
        let mut two = [0; 2];
        assert_eq!((disk.read_at("a", 3, &mut two).unwrap(), &two), (2, b"lo"));
        assert_eq!(disk.read_at("a", 99, &mut two).unwrap(), 0);
        disk.write(file, b"!").unwrap();
        assert_eq!(disk.read("a").unwrap(), b"hello!", "appending goes to the end after a cut");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn names_are_renamed_listed_and_removed() {
        let (mut disk, root) = storage("names");
        disk.mkdir("d").unwrap();
        disk.mkdir("d").unwrap();
        for name in ["d/b", "d/a"] {
            let file = disk.create(name).unwrap();
            disk.close(file);
        }
        disk.rename("d/b", "d/c").unwrap();
        disk.sync_dir("d").unwrap();
        disk.sync_dir("").unwrap();
        assert_eq!(disk.list("d").unwrap(), ["a", "c"]);
        disk.remove("d/a").unwrap();
        assert!(!disk.exists("d/a") && disk.exists("d/c"));
        assert_eq!(disk.remove("d/a").unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(disk.read("none").unwrap_err().to_string(), "No such file or directory");
        assert!(disk.mkdir("d/c").is_err(), "a file is in the way");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_file_that_was_replaced_is_read_anew() {
        let (mut disk, root) = storage("replaced");
        for text in [b"one", b"two"] {
            let file = disk.create("temp").unwrap();
            disk.write(file, text).unwrap();
            disk.close(file);
            disk.rename("temp", "name").unwrap();
            let mut piece = [0; 3];
            disk.read_at("name", 0, &mut piece).unwrap();
            assert_eq!(&piece, text);
        }
        std::fs::remove_dir_all(root).unwrap();
    }
}
