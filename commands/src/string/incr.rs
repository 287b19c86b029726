//! Strings as numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

use crate::parse::integer;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use base::longdouble::{self, LongDoubleError};
use base::number::parse_i64;
use keyspace::{NewValue, StringRef, Touch, Ttl};
use resp::Reply;

/// INCR key
pub fn incr(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    add(ctx, args.at(1), 1, reply)
}

/// DECR key
pub fn decr(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    add(ctx, args.at(1), -1, reply)
}

/// INCRBY key increment
pub fn incrby(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    add(ctx, args.at(1), integer(args.at(2))?, reply)
}

/// DECRBY key decrement
pub fn decrby(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let decrement = integer(args.at(2))?;
    let increment = decrement.checked_neg().ok_or(CommandError::DecrementOverflow)?;
    add(ctx, args.at(1), increment, reply)
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], increment: i64, reply: &mut Reply) -> Result<(), CommandError> {
    let old = match ctx.string(key, Touch::Write)? {
        None => 0,
        Some(StringRef::Int(int)) => int,
        // A string that was changed in place may spell an integer.
        Some(StringRef::Bytes(bytes)) => parse_i64(bytes).ok_or(CommandError::NotInteger)?,
    };
    let new = old.checked_add(increment).ok_or(CommandError::IncrementOverflow)?;
    ctx.set(key, NewValue::Int(new), Ttl::Keep);
    ctx.changed(Classes::STRING, "incrby", key);
    reply.int(new);
    Ok(())
}

/// INCRBYFLOAT key increment
///
/// Computed in 80-bit floats as Redis does, and logged as its result, so that replicas need not agree about floats.
pub fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, increment) = (args.at(1), args.at(2));
    let sum = match ctx.string(key, Touch::Write)? {
        None => longdouble::add(b"0", increment),
        Some(StringRef::Int(int)) => longdouble::add(&StringRef::Int(int).to_vec(), increment),
        Some(StringRef::Bytes(bytes)) => longdouble::add(bytes, increment),
    };
    let sum = sum.map_err(|error| match error {
        LongDoubleError::NotFloat => CommandError::NotFloat,
        LongDoubleError::NanOrInfinity => CommandError::IncrementNotFinite,
    })?;
    ctx.set(key, NewValue::text(sum.as_bytes()), Ttl::Keep);
    ctx.changed(Classes::STRING, "incrbyfloat", key);
    ctx.effects.instead([b"SET".as_slice(), key, sum.as_bytes(), b"KEEPTTL"]);
    reply.bulk(sum.as_bytes());
    Ok(())
}
