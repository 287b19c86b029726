//! Ranges of scores and of members' bytes, and the ranks that lie in them.

use crate::CommandError;
use base::number::parse_f64;
use ds::Zset;
use ds::zset::Member;
use std::ops::Range;

/// A range of scores; an end that is open does not belong to it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct ScoreBounds {
    min: f64,
    max: f64,
    min_open: bool,
    max_open: bool,
}

impl ScoreBounds {
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, CommandError> {
        const REFUSAL: CommandError = CommandError::Text("ERR min or max is not a float");
        let (min, min_open) = bound(min).ok_or(REFUSAL)?;
        let (max, max_open) = bound(max).ok_or(REFUSAL)?;
        Ok(Self { min, max, min_open, max_open })
    }

    /// The ranks of the members within. O(log N).
    pub(super) fn ranks(&self, zset: &Zset) -> Range<usize> {
        let start = zset.partition_point(|score, _| score < self.min || (self.min_open && score == self.min));
        let end = zset.partition_point(|score, _| score < self.max || (!self.max_open && score == self.max));
        start..end.max(start)
    }
}

/// A number as `strtod` reads it, perhaps behind a `(`, which opens the bound.
fn bound(text: &[u8]) -> Option<(f64, bool)> {
    match text.strip_prefix(b"(") {
        Some(number) => Some((strtod(number)?, true)),
        None => Some((strtod(text)?, false)),
    }
}

/// C's `strtod` over the whole text: no text at all is 0, white space may come first, what is too large is infinite.
fn strtod(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let start = text.iter().position(|byte| !space(byte))?;
    let text = &text[start..];
    let plain = || core::str::from_utf8(text).ok()?.parse::<f64>().ok().filter(|value| !value.is_nan());
    parse_f64(text).or_else(plain)
}

/// A range of members' bytes. It means something where all members have one score.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct LexBounds<'a> {
    min: Bound<'a>,
    max: Bound<'a>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Bound<'a> {
    /// `-`: before every member.
    First,
    /// `+`: behind every member.
    Last,
    Open(&'a [u8]),
    Closed(&'a [u8]),
}

impl<'a> Bound<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            b"-" => Some(Bound::First),
            b"+" => Some(Bound::Last),
            [b'(', rest @ ..] => Some(Bound::Open(rest)),
            [b'[', rest @ ..] => Some(Bound::Closed(rest)),
            _ => None,
        }
    }

    /// Whether a member lies above, this being the lower end.
    fn is_below(&self, member: &[u8]) -> bool {
        match self {
            Bound::First => true,
            Bound::Last => false,
            Bound::Open(text) => member > *text,
            Bound::Closed(text) => member >= *text,
        }
    }

    /// Whether a member lies below, this being the upper end.
    fn is_above(&self, member: &[u8]) -> bool {
        match self {
            Bound::First => false,
            Bound::Last => true,
            Bound::Open(text) => member < *text,
            Bound::Closed(text) => member <= *text,
        }
    }
}

impl<'a> LexBounds<'a> {
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        match (Bound::parse(min), Bound::parse(max)) {
            (Some(min), Some(max)) => Ok(Self { min, max }),
            _ => Err(CommandError::Text("ERR min or max not valid string range item")),
        }
    }

    /// The ranks of the members within, found from the front or, with `reverse`, from the back; which is the same where
    /// all scores are equal. O(log N).
    pub(super) fn ranks(&self, zset: &Zset, reverse: bool) -> Range<usize> {
        if zset.as_listpack().is_some() {
            return self.walked_ranks(zset, reverse);
        }
        let start = zset.partition_point(|_, member| !self.min.is_below(member));
        let end = zset.partition_point(|_, member| self.max.is_above(member));
        start..end.max(start)
    }

    /// As Redis walks the small form, so that answers are equal where scores are not.
    fn walked_ranks(&self, zset: &Zset, reverse: bool) -> Range<usize> {
        let len = zset.len();
        let below = |member: Member<'_>| member.with_text(|member| self.min.is_below(member));
        let above = |member: Member<'_>| member.with_text(|member| self.max.is_above(member));
        let first = zset.iter().next().map(|(member, _)| above(member));
        let last = zset.iter_from(len.saturating_sub(1), true).next().map(|(member, _)| below(member));
        if self.is_empty() || first != Some(true) || last != Some(true) {
            return 0..0;
        }
        if reverse {
            let skipped = zset.iter_from(len - 1, true).take_while(|(member, _)| !above(*member)).count();
            let end = len - skipped;
            let inside = match end.checked_sub(1) {
                Some(rank) => zset.iter_from(rank, true).take_while(|(member, _)| below(*member)).count(),
                None => 0,
            };
            return end - inside..end;
        }
        let start = zset.iter().take_while(|(member, _)| !below(*member)).count();
        let inside = zset.iter_from(start, false).take_while(|(member, _)| above(*member)).count();
        start..start + inside
    }

    /// Whether nothing can lie within.
    fn is_empty(&self) -> bool {
        match (self.min, self.max) {
            (Bound::Last, _) | (_, Bound::First) => true,
            (Bound::First, _) | (_, Bound::Last) => false,
            (Bound::Closed(min), Bound::Closed(max)) => min > max,
            (Bound::Closed(min) | Bound::Open(min), Bound::Closed(max) | Bound::Open(max)) => min >= max,
        }
    }
}

/// Two ranks, negative ones counted from the end, as the half-open range that they mean in `len` members.
pub(super) fn rank_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_end = |rank: i64| if rank < 0 { len.saturating_add(rank) } else { rank };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_as_strtod_does() {
        for (text, expected) in [
            ("", Some((0.0, false))),
            ("(", Some((0.0, true))),
            ("(1.5", Some((1.5, true))),
            (" 1", Some((1.0, false))),
            ("( 1", Some((1.0, true))),
            ("1 ", None),
            (" ", None),
            ("1e400", Some((f64::INFINITY, false))),
            ("-inf", Some((f64::NEG_INFINITY, false))),
            ("+Infinity", Some((f64::INFINITY, false))),
            ("0x10", Some((16.0, false))),
            ("nan", None),
            ("((1", None),
            ("one", None),
        ] {
            assert_eq!(bound(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn ranks_are_clamped() {
        assert_eq!(rank_range(0, -1, 5), 0..5);
        assert_eq!(rank_range(-2, 100, 5), 3..5);
        assert_eq!(rank_range(i64::MIN, i64::MAX, 5), 0..5);
        assert_eq!(rank_range(2, 1, 5), 0..0);
        assert_eq!(rank_range(0, -1, 0), 0..0);
        assert_eq!(rank_range(5, 5, 5), 0..0);
    }
}
