//! The error texts of the data commands, in one place, exactly as Redis 7.2 words them.

use core::fmt;

/// Why a command failed; displays as the full reply text, code included, without the leading `-`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// The key holds another type.
    WrongType,
    /// An option is unknown or in the wrong place.
    Syntax,
    /// An integer was expected.
    NotInteger,
    /// A float was expected.
    NotFloat,
    /// The sum leaves 64 bits.
    IncrementOverflow,
    /// DECRBY of the smallest integer.
    DecrementOverflow,
    /// INCRBYFLOAT would leave the numbers.
    IncrementNotFinite,
    /// A negative offset, or one past the limit.
    OffsetOutOfRange,
    /// The string would pass `proto-max-bulk-len`.
    StringTooLong,
    /// `invalid expire time in '<command>' command`.
    InvalidExpire(&'static str),
    /// The source does not exist.
    NoSuchKey,
    /// RENAME or COPY onto itself.
    SameObject,
    /// A database number out of range.
    DbOutOfRange,
    /// `wrong number of arguments for '<command>' command`.
    Arity(&'static str),
    /// SCAN's cursor is not a number.
    InvalidCursor,
    /// RESTORE of a payload that makes no sense: what its form is called, and what is wrong; the reply says neither.
    BadPayload(&'static str, &'static str),
    /// Any other text, complete.
    Text(&'static str),
    /// Any other text, complete, with something of the request in it.
    Owned(String),
    /// Any other text, complete, with bytes of the request in it, whatever they are.
    Repeating(Vec<u8>),
}

impl CommandError {
    /// A text of several parts, some of which are the request's.
    pub fn repeating(parts: &[&[u8]]) -> Self {
        CommandError::Repeating(parts.concat())
    }

    /// The text as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            CommandError::Repeating(text) => text.clone(),
            other => other.to_string().into_bytes(),
        }
    }
}

impl From<keyspace::WrongType> for CommandError {
    fn from(_: keyspace::WrongType) -> Self {
        CommandError::WrongType
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CommandError::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            CommandError::Syntax => "ERR syntax error",
            CommandError::NotInteger => "ERR value is not an integer or out of range",
            CommandError::NotFloat => "ERR value is not a valid float",
            CommandError::IncrementOverflow => "ERR increment or decrement would overflow",
            CommandError::DecrementOverflow => "ERR decrement would overflow",
            CommandError::IncrementNotFinite => "ERR increment would produce NaN or Infinity",
            CommandError::OffsetOutOfRange => "ERR offset is out of range",
            CommandError::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            CommandError::InvalidExpire(name) => {
                return write!(f, "ERR invalid expire time in '{name}' command");
            }
            CommandError::NoSuchKey => "ERR no such key",
            CommandError::SameObject => "ERR source and destination objects are the same",
            CommandError::DbOutOfRange => "ERR DB index is out of range",
            CommandError::Arity(name) => {
                return write!(f, "ERR wrong number of arguments for '{name}' command");
            }
            CommandError::InvalidCursor => "ERR invalid cursor",
            CommandError::BadPayload(..) => "ERR Bad data format",
            CommandError::Text(text) => text,
            CommandError::Owned(text) => text,
            CommandError::Repeating(text) => return f.write_str(&String::from_utf8_lossy(text)),
        })
    }
}

impl std::error::Error for CommandError {}
