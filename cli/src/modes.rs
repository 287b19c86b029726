//! What the program does when it is not asked for a command: scanning, measuring, transferring.
//!
//! Several may be on one command line; the first of [`Task`]'s order is done, as in redis-cli.

use crate::args::Settings;
use crate::session::{Quit, Session};
use crate::{latency, lru, scan, stat, transfer};

/// One of the modes, in the order in which they win.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Task {
    /// `--latency`, or `--latency-history`.
    Latency {
        /// One line for each interval instead of one for all time.
        history: bool,
    },
    /// `--latency-dist`.
    LatencyDist,
    /// `--replica`.
    Replica,
    /// `--rdb`, or `--functions-rdb`.
    Rdb {
        /// Only the functions are asked for.
        functions: bool,
    },
    /// `--pipe`.
    Pipe,
    /// `--bigkeys`.
    BigKeys,
    /// `--memkeys`: the values of a nested key that MEMORY USAGE samples; 0 leaves it to the server.
    MemKeys(i64),
    /// `--hotkeys`.
    HotKeys,
    /// `--stat`.
    Stat,
    /// `--scan`.
    Scan,
    /// `--lru-test` with this many keys.
    LruTest(i64),
    /// `--intrinsic-latency` for this many seconds.
    IntrinsicLatency(i64),
}

/// Does it; returns the exit code.
pub fn run(task: Task, settings: Settings) -> Result<i32, Quit> {
    if let Task::IntrinsicLatency(seconds) = task {
        return Ok(latency::intrinsic::run(seconds));
    }
    let mut session = Session::new(settings);
    if !session.connect(false) {
        return Ok(1);
    }
    match task {
        Task::Latency { history } => latency::run(session, history),
        Task::LatencyDist => latency::dist::run(session),
        Task::Replica => transfer::replica::run(session),
        Task::Rdb { functions } => transfer::rdb::run(session, functions),
        Task::Pipe => transfer::pipe::run(session),
        Task::BigKeys => scan::bigkeys::run(session, None),
        Task::MemKeys(samples) => scan::bigkeys::run(session, Some(samples)),
        Task::HotKeys => scan::hotkeys::run(session),
        Task::Stat => stat::run(session),
        Task::Scan => scan::run(session),
        Task::LruTest(keys) => lru::run(session, keys),
        Task::IntrinsicLatency(_) => Ok(0),
    }
}
