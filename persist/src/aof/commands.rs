//! [`CommandReader`]: the commands of an AOF out of pieces of any size. Stricter than a client's parser (no inline
//! commands) and bounded the same way; it knows at which byte each command ends, for cutting a torn tail.

use super::position::Note;
use base::{ArgRange, Args};
use std::fmt;

/// Arguments per command, as the protocol's multibulk limit.
const ARGS_MAX: i64 = 1024 * 1024 * 1024;
/// Bytes in a `*`, `$` or `#` line, as in Redis.
const LINE_MAX: usize = 1024;
/// Bytes in one argument: 4 GiB less one, the room of an [`ArgRange`].
const ARG_MAX: i64 = u32::MAX as i64;
/// Consumed bytes are kept in front of the buffer up to this many before they are moved away.
const COMPACT_ABOVE: usize = 64 << 10;

/// What is wrong with the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadError {
    /// Offset of the command at fault.
    pub offset: u64,
    /// What was expected there.
    pub what: &'static str,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (command at offset {})", self.what, self.offset)
    }
}

impl std::error::Error for ReadError {}

/// Reads commands.
#[derive(Default)]
pub struct CommandReader {
    buffer: Vec<u8>,
    start: usize,
    offset: u64,
    ranges: Vec<ArgRange>,
    /// Length of the command handed out last; consumed by the next call.
    used: usize,
    /// Where scanning of an incomplete command goes on: next byte, arguments missing (`None`: no `*` line yet).
    scan: usize,
    missing: Option<i64>,
    /// The last note of ours that was passed.
    note: Option<Note>,
}

impl CommandReader {
    /// A reader whose first byte has this offset in its file.
    pub fn new(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// The next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.consume();
        if self.start > COMPACT_ABOVE || self.start == self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.buffer.is_empty() && self.buffer.capacity() > 16 * COMPACT_ABOVE {
                self.buffer = Vec::new();
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next command, or `None` until more is fed. It is consumed by the next call of any method with `&mut self`.
    pub fn next_command(&mut self) -> Result<Option<Args<'_>>, ReadError> {
        self.consume();
        let offset = self.offset;
        match self.scan() {
            Ok(true) => Ok(Some(Args::new(&self.buffer[self.start..], &self.ranges))),
            Ok(false) => Ok(None),
            Err(what) => Err(ReadError { offset, what }),
        }
    }

    /// The bytes of the command just handed out.
    pub fn command_bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.start + self.used]
    }

    /// The last note of Grapevine's that stood before the command just handed out, or, after `None`, at the end so far.
    pub fn take_note(&mut self) -> Option<Note> {
        self.note.take()
    }

    /// Offset behind the last whole command (and the notes after it).
    pub fn offset(&self) -> u64 {
        self.offset + self.used as u64
    }

    /// Whether bytes of an incomplete command are held: a torn tail if the file ends here.
    pub fn has_partial(&self) -> bool {
        self.buffer.len() > self.start + self.used
    }

    fn consume(&mut self) {
        self.start += self.used;
        self.offset += self.used as u64;
        if self.used > 0 {
            self.used = 0;
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.scan = 0;
        self.missing = None;
        self.ranges.clear();
    }

    /// Goes on where the last call stopped; true when a command is whole.
    fn scan(&mut self) -> Result<bool, &'static str> {
        loop {
            let Some((line, next)) = self.line(self.scan)? else { return Ok(false) };
            let bytes = &self.buffer[self.start..];
            match self.missing {
                None => match bytes[line] {
                    b'#' => {
                        self.note = Note::parse(&bytes[line..next]).or(self.note.take());
                        self.start += next;
                        self.offset += next as u64;
                        self.restart();
                    }
                    b'*' => {
                        let count = number(&bytes[line + 1..next])?;
                        if !(1..=ARGS_MAX).contains(&count) {
                            return Err("an impossible number of arguments");
                        }
                        self.missing = Some(count);
                        self.scan = next;
                    }
                    _ => return Err("a command must begin with '*'"),
                },
                Some(missing) => {
                    if bytes[line] != b'$' {
                        return Err("an argument must begin with '$'");
                    }
                    let length = number(&bytes[line + 1..next])?;
                    if !(0..=ARG_MAX).contains(&length) {
                        return Err("an impossible argument length");
                    }
                    let end = next + length as usize + 2;
                    if bytes.len() < end {
                        return Ok(false);
                    }
                    let Ok(at) = u32::try_from(next) else { return Err("a command of 4 GiB or more") };
                    self.ranges.push((at, length as u32));
                    self.scan = end;
                    self.missing = Some(missing - 1);
                    if missing == 1 {
                        self.used = end;
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// The line that begins at `from`: its beginning and where the next begins.
    fn line(&self, from: usize) -> Result<Option<(usize, usize)>, &'static str> {
        let bytes = &self.buffer[self.start..];
        let Some(rest) = bytes.get(from..) else { return Ok(None) };
        match rest.iter().take(LINE_MAX).position(|b| *b == b'\n') {
            Some(at) => Ok(Some((from, from + at + 1))),
            None if rest.len() >= LINE_MAX => Err("a line that does not end"),
            None => Ok(None),
        }
    }
}

fn number(line: &[u8]) -> Result<i64, &'static str> {
    let digits = line.strip_suffix(b"\n").unwrap_or(line);
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    base::number::parse_i64(digits).ok_or("a number was expected")
}
