//! OBJECT: how a key is kept.

use crate::parse::is;
use crate::{CommandError, Ctx};
use base::Args;
use keyspace::{AccessPolicy, Encoding, ObjectInfo, StringRef, Touch};
use resp::Reply;

/// Integers below this are shared objects in Redis, and clients see their reference count.
const SHARED_INTEGERS: i64 = 10_000;

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    How the value is kept, by name.",
    "FREQ <key>",
    "    How often the key is used, as the logarithmic counter of an LFU policy.",
    "IDLETIME <key>",
    "    For about how many seconds nobody has used the key.",
    "REFCOUNT <key>",
    "    How many refer to the value.",
    "HELP",
    "    Print this help.",
];

const NOT_LFU: &str = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
                       when switching between policies at runtime LRU and LFU data will take some time to adjust.";
const NOT_LRU: &str = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
                       switching between policies at runtime LRU and LFU data will take some time to adjust.";

/// OBJECT ENCODING | FREQ | IDLETIME | REFCOUNT key; OBJECT HELP
pub fn object(ctx: &mut Ctx<'_>, args: Args<'_>, reply: &mut Reply) -> Result<(), CommandError> {
    let sub = args.at(1);
    if is(sub, "help") && args.len() == 2 {
        reply.array(HELP.len());
        HELP.iter().for_each(|line| reply.simple(line));
        return Ok(());
    }
    let lfu = matches!(ctx.keyspace.access_policy(), AccessPolicy::Lfu { .. });
    let answer: fn(ObjectInfo, &mut Reply) = match sub {
        s if is(s, "encoding") && args.len() == 3 => {
            |info, reply| reply.bulk(info.encoding.as_str().as_bytes())
        }
        s if is(s, "idletime") && args.len() == 3 => |info, reply| reply.int(info.idle_seconds as i64),
        s if is(s, "freq") && args.len() == 3 => |info, reply| reply.int(i64::from(info.frequency)),
        s if is(s, "refcount") && args.len() == 3 => return refcount(ctx, args.at(2), reply),
        _ => return Err(unknown(sub)),
    };
    let Some(info) = ctx.keyspace.object(ctx.db, args.at(2)) else {
        reply.null();
        return Ok(());
    };
    if is(sub, "idletime") && lfu {
        return Err(CommandError::Text(NOT_LRU));
    }
    if is(sub, "freq") && !lfu {
        return Err(CommandError::Text(NOT_LFU));
    }
    answer(info, reply);
    Ok(())
}

fn refcount(ctx: &mut Ctx<'_>, key: &[u8], reply: &mut Reply) -> Result<(), CommandError> {
    let own = ctx.limits.own_integers;
    let Some(found) = ctx.lookup(key, Touch::Silent) else {
        reply.null();
        return Ok(());
    };
    let small = matches!(found.string(), Some(StringRef::Int(int)) if (0..SHARED_INTEGERS).contains(&int));
    let shared = small && found.encoding() == Encoding::Int && !own;
    reply.int(if shared { i64::from(i32::MAX) } else { 1 });
    Ok(())
}

fn unknown(sub: &[u8]) -> CommandError {
    let shown = &sub[..sub.len().min(128)];
    CommandError::repeating(&[b"ERR unknown subcommand '", shown, b"'. Try OBJECT HELP."])
}
