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
    Builder, Corrupt, GroupBuilder, Name, NewerNumbers, Numbers, StreamId, UNKNOWN_ENTRIES_READ,
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

/// What of a stream comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Leaves from this key on.
    Leaves(StreamId),
    /// The group of this name, or the next one.
    Group(Name),
    /// The group's pending entries from this id on.
    Pending(Name, StreamId),
    /// The group's consumer of this name, or the next one.
    Consumer(Name, Name),
    /// What of the group this consumer owns, from this id on.
    Owned(Name, Name, StreamId),
}

/// Writes it, from its beginning or from a part on; the part at which it stopped.
pub(crate) fn encode(value: &Stream, out: &mut Encoder, from: Option<Part>) -> Option<Part> {
    let mut part = from.unwrap_or_else(|| {
        out.length(value.log().leaves().len() as u64);
        Part::Leaves(StreamId::ZERO)
    });
    loop {
        part = encode_part(value, part, out)?;
        if out.is_full() {
            return Some(part);
        }
    }
}

/// Writes as much of a part as fits into a piece; what comes next.
fn encode_part(value: &Stream, part: Part, out: &mut Encoder) -> Option<Part> {
    match part {
        Part::Leaves(from) => {
            for (key, pack) in value.log().leaves_from(from) {
                out.string(&key.to_bytes());
                out.string(pack);
                if let Some(next) = key.next().filter(|_| out.is_full()) {
                    return Some(Part::Leaves(next));
                }
            }
            encode_numbers(value, out);
            Some(Part::Group(Name::default()))
        }
        Part::Group(from) => {
            let (name, group) = value.groups_from(&from).next()?;
            out.string(name);
            encode_id(group.last_id, out);
            out.length(group.entries_read as u64);
            out.length(group.pending_len() as u64);
            Some(Part::Pending(name.clone(), StreamId::ZERO))
        }
        Part::Pending(name, from) => {
            let group = value.group(&name)?;
            for (id, pending) in group.pending_from(from) {
                out.raw(&id.to_bytes());
                out.raw(&pending.delivered_ms.to_le_bytes());
                out.length(pending.deliveries);
                if let Some(next) = id.next().filter(|_| out.is_full()) {
                    return Some(Part::Pending(name, next));
                }
            }
            out.length(group.consumers_len() as u64);
            Some(Part::Consumer(name, Name::default()))
        }
        Part::Consumer(name, from) => {
            let Some((consumer_name, consumer)) = value.group(&name)?.consumers_from(&from).next() else {
                return Some(Part::Group(successor(&name)));
            };
            out.string(consumer_name);
            out.raw(&consumer.seen_ms().to_le_bytes());
            out.length(consumer.pending_len() as u64);
            Some(Part::Owned(name, consumer_name.clone(), StreamId::ZERO))
        }
        Part::Owned(name, consumer, from) => {
            for id in value.group(&name)?.pending_of(&consumer, from) {
                out.raw(&id.to_bytes());
                if let Some(next) = id.next().filter(|_| out.is_full()) {
                    return Some(Part::Owned(name, consumer, next));
                }
            }
            let next = successor(&consumer);
            Some(Part::Consumer(name, next))
        }
    }
}

/// The smallest name that is greater.
fn successor(name: &Name) -> Name {
    name.iter().copied().chain([0]).collect()
}

fn encode_numbers(value: &Stream, out: &mut Encoder) {
    let log = value.log();
    out.length(log.len());
    for id in [log.last_id(), log.first_id(), log.max_deleted_id()] {
        encode_id(id, out);
    }
    out.length(log.added());
    out.length(value.groups_len() as u64);
}

fn encode_id(id: StreamId, out: &mut Encoder) {
    out.length(id.ms);
    out.length(id.seq);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump;
    use base::Prng;
    use ds::Settings;
    use ds::stream::{NEVER_ACTIVE, NewId};
    use keyspace::{Kind, LoadValue, Object, ValueRef};

    fn example(prng: &mut Prng) -> Stream {
        let settings = Settings { stream_node_max_entries: 1 + prng.below(9), ..Settings::default() };
        let mut stream = Stream::new(&settings);
        for _ in 0..prng.below(60) {
            let value = vec![b'v'; prng.below(50) as usize];
            let fields = [(&b"name"[..], &value[..]), (b"5", b"-70000")];
            let shown = 1 + prng.below(2) as usize;
            let at = NewId::Auto(prng.below(1 << 40));
            stream.log_mut().append(at, fields.into_iter().take(shown), &settings).expect("it fits");
        }
        let ids: Vec<StreamId> = stream.log().range(StreamId::ZERO, StreamId::MAX).map(|e| e.id).collect();
        for name in [&b"g"[..], b"", b"12345"].into_iter().take(prng.below(4) as usize) {
            stream.create_group(name, StreamId::new(prng.below(9), 1), prng.below(5) as i64 - 1);
            stream.change_group(name, |group, _| {
                for consumer in [&b"alice"[..], b"7"] {
                    group.create_consumer(consumer, -3);
                    for id in ids.iter().filter(|id| id.seq.is_multiple_of(2)) {
                        group.assign(*id, consumer, prng.next_u64() as i64, prng.below(9), 1_700_000_000_000);
                    }
                }
            });
        }
        for id in ids.iter().filter(|id| id.ms.is_multiple_of(3)) {
            stream.log_mut().delete(*id);
        }
        stream
    }

    fn payload(stream: &Stream) -> Vec<u8> {
        dump::encode(ValueRef::Object(&stream.clone().into_object()), true)
    }

    fn decoded(payload: &[u8]) -> Option<Stream> {
        match dump::decode(payload, &Settings::default()) {
            Ok(LoadValue::Object(Object::Stream(stream))) => Some(Stream::clone(&stream)),
            Ok(_) => panic!("something else"),
            Err(_) => None,
        }
    }

    /// A payload of these bytes with a footer that is right.
    fn signed(body: &[u8]) -> Vec<u8> {
        let mut payload = body.to_vec();
        payload.extend_from_slice(&10u16.to_le_bytes());
        let sum = base::crc::crc64(&payload);
        payload.extend_from_slice(&sum.to_le_bytes());
        payload
    }

    #[test]
    fn what_is_written_is_read() {
        let mut prng = Prng::new(3);
        for _ in 0..200 {
            let stream = example(&mut prng);
            let payload = payload(&stream);
            let back = decoded(&payload).expect("our own payload");
            assert_eq!(self::payload(&back), payload);
            for (name, group) in back.groups() {
                let original = stream.group(name).expect("the group");
                assert!(group.consumers_len() == original.consumers_len());
                // What the form has no room for is taken from what it has.
                assert!(group.consumers().all(|(_, consumer)| consumer.active_ms() == consumer.seen_ms()));
            }
        }
    }

    #[test]
    fn damage_is_refused_or_makes_another_stream() {
        let mut prng = Prng::new(4);
        let mut accepted = 0;
        for _ in 0..300 {
            let stream = example(&mut prng);
            let whole = dump::encode(ValueRef::Object(&stream.into_object()), false);
            let body = &whole[..whole.len() - 10];
            for _ in 0..60 {
                let mut bad = body.to_vec();
                for _ in 0..=prng.below(2) {
                    let at = 1 + prng.below(bad.len() as u64 - 1) as usize;
                    bad[at] = prng.next_u64() as u8;
                }
                if prng.chance(1, 6) {
                    bad.truncate(1 + prng.below(bad.len() as u64) as usize);
                }
                if let Some(mut stream) = decoded(&signed(&bad)) {
                    accepted += 1;
                    exercise(&mut stream);
                }
            }
        }
        assert!(accepted > 1000, "only {accepted} still made sense: the test shows nothing");
    }

    /// Whatever was loaded can be used.
    fn exercise(stream: &mut Stream) {
        let ids: Vec<StreamId> =
            stream.log().range(StreamId::ZERO, StreamId::MAX).map(|entry| entry.id).collect();
        assert_eq!(ids.len() as u64, stream.log().len());
        assert_eq!(stream.log().range_back(StreamId::ZERO, StreamId::MAX).count(), ids.len());
        stream.log().radix_nodes();
        let names: Vec<_> = stream.groups().map(|(name, _)| name.clone()).collect();
        for name in names {
            stream.change_group(&name, |group, log| {
                group.lag(log);
                ids.iter().for_each(|id| group.advance(*id, log));
                let pending: Vec<_> = group.pending_from(StreamId::ZERO).map(|(id, _)| *id).collect();
                pending.into_iter().for_each(|id| assert!(group.acknowledge(id)));
            });
        }
        ids.into_iter().for_each(|id| assert!(stream.log_mut().delete(id)));
        let appended = stream.log_mut().append(
            NewId::Auto(5),
            [(&b"a"[..], &b"b"[..])].into_iter(),
            &Settings::default(),
        );
        assert!(appended.is_ok() || stream.log().last_id() == StreamId::MAX);
    }

    /// A group with one pending entry in a stream without leaves, in each of the forms.
    #[test]
    fn older_and_newer_forms() {
        let id = StreamId::new(5, 1).to_bytes();
        let time = 1_600_000_000_000i64.to_le_bytes();
        let active = 1_500_000_000_000i64.to_le_bytes();
        for kind in [FIRST, SECOND, THIRD] {
            // The type, no leaves, length 0, last id 9-2.
            let mut body = vec![kind, 0, 0, 9, 2];
            if kind != FIRST {
                // First id 0-0, greatest deleted id 8-1, 12 entries ever.
                body.extend([0, 0, 8, 1, 12]);
            }
            body.extend([1, 1, b'g', 7, 0]);
            if kind != FIRST {
                body.push(6);
            }
            body.push(1);
            body.extend(id.iter().chain(&time).chain(&[3]));
            body.extend([1, 1, b'c']);
            body.extend(time);
            if kind == THIRD {
                body.extend(active);
            }
            body.push(1);
            body.extend(id);
            let stream = decoded(&signed(&body)).expect("a stream");
            let group = stream.group(b"g").expect("the group");
            let consumer = group.consumer(b"c").expect("the consumer");
            let pending = group.pending(StreamId::new(5, 1)).expect("the entry");
            assert_eq!((pending.delivered_ms, pending.deliveries), (1_600_000_000_000, 3));
            assert_eq!((consumer.seen_ms(), consumer.pending_len()), (1_600_000_000_000, 1));
            let active_ms = if kind == THIRD { 1_500_000_000_000 } else { 1_600_000_000_000 };
            assert_eq!(consumer.active_ms(), active_ms);
            assert_ne!(consumer.active_ms(), NEVER_ACTIVE);
            // Redis 5 counted nothing: a stream that never had entries has none to read.
            assert_eq!(group.entries_read, if kind == FIRST { 0 } else { 6 });
            assert_eq!(stream.log().added(), if kind == FIRST { 0 } else { 12 });
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let stream = |body: &[u8]| decoded(&signed(body)).is_some();
        assert!(stream(&[FIRST, 0, 0, 9, 2, 0]));
        // A length without entries; a leaf that is no listpack; an id that is too short.
        assert!(!stream(&[FIRST, 0, 1, 9, 2, 0]));
        assert!(!stream(&[
            FIRST, 1, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, b'x', 0, 9, 2, 0
        ]));
        assert!(!stream(&[FIRST, 1, 1, b'k', 7, 7, 0, 0, 0, 0, 0, 0xff, 0, 9, 2, 0]));
        // Two groups of one name; two consumers of one name.
        assert!(!stream(&[FIRST, 0, 0, 9, 2, 2, 1, b'g', 0, 0, 0, 0, 1, b'g', 0, 0, 0, 0]));
        let consumer = [1, b'c', 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let start = [FIRST, 0, 0, 9, 2, 1, 1, b'g', 0, 0, 0];
        assert!(stream(&[&start[..], &[1], &consumer].concat()));
        assert!(!stream(&[&start[..], &[2], &consumer, &consumer].concat()));
        // Bytes behind the end, and an end too soon.
        assert!(!stream(&[&start[..], &[1], &consumer, &[0]].concat()));
        assert!(!stream(&[&start[..], &[2], &consumer].concat()));
        // A pending entry of nobody, and one that the group does not know.
        let group = [FIRST, 0, 0, 9, 2, 1, 1, b'g', 0, 0, 1];
        assert!(!stream(&[&group[..], &[7; 24], &[1, 0]].concat()));
        assert!(!stream(&[&start[..], &[1], &consumer[..10], &[1], &[7; 16]].concat()));
    }
}
