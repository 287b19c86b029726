//! Streams and consumer groups: replies compared whole but for times, DUMPs byte for byte but for times.
//!
//! What 7.2 does otherwise is kept out of sight: consumers exist before a command names them (7.0 creates them later),
//! and XSETID never goes back behind a deleted entry (7.2 refuses it).

use super::{Family, side_by_side};
use crate::differential::{pick, words};
use base::Prng;
use ds::Stream;
use keyspace::{LoadValue, Object};
use resp::Value;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// Milliseconds that no clock has reached: `*` counts on from there.
const FUTURE_MS: u64 = 9_999_999_999_999;

thread_local! {
    /// Commands that must come next.
    static NEXT: RefCell<VecDeque<Vec<Vec<u8>>>> = const { RefCell::new(VecDeque::new()) };
    /// The milliseconds of the ids that are given now.
    static NOW_MS: Cell<u64> = const { Cell::new(1000) };
}

/// The time of an id that may be there.
fn recent_ms(prng: &mut Prng) -> u64 {
    NOW_MS.get() - prng.below(300)
}

fn key(prng: &mut Prng) -> String {
    if prng.chance(1, 40) { "text".into() } else { format!("s{}", 1 + prng.below(4)) }
}

fn group(prng: &mut Prng) -> &'static str {
    pick(prng, &["g1", "g1", "g1", "g1", "g1", "g1", "g2", "g2", "g2", "", "none"])
}

fn consumer(prng: &mut Prng) -> &'static str {
    pick(prng, &["alice", "bob", "carol", "7"])
}

/// An id that may be there, or just be an id.
fn id(prng: &mut Prng) -> String {
    match prng.below(30) {
        0 => pick(prng, &["", "x", "-", "+", "0", "1-", "-1", "1-x", "0-0", "0", "01-02", "1-1-1", "5-*"])
            .into(),
        1 => pick(prng, &["18446744073709551615-18446744073709551615", "18446744073709551616-0"]).into(),
        2..=5 => recent_ms(prng).to_string(),
        6 => format!("{FUTURE_MS}-{}", prng.below(40)),
        _ => likely_id(prng),
    }
}

/// Without `+`, to which Redis 7.4 gave a meaning in XREAD.
fn known_id(prng: &mut Prng) -> String {
    Some(id(prng)).filter(|id| id != "+").unwrap_or("0".into())
}

fn bound(prng: &mut Prng, open: &'static str) -> String {
    match prng.below(6) {
        0 => format!("({}", id(prng)),
        1 | 2 => open.into(),
        _ => id(prng),
    }
}

fn count(prng: &mut Prng) -> String {
    match prng.below(14) {
        0 => pick(prng, &["-1", "0", "x", "", "9223372036854775807"]).into(),
        _ => (1 + prng.below(12)).to_string(),
    }
}

/// Idle for long, or for any time.
fn idle(prng: &mut Prng) -> &'static str {
    pick(prng, &["0", "0", "500000000000", "-5", "x"])
}

fn trim(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    let by_length = prng.chance(1, 2);
    words(a, &[if by_length { "MAXLEN" } else { pick(prng, &["MINID", "minid"]) }]);
    match prng.below(3) {
        0 => words(a, &["~"]),
        1 => words(a, &["="]),
        _ => {}
    }
    if by_length {
        let length = if prng.chance(1, 12) { count(prng) } else { prng.below(300).to_string() };
        words(a, &[&length]);
    } else {
        words(a, &[&id(prng)]);
    }
    if prng.chance(1, 4) {
        words(a, &["LIMIT", pick(prng, &["0", "10", "150", "-1", "x"])]);
    }
}

fn fields(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    let names: &[&str] = match prng.below(5) {
        0..=2 => &["sensor", "value"],
        3 => &["sensor"],
        _ => &["1", "value", "sensor"],
    };
    for name in names {
        words(a, &[name]);
        a.push(match prng.below(12) {
            0 => prng.next_u64().to_string().into_bytes(),
            1 => (prng.below(9000) as i64 - 4500).to_string().into_bytes(),
            2 => (0..prng.below(60)).map(|_| prng.next_u64() as u8).collect(),
            3 => vec![b'y'; prng.below(700) as usize],
            _ => prng.below(200).to_string().into_bytes(),
        });
    }
    if prng.chance(1, 40) {
        a.pop();
    }
}

fn add(prng: &mut Prng, k: &str, a: &mut Vec<Vec<u8>>) {
    words(a, &["XADD", k]);
    if prng.chance(1, 15) {
        words(a, &["NOMKSTREAM"]);
    }
    if prng.chance(1, 12) {
        trim(prng, a);
    }
    NOW_MS.set(NOW_MS.get() + prng.below(3));
    let id = match prng.below(60) {
        0 => Some(id(prng)).filter(|id| id.len() < 20).unwrap_or("0-*".into()),
        1 => format!("{}-*", recent_ms(prng)),
        // As good as `*`, which would be the clock's.
        _ if k == "s4" => format!("{FUTURE_MS}-*"),
        3..=20 => format!("{}-{}", NOW_MS.get(), prng.below(9)),
        _ => format!("{}-*", NOW_MS.get()),
    };
    words(a, &[&id]);
    fields(prng, a);
}

/// A command on a consumer comes after the creation of that consumer.
fn with_consumer(keys: &[&str], group: &str, consumer: &str, command: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    NEXT.with_borrow_mut(|next| {
        for k in keys {
            let mut a = Vec::new();
            words(&mut a, &["XGROUP", "CREATECONSUMER", k, group, consumer]);
            next.push_back(a);
        }
        next.push_back(command);
        next.pop_front().unwrap_or_default()
    })
}

fn read_group(prng: &mut Prng) -> Vec<Vec<u8>> {
    let (g, c) = (group(prng), consumer(prng));
    let mut a = Vec::new();
    words(&mut a, &["XREADGROUP", "GROUP", g, c]);
    if prng.chance(3, 4) {
        words(&mut a, &["COUNT", &count(prng)]);
    }
    if prng.chance(1, 6) {
        words(&mut a, &["NOACK"]);
    }
    let keys: Vec<String> = (0..1 + prng.below(2)).map(|_| key(prng)).collect();
    words(&mut a, &["STREAMS"]);
    keys.iter().for_each(|k| words(&mut a, &[k]));
    for _ in &keys {
        let after = if prng.chance(2, 3) { ">".into() } else { known_id(prng) };
        words(&mut a, &[if prng.chance(1, 40) { "$" } else { &after }]);
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    with_consumer(&keys, g, c, a)
}

fn read(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    words(&mut a, &["XREAD"]);
    if prng.chance(1, 2) {
        words(&mut a, &["COUNT", &count(prng)]);
    }
    if prng.chance(1, 30) {
        words(&mut a, &[pick(prng, &["NOACK", "what", "BLOCK"])]);
    }
    let streams = 1 + prng.below(3);
    words(&mut a, &["STREAMS"]);
    (0..streams).for_each(|_| words(&mut a, &[&key(prng)]));
    for _ in 0..streams {
        let after = known_id(prng);
        words(&mut a, &[pick(prng, &[&after, "0", "$"])]);
    }
    a
}

fn claim(prng: &mut Prng, k: &str) -> Vec<Vec<u8>> {
    let (g, c) = (group(prng), consumer(prng));
    let mut a = Vec::new();
    words(&mut a, &["XCLAIM", k, g, c, idle(prng)]);
    (0..1 + prng.below(5)).for_each(|_| words(&mut a, &[&likely_id(prng)]));
    while prng.chance(1, 2) {
        match prng.below(9) {
            0 | 1 => words(&mut a, &["JUSTID"]),
            2 | 3 => words(&mut a, &["FORCE"]),
            4 => words(&mut a, &["IDLE", pick(prng, &["0", "600000000000", "x", "-7"])]),
            5 => words(&mut a, &["TIME", pick(prng, &["1000", "0", "x", "-1", "99999999999999"])]),
            6 => words(&mut a, &["RETRYCOUNT", pick(prng, &["0", "5", "x", "-1"])]),
            7 => words(&mut a, &["LASTID", &id(prng)]),
            _ => words(&mut a, &["what"]),
        }
    }
    with_consumer(&[k], g, c, a)
}

/// Where entries are.
fn likely_id(prng: &mut Prng) -> String {
    format!("{}-{}", recent_ms(prng), prng.below(3))
}

fn groups(prng: &mut Prng, k: &str, a: &mut Vec<Vec<u8>>) {
    let (g, c) = (group(prng), consumer(prng));
    match prng.below(16) {
        0..=4 => {
            words(a, &["XGROUP", "CREATE", k, g, pick(prng, &["0", "0", "$", "x", "1100-1"])]);
            if prng.chance(1, 4) {
                words(a, &["MKSTREAM"]);
            }
            if prng.chance(1, 4) {
                words(a, &["ENTRIESREAD", pick(prng, &["0", "10", "-1", "-2", "x"])]);
            }
        }
        5 | 6 => {
            words(a, &["XGROUP", "SETID", k, g, pick(prng, &["0", "$", "1100", "x", "-", "+"])]);
            if prng.chance(1, 3) {
                words(a, &["ENTRIESREAD", pick(prng, &["0", "10", "-1", "-2", "x"])]);
            }
        }
        7 if prng.chance(1, 3) => words(a, &["XGROUP", "DESTROY", k, g]),
        8 => words(a, &["XGROUP", "DELCONSUMER", k, g, c]),
        9 => words(a, &["XGROUP", "CREATECONSUMER", k, g, c]),
        _ => {
            words(a, &["XACK", k, g]);
            (0..1 + prng.below(6)).for_each(|_| words(a, &[&likely_id(prng)]));
        }
    }
}

/// A command of the family, right in arity.
pub(crate) fn random_command(prng: &mut Prng) -> Vec<Vec<u8>> {
    if let Some(next) = NEXT.with_borrow_mut(VecDeque::pop_front) {
        return next;
    }
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(60) {
        0..=23 => add(prng, &k, &mut a),
        24..=27 => {
            words(&mut a, &["XDEL", &k]);
            (0..1 + prng.below(6)).for_each(|_| words(&mut a, &[&likely_id(prng)]));
        }
        28 => {
            words(&mut a, &["XTRIM", &k]);
            trim(prng, &mut a);
            if prng.chance(1, 20) {
                words(&mut a, &["what"]);
            }
        }
        29..=38 => return read_group(prng),
        39..=41 => return read(prng),
        42..=48 => groups(prng, &k, &mut a),
        49..=51 => return claim(prng, &k),
        52 | 53 => {
            let (g, c) = (group(prng), consumer(prng));
            let start = if prng.chance(1, 2) { "0".into() } else { bound(prng, "-") };
            words(&mut a, &["XAUTOCLAIM", &k, g, c, idle(prng), &start]);
            if prng.chance(1, 2) {
                words(&mut a, &["COUNT", pick(prng, &["1", "3", "20", "0", "x"])]);
            }
            if prng.chance(1, 3) {
                words(&mut a, &["JUSTID"]);
            }
            return with_consumer(&[&k], g, c, a);
        }
        54 => {
            NOW_MS.set(NOW_MS.get() + 1);
            let id = format!("{}-{}", NOW_MS.get(), prng.below(4));
            words(&mut a, &["XSETID", &k, pick(prng, &[&id, &id, "x", "", "-", "+"])]);
            if prng.chance(1, 2) {
                words(
                    &mut a,
                    &["ENTRIESADDED", &prng.below(500).to_string(), "MAXDELETEDID", &likely_id(prng)],
                );
            }
        }
        55 if prng.chance(1, 8) => words(&mut a, &["DEL", &k]),
        55 if prng.chance(1, 3) => words(&mut a, &["COPY", &k, &key(prng), "REPLACE"]),
        55 | 56 => words(&mut a, &["SET", "text", "value"]),
        _ => {
            words(&mut a, &["XPENDING", &k, group(prng)]);
            if prng.chance(3, 4) {
                if prng.chance(1, 3) {
                    words(&mut a, &["IDLE", idle(prng)]);
                }
                words(&mut a, &[&bound(prng, "-"), &bound(prng, "+"), &count(prng)]);
                if prng.chance(1, 3) {
                    words(&mut a, &[pick(prng, &["alice", "bob", "nobody"])]);
                }
            }
        }
    }
    a
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(12) {
        0 => words(&mut a, &["XLEN", &k]),
        1 | 2 => words(&mut a, &["XRANGE", &k, &bound(prng, "-"), &bound(prng, "+")]),
        3 | 4 => words(&mut a, &["XREVRANGE", &k, &bound(prng, "+"), &bound(prng, "-")]),
        5 | 6 => words(&mut a, &["DUMP", &k]),
        7 => words(&mut a, &["XINFO", "STREAM", &k]),
        8 => words(&mut a, &["XINFO", "STREAM", &k, "FULL", "COUNT", &count(prng)]),
        9 => words(&mut a, &["XINFO", "GROUPS", &k]),
        10 => words(&mut a, &["XINFO", "CONSUMERS", &k, group(prng)]),
        _ => words(&mut a, &["OBJECT", "ENCODING", &k]),
    }
    if prng.chance(1, 3) && a[0].ends_with(b"RANGE") {
        words(&mut a, &["COUNT", &count(prng)]);
    }
    a
}

/// Without what depends on the moment, and without what 7.2 added.
pub(crate) fn timeless(value: &Value) -> Value {
    let items = match value {
        Value::Array(items) => items.clone(),
        Value::Map(pairs) => pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect(),
        other => return other.clone(),
    };
    let mut kept: Vec<Value> = Vec::new();
    let mut skipped = false;
    for (index, item) in items.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| items[before].as_bytes());
        match (before, item.as_bytes(), item) {
            _ if skipped => skipped = false,
            (_, Some(b"active-time" | b"inactive"), _) => skipped = true,
            (Some(b"idle" | b"seen-time"), _, _) => kept.push(Value::Int(0)),
            // A pending entry: the time is the last but one.
            (Some(_), _, Value::Int(_)) if index + 2 == items.len() && is_pending(&items) => {
                kept.push(Value::Int(0));
            }
            _ => kept.push(timeless(item)),
        }
    }
    Value::Array(kept)
}

/// `id [consumer] time deliveries`
fn is_pending(items: &[Value]) -> bool {
    let id = items.first().and_then(Value::as_bytes).is_some_and(|id| id.contains(&b'-'));
    id && matches!(items, [.., Value::Int(_), Value::Int(_)]) && (3..=4).contains(&items.len())
}

fn stream(payload: &Value) -> Option<Stream> {
    match persist::dump::decode(payload.as_bytes()?, &ds::Settings::default()) {
        Ok(LoadValue::Object(Object::Stream(stream))) => Some(ds::Stream::clone(&stream)),
        other => panic!("not the payload of a stream: {other:?}"),
    }
}

/// Everything of a stream but times.
pub(crate) fn content(stream: &Stream) -> (Vec<(ds::stream::StreamId, &[u8])>, String) {
    let log = stream.log();
    let mut text = format!(
        "{} {:?} {:?} {:?} {}",
        log.len(),
        log.last_id(),
        log.first_id(),
        log.max_deleted_id(),
        log.added()
    );
    for (name, group) in stream.groups() {
        text += &format!("\n{name:?} {:?} {}", group.last_id, group.entries_read);
        for (id, pending) in group.pending_from(ds::stream::StreamId::ZERO) {
            text += &format!("\n {id:?} {} {:?}", pending.deliveries, pending.consumer);
        }
        group.consumers().for_each(|(name, _)| text += &format!("\n {name:?}"));
    }
    (log.leaves().collect(), text)
}

fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    match args[0] {
        b"DUMP" => match (stream(ours), stream(theirs)) {
            (Some(ours), Some(theirs)) => content(&ours) == content(&theirs),
            _ => false,
        },
        b"XINFO" | b"XPENDING" => timeless(ours) == timeless(theirs),
        _ => false,
    }
}

#[test]
fn streams() {
    side_by_side(&Family { name: "streams and groups", command: random_command, show, same }, 700_000);
}
