//! A replica that applies what is logged, and nothing else, ends with the same sets and hashes, whatever was run:
//! random choices, conditions and times of fields included.

use crate::families::{hashes, sets};
use crate::runner::Runner;
use base::{DbIndex, OwnedArgs, Prng};
use commands::Propagate;
use keyspace::{Object, ValueRef};
use resp::Protocol;
use std::collections::BTreeMap;

type Contents = BTreeMap<Vec<u8>, Vec<(Vec<u8>, Vec<u8>, Option<i64>)>>;

fn contents(runner: &Runner) -> Contents {
    let mut all = Contents::new();
    runner.keyspace.for_each(DbIndex(0), &mut |key, value, _| {
        let mut elements: Vec<_> = match value {
            ValueRef::Object(Object::Set(set)) => {
                set.iter().map(|m| (m.to_vec(), Vec::new(), None)).collect()
            }
            ValueRef::Object(Object::Hash(hash)) => {
                let expiry = |field: &[u8]| hash.expiry(field);
                hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec(), f.with_text(expiry))).collect()
            }
            _ => Vec::new(),
        };
        elements.sort();
        all.insert(key.to_vec(), elements);
    });
    all
}

fn follow(primary: &Runner, replica: &mut Runner, args: &OwnedArgs) {
    for gone in &primary.expired_fields {
        let words = [b"HDEL".as_slice(), &gone.key];
        replica
            .execute(&OwnedArgs::from_slices(words.into_iter().chain(gone.fields.iter().map(Vec::as_slice))));
    }
    for (_, key) in &primary.expired {
        replica.execute(&OwnedArgs::from_slices([b"DEL".as_slice(), key]));
    }
    match &primary.effects.propagate {
        _ if !primary.effects.is_logged() => {}
        Propagate::Instead(commands) => commands.iter().for_each(|command| replica.execute(command)),
        _ => replica.execute(args),
    }
}

/// Commands about times, and random pops.
fn more(prng: &mut Prng) -> Vec<Vec<u8>> {
    let (h, s) = (format!("h{}", prng.below(4)), format!("s{}", prng.below(5)));
    let (a, b) = (format!("f{}", prng.below(20)), format!("f{}", prng.below(20)));
    let ms = (prng.below(3000) as i64 - 300).max(0);
    let fields = format!("FIELDS 2 {a} {b}");
    let line = match prng.below(12) {
        0 => format!("SPOP {s} {}", prng.below(400)),
        1 => format!("SPOP {s}"),
        2 | 3 => format!("HPEXPIRE {h} {ms} {fields}"),
        4 => format!("HPEXPIRE {h} {ms} {} {fields}", ["NX", "XX", "GT", "LT"][prng.below(4) as usize]),
        5 => format!("HPERSIST {h} {fields}"),
        6 => format!("HGETEX {h} PX {ms} {fields}"),
        7 => format!("HGETEX {h} PERSIST {fields}"),
        8 => format!("HGETDEL {h} {fields}"),
        9 => format!("HSETEX {h} PX {ms} FIELDS 1 {a} 1"),
        10 => format!("HSETEX {h} {} KEEPTTL FIELDS 1 {a} 2", if prng.chance(1, 2) { "FNX" } else { "FXX" }),
        _ => format!("HINCRBYFLOAT {h} {a} 1.5"),
    };
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn sets_and_hashes_follow_the_log() {
    for seed in 0..8 {
        let mut prng = Prng::new(500 + seed);
        let mut primary = Runner::new(Protocol::Resp2);
        let mut replica = Runner::new(Protocol::Resp2);
        replica.keyspace.set_replica(true);
        replica.keyspace.set_ignore_expiry(true);
        replica.limits.keep_expired = true;
        replica.limits.obey = true;
        replica.advance(86_400_000);
        for step in 0..2000 {
            let words = match prng.below(3) {
                0 => sets::command(&mut prng),
                1 => hashes::command(&mut prng),
                _ => more(&mut prng),
            };
            let args = OwnedArgs::from_slices(words.iter().map(Vec::as_slice));
            primary.execute(&args);
            follow(&primary, &mut replica, &args);
            if prng.chance(1, 5) {
                primary.advance(prng.below(1000) as i64);
            }
            if prng.chance(1, 10) {
                primary.effects.clear();
                primary.expired.clear();
                primary.keyspace.active_expire_fields(1);
                primary.expired_fields = primary.keyspace.take_expired_fields();
                follow(&primary, &mut replica, &OwnedArgs::default());
            }
            if step % 25 == 24 {
                assert_eq!(contents(&primary), contents(&replica), "seed {seed} step {step}");
            }
        }
    }
}
