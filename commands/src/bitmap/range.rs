//! The part of a string that BITCOUNT and BITPOS look at, in bits.

use crate::CommandError;
use crate::parse::is;
use keyspace::{PART, Pulse};

/// BYTE or BIT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    Byte,
    Bit,
}

impl Unit {
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        if is(word, "bit") {
            Ok(Unit::Bit)
        } else if is(word, "byte") {
            Ok(Unit::Byte)
        } else {
            Err(CommandError::Syntax)
        }
    }
}

/// The half-open range of bits that `start..=end` means in a string of `len` bytes; `None` if it is empty.
pub(super) fn bits(start: i64, end: i64, unit: Unit, len: usize) -> Option<(usize, usize)> {
    let total = match unit {
        Unit::Byte => len as i64,
        Unit::Bit => len as i64 * 8,
    };
    let from_end = |at: i64| if at < 0 { at.saturating_add(total).max(0) } else { at };
    let (start, end) = (from_end(start), from_end(end).min(total - 1));
    if start > end {
        return None;
    }
    let (start, end) = (start as usize, end as usize + 1);
    Some(match unit {
        Unit::Byte => (start * 8, end * 8),
        Unit::Bit => (start, end),
    })
}

/// Byte `at` with only those bits left that lie in `from..to`.
fn edge(bytes: &[u8], at: usize, from: usize, to: usize) -> u8 {
    let first = from.saturating_sub(at * 8).min(8);
    let last = to.saturating_sub(at * 8).min(8);
    let mask = (0xffu16 >> first) & !(0xffu16 >> last);
    bytes[at] & mask as u8
}

/// How many bits of `from..to`, which is not empty, are set.
pub(super) fn count(bytes: &[u8], from: usize, to: usize, pulse: Pulse<'_>) -> u64 {
    let (first, last) = (from / 8, (to - 1) / 8);
    if first == last {
        return u64::from(edge(bytes, first, from, to).count_ones());
    }
    let edges = edge(bytes, first, from, to).count_ones() + edge(bytes, last, from, to).count_ones();
    let (words, rest) = bytes[first + 1..last].as_chunks::<8>();
    let mut inner = 0;
    for part in words.chunks(PART) {
        inner += part.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum::<u64>();
        if part.len() == PART {
            pulse.tick();
        }
    }
    inner + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>() + u64::from(edges)
}

/// The first bit of `from..to`, which is not empty, that is `bit`.
pub(super) fn find(bytes: &[u8], bit: bool, from: usize, to: usize, pulse: Pulse<'_>) -> Option<usize> {
    let (first, last) = (from / 8, (to - 1) / 8);
    let flip = if bit { 0 } else { 0xff };
    let look = |at: usize| {
        let byte = [bytes[at] ^ flip];
        // `edge` reads the byte at its place; here it is the only one.
        let found = edge(&byte, 0, from.saturating_sub(at * 8), to - at * 8);
        (found != 0).then(|| at * 8 + found.leading_zeros() as usize)
    };
    if let Some(found) = look(first) {
        return Some(found);
    }
    let skipped = bytes.get(first + 1..last).map_or(0, |inner| {
        let (words, _) = inner.as_chunks::<8>();
        leading(words, [flip; 8], pulse) * 8
    });
    (first + 1 + skipped..=last).find_map(look)
}

/// How many words are `boring` before the first that is not.
fn leading(words: &[[u8; 8]], boring: [u8; 8], pulse: Pulse<'_>) -> usize {
    let mut all = 0;
    for part in words.chunks(PART) {
        let seen = part.iter().take_while(|word| **word == boring).count();
        all += seen;
        if seen < PART {
            break;
        }
        pulse.tick();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;

    #[test]
    fn counts_and_finds_as_one_bit_after_the_other() {
        let (mut prng, pulse) = (Prng::new(3), Pulse::default());
        for _ in 0..3000 {
            let fill = *prng.pick(&[0, 0xff]).expect("two");
            let mut bytes = vec![fill; 1 + prng.below(40) as usize];
            for _ in 0..prng.below(4) {
                let at = prng.below(bytes.len() as u64) as usize;
                bytes[at] = prng.next_u64() as u8;
            }
            let total = bytes.len() * 8;
            let from = prng.below(total as u64) as usize;
            let to = from + 1 + prng.below((total - from) as u64) as usize;
            let is_set = |bit: usize| bytes[bit / 8] >> (7 - bit % 8) & 1 == 1;
            assert_eq!(count(&bytes, from, to, pulse), (from..to).filter(|bit| is_set(*bit)).count() as u64);
            for bit in [false, true] {
                assert_eq!(find(&bytes, bit, from, to, pulse), (from..to).find(|at| is_set(*at) == bit));
            }
        }
    }

    #[test]
    fn ranges_are_clamped() {
        assert_eq!(bits(0, -1, Unit::Byte, 3), Some((0, 24)));
        assert_eq!(bits(-5, 100, Unit::Bit, 3), Some((19, 24)));
        assert_eq!(bits(i64::MIN, i64::MAX, Unit::Byte, 1), Some((0, 8)));
        assert_eq!(bits(0, -1, Unit::Byte, 0), None);
        assert_eq!(bits(3, 2, Unit::Bit, 3), None);
    }
}
