//! From a command's number to what executes it, and what the checklist must know about it beyond `spec`'s flags.
//!
//! Built once per node: an array as long as `spec::COUNT`. A handler is found by name in the rooms that hold handlers;
//! a command without one answers that it is not supported yet, and a test counts those.

use crate::admin::{self, AdminHandler};
use crate::observe::monitor;
use crate::{blocking, migrate, persistence, pubsub, replication, scripting, session, transaction};
use spec::Command;

/// Executes a command.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A command on the data: a pure function of the `commands` crate.
    Data(commands::Handler),
    /// A command about the node, the session or the cluster.
    Admin(AdminHandler),
    /// Nobody does yet.
    Missing,
}

/// Properties of single commands that the checklist asks for; bits of [`Entry::traits`].
pub mod is {
    #![allow(missing_docs)]
    pub const EXEC: u16 = 1 << 0;
    /// Executed at once inside MULTI.
    pub const NOT_QUEUED: u16 = 1 << 1;
    /// Allowed to RESP2 clients that have subscribed.
    pub const SUBSCRIBER: u16 = 1 << 2;
    /// Its keys are channels of sharded pub/sub.
    pub const SHARD_CHANNEL: u16 = 1 << 3;
    /// PING: refused as a write when the disk fails.
    pub const PING: u16 = 1 << 4;
    /// MIGRATE: works on an open slot whatever keys are here.
    pub const MIGRATE: u16 = 1 << 5;
    /// DEBUG, `enable-debug-command`; MODULE LOAD and its kin, `enable-module-command`.
    pub const DEBUG: u16 = 1 << 6;
    /// Has keys, or is EXEC, whose queue may: the slot check is for it.
    pub const ROUTED: u16 = 1 << 7;
    /// DISCARD, QUIT, RESET: always possible when memory is used up.
    pub const FREES: u16 = 1 << 8;
    /// Concerns keys that it does not name, or freezes all: not while a key is on its way to another server.
    pub const SETTLES: u16 = 1 << 9;
    /// Runs a script, whose first line may say what it does.
    pub const SCRIPT: u16 = 1 << 10;
}

/// One command's row.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What executes it.
    pub handler: Handler,
    /// Bits of [`is`].
    pub traits: u16,
}

/// All rows, by `spec::CommandId`.
pub fn build() -> Box<[Entry]> {
    spec::all().map(|command| Entry { handler: find(command), traits: traits_of(command) }).collect()
}

fn find(command: &Command) -> Handler {
    if let Some(handler) = commands::handler(command.name) {
        return Handler::Data(handler);
    }
    let rooms = [
        transaction::handler,
        pubsub::handler,
        blocking::handler,
        session::commands::handler,
        persistence::handler,
        replication::handler,
        monitor::handler,
        migrate::handler,
        scripting::handler,
        admin::handler,
    ];
    rooms.iter().find_map(|room| room(command.name)).map_or(Handler::Missing, Handler::Admin)
}

fn traits_of(command: &Command) -> u16 {
    let named = match command.name {
        "exec" => is::EXEC | is::NOT_QUEUED | is::ROUTED,
        "multi" | "watch" => is::NOT_QUEUED,
        "discard" => is::NOT_QUEUED | is::FREES,
        "quit" | "reset" => is::NOT_QUEUED | is::SUBSCRIBER | is::FREES,
        "ping" => is::PING | is::SUBSCRIBER,
        "subscribe" | "unsubscribe" | "psubscribe" | "punsubscribe" => is::SUBSCRIBER,
        "ssubscribe" | "sunsubscribe" => is::SUBSCRIBER | is::SHARD_CHANNEL,
        "spublish" => is::SHARD_CHANNEL,
        "migrate" => is::MIGRATE,
        name if scripting::runs_scripts(name) => is::SCRIPT,
        "module|load" | "module|loadex" | "module|unload" => is::DEBUG,
        _ if command.name == "debug" || command.name.starts_with("debug|") => is::DEBUG,
        _ => 0,
    };
    let routed = !command.keys.is_empty() || command.movablekeys();
    let settles = matches!(
        command.name,
        "flushall"
            | "flushdb"
            | "swapdb"
            | "shutdown"
            | "client|pause"
            | "replicaof"
            | "slaveof"
            | "failover"
            | "sort"
            | "sort_ro"
    );
    named
        | if routed { is::ROUTED } else { 0 }
        | if settles || named & is::DEBUG != 0 { is::SETTLES } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands of `spec` that nobody executes yet. It shrinks; it never grows without a reason.
    const MISSING: &[&str] = &[];

    #[test]
    fn every_command_has_a_handler() {
        let missing: Vec<_> = spec::all()
            .filter(|c| matches!(find(c), Handler::Missing) && c.subcommands().is_empty())
            .map(|c| c.name)
            .collect();
        assert_eq!(missing, MISSING);
    }
}
