//! Commands that work on keys of any type: existence, time to live, names, iteration, flushing, inspection.

mod del;
mod dump;
mod expire;
mod flush;
mod object;
mod rename;
mod scan;

use crate::{Handler, Limits};

/// Handlers of the generic commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "del" | "unlink" => del::del,
        "exists" => del::exists,
        "touch" => del::touch,
        "type" => del::type_of,
        "expire" => expire::expire,
        "pexpire" => expire::pexpire,
        "expireat" => expire::expireat,
        "pexpireat" => expire::pexpireat,
        "ttl" => expire::ttl,
        "pttl" => expire::pttl,
        "expiretime" => expire::expiretime,
        "pexpiretime" => expire::pexpiretime,
        "persist" => expire::persist,
        "scan" => scan::scan,
        "keys" => scan::keys,
        "dbsize" => scan::dbsize,
        "randomkey" => scan::randomkey,
        "dump" => dump::dump,
        "restore" | "restore-asking" => dump::restore,
        "rename" => rename::rename,
        "renamenx" => rename::renamenx,
        "copy" => rename::copy,
        "move" => rename::move_key,
        "swapdb" => flush::swapdb,
        "flushall" => flush::flushall,
        "flushdb" => flush::flushdb,
        "object" | "object|encoding" | "object|refcount" | "object|idletime" | "object|freq"
        | "object|help" => object::object,
        _ => return None,
    })
}

/// The command that stands in the log for a key that expired the moment its TTL was set.
pub(crate) fn expired_as(limits: &Limits) -> &'static [u8] {
    if limits.lazy_expire { b"UNLINK" } else { b"DEL" }
}
