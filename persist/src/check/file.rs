//! [`Reader`]: a file as C's standard library reads one, by lines of a bounded length and by counts of bytes.

use crate::storage::{Storage, StorageError};

/// Bytes read from the file at a time.
const PIECE: usize = 64 << 10;

/// A place in a file.
pub(super) struct Reader<'a> {
    pub storage: &'a mut dyn Storage,
    name: &'a str,
    size: u64,
    /// Where `piece` begins.
    begin: u64,
    piece: Vec<u8>,
    at: usize,
    /// Whether somebody has tried to read past the end.
    ended: bool,
}

impl<'a> Reader<'a> {
    /// A reader of `name`, which has `size` bytes, from `offset` on.
    pub fn new(storage: &'a mut dyn Storage, name: &'a str, size: u64, offset: u64) -> Self {
        Self { storage, name, size, begin: offset, piece: Vec::new(), at: 0, ended: false }
    }

    /// The offset of the next byte.
    pub fn offset(&self) -> u64 {
        self.begin + self.at as u64
    }

    /// Whether a read has met the end of the file.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next byte, which stays the next one.
    pub fn peek(&mut self) -> Result<Option<u8>, StorageError> {
        if self.at == self.piece.len() {
            self.begin = self.offset();
            self.at = 0;
            self.piece.resize(PIECE, 0);
            let read = self.storage.read_at(self.name, self.begin, &mut self.piece);
            self.piece.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let byte = self.piece.get(self.at).copied();
        self.ended |= byte.is_none();
        Ok(byte)
    }

    /// A line with its end, at most `max` bytes of it; `None` at the end of the file.
    pub fn line(&mut self, max: usize) -> Result<Option<Vec<u8>>, StorageError> {
        let mut line = Vec::new();
        while line.len() < max {
            let Some(byte) = self.peek()? else { break };
            self.at += 1;
            line.push(byte);
            if byte == b'\n' {
                break;
            }
        }
        Ok((!line.is_empty()).then_some(line))
    }

    /// Passes over `count` bytes and returns at most the first `keep` and the last two of them; or, when there are fewer, how
    /// many there are.
    pub fn skip(&mut self, count: u64, keep: usize) -> Result<Result<Skipped, u64>, StorageError> {
        let (from, left) = (self.offset(), self.size.saturating_sub(self.offset()));
        if count > left {
            self.seek(self.size);
            self.ended = true;
            return Ok(Err(left));
        }
        let mut head = Vec::new();
        while head.len() < keep && (head.len() as u64) < count {
            let Some(byte) = self.peek()? else { return Ok(Err(head.len() as u64)) };
            self.at += 1;
            head.push(byte);
        }
        self.seek(from + count.saturating_sub(2));
        let mut tail = [0; 2];
        for place in &mut tail {
            let Some(byte) = self.peek()? else { return Ok(Err(left)) };
            self.at += 1;
            *place = byte;
        }
        Ok(Ok(Skipped { head, tail }))
    }

    fn seek(&mut self, offset: u64) {
        let within = offset.checked_sub(self.begin).filter(|at| *at <= self.piece.len() as u64);
        match within {
            Some(at) => self.at = at as usize,
            None => {
                self.begin = offset;
                self.at = 0;
                self.piece.clear();
            }
        }
    }
}

/// What was passed over.
pub(super) struct Skipped {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last two.
    pub tail: [u8; 2],
}
