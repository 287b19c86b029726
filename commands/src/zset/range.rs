//! Members within bounds: ZRANGE and ZRANGESTORE, and the six older commands that ZRANGE can do all of.

use super::bounds::{LexBounds, ScoreBounds, rank_range};
use super::{Pairs, store_result};
use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Zset;
use keyspace::Touch;
use resp::Reply;
use std::ops::Range;

/// What the bounds are about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Rank,
    Score,
    Lex,
}

/// Bounds as they were read.
enum Bounds<'a> {
    Rank(i64, i64),
    Score(ScoreBounds),
    Lex(LexBounds<'a>),
}

/// What a command's name fixes; `None` leaves it to the arguments.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    reverse: Option<bool>,
    store: bool,
}

struct Request<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    limit: i64,
}

impl<'a> Request<'a> {
    /// `key min max [option ...]`.
    fn parse(args: Args<'a>, form: Form) -> Result<Self, CommandError> {
        let (mut by, mut reverse) = (form.by, form.reverse);
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let mut index = 3;
        while let Some(word) = args.get(index) {
            index += 1;
            if !form.store && is(word, "withscores") {
                with_scores = true;
            } else if is(word, "limit") && args.len() >= index + 2 {
                (offset, limit) = (integer(args.at(index))?, integer(args.at(index + 1))?);
                index += 2;
            } else if form.reverse.is_none() && reverse.is_none() && is(word, "rev") {
                reverse = Some(true);
            } else if by.is_none() && is(word, "bylex") {
                by = Some(By::Lex);
            } else if by.is_none() && is(word, "byscore") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(CommandError::Text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CommandError::Text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        // Backwards, the upper end comes first.
        let (min, max) =
            if reverse && by != By::Rank { (args.at(2), args.at(1)) } else { (args.at(1), args.at(2)) };
        let bounds = match by {
            By::Rank => Bounds::Rank(integer(min)?, integer(max)?),
            By::Score => Bounds::Score(ScoreBounds::parse(min, max)?),
            By::Lex => Bounds::Lex(LexBounds::parse(min, max)?),
        };
        Ok(Self { bounds, reverse, with_scores, offset, limit })
    }

    /// The ranks asked for, in order; of those the reply begins with the last if it goes backwards.
    fn ranks(&self, zset: &Zset) -> Range<usize> {
        let len = zset.len();
        let ranks = match &self.bounds {
            Bounds::Rank(start, stop) => {
                let ranks = rank_range(*start, *stop, len);
                return if self.reverse { len - ranks.end..len - ranks.start } else { ranks };
            }
            Bounds::Score(bounds) => bounds.ranks(zset),
            Bounds::Lex(bounds) => bounds.ranks(zset, self.reverse),
        };
        // A negative offset never arrives, a negative limit is none.
        let skip = usize::try_from(self.offset).unwrap_or(usize::MAX).min(ranks.len());
        let take = usize::try_from(self.limit).unwrap_or(usize::MAX).min(ranks.len() - skip);
        if self.reverse {
            ranks.end - skip - take..ranks.end - skip
        } else {
            ranks.start + skip..ranks.start + skip + take
        }
    }

    /// The members asked for, in the order of the reply.
    fn members<'z>(&self, zset: &'z Zset) -> (usize, impl Iterator<Item = (ds::zset::Member<'z>, f64)>) {
        let ranks = self.ranks(zset);
        let first = if self.reverse { ranks.end.saturating_sub(1) } else { ranks.start };
        (ranks.len(), zset.iter_from(first, self.reverse).take(ranks.len()))
    }
}

/// ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
///
/// O(log N) and O(1) per member of the reply.
pub fn zrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, reply, None, None)
}

/// ZREVRANGE key start stop [WITHSCORES]
pub fn zrevrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, reply, Some(By::Rank), Some(true))
}

/// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
pub fn zrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, reply, Some(By::Score), Some(false))
}

/// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]
pub fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, reply, Some(By::Score), Some(true))
}

/// ZRANGEBYLEX key min max [LIMIT offset count]
pub fn zrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, reply, Some(By::Lex), Some(false))
}

/// ZREVRANGEBYLEX key max min [LIMIT offset count]
pub fn zrevrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, reply, Some(By::Lex), Some(true))
}

fn answer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    by: Option<By>,
    reverse: Option<bool>,
) -> Result<(), CommandError> {
    let request = Request::parse(args.from(1), Form { by, reverse, store: false })?;
    let pulse = ctx.pulse;
    let Some(zset) = ctx.read::<Zset>(args.at(1), Touch::Read)? else {
        reply.array(0);
        return Ok(());
    };
    let (count, members) = request.members(zset);
    let pairs = Pairs::new(reply, request.with_scores);
    pairs.header(reply, count);
    pulse.each(count, members, |(member, score)| pairs.push(reply, member, score));
    Ok(())
}

/// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
pub fn zrangestore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let request = Request::parse(args.from(2), Form { by: None, reverse: None, store: true })?;
    let (settings, pulse) = (ctx.limits.settings, ctx.pulse);
    let result = match ctx.read::<Zset>(args.at(2), Touch::Read)? {
        None => Zset::new(&settings),
        Some(zset) => {
            let (count, members) = request.members(zset);
            let mut result = Zset::for_size(count, 0, &settings);
            pulse.each(count, members, |(member, score)| {
                member.with_text(|member| result.set(member, score, &settings));
            });
            result
        }
    };
    store_result(ctx, args.at(1), result, "zrangestore", reply);
    Ok(())
}
