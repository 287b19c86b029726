//! Counting elements: PFADD.

use super::{HEADER, STALE, STALE_BIT, dense, empty, hash, is_dense, lookup, sparse, sparse_max, store};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::Touch;
use resp::Reply;

/// PFADD key [element [element ...]]
///
/// Reply: 1 if the key is new or the estimate may have changed.
pub fn pfadd(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let max_bytes = sparse_max(ctx);
    let (mut value, fresh) = match lookup(ctx, key, Touch::Write)? {
        Some(value) if is_dense(value) => {
            let updates = add_to_dense(ctx, key, args)?;
            return finish(ctx, key, updates, reply);
        }
        Some(value) => (value.to_vec(), false),
        None => (empty(), true),
    };
    let mut updates = u64::from(fresh);
    for element in ctx.pulse.over(args.from(2).iter()) {
        let (index, count) = hash::place(element);
        let raised = if is_dense(&value) {
            dense::raise(&mut value[HEADER..], index, count)
        } else {
            sparse::raise(&mut value, index, count, max_bytes)?
        };
        updates += u64::from(raised);
    }
    if updates > 0 {
        super::invalidate(&mut value);
        store(ctx, key, &value);
    }
    finish(ctx, key, updates, reply)
}

/// Changes registers where they are, without copying 12 KiB.
fn add_to_dense(ctx: &mut Ctx<'_>, key: &[u8], args: Args<'_>) -> Result<u64, CommandError> {
    let mut updates = 0;
    for element in ctx.pulse.over(args.from(2).iter()) {
        let (index, count) = hash::place(element);
        let Some(value) = lookup(ctx, key, Touch::Silent)? else { break };
        let registers = &value[HEADER..];
        if count > dense::register(registers, index) {
            let (at, bytes, len) = dense::patched(registers, index, count);
            ctx.keyspace.set_range(ctx.db, key, HEADER + at, &bytes[..len]);
            updates += 1;
        }
    }
    if updates > 0
        && let Some(value) = lookup(ctx, key, Touch::Silent)?
        && value[STALE] & STALE_BIT == 0
    {
        let stale = value[STALE] | STALE_BIT;
        ctx.keyspace.set_range(ctx.db, key, STALE, &[stale]);
    }
    Ok(updates)
}

fn finish(ctx: &mut Ctx<'_>, key: &[u8], updates: u64, reply: &mut Reply) -> Result<(), CommandError> {
    if updates > 0 {
        ctx.changed(Classes::STRING, "pfadd", key);
        ctx.effects.dirty += updates - 1;
    }
    reply.int(i64::from(updates > 0));
    Ok(())
}
