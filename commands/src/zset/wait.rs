//! The commands that wait for a sorted set: BZPOPMIN, BZPOPMAX and BZMPOP.
//!
//! What reaches the log is the command that does not wait.

use super::pop::{End, Request, pop_first};
use crate::parse::timeout_seconds;
use crate::{Block, CommandError, Ctx};
use base::Args;
use keyspace::TypeName;
use resp::Reply;

/// BZPOPMIN key [key ...] timeout
pub fn bzpopmin(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Min)
}

/// BZPOPMAX key [key ...] timeout
pub fn bzpopmax(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Max)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, end: End) -> Result<(), CommandError> {
    let keys = args.from(1).first(args.len().saturating_sub(2));
    let timeout = timeout_seconds(args.at(args.len() - 1), ctx.now)?;
    if !pop_first(ctx, keys.iter(), end, reply)? && !wait(ctx, keys, timeout) {
        reply.null_array();
    }
    Ok(())
}

/// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
pub fn bzmpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let request = Request::parse(args, 2)?;
    let timeout = timeout_seconds(args.at(1), ctx.now)?;
    if !request.serve(ctx, reply)? && !wait(ctx, request.keys, timeout) {
        reply.null_array();
    }
    Ok(())
}

/// Lets the client wait for a sorted set under one of the keys; false where it may not.
fn wait(ctx: &mut Ctx<'_>, keys: Args<'_>, timeout_ms: u64) -> bool {
    if ctx.limits.may_block {
        let keys = keys.iter().map(<[u8]>::to_vec).collect();
        ctx.effects.block(Block { kind: TypeName::Zset, keys, timeout_ms, when_gone: false, instead: None });
    }
    ctx.limits.may_block
}
