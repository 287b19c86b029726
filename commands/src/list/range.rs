//! Looking at a list by place, and cutting it: LLEN, LRANGE, LINDEX, LTRIM.

use super::{place, reply_entry, span};
use crate::parse::integer;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::List;
use keyspace::Touch;
use resp::Reply;

/// LLEN key
pub fn llen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = ctx.read::<List>(args.at(1), Touch::Read)?.map_or(0, List::len);
    reply.int(len as i64);
    Ok(())
}

/// LRANGE key start stop
pub fn lrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (start, stop) = (integer(args.at(2))?, integer(args.at(3))?);
    let pulse = ctx.pulse;
    let Some(list) = ctx.read::<List>(args.at(1), Touch::Read)? else {
        reply.array(0);
        return Ok(());
    };
    let (start, count) = span(start, stop, list.len());
    reply.array(count);
    if count > 0 {
        pulse.each(count, list.iter_at(start, false).take(count), |entry| reply_entry(reply, entry));
    }
    Ok(())
}

/// LINDEX key index
pub fn lindex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let Some(list) = ctx.read::<List>(args.at(1), Touch::Read)? else {
        reply.null();
        return Ok(());
    };
    let index = integer(args.at(2))?;
    match place(index, list.len()).and_then(|index| list.get(index)) {
        Some(entry) => reply_entry(reply, entry),
        None => reply.null(),
    }
    Ok(())
}

/// LTRIM key start stop
///
/// Counts as a change, and notifies, even when nothing is cut off.
pub fn ltrim(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (start, stop) = (integer(args.at(2))?, integer(args.at(3))?);
    let (key, limits, pulse) = (args.at(1), ctx.limits, ctx.pulse);
    let done = ctx.change::<List, _>(key, |list| {
        let len = list.len();
        let (start, count) = span(start, stop, len);
        pulse.in_parts(len - start - count, |part| list.remove_range(start + count, part));
        pulse.in_parts(start, |part| list.remove_range(0, part));
        list.shrink(&limits.settings);
        len - count
    })?;
    reply.ok();
    let Some(done) = done else { return Ok(()) };
    ctx.effects.notify(Classes::LIST, "ltrim", ctx.db, key);
    if done.removed {
        ctx.effects.notify(Classes::GENERIC, "del", ctx.db, key);
    }
    ctx.effects.touch(ctx.db, key);
    ctx.effects.dirty += done.value as u64;
    Ok(())
}
