//! What commands on the elements of one value share: options of SSCAN, HSCAN and ZSCAN, counts of random elements, and
//! collecting elements whose number is not known yet.

use crate::CommandError;
use crate::parse::{integer, is};
use base::number::parse_i64;
use base::{Args, glob};
use ds::listpack::Entry;
use resp::Reply;

/// Elements that one call looks at when COUNT is not given.
const DEFAULT_COUNT: usize = 10;
/// Bytes that a reply of random elements, repeated at will, may have.
const RANDOM_REPLY_MAX: usize = 1 << 30;

/// The options of a scan.
pub struct ScanOptions<'a> {
    /// About how many elements to look at.
    pub count: usize,
    pattern: Option<&'a [u8]>,
    /// Whether the word that leaves values (or scores) out was given.
    pub bare: bool,
}

impl Default for ScanOptions<'_> {
    fn default() -> Self {
        Self { count: DEFAULT_COUNT, pattern: None, bare: false }
    }
}

impl<'a> ScanOptions<'a> {
    /// Those of a scan over elements, from argument 3 on. `bare` is the command's word for leaving out what stands beside an element, if it has one.
    pub fn parse(args: Args<'a>, bare: Option<&str>) -> Result<Self, CommandError> {
        let mut o = Self::default();
        let mut index = 3;
        while let Some(word) = args.get(index) {
            if bare.is_some_and(|bare| is(word, bare)) {
                o.bare = true;
                index += 1;
                continue;
            }
            let Some(value) = args.get(index + 1) else { return Err(CommandError::Syntax) };
            if !o.take(word, value)? {
                return Err(CommandError::Syntax);
            }
            index += 2;
        }
        Ok(o)
    }

    /// Takes COUNT or MATCH; `false` for another word.
    pub fn take(&mut self, word: &[u8], value: &'a [u8]) -> Result<bool, CommandError> {
        if is(word, "count") {
            self.count =
                usize::try_from(integer(value)?).ok().filter(|n| *n > 0).ok_or(CommandError::Syntax)?;
        } else if is(word, "match") {
            self.pattern = (value != b"*").then_some(value);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether an element with this name is to be given.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

/// The cursor of a scan: C's `strtoul` without leading white space: a sign is allowed, nothing at all is 0.
pub fn cursor(text: &[u8]) -> Result<u64, CommandError> {
    read_cursor(text).ok_or(CommandError::InvalidCursor)
}

fn read_cursor(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return text.is_empty().then_some(0);
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { value.wrapping_neg() } else { value })
}

/// Writes an element's text.
#[inline]
pub fn reply_text(reply: &mut Reply, text: Entry<'_>) {
    match text {
        Entry::Int(value) => reply.bulk_int(value),
        Entry::Bytes(text) => reply.bulk(text),
    }
}

/// The answer of a scan: the next cursor and the elements.
pub fn reply_scan(reply: &mut Reply, next: u64, elements: &Texts) {
    reply.array(2);
    // Redis prints the cursor as a signed number.
    reply.bulk_int(next as i64);
    elements.reply(reply);
}

/// The count of SPOP, SRANDMEMBER, HRANDFIELD and ZRANDMEMBER where it may be negative.
pub fn signed_count(text: &[u8]) -> Result<i64, CommandError> {
    let count = integer(text)?;
    if count == i64::MIN {
        return Err(CommandError::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    Ok(count)
}

/// A count that must not be negative.
pub fn positive_count(text: &[u8]) -> Result<u64, CommandError> {
    parse_i64(text)
        .and_then(|count| u64::try_from(count).ok())
        .ok_or(CommandError::Text("ERR value is out of range, must be positive"))
}

/// How many draws a negative count asks for, refused when they would make a reply past every bound.
pub fn draws(count: i64, elements: usize, bytes: usize) -> Result<usize, CommandError> {
    let draws = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let each = 16 + bytes / elements.max(1);
    if draws.saturating_mul(each) > RANDOM_REPLY_MAX {
        return Err(CommandError::Text("ERR value is out of range"));
    }
    Ok(draws)
}

/// Texts collected before their number is known, one behind the other.
#[derive(Default)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds one.
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// As an array.
    pub fn reply(&self, reply: &mut Reply) {
        reply.array(self.ends.len());
        self.iter().for_each(|text| reply.bulk(text));
    }
}

#[cfg(test)]
mod tests {
    use super::read_cursor;

    #[test]
    fn cursors_are_read_as_strtoul_does() {
        for (text, expected) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("+7", Some(7)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            (" 1", None),
            ("1 ", None),
            ("0x1", None),
            ("-", None),
        ] {
            assert_eq!(read_cursor(text.as_bytes()), expected, "{text:?}");
        }
    }
}
