//! Streams: appending and trimming, reading alone and in groups, and what describes them.
//!
//! What depends on the moment is logged as its outcome: XADD with the id that was chosen, trims by what they left,
//! reading in a group as the claims that have the same result. Commands that only concern groups do not touch the key
//! in the eyes of WATCH and of client-side caching, as in Redis.

mod ack;
mod add;
mod claim;
mod delete;
mod group;
mod info;
mod pending;
mod propagate;
mod range;
mod read;
mod read_group;
mod setid;
mod trim;

use crate::parse::integer;
use crate::{CommandError, Ctx, Handler};
use base::Args;
use ds::Stream;
use ds::listpack::Entry;
use ds::stream::{StreamEntry, StreamId};
use keyspace::{Pulse, Touch};
use resp::Reply;

/// Handlers of the stream commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "xadd" => add::xadd,
        "xtrim" => trim::xtrim,
        "xdel" => delete::xdel,
        "xdelex" => delete::xdelex,
        "xsetid" => setid::xsetid,
        "xlen" => range::xlen,
        "xrange" => range::xrange,
        "xrevrange" => range::xrevrange,
        "xread" => read::xread,
        "xreadgroup" => read_group::xreadgroup,
        "xack" => ack::xack,
        "xackdel" => ack::xackdel,
        "xclaim" => claim::xclaim,
        "xautoclaim" => claim::xautoclaim,
        "xpending" => pending::xpending,
        "xgroup|create" => group::create,
        "xgroup|setid" => group::set_id,
        "xgroup|destroy" => group::destroy,
        "xgroup|createconsumer" => group::create_consumer,
        "xgroup|delconsumer" => group::delete_consumer,
        "xinfo|stream" => info::stream,
        "xinfo|groups" => info::groups,
        "xinfo|consumers" => info::consumers,
        _ => return None,
    })
}

const INVALID_ID: CommandError =
    CommandError::Text("ERR Invalid stream ID specified as stream command argument");

/// An id: `ms` or `ms-seq`.
fn id(text: &[u8]) -> Result<StreamId, CommandError> {
    StreamId::parse(text, 0).ok_or(INVALID_ID)
}

/// The ids from argument `first` on.
fn ids(args: Args<'_>, first: usize) -> Result<Vec<StreamId>, CommandError> {
    args.from(first).iter().map(id).collect()
}

/// An id, `-` or `+`.
fn loose_id(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::ZERO),
        b"+" => Ok(StreamId::MAX),
        _ => StreamId::parse(text, missing_seq).ok_or(INVALID_ID),
    }
}

/// The first id of an interval; `(` before it leaves it out.
fn interval_start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => {
            let id = id(rest)?;
            id.next().ok_or(CommandError::Text("ERR invalid start ID for the interval"))
        }
        _ => loose_id(text, 0),
    }
}

/// The last id of an interval; `(` before it leaves it out.
fn interval_end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => {
            let id = StreamId::parse(rest, u64::MAX).ok_or(INVALID_ID)?;
            id.previous().ok_or(CommandError::Text("ERR invalid end ID for the interval"))
        }
        _ => loose_id(text, u64::MAX),
    }
}

/// An integer with a text of its own for whatever is none.
fn integer_or(text: &[u8], error: &'static str) -> Result<i64, CommandError> {
    integer(text).map_err(|_| CommandError::Text(error))
}

/// A stream for reading.
fn read<'c>(ctx: &'c mut Ctx<'_>, key: &[u8]) -> Result<Option<&'c Stream>, CommandError> {
    ctx.read::<Stream>(key, Touch::Read)
}

/// Checks that a group is there, in XCLAIM's words.
fn require_group(ctx: &mut Ctx<'_>, key: &[u8], group: &[u8]) -> Result<(), CommandError> {
    if read(ctx, key)?.is_some_and(|stream| stream.group(group).is_some()) {
        return Ok(());
    }
    Err(no_key_or_group(key, group))
}

fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    no_group("No such key", key, "or consumer group", group, "")
}

/// More arguments than the subcommand of a command can have, or others.
fn wrong_form(args: Args<'_>, command: &str) -> CommandError {
    let name = args.at(1);
    CommandError::repeating(&[
        b"ERR unknown subcommand or wrong number of arguments for '",
        &name[..name.len().min(128)],
        b"'. Try ",
        command.as_bytes(),
        b" HELP.",
    ])
}

/// `-NOGROUP <a> '<name>' <b> '<name>'<c>`
fn no_group(a: &str, first: &[u8], b: &str, second: &[u8], c: &str) -> CommandError {
    CommandError::repeating(&[
        b"NOGROUP ",
        a.as_bytes(),
        b" '",
        first,
        b"' ",
        b.as_bytes(),
        b" '",
        second,
        b"'",
        c.as_bytes(),
    ])
}

/// Answers with an id.
fn reply_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(&id.text());
}

/// Answers with an entry: its id, and its names and values in turn.
fn reply_entry(reply: &mut Reply, entry: StreamEntry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(usize::try_from(entry.fields.len()).unwrap_or(usize::MAX).saturating_mul(2));
    for (name, value) in entry.fields {
        reply_element(reply, name);
        reply_element(reply, value);
    }
}

#[inline]
fn reply_element(reply: &mut Reply, element: Entry<'_>) {
    match element {
        Entry::Int(int) => reply.bulk_int(int),
        Entry::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// Answers with entries, at most `count` of them; `None` is all. Returns how many there were.
fn reply_entries<'e>(
    reply: &mut Reply,
    entries: impl Iterator<Item = StreamEntry<'e>>,
    count: Option<u64>,
    pulse: Pulse<'_>,
) -> usize {
    let beat = pulse.beat();
    let place = reply.deferred_array();
    let mut len = 0;
    for entry in entries {
        beat.one();
        reply_entry(reply, entry);
        len += 1;
        if count == Some(len as u64) {
            break;
        }
    }
    reply.finish_array(place, len);
    len
}

/// COUNT as most commands take it: negative is 0, and 0 is no limit.
fn count_or_all(count: i64) -> Option<u64> {
    u64::try_from(count).ok().filter(|count| *count > 0)
}
