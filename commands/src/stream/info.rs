//! XINFO: what streams, groups and consumers look like.

use super::{count_or_all, no_group, read, reply_entries, reply_entry, reply_id, wrong_form};
use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Stream;
use ds::stream::{Consumer, Group, NEVER_ACTIVE, Name, StreamId, UNKNOWN_ENTRIES_READ};
use keyspace::Pulse;
use resp::Reply;

/// How many entries FULL shows of everything where nobody says how many.
const COUNT: i64 = 10;

fn existing<'c>(ctx: &'c mut Ctx<'_>, key: &[u8]) -> Result<&'c Stream, CommandError> {
    read(ctx, key)?.ok_or(CommandError::NoSuchKey)
}

fn reply_or_null(reply: &mut Reply, value: Option<i64>) {
    match value {
        Some(value) => reply.int(value),
        None => reply.null(),
    }
}

/// XINFO GROUPS key
pub(super) fn groups(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let stream = existing(ctx, args.at(2))?;
    reply.array(stream.groups_len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.int(group.consumers_len() as i64);
        reply.bulk(b"pending");
        reply.int(group.pending_len() as i64);
        progress(stream, group, reply);
    }
    Ok(())
}

/// How far a group has come.
fn progress(stream: &Stream, group: &Group, reply: &mut Reply) {
    reply.bulk(b"last-delivered-id");
    reply_id(reply, group.last_id);
    reply.bulk(b"entries-read");
    reply_or_null(reply, Some(group.entries_read).filter(|read| *read != UNKNOWN_ENTRIES_READ));
    reply.bulk(b"lag");
    reply_or_null(reply, group.lag(stream.log()));
}

/// XINFO CONSUMERS key group
pub(super) fn consumers(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name) = (args.at(2), args.at(3));
    let now_ms = ctx.now.0;
    let Some(group) = existing(ctx, key)?.group(name) else {
        return Err(no_group("No such consumer group", name, "for key name", key, ""));
    };
    reply.array(group.consumers_len());
    for (name, consumer) in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"pending");
        reply.int(consumer.pending_len() as i64);
        reply.bulk(b"idle");
        reply.int(now_ms.wrapping_sub(consumer.seen_ms()).max(0));
        reply.bulk(b"inactive");
        reply.int(match consumer.active_ms() {
            NEVER_ACTIVE => NEVER_ACTIVE,
            active_ms => now_ms.wrapping_sub(active_ms),
        });
    }
    Ok(())
}

/// XINFO STREAM key [FULL [COUNT count]]
pub(super) fn stream(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    let stream = existing(ctx, args.at(2))?;
    let full = match (args.len(), args.at(3), args.at(4)) {
        (3, ..) => None,
        (4, word, _) if is(word, "full") => Some(COUNT),
        (6, word, count) if is(word, "full") && is(count, "count") => Some(integer(args.at(5))?),
        _ => {
            return Err(wrong_form(args, "XINFO"));
        }
    };
    reply.map(if full.is_some() { 9 } else { 10 });
    numbers(stream, reply);
    match full {
        None => brief(stream, reply),
        Some(count) => in_full(stream, count_or_all(if count < 0 { COUNT } else { count }), pulse, reply),
    }
    Ok(())
}

/// The seven pairs that both forms begin with.
fn numbers(stream: &Stream, reply: &mut Reply) {
    let log = stream.log();
    reply.bulk(b"length");
    reply.int(log.len() as i64);
    reply.bulk(b"radix-tree-keys");
    reply.int(log.leaves().len() as i64);
    reply.bulk(b"radix-tree-nodes");
    reply.int(log.radix_nodes() as i64);
    reply.bulk(b"last-generated-id");
    reply_id(reply, log.last_id());
    reply.bulk(b"max-deleted-entry-id");
    reply_id(reply, log.max_deleted_id());
    reply.bulk(b"entries-added");
    reply.int(log.added() as i64);
    reply.bulk(b"recorded-first-entry-id");
    reply_id(reply, log.first_id());
}

fn brief(stream: &Stream, reply: &mut Reply) {
    let log = stream.log();
    reply.bulk(b"groups");
    reply.int(stream.groups_len() as i64);
    let first = log.range(StreamId::ZERO, StreamId::MAX).next();
    let last = log.range_back(StreamId::ZERO, StreamId::MAX).next();
    for (name, entry) in [(&b"first-entry"[..], first), (b"last-entry", last)] {
        reply.bulk(name);
        match entry {
            Some(entry) => reply_entry(reply, entry),
            None => reply.null(),
        }
    }
}

fn in_full(stream: &Stream, count: Option<u64>, pulse: Pulse<'_>, reply: &mut Reply) {
    let beat = pulse.beat();
    reply.bulk(b"entries");
    reply_entries(reply, stream.log().range(StreamId::ZERO, StreamId::MAX), count, pulse);
    reply.bulk(b"groups");
    reply.array(stream.groups_len());
    let shown = |len: usize| count.and_then(|count| usize::try_from(count).ok()).map_or(len, |c| c.min(len));
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        progress(stream, group, reply);
        reply.bulk(b"pel-count");
        reply.int(group.pending_len() as i64);
        reply.bulk(b"pending");
        let len = shown(group.pending_len());
        reply.array(len);
        for (id, pending) in group.pending_from(StreamId::ZERO).take(len) {
            beat.one();
            reply.array(4);
            reply_id(reply, *id);
            reply.bulk(&pending.consumer);
            reply.int(pending.delivered_ms);
            reply.int(pending.deliveries as i64);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers_len());
        for (name, consumer) in group.consumers() {
            consumer_in_full(group, name, consumer, shown(consumer.pending_len()), reply);
        }
    }
}

fn consumer_in_full(group: &Group, name: &Name, consumer: &Consumer, shown: usize, reply: &mut Reply) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(name);
    reply.bulk(b"seen-time");
    reply.int(consumer.seen_ms());
    reply.bulk(b"active-time");
    reply.int(consumer.active_ms());
    reply.bulk(b"pel-count");
    reply.int(consumer.pending_len() as i64);
    reply.bulk(b"pending");
    reply.array(shown);
    for id in consumer.pending_ids().take(shown) {
        let (delivered_ms, deliveries) =
            group.pending(id).map_or((0, 0), |pending| (pending.delivered_ms, pending.deliveries));
        reply.array(3);
        reply_id(reply, id);
        reply.int(delivered_ms);
        reply.int(deliveries as i64);
    }
}
