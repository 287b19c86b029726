//! QUIT and RESET: what a client says about the session as a whole.

use super::{Client, ReplyMode, Role};
use crate::admin::AdminHandler;
use crate::node::Node;
use crate::observe::monitor;
use crate::refusal::Outcome;
use crate::{access, pubsub, tracking, transaction};
use base::{Args, DbIndex};
use resp::{Protocol, Reply};

/// The handlers of this room.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "quit" => quit,
        "reset" => reset,
        _ => return None,
    })
}

/// QUIT
fn quit(node: &mut Node, client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    if let Some(session) = node.sessions.get_mut(client) {
        session.close_after_reply = true;
    }
    reply.ok();
    Ok(())
}

/// RESET: the session is as if it had just connected.
fn reset(node: &mut Node, client: Client, _args: Args<'_>, reply: &mut Reply) -> Outcome {
    if node.sessions.get(client).is_some_and(|s| s.role != Role::Normal) {
        return Err("ERR can only reset normal client connections".into());
    }
    monitor::leave(node, client);
    tracking::stop(node, client);
    transaction::discard_all(node, client);
    pubsub::leave_all(node, client);
    access::begin_as_default(node, client);
    let third = node.config.settings.client_default_resp == 3;
    let protocol = if third { Protocol::Resp3 } else { Protocol::Resp2 };
    if let Some(session) = node.sessions.get_mut(client) {
        session.output.reply().set_protocol(protocol);
        session.db = DbIndex(0);
        session.name.clear();
        session.readonly = false;
        session.asking = false;
        session.reply_mode = ReplyMode::On;
        session.no_evict = false;
        session.no_touch = false;
    }
    reply.set_protocol(protocol);
    reply.simple("RESET");
    Ok(())
}
