//! `--cluster reshard`: slots of some primaries go to another one.

use super::execute::{How, move_slot};
use super::moves::from_sources;
use super::remote::Cluster;
use super::{Manager, check, host_and_port};
use crate::args::lossy;
use crate::args::options::leading_int;
use crate::console;
use base::SLOT_COUNT;

/// `--cluster reshard host:port`. What the options leave open is asked.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(args) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    if !check::check(&mut cluster, manager) {
        console::complain("*** Please fix your cluster problems before resharding\n");
        return false;
    }
    let Some(count) = count(manager) else { return false };
    let Some(target) = target(manager, &cluster) else { return false };
    let Some(sources) = sources(manager, &cluster, target) else { return false };
    if sources.is_empty() {
        console::complain("*** No source nodes given, operation aborted.\n");
        return false;
    }
    let log = &manager.log;
    log.plain(&format!("\nReady to move {count} slots.\n  Source nodes:\n"));
    for &source in &sources {
        log.plain(&indented(&cluster.nodes[source].node.describe()));
    }
    log.plain("  Destination node:\n");
    log.plain(&indented(&cluster.nodes[target].node.describe()));
    let moves = from_sources(&cluster.view(), &sources, count);
    let mut plan = String::from("  Resharding plan:\n");
    for step in &moves {
        let id = &cluster.nodes[step.source].node.id;
        plan.push_str(&format!("    Moving slot {} from {id}\n", step.slot.number()));
    }
    log.plain(&plan);
    if !manager.settings.cluster.yes {
        log.plain("Do you want to proceed with the proposed reshard plan (yes/no)? ");
        if !console::read_line().is_some_and(|answer| answer.starts_with(b"yes")) {
            return false;
        }
    }
    let how = How { dots: true, ..How::default() };
    for step in moves {
        let moved = move_slot(&mut cluster, (step.source, target), step.slot, how, manager.settings, log);
        if let Err(error) = moved {
            log.error(&format!("clusterManagerMoveSlot failed: {error}\n"));
            return false;
        }
    }
    true
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// Asks until there is an answer; `None` at the end of the input.
fn ask(manager: &Manager<'_>, question: &str) -> Option<String> {
    loop {
        manager.log.plain(question);
        let line = lossy(&console::read_line()?);
        if !line.trim().is_empty() {
            return Some(line.trim().to_string());
        }
    }
}

fn count(manager: &Manager<'_>) -> Option<usize> {
    let mut count = manager.settings.cluster.slots;
    while count == 0 || !(1..=SLOT_COUNT as i64).contains(&count) {
        if manager.settings.cluster.slots != 0 {
            manager.log.error(&format!("*** It is not possible to move {count} slots.\n"));
            return None;
        }
        let question = format!("How many slots do you want to move (from 1 to {SLOT_COUNT})? ");
        count = leading_int(ask(manager, &question)?.as_bytes());
    }
    usize::try_from(count).ok()
}

/// The primary with this name; says so when there is none.
fn primary(manager: &Manager<'_>, cluster: &Cluster, id: &str) -> Option<usize> {
    let found = cluster
        .nodes
        .iter()
        .position(|remote| remote.node.id.eq_ignore_ascii_case(id) && !remote.node.is_replica());
    if found.is_none() {
        manager
            .log
            .error(&format!("*** The specified node ({id}) is not known or not a master, please retry.\n"));
    }
    found
}

fn target(manager: &Manager<'_>, cluster: &Cluster) -> Option<usize> {
    let id = match &manager.settings.cluster.to {
        Some(id) => id.clone(),
        None => ask(manager, "What is the receiving node ID? ")?,
    };
    primary(manager, cluster, &id)
}

/// The nodes that give; `None` after a name that does not exist.
fn sources(manager: &Manager<'_>, cluster: &Cluster, target: usize) -> Option<Vec<usize>> {
    let mut sources = Vec::new();
    let mut asked = manager.settings.cluster.from.as_ref().map(|from| {
        let names: Vec<String> =
            from.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect();
        names.into_iter()
    });
    if asked.is_none() {
        manager.log.plain(
            "Please enter all the source node IDs.\n  Type 'all' to use all the nodes as source nodes for the hash slots.\n  Type 'done' once you entered all the source nodes IDs.\n",
        );
    }
    loop {
        let name = match &mut asked {
            Some(names) => match names.next() {
                Some(name) => name,
                None => return Some(sources),
            },
            None => ask(manager, &format!("Source node #{}: ", sources.len() + 1))?,
        };
        match name.as_str() {
            "all" => {
                let gives = |at: &usize| *at != target && !cluster.nodes[*at].node.is_replica();
                return Some((0..cluster.nodes.len()).filter(gives).collect());
            }
            "done" if asked.is_none() => return Some(sources),
            id => {
                let source = primary(manager, cluster, id)?;
                if source == target {
                    manager.log.error("*** It is not possible to use the target node as source node.\n");
                } else {
                    sources.push(source);
                }
            }
        }
    }
}
