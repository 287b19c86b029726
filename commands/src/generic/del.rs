//! Existence: DEL, UNLINK, EXISTS, TOUCH, TYPE.

use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;

/// DEL key [key ...]; UNLINK key [key ...]
///
/// The same here: large values are always freed elsewhere. Reply: how many keys were there.
pub fn del(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let mut deleted = 0;
    for key in ctx.pulse.over(args.from(1).iter()) {
        if ctx.keyspace.remove(ctx.db, key) {
            ctx.changed(Classes::GENERIC, "del", key);
            deleted += 1;
        }
    }
    reply.int(deleted);
    Ok(())
}

/// EXISTS key [key ...]
///
/// A key that is named twice counts twice.
pub fn exists(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    reply.int(count(ctx, args, Touch::Peek));
    Ok(())
}

/// TOUCH key [key ...]
pub fn touch(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    reply.int(count(ctx, args, Touch::Read));
    Ok(())
}

fn count(ctx: &mut Ctx<'_>, args: Args<'_>, touch: Touch) -> i64 {
    let keys = ctx.pulse.over(args.from(1).iter());
    let there = keys.filter(|key| ctx.lookup(key, touch).is_some());
    there.count() as i64
}

/// TYPE key
pub fn type_of(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let name = ctx.lookup(args.at(1), Touch::Peek).map_or("none", |found| found.type_name().as_str());
    reply.simple(name);
    Ok(())
}
