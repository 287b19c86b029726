//! Writes into large values of every type while a snapshot is taken: what the snapshot hands over is what was there at
//! the cut, byte for byte.

use crate::runner::Runner;
use crate::wild::meaning;
use base::{Args, DbIndex, OwnedArgs, Prng};
use keyspace::{JobSlot, LoadExtra, StepOutcome};
use persist::rdb::Item;
use persist::{
    BaseForm, DiskRequest, JobId, Loader, MemStorage, Sink, SnapshotHead, SnapshotTarget, Worker, dump,
};
use resp::{Protocol, Value};
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

pub(super) type Cut = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) fn contents(runner: &Runner) -> Cut {
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

/// A long string, of which a part can be compressed.
fn long_text(prng: &mut Prng) -> Vec<u8> {
    let noise = (0..700_000).map(|_| prng.next_u64() as u8);
    noise.chain((0..2_500_000u32).map(|n| (n / 7 % 50) as u8)).collect()
}

fn meanings(runner: &Runner) -> BTreeMap<Vec<u8>, String> {
    contents(runner).into_iter().map(|(key, payload)| (key, meaning(&Value::Bulk(payload)))).collect()
}

/// Takes what is read from a file into a keyspace of its own.
struct Into<'a>(&'a mut Runner);

impl Sink for Into<'_> {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        if let Item::Entry { db, key, value, expire, .. } = item {
            let loaded = self.0.keyspace.load(db, &key, value, expire, LoadExtra::default());
            assert!(loaded.is_ok(), "{} twice", key.escape_ascii());
        }
        Ok(())
    }

    fn command(&mut self, args: Args<'_>) -> Result<(), String> {
        if args.at(0) != b"SELECT" {
            self.0.execute(&OwnedArgs::from_slices(args.iter()));
        }
        Ok(())
    }
}

/// What a file of the given form holds that was written piece by piece while everything in it was written to.
fn file_of(form: BaseForm, runner: &mut Runner, prng: &mut Prng) -> Runner {
    let id = JobId(1);
    let (directory, filename) = ("aof".to_owned(), "name".to_owned());
    let target = SnapshotTarget::AofBase { directory, filename, alone: true };
    let head = Box::new(SnapshotHead { checksum: true, compress: true, form, ..Default::default() });
    let (mut worker, mut out) = (Worker::new(MemStorage::new(1)), Vec::new());
    worker.take([DiskRequest::SnapshotBegin { id, target, head }], &mut out);
    runner.keyspace.snapshot_begin(JobSlot::Save).expect("no other snapshot");
    let (mut outcome, mut pieces) = (StepOutcome::Working, 0);
    while outcome != StepOutcome::Done || worker.has_work() {
        if outcome != StepOutcome::Done {
            outcome = runner.keyspace.snapshot_step(JobSlot::Save, 1 + prng.below(3) as usize);
        }
        while let Some(chunk) = runner.keyspace.snapshot_take(JobSlot::Save) {
            worker.take([DiskRequest::SnapshotChunk { id, chunk }], &mut out);
        }
        worker.work(&mut out);
        pieces += 1;
        (0..1 + prng.below(4)).for_each(|_| drop(runner.run(&write(prng))));
        runner.run(&format!("SETRANGE text {} changed", prng.below(3_000_000)));
        runner.run("APPEND text more");
    }
    worker.take([DiskRequest::SnapshotEnd { id }], &mut out);
    worker.work_all(&mut out);
    assert!(pieces > 60, "{pieces} pieces: nothing was written to meanwhile");
    let mut back = Runner::new(Protocol::Resp2);
    back.limits.obey = true;
    let mut log = Vec::new();
    let loaded = Loader::aof("aof", "name", true).run(worker.storage(), &mut Into(&mut back), &mut log);
    assert!(loaded.is_ok(), "{log:?}");
    back
}

#[test]
fn a_file_holds_the_cut_of_values_that_are_written_to_between_its_pieces() {
    for (seed, form) in [(1, BaseForm::Rdb), (2, BaseForm::Commands)] {
        let mut prng = Prng::new(seed);
        let mut runner = Runner::new(Protocol::Resp2);
        fill(&mut runner);
        let text = long_text(&mut prng);
        runner.execute(&OwnedArgs::from_slices([b"SET".as_slice(), b"text", &text]));
        runner.run("HPEXPIRE hash 9999999 FIELDS 3 field1 field2 field700");
        runner.run("EXPIRE text 10000");
        let before = meanings(&runner);
        let back = file_of(form, &mut runner, &mut prng);
        let after = meanings(&back);
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (key, value) in &before {
            assert!(after[key] == *value, "{form:?}: {} is not as it was", key.escape_ascii());
        }
        assert!(meanings(&runner)[b"text".as_slice()] != before[b"text".as_slice()]);
    }
}
