//! What passes between [`Node`](crate::Node) and whoever drives it: facts about connections, actions, load outcomes.
//!
//! It holds plain values only; their meaning lives with the machine.

use base::ConnId;
use cluster::{DataEvent, RequestId};
use persist::DiskRequest;
use std::fmt;

/// Severity of a log line, as Redis's `loglevel` orders them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// `debug`, printed with `.`.
    Debug,
    /// `verbose`, printed with `-`.
    Verbose,
    /// `notice`, printed with `*`.
    Notice,
    /// `warning`, printed with `#`.
    Warning,
}

/// Who connected, and to which of our addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeerInfo {
    /// `host:port` of the peer; the socket's path with `:0` for a Unix socket.
    pub peer: String,
    /// `host:port` of our end.
    pub local: String,
    /// Whether it came over the Unix socket.
    pub unix: bool,
    /// Whether the peer is on this machine (loopback address or Unix socket): protected mode lets it pass.
    pub loopback: bool,
}

/// Our end of a connection that [`Action::Connect`] asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocalInfo {
    /// Our IP address on it.
    pub ip: String,
    /// Our port on it.
    pub port: u16,
}

/// What a request that has begun still lacks, as far as it has said so. It is what the client claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Bytes missing of the argument that has begun, its line end included; 0: nobody knows.
    pub bytes: usize,
    /// It is so large that its buffer is made for it alone.
    pub big: bool,
}

/// What must be done outside. Drained with [`Node::poll_action`](crate::Node::poll_action) until `None` after every call.
#[derive(Debug)]
pub enum Action {
    /// Open a TCP connection and answer with [`Node::handle_connected`](crate::Node::handle_connected).
    Connect {
        /// The name it will have.
        conn: ConnId,
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// Close a connection; nothing more is heard of it, `handle_closed` is not called for it.
    Close {
        /// Which one.
        conn: ConnId,
    },
    /// Let the system gather small writes to this connection (`repl-disable-tcp-nodelay`).
    GatherWrites {
        /// Which one.
        conn: ConnId,
    },
    /// Ask the disk thread; requests keep their order.
    Disk(DiskRequest),
    /// A message for the control thread.
    Control(ToControl),
    /// A line for the server's log.
    Log {
        /// Its severity.
        level: LogLevel,
        /// The text after the time and the level mark.
        text: String,
    },
    /// Directives changed at run time that the runtime itself honours (`port`, `bind`, `loglevel`, `maxclients`, ...).
    ConfigChanged {
        /// Their names in lower case.
        names: Vec<&'static str>,
    },
    /// CONFIG SET of what the system may refuse: apply all the directives or none, and report with
    /// [`Node::handle_config_applied`](crate::Node::handle_config_applied). Answered in order; only sent after
    /// [`Node::ask_before_config_changes`](crate::Node::ask_before_config_changes).
    ApplyConfig {
        /// Their names in lower case.
        names: Vec<&'static str>,
        /// All settings as they would be.
        settings: Box<config::Settings>,
    },
    /// CONFIG REWRITE: replace the file's content by `config.rewrite(its content)`, or `rewrite_all`, atomically, and report with
    /// [`Node::handle_config_written`](crate::Node::handle_config_written). Answered in order.
    RewriteConfig {
        /// As it was named at start.
        file: String,
        /// Every directive is written.
        all: bool,
        /// The configuration in force.
        config: Box<config::Config>,
    },
    /// DEBUG SLEEP: block the data thread for so long before anything else is done.
    Sleep {
        /// Microseconds, at most a day.
        micros: u64,
    },
    /// DEBUG RELOAD: there is something to load again; call [`Node::load_slice`](crate::Node::load_slice) until it is done.
    Load,
    /// DEBUG SEGFAULT or PANIC: crash, so that the report can be looked at. `propagation-error-behavior panic`: before the
    /// data differs any further.
    Crash {
        /// How.
        by: CrashBy,
    },
    /// Everything is saved and told: leave the process after the outstanding disk requests are done.
    Exit {
        /// The process's exit status.
        code: i32,
    },
}

/// How DEBUG crashes the process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CrashBy {
    /// An access to memory that is not there.
    BadAccess,
    /// A panic that says this.
    Panic(String),
}

/// Why a directive could not be applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplyError {
    /// Its name.
    pub argument: &'static str,
    /// In Redis's words, or the system's.
    pub reason: String,
}

/// What travels to the control thread, in order.
#[derive(Debug)]
pub enum ToControl {
    /// A mutating CLUSTER command; answered with `cluster::ToData::Reply`.
    Command {
        /// Comes back in the answer.
        request: RequestId,
        /// What to do.
        command: cluster::Command,
    },
    /// PUBLISH or SPUBLISH: send it to the other nodes.
    Publish {
        /// The channel.
        channel: Vec<u8>,
        /// The payload.
        message: Vec<u8>,
        /// To the shard's nodes only, for SSUBSCRIBE's subscribers.
        sharded: bool,
    },
    /// What the data thread reports.
    Data(DataEvent),
    /// CONFIG SET changed what the cluster machine reads.
    Config(Box<cluster::Config>),
}

/// What loading found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoadReport {
    /// Keys loaded.
    pub keys: u64,
    /// Keys left out because they had expired.
    pub expired: u64,
}

/// What a slice of loading came to; see [`Node::load_slice`](crate::Node::load_slice).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadProgress {
    /// There is more to load.
    More,
    /// The data is there and served.
    Done(LoadReport),
}

/// Why the data on disk could not be loaded; its text is what the log says before the server gives up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError {
    /// The line for the log.
    pub text: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for LoadError {}
