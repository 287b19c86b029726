//! Large collections are written in pieces: what waits in memory is bounded, and nothing else changes.

use super::*;
use crate::dump;
use base::{DbIndex, Prng};
use ds::list::End;
use ds::set::Member;
use ds::stream::{GroupBuilder, NewId, StreamId};
use ds::{Hash, List, Set, Settings, Stream, Zset};
use keyspace::{LoadValue, Object, ValueRef};

/// What may wait beyond a piece: the members of one step, or a node or leaf.
const SLACK: usize = 16 << 10;

fn large() -> Vec<Object> {
    let settings = Settings::default();
    let mut prng = Prng::new(7);
    let mut text = |n: u64| [format!("{n}:").into_bytes(), vec![b'x'; prng.below(200) as usize]].concat();
    let (mut list, mut set) = (List::new(&settings), Set::new(&settings));
    let (mut hash, mut timed) = (Hash::new(&settings), Hash::new(&settings));
    let mut zset = Zset::for_size(0, 0, &settings);
    for n in 0..5000 {
        let text = text(n);
        list.grow(text.len(), 1, &settings);
        list.push(End::Right, &text, &settings);
        set.insert(Member::Bytes(&text), &settings);
        hash.set(&n.to_string().into_bytes(), &text, &settings);
        timed.set(&n.to_string().into_bytes(), &text, &settings);
        if n % 3 > 0 {
            timed.set_expiry(&n.to_string().into_bytes(), 1_700_000_000_000 + n as i64, &settings);
        }
        zset.set(&text, n as f64 / 7.0, &settings);
    }
    let objects = [Object::List(list), Object::Set(set), Object::Hash(hash), Object::Hash(timed)];
    objects.into_iter().chain([Object::Zset(zset), Object::Stream(stream().into())]).collect()
}

/// Entries, and groups whose pending entries take more than the entries do.
fn stream() -> Stream {
    let settings = Settings::default();
    let mut stream = Stream::new(&settings);
    for n in 1..=3000 {
        let pair = [(&b"field"[..], n.to_string().into_bytes())];
        let pair = pair.iter().map(|(name, value)| (*name, &value[..]));
        stream.log_mut().append(NewId::Whole(StreamId::new(n, 0)), pair, &settings).expect("an id");
    }
    for name in ["", "a", "b"] {
        let mut group = GroupBuilder::new(StreamId::new(3000, 0), 3000);
        for n in 1..=3000u64 {
            group.pending(StreamId::new(n, 0).to_bytes(), 5, 1).expect("an entry");
        }
        for consumer in ["", "x", "y", "z"] {
            group.consumer(consumer.as_bytes(), 5, 5).expect("a consumer");
        }
        for n in 1..=3000u64 {
            let owner = if n > 2900 { "" } else { "y" };
            group.owned(owner.as_bytes(), StreamId::new(n, 0).to_bytes()).expect("owned");
        }
        group.finish(name.as_bytes(), &mut stream).expect("a group");
    }
    stream
}

#[test]
fn a_large_value_takes_little_memory_at_a_time() {
    for object in large() {
        let value = ValueRef::Object(&object);
        let mut encoder = Encoder::new(false, true);
        let mut pieces = vec![encoder.take()];
        let mut place = encoder.begin(DbIndex(0), b"key", value, None, 0);
        while let Some(from) = place {
            pieces.push(encoder.take());
            place = encoder.go_on(value, from);
        }
        encoder.finish();
        pieces.push(encoder.take());
        let longest = pieces.iter().map(Vec::len).max();
        assert!(longest < Some(PIECE + SLACK), "{:?}: {longest:?}", object.type_name());
        let file = pieces.concat();
        assert!(pieces.len() > 3 && file.len() > 2 * PIECE, "{:?}: not large", object.type_name());

        let mut whole = Encoder::new(false, true);
        whole.entry(DbIndex(0), b"key", value, None, 0);
        whole.finish();
        assert_eq!(whole.take(), file);
    }
}

#[test]
fn what_is_read_from_pieces_is_the_value() {
    for object in large() {
        let payload = dump::encode(ValueRef::Object(&object), true);
        let Ok(LoadValue::Object(back)) = dump::decode(&payload, &Settings::default()) else {
            panic!("not read")
        };
        assert_eq!((back.len(), back.encoding()), (object.len(), object.encoding()));
        match (&object, &back) {
            (Object::List(a), Object::List(b)) => {
                assert!(a.iter(End::Left).map(|e| e.to_vec()).eq(b.iter(End::Left).map(|e| e.to_vec())));
            }
            (Object::Set(a), Object::Set(b)) => a.iter().for_each(|member| assert!(b.contains(member))),
            (Object::Hash(a), Object::Hash(b)) => a.iter().for_each(|(field, value)| {
                field.with_text(|field| {
                    assert_eq!(b.get(field).map(|v| v.to_vec()), Some(value.to_vec()));
                    assert_eq!(b.expiry(field), a.expiry(field));
                });
            }),
            (Object::Zset(a), Object::Zset(b)) => {
                let all = |zset: &Zset| zset.iter().map(|(m, s)| (m.to_vec(), s)).collect::<Vec<_>>();
                assert_eq!(all(a), all(b));
            }
            // Without tables, a stream has one form only.
            _ => assert!(dump::encode(ValueRef::Object(&back), true) == payload),
        }
    }
}

/// A long string: some of it repeats, some does not.
fn long_text(noise: usize, repeating: usize) -> Vec<u8> {
    let mut prng = Prng::new(11);
    let noise = (0..noise).map(|_| prng.next_u64() as u8);
    noise.chain((0..repeating).map(|n| (n / 5 % 40) as u8)).collect()
}

#[test]
fn a_long_string_takes_little_memory_and_is_compressed_all_the_same() {
    let (short, long) = (text::WHOLE_MAX, 3 * text::WHOLE_MAX + 77);
    for (bytes, compress, smaller) in [
        (long_text(0, short), true, true),
        (long_text(0, long), true, true),
        (long_text(long, 0), true, false),
        (long_text(short, long), true, true),
        (long_text(0, long), false, false),
    ] {
        let value = ValueRef::Bytes(&bytes);
        let mut encoder = Encoder::new(compress, true);
        let mut pieces = vec![encoder.take()];
        let mut place = encoder.begin(DbIndex(0), b"key", value, None, 0);
        while let Some(from) = place {
            pieces.push(encoder.take());
            place = encoder.go_on(value, from);
        }
        pieces.push(encoder.take());
        let longest = pieces.iter().map(Vec::len).max();
        assert!(longest < Some(PIECE + SLACK), "{longest:?}");
        let written: usize = pieces.iter().map(Vec::len).sum();
        assert_eq!(written < bytes.len() - bytes.len() / 5, smaller, "{written} of {}", bytes.len());
        let payload = dump::encode(value, compress);
        match dump::decode(&payload, &Settings::default()) {
            Ok(LoadValue::Bytes(back)) => assert!(back == bytes),
            other => panic!("not a string: {:?}", other.is_ok()),
        }
    }
}
