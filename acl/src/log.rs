//! ACL LOG: what was refused, the newest first, alike refusals counted together.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use base::UnixMillis;

/// How far apart two refusals may be to be counted as one entry, in ms.
pub const GROUPING_MS: i64 = 60_000;

/// How many entries are compared with a new one.
const COMPARED: usize = 10;

/// Why something was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // Redis's words
pub enum Reason {
    Command,
    Key,
    Channel,
    Auth,
}

impl Reason {
    /// Redis's word.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

/// Where it was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // Redis's words
pub enum Context {
    Toplevel,
    Multi,
    Lua,
}

impl Context {
    /// Redis's word.
    pub fn name(self) -> &'static str {
        match self {
            Context::Toplevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// What was refused, once or often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// How often.
    pub count: u64,
    /// Why.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The command, key or channel.
    pub object: Vec<u8>,
    /// To whom.
    pub username: Vec<u8>,
    /// The last client, as CLIENT LIST has it.
    pub client_info: Vec<u8>,
    /// Number of the entry, from 0.
    pub id: u64,
    /// When it was refused first.
    pub created: UnixMillis,
    /// When it was refused last.
    pub updated: UnixMillis,
}

/// The log. Bound: `acllog-max-len` entries.
#[derive(Default, Debug)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    /// Notes a refusal; its `count`, `id` and `created` are the log's business.
    pub fn add(&mut self, mut fresh: Entry, limit: u64) {
        let alike = |known: &Entry| {
            (known.reason, known.context) == (fresh.reason, fresh.context)
                && (known.updated.0 - fresh.updated.0).abs() <= GROUPING_MS
                && known.object == fresh.object
                && known.username == fresh.username
        };
        let place = self.entries.iter().take(COMPARED).position(alike);
        if let Some(mut known) = place.and_then(|place| self.entries.remove(place)) {
            known.count += 1;
            known.updated = fresh.updated;
            known.client_info = fresh.client_info;
            self.entries.push_front(known);
            return;
        }
        fresh.count = 1;
        fresh.id = self.next_id;
        fresh.created = fresh.updated;
        self.next_id += 1;
        self.entries.push_front(fresh);
        self.entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }

    /// The newest `count` entries.
    pub fn newest(&self, count: usize) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter().take(count)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
