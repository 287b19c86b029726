//! Questions about fields by name: HGET, HMGET, HLEN, HSTRLEN, HEXISTS.

use crate::elements::reply_text;
use crate::{CommandError, Ctx};
use base::Args;
use ds::Hash;
use keyspace::Touch;
use resp::Reply;

/// HGET key field
pub fn hget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let clock = ctx.field_clock();
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    reply_field(reply, hash, args.at(2), clock);
    Ok(())
}

/// HMGET key field [field ...]
pub fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let clock = ctx.field_clock();
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let fields = args.from(2);
    reply.array(fields.len());
    fields.iter().for_each(|field| reply_field(reply, hash, field, clock));
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
    let clock = ctx.field_clock();
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let len = hash.and_then(|hash| hash.live(args.at(2), clock)).map_or(0, |value| value.text_len());
    reply.int(len as i64);
    Ok(())
}

/// HEXISTS key field
pub fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (field, clock) = (args.at(2), ctx.field_clock());
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    reply.int(i64::from(hash.is_some_and(|hash| hash.contains(field) && !hash.is_expired(field, clock))));
    Ok(())
}
