//! Walking through a sorted set piece by piece: ZSCAN.

use crate::elements::{ScanOptions, Texts, cursor, reply_scan};
use crate::{CommandError, Ctx};
use base::number::format_g17;
use base::{Args, DoubleText};
use ds::Zset;
use keyspace::Touch;
use resp::Reply;

/// ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]
pub fn zscan(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let cursor = cursor(args.at(2))?;
    let mut found = Texts::default();
    let (mut next, beat) = (0, ctx.pulse.beat());
    if let Some(zset) = ctx.read::<Zset>(args.at(1), Touch::Read)? {
        let o = ScanOptions::parse(args, Some("noscores"))?;
        let small = zset.as_listpack().is_some();
        next = zset.scan(cursor, o.count, |member, score| {
            beat.one();
            member.with_text(|member| {
                if o.matches(member) {
                    found.push(member);
                    match (o.bare, small) {
                        (true, _) => {}
                        (_, true) => found.push(DoubleText::new(score).as_bytes()),
                        // As Redis: 17 digits where the score is not kept as text.
                        _ => found.push(format_g17(score).as_bytes()),
                    }
                }
            });
        });
    }
    reply_scan(reply, next, &found);
    Ok(())
}
