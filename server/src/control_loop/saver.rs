//! The thread that makes nodes.conf durable, so that a slow disk never delays a heartbeat.
//!
//! A save is atomic: a temporary file beside it, fsync, rename, fsync of the folder. Whatever interrupts it leaves the
//! old file or the new one. The lock that keeps other nodes off the file moves to the new file before it gets the name.
//! The control loop has at most one save under way (the machine's own rule), so the queue holds
//! at most one job.

use super::ControlMessage;
use crate::fifo::{Jobs, Mailbox};
use cluster::ConfigVersion;
use runtime::lock::FileLock;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// A file to write.
#[derive(Debug)]
pub struct Save {
    /// Reported back when it is durable.
    pub version: ConfigVersion,
    /// The whole file.
    pub text: String,
}

/// The running thread.
#[derive(Debug)]
pub struct Saver {
    jobs: Arc<Jobs<Save>>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    /// Starts the thread, which keeps the lock on the file at `path`; outcomes go to `inbox`.
    pub fn start(path: PathBuf, mut lock: FileLock, inbox: Arc<Mailbox<ControlMessage>>) -> io::Result<Self> {
        let jobs = Arc::new(Jobs::new());
        let queue = jobs.clone();
        let mut other: Option<FileLock> = None;
        let thread = std::thread::Builder::new().name("saver".into()).spawn(move || {
            while let Some(Save { version, text }) = queue.next() {
                let mut new = None;
                let result = replace(&path, text.as_bytes(), |file| {
                    new = Some(FileLock::of(file.try_clone()?)?);
                    Ok(())
                });
                // After a failure nobody knows which of the two files has the name: both stay locked.
                match (result.is_ok(), new) {
                    (true, Some(new)) => (lock, other) = (new, None),
                    (_, new) => other = new.or(other),
                }
                let result = result.map_err(runtime::process::reason);
                inbox.push(ControlMessage::Saved { version, result });
            }
            drop((lock, other));
        })?;
        Ok(Self { jobs, thread: Some(thread) })
    }

    /// Asks for a save.
    pub fn save(&self, save: Save) {
        self.jobs.push(save);
    }
}

impl Drop for Saver {
    /// Waits for the save under way, so that a clean exit leaves no temporary file.
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Replaces the file at `path` by `bytes`, durably.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, |_| Ok(()))
}

/// As [`write_atomically`]; `before` is called with the new file when it is safe but does not have its name yet.
fn replace(path: &Path, bytes: &[u8], before: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let mut temp = path.as_os_str().to_owned();
    temp.push(format!(".tmp-{}", std::process::id()));
    let temp = PathBuf::from(temp);
    let written = (|| {
        let mut file = File::create(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        before(&file)?;
        std::fs::rename(&temp, path)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temp);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_replaces_the_file_and_leaves_nothing_beside_it() {
        let folder = std::env::temp_dir().join(format!("grapevine-saver-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("nodes.conf");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        // A folder in the way of the rename: the save fails and cleans up.
        let blocked = folder.join("blocked");
        std::fs::create_dir_all(blocked.join("x")).unwrap();
        assert!(write_atomically(&blocked, b"three").is_err());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
