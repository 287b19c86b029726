//! Values that are not strings, in RDB: which file of this folder knows which type.

use super::cursor::{Cursor, Stop, malformed};
use super::{Encoder, Fault, hash, list, set, stream, zset};
use keyspace::Object;

/// What decoding depends on besides the bytes.
pub(crate) struct Context<'a> {
    /// Where small forms end.
    pub settings: &'a ds::Settings,
    /// The file's version: Redis and Valkey use some type numbers for different things.
    pub version: u32,
}

/// The value type under which an object is written.
pub(crate) fn kind(object: &Object) -> u8 {
    match object {
        Object::List(value) => list::kind(value),
        Object::Set(value) => set::kind(value),
        Object::Zset(value) => zset::kind(value),
        Object::Hash(value) => hash::kind(value),
        Object::Stream(value) => stream::kind(value),
    }
}

/// Writes an object's value, without its type and key.
pub(crate) fn encode(object: &Object, out: &mut Encoder) {
    match object {
        Object::List(value) => list::encode(value, out),
        Object::Set(value) => set::encode(value, out),
        Object::Zset(value) => zset::encode(value, out),
        Object::Hash(value) => hash::encode(value, out),
        Object::Stream(value) => stream::encode(value, out),
    }
}

/// Reads the value that `bytes` are, all of them; `None` if it holds no element (Redis skips such keys).
pub(crate) fn decode(kind: u8, bytes: &[u8], context: &Context<'_>) -> Result<Option<Object>, Fault> {
    let mut cursor = Cursor { bytes, at: 0 };
    let object = read(kind, &mut cursor, context);
    match object {
        Ok(_) if cursor.at != bytes.len() => Err(Fault::Malformed("a value with bytes behind its end")),
        Ok(object) => Ok(object),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::More(_)) => Err(Fault::Malformed("a value that ends too soon")),
    }
}

fn read(kind: u8, cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<Object>, Stop> {
    Ok(match kind {
        1 | 10 | 14 | 18 => list::decode(kind, cursor, context)?.map(Object::List),
        2 | 11 | 20 => set::decode(kind, cursor, context)?.map(Object::Set),
        3 | 5 | 12 | 17 => zset::decode(kind, cursor, context)?.map(Object::Zset),
        4 | 9 | 13 | 16 | 22..=25 => hash::decode(kind, cursor, context)?.map(Object::Hash),
        15 | 19 | 21 => stream::decode(kind, cursor, context)?.map(|stream| Object::Stream(Box::new(stream))),
        _ => return malformed("a value of unknown type"),
    })
}
