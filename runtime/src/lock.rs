//! A lock on a file, held by this process until it ends (`flock`).
//!
//! It keeps two nodes from sharing one cluster configuration file. The kernel drops it when the process dies, however
//! it dies; the file itself stays.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// The lock. Dropping it unlocks.
#[derive(Debug)]
pub struct FileLock {
    _fd: OwnedFd,
}

/// Why the file could not be locked. Its text is the line that Redis logs before it exits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LockError {
    /// Another process holds it.
    Taken {
        /// The file's name as configured.
        path: String,
    },
    /// It cannot be opened or created.
    Open {
        /// The file's name as configured.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// The lock itself failed.
    Lock {
        /// The system's reason.
        reason: String,
    },
}

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken { path } => write!(
                f,
                "Sorry, the cluster configuration file {path} is already used by a different Redis Cluster node. \
                 Please make sure that different nodes use different cluster configuration files."
            ),
            Self::Open { path, reason } => {
                write!(f, "Can't open {path} in order to acquire a lock: {reason}")
            }
            Self::Lock { reason } => write!(f, "Impossible to lock {reason}"),
        }
    }
}

impl std::error::Error for LockError {}

impl FileLock {
    /// Opens `path`, creating it empty if need be, and locks it without waiting.
    pub fn acquire(path: &str) -> Result<Self, LockError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::from_raw_mode(0o644))
            .map_err(|e| LockError::Open { path: path.into(), reason: crate::process::reason(e.into()) })?;
        match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _fd: fd }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Taken { path: path.into() }),
            Err(e) => {
                Err(LockError::Lock { reason: format!("{path}: {}", crate::process::reason(e.into())) })
            }
        }
    }
}
