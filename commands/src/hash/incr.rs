//! Fields as numbers: HINCRBY, HINCRBYFLOAT.

use crate::parse::integer;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use base::longdouble::{self, LongDoubleError};
use ds::listpack::Entry;
use ds::{Hash, Settings};
use resp::Reply;

/// HINCRBY key field increment
pub fn hincrby(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, field, increment) = (args.at(1), args.at(2), integer(args.at(3))?);
    ctx.keyspace.expire_named_fields(ctx.db, key, [field].into_iter());
    let settings = &ctx.limits.settings;
    let sum = ctx.change_or_create::<Hash, _>(key, |hash| add(hash, field, increment, settings))?;
    let sum = sum.value?;
    ctx.changed(Classes::HASH, "hincrby", key);
    reply.int(sum);
    Ok(())
}

fn add(hash: &mut Hash, field: &[u8], increment: i64, settings: &Settings) -> Result<i64, CommandError> {
    let old = match hash.get(field) {
        Some(value) => value.as_int().ok_or(CommandError::Text("ERR hash value is not an integer"))?,
        None => 0,
    };
    let sum = old.checked_add(increment).ok_or(CommandError::IncrementOverflow)?;
    Entry::Int(sum).with_text(|text| hash.set_keeping(field, text, settings));
    Ok(sum)
}

/// HINCRBYFLOAT key field increment
///
/// Computed in 80-bit floats as Redis does, and logged as its result, so that replicas need not agree about floats.
pub fn hincrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, field, increment) = (args.at(1), args.at(2), args.at(3));
    let shown = longdouble::normalize(increment).ok_or(CommandError::NotFloat)?;
    if shown.ends_with("inf") {
        return Err(CommandError::Text("ERR value is NaN or Infinity"));
    }
    ctx.keyspace.expire_named_fields(ctx.db, key, [field].into_iter());
    let settings = &ctx.limits.settings;
    let sum = ctx.change_or_create::<Hash, _>(key, |hash| add_float(hash, field, increment, settings))?;
    let (sum, keeps_time) = sum.value?;
    ctx.changed(Classes::HASH, "hincrbyfloat", key);
    if keeps_time {
        let words = [b"HSETEX".as_slice(), key, b"KEEPTTL", b"FIELDS", b"1", field, sum.as_bytes()];
        ctx.effects.instead(words);
    } else {
        ctx.effects.instead([b"HSET".as_slice(), key, field, sum.as_bytes()]);
    }
    reply.bulk(sum.as_bytes());
    Ok(())
}

/// The sum, and whether the field has a time to live.
fn add_float(
    hash: &mut Hash,
    field: &[u8],
    increment: &[u8],
    settings: &Settings,
) -> Result<(String, bool), CommandError> {
    let sum = match hash.get(field) {
        Some(value) => value.with_text(|value| longdouble::add(value, increment)),
        None => longdouble::add(b"0", increment),
    };
    let sum = sum.map_err(|error| match error {
        LongDoubleError::NotFloat => CommandError::Text("ERR hash value is not a float"),
        LongDoubleError::NanOrInfinity => CommandError::IncrementNotFinite,
    })?;
    hash.set_keeping(field, sum.as_bytes(), settings);
    Ok((sum, hash.expiry(field).is_some()))
}
