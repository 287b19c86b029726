//! Answers, written into one growing buffer in the session's protocol.
//!
//! RESP2 has no maps, sets, doubles, booleans, nulls or verbatim strings: each method says what stands for them.

use alloc::string::String;
use alloc::vec::Vec;

use base::number;

/// The version that a session speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// Every connection starts with this one.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// The place of a header whose length becomes known later.
#[derive(Debug)]
#[must_use = "the header is written by the matching finish"]
pub struct Deferred {
    at: usize,
}

/// The answers of one session that have not been sent yet.
#[derive(Debug, Default)]
pub struct Reply {
    protocol: Protocol,
    buffer: Vec<u8>,
    has_deferred: bool,
}

impl Reply {
    /// An empty reply.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, buffer: Vec::new(), has_deferred: false }
    }

    /// The version in which the next answers are written.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Changes the version for the answers to come.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Whether the session speaks RESP3.
    #[inline]
    pub fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// The bytes written so far.
    #[inline]
    pub fn buffer(&self) -> &Vec<u8> {
        &self.buffer
    }

    /// The bytes written so far, to drop those that have been sent.
    #[inline]
    pub fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Takes the bytes out.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.buffer)
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.buffer.extend_from_slice(b"+OK\r\n");
    }

    /// A status. Line ends in it become spaces.
    pub fn simple(&mut self, text: &str) {
        self.buffer.push(b'+');
        self.line_text(text.as_bytes());
        self.end_line();
    }

    /// An error with its code: `ERR syntax error`. Line ends in it become spaces.
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// [`Self::error`] for a text that repeats bytes of the client.
    pub fn error_bytes(&mut self, text: &[u8]) {
        let end = text.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |i| i + 1);
        self.buffer.push(b'-');
        self.line_text(&text[..end]);
        self.end_line();
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A string of any bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.buffer.reserve(bytes.len() + 24);
        self.header(b'$', bytes.len() as i64);
        self.buffer.extend_from_slice(bytes);
        self.end_line();
    }

    /// An integer as a string.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// No value: `_`, in RESP2 the null string.
    pub fn null(&mut self) {
        self.buffer.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// No array: `_`, in RESP2 the null array.
    pub fn null_array(&mut self) {
        self.buffer.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// Opens an array of `len` answers, which follow.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// Opens a map of `pairs` keys, each followed by its value; in RESP2 an array of twice as many.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(pairs * 2),
            Protocol::Resp3 => self.header(b'%', pairs as i64),
        }
    }

    /// Opens a set; in RESP2 an array.
    pub fn set(&mut self, len: usize) {
        self.header(if self.is_resp3() { b'~' } else { b'*' }, len as i64);
    }

    /// Opens an out-of-band message; in RESP2 an array.
    pub fn push(&mut self, len: usize) {
        self.header(if self.is_resp3() { b'>' } else { b'*' }, len as i64);
    }

    /// Opens attributes of `pairs` keys, put before the answer that they describe.
    ///
    /// Returns false, having written nothing, in RESP2: then the caller leaves them out.
    #[must_use]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        if self.is_resp3() {
            self.header(b'|', pairs as i64);
        }
        self.is_resp3()
    }

    /// A double; in RESP2 a string.
    pub fn double(&mut self, value: f64) {
        self.double_text(base::DoubleText::new(value).as_str());
    }

    /// A double that has been printed already (80-bit results); in RESP2 a string.
    pub fn double_text(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.typed_line(b',', text),
        }
    }

    /// `#t` or `#f`; in RESP2 1 or 0.
    pub fn bool(&mut self, value: bool) {
        match self.protocol {
            Protocol::Resp2 => self.int(i64::from(value)),
            Protocol::Resp3 => self.typed_line(b'#', if value { "t" } else { "f" }),
        }
    }

    /// An integer of any size, in decimal; in RESP2 a string.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => self.typed_line(b'(', digits),
        }
    }

    /// A string with its format (`txt`, `mkd`), cut or filled with spaces to three bytes; in RESP2 a plain string.
    pub fn verbatim(&mut self, format: &str, bytes: &[u8]) {
        if !self.is_resp3() {
            return self.bulk(bytes);
        }
        self.header(b'=', bytes.len() as i64 + 4);
        let mut tag = *b"   :";
        tag.iter_mut().take(3).zip(format.bytes()).for_each(|(to, from)| *to = from);
        self.buffer.extend_from_slice(&tag);
        self.buffer.extend_from_slice(bytes);
        self.end_line();
    }

    /// Bytes that are RESP already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Opens an array, map or set whose length is not known yet: write its answers, then finish it.
    pub fn deferred(&mut self) -> Deferred {
        Deferred { at: self.buffer.len() }
    }

    /// [`Self::deferred`] under the name of the commonest use.
    pub fn deferred_array(&mut self) -> Deferred {
        self.deferred()
    }

    /// Writes the array's header before what came since [`Self::deferred`]. Costs a move of those bytes.
    pub fn finish_array(&mut self, place: Deferred, len: usize) {
        self.insert(place, |reply| reply.array(len));
    }

    /// As [`Self::finish_array`] for a map.
    pub fn finish_map(&mut self, place: Deferred, pairs: usize) {
        self.insert(place, |reply| reply.map(pairs));
    }

    /// As [`Self::finish_array`] for a set.
    pub fn finish_set(&mut self, place: Deferred, len: usize) {
        self.insert(place, |reply| reply.set(len));
    }

    /// Whether there was an answer whose header came later, since the last time that this was asked.
    pub fn take_deferred(&mut self) -> bool {
        core::mem::take(&mut self.has_deferred)
    }

    fn insert(&mut self, place: Deferred, header: impl FnOnce(&mut Self)) {
        self.has_deferred = true;
        let end = self.buffer.len();
        header(self);
        let written = self.buffer.len() - end;
        self.buffer[place.at.min(end)..].rotate_right(written);
    }

    fn typed_line(&mut self, kind: u8, text: &str) {
        self.buffer.push(kind);
        self.line_text(text.as_bytes());
        self.end_line();
    }

    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        write_header(&mut self.buffer, kind, value);
    }

    fn line_text(&mut self, text: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(text);
        for byte in &mut self.buffer[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }

    #[inline]
    fn end_line(&mut self) {
        self.buffer.extend_from_slice(b"\r\n");
    }
}

/// Appends one request as multibulk.
pub fn write_command<'a>(out: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    write_header(out, b'*', args.len() as i64);
    for arg in args {
        write_header(out, b'$', arg.len() as i64);
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// One request as multibulk, for words that are at hand.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    write_command(&mut out, words.iter().map(|w| w.as_bytes()));
    out
}

#[inline]
fn write_header(out: &mut Vec<u8>, kind: u8, value: i64) {
    if let 0..=9 = value {
        out.extend_from_slice(&[kind, b'0' + value as u8, b'\r', b'\n']);
    } else {
        out.push(kind);
        number::push_i64(out, value);
        out.extend_from_slice(b"\r\n");
    }
}

/// Text of an unexpected error reply, for messages: lossy, without line ends.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(['\r', '\n'], " ")
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
