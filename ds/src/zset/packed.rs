//! Sorted sets in a listpack: member, score, member, score, in order.

use super::order;
use crate::Listpack;
use crate::listpack::{Entry, Pos, TooLarge};
use base::DoubleText;
use base::double::as_integer;
use base::number::parse_f64;
use core::cmp::Ordering;

/// Why a listpack is no sorted set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invalid {
    /// A member without a score.
    Odd,
    /// A score that is no number.
    Score,
    /// A member that comes twice.
    Duplicate,
}

/// The most that a score takes in a listpack.
const SCORE_SIZE: usize = 32;

/// The score that an element stands for; what is no number, which only a foreign payload has, counts as 0.
#[inline]
pub(super) fn score_of(entry: Entry<'_>) -> f64 {
    match entry {
        Entry::Int(value) => value as f64,
        Entry::Bytes(text) => parse_f64(text).unwrap_or(0.0),
    }
}

/// A member's place and score.
pub(super) fn find(listpack: &Listpack, member: &[u8]) -> Option<(Pos, f64)> {
    let pos = listpack.find(listpack.first()?, member, 1)?;
    Some((pos, score_of(listpack.get(listpack.next(pos)?))))
}

/// A member's rank and score.
pub(super) fn rank(listpack: &Listpack, member: &[u8]) -> Option<(usize, f64)> {
    let wanted = Entry::from(member);
    let mut at = listpack.first();
    let mut rank = 0;
    while let Some(pos) = at {
        let behind = listpack.next(pos)?;
        if listpack.get(pos).same_text(&wanted) {
            return Some((rank, score_of(listpack.get(behind))));
        }
        at = listpack.next(behind);
        rank += 1;
    }
    None
}

/// Puts a member where it belongs, and takes it from where it is, if it is there. On an error nothing has changed.
pub(super) fn set(
    listpack: &mut Listpack,
    member: &[u8],
    score: f64,
    there: Option<Pos>,
) -> Result<(), TooLarge> {
    let member_size = if there.is_some() { 0 } else { Listpack::entry_size(member) };
    if !listpack.has_room(member_size + SCORE_SIZE) {
        return Err(TooLarge);
    }
    if let Some(pos) = there {
        if stays(listpack, pos, member, score)
            && let Some(behind) = listpack.next(pos)
        {
            return with_score(score, |entry| listpack.replace(behind, entry));
        }
        listpack.remove_from(pos, 2);
    }
    let mut at = listpack.first();
    while let Some(pos) = at {
        let Some(behind) = listpack.next(pos) else { break };
        let here = score_of(listpack.get(behind));
        if here > score || here == score && listpack.get(pos).with_text(|text| text > member) {
            // The score first: both go before what is now at `pos`.
            with_score(score, |entry| listpack.insert_before(pos, entry))?;
            return listpack.insert_before(pos, member);
        }
        at = listpack.next(behind);
    }
    listpack.push_back(member)?;
    push_score(listpack, score)
}

/// Whether a member keeps its place with another score.
fn stays(listpack: &Listpack, pos: Pos, member: &[u8], score: f64) -> bool {
    let key_at = |pos: Pos, compare: &dyn Fn(f64, &[u8]) -> Ordering| {
        let score = listpack.next(pos).map_or(0.0, |behind| score_of(listpack.get(behind)));
        listpack.get(pos).with_text(|text| compare(score, text))
    };
    let compare = |other: f64, text: &[u8]| order((other, text), (score, member));
    let before = listpack.prev(pos).and_then(|score| listpack.prev(score));
    let after = listpack.next(pos).and_then(|score| listpack.next(score));
    before.is_none_or(|pos| key_at(pos, &compare) == Ordering::Less)
        && after.is_none_or(|pos| key_at(pos, &compare) == Ordering::Greater)
}

/// Makes room for these members and their scores.
pub(super) fn reserve<'a>(listpack: &mut Listpack, members: impl Iterator<Item = (f64, &'a [u8])>) {
    listpack.reserve(members.map(|(score, member)| {
        Listpack::entry_size(member) + with_score(score, |score| Listpack::entry_size(score))
    }));
}

/// Appends a score.
pub(super) fn push_score(listpack: &mut Listpack, score: f64) -> Result<(), TooLarge> {
    with_score(score, |entry| listpack.push_back(entry))
}

fn with_score<R>(score: f64, f: impl FnOnce(Entry<'_>) -> R) -> R {
    match as_integer(score) {
        Some(value) => f(Entry::Int(value)),
        None => f(Entry::Bytes(DoubleText::new(score).as_bytes())),
    }
}

/// Checks a listpack from elsewhere; whether its members are in order.
pub(super) fn check(listpack: &Listpack) -> Result<bool, Invalid> {
    let mut members: Vec<Vec<u8>> = Vec::new();
    let mut ordered = true;
    let mut last: Option<(f64, Vec<u8>)> = None;
    let mut elements = listpack.iter();
    while let Some(member) = elements.next() {
        let score = match elements.next().ok_or(Invalid::Odd)? {
            Entry::Int(value) => value as f64,
            Entry::Bytes(text) => parse_f64(text).ok_or(Invalid::Score)?,
        };
        let member = member.to_vec();
        ordered &= last.is_none_or(|(s, m)| order((s, &m), (score, &member)) == Ordering::Less);
        members.push(member.clone());
        last = Some((score, member));
    }
    members.sort_unstable();
    match members.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(Invalid::Duplicate),
        false => Ok(ordered),
    }
}
