//! Lists in RDB: node by node, a small list as the one node that it is. Read are also lists of ziplists (RDB 7 to 9),
//! single ziplists and bare elements.

use super::Encoder;
use super::cursor::{Cursor, Stop, malformed};
use super::object::Context;
use super::ziplist;
use ds::list::{Builder, NodePlace, NodeRef};
use ds::listpack::Entry;
use ds::{List, Listpack};

/// Elements one by one.
const ELEMENTS: u8 = 1;
/// One ziplist.
const ZIPLIST: u8 = 10;
/// Ziplists.
const QUICKLIST: u8 = 14;
/// Listpacks and plain elements, each behind a number that says which.
const QUICKLIST_2: u8 = 18;

/// A node that is one element.
const PLAIN: u64 = 1;
/// A node that is a listpack.
const PACKED: u64 = 2;

/// The value type under which it is written.
pub(crate) fn kind(_value: &List) -> u8 {
    QUICKLIST_2
}

/// Writes it node by node, from the first or the given one; the node at which it stopped.
pub(crate) fn encode(value: &List, out: &mut Encoder, from: Option<NodePlace>) -> Option<NodePlace> {
    let mut next = from;
    if from.is_none() {
        out.length(value.node_count() as u64);
        next = value.first_node();
    }
    while let Some((node, after)) = next.and_then(|place| value.node_at(place)) {
        let (container, bytes) = match node {
            NodeRef::Packed(bytes) => (PACKED, bytes),
            NodeRef::Plain(bytes) => (PLAIN, bytes),
        };
        out.length(container);
        out.string(bytes);
        next = after;
        if out.is_full() {
            break;
        }
    }
    next
}

/// Reads a value of any of the types of lists; `None` if it is empty.
pub(crate) fn decode(kind: u8, cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<List>, Stop> {
    let mut list = Builder::new(context.settings);
    let count = if kind == ZIPLIST { 1 } else { cursor.length()? };
    for _ in 0..count {
        context.steps.one();
        match kind {
            ELEMENTS => list.element(&cursor.bytes()?),
            ZIPLIST | QUICKLIST => list.packed(converted(&cursor.bytes()?)?),
            QUICKLIST_2 => node(cursor, &mut list)?,
            _ => return malformed("a list of unknown form"),
        }
    }
    Ok(list.finish())
}

fn node(cursor: &mut Cursor<'_>, list: &mut Builder) -> Result<(), Stop> {
    match cursor.length()? {
        PLAIN => match cursor.bytes()?.into_owned() {
            nothing if nothing.is_empty() => return malformed("a list with a node of nothing"),
            element => list.plain(element),
        },
        PACKED => match Listpack::from_bytes(cursor.bytes()?.into_owned()) {
            Ok(listpack) => list.packed(listpack),
            Err(_) => return malformed("a list with a listpack that contradicts itself"),
        },
        _ => return malformed("a list with a node of unknown form"),
    }
    Ok(())
}

/// A ziplist as a listpack.
fn converted(bytes: &[u8]) -> Result<Listpack, Stop> {
    let mut listpack = Listpack::with_capacity(bytes.len());
    for element in ziplist::elements(bytes)? {
        // A number that was kept as text becomes one, as when Redis converts.
        let pushed = match element {
            Entry::Bytes(text) => listpack.push_back(text),
            number => listpack.push_back(number),
        };
        if pushed.is_err() {
            return malformed("a list with a ziplist that is too large for a listpack");
        }
    }
    Ok(listpack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;
    use ds::Settings;
    use ds::list::End;

    fn elements(list: &List) -> Vec<Vec<u8>> {
        list.iter(End::Left).map(|entry| entry.to_vec()).collect()
    }

    fn sample(count: usize, settings: &Settings) -> List {
        let mut prng = Prng::new(count as u64);
        let mut list = List::new(settings);
        for i in 0..count {
            let text = if prng.chance(1, 3) {
                i.to_string().into_bytes()
            } else {
                vec![b'e'; prng.below(300) as usize]
            };
            list.grow(text.len(), 1, settings);
            list.push(End::Right, &text, settings);
        }
        list
    }

    fn read(kind: u8, bytes: &[u8], settings: &Settings) -> Option<List> {
        let context = Context { settings, version: 10, steps: &Default::default() };
        match super::super::object::decode(kind, bytes, &context) {
            Ok(Some(keyspace::Object::List(list))) => Some(list),
            _ => None,
        }
    }

    fn bytes_of(list: &List) -> Vec<u8> {
        let mut out = Encoder::new(true, false);
        out.take();
        let mut from = encode(list, &mut out, None);
        while from.is_some() {
            from = encode(list, &mut out, from);
        }
        out.take()
    }

    #[test]
    fn every_form_comes_back() {
        let plain = Settings { list_plain_threshold: 250, ..Settings::default() };
        for settings in [Settings::default(), plain] {
            for count in [1, 10, 60, 500, 2000] {
                let list = sample(count, &settings);
                let back = read(QUICKLIST_2, &bytes_of(&list), &settings).expect("a list");
                assert_eq!((back.encoding(), elements(&back)), (list.encoding(), elements(&list)));
                assert!(back.nodes().eq(list.nodes()));
            }
        }
    }

    #[test]
    fn old_forms_are_read() {
        let settings = Settings::default();
        let bare = read(ELEMENTS, b"\x03\x01a\xc0\x07\x01b", &settings).expect("a list");
        assert_eq!((elements(&bare).concat(), bare.encoding()), (b"a7b".to_vec(), "listpack"));
        // Made by hand from ziplist.c's description: "a", 1 and "5" as text.
        let ziplist = b"\x13\x00\x00\x00\x0f\x00\x00\x00\x03\x00\x00\x01a\x03\xf2\x02\x015\xff";
        let one = [&[ziplist.len() as u8][..], ziplist].concat();
        let list = read(ZIPLIST, &one, &settings).expect("a list");
        assert_eq!(elements(&list).concat(), b"a15");
        assert_eq!(list.get(2), Some(Entry::Int(5)), "a number that was text");
        let empty = b"\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff";
        let several = [&[3][..], &one, &empty[..], &one].concat();
        let list = read(QUICKLIST, &several, &settings).expect("a list");
        assert_eq!((elements(&list).concat(), list.node_count()), (b"a15a15".to_vec(), 2));
    }

    #[test]
    fn nonsense_is_refused() {
        let settings = Settings::default();
        for (kind, bytes) in [
            (QUICKLIST_2, &b"\x00"[..]),
            (QUICKLIST_2, b"\x01\x03\x01a"),
            (QUICKLIST_2, b"\x01\x02\x01a"),
            (QUICKLIST_2, b"\x01\x02\x07\x07\x00\x00\x00\x00\x00\xff"),
            (QUICKLIST_2, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a"),
            (ELEMENTS, b"\x02\x01a"),
            (ZIPLIST, b"\x01a"),
            (QUICKLIST_2, b"\x01\x01\x00"),
        ] {
            assert!(read(kind, bytes, &settings).is_none(), "{kind} {bytes:?}");
        }
        assert!(read(QUICKLIST_2, b"\x01\x01\x01a", &settings).is_some(), "a node of one element");
    }

    #[test]
    fn flipped_bits_never_break_anything() {
        let settings = Settings::default();
        let mut prng = Prng::new(21);
        for count in [3, 40, 300] {
            let bytes = bytes_of(&sample(count, &settings));
            for _ in 0..2000 {
                let mut damaged = bytes.clone();
                for _ in 0..1 + prng.below(3) {
                    let at = prng.below(damaged.len() as u64) as usize;
                    damaged[at] ^= 1 << prng.below(8);
                }
                if let Some(mut list) = read(QUICKLIST_2, &damaged, &settings) {
                    assert_eq!(list.iter(End::Left).count(), list.len());
                    assert_eq!(list.iter(End::Right).count(), list.len());
                    list.grow(1, 1, &settings);
                    list.insert(list.len() / 2, ds::list::Side::After, b"x", &settings);
                    list.remove_range(0, list.len() + 1);
                    assert!(list.is_empty());
                }
            }
        }
    }
}
