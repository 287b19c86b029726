//! Sorted sets in RDB: the listpack as it is, or members with binary scores.
//!
//! Members are written from the highest score down, as Redis does. Read are also scores as text (RDB 7 and older) and
//! ziplists.

use super::Encoder;
use super::cursor::{Cursor, Stop, malformed};
use super::object::Context;
use super::ziplist;
use ds::listpack::Entry;
use ds::{Listpack, Zset};

/// Members and scores as text.
const TEXT_SCORES: u8 = 3;
/// Members and scores as eight bytes.
const BINARY_SCORES: u8 = 5;
const ZIPLIST: u8 = 12;
const LISTPACK: u8 = 17;

/// The value type under which it is written.
pub(crate) fn kind(value: &Zset) -> u8 {
    if value.as_listpack().is_some() { LISTPACK } else { BINARY_SCORES }
}

/// Writes it, from its beginning or with so many members left; how many are left where it stopped.
pub(crate) fn encode(value: &Zset, out: &mut Encoder, from: Option<usize>) -> Option<usize> {
    if let Some(listpack) = value.as_listpack() {
        out.string(listpack.as_bytes());
        return None;
    }
    if from.is_none() {
        out.length(value.len() as u64);
    }
    let mut left = from.unwrap_or(value.len());
    for (member, score) in value.iter_from(left.saturating_sub(1), true) {
        member.with_text(|member| out.string(member));
        out.raw(&score.to_le_bytes());
        left = left.saturating_sub(1);
        if out.is_full() {
            return Some(left).filter(|left| *left > 0);
        }
    }
    None
}

/// Reads a value of any of the types of sorted sets; `None` if it is empty.
pub(crate) fn decode(kind: u8, cursor: &mut Cursor<'_>, context: &Context<'_>) -> Result<Option<Zset>, Stop> {
    let zset = match kind {
        TEXT_SCORES => members(cursor, context, text_score)?,
        BINARY_SCORES => members(cursor, context, |cursor| Ok(f64::from_le_bytes(cursor.array()?)))?,
        ZIPLIST => of_ziplist(&cursor.bytes()?, context)?,
        LISTPACK => of_listpack(cursor.bytes()?.into_owned(), context)?,
        _ => return malformed("a sorted set of unknown form"),
    };
    Ok(Some(zset).filter(|zset| !zset.is_empty()))
}

fn members(
    cursor: &mut Cursor<'_>,
    context: &Context<'_>,
    score: fn(&mut Cursor<'_>) -> Result<f64, Stop>,
) -> Result<Zset, Stop> {
    let count = cursor.length()?;
    // The count is only claimed; it decides about the form, not about memory.
    let mut zset = Zset::for_size(usize::try_from(count).unwrap_or(usize::MAX), 0, context.settings);
    for _ in 0..count {
        context.steps.one();
        let member = cursor.bytes()?;
        let score = score(cursor)?;
        if score.is_nan() {
            return malformed("a sorted set with a score that is no number");
        }
        if zset.set(&member, score, context.settings).is_some() {
            return malformed("a sorted set in which a member comes twice");
        }
    }
    Ok(zset)
}

/// A length byte and as many characters; three values above 252 stand for what has no digits.
fn text_score(cursor: &mut Cursor<'_>) -> Result<f64, Stop> {
    let len = match cursor.byte()? {
        253 => return Ok(f64::NAN),
        254 => return Ok(f64::INFINITY),
        255 => return Ok(f64::NEG_INFINITY),
        len => usize::from(len),
    };
    match base::number::parse_f64(cursor.take(len)?) {
        Some(score) => Ok(score),
        None => malformed("a sorted set with a score that is no number"),
    }
}

fn of_ziplist(bytes: &[u8], context: &Context<'_>) -> Result<Zset, Stop> {
    let mut listpack = Listpack::with_capacity(bytes.len());
    for element in ziplist::elements(bytes)? {
        // A number that was kept as text becomes one, as when Redis converts.
        let pushed = match element {
            Entry::Bytes(text) => listpack.push_back(text),
            number => listpack.push_back(number),
        };
        if pushed.is_err() {
            return malformed("a sorted set that is too large for its form");
        }
    }
    checked(listpack, context)
}

fn of_listpack(bytes: Vec<u8>, context: &Context<'_>) -> Result<Zset, Stop> {
    match Listpack::from_bytes(bytes) {
        Ok(listpack) => checked(listpack, context),
        Err(_) => malformed("a sorted set in a listpack that contradicts itself"),
    }
}

fn checked(listpack: Listpack, context: &Context<'_>) -> Result<Zset, Stop> {
    match Zset::from_listpack(listpack, context.settings) {
        Ok(zset) => Ok(zset),
        Err(_) => malformed("a sorted set without pairs of a member and a score"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;
    use ds::Settings;

    fn sample(members: usize, settings: &Settings) -> Zset {
        let mut prng = Prng::new(9);
        let mut zset = Zset::new(settings);
        for n in 0..members {
            let score = *prng.pick(&[1.0, -2.5, 1e300, f64::INFINITY, 0.1, 4e18]).expect("some");
            zset.set(format!("{n}").as_bytes(), score, settings);
        }
        zset
    }

    fn read(kind: u8, bytes: &[u8], settings: &Settings) -> Option<Zset> {
        let context = Context { settings, version: 10, steps: &Default::default() };
        match super::super::object::decode(kind, bytes, &context) {
            Ok(Some(keyspace::Object::Zset(zset))) => Some(zset),
            _ => None,
        }
    }

    fn bytes_of(zset: &Zset) -> Vec<u8> {
        let mut out = Encoder::new(true, false);
        out.take();
        let mut from = encode(zset, &mut out, None);
        while from.is_some() {
            from = encode(zset, &mut out, from);
        }
        out.take()
    }

    #[test]
    fn both_forms_come_back() {
        let settings = Settings::default();
        for members in [1, 10, 128, 129, 3000] {
            let zset = sample(members, &settings);
            let back = read(kind(&zset), &bytes_of(&zset), &settings).expect("a sorted set");
            assert_eq!(back.encoding(), zset.encoding());
            assert!(back.iter().map(|(m, s)| (m.to_vec(), s)).eq(zset.iter().map(|(m, s)| (m.to_vec(), s))));
        }
    }

    #[test]
    fn old_forms_are_read() {
        let settings = Settings::default();
        let text = b"\x03\x01a\x031.5\x01b\xff\x01c\x0217";
        let zset = read(TEXT_SCORES, text, &settings).expect("a sorted set");
        let all: Vec<_> = zset.iter().map(|(m, s)| (m.to_vec(), s)).collect();
        assert_eq!(all, [(b"b".to_vec(), f64::NEG_INFINITY), (b"a".to_vec(), 1.5), (b"c".to_vec(), 17.0)]);
        let mut ziplist = b"\x14\x00\x00\x00\x0f\x00\x00\x00\x04\x00".to_vec();
        ziplist.extend(b"\x00\x01a\x03\xf2\x02\xf6\x02\xf3\xff");
        ziplist[0] = ziplist.len() as u8;
        ziplist[4] = ziplist.len() as u8 - 3;
        let mut value = vec![ziplist.len() as u8];
        value.extend(&ziplist);
        let zset = read(ZIPLIST, &value, &settings).expect("a sorted set");
        let all: Vec<_> = zset.iter().map(|(m, s)| (m.to_vec(), s)).collect();
        assert_eq!(all, [(b"a".to_vec(), 1.0), (b"5".to_vec(), 2.0)]);
        assert_eq!(zset.encoding(), "listpack");
    }

    #[test]
    fn nonsense_is_refused() {
        let settings = Settings::default();
        for (kind, bytes) in [
            (TEXT_SCORES, &b"\x01\x01a\xfd"[..]),
            (TEXT_SCORES, b"\x01\x01a\x02xx"),
            (
                BINARY_SCORES,
                b"\x02\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00",
            ),
            (BINARY_SCORES, b"\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f"),
            (BINARY_SCORES, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a"),
            (BINARY_SCORES, b"\x00"),
            (LISTPACK, b"\x07\x07\x00\x00\x00\x00\x00\xff"),
        ] {
            assert!(read(kind, bytes, &settings).is_none(), "{kind} {bytes:?}");
        }
    }

    #[test]
    fn flipped_bits_never_break_anything() {
        let settings = Settings::default();
        let mut prng = Prng::new(11);
        for members in [5, 40, 200] {
            let zset = sample(members, &settings);
            let bytes = bytes_of(&zset);
            for _ in 0..2000 {
                let mut damaged = bytes.clone();
                for _ in 0..1 + prng.below(3) {
                    let at = prng.below(damaged.len() as u64) as usize;
                    damaged[at] ^= 1 << prng.below(8);
                }
                if let Some(mut zset) = read(kind(&zset), &damaged, &settings) {
                    let len = zset.len();
                    assert_eq!(zset.iter().count(), len);
                    zset.set(b"another", 3.0, &settings);
                    zset.remove_range(0, len + 1);
                    assert!(zset.is_empty());
                }
            }
        }
    }
}
