//! COMMAND: what the commands are, told from the table of the `spec` crate.

mod docs;
mod info;
mod keys;

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use resp::Reply;
use spec::{Categories, Command};

/// Handlers of COMMAND.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "command" => plain,
        "command|count" => count,
        "command|info" => command_info,
        "command|docs" => command_docs,
        "command|list" => list,
        "command|getkeys" => keys::get_keys,
        "command|getkeysandflags" => keys::get_keys_and_flags,
        _ => return None,
    })
}

/// COMMAND: everything about every command.
fn plain(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.array(node.renames.top_level().count());
    node.renames.top_level().for_each(|command| info::write(command, reply));
    Ok(())
}

/// COMMAND COUNT.
fn count(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.int(node.renames.top_level().count() as i64);
    Ok(())
}

/// COMMAND INFO [name ...]: null for what is no command.
fn command_info(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let names = args.from(2);
    if names.len() == 0 {
        return plain(node, client, args, reply);
    }
    reply.array(names.len());
    for name in names.iter() {
        match node.renames.find_full(name) {
            Some(command) => info::write(command, reply),
            None => reply.null(),
        }
    }
    Ok(())
}

/// COMMAND DOCS [name ...]: what is no command is left out.
fn command_docs(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let names = args.from(2);
    let found: Vec<&Command> = if names.len() == 0 {
        node.renames.top_level().collect()
    } else {
        names.iter().filter_map(|name| node.renames.find_full(name)).collect()
    };
    reply.map(found.len());
    for command in found {
        reply.bulk(command.name.as_bytes());
        docs::write(command, reply);
    }
    Ok(())
}

/// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]: names, subcommands included.
fn list(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let matches: Filter<'_> = match args.len() {
        2 => Box::new(|_| true),
        5 if args.at(2).eq_ignore_ascii_case(b"filterby") => filter(args.at(3), args.at(4))?,
        _ => return Err(Refusal::SYNTAX),
    };
    let names: Vec<&str> =
        spec::all().filter(|c| node.renames.is_callable(c) && matches(c)).map(|c| c.name).collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

/// Which commands to list.
type Filter<'a> = Box<dyn Fn(&Command) -> bool + 'a>;

fn filter<'a>(kind: &[u8], value: &'a [u8]) -> Result<Filter<'a>, Refusal> {
    if kind.eq_ignore_ascii_case(b"module") {
        // There are no modules.
        Ok(Box::new(|_| false))
    } else if kind.eq_ignore_ascii_case(b"aclcat") {
        let wanted = Categories::named(value).unwrap_or_default();
        Ok(Box::new(move |c| c.categories.intersects(wanted)))
    } else if kind.eq_ignore_ascii_case(b"pattern") {
        Ok(Box::new(move |c| base::glob::matches(value, c.name.as_bytes(), true)))
    } else {
        Err(Refusal::SYNTAX)
    }
}
