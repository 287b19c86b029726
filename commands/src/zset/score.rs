//! Numbers about members: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK.

use crate::parse::is;
use crate::{CommandError, Ctx};
use base::Args;
use ds::Zset;
use keyspace::Touch;
use resp::Reply;

/// ZCARD key
pub fn zcard(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = ctx.read::<Zset>(args.at(1), Touch::Read)?.map_or(0, Zset::len);
    reply.int(len as i64);
    Ok(())
}

/// ZSCORE key member
pub fn zscore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    reply_score(reply, zset.and_then(|zset| zset.score(args.at(2))));
    Ok(())
}

/// ZMSCORE key member [member ...]
pub fn zmscore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    let members = args.from(2);
    reply.array(members.len());
    pulse
        .over(members.iter())
        .for_each(|member| reply_score(reply, zset.and_then(|zset| zset.score(member))));
    Ok(())
}

fn reply_score(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// ZRANK key member [WITHSCORE]
pub fn zrank(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    rank(ctx, args, reply, "zrank", false)
}

/// ZREVRANK key member [WITHSCORE]
pub fn zrevrank(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    rank(ctx, args, reply, "zrevrank", true)
}

fn rank(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    name: &'static str,
    reverse: bool,
) -> Result<(), CommandError> {
    if args.len() > 4 {
        return Err(CommandError::Arity(name));
    }
    let with_score = args.get(3).is_some();
    if args.get(3).is_some_and(|word| !is(word, "withscore")) {
        return Err(CommandError::Syntax);
    }
    let zset = ctx.read::<Zset>(args.at(1), Touch::Read)?;
    let found = zset.and_then(|zset| Some((zset.rank(args.at(2))?, zset.len())));
    let Some(((rank, score), len)) = found else {
        if with_score {
            reply.null_array()
        } else {
            reply.null()
        }
        return Ok(());
    };
    if with_score {
        reply.array(2);
    }
    reply.int(if reverse { len - 1 - rank } else { rank } as i64);
    if with_score {
        reply.double(score);
    }
    Ok(())
}
