//! TIME and LOLWUT.

use super::AdminHandler;
use crate::identity;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::Client;
use base::Args;
use resp::Reply;

/// Handlers of the commands above.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "time" => time,
        "lolwut" => lolwut,
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
