//! Questions about members: SCARD, SISMEMBER, SMISMEMBER, SMEMBERS, SSCAN.

use crate::elements::{ScanOptions, Texts, cursor, reply_scan, reply_text};
use crate::{CommandError, Ctx};
use base::Args;
use ds::Set;
use ds::set::Member;
use keyspace::Touch;
use resp::Reply;

/// SCARD key
pub fn scard(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = ctx.read::<Set>(args.at(1), Touch::Read)?.map_or(0, Set::len);
    reply.int(len as i64);
    Ok(())
}

/// SISMEMBER key member
pub fn sismember(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let set = ctx.read::<Set>(args.at(1), Touch::Read)?;
    reply.int(i64::from(set.is_some_and(|set| set.contains(Member::Bytes(args.at(2))))));
    Ok(())
}

/// SMISMEMBER key member [member ...]
pub fn smismember(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    let set = ctx.read::<Set>(args.at(1), Touch::Read)?;
    let members = args.from(2);
    reply.array(members.len());
    for member in pulse.over(members.iter()) {
        reply.int(i64::from(set.is_some_and(|set| set.contains(Member::Bytes(member)))));
    }
    Ok(())
}

/// SMEMBERS key
pub fn smembers(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let pulse = ctx.pulse;
    let set = ctx.read::<Set>(args.at(1), Touch::Read)?;
    let len = set.map_or(0, Set::len);
    reply.set(len);
    pulse.each(len, set.into_iter().flat_map(Set::iter), |member| reply_text(reply, member));
    Ok(())
}

/// SSCAN key cursor [MATCH pattern] [COUNT count]
///
/// Options are looked at only when the key is there, as in Redis.
pub fn sscan(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let cursor = cursor(args.at(2))?;
    let (mut found, mut next, beat) = (Texts::default(), 0, ctx.pulse.beat());
    if let Some(set) = ctx.read::<Set>(args.at(1), Touch::Read)? {
        let o = ScanOptions::parse(args, None)?;
        next = set.scan(cursor, o.count, |member| {
            beat.one();
            member.with_text(|text| {
                if o.matches(text) {
                    found.push(text);
                }
            });
        });
    }
    reply_scan(reply, next, &found);
    Ok(())
}
