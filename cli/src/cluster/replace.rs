//! `--cluster replace-node`: a new node takes the place of a dead or living one.
//!
//! The new node joins. Then, by what the old one is:
//! - a replica: the new one replicates its primary;
//! - a primary that answers, with slots: the new one replicates it and, in sync, takes over by CLUSTER FAILOVER;
//! - a primary that is gone and was replaced by a replica of its: the new one replicates the successor;
//! - a primary that is gone with its slots: these are free once it is forgotten, and the new one takes them, empty.
//!
//! Last, everybody forgets the old one, which is reset if it answers. Each step says what it does; one that fails ends the command, and
//! the command can be given again: a new node that has joined already goes on from there.

use std::time::{Duration, Instant};

use client::Value;

use super::log::Log;
use super::remote::{Cluster, Remote, field};
use super::view::Node;
use super::{Manager, create, host_and_port, join, membership, split_address};

const POLL: Duration = Duration::from_millis(100);
/// Longest wait for a link that is not transferring anything, and for a failover.
const PATIENCE: Duration = Duration::from_secs(60);
/// A failover that did not come is asked for again after this.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What the old node was, and so what the new one shall be.
enum Part {
    /// A replica of this primary.
    Replica(Node),
    /// The primary that the old one is, by a failover.
    Successor,
    /// A primary with the slots of one that is gone.
    Heir,
    /// A primary without slots.
    Empty,
}

/// `--cluster replace-node host:port old_id|old_host:old_port new_host:new_port`.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(&args[..1]) else { return false };
    let Some((new_host, new_port)) = host_and_port(&args[2..3]) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    replace(manager, &mut cluster, &args[1], Node::at(&new_host, new_port)).is_some()
}

fn replace(manager: &Manager<'_>, cluster: &mut Cluster, old: &str, new: Node) -> Option<()> {
    let log = &manager.log;
    let known = all_known(cluster, log)?;
    let Some(old) = find(&known, old) else {
        log.error(&format!("[ERR] No such node in the cluster: {old}\n"));
        return None;
    };
    let answers = cluster.nodes.iter().any(|remote| remote.node.id == old.id);
    if answers && (&old.host, old.port) == (&new.host, new.port) {
        log.error(&format!("[ERR] Node {} cannot take its own place\n", new.address()));
        return None;
    }
    log.info(&format!(">>> Replacing node {} {} by {}\n", old.id, old.address(), new.address()));
    let part = choose_part(manager, cluster, &known, &old)?;
    let new = reach(manager, cluster, &known, new)?;
    let id = new.node.id.clone();
    if matches!(part, Part::Heir) {
        // Nobody can tell a newcomer which slots a node had that is gone: it is forgotten first.
        leave(cluster, &old, log)?;
        add(cluster, &known, new, &part, log)?;
        take_slots(cluster, &old, &id, log)?;
    } else {
        add(cluster, &known, new, &part, log)?;
        take_part(cluster, &old, &id, &part, log)?;
        leave(cluster, &old, log)?;
    }
    log.ok(&format!("[OK] Node {id} has taken the place of {}.\n", old.id));
    Some(())
}

/// All nodes that the asked one knows, those that cannot be reached too.
fn all_known(cluster: &mut Cluster, log: &Log) -> Option<Vec<Node>> {
    let first = cluster.nodes.first_mut()?;
    match first.nodes() {
        Ok(nodes) => Some(nodes.into_iter().map(|(node, _)| node).collect()),
        Err(error) => {
            first.print_error(&error, log);
            None
        }
    }
}

/// By name, or by address.
fn find(known: &[Node], old: &str) -> Option<Node> {
    let id = old.to_ascii_lowercase();
    let place = split_address(old);
    let named = |node: &&Node| {
        node.id == id || place.as_ref().is_some_and(|(host, port)| node.host == *host && node.port == *port)
    };
    known.iter().find(named).cloned()
}

fn choose_part(manager: &Manager<'_>, cluster: &mut Cluster, known: &[Node], old: &Node) -> Option<Part> {
    let log = &manager.log;
    let answers = cluster.nodes.iter().any(|remote| remote.node.id == old.id);
    if let Some(primary) = old.primary.as_ref().filter(|_| old.is_replica()) {
        return match known.iter().find(|n| n.id == *primary) {
            Some(primary) => Some(Part::Replica(primary.clone())),
            None => {
                log.error(&format!("[ERR] Node {} replicates {primary}, which nobody knows\n", old.id));
                None
            }
        };
    }
    let slots = old.slots.0.len();
    if answers {
        return Some(if slots > 0 { Part::Successor } else { Part::Empty });
    }
    if slots == 0 {
        return Some(match successor(manager, cluster, known, old)? {
            Some(primary) => Part::Replica(primary),
            None => Part::Empty,
        });
    }
    let replica = cluster.nodes.iter().find(|n| n.node.primary.as_deref() == Some(&old.id));
    if let Some(replica) = replica {
        log.error(&format!(
            "[ERR] Node {} does not answer, and its replica {} has not taken over: wait for that, or send it CLUSTER FAILOVER TAKEOVER, and try again\n",
            old.address(),
            replica.address()
        ));
        return None;
    }
    log.warn(&format!(
        "*** Node {} is gone with {slots} slots, and what they held is lost.\n",
        old.address()
    ));
    manager.confirm("Serve these slots empty?").then_some(Part::Heir)
}

/// Who serves the shard of a primary that is gone: named by the user, or by CLUSTER SHARDS, or else who has the fewest replicas.
fn successor(
    manager: &Manager<'_>,
    cluster: &mut Cluster,
    known: &[Node],
    old: &Node,
) -> Option<Option<Node>> {
    let log = &manager.log;
    if let Some(id) = &manager.settings.cluster.primary_id {
        let found = known.iter().find(|n| n.id == *id && !n.is_replica());
        if found.is_none() {
            log.error(&format!("[ERR] No such master ID {id}\n"));
        }
        return found.map(|node| Some(node.clone()));
    }
    let shards = cluster.nodes.first_mut()?.ask(&["CLUSTER", "SHARDS"]).ok();
    let mates = shards.as_ref().and_then(|shards| shard_of(shards, &old.id)).unwrap_or_default();
    let serves = |node: &&Node| !node.is_replica() && !node.slots.0.is_empty();
    if let Some(primary) = known.iter().filter(serves).find(|node| mates.contains(&node.id)) {
        return Some(Some(primary.clone()));
    }
    let view = cluster.view();
    let Some(primary) = view.least_replicated(|node| !node.slots.0.is_empty()) else { return Some(None) };
    log.plain(&format!(
        "Nobody says whose shard {} was of: taking the master with the fewest replicas, {}\n",
        old.id,
        primary.address()
    ));
    Some(Some(primary.clone()))
}

/// The names of the nodes in the same shard.
fn shard_of(shards: &Value, id: &str) -> Option<Vec<String>> {
    let ids = |shard: &Value| -> Option<Vec<String>> {
        let nodes = entry(shard, "nodes")?.as_array()?;
        Some(nodes.iter().filter_map(|node| entry(node, "id")?.as_str().map(str::to_string)).collect())
    };
    shards.as_array()?.iter().filter_map(ids).find(|ids| ids.iter().any(|other| other == id))
}

/// A field of a map, in its RESP2 form.
fn entry<'v>(map: &'v Value, name: &str) -> Option<&'v Value> {
    map.as_array()?.chunks_exact(2).find(|pair| pair[0].as_str() == Some(name)).map(|pair| &pair[1])
}

/// The new node: one that can join, or that has joined and serves nothing. On failure says so; `None`.
fn reach(manager: &Manager<'_>, cluster: &mut Cluster, known: &[Node], new: Node) -> Option<Remote> {
    let log = &manager.log;
    let address = new.address();
    let Some(mut new) = Remote::connect(new, manager.settings, log) else {
        log.error(&format!("[ERR] Sorry, can't connect to node {address}\n"));
        return None;
    };
    new.load_member(log)?;
    let id = &new.node.id;
    if !known.iter().any(|node| node.id == *id) {
        return new.check_empty(log).then_some(new);
    }
    if !new.node.slots.0.is_empty() {
        log.error(&format!("[ERR] Node {address} is in the cluster and serves slots of its own\n"));
        return None;
    }
    log.info(&format!(">>> Node {address} is in the cluster already.\n"));
    cluster.nodes.retain(|remote| remote.node.id != *id);
    Some(new)
}

/// Has the new node join, unless it has.
fn add(cluster: &mut Cluster, known: &[Node], mut new: Remote, part: &Part, log: &Log) -> Option<()> {
    let first = cluster.nodes.first_mut()?;
    let joins = !known.iter().any(|node| node.id == new.node.id);
    let alone = matches!(part, Part::Heir | Part::Empty);
    if joins && alone && !membership::copy_functions(first, &mut new, log) {
        return None;
    }
    if joins {
        let address = new.address();
        log.info(&format!(">>> Send CLUSTER MEET to node {address} to make it join the cluster.\n"));
        if !create::meet(&mut new, &first.node, log) {
            return None;
        }
    }
    cluster.nodes.push(new);
    (!joins || join::wait(&mut cluster.nodes, log)).then_some(())
}

/// The new node becomes what the old one was, as far as that is possible before the old one is forgotten.
fn take_part(cluster: &mut Cluster, old: &Node, id: &str, part: &Part, log: &Log) -> Option<()> {
    let at = cluster.nodes.iter().position(|n| n.node.id == id)?;
    match part {
        Part::Replica(primary) => replicate(&mut cluster.nodes[at], primary, log),
        Part::Successor => {
            replicate(&mut cluster.nodes[at], old, log)?;
            take_over(&mut cluster.nodes[at], log)?;
            join::wait(&mut cluster.nodes, log).then_some(())
        }
        Part::Heir | Part::Empty => Some(()),
    }
}

fn replicate(new: &mut Remote, primary: &Node, log: &Log) -> Option<()> {
    log.info(&format!(">>> Configure node as replica of {}.\n", primary.address()));
    if let Err(error) = new.ask(&["CLUSTER", "REPLICATE", &primary.id]) {
        new.print_error(&error, log);
        return None;
    }
    log.info(">>> Waiting for it to synchronize\n");
    let (mut since, mut dots) = (Instant::now(), Instant::now());
    loop {
        let info = ask_info(new, log)?;
        if field(&info, "master_link_status").as_deref() == Some("up") {
            log.plain("\n");
            return Some(());
        }
        if field(&info, "master_sync_in_progress").as_deref() == Some("1") {
            since = Instant::now();
        }
        if since.elapsed() > PATIENCE {
            log.error(&format!(
                "\n[ERR] Node {} does not synchronize with {}; nothing else was changed\n",
                new.address(),
                primary.address()
            ));
            return None;
        }
        if dots.elapsed() >= Duration::from_secs(1) {
            dots = Instant::now();
            log.plain(".");
        }
        std::thread::sleep(POLL);
    }
}

fn ask_info(remote: &mut Remote, log: &Log) -> Option<Vec<u8>> {
    match remote.ask(&["INFO", "replication"]) {
        Ok(info) => Some(info.as_bytes().unwrap_or(b"").to_vec()),
        Err(error) => {
            remote.print_error(&error, log);
            None
        }
    }
}

fn take_over(new: &mut Remote, log: &Log) -> Option<()> {
    log.info(">>> Send CLUSTER FAILOVER to it.\n");
    let start = Instant::now();
    let mut asked = None;
    while start.elapsed() < PATIENCE {
        if asked.is_none_or(|at: Instant| at.elapsed() > ASK_AGAIN) {
            asked = Some(Instant::now());
            if let Err(error) = new.ask(&["CLUSTER", "FAILOVER"]) {
                new.print_error(&error, log);
                return None;
            }
        }
        std::thread::sleep(POLL);
        if field(&ask_info(new, log)?, "role").as_deref() == Some("master") {
            return Some(());
        }
    }
    log.error(&format!(
        "[ERR] Node {} is in sync, but did not take over; nothing else was changed\n",
        new.address()
    ));
    None
}

/// Everybody forgets the old node; it forgets everybody.
fn leave(cluster: &mut Cluster, old: &Node, log: &Log) -> Option<()> {
    let gone = cluster.nodes.iter().position(|n| n.node.id == old.id).map(|at| cluster.nodes.remove(at));
    for remote in &mut cluster.nodes {
        // Who replicated the old primary follows the new one by now.
        if let Err(error) = remote.load() {
            remote.print_error(&error, log);
            return None;
        }
    }
    log.info(">>> Sending CLUSTER FORGET messages to the cluster...\n");
    if !membership::forget(cluster, &old.id, log) {
        return None;
    }
    if cluster.unreachable > 0 {
        log.warn("*** Some nodes cannot be asked: have them forget it, too, when they are back.\n");
    }
    let Some(mut gone) = gone else { return Some(()) };
    log.info(">>> Sending CLUSTER RESET SOFT to the old node.\n");
    match gone.ask(&["CLUSTER", "RESET", "SOFT"]) {
        Ok(_) => Some(()),
        Err(error) => {
            gone.print_error(&error, log);
            None
        }
    }
}

/// The slots of a node that everybody has forgotten are nobody's.
fn take_slots(cluster: &mut Cluster, old: &Node, id: &str, log: &Log) -> Option<()> {
    let new = cluster.nodes.iter_mut().find(|n| n.node.id == id)?;
    log.info(&format!(">>> Configure node as the owner of {} slots.\n", old.slots.0.len()));
    let mut words = vec![String::from("CLUSTER"), String::from("ADDSLOTS")];
    words.extend(old.slots.0.iter().map(|slot| slot.number().to_string()));
    let added = new.ask(&words).and_then(|_| new.ask(&["CLUSTER", "BUMPEPOCH"]));
    if let Err(error) = added {
        new.print_error(&error, log);
        return None;
    }
    new.node.slots = old.slots.clone();
    join::wait(&mut cluster.nodes, log).then_some(())
}
