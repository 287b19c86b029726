//! Members that go: ZREM and ZREMRANGEBYRANK, BYSCORE and BYLEX.

use super::bounds::{LexBounds, ScoreBounds, rank_range};
use crate::parse::integer;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Zset;
use keyspace::Pulse;
use resp::Reply;
use std::ops::Range;

/// ZREM key member [member ...]
pub fn zrem(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let (members, pulse) = (args.from(2), ctx.pulse);
    remove(ctx, key, "zrem", reply, |zset| {
        pulse.over(members.iter()).filter(|member| zset.remove(member).is_some()).count()
    })
}

/// ZREMRANGEBYRANK key start stop
pub fn zremrangebyrank(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (start, stop) = (integer(args.at(2))?, integer(args.at(3))?);
    remove_ranks(ctx, args.at(1), "zremrangebyrank", reply, |zset| rank_range(start, stop, zset.len()))
}

/// ZREMRANGEBYSCORE key min max
pub fn zremrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let bounds = ScoreBounds::parse(args.at(2), args.at(3))?;
    remove_ranks(ctx, args.at(1), "zremrangebyscore", reply, |zset| bounds.ranks(zset))
}

/// ZREMRANGEBYLEX key min max
pub fn zremrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let bounds = LexBounds::parse(args.at(2), args.at(3))?;
    remove_ranks(ctx, args.at(1), "zremrangebylex", reply, |zset| bounds.ranks(zset, false))
}

/// O(log N + M) for M members removed.
fn remove_ranks(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    event: &'static str,
    reply: &mut Reply,
    ranks: impl FnOnce(&Zset) -> Range<usize>,
) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    remove(ctx, key, event, reply, |zset| {
        let ranks = ranks(zset);
        remove_range(zset, ranks.start, ranks.len(), pulse)
    })
}

/// Takes members out, of which there may be many; answers how many there were.
pub(super) fn remove_range(zset: &mut Zset, rank: usize, count: usize, pulse: Pulse<'_>) -> usize {
    if zset.as_listpack().is_some() {
        return zset.remove_range(rank, count);
    }
    let mut removed = 0;
    pulse.in_parts(count.min(zset.len().saturating_sub(rank)), |part| {
        removed += zset.remove_range(rank, part)
    });
    removed
}

fn remove(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    event: &'static str,
    reply: &mut Reply,
    change: impl FnOnce(&mut Zset) -> usize,
) -> Result<(), CommandError> {
    let Some(changed) = ctx.change(key, change)? else {
        reply.int(0);
        return Ok(());
    };
    if changed.value > 0 {
        ctx.changed(Classes::ZSET, event, key);
        ctx.effects.dirty += changed.value as u64 - 1;
    }
    if changed.removed {
        ctx.emptied(key);
    }
    reply.int(changed.value as i64);
    Ok(())
}
