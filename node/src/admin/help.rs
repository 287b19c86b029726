//! HELP of every container command, made from the command table: syntax and summary of each subcommand.

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use resp::Reply;

/// The handler of every `<container>|help` that has none of its own.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    name.ends_with("|help").then_some(help as AdminHandler)
}

/// Answers `<container> HELP`, by whatever name the container is called (`rename-command`).
pub(super) fn help(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let container = node.renames.find(args.at(0), true).ok_or(Refusal::SYNTAX)?;
    let lines = container.subcommands().iter().filter(|sub| sub.own_name() != "help").flat_map(|sub| {
        let name = sub.own_name().to_uppercase();
        let syntax = spec::syntax(sub);
        let usage = if syntax.is_empty() { name } else { format!("{name} {syntax}") };
        [usage, format!("    {}", sub.summary)]
    });
    write(args.at(0), lines, reply);
    Ok(())
}

/// HELP of a command whose subcommands are not in the table: pairs of syntax and explanation.
pub(super) fn of_entries(args: Args<'_>, entries: &[(&str, &str)], reply: &mut Reply) {
    let lines = entries.iter().flat_map(|(usage, what)| [usage.to_string(), format!("    {what}")]);
    write(args.at(0), lines, reply);
}

/// The frame that all HELP answers share: a head line, the lines, and how to see them again.
fn write(name: &[u8], lines: impl Iterator<Item = String>, reply: &mut Reply) {
    let place = reply.deferred_array();
    let name = resp::reply::lossy(&name.to_ascii_uppercase());
    reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    let mut count = 1;
    for line in lines.chain(["HELP".into(), "    Print this help.".into()]) {
        reply.simple(&line);
        count += 1;
    }
    reply.finish_array(place, count);
}
