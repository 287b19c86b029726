//! Changing a list in the middle: LINSERT, LSET, LREM.

use super::place;
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::List;
use ds::list::{End, Side};
use ds::listpack::Entry;
use keyspace::Touch;
use resp::Reply;

/// LINSERT key BEFORE | AFTER pivot element
///
/// Reply: the new length, -1 without the pivot, 0 without the list.
pub fn linsert(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let side = match args.at(2) {
        word if is(word, "after") => Side::After,
        word if is(word, "before") => Side::Before,
        _ => return Err(CommandError::Syntax),
    };
    let (key, pivot, element) = (args.at(1), Entry::from(args.at(3)), args.at(4));
    let (limits, beat) = (ctx.limits, ctx.pulse.beat());
    let done = ctx.change::<List, _>(key, |list| {
        // As in Redis the form changes even when the pivot is not found then.
        list.grow(element.len(), 1, &limits.settings);
        let index = list.iter(End::Left).inspect(|_| beat.one()).position(|entry| entry.same_text(&pivot))?;
        list.insert(index, side, element, &limits.settings);
        Some(list.len())
    })?;
    match done.map(|done| done.value) {
        None => reply.int(0),
        Some(None) => reply.int(-1),
        Some(Some(len)) => {
            ctx.changed(Classes::LIST, "linsert", key);
            reply.int(len as i64);
        }
    }
    Ok(())
}

/// LSET key index element
pub fn lset(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, element) = (args.at(1), args.at(3));
    if ctx.read::<List>(key, Touch::Write)?.is_none() {
        return Err(CommandError::NoSuchKey);
    }
    let index = integer(args.at(2))?;
    let limits = ctx.limits;
    let done = ctx.change::<List, _>(key, |list| {
        list.grow(element.len(), 1, &limits.settings);
        let found = place(index, list.len()).is_some_and(|index| list.set(index, element, &limits.settings));
        if found {
            list.shrink(&limits.settings);
        }
        found
    })?;
    if !done.is_some_and(|done| done.value) {
        return Err(CommandError::Text("ERR index out of range"));
    }
    ctx.changed(Classes::LIST, "lset", key);
    reply.ok();
    Ok(())
}

/// LREM key count element
///
/// A negative count looks from the end, 0 takes all. Reply: how many were removed.
pub fn lrem(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let count = integer(args.at(2))?;
    let from = if count < 0 { End::Right } else { End::Left };
    let limit = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    };
    let (key, element, limits, pulse) = (args.at(1), args.at(3), ctx.limits, ctx.pulse);
    let done = ctx.change::<List, _>(key, |list| {
        let removed = list.remove_matching(element, limit, from, || pulse.tick());
        if removed > 0 {
            list.shrink(&limits.settings);
        }
        removed
    })?;
    let Some(done) = done.filter(|done| done.value > 0) else {
        reply.int(0);
        return Ok(());
    };
    ctx.changed(Classes::LIST, "lrem", key);
    ctx.effects.dirty += done.value as u64 - 1;
    if done.removed {
        ctx.effects.notify(Classes::GENERIC, "del", ctx.db, key);
    }
    reply.int(done.value as i64);
    Ok(())
}
