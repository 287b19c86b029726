//! The disk thread: `persist`'s worker over the real file system, fed by a queue, answering into the data loop's mailbox.
//!
//! Requests are done strictly in order; while none waits, a piece of the running snapshot is written. How much waits is bounded by the node, which counts what it has outstanding.

use crate::data_loop::DataMessage;
use crate::fifo::{Jobs, Mailbox};
use crate::storage::DiskStorage;
use crate::syncer::Syncer;
use persist::{DiskEvent, DiskRequest, FileId, Worker};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The running thread.
#[derive(Debug)]
pub struct Disk {
    jobs: Arc<Jobs<Job>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Job {
    Request(DiskRequest),
    /// A sync of this file has ended.
    Synced(FileId),
    /// `dir` has changed: names mean files there from here on. What is open stays open.
    Folder(PathBuf),
}

impl Disk {
    /// Starts the thread, on the processors of `bio_cpulist`, on the files below `root`.
    pub fn start(root: PathBuf, cpus: String, inbox: Arc<Mailbox<DataMessage>>) -> std::io::Result<Self> {
        let jobs = Arc::new(Jobs::new());
        let (queue, back) = (jobs.clone(), jobs.clone());
        let syncer = Syncer::start(cpus.clone(), move |file| back.push(Job::Synced(file)))?;
        let thread = std::thread::Builder::new().name("disk".into()).spawn(move || {
            runtime::affinity::pin(&cpus);
            let storage = DiskStorage::with_syncer(&root, syncer);
            work(storage, &queue, &inbox);
        })?;
        Ok(Self { jobs, thread: Some(thread) })
    }

    /// Asks for something.
    pub fn request(&self, request: DiskRequest) {
        self.jobs.push(Job::Request(request));
    }

    /// Says that `dir` has changed.
    pub fn change_folder(&self, root: PathBuf) {
        self.jobs.push(Job::Folder(root));
    }

    /// Does what was asked for, then ends the thread.
    pub fn finish(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(storage: DiskStorage, queue: &Jobs<Job>, inbox: &Mailbox<DataMessage>) {
    let mut worker = Worker::new(storage);
    let mut jobs = VecDeque::new();
    let mut events = Vec::new();
    loop {
        if worker.has_work() {
            queue.take_all(&mut jobs);
        } else if !queue.next_all(&mut jobs) {
            return;
        }
        // What waits together is done together: appends under `always` share one sync.
        while !jobs.is_empty() {
            let requests = std::iter::from_fn(|| match jobs.pop_front() {
                Some(Job::Request(request)) => Some(request),
                Some(other) => {
                    jobs.push_front(other);
                    None
                }
                None => None,
            });
            worker.take(requests, &mut events);
            // Replies may wait for these: not behind a piece of a snapshot.
            tell(&mut events, inbox);
            match jobs.pop_front() {
                Some(Job::Synced(file)) => {
                    if let Some(outcome) = worker.storage().take_outcome(file) {
                        worker.sync_ended(file, outcome, &mut events);
                    }
                }
                Some(Job::Folder(root)) => {
                    // A file that was complete when the folder changed belongs into the old one.
                    worker.work_all(&mut events);
                    worker.storage().change_root(&root);
                }
                Some(Job::Request(_)) | None => {}
            }
        }
        worker.work(&mut events);
        tell(&mut events, inbox);
        if worker.has_work() {
            // Who answers clients goes first where cores are few: a snapshot is in no hurry.
            std::thread::yield_now();
        }
    }
}

fn tell(events: &mut Vec<DiskEvent>, inbox: &Mailbox<DataMessage>) {
    for event in events.drain(..) {
        inbox.push(DataMessage::Disk(event));
    }
}
