//! What SORT is told.

use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::{Args, Slot};
use std::ops::Range;

/// See the module.
pub struct Options<'a> {
    /// Whether the order changes at all.
    pub sorted: bool,
    /// DESC.
    pub descending: bool,
    /// ALPHA: texts, not numbers.
    pub alpha: bool,
    /// BY with a `*`.
    pub by: Option<&'a [u8]>,
    /// GET, as often as given.
    pub get: Vec<&'a [u8]>,
    /// STORE.
    pub store: Option<&'a [u8]>,
    limit: (i64, i64),
}

impl<'a> Options<'a> {
    /// The options from argument 2 on; `may_store` for SORT alone.
    pub fn parse(ctx: &Ctx<'_>, args: Args<'a>, may_store: bool) -> Result<Self, CommandError> {
        let mut o = Self {
            sorted: true,
            descending: false,
            alpha: false,
            by: None,
            get: Vec::new(),
            store: None,
            limit: (0, -1),
        };
        let elsewhere = |pattern: &[u8]| {
            ctx.keyspace.is_clustered() && slot_of_pattern(pattern) != Some(Slot::of_key(args.at(1)))
        };
        let mut index = 2;
        while let Some(word) = args.get(index) {
            let values = (args.get(index + 1), args.get(index + 2));
            index += 1;
            match values {
                _ if is(word, "asc") => o.descending = false,
                _ if is(word, "desc") => o.descending = true,
                _ if is(word, "alpha") => o.alpha = true,
                (Some(offset), Some(count)) if is(word, "limit") => {
                    o.limit = (integer(offset)?, integer(count)?);
                    index += 2;
                }
                (Some(target), _) if may_store && is(word, "store") => {
                    o.store = Some(target);
                    index += 1;
                }
                (Some(pattern), _) if is(word, "by") => {
                    let constant = !until_nul(pattern).contains(&b'*');
                    if !constant && elsewhere(pattern) {
                        return Err(CommandError::Text(
                            "ERR BY option of SORT denied in Cluster mode when keys formed by the pattern may be in \
                             different slots.",
                        ));
                    }
                    // Redis goes on not sorting if a second BY has a `*`.
                    o.sorted &= !constant;
                    o.by = Some(pattern);
                    index += 1;
                }
                (Some(pattern), _) if is(word, "get") => {
                    if elsewhere(pattern) {
                        return Err(CommandError::Text(
                            "ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in \
                             different slots.",
                        ));
                    }
                    o.get.push(pattern);
                    index += 1;
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(o)
    }

    /// Forgets a BY that said not to sort.
    pub fn sort_as_text(&mut self) {
        self.sorted = true;
        self.alpha = true;
        self.by = None;
    }

    /// The part of `len` elements that LIMIT asks for.
    pub fn range(&self, len: usize) -> Range<usize> {
        let (offset, count) = self.limit;
        let start = usize::try_from(offset).unwrap_or(0).min(len);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(len)
    }
}

/// What C sees of a text.
pub fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The slot of all keys that a pattern may stand for; `None` if they may be in several. A hash tag before the first
/// character with a meaning decides.
fn slot_of_pattern(pattern: &[u8]) -> Option<Slot> {
    let special = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'));
    let plain = &pattern[..special.unwrap_or(pattern.len())];
    let opened = plain.iter().position(|byte| *byte == b'{');
    let closed = opened.and_then(|open| plain[open..].iter().position(|byte| *byte == b'}'));
    match (special, closed) {
        (None, _) | (_, Some(2..)) => Some(Slot::of_key(plain)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_before_the_star_pins_the_slot() {
        let abc = Some(Slot::of_key(b"abc"));
        assert_eq!(slot_of_pattern(b"{abc}*"), abc);
        assert_eq!(slot_of_pattern(b"x{abc}y?->f"), abc);
        assert_eq!(slot_of_pattern(b"abc"), abc);
        for open in [&b"*{abc}"[..], b"{}*", b"{abc*}", b"w_*", b"{a\\bc}"] {
            assert_eq!(slot_of_pattern(open), None);
        }
    }
}
