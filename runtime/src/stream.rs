//! Byte streams: TCP and unix sockets, accepted or connected, never blocking.
//!
//! A read appends to a caller's buffer within a bound that the caller gives; a write takes what the kernel takes. The
//! outcome of an outbound connect tells a refusal (proof that a host is up and nobody listens) from everything else.
//!
//! It does not know who is at the other end, nor what the bytes mean.

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketType, sockopt};
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// A connected, or connecting, non-blocking socket.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
}

/// What a read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadOutcome {
    /// So many bytes were appended; `filled` when they took all the room given, so that more may wait.
    Bytes {
        /// At least 1.
        count: usize,
        /// The bound was reached.
        filled: bool,
    },
    /// Nothing there now.
    NotNow,
    /// The peer has closed its side.
    End,
}

/// How an outbound connect ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectOutcome {
    /// The stream is ready for both directions.
    Connected,
    /// ECONNREFUSED: the host answered that nobody listens there.
    Refused,
    /// Time-out, no route, reset and so on; the system's text.
    Failed(String),
}

impl Stream {
    /// Takes over an accepted socket that is already non-blocking.
    pub(crate) fn from_fd(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Starts to connect to `addr`, from the local address `source` if given. The outcome is known when the poller says
    /// writable: ask [`Stream::connect_outcome`]. A refusal that is known at once is reported the same way.
    pub fn connect(addr: SocketAddr, source: Option<IpAddr>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking().cloexec(), None)?;
        if let Some(source) = source {
            socket.set_reuse_address(true)?;
            socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
        }
        match socket.connect(&SockAddr::from(addr)) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Self { fd: socket.into() })
    }

    /// How the connect ended, once the poller has said that it did.
    pub fn connect_outcome(&self) -> ConnectOutcome {
        match sockopt::socket_error(&self.fd) {
            Ok(Ok(())) => match rustix::net::getpeername(&self.fd) {
                Ok(_) => ConnectOutcome::Connected,
                Err(error) => ConnectOutcome::Failed(crate::process::reason(error.into())),
            },
            Ok(Err(error)) | Err(error) => Self::classify(error.into()),
        }
    }

    /// What an error of [`Stream::connect`] itself amounts to.
    pub fn classify(error: io::Error) -> ConnectOutcome {
        if error.raw_os_error() == Some(libc::ECONNREFUSED) {
            ConnectOutcome::Refused
        } else {
            ConnectOutcome::Failed(crate::process::reason(error))
        }
    }

    /// Connects to a unix socket, which succeeds or fails at once.
    pub fn connect_unix(path: &Path) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(Self { fd: socket.into() })
    }

    /// Reads once, appending at most `room` bytes to `buffer`. The buffer grows to hold them and no further.
    pub fn read(&self, buffer: &mut Vec<u8>, room: usize) -> io::Result<ReadOutcome> {
        buffer.reserve(room);
        let spare = &mut buffer.spare_capacity_mut()[..room];
        let count = match rustix::net::recv(&self.fd, spare, RecvFlags::empty()) {
            Ok(((filled, _), _)) => filled.len(),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(ReadOutcome::NotNow),
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return Ok(if room == 0 { ReadOutcome::NotNow } else { ReadOutcome::End });
        }
        // SAFETY: the kernel initialised the first `count` bytes of the spare capacity, and `count <= room`, which is
        // within the capacity by the `reserve` above.
        unsafe { buffer.set_len(buffer.len() + count) };
        Ok(ReadOutcome::Bytes { count, filled: count == room })
    }

    /// Writes once; how many bytes the kernel took, 0 if it has no room now. A peer that is gone is an error, never a
    /// signal.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends small writes at once (TCP only; nothing happens on a unix socket).
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        if self.is_tcp() { Ok(sockopt::set_tcp_nodelay(&self.fd, on)?) } else { Ok(()) }
    }

    /// Probes an idle TCP peer after `seconds`, then every third of it, and gives up after three probes, as Redis does;
    /// 0 leaves the system's default.
    pub fn set_keepalive(&self, seconds: u64) -> io::Result<()> {
        if seconds == 0 || !self.is_tcp() {
            return Ok(());
        }
        let probe = TcpKeepalive::new()
            .with_time(Duration::from_secs(seconds))
            .with_interval(Duration::from_secs((seconds / 3).max(1)))
            .with_retries(3);
        socket2::SockRef::from(&self.fd).set_tcp_keepalive(&probe)
    }

    /// The address at the other end, `None` for a unix socket.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        rustix::net::getpeername(&self.fd).ok().flatten().and_then(|a| SocketAddr::try_from(a).ok())
    }

    /// The address at our end, `None` for a unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(&self.fd).ok().and_then(|a| SocketAddr::try_from(a).ok())
    }

    fn is_tcp(&self) -> bool {
        sockopt::socket_type(&self.fd) == Ok(SocketType::STREAM) && self.local_addr().is_some()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
