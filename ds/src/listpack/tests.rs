//! Against a model, against bytes that Redis wrote, and against bytes that nobody should.

use super::*;
use base::Prng;

fn text(prng: &mut Prng) -> Vec<u8> {
    match prng.below(6) {
        0 => (prng.below(300) as i64 - 150).to_string().into_bytes(),
        1 => ((prng.next_u64() as i64) >> prng.below(64)).to_string().into_bytes(),
        2 => vec![b'x'; [0, 1, 62, 63, 64, 65, 127, 128][prng.below(8) as usize]],
        3 => vec![b'y'; prng.below(5000) as usize],
        4 => [&b"007"[..], b"-0", b"+1", b"1 ", b"", b"-", b"9223372036854775808"][prng.below(7) as usize]
            .to_vec(),
        _ => (0..prng.below(20)).map(|_| prng.below(256) as u8).collect(),
    }
}

fn elements(listpack: &Listpack) -> Vec<Vec<u8>> {
    listpack.iter().map(|entry| entry.to_vec()).collect()
}

fn built(elements: &[Vec<u8>]) -> Listpack {
    let mut listpack = Listpack::new();
    for element in elements {
        listpack.push_back(element).expect("small");
    }
    listpack
}

#[test]
fn agrees_with_a_vector() {
    let mut prng = Prng::new(11);
    let (mut listpack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
    for step in 0..20_000 {
        let value = text(&mut prng);
        let index = prng.below(model.len() as u64 + 1) as usize;
        let pos = listpack.seek(index as i64);
        assert_eq!(pos.is_some(), index < model.len());
        match (prng.below(if model.len() > 60 { 12 } else { 7 }), pos) {
            (0, _) => {
                listpack.push_front(&value).expect("small");
                model.insert(0, value);
            }
            (1, Some(pos)) => {
                listpack.insert_before(pos, &value).expect("small");
                model.insert(index, value);
            }
            (2, Some(pos)) => {
                listpack.insert_after(pos, &value).expect("small");
                model.insert(index + 1, value);
            }
            (3, Some(pos)) => {
                listpack.replace(pos, &value).expect("small");
                model[index] = value;
            }
            (4, Some(pos)) => {
                let next = listpack.remove(pos);
                model.remove(index);
                assert_eq!(next.map(|pos| listpack.get(pos).to_vec()), model.get(index).cloned());
            }
            (5, Some(pos)) => {
                let tail = listpack.split_off(pos);
                assert_eq!(elements(&tail), model[index..]);
                if prng.chance(1, 2) {
                    listpack.append(&tail).expect("small");
                } else {
                    model.truncate(index);
                }
            }
            (7.., Some(_)) => {
                let count = prng.below(9) as usize;
                listpack.remove_range(index as i64 - model.len() as i64, count);
                model.drain(index..(index + count).min(model.len()));
            }
            _ => {
                listpack.push_back(&value).expect("small");
                model.push(value);
            }
        }
        assert_eq!(listpack.len(), model.len());
        assert_eq!(listpack.memory(), size::rounded(listpack.bytes.capacity()));
        if step % 16 == 0 {
            assert_eq!(elements(&listpack), model);
            assert_eq!(listpack, built(&model), "the bytes follow from the elements");
            assert!(Listpack::from_bytes(listpack.as_bytes().to_vec()) == Ok(listpack.clone()));
            let back: Vec<_> = listpack.iter().rev().map(|entry| entry.to_vec()).collect();
            assert!(back.iter().eq(model.iter().rev()));
        }
    }
}

#[test]
fn finds_with_and_without_a_stride() {
    let all: Vec<Vec<u8>> = (0..100).map(|i| (i % 50).to_string().into_bytes()).collect();
    let listpack = built(&all);
    let first = listpack.first().expect("not empty");
    assert_eq!(listpack.find(first, b"3", 0), listpack.seek(3));
    assert_eq!(listpack.find(first, b"3", 1), None, "3 is at odd places alone");
    assert_eq!(listpack.find(first, b"4", 1), listpack.seek(4));
    assert_eq!(listpack.find(listpack.seek(4).expect("there"), b"3", 0), listpack.seek(53));
    assert_eq!(listpack.find(first, b"50", 0), None);
}

/// What Redis 7.0 writes for `RPUSH l 1 -1 hello 4096 100000 8388608 <64 x a>` with everything in one node.
#[test]
fn bytes_are_those_of_redis() {
    let mut listpack = Listpack::new();
    let long = [b'a'; 64];
    for value in [&b"1"[..], b"-1", b"hello", b"4096", b"100000", b"8388608", b"9999999999", &long] {
        listpack.push_back(value).expect("small");
    }
    let mut expected = vec![0x76, 0, 0, 0, 8, 0, 1, 1, 0xdf, 0xff, 2, 0x85];
    expected.extend_from_slice(b"hello\x06\xf1\x00\x10\x03\xf2\xa0\x86\x01\x04\xf3\x00\x00\x80\x00\x05");
    expected.extend_from_slice(b"\xf4\xff\xe3\x0b\x54\x02\x00\x00\x00\x09\xe0\x40");
    expected.extend_from_slice(&long);
    expected.extend_from_slice(b"\x42\xff");
    expected[0] = expected.len() as u8;
    assert_eq!(listpack.as_bytes(), expected);
}

#[test]
fn sizes_at_the_edges_read_back_from_both_ends() {
    for size in [126, 127, 128, 4095, 4096, 16_377, 16_378, 16_383, 2_097_145, 2_097_146, 2_097_151] {
        let value = vec![b'v'; size];
        let listpack = built(&[b"a".to_vec(), value.clone(), b"b".to_vec()]);
        assert_eq!(listpack.seek(-2).map(|pos| listpack.get(pos)), Some(Entry::Bytes(&value)));
        assert_eq!(listpack.bytes_len(), 7 + 3 + 3 + Listpack::entry_size(&value));
        assert!(Listpack::from_bytes(listpack.as_bytes().to_vec()).is_ok());
    }
}

#[test]
fn counts_past_the_header() {
    let mut listpack = Listpack::new();
    for i in 0..70_000i64 {
        listpack.push_back(i % 100).expect("small");
    }
    assert_eq!(listpack.len(), 70_000);
    assert_eq!(listpack.seek(65_600).map(|pos| listpack.get(pos)), Some(Entry::Int(0)));
    listpack.remove_range(10, 69_980);
    assert_eq!((listpack.len(), listpack.counted()), (20, 20));
}

#[test]
fn what_is_too_large_changes_nothing() {
    let mut listpack = built(&[b"a".to_vec()]);
    let before = listpack.clone();
    let huge = vec![0; MAX_BYTES];
    assert_eq!(listpack.push_back(&huge), Err(TooLarge));
    assert_eq!(listpack, before);
}

#[test]
fn broken_bytes_are_refused_or_harmless() {
    let mut prng = Prng::new(5);
    let whole = built(&(0..40).map(|_| text(&mut prng)).collect::<Vec<_>>());
    for _ in 0..20_000 {
        let mut bytes = whole.as_bytes().to_vec();
        for _ in 0..=prng.below(3) {
            let at = prng.below(bytes.len() as u64) as usize;
            bytes[at] = prng.below(256) as u8;
        }
        if prng.chance(1, 4) {
            bytes.truncate(prng.below(bytes.len() as u64 + 1) as usize);
        }
        if let Ok(mut listpack) = Listpack::from_bytes(bytes) {
            assert_eq!(listpack.iter().count(), listpack.len());
            assert_eq!(listpack.iter().rev().count(), listpack.len());
            listpack.remove_range(3, 5);
            listpack.push_front(b"x").expect("small");
        }
    }
}
