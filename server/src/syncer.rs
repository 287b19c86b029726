//! A thread that syncs files while the disk thread goes on writing, into the same files, too.
//!
//! Who waits for a write must not wait for the sync of every second, which may take long.

use crate::fifo::Jobs;
use persist::FileId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The thread, as its one user sees it.
#[derive(Debug)]
pub struct Syncer {
    jobs: Arc<Jobs<(FileId, File)>>,
    outcomes: Arc<Outcomes>,
    thread: Option<JoinHandle<()>>,
}

/// Syncs under way (`None`) and how others ended.
#[derive(Debug, Default)]
struct Outcomes {
    known: Mutex<BTreeMap<FileId, Option<io::Result<()>>>>,
    arrived: Condvar,
}

impl Outcomes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<FileId, Option<io::Result<()>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Syncer {
    /// Starts the thread, on the processors `cpus` (`bio_cpulist`). It calls `ended` after each sync.
    pub fn start(cpus: String, ended: impl Fn(FileId) + Send + 'static) -> io::Result<Self> {
        let jobs = Arc::new(Jobs::<(FileId, File)>::new());
        let outcomes = Arc::new(Outcomes::default());
        let (queue, told) = (jobs.clone(), outcomes.clone());
        let thread = std::thread::Builder::new().name("sync".into()).spawn(move || {
            runtime::affinity::pin(&cpus);
            while let Some((id, file)) = queue.next() {
                let outcome = file.sync_data();
                if let Some(known) = told.lock().get_mut(&id) {
                    *known = Some(outcome);
                }
                told.arrived.notify_all();
                ended(id);
            }
        })?;
        Ok(Self { jobs, outcomes, thread: Some(thread) })
    }

    /// Syncs `file` by and by; `false` if one is under way for this name.
    pub fn begin(&mut self, id: FileId, file: File) -> bool {
        let mut known = self.outcomes.lock();
        if known.contains_key(&id) {
            return false;
        }
        known.insert(id, None);
        self.jobs.push((id, file));
        true
    }

    /// How the sync of this file ended, once it has; `None` if none was begun whose outcome was not taken.
    pub fn wait(&mut self, id: FileId) -> Option<io::Result<()>> {
        let mut known = self.outcomes.lock();
        while let Some(None) = known.get(&id) {
            known = self.outcomes.arrived.wait(known).unwrap_or_else(PoisonError::into_inner);
        }
        known.remove(&id).flatten()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_file_is_synced_once_at_a_time_and_its_outcome_told_once() {
        let path = std::env::temp_dir().join(format!("grapevine-syncer-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let (told, ended) = mpsc::channel();
        let mut syncer = Syncer::start(String::new(), move |id| told.send(id).unwrap()).unwrap();
        assert!(syncer.wait(FileId(1)).is_none(), "none was begun");
        assert!(syncer.begin(FileId(1), file.try_clone().unwrap()));
        assert!(!syncer.begin(FileId(1), file.try_clone().unwrap()), "the outcome was not taken yet");
        assert_eq!(ended.recv().unwrap(), FileId(1));
        assert!(syncer.wait(FileId(1)).unwrap().is_ok());
        assert!(syncer.wait(FileId(1)).is_none());
        assert!(syncer.begin(FileId(1), file));
        assert!(syncer.wait(FileId(1)).unwrap().is_ok(), "it is waited for");
        std::fs::remove_file(path).unwrap();
    }
}
