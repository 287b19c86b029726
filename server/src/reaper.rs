//! The reaper: a thread that frees what takes long to free (the tables of FLUSHALL, of dropped slots), so that the data
//! thread does not.
//!
//! Bound: at most [`WAITING_MAX`] heaps wait; one more is freed by its sender, which slows down whoever makes garbage
//! faster than it can be freed.

use crate::fifo::Jobs;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Most heaps of garbage that wait.
const WAITING_MAX: usize = 64;

/// The running thread.
#[derive(Debug)]
pub struct Reaper<T> {
    jobs: Arc<Jobs<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Reaper<T> {
    /// Starts the thread, on the processors of `bio_cpulist`.
    pub fn start(cpus: String) -> std::io::Result<Self> {
        let jobs = Arc::new(Jobs::new());
        let queue: Arc<Jobs<T>> = jobs.clone();
        let thread = std::thread::Builder::new().name("reaper".into()).spawn(move || {
            runtime::affinity::pin(&cpus);
            while let Some(garbage) = queue.next() {
                drop(garbage);
            }
        })?;
        Ok(Self { jobs, thread: Some(thread) })
    }

    /// Frees `garbage`, soon and elsewhere if possible.
    pub fn free(&self, garbage: T) {
        drop(self.jobs.push_up_to(garbage, WAITING_MAX));
    }
}

impl<T> Drop for Reaper<T> {
    /// The thread is left to the end of the process: what it frees, the system frees faster.
    fn drop(&mut self) {
        self.jobs.close();
        self.thread.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Tells(mpsc::Sender<std::thread::ThreadId>);

    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::current().id());
        }
    }

    #[test]
    fn garbage_is_freed_on_another_thread() {
        let (sender, freed) = mpsc::channel();
        let reaper = Reaper::start(String::new()).unwrap();
        reaper.free(Tells(sender));
        assert_ne!(freed.recv().unwrap(), std::thread::current().id());
    }
}
