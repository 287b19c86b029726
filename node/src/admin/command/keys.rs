//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys in a whole command.

use super::info::words;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use resp::Reply;
use spec::{Command, KeyPosition, flag, key_flag};

/// COMMAND GETKEYS command [argument ...].
pub(super) fn get_keys(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let request = args.from(2);
    let keys = find(node, request)?;
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(request.at(key.index as usize)));
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS command [argument ...].
pub(super) fn get_keys_and_flags(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let request = args.from(2);
    let keys = find(node, request)?;
    reply.array(keys.len());
    for key in keys {
        reply.array(2);
        reply.bulk(request.at(key.index as usize));
        words(key.flags.names(), reply);
    }
    Ok(())
}

fn find(node: &Node, request: Args<'_>) -> Result<Vec<KeyPosition>, Refusal> {
    let command = lookup(node, request).ok_or(Refusal::from("ERR Invalid command specified"))?;
    if !command.has_keys() {
        return Err("ERR The command has no key arguments".into());
    }
    if !command.arity_ok(request.len()) {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    let mut keys = Vec::new();
    let fits = spec::key_positions(command, &request, &mut keys).is_ok();
    if !fits && command.has(flag::NO_MANDATORY_KEYS) {
        return Ok(Vec::new());
    }
    keys.retain(|key| !key.flags.has(key_flag::NOT_KEY));
    if keys.is_empty() && !command.has(flag::NO_MANDATORY_KEYS) || !fits {
        return Err("ERR Invalid arguments specified for command".into());
    }
    Ok(keys)
}

/// The command, or the subcommand where the second word names one.
fn lookup(node: &Node, request: Args<'_>) -> Option<&'static Command> {
    let command = node.renames.find(request.at(0), false)?;
    if command.subcommands().is_empty() || request.len() < 2 {
        return Some(command);
    }
    spec::subcommand(command, request.at(1))
}
