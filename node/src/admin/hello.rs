//! HELLO and AUTH: who the client is, and which protocol it speaks.

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use crate::{access, identity, replication};
use base::{Args, number};
use resp::{Protocol, Reply};

/// Handlers of HELLO and AUTH.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    Some(match name {
        "hello" => hello,
        "auth" => auth,
        _ => return None,
    })
}

/// AUTH [username] password.
fn auth(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let (user, password) = match args.len() {
        2 if node.access.users.default_user().has_no_password() => {
            return Err("ERR AUTH <password> called without any password configured for the default user. Are you sure \
                        your configuration is correct?"
                .into());
        }
        2 => (b"default".as_slice(), args.at(1)),
        3 => (args.at(1), args.at(2)),
        _ => return Err(Refusal::SYNTAX),
    };
    access::authenticate(node, client, user, password, args.at(0))?;
    reply.ok();
    Ok(())
}

/// HELLO [version [AUTH user password] [SETNAME name]]: nothing is changed unless everything is right.
fn hello(node: &mut Node, client: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    let protocol = version(args)?;
    let options = Options::parse(args)?;
    if let Some((user, password)) = options.auth {
        access::authenticate(node, client, user, password, args.at(0))?;
    }
    let required = node.policy.auth_required;
    let Some(session) = node.sessions.get_mut(client) else { return Ok(()) };
    if required && !session.authenticated {
        return Err("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
                    <user> <pass> option can be used to authenticate the client and select the RESP protocol version \
                    at the same time"
            .into());
    }
    if let Some(name) = options.name {
        session.name = name.to_vec();
    }
    let id = session.id;
    if let Some(protocol) = protocol {
        reply.set_protocol(protocol);
        session.output.reply().set_protocol(protocol);
    }
    greet(node, id, reply);
    Ok(())
}

fn version(args: Args<'_>) -> Result<Option<Protocol>, Refusal> {
    let Some(text) = args.get(1) else { return Ok(None) };
    match number::parse_i64(text) {
        Some(2) => Ok(Some(Protocol::Resp2)),
        Some(3) => Ok(Some(Protocol::Resp3)),
        Some(_) => Err("NOPROTO unsupported protocol version".into()),
        None => Err("ERR Protocol version is not an integer or out of range".into()),
    }
}

#[derive(Default)]
struct Options<'a> {
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut i = 2;
        while let Some(word) = args.get(i) {
            let left = args.len() - 1 - i;
            if word.eq_ignore_ascii_case(b"auth") && left >= 2 {
                options.auth = Some((args.at(i + 1), args.at(i + 2)));
                i += 3;
            } else if word.eq_ignore_ascii_case(b"setname") && left >= 1 {
                super::client::check_name(args.at(i + 1))?;
                options.name = Some(args.at(i + 1));
                i += 2;
            } else {
                return Err(Refusal::repeating(&[b"ERR Syntax error in HELLO option '", word, b"'"]));
            }
        }
        Ok(options)
    }
}

/// The server's card: a map of seven.
fn greet(node: &Node, id: u64, reply: &mut Reply) {
    let clustered = node.config.settings.cluster_enabled;
    let protocol = if reply.protocol() == Protocol::Resp3 { 3 } else { 2 };
    reply.map(7);
    text(reply, "server", "redis");
    text(reply, "version", identity::REDIS_VERSION);
    reply.bulk(b"proto");
    reply.int(protocol);
    reply.bulk(b"id");
    reply.int(id as i64);
    text(reply, "mode", if clustered { "cluster" } else { "standalone" });
    text(reply, "role", if replication::is_replica(node) { "replica" } else { "master" });
    reply.bulk(b"modules");
    reply.array(0);
}

fn text(reply: &mut Reply, name: &str, value: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}
