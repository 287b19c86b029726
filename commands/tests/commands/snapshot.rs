//! Writes into large values of every type while a snapshot is taken: what the snapshot hands over is what was there at
//! the cut, byte for byte.

use crate::runner::Runner;
use base::{DbIndex, Prng};
use keyspace::{JobSlot, StepOutcome};
use persist::dump;
use resp::Protocol;
use std::collections::BTreeMap;

/// Elements of each value at the cut.
const ELEMENTS: u64 = 3000;

/// A write into one of the values.
fn write(prng: &mut Prng) -> String {
    let (n, m) = (prng.below(2 * ELEMENTS), prng.below(ELEMENTS));
    let many = 1 + prng.below(60);
    match prng.below(28) {
        0 => format!("RPUSH list r{n}"),
        1 => format!("LSET list {} changed{m}", n as i64 % 700),
        2 => format!("LPOP list {many}"),
        3 => format!("LREM list 0 element{m}"),
        4 => format!("LTRIM list 1 -{}", 1 + prng.below(3)),
        5 => format!("SADD set member{n}"),
        6 => format!("SREM set member{n} member{m}"),
        7 => format!("SPOP set {many}"),
        8 => format!("SADD ints {n}"),
        9 => format!("SREM ints {n} {m}"),
        10 => format!("HSET hash field{n} changed{m}"),
        11 => format!("HDEL hash field{n} field{m}"),
        12 => format!("HINCRBY hash count{} {m}", n % 9),
        13 => format!("HPEXPIRE hash 9999999 FIELDS 1 field{n}"),
        14 => format!("ZADD zset {m} member{n}"),
        15 => format!("ZREM zset member{n} member{m}"),
        16 => format!("ZINCRBY zset {m} member{n}"),
        17 => format!("ZREMRANGEBYRANK zset 0 {}", many / 10),
        18 => format!("XADD stream * a {n}"),
        19 => format!("XDEL stream {m}-0 {n}-0"),
        20 => format!("XTRIM stream MAXLEN ~ {}", ELEMENTS - many),
        21 => format!("XREADGROUP GROUP group c{} COUNT {many} STREAMS stream >", n % 5),
        22 => format!("XACK stream group {m}-0 {n}-0"),
        23 => format!("XAUTOCLAIM stream group c{} 0 {m}-0 COUNT {many}", n % 5),
        24 => format!("APPEND string {n}"),
        25 => format!("SETRANGE string {n} changed"),
        26 => format!("PFADD counter {n}"),
        _ => format!("RENAME list other{}", n % 3),
    }
}

fn fill(runner: &mut Runner) {
    runner.run("XGROUP CREATE stream group 0 MKSTREAM");
    for n in 1..=ELEMENTS {
        runner.run(&format!("RPUSH list element{n}"));
        runner.run(&format!("SADD set member{n}"));
        runner.run(&format!("SADD ints {n}"));
        runner.run(&format!("HSET hash field{n} value{n}"));
        runner.run(&format!("ZADD zset {n}.5 member{n}"));
        runner.run(&format!("XADD stream {n}-0 a {n} b text"));
        runner.run(&format!("PFADD counter {n}"));
    }
    runner.run("XREADGROUP GROUP group c1 COUNT 1000 STREAMS stream >");
    runner.run(&format!("SETRANGE string {} end", 4 * ELEMENTS));
    // Small ones, too: they lie among the large ones in the order of the scan.
    for n in 0..200 {
        runner.run(&format!("SADD small{n} a b {n}"));
    }
}

type Cut = BTreeMap<Vec<u8>, Vec<u8>>;

fn contents(runner: &Runner) -> Cut {
    let mut all = Cut::new();
    runner.keyspace.for_each(DbIndex(0), &mut |key, value, _| {
        all.insert(key.to_vec(), dump::encode(value, false));
    });
    all
}

#[test]
fn a_snapshot_holds_the_cut_of_values_that_are_written_to() {
    for seed in 0..4 {
        let mut prng = Prng::new(seed);
        let mut runner = Runner::new(Protocol::Resp2);
        fill(&mut runner);
        let before = contents(&runner);
        runner.keyspace.snapshot_begin(JobSlot::Save).expect("no other snapshot");
        let mut seen = Cut::new();
        loop {
            for _ in 0..prng.below(12) {
                runner.run(&write(&mut prng));
                runner.advance(1);
            }
            let outcome = runner.keyspace.snapshot_step(JobSlot::Save, 1 + prng.below(3) as usize);
            while let Some(chunk) = runner.keyspace.snapshot_take(JobSlot::Save) {
                // What another thread encodes later, while writes go on.
                (0..prng.below(20)).for_each(|_| drop(runner.run(&write(&mut prng))));
                for entry in chunk.iter() {
                    let twice = seen.insert(entry.key.to_vec(), dump::encode(entry.value, false));
                    assert!(twice.is_none(), "{} twice", entry.key.escape_ascii());
                }
            }
            if outcome == StepOutcome::Done {
                break;
            }
        }
        assert_eq!(seen.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "seed {seed}");
        for (key, payload) in &before {
            assert!(seen[key] == *payload, "seed {seed}: {} is not as it was", key.escape_ascii());
        }
        let changed =
            contents(&runner).iter().filter(|(key, payload)| before.get(*key) != Some(payload)).count();
        assert!(changed >= 6, "only {changed} values were written to: the test shows little");
    }
}
