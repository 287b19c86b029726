//! What can be wrong with the bytes themselves; the texts are Redis's.

use core::fmt;

/// A request or a reply that is not RESP. The connection cannot go on after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// The count after `*` is not a number or is too large.
    InvalidMultibulkLength,
    /// The length after `$` is not a number, is negative, or passes `proto-max-bulk-len`.
    InvalidBulkLength,
    /// Another byte where `$` must stand.
    ExpectedBulk(u8),
    /// An inline request longer than [`crate::INLINE_MAX`].
    TooBigInline,
    /// The line of `*` does not end.
    TooBigMultibulkCount,
    /// The line of `$` does not end.
    TooBigBulkCount,
    /// An inline request with a quote that is not closed.
    UnbalancedQuotes,
    /// More than ten arguments before authentication.
    UnauthenticatedMultibulkLength,
    /// An argument of more than 16 KiB before authentication.
    UnauthenticatedBulkLength,
    /// A reply whose first byte names no type.
    UnknownReplyType(u8),
    /// A reply whose line, length or value is malformed.
    InvalidReply,
    /// A reply nested deeper than the parser's bound.
    ReplyTooDeep,
    /// A reply larger than the parser's bound.
    ReplyTooBig,
}

impl ProtocolError {
    /// The text that follows `-ERR Protocol error: ` for requests, or describes the bad reply.
    pub fn message(&self) -> impl fmt::Display + use<> {
        *self
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::InvalidMultibulkLength => "invalid multibulk length",
            Self::InvalidBulkLength => "invalid bulk length",
            Self::ExpectedBulk(got) => return write!(f, "expected '$', got '{}'", char::from(*got)),
            Self::TooBigInline => "too big inline request",
            Self::TooBigMultibulkCount => "too big mbulk count string",
            Self::TooBigBulkCount => "too big bulk count string",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::UnknownReplyType(byte) => {
                let shown = [*byte];
                let shown = core::str::from_utf8(&shown).unwrap_or("?");
                return write!(f, "got {shown:?} as reply type byte");
            }
            Self::InvalidReply => "malformed reply",
            Self::ReplyTooDeep => "reply nested too deeply",
            Self::ReplyTooBig => "reply too big",
        };
        f.write_str(text)
    }
}

impl core::error::Error for ProtocolError {}
