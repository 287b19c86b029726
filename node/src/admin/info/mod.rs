//! INFO: the state of the server as `name:value` lines in sections.
//!
//! A section is a name, whether it is shown unasked, and a function that writes its lines. Names and order of the
//! fields are Redis 7.2's, because monitoring reads them; what has no meaning here is 0.

mod data;
mod latency;
mod lines;
mod process;
mod replication;
mod server;

use super::AdminHandler;
use crate::node::Node;
use crate::refusal::Outcome;
use crate::session::Client;
use base::Args;
use lines::Lines;
use resp::Reply;

pub use process::{Process, Usage};

/// One section.
struct Section {
    /// The word that asks for it.
    name: &'static str,
    /// Its head line.
    title: &'static str,
    /// Whether INFO without arguments shows it.
    default: bool,
    write: fn(&Node, &mut Lines),
}

const fn section(
    name: &'static str,
    title: &'static str,
    default: bool,
    write: fn(&Node, &mut Lines),
) -> Section {
    Section { name, title, default, write }
}

/// Shown when it is asked for by name, and never else.
const DEBUG: Section = section("debug", "Debug", false, server::debug);

const SECTIONS: &[Section] = &[
    section("server", "Server", true, server::server),
    section("clients", "Clients", true, server::clients),
    section("memory", "Memory", true, server::memory),
    section("persistence", "Persistence", true, data::persistence),
    section("stats", "Stats", true, data::stats),
    section("replication", "Replication", true, replication::replication),
    section("cpu", "CPU", true, server::cpu),
    section("modules", "Modules", true, |_, _| {}),
    section("commandstats", "Commandstats", false, data::command_stats),
    section("errorstats", "Errorstats", true, data::error_stats),
    section("latencystats", "Latencystats", false, latency::latency_stats),
    section("cluster", "Cluster", true, data::cluster),
    section("keyspace", "Keyspace", true, data::keyspace),
];

/// The handler of INFO.
pub(super) fn handler(name: &str) -> Option<AdminHandler> {
    (name == "info").then_some(info as AdminHandler)
}

/// INFO [section ...]: the sections named; `default`, `all` and `everything` name several.
fn info(node: &mut Node, _: Client, args: Args<'_>, reply: &mut Reply) -> Outcome {
    reply.verbatim("txt", text(node, args.from(1)).as_bytes());
    Ok(())
}

fn text(node: &Node, wanted: Args<'_>) -> String {
    let asked = |word: &str| wanted.iter().any(|w| w.eq_ignore_ascii_case(word.as_bytes()));
    let all = asked("all") || asked("everything");
    let default = wanted.len() == 0 || asked("default");
    let mut lines = Lines::default();
    for section in SECTIONS {
        let by_old_name = section.name == "modules" && asked("module_list");
        if all || (default && section.default) || asked(section.name) || by_old_name {
            lines.begin(section.title);
            (section.write)(node, &mut lines);
        }
    }
    if asked(DEBUG.name) {
        lines.begin(DEBUG.title);
        (DEBUG.write)(node, &mut lines);
    }
    lines.finish()
}
