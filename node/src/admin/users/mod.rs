//! ACL: making, changing, showing and trying users.

pub(super) mod files;
mod show;

use super::{AdminHandler, subcommand_syntax};
use crate::access;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, number};
use resp::Reply;
use spec::{Categories, Command};

/// The most bits that GENPASS makes up.
const PASSWORD_BITS_MAX: i64 = 4096;

/// Handlers of ACL.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "acl|cat" => cat,
        "acl|deluser" => del_user,
        "acl|dryrun" => dry_run,
        "acl|genpass" => gen_pass,
        "acl|getuser" => show::get_user,
        "acl|list" => show::list,
        "acl|load" => files::load,
        "acl|log" => show::log,
        "acl|save" => files::save,
        "acl|setuser" => set_user,
        "acl|users" => show::users,
        "acl|whoami" => show::who_am_i,
        _ => return None,
    })
}

/// ACL SETUSER username [rule ...]
fn set_user(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let name = args.at(2);
    let rules: Vec<&[u8]> = args.from(3).iter().collect();
    let before = node.access.users.find(name).map(|(_, user)| user.clone());
    let id = node.access.users.set(name, &rules).map_err(|text| Refusal::repeating(&[b"ERR ", &text]))?;
    if let Some(before) = before {
        access::silence(node, id, &before, Some(client));
    }
    access::changed(node);
    reply.ok();
    Ok(())
}

/// ACL DELUSER username ...: all or, with `default` among them, none.
fn del_user(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let names = args.from(2);
    if names.iter().any(|name| name == acl::DEFAULT) {
        return Err("ERR The 'default' user cannot be removed".into());
    }
    let gone: Vec<acl::UserId> = names.iter().filter_map(|name| node.access.users.remove(name)).collect();
    access::expel(node, &gone, Some(client));
    access::changed(node);
    reply.int(gone.len() as i64);
    Ok(())
}

/// ACL CAT [category]
fn cat(_: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    match args.len() {
        2 => {
            let names: Vec<&str> = Categories(u64::MAX).names().collect();
            write_names(names, reply);
        }
        3 => {
            let name = crate::dispatch::shown(args.at(2), 128);
            let category = Categories::named(args.at(2))
                .ok_or_else(|| Refusal::repeating(&[b"ERR Unknown category '", name, b"'"]))?;
            let inside = spec::all().filter(|command| command.categories.intersects(category));
            write_names(inside.map(|command| command.name).collect(), reply);
        }
        _ => return Err(subcommand_syntax(args)),
    }
    Ok(())
}

fn write_names(names: Vec<&str>, reply: &mut Reply) {
    reply.array(names.len());
    for name in names {
        reply.bulk(name.as_bytes());
    }
}

/// ACL DRYRUN username command [arg ...]
fn dry_run(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some((_, user)) = node.access.users.find(args.at(2)) else {
        return Err(Refusal::repeating(&[b"ERR User '", args.at(2), b"' not found"]));
    };
    let request = args.from(3);
    let command = named(node, request)
        .ok_or_else(|| Refusal::repeating(&[b"ERR Command '", request.at(0), b"' not found"]))?;
    if !command.arity_ok(request.len()) {
        return Err(format!("ERR wrong number of arguments for '{}' command", command.name).into());
    }
    match user.check(command, &request) {
        Ok(()) => reply.ok(),
        Err(denied) => reply.bulk(&access::explanation(denied, command, request)),
    }
    Ok(())
}

fn named(node: &Node, request: Args<'_>) -> Option<&'static Command> {
    let command = node.renames.find(request.at(0), false)?;
    if command.subcommands().is_empty() || request.len() < 2 {
        return Some(command);
    }
    spec::subcommand(command, request.at(1))
}

/// ACL GENPASS [bits]
fn gen_pass(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let bits = match args.len() {
        2 => 256,
        3 => number::parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER)?,
        _ => return Err(subcommand_syntax(args)),
    };
    if !(1..=PASSWORD_BITS_MAX).contains(&bits) {
        return Err(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {PASSWORD_BITS_MAX}"
        )
        .into());
    }
    let digits = (bits as usize).div_ceil(4);
    let mut bytes = vec![0; digits.div_ceil(2)];
    match node.access.entropy {
        Some(fill) if !fill(&mut bytes) => return Err("ERR The system has no random bits to give".into()),
        Some(_) => {}
        None => bytes.iter_mut().for_each(|byte| *byte = node.prng.next_u64() as u8),
    }
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    reply.bulk(&text.as_bytes()[..digits]);
    Ok(())
}
