//! SPOP: random members leave.
//!
//! The choice goes into the log by name, as SREM of what was taken (or DEL or UNLINK when that was all), so that replicas and the
//! AOF take the same.

use crate::elements::{positive_count, reply_text};
use crate::{Classes, CommandError, Ctx};
use base::{Args, OwnedArgs};
use ds::Set;
use keyspace::Touch;
use resp::Reply;

/// Members in one SREM of the log at most, as in Redis.
const BATCH: usize = 1024;

/// SPOP key [count]
pub fn spop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match args.len() {
        ..=2 => pop_one(ctx, args.at(1), reply),
        3 => pop_many(ctx, args.at(1), positive_count(args.at(2))?, reply),
        _ => Err(CommandError::Syntax),
    }
}

fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], reply: &mut Reply) -> Result<(), CommandError> {
    let prng = &mut *ctx.prng;
    let popped = ctx.keyspace.change::<Set, _>(ctx.db, key, |set| set.pop(prng))?;
    let Some((popped, Some(member))) = popped.map(|popped| (popped.removed, popped.value)) else {
        reply.null();
        return Ok(());
    };
    ctx.changed(Classes::SET, "spop", key);
    ctx.effects.instead([b"SREM".as_slice(), key, &member]);
    if popped {
        ctx.emptied(key);
    }
    reply.bulk(&member);
    Ok(())
}

fn pop_many(ctx: &mut Ctx<'_>, key: &[u8], count: u64, reply: &mut Reply) -> Result<(), CommandError> {
    let Some(len) = ctx.read::<Set>(key, Touch::Write)?.map(Set::len).filter(|_| count > 0) else {
        reply.set(0);
        return Ok(());
    };
    if count >= len as u64 {
        return pop_all(ctx, key, reply);
    }
    let count = count as usize;
    let (settings, pulse) = (&ctx.limits.settings, ctx.pulse);
    let prng = &mut *ctx.prng;
    let popped = ctx.keyspace.change::<Set, _>(ctx.db, key, |set| {
        let mut popped = Vec::new();
        pulse.in_parts(count, |part| popped.extend(set.pop_many(part, prng, settings)));
        popped
    })?;
    let popped = popped.map(|popped| popped.value).unwrap_or_default();
    ctx.changed(Classes::SET, "spop", key);
    ctx.effects.dirty += count as u64 - 1;
    reply.set(popped.len());
    let mut commands = Vec::with_capacity(popped.len() / BATCH + 1);
    for batch in popped.chunks(BATCH) {
        let mut command = OwnedArgs::from_slices([b"SREM".as_slice(), key]);
        for member in batch {
            reply.bulk(member);
            command.push(member);
        }
        commands.push(command);
    }
    ctx.effects.instead_all(commands);
    Ok(())
}

fn pop_all(ctx: &mut Ctx<'_>, key: &[u8], reply: &mut Reply) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    let set = ctx.read::<Set>(key, Touch::Silent)?;
    let len = set.map_or(0, Set::len);
    reply.set(len);
    pulse.each(len, set.into_iter().flat_map(Set::iter), |member| reply_text(reply, member));
    ctx.keyspace.remove(ctx.db, key);
    ctx.changed(Classes::SET, "spop", key);
    ctx.effects.dirty += len as u64 - 1;
    ctx.emptied(key);
    let verb = if ctx.limits.lazy_server_del { b"UNLINK".as_slice() } else { b"DEL" };
    ctx.effects.instead([verb, key]);
    Ok(())
}
