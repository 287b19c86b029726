//! Commands on sets.
//!
//! `add` changes members by name, `read` answers about them, `random` draws them, `algebra` puts sets together.
//! What a set is made of, and when it changes its form, is `ds`'s.

mod add;
mod algebra;
mod pop;
mod random;
mod read;

use crate::Handler;

/// Handlers of the set commands.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "sadd" => add::sadd,
        "srem" => add::srem,
        "smove" => add::smove,
        "scard" => read::scard,
        "sismember" => read::sismember,
        "smismember" => read::smismember,
        "smembers" => read::smembers,
        "sscan" => read::sscan,
        "spop" => pop::spop,
        "srandmember" => random::srandmember,
        "sinter" => algebra::sinter,
        "sintercard" => algebra::sintercard,
        "sinterstore" => algebra::sinterstore,
        "sunion" => algebra::sunion,
        "sunionstore" => algebra::sunionstore,
        "sdiff" => algebra::sdiff,
        "sdiffstore" => algebra::sdiffstore,
        _ => return None,
    })
}
