//! Sorted sets: members with scores, in the order of score and then of the members' bytes.
//!
//! Scores are doubles and never NaN. Every range (by rank, by score, by the members' bytes) is first turned into a range
//! of ranks ([`bounds`]), which the structure finds in O(log N), and then walked.
//!
//! RESP3 answers pairs of member and score as arrays of two, RESP2 as one flat array; [`Pairs`] knows.

mod add;
mod algebra;
mod bounds;
mod count;
mod pop;
mod random;
mod range;
mod remove;
mod scan;
mod score;
mod sources;
mod wait;

pub(crate) use add::{Options as AddOptions, add_members};

use crate::elements::reply_text as reply_member;
use crate::{Classes, CommandError, Ctx, Handler};
use ds::Zset;
use ds::zset::Member;
use resp::Reply;

/// Handlers of the commands on sorted sets.
pub fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "zadd" => add::zadd,
        "zincrby" => add::zincrby,
        "zrem" => remove::zrem,
        "zremrangebyrank" => remove::zremrangebyrank,
        "zremrangebyscore" => remove::zremrangebyscore,
        "zremrangebylex" => remove::zremrangebylex,
        "zcard" => score::zcard,
        "zscore" => score::zscore,
        "zmscore" => score::zmscore,
        "zrank" => score::zrank,
        "zrevrank" => score::zrevrank,
        "zcount" => count::zcount,
        "zlexcount" => count::zlexcount,
        "zrange" => range::zrange,
        "zrangestore" => range::zrangestore,
        "zrevrange" => range::zrevrange,
        "zrangebyscore" => range::zrangebyscore,
        "zrevrangebyscore" => range::zrevrangebyscore,
        "zrangebylex" => range::zrangebylex,
        "zrevrangebylex" => range::zrevrangebylex,
        "zpopmin" => pop::zpopmin,
        "zpopmax" => pop::zpopmax,
        "zmpop" => pop::zmpop,
        "bzpopmin" => wait::bzpopmin,
        "bzpopmax" => wait::bzpopmax,
        "bzmpop" => wait::bzmpop,
        "zunion" => algebra::zunion,
        "zinter" => algebra::zinter,
        "zdiff" => algebra::zdiff,
        "zunionstore" => algebra::zunionstore,
        "zinterstore" => algebra::zinterstore,
        "zdiffstore" => algebra::zdiffstore,
        "zintercard" => algebra::zintercard,
        "zrandmember" => random::zrandmember,
        "zscan" => scan::zscan,
        _ => return None,
    })
}

/// A score or an increment, as Redis reads doubles in arguments.
pub(crate) fn double(text: &[u8]) -> Result<f64, CommandError> {
    base::number::parse_f64(text).ok_or(CommandError::NotFloat)
}

/// Puts a sorted set under a key, or removes what is there if the set is empty; answers how many members there are.
pub(crate) fn store_result(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    zset: Zset,
    event: &'static str,
    reply: &mut Reply,
) {
    reply.int(zset.len() as i64);
    if !zset.is_empty() {
        ctx.store(key, zset);
        ctx.changed(Classes::ZSET, event, key);
    } else if ctx.keyspace.remove(ctx.db, key) {
        ctx.changed(Classes::GENERIC, "del", key);
    }
}

/// Elements of an answer: members alone, or with their scores.
#[derive(Clone, Copy)]
struct Pairs {
    scores: bool,
    nested: bool,
}

impl Pairs {
    fn new(reply: &Reply, scores: bool) -> Self {
        Self { scores, nested: scores && reply.is_resp3() }
    }

    fn header(self, reply: &mut Reply, members: usize) {
        reply.array(if self.scores && !self.nested { 2 * members } else { members });
    }

    #[inline]
    fn push(self, reply: &mut Reply, member: Member<'_>, score: f64) {
        if self.nested {
            reply.array(2);
        }
        reply_member(reply, member);
        if self.scores {
            reply.double(score);
        }
    }
}
