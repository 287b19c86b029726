//! XSETID: what a replica or a loading server must know besides the entries.

use super::id;
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Stream;
use ds::stream::StreamId;
use keyspace::Touch;
use resp::Reply;

/// XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]
pub(super) fn xsetid(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, last_id) = (args.at(1), id(args.at(2))?);
    let (mut added, mut max_deleted_id) = (None, StreamId::ZERO);
    let mut index = 3;
    while let Some(word) = args.get(index) {
        match args.get(index + 1) {
            Some(value) if is(word, "entriesadded") => {
                let value = u64::try_from(integer(value)?);
                added = Some(value.map_err(|_| CommandError::Text("ERR entries_added must be positive"))?);
            }
            Some(value) if is(word, "maxdeletedid") => {
                max_deleted_id = id(value)?;
                if last_id < max_deleted_id {
                    return Err(CommandError::Text(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
            }
            _ => return Err(CommandError::Syntax),
        }
        index += 2;
    }
    let Some(stream) = ctx.read::<Stream>(key, Touch::Write)? else {
        return Err(CommandError::NoSuchKey);
    };
    check(stream, last_id, added)?;
    let max_deleted_id = Some(max_deleted_id).filter(|id| !id.is_zero());
    ctx.change(key, |stream: &mut Stream| stream.log_mut().set_last_id(last_id, added, max_deleted_id))?;
    ctx.effects.dirty += 1;
    ctx.effects.notify(Classes::STREAM, "xsetid", ctx.db, key);
    reply.ok();
    Ok(())
}

fn check(stream: &Stream, last_id: StreamId, added: Option<u64>) -> Result<(), CommandError> {
    let log = stream.log();
    if last_id < log.max_deleted_id() {
        return Err(CommandError::Text(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if log.last_live_id().is_some_and(|last| last_id < last) {
        return Err(CommandError::Text(
            "ERR The ID specified in XSETID is smaller than the target stream top item",
        ));
    }
    if added.is_some_and(|added| log.len() > added) {
        return Err(CommandError::Text(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    Ok(())
}
