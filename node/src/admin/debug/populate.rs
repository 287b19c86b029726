//! DEBUG POPULATE: many keys at once, for tests.

use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use crate::{tracking, transaction};
use base::{Args, DbIndex, number};
use keyspace::{NewValue, Ttl};
use resp::Reply;

/// DEBUG POPULATE count [prefix] [size]: keys `prefix:0` and so on, those left out that exist. Neither the log nor the
/// replicas hear of them, as in Redis.
pub(super) fn populate(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let count = positive(args.at(2))?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = args.get(4).map_or(Ok(0), positive)?;
    if size > node.policy.proto_max_bulk_len {
        return Err("ERR string exceeds maximum allowed size (proto-max-bulk-len)".into());
    }
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    for number in 0..count {
        let mut key = prefix.to_vec();
        key.extend_from_slice(format!(":{number}").as_bytes());
        if node.keyspace.contains(db, &key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size as usize, 0);
        }
        node.keyspace.set(db, &key, NewValue::text(&value), Ttl::Clear);
        transaction::touch(node, db, &key);
        tracking::key_changed(node, Some(client), &key);
        node.progress.tick();
    }
    reply.ok();
    Ok(())
}

fn positive(text: &[u8]) -> Result<u64, Refusal> {
    let number = number::parse_i64(text).ok_or(Refusal::NOT_INTEGER)?;
    u64::try_from(number).map_err(|_| Refusal::from("ERR value is out of range, must be positive"))
}
