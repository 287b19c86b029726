//! How long fields live: HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME.

use super::fields::{NO_FIELD, NO_TTL, POSITIVE_FIELDS, named};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Hash;
use keyspace::Touch;
use resp::Reply;

/// HTTL key FIELDS count field [field ...]
pub fn httl(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let now = ctx.now.0;
    answer(ctx, args, |at| (at - now + 999) / 1000, reply)
}

/// HPTTL key FIELDS count field [field ...]
pub fn hpttl(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let now = ctx.now.0;
    answer(ctx, args, |at| at - now, reply)
}

/// HEXPIRETIME key FIELDS count field [field ...]
pub fn hexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, |at| (at + 999) / 1000, reply)
}

/// HPEXPIRETIME key FIELDS count field [field ...]
pub fn hpexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    answer(ctx, args, |at| at, reply)
}

fn answer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    shown: impl Fn(i64) -> i64,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (clock, pulse) = (ctx.field_clock(), ctx.pulse);
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let fields = named(args, 2, POSITIVE_FIELDS)?;
    reply.array(fields.len());
    for field in pulse.over(fields.iter()) {
        reply.int(match hash.filter(|hash| hash.live(field, clock).is_some()) {
            Some(hash) => hash.expiry(field).map_or(NO_TTL, &shown),
            None => NO_FIELD,
        });
    }
    Ok(())
}
