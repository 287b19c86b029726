//! Lists: sequences that are pushed to and popped from at both ends.
//!
//! A key never holds an empty list: who takes the last element takes the key, with a `del` event behind that of the
//! command. Before elements come a list takes the form that has room for them, after some went it may become small
//! again (`ds::List::grow` and `shrink`); both happen where Redis 7.2 does it, because OBJECT ENCODING and DUMP show.
//!
//! Commands that block are those that do not, and [`block`] when there is nothing to take. What reaches the log is the
//! command that does not block.

mod block;
mod edit;
mod find;
mod mpop;
mod pop;
mod push;
mod range;
mod transfer;

use crate::parse::is;
use crate::{Classes, CommandError, Ctx, Handler};
use ds::list::End;
use ds::listpack::Entry;
use resp::Reply;

/// Handlers of the list commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "lpush" => push::lpush,
        "rpush" => push::rpush,
        "lpushx" => push::lpushx,
        "rpushx" => push::rpushx,
        "lpop" => pop::lpop,
        "rpop" => pop::rpop,
        "lmpop" => mpop::lmpop,
        "blmpop" => mpop::blmpop,
        "llen" => range::llen,
        "lrange" => range::lrange,
        "lindex" => range::lindex,
        "ltrim" => range::ltrim,
        "linsert" => edit::linsert,
        "lset" => edit::lset,
        "lrem" => edit::lrem,
        "lpos" => find::lpos,
        "lmove" => transfer::lmove,
        "rpoplpush" => transfer::rpoplpush,
        "blmove" => transfer::blmove,
        "brpoplpush" => transfer::brpoplpush,
        "blpop" => block::blpop,
        "brpop" => block::brpop,
        _ => return None,
    })
}

/// LEFT or RIGHT.
fn end_named(word: &[u8]) -> Result<End, CommandError> {
    if is(word, "left") {
        Ok(End::Left)
    } else if is(word, "right") {
        Ok(End::Right)
    } else {
        Err(CommandError::Syntax)
    }
}

/// The event of a push, and of a pop, at this end.
fn events(end: End) -> (&'static str, &'static str) {
    match end {
        End::Left => ("lpush", "lpop"),
        End::Right => ("rpush", "rpop"),
    }
}

/// The command that pops at this end, as it stands in the log.
fn pop_command(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LPOP",
        End::Right => b"RPOP",
    }
}

/// Answers with an element.
#[inline]
fn reply_entry(reply: &mut Reply, entry: Entry<'_>) {
    match entry {
        Entry::Int(value) => reply.bulk_int(value),
        Entry::Bytes(text) => reply.bulk(text),
    }
}

/// `count` elements went from a list at this end; `removed` tells whether the key went with them.
fn elements_removed(ctx: &mut Ctx<'_>, key: &[u8], end: End, count: usize, removed: bool) {
    ctx.effects.notify(Classes::LIST, events(end).1, ctx.db, key);
    if removed {
        ctx.effects.notify(Classes::GENERIC, "del", ctx.db, key);
    }
    ctx.effects.touch(ctx.db, key);
    ctx.effects.dirty += count as u64;
}

/// Two indexes, negative ones counted from the end, as a start and a number of elements.
fn span(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_end = |index: i64| if index < 0 { len.saturating_add(index).max(-1) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}

/// One index, negative from the end; `None` if no element can be there.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}
