//! [`CommandWriter`]: entries in, the commands that make them out: a base of the AOF under `aof-use-rdb-preamble no`.
//!
//! What one command cannot hold, or would hold badly, comes in several of [`ITEMS_PER_COMMAND`] elements. Large values
//! are written in pieces: when [`PIECE`] bytes wait to be taken, it is said how far they came. Pending
//! entries of a stream whose entries are gone are not written: no command makes them, in Redis neither.

use crate::rdb::PIECE;
use base::{DbIndex, UnixMillis};
use ds::listpack::Entry;
use ds::stream::{Group, Pending, StreamId};
use keyspace::{Object, ValueRef};

/// Elements in one command, as in Redis (`AOF_REWRITE_ITEMS_PER_CMD`).
const ITEMS_PER_COMMAND: usize = 64;
/// So many members of a table are looked at before it is seen how much is written.
const MEMBERS_PER_STEP: usize = 64;

/// How far a large value was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Up to this byte of a string.
    Text(usize),
    /// Up to this element of a list or a sorted set.
    Index(usize),
    /// The members of a table from this cursor on.
    Cursor(u64),
    /// The entries of a stream from this one on.
    Entries(StreamId),
    /// This group of a stream, from this pending entry on; `None` before the group was made.
    Group(usize, Option<StreamId>),
}

/// See the module.
#[derive(Default)]
pub(crate) struct CommandWriter {
    out: Vec<u8>,
    taken: u64,
    db: Option<DbIndex>,
    /// The elements of the next command: their bytes, how many they are, and how many arguments.
    batch: Vec<u8>,
    items: usize,
    arguments: usize,
    /// When fields of the next command expire, in Unix ms.
    times: Vec<(Vec<u8>, i64)>,
}

impl CommandWriter {
    /// A writer that begins with a note of the time, in seconds, if there is one.
    pub fn noted(time: Option<i64>) -> Self {
        let out = time.map_or_else(Vec::new, |time| format!("#TS:{time}\r\n").into_bytes());
        Self { out, ..Self::default() }
    }

    /// A library of functions.
    pub fn function(&mut self, code: &[u8]) {
        self.command(&[b"FUNCTION", b"LOAD", code]);
    }

    /// One entry of any database, or the first piece of it: then [`CommandWriter::go_on`] must follow with the same entry.
    pub fn begin_entry(
        &mut self,
        db: DbIndex,
        key: &[u8],
        value: ValueRef<'_>,
        expire: Option<UnixMillis>,
    ) -> Option<Place> {
        if self.db != Some(db) {
            self.db = Some(db);
            self.command(&[b"SELECT", db.0.to_string().as_bytes()]);
        }
        let first = match value {
            ValueRef::Int(int) => {
                self.command(&[b"SET", key, int.to_string().as_bytes()]);
                None
            }
            ValueRef::Bytes(bytes) => {
                self.begin(3);
                [b"SET", key].into_iter().for_each(|argument| self.argument(argument));
                self.head(b'$', bytes.len());
                Some(Place::Text(0))
            }
            ValueRef::Object(Object::List(_)) => Some(Place::Index(0)),
            ValueRef::Object(Object::Set(_) | Object::Hash(_)) => Some(Place::Cursor(0)),
            ValueRef::Object(Object::Zset(_)) => Some(Place::Index(0)),
            ValueRef::Object(Object::Stream(_)) => Some(Place::Entries(StreamId::ZERO)),
        };
        self.pieces(key, value, expire, first)
    }

    /// The next piece of an entry.
    pub fn go_on(
        &mut self,
        key: &[u8],
        value: ValueRef<'_>,
        expire: Option<UnixMillis>,
        from: Place,
    ) -> Option<Place> {
        self.pieces(key, value, expire, Some(from))
    }

    /// Writes until a piece is full or the entry ends.
    fn pieces(
        &mut self,
        key: &[u8],
        value: ValueRef<'_>,
        expire: Option<UnixMillis>,
        mut from: Option<Place>,
    ) -> Option<Place> {
        while let Some(place) = from {
            if self.out.len() >= PIECE {
                return Some(place);
            }
            from = match value {
                ValueRef::Int(_) => None,
                ValueRef::Bytes(bytes) => self.text(bytes, place),
                ValueRef::Object(object) => self.object(key, object, place),
            };
        }
        if let Some(at) = expire {
            self.command(&[b"PEXPIREAT", key, at.0.to_string().as_bytes()]);
        }
        None
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

    /// A part of a string.
    fn text(&mut self, bytes: &[u8], from: Place) -> Option<Place> {
        let Place::Text(at) = from else { return None };
        let end = bytes.len().min(at + PIECE);
        self.out.extend_from_slice(&bytes[at..end]);
        if end < bytes.len() {
            return Some(Place::Text(end));
        }
        self.out.extend_from_slice(b"\r\n");
        None
    }

    /// A command or some more, and where they end.
    fn object(&mut self, key: &[u8], object: &Object, from: Place) -> Option<Place> {
        match (object, from) {
            (Object::List(list), Place::Index(index)) => {
                let elements = list.iter_at(index, false).take(ITEMS_PER_COMMAND).map(|element| [element]);
                elements.for_each(|element| self.element(b"RPUSH", key, element));
                self.end_batch(b"RPUSH", key);
                Some(Place::Index(index + ITEMS_PER_COMMAND))
                    .filter(|_| index + ITEMS_PER_COMMAND < list.len())
            }
            (Object::Zset(zset), Place::Index(index)) => {
                for (member, score) in zset.iter_from(index, false).take(ITEMS_PER_COMMAND) {
                    self.item(base::number::format_g17(score).as_bytes());
                    member.with_text(|text| self.item(text));
                    self.items += 1;
                }
                self.end_batch(b"ZADD", key);
                Some(Place::Index(index + ITEMS_PER_COMMAND))
                    .filter(|_| index + ITEMS_PER_COMMAND < zset.len())
            }
            (Object::Set(set), Place::Cursor(cursor)) => {
                let next = set.scan(cursor, MEMBERS_PER_STEP, |member| self.element(b"SADD", key, [member]));
                self.after_step(b"SADD", key, next)
            }
            (Object::Hash(hash), Place::Cursor(cursor)) => {
                let timed = hash.next_expiry().is_some();
                let next = hash.scan(cursor, MEMBERS_PER_STEP, |field, value| {
                    if let Some(at) = field.with_text(|field| hash.expiry(field).filter(|_| timed)) {
                        self.times.push((field.to_vec(), at));
                    }
                    self.element(b"HMSET", key, [field, value]);
                });
                self.after_step(b"HMSET", key, next)
            }
            (Object::Stream(stream), from) => self.stream(key, stream, from),
            _ => None,
        }
    }

    /// What a step over a table left is a command at the table's end.
    fn after_step(&mut self, name: &[u8], key: &[u8], next: u64) -> Option<Place> {
        if next == 0 {
            self.end_batch(name, key);
        }
        Some(Place::Cursor(next)).filter(|_| next > 0)
    }

    /// One element of some arguments, which goes into the next command.
    fn element<const N: usize>(&mut self, name: &[u8], key: &[u8], element: [Entry<'_>; N]) {
        element.into_iter().for_each(|argument| argument.with_text(|text| self.item(text)));
        self.items += 1;
        if self.items == ITEMS_PER_COMMAND {
            self.end_batch(name, key);
        }
    }

    /// An argument of the command that is being put together.
    fn item(&mut self, bytes: &[u8]) {
        push_argument(&mut self.batch, bytes);
        self.arguments += 1;
    }

    /// Writes the command that was put together, and the times of the fields in it.
    fn end_batch(&mut self, name: &[u8], key: &[u8]) {
        if self.items == 0 {
            return;
        }
        self.begin(2 + self.arguments);
        self.argument(name);
        self.argument(key);
        self.out.append(&mut self.batch);
        (self.items, self.arguments) = (0, 0);
        for (field, at) in std::mem::take(&mut self.times) {
            self.command(&[b"HPEXPIREAT", key, at.to_string().as_bytes(), b"FIELDS", b"1", &field]);
        }
    }

    fn stream(&mut self, key: &[u8], stream: &ds::Stream, from: Place) -> Option<Place> {
        match from {
            Place::Entries(start) => {
                for entry in stream.log().range(start, StreamId::MAX) {
                    if self.out.len() >= PIECE {
                        return Some(Place::Entries(entry.id));
                    }
                    self.begin(3 + 2 * usize::try_from(entry.fields.len()).unwrap_or(0));
                    [b"XADD", key, &entry.id.text()].into_iter().for_each(|argument| self.argument(argument));
                    for (name, value) in entry.fields {
                        name.with_text(|text| self.argument(text));
                        value.with_text(|text| self.argument(text));
                    }
                }
                self.stream_ids(key, stream);
                Some(Place::Group(0, None))
            }
            Place::Group(index, from) => {
                let (name, group) = stream.groups().nth(index)?;
                if from.is_none() {
                    self.group(key, name, group);
                }
                for (id, pending) in group.pending_from(from.unwrap_or(StreamId::ZERO)) {
                    if self.out.len() >= PIECE {
                        return Some(Place::Group(index, Some(*id)));
                    }
                    self.pending_entry(key, name, *id, pending);
                }
                Some(Place::Group(index + 1, None))
            }
            _ => None,
        }
    }

    fn stream_ids(&mut self, key: &[u8], stream: &ds::Stream) {
        let log = stream.log();
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
    }

    fn group(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let entries_read = group.entries_read.to_string();
        let read = entries_read.as_bytes();
        self.command(&[b"XGROUP", b"CREATE", key, name, &group.last_id.text(), b"ENTRIESREAD", read]);
        for (consumer, _) in group.consumers() {
            self.command(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer]);
        }
    }

    fn pending_entry(&mut self, key: &[u8], name: &[u8], id: StreamId, pending: &Pending) {
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

    fn command(&mut self, args: &[&[u8]]) {
        self.begin(args.len());
        args.iter().for_each(|argument| self.argument(argument));
    }

    fn begin(&mut self, arguments: usize) {
        self.head(b'*', arguments);
    }

    fn argument(&mut self, bytes: &[u8]) {
        push_argument(&mut self.out, bytes);
    }

    fn head(&mut self, kind: u8, number: usize) {
        push_head(&mut self.out, kind, number);
    }
}

fn push_argument(out: &mut Vec<u8>, bytes: &[u8]) {
    push_head(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn push_head(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    base::number::push_u64(out, number as u64);
    out.extend_from_slice(b"\r\n");
}
