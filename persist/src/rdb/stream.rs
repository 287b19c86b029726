//! Streams in RDB.

use super::Encoder;
use super::cursor::{Cursor, Stop, malformed};
use super::object::Context;
use ds::Stream;

/// The value type under which it is written.
pub(crate) fn kind(_value: &Stream) -> u8 {
    0
}

/// Writes it.
pub(crate) fn encode(_value: &Stream, _out: &mut Encoder) {}

/// Reads a value of any of the types of streams; `None` if it is empty.
pub(crate) fn decode(
    _kind: u8,
    _cursor: &mut Cursor<'_>,
    _context: &Context<'_>,
) -> Result<Option<Stream>, Stop> {
    malformed("a value that this version cannot store")
}
