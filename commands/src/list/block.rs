//! BLPOP and BRPOP, and how the commands of this family wait.

use super::pop::pop_one;
use super::pop_command;
use crate::parse::timeout_seconds;
use crate::{Block, CommandError, Ctx};
use base::Args;
use ds::List;
use ds::list::End;
use keyspace::{Touch, TypeName};
use resp::Reply;

/// BLPOP key [key ...] timeout
pub fn blpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Left)
}

/// BRPOP key [key ...] timeout
pub fn brpop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    pop(ctx, args, reply, End::Right)
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply, end: End) -> Result<(), CommandError> {
    let keys = args.from(1).first(args.len().saturating_sub(2));
    let timeout = timeout_seconds(args.at(args.len() - 1), ctx.now)?;
    for key in keys.iter() {
        if ctx.read::<List>(key, Touch::Write)?.is_none() {
            continue;
        }
        reply.array(2);
        reply.bulk(key);
        pop_one(ctx, key, end, reply)?;
        ctx.effects.instead([pop_command(end), key]);
        return Ok(());
    }
    if !wait(ctx, keys.iter(), timeout) {
        reply.null_array();
    }
    Ok(())
}

/// Lets the client wait for a list under one of the keys; false where it may not.
pub fn wait<'k>(ctx: &mut Ctx<'_>, keys: impl Iterator<Item = &'k [u8]>, timeout_ms: u64) -> bool {
    if ctx.limits.may_block {
        let keys = keys.map(<[u8]>::to_vec).collect();
        ctx.effects.block(Block { kind: TypeName::List, keys, timeout_ms, when_gone: false, instead: None });
    }
    ctx.limits.may_block
}
