//! XDEL and XDELEX.

use super::{id, ids};
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Stream;
use ds::stream::StreamId;
use keyspace::Touch;
use resp::Reply;

/// XDEL key id [id ...]
pub(super) fn xdel(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    if ctx.read::<Stream>(key, Touch::Write)?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let ids = ids(args, 2)?;
    let pulse = ctx.pulse;
    let done = ctx.change(key, |stream: &mut Stream| {
        pulse.over(ids.into_iter()).filter(|id| stream.log_mut().delete(*id)).count()
    })?;
    let deleted = done.map_or(0, |done| done.value);
    spread(ctx, key, deleted as u64);
    reply.int(deleted as i64);
    Ok(())
}

/// Tells that entries were deleted.
pub(super) fn spread(ctx: &mut Ctx<'_>, key: &[u8], deleted: u64) {
    if deleted > 0 {
        ctx.effects.touch(ctx.db, key);
        ctx.effects.notify(Classes::STREAM, "xdel", ctx.db, key);
        ctx.effects.dirty += deleted;
    }
}

/// What happens to pending entries that are deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum References {
    /// They stay pending.
    Keep,
    /// They are pending in no group any more.
    Delete,
    /// Entries that a group has pending or has yet to deliver are not deleted.
    Acknowledged,
}

impl References {
    /// Whether an entry may be deleted.
    pub(super) fn allow(self, stream: &Stream, id: StreamId) -> bool {
        let needed = |(_, group): (_, &ds::stream::Group)| group.last_id < id || group.pending(id).is_some();
        self != References::Acknowledged || !stream.groups().any(needed)
    }

    /// Deletes an entry, and what refers to it if that is asked for; false if there was no such entry.
    pub(super) fn delete(self, stream: &mut Stream, id: StreamId) -> bool {
        if self == References::Delete {
            acknowledge_everywhere(stream, id);
        }
        stream.log_mut().delete(id)
    }
}

/// Takes an id out of all groups; how many had it.
fn acknowledge_everywhere(stream: &mut Stream, id: StreamId) -> u64 {
    let having = stream.groups().filter(|(_, group)| group.pending(id).is_some());
    let names: Vec<_> = having.map(|(name, _)| name.clone()).collect();
    names.iter().for_each(|name| {
        stream.change_group(name, |group, _| group.acknowledge(id));
    });
    names.len() as u64
}

/// `[KEEPREF | DELREF | ACKED] IDS numids id [id ...]`, in any order.
pub(super) struct Extended {
    pub(super) references: References,
    pub(super) ids: Vec<StreamId>,
}

impl Extended {
    /// Reads it from argument `first` on.
    pub(super) fn parse(args: Args<'_>, first: usize) -> Result<Self, CommandError> {
        let (mut references, mut ids) = (None, None);
        let mut index = first;
        while let Some(word) = args.get(index) {
            let named = [
                ("keepref", References::Keep),
                ("delref", References::Delete),
                ("acked", References::Acknowledged),
            ];
            if let Some((_, named)) = named.into_iter().find(|(name, _)| is(word, name)) {
                if references.replace(named).is_some() {
                    return Err(CommandError::Syntax);
                }
                index += 1;
            } else if is(word, "ids") && ids.is_none() && index + 1 < args.len() {
                let numbered = numbered_ids(args, index + 1)?;
                index += 2 + numbered.len();
                ids = Some(numbered);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let references = references.unwrap_or(References::Keep);
        Ok(Self { references, ids: ids.ok_or(CommandError::Syntax)? })
    }
}

/// A number, and as many ids.
fn numbered_ids(args: Args<'_>, at: usize) -> Result<Vec<StreamId>, CommandError> {
    let count = integer(args.at(at)).ok().and_then(|count| usize::try_from(count).ok()).filter(|n| *n > 0);
    let count = count.ok_or(CommandError::Text("ERR Number of IDs must be a positive integer"))?;
    if count > args.len() - at - 1 {
        return Err(CommandError::Text("ERR The `numids` parameter must match the number of arguments"));
    }
    args.from(at + 1).iter().take(count).map(id).collect()
}

/// Answers "no such entry" for each of so many ids.
pub(super) fn reply_nothing(reply: &mut Reply, count: usize) {
    reply.array(count);
    (0..count).for_each(|_| reply.int(-1));
}

/// XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]
///
/// Reply per id: -1 if there is no such entry, 1 if it is gone, 2 if a group still needs it.
pub(super) fn xdelex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let asked = Extended::parse(args, 2)?;
    if ctx.read::<Stream>(key, Touch::Write)?.is_none() {
        reply_nothing(reply, asked.ids.len());
        return Ok(());
    }
    let pulse = ctx.pulse;
    let done = ctx.change(key, |stream: &mut Stream| {
        let (mut deleted, mut released) = (0, 0);
        reply.array(asked.ids.len());
        for id in pulse.over(asked.ids.iter()) {
            if asked.references == References::Delete {
                // Even where the entry itself is long gone.
                released += acknowledge_everywhere(stream, *id);
            }
            let there = stream.log().contains(*id);
            let stays = there && !asked.references.allow(stream, *id);
            if there && !stays {
                deleted += u64::from(asked.references.delete(stream, *id));
            }
            reply.int(match (there, stays) {
                (false, _) => -1,
                (true, false) => 1,
                (true, true) => 2,
            });
        }
        (deleted, released)
    })?;
    let (deleted, released) = done.map(|done| done.value).unwrap_or_default();
    spread(ctx, key, deleted);
    ctx.effects.dirty += released;
    Ok(())
}
