//! The hash table against a map, its clones against copies, its cursors and draws against what they promise.

use super::{Dict, Page, Root, Value, shared_memory};
use base::Prng;
use std::collections::{BTreeMap, BTreeSet};

type Model = BTreeMap<Vec<u8>, (Vec<u8>, u64)>;

/// What [`Dict::memory`] should say, counted again.
fn recount<V: Value>(dict: &Dict<V>) -> usize {
    match &dict.root {
        Root::One(segment) => segment.memory(),
        Root::Many(pages) => {
            let page_bytes = |page: &Page<V>| {
                page.memory() + page.segments.iter().map(|segment| shared_memory(segment)).sum::<usize>()
            };
            pages.capacity() * 16 + pages.iter().map(|(_, page)| page_bytes(page)).sum::<usize>()
        }
    }
}

fn check<V: Value>(dict: &Dict<V>) {
    assert_eq!(dict.memory(), recount(dict));
    assert_eq!(dict.items().count(), dict.len());
    if let Root::Many(pages) = &dict.root {
        let starts: Vec<u32> = pages.iter().flat_map(|(_, page)| page.starts.iter().copied()).collect();
        assert!(starts[0] == 0 && starts.is_sorted_by(|a, b| a < b));
        for (start, page) in pages {
            assert_eq!((*start, page.starts.len()), (page.starts[0], page.segments.len()));
        }
    }
}

fn key(n: u64) -> Vec<u8> {
    // Some keys are long enough to be blobs.
    let mut key = format!("member:{n}").into_bytes();
    if n.is_multiple_of(97) {
        key.resize(700, b'x');
    }
    key
}

#[test]
fn agrees_with_a_map_and_clones_stay_as_they_were() {
    let mut prng = Prng::new(3);
    let mut dict = Dict::new(5);
    let mut model = Model::new();
    let mut kept: Option<(Dict<u64>, Model)> = None;
    for round in 0..120_000u64 {
        // Waves: the table grows, then shrinks to nothing, and grows again.
        let removing = (round / 20_000) % 2 == 1;
        let key = key(prng.below(8000));
        if prng.chance(if removing { 9 } else { 1 }, 10) {
            assert_eq!(dict.remove(&key), model.remove(&key).map(|(_, value)| value));
        } else {
            let longest = if prng.chance(1, 200) { 2000 } else { 30 };
            let payload = vec![b'p'; prng.below(longest) as usize];
            let old = model.insert(key.clone(), (payload.clone(), round)).map(|(_, value)| value);
            assert_eq!(dict.insert_with(&key, &payload, round), old);
        }
        if round % 1000 == 0 {
            check(&dict);
            if let Some((clone, old)) = kept.take() {
                check(&clone);
                assert!(clone.items().all(|i| {
                    old.get(i.key)
                        .is_some_and(|(payload, value)| Some(&payload[..]) == i.payload && *value == i.value)
                }));
                assert_eq!(clone.len(), old.len());
            }
            kept = Some((dict.clone(), model.clone()));
        }
        assert_eq!(dict.len(), model.len());
    }
    for n in 0..8000 {
        let key = key(n);
        let found = dict.item(&key).map(|item| (item.payload.unwrap_or_default().to_vec(), item.value));
        assert_eq!(found, model.get(&key).cloned());
    }
}

#[test]
fn values_change_in_place() {
    let mut dict = Dict::new(1);
    assert_eq!(dict.insert(b"a", 1.5f64), None);
    let before = dict.clone();
    assert_eq!(dict.insert(b"a", 2.5), Some(1.5));
    assert_eq!((dict.get(b"a"), before.get(b"a")), (Some(2.5), Some(1.5)));
    assert_eq!(dict.get(b"b"), None);
    assert_eq!(dict.insert(b"a", 4.0), Some(2.5));
    assert_eq!(dict.payload(b"a"), None);
    assert_eq!(dict.insert(b"", 0.0), None);
    assert!(dict.contains(b"") && !dict.contains(b"\0"));
}

#[test]
fn a_scan_gives_what_stays_exactly_once() {
    for (seed, count) in [(1, 1), (2, 10), (3, 1000)] {
        let mut prng = Prng::new(seed);
        let mut dict = Dict::new(seed);
        let stays = |n: u64| format!("stays {n}").into_bytes();
        let goes = |n: u64| format!("goes {n}").into_bytes();
        (0..1000).for_each(|n| assert_eq!(dict.insert(&stays(n), ()), None));
        let (mut seen, mut cursor, mut growing) = (Vec::new(), 0, true);
        loop {
            cursor = dict.scan(cursor, count, |item| seen.push(item.key.to_vec()));
            if cursor == 0 {
                break;
            }
            for _ in 0..200 {
                let name = goes(prng.below(20_000));
                if growing {
                    dict.insert(&name, ())
                } else {
                    dict.remove(&name)
                };
            }
            if prng.chance(1, 60) {
                growing = !growing;
            }
        }
        let mut expected: Vec<_> = (0..1000).map(stays).collect();
        let mut given: Vec<_> = seen.into_iter().filter(|name| name.starts_with(b"stays")).collect();
        expected.sort();
        given.sort();
        assert_eq!(given, expected);
    }
}

#[test]
fn a_scan_gives_about_as_many_as_asked_for() {
    let mut dict = Dict::new(9);
    (0..10_000u32).for_each(|n| _ = dict.insert(&n.to_le_bytes(), ()));
    let mut given = 0;
    let cursor = dict.scan(0, 25, |_| given += 1);
    assert!(cursor != 0 && (25..30).contains(&given), "{given}");
    let mut all = BTreeSet::new();
    assert_eq!(dict.scan(0, usize::MAX, |item| assert!(all.insert(item.key.to_vec()))), 0);
    assert_eq!(all.len(), 10_000);
    assert_eq!(dict.scan(u64::MAX, 10, |_| panic!("past the end")), 0);
}

#[test]
fn random_members_are_fair() {
    for members in [1, 50, 1000, 30_000u32] {
        let mut prng = Prng::new(u64::from(members));
        let mut dict = Dict::new(4);
        (0..members * 4).for_each(|n| _ = dict.insert(&n.to_le_bytes(), n));
        (0..members * 4).filter(|n| n % 4 != 0).for_each(|n| _ = dict.remove(&n.to_le_bytes()));
        check(&dict);
        let draws = 20 * members.min(5000);
        let mut low = 0;
        for _ in 0..draws {
            let value = dict.random(&mut prng).unwrap().value;
            assert!(value.is_multiple_of(4));
            low += u32::from(value < members * 2);
        }
        // Half of them, within five standard deviations.
        let slack = 2.5 * f64::from(draws).sqrt();
        assert!(members == 1 || (f64::from(low) - f64::from(draws) / 2.0).abs() < slack, "{low} of {draws}");
    }
}

fn hashes_are_equal<S: super::slots::Slots>(mut segment: super::segment::Segment<S, u32>) {
    let name = |n: u32| if n.is_multiple_of(50) { vec![n as u8; 600] } else { n.to_le_bytes().to_vec() };
    for n in 0..1000 {
        assert_eq!(segment.view().find(77, &name(n)), None);
        segment.push(77, &name(n), None, n);
        if segment.is_full() {
            assert_eq!(segment.view().middle(), None);
        }
    }
    for n in 0..1000 {
        let index = segment.view().find(77, &name(n)).unwrap();
        assert_eq!(segment.view().value(index), Some(n));
        segment.set_payload(index, &name(n + 1));
    }
    for n in (0..1000).rev().step_by(3).chain(0..1000) {
        if let Some(index) = segment.view().find(77, &name(n)) {
            assert_eq!(segment.view().item_at(index).unwrap().payload, Some(&name(n + 1)[..]));
            assert_eq!(segment.remove(index), Some(n));
        }
    }
    assert_eq!(segment.view().len(), 0);
}

#[test]
fn equal_hashes_only_cost_time() {
    hashes_are_equal(super::segment::Segment::new());
    hashes_are_equal(super::segment::Segment::wide(0));
}

#[test]
fn a_member_costs_little() {
    let mut dict = Dict::new(2);
    (0..100_000u32).for_each(|n| _ = dict.insert(format!("{n:010}").as_bytes(), ()));
    let bytes = dict.memory() / dict.len();
    assert!(bytes <= 36, "{bytes} bytes for ten");
    check(&dict);
}
