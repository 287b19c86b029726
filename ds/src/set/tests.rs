//! Sets against an ordered set of strings, through all their forms.

use super::Set;
use crate::Settings;
use crate::listpack::Entry::Bytes;
use base::Prng;
use std::collections::BTreeSet;

fn agrees(set: &Set, model: &BTreeSet<Vec<u8>>) {
    assert_eq!((set.len(), set.iter().len()), (model.len(), model.len()));
    let members: BTreeSet<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
    assert_eq!(&members, model);
}

#[test]
fn agrees_with_a_model_and_clones_stay_as_they_were() {
    let settings = Settings::default();
    let mut prng = Prng::new(21);
    for words in [false, true] {
        let (mut set, mut model) = (Set::new(&settings), BTreeSet::new());
        for round in 0..6000u64 {
            let number = prng.below(700) as i64 - 350;
            let text = match words && round > 200 && prng.chance(1, 2) {
                true => format!("word {number}").into_bytes(),
                false => number.to_string().into_bytes(),
            };
            if prng.chance(1, 4) {
                assert_eq!(set.remove(Bytes(&text)), model.remove(&text));
            } else {
                assert_eq!(set.insert(Bytes(&text), &settings), model.insert(text.clone()));
            }
            assert_eq!(set.contains(Bytes(&text)), model.contains(&text));
            if round % 250 == 0 {
                let (clone, before) = (set.clone(), model.clone());
                set.insert(Bytes(b"one more"), &settings);
                set.remove(Bytes(b"one more"));
                set.insert(Bytes(&text), &settings);
                model.insert(text);
                agrees(&clone, &before);
                agrees(&set, &model);
            }
        }
        while let Some(member) = set.pop(&mut prng) {
            assert!(model.remove(&member));
        }
        assert!(model.is_empty() && set.is_empty());
    }
}

#[test]
fn forms_change_where_redis_changes_them() {
    let settings = Settings {
        set_max_intset_entries: 4,
        set_max_listpack_entries: 6,
        set_max_listpack_value: 8,
        ..Settings::default()
    };
    let build = |members: &[&str]| {
        let mut set = Set::new(&settings);
        members.iter().for_each(|member| _ = set.insert(Bytes(member.as_bytes()), &settings));
        set.encoding()
    };
    assert_eq!(build(&["1", "2", "3", "4"]), "intset");
    assert_eq!(build(&["1", "2", "3", "4", "5"]), "hashtable");
    assert_eq!(build(&["1", "2", "01"]), "listpack");
    assert_eq!(build(&["123456789", "a"]), "hashtable");
    assert_eq!(build(&["12345678", "a"]), "listpack");
    assert_eq!(build(&["a", "123456789"]), "hashtable");
    assert_eq!(build(&["a", "b", "c", "d", "e", "f"]), "listpack");
    assert_eq!(build(&["a", "b", "c", "d", "e", "f", "g"]), "hashtable");
    let create = |first: &[u8], count| {
        let members = vec![first; count];
        Set::for_members(members.iter().copied(), &settings).encoding()
    };
    assert_eq!((create(b"1", 4), create(b"1", 5), create(b"1", 7)), ("intset", "listpack", "hashtable"));
    assert_eq!((create(b"a", 6), create(b"a", 7)), ("listpack", "hashtable"));
    let mut set = Set::for_members([&b"1"[..]].into_iter(), &settings);
    set.expect(5, &settings);
    assert_eq!(set.encoding(), "hashtable");
}

#[test]
fn a_scan_gives_every_member() {
    let settings = Settings::default();
    for members in [5, 100, 3000] {
        let mut set = Set::new(&settings);
        (0..members).for_each(|n| _ = set.insert(Bytes(format!("m{n}").as_bytes()), &settings));
        let (mut seen, mut cursor) = (BTreeSet::new(), 0);
        loop {
            cursor = set.scan(cursor, 10, |member| _ = seen.insert(member.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len(), members);
    }
}

#[test]
fn popping_and_sampling_give_different_members() {
    let settings = Settings::default();
    for (members, count) in [(5, 2), (100, 30), (100, 95), (3000, 10), (3000, 2000), (3000, 2990)] {
        let mut prng = Prng::new(members * count);
        for prefix in ["", "m"] {
            let mut set = Set::new(&settings);
            (0..members).for_each(|n| _ = set.insert(Bytes(format!("{prefix}{n}").as_bytes()), &settings));
            let mut sampled = BTreeSet::new();
            set.sample(count as usize, &mut prng, |member| assert!(sampled.insert(member.to_vec())));
            assert_eq!(sampled.len() as u64, count);
            assert!(sampled.iter().all(|member| set.contains(Bytes(member))));
            let popped: BTreeSet<_> =
                set.pop_many(count as usize, &mut prng, &settings).into_iter().collect();
            assert_eq!((popped.len() as u64, set.len() as u64), (count, members - count));
            assert!(popped.iter().all(|member| !set.contains(Bytes(member))));
            if (members, count) == (3000, 2990) {
                assert_eq!(set.encoding(), "listpack");
            }
        }
    }
}
