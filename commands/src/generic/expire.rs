//! Time to live: EXPIRE and its relatives, TTL and its relatives, PERSIST.
//!
//! A key whose new time is already past is deleted at once and logged as a deletion; on a replica and while loading
//! it stays, because the master says when keys go. What is logged is always absolute: PEXPIREAT.

use super::expired_as;
use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::{Args, UnixMillis};
use keyspace::{StringRef, Touch};
use resp::Reply;

/// EXPIRE key seconds [NX | XX | GT | LT]
pub fn expire(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let now = ctx.now.0;
    set_expiry(ctx, args, reply, (now, 1000), "expire")
}

/// PEXPIRE key milliseconds [NX | XX | GT | LT]
pub fn pexpire(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let now = ctx.now.0;
    set_expiry(ctx, args, reply, (now, 1), "pexpire")
}

/// EXPIREAT key unix-time-seconds [NX | XX | GT | LT]
pub fn expireat(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    set_expiry(ctx, args, reply, (0, 1000), "expireat")
}

/// PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]
pub fn pexpireat(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    set_expiry(ctx, args, reply, (0, 1), "pexpireat")
}

/// When the new time is taken, compared with the present one.
#[derive(Default)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut c = Self::default();
        for word in args.from(3).iter() {
            match word {
                w if is(w, "nx") => c.nx = true,
                w if is(w, "xx") => c.xx = true,
                w if is(w, "gt") => c.gt = true,
                w if is(w, "lt") => c.lt = true,
                w => return Err(CommandError::repeating(&[b"ERR Unsupported option ", w])),
            }
        }
        if c.nx && (c.xx || c.gt || c.lt) {
            return Err(CommandError::Text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if c.gt && c.lt {
            return Err(CommandError::Text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(c)
    }

    /// No TTL counts as an infinite one.
    fn holds(&self, current: Option<UnixMillis>, new: UnixMillis) -> bool {
        !(self.nx && current.is_some()
            || self.xx && current.is_none()
            || self.gt && current.is_none_or(|current| new <= current)
            || self.lt && current.is_some_and(|current| new >= current))
    }
}

/// `basis`: what the argument is added to, and its unit in milliseconds.
fn set_expiry(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    basis: (i64, i64),
    command: &'static str,
) -> Result<(), CommandError> {
    let condition = Condition::parse(args)?;
    let time = integer(args.at(2))?.checked_mul(basis.1).and_then(|ms| ms.checked_add(basis.0));
    let at = UnixMillis(time.ok_or(CommandError::InvalidExpire(command))?);
    let key = args.at(1);
    let Some(found) = ctx.lookup(key, Touch::Write) else {
        reply.int(0);
        return Ok(());
    };
    if !condition.holds(found.expire(), at) {
        reply.int(0);
        return Ok(());
    }
    if at <= ctx.now && !ctx.limits.keep_expired {
        ctx.keyspace.remove(ctx.db, key);
        ctx.changed(Classes::GENERIC, "del", key);
        ctx.effects.instead([expired_as(ctx.limits), key]);
    } else {
        ctx.keyspace.set_expire(ctx.db, key, Some(at));
        ctx.changed(Classes::GENERIC, "expire", key);
        if basis != (0, 1) {
            let text = StringRef::Int(at.0).to_vec();
            let options = args.from(3);
            ctx.effects.instead([b"PEXPIREAT".as_slice(), key, &text].into_iter().chain(options.iter()));
        }
    }
    reply.int(1);
    Ok(())
}

/// TTL key
pub fn ttl(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    report(ctx, args, reply, 1000, true)
}

/// PTTL key
pub fn pttl(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    report(ctx, args, reply, 1, true)
}

/// EXPIRETIME key
pub fn expiretime(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    report(ctx, args, reply, 1000, false)
}

/// PEXPIRETIME key
pub fn pexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    report(ctx, args, reply, 1, false)
}

/// -2: no such key. -1: it does not expire. Seconds are rounded to the nearest.
fn report(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    unit: i64,
    relative: bool,
) -> Result<(), CommandError> {
    let now = ctx.now.0;
    let answer = match ctx.lookup(args.at(1), Touch::Peek).map(|found| found.expire()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let ms = if relative { at.0.saturating_sub(now) } else { at.0 }.max(0);
            if unit == 1 { ms } else { ms.saturating_add(unit / 2) / unit }
        }
    };
    reply.int(answer);
    Ok(())
}

/// PERSIST key
pub fn persist(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let had_expiry = ctx.lookup(key, Touch::Write).is_some() && ctx.keyspace.set_expire(ctx.db, key, None);
    if had_expiry {
        ctx.changed(Classes::GENERIC, "persist", key);
    }
    reply.int(i64::from(had_expiry));
    Ok(())
}
