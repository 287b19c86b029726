//! The queues between threads. None ever blocks its sender, and what can accumulate in each is bounded and named here.
//!
//! | queue | what it holds | why it stays small |
//! |---|---|---|
//! | control to data | [`cluster::ToData`] | a topology replaces one that still waits right before it, a lease replaces any older one; orders come one per change of role; replies one per waiting command; published messages stop at [`PUBLISHED_BYTES_MAX`] and are dropped past it (the bus promises at most once) |
//! | data to control | [`ControlMessage`](crate::control_loop::ControlMessage) | a status replaces a status that still waits; commands one per waiting client; published messages as above |
//! | data to disk, disk to data | requests and events of `persist` | `node` counts what is outstanding: one AOF batch, and snapshot chunks up to their budget |
//! | saver, resolver, reaper | jobs | one save at a time; one resolution per connect; drops up to their own number |
//!
//! Two kinds: a [`Mailbox`] wakes a loop that sleeps in its poller; a [`Jobs`] queue wakes a thread that sleeps on it.
//! Order is kept; nothing overtakes anything.

use runtime::Waker;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most bytes of published messages that wait in one mailbox, in either direction. What comes past it is dropped.
pub const PUBLISHED_BYTES_MAX: usize = 32 << 20;

/// How an item behaves in a queue that is not emptied for a while.
pub trait Item {
    /// Bytes that count against [`PUBLISHED_BYTES_MAX`]; 0 for what must never be dropped.
    fn droppable_bytes(&self) -> usize {
        0
    }

    /// Takes out of `waiting` what this item makes superfluous.
    fn supersede(&self, waiting: &mut VecDeque<Self>)
    where
        Self: Sized,
    {
        let _ = waiting;
    }
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<T>,
    droppable_bytes: usize,
    dropped: u64,
}

/// A queue into a loop.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    /// Whether something waits, changed under the lock: a loop looks every turn, and nearly always in vain.
    waits: AtomicBool,
    waker: Waker,
}

impl<T: Item> Mailbox<T> {
    /// An empty one, whose loop sleeps with `waker` in its poller.
    pub fn new(waker: Waker) -> Self {
        let queue = Queue { items: VecDeque::new(), droppable_bytes: 0, dropped: 0 };
        Self { queue: Mutex::new(queue), waits: AtomicBool::new(false), waker }
    }

    /// Adds an item at the end and wakes the loop.
    pub fn push(&self, item: T) {
        {
            let mut queue = lock(&self.queue);
            let bytes = item.droppable_bytes();
            if bytes > 0 && queue.droppable_bytes + bytes > PUBLISHED_BYTES_MAX {
                queue.dropped += 1;
                return;
            }
            queue.droppable_bytes += bytes;
            item.supersede(&mut queue.items);
            queue.items.push_back(item);
            self.waits.store(true, Ordering::Release);
        }
        self.waker.wake();
    }

    /// Moves everything that waits into `into` (emptied first); returns how many items were dropped since the last call.
    pub fn take_all(&self, into: &mut VecDeque<T>) -> u64 {
        into.clear();
        if self.is_empty() {
            return 0;
        }
        let mut queue = lock(&self.queue);
        self.waits.store(false, Ordering::Release);
        std::mem::swap(&mut queue.items, into);
        queue.droppable_bytes = 0;
        std::mem::take(&mut queue.dropped)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        !self.waits.load(Ordering::Acquire)
    }
}

/// A queue into a thread that has nothing else to do.
#[derive(Debug)]
pub struct Jobs<T> {
    state: Mutex<JobState<T>>,
    arrived: Condvar,
}

#[derive(Debug)]
struct JobState<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Jobs<T> {
    /// An empty one.
    pub fn new() -> Self {
        let state = JobState { items: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Adds a job at the end.
    pub fn push(&self, job: T) {
        lock(&self.state).items.push_back(job);
        self.arrived.notify_one();
    }

    /// Adds a job unless `limit` jobs wait already; then it comes back.
    pub fn push_up_to(&self, job: T, limit: usize) -> Result<(), T> {
        {
            let mut state = lock(&self.state);
            if state.items.len() >= limit {
                return Err(job);
            }
            state.items.push_back(job);
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// No more jobs will come: the thread ends when it has done those that wait.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.arrived.notify_all();
    }

    /// Every job that waits, in order, into `into` (emptied first), waiting for one if there is none; `false` when the
    /// queue is closed and empty.
    pub fn next_all(&self, into: &mut VecDeque<T>) -> bool {
        into.clear();
        let mut state = lock(&self.state);
        loop {
            if !state.items.is_empty() {
                std::mem::swap(&mut state.items, into);
                return true;
            }
            if state.closed {
                return false;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Jobs::next_all`], but without waiting: `into` may stay empty.
    pub fn take_all(&self, into: &mut VecDeque<T>) {
        into.clear();
        std::mem::swap(&mut lock(&self.state).items, into);
    }

    /// The next job, waiting for it; `None` when the queue is closed and empty.
    pub fn next(&self) -> Option<T> {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.items.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A thread that panicked while it held the lock left a whole queue: every critical section above is a few moves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Item for cluster::ToData {
    fn droppable_bytes(&self) -> usize {
        match self {
            Self::Deliver { channel, message, .. } => channel.len() + message.len() + 1,
            _ => 0,
        }
    }

    fn supersede(&self, waiting: &mut VecDeque<Self>) {
        match self {
            Self::Lease { .. } => {
                if let Some(at) = waiting.iter().rposition(|item| matches!(item, Self::Lease { .. })) {
                    waiting.remove(at);
                }
            }
            Self::Topology(_) => {
                let before_leases = waiting.iter().rposition(|item| !matches!(item, Self::Lease { .. }));
                if let Some(at) = before_leases
                    && matches!(waiting.get(at), Some(Self::Topology(_)))
                {
                    waiting.remove(at);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Millis, NodeId};
    use cluster::{ToData, Topology};
    use std::sync::Arc;

    fn deliver(bytes: usize) -> ToData {
        ToData::Deliver { channel: vec![b'c'], message: vec![b'm'; bytes], sharded: false }
    }

    fn lease(until: u64) -> ToData {
        ToData::Lease { until: Millis(until) }
    }

    fn topology() -> ToData {
        ToData::Topology(Arc::new(Topology::alone(NodeId::ZERO)))
    }

    fn taken(mailbox: &Mailbox<ToData>) -> (VecDeque<ToData>, u64) {
        let mut items = VecDeque::new();
        let dropped = mailbox.take_all(&mut items);
        (items, dropped)
    }

    #[test]
    fn only_the_newest_topology_and_lease_wait() {
        let mailbox = Mailbox::new(Waker::new().unwrap());
        for until in 0..100 {
            mailbox.push(topology());
            mailbox.push(lease(until));
        }
        let (items, _) = taken(&mailbox);
        assert_eq!(items, [topology(), lease(99)]);
        assert!(mailbox.is_empty());
    }

    #[test]
    fn a_topology_never_moves_past_another_message() {
        let mailbox = Mailbox::new(Waker::new().unwrap());
        let order = ToData::Order(cluster::Order::ResumeWrites);
        mailbox.push(topology());
        mailbox.push(order.clone());
        mailbox.push(topology());
        let (items, _) = taken(&mailbox);
        assert_eq!(items, [topology(), order, topology()]);
    }

    #[test]
    fn published_messages_are_dropped_past_their_bound_and_orders_never() {
        let mailbox = Mailbox::new(Waker::new().unwrap());
        for _ in 0..40 {
            mailbox.push(deliver(1 << 20));
            mailbox.push(ToData::Order(cluster::Order::ResumeWrites));
        }
        let (items, dropped) = taken(&mailbox);
        assert_eq!(items.iter().filter(|i| matches!(i, ToData::Order(_))).count(), 40);
        assert_eq!(items.len() as u64 + dropped, 80);
        assert_eq!(dropped, 9, "31 messages of a mebibyte and two bytes fit");
        mailbox.push(deliver(1));
        assert_eq!(taken(&mailbox), (VecDeque::from([deliver(1)]), 0));
    }

    #[test]
    fn jobs_are_done_in_order_and_the_thread_ends_after_the_last() {
        let jobs = Arc::new(Jobs::new());
        let worker = {
            let jobs = jobs.clone();
            std::thread::spawn(move || {
                let mut done = Vec::new();
                while let Some(job) = jobs.next() {
                    done.push(job);
                }
                done
            })
        };
        for job in 0..50 {
            jobs.push(job);
        }
        jobs.close();
        assert_eq!(worker.join().unwrap(), (0..50).collect::<Vec<_>>());
        assert_eq!(jobs.push_up_to(1, 1), Ok(()));
        assert_eq!(jobs.push_up_to(2, 1), Err(2));
        let mut all = VecDeque::new();
        assert!(jobs.next_all(&mut all) && all == [1]);
        assert!(!jobs.next_all(&mut all) && all.is_empty());
    }
}
