//! XACK and XACKDEL.

use super::delete::{Extended, reply_nothing, spread};
use super::{ids, read};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Stream;
use resp::Reply;

/// XACK key group id [id ...]
pub(super) fn xack(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name) = (args.at(1), args.at(2));
    // Without the group the ids are not even looked at.
    if read(ctx, key)?.is_none_or(|stream| stream.group(name).is_none()) {
        reply.int(0);
        return Ok(());
    }
    let ids = ids(args, 3)?;
    let pulse = ctx.pulse;
    let done = ctx.change(key, |stream: &mut Stream| {
        stream.change_group(name, |group, _| {
            pulse.over(ids.into_iter()).filter(|id| group.acknowledge(*id)).count()
        })
    })?;
    let acknowledged = done.and_then(|done| done.value).unwrap_or(0);
    ctx.effects.dirty += acknowledged as u64;
    reply.int(acknowledged as i64);
    Ok(())
}

/// XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]
///
/// Reply per id: -1 if it was not pending, 1 if it was acknowledged and is gone, 2 if it was acknowledged and stays
/// because other groups still need it.
pub(super) fn xackdel(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name) = (args.at(1), args.at(2));
    let asked = Extended::parse(args, 3)?;
    if read(ctx, key)?.is_none_or(|stream| stream.group(name).is_none()) {
        reply_nothing(reply, asked.ids.len());
        return Ok(());
    }
    let pulse = ctx.pulse;
    let done = ctx.change(key, |stream: &mut Stream| {
        let mut counts = (0, 0);
        reply.array(asked.ids.len());
        for id in pulse.over(asked.ids.iter()) {
            let pending = stream.change_group(name, |group, _| group.acknowledge(*id)) == Some(true);
            counts.0 += u64::from(pending);
            let stays = pending && !asked.references.allow(stream, *id);
            if pending && !stays {
                counts.1 += u64::from(asked.references.delete(stream, *id));
            }
            reply.int(match (pending, stays) {
                (false, _) => -1,
                (true, false) => 1,
                (true, true) => 2,
            });
        }
        counts
    })?;
    let (acknowledged, deleted) = done.map(|done| done.value).unwrap_or_default();
    spread(ctx, key, deleted);
    ctx.effects.dirty += acknowledged;
    Ok(())
}
