//! Entries byte by byte, and the keyspace against a plain map with the clock in the test's hand.

use crate::entry::{EMBEDDED_MAX, Encoding, NewValue, OwnedEntry, PackedEntries, Stamp};
use crate::*;
use base::{DbIndex, Prng, Slot, UnixMillis};
use std::collections::BTreeMap;

pub const DB0: DbIndex = DbIndex(0);

pub type Model = BTreeMap<(u32, Vec<u8>), (Vec<u8>, Option<i64>)>;

/// A string's bytes.
pub(crate) fn text(value: ValueRef<'_>) -> Vec<u8> {
    value.as_string().expect("a string").to_vec()
}

pub fn keyspace(clustered: bool) -> Keyspace {
    let mut ks = Keyspace::new(Options { databases: 4, clustered, seed: 42 });
    ks.set_now(UnixMillis(1_000_000));
    ks
}

pub fn put(ks: &mut Keyspace, key: &[u8], value: &[u8]) {
    ks.set(DB0, key, NewValue::encoded(value), Ttl::Clear);
}

pub fn read(ks: &mut Keyspace, key: &[u8]) -> Option<Vec<u8>> {
    ks.lookup(DB0, key, Touch::Read).and_then(|found| Some(found.string()?.to_vec()))
}

/// Everything that is physically there.
pub fn contents(ks: &Keyspace) -> Model {
    let mut all = Model::new();
    for db in 0..ks.databases() {
        ks.for_each(DbIndex(db), &mut |key, value, expire| {
            let old = all.insert((db, key.to_vec()), (text(value), expire.map(|at| at.0)));
            assert!(old.is_none(), "a key is there twice");
        });
    }
    all
}

#[test]
fn small_entries_take_56_bytes() {
    let entry =
        OwnedEntry::new(&[b'k'; 16], NewValue::encoded(&[b'v'; 32]), None, Stamp { marks: 0, access: 0 });
    assert_eq!(entry.get().memory(), 56);
    let entry =
        OwnedEntry::new(&[b'k'; 16], NewValue::encoded(b"12345"), None, Stamp { marks: 0, access: 0 });
    assert_eq!(entry.get().memory(), 32);
    let at = Some(UnixMillis(1));
    let entry =
        OwnedEntry::new(&[b'k'; 16], NewValue::encoded(&[b'v'; 32]), at, Stamp { marks: 0, access: 0 });
    assert_eq!(entry.get().memory(), 64);
}

#[test]
fn entries_give_back_what_went_in() {
    for key_len in [0, 1, 16, 255, 256, 70_000] {
        for value_len in [0, 1, 44, 45, 255, 256, EMBEDDED_MAX, EMBEDDED_MAX + 1] {
            for expire in [None, Some(UnixMillis(i64::MIN)), Some(UnixMillis(1_700_000_000_123))] {
                let (key, value) = (vec![7u8; key_len], vec![b'x'; value_len]);
                let stamp = Stamp { marks: 0b1010, access: 0xab_cdef };
                let entry = OwnedEntry::new(&key, NewValue::encoded(&value), expire, stamp);
                let e = entry.get();
                assert_eq!((e.key(), e.value()), (&key[..], ValueRef::Bytes(&value)));
                assert_eq!((e.expire(), e.expires()), (expire, expire.is_some()));
                assert_eq!((e.marks(), e.access()), (0b1010, 0xab_cdef));
                assert_eq!(e.encoding(), if value_len <= 44 { Encoding::Embstr } else { Encoding::Raw });
                let copy = OwnedEntry::rebuilt(e, b"other", None, stamp);
                assert_eq!((copy.get().key(), copy.get().value()), (&b"other"[..], e.value()));
                let mut packed = PackedEntries::default();
                packed.push(e);
                packed.push(copy.get());
                drop((entry, copy));
                assert_eq!(packed.get(0).map(|e| e.value()), Some(ValueRef::Bytes(&value)));
                assert_eq!(packed.get(1).map(|e| e.key()), Some(&b"other"[..]));
            }
        }
    }
    for int in [0, -1, i64::MIN, i64::MAX] {
        let text = int.to_string();
        let stamp = Stamp { marks: 0, access: 0 };
        let entry = OwnedEntry::new(b"n", NewValue::encoded(text.as_bytes()), None, stamp);
        assert_eq!(entry.get().value(), ValueRef::Int(int));
        assert_eq!(entry.get().value().as_string().map_or(0, |s| s.string_len()), text.len());
    }
}

/// A random change to the keyspace and the same to the model. Time never moves here.
pub fn random_change(ks: &mut Keyspace, model: &mut Model, prng: &mut Prng, clustered: bool) {
    let db = if clustered { 0 } else { prng.below(3) as u32 };
    let other = if clustered { 0 } else { prng.below(3) as u32 };
    let name = |prng: &mut Prng| format!("key:{}", prng.below(60)).into_bytes();
    let (key, target) = (name(prng), name(prng));
    let now = ks.now().0;
    let place = (db, key.clone());
    let index = DbIndex(db);
    let value = match prng.below(10) {
        0 => vec![b'b'; EMBEDDED_MAX + 10],
        1..=3 => prng.below(1000).to_string().into_bytes(),
        n => vec![b'a' + n as u8; prng.below(90) as usize],
    };
    match prng.below(14) {
        0..=3 => {
            let ttl = if prng.chance(1, 3) { Some(now + 1 + prng.below(1000) as i64) } else { None };
            let set = ttl.map_or(Ttl::Clear, |at| Ttl::At(UnixMillis(at)));
            let existed = ks.set(index, &key, NewValue::encoded(&value), set);
            assert_eq!(existed, model.insert(place, (value, ttl)).is_some());
        }
        4 => {
            ks.set(index, &key, NewValue::encoded(&value), Ttl::Keep);
            model.entry(place).and_modify(|v| v.0 = value.clone()).or_insert((value, None));
        }
        5 | 6 => assert_eq!(ks.remove(index, &key), model.remove(&place).is_some()),
        7 => {
            let at = prng.chance(2, 3).then(|| now + prng.below(1000) as i64);
            let expected = model.get_mut(&place).is_some_and(|v| {
                let changes = at.is_some() || v.1.is_some();
                v.1 = at;
                changes
            });
            assert_eq!(ks.set_expire(index, &key, at.map(UnixMillis)), expected);
        }
        8 => {
            let entry = model.entry(place).or_default();
            entry.0.extend_from_slice(&value);
            assert_eq!(ks.append(index, &key, &value), entry.0.len());
        }
        9 if !value.is_empty() => {
            let offset = prng.below(100) as usize;
            let entry = model.entry(place).or_default();
            let end = offset + value.len();
            entry.0.resize(entry.0.len().max(end), 0);
            entry.0[offset..end].copy_from_slice(&value);
            assert_eq!(ks.set_range(index, &key, offset, &value), entry.0.len());
        }
        10 => {
            assert_eq!(ks.rename(index, &key, &target), model.contains_key(&place));
            if let Some(v) = model.remove(&place) {
                model.insert((db, target), v);
            }
        }
        11 => {
            assert_eq!(ks.copy(index, &key, DbIndex(other), &target), model.contains_key(&place));
            if let Some(v) = model.get(&place).cloned() {
                model.insert((other, target), v);
            }
        }
        12 => {
            assert_eq!(ks.move_key(index, &key, DbIndex(other)), model.contains_key(&place));
            if let Some(v) = model.remove(&place) {
                model.insert((other, key), v);
            }
        }
        13 if prng.chance(1, 4) => {
            ks.swap(index, DbIndex(other));
            let swapped = |d: u32| {
                if d == db {
                    other
                } else if d == other {
                    db
                } else {
                    d
                }
            };
            *model = core::mem::take(model).into_iter().map(|((d, k), v)| ((swapped(d), k), v)).collect();
        }
        13 if prng.chance(1, 20) => {
            let count = model.keys().filter(|(d, _)| *d == db).count();
            assert_eq!(ks.flush(Some(index)), count as u64);
            model.retain(|(d, _), _| *d != db);
        }
        _ => {}
    }
}

fn random_life(seed: u64, clustered: bool) {
    let mut prng = Prng::new(seed);
    let mut ks = keyspace(clustered);
    let mut model = Model::new();
    for round in 0..1500 {
        random_change(&mut ks, &mut model, &mut prng, clustered);
        if prng.chance(1, 10) {
            // Time passes: expired keys must look as if they were gone.
            ks.set_now(UnixMillis(ks.now().0 + prng.below(200) as i64));
            let now = ks.now().0;
            let due = model.values().filter(|(_, at)| at.is_some_and(|at| now > at)).count();
            model.retain(|_, (_, at)| at.is_none_or(|at| now <= at));
            let mut gone = 0;
            loop {
                let n = ks.active_expire(1 + prng.below(10) as u32);
                gone += n;
                if gone == due {
                    break;
                }
            }
            let mut events = 0;
            ks.drain_events(&mut |e| events += usize::from(e.kind == KeyEventKind::Expired));
            assert_eq!(events, due);
        }
        if round % 50 == 0 {
            assert_eq!(contents(&ks), model);
            for db in 0..4 {
                let of_db = || model.iter().filter(|((d, _), _)| *d == db);
                assert_eq!(ks.len(DbIndex(db)), of_db().count());
                assert_eq!(ks.expires_len(DbIndex(db)), of_db().filter(|(_, v)| v.1.is_some()).count());
            }
        }
    }
    ks.flush(None);
    let directory = if clustered { ks.used_memory() } else { 0 };
    assert_eq!(ks.used_memory(), directory);
    while ks.take_garbage().is_some() {}
}

#[test]
fn agrees_with_a_map() {
    (0..12).for_each(|seed| random_life(seed, false));
    (0..6).for_each(|seed| random_life(seed, true));
}

#[test]
fn memory_is_the_sum_of_what_is_there() {
    for clustered in [false, true] {
        let mut ks = keyspace(clustered);
        assert_eq!(ks.used_memory(), 0);
        for i in 0..1000 {
            put(&mut ks, format!("{i:016}").as_bytes(), &[b'v'; 32]);
        }
        let expected = 1000 * 56..if clustered { 1000 * 700 } else { 1000 * 90 };
        assert!(expected.contains(&ks.used_memory()), "{}", ks.used_memory());
        for i in 0..1000 {
            assert!(ks.remove(DB0, format!("{i:016}").as_bytes()));
        }
        // In cluster mode the directory of slots stays.
        let left = if clustered { 16384 * 24 } else { 0 };
        assert_eq!(ks.used_memory(), left);
    }
}

/// Mean and worst bytes per key (16 bytes, value 32) over two doubling cycles.
fn bytes_per_key(ttl: Ttl) -> (f64, f64) {
    let mut ks = keyspace(false);
    let (mut sum, mut samples, mut worst) = (0.0, 0, 0f64);
    for i in 0..60_000u32 {
        ks.set(DB0, format!("{i:016}").as_bytes(), NewValue::encoded(&[b'v'; 32]), ttl);
        // Sampled evenly in the logarithm, from 15,000 keys to four times as many.
        let next = (15_000.0 * 4f64.powf(f64::from(samples) / 200.0)) as usize;
        if ks.len(DB0) >= next {
            let per_key = ks.used_memory() as f64 / ks.len(DB0) as f64;
            sum += per_key;
            samples += 1;
            worst = worst.max(per_key);
        }
    }
    (sum / f64::from(samples), worst)
}

#[test]
fn keys_take_no_more_memory_than_promised() {
    let (mean, worst) = bytes_per_key(Ttl::Clear);
    assert!(mean < 76.0 && worst < 80.0, "mean {mean:.1}, worst {worst:.1}");
    let (mean, worst) = bytes_per_key(Ttl::At(UnixMillis(i64::MAX)));
    assert!(mean < 100.0 && worst < 112.0, "with a TTL: mean {mean:.1}, worst {worst:.1}");
}

#[test]
fn expired_keys_are_deleted_hidden_or_visible() {
    let mut ks = keyspace(false);
    let set = |ks: &mut Keyspace| {
        ks.set(DB0, b"k", NewValue::encoded(b"v"), Ttl::At(UnixMillis(ks.now().0 + 10)));
        ks.set_now(UnixMillis(ks.now().0 + 10));
        assert_eq!(read(ks, b"k"), Some(b"v".to_vec()), "not before its time has passed");
        ks.set_now(UnixMillis(ks.now().0 + 1));
    };
    set(&mut ks);
    ks.set_replica(true);
    assert_eq!((read(&mut ks, b"k"), ks.len(DB0), ks.has_events()), (None, 1, false));
    assert_eq!(ks.active_expire(1), 0);
    ks.set_ignore_expiry(true);
    assert_eq!(read(&mut ks, b"k"), Some(b"v".to_vec()));
    ks.set_ignore_expiry(false);
    assert!(
        !ks.set(DB0, b"k", NewValue::encoded(b"w"), Ttl::Keep),
        "a client of a writable replica makes a new key"
    );
    assert_eq!(ks.lookup(DB0, b"k", Touch::Read).and_then(|f| f.expire()), None);
    ks.drain_events(&mut |_| ());
    assert!(ks.remove(DB0, b"k"));
    set(&mut ks);
    assert!(ks.remove(DB0, b"k"), "the master's DEL deletes what is only hidden");
    ks.set_replica(false);
    set(&mut ks);
    ks.set_expire_pause(true);
    assert_eq!((read(&mut ks, b"k"), ks.len(DB0)), (None, 1));
    ks.set_expire_pause(false);
    assert_eq!((read(&mut ks, b"k"), ks.len(DB0)), (None, 0));
    let mut seen = Vec::new();
    ks.drain_events(&mut |e| seen.push((e.kind, e.db, e.key.to_vec())));
    assert_eq!(seen, [(KeyEventKind::Expired, DB0, b"k".to_vec())]);
    set(&mut ks);
    assert!(!ks.set(DB0, b"k", NewValue::encoded(b"w"), Ttl::Keep), "an expired key is a new one");
    assert_eq!(ks.lookup(DB0, b"k", Touch::Read).and_then(|f| f.expire()), None);
    assert!(ks.has_events());
}

#[test]
fn scan_and_random_over_slots() {
    for clustered in [false, true] {
        let mut ks = keyspace(clustered);
        let keys: Vec<Vec<u8>> = (0..500).map(|i| format!("k{i}").into_bytes()).collect();
        keys.iter().for_each(|k| put(&mut ks, k, b"1"));
        let (mut seen, mut cursor, mut calls) = (Vec::new(), 0, 0);
        loop {
            cursor = ks.scan(DB0, cursor, 10, &mut |key, kind| {
                assert_eq!(kind, TypeName::String);
                seen.push(key.to_vec());
            });
            calls += 1;
            // Keys come and go in other slots meanwhile.
            put(&mut ks, format!("x{calls}").as_bytes(), b"1");
            if cursor == 0 {
                break;
            }
        }
        assert!(calls > 20 && calls < 600, "{calls}");
        assert!(keys.iter().all(|k| seen.contains(k)));
        let mut prng = Prng::new(1);
        for _ in 0..50 {
            let key = ks.random_key(DB0, &mut prng).expect("there are keys");
            assert!(ks.contains(DB0, &key));
        }
        assert_eq!(ks.random_key(DbIndex(1), &mut prng), None);
        assert_eq!(ks.random_key(DbIndex(99), &mut prng), None);
        assert_eq!(ks.scan(DB0, u64::MAX, 10, &mut |_, _| ()) & !0x3fff_ffff_ffff, 0);
    }
}

#[test]
fn slots_are_counted_listed_and_dropped() {
    let mut ks = keyspace(true);
    for i in 0..30 {
        put(&mut ks, format!("{{tag}}{i}").as_bytes(), b"v");
        put(&mut ks, format!("other{i}").as_bytes(), b"v");
    }
    let slot = Slot::of_key(b"tag");
    assert_eq!(ks.count_in_slot(slot), 30);
    assert_eq!(ks.keys_in_slot(slot, 7).len(), 7);
    assert_eq!(ks.delete_slot(slot, 20), 20);
    assert_eq!(ks.delete_slot(slot, 20), 10);
    assert_eq!(ks.delete_slot(slot, 20), 0);
    let mut events = 0;
    ks.drain_events(&mut |e| events += usize::from(e.kind == KeyEventKind::SlotDropped));
    assert_eq!((events, ks.len(DB0)), (30, 30));
    ks.set_slot_hint(Some(slot));
    put(&mut ks, b"{tag}x", b"v");
    ks.set_slot_hint(None);
    assert_eq!(read(&mut ks, b"{tag}x"), Some(b"v".to_vec()));
}

#[test]
fn loading_refuses_what_cannot_be() {
    let mut ks = keyspace(false);
    let extra = LoadExtra { idle_seconds: Some(100), frequency: None };
    assert_eq!(ks.load(DB0, b"k", LoadValue::Bytes(b"12".to_vec()), None, extra), Ok(()));
    assert_eq!(ks.object(DB0, b"k").map(|o| (o.encoding, o.idle_seconds)), Some((Encoding::Int, 100)));
    let again = ks.load(DB0, b"k", LoadValue::Int(1), None, extra);
    assert_eq!(again, Err(LoadError::Duplicate));
    let nowhere = ks.load(DbIndex(4), b"k", LoadValue::Int(1), None, extra);
    assert_eq!(nowhere, Err(LoadError::NoSuchDatabase));
    let long = vec![b'x'; 1 << 20];
    assert_eq!(ks.load(DB0, b"long", LoadValue::Bytes(long.clone()), None, extra), Ok(()));
    assert_eq!(read(&mut ks, b"long"), Some(long));
}

#[test]
fn frequency_grows_and_decays() {
    let mut ks = keyspace(false);
    ks.set_access_policy(AccessPolicy::Lfu { log_factor: 0, decay_minutes: 1 });
    put(&mut ks, b"k", b"v");
    assert_eq!(ks.object(DB0, b"k").map(|o| o.frequency), Some(5));
    (0..20).for_each(|_| drop(read(&mut ks, b"k")));
    assert_eq!(ks.object(DB0, b"k").map(|o| o.frequency), Some(25));
    ks.set_now(UnixMillis(ks.now().0 + 7 * 60_000));
    assert_eq!(ks.object(DB0, b"k").map(|o| o.frequency), Some(18));
}

#[test]
fn active_expiry_learns_the_mean_time_to_live() {
    let mut ks = keyspace(false);
    ks.set_now(UnixMillis(1000));
    assert_eq!(ks.average_ttl(DB0), 0);
    for (key, ms) in [(b"a", 4000), (b"b", 6000)] {
        ks.set(DB0, key, NewValue::Int(1), Ttl::At(UnixMillis(1000 + ms)));
    }
    ks.active_expire(1);
    assert_eq!(ks.average_ttl(DB0), 5000);
    ks.remove(DB0, b"a");
    ks.remove(DB0, b"b");
    ks.active_expire(1);
    assert_eq!(ks.average_ttl(DB0), 0);
}
