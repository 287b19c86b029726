//! ACL LOAD and ACL SAVE: the runtime reads or writes `aclfile`, and its outcome fills the reply slot.

use crate::access;
use crate::api::{Action, LogLevel};
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use resp::Reply;

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via \
    the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order \
    to store users in the Redis configuration.";

/// ACL LOAD
pub(super) fn load(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let file = begin(node, client, reply)?;
    node.actions.push_back(Action::ReadUsers { file });
    Ok(())
}

/// ACL SAVE
pub(super) fn save(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let file = begin(node, client, reply)?;
    node.actions.push_back(Action::WriteUsers { file, text: node.access.users.print() });
    Ok(())
}

fn begin(node: &mut Node, client: Client, reply: &mut Reply) -> Result<String, Refusal> {
    let file = node.config.settings.aclfile.clone();
    if file.is_empty() {
        return Err(NO_FILE.into());
    }
    let session = node.sessions.get_mut(client).ok_or(Refusal::SYNTAX)?;
    let slot = session.output.open_slot(reply);
    node.access.waiting.push_back((client, slot));
    Ok(file)
}

/// The file's text is there, or the system's reason why not.
pub(crate) fn loaded(node: &mut Node, outcome: Result<Vec<u8>, String>) {
    let outcome = match outcome {
        Ok(text) => replace(node, &text),
        Err(reason) => {
            let file = &node.config.settings.aclfile;
            Err(format!("Error loading ACLs, opening file '{file}': {reason}").into_bytes())
        }
    };
    answer(node, outcome.map_err(|text| Refusal::repeating(&[b"ERR ", &text])));
}

/// Makes the users those of the file; the error is Redis's.
pub(crate) fn replace(node: &mut Node, text: &[u8]) -> Result<(), Vec<u8>> {
    let file = node.config.settings.aclfile.clone();
    let before = node.access.users.clone();
    let gone = node.access.users.load(&file, text)?;
    let asker = node.access.waiting.front().map(|(client, _)| *client);
    access::expel(node, &gone, asker);
    for (_, id) in before.iter() {
        if let Some(old) = before.get(id) {
            access::silence(node, id, old, asker);
        }
    }
    access::changed(node);
    Ok(())
}

/// The file is written, or is not.
pub(crate) fn saved(node: &mut Node, outcome: Result<(), String>) {
    let outcome = outcome.map_err(|reason| {
        node.log(LogLevel::Warning, format!("Writing ACL file for ACL SAVE: {reason}"));
        Refusal::from(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    });
    answer(node, outcome);
}

fn answer(node: &mut Node, outcome: Outcome) {
    let Some((client, slot)) = node.access.waiting.pop_front() else { return };
    let mut reply = Reply::default();
    match outcome {
        Ok(()) => reply.ok(),
        Err(refusal) => {
            node.stats.count_error(&refusal.to_string());
            reply.error_bytes(&refusal.bytes());
        }
    }
    if let Some(session) = node.sessions.get_mut(client) {
        session.output.fill(slot, reply.buffer());
        node.mark_dirty(client);
    }
}
