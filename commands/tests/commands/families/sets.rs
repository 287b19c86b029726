//! Sets. Redis 7.0 has no listpacks here, so that order and the name of that form are free.

use super::{Family, object_of, side_by_side, sorted};
use crate::differential::{pick, words};
use base::Prng;
use keyspace::Object;
use resp::Value;

fn key(prng: &mut Prng) -> String {
    if prng.chance(1, 40) { "text".into() } else { format!("s{}", prng.below(5)) }
}

fn member(prng: &mut Prng) -> Vec<u8> {
    match prng.below(14) {
        0 => pick(prng, &["", "007", "-0", "+1", "9223372036854775807", "9223372036854775808", "1e3"]).into(),
        1 => vec![b'x'; prng.below(80) as usize],
        2 => prng.below(1 << 40).to_string().into_bytes(),
        3 => (0..prng.below(9)).map(|_| prng.next_u64() as u8).collect(),
        4..=8 => (prng.below(30) as i64 - 10).to_string().into_bytes(),
        _ => format!("m{}", prng.below(20)).into_bytes(),
    }
}

fn members(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    match prng.below(60) {
        0 => {
            let (from, count) = (prng.below(2000), 100 + prng.below(700));
            a.extend((from..from + count).map(|n| n.to_string().into_bytes()));
        }
        1 => {
            let count = 100 + prng.below(300);
            a.extend((0..count).map(|n| format!("m{n}").into_bytes()));
        }
        _ => (0..1 + prng.below(6)).for_each(|_| a.push(member(prng))),
    }
}

fn count(prng: &mut Prng) -> String {
    match prng.below(12) {
        0 => pick(prng, &["x", "", "1.5", "9223372036854775807", "-9223372036854775808"]).into(),
        1 => "-9223372036854775809".into(),
        2..=4 => (-(prng.below(20) as i64)).to_string(),
        _ => prng.below(12).to_string(),
    }
}

pub(crate) fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(24) {
        0..=6 => {
            words(&mut a, &["SADD", &k]);
            members(prng, &mut a);
        }
        7..=9 => {
            words(&mut a, &["SREM", &k]);
            members(prng, &mut a);
        }
        10 => {
            words(&mut a, &["SMOVE", &k, &key(prng)]);
            a.push(member(prng));
        }
        // What is popped must be the same on both sides: from a set of one, all of a set, or nothing.
        11 => {
            let pops: [&[&str]; 9] = [
                &["SADD", "one", "x"],
                &["SPOP", "one"],
                &["SPOP", "one", "1"],
                &["SPOP", &k, "100000"],
                &["SPOP", &k, "0"],
                &["SPOP", &k, "-1"],
                &["SPOP", &k, "x"],
                &["SPOP", &k, "1", "2"],
                &["SPOP", "missing", "3"],
            ];
            words(&mut a, pops[prng.below(9) as usize]);
        }
        12..=15 => {
            words(&mut a, &[pick(prng, &["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), &k]);
            (0..1 + prng.below(4)).for_each(|_| words(&mut a, &[&key(prng)]));
        }
        16 => words(&mut a, &["RENAME", &k, &key(prng)]),
        17 => words(&mut a, &["COPY", &k, &key(prng), "REPLACE"]),
        18 => words(&mut a, &["DEL", &k]),
        19 => words(&mut a, &["SET", "text", "x"]),
        20 => words(&mut a, &["EXPIRE", &k, "1000"]),
        21 if prng.chance(1, 3) => {
            let name = pick(prng, &["SADD", "SINTERCARD", "SSCAN", "SPOP"]);
            words(&mut a, &[name, &k, "x", "y", "z"]);
        }
        _ => {
            words(&mut a, &["SINTERCARD", pick(prng, &["1", "2", "2", "3", "0", "x", "9", "-1"])]);
            (0..2 + prng.below(2)).for_each(|_| words(&mut a, &[&key(prng)]));
            if prng.chance(1, 2) {
                words(&mut a, &[pick(prng, &["LIMIT", "limit", "what"]), pick(prng, &["0", "3", "-1", "x"])]);
            }
        }
    }
    a
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(14) {
        0..=2 => words(&mut a, &["SMEMBERS", &k]),
        3 => words(&mut a, &["SCARD", &k]),
        4 => {
            words(&mut a, &["SISMEMBER", &k]);
            a.push(member(prng));
        }
        5 => {
            words(&mut a, &["SMISMEMBER", &k]);
            members(prng, &mut a);
        }
        6 | 7 => words(&mut a, &["SRANDMEMBER", &k, &count(prng)]),
        8 => words(&mut a, &["SRANDMEMBER", &k]),
        9 => {
            words(&mut a, &["SSCAN", &k, pick(prng, &["0", "0", "0", "x"]), "COUNT", "100000"]);
            match prng.below(6) {
                0 => words(&mut a, &["MATCH", pick(prng, &["m*", "*1*", "*", "[0-4]"])]),
                1 => words(&mut a, &["COUNT", pick(prng, &["0", "-3", "x", "1000000"])]),
                2 => words(&mut a, &[pick(prng, &["TYPE", "NOVALUES", "MATCH", "what"])]),
                _ => {}
            }
        }
        10 | 11 => {
            words(&mut a, &[pick(prng, &["SINTER", "SUNION", "SDIFF"])]);
            (0..1 + prng.below(4)).for_each(|_| words(&mut a, &[&key(prng)]));
        }
        12 => words(&mut a, &["OBJECT", "ENCODING", &k]),
        _ => words(&mut a, &["DUMP", &k]),
    }
    a
}

fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    match (args[0], ours, theirs) {
        (b"SMEMBERS" | b"SINTER" | b"SUNION" | b"SDIFF" | b"SPOP", Value::Array(a), Value::Array(b))
        | (b"SMEMBERS" | b"SINTER" | b"SUNION" | b"SDIFF" | b"SPOP", Value::Set(a), Value::Set(b)) => {
            sorted(a, 1) == sorted(b, 1)
        }
        (b"SSCAN", Value::Array(a), Value::Array(b)) => match (&a[..], &b[..]) {
            ([next, Value::Array(a)], [other, Value::Array(b)]) => {
                next == other && sorted(a, 1) == sorted(b, 1)
            }
            _ => false,
        },
        (b"SRANDMEMBER", Value::Array(a), Value::Array(b)) => a.len() == b.len(),
        (b"SRANDMEMBER", Value::Bulk(_), Value::Bulk(_)) => true,
        (b"OBJECT", Value::Bulk(a), Value::Bulk(b)) => a == b"listpack" && b == b"hashtable",
        (b"DUMP", Value::Bulk(a), Value::Bulk(b)) => match (object_of(a), object_of(b)) {
            // Forms are compared by OBJECT ENCODING; what lies in an intset has one order.
            (Object::Set(a), Object::Set(b)) if a.as_ints().is_none() => {
                let members = |set: &ds::Set| {
                    let mut all: Vec<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
                    all.sort();
                    all
                };
                members(&a) == members(&b)
            }
            _ => false,
        },
        _ => false,
    }
}

#[test]
fn sets() {
    side_by_side(&Family { name: "sets", command, show, same }, 400_000);
}
