//! XGROUP: groups and consumers by hand.

use super::{id, loose_id, no_group, wrong_form};
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Stream;
use ds::stream::{StreamId, UNKNOWN_ENTRIES_READ};
use keyspace::Touch;
use resp::Reply;

/// What may stand behind the group's id.
struct Options {
    create_stream: bool,
    entries_read: i64,
}

impl Options {
    fn parse(args: Args<'_>, creates: bool) -> Result<Self, CommandError> {
        let mut options = Self { create_stream: false, entries_read: UNKNOWN_ENTRIES_READ };
        let mut index = 5;
        while let Some(word) = args.get(index) {
            match args.get(index + 1) {
                _ if creates && is(word, "mkstream") => options.create_stream = true,
                Some(value) if is(word, "entriesread") => {
                    options.entries_read = integer(value)?;
                    if options.entries_read < 0 && options.entries_read != UNKNOWN_ENTRIES_READ {
                        return Err(CommandError::Text("ERR value for ENTRIESREAD must be positive or -1"));
                    }
                    index += 1;
                }
                _ => return Err(wrong_form(args, "XGROUP")),
            }
            index += 1;
        }
        Ok(options)
    }
}

/// A stream that must be there.
fn existing<'c>(ctx: &'c mut Ctx<'_>, key: &[u8]) -> Result<&'c Stream, CommandError> {
    ctx.read::<Stream>(key, Touch::Write)?.ok_or(CommandError::Text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
         option to create an empty stream automatically.",
    ))
}

/// As [`existing`], with a group that must be there.
fn existing_group(ctx: &mut Ctx<'_>, key: &[u8], name: &[u8]) -> Result<(), CommandError> {
    if existing(ctx, key)?.group(name).is_none() {
        return Err(no_group("No such consumer group", name, "for key name", key, ""));
    }
    Ok(())
}

/// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read]
pub(super) fn create(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name, from) = (args.at(2), args.at(3), args.at(4));
    let options = Options::parse(args, true)?;
    let stream = if options.create_stream {
        ctx.read::<Stream>(key, Touch::Write)?
    } else {
        Some(existing(ctx, key)?)
    };
    let (fresh, end) = (stream.is_none(), stream.map_or(StreamId::ZERO, |stream| stream.log().last_id()));
    if args.len() > 8 {
        return Err(wrong_form(args, "XGROUP"));
    }
    let last_id = if from == b"$" { end } else { id(from)? };
    let made = ctx.change_or_create(key, |stream: &mut Stream| {
        stream.create_group(name, last_id, options.entries_read)
    })?;
    if fresh {
        ctx.effects.touch(ctx.db, key);
    }
    if !made.value {
        return Err(CommandError::Text("BUSYGROUP Consumer Group name already exists"));
    }
    ctx.effects.dirty += 1;
    ctx.effects.notify(Classes::STREAM, "xgroup-create", ctx.db, key);
    reply.ok();
    Ok(())
}

/// XGROUP SETID key group id | $ [ENTRIESREAD entries-read]
pub(super) fn set_id(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name, to) = (args.at(2), args.at(3), args.at(4));
    let options = Options::parse(args, false)?;
    existing_group(ctx, key, name)?;
    if !matches!(args.len(), 5 | 7) {
        return Err(wrong_form(args, "XGROUP"));
    }
    let given = if to == b"$" { None } else { Some(loose_id(to, 0)?) };
    ctx.change(key, |stream: &mut Stream| {
        stream.change_group(name, |group, log| {
            group.last_id = given.unwrap_or(log.last_id());
            group.entries_read = options.entries_read;
        })
    })?;
    ctx.effects.dirty += 1;
    ctx.effects.notify(Classes::STREAM, "xgroup-setid", ctx.db, key);
    reply.ok();
    Ok(())
}

/// XGROUP DESTROY key group
pub(super) fn destroy(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name) = (args.at(2), args.at(3));
    let found = existing(ctx, key)?.group(name).is_some();
    if found {
        ctx.change(key, |stream: &mut Stream| stream.destroy_group(name))?;
        ctx.effects.dirty += 1;
        ctx.effects.notify(Classes::STREAM, "xgroup-destroy", ctx.db, key);
        // Its readers learn that it is gone.
        ctx.effects.wake(ctx.db, key);
    }
    reply.int(i64::from(found));
    Ok(())
}

/// XGROUP CREATECONSUMER key group consumer
pub(super) fn create_consumer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (key, name, consumer) = (args.at(2), args.at(3), args.at(4));
    existing_group(ctx, key, name)?;
    let now_ms = ctx.now.0;
    let made = ctx.change(key, |stream: &mut Stream| {
        stream.change_group(name, |group, _| group.create_consumer(consumer, now_ms))
    })?;
    let made = made.and_then(|made| made.value).unwrap_or(false);
    if made {
        ctx.effects.dirty += 1;
        ctx.effects.notify(Classes::STREAM, "xgroup-createconsumer", ctx.db, key);
    }
    reply.int(i64::from(made));
    Ok(())
}

/// XGROUP DELCONSUMER key group consumer
pub(super) fn delete_consumer(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), CommandError> {
    let (key, name, consumer) = (args.at(2), args.at(3), args.at(4));
    existing_group(ctx, key, name)?;
    let gone = ctx.change(key, |stream: &mut Stream| {
        stream.change_group(name, |group, _| group.delete_consumer(consumer)).flatten()
    })?;
    let gone = gone.and_then(|gone| gone.value);
    if gone.is_some() {
        ctx.effects.dirty += 1;
        ctx.effects.notify(Classes::STREAM, "xgroup-delconsumer", ctx.db, key);
    }
    reply.int(gone.unwrap_or(0) as i64);
    Ok(())
}
