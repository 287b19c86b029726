//! Fields by name: HSET, HMSET, HSETNX, HDEL.

use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Hash;
use resp::Reply;

/// HSET key field value [field value ...]
///
/// Reply: how many fields are new. Times to live that they had are gone.
pub fn hset(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let created = set_pairs(ctx, args, "hset")?;
    reply.int(created as i64);
    Ok(())
}

/// HMSET key field value [field value ...]
pub fn hmset(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    set_pairs(ctx, args, "hmset")?;
    reply.ok();
    Ok(())
}

fn set_pairs(ctx: &mut Ctx<'_>, args: Args<'_>, name: &'static str) -> Result<usize, CommandError> {
    let (key, texts) = (args.at(1), args.from(2));
    if !texts.len().is_multiple_of(2) {
        return Err(CommandError::Arity(name));
    }
    let (settings, pulse) = (&ctx.limits.settings, ctx.pulse);
    let pairs = texts.len() / 2;
    let created = ctx.change_or_create::<Hash, _>(key, |hash| {
        hash.expect(texts.iter(), settings);
        pulse.over(0..pairs).filter(|i| hash.set(texts.at(2 * i), texts.at(2 * i + 1), settings)).count()
    })?;
    ctx.changed(Classes::HASH, "hset", key);
    ctx.effects.dirty += (pairs as u64).saturating_sub(1);
    Ok(created.value)
}

/// HSETNX key field value
pub fn hsetnx(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, field) = (args.at(1), args.at(2));
    ctx.keyspace.expire_named_fields(ctx.db, key, [field].into_iter());
    let settings = &ctx.limits.settings;
    let set = ctx.change_or_create::<Hash, _>(key, |hash| {
        !hash.contains(field) && {
            hash.expect(args.from(2).iter(), settings);
            hash.set(field, args.at(3), settings)
        }
    })?;
    if set.value {
        ctx.changed(Classes::HASH, "hset", key);
    }
    reply.int(i64::from(set.value));
    Ok(())
}

/// HDEL key field [field ...]
///
/// Reply: how many were there.
pub fn hdel(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, fields) = (args.at(1), args.from(2));
    let pulse = ctx.pulse;
    let removed = ctx.change::<Hash, _>(key, |hash| {
        pulse.over(fields.iter()).filter(|field| hash.remove(field)).count()
    })?;
    let count = removed.map_or(0, |removed| removed.value);
    if count > 0 {
        ctx.changed(Classes::HASH, "hdel", key);
        ctx.effects.dirty += count as u64 - 1;
    }
    if removed.is_some_and(|removed| removed.removed) {
        ctx.emptied(key);
    }
    reply.int(count as i64);
    Ok(())
}
