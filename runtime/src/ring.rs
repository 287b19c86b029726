//! Sockets by completion: an io_uring in place of one system call per read and write.
//!
//! The model: what is to be received is asked for once per socket, and the kernel puts the bytes into the next free buffer
//! of a pool, again and again, until it is told to stop; what is to be sent goes out for many sockets in one call. A loop
//! that serves a hundred sockets in a turn enters the kernel twice instead of two hundred times.
//!
//! Waking and falling asleep cost more than a request does. So while many sockets are busy a wait gathers what comes from a
//! few of them, for [`GATHER_US`] at most, where the system can (Linux 6.12).
//!
//! Only what is frequent goes this way. Listeners, wakers, connects and waiting for room stay with a [`Poller`], which is
//! itself watched here ([`Ring::wait`]).
//!
//! Memory that the kernel writes to (the pool) belongs to the ring and lives longer than it. Memory that it reads from is
//! lent for the length of one call: a send may not wait (`MSG_DONTWAIT`), and [`Ring::send_all`] returns when every one
//! has ended.
//!
//! Bounds: [`BUFFERS`] of [`BUFFER_LEN`] bytes are received in one wait at most. When they do not suffice the kernel ends
//! the requests that find none, and the loop asks again.
//!
//! It does not know what a token stands for, nor when receiving should stop.

use crate::poller::{Poller, Token};
use crate::stream::Stream;
use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// Buffers in the pool, a power of two.
const BUFFERS: u16 = 1024;
/// Bytes in a buffer.
const BUFFER_LEN: usize = 4096;
/// Requests that are handed to the kernel at a time.
const SUBMISSIONS: u32 = 256;
/// Room for what has ended; the kernel keeps what passes it.
const COMPLETIONS: u32 = 4096;
/// How often the kernel may refuse to take a send before it is given up.
const FAILURES_MAX: u32 = 1000;
/// How long a wait gathers arrivals at most before it ends with those that have come, in µs.
const GATHER_US: u32 = 20;
/// It gathers one for so many sockets that were busy a moment ago, and so many at most.
const BUSY_PER_ARRIVAL: u32 = 4;
const GATHER_MAX: usize = 16;
/// A moment, in arrivals.
const MOMENT: u32 = 128;
/// The pool's number.
const GROUP: u16 = 0;

/// What a request is, in the high bits of its name; the low ones are a token or an index.
const KIND_SHIFT: u32 = 60;
const RECEIVE: u64 = 0;
const SEND: u64 = 1;
const WATCH: u64 = 2;
const CANCEL: u64 = 3;
const NAME_MASK: u64 = (1 << KIND_SHIFT) - 1;

/// Something that happened to a socket that is received from.
#[derive(PartialEq, Eq, Debug)]
pub struct Received {
    /// As given to [`Ring::receive`].
    pub token: Token,
    /// What came.
    pub what: Arrival,
    /// Nothing more comes unless it is asked for again.
    pub last: bool,
}

/// What came.
#[derive(PartialEq, Eq, Debug)]
pub enum Arrival {
    /// Bytes: pass them to [`Ring::take`], once.
    Bytes(Lent),
    /// The peer has closed its side.
    End,
    /// Nothing: the pool was empty, or the request was called off.
    Nothing,
    /// The socket failed with this error of the system.
    Failed(i32),
}

/// A part of the pool that holds bytes for the loop, until it is [taken](Ring::take) back.
#[derive(PartialEq, Eq, Debug)]
pub struct Lent {
    buffer: u16,
    len: u16,
}

impl Lent {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Never so: an empty arrival is an end.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// One write of many.
#[derive(Debug)]
pub struct Sending<'a> {
    /// Where to.
    pub stream: &'a Stream,
    /// What.
    pub bytes: &'a [u8],
    /// How many bytes the kernel took, 0 if it has no room now.
    pub outcome: io::Result<usize>,
}

/// An io_uring with its pool of buffers.
pub struct Ring {
    // Dropped before the pool that the kernel writes to.
    io: IoUring,
    pool: Pool,
    arrived: VecDeque<Received>,
    /// The poller is being watched.
    watches: bool,
    /// It had something to tell.
    poller_ready: bool,
    /// Sends of the present call that have ended.
    sent: usize,
    /// The system can wait for several arrivals within a time.
    gathers: bool,
    crowd: Crowd,
}

impl Ring {
    /// A ring for the calling thread alone. An error says that the system has none for us.
    pub fn new() -> io::Result<Self> {
        let io = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        if !io.params().is_feature_ext_arg() || !io.params().is_feature_nodrop() {
            return Err(io::Error::from_raw_os_error(libc::ENOSYS));
        }
        io.submitter().register_ring_fd()?;
        let gathers = io.params().is_feature_min_timeout();
        let pool = Pool::new();
        // SAFETY: the entries live as long as the pool, which is dropped after the ring.
        unsafe {
            io.submitter().register_buf_ring_with_flags(pool.entries.as_ptr() as u64, BUFFERS, GROUP, 0)?;
        }
        Ok(Self {
            io,
            pool,
            arrived: VecDeque::new(),
            watches: false,
            poller_ready: false,
            sent: 0,
            crowd: Crowd::default(),
            gathers,
        })
    }

    /// Receives from `stream` until [`Received::last`]. The stream must not be closed before it is
    /// [forgotten](Ring::forget) or the last arrival has been seen.
    pub fn receive(&mut self, stream: &Stream, token: Token) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(Fd(stream.as_fd().as_raw_fd()), GROUP).build();
        self.push(&entry.user_data(name(RECEIVE, token)))
    }

    /// Calls off what was asked for with [`Ring::receive`]; what has arrived, and a last arrival, still come.
    pub fn stop(&mut self, token: Token) -> io::Result<()> {
        let entry = opcode::AsyncCancel::new(name(RECEIVE, token)).build();
        self.push(&entry.user_data(CANCEL << KIND_SHIFT))
    }

    /// As [`Ring::stop`], for a stream that is about to be closed: nothing that waits to be handed to the kernel names its
    /// descriptor any more afterwards. Arrivals may still come.
    pub fn forget(&mut self, token: Token) -> io::Result<()> {
        self.submit()?;
        self.stop(token)
    }

    /// Sleeps until something has arrived, `poller` has something to tell, or `timeout_ms` have passed; hands over all
    /// requests that wait. Whether the poller has something to tell. It must be the same poller each time.
    pub fn wait(&mut self, poller: &Poller, timeout_ms: u64) -> io::Result<bool> {
        if !self.watches && !self.poller_ready {
            let entry = opcode::PollAdd::new(Fd(poller.as_fd().as_raw_fd()), libc::POLLIN as u32).build();
            self.push(&entry.user_data(WATCH << KIND_SHIFT))?;
            self.watches = true;
        }
        let sleeps = self.arrived.is_empty() && !self.poller_ready;
        let timeout_ms = if sleeps { timeout_ms } else { 0 };
        let want = if sleeps && timeout_ms > 0 && self.gathers { self.crowd.expected() } else { 1 };
        let time = Timespec::new().sec(timeout_ms / 1000).nsec((timeout_ms % 1000) as u32 * 1_000_000);
        let mut args = SubmitArgs::new().timespec(&time);
        if want > 1 {
            args = args.min_wait_usec(GATHER_US);
        }
        match self.io.submitter().submit_with_args(want, &args) {
            Ok(_) => {}
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        self.collect(&mut []);
        Ok(std::mem::take(&mut self.poller_ready))
    }

    /// The next arrival.
    pub fn next_arrival(&mut self) -> Option<Received> {
        let next = self.arrived.pop_front()?;
        self.crowd.saw(next.token);
        Some(next)
    }

    /// The next arrival, if it is one of bytes for `token` and not the last one.
    pub fn next_bytes_of(&mut self, token: Token) -> Option<Lent> {
        let next = self.arrived.front()?;
        if next.token != token || next.last || !matches!(next.what, Arrival::Bytes(_)) {
            return None;
        }
        match self.arrived.pop_front()?.what {
            Arrival::Bytes(lent) => Some(lent),
            _ => None,
        }
    }

    /// Shows the bytes of an arrival and takes their place back into the pool.
    pub fn take<R>(&mut self, lent: Lent, look: impl FnOnce(&[u8]) -> R) -> R {
        let result = look(self.pool.bytes(&lent));
        self.pool.give_back(lent.buffer);
        result
    }

    /// Writes once to each of the streams, as far as the kernel has room.
    pub fn send_all(&mut self, sendings: &mut [Sending<'_>]) -> io::Result<()> {
        for part in sendings.chunks_mut(SUBMISSIONS as usize) {
            let mut pushed = 0;
            let outcome = self.submit().and_then(|()| {
                part.iter().try_for_each(|sending| {
                    self.push(&send(sending, pushed))?;
                    pushed += 1;
                    Ok(())
                })
            });
            self.finish(&mut part[..pushed]);
            outcome?;
        }
        Ok(())
    }

    /// Hands the sends over and returns when all have ended, since their bytes are only lent. They cannot wait for
    /// anything; a system that hands over none of them is broken beyond repair.
    fn finish(&mut self, part: &mut [Sending<'_>]) {
        self.sent = 0;
        let mut failures = 0;
        let mut want = 0;
        while self.sent < part.len() {
            match self.io.submit_and_wait(want) {
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    failures += 1;
                    if failures > FAILURES_MAX {
                        // Going on would leave the kernel with memory that is about to be used for something else.
                        eprintln!("io_uring_enter: {error}");
                        std::process::abort();
                    }
                }
            }
            self.collect(part);
            want = 1;
        }
    }

    fn submit(&mut self) -> io::Result<()> {
        while !self.io.submission().is_empty() {
            match self.io.submit() {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                // Too much has ended that nobody has looked at.
                Err(error) if is_passing(&error) => self.collect(&mut []),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        if self.io.submission().is_full() {
            self.submit()?;
        }
        // SAFETY: what the entry leads to outlives the request: a descriptor is only a number, buffers are the pool's, and
        // bytes to be sent stay borrowed until `finish` has seen the send's end.
        unsafe { self.io.submission().push(entry) }.map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))
    }

    /// Takes what has ended.
    fn collect(&mut self, sendings: &mut [Sending<'_>]) {
        for entry in self.io.completion() {
            let (named, result) = (entry.user_data(), entry.result());
            match named >> KIND_SHIFT {
                RECEIVE => {
                    let last = !cqueue::more(entry.flags());
                    let what = arrival(result, cqueue::buffer_select(entry.flags()));
                    self.arrived.push_back(Received { token: Token(named & NAME_MASK), what, last });
                }
                SEND => {
                    self.sent += 1;
                    if let Some(sending) = sendings.get_mut((named & NAME_MASK) as usize) {
                        sending.outcome = match result {
                            0.. => Ok(result as usize),
                            _ if result == -libc::EAGAIN || result == -libc::EINTR => Ok(0),
                            _ => Err(io::Error::from_raw_os_error(-result)),
                        };
                    }
                }
                WATCH => (self.poller_ready, self.watches) = (true, false),
                _ => {}
            }
        }
    }
}

fn send(sending: &Sending<'_>, index: usize) -> squeue::Entry {
    let len = sending.bytes.len().min(i32::MAX as usize) as u32;
    opcode::Send::new(Fd(sending.stream.as_fd().as_raw_fd()), sending.bytes.as_ptr(), len)
        .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
        .build()
        .user_data(SEND << KIND_SHIFT | index as u64)
}

fn name(kind: u64, token: Token) -> u64 {
    debug_assert!(token.0 <= NAME_MASK, "tokens of streams are small");
    kind << KIND_SHIFT | token.0 & NAME_MASK
}

fn arrival(result: i32, buffer: Option<u16>) -> Arrival {
    match (result, buffer) {
        (1.., Some(buffer)) => Arrival::Bytes(Lent { buffer, len: result.min(BUFFER_LEN as i32) as u16 }),
        (0, _) => Arrival::End,
        _ if [libc::ENOBUFS, libc::ECANCELED, libc::EINTR, libc::EAGAIN].contains(&-result) => {
            Arrival::Nothing
        }
        _ => Arrival::Failed(-result),
    }
}

/// An error of a wait that says no more than that it is over.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN))
}

/// How many sockets are busy, about: what a wait may expect. Tokens are told apart by their last six bits.
#[derive(Clone, Copy, Default, Debug)]
struct Crowd {
    /// Who was, in the moment before this one.
    before: u64,
    /// Who is, so far.
    now: u64,
    counted: u32,
}

impl Crowd {
    fn saw(&mut self, token: Token) {
        self.now |= 1 << (token.0 % 64);
        self.counted += 1;
        if self.counted == MOMENT {
            *self = Self { before: self.now, now: 0, counted: 0 };
        }
    }

    /// How many arrivals are worth waiting for: one if only a few sockets are busy, who may wait for us themselves.
    fn expected(self) -> usize {
        ((self.before.count_ones() / BUSY_PER_ARRIVAL) as usize).clamp(1, GATHER_MAX)
    }
}

/// The buffers, and the kernel's list of those that are free.
#[derive(Debug)]
struct Pool {
    entries: NonNull<BufRingEntry>,
    memory: NonNull<u8>,
    /// How many buffers were ever put on the list, modulo 65536.
    tail: u16,
}

// SAFETY: the pool owns what its pointers lead to.
unsafe impl Send for Pool {}

const ENTRIES_LAYOUT: std::alloc::Layout = layout(BUFFERS as usize * size_of::<BufRingEntry>());
const MEMORY_LAYOUT: std::alloc::Layout = layout(BUFFERS as usize * BUFFER_LEN);

/// The kernel wants its list at the beginning of a page.
const fn layout(len: usize) -> std::alloc::Layout {
    match std::alloc::Layout::from_size_align(len, 4096) {
        Ok(layout) => layout,
        Err(_) => panic!("a small size"),
    }
}

impl Pool {
    fn new() -> Self {
        let allocate = |layout| {
            // SAFETY: the size is not zero.
            let place = unsafe { std::alloc::alloc_zeroed(layout) };
            NonNull::new(place).unwrap_or_else(|| std::alloc::handle_alloc_error(layout))
        };
        let mut pool =
            Self { entries: allocate(ENTRIES_LAYOUT).cast(), memory: allocate(MEMORY_LAYOUT), tail: 0 };
        (0..BUFFERS).for_each(|buffer| pool.give_back(buffer));
        pool
    }

    fn place(&self, buffer: u16) -> NonNull<u8> {
        // SAFETY: within the allocation, by the remainder.
        unsafe { self.memory.add(usize::from(buffer % BUFFERS) * BUFFER_LEN) }
    }

    fn bytes(&self, lent: &Lent) -> &[u8] {
        // SAFETY: the memory was zeroed once, so it is initialised, and the kernel does not write to a buffer that is not
        // on its list; `len` is at most a buffer's.
        unsafe { std::slice::from_raw_parts(self.place(lent.buffer).as_ptr(), usize::from(lent.len)) }
    }

    /// Puts a buffer on the kernel's list. There is room: a buffer is on it once at most.
    fn give_back(&mut self, buffer: u16) {
        let (address, index) = (self.place(buffer).as_ptr() as u64, usize::from(self.tail % BUFFERS));
        // SAFETY: the entry lies within the list, and the kernel does not look at it before the tail has passed it. The
        // tail is a field of the first entry that `set_*` do not touch.
        unsafe {
            let entry = &mut *self.entries.as_ptr().add(index);
            entry.set_addr(address);
            entry.set_len(BUFFER_LEN as u32);
            entry.set_bid(buffer % BUFFERS);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.entries.as_ptr()).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with these layouts, and the ring that wrote to them is gone.
        unsafe {
            std::alloc::dealloc(self.entries.as_ptr().cast(), ENTRIES_LAYOUT);
            std::alloc::dealloc(self.memory.as_ptr(), MEMORY_LAYOUT);
        }
    }
}

#[cfg(test)]
mod tests;
