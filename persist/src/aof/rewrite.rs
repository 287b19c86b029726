//! [`CommandWriter`]: entries in, the commands that make them out: a base of the AOF under `aof-use-rdb-preamble no`.
//!
//! What one command cannot hold, or would hold badly, comes in several of [`ITEMS_PER_COMMAND`] elements. Pending
//! entries of a stream whose entries are gone are not written: no command makes them, in Redis neither.

use base::{DbIndex, UnixMillis};
use ds::listpack::Entry;
use ds::stream::{Group, StreamId};
use keyspace::{Object, ValueRef};

/// Elements in one command, as in Redis (`AOF_REWRITE_ITEMS_PER_CMD`).
const ITEMS_PER_COMMAND: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct CommandWriter {
    out: Vec<u8>,
    taken: u64,
    db: Option<DbIndex>,
}

impl CommandWriter {
    /// A writer that begins with a note of the time, in seconds, if there is one.
    pub fn noted(time: Option<i64>) -> Self {
        let out = time.map_or_else(Vec::new, |time| format!("#TS:{time}\r\n").into_bytes());
        Self { out, ..Self::default() }
    }

    /// One entry of any database.
    pub fn entry(&mut self, db: DbIndex, key: &[u8], value: ValueRef<'_>, expire: Option<UnixMillis>) {
        if self.db != Some(db) {
            self.db = Some(db);
            self.command(&[b"SELECT", db.0.to_string().as_bytes()]);
        }
        match value {
            ValueRef::Int(int) => self.command(&[b"SET", key, int.to_string().as_bytes()]),
            ValueRef::Bytes(bytes) => self.command(&[b"SET", key, bytes]),
            ValueRef::Object(object) => self.object(key, object),
        }
        if let Some(at) = expire {
            self.command(&[b"PEXPIREAT", key, at.0.to_string().as_bytes()]);
        }
    }

    /// Takes away what has been written since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    /// Bytes waiting to be taken.
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// Bytes written so far, taken or not.
    pub fn total(&self) -> u64 {
        self.taken + self.out.len() as u64
    }

    fn object(&mut self, key: &[u8], object: &Object) {
        match object {
            Object::List(list) => {
                let items = list.iter(ds::list::End::Left).map(|item| [item]);
                self.elements(b"RPUSH", key, list.len(), items);
            }
            Object::Set(set) => self.elements(b"SADD", key, set.len(), set.iter().map(|member| [member])),
            Object::Hash(hash) => {
                let pairs = hash.iter().map(|(field, value)| [field, value]);
                self.elements(b"HMSET", key, hash.len(), pairs);
                for (field, at) in hash.expiries() {
                    let at = at.to_string();
                    field.with_text(|field| {
                        self.command(&[b"HPEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1", field]);
                    });
                }
            }
            Object::Zset(zset) => self.scores(key, zset),
            Object::Stream(stream) => self.stream(key, stream),
        }
    }

    /// So many elements of `N` arguments each.
    fn elements<'e, const N: usize>(
        &mut self,
        name: &[u8],
        key: &[u8],
        mut left: usize,
        elements: impl Iterator<Item = [Entry<'e>; N]>,
    ) {
        for (index, element) in elements.enumerate() {
            if index.is_multiple_of(ITEMS_PER_COMMAND) {
                self.begin(2 + N * left.min(ITEMS_PER_COMMAND));
                self.argument(name);
                self.argument(key);
            }
            left = left.saturating_sub(1);
            for argument in element {
                argument.with_text(|text| self.argument(text));
            }
        }
    }

    fn scores(&mut self, key: &[u8], zset: &ds::Zset) {
        let mut left = zset.len();
        for (index, (member, score)) in zset.iter().enumerate() {
            if index.is_multiple_of(ITEMS_PER_COMMAND) {
                self.begin(2 + 2 * left.min(ITEMS_PER_COMMAND));
                self.argument(b"ZADD");
                self.argument(key);
            }
            left = left.saturating_sub(1);
            self.argument(base::number::format_g17(score).as_bytes());
            member.with_text(|text| self.argument(text));
        }
    }

    fn stream(&mut self, key: &[u8], stream: &ds::Stream) {
        let log = stream.log();
        for entry in log.range(StreamId::ZERO, StreamId::MAX) {
            self.begin(3 + 2 * usize::try_from(entry.fields.len()).unwrap_or(0));
            [b"XADD", key, &entry.id.text()].into_iter().for_each(|argument| self.argument(argument));
            for (name, value) in entry.fields {
                name.with_text(|text| self.argument(text));
                value.with_text(|text| self.argument(text));
            }
        }
        if log.is_empty() {
            // An entry that is trimmed at once leaves an empty stream.
            self.command(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
        }
        let added = log.added().to_string();
        self.command(&[
            b"XSETID",
            key,
            &log.last_id().text(),
            b"ENTRIESADDED",
            added.as_bytes(),
            b"MAXDELETEDID",
            &log.max_deleted_id().text(),
        ]);
        for (name, group) in stream.groups() {
            self.group(key, name, group);
        }
    }

    fn group(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let entries_read = group.entries_read.to_string();
        let read = entries_read.as_bytes();
        self.command(&[b"XGROUP", b"CREATE", key, name, &group.last_id.text(), b"ENTRIESREAD", read]);
        for (consumer, _) in group.consumers() {
            self.command(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer]);
        }
        for (id, pending) in group.pending_from(StreamId::ZERO) {
            let delivered = pending.delivered_ms.to_string();
            let deliveries = (pending.deliveries as i64).to_string();
            self.command(&[
                b"XCLAIM",
                key,
                name,
                &pending.consumer,
                b"0",
                &id.text(),
                b"TIME",
                delivered.as_bytes(),
                b"RETRYCOUNT",
                deliveries.as_bytes(),
                b"JUSTID",
                b"FORCE",
            ]);
        }
    }

    fn command(&mut self, args: &[&[u8]]) {
        self.begin(args.len());
        args.iter().for_each(|argument| self.argument(argument));
    }

    fn begin(&mut self, arguments: usize) {
        self.head(b'*', arguments);
    }

    fn argument(&mut self, bytes: &[u8]) {
        self.head(b'$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    fn head(&mut self, kind: u8, number: usize) {
        self.out.push(kind);
        base::number::push_u64(&mut self.out, number as u64);
        self.out.extend_from_slice(b"\r\n");
    }
}
