//! Strings: the value is bytes, or an integer when the bytes are a canonical one; nobody outside can tell, except
//! by OBJECT ENCODING.
//!
//! Every command that makes a string longer obeys `proto-max-bulk-len`, unless it comes from the master.

mod condition;
mod get;
mod incr;
mod lcs;
mod range;
mod set;

pub(crate) use condition::Condition;

use crate::{CommandError, Ctx, Handler};
use keyspace::StringRef;
use resp::Reply;

/// The longest string that even a master or a file can make, in bytes.
const HARD_MAX: u64 = u32::MAX as u64;

/// Handlers of the string commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "get" => get::get,
        "getdel" => get::getdel,
        "getex" => get::getex,
        "mget" => get::mget,
        "strlen" => get::strlen,
        "set" => set::set,
        "setnx" => set::setnx,
        "setex" => set::setex,
        "psetex" => set::psetex,
        "getset" => set::getset,
        "mset" => set::mset,
        "msetnx" => set::msetnx,
        "msetex" => set::msetex,
        "delex" => condition::delex,
        "delifeq" => condition::delifeq,
        "digest" => condition::digest_of,
        "incr" => incr::incr,
        "decr" => incr::decr,
        "incrby" => incr::incrby,
        "decrby" => incr::decrby,
        "incrbyfloat" => incr::incrbyfloat,
        "append" => range::append,
        "getrange" | "substr" => range::getrange,
        "setrange" => range::setrange,
        "lcs" => lcs::lcs,
        _ => return None,
    })
}

/// Answers with a string.
#[inline]
fn reply_string(reply: &mut Reply, value: Option<StringRef<'_>>) {
    match value {
        Some(StringRef::Int(int)) => reply.bulk_int(int),
        Some(StringRef::Bytes(bytes)) => reply.bulk(bytes),
        None => reply.null(),
    }
}

/// Whether a string of `len + more` bytes may be made.
fn check_length(ctx: &Ctx<'_>, len: u64, more: u64) -> Result<(), CommandError> {
    let max = if ctx.limits.obey { HARD_MAX } else { ctx.limits.proto_max_bulk_len.min(HARD_MAX) };
    match len.checked_add(more) {
        Some(total) if total <= max => Ok(()),
        _ => Err(CommandError::StringTooLong),
    }
}
