//! Many fields: HGETALL, HKEYS, HVALS, HSCAN.

use crate::elements::{ScanOptions, Texts, cursor, reply_scan, reply_text};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Hash;
use ds::hash::Text;
use keyspace::Touch;
use resp::Reply;

/// HGETALL key
pub fn hgetall(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let clock = ctx.field_clock();
    let pulse = ctx.pulse;
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let len = hash.map_or(0, |hash| hash.live_len(clock));
    reply.map(len);
    let all = hash.into_iter().flat_map(|hash| hash.iter_live(clock));
    pulse.each(len, all, |(field, value)| {
        reply_text(reply, field);
        reply_text(reply, value);
    });
    Ok(())
}

/// HKEYS key
pub fn hkeys(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    one_of_each(ctx, args, reply, |(field, _)| field)
}

/// HVALS key
pub fn hvals(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    one_of_each(ctx, args, reply, |(_, value)| value)
}

/// Answers with the name or the value of each field.
fn one_of_each(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    half: impl for<'h> Fn((Text<'h>, Text<'h>)) -> Text<'h>,
) -> Result<(), CommandError> {
    let clock = ctx.field_clock();
    let pulse = ctx.pulse;
    let hash = ctx.read::<Hash>(args.at(1), Touch::Read)?;
    let len = hash.map_or(0, |hash| hash.live_len(clock));
    reply.array(len);
    let all = hash.into_iter().flat_map(|hash| hash.iter_live(clock));
    pulse.each(len, all, |field| reply_text(reply, half(field)));
    Ok(())
}

/// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
///
/// Options are looked at only when the key is there, as in Redis.
pub fn hscan(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let cursor = cursor(args.at(2))?;
    let (mut found, mut next) = (Texts::default(), 0);
    let (clock, beat) = (ctx.field_clock(), ctx.pulse.beat());
    if let Some(hash) = ctx.read::<Hash>(args.at(1), Touch::Read)? {
        let o = ScanOptions::parse(args, Some("novalues"))?;
        next = hash.scan(cursor, o.count, |field, value| {
            beat.one();
            if field.with_text(|text| o.matches(text) && !hash.is_expired(text, clock)) {
                field.with_text(|text| found.push(text));
                if !o.bare {
                    value.with_text(|text| found.push(text));
                }
            }
        });
    }
    reply_scan(reply, next, &found);
    Ok(())
}
