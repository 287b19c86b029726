//! SORT of lists, sets and sorted sets, by themselves and by other keys. No number is too large: once Redis has met one, it
//! refuses good ones as well (it does not clear `errno`).

use super::{Family, side_by_side};
use crate::differential::{pick, words};
use base::Prng;
use resp::Value;

fn key(prng: &mut Prng) -> &'static str {
    pick(
        prng,
        &[
            "list", "list", "list2", "set", "set", "ints", "zset", "zset", "target", "missing", "hash_1",
            "w_1",
        ],
    )
}

fn element(prng: &mut Prng) -> Vec<u8> {
    match prng.below(12) {
        0 => pick(prng, &["", " 7", "7 ", "0x10", "1e3", "inf", "-inf", "nan", "+5", ".5", "007"]).into(),
        1 => pick(prng, &["a", "b", "B", "abc", "ab", "\u{e9}", "c\u{0}d"]).into(),
        2 => (prng.next_u64() as i64).to_string().into_bytes(),
        _ => prng.below(30).to_string().into_bytes(),
    }
}

fn plain(prng: &mut Prng) -> Vec<u8> {
    prng.below(30).to_string().into_bytes()
}

fn pattern(prng: &mut Prng) -> &'static str {
    pick(
        prng,
        &[
            "w_*",
            "hash_*->f",
            "hash_*->g",
            "#",
            "nosort",
            "w_*->",
            "*",
            "w_*x",
            "->*",
            "hash_*->f->g",
            "w_1",
            "*->f",
        ],
    )
}

fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    match prng.below(12) {
        0 => {
            words(&mut a, &["RPUSH", pick(prng, &["list", "list2"])]);
            (0..1 + prng.below(6)).for_each(|_| a.push(element(prng)));
        }
        1 => {
            words(&mut a, &["SADD", pick(prng, &["set", "ints"])]);
            (0..1 + prng.below(6)).for_each(|_| a.push(element(prng)));
        }
        2 => {
            words(&mut a, &["ZADD", "zset"]);
            for _ in 0..1 + prng.below(6) {
                words(&mut a, &[&prng.below(20).to_string()]);
                a.push(plain(prng));
            }
        }
        3 => {
            words(&mut a, &["SET", &format!("w_{}", prng.below(30))]);
            a.push(element(prng));
        }
        4 => {
            words(&mut a, &["HSET", &format!("hash_{}", prng.below(30)), pick(prng, &["f", "g", "f->g"])]);
            a.push(element(prng));
        }
        5 if prng.chance(1, 4) => words(&mut a, &["DEL", key(prng)]),
        5 => words(&mut a, &["LTRIM", pick(prng, &["list", "list2", "target"]), "-20", "-1"]),
        _ => sort(prng, &mut a),
    }
    a
}

fn sort(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    words(a, &[pick(prng, &["SORT", "SORT", "SORT", "SORT_RO"]), key(prng)]);
    if prng.chance(2, 3) {
        words(a, &["ALPHA"]);
    }
    while prng.chance(1, 2) {
        match prng.below(6) {
            0 => words(a, &[pick(prng, &["ASC", "desc", "alpha", "WHAT", "LIMIT", "BY", "GET", "STORE"])]),
            1 => words(a, &["BY", pattern(prng)]),
            2 => words(a, &["GET", pattern(prng)]),
            3 => words(a, &["STORE", pick(prng, &["target", "target", "list", "set"])]),
            4 => words(a, &[pick(prng, &["DESC", "asc"])]),
            _ => {
                let number = |prng: &mut Prng| match prng.below(12) {
                    0 => pick(prng, &["x", "", "9223372036854775807", "-9223372036854775808"]).to_owned(),
                    _ => (prng.below(30) as i64 - 5).to_string(),
                };
                words(a, &["LIMIT", &number(prng), &number(prng)]);
            }
        }
    }
    // What compares equal comes in an accidental order, which must not be kept.
    let has = |a: &[Vec<u8>], word: &[u8]| a.iter().any(|arg| arg.eq_ignore_ascii_case(word));
    if has(a, b"STORE") && has(a, b"BY") {
        a.retain(|arg| !arg.eq_ignore_ascii_case(b"ALPHA"));
    }
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    match prng.below(3) {
        0 => words(&mut a, &["LRANGE", "target", "0", "-1"]),
        1 => words(&mut a, &["TYPE", key(prng)]),
        _ => words(&mut a, &["LLEN", "target"]),
    }
    a
}

/// The order of a set is nobody's business, and that of what compares equal is an accident in Redis.
fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    let has = |word: &[u8]| args.iter().any(|arg| arg.eq_ignore_ascii_case(word));
    let (Value::Array(a), Value::Array(b)) = (ours, theirs) else { return false };
    let unordered = [b"set".as_slice(), b"ints"].contains(&args[1]) && has(b"BY");
    let ties = has(b"ALPHA") && has(b"BY");
    if a.len() != b.len() || !(unordered || ties) {
        return false;
    }
    if has(b"LIMIT") {
        return true;
    }
    let sorted = |values: &[Value]| {
        let mut all: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        all.sort();
        all
    };
    sorted(a) == sorted(b)
}

#[test]
fn sorting() {
    side_by_side(&Family { name: "sort", command, show, same }, 600_000);
}
