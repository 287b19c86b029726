//! I/O threads: a few threads that help with system calls on sockets, between two instants at which nobody else works.
//!
//! The model is fork and join. The loop's thread gathers jobs, deals them out, does a share itself, and goes on when all
//! are done. So the threads share nothing with what the loop does in between, and no job needs a lock. Dealing out
//! costs a wake-up of each helper, which only pays from several system calls per thread on: how many threads take part
//! follows the number of jobs, down to none.
//!
//! The threads are rayon's; they sleep when there is nothing to do.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::io;

/// Jobs per thread below which a thread more does not pay: a system call on a socket takes some 3 µs, and so does waking a
/// sleeping thread.
const JOBS_PER_THREAD: usize = 8;

/// The threads.
#[derive(Debug, Default)]
pub struct Team {
    helpers: Option<ThreadPool>,
}

impl Team {
    /// `threads` in all, the caller's included: 1 is no helper.
    pub fn new(threads: usize) -> io::Result<Self> {
        if threads <= 1 {
            return Ok(Self::default());
        }
        let builder = ThreadPoolBuilder::new().num_threads(threads - 1);
        let pool = builder.thread_name(|index| format!("io_thd_{}", index + 1)).build();
        Ok(Self { helpers: Some(pool.map_err(io::Error::other)?) })
    }

    /// How many threads there are, the caller's included.
    pub fn threads(&self) -> usize {
        self.helpers.as_ref().map_or(1, |pool| pool.current_num_threads() + 1)
    }

    /// Whether so many jobs are worth dealing out.
    pub fn pays(&self, jobs: usize) -> bool {
        self.helpers.is_some() && jobs >= 2 * JOBS_PER_THREAD
    }

    /// Does `work` on every job and returns when all are done.
    pub fn run<T: Send>(&self, jobs: &mut [T], work: impl Fn(&mut T) + Sync) {
        let Some(pool) = self.helpers.as_ref().filter(|_| self.pays(jobs.len())) else {
            return jobs.iter_mut().for_each(work);
        };
        let threads = self.threads().min(jobs.len() / JOBS_PER_THREAD);
        let share = jobs.len().div_ceil(threads);
        pool.in_place_scope(|scope| {
            let (own, rest) = jobs.split_at_mut(share);
            let work = &work;
            for part in rest.chunks_mut(share) {
                scope.spawn(move |_| part.iter_mut().for_each(work));
            }
            own.iter_mut().for_each(work);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::thread::{self, ThreadId};

    #[test]
    fn every_job_is_done_once_by_as_many_threads_as_pay() {
        for (threads, jobs, most) in [(1, 100, 1), (4, 3, 1), (4, 15, 1), (4, 16, 2), (4, 100, 4)] {
            let team = Team::new(threads).expect("threads");
            assert_eq!(team.threads(), threads);
            let mut done: Vec<(u32, Option<ThreadId>)> = vec![(0, None); jobs];
            team.run(&mut done, |(count, by)| {
                *count += 1;
                *by = Some(thread::current().id());
            });
            assert!(done.iter().all(|(count, _)| *count == 1));
            let workers: BTreeSet<String> = done.iter().map(|(_, by)| format!("{by:?}")).collect();
            assert!(workers.len() <= most, "{} threads for {jobs} jobs", workers.len());
        }
    }
}
