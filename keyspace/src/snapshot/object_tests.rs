//! Sets and hashes that are written to while a snapshot runs over them: what is handed over holds the cut, even when it
//! is read long after.

use super::*;
use crate::tests::{DB0, keyspace};
use crate::{Keyspace, Object, StepOutcome, ValueRef};
use base::{Prng, UnixMillis};
use ds::set::Member;
use ds::{Hash, Set, Settings};
use std::collections::BTreeMap;

const SAVE: JobSlot = JobSlot::Save;

type Elements = Vec<(Vec<u8>, Vec<u8>, Option<i64>)>;

fn elements(value: ValueRef<'_>) -> Elements {
    let mut all: Elements = match value {
        ValueRef::Object(Object::Set(set)) => set.iter().map(|m| (m.to_vec(), Vec::new(), None)).collect(),
        ValueRef::Object(Object::Hash(hash)) => {
            let expiry = |field: &[u8]| hash.expiry(field);
            hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec(), f.with_text(expiry))).collect()
        }
        other => panic!("{other:?}"),
    };
    all.sort();
    all
}

/// Keys from very small to far past one chunk.
fn size_of(key: u64) -> u64 {
    [1, 5, 100, 600, 5000][key as usize % 5]
}

fn change(ks: &mut Keyspace, prng: &mut Prng, settings: &Settings) {
    let key = prng.below(30);
    let element = format!("e{}", prng.below(size_of(key) * 2)).into_bytes();
    let (name, removes) = (format!("k{key}").into_bytes(), prng.chance(1, 3));
    if key.is_multiple_of(2) {
        let done = ks.change_or_create::<Set, _>(DB0, &name, settings, |set| {
            let member = Member::Bytes(&element);
            if removes { set.remove(member) } else { set.insert(member, settings) }
        });
        assert!(done.is_ok());
        return;
    }
    let (value, at) = (prng.next_u64().to_le_bytes(), 10 + prng.below(100_000) as i64);
    let done = ks.change_or_create::<Hash, _>(DB0, &name, settings, |hash| match removes {
        true => hash.remove(&element),
        false if prng.chance(1, 3) => hash.set_expiry(&element, at, settings),
        false => hash.set(&element, &value, settings),
    });
    assert!(done.is_ok());
}

#[test]
fn what_is_written_to_is_saved_as_it_was() {
    for seed in 0..6 {
        let (mut prng, settings) = (Prng::new(seed), Settings::default());
        let mut ks = keyspace(seed % 2 == 1);
        (0..20_000).for_each(|_| change(&mut ks, &mut prng, &settings));
        let mut at_cut = BTreeMap::new();
        ks.for_each(DB0, &mut |key, value, _| _ = at_cut.insert(key.to_vec(), elements(value)));
        ks.snapshot_begin(SAVE).expect("nothing runs");
        let mut chunks = Vec::new();
        loop {
            (0..40).for_each(|_| change(&mut ks, &mut prng, &settings));
            if prng.chance(1, 10) {
                ks.set_now(UnixMillis(ks.now().0.max(0) + 500));
                ks.active_expire_fields(1);
                ks.take_expired_fields();
            }
            let outcome = ks.snapshot_step(SAVE, 1);
            while let Some(chunk) = ks.snapshot_take(SAVE) {
                chunks.push(chunk);
            }
            if outcome == StepOutcome::Done {
                break;
            }
        }
        (0..5000).for_each(|_| change(&mut ks, &mut prng, &settings));
        let mut saved = BTreeMap::new();
        for entry in chunks.iter().flat_map(|chunk| chunk.iter()) {
            assert!(saved.insert(entry.key.to_vec(), elements(entry.value)).is_none());
        }
        assert!(saved == at_cut, "seed {seed}");
        // The accounting survived the sharing.
        let (_, db) = &ks.dbs[0];
        let mut bytes = 0;
        db.for_each(|entry| bytes += entry.memory());
        assert_eq!(bytes, db.memory() - db.table_memory());
    }
}
