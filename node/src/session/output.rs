//! Bytes on their way to one client: in order, each leaving no sooner than its gate and its reply slot allow.
//!
//! Model: one growing buffer, positions in it counted from the connection's first byte, so that they stay true when the
//! front is cut off. Three lines bound what may leave: `committed` (the end of the last turn), the first *mark* whose log
//! sequence is not durable yet (ENGINE 11), and the first open *slot*, a place where a reply will be put in later.
//! Filling a slot inserts its bytes there and moves everything behind it.
//!
//! Invariants: no byte leaves twice or out of order; a mark's sequences ascend. A session without slots and marks pays
//! for two empty queues and nothing else.

use persist::Seq;
use resp::{Protocol, Reply};
use std::collections::VecDeque;

/// A buffer that grew beyond this is given back once it is empty, in bytes.
const KEEP_CAPACITY: usize = 64 << 10;

/// A buffer is not made smaller than this, in bytes.
const LEAST_CAPACITY: usize = 1024;

/// A reply that will come later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SlotId(pub u64);

/// Bytes from `start` on wait until the log is durable up to `seq`.
struct Mark {
    start: u64,
    seq: Seq,
}

/// See the module.
pub struct Output {
    reply: Reply,
    /// Position of the buffer's first byte.
    start: u64,
    /// Position of the first byte that was not sent.
    sent: u64,
    committed: u64,
    /// Most bytes owed at the end of a turn since the last look at it.
    peak: usize,
    marks: VecDeque<Mark>,
    slots: VecDeque<(SlotId, u64)>,
    next_slot: u64,
}

impl Output {
    /// Nothing to send.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            reply: Reply::new(protocol),
            start: 0,
            sent: 0,
            committed: 0,
            peak: 0,
            marks: VecDeque::new(),
            slots: VecDeque::new(),
            next_slot: 0,
        }
    }

    /// Takes the writer out for a batch; [`Output::put_back`] returns it. Who changes the protocol meanwhile tells both.
    pub fn take(&mut self) -> Reply {
        let fresh = Reply::new(self.reply.protocol());
        std::mem::replace(&mut self.reply, fresh)
    }

    /// Returns the writer. Bytes written meanwhile into the stand-in are appended behind it.
    pub fn put_back(&mut self, reply: Reply) {
        let stray = std::mem::replace(&mut self.reply, reply);
        if !stray.buffer().is_empty() {
            self.reply.raw(stray.buffer());
        }
    }

    /// The writer, when it is not taken out.
    pub fn reply(&mut self) -> &mut Reply {
        &mut self.reply
    }

    /// The protocol that the client speaks.
    pub fn protocol(&self) -> Protocol {
        self.reply.protocol()
    }

    /// Opens a slot at the end of `reply`, the writer that was taken out.
    pub fn open_slot(&mut self, reply: &Reply) -> SlotId {
        let id = SlotId(self.next_slot);
        self.next_slot += 1;
        self.slots.push_back((id, self.start + reply.buffer().len() as u64));
        id
    }

    /// A name for now: [`Output::forget_slots`] takes it.
    pub fn slot_mark(&self) -> SlotId {
        SlotId(self.next_slot)
    }

    /// Forgets the slots opened since `mark`: nobody wants their replies any more.
    pub fn forget_slots(&mut self, mark: SlotId) {
        self.slots.retain(|(id, _)| id.0 < mark.0);
    }

    /// Puts a reply into its slot. The writer must not be taken out. An unknown slot is ignored.
    pub fn fill(&mut self, id: SlotId, bytes: &[u8]) {
        let Some(place) = self.slots.iter().position(|s| s.0 == id) else { return };
        let Some((_, at)) = self.slots.remove(place) else { return };
        let buffer = self.reply.buffer_mut();
        let index = ((at - self.start) as usize).min(buffer.len());
        buffer.splice(index..index, bytes.iter().copied());
        let grown = bytes.len() as u64;
        self.slots.iter_mut().skip(place).for_each(|s| s.1 += grown);
        self.marks.iter_mut().filter(|m| m.start > at).for_each(|m| m.start += grown);
        if self.committed > at {
            self.committed += grown;
        }
    }

    /// Ends a turn: everything written so far may leave, the new part of it once `gate` is durable.
    pub fn commit(&mut self, gate: Option<Seq>) {
        let end = self.end();
        if let Some(seq) = gate
            && end > self.committed
            && self.marks.back().is_none_or(|m| m.seq < seq)
        {
            self.marks.push_back(Mark { start: self.committed, seq });
        }
        self.committed = end;
        self.peak = self.peak.max(self.pending());
    }

    /// Most bytes that were owed at the end of a turn, lately.
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// Gives back what the buffer has not needed since the last call, if that is the larger part of it; whether it did.
    pub fn shrink(&mut self) -> bool {
        let needed = std::mem::take(&mut self.peak).max(self.pending()).max(LEAST_CAPACITY);
        let buffer = self.reply.buffer_mut();
        let shrinks = buffer.capacity() / 2 >= needed;
        if shrinks {
            buffer.shrink_to(needed);
        }
        shrinks
    }

    /// The log is durable up to `synced`: forgets the marks that have passed.
    pub fn release(&mut self, synced: Seq) {
        while self.marks.front().is_some_and(|m| m.seq <= synced) {
            self.marks.pop_front();
        }
    }

    /// The bytes that may leave now.
    pub fn ready(&self) -> &[u8] {
        let mut limit = self.committed;
        if let Some(mark) = self.marks.front() {
            limit = limit.min(mark.start);
        }
        if let Some((_, at)) = self.slots.front() {
            limit = limit.min(*at);
        }
        let from = (self.sent - self.start) as usize;
        let to = (limit.max(self.sent) - self.start) as usize;
        self.reply.buffer().get(from..to).unwrap_or(&[])
    }

    /// Notes that `n` of the ready bytes were written.
    pub fn advance(&mut self, n: usize) {
        self.sent += n.min(self.ready().len()) as u64;
        if self.sent < self.end() {
            return self.cut_front();
        }
        self.start = self.sent;
        let buffer = self.reply.buffer_mut();
        if buffer.capacity() > KEEP_CAPACITY {
            *buffer = Vec::new();
        } else {
            buffer.clear();
        }
    }

    /// Moves the rest to the front once what was sent is the larger part: constant cost per byte.
    fn cut_front(&mut self) {
        let gone = (self.sent - self.start) as usize;
        let buffer = self.reply.buffer_mut();
        if gone > KEEP_CAPACITY && gone > buffer.len() / 2 {
            buffer.drain(..gone);
            self.start = self.sent;
        }
    }

    /// Bytes not sent yet, withheld ones included; 0 while the writer is taken out.
    pub fn pending(&self) -> usize {
        self.end().saturating_sub(self.sent) as usize
    }

    /// Bytes that the buffer takes; 0 while the writer is taken out.
    pub fn capacity(&self) -> usize {
        self.reply.buffer().capacity()
    }

    /// Bytes not sent yet while the writer, `reply`, is taken out.
    pub fn unsent(&self, reply: &Reply) -> usize {
        reply.buffer().len().saturating_sub((self.sent - self.start) as usize)
    }

    /// Whether bytes wait for the log.
    pub fn is_gated(&self) -> bool {
        !self.marks.is_empty()
    }

    fn end(&self) -> u64 {
        self.start + self.reply.buffer().len() as u64
    }
}
