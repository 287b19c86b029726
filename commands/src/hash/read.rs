//! Questions about fields by name: HGET, HMGET, HLEN, HSTRLEN, HEXISTS.

use crate::ctx::peek;
use crate::elements::reply_text;
use crate::{CommandError, Ctx};
use base::Args;
use ds::Hash;
use keyspace::Touch;
use resp::Reply;

/// HGET key field
pub fn hget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (field, clock) = (args.at(2), ctx.field_clock());
    with_fields(ctx, args.at(1), [field], |hash| reply_field(reply, hash, field, clock))
}

/// HMGET key field [field ...]
pub fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (fields, clock, pulse) = (args.from(2), ctx.field_clock(), ctx.pulse);
    with_fields(ctx, args.at(1), fields.iter(), |hash| {
        reply.array(fields.len());
        pulse.over(fields.iter()).for_each(|field| reply_field(reply, hash, field, clock));
    })
}

/// Reads a hash. Those of the named fields whose time has passed are deleted first, as in Redis 7.4.
fn with_fields<'f>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    fields: impl IntoIterator<Item = &'f [u8]>,
    read: impl FnOnce(Option<&Hash>),
) -> Result<(), CommandError> {
    let clock = ctx.field_clock();
    match ctx.read::<Hash>(key, Touch::Read)? {
        Some(hash) if hash.has_expired(clock) => {}
        hash => {
            read(hash);
            return Ok(());
        }
    }
    ctx.keyspace.expire_named_fields(ctx.db, key, fields.into_iter());
    read(peek::<Hash>(ctx.keyspace, ctx.db, key));
    Ok(())
}

/// Writes the value of a field, null if there is none or its time has passed.
pub(super) fn reply_field(reply: &mut Reply, hash: Option<&Hash>, field: &[u8], clock: i64) {
    match hash.and_then(|hash| hash.live(field, clock)) {
        Some(value) => reply_text(reply, value),
        None => reply.null(),
    }
}

/// HLEN key
///
/// Fields that have expired count until they are deleted, as in Redis.
pub fn hlen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = ctx.read::<Hash>(args.at(1), Touch::Read)?.map_or(0, Hash::len);
    reply.int(len as i64);
    Ok(())
}

/// HSTRLEN key field
pub fn hstrlen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (field, clock) = (args.at(2), ctx.field_clock());
    with_fields(ctx, args.at(1), [field], |hash| {
        let len = hash.and_then(|hash| hash.live(field, clock)).map_or(0, |value| value.text_len());
        reply.int(len as i64);
    })
}

/// HEXISTS key field
pub fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (field, clock) = (args.at(2), ctx.field_clock());
    with_fields(ctx, args.at(1), [field], |hash| {
        let there = hash.is_some_and(|hash| hash.contains(field) && !hash.is_expired(field, clock));
        reply.int(i64::from(there));
    })
}
