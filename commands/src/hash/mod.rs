//! Commands on hashes.
//!
//! `set` and `incr` change fields, `read` answers about fields by name, `all` gives many, `random` draws them; `expire`,
//! `ttl` and `ex` are about fields' times to live.
//!
//! A field that has expired is hidden from readers at once. Commands that name it have it deleted first
//! ([`keyspace::Keyspace::expire_named_fields`]), so that the log says HDEL before what they did; the cron deletes the rest.
//!
//! What a hash is made of, and when it changes its form, is `ds`'s.

mod all;
mod ex;
mod expire;
mod fields;
mod incr;
mod random;
mod read;
mod set;
mod ttl;

use crate::Handler;

/// Handlers of the hash commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "hset" => set::hset,
        "hmset" => set::hmset,
        "hsetnx" => set::hsetnx,
        "hdel" => set::hdel,
        "hincrby" => incr::hincrby,
        "hincrbyfloat" => incr::hincrbyfloat,
        "hget" => read::hget,
        "hmget" => read::hmget,
        "hlen" => read::hlen,
        "hstrlen" => read::hstrlen,
        "hexists" => read::hexists,
        "hgetall" => all::hgetall,
        "hkeys" => all::hkeys,
        "hvals" => all::hvals,
        "hscan" => all::hscan,
        "hexpire" => expire::hexpire,
        "hpexpire" => expire::hpexpire,
        "hexpireat" => expire::hexpireat,
        "hpexpireat" => expire::hpexpireat,
        "hpersist" => expire::hpersist,
        "httl" => ttl::httl,
        "hpttl" => ttl::hpttl,
        "hexpiretime" => ttl::hexpiretime,
        "hpexpiretime" => ttl::hpexpiretime,
        "hgetex" => ex::hgetex,
        "hsetex" => ex::hsetex,
        "hgetdel" => ex::hgetdel,
        "hrandfield" => random::hrandfield,
        _ => return None,
    })
}
