//! Sets in RDB: 2 (members one by one), 11 (an integer set), 20 (a listpack, since 7.2).
//!
//! A set that is a listpack here is written as type 2, so that Redis 7.0 reads it.

use super::Encoder;
use super::cursor::{Cursor, Stop, malformed};
use super::object::{Context, MEMBERS_PER_STEP};
use ds::{IntSet, Listpack, Set, set::Member};

/// The value type under which it is written.
pub(crate) fn kind(value: &Set) -> u8 {
    if value.as_ints().is_some() { 11 } else { 2 }
}

/// Writes it, from its beginning or from a cursor on; the cursor at which it stopped.
pub(crate) fn encode(value: &Set, out: &mut Encoder, from: Option<u64>) -> Option<u64> {
    if let Some(ints) = value.as_ints() {
        out.string(ints.as_bytes());
        return None;
    }
    if from.is_none() {
        out.length(value.len() as u64);
    }
    let mut cursor = from.unwrap_or(0);
    loop {
        cursor = value.scan(cursor, MEMBERS_PER_STEP, |member| member.with_text(|text| out.string(text)));
        match cursor {
            0 => return None,
            cursor if out.is_full() => return Some(cursor),
            _ => {}
        }
    }
}

/// Reads a value of any of the types of sets; `None` if it is empty.
pub(crate) fn decode(kind: u8, cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<Set>, Stop> {
    match kind {
        2 => members(cursor, context),
        11 => match IntSet::from_bytes(cursor.bytes()?.into_owned()) {
            Ok(ints) if !ints.is_empty() => Ok(Some(Set::from_ints(ints, context.settings))),
            _ => malformed("an integer set that is none"),
        },
        _ => {
            let Ok(listpack) = Listpack::from_bytes(cursor.bytes()?.into_owned()) else {
                return malformed("a set whose listpack is none");
            };
            match Set::from_listpack(listpack, context.settings) {
                Some(set) => Ok(Some(set).filter(|set| !set.is_empty())),
                None => malformed("a set with the same member twice"),
            }
        }
    }
}

fn members(cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<Set>, Stop> {
    let count = cursor.length()?;
    let mut set = Set::for_loading(count, context.settings);
    for _ in 0..count {
        context.steps.one();
        if !set.insert(Member::Bytes(&cursor.bytes()?), context.settings) {
            return malformed("a set with the same member twice");
        }
    }
    Ok(Some(set).filter(|set| !set.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::super::object::decode as decode_object;
    use super::*;
    use base::Prng;
    use ds::Settings;
    use std::collections::BTreeSet;

    fn sample(members: u64, prefix: &str, settings: &Settings) -> Set {
        let mut set = Set::new(settings);
        for n in 0..members {
            set.insert(Member::Bytes(format!("{prefix}{}", n * 1000).as_bytes()), settings);
        }
        set
    }

    fn read(kind: u8, bytes: &[u8], settings: &Settings) -> Option<Set> {
        match decode_object(kind, bytes, &Context { settings, version: 10, steps: &Default::default() }) {
            Ok(Some(keyspace::Object::Set(set))) => Some(set),
            _ => None,
        }
    }

    fn bytes_of(set: &Set) -> Vec<u8> {
        let mut out = Encoder::new(true, false);
        out.take();
        let mut from = encode(set, &mut out, None);
        while from.is_some() {
            from = encode(set, &mut out, from);
        }
        out.take()
    }

    fn members(set: &Set) -> BTreeSet<Vec<u8>> {
        set.iter().map(|member| member.to_vec()).collect()
    }

    #[test]
    fn every_form_comes_back() {
        let settings = Settings::default();
        for (count, prefix) in [(1, ""), (500, ""), (513, ""), (1, "m"), (128, "m"), (129, "m"), (3000, "m")]
        {
            let set = sample(count, prefix, &settings);
            let back = read(kind(&set), &bytes_of(&set), &settings).expect("a set");
            assert_eq!((back.encoding(), members(&back)), (set.encoding(), members(&set)));
        }
    }

    #[test]
    fn listpacks_of_later_versions_are_read() {
        let settings = Settings { set_max_listpack_entries: 2, ..Settings::default() };
        let read = |texts: &[&[u8]]| {
            let mut listpack = Listpack::new();
            texts.iter().for_each(|text| listpack.push_back(*text).expect("room"));
            let mut value = vec![listpack.bytes_len() as u8];
            value.extend_from_slice(listpack.as_bytes());
            read(20, &value, &settings)
        };
        assert!(read(&[b"a", b"1"]).is_some_and(|set| (set.encoding(), set.len()) == ("listpack", 2)));
        assert!(read(&[b"a", b"1", b"2"]).is_some_and(|set| (set.encoding(), set.len()) == ("hashtable", 3)));
        assert!(read(&[b"a", b"a"]).is_none());
        assert!(read(&[]).is_none());
    }

    #[test]
    fn nonsense_is_refused() {
        let settings = Settings::default();
        for (kind, bytes) in [
            (2, &b"\x02\x01a\x01a"[..]),
            (2, b"\x02\x01a"),
            (2, b"\x00"),
            (2, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
            (11, b"\x08\x02\0\0\0\0\0\0\0"),
            (11, b"\x0a\x02\0\0\0\x02\0\0\0\x01\0"),
            (20, b"\x07\x07\0\0\0\0\0\xff"),
        ] {
            assert!(read(kind, bytes, &settings).is_none(), "{kind} {bytes:?}");
        }
    }

    #[test]
    fn flipped_bits_never_break_anything() {
        let settings = Settings::default();
        let mut prng = Prng::new(12);
        for (count, prefix) in [(50, ""), (5, "m"), (200, "m")] {
            let set = sample(count, prefix, &settings);
            let bytes = bytes_of(&set);
            for _ in 0..2000 {
                let mut damaged = bytes.clone();
                for _ in 0..1 + prng.below(3) {
                    let at = prng.below(damaged.len() as u64) as usize;
                    damaged[at] ^= 1 << prng.below(8);
                }
                if let Some(mut set) = read(kind(&set), &damaged, &settings) {
                    assert_eq!(members(&set).len(), set.len());
                    set.insert(Member::Bytes(b"another"), &settings);
                    while set.pop(&mut prng).is_some() {}
                    assert!(set.is_empty());
                }
            }
        }
    }
}
