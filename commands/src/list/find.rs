//! LPOS.

use crate::parse::{integer, is, positive};
use crate::{CommandError, Ctx};
use base::Args;
use ds::List;
use ds::list::End;
use ds::listpack::Entry;
use keyspace::Touch;
use resp::Reply;

struct Options {
    /// From which match on; from the tail if negative.
    rank: i64,
    /// How many matches are wanted, 0 for all; without it one, and the reply is no array.
    count: Option<u64>,
    /// How many elements are looked at; 0 for all.
    max_len: u64,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut o = Self { rank: 1, count: None, max_len: 0 };
        let mut index = 3;
        while let Some(word) = args.get(index) {
            let value = args.get(index + 1).ok_or(CommandError::Syntax)?;
            if is(word, "rank") {
                o.rank = rank(value)?;
            } else if is(word, "count") {
                o.count = Some(positive(value, "ERR COUNT can't be negative")?);
            } else if is(word, "maxlen") {
                o.max_len = positive(value, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::Syntax);
            }
            index += 2;
        }
        Ok(o)
    }
}

fn rank(text: &[u8]) -> Result<i64, CommandError> {
    match integer(text)? {
        0 => Err(CommandError::Text(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to \
             start from the end of the list",
        )),
        i64::MIN => Err(CommandError::Text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        rank => Ok(rank),
    }
}

/// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
///
/// Indexes are those of LINDEX, counted from the head whatever the direction.
pub fn lpos(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let o = Options::parse(args)?;
    let element = Entry::from(args.at(2));
    let beat = ctx.pulse.beat();
    let list = ctx.read::<List>(args.at(1), Touch::Read)?;
    let Some(list) = list else {
        match o.count {
            Some(_) => reply.array(0),
            None => reply.null(),
        }
        return Ok(());
    };
    let (from, len) = (if o.rank < 0 { End::Right } else { End::Left }, list.len());
    let limit = if o.max_len == 0 { usize::MAX } else { usize::try_from(o.max_len).unwrap_or(usize::MAX) };
    let skipped = usize::try_from(o.rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let matches = list
        .iter(from)
        .take(limit)
        .inspect(|_| beat.one())
        .enumerate()
        .filter(|(_, entry)| entry.same_text(&element));
    let mut places =
        matches.skip(skipped).map(|(i, _)| if from == End::Left { i } else { len - 1 - i } as i64);
    match o.count {
        None => match places.next() {
            Some(place) => reply.int(place),
            None => reply.null(),
        },
        Some(count) => {
            let wanted = if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
            let header = reply.deferred_array();
            let mut found = 0;
            for place in places.take(wanted) {
                reply.int(place);
                found += 1;
            }
            reply.finish_array(header, found);
        }
    }
    Ok(())
}
