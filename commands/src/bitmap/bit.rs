//! Single bits: SETBIT and GETBIT.

use super::{bit_offset, with_bytes};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use base::number::parse_i64;
use keyspace::{StringRef, Touch};
use resp::Reply;

/// SETBIT key offset value
///
/// O(1). Reply: the bit as it was.
pub fn setbit(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let offset = bit_offset(ctx, args.at(2), None)?;
    let on = match parse_i64(args.at(3)) {
        Some(on @ (0 | 1)) => on as u8,
        _ => return Err(CommandError::Text("ERR bit is not an integer or out of range")),
    };
    let (at, shift) = ((offset >> 3) as usize, 7 - (offset & 7));
    let there = ctx.string(key, Touch::Write)?;
    let (fresh, is_int) = (there.is_none(), matches!(there, Some(StringRef::Int(_))));
    let old = with_bytes(ctx, key, Touch::Silent, |bytes| bytes.get(at).copied())?.flatten();
    let byte = old.unwrap_or(0);
    let new = byte & !(1 << shift) | on << shift;
    let changes = old != Some(new);
    if fresh {
        ctx.effects.notify(Classes::NEW, "new", ctx.db, key);
    }
    // An integer becomes a string even if nothing changes.
    if changes || is_int {
        ctx.keyspace.set_range(ctx.db, key, at, &[new]);
    }
    if changes {
        ctx.changed(Classes::STRING, "setbit", key);
    }
    reply.int(i64::from(byte >> shift & 1));
    Ok(())
}

/// GETBIT key offset
pub fn getbit(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let offset = bit_offset(ctx, args.at(2), None)?;
    let (at, shift) = ((offset >> 3) as usize, 7 - (offset & 7));
    let bit = with_bytes(ctx, args.at(1), Touch::Read, |bytes| bytes.get(at).map_or(0, |b| b >> shift & 1))?;
    reply.int(i64::from(bit.unwrap_or(0)));
    Ok(())
}
