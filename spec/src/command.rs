//! One command as a value, and the small words in which a table writes it down.

use crate::category::Categories;
use crate::docs::Arg;
use crate::index;
use crate::keys::{KeySpec, Legacy};

/// Number of a command, dense from 0 to [`crate::COUNT`], subcommands included: good for indexing arrays.
///
/// It is not stable between versions; on disk and on the wire a command is its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommandId(pub u16);

impl CommandId {
    /// The id as an array index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The bits of [`Flags`]. The first block stands in the order in which COMMAND INFO lists them.
#[allow(missing_docs)] // the names are Redis's own
pub mod flag {
    pub const WRITE: u32 = 1 << 0;
    pub const READONLY: u32 = 1 << 1;
    pub const DENYOOM: u32 = 1 << 2;
    pub const MODULE: u32 = 1 << 3;
    pub const ADMIN: u32 = 1 << 4;
    pub const PUBSUB: u32 = 1 << 5;
    pub const NOSCRIPT: u32 = 1 << 6;
    pub const BLOCKING: u32 = 1 << 7;
    pub const LOADING: u32 = 1 << 8;
    pub const STALE: u32 = 1 << 9;
    pub const SKIP_MONITOR: u32 = 1 << 10;
    pub const SKIP_SLOWLOG: u32 = 1 << 11;
    pub const ASKING: u32 = 1 << 12;
    pub const FAST: u32 = 1 << 13;
    pub const NO_AUTH: u32 = 1 << 14;
    pub const NO_MANDATORY_KEYS: u32 = 1 << 15;
    pub const NO_ASYNC_LOADING: u32 = 1 << 16;
    pub const NO_MULTI: u32 = 1 << 17;
    pub const MOVABLEKEYS: u32 = 1 << 18;
    pub const ALLOW_BUSY: u32 = 1 << 19;
    // Hidden: COMMAND INFO does not list these.
    pub const MAY_REPLICATE: u32 = 1 << 20;
    pub const SENTINEL: u32 = 1 << 21;
    pub const ONLY_SENTINEL: u32 = 1 << 22;
    pub const PROTECTED: u32 = 1 << 23;
    pub const TOUCHES_ARBITRARY_KEYS: u32 = 1 << 24;
}

const FLAG_NAMES: [&str; 20] = [
    "write",
    "readonly",
    "denyoom",
    "module",
    "admin",
    "pubsub",
    "noscript",
    "blocking",
    "loading",
    "stale",
    "skip_monitor",
    "skip_slowlog",
    "asking",
    "fast",
    "no_auth",
    "no_mandatory_keys",
    "no_async_loading",
    "no_multi",
    "movablekeys",
    "allow_busy",
];

/// A set of command flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// Whether all of `bits` are set.
    #[inline]
    pub const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    /// The flags that COMMAND INFO shows, in its order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FLAG_NAMES.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name)
    }
}

/// What COMMAND DOCS says about a command's standing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DocFlags {
    /// Kept for old clients only.
    pub deprecated: bool,
    /// Spoken between servers, not by clients.
    pub syscmd: bool,
}

/// The chapter of the documentation that a command belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Group {
    Generic,
    String,
    Set,
    Hash,
    Stream,
    Connection,
    Server,
    Cluster,
    Pubsub,
    Transactions,
    Scripting,
    Bitmap,
    Hyperloglog,
    SortedSet,
    Geo,
    List,
}

impl Group {
    /// Redis's name of the group.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::Set => "set",
            Group::Hash => "hash",
            Group::Stream => "stream",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Cluster => "cluster",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Scripting => "scripting",
            Group::Bitmap => "bitmap",
            Group::Hyperloglog => "hyperloglog",
            Group::SortedSet => "sorted-set",
            Group::Geo => "geo",
            Group::List => "list",
        }
    }
}

/// Everything that is known about one command or subcommand without running it.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Dense number, see [`CommandId`].
    pub id: CommandId,
    /// Lower case; a subcommand carries its container: `client|id`.
    pub name: &'static str,
    /// Exact number of arguments with the name (and subcommand); negative: at least that many.
    pub arity: i16,
    /// What the dispatcher must know.
    pub flags: Flags,
    /// All ACL categories, implied ones included.
    pub categories: Categories,
    /// Where the keys stand.
    pub keys: &'static [KeySpec],
    /// First version of Redis with this command.
    pub since: &'static str,
    /// Chapter.
    pub group: Group,
    /// Cost in big-O notation; empty where none is stated.
    pub complexity: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The arguments as COMMAND DOCS shows them.
    pub args: &'static [Arg],
    /// Hints for clients and proxies, lower case.
    pub tips: &'static [&'static str],
    /// Deprecated, internal.
    pub doc_flags: DocFlags,
    /// Version that deprecated the command, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    pub(crate) parent: Option<CommandId>,
    pub(crate) legacy: Legacy,
    /// What the table says; readers see the numbered ones through [`Command::subcommands`].
    pub(crate) children: &'static [Command],
    pub(crate) first_child: u16,
}

/// Starts a definition; the rest follows by the methods below. `name` is lower case and whole (`client|id`).
pub(crate) const fn command(name: &'static str, arity: i16) -> Command {
    Command {
        id: CommandId(0),
        name,
        arity,
        flags: Flags(0),
        categories: Categories(0),
        keys: &[],
        since: "",
        group: Group::Generic,
        complexity: "",
        summary: "",
        args: &[],
        tips: &[],
        doc_flags: DocFlags { deprecated: false, syscmd: false },
        deprecated: None,
        parent: None,
        legacy: Legacy::NONE,
        children: &[],
        first_child: 0,
    }
}

/// Writing a definition down.
impl Command {
    pub(crate) const fn summary(mut self, text: &'static str) -> Self {
        self.summary = text;
        self
    }

    pub(crate) const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    pub(crate) const fn complexity(mut self, text: &'static str) -> Self {
        self.complexity = text;
        self
    }

    pub(crate) const fn flags(mut self, bits: u32) -> Self {
        self.flags = Flags(bits);
        self
    }

    pub(crate) const fn categories(mut self, bits: u64) -> Self {
        self.categories = Categories(bits);
        self
    }

    pub(crate) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }

    pub(crate) const fn args(mut self, args: &'static [Arg]) -> Self {
        self.args = args;
        self
    }

    pub(crate) const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    pub(crate) const fn deprecated(mut self, since: &'static str, instead: &'static str) -> Self {
        self.doc_flags.deprecated = true;
        self.deprecated = Some((since, instead));
        self
    }

    pub(crate) const fn syscmd(mut self) -> Self {
        self.doc_flags.syscmd = true;
        self
    }

    pub(crate) const fn with(mut self, children: &'static [Command]) -> Self {
        self.children = children;
        self
    }
}

/// Reading it.
impl Command {
    /// Whether a request of `count` arguments, the name included, has a legal length.
    #[inline]
    pub const fn arity_ok(&self, count: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { count == wanted } else { count >= wanted }
    }

    /// Whether all of the `flag::*` bits are set.
    #[inline]
    pub const fn has(&self, bits: u32) -> bool {
        self.flags.has(bits)
    }

    /// Whether some of the `flag::*` bits is set.
    #[inline]
    pub const fn has_any(&self, bits: u32) -> bool {
        self.flags.0 & bits != 0
    }

    /// Changes data.
    #[inline]
    pub const fn is_write(&self) -> bool {
        self.has(flag::WRITE)
    }

    /// Reads data and changes none.
    #[inline]
    pub const fn is_readonly(&self) -> bool {
        self.has(flag::READONLY)
    }

    /// Refused when memory is used up.
    #[inline]
    pub const fn denyoom(&self) -> bool {
        self.has(flag::DENYOOM)
    }

    /// Refused inside a script.
    #[inline]
    pub const fn noscript(&self) -> bool {
        self.has(flag::NOSCRIPT)
    }

    /// Served while the data set is loading.
    #[inline]
    pub const fn loading(&self) -> bool {
        self.has(flag::LOADING)
    }

    /// Served by a replica that has lost its primary, whatever `replica-serve-stale-data` says.
    #[inline]
    pub const fn stale(&self) -> bool {
        self.has(flag::STALE)
    }

    /// Constant or logarithmic time.
    #[inline]
    pub const fn fast(&self) -> bool {
        self.has(flag::FAST)
    }

    /// Served before authentication.
    #[inline]
    pub const fn no_auth(&self) -> bool {
        self.has(flag::NO_AUTH)
    }

    /// Served while a script runs over its time.
    #[inline]
    pub const fn allow_busy(&self) -> bool {
        self.has(flag::ALLOW_BUSY)
    }

    /// Refused inside MULTI.
    #[inline]
    pub const fn no_multi(&self) -> bool {
        self.has(flag::NO_MULTI)
    }

    /// May produce writes though not a write command itself (PUBLISH, EVAL).
    #[inline]
    pub const fn may_replicate(&self) -> bool {
        self.has(flag::MAY_REPLICATE)
    }

    /// The first/last/step triple does not name all keys.
    #[inline]
    pub const fn movablekeys(&self) -> bool {
        self.has(flag::MOVABLEKEYS)
    }

    /// First key, last key (negative: from the end) and step, as COMMAND INFO has them; zeros without keys.
    pub const fn legacy_range(&self) -> (i32, i32, i32) {
        (self.legacy.first, self.legacy.last, self.legacy.step)
    }

    /// Whether an argument may be a key of the data set (channels of sharded pub/sub are not).
    pub fn has_keys(&self) -> bool {
        self.keys.iter().any(|spec| !spec.flags.has(crate::keys::key_flag::NOT_KEY))
    }

    /// The subcommands of a container, in the order of their names.
    #[inline]
    pub fn subcommands(&self) -> &'static [Command] {
        index::children(self)
    }

    /// The command that this one is a subcommand of.
    pub fn container(&self) -> Option<&'static Command> {
        self.parent.map(index::by_id)
    }

    /// The last word of the name: `id` of `client|id`.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }
}
