//! Readiness of file descriptors: epoll, level-triggered unless asked otherwise.
//!
//! Level-triggered, a loop may leave bytes in the kernel on purpose (a bound per turn) and is told again. Edge-triggered
//! ([`Interest::edge`]) it is told of an arrival once, and has to remember what it left; the kernel then looks at each
//! socket once per arrival and not once more in vain.
//!
//! Invariant: whoever adds a descriptor removes it before closing it, or closes the only copy of it.
//!
//! It does not know what a token stands for.

use rustix::event::epoll;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the loop calls a descriptor; handed back with each of its events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(pub u64);

/// What to be told about. Errors and hang-ups are always told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interest {
    /// Bytes to read, a connection to accept, or the end of the stream.
    pub read: bool,
    /// Room to write, or a connect that ended.
    pub write: bool,
    /// To be told of changes only. Who asks so reads on until a read brings less than there was room for, and, once it was
    /// told that the stream has [`Event::ended`], until the end; and writes on until the kernel takes less than it is given.
    /// Adding and modifying tell what is the case already.
    pub edge: bool,
}

impl Interest {
    /// Only errors and hang-ups.
    pub const NONE: Self = Self { read: false, write: false, edge: false };
    /// Reading only.
    pub const READ: Self = Self { read: true, write: false, edge: false };
    /// Writing only.
    pub const WRITE: Self = Self { read: false, write: true, edge: false };
    /// Both.
    pub const BOTH: Self = Self { read: true, write: true, edge: false };

    fn flags(self) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        if self.read {
            flags |= epoll::EventFlags::IN;
        }
        if self.write {
            flags |= epoll::EventFlags::OUT;
        }
        if self.edge {
            flags |= epoll::EventFlags::ET | epoll::EventFlags::RDHUP;
        }
        flags
    }
}

/// One descriptor that is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// As given to [`Poller::add`].
    pub token: Token,
    /// A read would not block; also set on errors and hang-ups, so that a reader finds out.
    pub readable: bool,
    /// A write would not block; also set on errors and hang-ups, so that a connector finds out.
    pub writable: bool,
    /// The peer will send nothing more; told with [`Interest::edge`] only.
    pub ended: bool,
    /// The descriptor failed or its peer is gone in both directions.
    pub hangup: bool,
}

/// Room for the events of one [`Poller::wait`], reused from turn to turn.
pub struct Events {
    raw: Vec<epoll::Event>,
}

impl Events {
    /// Room for `capacity` events at a time (at least one); more stay in the kernel for the next turn.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { raw: Vec::with_capacity(capacity.max(1)) }
    }

    /// Forgets the events of the last wait.
    pub fn clear(&mut self) {
        self.raw.clear();
    }

    /// How many events the last wait brought.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether the last wait timed out.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The `index`-th event of the last wait.
    pub fn get(&self, index: usize) -> Option<Event> {
        self.raw.get(index).map(translate)
    }

    /// The events of the last wait.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.raw.iter().map(translate)
    }
}

fn translate(raw: &epoll::Event) -> Event {
    let flags = raw.flags;
    let hangup = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
    Event {
        token: Token(raw.data.u64()),
        readable: hangup || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP),
        ended: flags.contains(epoll::EventFlags::RDHUP),
        writable: hangup || flags.contains(epoll::EventFlags::OUT),
        hangup,
    }
}

/// An epoll instance.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    /// A poller that watches nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Starts watching `source`.
    pub fn add(&self, source: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, epoll::EventData::new_u64(token.0), interest.flags())?)
    }

    /// Changes what is wanted of a watched `source`.
    pub fn modify(&self, source: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, epoll::EventData::new_u64(token.0), interest.flags())?)
    }

    /// Stops watching `source`.
    pub fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    /// Sleeps until something is ready or `timeout_ms` have passed (`None`: for ever; 0: only looks), then fills
    /// `events`. A signal ends the sleep with no events.
    pub fn wait(&self, events: &mut Events, timeout_ms: Option<u64>) -> io::Result<()> {
        let timeout = timeout_ms.map(|ms| rustix::time::Timespec {
            tv_sec: (ms / 1000).min(i32::MAX as u64 / 1000) as i64,
            tv_nsec: (ms % 1000) as i64 * 1_000_000,
        });
        events.raw.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events.raw), timeout.as_ref()) {
            Ok(_) => Ok(()),
            Err(Errno::INTR) => {
                events.raw.clear();
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
