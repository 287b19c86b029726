//! [`Log`]: every write once, in order; many readers.
//!
//! A record says for whom it is. What replicas get has an offset: its bytes lie in the *wire*, the stream that the
//! replication protocol counts, with the SELECTs that it needs. What only the AOF gets lies in a store of its own. The
//! AOF reader walks the records, takes the bytes from wherever they lie, and writes SELECTs of its own; it never looks
//! into them. Replicas read the wire by offset: the backlog is nothing but the part of the wire that is still held.
//!
//! Retention: the wire keeps the backlog's size, and what the slowest reader still needs; the limit of each reader is its
//! owner's (see [`Log::trim`]). Records live until the AOF has read them.
//!
//! Without an AOF reader and a backlog nothing is encoded at all.

use crate::store::Store;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use base::{Args, DbIndex, ReplOffset, Slot};

/// Position in the log: the number of records before it. Local to this process; AOF and gates use it.
pub type Seq = u64;

/// Who gets a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Targets(u8);

impl Targets {
    /// Nobody.
    pub const NONE: Targets = Targets(0);
    /// The append only file.
    pub const AOF: Targets = Targets(1);
    /// Replicas and the backlog.
    pub const REPLICAS: Targets = Targets(2);
    /// Both.
    pub const ALL: Targets = Targets(3);

    /// Those in both sets.
    pub fn and(self, other: Targets) -> Targets {
        Targets(self.0 & other.0)
    }

    /// Whether it includes all of `other`.
    pub fn includes(self, other: Targets) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nobody is in it.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Where a record stands in its execution unit: one command, one MULTI/EXEC, one script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// The only one.
    Alone,
    /// The first (MULTI).
    First,
    /// One in between.
    Inside,
    /// The last (EXEC).
    Last,
}

/// What a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A change of data, or the MULTI or EXEC around changes.
    Write,
    /// SELECT, in the wire only.
    Select,
    /// A message of pub/sub.
    Publish,
    /// The heartbeat.
    Ping,
    /// REPLCONF GETACK.
    GetAck,
}

/// What is known about a record besides its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meta {
    /// Who gets it.
    pub targets: Targets,
    /// The database in which it acts.
    pub db: DbIndex,
    /// The slot of its keys, if they have one slot.
    pub slot: Option<Slot>,
    /// Where it stands in its unit.
    pub unit: Unit,
    /// What it is.
    pub kind: Kind,
}

impl Meta {
    /// A write of one command in `db`, for everyone.
    pub fn write(db: DbIndex, slot: Option<Slot>) -> Meta {
        Meta { targets: Targets::ALL, db, slot, unit: Unit::Alone, kind: Kind::Write }
    }

    /// Whether a SELECT must come before it. That of a unit comes behind its MULTI, as in Redis.
    fn needs_database(&self) -> bool {
        matches!(self.kind, Kind::Write | Kind::Publish) && self.unit != Unit::First
    }

    /// Something for replicas that no database is needed for.
    pub fn wire(kind: Kind) -> Meta {
        Meta { targets: Targets::REPLICAS, db: DbIndex(0), slot: None, unit: Unit::Alone, kind }
    }
}

struct Record {
    seq: Seq,
    meta: Meta,
    /// In the wire if the meta's targets include replicas, else in the local store.
    at: u64,
    len: usize,
}

/// The log.
pub struct Log {
    records: VecDeque<Record>,
    end: Seq,
    /// Position after the newest record that the AOF gets.
    aof_end: Seq,
    wire: Store,
    local: Store,
    backlog: Option<u64>,
    wire_db: Option<DbIndex>,
    aof: bool,
    aof_db: Option<DbIndex>,
    /// Bytes of the SELECTs that the AOF got, all told.
    aof_selects: u64,
    scratch: Vec<u8>,
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    /// An empty log that nobody reads.
    pub fn new() -> Self {
        Self {
            records: VecDeque::new(),
            end: 0,
            aof_end: 0,
            wire: Store::new(0),
            local: Store::new(0),
            backlog: None,
            wire_db: None,
            aof: false,
            aof_db: None,
            aof_selects: 0,
            scratch: Vec::new(),
        }
    }

    /// Who reads now. What is for nobody in here need not be appended (and is not, if it is).
    pub fn readers(&self) -> Targets {
        Targets(u8::from(self.aof) | u8::from(self.backlog.is_some()) << 1)
    }

    /// Position after the newest record.
    pub fn end_seq(&self) -> Seq {
        self.end
    }

    /// Position after the newest record that the AOF gets. What waits for the disk waits for this one: what is for
    /// replicas only (PING, GETACK) never becomes safe.
    pub fn aof_end_seq(&self) -> Seq {
        self.aof_end
    }

    /// `master_repl_offset`: bytes in the wire since the history began.
    pub fn offset(&self) -> ReplOffset {
        ReplOffset(self.wire.end())
    }

    /// Appends a command; returns the position after it. In the wire a SELECT goes before it if the database differs.
    pub fn append(&mut self, meta: Meta, args: Args<'_>) -> Seq {
        let targets = meta.targets.and(self.readers());
        if targets.is_none() {
            return self.end;
        }
        if targets.includes(Targets::REPLICAS) && meta.needs_database() && self.wire_db != Some(meta.db) {
            self.select_on_wire(meta.db);
        }
        let mut bytes = core::mem::take(&mut self.scratch);
        bytes.clear();
        push_command(&mut bytes, args.iter());
        self.push(Meta { targets, ..meta }, &bytes);
        if bytes.capacity() <= SCRATCH_MAX {
            self.scratch = bytes;
        }
        self.end
    }

    /// Appends the bytes of one command of our primary as they came. A SELECT (`kind`) sets the wire's database.
    pub fn append_verbatim(&mut self, meta: Meta, bytes: &[u8]) -> Seq {
        if meta.kind == Kind::Select {
            self.wire_db = Some(meta.db);
        }
        let targets = meta.targets.and(self.readers());
        if !targets.is_none() {
            self.push(Meta { targets, ..meta }, bytes);
        }
        self.end
    }

    fn select_on_wire(&mut self, db: DbIndex) {
        self.wire_db = Some(db);
        let mut bytes = Vec::with_capacity(32);
        push_select(&mut bytes, db);
        let meta = Meta { db, ..Meta::wire(Kind::Select) };
        self.push(meta, &bytes);
    }

    fn push(&mut self, meta: Meta, bytes: &[u8]) {
        let store = if meta.targets.includes(Targets::REPLICAS) { &mut self.wire } else { &mut self.local };
        let at = store.end();
        store.append(bytes);
        if meta.targets.includes(Targets::AOF) {
            self.records.push_back(Record { seq: self.end, meta, at, len: bytes.len() });
        }
        self.end += 1;
        if meta.targets.includes(Targets::AOF) {
            self.aof_end = self.end;
        }
    }

    // The AOF reader.

    /// Switches the AOF reader on or off. It begins at the present end; what it had not read is dropped.
    pub fn set_aof(&mut self, on: bool) {
        self.aof = on;
        self.aof_db = None;
        self.records.clear();
        self.local = Store::new(0);
    }

    /// How many bytes of what the AOF got since the start were SELECTs, which it writes by itself.
    pub fn aof_selects(&self) -> u64 {
        self.aof_selects
    }

    /// Lets the AOF reader begin with a SELECT, because a new file begins here.
    pub fn begin_aof_file(&mut self) {
        self.aof_db = None;
    }

    /// Moves everything that the AOF has not read to the end of `out`, with its SELECTs; the position after it, or `None`
    /// if there was nothing.
    pub fn take_aof(&mut self, out: &mut Vec<u8>) -> Option<Seq> {
        if self.records.is_empty() {
            return None;
        }
        while let Some(record) = self.records.pop_front() {
            debug_assert!(record.seq < self.end);
            if record.meta.needs_database() && self.aof_db != Some(record.meta.db) {
                self.aof_db = Some(record.meta.db);
                let before = out.len();
                push_select(out, record.meta.db);
                self.aof_selects += (out.len() - before) as u64;
            }
            let wire = record.meta.targets.includes(Targets::REPLICAS);
            let store = if wire { &self.wire } else { &self.local };
            store.copy(record.at, record.len, out);
        }
        self.local.trim(self.local.end());
        Some(self.end)
    }

    // The wire.

    /// Begins to keep a backlog of `size` bytes, empty for now.
    pub fn start_backlog(&mut self, size: u64) {
        if self.backlog.is_none() {
            self.detach_unread();
            self.wire = Store::new(self.wire.end());
            self.wire_db = None;
        }
        self.wire.expect(size);
        self.backlog = Some(size.max(1));
    }

    /// No backlog and no wire any more; offsets stand still. Only while no replica reads.
    pub fn free_backlog(&mut self) {
        self.detach_unread();
        self.backlog = None;
        self.wire = Store::new(self.wire.end());
    }

    /// Moves what the AOF has not read out of the wire, which is about to go.
    fn detach_unread(&mut self) {
        let mut bytes = Vec::new();
        for record in self.records.iter_mut().filter(|r| r.meta.targets.includes(Targets::REPLICAS)) {
            bytes.clear();
            self.wire.copy(record.at, record.len, &mut bytes);
            record.at = self.local.end();
            record.meta.targets = Targets::AOF;
            self.local.append(&bytes);
        }
    }

    /// `repl-backlog-size`, if there is a backlog.
    pub fn backlog_size(&self) -> Option<u64> {
        self.backlog
    }

    /// The oldest offset that the wire can be read from.
    pub fn first_offset(&self) -> ReplOffset {
        ReplOffset(self.wire.first())
    }

    /// The bytes from `offset` on, a part of them; empty at the end, `None` if they are not held.
    pub fn wire_at(&self, offset: ReplOffset) -> Option<&[u8]> {
        self.backlog.and(self.wire.slice(offset.0))
    }

    /// Copies at most `max` bytes from `offset` on to `out`; how many.
    pub fn copy_wire(&self, offset: ReplOffset, max: usize, out: &mut Vec<u8>) -> usize {
        let held = self.wire.end().saturating_sub(offset.0).min(max as u64) as usize;
        let before = out.len();
        self.wire.copy(offset.0, held, out);
        out.len() - before
    }

    /// Drops what neither the backlog nor a reader at `slowest` nor the AOF needs.
    pub fn trim(&mut self, slowest: Option<ReplOffset>) {
        let Some(size) = self.backlog else { return };
        let end = self.wire.end();
        let unread = self.records.iter().find(|r| r.meta.targets.includes(Targets::REPLICAS)).map(|r| r.at);
        let keep = end.saturating_sub(size).min(slowest.map_or(end, |o| o.0)).min(unread.unwrap_or(end));
        self.wire.trim(keep);
    }

    /// Bytes of memory that the wire holds.
    pub fn wire_memory(&self) -> usize {
        self.wire.memory()
    }

    /// The database that the wire's next write is understood in; `None` if it will say so itself.
    pub fn wire_db(&self) -> Option<DbIndex> {
        self.wire_db
    }

    /// The wire is understood to be in `db` where it ends: data was loaded that says so.
    pub fn resume_wire_db(&mut self, db: DbIndex) {
        self.wire_db = Some(db);
    }

    /// The next write says its database: a reader begins here. (A replica must not: it passes on what it gets.)
    pub fn force_select(&mut self) {
        self.wire_db = None;
    }

    /// The wire begins anew at `offset`, in `db`: a full sync was received, or data was loaded that is known by an offset.
    pub fn restart_wire(&mut self, offset: ReplOffset, db: Option<DbIndex>) {
        self.detach_unread();
        self.wire = Store::new(offset.0);
        self.wire.expect(self.backlog.unwrap_or(u64::MAX));
        self.wire_db = db;
    }
}

/// An encoding buffer larger than this is not kept.
const SCRATCH_MAX: usize = 1 << 20;

/// A command as the wire and the AOF have it: an array of bulk strings.
pub(crate) fn push_command<'a>(out: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    out.push(b'*');
    base::number::push_u64(out, args.len() as u64);
    out.extend_from_slice(b"\r\n");
    for arg in args {
        out.push(b'$');
        base::number::push_u64(out, arg.len() as u64);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

fn push_select(out: &mut Vec<u8>, db: DbIndex) {
    let mut number = Vec::with_capacity(10);
    base::number::push_u64(&mut number, u64::from(db.0));
    push_command(out, [b"SELECT".as_slice(), &number].into_iter());
}
