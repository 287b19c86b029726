//! LCS: the longest common subsequence of two strings.
//!
//! Redis makes the textbook's table of `(a + 1) * (b + 1)` lengths, refuses what would make it larger than
//! `proto-max-bulk-len`, and walks it back from the end; matches that are contiguous in both strings form one range.
//! Here the walk is the same, and so is the limit, but of the table there are only a few [`rows`], as bits.

mod rows;

use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;
use rows::Rows;

#[derive(Default)]
struct Options {
    idx: bool,
    len: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut o = Self::default();
        let mut index = 3;
        while let Some(word) = args.get(index) {
            index += 1;
            if is(word, "idx") {
                o.idx = true;
            } else if is(word, "len") {
                o.len = true;
            } else if is(word, "withmatchlen") {
                o.with_match_len = true;
            } else if let (true, Some(number)) = (is(word, "minmatchlen"), args.get(index)) {
                o.min_match_len = integer(number)?.max(0);
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if o.len && o.idx {
            return Err(CommandError::Text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(o)
    }
}

/// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]
pub fn lcs(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let mut strings = [Vec::new(), Vec::new()];
    // Both are looked up, whatever the first one is.
    let mut wrong = false;
    for (index, string) in strings.iter_mut().enumerate() {
        match ctx.string(args.at(1 + index), Touch::Read) {
            Ok(value) => *string = value.map_or(Vec::new(), |value| value.to_vec()),
            Err(_) => wrong = true,
        }
    }
    if wrong {
        return Err(CommandError::Text("ERR The specified keys must contain string values"));
    }
    let o = Options::parse(args)?;
    let [a, b] = &strings;
    check_size(a, b, ctx.limits.proto_max_bulk_len)?;
    let mut rows = Rows::new(a, b, ctx.pulse);
    let total = rows.length(b.len()) as i64;
    if o.idx {
        reply_ranges(reply, &walk(&mut rows, a, b).1, total, &o);
    } else if o.len {
        reply.int(total);
    } else {
        reply.bulk(&walk(&mut rows, a, b).0);
    }
    Ok(())
}

/// Inclusive ranges of one match: in the first and in the second string.
#[derive(PartialEq, Eq, Debug)]
struct Match {
    a: (usize, usize),
    b: (usize, usize),
}

/// Refuses what Redis would not have the memory for, though the table that it means is not made here.
fn check_size(a: &[u8], b: &[u8], max_bytes: u64) -> Result<(), CommandError> {
    let cells = (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1);
    if cells.saturating_mul(4) > max_bytes {
        return Err(CommandError::Text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

/// The subsequence, and its contiguous ranges from the last to the first.
fn walk(rows: &mut Rows<'_>, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
    let (mut i, mut j) = (a.len(), b.len());
    let (mut common, mut matches) = (Vec::new(), Vec::<Match>::new());
    // Whether the last match may still grow to the front.
    let mut open = false;
    // The lengths in this row and in the one before, up to `j`.
    let (mut length, mut above) = (rows.length(j), rows.length_above(j));
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            common.push(a[i - 1]);
            match matches.last_mut() {
                Some(last) if open && last.a.0 == i && last.b.0 == j => {
                    last.a.0 -= 1;
                    last.b.0 -= 1;
                }
                _ => matches.push(Match { a: (i - 1, i - 1), b: (j - 1, j - 1) }),
            }
            open = true;
            i -= 1;
            j -= 1;
            rows.up();
            (length, above) = (length - 1, rows.length_above(j));
            continue;
        }
        open = false;
        let left = length - usize::from(rows.grows(j - 1));
        if above > left {
            i -= 1;
            rows.up();
            (length, above) = (above, rows.length_above(j));
        } else {
            j -= 1;
            (length, above) = (left, above - usize::from(rows.grows_above(j)));
        }
    }
    common.reverse();
    (common, matches)
}

fn reply_ranges(reply: &mut Reply, matches: &[Match], total: i64, o: &Options) {
    let len = |m: &Match| (m.a.1 - m.a.0 + 1) as i64;
    let kept = || matches.iter().filter(|m| len(m) >= o.min_match_len);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(kept().count());
    for m in kept() {
        reply.array(2 + usize::from(o.with_match_len));
        for (first, last) in [m.a, m.b] {
            reply.array(2);
            reply.int(first as i64);
            reply.int(last as i64);
        }
        if o.with_match_len {
            reply.int(len(m));
        }
    }
    reply.bulk(b"len");
    reply.int(total);
}
