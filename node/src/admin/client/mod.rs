//! CLIENT: the connections, one's own and the others'.

pub(crate) use list::{FIXED_BUFFER, client_info, log_line};

mod kill;
mod list;
mod pause;
mod tracking;

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::{Client, ReplyMode, Role, Session};
use base::Args;
use resp::Reply;

/// Handlers of CLIENT.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "client|id" => id,
        "client|getname" => get_name,
        "client|setname" => set_name,
        "client|setinfo" => set_info,
        "client|getredir" => tracking::get_redir,
        "client|tracking" => tracking::tracking,
        "client|trackinginfo" => tracking::tracking_info,
        "client|caching" => tracking::caching,
        "client|reply" => reply_mode,
        "client|no-evict" => no_evict,
        "client|no-touch" => no_touch,
        "client|info" => list::info,
        "client|list" => list::list,
        "client|kill" => kill::kill,
        "client|pause" => pause::pause,
        "client|unpause" => pause::unpause,
        "client|unblock" => pause::unblock,
        _ => return None,
    })
}

/// The kinds of clients that LIST and KILL tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Normal,
    Primary,
    Replica,
    Pubsub,
}

impl Kind {
    fn named(name: &[u8]) -> Result<Kind, Refusal> {
        let known = [
            ("normal", Kind::Normal),
            ("master", Kind::Primary),
            ("replica", Kind::Replica),
            ("slave", Kind::Replica),
            ("pubsub", Kind::Pubsub),
        ];
        let found = known.iter().find(|(word, _)| word.as_bytes().eq_ignore_ascii_case(name));
        let refusal = || Refusal::repeating(&[b"ERR Unknown client type '", name, b"'"]);
        found.map(|(_, kind)| *kind).ok_or_else(refusal)
    }

    fn of(session: &Session) -> Kind {
        match session.role {
            Role::Primary | Role::Loader => Kind::Primary,
            Role::Replica => Kind::Replica,
            Role::Normal if session.is_subscriber() => Kind::Pubsub,
            Role::Normal => Kind::Normal,
        }
    }
}

/// CLIENT ID.
fn id(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.int(node.sessions.get(client).map_or(0, |s| s.id as i64));
    Ok(())
}

/// CLIENT GETNAME: null without a name.
fn get_name(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    match node.sessions.get(client) {
        Some(session) if !session.name.is_empty() => reply.bulk(&session.name),
        _ => reply.null(),
    }
    Ok(())
}

/// CLIENT SETNAME name: the empty name takes the name away.
fn set_name(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    check_name(args.at(2))?;
    if let Some(session) = node.sessions.get_mut(client) {
        session.name = args.at(2).to_vec();
    }
    reply.ok();
    Ok(())
}

/// Names must leave CLIENT LIST a line of words.
pub(super) fn check_name(name: &[u8]) -> Result<(), Refusal> {
    if is_word(name) {
        return Ok(());
    }
    Err("ERR Client names cannot contain spaces, newlines or special characters.".into())
}

fn is_word(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_graphic())
}

/// CLIENT SETINFO LIB-NAME | LIB-VER value.
fn set_info(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (what, value) = (args.at(2), args.at(3));
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let field = if what.eq_ignore_ascii_case(b"lib-name") {
        &mut session.lib_name
    } else if what.eq_ignore_ascii_case(b"lib-ver") {
        &mut session.lib_ver
    } else {
        return Err(Refusal::repeating(&[b"ERR Unrecognized option '", what, b"'"]));
    };
    if !is_word(value) {
        let text = b" cannot contain spaces, newlines or special characters.";
        return Err(Refusal::repeating(&[b"ERR ", what, text]));
    }
    *field = value.to_vec();
    reply.ok();
    Ok(())
}

/// CLIENT REPLY ON | OFF | SKIP: only ON is answered.
fn reply_mode(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    let mode = args.at(2);
    if mode.eq_ignore_ascii_case(b"on") {
        session.reply_mode = ReplyMode::On;
        reply.ok();
    } else if mode.eq_ignore_ascii_case(b"off") {
        session.reply_mode = ReplyMode::Off;
    } else if mode.eq_ignore_ascii_case(b"skip") {
        if session.reply_mode != ReplyMode::Off {
            session.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Refusal::SYNTAX);
    }
    Ok(())
}

/// CLIENT NO-EVICT ON | OFF.
fn no_evict(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let on = on_off(args.at(2))?;
    if let Some(session) = node.sessions.get_mut(client) {
        session.no_evict = on;
    }
    reply.ok();
    Ok(())
}

/// CLIENT NO-TOUCH ON | OFF.
fn no_touch(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let on = on_off(args.at(2))?;
    if let Some(session) = node.sessions.get_mut(client) {
        session.no_touch = on;
    }
    reply.ok();
    Ok(())
}

fn on_off(word: &[u8]) -> Result<bool, Refusal> {
    if word.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(Refusal::SYNTAX)
    }
}
