//! The estimate: PFCOUNT.

use super::{CORRUPTED, REGISTERS, STALE, STALE_BIT, estimate, lookup, raise};
use crate::{CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;

/// Where the cached cardinality stands.
const CACHE: core::ops::Range<usize> = 8..16;

/// PFCOUNT key [key ...]
///
/// With one key the estimate is cached in the value, which is a change like any other: it is logged. With several it is
/// that of their union.
pub fn pfcount(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if args.len() > 2 {
        let mut max = [0; REGISTERS];
        for key in args.from(1).iter() {
            if let Some(value) = lookup(ctx, key, Touch::Read)? {
                raise(&mut max, value)?;
            }
        }
        reply.int(estimate::of_registers(&max) as i64);
        return Ok(());
    }
    let key = args.at(1);
    let Some(value) = lookup(ctx, key, Touch::Read)? else {
        reply.int(0);
        return Ok(());
    };
    if value[STALE] & STALE_BIT == 0 {
        let cached = value[CACHE].try_into().map_or(0, i64::from_le_bytes);
        reply.int(cached);
        return Ok(());
    }
    let cardinality = estimate::cardinality(value).ok_or(CORRUPTED)?;
    ctx.keyspace.set_range(ctx.db, key, CACHE.start, &cardinality.to_le_bytes());
    ctx.effects.touch(ctx.db, key);
    ctx.effects.dirty += 1;
    reply.int(cardinality as i64);
    Ok(())
}
