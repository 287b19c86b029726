//! The integer set against an ordered set, and its bytes against Redis's.

use super::IntSet;
use base::Prng;
use std::collections::BTreeSet;

#[test]
fn agrees_with_an_ordered_set() {
    let mut prng = Prng::new(11);
    for spread in [50, 40_000, 5_000_000_000] {
        let (mut set, mut model) = (IntSet::new(), BTreeSet::new());
        for _ in 0..2000 {
            let value = prng.below(spread) as i64 - spread as i64 / 2;
            if prng.chance(1, 3) {
                assert_eq!(set.remove(value), model.remove(&value));
            } else {
                assert_eq!(set.insert(value), model.insert(value));
            }
            assert_eq!(set.contains(value), model.contains(&value));
            assert_eq!(set.len(), model.len());
        }
        assert!(set.iter().eq(model.iter().copied()));
        assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
        assert_eq!(IntSet::from_bytes(set.as_bytes().to_vec()), Ok(set));
    }
}

#[test]
fn the_bytes_are_those_of_redis() {
    let mut set = IntSet::new();
    for value in [3, -1, 2] {
        set.insert(value);
    }
    assert_eq!(set.as_bytes(), b"\x02\0\0\0\x03\0\0\0\xff\xff\x02\0\x03\0");
    set.insert(70_000);
    assert_eq!(&set.as_bytes()[..8], b"\x04\0\0\0\x04\0\0\0");
    assert!(set.contains(-1) && set.contains(70_000) && !set.contains(1 << 40));
    set.insert(i64::MIN);
    assert_eq!((set.first(), set.as_bytes()[0]), (Some(i64::MIN), 8));
}

#[test]
fn damaged_bytes_are_refused() {
    let good = b"\x02\0\0\0\x02\0\0\0\x01\0\x02\0";
    assert!(IntSet::from_bytes(good.to_vec()).is_ok());
    assert!(IntSet::from_bytes(b"\x02\0\0\0\0\0\0\0".to_vec()).is_ok_and(|set| set.is_empty()));
    for bad in [
        b"".as_slice(),
        b"\x02\0\0\0\x02\0\0",
        b"\x02\0\0\0\x02\0\0\0\x02\0\x01\0",
        b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        b"\x02\0\0\0\x03\0\0\0\x01\0\x02\0",
        b"\x03\0\0\0\x02\0\0\0\x01\0\x02\0",
        b"\0\0\0\0\0\0\0\0",
        b"\x02\0\0\0\xff\xff\xff\xff\x01\0",
    ] {
        assert!(IntSet::from_bytes(bad.to_vec()).is_err(), "{bad:?}");
    }
}
