//! XREADGROUP: new entries for a group, or again those that a consumer has pending.
//!
//! Nothing of it is logged as it came: what was handed out is logged as XCLAIMs, how far the group has come as an XGROUP
//! SETID. Reading
//! what is pending again counts a delivery here alone, as in Redis.

use super::propagate::Log;
use super::read::{Answer, Request, XREADGROUP};
use super::{id, no_group, read, reply_entry, reply_id};
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Stream;
use ds::stream::{Group, Log as Entries, StreamId};
use keyspace::Pulse;
use resp::Reply;

/// `>`: what was never delivered.
const NEW: StreamId = StreamId::MAX;

/// One stream's part of the request.
struct Part<'a> {
    key: &'a [u8],
    name: &'a [u8],
    consumer: &'a [u8],
    after: StreamId,
    count: Option<u64>,
    no_ack: bool,
    now_ms: i64,
    pulse: Pulse<'a>,
}

/// XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]
pub(super) fn xreadgroup(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let request = Request::parse(ctx, args, &XREADGROUP)?;
    let Some((name, consumer)) = request.group else {
        return Err(CommandError::Text("ERR Missing GROUP option for XREADGROUP"));
    };
    let mut ids = Vec::with_capacity(request.streams);
    for stream in 0..request.streams {
        let key = request.key(args, stream);
        if read(ctx, key)?.is_none_or(|found| found.group(name).is_none()) {
            let rest = " in XREADGROUP with GROUP option";
            return Err(no_group("No such key", key, "or consumer group", name, rest));
        }
        ids.push(after(request.id(args, stream))?);
    }
    let (mut answer, mut log) = (Answer::default(), Log::new(ctx));
    for (stream, after) in ids.iter().enumerate() {
        let part = Part {
            key: request.key(args, stream),
            name,
            consumer,
            after: *after,
            count: request.count,
            no_ack: request.no_ack,
            now_ms: ctx.now.0,
            pulse: ctx.pulse,
        };
        read(ctx, part.key)?;
        let done = ctx.change(part.key, |stream: &mut Stream| {
            stream
                .change_group(name, |group, entries| part.serve(group, entries, &mut answer, &mut log, reply))
        })?;
        let Some((created, served)) = done.and_then(|done| done.value) else { continue };
        if created {
            ctx.effects.notify(Classes::STREAM, "xgroup-createconsumer", ctx.db, part.key);
        }
        ctx.effects.dirty += u64::from(created) + u64::from(served);
    }
    log.finish(ctx);
    if !answer.finish(reply) {
        request.wait(ctx, args, &ids, &XREADGROUP, reply);
    }
    Ok(())
}

/// The id behind which a consumer reads.
fn after(text: &[u8]) -> Result<StreamId, CommandError> {
    let meaningless = |symbol| {
        CommandError::Owned(format!(
            "ERR The {symbol} ID is meaningless in the context of XREADGROUP: you want to read the history of this \
             consumer by specifying a proper ID, or use the > ID to get new messages. The {symbol} ID would just return \
             an empty result set."
        ))
    };
    match text {
        b"$" => Err(meaningless('$')),
        b"+" => Err(meaningless('+')),
        b">" => Ok(NEW),
        _ => id(text),
    }
}

impl Part<'_> {
    /// Serves one stream; tells whether the consumer is new, and whether there is an answer.
    fn serve(
        &self,
        group: &mut Group,
        entries: &Entries,
        answer: &mut Answer,
        log: &mut Log,
        reply: &mut Reply,
    ) -> (bool, bool) {
        let created = group.create_consumer(self.consumer, self.now_ms);
        if created && self.no_ack {
            log.create_consumer(self.key, self.name, self.consumer);
        }
        group.mark_seen(self.consumer, self.now_ms);
        let last_id = group.last_id;
        let served = self.after != NEW || entries.last_live_id().is_some_and(|last| last > last_id);
        if served {
            answer.begin(reply, self.key);
            let place = reply.deferred_array();
            let len = match self.after {
                NEW => self.deliver(group, entries, log, reply),
                after => self.repeat(after.next().unwrap_or(NEW), group, entries, reply),
            };
            reply.finish_array(place, len);
        }
        (created, served)
    }

    /// Hands out what the group has not had yet.
    fn deliver(&self, group: &mut Group, entries: &Entries, log: &mut Log, reply: &mut Reply) -> usize {
        let Some(start) = group.last_id.next() else { return 0 };
        let most = self.count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
        let mut len = 0;
        let beat = self.pulse.beat();
        for entry in entries.range(start, StreamId::MAX).take(most) {
            beat.one();
            let id = entry.id;
            group.advance(id, entries);
            reply_entry(reply, entry);
            len += 1;
            if !self.no_ack {
                group.assign(id, self.consumer, self.now_ms, 1, self.now_ms);
                log.claim(self.key, self.name, group, id, &id.text());
            }
        }
        // Claims carry the last id and not the count: Redis 7 leaves it out, Valkey 8 says it here.
        if len > 0 {
            log.set_id(self.key, self.name, group);
        }
        len
    }

    /// Hands out again what the consumer has pending, from an id on.
    fn repeat(&self, start: StreamId, group: &mut Group, entries: &Entries, reply: &mut Reply) -> usize {
        let most = self.count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
        let beat = self.pulse.beat();
        let ids: Vec<StreamId> = group.pending_of(self.consumer, start).take(most).collect();
        for id in &ids {
            beat.one();
            match entries.range(*id, *id).next() {
                Some(entry) => {
                    reply_entry(reply, entry);
                    group.redeliver(*id, self.now_ms);
                }
                None => {
                    reply.array(2);
                    reply_id(reply, *id);
                    reply.null_array();
                }
            }
        }
        ids.len()
    }
}
