//! The snapshot is what was there at the cut: each entry once, nothing younger, whatever happens meanwhile; and an
//! aborted job, at whatever step, leaves the next one exact.

use super::*;
use crate::tests::{DB0, Model, contents, keyspace, put, random_change, read, text};
use crate::{EMBEDDED_MAX, Keyspace, NewValue, Ttl};
use base::{Prng, UnixMillis};

const SAVE: JobSlot = JobSlot::Save;

fn collect(chunk: &SnapshotChunk, into: &mut Model) {
    for entry in chunk.iter() {
        let old =
            into.insert((entry.db.0, entry.key.to_vec()), (text(entry.value), entry.expire.map(|at| at.0)));
        assert!(old.is_none(), "{:?} was handed over twice", String::from_utf8_lossy(entry.key));
    }
}

/// Steps a job to its end without changing anything.
fn finish(ks: &mut Keyspace, slot: JobSlot, into: &mut Model) {
    loop {
        let outcome = ks.snapshot_step(slot, 7);
        while let Some(chunk) = ks.snapshot_take(slot) {
            collect(&chunk, into);
        }
        if outcome == StepOutcome::Done {
            return;
        }
    }
}

fn whole(ks: &mut Keyspace) -> Model {
    let mut all = Model::new();
    ks.snapshot_begin(SAVE).expect("nothing runs");
    finish(ks, SAVE, &mut all);
    all
}

fn assert_uniform(ks: &Keyspace) {
    for (_, db) in &ks.dbs {
        db.for_each(|entry| assert_eq!(entry.marks(), ks.jobs.stamp()));
    }
}

/// One job among random changes; with `abort_after`, dropped after so many steps, swept, and begun again.
fn snapshot_among_changes(seed: u64, clustered: bool, abort_after: Option<usize>) {
    let mut prng = Prng::new(seed);
    let mut ks = keyspace(clustered);
    let mut model = Model::new();
    (0..200).for_each(|_| random_change(&mut ks, &mut model, &mut prng, clustered));
    if let Some(steps) = abort_after {
        ks.snapshot_begin(SAVE).expect("nothing runs");
        for _ in 0..steps {
            ks.snapshot_step(SAVE, 1);
            random_change(&mut ks, &mut model, &mut prng, clustered);
            drop(ks.snapshot_take(SAVE));
        }
        ks.snapshot_abort(SAVE);
        let mut swept = 0;
        while ks.snapshot_step(SAVE, 1) == StepOutcome::Working {
            swept += 1;
            assert!(swept < 10_000, "the sweep does not end");
            random_change(&mut ks, &mut model, &mut prng, clustered);
        }
        assert_eq!(ks.snapshot_queued_bytes(SAVE), 0, "a sweep hands nothing over");
        assert_uniform(&ks);
    }
    let at_cut = contents(&ks);
    let cut = ks.snapshot_begin(SAVE).expect("nothing runs");
    let counted: u64 = cut.databases.iter().map(|(_, keys, _)| keys).sum();
    assert_eq!(counted as usize, at_cut.len());
    assert_eq!(ks.snapshot_begin(SAVE), Err(SnapshotBusy::Running));
    let mut got = Model::new();
    let mut other = None;
    loop {
        let outcome = ks.snapshot_step(SAVE, 1 + prng.below(5) as usize);
        for _ in 0..prng.below(4) {
            random_change(&mut ks, &mut model, &mut prng, clustered);
        }
        // Now and then a job of the other slot begins in the middle of this one.
        if other.is_none() && prng.chance(1, 10) {
            ks.snapshot_begin(JobSlot::Migration).expect("nothing runs there");
            other = Some((contents(&ks), Model::new()));
        }
        if let Some((_, theirs)) = &mut other {
            ks.snapshot_step(JobSlot::Migration, 2);
            while let Some(chunk) = ks.snapshot_take(JobSlot::Migration) {
                collect(&chunk, theirs);
            }
        }
        while let Some(chunk) = ks.snapshot_take(SAVE) {
            collect(&chunk, &mut got);
        }
        if outcome == StepOutcome::Done {
            break;
        }
    }
    finish(&mut ks, SAVE, &mut got);
    assert_eq!(got, at_cut, "seed {seed}");
    if let Some((at_cut, mut theirs)) = other {
        finish(&mut ks, JobSlot::Migration, &mut theirs);
        assert_eq!(theirs, at_cut, "seed {seed}, second slot");
    }
    assert_uniform(&ks);
    assert_eq!(contents(&ks), model);
    assert_eq!(whole(&mut ks), model);
}

#[test]
fn exact_under_changes() {
    for seed in 0..60 {
        snapshot_among_changes(seed, seed % 3 == 0, None);
    }
}

#[test]
fn exact_after_an_abort_at_every_step() {
    for steps in 0..60 {
        snapshot_among_changes(1000 + steps as u64, steps % 3 == 0, Some(steps));
    }
}

/// Runs `change` on a keyspace of which nothing has been visited yet: the snapshot must be what was before.
fn unseen_by(change: impl FnOnce(&mut Keyspace)) {
    let mut ks = keyspace(false);
    for i in 0..20 {
        put(&mut ks, format!("k{i}").as_bytes(), b"some value");
    }
    ks.set(DB0, b"volatile", NewValue::encoded(b"v"), Ttl::At(UnixMillis(ks.now().0 + 5)));
    ks.set(DB0, b"number", NewValue::encoded(b"17"), Ttl::Clear);
    ks.set(DB0, b"block", NewValue::encoded(&vec![b'b'; EMBEDDED_MAX + 1]), Ttl::Clear);
    ks.set(base::DbIndex(1), b"there", NewValue::encoded(b"too"), Ttl::Clear);
    let before = contents(&ks);
    ks.snapshot_begin(SAVE).expect("nothing runs");
    change(&mut ks);
    let mut got = Model::new();
    finish(&mut ks, SAVE, &mut got);
    assert_eq!(got, before);
    assert_uniform(&ks);
    let after = contents(&ks);
    assert_eq!(whole(&mut ks), after);
}

#[test]
fn writes_are_unseen() {
    unseen_by(|ks| put(ks, b"k1", b"some other"));
    unseen_by(|ks| put(ks, b"k1", b"some vaLue"));
    unseen_by(|ks| put(ks, b"new", b"key"));
    unseen_by(|ks| put(ks, b"number", b"18"));
    unseen_by(|ks| assert_eq!(ks.append(DB0, b"k1", b"+"), 11));
    unseen_by(|ks| assert_eq!(ks.append(DB0, b"block", b"+"), EMBEDDED_MAX + 2));
    unseen_by(|ks| assert_eq!(ks.set_range(DB0, b"block", 0, b"+"), EMBEDDED_MAX + 1));
    unseen_by(|ks| assert_eq!(ks.set_range(DB0, b"k1", 0, b"S"), 10));
    unseen_by(|ks| assert!(ks.remove(DB0, b"k1")));
    unseen_by(|ks| assert!(ks.remove(DB0, b"block")));
}

#[test]
fn getex_expire_and_persist_are_unseen() {
    let later = |ks: &Keyspace| Some(UnixMillis(ks.now().0 + 1000));
    unseen_by(|ks| assert!(ks.set_expire(DB0, b"volatile", later(ks))));
    unseen_by(|ks| assert!(ks.set_expire(DB0, b"k1", later(ks))));
    unseen_by(|ks| assert!(ks.set_expire(DB0, b"volatile", None)));
}

#[test]
fn expiry_is_unseen() {
    unseen_by(|ks| {
        ks.set_now(UnixMillis(ks.now().0 + 100));
        assert_eq!(read(ks, b"volatile"), None);
    });
    unseen_by(|ks| {
        ks.set_now(UnixMillis(ks.now().0 + 100));
        assert_eq!(ks.active_expire(1), 1);
    });
}

#[test]
fn rename_copy_and_move_are_unseen() {
    unseen_by(|ks| assert!(ks.rename(DB0, b"k1", b"renamed")));
    unseen_by(|ks| assert!(ks.rename(DB0, b"k1", b"k2")));
    unseen_by(|ks| assert!(ks.copy(DB0, b"k1", DB0, b"k2")));
    unseen_by(|ks| assert!(ks.move_key(DB0, b"k1", base::DbIndex(2))));
}

#[test]
fn swapdb_is_unseen() {
    unseen_by(|ks| {
        assert!(ks.swap(DB0, base::DbIndex(1)));
        // The old name is still what counts when the entry is deleted under the new one.
        assert!(ks.remove(base::DbIndex(1), b"k3"));
    });
}

#[test]
fn flushdb_is_unseen_and_its_tables_are_freed_afterwards() {
    unseen_by(|ks| {
        assert_eq!(ks.flush(Some(DB0)), 23);
        assert!(ks.take_garbage().is_none(), "the job still needs the tables");
        put(ks, b"k1", b"a new life");
    });
}

#[test]
fn flushall_then_abort_leaves_nothing_to_sweep() {
    let mut ks = keyspace(false);
    (0..1000).for_each(|i| put(&mut ks, format!("k{i}").as_bytes(), b"v"));
    ks.snapshot_begin(SAVE).expect("nothing runs");
    ks.snapshot_step(SAVE, 100);
    ks.flush(None);
    ks.snapshot_abort(SAVE);
    assert!(ks.take_garbage().is_some());
    assert!(ks.snapshot_begin(SAVE).is_ok());
}

#[test]
fn the_scan_pauses_at_a_full_queue() {
    let mut ks = keyspace(false);
    (0..4000).for_each(|i| put(&mut ks, format!("k{i}").as_bytes(), &[b'v'; 1000]));
    ks.snapshot_begin(SAVE).expect("nothing runs");
    assert_eq!(ks.snapshot_step(SAVE, usize::MAX), StepOutcome::Working);
    let queued = ks.snapshot_queued_bytes(SAVE);
    assert!((QUEUE_PAUSE..QUEUE_PAUSE + 100_000).contains(&queued), "{queued}");
    // Deletions hand over entries past the pause, and are counted.
    for i in 0..4000 {
        ks.remove(DB0, format!("k{i}").as_bytes());
    }
    assert!(ks.snapshot_queued_bytes(SAVE) > 3_500_000);
    assert!(ks.snapshot_preimage_bytes(SAVE) > 2_500_000);
    let mut all = Model::new();
    finish(&mut ks, SAVE, &mut all);
    assert_eq!(all.len(), 4000);
}

#[test]
fn big_values_are_shared_until_they_are_changed() {
    let mut ks = keyspace(false);
    let big = vec![b'x'; 1 << 20];
    put(&mut ks, b"big", &big);
    ks.snapshot_begin(SAVE).expect("nothing runs");
    assert_eq!(ks.snapshot_step(SAVE, 10), StepOutcome::Done);
    let chunk = ks.snapshot_take(SAVE).expect("one entry");
    assert!(chunk.bytes() < 100);
    ks.append(DB0, b"big", b"+");
    assert_eq!(chunk.iter().next().map(|e| text(e.value)), Some(big));
    let in_another_thread = std::thread::spawn(move || chunk.len());
    assert_eq!(in_another_thread.join().ok(), Some(1));
    assert!(ks.snapshot_take(SAVE).is_none());
}
