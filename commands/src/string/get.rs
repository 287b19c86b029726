//! Reading whole strings: GET, GETDEL, GETEX, MGET, STRLEN.

use super::reply_string;
use crate::parse::StringOptions;
use crate::{Classes, CommandError, Ctx};
use base::Args;
use keyspace::{StringRef, Touch};
use resp::Reply;

/// GET key
pub fn get(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    reply_string(reply, ctx.string(args.at(1), Touch::Read)?);
    Ok(())
}

/// STRLEN key
pub fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let len = ctx.string(args.at(1), Touch::Read)?.map_or(0, |value| value.string_len());
    reply.int(len as i64);
    Ok(())
}

/// MGET key [key ...]
///
/// A key of another type reads as missing.
pub fn mget(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    reply.array(args.len().saturating_sub(1));
    ctx.keyspace.expect(ctx.db, args.iter().skip(1));
    for key in ctx.pulse.over(args.from(1).iter()) {
        reply_string(reply, ctx.string(key, Touch::Read).unwrap_or(None));
    }
    Ok(())
}

/// GETDEL key
///
/// Logged as DEL.
pub fn getdel(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let value = ctx.string(key, Touch::Read)?;
    let found = value.is_some();
    reply_string(reply, value);
    if found && ctx.keyspace.remove(ctx.db, key) {
        ctx.changed(Classes::GENERIC, "del", key);
        ctx.effects.instead([b"DEL".as_slice(), key]);
    }
    Ok(())
}

/// GETEX key [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST]
///
/// Logged as PEXPIREAT, PERSIST or DEL; not at all when the TTL does not change.
pub fn getex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let options = StringOptions::of_getex(args)?;
    let key = args.at(1);
    let now = ctx.now;
    let Some(value) = ctx.string(key, Touch::Read)? else {
        reply.null();
        return Ok(());
    };
    let expiry = options.time.map(|(time, text)| time.expiry(text, now, "getex")).transpose()?;
    reply_string(reply, Some(value));
    let absolute = options.time.is_some_and(|(time, _)| time.is_absolute());
    match expiry {
        Some(at) if absolute && at <= now && !ctx.limits.keep_expired => {
            ctx.keyspace.remove(ctx.db, key);
            ctx.changed(Classes::GENERIC, "del", key);
            ctx.effects.instead([crate::generic::expired_as(ctx.limits), key]);
        }
        Some(at) => {
            ctx.keyspace.set_expire(ctx.db, key, Some(at));
            ctx.changed(Classes::GENERIC, "expire", key);
            let at = StringRef::Int(at.0).to_vec();
            ctx.effects.instead([b"PEXPIREAT".as_slice(), key, &at]);
        }
        None if options.persist && ctx.keyspace.set_expire(ctx.db, key, None) => {
            ctx.changed(Classes::GENERIC, "persist", key);
            ctx.effects.instead([b"PERSIST".as_slice(), key]);
        }
        None => {}
    }
    Ok(())
}
