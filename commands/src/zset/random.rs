//! Random members: ZRANDMEMBER.

use super::{Pairs, reply_member};
use crate::ctx::peek;
use crate::elements::{draws, signed_count};
use crate::parse::is;
use crate::{CommandError, Ctx};
use base::{Args, Prng};
use ds::Zset;
use keyspace::Touch;
use resp::Reply;
use std::collections::BTreeSet;

/// ZRANDMEMBER key [count [WITHSCORES]]
///
/// A negative count draws with repetition, in random order; a positive one gives different members, in any order.
/// O(log N) per member of the reply.
pub fn zrandmember(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let Some(count) = args.get(2) else {
        ctx.read::<Zset>(key, Touch::Read)?;
        match peek::<Zset>(ctx.keyspace, ctx.db, key).and_then(|zset| zset.random(ctx.prng)) {
            Some((member, _)) => reply_member(reply, member),
            None => reply.null(),
        }
        return Ok(());
    };
    let count = signed_count(count)?;
    let with_scores = args.get(3).is_some_and(|word| is(word, "withscores"));
    if args.len() > 4 || args.len() == 4 && !with_scores {
        return Err(CommandError::Syntax);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::Text("ERR value is out of range"));
    }
    ctx.read::<Zset>(key, Touch::Read)?;
    let Some(zset) = peek::<Zset>(ctx.keyspace, ctx.db, key) else {
        reply.array(0);
        return Ok(());
    };
    let (pairs, pulse) = (Pairs::new(reply, with_scores), ctx.pulse);
    let beat = pulse.beat();
    if count < 0 {
        let draws = draws(count, zset.len(), zset.memory())?;
        pairs.header(reply, draws);
        for _ in 0..draws {
            beat.one();
            if let Some((member, score)) = zset.random(ctx.prng) {
                pairs.push(reply, member, score);
            }
        }
        return Ok(());
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(zset.len());
    pairs.header(reply, count);
    if count == zset.len() {
        pulse.each(count, zset.iter(), |(member, score)| pairs.push(reply, member, score));
        return Ok(());
    }
    for rank in different_ranks(count, zset.len(), ctx.prng) {
        beat.one();
        if let Some((member, score)) = zset.iter_from(rank, false).next() {
            pairs.push(reply, member, score);
        }
    }
    Ok(())
}

/// `count` different numbers below `len`, every choice with the same probability (Robert Floyd's algorithm).
fn different_ranks(count: usize, len: usize, prng: &mut Prng) -> BTreeSet<usize> {
    let mut ranks = BTreeSet::new();
    for top in len - count..len {
        let rank = prng.below(top as u64 + 1) as usize;
        if !ranks.insert(rank) {
            ranks.insert(top);
        }
    }
    ranks
}
