//! LPUSH, RPUSH, and the forms that need the list to be there.

use super::events;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::List;
use ds::list::End;
use keyspace::Pulse;
use resp::Reply;

/// LPUSH key element [element ...]
pub fn lpush(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    push(ctx, args, reply, End::Left)
}

/// RPUSH key element [element ...]
pub fn rpush(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    push(ctx, args, reply, End::Right)
}

/// LPUSHX key element [element ...]
pub fn lpushx(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    push_if_there(ctx, args, reply, End::Left)
}

/// RPUSHX key element [element ...]
pub fn rpushx(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    push_if_there(ctx, args, reply, End::Right)
}

fn push(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, end: End) -> Result<(), CommandError> {
    let (key, limits, pulse) = (args.at(1), ctx.limits, ctx.pulse);
    let done = ctx.change_or_create::<List, _>(key, |list| {
        push_all(list, args.from(2), end, &limits.settings, pulse);
        list.len()
    })?;
    pushed(ctx, args, end);
    reply.int(done.value as i64);
    Ok(())
}

fn push_if_there(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, end: End) -> Result<(), CommandError> {
    let (key, limits, pulse) = (args.at(1), ctx.limits, ctx.pulse);
    let done = ctx.change::<List, _>(key, |list| {
        push_all(list, args.from(2), end, &limits.settings, pulse);
        list.len()
    })?;
    let Some(done) = done else {
        reply.int(0);
        return Ok(());
    };
    pushed(ctx, args, end);
    reply.int(done.value as i64);
    Ok(())
}

fn push_all(list: &mut List, elements: Args<'_>, end: End, settings: &ds::Settings, pulse: Pulse<'_>) {
    list.grow(elements.iter().map(<[u8]>::len).sum(), elements.len(), settings);
    list.reserve(elements.iter());
    for element in pulse.over(elements.iter()) {
        list.push(end, element, settings);
    }
}

fn pushed(ctx: &mut Ctx<'_>, args: Args<'_>, end: End) {
    ctx.effects.dirty += args.from(2).len() as u64;
    ctx.effects.touch(ctx.db, args.at(1));
    ctx.effects.notify(Classes::LIST, events(end).0, ctx.db, args.at(1));
}
