//! CLIENT PAUSE and UNPAUSE; CLIENT UNBLOCK.

use crate::blocking;
use crate::node::Node;
use crate::pause::{Kind, Purpose};
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::{Args, Millis, number};
use resp::Reply;

/// CLIENT PAUSE milliseconds [WRITE | ALL].
pub(super) fn pause(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 4 {
        return Err(crate::admin::subcommand_syntax(args));
    }
    let kind = match args.get(3) {
        None => Kind::All,
        Some(word) if word.eq_ignore_ascii_case(b"all") => Kind::All,
        Some(word) if word.eq_ignore_ascii_case(b"write") => Kind::Writes,
        Some(_) => return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into()),
    };
    let length = number::parse_i64(args.at(2)).ok_or("ERR timeout is not an integer or out of range")?;
    let length = u64::try_from(length).map_err(|_| "ERR timeout is negative")?;
    let end = node.now.mono.0.checked_add(length).filter(|end| i64::try_from(*end).is_ok());
    let end = end.ok_or("ERR timeout is out of range")?;
    node.pause.begin(Purpose::Client, Millis(end), kind);
    node.keyspace.set_expire_pause(true);
    reply.ok();
    Ok(())
}

/// CLIENT UNPAUSE.
pub(super) fn unpause(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    node.release_paused(Purpose::Client);
    reply.ok();
    Ok(())
}

/// CLIENT UNBLOCK id [TIMEOUT | ERROR]: 1 if somebody was waiting.
pub(super) fn unblock(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    if args.len() > 4 {
        return Err(crate::admin::subcommand_syntax(args));
    }
    let error = match args.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => false,
        Some(word) if word.eq_ignore_ascii_case(b"error") => true,
        Some(_) => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    let id = number::parse_i64(args.at(2)).ok_or(Refusal::NOT_INTEGER)?;
    let target = node.sessions.iter().find(|(_, s)| i64::try_from(s.id) == Ok(id));
    let target = target.map(|(client, _)| client);
    let unblocked = target.is_some_and(|client| blocking::unblock(node, client, error));
    reply.int(i64::from(unblocked));
    Ok(())
}
