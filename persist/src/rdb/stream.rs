//! Streams in RDB: leaves, numbers, groups.
//!
//! Written in the second form (type 19), the newest that Redis 7.0 reads. It has no room for a consumer's active time,
//! which reads back as the time at which it was last seen, as Redis 7.2 takes it. The first form (Redis 5) and the
//! third (Redis 7.2) are read.

use super::Encoder;
use super::cursor::{Cursor, Stop, malformed};
use super::decode::Fault;
use super::object::Context;
use ds::Stream;
use ds::stream::{
    Builder, Corrupt, Group, GroupBuilder, NewerNumbers, Numbers, StreamId, UNKNOWN_ENTRIES_READ,
};

/// As Redis 5 wrote it.
const FIRST: u8 = 15;
/// As Redis 7.0 writes it: with the counters.
const SECOND: u8 = 19;
/// As Redis 7.2 writes it: with active times.
const THIRD: u8 = 21;

/// The value type under which it is written.
pub(crate) fn kind(_value: &Stream) -> u8 {
    SECOND
}

/// Writes it.
pub(crate) fn encode(value: &Stream, out: &mut Encoder) {
    let log = value.log();
    let leaves = log.leaves();
    out.length(leaves.len() as u64);
    for (key, pack) in leaves {
        out.string(&key.to_bytes());
        out.string(pack);
    }
    out.length(log.len());
    for id in [log.last_id(), log.first_id(), log.max_deleted_id()] {
        encode_id(id, out);
    }
    out.length(log.added());
    out.length(value.groups_len() as u64);
    for (name, group) in value.groups() {
        out.string(name);
        encode_group(group, out);
    }
}

fn encode_id(id: StreamId, out: &mut Encoder) {
    out.length(id.ms);
    out.length(id.seq);
}

fn encode_group(group: &Group, out: &mut Encoder) {
    encode_id(group.last_id, out);
    out.length(group.entries_read as u64);
    out.length(group.pending_len() as u64);
    for (id, pending) in group.pending_from(StreamId::ZERO) {
        out.raw(&id.to_bytes());
        out.raw(&pending.delivered_ms.to_le_bytes());
        out.length(pending.deliveries);
    }
    out.length(group.consumers_len() as u64);
    for (name, consumer) in group.consumers() {
        out.string(name);
        out.raw(&consumer.seen_ms().to_le_bytes());
        out.length(consumer.pending_len() as u64);
        for id in consumer.pending_ids() {
            out.raw(&id.to_bytes());
        }
    }
}

/// Reads a value of any of the types of streams. One without entries is a value like any other.
pub(crate) fn decode(
    kind: u8,
    cursor: &mut Cursor<'_>,
    _context: &Context<'_>,
) -> Result<Option<Stream>, Stop> {
    if !matches!(kind, FIRST | SECOND | THIRD) {
        return malformed("a stream of unknown form");
    }
    let mut builder = Builder::new();
    for _ in 0..cursor.length()? {
        let key = cursor.bytes()?;
        builder.leaf(&key, cursor.bytes()?.into_owned()).map_err(refuse)?;
    }
    let numbers = Numbers { len: cursor.length()?, last_id: decode_id(cursor)?, newer: None };
    let newer = match kind {
        FIRST => None,
        _ => Some(NewerNumbers {
            first_id: decode_id(cursor)?,
            max_deleted_id: decode_id(cursor)?,
            added: cursor.length()?,
        }),
    };
    let mut stream = builder.finish(&Numbers { newer, ..numbers }).map_err(refuse)?;
    for _ in 0..cursor.length()? {
        decode_group(kind, cursor, &mut stream)?;
    }
    Ok(Some(stream))
}

fn decode_id(cursor: &mut Cursor<'_>) -> Result<StreamId, Stop> {
    Ok(StreamId::new(cursor.length()?, cursor.length()?))
}

fn decode_group(kind: u8, cursor: &mut Cursor<'_>, stream: &mut Stream) -> Result<(), Stop> {
    let name = cursor.bytes()?;
    let last_id = decode_id(cursor)?;
    let entries_read = match kind {
        FIRST => stream.log().position_of(last_id).unwrap_or(UNKNOWN_ENTRIES_READ),
        _ => cursor.length()? as i64,
    };
    let mut group = GroupBuilder::new(last_id, entries_read);
    for _ in 0..cursor.length()? {
        let (id, delivered_ms) = (cursor.array()?, i64::from_le_bytes(cursor.array()?));
        group.pending(id, delivered_ms, cursor.length()?).map_err(refuse)?;
    }
    for _ in 0..cursor.length()? {
        let name = cursor.bytes()?;
        let seen_ms = i64::from_le_bytes(cursor.array()?);
        let active_ms = if kind == THIRD { i64::from_le_bytes(cursor.array()?) } else { seen_ms };
        group.consumer(&name, seen_ms, active_ms).map_err(refuse)?;
        for _ in 0..cursor.length()? {
            group.owned(&name, cursor.array()?).map_err(refuse)?;
        }
    }
    group.finish(&name, stream).map_err(refuse)
}

fn refuse(Corrupt(what): Corrupt) -> Stop {
    Stop::Fault(Fault::Malformed(what))
}
