//! Whole databases: FLUSHDB, FLUSHALL, SWAPDB.
//!
//! Flushing takes the tables out at once; they are freed elsewhere, with ASYNC and without. What FLUSHALL does to a
//! running save is the dispatcher's business.

use crate::parse::{int32, is};
use crate::{CommandError, Ctx, Propagate};
use base::{Args, DbIndex};
use resp::Reply;

/// FLUSHALL [ASYNC | SYNC]
pub fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    flush(ctx, args, reply, None)
}

/// FLUSHDB [ASYNC | SYNC]
pub fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let db = ctx.db;
    flush(ctx, args, reply, Some(db))
}

fn flush(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    db: Option<DbIndex>,
) -> Result<(), CommandError> {
    let known = args.get(1).is_none_or(|word| is(word, "async") || is(word, "sync"));
    if !known || args.len() > 2 {
        return Err(CommandError::Syntax);
    }
    ctx.effects.dirty += ctx.keyspace.flush(db);
    ctx.effects.flushed.push(db);
    ctx.effects.propagate = Propagate::Always;
    reply.ok();
    Ok(())
}

/// SWAPDB index1 index2
pub fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if ctx.keyspace.is_clustered() {
        return Err(CommandError::Text("ERR SWAPDB is not allowed in cluster mode"));
    }
    let number = |text, message| int32(text).map_err(|_| CommandError::Text(message));
    let first = number(args.at(1), "ERR invalid first DB index")?;
    let second = number(args.at(2), "ERR invalid second DB index")?;
    let (first, second) = (ctx.database(first)?, ctx.database(second)?);
    ctx.keyspace.swap(first, second);
    ctx.effects.dirty += 1;
    if first != second {
        ctx.effects.flushed.extend([Some(first), Some(second)]);
        ctx.effects.swapped = true;
    }
    reply.ok();
    Ok(())
}
