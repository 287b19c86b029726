//! TIME, LOLWUT, and MODULE, which there are none of.

use super::AdminHandler;
use crate::identity;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use base::number::parse_i64;
use resp::Reply;

/// Handlers of the commands above.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "time" => time,
        "lolwut" => lolwut,
        "module|list" => |_, _, _, reply| {
            reply.array(0);
            Ok(())
        },
        "module|load" | "module|loadex" => {
            |_, _, _, _| Err("ERR Error loading the extension. Please check the server logs.".into())
        }
        "module|unload" => {
            |_, _, _, _| Err("ERR Error unloading module: no such module with that name".into())
        }
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

/// LOLWUT [VERSION version] [number ...]: a bunch of grapes, and who grew it. Whatever is asked for; but what Redis's
/// pictures of old want to be numbers must be some.
fn lolwut(_: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let number = |text: &[u8]| parse_i64(text).ok_or(Refusal::NOT_INTEGER);
    if args.len() >= 3 && args.at(1).eq_ignore_ascii_case(b"version") {
        let numbers = match number(args.at(2))? {
            5 => 3,
            6 => 2,
            _ => 0,
        };
        args.from(3).iter().take(numbers).try_for_each(|text| number(text).map(drop))?;
    }
    let (redis, own) = (identity::REDIS_VERSION, identity::VERSION);
    reply.verbatim("txt", format!("{GRAPES}Redis ver. {redis} (Grapevine {own})\n").as_bytes());
    Ok(())
}
