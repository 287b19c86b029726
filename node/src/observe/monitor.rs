//! MONITOR: every command that is executed, as a line, for those who asked for it.
//!
//! Model: a line is made once and appended to each monitor's output, after the command was executed; what EXEC runs
//! comes before EXEC. Administrative commands are not shown. Bound: a monitor that does not read is closed by
//! `client-output-buffer-limit normal`, if there is one, as in Redis.

use super::commandlog::REDACTED;
use super::redact;
use crate::admin::AdminHandler;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::{Client, Role};
use base::{Args, DbIndex};
use resp::Reply;
use spec::Command;
use std::fmt::Write;

/// The handler of MONITOR.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    (name == "monitor").then_some(monitor as AdminHandler)
}

/// MONITOR
fn monitor(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    if node.unit.in_exec {
        return Err("ERR MONITOR isn't allowed for DENY BLOCKING client".into());
    }
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    // Who listens already, or reads the replication stream, is told nothing.
    if session.monitor || session.role != Role::Normal {
        return Ok(());
    }
    session.monitor = true;
    node.observers.monitors.push(client);
    reply.ok();
    Ok(())
}

/// A session is no monitor any more.
pub(crate) fn leave(node: &mut Node, client: Client) {
    let Some(session) = node.sessions.get_mut(client) else { return };
    if std::mem::take(&mut session.monitor) {
        node.observers.monitors.retain(|other| *other != client);
    }
}

/// Shows a command to the monitors.
pub(crate) fn feed(node: &mut Node, client: Client, db: DbIndex, command: &Command, args: Args<'_>) {
    if node.loading || node.observers.monitors.is_empty() {
        return;
    }
    let line = line(node, client, db, command, args);
    for monitor in node.observers.monitors.clone() {
        node.push_to(monitor, |reply| reply.raw(line.as_bytes()));
    }
}

fn line(node: &Node, client: Client, db: DbIndex, command: &Command, args: Args<'_>) -> String {
    let millis = node.now.unix.0;
    let micros = millis.rem_euclid(1000) * 1000 + i64::from(node.now.micros);
    let mut line = format!("+{}.{micros:06} [{} ", millis.div_euclid(1000), db.0);
    if node.scripting.inside().is_some() {
        line.push_str("lua");
    } else if let Some(session) = node.sessions.get(client) {
        let place = if session.peer.unix { "unix:" } else { "" };
        let peer = session.peer.peer.strip_suffix(":0").filter(|_| session.peer.unix);
        let _ = write!(line, "{place}{}", peer.unwrap_or(&session.peer.peer));
    }
    line.push(']');
    let hidden = redact::hidden(command, args);
    for (place, arg) in args.iter().enumerate() {
        line.push(' ');
        base::args::quote(if hidden.contains(&place) { REDACTED } else { arg }, &mut line);
    }
    line.push_str("\r\n");
    line
}
