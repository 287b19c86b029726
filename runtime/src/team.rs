//! I/O threads: a few threads that help with system calls on sockets, between two instants at which nobody else works.
//!
//! The model is fork and join. The loop's thread lays out jobs, everybody claims a few at a time from a common counter,
//! and the loop's thread goes on when all are done. So the threads share nothing with what the loop does in between, and
//! no job needs a lock. The caller claims, too, and never waits for a helper that has not begun: one that wakes too
//! late, because its processor is taken, finds nothing left and has cost a wake-up.
//!
//! The claim is one word: the number of the round above, what is left of it below. Who takes a part by exchanging
//! that very word knows that the round is not over, and that what it is about stays in place until the part is
//! reported done.
//!
//! Helpers look out for the next round for [`LOOKOUT`] spins and sleep then. Whether rounds pay at all is not known here
//! ([`crate::governor`]).

use std::cell::UnsafeCell;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, Thread};

/// How often a helper looks for another round before it sleeps; some 5 µs.
const LOOKOUT: u32 = 200;
/// How often the caller looks whether the others are done before it sleeps; their last part takes some µs.
const PATIENCE: u32 = 2000;
/// Into how many parts a round is cut for each thread: the later one begins, the fewer it gets.
const PARTS_PER_THREAD: usize = 4;
/// Most parts of a round: they are counted in the low bits of the claim.
const PARTS_MAX: usize = 1 << 15;
const PARTS_BITS: u32 = 16;
const PARTS_MASK: u64 = (1 << PARTS_BITS) - 1;

/// The threads.
#[derive(Debug, Default)]
pub struct Team {
    pool: Option<Pool>,
}

#[derive(Debug)]
struct Pool {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

/// What the threads share, each word that is written often on cache lines of its own.
#[derive(Debug)]
struct Shared {
    /// The round's number, and how many of its parts nobody has claimed.
    claim: Line<AtomicU64>,
    /// How many parts have been done.
    done: Line<AtomicUsize>,
    round: Line<UnsafeCell<Round>>,
    /// The caller sleeps, or is about to, and stands in `caller`.
    sleeps: AtomicBool,
    caller: Mutex<Option<Thread>>,
    /// A job panicked.
    failed: AtomicBool,
    leave: AtomicBool,
}

#[derive(Debug)]
#[repr(align(128))]
struct Line<T>(T);

/// What a round is about.
#[derive(Debug)]
struct Round {
    /// Does the jobs of a range; what it works on is `context`.
    work: unsafe fn(*const (), Range<usize>),
    context: *const (),
    jobs: usize,
    parts: usize,
}

// SAFETY: `round` is written only by the caller of `Team::run`, which takes the team exclusively, while no part is
// claimed or left to be claimed; it is read only by who has claimed a part (acquire) after it was laid out (release).
// What its pointer leads to may be used by several threads: `Team::run` asks for `T: Send` and `F: Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer in an idle `Round` is never followed.
unsafe impl Send for Shared {}

impl Team {
    /// `threads` in all, the caller's included: 1 is no helper.
    pub fn new(threads: usize) -> io::Result<Self> {
        if threads <= 1 {
            return Ok(Self::default());
        }
        let idle = Round { work: nothing, context: std::ptr::null(), jobs: 0, parts: 0 };
        let shared = Arc::new(Shared {
            claim: Line(AtomicU64::new(0)),
            done: Line(AtomicUsize::new(0)),
            round: Line(UnsafeCell::new(idle)),
            sleeps: AtomicBool::new(false),
            caller: Mutex::new(None),
            failed: AtomicBool::new(false),
            leave: AtomicBool::new(false),
        });
        let mut pool = Pool { shared, helpers: Vec::with_capacity(threads - 1) };
        for index in 1..threads {
            let shared = pool.shared.clone();
            let builder = thread::Builder::new().name(format!("io_thd_{index}"));
            pool.helpers.push(builder.spawn(move || help(&shared))?);
        }
        Ok(Self { pool: Some(pool) })
    }

    /// How many threads there are, the caller's included.
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, |pool| pool.helpers.len() + 1)
    }

    /// Does `work` on every job, with the help of up to `helpers` other threads, and returns when all are done.
    pub fn run<T: Send, F: Fn(&mut T) + Sync>(&mut self, jobs: &mut [T], helpers: usize, work: F) {
        let helpers = helpers.min(self.threads() - 1).min(jobs.len().saturating_sub(1));
        let Some(pool) = self.pool.as_ref().filter(|_| helpers > 0) else {
            return jobs.iter_mut().for_each(work);
        };
        let context = Context { jobs: jobs.as_mut_ptr(), work: &work };
        let parts = jobs.len().min((helpers + 1) * PARTS_PER_THREAD).min(PARTS_MAX);
        let round =
            Round { work: do_range::<T, F>, context: (&raw const context).cast(), jobs: jobs.len(), parts };
        // Dropped before `context`, `work` and `jobs` end, however this function ends; it waits for every part.
        let end = pool.lay_out(round);
        for helper in &pool.helpers[..helpers] {
            helper.thread().unpark();
        }
        while pool.shared.do_part() {}
        drop(end);
        assert!(!pool.shared.failed.load(Ordering::Relaxed), "a job of an I/O thread panicked");
    }
}

impl Pool {
    fn lay_out(&self, round: Round) -> End<'_> {
        let shared = &*self.shared;
        let number = (shared.claim.0.load(Ordering::Relaxed) >> PARTS_BITS).wrapping_add(1);
        let parts = round.parts;
        shared.done.0.store(0, Ordering::Relaxed);
        // SAFETY: the last round is over (its `End` has seen all parts done), so nobody reads; and nobody else lays out
        // a round, since `Team::run` has the team exclusively.
        unsafe { *shared.round.0.get() = round };
        shared.claim.0.store(number << PARTS_BITS | parts as u64, Ordering::Release);
        End { shared, parts }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.leave.store(true, Ordering::Release);
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            let _ = helper.join();
        }
    }
}

impl Shared {
    fn has_parts(&self) -> bool {
        self.claim.0.load(Ordering::Relaxed) & PARTS_MASK != 0
    }

    /// Claims a part and does it; false if there is none.
    fn do_part(&self) -> bool {
        let mut claim = self.claim.0.load(Ordering::Relaxed);
        loop {
            if claim & PARTS_MASK == 0 {
                return false;
            }
            // The order is that of the release in `Pool::lay_out`, which later exchanges of the word carry on.
            match self.claim.0.compare_exchange_weak(claim, claim - 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => claim = now,
            }
        }
        // SAFETY: a part was claimed and is not reported done, so the round is not over and nobody writes.
        let round = unsafe { &*self.round.0.get() };
        let part = (claim & PARTS_MASK) as usize - 1;
        let range = part * round.jobs / round.parts..(part + 1) * round.jobs / round.parts;
        let report = Report(self);
        // SAFETY: `context` outlives the round, which lasts until the report; the ranges of the parts do not overlap,
        // and each part is claimed once.
        unsafe { (round.work)(round.context, range) };
        drop(report);
        true
    }
}

/// Reports a part done, also when its job panicked.
struct Report<'a>(&'a Shared);

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
        // Once the last part is reported the round may be gone: from here on only what outlives it is touched.
        self.0.done.0.fetch_add(1, Ordering::SeqCst);
        if self.0.sleeps.load(Ordering::SeqCst)
            && let Ok(caller) = self.0.caller.lock()
            && let Some(caller) = &*caller
        {
            caller.unpark();
        }
    }
}

/// The end of a round: waits until all parts are done.
struct End<'a> {
    shared: &'a Shared,
    parts: usize,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        // Only a caller that panics leaves parts unclaimed: nobody need begin them.
        let number = self.shared.claim.0.load(Ordering::Relaxed) & !PARTS_MASK;
        let left = (self.shared.claim.0.swap(number, Ordering::Relaxed) & PARTS_MASK) as usize;
        let done = || self.shared.done.0.load(Ordering::SeqCst) + left >= self.parts;
        for _ in 0..PATIENCE {
            if done() {
                return;
            }
            std::hint::spin_loop();
        }
        if let Ok(mut caller) = self.shared.caller.lock() {
            *caller = Some(thread::current());
        }
        self.shared.sleeps.store(true, Ordering::SeqCst);
        while !done() {
            thread::park();
        }
        self.shared.sleeps.store(false, Ordering::SeqCst);
    }
}

struct Context<'a, T, F> {
    jobs: *mut T,
    work: &'a F,
}

/// # Safety
/// `context` is a live `Context<T, F>` of `Team::run`, `range` lies within its jobs and nobody else has a part of it.
unsafe fn do_range<T: Send, F: Fn(&mut T) + Sync>(context: *const (), range: Range<usize>) {
    // SAFETY: as the function's contract says.
    let context = unsafe { &*context.cast::<Context<'_, T, F>>() };
    for index in range {
        // SAFETY: within the slice, and this thread's alone.
        (context.work)(unsafe { &mut *context.jobs.add(index) });
    }
}

/// # Safety
/// None is needed.
unsafe fn nothing(_: *const (), _: Range<usize>) {}

fn help(shared: &Shared) {
    let mut looks = 0;
    while !shared.leave.load(Ordering::Acquire) {
        if shared.has_parts() && shared.do_part() {
            looks = 0;
        } else if looks < LOOKOUT {
            looks += 1;
            std::hint::spin_loop();
        } else {
            looks = 0;
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::thread::ThreadId;

    #[test]
    fn every_job_is_done_once_by_as_many_threads_as_asked_for() {
        for (threads, jobs, helpers, most) in
            [(1, 100, 3, 1), (4, 3, 0, 1), (4, 1, 3, 1), (4, 16, 1, 2), (4, 100, 9, 4), (2, 40_000, 1, 2)]
        {
            let mut team = Team::new(threads).expect("threads");
            assert_eq!(team.threads(), threads);
            for _ in 0..50 {
                let mut done: Vec<(u32, Option<ThreadId>)> = vec![(0, None); jobs];
                team.run(&mut done, helpers, |(count, by)| {
                    *count += 1;
                    *by = Some(thread::current().id());
                });
                assert!(done.iter().all(|(count, _)| *count == 1));
                let workers: BTreeSet<String> = done.iter().map(|(_, by)| format!("{by:?}")).collect();
                assert!(workers.len() <= most.max(threads), "{} threads for {jobs} jobs", workers.len());
            }
        }
    }

    #[test]
    fn helpers_do_help() {
        let mut team = Team::new(2).expect("threads");
        // Each of the two jobs ends only when the other has begun.
        let begun = AtomicUsize::new(0);
        for round in 1..=100 {
            team.run(&mut [(), ()], 1, |()| {
                begun.fetch_add(1, Ordering::SeqCst);
                while begun.load(Ordering::SeqCst) < round * 2 {
                    thread::yield_now();
                }
            });
        }
        assert_eq!(begun.into_inner(), 200);
    }

    #[test]
    fn a_panic_of_a_job_is_the_callers_and_frees_nothing_too_soon() {
        let mut team = Team::new(3).expect("threads");
        for bad in [0, 31, 63] {
            let mut jobs: Vec<usize> = (0..64).collect();
            let run = std::panic::AssertUnwindSafe(|| {
                team.run(&mut jobs, 2, |job| assert_ne!(*job, bad, "the bad job"));
            });
            assert!(std::panic::catch_unwind(run).is_err());
            team = Team::new(3).expect("threads");
        }
    }
}
