//! Members by name: SADD, SREM, SMOVE.

use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Set;
use ds::set::Member;
use keyspace::Touch;
use resp::Reply;

/// SADD key member [member ...]
///
/// Reply: how many were not there.
pub fn sadd(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, members) = (args.at(1), args.from(2));
    let (settings, pulse) = (&ctx.limits.settings, ctx.pulse);
    let added = ctx.change_or_create::<Set, _>(key, |set| {
        if set.is_empty() {
            *set = Set::for_members(members.iter(), settings);
        } else {
            set.expect(members.len(), settings);
        }
        pulse.over(members.iter()).filter(|member| set.insert(Member::Bytes(member), settings)).count()
    })?;
    changed(ctx, "sadd", key, added.value);
    reply.int(added.value as i64);
    Ok(())
}

/// SREM key member [member ...]
///
/// Reply: how many were there.
pub fn srem(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, members) = (args.at(1), args.from(2));
    let pulse = ctx.pulse;
    let removed = ctx.change::<Set, _>(key, |set| {
        pulse.over(members.iter()).filter(|member| set.remove(Member::Bytes(member))).count()
    })?;
    let Some(removed) = removed else {
        reply.int(0);
        return Ok(());
    };
    changed(ctx, "srem", key, removed.value);
    if removed.removed {
        ctx.emptied(key);
    }
    reply.int(removed.value as i64);
    Ok(())
}

/// SMOVE source destination member
pub fn smove(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to, member) = (args.at(1), args.at(2), Member::Bytes(args.at(3)));
    // A source that is missing answers before the destination's type is looked at.
    let Some(source) = ctx.lookup(from, Touch::Write) else {
        reply.int(0);
        return Ok(());
    };
    let there = source.object().and_then(|object| match object {
        keyspace::Object::Set(set) => Some(set.contains(member)),
        _ => None,
    });
    let there = there.ok_or(CommandError::WrongType)?;
    ctx.read::<Set>(to, Touch::Write)?;
    if !there || from == to {
        reply.int(i64::from(there));
        return Ok(());
    }
    let taken = ctx.change::<Set, _>(from, |set| set.remove(member))?;
    ctx.changed(Classes::SET, "srem", from);
    if taken.is_some_and(|taken| taken.removed) {
        ctx.emptied(from);
    }
    let settings = &ctx.limits.settings;
    let added = ctx.change_or_create::<Set, _>(to, |set| {
        if set.is_empty() {
            *set = Set::for_members(args.from(3).iter(), settings);
        }
        set.insert(member, settings)
    })?;
    if added.value {
        ctx.changed(Classes::SET, "sadd", to);
    }
    reply.int(1);
    Ok(())
}

/// `count` members changed at once: one event, and as many changes.
fn changed(ctx: &mut Ctx<'_>, event: &'static str, key: &[u8], count: usize) {
    if count > 0 {
        ctx.changed(Classes::SET, event, key);
        ctx.effects.dirty += count as u64 - 1;
    }
}
