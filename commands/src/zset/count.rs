//! How many members lie within bounds: ZCOUNT and ZLEXCOUNT. O(log N).

use super::bounds::{LexBounds, ScoreBounds};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Zset;
use keyspace::Touch;
use resp::Reply;

/// ZCOUNT key min max
pub fn zcount(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let bounds = ScoreBounds::parse(args.at(2), args.at(3))?;
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    reply.int(zset.map_or(0, |zset| bounds.ranks(zset).len()) as i64);
    Ok(())
}

/// ZLEXCOUNT key min max
pub fn zlexcount(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let bounds = LexBounds::parse(args.at(2), args.at(3))?;
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    reply.int(zset.map_or(0, |zset| bounds.ranks(zset, false).len()) as i64);
    Ok(())
}
