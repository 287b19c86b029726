//! Answers as a client reads them: bytes in any pieces become [`Value`]s.
//!
//! The parser keeps a stack of open aggregates instead of recursing, and never reserves by a claimed length: what it
//! holds is bounded by what came. Depth and size of one answer are bounded; past the bound the connection is lost.

use alloc::boxed::Box;
use alloc::vec::Vec;

use base::number;

use crate::ProtocolError;

/// Deepest nesting read; Redis's deepest answers stay below 16.
const MAX_DEPTH: usize = 128;
/// Most bytes of one answer unless the caller says otherwise.
const MAX_BYTES: usize = 4 << 30;
/// Elements reserved because of a count alone.
const RESERVED: usize = 64;
/// Consumed bytes at the front of the buffer before they are dropped.
const COMPACT: usize = 64 * 1024;

/// One answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `+OK`.
    Simple(Vec<u8>),
    /// `-ERR ...` or a RESP3 blob error, without the sign.
    Error(Vec<u8>),
    /// `:1`.
    Int(i64),
    /// `$3`.
    Bulk(Vec<u8>),
    /// `_`, `$-1` or `*-1`.
    Null,
    /// `*`.
    Array(Vec<Value>),
    /// `%`, in the order sent.
    Map(Vec<(Value, Value)>),
    /// `~`, in the order sent.
    Set(Vec<Value>),
    /// `>`: out of band.
    Push(Vec<Value>),
    /// `,`.
    Double {
        /// The number; NaN if the text is `nan`.
        value: f64,
        /// The text as sent.
        text: Vec<u8>,
    },
    /// `#`.
    Bool(bool),
    /// `(`: decimal digits, perhaps with a sign.
    BigNumber(Vec<u8>),
    /// `=`.
    Verbatim {
        /// Three bytes: `txt`, `mkd`.
        format: Vec<u8>,
        /// The string itself.
        bytes: Vec<u8>,
    },
    /// `|`: attributes and the value that they describe.
    Attribute {
        /// What is said about the value.
        attributes: Vec<(Value, Value)>,
        /// The value.
        value: Box<Value>,
    },
}

impl Value {
    /// The bytes of any kind of string, status, error or number text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(b) | Self::Error(b) | Self::Bulk(b) | Self::BigNumber(b) => Some(b),
            Self::Verbatim { bytes, .. } => Some(bytes),
            Self::Double { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The bytes as text, when they are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.as_bytes()?).ok()
    }

    /// An integer, or a string that is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            other => number::parse_i64(other.as_bytes()?),
        }
    }

    /// The elements of an array, set or push.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => Some(items),
            _ => None,
        }
    }

    /// The error's text when this is one.
    pub fn error(&self) -> Option<&[u8]> {
        match self {
            Self::Error(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.error().is_some()
    }

    /// Whether this is the status `OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Simple(text) if text == b"OK")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Aggregate {
    Array,
    Map,
    Set,
    Push,
    Attribute,
}

#[derive(Debug)]
struct Frame {
    kind: Aggregate,
    remaining: usize,
    items: Vec<Value>,
}

/// What one line (and the bytes it announces) is.
enum Token {
    Leaf(Value),
    Open(Aggregate, usize),
}

/// Reads one answer after another from the bytes fed to it.
#[derive(Debug)]
pub struct ValueParser {
    buffer: Vec<u8>,
    position: usize,
    /// Offset up to which the line end of the token at `position` was sought in vain.
    scanned: usize,
    stack: Vec<Frame>,
    /// Bytes of the answer under way that have been consumed.
    size: usize,
    max_bytes: usize,
}

impl Default for ValueParser {
    fn default() -> Self {
        Self::new()
    }
}

impl ValueParser {
    /// A parser with the ordinary bounds.
    pub fn new() -> Self {
        Self::with_max_bytes(MAX_BYTES)
    }

    /// A parser that refuses an answer of more than `max_bytes`.
    pub fn with_max_bytes(max_bytes: usize) -> Self {
        Self { buffer: Vec::new(), position: 0, scanned: 0, stack: Vec::new(), size: 0, max_bytes }
    }

    /// Adds what the server sent.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes fed and not yet part of an answer returned or under way.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.position..]
    }

    /// Takes up to `count` bytes out of the stream, past RESP: a snapshot sent after its length.
    pub fn take_unread(&mut self, count: usize) -> Vec<u8> {
        let end = self.position + count.min(self.buffer.len() - self.position);
        let taken = self.buffer[self.position..end].to_vec();
        self.advance(end);
        self.size = 0;
        taken
    }

    /// The next whole answer, or `None` until more is fed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Value>, ProtocolError> {
        while let Some(token) = self.token()? {
            let mut value = match token {
                Token::Open(kind, count) if count > 0 => {
                    if self.stack.len() >= MAX_DEPTH {
                        return Err(ProtocolError::ReplyTooDeep);
                    }
                    let items = Vec::with_capacity(count.min(RESERVED));
                    self.stack.push(Frame { kind, remaining: count, items });
                    continue;
                }
                Token::Open(kind, _) => close(kind, Vec::new()),
                Token::Leaf(value) => value,
            };
            // The value may be the last one of several open aggregates.
            loop {
                let Some(frame) = self.stack.last_mut() else {
                    self.size = 0;
                    return Ok(Some(value));
                };
                frame.items.push(value);
                frame.remaining -= 1;
                if frame.remaining > 0 {
                    break;
                }
                let Some(frame) = self.stack.pop() else { break };
                value = close(frame.kind, frame.items);
            }
        }
        Ok(None)
    }

    /// Consumes one line, with its announced bytes; `None` when they have not all come.
    fn token(&mut self) -> Result<Option<Token>, ProtocolError> {
        let from = self.scanned.max(self.position);
        let Some(end) = memchr::memchr(b'\n', &self.buffer[from..]).map(|i| from + i) else {
            self.scanned = self.buffer.len();
            return self.bounded(self.buffer.len() - self.position).map(|()| None);
        };
        let line = &self.buffer[self.position..end];
        let line = line.strip_suffix(b"\r").ok_or(ProtocolError::InvalidReply)?;
        let (&kind, text) = line.split_first().ok_or(ProtocolError::InvalidReply)?;
        let leaf = |value| Ok(Some(Token::Leaf(value)));
        let token = match kind {
            b'+' => leaf(Value::Simple(text.to_vec())),
            b'-' => leaf(Value::Error(text.to_vec())),
            b':' => leaf(Value::Int(integer(text)?)),
            b'_' => leaf(Value::Null),
            b',' => leaf(Value::Double { value: double(text)?, text: text.to_vec() }),
            b'#' => leaf(Value::Bool(boolean(text)?)),
            b'(' => leaf(Value::BigNumber(text.to_vec())),
            b'*' | b'%' | b'~' | b'>' | b'|' => self.open(kind, integer(text)?),
            b'$' | b'!' | b'=' => {
                let length = integer(text)?;
                return self.announced(kind, length, end + 1);
            }
            other => Err(ProtocolError::UnknownReplyType(other)),
        }?;
        self.consume(end + 1)?;
        Ok(token)
    }

    fn open(&self, kind: u8, count: i64) -> Result<Option<Token>, ProtocolError> {
        if count == -1 && kind == b'*' {
            return Ok(Some(Token::Leaf(Value::Null)));
        }
        let count = usize::try_from(count).map_err(|_| ProtocolError::InvalidReply)?;
        // Every element takes at least three bytes.
        self.bounded(count.saturating_mul(3))?;
        Ok(Some(match kind {
            b'%' => Token::Open(Aggregate::Map, count * 2),
            b'~' => Token::Open(Aggregate::Set, count),
            b'>' => Token::Open(Aggregate::Push, count),
            b'|' => Token::Open(Aggregate::Attribute, count * 2 + 1),
            _ => Token::Open(Aggregate::Array, count),
        }))
    }

    fn announced(&mut self, kind: u8, length: i64, start: usize) -> Result<Option<Token>, ProtocolError> {
        if length == -1 && kind == b'$' {
            self.consume(start)?;
            return Ok(Some(Token::Leaf(Value::Null)));
        }
        let length = usize::try_from(length).map_err(|_| ProtocolError::InvalidReply)?;
        self.bounded(length)?;
        let end = start + length;
        let Some(tail) = self.buffer.get(end..end + 2) else {
            // The line has been found; look for it here again rather than behind it.
            self.scanned = start - 1;
            return Ok(None);
        };
        if tail != b"\r\n" {
            return Err(ProtocolError::InvalidReply);
        }
        let bytes = self.buffer[start..end].to_vec();
        let value = match kind {
            b'!' => Value::Error(bytes),
            b'=' => match bytes.split_at_checked(4) {
                Some((format, text)) if format[3] == b':' => {
                    Value::Verbatim { format: format[..3].to_vec(), bytes: text.to_vec() }
                }
                _ => return Err(ProtocolError::InvalidReply),
            },
            _ => Value::Bulk(bytes),
        };
        self.consume(end + 2)?;
        Ok(Some(Token::Leaf(value)))
    }

    fn bounded(&self, more: usize) -> Result<(), ProtocolError> {
        if self.size.saturating_add(more) > self.max_bytes {
            return Err(ProtocolError::ReplyTooBig);
        }
        Ok(())
    }

    fn consume(&mut self, end: usize) -> Result<(), ProtocolError> {
        self.bounded(end - self.position)?;
        self.size += end - self.position;
        self.advance(end);
        Ok(())
    }

    fn advance(&mut self, end: usize) {
        self.position = end;
        if self.position == self.buffer.len() {
            self.buffer.clear();
            self.position = 0;
        } else if self.position >= COMPACT && self.position * 2 >= self.buffer.len() {
            self.buffer.drain(..self.position);
            self.position = 0;
        }
        self.scanned = self.position;
    }
}

fn close(kind: Aggregate, mut items: Vec<Value>) -> Value {
    match kind {
        Aggregate::Array => Value::Array(items),
        Aggregate::Set => Value::Set(items),
        Aggregate::Push => Value::Push(items),
        Aggregate::Map => Value::Map(pairs(items)),
        Aggregate::Attribute => {
            let value = Box::new(items.pop().unwrap_or(Value::Null));
            Value::Attribute { attributes: pairs(items), value }
        }
    }
}

fn pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn integer(text: &[u8]) -> Result<i64, ProtocolError> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    number::parse_i64(text).ok_or(ProtocolError::InvalidReply)
}

fn double(text: &[u8]) -> Result<f64, ProtocolError> {
    let lower = text.to_ascii_lowercase();
    if lower == b"nan" || lower == b"-nan" {
        return Ok(f64::NAN);
    }
    number::parse_f64(text).ok_or(ProtocolError::InvalidReply)
}

fn boolean(text: &[u8]) -> Result<bool, ProtocolError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(ProtocolError::InvalidReply),
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
