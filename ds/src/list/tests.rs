//! Against a model, with clones that must not change and everything counted again; and Redis's node boundaries.

use super::*;
use base::Prng;

fn text(prng: &mut Prng) -> Vec<u8> {
    match prng.below(8) {
        0 => vec![b'x'; prng.below(3000) as usize],
        1 => vec![b'y'; prng.below(200) as usize],
        2..=4 => prng.below(20).to_string().into_bytes(),
        _ => vec![b'a' + prng.below(4) as u8; prng.below(12) as usize],
    }
}

fn elements(list: &List) -> Vec<Vec<u8>> {
    list.iter(End::Left).map(|entry| entry.to_vec()).collect()
}

fn verify(list: &List, model: &[Vec<u8>]) {
    assert_eq!(list.len(), model.len());
    assert_eq!(elements(list), model);
    assert!(list.iter(End::Right).map(|entry| entry.to_vec()).eq(model.iter().rev().cloned()));
    if let Form::Large(quicklist) = &list.form {
        quicklist.nodes.verify();
    }
}

fn settings(size: i64, plain: u64) -> Settings {
    Settings { list_max_listpack_size: size, list_plain_threshold: plain, ..Settings::default() }
}

/// One random change to both; the commands' own order of calls.
fn step(list: &mut List, model: &mut Vec<Vec<u8>>, prng: &mut Prng, settings: &Settings) {
    let value = text(prng);
    let index = prng.below(model.len() as u64 + 1) as usize;
    let end = if prng.chance(1, 2) { End::Left } else { End::Right };
    match prng.below(16) {
        0..=4 => {
            list.grow(value.len(), 1, settings);
            list.push(end, &value, settings);
            model.insert(if end == End::Left { 0 } else { model.len() }, value);
        }
        5..=8 => {
            list.grow(value.len(), 1, settings);
            let side = if prng.chance(1, 2) { Side::Before } else { Side::After };
            list.insert(index, side, &value, settings);
            if index < model.len() {
                model.insert(index + usize::from(side == Side::After), value);
            }
        }
        9 | 10 => {
            list.grow(value.len(), 1, settings);
            assert_eq!(list.set(index, &value, settings), index < model.len());
            if let Some(element) = model.get_mut(index) {
                *element = value;
            }
            list.shrink(settings);
        }
        11 | 12 => {
            let popped = list.pop(end, |entry| entry.to_vec());
            let expected =
                if end == End::Left { (!model.is_empty()).then(|| model.remove(0)) } else { model.pop() };
            assert_eq!(popped, expected);
            list.shrink(settings);
        }
        13 => {
            let most = if prng.chance(1, 40) { 3000 } else { 6 };
            let count = prng.below(most) as usize;
            list.remove_range(index, count);
            model.drain(index..(index + count).min(model.len()));
            list.shrink(settings);
        }
        14 => {
            let limit = prng.below(3) as usize + 1;
            let removed = list.remove_matching(&value, limit, end, || ());
            let mut places: Vec<usize> = (0..model.len()).filter(|i| model[*i] == value).collect();
            if end == End::Right {
                places.reverse();
            }
            places.truncate(limit);
            places.sort_unstable();
            assert_eq!(removed, places.len());
            for place in places.into_iter().rev() {
                model.remove(place);
            }
            list.shrink(settings);
        }
        _ => {
            assert_eq!(list.get(index).map(|entry| entry.to_vec()), model.get(index).cloned());
            let reverse = prng.chance(1, 2);
            let found = list.iter_at(index, reverse).next().map(|entry| entry.to_vec());
            assert_eq!(found, model.get(index).cloned());
        }
    }
}

#[test]
fn agrees_with_a_vector_and_clones_stay() {
    for (seed, size, plain) in [(1, -1, 1 << 30), (2, 3, 1 << 30), (3, 1, 1 << 30), (4, -2, 150), (5, 5, 100)]
    {
        let settings = settings(size, plain);
        let mut prng = Prng::new(seed);
        let (mut list, mut model) = (List::new(&settings), Vec::new());
        let mut clone = (list.clone(), model.clone());
        for i in 0..8_000 {
            step(&mut list, &mut model, &mut prng, &settings);
            if i % 100 == 0 {
                verify(&list, &model);
                verify(&clone.0, &clone.1);
                clone = (list.clone(), model.clone());
            }
        }
    }
}

#[test]
fn pages_split_and_join() {
    let settings = settings(1, 1 << 30);
    let mut prng = Prng::new(9);
    let (mut list, mut model) = (List::new(&settings), Vec::new());
    for i in 0..3000i64 {
        let value = i.to_string().into_bytes();
        list.grow(value.len(), 1, &settings);
        let index = prng.below(model.len() as u64 + 1) as usize;
        if index < model.len() {
            list.insert(index, Side::Before, &value, &settings);
        } else {
            list.push(End::Right, &value, &settings);
        }
        model.insert(index, value);
    }
    verify(&list, &model);
    let before = list.clone();
    while model.len() > 1 {
        let index = prng.below(model.len() as u64) as usize;
        let most = if prng.chance(1, 50) { 600 } else { 2 };
        let count = prng.below(most) as usize;
        list.remove_range(index, count);
        model.drain(index..(index + count).min(model.len()));
    }
    verify(&list, &model);
    assert_eq!(before.len(), 3000);
}

#[test]
fn form_follows_history() {
    let settings = settings(4, 1 << 30);
    let mut list = List::new(&settings);
    for i in 0..4 {
        list.grow(1, 1, &settings);
        list.push(End::Right, &[b'0' + i], &settings);
    }
    assert_eq!(list.encoding(), "listpack");
    list.grow(1, 1, &settings);
    assert_eq!(list.encoding(), "quicklist");
    list.pop(End::Left, |_| ());
    list.shrink(&settings);
    assert_eq!((list.encoding(), list.len()), ("quicklist", 3));
    list.pop(End::Left, |_| ());
    list.shrink(&settings);
    assert_eq!((list.encoding(), list.len()), ("listpack", 2));
}

fn shape(list: &List) -> Vec<usize> {
    list.nodes()
        .map(|node| match node {
            NodeRef::Packed(bytes) => Listpack::from_bytes(bytes.to_vec()).expect("valid").len(),
            NodeRef::Plain(_) => 1,
        })
        .collect()
}

#[test]
fn a_full_node_splits_and_small_neighbours_join() {
    let settings = settings(4, 1 << 30);
    let mut builder = Builder::new(&settings);
    for text in [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i"] {
        builder.element(text);
    }
    let mut list = builder.finish().expect("not empty");
    assert_eq!(shape(&list), [4, 4, 1]);
    list.insert(5, Side::After, b"x", &settings);
    assert_eq!(shape(&list), [4, 2, 4], "g and h with x before them joined the last node");
    list.insert(4, Side::Before, b"y", &settings);
    assert_eq!(shape(&list), [4, 3, 4], "before the first of a node with room");
    list.insert(3, Side::After, b"z", &settings);
    assert_eq!(shape(&list), [4, 4, 4], "a full node gives to its neighbour's end");
    assert_eq!(elements(&list).concat(), b"abcdzyefxghi");
}

#[test]
fn copying_a_list_copies_a_directory() {
    let settings = settings(1, 1 << 30);
    let mut builder = Builder::new(&settings);
    for i in 0..200_000i64 {
        builder.element(i.to_string().as_bytes());
    }
    let mut list = builder.finish().expect("not empty");
    let clone = list.clone();
    let pages = |list: &List| match &list.form {
        Form::Large(quicklist) => quicklist.nodes.pages_shared_with_others(),
        Form::Small(_) => 0,
    };
    list.push(End::Right, b"x", &settings);
    list.set(100_000, b"y", &settings);
    let all = 200_000 / nodes::PAGE + 1;
    assert!((all - 3..=all).contains(&pages(&list)), "two writes copied two pages");
    assert_eq!(clone.get(100_000), Some(Entry::Int(100_000)));
}
