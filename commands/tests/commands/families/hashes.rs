//! Hashes. Where Redis answers in the order of a hash table, order is free.

use super::{Family, object_of, side_by_side, sorted};
use crate::differential::{pick, words};
use base::Prng;
use keyspace::Object;
use resp::Value;

fn key(prng: &mut Prng) -> String {
    if prng.chance(1, 40) { "text".into() } else { format!("h{}", prng.below(4)) }
}

fn field(prng: &mut Prng) -> Vec<u8> {
    match prng.below(12) {
        0 => {
            pick(prng, &["", "007", "-0", "5", "-70000", "9223372036854775807", "9223372036854775808"]).into()
        }
        1 => vec![b'f'; prng.below(80) as usize],
        2 => (0..prng.below(9)).map(|_| prng.next_u64() as u8).collect(),
        _ => format!("f{}", prng.below(20)).into_bytes(),
    }
}

fn value(prng: &mut Prng) -> Vec<u8> {
    match prng.below(14) {
        0 => vec![b'v'; prng.below(90) as usize],
        1 => vec![b'v'; prng.below(20_000) as usize],
        2 => {
            pick(prng, &["", " 1", "1.5", "1e400", "nan", "inf", "9223372036854775807", "0x10", "3e2"]).into()
        }
        3 => (prng.next_u64() as i64).to_string().into_bytes(),
        4 => format!("{}.{}", prng.below(100), prng.below(100_000)).into_bytes(),
        5..=8 => (prng.below(400) as i64 - 200).to_string().into_bytes(),
        _ => format!("v{}", prng.below(1000)).into_bytes(),
    }
}

fn number(prng: &mut Prng) -> String {
    match prng.below(10) {
        0 => {
            pick(prng, &["x", "", "9223372036854775807", "-9223372036854775808", "1e3", "nan", "-inf"]).into()
        }
        1 => (prng.next_u64() as i64).to_string(),
        2 => format!("-{}.{}", prng.below(100), prng.below(100_000)),
        _ => (prng.below(80) as i64 - 40).to_string(),
    }
}

fn count(prng: &mut Prng) -> String {
    match prng.below(12) {
        0 => pick(prng, &["x", "", "1.5", "9223372036854775807", "-9223372036854775808"]).into(),
        1 => "4611686018427387904".into(),
        2..=4 => (-(prng.below(20) as i64)).to_string(),
        _ => prng.below(12).to_string(),
    }
}

pub(crate) fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(24) {
        0..=6 => {
            words(&mut a, &[pick(prng, &["HSET", "HSET", "HMSET"]), &k]);
            let pairs = if prng.chance(1, 40) { 100 + prng.below(600) } else { 1 + prng.below(5) };
            for n in 0..pairs {
                a.push(if pairs > 50 { format!("n{n}").into_bytes() } else { field(prng) });
                a.push(value(prng));
            }
            if prng.chance(1, 30) {
                a.pop();
            }
        }
        7 => {
            words(&mut a, &["HSETNX", &k]);
            a.push(field(prng));
            a.push(value(prng));
        }
        8..=11 => {
            words(&mut a, &["HDEL", &k]);
            (0..1 + prng.below(8)).for_each(|_| a.push(field(prng)));
        }
        12..=14 => {
            words(&mut a, &["HINCRBY", &k]);
            a.push(field(prng));
            words(&mut a, &[&number(prng)]);
        }
        15..=17 => {
            words(&mut a, &["HINCRBYFLOAT", &k]);
            a.push(field(prng));
            words(&mut a, &[&number(prng)]);
        }
        18 => words(&mut a, &["RENAME", &k, &key(prng)]),
        19 => words(&mut a, &["COPY", &k, &key(prng), "REPLACE"]),
        20 => words(&mut a, &["DEL", &k]),
        21 => words(&mut a, &["SET", "text", "x"]),
        22 => words(&mut a, &["EXPIRE", &k, "1000"]),
        _ => words(&mut a, &[pick(prng, &["HSETNX", "HINCRBY", "HINCRBYFLOAT"]), &k, "f1", "1"]),
    }
    a
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(16) {
        0..=2 => words(&mut a, &["HGETALL", &k]),
        3 => words(&mut a, &[pick(prng, &["HKEYS", "HVALS"]), &k]),
        4 => words(&mut a, &["HLEN", &k]),
        5 | 6 => {
            words(&mut a, &[pick(prng, &["HGET", "HSTRLEN", "HEXISTS"]), &k]);
            a.push(field(prng));
        }
        7 => {
            words(&mut a, &["HMGET", &k]);
            (0..1 + prng.below(5)).for_each(|_| a.push(field(prng)));
        }
        8 => words(&mut a, &["HRANDFIELD", &k]),
        9 => words(&mut a, &["HRANDFIELD", &k, &count(prng)]),
        10 => {
            words(&mut a, &["HRANDFIELD", &k, &count(prng), pick(prng, &["WITHVALUES", "withvalues", "x"])])
        }
        11 => {
            words(&mut a, &["HSCAN", &k, pick(prng, &["0", "0", "0", "x"]), "COUNT", "100000"]);
            match prng.below(6) {
                0 => words(&mut a, &["MATCH", pick(prng, &["f*", "*1*", "*", "[0-9]"])]),
                1 => words(&mut a, &["COUNT", pick(prng, &["0", "-3", "x", "1000000"])]),
                2 => words(&mut a, &[pick(prng, &["TYPE", "MATCH", "what"])]),
                _ => {}
            }
        }
        12 => words(&mut a, &["OBJECT", "ENCODING", &k]),
        _ => words(&mut a, &["DUMP", &k]),
    }
    a
}

fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    match (args[0], ours, theirs) {
        (b"HGETALL", Value::Array(a), Value::Array(b)) => sorted(a, 2) == sorted(b, 2),
        (b"HGETALL", Value::Map(a), Value::Map(b)) => {
            let flat = |map: &[(Value, Value)]| -> Vec<Value> {
                map.iter().flat_map(|(field, value)| [field.clone(), value.clone()]).collect()
            };
            sorted(&flat(a), 2) == sorted(&flat(b), 2)
        }
        (b"HKEYS" | b"HVALS", Value::Array(a), Value::Array(b)) => sorted(a, 1) == sorted(b, 1),
        (b"HSCAN", Value::Array(a), Value::Array(b)) => match (&a[..], &b[..]) {
            ([next, Value::Array(a)], [other, Value::Array(b)]) => {
                next == other && sorted(a, 2) == sorted(b, 2)
            }
            _ => false,
        },
        (b"HRANDFIELD", Value::Array(a), Value::Array(b)) => {
            let pairs =
                |all: &[Value]| all.iter().all(|v| matches!(v, Value::Array(pair) if pair.len() == 2));
            a.len() == b.len() && pairs(a) == pairs(b)
        }
        (b"HRANDFIELD", Value::Bulk(_), Value::Bulk(_)) => true,
        // What was a listpack is written as one, byte for byte.
        (b"DUMP", Value::Bulk(a), Value::Bulk(b)) if a.first() == Some(&4) && b.first() == Some(&4) => {
            match (object_of(a), object_of(b)) {
                (Object::Hash(a), Object::Hash(b)) => {
                    let pairs = |hash: &ds::Hash| {
                        let mut all: Vec<_> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
                        all.sort();
                        all
                    };
                    pairs(&a) == pairs(&b)
                }
                _ => false,
            }
        }
        _ => false,
    }
}

#[test]
fn hashes() {
    side_by_side(&Family { name: "hashes", command, show, same }, 300_000);
}
