//! The table against std's map, and SCAN's guarantee under growth, shrinking and rehashing.

use super::*;
use std::collections::{HashMap, HashSet};

/// Entries are numbers; the hash mixes them, or (a poor hash) keeps only a few bits, to force chains.
fn good(entry: u64) -> u64 {
    let x = entry.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ (x >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

fn poor(entry: u64) -> u64 {
    good(entry) & 0x0100_0000_0000_0003
}

fn check(table: &Table<u64>, model: &HashSet<u64>, hash: impl Fn(u64) -> u64) {
    assert_eq!(table.len(), model.len());
    let mut seen = HashSet::new();
    table.for_each(|e| assert!(seen.insert(e), "{e} twice"));
    assert_eq!(&seen, model);
    let (mut bytes, mut chained) = (0, 0);
    for array in &table.arrays {
        bytes += array.fixed_bytes();
        for index in 0..array.buckets() {
            if let Some(bucket) = array.get(index) {
                bucket.check();
                let mut next = bucket.next();
                while let Some(b) = next {
                    chained += 1;
                    next = b.next();
                }
            }
            if let (Store::Large(_), 0, Some(_)) = (array, index % store::SEGMENT, array.get(index)) {
                bytes += store::SEGMENT * 64;
            }
        }
    }
    assert_eq!(table.bytes(), bytes + chained * 64);
    for &e in model {
        assert_eq!(table.find(hash(e), |x| x == e), Some(e));
    }
}

fn random_walk(seed: u64, steps: usize, range: u64, hash: fn(u64) -> u64) {
    let mut prng = Prng::new(seed);
    let mut table = Table::new();
    let mut model = HashSet::new();
    let mut growing = true;
    for step in 0..steps {
        if prng.chance(1, steps as u64 / 8 + 1) {
            growing = !growing;
        }
        let e = prng.below(range);
        let add = prng.chance(if growing { 8 } else { 2 }, 10);
        if add {
            let found = table.find(hash(e), |x| x == e);
            assert_eq!(found.is_some(), model.contains(&e));
            if model.insert(e) {
                table.insert(hash(e), e, hash);
            } else {
                assert_eq!(table.replace(hash(e), |x| x == e, e), Some(e));
            }
        } else {
            assert_eq!(table.remove(hash(e), |x| x == e, hash).is_some(), model.remove(&e));
        }
        if step % (steps / 50 + 1) == 0 {
            check(&table, &model, hash);
        }
    }
    check(&table, &model, hash);
    let rest: Vec<u64> = model.iter().copied().collect();
    for e in rest {
        assert_eq!(table.remove(hash(e), |x| x == e, hash), Some(e));
    }
    assert!(table.is_empty());
    assert_eq!(table.bytes(), 0);
}

#[test]
fn agrees_with_std() {
    for seed in 0..20 {
        random_walk(seed, 3000, 1 << (4 + seed % 8), good);
        random_walk(seed, 1500, 200, poor);
    }
}

#[test]
fn agrees_with_std_over_segments() {
    // Past 1024 buckets the array is in segments.
    random_walk(99, 60_000, 40_000, good);
}

#[test]
fn replace_gives_the_old_entry() {
    // The low 32 bits are the identity, the rest is payload.
    let hash = |e: u64| good(e & 0xffff_ffff);
    let mut table = Table::new();
    for e in 0..1000u64 {
        table.insert(hash(e), e, hash);
    }
    for e in 0..1000u64 {
        let new = e | 1 << 40;
        assert_eq!(table.replace(hash(e), |x| x as u32 as u64 == e, new), Some(e));
        assert_eq!(table.find(hash(e), |x| x as u32 as u64 == e), Some(new));
    }
    assert_eq!(table.replace(hash(5000), |x| x as u32 as u64 == 5000, 0), None);
}

/// Entries that stay throughout the scan must all be seen, whatever happens to the others.
fn scan_under_change(seed: u64, hash: fn(u64) -> u64) {
    let mut prng = Prng::new(seed);
    let mut table = Table::new();
    let stay: Vec<u64> = (0..prng.below(600) + 1).map(|i| i << 32).collect();
    let mut others: Vec<u64> = (1..prng.below(20_000) + 1).collect();
    for &e in stay.iter().chain(&others) {
        table.insert(hash(e), e, hash);
    }
    let mut next_new = 1u64 << 20;
    let mut seen: HashMap<u64, u32> = HashMap::new();
    let mut cursor = 0;
    let shrinking = prng.chance(1, 2);
    loop {
        cursor = table.scan(cursor, |e| *seen.entry(e).or_default() += 1);
        if cursor == 0 {
            break;
        }
        for _ in 0..prng.below(60) {
            if prng.chance(if shrinking { 9 } else { 2 }, 10) && !others.is_empty() {
                let e = others.swap_remove(prng.below(others.len() as u64) as usize);
                table.remove(hash(e), |x| x == e, hash);
            } else {
                next_new += 1;
                others.push(next_new);
                table.insert(hash(next_new), next_new, hash);
            }
        }
    }
    for e in stay {
        assert!(seen.contains_key(&e), "seed {seed}: {e} was present throughout and not returned");
    }
}

#[test]
fn scan_returns_what_stays() {
    for seed in 0..60 {
        scan_under_change(seed, good);
    }
}

#[test]
fn scan_of_a_quiet_table_gives_each_entry_once() {
    for count in [0u64, 1, 7, 8, 100, 5000, 20_000] {
        let mut table = Table::new();
        (0..count).for_each(|e| table.insert(good(e), e, good));
        while table.is_rehashing() {
            table.rehash_step(&good);
        }
        let (mut seen, mut cursor) = (HashSet::new(), 0);
        loop {
            cursor = table.scan(cursor, |e| assert!(seen.insert(e)));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len() as u64, count);
    }
}

#[test]
fn random_is_fair_and_terminates_when_sparse() {
    let mut prng = Prng::new(3);
    let mut table = Table::new();
    (0..100u64).for_each(|e| table.insert(good(e), e, good));
    let mut counts = [0u32; 100];
    for _ in 0..100_000 {
        counts[table.random(&mut prng).unwrap() as usize] += 1;
    }
    for (e, count) in counts.iter().enumerate() {
        assert!((750..1250).contains(count), "{e} was drawn {count} times of an expected 1000");
    }
    let mut sparse: Table<u64> = Table::new();
    assert_eq!(sparse.random(&mut prng), None);
    sparse.reserve(1_000_000);
    sparse.insert(good(1), 1, good);
    assert_eq!(sparse.random(&mut prng), Some(1));
}

#[test]
fn memory_stays_near_the_entries() {
    let mut table = Table::new();
    let mut worst = 0f64;
    for e in 0..200_000u64 {
        table.insert(good(e), e, good);
        if e > 10_000 {
            worst = worst.max(table.bytes() as f64 / table.len() as f64);
        }
    }
    assert!(worst < 30.0, "{worst} bytes of table per entry");
    (0..199_900u64).for_each(|e| {
        table.remove(good(e), |x| x == e, good);
    });
    assert!(table.bytes() < 64 * 1024, "{} bytes left for 100 entries", table.bytes());
}
