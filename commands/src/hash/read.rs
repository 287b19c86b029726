//! Questions about fields by name: HGET, HMGET, HLEN, HSTRLEN, HEXISTS.

use crate::elements::reply_text;
use crate::{CommandError, Ctx};
use base::Args;
use ds::Hash;
use keyspace::Touch;
use resp::Reply;

/// HGET key field
pub fn hget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    reply_field(reply, hash, args.at(2));
    Ok(())
}

/// HMGET key field [field ...]
pub fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let fields = args.from(2);
    reply.array(fields.len());
    fields.iter().for_each(|field| reply_field(reply, hash, field));
    Ok(())
}

fn reply_field(reply: &mut Reply, hash: Option<&Hash>, field: &[u8]) {
    match hash.and_then(|hash| hash.get(field)) {
        Some(value) => reply_text(reply, value),
        None => reply.null(),
    }
}

/// HLEN key
pub fn hlen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = ctx.read::<Hash>(args.at(1), Touch::Read)?.map_or(0, Hash::len);
    reply.int(len as i64);
    Ok(())
}

/// HSTRLEN key field
pub fn hstrlen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let len = hash.and_then(|hash| hash.get(args.at(2))).map_or(0, |value| value.text_len());
    reply.int(len as i64);
    Ok(())
}

/// HEXISTS key field
pub fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    reply.int(i64::from(hash.is_some_and(|hash| hash.contains(args.at(2)))));
    Ok(())
}
