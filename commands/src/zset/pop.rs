//! Members at the ends: ZPOPMIN, ZPOPMAX and ZMPOP.

use super::remove::remove_range;
use super::{Pairs, reply_member};
use crate::elements::positive_count;
use crate::parse::{at_least_one, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Zset;
use keyspace::Touch;
use resp::Reply;

/// Which end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    /// Its event.
    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    /// The command that pops at this end, as it stands in the log.
    pub(super) fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }
}

/// ZPOPMIN key [count]
pub fn zpopmin(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop_command(ctx, args, reply, End::Min)
}

/// ZPOPMAX key [count]
pub fn zpopmax(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop_command(ctx, args, reply, End::Max)
}

fn pop_command(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, end: End) -> Result<(), CommandError> {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = args.get(2).map(positive_count).transpose()?;
    let key = args.at(1);
    let there = ctx.read::<Zset>(key, Touch::Write)?.map_or(0, Zset::len);
    let taken = there.min(usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX));
    // With a count, RESP3 has an array for each member.
    let pairs = if count.is_some() { Pairs::new(reply, true) } else { Pairs { scores: true, nested: false } };
    pairs.header(reply, taken);
    pop(ctx, key, end, taken, pairs, reply)
}

/// Takes `count` members, which are there, and answers with them.
pub(super) fn pop(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: End,
    count: usize,
    pairs: Pairs,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    if count == 0 {
        return Ok(());
    }
    let pulse = ctx.pulse;
    let changed = ctx.change(key, |zset: &mut Zset| {
        let len = zset.len();
        let (first, reverse, from) = match end {
            End::Min => (0, false, 0),
            End::Max => (len.saturating_sub(1), true, len.saturating_sub(count)),
        };
        let members = zset.iter_from(first, reverse).take(count);
        pulse.each(count, members, |(member, score)| pairs.push(reply, member, score));
        remove_range(zset, from, count, pulse);
    })?;
    ctx.changed(Classes::ZSET, end.event(), key);
    ctx.effects.dirty += count as u64 - 1;
    if changed.is_some_and(|changed| changed.removed) {
        ctx.emptied(key);
    }
    Ok(())
}

/// `numkeys key [key ...] MIN | MAX [COUNT count]`
pub(super) struct Request<'a> {
    pub(super) keys: Args<'a>,
    end: End,
    count: u64,
}

impl<'a> Request<'a> {
    /// From argument `first` on.
    pub(super) fn parse(args: Args<'a>, first: usize) -> Result<Self, CommandError> {
        let number = at_least_one(args.at(first), "ERR numkeys should be greater than 0")?;
        let number = usize::try_from(number).map_err(|_| CommandError::Syntax)?;
        let rest = args.from(first + 1);
        let end = match rest.get(number).ok_or(CommandError::Syntax)? {
            word if is(word, "min") => End::Min,
            word if is(word, "max") => End::Max,
            _ => return Err(CommandError::Syntax),
        };
        let count = match (rest.get(number + 1), rest.get(number + 2)) {
            (None, _) => 1,
            (Some(word), Some(count)) if is(word, "count") => {
                at_least_one(count, "ERR count should be greater than 0")?
            }
            _ => return Err(CommandError::Syntax),
        };
        if rest.len() > number + 3 {
            return Err(CommandError::Syntax);
        }
        Ok(Self { keys: rest.first(number), end, count })
    }

    /// Serves the request from the first sorted set there is; false, and no answer, without one.
    pub(super) fn serve(&self, ctx: &mut Ctx<'_>, reply: &mut Reply) -> Result<bool, CommandError> {
        for key in self.keys.iter() {
            let Some(zset) = ctx.read::<Zset>(key, Touch::Write)? else { continue };
            let count = zset.len().min(usize::try_from(self.count).unwrap_or(usize::MAX));
            reply.array(2);
            reply.bulk(key);
            reply.array(count);
            pop(ctx, key, self.end, count, Pairs { scores: true, nested: true }, reply)?;
            let count = count.to_string();
            ctx.effects.instead([self.end.command(), key, count.as_bytes()]);
            return Ok(true);
        }
        Ok(false)
    }
}

/// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
///
/// Logged as ZPOPMIN or ZPOPMAX.
pub fn zmpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if !Request::parse(args, 1)?.serve(ctx, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// Takes the one member at an end of the first sorted set there is and answers with key, member and score; false, and
/// no answer, without one.
pub(super) fn pop_first<'k>(
    ctx: &mut Ctx<'_>,
    keys: impl Iterator<Item = &'k [u8]>,
    end: End,
    reply: &mut Reply,
) -> Result<bool, CommandError> {
    for key in keys {
        if ctx.read::<Zset>(key, Touch::Write)?.is_some() {
            reply.array(3);
            reply_member(reply, ds::zset::Member::Bytes(key));
            pop(ctx, key, end, 1, Pairs { scores: true, nested: false }, reply)?;
            ctx.effects.instead([end.command(), key]);
            return Ok(true);
        }
    }
    Ok(false)
}
