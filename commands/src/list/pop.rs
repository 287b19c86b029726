//! LPOP and RPOP.

use super::{elements_removed, reply_entry};
use crate::parse::positive;
use crate::{CommandError, Ctx};
use base::Args;
use ds::List;
use ds::list::End;
use keyspace::Touch;
use resp::Reply;

/// LPOP key [count]
pub fn lpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Left, "lpop")
}

/// RPOP key [count]
pub fn rpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Right, "rpop")
}

fn pop(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    end: End,
    name: &'static str,
) -> Result<(), CommandError> {
    if args.len() > 3 {
        return Err(CommandError::Arity(name));
    }
    let key = args.at(1);
    match args.get(2) {
        None => {
            if !pop_one(ctx, key, end, reply)? {
                reply.null();
            }
        }
        Some(count) => match positive(count, "ERR value is out of range, must be positive")? {
            0 => match ctx.read::<List>(key, Touch::Write)? {
                Some(_) => reply.array(0),
                None => reply.null_array(),
            },
            count => {
                if pop_many(ctx, key, end, count, reply)?.is_none() {
                    reply.null_array();
                }
            }
        },
    }
    Ok(())
}

/// Takes one element and answers with it; false, and no answer, if there is no list.
pub fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], end: End, reply: &mut Reply) -> Result<bool, CommandError> {
    let limits = ctx.limits;
    let done = ctx.change::<List, _>(key, |list| {
        list.pop(end, |entry| reply_entry(reply, entry));
        list.shrink(&limits.settings);
    })?;
    let Some(done) = done else { return Ok(false) };
    elements_removed(ctx, key, end, 1, done.removed);
    Ok(true)
}

/// Takes up to `count` elements and answers with an array of them, the outermost first. Returns how many; `None`, and
/// no answer, if there is no list.
pub fn pop_many(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: End,
    count: u64,
    reply: &mut Reply,
) -> Result<Option<usize>, CommandError> {
    let (limits, pulse) = (ctx.limits, ctx.pulse);
    let done = ctx.change::<List, _>(key, |list| {
        let len = list.len();
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(len);
        reply.array(count);
        pulse.each(count, list.iter(end).take(count), |entry| reply_entry(reply, entry));
        let first = if end == End::Left { 0 } else { len - count };
        pulse.in_parts(count, |part| list.remove_range(first, part));
        list.shrink(&limits.settings);
        count
    })?;
    let Some(done) = done else { return Ok(None) };
    elements_removed(ctx, key, end, done.value, done.removed);
    Ok(Some(done.value))
}
