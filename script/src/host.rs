//! What a script can ask of the server: the one door between the interpreter and the node.
//!
//! The interpreter knows no command, no key and no client. It hands arguments over and takes RESP back, asks at every
//! so many instructions whether it may go on, and says what the script chose about propagation and the log.

use resp::Protocol;

/// Whether a running script may go on; the answer to [`Host::tick`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tick {
    /// Go on.
    Go,
    /// End now: SCRIPT KILL, FUNCTION KILL, SHUTDOWN. Sticky: no `pcall` of the script catches it for good.
    Kill,
}

/// Where the writes of a script go from here on (`redis.set_repl`): Redis's bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Propagation(pub u8);

impl Propagation {
    /// Nowhere.
    pub const NONE: Self = Self(0);
    /// To the append-only file.
    pub const AOF: Self = Self(1);
    /// To the replicas.
    pub const REPLICAS: Self = Self(2);
    /// To both: what a script starts with.
    pub const ALL: Self = Self(3);

    /// Whether the append-only file has it.
    pub fn aof(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether the replicas have it.
    pub fn replicas(self) -> bool {
        self.0 & 2 != 0
    }
}

/// Level of a line of the log (`redis.LOG_*`), in Redis's order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// `redis.LOG_DEBUG`
    Debug,
    /// `redis.LOG_VERBOSE`
    Verbose,
    /// `redis.LOG_NOTICE`
    Notice,
    /// `redis.LOG_WARNING`
    Warning,
}

/// The server as a script sees it. `node` implements it for the length of one run.
pub trait Host {
    /// Executes one command as the script's client (same user and database as the caller, blocking denied) and appends
    /// its whole reply to `reply`, in `protocol`: exactly one RESP value. What forbids the command (unknown, arity,
    /// `noscript`, ACL, read-only script, OOM, cluster) is an error reply, `-ERR …\r\n`, like any other.
    ///
    /// `args` has at least one element. `reply` is empty on entry. The engine that runs the script is borrowed: the host
    /// must refuse commands that want it (they are `noscript`).
    fn call(&mut self, args: &[&[u8]], protocol: Protocol, reply: &mut Vec<u8>);

    /// Called about every 100,000 instructions of the interpreter: the place for `busy-reply-threshold`, for answering
    /// other clients `-BUSY`, and for SCRIPT KILL.
    fn tick(&mut self) -> Tick;

    /// `redis.set_repl(flags)`: for the commands from here to the end of the run.
    fn set_repl(&mut self, flags: Propagation);

    /// `redis.acl_check_cmd(...)`: whether the caller's user may run it; `None` when there is no such command.
    fn acl_check(&mut self, args: &[&[u8]]) -> Option<bool>;

    /// `redis.log(level, ...)`; the host drops what is below its `loglevel`.
    fn log(&mut self, level: LogLevel, text: &[u8]);
}
