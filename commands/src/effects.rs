//! What a command did besides replying, for the dispatcher to act on: how many changes, which keys, which
//! keyspace events, and what goes into the log in place of the command itself.
//!
//! One value is reused for every command: names lie in an arena, so that a command that only reads, and one that
//! touches a key after warm-up, allocate nothing here. Cleared with [`Effects::clear`] before each command.

use base::{DbIndex, OwnedArgs};
use keyspace::TypeName;

/// Classes of keyspace notifications, as `notify-keyspace-events` names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Classes(pub u32);

#[allow(missing_docs)]
impl Classes {
    pub const NONE: Classes = Classes(0);
    /// `g`: DEL, EXPIRE, RENAME and others that know no type.
    pub const GENERIC: Classes = Classes(1 << 0);
    /// `$`.
    pub const STRING: Classes = Classes(1 << 1);
    pub const LIST: Classes = Classes(1 << 2);
    pub const SET: Classes = Classes(1 << 3);
    pub const HASH: Classes = Classes(1 << 4);
    pub const ZSET: Classes = Classes(1 << 5);
    pub const STREAM: Classes = Classes(1 << 6);
    /// `x`.
    pub const EXPIRED: Classes = Classes(1 << 7);
    /// `e`.
    pub const EVICTED: Classes = Classes(1 << 8);
    /// `m`: a read that found nothing.
    pub const KEY_MISS: Classes = Classes(1 << 9);
    /// `n`: a key that was not there before.
    pub const NEW: Classes = Classes(1 << 10);

    /// Whether every class of `other` is in here.
    pub fn contains(self, other: Classes) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for Classes {
    type Output = Classes;
    fn bitor(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }
}

/// What goes into the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Propagate {
    /// The command as it came, if anything changed (`dirty > 0`).
    #[default]
    Verbatim,
    /// Nothing, whatever changed.
    Nothing,
    /// The command as it came even if nothing changed (FLUSHALL on an empty server).
    Always,
    /// These commands in its place, if anything changed.
    Instead(Vec<OwnedArgs>),
}

/// What a command that found nothing to do waits for; see [`Effects::block`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The type that a key must have for the command to be tried again.
    pub kind: TypeName,
    /// The keys, of the command's database; a key that comes twice counts once.
    pub keys: Vec<Vec<u8>>,
    /// After how many ms the client is answered with a null array; 0 is never.
    pub timeout_ms: u64,
    /// Whether it is tried again as well when a key goes away or becomes something else (XREADGROUP).
    pub when_gone: bool,
    /// The arguments to try it again with, if they are not those it came with.
    pub instead: Option<OwnedArgs>,
}

/// One keyspace event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<'a> {
    /// Its class; only classes asked for are recorded.
    pub class: Classes,
    /// Redis's name of the event.
    pub name: &'static str,
    /// The key's database.
    pub db: DbIndex,
    /// The key.
    pub key: &'a [u8],
}

/// See the module.
#[derive(Debug, Default)]
pub struct Effects {
    /// How many changes were made, as `rdb_changes_since_last_save` counts.
    pub dirty: u64,
    /// What goes into the log.
    pub propagate: Propagate,
    /// All keys of a database (or of all, `None`) are gone or replaced: FLUSHDB, FLUSHALL, SWAPDB.
    pub flushed: Vec<Option<DbIndex>>,
    /// The databases in `flushed` were exchanged: their keys are not gone, but elsewhere.
    pub swapped: bool,
    /// The command waits.
    pub block: Option<Box<Block>>,
    /// Classes that someone listens to; survives [`Effects::clear`].
    pub wanted: Classes,
    arena: Vec<u8>,
    touched: Vec<(DbIndex, u32, u32)>,
    woken: Vec<(DbIndex, u32, u32)>,
    events: Vec<(Classes, &'static str, DbIndex, u32, u32)>,
}

impl Effects {
    /// No effects, listening to `wanted`.
    pub fn new(wanted: Classes) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Forgets everything but the classes wanted; keeps the buffers unless one command made them huge.
    pub fn clear(&mut self) {
        self.dirty = 0;
        self.propagate = Propagate::Verbatim;
        self.flushed.clear();
        self.swapped = false;
        self.block = None;
        self.touched.clear();
        self.woken.clear();
        self.events.clear();
        self.arena.clear();
        if self.arena.capacity() > 1 << 20 {
            self.arena = Vec::new();
        }
    }

    /// A key's value or existence changed: WATCH and client-side caching want to know.
    pub fn touch(&mut self, db: DbIndex, key: &[u8]) {
        let (start, end) = self.store(key);
        self.touched.push((db, start, end));
    }

    /// Who waits for a key should look again, though nobody else need know of a change.
    pub fn wake(&mut self, db: DbIndex, key: &[u8]) {
        let (start, end) = self.store(key);
        self.woken.push((db, start, end));
    }

    /// A keyspace event, if its class is wanted.
    pub fn notify(&mut self, class: Classes, name: &'static str, db: DbIndex, key: &[u8]) {
        if self.wanted.contains(class) {
            let (start, end) = self.store(key);
            self.events.push((class, name, db, start, end));
        }
    }

    /// [`Effects::touch`] and [`Effects::notify`] at once, and one change counted.
    pub fn changed(&mut self, class: Classes, name: &'static str, db: DbIndex, key: &[u8]) {
        self.dirty += 1;
        self.touch(db, key);
        self.notify(class, name, db, key);
    }

    /// The command waits: it has written no reply, and is executed again from the start when one of
    /// its keys is ready, until it finds something. Only where [`crate::Limits::may_block`] says so; elsewhere a blocking
    /// command answers as if its time were over.
    pub fn block(&mut self, block: Block) {
        self.block = Some(Box::new(block));
    }

    /// This one command goes into the log instead.
    pub fn instead<'s>(&mut self, args: impl IntoIterator<Item = &'s [u8]>) {
        self.propagate = Propagate::Instead(vec![OwnedArgs::from_slices(args)]);
    }

    /// These commands go into the log instead, together as a transaction if they are several.
    pub fn instead_all(&mut self, commands: Vec<OwnedArgs>) {
        self.propagate = Propagate::Instead(commands);
    }

    /// The keys that changed, in order, perhaps more than once.
    pub fn touched(&self) -> impl ExactSizeIterator<Item = (DbIndex, &[u8])> {
        self.touched.iter().map(|&(db, start, end)| (db, &self.arena[start as usize..end as usize]))
    }

    /// The keys of [`Effects::wake`].
    pub fn woken(&self) -> impl Iterator<Item = (DbIndex, &[u8])> {
        self.woken.iter().map(|&(db, start, end)| (db, &self.arena[start as usize..end as usize]))
    }

    /// The events in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        self.events.iter().map(|&(class, name, db, start, end)| Event {
            class,
            name,
            db,
            key: &self.arena[start as usize..end as usize],
        })
    }

    /// Whether the log gets anything.
    pub fn is_logged(&self) -> bool {
        match self.propagate {
            Propagate::Verbatim | Propagate::Instead(_) => self.dirty > 0,
            Propagate::Nothing => false,
            Propagate::Always => true,
        }
    }

    fn store(&mut self, key: &[u8]) -> (u32, u32) {
        // Consecutive effects are mostly about one key: keep its name once.
        if let Some(&(_, start, end)) = self.touched.last()
            && &self.arena[start as usize..end as usize] == key
        {
            return (start, end);
        }
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(key);
        (start, self.arena.len() as u32)
    }
}
