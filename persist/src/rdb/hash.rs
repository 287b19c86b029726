//! Hashes in RDB: 4 (fields and values one by one), 16 (a listpack), and of old 13 (a ziplist) and 9 (a zipmap).
//!
//! With times of fields: 24 (what Redis 7.4 writes for tables: the earliest time; then with each field its time less
//! the earliest and plus one, 0 for none) is what we write for them. We read as well 25 (a listpack of triples behind
//! the earliest time), both as release candidates wrote them (22 and 23: times are absolute), and Valkey 9's 22 (the
//! time, -1 for none, behind field and value).

use super::Encoder;
use super::cursor::{Cursor, Stop, malformed};
use super::object::{Context, MEMBERS_PER_STEP};
use super::types::VALKEY_VERSIONS;
use super::ziplist;
use ds::hash::EXPIRY_MAX;
use ds::listpack::Entry;
use ds::{Hash, Listpack};

/// The type of a hash with times.
const WITH_TIMES: u8 = 24;

/// In a zipmap, a length of this takes four more bytes.
const ZIPMAP_WIDE: u8 = 254;
const ZIPMAP_END: u8 = 255;

/// The value type under which it is written.
pub(crate) fn kind(value: &Hash) -> u8 {
    if value.volatile_len() > 0 {
        return WITH_TIMES;
    }
    if value.as_listpack().is_some() { 16 } else { 4 }
}

/// Writes it, from its beginning or from a cursor on; the cursor at which it stopped.
pub(crate) fn encode(value: &Hash, out: &mut Encoder, from: Option<u64>) -> Option<u64> {
    let first = value.next_expiry();
    if let (Some(listpack), None) = (value.as_listpack(), first) {
        out.string(listpack.as_bytes());
        return None;
    }
    if from.is_none() {
        if let Some(first) = first {
            out.raw(&first.to_le_bytes());
        }
        out.length(value.len() as u64);
    }
    let mut cursor = from.unwrap_or(0);
    loop {
        cursor = value.scan(cursor, MEMBERS_PER_STEP, |field, text| {
            field.with_text(|field| {
                if let Some(first) = first {
                    out.length(value.expiry(field).map_or(0, |at| (at - first) as u64 + 1));
                }
                out.string(field);
            });
            text.with_text(|text| out.string(text));
        });
        match cursor {
            0 => return None,
            cursor if out.is_full() => return Some(cursor),
            _ => {}
        }
    }
}

/// Reads a value of any of the types of hashes; `None` if it is empty.
pub(crate) fn decode(kind: u8, cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<Hash>, Stop> {
    let hash = match kind {
        4 => fields(cursor, context)?,
        9 => zipmap(&cursor.bytes()?, context)?,
        13 => packed(from_ziplist(&cursor.bytes()?)?, context)?,
        16 => packed(Listpack::from_bytes(cursor.bytes()?.into_owned()).ok(), context)?,
        22 if VALKEY_VERSIONS.contains(&context.version) => fields_of_valkey(cursor, context)?,
        22 => fields_with_times(cursor, None, context)?,
        23 => triples(cursor, context)?,
        WITH_TIMES => {
            let first = i64::from_le_bytes(cursor.array()?);
            fields_with_times(cursor, Some(first), context)?
        }
        _ => {
            cursor.array::<8>()?;
            triples(cursor, context)?
        }
    };
    Ok(Some(hash).filter(|hash| !hash.is_empty()))
}

fn fields(cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Hash, Stop> {
    let count = cursor.length()?;
    let mut hash = Hash::for_loading(count, context.settings);
    for _ in 0..count {
        context.steps.one();
        let (field, value) = (cursor.bytes()?, cursor.bytes()?);
        if !hash.set(&field, &value, context.settings) {
            return malformed("a hash with the same field twice");
        }
    }
    Ok(hash)
}

/// Sets a new field with the time that stands beside it in a file, if one does.
fn set_with_time(
    hash: &mut Hash,
    field: &[u8],
    value: &[u8],
    at: Option<i64>,
    context: &Context<'_>,
) -> Result<(), Stop> {
    if !hash.set_keeping(field, value, context.settings) {
        return malformed("a hash with the same field twice");
    }
    match at {
        Some(at) if !(0..=EXPIRY_MAX).contains(&at) => malformed("a field with an impossible time to live"),
        Some(at) => {
            hash.set_expiry(field, at, context.settings);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Each field behind its time: absolute, or counted from one before `first`; 0 is none.
fn fields_with_times(
    cursor: &mut Cursor<'_>,
    first: Option<i64>,
    context: &Context<'_>,
) -> Result<Hash, Stop> {
    let count = cursor.length()?;
    let mut hash = Hash::for_loading(count, context.settings);
    for _ in 0..count {
        context.steps.one();
        let time = match (i64::try_from(cursor.length()?).unwrap_or(i64::MAX), first) {
            (0, _) => None,
            (time, None) => Some(time),
            (time, Some(first)) => Some(first.saturating_add(time - 1)),
        };
        let (field, value) = (cursor.bytes()?, cursor.bytes()?);
        set_with_time(&mut hash, &field, &value, time, context)?;
    }
    Ok(hash)
}

fn fields_of_valkey(cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Hash, Stop> {
    let count = cursor.length()?;
    let mut hash = Hash::for_loading(count, context.settings);
    for _ in 0..count {
        context.steps.one();
        let (field, value) = (cursor.bytes()?, cursor.bytes()?);
        let time = Some(i64::from_le_bytes(cursor.array()?)).filter(|time| *time != -1);
        set_with_time(&mut hash, &field, &value, time, context)?;
    }
    Ok(hash)
}

/// A listpack of field, value and absolute time, 0 for none.
fn triples(cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Hash, Stop> {
    let Ok(listpack) = Listpack::from_bytes(cursor.bytes()?.into_owned()) else {
        return malformed("a hash whose listpack is none");
    };
    let mut hash = Hash::for_loading(listpack.len() as u64 / 3, context.settings);
    let mut entries = listpack.iter();
    while let Some(field) = entries.next() {
        let (Some(value), Some(Entry::Int(time))) = (entries.next(), entries.next()) else {
            return malformed("a field without a value or a time");
        };
        let time = Some(time).filter(|time| *time != 0);
        field.with_text(|field| {
            value.with_text(|value| set_with_time(&mut hash, field, value, time, context))
        })?;
    }
    Ok(hash)
}

fn packed(listpack: Option<Listpack>, context: &Context<'_>) -> Result<Hash, Stop> {
    let Some(listpack) = listpack else { return malformed("a hash whose listpack or ziplist is none") };
    match Hash::from_listpack(listpack, context.settings) {
        Some(hash) => Ok(hash),
        None => malformed("a hash with the same field twice, or a field without a value"),
    }
}

fn from_ziplist(bytes: &[u8]) -> Result<Option<Listpack>, Stop> {
    let mut listpack = Listpack::with_capacity(bytes.len());
    let fits = |entry: Entry<'_>| entry.with_text(|text| listpack.push_back(text)).is_ok();
    let all = ziplist::elements(bytes)?.into_iter().all(fits);
    Ok(all.then_some(listpack))
}

/// Redis 2.4's small hashes: a count byte, then fields and values, each behind its length; a value also has a byte that
/// says how many unused bytes follow it.
fn zipmap(bytes: &[u8], context: &Context<'_>) -> Result<Hash, Stop> {
    let broken = || malformed("a zipmap that is none");
    let mut hash = Hash::for_loading(0, context.settings);
    let Some((&claimed, mut rest)) = bytes.split_first() else { return broken() };
    while let Some(&first) = rest.first() {
        if first == ZIPMAP_END {
            let counted = claimed >= ZIPMAP_WIDE || usize::from(claimed) == hash.len();
            return if rest.len() == 1 && counted { Ok(hash) } else { broken() };
        }
        let Some((field, value, behind)) = zipmap_pair(rest) else { return broken() };
        if !hash.set(field, value, context.settings) {
            return malformed("a hash with the same field twice");
        }
        rest = behind;
    }
    broken()
}

fn zipmap_pair(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (len, bytes) = zipmap_length(bytes)?;
    let (field, bytes) = bytes.split_at_checked(len)?;
    let (len, bytes) = zipmap_length(bytes)?;
    let (&unused, bytes) = bytes.split_first()?;
    let (value, bytes) = bytes.split_at_checked(len)?;
    Some((field, value, bytes.get(usize::from(unused)..)?))
}

fn zipmap_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&ZIPMAP_END, _) => None,
        (&ZIPMAP_WIDE, rest) => {
            let (wide, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*wide) as usize, rest))
        }
        (&len, rest) => Some((usize::from(len), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::decode as decode_object;
    use super::*;
    use base::Prng;
    use ds::Settings;
    use std::collections::BTreeMap;

    fn sample(fields: u64, longest: usize, settings: &Settings) -> Hash {
        let mut hash = Hash::new(settings);
        for n in 0..fields {
            hash.set(format!("field {n}").as_bytes(), n.to_string().as_bytes(), settings);
        }
        hash.set(b"long", &vec![b'v'; longest], settings);
        hash
    }

    fn read(kind: u8, bytes: &[u8], settings: &Settings) -> Option<Hash> {
        match decode_object(kind, bytes, &Context { settings, version: 10, steps: &Default::default() }) {
            Ok(Some(keyspace::Object::Hash(hash))) => Some(hash),
            _ => None,
        }
    }

    fn bytes_of(hash: &Hash) -> Vec<u8> {
        let mut out = Encoder::new(true, false);
        out.take();
        let mut from = encode(hash, &mut out, None);
        while from.is_some() {
            from = encode(hash, &mut out, from);
        }
        out.take()
    }

    fn pairs(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
        hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
    }

    #[test]
    fn both_forms_come_back() {
        let settings = Settings::default();
        for (fields, longest) in [(0, 1), (511, 64), (512, 64), (5, 65), (5000, 9)] {
            let hash = sample(fields, longest, &settings);
            let back = read(kind(&hash), &bytes_of(&hash), &settings).expect("a hash");
            assert_eq!((back.encoding(), pairs(&back)), (hash.encoding(), pairs(&hash)));
        }
    }

    #[test]
    fn old_forms_are_read() {
        let settings = Settings::default();
        let expected = BTreeMap::from([(b"foo".to_vec(), b"5".to_vec()), (b"a".to_vec(), b"hello".to_vec())]);
        let zipmap = b"\x16\x02\x03foo\x01\x02\x35??\x01a\x05\x00hello\xff";
        let mut zipmap = zipmap.to_vec();
        zipmap[0] = zipmap.len() as u8 - 1;
        let hash = read(9, &zipmap, &settings).expect("a hash");
        assert_eq!((pairs(&hash), hash.encoding()), (expected.clone(), "listpack"));
        let mut ziplist = b"\0\0\0\0\0\0\0\0\x04\0\x00\x03foo\x05\xf6\x02\x01a\x03\x05hello\xff".to_vec();
        ziplist[0] = ziplist.len() as u8;
        ziplist[4] = ziplist.len() as u8 - 8;
        let mut value = vec![ziplist.len() as u8];
        value.extend(&ziplist);
        let hash = read(13, &value, &settings).expect("a hash");
        assert_eq!((pairs(&hash), hash.encoding()), (expected, "listpack"));
    }

    #[test]
    fn times_come_back() {
        let settings = Settings::default();
        for fields in [3, 3000] {
            let mut hash = sample(fields, 3, &settings);
            for n in (0..fields).step_by(2) {
                hash.set_expiry(
                    format!("field {n}").as_bytes(),
                    1_700_000_000_000 + n as i64 * 1000,
                    &settings,
                );
            }
            let back = read(kind(&hash), &bytes_of(&hash), &settings).expect("a hash");
            assert_eq!((back.encoding(), pairs(&back)), (hash.encoding(), pairs(&hash)));
            assert!(
                back.expiries()
                    .map(|(f, at)| (f.to_vec(), at))
                    .eq(hash.expiries().map(|(f, at)| (f.to_vec(), at)))
            );
        }
    }

    #[test]
    fn every_form_with_times_is_read() {
        let settings = Settings::default();
        let load = |kind, bytes: &[u8], version| {
            let hash = match decode_object(
                kind,
                bytes,
                &Context { settings: &settings, version, steps: &Default::default() },
            ) {
                Ok(Some(keyspace::Object::Hash(hash))) => hash,
                other => panic!("{kind}: {other:?}"),
            };
            assert_eq!(
                pairs(&hash),
                BTreeMap::from([(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())])
            );
            assert_eq!((hash.expiry(b"a"), hash.expiry(b"b")), (Some(1000), None));
        };
        load(22, b"\x02\x01a\x011\xe8\x03\0\0\0\0\0\0\x01b\x012\xff\xff\xff\xff\xff\xff\xff\xff", 80);
        load(22, b"\x02\x43\xe8\x01a\x011\x00\x01b\x012", 12);
        load(24, b"\xe8\x03\0\0\0\0\0\0\x02\x01\x01a\x011\x00\x01b\x012", 12);
        let mut listpack = Listpack::new();
        for text in ["a", "1", "1000", "b", "2", "0"] {
            listpack.push_back(text.as_bytes()).expect("room");
        }
        let mut value = vec![listpack.bytes_len() as u8];
        value.extend_from_slice(listpack.as_bytes());
        load(23, &value, 12);
        value.splice(0..0, 1000i64.to_le_bytes());
        load(25, &value, 12);
    }

    #[test]
    fn nonsense_is_refused() {
        let settings = Settings::default();
        for (kind, bytes) in [
            (4, &b"\x02\x01a\x01b\x01a\x01c"[..]),
            (4, b"\x01\x01a"),
            (4, b"\x00"),
            (4, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
            (9, b"\x06\x01\x01a\x01\x00b"),
            (9, b"\x07\x02\x01a\x01\x00b\xff"),
            (9, b"\x0b\x02\x01a\x01\x00b\x01a\x01\x00c\xff"),
            (9, b"\x02\x00\xff"),
            (16, b"\x07\x07\0\0\0\0\0\xff"),
            (24, b"\xe8\x03\0\0\0\0\0\0\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a\x01b"),
            (24, b"\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01a\x01b"),
            (24, b"\xe8\x03\0\0\0\0\0\0\x02\x01\x01a\x011\x00\x01a\x012"),
            (23, b"\x0b\x0b\0\0\0\x02\0\x01\x01\x02\x01\xff"),
            (16, b"\x09\x09\0\0\0\x01\0\x01\x01\xff"),
            (16, b"\x0f\x0f\0\0\0\x04\0\x01\x01\x02\x01\x01\x01\x02\x01\xff"),
        ] {
            assert!(read(kind, bytes, &settings).is_none(), "{kind} {bytes:?}");
        }
    }

    #[test]
    fn flipped_bits_never_break_anything() {
        let settings = Settings::default();
        let mut prng = Prng::new(13);
        for (fields, longest) in [(3, 4), (50, 30), (90, 100)] {
            let mut hash = sample(fields, longest, &settings);
            if fields == 50 {
                (0..20).for_each(|n| _ = hash.set_expiry(format!("field {n}").as_bytes(), n + 9, &settings));
            }
            let bytes = bytes_of(&hash);
            for _ in 0..2000 {
                let mut damaged = bytes.clone();
                for _ in 0..1 + prng.below(3) {
                    let at = prng.below(damaged.len() as u64) as usize;
                    damaged[at] ^= 1 << prng.below(8);
                }
                if let Some(mut hash) = read(kind(&hash), &damaged, &settings) {
                    let found = pairs(&hash);
                    assert_eq!(found.len(), hash.len());
                    hash.set(b"another", b"value", &settings);
                    found.keys().for_each(|field| assert!(hash.remove(field)));
                    assert!(hash.remove(b"another") || found.contains_key(&b"another"[..]));
                    assert!(hash.is_empty());
                }
            }
        }
    }
}
