//! Writing whole strings: SET and its older relatives, MSET, MSETNX.

use super::reply_string;
use crate::parse::{StringOptions, Time, is};
use crate::{Classes, CommandError, Ctx, Propagate};
use base::number::parse_i64;
use base::{Args, OwnedArgs, UnixMillis};
use keyspace::{NewValue, StringRef, Touch, Ttl};
use resp::Reply;

/// SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET] [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL]
///
/// With a TTL logged as `SET key value PXAT milliseconds`; else as it came, without GET.
pub fn set(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, value) = (args.at(1), args.at(2));
    if args.len() <= 3 {
        store(ctx, key, value, Ttl::Clear);
        reply.ok();
        return Ok(());
    }
    let o = StringOptions::of_set(args)?;
    let expiry = o.time.map(|(time, text)| time.expiry(text, ctx.now, "set")).transpose()?;
    let met = match &o.condition {
        None => true,
        Some(condition) => match ctx.string(key, Touch::Write)? {
            Some(present) => condition.holds(present)?,
            None => condition.holds_without_value(),
        },
    };
    // With GET the answer is the old value, whether the condition holds or not.
    if o.get {
        reply_string(reply, ctx.string(key, Touch::Read)?);
    }
    let met = met && (!(o.nx || o.xx) || ctx.lookup(key, Touch::Write).is_some() == o.xx);
    if !met {
        if !o.get {
            reply.null();
        }
        return Ok(());
    }
    let ttl = match expiry {
        Some(at) => Ttl::At(at),
        None if o.keep_ttl => Ttl::Keep,
        None => Ttl::Clear,
    };
    store(ctx, key, value, ttl);
    match o.time {
        // Whoever follows the log need not know of conditions, and need not look.
        Some(_) if o.condition.is_some() => log_with_expiry(ctx, key, value, expiry),
        None if o.condition.is_some() && o.keep_ttl => {
            ctx.effects.instead([b"SET".as_slice(), key, value, b"KEEPTTL"]);
        }
        None if o.condition.is_some() => ctx.effects.instead([b"SET".as_slice(), key, value]),
        Some((Time::AtMilliseconds, _)) => {}
        Some(_) => log_with_expiry(ctx, key, value, expiry),
        None if o.get => log_without_get(ctx, args),
        None => {}
    }
    if !o.get {
        reply.ok();
    }
    Ok(())
}

/// SETNX key value
pub fn setnx(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let key = args.at(1);
    let fresh = ctx.lookup(key, Touch::Write).is_none();
    if fresh {
        store(ctx, key, args.at(2), Ttl::Clear);
    }
    reply.int(i64::from(fresh));
    Ok(())
}

/// SETEX key seconds value
pub fn setex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    set_with(ctx, args, reply, Time::Seconds, "setex")
}

/// PSETEX key milliseconds value
pub fn psetex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    set_with(ctx, args, reply, Time::Milliseconds, "psetex")
}

fn set_with(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    reply: &mut Reply,
    time: Time,
    name: &'static str,
) -> Result<(), CommandError> {
    let (key, value) = (args.at(1), args.at(3));
    let at = time.expiry(args.at(2), ctx.now, name)?;
    store(ctx, key, value, Ttl::At(at));
    log_with_expiry(ctx, key, value, Some(at));
    reply.ok();
    Ok(())
}

/// GETSET key value
///
/// Logged as SET.
pub fn getset(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (key, value) = (args.at(1), args.at(2));
    reply_string(reply, ctx.string(key, Touch::Read)?);
    store(ctx, key, value, Ttl::Clear);
    ctx.effects.instead([b"SET".as_slice(), key, value]);
    Ok(())
}

/// MSET key value [key value ...]
pub fn mset(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::Arity("mset"));
    }
    store_pairs(ctx, args);
    reply.ok();
    Ok(())
}

/// MSETNX key value [key value ...]
///
/// All or nothing.
pub fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::Arity("msetnx"));
    }
    for index in ctx.pulse.over((1..args.len()).step_by(2)) {
        if ctx.lookup(args.at(index), Touch::Write).is_some() {
            reply.int(0);
            return Ok(());
        }
    }
    store_pairs(ctx, args);
    reply.int(1);
    Ok(())
}

/// MSETEX numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds |
/// KEEPTTL]
///
/// All or nothing. Logged as what older servers understand: MSET, or a SET for each key.
pub fn msetex(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let count = parse_i64(args.at(1)).and_then(|count| i32::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or(CommandError::Text("ERR invalid numkeys value"))? as usize;
    if count > (args.len() - 2) / 2 {
        return Err(CommandError::Text("ERR wrong number of key-value pairs"));
    }
    let o = StringOptions::of_msetex(args, 2 + 2 * count)?;
    let expiry = o.time.map(|(time, text)| time.expiry(text, ctx.now, "msetex")).transpose()?;
    let pairs = || (0..count).map(|pair| (args.at(2 + 2 * pair), args.at(3 + 2 * pair)));
    let refused = |found: bool| (o.nx && found) || (o.xx && !found);
    if (o.nx || o.xx) && pairs().any(|(key, _)| refused(ctx.lookup(key, Touch::Write).is_some())) {
        reply.int(0);
        return Ok(());
    }
    let ttl = match expiry {
        Some(at) => Ttl::At(at),
        None if o.keep_ttl => Ttl::Keep,
        None => Ttl::Clear,
    };
    ctx.keyspace.expect(ctx.db, pairs().map(|(key, _)| key));
    ctx.pulse.over(pairs()).for_each(|(key, value)| store(ctx, key, value, ttl));
    let option: &[&[u8]] = match expiry {
        Some(at) => &[b"PXAT", &StringRef::Int(at.0).to_vec()],
        None if o.keep_ttl => &[b"KEEPTTL"],
        None => &[],
    };
    let logged = if option.is_empty() {
        let pairs = pairs().flat_map(|(key, value)| [key, value]);
        vec![OwnedArgs::from_slices([b"MSET".as_slice()].into_iter().chain(pairs))]
    } else {
        let set = |(key, value)| [b"SET".as_slice(), key, value].into_iter().chain(option.iter().copied());
        pairs().map(|pair| OwnedArgs::from_slices(set(pair))).collect()
    };
    ctx.effects.propagate = Propagate::Instead(logged);
    reply.int(1);
    Ok(())
}

fn store_pairs(ctx: &mut Ctx<'_>, args: Args<'_>) {
    ctx.keyspace.expect(ctx.db, args.iter().skip(1).step_by(2));
    for index in ctx.pulse.over((1..args.len()).step_by(2)) {
        store(ctx, args.at(index), args.at(index + 1), Ttl::Clear);
    }
}

#[inline]
fn store(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], ttl: Ttl) {
    ctx.set(key, NewValue::encoded(value), ttl);
    ctx.changed(Classes::STRING, "set", key);
    if let Ttl::At(_) = ttl {
        ctx.effects.notify(Classes::GENERIC, "expire", ctx.db, key);
    }
}

fn log_with_expiry(ctx: &mut Ctx<'_>, key: &[u8], value: &[u8], at: Option<UnixMillis>) {
    let at = StringRef::Int(at.unwrap_or_default().0).to_vec();
    ctx.effects.instead([b"SET".as_slice(), key, value, b"PXAT", &at]);
}

fn log_without_get(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let kept = args.iter().enumerate().filter(|(index, arg)| *index < 3 || !is(arg, "get"));
    ctx.effects.instead(kept.map(|(_, arg)| arg));
}
