//! Places, around the world and crowded in one spot, in the small and in the large form.

use super::{Family, follows_the_log, side_by_side};
use crate::differential::{pick, words};
use base::Prng;
use resp::Value;

fn key(prng: &mut Prng) -> String {
    match prng.below(30) {
        0 => "string".into(),
        1 => "none".into(),
        // A sorted set whose scores are no places.
        2 => "numbers".into(),
        n => format!("g{}", n % 3),
    }
}

fn member(prng: &mut Prng) -> String {
    format!("m{}", prng.below(60))
}

fn place(prng: &mut Prng) -> [String; 2] {
    if prng.chance(1, 25) {
        return ["181", "86"]
            .map(|_| pick(prng, &["181", "-181", "86", "x", "", "nan", "85.05112878"]).into());
    }
    let part = |prng: &mut Prng| prng.below(1_000_000) as f64 / 1e6;
    let (longitude, latitude) = match prng.below(3) {
        // Sicily, more or less, with some at the same place.
        0 => (13.0 + part(prng), 37.0 + part(prng)),
        1 => (13.0 + prng.below(4) as f64 / 4.0, 37.5),
        _ => (part(prng) * 360.0 - 180.0, part(prng) * 168.0 - 84.0),
    };
    [longitude.to_string(), latitude.to_string()]
}

fn unit(prng: &mut Prng) -> &'static str {
    pick(prng, &["m", "km", "KM", "ft", "mi", "km", "km", "km", "km", "yd"])
}

fn length(prng: &mut Prng) -> String {
    match prng.below(20) {
        0 => pick(prng, &["x", "-1", "0", "nan", "1e9"]).into(),
        n if n < 12 => prng.below(300).to_string(),
        _ => prng.below(9000).to_string(),
    }
}

fn options(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    // Which of those at the same distance come, and in which order, is free; so no COUNT without one of them.
    while prng.chance(1, 3) {
        words(a, &[pick(prng, &["WITHDIST", "WITHCOORD", "WITHHASH", "ASC", "DESC", "any", "what"])]);
    }
    if prng.chance(1, 6) {
        words(a, &["COUNT", pick(prng, &["1000", "0", "x", "-1"])]);
        if prng.chance(1, 4) {
            words(a, &["ANY"]);
        }
    }
}

fn search(prng: &mut Prng, a: &mut Vec<Vec<u8>>) {
    for _ in 0..if prng.chance(1, 20) { prng.below(3) } else { 1 } {
        if prng.chance(1, 2) {
            words(a, &["FROMMEMBER", &member(prng)]);
        } else {
            let [longitude, latitude] = place(prng);
            words(a, &["FROMLONLAT", &longitude, &latitude]);
        }
    }
    for _ in 0..if prng.chance(1, 20) { prng.below(3) } else { 1 } {
        if prng.chance(1, 2) {
            words(a, &["BYRADIUS", &length(prng), unit(prng)]);
        } else {
            words(a, &["BYBOX", &length(prng), &length(prng), unit(prng)]);
        }
    }
    options(prng, a);
}

fn command(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = key(prng);
    match prng.below(16) {
        0..=4 => {
            words(&mut a, &["GEOADD", &k]);
            while prng.chance(1, 5) {
                words(&mut a, &[pick(prng, &["NX", "XX", "CH", "ch", "GT"])]);
            }
            let many = if prng.chance(1, 10) { 200 } else { 6 };
            for _ in 0..1 + prng.below(many) {
                let [longitude, latitude] = place(prng);
                words(&mut a, &[&longitude, &latitude, &member(prng)]);
            }
        }
        5 => {
            words(&mut a, &["GEODIST", &k, &member(prng), &member(prng)]);
            if prng.chance(2, 3) {
                words(&mut a, &[unit(prng)]);
            }
        }
        6 | 7 => {
            words(&mut a, &[pick(prng, &["GEOPOS", "GEOHASH"]), &k]);
            (0..prng.below(4)).for_each(|_| words(&mut a, &[&member(prng)]));
        }
        8 | 9 => {
            let name = pick(prng, &["GEORADIUS", "GEORADIUS", "GEORADIUS_RO"]);
            let [longitude, latitude] = place(prng);
            words(&mut a, &[name, &k, &longitude, &latitude, &length(prng), unit(prng)]);
            options(prng, &mut a);
            if prng.chance(1, 5) {
                words(&mut a, &[pick(prng, &["STORE", "STOREDIST"]), "stored"]);
            }
        }
        10 => {
            let name = pick(prng, &["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]);
            words(&mut a, &[name, &k, &member(prng), &length(prng), unit(prng)]);
            options(prng, &mut a);
            if prng.chance(1, 5) {
                words(&mut a, &[pick(prng, &["STORE", "STOREDIST"]), "stored"]);
            }
        }
        11..=13 => {
            words(&mut a, &[pick(prng, &["GEOSEARCH", "geosearch"]), &k]);
            search(prng, &mut a);
            while a.len() < 7 {
                words(&mut a, &["ASC"]);
            }
        }
        14 => {
            words(&mut a, &["GEOSEARCHSTORE", "stored", &k]);
            search(prng, &mut a);
            while prng.chance(1, 3) || a.len() < 8 {
                words(&mut a, &["STOREDIST"]);
            }
        }
        _ => match prng.below(6) {
            0 => words(&mut a, &["SET", "string", "x"]),
            1 => words(&mut a, &["DEL", &k]),
            2 => words(&mut a, &["ZREM", &k, &member(prng)]),
            _ => {
                let score = pick(prng, &["0", "1", "-1", "1e16", "-5e15", "1e30", "-inf", "inf", "0.5"]);
                words(&mut a, &["ZADD", "numbers", score, &member(prng)]);
            }
        },
    }
    a
}

fn show(prng: &mut Prng) -> Vec<Vec<u8>> {
    let mut a = Vec::new();
    let k = if prng.chance(1, 3) { "stored".into() } else { key(prng) };
    words(&mut a, &["ZRANGE", &k, "0", "-1", "WITHSCORES"]);
    a
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double { value, .. } => Some(*value),
        _ => std::str::from_utf8(value.as_bytes()?).ok()?.parse().ok(),
    }
}

/// Doubles have more digits in 7.0.
fn same_value(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_array(), theirs.as_array()) {
        (Some(ours), Some(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same_value(a, b))
        }
        _ => ours == theirs || number(ours).is_some_and(|value| number(theirs) == Some(value)),
    }
}

/// Results with equal distances may change places.
fn same(args: &[&[u8]], ours: &Value, theirs: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut results = value.as_array()?.to_vec();
        results.sort_by_key(|result| format!("{result:?}"));
        Some(Value::Array(results))
    };
    match args[0] {
        b"ZRANGE" => same_value(ours, theirs),
        _ => sorted(ours).is_some() && sorted(ours) == sorted(theirs),
    }
}

#[test]
fn a_replica_of_places_follows_the_log() {
    follows_the_log(&Family { name: "geo", command, show, same });
}

#[test]
fn places() {
    side_by_side(&Family { name: "geo", command, show, same }, 900_000);
}
