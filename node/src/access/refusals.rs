//! What a session's user may not do: the check of a request, and Redis's texts for each place where it fails.

use super::add_entry;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::Client;
use acl::{Context, Denied, Reason};
use base::Args;
use spec::Command;

/// Whether the client's user may run this; nothing is noted.
pub(crate) fn may_run(node: &Node, client: Client, command: &Command, args: Args<'_>) -> Result<(), Denied> {
    let Some(session) = node.sessions.get(client) else { return Err(Denied::Command) };
    if !session.restricted || session.role.is_obeyed() {
        return Ok(());
    }
    // Who is gone may do nothing.
    let user = node.access.users.get(session.user).ok_or(Denied::Command)?;
    user.check(command, &args)
}

/// The check of a request, in the checklist.
pub(crate) fn check_request(node: &mut Node, client: Client, command: &Command, args: Args<'_>) -> Outcome {
    let Err(denied) = may_run(node, client, command, args) else { return Ok(()) };
    let in_multi = node.sessions.get(client).is_some_and(|s| s.multi.is_some());
    let context = if in_multi { Context::Multi } else { Context::Toplevel };
    note(node, client, denied, context, command, args);
    Err(match denied {
        Denied::Command => {
            let name = command.name;
            format!("NOPERM this user has no permissions to run the '{name}' command").into()
        }
        Denied::Key(_) => {
            "NOPERM this user has no permissions to access one of the keys used as arguments".into()
        }
        Denied::Channel(_) => {
            "NOPERM this user has no permissions to access one of the channels used as arguments".into()
        }
    })
}

/// The same for what EXEC has queued: rights may have changed since.
pub(crate) fn check_queued(node: &mut Node, client: Client, command: &Command, args: Args<'_>) -> Outcome {
    let Err(denied) = may_run(node, client, command, args) else { return Ok(()) };
    note(node, client, denied, Context::Multi, command, args);
    let reason = match denied {
        Denied::Command => "no permission to execute the command or subcommand",
        Denied::Key(_) => "no permission to touch the specified keys",
        Denied::Channel(_) => "no permission to access one of the channels used as arguments",
    };
    Err(format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is \
         no longer allowed for the following reason: {reason}"
    )
    .into())
}

/// The same for what a script calls.
pub(crate) fn check_scripted(node: &mut Node, client: Client, command: &Command, args: Args<'_>) -> Outcome {
    let Err(denied) = may_run(node, client, command, args) else { return Ok(()) };
    note(node, client, denied, Context::Lua, command, args);
    Err(match denied {
        Denied::Command => "ERR The user executing the script can't run this command or subcommand",
        Denied::Key(_) => {
            "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments"
        }
        Denied::Channel(_) => {
            "ERR The user executing the script can't publish to the channel mentioned in the command"
        }
    }
    .into())
}

/// SORT's BY and GET lead to keys that the request does not name: only who may read every key may use them.
pub(crate) fn sort_patterns(node: &Node, client: Client, command: &Command, args: Args<'_>) -> Outcome {
    let Some(session) = node.sessions.get(client).filter(|s| s.restricted && !s.role.is_obeyed()) else {
        return Ok(());
    };
    let user = node.access.users.get(session.user);
    if node.cluster.enabled || user.is_some_and(|user| user.reads_all_keys(command, &args)) {
        return Ok(());
    }
    let mut i = 2;
    while let Some(word) = args.get(i) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let left = args.len() - 1 - i;
        if is("by") && left >= 1 {
            if args.at(i + 1).contains(&b'*') {
                return Err("ERR BY option of SORT denied due to insufficient ACL permissions.".into());
            }
            i += 1;
        } else if is("get") && left >= 1 {
            return Err("ERR GET option of SORT denied due to insufficient ACL permissions.".into());
        } else if is("limit") && left >= 2 {
            i += 2;
        } else if is("store") && left >= 1 {
            i += 1;
        } else if !(is("asc") || is("desc") || is("alpha")) {
            // The command itself says what is wrong.
            return Ok(());
        }
        i += 1;
    }
    Ok(())
}

fn note(
    node: &mut Node,
    client: Client,
    denied: Denied,
    context: Context,
    command: &Command,
    args: Args<'_>,
) {
    let denials = &mut node.access.denials;
    let (reason, object) = match denied {
        Denied::Command => {
            denials.command += 1;
            (Reason::Command, command.name.as_bytes())
        }
        Denied::Key(place) => {
            denials.key += 1;
            (Reason::Key, args.at(place))
        }
        Denied::Channel(place) => {
            denials.channel += 1;
            (Reason::Channel, args.at(place))
        }
    };
    let id = node.sessions.get(client).map(|s| s.user).unwrap_or_default();
    let name = node.access.users.name(id).unwrap_or_default().to_vec();
    add_entry(node, client, reason, context, object, name);
}

/// What ACL DRYRUN says.
pub(crate) fn explanation(denied: Denied, command: &Command, args: Args<'_>) -> Vec<u8> {
    let object = args.at(denied.argument());
    let begin = b"This user has no permissions to ".as_slice();
    match denied {
        Denied::Command => [begin, b"run the '", command.name.as_bytes(), b"' command"].concat(),
        Denied::Key(_) => [begin, b"access the '", object, b"' key"].concat(),
        Denied::Channel(_) => [begin, b"access the '", object, b"' channel"].concat(),
    }
}
