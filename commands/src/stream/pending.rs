//! XPENDING.

use super::{interval_end, interval_start, no_group, read, reply_id};
use crate::parse::{integer, is};
use crate::{CommandError, Ctx};
use base::Args;
use ds::stream::{Group, StreamId};
use keyspace::Pulse;
use resp::Reply;

/// Which pending entries are asked for.
struct Window<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: u64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Window<'a> {
    /// `[IDLE min-idle-time] start end count [consumer]` from argument 3 on; `None` if there is nothing.
    fn parse(args: Args<'a>) -> Result<Option<Self>, CommandError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(CommandError::Syntax);
        }
        let (mut first, mut min_idle_ms) = (3, 0);
        if is(args.at(3), "idle") {
            min_idle_ms = integer(args.at(4))?;
            if args.len() < 8 {
                return Err(CommandError::Syntax);
            }
            first = 5;
        }
        let count = u64::try_from(integer(args.at(first + 2))?).unwrap_or(0);
        let start = interval_start(args.at(first))?;
        let end = interval_end(args.at(first + 1))?;
        Ok(Some(Self { min_idle_ms, start, end, count, consumer: args.get(first + 3) }))
    }
}

/// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
pub(super) fn xpending(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name) = (args.at(1), args.at(2));
    let window = Window::parse(args)?;
    let (now_ms, pulse) = (ctx.now.0, ctx.pulse);
    let Some(group) = read(ctx, key)?.and_then(|stream| stream.group(name)) else {
        return Err(no_group("No such key", key, "or consumer group", name, ""));
    };
    match window {
        None => summary(group, reply),
        Some(window) => list(group, &window, now_ms, pulse, reply),
    }
    Ok(())
}

fn summary(group: &Group, reply: &mut Reply) {
    reply.array(4);
    reply.int(group.pending_len() as i64);
    let Some((first, last)) = group.pending_bounds() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let place = reply.deferred_array();
    let mut len = 0;
    for (name, consumer) in group.consumers().filter(|(_, consumer)| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(name);
        reply.bulk_int(consumer.pending_len() as i64);
        len += 1;
    }
    reply.finish_array(place, len);
}

fn list(group: &Group, window: &Window<'_>, now_ms: i64, pulse: Pulse<'_>, reply: &mut Reply) {
    let beat = pulse.beat();
    let place = reply.deferred_array();
    let mut len = 0;
    let inside = |id: &StreamId| *id <= window.end;
    let mut answer = |id: StreamId| {
        beat.one();
        let Some(pending) = group.pending(id) else { return true };
        let idle_ms = now_ms.wrapping_sub(pending.delivered_ms);
        if window.min_idle_ms == 0 || idle_ms >= window.min_idle_ms {
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(&pending.consumer);
            reply.int(idle_ms.max(0));
            reply.int(pending.deliveries as i64);
            len += 1;
        }
        (len as u64) < window.count
    };
    if window.count > 0 {
        match window.consumer {
            Some(name) => {
                group.pending_of(name, window.start).take_while(inside).all(&mut answer);
            }
            None => {
                let ids = group.pending_from(window.start).map(|(id, _)| *id);
                ids.take_while(inside).all(&mut answer);
            }
        }
    }
    reply.finish_array(place, len);
}
