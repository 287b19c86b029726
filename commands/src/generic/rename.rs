//! Names: RENAME, RENAMENX, COPY, MOVE. The TTL goes with the value.

use crate::parse::{int32, is};
use crate::{Classes, CommandError, Ctx};
use base::{Args, DbIndex};
use keyspace::Touch;
use resp::Reply;

/// RENAME key newkey
pub fn rename(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    change_name(ctx, args, false)?;
    reply.ok();
    Ok(())
}

/// RENAMENX key newkey
pub fn renamenx(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let renamed = change_name(ctx, args, true)?;
    reply.int(i64::from(renamed));
    Ok(())
}

/// Whether anything was renamed; a key onto itself is not.
fn change_name(ctx: &mut Ctx<'_>, args: Args<'_>, only_new: bool) -> Result<bool, CommandError> {
    let (from, to) = (args.at(1), args.at(2));
    if ctx.lookup(from, Touch::Write).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    if from == to {
        return Ok(false);
    }
    let target_there = ctx.lookup(to, Touch::Write).is_some();
    if target_there && only_new {
        return Ok(false);
    }
    ctx.keyspace.rename(ctx.db, from, to);
    // Redis deletes the target first, so that it counts as new in any case.
    ctx.effects.notify(Classes::NEW, "new", ctx.db, to);
    ctx.effects.touch(ctx.db, from);
    ctx.effects.notify(Classes::GENERIC, "rename_from", ctx.db, from);
    ctx.changed(Classes::GENERIC, "rename_to", to);
    Ok(true)
}

/// COPY source destination [DB destination-db] [REPLACE]
pub fn copy(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (from, to) = (args.at(1), args.at(2));
    let (mut target_db, mut replace, mut index) = (ctx.db, false, 3);
    while let Some(word) = args.get(index) {
        index += 1;
        if is(word, "replace") {
            replace = true;
        } else if let (true, Some(number)) = (is(word, "db"), args.get(index)) {
            target_db = ctx.database(int32(number)?)?;
            index += 1;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    if ctx.keyspace.is_clustered() && (ctx.db != DbIndex(0) || target_db != DbIndex(0)) {
        return Err(CommandError::Text("ERR Copying to another database is not allowed in cluster mode"));
    }
    if target_db == ctx.db && from == to {
        return Err(CommandError::SameObject);
    }
    if ctx.lookup(from, Touch::Read).is_none()
        || ctx.keyspace.lookup(target_db, to, Touch::Write).is_some() && !replace
    {
        reply.int(0);
        return Ok(());
    }
    ctx.keyspace.copy(ctx.db, from, target_db, to);
    ctx.effects.notify(Classes::NEW, "new", target_db, to);
    ctx.effects.changed(Classes::GENERIC, "copy_to", target_db, to);
    reply.int(1);
    Ok(())
}

/// MOVE key db
pub fn move_key(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if ctx.keyspace.is_clustered() {
        return Err(CommandError::Text("ERR MOVE is not allowed in cluster mode"));
    }
    let key = args.at(1);
    let target_db = ctx.database(int32(args.at(2))?)?;
    if target_db == ctx.db {
        return Err(CommandError::SameObject);
    }
    if ctx.lookup(key, Touch::Write).is_none() || ctx.keyspace.lookup(target_db, key, Touch::Write).is_some()
    {
        reply.int(0);
        return Ok(());
    }
    ctx.keyspace.move_key(ctx.db, key, target_db);
    ctx.effects.notify(Classes::NEW, "new", target_db, key);
    ctx.effects.touch(ctx.db, key);
    ctx.effects.notify(Classes::GENERIC, "move_from", ctx.db, key);
    ctx.effects.changed(Classes::GENERIC, "move_to", target_db, key);
    reply.int(1);
    Ok(())
}
