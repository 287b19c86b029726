//! XCLAIM and XAUTOCLAIM: pending entries change hands.

use super::propagate::Log;
use super::{id, integer_or, interval_start, no_key_or_group, reply_entry, reply_id, require_group};
use crate::parse::is;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use ds::Stream;
use ds::stream::{Group, StreamId};
use keyspace::Touch;
use resp::Reply;

/// XAUTOCLAIM looks at so many pending entries for each that it may claim.
const ATTEMPTS: u64 = 10;
/// XAUTOCLAIM's COUNT is at most this.
const COUNT_MAX: i64 = i64::MAX / 16;
/// XAUTOCLAIM's COUNT where none is given.
const COUNT: u64 = 100;

/// How claimed entries are marked and shown.
#[derive(Clone, Copy, Default)]
struct Claim {
    /// Entries idle for less stay where they are, in milliseconds.
    min_idle_ms: i64,
    /// Answer with ids alone, and do not count it as a delivery.
    just_id: bool,
    /// When they count as delivered.
    delivered_ms: i64,
    /// How often they count as delivered.
    deliveries: Option<u64>,
    /// Entries that are not pending become so.
    force: bool,
    now_ms: i64,
}

/// What a claim did.
#[derive(Default)]
struct Done {
    created: bool,
    changes: u64,
    log: Log,
}

impl Done {
    fn finish(self, ctx: &mut Ctx<'_>, key: &[u8]) {
        if self.created {
            ctx.effects.notify(Classes::STREAM, "xgroup-createconsumer", ctx.db, key);
        }
        ctx.effects.dirty += self.changes + u64::from(self.created);
        self.log.finish(ctx);
    }
}

/// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count]
/// [FORCE] [JUSTID] [LASTID id]
///
/// Logged as one XCLAIM for each entry claimed.
pub(super) fn xclaim(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name, consumer) = (args.at(1), args.at(2), args.at(3));
    require_group(ctx, key, name)?;
    let now_ms = ctx.now.0;
    let min_idle_ms = integer_or(args.at(4), "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let id_count = args.from(5).iter().take_while(|arg| StreamId::parse(arg, 0).is_some()).count();
    let (mut claim, last_id) = xclaim_options(args.from(5 + id_count), now_ms)?;
    claim.min_idle_ms = min_idle_ms;
    let mut claimed = 0;
    let place = reply.deferred_array();
    let log = Log::new(ctx);
    let done = ctx.change(key, |stream: &mut Stream| {
        let mut done = Done { log, ..Done::default() };
        stream.change_group(name, |group, entries| {
            let advanced = last_id.filter(|last_id| *last_id > group.last_id);
            group.last_id = advanced.unwrap_or(group.last_id);
            done.created = group.create_consumer(consumer, now_ms);
            group.mark_seen(consumer, now_ms);
            for text in args.from(5).iter().take(id_count) {
                let Some(id) = StreamId::parse(text, 0) else { continue };
                let Some(entry) = entries.range(id, id).next() else {
                    done.log.claim(key, name, group, id, text);
                    done.changes += u64::from(group.acknowledge(id));
                    continue;
                };
                if claim.take(group, id, consumer) {
                    claim.answer(reply, entry);
                    claimed += 1;
                    done.log.claim(key, name, group, id, text);
                    done.changes += 1;
                }
            }
            if advanced.is_some() && done.log.is_empty() {
                done.log.set_id(key, name, group);
                done.changes += 1;
            }
        });
        done
    })?;
    reply.finish_array(place, claimed);
    done.map(|done| done.value).unwrap_or_default().finish(ctx, key);
    Ok(())
}

/// XCLAIM's options behind the ids, and LASTID's id.
fn xclaim_options(args: Args<'_>, now_ms: i64) -> Result<(Claim, Option<StreamId>), CommandError> {
    let mut claim = Claim { now_ms, ..Claim::default() };
    let mut last_id = None;
    // -1 is Redis's "not given", even when it is what was given.
    let mut delivered_ms = -1;
    let mut index = 0;
    while let Some(word) = args.get(index) {
        let value = args.get(index + 1);
        index += 1;
        if is(word, "force") {
            claim.force = true;
            continue;
        } else if is(word, "justid") {
            claim.just_id = true;
            continue;
        }
        index += 1;
        match value {
            Some(value) if is(word, "idle") => {
                let idle = integer_or(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                delivered_ms = now_ms.wrapping_sub(idle);
            }
            Some(value) if is(word, "time") => {
                delivered_ms = integer_or(value, "ERR Invalid TIME option argument for XCLAIM")?;
            }
            Some(value) if is(word, "retrycount") => {
                let count = integer_or(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.deliveries = u64::try_from(count).ok();
            }
            Some(value) if is(word, "lastid") => last_id = Some(id(value)?),
            _ => {
                return Err(CommandError::repeating(&[b"ERR Unrecognized XCLAIM option '", word, b"'"]));
            }
        }
    }
    claim.delivered_ms = if (0..=now_ms).contains(&delivered_ms) { delivered_ms } else { now_ms };
    Ok((claim, last_id))
}

impl Claim {
    /// Gives an entry that exists to a consumer; false if it is not to be had.
    fn take(&self, group: &mut Group, id: StreamId, consumer: &[u8]) -> bool {
        let deliveries = match group.pending(id) {
            Some(pending) => {
                if self.min_idle_ms > 0 && self.now_ms.wrapping_sub(pending.delivered_ms) < self.min_idle_ms {
                    return false;
                }
                pending.deliveries
            }
            // Redis counts the creation as a delivery already.
            None if self.force => 1,
            None => return false,
        };
        let counted = deliveries.wrapping_add(u64::from(!self.just_id));
        let deliveries = self.deliveries.unwrap_or(counted);
        group.assign(id, consumer, self.delivered_ms, deliveries, self.now_ms);
        true
    }

    fn answer(&self, reply: &mut Reply, entry: ds::stream::StreamEntry<'_>) {
        if self.just_id { reply_id(reply, entry.id) } else { reply_entry(reply, entry) }
    }
}

/// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
///
/// Reply: where to go on, the entries claimed, the ids that are pending no longer because their entries are gone.
/// Logged as one XCLAIM for each.
pub(super) fn xautoclaim(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, name, consumer) = (args.at(1), args.at(2), args.at(3));
    let now_ms = ctx.now.0;
    // A key that is missed is missed before anything else is found to be wrong.
    let is_there = ctx.lookup(key, Touch::Silent).is_some();
    if !is_there {
        ctx.lookup(key, Touch::Read);
    }
    let min_idle_ms = integer_or(args.at(4), "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = interval_start(args.at(5))?;
    let (count, just_id) = xautoclaim_options(args)?;
    if !is_there {
        return Err(no_key_or_group(key, name));
    }
    require_group(ctx, key, name)?;
    let claim = Claim { min_idle_ms, just_id, delivered_ms: now_ms, now_ms, ..Claim::default() };
    let mut gone = Vec::new();
    let log = Log::new(ctx);
    let done = ctx.change(key, |stream: &mut Stream| {
        let mut done = Done { log, ..Done::default() };
        stream.change_group(name, |group, entries| {
            done.created = group.create_consumer(consumer, now_ms);
            group.mark_seen(consumer, now_ms);
            reply.array(3);
            let (place, cursor_at) = (reply.deferred_array(), reply.buffer().len());
            let mut claimed = 0;
            let (mut left, mut attempts) = (count, count.saturating_mul(ATTEMPTS));
            let mut next = Some(start);
            while left > 0 && attempts > 0 {
                let Some(id) = first_from(group, next) else { break };
                next = id.next();
                attempts -= 1;
                match entries.range(id, id).next() {
                    None => {
                        done.log.claim(key, name, group, id, &id.text());
                        group.acknowledge(id);
                        gone.push(id);
                    }
                    Some(entry) if claim.take(group, id, consumer) => {
                        claim.answer(reply, entry);
                        claimed += 1;
                        done.log.claim(key, name, group, id, &id.text());
                    }
                    Some(_) => continue,
                }
                done.changes += 1;
                left -= 1;
            }
            reply.finish_array(place, claimed);
            // Known last, said first.
            let end = reply.buffer().len();
            reply_id(reply, first_from(group, next).unwrap_or_default());
            let moved = reply.buffer().len() - end;
            reply.buffer_mut()[cursor_at..].rotate_right(moved);
        });
        done
    })?;
    reply.array(gone.len());
    gone.into_iter().for_each(|id| reply_id(reply, id));
    done.map(|done| done.value).unwrap_or_default().finish(ctx, key);
    Ok(())
}

/// The first pending id from a place on; `None` past the greatest id.
fn first_from(group: &Group, from: Option<StreamId>) -> Option<StreamId> {
    group.pending_from(from?).next().map(|(id, _)| *id)
}

fn xautoclaim_options(args: Args<'_>) -> Result<(u64, bool), CommandError> {
    let (mut count, mut just_id) = (COUNT, false);
    let mut index = 6;
    while let Some(word) = args.get(index) {
        match args.get(index + 1) {
            Some(value) if is(word, "count") => {
                let value = integer_or(value, "ERR COUNT must be > 0")?;
                if !(1..=COUNT_MAX).contains(&value) {
                    return Err(CommandError::Text("ERR COUNT must be > 0"));
                }
                count = value as u64;
                index += 1;
            }
            _ if is(word, "justid") => just_id = true,
            _ => return Err(CommandError::Syntax),
        }
        index += 1;
    }
    Ok((count, just_id))
}
