//! The disk thread's machine over a storage that fails, and that loses power at every operation.

use super::*;
use crate::load::{LoadFailure, Loader, Sink};
use crate::memory::{Failure, MemStorage};
use crate::rdb::Item;
use crate::request::{
    AofStage, DiskEvent, DiskRequest, JobId, STREAM_AHEAD, Seq, SnapshotHead, SnapshotTarget, SyncPolicy,
};
use base::{Args, DbIndex};
use keyspace::{JobSlot, Keyspace, LoadExtra, LoadValue, Options, SnapshotChunk, StepOutcome};
use std::collections::BTreeMap;

const DIR: &str = "appendonlydir";
const NAME: &str = "appendonly.aof";

/// The data after so many records: record `i` sets one of seven keys to `i`.
fn state_after(records: Seq) -> BTreeMap<String, u64> {
    (0..records).map(|i| (format!("k{}", i % 7), i)).collect()
}

fn record(i: u64) -> Vec<u8> {
    let (key, value) = (format!("k{}", i % 7), i.to_string());
    format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len()).into_bytes()
}

/// The data as a snapshot hands it over.
fn chunks(records: Seq) -> Vec<SnapshotChunk> {
    let mut keyspace = Keyspace::new(Options { databases: 16, clustered: false, seed: 1 });
    for (key, value) in state_after(records) {
        let value = LoadValue::Int(value as i64);
        keyspace.load(DbIndex(0), key.as_bytes(), value, None, LoadExtra::default()).unwrap();
    }
    keyspace.snapshot_begin(JobSlot::Save).unwrap();
    let mut chunks = Vec::new();
    loop {
        let outcome = keyspace.snapshot_step(JobSlot::Save, 3);
        while let Some(chunk) = keyspace.snapshot_take(JobSlot::Save) {
            chunks.push(chunk);
        }
        if outcome == StepOutcome::Done {
            return chunks;
        }
    }
}

#[derive(Default)]
struct Model {
    data: BTreeMap<String, u64>,
}

impl Sink for Model {
    fn item(&mut self, item: Item<'_>) -> Result<(), String> {
        if let Item::Entry { key, value: LoadValue::Int(value), .. } = item {
            self.data.insert(String::from_utf8_lossy(&key).into_owned(), value as u64);
        }
        Ok(())
    }

    fn command(&mut self, args: Args<'_>) -> Result<(), String> {
        if args.at(0) == b"SELECT" {
            return Ok(());
        }
        let text = |i| String::from_utf8_lossy(args.at(i)).into_owned();
        self.data.insert(text(1), text(2).parse().map_err(|_| "a number".to_string())?);
        Ok(())
    }
}

fn open() -> DiskRequest {
    DiskRequest::AofOpen { directory: DIR.into(), filename: NAME.into(), form: BaseForm::Rdb }
}

fn append(i: u64, policy: SyncPolicy) -> DiskRequest {
    DiskRequest::AofAppend { bytes: record(i), upto: i + 1, policy }
}

fn snapshot(id: u64, target: SnapshotTarget, records: Seq) -> Vec<DiskRequest> {
    // Every other job writes commands.
    let form = if id % 2 == 1 { BaseForm::Commands } else { BaseForm::Rdb };
    let id = JobId(id);
    let head = Box::new(SnapshotHead { checksum: true, compress: true, form, ..Default::default() });
    let mut requests = vec![DiskRequest::SnapshotBegin { id, target, head }];
    requests.extend(chunks(records).into_iter().map(|chunk| DiskRequest::SnapshotChunk { id, chunk }));
    requests.push(DiskRequest::SnapshotEnd { id });
    requests
}

fn aof_base() -> SnapshotTarget {
    SnapshotTarget::AofBase { directory: DIR.into(), filename: NAME.into(), alone: false }
}

fn dump() -> SnapshotTarget {
    SnapshotTarget::File { temp: "temp-1.rdb".into(), name: "dump.rdb".into() }
}

/// Forty records, with a rewrite that records go on during, and a save.
fn script(from: Seq) -> Vec<DiskRequest> {
    let mut requests = vec![open()];
    let policy = |i| if i % 3 == 0 { SyncPolicy::EverySecond } else { SyncPolicy::Always };
    requests.extend((from..from + 10).map(|i| append(i, policy(i))));
    let mut rewrite = snapshot(1, aof_base(), from + 10).into_iter();
    requests.extend(rewrite.by_ref().take(2));
    requests.extend((from + 10..from + 20).map(|i| append(i, policy(i))));
    requests.extend(rewrite);
    requests.extend((from + 20..from + 25).map(|i| append(i, policy(i))));
    requests.extend(snapshot(2, dump(), from + 25));
    requests.extend((from + 25..from + 30).map(|i| append(i, policy(i))));
    requests.push(DiskRequest::AofSync);
    requests
}

fn promised(events: &[DiskEvent], before: Seq) -> Seq {
    let synced = events.iter().filter_map(|event| match event {
        DiskEvent::AofSynced { upto } => Some(*upto),
        _ => None,
    });
    synced.fold(before, Seq::max)
}

fn load_aof(storage: &mut MemStorage) -> BTreeMap<String, u64> {
    let (mut model, mut log) = (Model::default(), Vec::new());
    match Loader::aof(DIR, NAME, true).run(storage, &mut model, &mut log) {
        Ok(_) | Err(LoadFailure::Missing) => model.data,
        Err(error) => panic!("{error} {log:?}"),
    }
}

/// Which prefix of the history this is, if it is one that includes everything promised.
#[track_caller]
fn check(data: &BTreeMap<String, u64>, promised: Seq, written: Seq, why: &str) -> Seq {
    let found = (promised..=written).find(|m| state_after(*m) == *data);
    found.unwrap_or_else(|| panic!("{why}: promised {promised} of {written}, found {data:?}"))
}

#[test]
fn what_was_synced_survives_a_power_loss_at_every_operation() {
    for failure in [Failure::Stop, Failure::Once, Failure::Until] {
        let mut at = 0;
        while power_loss_at(at, failure) {
            at += 1;
        }
        assert!(at > 60, "{at}");
    }
}

/// Lets operation `at` fail, then the power; false when there is no such operation.
fn power_loss_at(at: u64, failure: Failure) -> bool {
    let mut reached = false;
    for seed in 0..4 {
        let mut storage = MemStorage::new(seed);
        storage.fail_at(at, failure);
        let mut worker = Worker::new(storage);
        let mut events = Vec::new();
        script(0).into_iter().for_each(|request| worker.handle(request, &mut events));
        let safe = promised(&events, 0);
        let saved = events.iter().any(|e| matches!(e, DiskEvent::SnapshotDone { id: JobId(2), .. }));
        let mut storage = worker.into_storage();
        reached = storage.operations() > at;
        storage.crash();
        let why = format!("{failure:?} at operation {at}, seed {seed}");
        let m = check(&load_aof(&mut storage), safe, 30, &why);
        check_dump(&mut storage, saved, &why);

        // The machine comes back and goes on from what it found; then the power goes again, anywhere.
        storage.fail_at(storage.operations() + at, failure);
        let mut worker = Worker::new(storage);
        let mut events = Vec::new();
        script(m).into_iter().for_each(|request| worker.handle(request, &mut events));
        let safe = promised(&events, m);
        let mut storage = worker.into_storage();
        storage.crash();
        check(&load_aof(&mut storage), safe, m + 30, &format!("{why}, second life"));
        if !reached {
            assert_eq!(safe, m + 30, "without a fault everything is promised");
        }
    }
    reached
}

fn check_dump(storage: &mut MemStorage, saved: bool, why: &str) {
    let mut model = Model::default();
    match Loader::rdb("dump.rdb", true).run(storage, &mut model, &mut Vec::new()) {
        Ok(_) => assert_eq!(model.data, state_after(25), "{why}"),
        Err(LoadFailure::Missing) => assert!(!saved, "{why}"),
        Err(error) => panic!("{why}: {error}"),
    }
}

#[test]
fn a_full_disk_never_doubles_or_drops_bytes() {
    for at in 0..60 {
        for failure in [Failure::Once, Failure::Until] {
            let mut worker = Worker::new(MemStorage::new(at));
            let mut events = Vec::new();
            worker.handle(open(), &mut events);
            let operations = worker.storage().operations();
            worker.storage().fail_at(operations + at, failure);
            for i in 0..20 {
                worker.handle(append(i, SyncPolicy::EverySecond), &mut events);
                worker.handle(DiskRequest::AofSync, &mut events);
            }
            worker.storage().heal();
            worker.handle(DiskRequest::AofSync, &mut events);
            let file = worker.storage().read("appendonlydir/appendonly.aof.1.incr.aof").unwrap();
            let whole: Vec<u8> = (0..20).flat_map(record).collect();
            assert_eq!(file, whole, "operation {at} {failure:?}");
            let sync_failed =
                events.iter().any(|e| matches!(e, DiskEvent::AofFailed { stage: AofStage::Sync, .. }));
            assert_eq!(promised(&events, 0) == 20, !sync_failed);
        }
    }
}

#[test]
fn a_base_alone_replaces_what_an_aof_that_is_off_left() {
    let mut worker = Worker::new(MemStorage::new(3));
    let mut events = Vec::new();
    let alone = || SnapshotTarget::AofBase { directory: DIR.into(), filename: NAME.into(), alone: true };
    worker.handle_all(snapshot(1, alone(), 5), &mut events);
    worker.handle_all([open(), append(5, SyncPolicy::Always), DiskRequest::AofClose], &mut events);
    worker.handle_all(snapshot(2, alone(), 9), &mut events);
    assert!(
        !events.iter().any(|e| matches!(e, DiskEvent::SnapshotFailed { .. } | DiskEvent::AofFailed { .. }))
    );
    let mut storage = worker.into_storage();
    storage.crash();
    assert_eq!(load_aof(&mut storage), state_after(9));
    assert_eq!(storage.list(DIR).unwrap(), ["appendonly.aof.2.base.rdb", "appendonly.aof.manifest"]);
}

#[test]
fn history_stays_for_as_long_as_it_is_kept() {
    let mut worker = Worker::new(MemStorage::new(3));
    let mut events = Vec::new();
    worker.handle_all([DiskRequest::AofKeepHistory { keep: true }, open()], &mut events);
    worker.handle(append(0, SyncPolicy::Always), &mut events);
    worker.handle_all(snapshot(1, aof_base(), 1), &mut events);
    let kept = [
        "appendonly.aof.1.base.rdb",
        "appendonly.aof.1.incr.aof",
        "appendonly.aof.2.base.aof",
        "appendonly.aof.2.incr.aof",
        "appendonly.aof.manifest",
    ];
    assert_eq!(worker.storage().list(DIR).unwrap(), kept);
    let manifest = String::from_utf8(worker.storage().read("appendonlydir/appendonly.aof.manifest").unwrap());
    assert!(manifest.unwrap().contains("file appendonly.aof.1.incr.aof seq 1 type h"));
    worker.handle(DiskRequest::AofKeepHistory { keep: false }, &mut events);
    assert_eq!(worker.storage().list(DIR).unwrap(), kept[2..]);
    assert_eq!(load_aof(worker.storage()), state_after(1));
}

#[test]
fn after_a_failed_sync_nothing_is_promised_before_a_new_base() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle(open(), &mut events);
    worker.handle(append(0, SyncPolicy::Always), &mut events);
    let operations = worker.storage().operations();
    worker.storage().fail_at(operations + 1, Failure::Once);
    worker.handle(append(1, SyncPolicy::Always), &mut events);
    worker.handle(append(2, SyncPolicy::Always), &mut events);
    assert_eq!(promised(&events, 0), 1);
    let mut rewrite = snapshot(1, aof_base(), 3);
    let end = rewrite.pop().unwrap();
    worker.handle_all(rewrite, &mut events);
    worker.handle(append(3, SyncPolicy::Always), &mut events);
    assert_eq!(promised(&events, 0), 1);
    worker.handle(end, &mut events);
    assert_eq!(promised(&events, 0), 4);
    let mut storage = worker.into_storage();
    storage.crash();
    assert_eq!(load_aof(&mut storage), state_after(4));
    assert_eq!(
        storage.list(DIR).unwrap(),
        ["appendonly.aof.2.base.aof", "appendonly.aof.2.incr.aof", "appendonly.aof.manifest"]
    );
}

#[test]
fn appends_go_on_while_the_file_is_synced() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle(open(), &mut events);
    worker.storage().let_syncs_wait();
    worker.handle(append(0, SyncPolicy::EverySecond), &mut events);
    worker.handle(DiskRequest::AofSync, &mut events);
    worker.handle(append(1, SyncPolicy::EverySecond), &mut events);
    assert!(matches!(events.last(), Some(DiskEvent::AofWritten { upto: 2, .. })));
    worker.handle(DiskRequest::AofSync, &mut events);
    assert_eq!(promised(&events, 0), 0);
    let (file, outcome) = worker.storage().end_sync().unwrap();
    assert_eq!(worker.storage().end_sync(), None, "one at a time");
    worker.sync_ended(file, outcome, &mut events);
    assert_eq!(promised(&events, 0), 1, "what was written when it began");
    // The next one fails: nothing is promised any more, though the one after it works.
    worker.handle(DiskRequest::AofSync, &mut events);
    let at = worker.storage().operations();
    worker.storage().fail_at(at, Failure::Once);
    let (file, outcome) = worker.storage().end_sync().unwrap();
    worker.sync_ended(file, outcome, &mut events);
    assert!(matches!(events.last(), Some(DiskEvent::AofFailed { stage: AofStage::Sync, .. })));
    worker.handle(append(2, SyncPolicy::Always), &mut events);
    assert_eq!(promised(&events, 0), 1);
}

#[test]
fn a_base_waits_for_the_sync_that_is_under_way() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle(open(), &mut events);
    worker.storage().let_syncs_wait();
    let mut rewrite = snapshot(1, aof_base(), 0);
    let end = rewrite.pop().unwrap();
    worker.handle_all(rewrite, &mut events);
    worker.handle(append(0, SyncPolicy::EverySecond), &mut events);
    worker.handle(DiskRequest::AofSync, &mut events);
    let at = worker.storage().operations();
    worker.storage().fail_at(at + 1, Failure::Once);
    worker.handle(end, &mut events);
    let sync = events.iter().position(|e| matches!(e, DiskEvent::AofFailed { stage: AofStage::Sync, .. }));
    let base = events.iter().position(|e| matches!(e, DiskEvent::SnapshotFailed { .. }));
    assert!(sync.is_some() && sync < base, "{events:?}");
}

#[test]
fn appends_that_wait_together_share_one_sync() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle(open(), &mut events);
    let before = worker.storage().operations();
    worker.handle_all((0..50).map(|i| append(i, SyncPolicy::Always)), &mut events);
    assert_eq!(worker.storage().operations() - before, 51);
    assert_eq!(events.last(), Some(&DiskEvent::AofSynced { upto: 50 }));
}

#[test]
fn switched_on_at_run_time() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle(append(0, SyncPolicy::Always), &mut events);
    assert!(matches!(events[..], [DiskEvent::AofFailed { stage: AofStage::Open, .. }]));
    events.clear();
    let mut begin = snapshot(1, aof_base(), 5);
    let end = begin.split_off(2);
    worker.handle_all(begin, &mut events);
    worker.handle(append(5, SyncPolicy::Always), &mut events);
    assert_eq!(promised(&events, 0), 0, "no manifest names it yet");
    worker.handle_all(end, &mut events);
    assert_eq!(promised(&events, 0), 6);
    assert_eq!(load_aof(worker.storage()), state_after(6));
    worker.handle(DiskRequest::AofClose, &mut events);
    assert_eq!(events.last(), Some(&DiskEvent::AofClosed { clean: true }));

    // Aborted, it leaves nothing.
    let mut worker = Worker::new(MemStorage::new(1));
    worker.handle_all(snapshot(1, aof_base(), 5).into_iter().take(2), &mut events);
    worker.handle(DiskRequest::SnapshotAbort { id: JobId(1) }, &mut events);
    assert!(worker.storage().list(DIR).unwrap().is_empty());
}

#[test]
fn a_stream_is_the_same_rdb() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle_all(snapshot(1, SnapshotTarget::Stream, 30), &mut events);
    worker.handle_all(snapshot(2, dump(), 30), &mut events);
    let mut streamed = Vec::new();
    for event in &events {
        if let DiskEvent::SnapshotBytes { id: JobId(1), bytes } = event {
            streamed.extend_from_slice(bytes);
        }
    }
    assert_eq!(streamed, worker.storage().read("dump.rdb").unwrap());
    // A second job while one runs is refused, and the first goes on.
    events.clear();
    worker.handle_all(snapshot(3, SnapshotTarget::Stream, 3).into_iter().take(2), &mut events);
    worker.handle_all(snapshot(4, dump(), 3), &mut events);
    worker.handle(DiskRequest::SnapshotEnd { id: JobId(3) }, &mut events);
    assert!(events.iter().any(|e| matches!(e, DiskEvent::SnapshotFailed { id: JobId(4), .. })));
    assert!(matches!(events.last(), Some(DiskEvent::SnapshotDone { id: JobId(3), .. })));
}

/// A keyspace with one list of some 16 MiB, as a snapshot hands it over.
fn large_chunk() -> SnapshotChunk {
    let settings = ds::Settings::default();
    let mut list = ds::List::new(&settings);
    for n in 0..4000u32 {
        let element = [&n.to_le_bytes()[..], &[b'e'; 4096]].concat();
        list.grow(element.len(), 1, &settings);
        list.push(ds::list::End::Right, &element, &settings);
    }
    let mut keyspace = Keyspace::new(Options { databases: 16, clustered: false, seed: 1 });
    let value = LoadValue::Object(keyspace::Object::List(list));
    keyspace.load(DbIndex(0), b"list", value, None, LoadExtra::default()).unwrap();
    keyspace.snapshot_begin(JobSlot::Save).unwrap();
    while keyspace.snapshot_step(JobSlot::Save, 3) != StepOutcome::Done {}
    keyspace.snapshot_take(JobSlot::Save).expect("a chunk")
}

fn large_snapshot(target: SnapshotTarget) -> Vec<DiskRequest> {
    let id = JobId(1);
    let head = Box::new(SnapshotHead { checksum: true, ..Default::default() });
    let chunk = DiskRequest::SnapshotChunk { id, chunk: large_chunk() };
    vec![DiskRequest::SnapshotBegin { id, target, head }, chunk, DiskRequest::SnapshotEnd { id }]
}

#[test]
fn appends_do_not_wait_for_a_large_value() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle(open(), &mut events);
    worker.take(large_snapshot(dump()), &mut events);
    let mut pieces = 0;
    while worker.has_work() {
        events.clear();
        worker.take([append(pieces, SyncPolicy::Always)], &mut events);
        assert!(
            matches!(events[..], [DiskEvent::AofWritten { .. }, DiskEvent::AofSynced { .. }]),
            "{events:?}"
        );
        worker.work(&mut events);
        pieces += 1;
    }
    assert!(
        matches!(events.last(), Some(DiskEvent::SnapshotDone { bytes_total, .. }) if *bytes_total > 15 << 20)
    );
    assert!(pieces > 200, "{pieces} pieces");
}

#[test]
fn a_stream_does_not_run_ahead_of_its_readers() {
    const MOST: usize = STREAM_AHEAD + 2 * crate::rdb::PIECE;
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    worker.handle_all(large_snapshot(SnapshotTarget::Stream), &mut events);
    let (mut streamed, mut rounds) = (Vec::new(), 0);
    while !matches!(events.last(), Some(DiskEvent::SnapshotDone { .. })) {
        let mut came = 0;
        for event in events.drain(..) {
            if let DiskEvent::SnapshotBytes { bytes, .. } = event {
                came += bytes.len();
                streamed.extend(bytes);
            }
        }
        assert!(!worker.has_work() && came > 0 && came <= MOST, "{came} bytes");
        rounds += 1;
        worker.handle(DiskRequest::SnapshotGoOn { id: JobId(1), bytes: came }, &mut events);
    }
    streamed.extend(events.iter().flat_map(|event| match event {
        DiskEvent::SnapshotBytes { bytes, .. } => &bytes[..],
        _ => &[],
    }));
    assert!(rounds >= 3, "{rounds} rounds");
    worker.handle_all(large_snapshot(dump()), &mut events);
    assert_eq!(streamed, worker.storage().read("dump.rdb").unwrap());
}

#[test]
fn files_are_replaced_at_once() {
    let mut worker = Worker::new(MemStorage::new(1));
    let mut events = Vec::new();
    let write = |bytes: &[u8]| DiskRequest::WriteFile {
        id: JobId(9),
        name: "redis.conf".into(),
        bytes: bytes.to_vec(),
    };
    worker.handle(write(b"old"), &mut events);
    let operations = worker.storage().operations();
    worker.storage().fail_at(operations + 2, Failure::Stop);
    worker.handle(write(b"new"), &mut events);
    worker.storage().crash();
    assert_eq!(worker.storage().read("redis.conf").unwrap(), b"old");
    worker.handle(write(b"new"), &mut events);
    worker.storage().crash();
    assert_eq!(worker.storage().read("redis.conf").unwrap(), b"new");
    worker.handle(DiskRequest::Remove { name: "redis.conf".into() }, &mut events);
    assert!(!worker.storage().exists("redis.conf"));
}
