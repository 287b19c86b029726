//! Bitmaps and HyperLogLogs, whose values are strings: compared byte for byte with GET.

use super::{Family, follows_the_log, side_by_side};
use crate::differential::{pick, words};
use base::Prng;
use resp::Value;

fn key(prng: &mut Prng) -> String {
    format!("k{}", prng.below(6))
}

fn offset(prng: &mut Prng) -> String {
    match prng.below(12) {
        0 => {
            pick(prng, &["-1", "x", "", "4294967296", "9223372036854775807", "#1", "1.5", "#", "#-1"]).into()
        }
        1 => prng.below(100_000).to_string(),
        _ => prng.below(200).to_string(),
    }
}

fn number(prng: &mut Prng) -> String {
    match prng.below(10) {
        0 => pick(prng, &["x", "", "9223372036854775807", "-9223372036854775808", "1e3"]).into(),
        1 => (prng.next_u64() as i64).to_string(),
        _ => (prng.below(80) as i64 - 40).to_string(),
    }
}

fn kind(prng: &mut Prng) -> String {
    match prng.below(12) {
        0 => pick(prng, &["u64", "i65", "u0", "x8", "i", "", "8"]).into(),
        _ if prng.chance(1, 2) => format!("u{}", 1 + prng.below(63)),
        _ => format!("i{}", 1 + prng.below(64)),
    }
}

fn field_step(prng: &mut Prng, a: &mut Vec<Vec<u8>>, reads: bool) {
    let what = if reads { 0 } else { prng.below(4) };
    let place = if prng.chance(1, 4) { format!("#{}", prng.below(10)) } else { offset(prng) };
    match what {
        0 => words(a, &[pick(prng, &["GET", "get"]), &kind(prng), &place]),
        1 => words(a, &["SET", &kind(prng), &place, &number(prng)]),
        2 => words(a, &["INCRBY", &kind(prng), &place, &number(prng)]),
        _ => words(a, &["OVERFLOW", pick(prng, &["WRAP", "SAT", "fail", "what"])]),
    }
}

fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(22) {
        0..=2 => words(&mut a, &["SETBIT", &k, &offset(prng), pick(prng, &["0", "1", "1", "1", "2", "x"])]),
        3 => words(&mut a, &["GETBIT", &k, &offset(prng)]),
        4 | 5 => {
            words(&mut a, &["BITCOUNT", &k]);
            // Redis 7.0 does not look at the arguments when the key is missing, and wants both ends.
            match prng.below(4) {
                0 => {}
                1 => words(&mut a, &[&prng.below(50).to_string(), &prng.below(90).to_string()]),
                _ => {
                    let unit = pick(prng, &["BIT", "BYTE", "bit"]);
                    words(&mut a, &[&small(prng), &small(prng), unit]);
                }
            }
        }
        6 | 7 => {
            words(&mut a, &["BITPOS", &k, pick(prng, &["0", "1"])]);
            for _ in 0..prng.below(3) {
                words(&mut a, &[&small(prng)]);
            }
            if a.len() == 5 && prng.chance(1, 2) {
                words(&mut a, &[pick(prng, &["BIT", "BYTE"])]);
            }
        }
        8 | 9 => {
            let operation = pick(prng, &["AND", "or", "XOR", "NOT", "NAND"]);
            words(&mut a, &["BITOP", operation, &k]);
            let sources = if operation == "NOT" && prng.chance(3, 4) { 1 } else { 1 + prng.below(4) };
            (0..sources).for_each(|_| words(&mut a, &[&key(prng)]));
        }
        10..=12 => {
            words(&mut a, &["BITFIELD", &k]);
            (0..prng.below(5)).for_each(|_| field_step(prng, &mut a, false));
            if prng.chance(1, 30) {
                words(&mut a, &["what"]);
            }
        }
        13 => {
            words(&mut a, &["BITFIELD_RO", &k]);
            (0..prng.below(4)).for_each(|n| field_step(prng, &mut a, n < 3));
            if prng.chance(1, 10) {
                field_step(prng, &mut a, false);
            }
        }
        14..=19 => counters(prng, &mut a),
        20 => match prng.below(3) {
            0 => words(&mut a, &["SET", &k, &prng.below(100_000).to_string()]),
            1 => words(&mut a, &["DEL", &k, &key(prng)]),
            _ => {
                words(&mut a, &["SETRANGE", &k, &prng.below(30).to_string()]);
                a.push((0..prng.below(5)).map(|_| prng.next_u64() as u8).collect());
            }
        },
        _ => words(&mut a, &["DEL", &k]),
    }
    a
}

/// HyperLogLogs have keys of their own: what Redis does with registers that make no sense depends on what lies behind
/// them in memory. Their headers may be anything.
fn counters(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    let k = counter(prng);
    match prng.below(12) {
        0..=4 => {
            // A bitmap that is made a HyperLogLog would not stay one that makes sense.
            words(a, &["PFADD", &own_counter(prng)]);
            let many = if prng.chance(1, 10) { 900 } else { 8 };
            (0..prng.below(many)).for_each(|_| words(a, &[&prng.below(20_000).to_string()]));
        }
        5 | 6 => {
            words(a, &["PFCOUNT"]);
            (0..1 + prng.below(3)).for_each(|_| words(a, &[&counter(prng)]));
        }
        7 | 8 => {
            words(a, &["PFMERGE", &own_counter(prng)]);
            (0..prng.below(3)).for_each(|_| words(a, &[&counter(prng)]));
        }
        9 | 10 => {
            let word = pick(prng, &["ENCODING", "decode", "TODENSE", "GETREG", "what"]);
            words(a, &["PFDEBUG", word, &k]);
        }
        _ if prng.chance(1, 3) => {
            // Not the one that makes dense registers a sparse code.
            let bit = Some(prng.below(128)).filter(|bit| *bit != 39).unwrap_or(120);
            words(a, &["SETBIT", &k, &bit.to_string(), pick(prng, &["0", "1"])]);
        }
        _ => words(a, &["DEL", &k]),
    }
}

fn counter(prng: &mut Prng) -> String {
    if prng.chance(1, 60) { key(prng) } else { own_counter(prng) }
}

fn own_counter(prng: &mut Prng) -> String {
    format!("h{}", prng.below(4))
}

fn small(prng: &mut Prng) -> String {
    (prng.below(60) as i64 - 30).to_string()
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = if prng.chance(1, 2) { key(prng) } else { counter(prng) };
    words(&mut a, &[pick(prng, &["GET", "GET", "STRLEN"]), &k]);
    a
}

fn same(_: &[&[u8]], _: &Value, _: &Value) -> bool {
    false
}

/// Mostly HyperLogLogs.
fn counting(prng: &mut Prng) -> Vec<Vec<u8>> {
    if prng.chance(1, 10) {
        return command(prng);
    }
    let mut a = Vec::new();
    counters(prng, &mut a);
    a
}

const BITMAPS: Family = Family { name: "bitmaps and bit fields", command, show, same };
const COUNTERS: Family = Family { name: "HyperLogLogs", command: counting, show, same };

#[test]
fn a_replica_of_bitmaps_and_hyperloglogs_follows_the_log() {
    follows_the_log(&BITMAPS);
    follows_the_log(&COUNTERS);
}

#[test]
fn bitmaps() {
    side_by_side(&BITMAPS, 800_000);
}

#[test]
fn hyperloglogs() {
    side_by_side(&COUNTERS, 850_000);
}
