//! ACL GETUSER, LIST, USERS, WHOAMI and LOG: what there is to see.

use super::super::subcommand_syntax;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use acl::{Entry, Selector};
use base::{Args, UnixMillis, number};
use resp::Reply;

/// How many entries ACL LOG shows unless it is told.
const LOG_DEFAULT: i64 = 10;

/// ACL GETUSER username
pub(super) fn get_user(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some((_, user)) = node.access.users.find(args.at(2)) else {
        reply.null();
        return Ok(());
    };
    reply.map(6);
    let flags: Vec<&str> = user.flags().collect();
    reply.bulk(b"flags");
    reply.set(flags.len());
    for flag in flags {
        reply.bulk(flag.as_bytes());
    }
    let passwords = user.passwords();
    reply.bulk(b"passwords");
    reply.array(passwords.len());
    for hash in passwords {
        reply.bulk(&hash);
    }
    write_selector(user.root(), reply);
    reply.bulk(b"selectors");
    reply.array(user.selectors().len());
    for selector in user.selectors() {
        reply.map(3);
        write_selector(selector, reply);
    }
    Ok(())
}

/// Three fields.
fn write_selector(selector: &Selector, reply: &mut Reply) {
    let fields = [
        ("commands", selector.commands_text()),
        ("keys", selector.keys_text()),
        ("channels", selector.channels_text()),
    ];
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.bulk(&value);
    }
}

/// ACL LIST
pub(super) fn list(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let users = &node.access.users;
    reply.array(users.count());
    for (name, id) in users.iter() {
        reply.bulk(&users.line(name, id));
    }
    Ok(())
}

/// ACL USERS
pub(super) fn users(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.array(node.access.users.count());
    for (name, _) in node.access.users.iter() {
        reply.bulk(name);
    }
    Ok(())
}

/// ACL WHOAMI
pub(super) fn who_am_i(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let id = node.sessions.get(client).map(|s| s.user).unwrap_or_default();
    match node.access.users.name(id) {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    Ok(())
}

/// ACL LOG [count | RESET]
pub(super) fn log(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let count = match args.len() {
        2 => LOG_DEFAULT,
        3 if args.at(2).eq_ignore_ascii_case(b"reset") => {
            node.access.log.clear();
            reply.ok();
            return Ok(());
        }
        3 => number::parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER)?,
        _ => return Err(subcommand_syntax(args)),
    };
    let entries = node.access.log.newest(usize::try_from(count).unwrap_or(0));
    reply.array(entries.len());
    for entry in entries {
        write_entry(entry, node.now.unix, reply);
    }
    Ok(())
}

fn write_entry(entry: &Entry, now: UnixMillis, reply: &mut Reply) {
    let text = |reply: &mut Reply, name: &str, value: &[u8]| {
        reply.bulk(name.as_bytes());
        reply.bulk(value);
    };
    let int = |reply: &mut Reply, name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.int(value);
    };
    reply.map(10);
    int(reply, "count", entry.count as i64);
    text(reply, "reason", entry.reason.name().as_bytes());
    text(reply, "context", entry.context.name().as_bytes());
    text(reply, "object", &entry.object);
    text(reply, "username", &entry.username);
    reply.bulk(b"age-seconds");
    reply.double((now.0 - entry.updated.0) as f64 / 1000.0);
    text(reply, "client-info", &entry.client_info);
    int(reply, "entry-id", entry.id as i64);
    int(reply, "timestamp-created", entry.created.0);
    int(reply, "timestamp-last-updated", entry.updated.0);
}
