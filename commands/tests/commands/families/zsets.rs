//! Sorted sets, in the small and in the large form.
//!
//! Redis 7.0 prints doubles with 17 digits where 7.2 and we print the fewest, so that texts of doubles are compared as
//! numbers. Where the order or the choice is free (ZRANDMEMBER, ZSCAN) it is compared by what it means.

use super::{Family, follows_the_log, object_of, side_by_side};
use crate::differential::{Raw, pick, words};
use base::Prng;
use ds::{Settings, Zset};
use keyspace::{Object, ValueRef};
use resp::Value;
use testkit::{Kind, Server};

fn key(prng: &mut Prng) -> String {
    match prng.below(40) {
        0 => "string".into(),
        1 => "set".into(),
        2 => "none".into(),
        n => format!("z{}", n % 5),
    }
}

fn member(prng: &mut Prng) -> String {
    match prng.below(30) {
        0 => "x".repeat(60 + prng.below(10) as usize),
        1 => pick(prng, &["", "-1", "007", "1e3", " ", "-", "+", "[a", "9223372036854775807"]).into(),
        n if n % 2 == 0 => prng.below(40).to_string(),
        _ => format!("{}{}", pick(prng, &["a", "b", "m"]), prng.below(20)),
    }
}

fn score(prng: &mut Prng) -> String {
    match prng.below(20) {
        0 => pick(prng, &["nan", "x", "", "1e400", " 1", "1 ", "0x1p4", "(1", "1e-400", "--1"]).into(),
        1 => pick(prng, &["inf", "-inf", "+inf", "Infinity", "1e17", "-1e300", "1e-7", "4.5e15", "1e19"])
            .into(),
        2 => format!("{}.{}", prng.below(10), prng.below(1000)),
        3 => pick(prng, &["0.1", "-0.3", "3.3", "1.5", "2.25", "1e5"]).into(),
        _ => prng.below(10).to_string(),
    }
}

fn score_bound(prng: &mut Prng) -> String {
    let open = if prng.chance(1, 4) { "(" } else { "" };
    let number = match prng.below(8) {
        0 => pick(prng, &["", " 2", "2 ", "nan", "x", "1e400", "-1e999", "(", "0x2"]).into(),
        1 => pick(prng, &["-inf", "+inf", "inf"]).into(),
        _ => score(prng),
    };
    format!("{open}{number}")
}

fn lex_bound(prng: &mut Prng) -> String {
    match prng.below(8) {
        0 => pick(prng, &["", "a", "++", "-a"]).into(),
        1 | 2 => "-".into(),
        3 | 4 => "+".into(),
        5 => format!("({}", member(prng)),
        _ => format!("[{}", member(prng)),
    }
}

fn rank(prng: &mut Prng) -> String {
    match prng.below(15) {
        0 => pick(prng, &["x", "", "1.5", "9223372036854775807", "-9223372036854775808"]).into(),
        _ => (prng.below(30) as i64 - 15).to_string(),
    }
}

fn limit(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    if prng.chance(1, 3) {
        let offset = (prng.below(8) as i64 - 1).to_string();
        let count = (prng.below(8) as i64 - 2).to_string();
        words(a, &["LIMIT", &offset, &count]);
    }
}

fn numbered_keys(prng: &mut Prng, a: &mut Vec<Vec<u8>>) -> u64 {
    let count = 1 + prng.below(3);
    let told = if prng.chance(1, 30) { pick(prng, &["0", "-1", "x", "9"]).into() } else { count.to_string() };
    words(a, &[&told]);
    (0..count).for_each(|_| words(a, &[&key(prng)]));
    count
}

/// Members enough for the large form, of one score where `lex`.
fn many(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    let same = prng.chance(1, 2);
    for _ in 0..20 + prng.below(180) {
        let score = if same { "0".to_string() } else { prng.below(50).to_string() };
        words(a, &[&score, &format!("m{}", prng.below(400))]);
    }
}

fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(34) {
        0..=4 => {
            words(&mut a, &["ZADD", &k]);
            while prng.chance(1, 3) {
                words(&mut a, &[pick(prng, &["NX", "XX", "GT", "lt", "CH", "INCR"])]);
            }
            for _ in 0..1 + prng.below(4) {
                words(&mut a, &[&score(prng), &member(prng)]);
            }
            if prng.chance(1, 40) {
                words(&mut a, &["1"]);
            }
        }
        5 => {
            words(&mut a, &["ZADD", &k]);
            many(prng, &mut a);
        }
        6 | 7 => words(&mut a, &["ZINCRBY", &k, &score(prng), &member(prng)]),
        8 => {
            words(&mut a, &["ZREM", &k]);
            (0..1 + prng.below(4)).for_each(|_| words(&mut a, &[&member(prng)]));
        }
        9 => words(&mut a, &["ZREMRANGEBYRANK", &k, &rank(prng), &rank(prng)]),
        10 => words(&mut a, &["ZREMRANGEBYSCORE", &k, &score_bound(prng), &score_bound(prng)]),
        11 => words(&mut a, &["ZREMRANGEBYLEX", &flat(prng), &lex_bound(prng), &lex_bound(prng)]),
        12 => words(&mut a, &[pick(prng, &["ZCARD", "zcard", "TYPE", "DEL"]), &k]),
        13 => words(&mut a, &[pick(prng, &["ZSCORE", "ZRANK", "ZREVRANK"]), &k, &member(prng)]),
        14 => {
            words(&mut a, &["ZMSCORE", &k]);
            (0..1 + prng.below(4)).for_each(|_| words(&mut a, &[&member(prng)]));
        }
        15 => words(&mut a, &["ZCOUNT", &k, &score_bound(prng), &score_bound(prng)]),
        16 => words(&mut a, &["ZLEXCOUNT", &flat(prng), &lex_bound(prng), &lex_bound(prng)]),
        17 => {
            let name = pick(prng, &["ZRANGE", "ZREVRANGE"]);
            words(&mut a, &[name, &k, &rank(prng), &rank(prng)]);
            while prng.chance(1, 3) {
                words(&mut a, &[pick(prng, &["WITHSCORES", "REV", "what"])]);
            }
        }
        18 | 19 => {
            let name = pick(prng, &["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]);
            words(&mut a, &[name, &k, &score_bound(prng), &score_bound(prng)]);
            if prng.chance(1, 2) {
                words(&mut a, &["withscores"]);
            }
            limit(prng, &mut a);
        }
        20 | 21 => {
            let name = pick(prng, &["ZRANGEBYLEX", "ZREVRANGEBYLEX"]);
            words(&mut a, &[name, &flat(prng), &lex_bound(prng), &lex_bound(prng)]);
            limit(prng, &mut a);
        }
        22..=24 => {
            let store = prng.chance(1, 3);
            if store {
                words(&mut a, &["ZRANGESTORE", &key(prng)]);
            } else {
                words(&mut a, &["ZRANGE"]);
            }
            match prng.below(3) {
                0 => words(&mut a, &[&k, &rank(prng), &rank(prng)]),
                1 => words(&mut a, &[&k, &score_bound(prng), &score_bound(prng), "BYSCORE"]),
                _ => words(&mut a, &[&flat(prng), &lex_bound(prng), &lex_bound(prng), "BYLEX"]),
            }
            while prng.chance(1, 4) {
                words(&mut a, &[pick(prng, &["REV", "WITHSCORES", "BYLEX", "BYSCORE"])]);
            }
            limit(prng, &mut a);
        }
        25 => {
            words(&mut a, &[pick(prng, &["ZPOPMIN", "ZPOPMAX"]), &k]);
            if prng.chance(1, 2) {
                words(&mut a, &[pick(prng, &["0", "1", "3", "-1", "x", "500", "9223372036854775807"])]);
            }
        }
        26 => {
            let name = pick(prng, &["ZMPOP", "ZMPOP", "BZMPOP"]);
            words(&mut a, &[name]);
            if name == "BZMPOP" {
                words(&mut a, &[pick(prng, &["0.01", "0.01", "x", "-1", ""])]);
            }
            numbered_keys(prng, &mut a);
            words(&mut a, &[pick(prng, &["MIN", "max", "MIN", "what"])]);
            if prng.chance(1, 2) {
                words(&mut a, &["COUNT", pick(prng, &["1", "2", "5", "0", "x", "-1"])]);
            }
            if prng.chance(1, 20) {
                words(&mut a, &["COUNT", "1"]);
            }
        }
        27 => {
            words(&mut a, &[pick(prng, &["BZPOPMIN", "BZPOPMAX"])]);
            (0..1 + prng.below(3)).for_each(|_| words(&mut a, &[&key(prng)]));
            words(&mut a, &[pick(prng, &["0.01", "0.01", "0.01", "x", "-1"])]);
        }
        28..=31 => {
            let name = pick(prng, &["ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD"]);
            let store = name != "ZINTERCARD" && prng.chance(1, 2);
            if store {
                words(&mut a, &[&format!("{name}STORE"), &key(prng)]);
            } else {
                words(&mut a, &[name]);
            }
            let count = numbered_keys(prng, &mut a);
            if prng.chance(1, 3) {
                words(&mut a, &["WEIGHTS"]);
                (0..count).for_each(|_| words(&mut a, &[&score(prng)]));
            }
            if prng.chance(1, 3) {
                words(&mut a, &["AGGREGATE", pick(prng, &["SUM", "min", "MAX", "what"])]);
            }
            if prng.chance(1, 3) {
                words(&mut a, &["WITHSCORES"]);
            }
            if prng.chance(1, if name == "ZINTERCARD" { 2 } else { 20 }) {
                words(&mut a, &["LIMIT", pick(prng, &["0", "1", "3", "-1", "x"])]);
            }
        }
        32 => {
            words(&mut a, &["ZRANDMEMBER", &k]);
            if prng.chance(3, 4) {
                words(&mut a, &[pick(prng, &["0", "1", "3", "-3", "500", "-9223372036854775808", "x"])]);
                if prng.chance(1, 2) {
                    words(&mut a, &[pick(prng, &["WITHSCORES", "withscores", "what"])]);
                }
            }
        }
        _ => match prng.below(4) {
            0 => words(&mut a, &["SET", "string", "x"]),
            1 => words(&mut a, &["DEL", &k]),
            2 => words(&mut a, &["SADD", "set", &member(prng), &member(prng)]),
            _ => {
                words(&mut a, &["ZADD", &flat(prng)]);
                (0..1 + prng.below(100)).for_each(|_| words(&mut a, &["0", &member(prng)]));
            }
        },
    }
    a
}

/// A key whose members mostly have one score, for bounds of bytes: in the large form, answers are not defined where
/// scores differ.
fn flat(prng: &mut Prng) -> String {
    format!("flat{}", prng.below(2))
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = if prng.chance(1, 5) { flat(prng) } else { key(prng) };
    match prng.below(5) {
        0 => words(&mut a, &["DUMP", &format!("z{}", prng.below(5))]),
        4 => words(&mut a, &["ZRANGE", &k, "0", "-1", "WITHSCORES"]),
        1 => words(&mut a, &["ZREVRANGE", &k, "0", "-1", "WITHSCORES"]),
        2 => words(&mut a, &["ZSCAN", &k, "0", "COUNT", "100000"]),
        _ => words(&mut a, &["OBJECT", "ENCODING", &k]),
    }
    a
}

/// A double's text that is not the shortest.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double { value, .. } => Some(*value),
        _ => std::str::from_utf8(value.as_bytes()?).ok()?.parse().ok(),
    }
}

fn same_value(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_array(), theirs.as_array()) {
        (Some(ours), Some(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same_value(a, b))
        }
        _ => ours == theirs || number(ours).is_some_and(|value| number(theirs) == Some(value)),
    }
}

fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    let sorted_pairs = |value: &Value| {
        let elements = value.as_array().and_then(|parts| parts.get(1)?.as_array()).unwrap_or(&[]).to_vec();
        let mut pairs: Vec<Vec<Value>> = elements.chunks(2).map(<[Value]>::to_vec).collect();
        pairs.sort_by_key(|pair| pair[0].as_bytes().map(<[u8]>::to_vec));
        Value::Array(pairs.concat())
    };
    match args[0] {
        b"ZSCAN" => same_value(&sorted_pairs(ours), &sorted_pairs(theirs)),
        b"ZRANDMEMBER" => {
            let len = |value: &Value| value.as_array().map(<[Value]>::len);
            len(ours) == len(theirs) && !ours.is_error() && !theirs.is_error()
        }
        b"DUMP" => match (ours.as_bytes(), theirs.as_bytes()) {
            (Some(ours), Some(theirs)) => same_dump(ours, theirs),
            _ => false,
        },
        // 7.2 looks at how many members are given before it looks at which.
        b"OBJECT" => !ours.is_error() && !theirs.is_error(),
        _ => same_value(ours, theirs),
    }
}

fn members(payload: &[u8]) -> (Vec<(Vec<u8>, f64)>, &'static str) {
    match object_of(payload) {
        Object::Zset(zset) => (zset.iter().map(|(m, s)| (m.to_vec(), s)).collect(), zset.encoding()),
        other => panic!("no sorted set: {other:?}"),
    }
}

/// The same members in the same order; and the same bytes, unless the texts of scores or the form differ. Versions and
/// checksums do, by the way.
fn same_dump(ours: &[u8], theirs: &[u8]) -> bool {
    const FOOTER: usize = 10;
    let value = |payload: &[u8]| payload[..payload.len() - FOOTER].to_vec();
    let (members_of_ours, form) = members(ours);
    let (members_of_theirs, their_form) = members(theirs);
    let whole = members_of_ours.iter().all(|(_, score)| base::double::as_integer(*score).is_some());
    members_of_ours == members_of_theirs
        && (value(ours) == value(theirs) || !whole || form != their_form || ours[0] != theirs[0])
}

#[test]
fn a_replica_of_sorted_sets_follows_the_log() {
    follows_the_log(&Family { name: "sorted sets", command, show, same });
}

#[test]
fn sorted_sets() {
    side_by_side(&Family { name: "sorted sets", command, show, same }, 500_000);
}

/// What we write, redis-server reads, and the other way round; both forms, every kind of score.
#[test]
fn payloads_go_both_ways() {
    let ports = testkit::reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
    let mut redis = Raw::connect(server.port());
    let settings = Settings::default();
    let mut prng = Prng::new(77);
    for size in [1, 2, 50, 128, 129, 3000] {
        let mut zset = Zset::new(&settings);
        while zset.len() < size {
            let score = *prng.pick(&[1.0, -3.0, 0.1, 1e300, -1e-5, f64::INFINITY, 4e18, 0.0]).expect("some");
            let member = prng.below(100_000).to_string();
            let member = if prng.chance(1, 2) { member } else { format!("member {member}") };
            zset.set(member.as_bytes(), score, &settings);
        }
        let object = Object::Zset(zset);
        let ours = persist::dump::encode(ValueRef::Object(&object), true);
        let (value, _) = redis.call(&[b"RESTORE", b"z", b"0", &ours, b"REPLACE"]);
        assert!(value.is_ok(), "our payload is refused: {value:?}");
        let (theirs, _) = redis.call(&[b"DUMP", b"z"]);
        let theirs = theirs.as_bytes().expect("a payload");
        assert_eq!(members(theirs), members(&ours));
        // What their server made by itself, member by member.
        redis.call(&[b"DEL", b"made"]);
        for (member, score) in members(&ours).0 {
            redis.call(&[b"ZADD", b"made", base::DoubleText::new(score).as_bytes(), &member]);
        }
        let (made, _) = redis.call(&[b"DUMP", b"made"]);
        assert_eq!(members(made.as_bytes().expect("a payload")), members(&ours));
    }
}
