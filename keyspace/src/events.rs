//! What happened to keys without a command asking for it: the caller turns each event into a DEL in the log,
//! a keyspace notification and an invalidation.
//!
//! Events lie in one reused arena, in the order in which they happened. The queue is bounded by the work of the
//! call that filled it (one command, one bounded slice); it must be drained before the next one is logged.

use base::DbIndex;

/// Why a key went away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyEventKind {
    /// Its time to live had passed: log DEL (or UNLINK), notify `expired`.
    Expired,
    /// Memory was needed: log DEL, notify `evicted`.
    Evicted,
    /// Its slot left this node: log DEL, notify `del`.
    SlotDropped,
}

/// One event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyEvent<'a> {
    /// What happened.
    pub kind: KeyEventKind,
    /// Where.
    pub db: DbIndex,
    /// To which key.
    pub key: &'a [u8],
}

/// Events not yet drained.
#[derive(Default)]
pub(crate) struct EventQueue {
    arena: Vec<u8>,
    events: Vec<(KeyEventKind, DbIndex, usize, usize)>,
}

impl EventQueue {
    /// Adds an event at the end.
    pub fn push(&mut self, kind: KeyEventKind, db: DbIndex, key: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        self.events.push((kind, db, start, self.arena.len()));
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Hands over every event in order.
    pub fn drain(&mut self, f: &mut dyn FnMut(KeyEvent<'_>)) {
        for &(kind, db, start, end) in &self.events {
            f(KeyEvent { kind, db, key: &self.arena[start..end] });
        }
        self.events.clear();
        self.arena.clear();
        // One huge key must not keep its memory for ever.
        if self.arena.capacity() > 1 << 20 {
            self.arena = Vec::new();
        }
    }
}
