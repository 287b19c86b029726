//! HELP of every container command, made from the command table: syntax and summary of each subcommand.

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::Client;
use base::Args;
use resp::Reply;

/// The handler of every `<container>|help` that has none of its own.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    name.ends_with("|help").then_some(help as AdminHandler)
}

fn help(_: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    of(&args.at(0).iter().map(|b| b.to_ascii_lowercase() as char).collect::<String>(), reply);
    Ok(())
}

/// Answers `<container> HELP`.
pub(super) fn of(name: &str, reply: &mut Reply) {
    let Some(container) = spec::lookup(name.as_bytes()) else { return };
    let lines = container.subcommands().iter().filter(|sub| sub.own_name() != "help").flat_map(|sub| {
        let name = sub.own_name().to_uppercase();
        let syntax = spec::syntax(sub);
        let usage = if syntax.is_empty() { name } else { format!("{name} {syntax}") };
        [usage, format!("    {}", sub.summary)]
    });
    write(container.name, lines, reply);
}

/// HELP of a command whose subcommands are not in the table: pairs of syntax and explanation.
pub(super) fn of_entries(name: &str, entries: &[(&str, &str)], reply: &mut Reply) {
    let lines = entries.iter().flat_map(|(usage, what)| [usage.to_string(), format!("    {what}")]);
    write(name, lines, reply);
}

/// The frame that all HELP answers share: a head line, the lines, and how to see them again.
fn write(name: &str, lines: impl Iterator<Item = String>, reply: &mut Reply) {
    let place = reply.deferred_array();
    let name = name.to_uppercase();
    reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    let mut count = 1;
    for line in lines.chain(["HELP".into(), "    Print this help.".into()]) {
        reply.simple(&line);
        count += 1;
    }
    reply.finish_array(place, count);
}
