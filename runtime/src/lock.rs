//! A lock on a file, held by this process until it ends (`flock`).
//!
//! It keeps two nodes from sharing one cluster configuration file. The kernel drops it when the process dies, however
//! it dies; the file itself stays.
//!
//! The lock belongs to the file's inode and not to its name, so whoever replaces the file by a rename must lock the new
//! file first ([`FileLock::of`]), and whoever locks by name checks afterwards that the name still means what was locked.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;

/// How often a file may be replaced under our hands while we lock it.
const RENAMES_MAX: usize = 8;

/// The lock. Dropping it unlocks.
#[derive(Debug)]
pub struct FileLock {
    fd: OwnedFd,
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
        for _ in 0..RENAMES_MAX {
            let lock = Self::acquire_once(path)?;
            if lock.is_still(path) {
                return Ok(lock);
            }
        }
        // It is replaced again and again: by a node that runs.
        Err(LockError::Taken { path: path.into() })
    }

    /// Locks an open file, which nobody else can have locked yet.
    pub fn of(file: impl Into<OwnedFd>) -> io::Result<Self> {
        let fd = file.into();
        flock(&fd, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { fd })
    }

    fn is_still(&self, path: &str) -> bool {
        match (fstat(&self.fd), stat(path)) {
            (Ok(locked), Ok(named)) => (locked.st_dev, locked.st_ino) == (named.st_dev, named.st_ino),
            _ => false,
        }
    }

    fn acquire_once(path: &str) -> Result<Self, LockError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::from_raw_mode(0o644))
            .map_err(|e| LockError::Open { path: path.into(), reason: crate::process::reason(e.into()) })?;
        match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { fd }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Taken { path: path.into() }),
            Err(e) => {
                Err(LockError::Lock { reason: format!("{path}: {}", crate::process::reason(e.into())) })
            }
        }
    }
}
