//! The thread that makes nodes.conf durable, so that a slow disk never delays a heartbeat.
//!
//! A save is atomic: a temporary file beside it, fsync, rename, fsync of the folder. Whatever interrupts it leaves the
//! old file or the new one. The control loop has at most one save under way (the machine's own rule), so the queue holds
//! at most one job.

use crate::control_loop::ControlMessage;
use crate::fifo::{Jobs, Mailbox};
use cluster::ConfigVersion;
use std::fs::File;
use std::io::Write;
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
    /// Starts the thread; outcomes go to `inbox`.
    pub fn start(path: PathBuf, inbox: Arc<Mailbox<ControlMessage>>) -> std::io::Result<Self> {
        let jobs = Arc::new(Jobs::new());
        let queue = jobs.clone();
        let thread = std::thread::Builder::new().name("saver".into()).spawn(move || {
            while let Some(Save { version, text }) = queue.next() {
                let result = write_atomically(&path, text.as_bytes()).map_err(runtime::process::reason);
                inbox.push(ControlMessage::Saved { version, result });
            }
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
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut temp = path.as_os_str().to_owned();
    temp.push(format!(".tmp-{}", std::process::id()));
    let temp = PathBuf::from(temp);
    let written = (|| {
        let mut file = File::create(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
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
