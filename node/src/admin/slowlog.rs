//! SLOWLOG and COMMANDLOG: the logs of remarkable commands.

use super::AdminHandler;
use crate::node::Node;
use crate::observe::commandlog::{CommandLog, Entry, Kind};
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, number};
use resp::Reply;

/// Entries that SLOWLOG GET shows unasked.
const DEFAULT_COUNT: usize = 10;

/// Handlers of the two.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "slowlog|get" => slow_get,
        "slowlog|len" => slow_len,
        "slowlog|reset" => slow_reset,
        "commandlog|get" => get,
        "commandlog|len" => len,
        "commandlog|reset" => reset,
        _ => return None,
    })
}

/// SLOWLOG GET [count]: the newest entries; -1 stands for all.
fn slow_get(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 3 {
        return Err(super::subcommand_syntax(args));
    }
    let wanted = args.get(2).map_or(Ok(Some(DEFAULT_COUNT)), count)?;
    write(node.observers.logs.of(Kind::Slow), wanted, reply);
    Ok(())
}

/// SLOWLOG LEN
fn slow_len(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.int(node.observers.logs.of(Kind::Slow).entries().len() as i64);
    Ok(())
}

/// SLOWLOG RESET
fn slow_reset(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    node.observers.logs.of_mut(Kind::Slow).reset();
    reply.ok();
    Ok(())
}

/// COMMANDLOG GET count kind
fn get(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let kind = kind(args.at(3))?;
    let wanted = count(args.at(2))?;
    write(node.observers.logs.of(kind), wanted, reply);
    Ok(())
}

/// COMMANDLOG LEN kind
fn len(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.int(node.observers.logs.of(kind(args.at(2))?).entries().len() as i64);
    Ok(())
}

/// COMMANDLOG RESET kind
fn reset(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    node.observers.logs.of_mut(kind(args.at(2))?).reset();
    reply.ok();
    Ok(())
}

fn kind(word: &[u8]) -> Result<Kind, Refusal> {
    const WRONG: &str = "ERR type should be one of the following: slow, large-request, large-reply";
    Kind::named(word).ok_or(Refusal::from(WRONG))
}

/// A number of entries; `None` for all.
fn count(word: &[u8]) -> Result<Option<usize>, Refusal> {
    match number::parse_i64(word) {
        Some(-1) => Ok(None),
        Some(count) if count >= 0 => Ok(Some(usize::try_from(count).unwrap_or(usize::MAX))),
        _ => Err("ERR count should be greater than or equal to -1".into()),
    }
}

fn write(log: &CommandLog, wanted: Option<usize>, reply: &mut Reply) {
    let shown = wanted.map_or(log.entries().len(), |wanted| wanted.min(log.entries().len()));
    reply.array(shown);
    log.entries().take(shown).for_each(|entry| write_entry(entry, reply));
}

fn write_entry(entry: &Entry, reply: &mut Reply) {
    reply.array(6);
    reply.int(entry.id as i64);
    reply.int(entry.time);
    reply.int(i64::try_from(entry.value).unwrap_or(i64::MAX));
    reply.array(entry.args.len());
    entry.args.iter().for_each(|arg| reply.bulk(arg));
    reply.bulk(entry.peer.as_bytes());
    reply.bulk(&entry.name);
}
