//! SRANDMEMBER: random members that stay.

use crate::ctx::peek;
use crate::elements::{draws, reply_text, signed_count};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Set;
use keyspace::Touch;
use resp::Reply;

/// SRANDMEMBER key [count]
///
/// A negative count draws with repetition, in random order; a positive one gives different members, in any order.
pub fn srandmember(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    match args.len() {
        ..=2 => one(ctx, args.at(1), reply),
        3 => many(ctx, args.at(1), signed_count(args.at(2))?, reply),
        _ => Err(CommandError::Syntax),
    }
}

fn one(ctx: &mut Ctx<'_>, key: &[u8], reply: &mut Reply) -> Result<(), CommandError> {
    ctx.read::<Set>(key, Touch::Read)?;
    match peek::<Set>(ctx.keyspace, ctx.db, key).and_then(|set| set.random(ctx.prng)) {
        Some(member) => reply_text(reply, member),
        None => reply.null(),
    }
    Ok(())
}

fn many(ctx: &mut Ctx<'_>, key: &[u8], count: i64, reply: &mut Reply) -> Result<(), CommandError> {
    let beat = ctx.pulse.beat();
    let answer = |reply: &mut Reply, member| {
        beat.one();
        reply_text(reply, member);
    };
    ctx.read::<Set>(key, Touch::Read)?;
    let Some(set) = peek::<Set>(ctx.keyspace, ctx.db, key) else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 || count == 1 {
        let draws = draws(count, set.len(), set.memory())?;
        reply.array(draws);
        set.draw(draws, ctx.prng, |member| answer(reply, member));
        return Ok(());
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(set.len());
    reply.array(count);
    set.sample(count, ctx.prng, |member| answer(reply, member));
    Ok(())
}
