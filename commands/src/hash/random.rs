//! HRANDFIELD: random fields.

use crate::ctx::peek;
use crate::elements::{draws, reply_text, signed_count};
use crate::parse::is;
use crate::{CommandError, Ctx};
use base::{Args, Prng};
use ds::Hash;
use ds::hash::Text;
use keyspace::Touch;
use resp::Reply;

/// HRANDFIELD key [count [WITHVALUES]]
///
/// A negative count draws with repetition, in random order; a positive one gives different fields, in any order.
pub fn hrandfield(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    if args.len() <= 2 {
        return one(ctx, key, reply);
    }
    let count = signed_count(args.at(2))?;
    let values = args.len() == 4 && is(args.at(3), "withvalues");
    if args.len() > 3 && !values {
        return Err(CommandError::Syntax);
    }
    if values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::Text("ERR value is out of range"));
    }
    many(ctx, key, count, values, reply)
}

fn one(ctx: &mut Ctx<'_>, key: &[u8], reply: &mut Reply) -> Result<(), CommandError> {
    let clock = open(ctx, key)?;
    match peek::<Hash>(ctx.keyspace, ctx.db, key).and_then(|hash| Live::of(hash, clock).random(ctx.prng)) {
        Some((field, _)) => reply_text(reply, field),
        None => reply.null(),
    }
    Ok(())
}

/// The key must hold a hash. Its fields whose time has passed are deleted, as in Redis 7.4; on a replica they are
/// passed over by the clock that comes back.
fn open(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<i64, CommandError> {
    let clock = ctx.field_clock();
    if ctx.read::<Hash>(key, Touch::Read)?.is_some_and(|hash| hash.has_expired(clock)) {
        ctx.keyspace.expire_all_fields(ctx.db, key);
    }
    Ok(clock)
}

fn many(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    count: i64,
    values: bool,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let clock = open(ctx, key)?;
    let Some(hash) = peek::<Hash>(ctx.keyspace, ctx.db, key).map(|hash| Live::of(hash, clock)) else {
        reply.array(0);
        return Ok(());
    };
    if hash.len() == 0 {
        reply.array(0);
        return Ok(());
    }
    let beat = ctx.pulse.beat();
    let answer = |reply: &mut Reply, field, value| {
        beat.one();
        pair(reply, field, value, values);
    };
    if count < 0 || count == 1 {
        let draws = draws(count, hash.len(), hash.memory())?;
        header(reply, draws, values);
        hash.draw(draws, ctx.prng, |field, value| answer(reply, field, value));
        return Ok(());
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(hash.len());
    header(reply, count, values);
    hash.sample(count, ctx.prng, |field, value| answer(reply, field, value));
    Ok(())
}

/// A hash whose expired fields are left out; only if there are any, the others are gathered for it.
enum Live<'a> {
    Whole(&'a Hash),
    Part(Vec<(Text<'a>, Text<'a>)>, &'a Hash),
}

impl<'a> Live<'a> {
    fn of(hash: &'a Hash, clock: i64) -> Self {
        if hash.has_expired(clock) {
            Live::Part(hash.iter_live(clock).collect(), hash)
        } else {
            Live::Whole(hash)
        }
    }

    fn len(&self) -> usize {
        match self {
            Live::Whole(hash) => hash.len(),
            Live::Part(pairs, _) => pairs.len(),
        }
    }

    fn memory(&self) -> usize {
        let (Live::Whole(hash) | Live::Part(_, hash)) = self;
        hash.memory()
    }

    fn random(&self, prng: &mut Prng) -> Option<(Text<'a>, Text<'a>)> {
        match self {
            Live::Whole(hash) => hash.random(prng),
            Live::Part(pairs, _) => prng.pick(pairs).copied(),
        }
    }

    fn draw(&self, count: usize, prng: &mut Prng, mut f: impl FnMut(Text<'a>, Text<'a>)) {
        match self {
            Live::Whole(hash) => hash.draw(count, prng, f),
            Live::Part(pairs, _) => {
                (0..count)
                    .filter_map(|_| prng.pick(pairs).copied())
                    .for_each(|(field, value)| f(field, value));
            }
        }
    }

    fn sample(self, count: usize, prng: &mut Prng, mut f: impl FnMut(Text<'a>, Text<'a>)) {
        match self {
            Live::Whole(hash) => hash.sample(count, prng, f),
            Live::Part(mut pairs, _) => {
                prng.shuffle(&mut pairs);
                pairs.into_iter().take(count).for_each(|(field, value)| f(field, value));
            }
        }
    }
}

/// RESP3 has pairs of their own, RESP2 one flat array.
fn header(reply: &mut Reply, fields: usize, values: bool) {
    reply.array(if values && !reply.is_resp3() { 2 * fields } else { fields });
}

fn pair(reply: &mut Reply, field: Text<'_>, value: Text<'_>, values: bool) {
    if values && reply.is_resp3() {
        reply.array(2);
    }
    reply_text(reply, field);
    if values {
        reply_text(reply, value);
    }
}
