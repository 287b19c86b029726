//! Entry ids: milliseconds and a sequence number, ordered by both; written `ms-seq`.

/// The id of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct StreamId {
    /// Unix time in milliseconds, or whatever the writer chose.
    pub ms: u64,
    /// Tells entries of the same millisecond apart.
    pub seq: u64,
}

/// How [`StreamId::parse`] ends: an id, or milliseconds for which the sequence is to be chosen (`ms-*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParsedId {
    /// A whole id.
    Whole(StreamId),
    /// `ms-*`.
    AutoSeq(u64),
}

/// Longer texts are never ids, whatever they hold. As in Redis.
const TEXT_MAX: usize = 127;

impl StreamId {
    /// `0-0`, which no entry has.
    pub const ZERO: StreamId = StreamId { ms: 0, seq: 0 };
    /// The greatest id.
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// An id of its parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Whether it is `0-0`.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The id after this one; `None` after the greatest.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before this one; `None` before `0-0`.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// `ms` or `ms-seq`; without a sequence `missing_seq` is taken. No `-`, `+` or `*`.
    pub fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        match Self::parse_with_star(text, missing_seq)? {
            ParsedId::Whole(id) => Some(id),
            ParsedId::AutoSeq(_) => None,
        }
    }

    /// As [`StreamId::parse`], and `ms-*` too.
    pub fn parse_with_star(text: &[u8], missing_seq: u64) -> Option<ParsedId> {
        // Redis reads C strings: a NUL ends the text.
        if text.len() > TEXT_MAX {
            return None;
        }
        let text = text.split(|b| *b == 0).next().unwrap_or_default();
        let mut parts = text.splitn(2, |b| *b == b'-');
        let ms = decimal(parts.next()?)?;
        Some(match parts.next() {
            None => ParsedId::Whole(Self { ms, seq: missing_seq }),
            Some(b"*") => ParsedId::AutoSeq(ms),
            Some(seq) => ParsedId::Whole(Self { ms, seq: decimal(seq)? }),
        })
    }

    /// Sixteen bytes, big endian: as RDB files have it, and in the order of ids.
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// Back from [`StreamId::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }

    /// Its text.
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; IdText::MAX], len: 0 };
        text.push(itoa::Buffer::new().format(self.ms).as_bytes());
        text.push(b"-");
        text.push(itoa::Buffer::new().format(self.seq).as_bytes());
        text
    }
}

/// The text of an id, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl IdText {
    /// Two numbers of twenty digits and a dash.
    const MAX: usize = 41;

    fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }
}

impl std::ops::Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// A number as Redis's `string2ull` takes it: canonical decimal, or what `strtoull` makes of the rest.
fn decimal(text: &[u8]) -> Option<u64> {
    if let Some(value) = base::number::parse_i64(text) {
        return u64::try_from(value).ok();
    }
    // `strtoull` skips white space, takes a sign and leading zeros; the whole text must be used up.
    let spaces = text.iter().take_while(|b| matches!(b, b' ' | 9..=13)).count();
    let rest = &text[spaces..];
    let (negative, digits) = match rest.split_first() {
        Some((b'+', digits)) => (false, digits),
        Some((b'-', digits)) => (true, digits),
        _ => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut value = 0u64;
    for digit in digits {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_strtoull_does() {
        let parse = |text: &str| StreamId::parse(text.as_bytes(), 7);
        assert_eq!(parse("5"), Some(StreamId::new(5, 7)));
        assert_eq!(parse("007-03"), Some(StreamId::new(7, 3)));
        assert_eq!(parse(" +5-+1"), Some(StreamId::new(5, 1)));
        assert_eq!(parse("5- -1"), Some(StreamId::new(5, u64::MAX)));
        assert_eq!(parse("18446744073709551615-0"), Some(StreamId::new(u64::MAX, 0)));
        for wrong in ["", "-", "+", "*", "5-", "-5", "5--1", "5-1 ", "5-*", "a-1", "18446744073709551616"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(StreamId::parse_with_star(b"5-*", 0), Some(ParsedId::AutoSeq(5)));
        assert_eq!(StreamId::parse(&[b'0'; 128], 0), None);
    }

    #[test]
    fn neighbours_and_texts() {
        let edge = StreamId::new(4, u64::MAX);
        assert_eq!(edge.next(), Some(StreamId::new(5, 0)));
        assert_eq!(StreamId::new(5, 0).previous(), Some(edge));
        assert_eq!((StreamId::MAX.next(), StreamId::ZERO.previous()), (None, None));
        assert_eq!(&*StreamId::MAX.text(), b"18446744073709551615-18446744073709551615");
        assert_eq!(StreamId::from_bytes(edge.to_bytes()), edge);
    }
}
