//! Commands on hashes.
//!
//! `set` and `incr` change fields, `read` answers about fields by name, `all` gives many, `random` draws them.
//! What a hash is made of, and when it changes its form, is `ds`'s.

mod all;
mod incr;
mod random;
mod read;
mod set;

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
        "hrandfield" => random::hrandfield,
        _ => return None,
    })
}
