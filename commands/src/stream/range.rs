//! XLEN, XRANGE, XREVRANGE.

use super::{count_or_all, interval_end, interval_start, read, reply_entries};
use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Stream;
use resp::Reply;

/// XLEN key
pub(super) fn xlen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = read(ctx, args.at(1))?.map_or(0, Stream::len);
    reply.int(len as i64);
    Ok(())
}

/// XRANGE key start end [COUNT count]
pub(super) fn xrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    range(ctx, args, false, reply)
}

/// XREVRANGE key end start [COUNT count]
pub(super) fn xrevrange(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    range(ctx, args, true, reply)
}

fn range(ctx: &mut Ctx<'_>, args: Args<'_>, backwards: bool, reply: &mut Reply) -> Result<(), CommandError> {
    let (first, last) = if backwards { (3, 2) } else { (2, 3) };
    let start = interval_start(args.at(first))?;
    let end = interval_end(args.at(last))?;
    let mut count = None;
    let mut index = 4;
    while let Some(word) = args.get(index) {
        match args.get(index + 1) {
            Some(value) if is(word, "count") => count = Some(integer(value)?.max(0)),
            _ => return Err(CommandError::Syntax),
        }
        index += 2;
    }
    let pulse = ctx.pulse;
    let Some(stream) = read(ctx, args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        reply.null_array();
        return Ok(());
    }
    let count = count.and_then(count_or_all);
    if backwards {
        reply_entries(reply, stream.log().range_back(start, end), count, pulse);
    } else {
        reply_entries(reply, stream.log().range(start, end), count, pulse);
    }
    Ok(())
}
