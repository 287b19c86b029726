//! LCS: the longest common subsequence of two strings, by the textbook table of `(a + 1) * (b + 1)` lengths.
//!
//! The table is walked back from the end; matches that are contiguous in both strings form one range. Its size is
//! bounded by `proto-max-bulk-len`, as in Redis.

use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use keyspace::{Steps, Touch};
use resp::Reply;

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
    let table = Table::new(a, b, ctx.limits.proto_max_bulk_len, &ctx.keyspace.steps())?;
    let total = i64::from(table.at(a.len(), b.len()));
    if o.idx {
        reply_ranges(reply, &table.walk(a, b).1, total, &o);
    } else if o.len {
        reply.int(total);
    } else {
        reply.bulk(&table.walk(a, b).0);
    }
    Ok(())
}

/// Inclusive ranges of one match: in the first and in the second string.
#[derive(PartialEq, Eq, Debug)]
struct Match {
    a: (usize, usize),
    b: (usize, usize),
}

struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8], max_bytes: u64, steps: &Steps) -> Result<Self, CommandError> {
        let width = b.len() + 1;
        let cells = (a.len() as u64 + 1).checked_mul(width as u64);
        let Some(cells) = cells.filter(|cells| cells.saturating_mul(4) <= max_bytes) else {
            return Err(CommandError::Text(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        };
        let mut table = Self { cells: vec![0; cells as usize], width };
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                steps.one();
                let best =
                    if x == y { table.at(i, j) + 1 } else { table.at(i, j + 1).max(table.at(i + 1, j)) };
                table.cells[(i + 1) * width + j + 1] = best;
            }
        }
        Ok(table)
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// The subsequence, and its contiguous ranges from the last to the first.
    fn walk(&self, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut common = Vec::with_capacity(self.at(i, j) as usize);
        let mut matches: Vec<Match> = Vec::new();
        // Whether the last match may still grow to the front.
        let mut open = false;
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
            } else {
                open = false;
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        common.reverse();
        (common, matches)
    }
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
