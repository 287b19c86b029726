//! Values that are not strings, in RDB: which file of this folder knows which type.

use super::cursor::{Cursor, Stop, malformed};
use super::text::Text;
use super::types::form_name;
use super::{Encoder, Fault, hash, list, set, stream, zset};
use ds::list::NodePlace;
use keyspace::{Kind, Object, Steps};

/// What decoding depends on besides the bytes.
pub(crate) struct Context<'a> {
    /// Where small forms end.
    pub settings: &'a ds::Settings,
    /// The file's version: Redis and Valkey use some type numbers for different things.
    pub version: u32,
    /// Every element is a step.
    pub steps: &'a Steps,
}

/// So many members of a table are written before it is seen how much that was.
pub(crate) const MEMBERS_PER_STEP: usize = 16;

/// How far a large value was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place(At);

#[derive(Clone, PartialEq, Eq, Debug)]
enum At {
    /// This node of a list is next.
    Node(NodePlace),
    /// The members of a table from this cursor on.
    Cursor(u64),
    /// So many members of a sorted set are left.
    Left(usize),
    /// A part of a stream.
    Part(stream::Part),
    /// A part of a long string.
    Text(Text),
}

impl Place {
    /// In a long string.
    pub(super) fn of_text(text: Text) -> Self {
        Self(At::Text(text))
    }

    /// The part of a long string, if it is in one.
    pub(super) fn text(self) -> Option<Text> {
        if let At::Text(text) = self.0 { Some(text) } else { None }
    }
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

/// Writes an object's value, without its type and key, from its beginning or from where it stopped; where it stopped.
pub(crate) fn encode(object: &Object, out: &mut Encoder, from: Option<Place>) -> Option<Place> {
    let from = from.map(|place| place.0);
    let cursor = if let Some(At::Cursor(cursor)) = from { Some(cursor) } else { None };
    let at = match (object, from) {
        (Object::List(value), Some(At::Node(node))) => list::encode(value, out, Some(node)).map(At::Node),
        (Object::List(value), _) => list::encode(value, out, None).map(At::Node),
        (Object::Set(value), _) => set::encode(value, out, cursor).map(At::Cursor),
        (Object::Hash(value), _) => hash::encode(value, out, cursor).map(At::Cursor),
        (Object::Zset(value), Some(At::Left(left))) => zset::encode(value, out, Some(left)).map(At::Left),
        (Object::Zset(value), _) => zset::encode(value, out, None).map(At::Left),
        (Object::Stream(value), Some(At::Part(part))) => stream::encode(value, out, Some(part)).map(At::Part),
        (Object::Stream(value), _) => stream::encode(value, out, None).map(At::Part),
    };
    at.map(Place)
}

/// Reads the value that `bytes` are, all of them; `None` if it holds no element (Redis skips such keys).
pub(crate) fn decode(kind: u8, bytes: &[u8], context: &Context<'_>) -> Result<Option<Object>, Fault> {
    let mut cursor = Cursor { bytes, at: 0 };
    let object = read(kind, &mut cursor, context);
    let damaged = |what| Err(Fault::Damaged(form_name(kind), what));
    match object {
        Ok(_) if cursor.at != bytes.len() => damaged("a value with bytes behind its end"),
        Ok(object) => Ok(object),
        Err(Stop::Fault(Fault::Malformed(what))) => damaged(what),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::More(_)) => damaged("a value that ends too soon"),
    }
}

fn read(kind: u8, cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<Object>, Stop> {
    Ok(match kind {
        1 | 10 | 14 | 18 => list::decode(kind, cursor, context)?.map(Object::List),
        2 | 11 | 20 => set::decode(kind, cursor, context)?.map(Object::Set),
        3 | 5 | 12 | 17 => zset::decode(kind, cursor, context)?.map(Object::Zset),
        4 | 9 | 13 | 16 | 22..=25 => hash::decode(kind, cursor, context)?.map(Object::Hash),
        15 | 19 | 21 => stream::decode(kind, cursor, context)?.map(Kind::into_object),
        _ => return malformed("a value of unknown type"),
    })
}
