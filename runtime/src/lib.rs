//! All the I/O there is: a poller, listeners, streams, a waker, clocks, signals, the process, a log and a file lock.
//!
//! The model: everything is non-blocking and edge-triggered where the loop reads a socket to its end; a loop owns a [`poller::Poller`] and the sockets it
//! watches, and other threads reach it only through a [`waker::Waker`]. `unsafe` is confined to [`stream`] (reading
//! into spare capacity), [`team`] (jobs lent to other threads), [`clock`] (the processor's counter), [`signals`] (handlers), [`process`] (`fork`, `umask`) and
//! [`log`] (`localtime_r`), each with its reason.
//!
//! It does not know: the server, its protocols, its configuration or its messages beyond what Redis's own logs say
//! about sockets and limits.

pub mod affinity;
pub mod clock;
pub mod crash;
pub mod gather;
pub mod governor;
pub mod listener;
pub mod lock;
pub mod log;
pub mod oom;
pub mod poller;
pub mod process;
pub mod signals;
pub mod stream;
pub mod supervised;
mod syslog;
pub mod team;
pub mod title;
pub mod waker;

pub use clock::Clock;
pub use log::{Level, Logger};
pub use poller::{Events, Interest, Poller, Token};
pub use stream::Stream;
pub use team::Team;
pub use waker::Waker;

#[cfg(test)]
mod tests;
