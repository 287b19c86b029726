//! Requests: multibulk (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) and inline (`GET k\r\n`).
//!
//! The parser is resumable: it remembers how far it got in a buffer that grows at its end, so that no byte is
//! looked at twice however it arrives. Arguments are places in the buffer; only an inline request, whose quoting
//! may have to be undone, is copied into a scratch of the parser.
//!
//! As in Redis, a length's line ends at `\r` and the byte after it is not looked at.

use alloc::vec::Vec;

use base::argv::{ArgRange, Args};
use base::{args, number};

use crate::ProtocolError;

/// The longest inline request and the longest line that carries a length, in bytes.
pub const INLINE_MAX: usize = 64 * 1024;
/// Arguments that a client may send at once before it has authenticated.
const UNAUTHENTICATED_ARGUMENTS: i64 = 10;
/// Bytes in one argument that a client may send before it has authenticated.
const UNAUTHENTICATED_BULK: i64 = 16 * 1024;
/// Places kept from one request to the next; a request with more gives its memory back.
const KEPT_RANGES: usize = 1024;
/// Places reserved because of a count alone, before the arguments have come.
const RESERVED_RANGES: usize = 64;

/// The most that a length of two digits says.
const SHORT_MAX: u64 = 99;

/// What a request may hold, which depends on its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len` in bytes; `u64::MAX` for the link to a master.
    pub max_bulk: u64,
    /// False while the session has still to authenticate.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bulk: 512 << 20, authenticated: true }
    }
}

/// How far a call of [`RequestParser::parse`] came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// More bytes must come; call again with the same bytes and more behind them.
    Incomplete,
    /// One request lies in the first `consumed` bytes. It may have no argument (an empty line, `*0`): skip it.
    Complete {
        /// Bytes of the request; the caller drops them after executing and calls [`RequestParser::reset`].
        consumed: usize,
    },
}

/// Finds one request after another.
#[derive(Debug, Default)]
pub struct RequestParser {
    ranges: Vec<ArgRange>,
    scratch: Vec<u8>,
    /// Offset of the first byte not understood yet.
    position: usize,
    /// Offset up to which an end of line was sought in vain; at least `position` while it matters.
    scanned: usize,
    /// Arguments that have still to come; 0 before the count is known.
    remaining: u32,
    /// Length of the argument at `position`, when its `$` line has been read.
    bulk: Option<usize>,
    /// Bytes of a started argument that have not come yet.
    missing: usize,
    inline: bool,
}

impl RequestParser {
    /// A parser at the start of a request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with the request that starts at `buf[0]`.
    ///
    /// `buf` must hold the bytes of the calls before, with more behind them, until the request is complete. A complete one
    /// stays so, however often this is called, until [`RequestParser::reset`].
    pub fn parse(&mut self, buf: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        if self.remaining == 0 {
            if self.is_complete() {
                return Ok(Parsed::Complete { consumed: self.position });
            }
            match buf.first() {
                None => return Ok(Parsed::Incomplete),
                Some(b'*') => {}
                Some(_) => return self.parse_inline(buf),
            }
            let Some(count) = self.parse_count(buf, limits)? else { return Ok(Parsed::Incomplete) };
            if count == 0 {
                return Ok(Parsed::Complete { consumed: self.position });
            }
            self.remaining = count;
            self.ranges.reserve((count as usize).min(RESERVED_RANGES));
        }
        self.take_short_arguments(buf, limits);
        while self.remaining > 0 {
            if !self.parse_argument(buf, limits)? {
                return Ok(Parsed::Incomplete);
            }
        }
        Ok(Parsed::Complete { consumed: self.position })
    }

    /// Forgets the request just completed; the next call of `parse` starts a new one.
    #[inline]
    pub fn reset(&mut self) {
        if self.ranges.capacity() > KEPT_RANGES {
            self.ranges = Vec::new();
        }
        if self.scratch.capacity() > INLINE_MAX / 4 {
            self.scratch = Vec::new();
        }
        self.ranges.clear();
        self.scratch.clear();
        self.position = 0;
        self.scanned = 0;
        self.remaining = 0;
        self.bulk = None;
        self.missing = 0;
        self.inline = false;
    }

    /// The arguments of the request just completed in `buf`, the buffer given to `parse`.
    #[inline]
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> Args<'a> {
        Args::new(if self.inline { &self.scratch } else { buf }, &self.ranges)
    }

    /// Whether it holds a request that is complete.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.remaining == 0 && self.position > 0
    }

    /// Bytes at the start of the buffer that are understood already, of a request that is not complete.
    pub fn understood(&self) -> usize {
        self.position
    }

    /// Bytes that the places of arguments take.
    pub fn memory(&self) -> usize {
        self.ranges.capacity() * size_of::<ArgRange>() + self.scratch.capacity()
    }

    /// Bytes still missing of an argument whose length is known, its line end included; 0 when unknown.
    ///
    /// A hint for the size of the next read. The caller bounds it: it is what the client claims.
    pub fn wanted(&self) -> usize {
        self.missing
    }

    /// The length of the argument that has begun, as announced; 0 when none has. It is what the client claims.
    pub fn announced(&self) -> usize {
        self.bulk.unwrap_or(0)
    }

    fn parse_inline(&mut self, buf: &[u8]) -> Result<Parsed, ProtocolError> {
        let Some(end) = self.find(b'\n', buf, ProtocolError::TooBigInline)? else {
            return Ok(Parsed::Incomplete);
        };
        let line = &buf[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let arguments = args::split(line).ok_or(ProtocolError::UnbalancedQuotes)?;
        self.inline = true;
        for argument in arguments {
            // Below INLINE_MAX in all: the casts lose nothing.
            self.ranges.push((self.scratch.len() as u32, argument.len() as u32));
            self.scratch.extend_from_slice(&argument);
        }
        self.position = end + 1;
        Ok(Parsed::Complete { consumed: self.position })
    }

    /// The count of `*`, negative ones as 0; `None` until its line is there.
    fn parse_count(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<u32>, ProtocolError> {
        if let [b'*', digit @ b'1'..=b'9', b'\r', _, ..] = *buf {
            self.position = 4;
            return Ok(Some(u32::from(digit - b'0')));
        }
        let Some(line) = self.line(buf, ProtocolError::TooBigMultibulkCount)? else { return Ok(None) };
        let count = parse_length(&line[1..]).ok_or(ProtocolError::InvalidMultibulkLength)?;
        if count > i64::from(i32::MAX) {
            return Err(ProtocolError::InvalidMultibulkLength);
        }
        if count > UNAUTHENTICATED_ARGUMENTS && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        Ok(Some(count.max(0) as u32))
    }

    /// Reads arguments of less than a hundred bytes that have come whole, which nearly all are; whatever else begins here is
    /// left as it is.
    #[inline]
    fn take_short_arguments(&mut self, buf: &[u8], limits: &Limits) {
        if self.bulk.is_some() || limits.max_bulk < SHORT_MAX || buf.len() > u32::MAX as usize {
            return;
        }
        while self.remaining > 0
            && let Some((head, length)) = buf.get(self.position..).and_then(short_head)
        {
            let start = self.position + head;
            let end = start + length + 2;
            if end > buf.len() {
                return;
            }
            self.ranges.push((start as u32, length as u32));
            self.position = end;
            self.remaining -= 1;
        }
    }

    /// Reads one argument; false when its bytes have not all come.
    #[inline]
    fn parse_argument(&mut self, buf: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let length = match self.bulk {
            Some(length) => length,
            None => {
                let Some(length) = self.parse_bulk_length(buf, limits)? else { return Ok(false) };
                self.bulk = Some(length);
                length
            }
        };
        let end = self.position + length + 2;
        if buf.len() < end {
            self.missing = end - buf.len();
            return Ok(false);
        }
        self.ranges.push((self.position as u32, length as u32));
        self.position = end;
        self.bulk = None;
        self.missing = 0;
        self.remaining -= 1;
        Ok(true)
    }

    #[inline]
    fn parse_bulk_length(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        let Some(line) = self.line(buf, ProtocolError::TooBigBulkCount)? else { return Ok(None) };
        match line.first() {
            Some(b'$') => {}
            Some(other) => return Err(ProtocolError::ExpectedBulk(*other)),
            None => return Err(ProtocolError::ExpectedBulk(b'\r')),
        }
        let length = parse_length(&line[1..]).ok_or(ProtocolError::InvalidBulkLength)?;
        let claimed = u64::try_from(length).map_err(|_| ProtocolError::InvalidBulkLength)?;
        // Places are 32 bits wide: a request ends before 4 GiB.
        let end = claimed.saturating_add(self.position as u64).saturating_add(2);
        if claimed > limits.max_bulk || end > u64::from(u32::MAX) {
            return Err(ProtocolError::InvalidBulkLength);
        }
        if length > UNAUTHENTICATED_BULK && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        Ok(Some(claimed as usize))
    }

    /// The line at `position` without its end, which is consumed; `None` until both end bytes are there.
    #[inline]
    fn line<'b>(
        &mut self,
        buf: &'b [u8],
        too_long: ProtocolError,
    ) -> Result<Option<&'b [u8]>, ProtocolError> {
        let start = self.position;
        let Some(end) = self.find(b'\r', buf, too_long)? else { return Ok(None) };
        if buf.len() < end + 2 {
            self.scanned = end;
            return Ok(None);
        }
        self.position = end + 2;
        self.scanned = self.position;
        Ok(Some(&buf[start..end]))
    }

    /// Offset of the next `byte`, which must come within [`INLINE_MAX`] bytes of `position`.
    #[inline]
    fn find(
        &mut self,
        byte: u8,
        buf: &[u8],
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let limit = self.position + INLINE_MAX;
        let from = self.scanned.max(self.position);
        let window = buf.get(from..buf.len().min(limit + 1)).unwrap_or(&[]);
        // Lengths are short: a plain walk beats a vectorized search's start-up.
        let near = window.len().min(16);
        let found = window[..near]
            .iter()
            .position(|b| *b == byte)
            .or_else(|| memchr::memchr(byte, &window[near..]).map(|i| i + near));
        match found {
            Some(i) => Ok(Some(from + i)),
            None if buf.len() > limit => Err(too_long),
            None => {
                self.scanned = buf.len();
                Ok(None)
            }
        }
    }
}

/// The line of a length with one or two digits: its bytes, and the length.
#[inline]
fn short_head(buf: &[u8]) -> Option<(usize, usize)> {
    let digit = |b: u8| usize::from(b - b'0');
    match *buf {
        [b'$', a @ b'0'..=b'9', b'\r', _, ..] => Some((4, digit(a))),
        [b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] => Some((5, digit(a) * 10 + digit(b))),
        _ => None,
    }
}

/// A length with the fast path that nearly all take: one to three digits.
#[inline]
fn parse_length(text: &[u8]) -> Option<i64> {
    let digit = |b: u8| b.is_ascii_digit().then(|| i64::from(b - b'0'));
    match *text {
        [a] => digit(a),
        [a @ b'1'..=b'9', b] => Some(digit(a)? * 10 + digit(b)?),
        [a @ b'1'..=b'9', b, c] => Some(digit(a)? * 100 + digit(b)? * 10 + digit(c)?),
        _ => number::parse_i64(text),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
