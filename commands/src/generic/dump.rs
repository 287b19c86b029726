//! One value as bytes and back: DUMP, RESTORE.

use crate::parse::{integer, is};
use crate::{Classes, CommandError, Ctx};
use base::{Args, UnixMillis};
use keyspace::{LoadExtra, StringRef, Touch};
use persist::dump;
use resp::Reply;

/// DUMP key
pub fn dump(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let (compress, pulse) = (ctx.limits.compress, ctx.pulse);
    match ctx.lookup(args.at(1), Touch::Read) {
        Some(found) => reply.bulk(&dump::encode_showing(found.value(), compress, || pulse.tick())),
        None => reply.null(),
    }
    Ok(())
}

#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    extra: LoadExtra,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut o = Self::default();
        let mut index = 4;
        while let Some(word) = args.get(index) {
            index += 1;
            let value = args.get(index);
            if is(word, "replace") {
                o.replace = true;
            } else if is(word, "absttl") {
                o.absolute = true;
            } else if let (true, Some(value), None) = (is(word, "idletime"), value, o.extra.frequency) {
                let idle = u64::try_from(integer(value)?);
                let idle =
                    idle.map_err(|_| CommandError::Text("ERR Invalid IDLETIME value, must be >= 0"))?;
                o.extra.idle_seconds = Some(idle);
                index += 1;
            } else if let (true, Some(value), None) = (is(word, "freq"), value, o.extra.idle_seconds) {
                let frequency = u8::try_from(integer(value)?);
                let frequency = frequency
                    .map_err(|_| CommandError::Text("ERR Invalid FREQ value, must be >= 0 and <= 255"))?;
                o.extra.frequency = Some(frequency);
                index += 1;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(o)
    }
}

/// RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
///
/// A relative TTL is logged as an absolute one.
pub fn restore(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let o = Options::parse(args)?;
    let (key, payload) = (args.at(1), args.at(3));
    if !o.replace && ctx.lookup(key, Touch::Write).is_some() {
        return Err(CommandError::Text("BUSYKEY Target key name already exists."));
    }
    let ttl = integer(args.at(2))?;
    if ttl < 0 {
        return Err(CommandError::Text("ERR Invalid TTL value, must be >= 0"));
    }
    let (checked, steps) = (!ctx.limits.skip_checksum, ctx.keyspace.steps());
    let value = dump::decode_showing(payload, &ctx.limits.settings, checked, &steps);
    let value = value.map_err(|error| match error {
        dump::DumpError::Value(form, what) => CommandError::BadPayload(form, what),
        error => CommandError::Owned(error.to_string()),
    })?;
    let at = if o.absolute { ttl } else { ttl.saturating_add(ctx.now.0) };
    let expire = (ttl != 0).then_some(UnixMillis(at));
    // Without REPLACE there is nothing to remove, unless it has expired and is only hidden.
    let deleted = ctx.keyspace.remove(ctx.db, key);
    reply.ok();
    if expire.is_some_and(|at| at <= ctx.now) && !ctx.limits.keep_expired {
        if deleted {
            ctx.changed(Classes::GENERIC, "del", key);
            let verb = if ctx.limits.lazy_server_del { b"UNLINK".as_slice() } else { b"DEL" };
            ctx.effects.instead([verb, key]);
        }
        return Ok(());
    }
    // The key is not there (just removed), and it is shorter than an argument can be.
    let _ = ctx.keyspace.load(ctx.db, key, value, expire, o.extra);
    ctx.effects.notify(Classes::NEW, "new", ctx.db, key);
    ctx.changed(Classes::GENERIC, "restore", key);
    if expire.is_some() && !o.absolute {
        let at = StringRef::Int(at).to_vec();
        let rest = args.from(3);
        let rewritten = [b"RESTORE".as_slice(), key, &at].into_iter().chain(rest.iter());
        ctx.effects.instead(rewritten.chain([b"ABSTTL".as_slice()]));
    }
    Ok(())
}
