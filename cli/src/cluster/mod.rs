//! The cluster manager: what `--cluster` and a subcommand do.
//!
//! A subcommand is one value of [`COMMANDS`]. Plans (`plan`, `affinity`, `moves`, `fix_plan`) are pure functions over a
//! `view`; `remote` talks to nodes; `execute` moves a slot; the other modules carry out the subcommands that they are
//! named after; `join` waits, with a deadline. Wording and exit codes are redis-cli's. What cannot be done says why and
//! ends with 1.

mod affinity;
mod backup;
mod check;
mod create;
mod events;
mod everywhere;
mod execute;
mod fix;
mod fix_plan;
mod import;
mod join;
mod log;
mod membership;
mod moves;
mod plan;
mod rebalance;
mod remote;
mod replace;
mod reshard;
mod view;

use std::fmt::Write;

use crate::args::options::leading_int;
use crate::args::{Settings, lossy, trib, usage};
use crate::console;
use log::Log;
use remote::Cluster;

/// Said when an address is missing or malformed.
const INVALID_HOST: &str = "[ERR] Invalid arguments: you need to pass either a valid address (ie. 120.0.0.1:7000) or space separated IP and port (ie. 120.0.0.1 7000)\n";
/// How the address of any node is written.
const ADDRESS: &str = "<host:port> or <host> <port> - separated by either colon or space";
/// The column in which the help's second part starts.
const HELP_COLUMN: usize = 15;

/// What carries a subcommand out.
enum Run {
    /// Its words as text.
    Text(fn(&Manager<'_>, &[String]) -> bool),
    /// Its words as text and as bytes.
    Bytes(fn(&Manager<'_>, &[String], &[Vec<u8>]) -> bool),
}

/// One subcommand.
struct Command {
    name: &'static str,
    /// Number of words behind the name; negative: at least that many.
    arity: i32,
    args: &'static str,
    options: &'static [&'static str],
    run: Run,
}

static COMMANDS: &[Command] = &[
    Command {
        name: "create",
        arity: -2,
        args: "host1:port1 ... hostN:portN",
        options: &["replicas <arg>"],
        run: Run::Text(create::command),
    },
    Command {
        name: "check",
        arity: -1,
        args: ADDRESS,
        options: &["search-multiple-owners"],
        run: Run::Text(check::check_command),
    },
    Command { name: "info", arity: -1, args: ADDRESS, options: &[], run: Run::Text(check::info_command) },
    Command {
        name: "fix",
        arity: -1,
        args: ADDRESS,
        options: &["search-multiple-owners", "fix-with-unreachable-masters"],
        run: Run::Text(fix::command),
    },
    Command {
        name: "reshard",
        arity: -1,
        args: ADDRESS,
        options: &[
            "from <arg>",
            "to <arg>",
            "slots <arg>",
            "yes",
            "timeout <arg>",
            "pipeline <arg>",
            "replace",
        ],
        run: Run::Text(reshard::command),
    },
    Command {
        name: "rebalance",
        arity: -1,
        args: ADDRESS,
        options: &[
            "weight <node1=w1...nodeN=wN>",
            "use-empty-masters",
            "timeout <arg>",
            "simulate",
            "pipeline <arg>",
            "threshold <arg>",
            "replace",
        ],
        run: Run::Text(rebalance::command),
    },
    Command {
        name: "add-node",
        arity: 2,
        args: "new_host:new_port existing_host:existing_port",
        options: &["slave", "master-id <arg>"],
        run: Run::Text(membership::add_command),
    },
    Command {
        name: "del-node",
        arity: 2,
        args: "host:port node_id",
        options: &[],
        run: Run::Text(membership::delete_command),
    },
    Command {
        name: "replace-node",
        arity: 3,
        args: "host:port old_node_id|old_host:old_port new_host:new_port",
        options: &["master-id <arg>", "yes"],
        run: Run::Text(replace::command),
    },
    Command {
        name: "call",
        arity: -2,
        args: "host:port command arg arg .. arg",
        options: &["only-masters", "only-replicas"],
        run: Run::Bytes(everywhere::call_command),
    },
    Command {
        name: "set-timeout",
        arity: 2,
        args: "host:port milliseconds",
        options: &[],
        run: Run::Text(everywhere::timeout_command),
    },
    Command {
        name: "import",
        arity: 1,
        args: "host:port",
        options: &["from <arg>", "from-user <arg>", "from-pass <arg>", "from-askpass", "copy", "replace"],
        run: Run::Text(import::command),
    },
    Command {
        name: "backup",
        arity: 2,
        args: "host:port backup_directory",
        options: &[],
        run: Run::Text(backup::command),
    },
    Command {
        name: "events",
        arity: -1,
        args: "host:port [type]",
        options: &[],
        run: Run::Text(events::events_command),
    },
    Command {
        name: "explain",
        arity: -1,
        args: "host:port [id]",
        options: &[],
        run: Run::Text(events::explain_command),
    },
    Command { name: "help", arity: 0, args: "", options: &[], run: Run::Text(help_command) },
];

/// What every subcommand needs.
pub struct Manager<'s> {
    settings: &'s Settings,
    log: Log,
}

/// Carries out the subcommand of the settings; returns the exit code.
pub fn run(settings: &Settings, words: &[Vec<u8>]) -> i32 {
    let name = settings.cluster.command.as_deref().unwrap_or("help");
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        console::complain("Unknown --cluster subcommand\n");
        return 1;
    };
    let count = words.len() as i32;
    let fits = if command.arity < 0 { count >= -command.arity } else { count == command.arity };
    let args: Vec<String> = words.iter().map(|word| lossy(word)).collect();
    let manager = Manager { settings, log: Log::new() };
    let done = match command.run {
        _ if !fits => {
            console::complain("[ERR] Wrong number of arguments for specified --cluster sub command\n");
            false
        }
        Run::Text(run) => run(&manager, &args),
        Run::Bytes(run) => run(&manager, &args, words),
    };
    if done { 0 } else { 1 }
}

impl Manager<'_> {
    fn load(&self, host: &str, port: u16) -> Option<Cluster> {
        Cluster::load(host, port, self.settings, &self.log)
    }

    /// Asks the user, unless `--cluster-yes` has answered already.
    fn confirm(&self, question: &str) -> bool {
        if self.settings.cluster.yes {
            return true;
        }
        self.log.plain(&format!("{question} (type 'yes' to accept): "));
        console::read_line().is_some_and(|answer| answer.starts_with(b"yes"))
    }
}

/// Reads `host:port`, with or without the bus port behind an at sign.
fn split_address(text: &str) -> Option<(String, u16)> {
    let text = text.rsplit_once('@').map_or(text, |(left, _)| left);
    let (host, port) = text.rsplit_once(':')?;
    let port = u16::try_from(leading_int(port.as_bytes())).ok()?;
    Some((host.to_string(), port))
}

/// The node that the first words name. On failure says so; `None`.
fn host_and_port(args: &[String]) -> Option<(String, u16)> {
    let found = match args {
        [address] => split_address(address),
        [host, port, ..] => u16::try_from(leading_int(port.as_bytes())).ok().map(|port| (host.clone(), port)),
        [] => None,
    };
    let found = found.filter(|(host, port)| !host.is_empty() && *port != 0);
    if found.is_none() {
        console::complain(INVALID_HOST);
    }
    found
}

fn help_command(manager: &Manager<'_>, _: &[String]) -> bool {
    manager.log.plain(&help(usage::program_name(manager.settings)));
    true
}

fn help(program: &str) -> String {
    let is_trib = program == trib::NAME;
    let mut out = String::from("Cluster Manager Commands:\n");
    for command in COMMANDS.iter() {
        let _ = writeln!(out, "  {:<HELP_COLUMN$}{}", command.name, command.args);
        for option in command.options {
            let prefix = if is_trib { "--" } else { "--cluster-" };
            let _ = writeln!(out, "{:<HELP_COLUMN$}  {prefix}{option}", "");
        }
    }
    out.push_str(
        "\nFor check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify the host and port of any working node in the cluster.\n",
    );
    if !is_trib {
        let _ = write!(out, "\nCluster Manager Options:\n  {:<HELP_COLUMN$}", "--cluster-yes");
        out.push_str("Answers the manager's questions with yes\n");
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests;
