//! The types of [`crate::Settings`]' fields: how each prints as CONFIG GET does and reads that text back.
//!
//! A directive's value passes through one canonical text: [`crate::rule`] checks what a person wrote and returns that
//! text, [`Field::read`] stores it. So `read` only ever sees text that its own rule has produced; a field that does
//! not understand it keeps its value, which the test over all defaults would show.

/// A field's text form.
pub(crate) trait Field {
    /// As CONFIG GET prints it.
    fn print(&self) -> String;
    /// Takes what [`Field::print`] would give.
    fn read(&mut self, text: &str);
}

macro_rules! parsed_field {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn print(&self) -> String {
                self.to_string()
            }
            fn read(&mut self, text: &str) {
                if let Ok(value) = text.parse() {
                    *self = value;
                }
            }
        }
    )*};
}

parsed_field!(u16, u32, u64, i64);

impl Field for bool {
    fn print(&self) -> String {
        String::from(if *self { "yes" } else { "no" })
    }
    fn read(&mut self, text: &str) {
        *self = text == "yes";
    }
}

impl Field for String {
    fn print(&self) -> String {
        self.clone()
    }
    fn read(&mut self, text: &str) {
        text.clone_into(self);
    }
}

impl Field for Vec<String> {
    fn print(&self) -> String {
        self.join(" ")
    }
    fn read(&mut self, text: &str) {
        *self = text.split_whitespace().map(String::from).collect();
    }
}

impl Field for Vec<i64> {
    fn print(&self) -> String {
        self.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
    }
    fn read(&mut self, text: &str) {
        *self = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    }
}

impl Field for Vec<f64> {
    fn print(&self) -> String {
        self.iter().map(|value| percentile(*value)).collect::<Vec<_>>().join(" ")
    }
    fn read(&mut self, text: &str) {
        *self = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    }
}

/// `%f` without the zeros at its end.
pub(crate) fn percentile(value: f64) -> String {
    format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_string()
}

impl Field for Vec<(u64, u64)> {
    fn print(&self) -> String {
        self.iter().map(|(first, second)| format!("{first} {second}")).collect::<Vec<_>>().join(" ")
    }
    fn read(&mut self, text: &str) {
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        *self = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    }
}

impl Field for Option<(String, u16)> {
    fn print(&self) -> String {
        self.as_ref().map_or_else(String::new, |(host, port)| format!("{host} {port}"))
    }
    fn read(&mut self, text: &str) {
        *self = text.rsplit_once(' ').and_then(|(host, port)| Some((String::from(host), port.parse().ok()?)));
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// The words that the directive accepts.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for this value.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl Field for $name {
            fn print(&self) -> String {
                String::from(self.as_str())
            }
            fn read(&mut self, text: &str) {
                match text {
                    $($word => *self = Self::$variant,)*
                    _ => {}
                }
            }
        }
    };
}

words! {
    /// What is written to the log: this level and those above it.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much, but not a mess.
        Verbose = "verbose",
        /// What an operator wants in production.
        #[default]
        Notice = "notice",
        /// Only what is important or critical.
        Warning = "warning",
        /// No log at all.
        Nothing = "nothing",
    }
}

words! {
    /// When the append-only file is synced.
    AppendFsync {
        /// Once a second, beside the serving of commands.
        #[default]
        Everysec = "everysec",
        /// Before a write is acknowledged.
        Always = "always",
        /// When the operating system likes.
        No = "no",
    }
}

words! {
    /// Whether a replica leaves its primary's failover to others.
    NoFailover {
        /// It stands for election.
        #[default]
        No = "no",
        /// It does not, unless an operator has it do so.
        Yes = "yes",
        /// It does not while it holds no key.
        IfEmpty = "if-empty",
    }
}

words! {
    /// What CLUSTER SLOTS and redirections tell clients to connect to.
    EndpointType {
        /// The IP address.
        #[default]
        Ip = "ip",
        /// The announced host name.
        Hostname = "hostname",
        /// Nothing: the client uses the address that it already has.
        UnknownEndpoint = "unknown-endpoint",
    }
}

words! {
    /// Whether the nodes' links must prove the cluster's secret.
    SecretMode {
        /// As if there were no secret.
        Off = "off",
        /// Links with and without proof are taken: while a secret is introduced.
        Permissive = "permissive",
        /// Only links with proof.
        #[default]
        Required = "required",
    }
}

words! {
    /// Who may do something dangerous.
    Permission {
        /// Nobody.
        #[default]
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Connections from this machine.
        Local = "local",
    }
}

words! {
    /// Which keys go when memory is full.
    EvictionPolicy {
        /// The least recently used of those that expire.
        VolatileLru = "volatile-lru",
        /// The least often used of those that expire.
        VolatileLfu = "volatile-lfu",
        /// Any that expires.
        VolatileRandom = "volatile-random",
        /// The one that expires soonest.
        VolatileTtl = "volatile-ttl",
        /// The least recently used of all.
        AllkeysLru = "allkeys-lru",
        /// The least often used of all.
        AllkeysLfu = "allkeys-lfu",
        /// Any.
        AllkeysRandom = "allkeys-random",
        /// None: writes are refused.
        #[default]
        Noeviction = "noeviction",
    }
}

/// A file mode, written in octal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Octal(pub u32);

impl Field for Octal {
    fn print(&self) -> String {
        format!("{:o}", self.0)
    }
    fn read(&mut self, text: &str) {
        if let Ok(value) = u32::from_str_radix(text, 8) {
            self.0 = value;
        }
    }
}

/// A limit in bytes or as a share of `maxmemory`; zero bytes are no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryLimit {
    /// Bytes.
    Bytes(u64),
    /// Percent of `maxmemory`, at most 100.
    Percent(u8),
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

impl Field for MemoryLimit {
    fn print(&self) -> String {
        match self {
            Self::Bytes(bytes) => bytes.to_string(),
            Self::Percent(percent) => format!("{percent}%"),
        }
    }
    fn read(&mut self, text: &str) {
        let value = match text.strip_suffix('%') {
            Some(percent) => percent.parse().map(Self::Percent),
            None => text.parse().map(Self::Bytes),
        };
        if let Ok(value) = value {
            *self = value;
        }
    }
}

/// How much unsent output a client may have. Zero is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutputLimit {
    /// Bytes at which the client is disconnected at once.
    pub hard_bytes: u64,
    /// Bytes at which it is disconnected after `soft_seconds`.
    pub soft_bytes: u64,
    /// How long the soft limit may be exceeded, in seconds.
    pub soft_seconds: u64,
}

/// `client-output-buffer-limit`, per class of client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutputLimits {
    /// Ordinary clients.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Subscribers.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    pub(crate) fn classes(&self) -> [(&'static str, OutputLimit); 3] {
        [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)]
    }
}

impl Field for OutputLimits {
    fn print(&self) -> String {
        let class = |(name, limit): (&str, OutputLimit)| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        };
        self.classes().map(class).join(" ")
    }
    fn read(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        for group in words.chunks_exact(4) {
            let number = |i: usize| group[i].parse().unwrap_or(0);
            let limit = OutputLimit { hard_bytes: number(1), soft_bytes: number(2), soft_seconds: number(3) };
            match group[0] {
                "normal" => self.normal = limit,
                "slave" => self.replica = limit,
                "pubsub" => self.pubsub = limit,
                _ => {}
            }
        }
    }
}

/// `notify-keyspace-events`: which events are published, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NotifyEvents(pub u16);

impl NotifyEvents {
    /// `K`: publish to `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: u16 = 1;
    /// `E`: publish to `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: u16 = 1 << 1;
    /// `g`: commands of no particular type.
    pub const GENERIC: u16 = 1 << 2;
    /// `$`: strings.
    pub const STRING: u16 = 1 << 3;
    /// `l`: lists.
    pub const LIST: u16 = 1 << 4;
    /// `s`: sets.
    pub const SET: u16 = 1 << 5;
    /// `h`: hashes.
    pub const HASH: u16 = 1 << 6;
    /// `z`: sorted sets.
    pub const ZSET: u16 = 1 << 7;
    /// `x`: expired keys.
    pub const EXPIRED: u16 = 1 << 8;
    /// `e`: evicted keys.
    pub const EVICTED: u16 = 1 << 9;
    /// `t`: streams.
    pub const STREAM: u16 = 1 << 10;
    /// `m`: reads of a key that is not there. Not part of `A`.
    pub const KEY_MISS: u16 = 1 << 11;
    /// `d`: modules.
    pub const MODULE: u16 = 1 << 13;
    /// `n`: new keys. Not part of `A`.
    pub const NEW: u16 = 1 << 14;
    /// `A`: `g$lshzxetd`.
    pub const ALL: u16 = Self::GENERIC
        | Self::STRING
        | Self::LIST
        | Self::SET
        | Self::HASH
        | Self::ZSET
        | Self::EXPIRED
        | Self::EVICTED
        | Self::STREAM
        | Self::MODULE;

    const CLASSES: [(char, u16); 11] = [
        ('g', Self::GENERIC),
        ('$', Self::STRING),
        ('l', Self::LIST),
        ('s', Self::SET),
        ('h', Self::HASH),
        ('z', Self::ZSET),
        ('x', Self::EXPIRED),
        ('e', Self::EVICTED),
        ('t', Self::STREAM),
        ('d', Self::MODULE),
        ('n', Self::NEW),
    ];
    const ALWAYS: [(char, u16); 3] = [('K', Self::KEYSPACE), ('E', Self::KEYEVENT), ('m', Self::KEY_MISS)];

    /// Whether an event of this class is to be published at all.
    pub fn wants(self, class: u16) -> bool {
        self.0 & class != 0 && self.0 & (Self::KEYSPACE | Self::KEYEVENT) != 0
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let known = || Self::CLASSES.into_iter().chain(Self::ALWAYS).chain([('A', Self::ALL)]);
        text.chars()
            .try_fold(0, |bits, letter| Some(bits | known().find(|(own, _)| *own == letter)?.1))
            .map(Self)
    }
}

impl Field for NotifyEvents {
    fn print(&self) -> String {
        let letters = |table: &[(char, u16)]| -> String {
            table.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(letter, _)| *letter).collect()
        };
        let whole = self.0 & Self::ALL == Self::ALL;
        let mut classes = if whole { String::from("A") } else { letters(&Self::CLASSES) };
        // Redis leaves it out beside A; here the text is all that is kept.
        if whole && self.0 & Self::NEW != 0 {
            classes.push('n');
        }
        classes + &letters(&Self::ALWAYS)
    }
    fn read(&mut self, text: &str) {
        if let Some(value) = Self::parse(text) {
            *self = value;
        }
    }
}
