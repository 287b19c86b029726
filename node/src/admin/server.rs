//! TIME, MEMORY USAGE and LOLWUT.

use super::AdminHandler;
use crate::identity;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, DbIndex, number};
use resp::Reply;

/// Handlers of the commands above.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "time" => time,
        "lolwut" => lolwut,
        "memory|usage" => memory_usage,
        _ => return None,
    })
}

/// TIME: seconds, and microseconds within the second.
fn time(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let millis = node.now.unix.0;
    reply.array(2);
    reply.bulk_int(millis.div_euclid(1000));
    reply.bulk_int(millis.rem_euclid(1000) * 1000 + i64::from(node.now.micros));
    Ok(())
}

const GRAPES: &str = "    \\|/\n   o o o\n    o o\n     o\n";

/// LOLWUT: a bunch of grapes, and who grew it.
fn lolwut(_: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let (redis, own) = (identity::REDIS_VERSION, identity::VERSION);
    reply.verbatim("txt", format!("{GRAPES}Redis ver. {redis} (Grapevine {own})\n").as_bytes());
    Ok(())
}

/// MEMORY USAGE key [SAMPLES count]: bytes, exact for strings; null without the key.
fn memory_usage(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let options = args.from(3);
    for i in (0..options.len()).step_by(2) {
        if !options.at(i).eq_ignore_ascii_case(b"samples") || i + 1 == options.len() {
            return Err(Refusal::SYNTAX);
        }
        if number::parse_i64(options.at(i + 1)).ok_or(Refusal::NOT_INTEGER)? < 0 {
            return Err(Refusal::SYNTAX);
        }
    }
    let db = node.sessions.get(client).map_or(DbIndex(0), |s| s.db);
    match node.keyspace.object(db, args.at(2)) {
        Some(found) => reply.int(found.memory as i64),
        None => reply.null(),
    }
    Ok(())
}
