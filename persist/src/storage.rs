//! The few things that are asked of a file system, so that tests and the simulator can stand in for it.
//!
//! Names are relative to the server's `dir`, with `/` between a directory and a file in it; a name that begins with `/` is
//! taken as it is (the configuration file). No method changes the current directory.
//!
//! The contract that crash safety rests on: bytes written are safe after [`Storage::sync`] of their file; a name made by
//! `create`, `rename` or removed by `remove` is safe after [`Storage::sync_dir`] of its directory.

use std::fmt;

/// An open file, named by the storage that opened it; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u64);

/// What kind of failure it was, as far as anyone acts on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// No such file or directory.
    NotFound,
    /// It exists already.
    Exists,
    /// No space, or a quota.
    Full,
    /// Anything else.
    Other,
}

/// A failed operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The system's words, such as "No space left on device".
    pub text: String,
}

impl StorageError {
    /// An error of `kind` in these words.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StorageError {}

/// A directory of files.
pub trait Storage {
    /// Reads at most `into.len()` bytes at `offset`; 0 at or past the end. Fewer than asked for is not the end.
    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError>;
    /// The whole file. For small ones only: manifests, configuration.
    fn read(&mut self, name: &str) -> Result<Vec<u8>, StorageError> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match self.read_at(name, bytes.len() as u64, &mut piece)? {
                0 => return Ok(bytes),
                n => bytes.extend_from_slice(&piece[..n]),
            }
        }
    }
    /// Opens for appending, created if missing (mode 0644).
    fn open_append(&mut self, name: &str) -> Result<FileId, StorageError>;
    /// Opens an empty file for appending; what was there is gone (mode 0644).
    fn create(&mut self, name: &str) -> Result<FileId, StorageError>;
    /// Appends; may write fewer bytes than given, and says how many.
    fn write(&mut self, file: FileId, bytes: &[u8]) -> Result<usize, StorageError>;
    /// Makes everything written so far safe (fdatasync).
    fn sync(&mut self, file: FileId) -> Result<(), StorageError>;
    /// Begins to sync an open file while other things go on, if this storage can and is not at it already; whether it
    /// does. Whoever owns the storage hands the outcome to [`crate::Worker::sync_ended`], unless [`Storage::sync`] has waited
    /// for it and told it.
    fn begin_sync(&mut self, file: FileId) -> bool {
        let _ = file;
        false
    }
    /// Closes. Never fails as far as anyone can act on it.
    fn close(&mut self, file: FileId);
    /// Renames over whatever has the new name.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> Result<(), StorageError>;
    /// Cuts a file to `len` bytes.
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), StorageError>;
    /// Names of the files in a directory (`""` for `dir` itself), without the directory, in ascending order.
    fn list(&mut self, directory: &str) -> Result<Vec<String>, StorageError>;
    /// Makes a directory (mode 0755); fine if it is there.
    fn mkdir(&mut self, directory: &str) -> Result<(), StorageError>;
    /// Makes the names in a directory safe (`""` for `dir` itself).
    fn sync_dir(&mut self, directory: &str) -> Result<(), StorageError>;
    /// Whether a file or directory of this name is there.
    fn exists(&mut self, name: &str) -> bool {
        self.len(name).is_ok()
    }
    /// Microseconds on a clock with any origin, for "loaded in ... seconds" and nothing else; 0 where there is none.
    fn micros(&mut self) -> u64 {
        0
    }
    /// A file's length in bytes; for a directory any number.
    fn len(&mut self, name: &str) -> Result<u64, StorageError>;
}

/// The directory part of a name, `""` if it has none.
pub fn directory_of(name: &str) -> &str {
    name.rfind('/').map_or("", |at| &name[..at])
}
