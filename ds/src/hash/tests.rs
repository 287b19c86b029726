//! Hashes against a map, through both forms.

use super::Hash;
use crate::Settings;
use crate::listpack::Listpack;
use base::Prng;
use std::collections::{BTreeMap, BTreeSet};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn agrees(hash: &Hash, model: &Model) {
    assert_eq!((hash.len(), hash.iter().len()), (model.len(), model.len()));
    let pairs: Model = hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
    assert_eq!(&pairs, model);
}

#[test]
fn agrees_with_a_model_and_clones_stay_as_they_were() {
    let settings = Settings::default();
    let mut prng = Prng::new(31);
    for fields in [20, 2000] {
        let (mut hash, mut model) = (Hash::new(&settings), Model::new());
        for round in 0..8000u64 {
            let field = format!("{}{}", if prng.chance(1, 2) { "f" } else { "" }, prng.below(fields));
            let field = field.as_bytes();
            if prng.chance(1, 4) {
                assert_eq!(hash.remove(field), model.remove(field).is_some());
            } else {
                let value = vec![b'0' + (round % 10) as u8; 1 + prng.below(40) as usize];
                let new = model.insert(field.to_vec(), value.clone()).is_none();
                assert_eq!(hash.set(field, &value, &settings), new);
            }
            assert_eq!(hash.get(field).map(|value| value.to_vec()), model.get(field).cloned());
            assert_eq!(hash.contains(field), model.contains_key(field));
            if round % 500 == 0 {
                let (clone, before) = (hash.clone(), model.clone());
                hash.set(field, b"changed", &settings);
                model.insert(field.to_vec(), b"changed".to_vec());
                agrees(&clone, &before);
                agrees(&hash, &model);
                let (field, value) = hash.random(&mut prng).unwrap();
                assert_eq!(model.get(&field.to_vec()), Some(&value.to_vec()));
            }
        }
        assert_eq!(hash.encoding(), if fields > 1000 { "hashtable" } else { "listpack" });
    }
}

#[test]
fn forms_change_where_redis_changes_them() {
    let settings =
        Settings { hash_max_listpack_entries: 2, hash_max_listpack_value: 4, ..Settings::default() };
    let build = |texts: &[&str]| {
        let mut hash = Hash::new(&settings);
        hash.expect(texts.iter().map(|text| text.as_bytes()), &settings);
        texts.chunks(2).for_each(|pair| _ = hash.set(pair[0].as_bytes(), pair[1].as_bytes(), &settings));
        hash.encoding()
    };
    assert_eq!(build(&["a", "1234", "b", "2"]), "listpack");
    assert_eq!(build(&["a", "12345"]), "hashtable");
    assert_eq!(build(&["abcde", "1"]), "hashtable");
    assert_eq!(build(&["a", "1", "b", "2", "c", "3"]), "hashtable");
    // The arguments are counted, not the fields.
    assert_eq!(build(&["a", "1", "a", "2", "a", "3"]), "hashtable");
    let mut hash = Hash::new(&settings);
    ["a", "b", "c"].iter().for_each(|field| assert!(hash.set(field.as_bytes(), b"1", &settings)));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 3));
}

#[test]
fn listpacks_from_outside_must_hold_pairs_of_distinct_fields() {
    let settings = Settings::default();
    let load = |texts: &[&[u8]]| {
        let mut listpack = Listpack::new();
        texts.iter().for_each(|text| listpack.push_back(*text).unwrap());
        Hash::from_listpack(listpack, &settings)
    };
    assert!(load(&[b"a", b"1", b"b", b"2"]).is_some_and(|hash| hash.len() == 2));
    assert!(load(&[b"a", b"1", b"b"]).is_none());
    assert!(load(&[b"a", b"1", b"a", b"2"]).is_none());
    assert!(load(&[b"a", &[b'x'; 65]]).is_some_and(|hash| hash.encoding() == "listpack"));
    let many: Vec<Vec<u8>> = (0..1026).map(|n| n.to_string().into_bytes()).collect();
    let many: Vec<&[u8]> = many.iter().map(|text| &text[..]).collect();
    assert!(load(&many).is_some_and(|hash| (hash.encoding(), hash.len()) == ("hashtable", 513)));
}

#[test]
fn a_scan_gives_every_field_with_its_value() {
    let settings = Settings::default();
    for fields in [5, 3000] {
        let mut hash = Hash::new(&settings);
        (0..fields)
            .for_each(|n| _ = hash.set(format!("f{n}").as_bytes(), format!("v{n}").as_bytes(), &settings));
        let (mut seen, mut cursor) = (BTreeSet::new(), 0);
        loop {
            cursor = hash.scan(cursor, 10, |field, value| {
                assert_eq!(field.to_vec()[1..], value.to_vec()[1..]);
                seen.insert(field.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len(), fields);
    }
}

#[test]
fn fields_have_times_of_their_own() {
    let settings = Settings { hash_max_listpack_entries: 40, ..Settings::default() };
    let mut prng = Prng::new(41);
    for fields in [30, 400] {
        let (mut hash, mut model) = (Hash::new(&settings), BTreeMap::<Vec<u8>, Option<i64>>::new());
        for round in 0..6000u64 {
            let field = format!("f{}", prng.below(fields)).into_bytes();
            let at = prng.below(1000) as i64;
            match prng.below(8) {
                0 | 1 => {
                    hash.set(&field, b"v", &settings);
                    model.insert(field.clone(), None);
                }
                2 => {
                    hash.set_keeping(&field, b"w", &settings);
                    model.entry(field.clone()).or_default();
                }
                3 => assert_eq!(hash.remove(&field), model.remove(&field).is_some()),
                4 => {
                    let had = model.get_mut(&field).is_some_and(|time| time.take().is_some());
                    assert_eq!(hash.clear_expiry(&field), had);
                }
                _ => {
                    let there = model.get_mut(&field).map(|time| *time = Some(at)).is_some();
                    assert_eq!(hash.set_expiry(&field, at, &settings), there);
                }
            }
            assert_eq!(hash.expiry(&field), model.get(&field).copied().flatten());
            assert_eq!(hash.next_expiry(), model.values().flatten().min().copied());
            if round % 100 == 0 {
                let gone = |time: &Option<i64>| time.is_some_and(|time| time < at);
                let live = model.values().filter(|time| !gone(time)).count();
                assert_eq!((hash.live_len(at), hash.iter_live(at).count()), (live, live));
                assert_eq!(hash.expired(at, usize::MAX).len(), model.len() - live);
                assert!(hash.expired(at, 7).iter().all(|field| hash.is_expired(field, at)));
                assert_eq!(
                    hash.live(&field, at).is_some(),
                    model.get(&field).is_some_and(|time| !gone(time))
                );
                assert_eq!(hash.volatile_len(), model.values().flatten().count());
            }
        }
        assert_eq!(hash.encoding(), if fields > 40 { "hashtable" } else { "listpackex" });
    }
}
