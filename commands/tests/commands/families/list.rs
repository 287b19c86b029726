//! Lists. Redis 7.0 knows no list that is one listpack, so that its nodes may end elsewhere: payloads are compared byte
//! for byte when they are of one node, and by their elements otherwise. OBJECT ENCODING is left out for that reason.

use super::{Family, side_by_side};
use crate::differential::{pick, words};
use base::Prng;
use ds::list::End;
use keyspace::{LoadValue, Object};
use resp::Value;

fn key(prng: &mut Prng) -> String {
    if prng.chance(1, 60) { "string".into() } else { format!("k{}", prng.below(5)) }
}

fn element(prng: &mut Prng) -> Vec<u8> {
    match prng.below(14) {
        0 => vec![
            b'x';
            pick(prng, &["0", "63", "64", "1000", "4095", "4096", "9000"]).parse().expect("a number")
        ],
        1 => (prng.next_u64() as i64 >> prng.below(64)).to_string().into_bytes(),
        2 => pick(prng, &["007", "-0", "9223372036854775808", "-9223372036854775808", "1.0", "\u{0}\u{ff}"])
            .into(),
        3 => vec![b'y'; prng.below(400) as usize],
        _ => pick(prng, &["a", "b", "c", "hello", "1", "2", "10"]).into(),
    }
}

fn number(prng: &mut Prng) -> String {
    match prng.below(14) {
        0 => pick(prng, &["x", "", "1.5", "9223372036854775807", "-9223372036854775808", "01"]).into(),
        1 => (prng.below(2000) as i64 - 1000).to_string(),
        _ => (prng.below(24) as i64 - 12).to_string(),
    }
}

fn end(prng: &mut Prng) -> &'static str {
    pick(prng, &["LEFT", "RIGHT", "left", "Right", "LEFT", "RIGHT", "LEFT", "RIGHT", "UP"])
}

/// Short enough that the reference does not keep us waiting. What is too long for 64 bits is negative to Redis 7.0.
fn timeout(prng: &mut Prng) -> &'static str {
    pick(prng, &["0.001", "0.01", "0.001", "-1", "x", "-0.1", "-1e30", "nan"])
}

fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(40) {
        0..=8 => {
            words(&mut a, &[pick(prng, &["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), &k]);
            let many = if prng.chance(1, 20) { 400 } else { 4 };
            (0..1 + prng.below(many)).for_each(|_| a.push(element(prng)));
        }
        9..=12 => {
            words(&mut a, &[pick(prng, &["LPOP", "RPOP"]), &k]);
            if prng.chance(1, 2) {
                words(&mut a, &[&number(prng)]);
            }
            if prng.chance(1, 40) {
                words(&mut a, &["more"]);
            }
        }
        13 | 14 => {
            words(&mut a, &["LINSERT", &k, pick(prng, &["BEFORE", "after", "AFTER", "before", "NEAR"])]);
            a.push(element(prng));
            a.push(element(prng));
        }
        15..=17 => {
            words(&mut a, &["LSET", &k, &number(prng)]);
            a.push(element(prng));
        }
        18..=20 => {
            words(&mut a, &["LREM", &k, &number(prng)]);
            a.push(element(prng));
        }
        21 | 22 => words(&mut a, &["LTRIM", &k, &number(prng), &number(prng)]),
        23..=25 => {
            words(&mut a, &["LPOS", &k]);
            a.push(element(prng));
            while prng.chance(1, 2) {
                words(&mut a, &[pick(prng, &["RANK", "COUNT", "MAXLEN", "rank", "WHAT"])]);
                if !prng.chance(1, 12) {
                    // As a rank 7.0 takes the smallest number too.
                    let value = number(prng).replace("-9223372036854775808", "-3");
                    words(&mut a, &[&value]);
                }
            }
        }
        26..=28 => words(&mut a, &["LMOVE", &k, &key(prng), end(prng), end(prng)]),
        29 => words(&mut a, &["RPOPLPUSH", &k, &key(prng)]),
        30 | 31 => {
            words(&mut a, &["LMPOP"]);
            several(prng, &mut a);
        }
        32 => {
            words(&mut a, &["BLMPOP", timeout(prng)]);
            several(prng, &mut a);
        }
        33 => words(&mut a, &[pick(prng, &["BLPOP", "BRPOP"]), &k, &key(prng), timeout(prng)]),
        34 => words(&mut a, &["BLMOVE", &k, &key(prng), end(prng), end(prng), timeout(prng)]),
        35 => words(&mut a, &["BRPOPLPUSH", &k, &key(prng), timeout(prng)]),
        36 => words(&mut a, &[pick(prng, &["COPY", "RENAME", "RENAMENX"]), &k, &key(prng)]),
        37 => words(&mut a, &["SET", "string", "s"]),
        38 => words(&mut a, &["DEL", &k]),
        _ => words(&mut a, &["TYPE", &k]),
    }
    a
}

fn several(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    let count = 1 + prng.below(3);
    let said = if prng.chance(1, 10) { number(prng) } else { count.to_string() };
    words(a, &[&said]);
    (0..count).for_each(|_| words(a, &[&key(prng)]));
    words(a, &[end(prng)]);
    while prng.chance(1, 2) {
        words(a, &["COUNT", &number(prng)]);
    }
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(6) {
        0 => words(&mut a, &["LLEN", &k]),
        1 => words(&mut a, &["LINDEX", &k, &number(prng)]),
        2 => words(&mut a, &["LRANGE", &k, &number(prng), &number(prng)]),
        3 => words(&mut a, &["LRANGE", &k, "0", "-1"]),
        _ => words(&mut a, &["DUMP", &k]),
    }
    a
}

/// The elements of a payload, and how many nodes they are in.
fn unpacked(payload: &Value) -> Option<(Vec<Vec<u8>>, usize)> {
    match persist::dump::decode(payload.as_bytes()?, &ds::Settings::default()).ok()? {
        LoadValue::Object(Object::List(list)) => {
            Some((list.iter(End::Left).map(|entry| entry.to_vec()).collect(), list.node_count()))
        }
        _ => None,
    }
}

fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    /// RDB version and checksum.
    const FOOTER: usize = 10;
    match args[0] {
        b"DUMP" => {
            let (Some(a), Some(b)) = (ours.as_bytes(), theirs.as_bytes()) else { return false };
            let values = (a.len() > FOOTER && b.len() > FOOTER)
                .then(|| (&a[..a.len() - FOOTER], &b[..b.len() - FOOTER]));
            if values.is_some_and(|(a, b)| a == b) {
                return true;
            }
            match (unpacked(ours), unpacked(theirs)) {
                (Some((a, a_nodes)), Some((b, b_nodes))) => a == b && (a_nodes > 1 || b_nodes > 1),
                _ => false,
            }
        }
        // What may not wait answers with a null, what waited in vain with a null array.
        b"BLMOVE" | b"BRPOPLPUSH" => *ours == Value::Null && *theirs == Value::Null,
        _ => false,
    }
}

#[test]
fn lists() {
    side_by_side(&Family { name: "lists", command, show, same }, 200_000);
}
