//! The multi-part AOF: a directory with a base file (an RDB, or commands), increment files (commands), and a manifest
//! that names them. Commands are RESP arrays of bulk strings; a line that begins with `#` between them is a note (a time, or Grapevine's
//! own: `position`).
//!
//! Names: `<appendfilename>.<seq>.base.rdb` (or `.base.aof`), `<appendfilename>.<seq>.incr.aof`, `<appendfilename>.manifest`.
//!
//! Invariant: the manifest on disk always names files whose replay gives a state that was true at some moment, and at
//! least everything that was synced. It is replaced by rename, after the files that it names are safe.
//!
//! It does not execute commands: the loader hands each one out.

use crate::storage::{ErrorKind, FileId, Storage, StorageError, directory_of};

mod commands;
mod load;
mod manifest;
mod position;
mod rewrite;

#[cfg(test)]
mod tests;

pub use commands::{CommandReader, ReadError};
pub(crate) use load::AofFiles;
pub use load::read_manifest;
pub use manifest::{FileInfo, FileType, Manifest, ManifestError};
pub use position::Note;
pub(crate) use rewrite::{CommandWriter, Place};

/// The manifest's name inside the directory.
pub fn manifest_name(filename: &str) -> String {
    format!("{filename}.manifest")
}

/// What a base file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BaseForm {
    /// An RDB (`aof-use-rdb-preamble yes`).
    #[default]
    Rdb,
    /// Commands.
    Commands,
}

/// A base file's name.
pub fn base_name(filename: &str, seq: u64, form: BaseForm) -> String {
    let suffix = match form {
        BaseForm::Rdb => "rdb",
        BaseForm::Commands => "aof",
    };
    format!("{filename}.{seq}.base.{suffix}")
}

/// An increment file's name.
pub fn incr_name(filename: &str, seq: u64) -> String {
    format!("{filename}.{seq}.incr.aof")
}

/// A name inside the directory.
pub fn path(directory: &str, name: &str) -> String {
    format!("{directory}/{name}")
}

/// Replaces the manifest on disk: written beside, synced, renamed, and the directory synced.
pub(crate) fn store_manifest(
    storage: &mut dyn Storage,
    directory: &str,
    filename: &str,
    manifest: &Manifest,
) -> Result<(), StorageError> {
    if manifest.is_too_long() {
        return Err(StorageError::new(
            ErrorKind::Other,
            "the names of the AOF's files are too long for its manifest",
        ));
    }
    let name = manifest_name(filename);
    let temp = path(directory, &format!("temp-{name}"));
    replace_file(storage, &temp, &path(directory, &name), manifest.print().as_bytes())
}

/// Gives a file new content at once or not at all.
pub(crate) fn replace_file(
    storage: &mut dyn Storage,
    temp: &str,
    name: &str,
    bytes: &[u8],
) -> Result<(), StorageError> {
    let file = storage.create(temp)?;
    let written = write_all(storage, file, bytes).and_then(|()| storage.sync(file));
    storage.close(file);
    written?;
    storage.rename(temp, name)?;
    storage.sync_dir(directory_of(name))
}

/// Writes everything; a storage that accepts nothing is full.
pub(crate) fn write_all(
    storage: &mut dyn Storage,
    file: FileId,
    mut bytes: &[u8],
) -> Result<(), StorageError> {
    while !bytes.is_empty() {
        match storage.write(file, bytes)? {
            0 => return Err(StorageError::new(ErrorKind::Full, "No space left on device")),
            n => bytes = &bytes[n.min(bytes.len())..],
        }
    }
    Ok(())
}
