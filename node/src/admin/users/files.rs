//! ACL LOAD and ACL SAVE: `aclfile` is read or written where the command stands, by what the runtime has given for that
//! ([`UsersFile`](crate::UsersFile)). As with Redis everybody waits meanwhile, and the next command of a pipeline, a
//! transaction or anybody else meets the new users.

use crate::access;
use crate::api::LogLevel;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use resp::Reply;

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via \
    the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order \
    to store users in the Redis configuration.";
const NO_WAY: &str = "there are no files here";

/// ACL LOAD
pub(super) fn load(node: &mut Node, client: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let file = name(node)?;
    let read = node.access.file.map_or_else(|| Err(NO_WAY.into()), |way| (way.read)(&file));
    let outcome = match read {
        Ok(text) => replace(node, &text, Some(client)),
        Err(reason) => Err(format!("Error loading ACLs, opening file '{file}': {reason}").into_bytes()),
    };
    outcome.map_err(|text| Refusal::repeating(&[b"ERR ", &text]))?;
    reply.ok();
    Ok(())
}

/// ACL SAVE
pub(super) fn save(node: &mut Node, _: Client, _: Args<'_>, reply: &mut Reply) -> Outcome {
    let file = name(node)?;
    let text = node.access.users.print();
    let written = node.access.file.map_or_else(|| Err(NO_WAY.into()), |way| (way.write)(&file, &text));
    written.map_err(|reason| {
        node.log(LogLevel::Warning, format!("Writing ACL file for ACL SAVE: {reason}"));
        Refusal::from(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    reply.ok();
    Ok(())
}

fn name(node: &Node) -> Result<String, Refusal> {
    let file = &node.config.settings.aclfile;
    if file.is_empty() { Err(NO_FILE.into()) } else { Ok(file.clone()) }
}

/// Makes the users those of the file; `asker` hears its answer even if it has to go. The error is Redis's.
pub(crate) fn replace(node: &mut Node, text: &[u8], asker: Option<Client>) -> Result<(), Vec<u8>> {
    let file = node.config.settings.aclfile.clone();
    let before = node.access.users.clone();
    let gone = node.access.users.load(&file, text)?;
    access::expel(node, &gone, asker);
    for (_, id) in before.iter() {
        if let Some(old) = before.get(id) {
            access::silence(node, id, old, asker);
        }
    }
    access::changed(node);
    Ok(())
}
