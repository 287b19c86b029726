//! The commands about the node, the session and the cluster: everything that needs more than a keyspace and arguments.
//!
//! The shape of a handler is [`AdminHandler`]:
//!
//! - `node` is the whole machine; its fields are `pub(crate)`.
//! - `client` names the session that asks: `node.sessions.get_mut(client)`. It may be gone; then there is nothing to do.
//! - `args` are all arguments, the command's name (and subcommand) included; arity has been checked.
//! - `reply` is the session's writer, taken out for the batch: never write through the session.
//! - Either the whole reply is written and the result is `Ok`, or nothing is and the result is a `Refusal`, whose text
//!   is the error reply (`Err("ERR ...".into())`, `Err(format!(...).into())`, `Refusal::SYNTAX`).
//! - To write to *another* session use `node.push_to`; to close one `node.close`.
//! - A reply that must wait: `blocking::begin`, and later `blocking::finish`; a mutating CLUSTER command:
//!   `cluster::install::ask`. After CONFIG SET: `node.config_changed(names)`.
//!
//! A handler is found by its name in `spec` (subcommands as `client|id`) when the node's table is built. Each family has a
//! file with a `handler` function of its own, see `connection.rs`.

pub(crate) mod client;
pub(crate) mod cluster;
mod command;
mod config;
mod connection;
mod debug;
mod hello;
mod help;
mod info;
mod latency;
mod memory;
mod server;
mod slowlog;
#[cfg(test)]
mod tests;
mod users;

pub(crate) use cluster::events::print as cluster_events;
pub(crate) use cluster::explain::print as cluster_explanation;
pub(crate) use config::cluster_config;
pub(crate) use config::{Changes, applied as config_applied, written as config_written};
pub use info::{Process, Usage};
pub use memory::Allocator;
pub(crate) use users::files::replace as replace_users;

use crate::node::Node;
use crate::refusal::{Outcome, Refusal};
use crate::session::Client;
use base::Args;
use resp::Reply;

/// How an administrative command is executed; see the module.
pub type AdminHandler = fn(&mut Node, Client, Args<'_>, &mut Reply) -> Outcome;

/// The handler of a command, by its name in `spec`.
pub(crate) fn handler(name: &str) -> Option<AdminHandler> {
    let families = [
        connection::handler,
        hello::handler,
        client::handler,
        command::handler,
        config::handler,
        cluster::handler,
        info::handler,
        server::handler,
        slowlog::handler,
        latency::handler,
        memory::handler,
        debug::handler,
        users::handler,
        help::handler,
    ];
    families.iter().find_map(|family| family(name))
}

/// What a container answers to a subcommand whose arguments it cannot make sense of.
pub(crate) fn subcommand_syntax(args: Args<'_>) -> Refusal {
    let shown = crate::dispatch::shown(args.at(1), 128);
    let upper = args.at(0).to_ascii_uppercase();
    let text = b"ERR unknown subcommand or wrong number of arguments for '";
    Refusal::repeating(&[text, shown, b"'. Try ", &upper, b" HELP."])
}
