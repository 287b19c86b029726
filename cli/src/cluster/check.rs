//! `--cluster check` and `--cluster info`: does every node see the same cluster, and is every slot served?

use base::{SLOT_COUNT, Slot, SlotSet};
use client::Value;

use super::fix;
use super::log::Log;
use super::remote::{Cluster, Remote, field};
use super::view::signature;
use super::{Manager, host_and_port};

/// Questions sent at once while owners are counted.
const PIPELINE: usize = 1024;

/// `--cluster info host:port`.
pub fn info_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(args) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    show_info(&mut cluster, &manager.log);
    true
}

/// `--cluster check host:port`.
pub fn check_command(manager: &Manager<'_>, args: &[String]) -> bool {
    let Some((host, port)) = host_and_port(args) else { return false };
    let Some(mut cluster) = manager.load(&host, port) else { return false };
    show_info(&mut cluster, &manager.log);
    check(&mut cluster, manager)
}

/// Checks everything and says what is wrong; true when nothing is. `--cluster fix` puts right what it can: what is left
/// then is judged.
pub fn check(cluster: &mut Cluster, manager: &Manager<'_>) -> bool {
    examine(cluster, manager, true)
}

/// [`check`] without the list of nodes.
pub fn check_quietly(cluster: &mut Cluster, manager: &Manager<'_>) -> bool {
    examine(cluster, manager, false)
}

fn examine(cluster: &mut Cluster, manager: &Manager<'_>, list: bool) -> bool {
    let log = &manager.log;
    let fixes = manager.settings.cluster.fix;
    let address = cluster.nodes.first().map(Remote::address).unwrap_or_default();
    log.info(&format!(">>> Performing Cluster Check (using node {address})\n"));
    if list {
        cluster.show(log);
    }
    warn_of_troubles(cluster, log);
    let mut healthy = check_agreement(cluster, log);
    let open = check_open_slots(cluster, log);
    healthy &= open.is_empty();
    if fixes && !open.is_empty() {
        healthy = open.into_iter().filter_map(|slot| Slot::new(slot.into())).all(|slot| {
            let done = fix::open_slot(cluster, slot, manager);
            fix::report(&done, log)
        });
    }
    if !check_coverage(cluster, log) {
        healthy = false;
        if fixes {
            let covered = cluster.view().covered();
            let mut missing = SlotSet::empty();
            Slot::all().filter(|slot| !covered.contains(*slot)).for_each(|slot| {
                missing.insert(slot);
            });
            let fixed = fix::coverage(cluster, &missing, manager);
            healthy = fix::report(&fixed.as_ref().map(|_| ()).map_err(String::clone), log)
                && fixed.is_ok_and(|count| count > 0);
        }
    }
    if manager.settings.cluster.search_owners {
        healthy &= check_owners(cluster, manager);
    }
    healthy
}

/// What Grapevine's nodes say of themselves that an operator should know; others say nothing.
fn warn_of_troubles(cluster: &mut Cluster, log: &Log) {
    for remote in &mut cluster.nodes {
        let Ok(info) = remote.ask(&["CLUSTER", "INFO"]) else { continue };
        let info = info.as_bytes().unwrap_or(b"");
        let address = remote.address();
        if let Some(error) = field(info, "cluster_config_file_error") {
            log.warn(&format!(
                "[WARNING] Node {address} cannot write its nodes.conf: {error}. It gives no votes.\n"
            ));
        }
        if let Some(place) = field(info, "cluster_name_taken_by") {
            log.warn(&format!("[WARNING] Node {address} does not serve: {place} has the same name.\n"));
        }
    }
}

/// Whether all nodes agree about who owns what.
pub fn agree(nodes: &mut [Remote]) -> bool {
    if nodes.len() <= 1 {
        return true;
    }
    let mut agreed = None;
    for remote in nodes {
        let Some(signature) = remote.nodes().ok().as_deref().and_then(signature) else { return false };
        if *agreed.get_or_insert_with(|| signature.clone()) != signature {
            return false;
        }
    }
    true
}

fn check_agreement(cluster: &mut Cluster, log: &Log) -> bool {
    let agreed = agree(&mut cluster.nodes);
    if agreed {
        log.ok("[OK] All nodes agree about slots configuration.\n");
    } else {
        log.error("[ERR] Nodes don't agree about configuration!\n");
    }
    agreed
}

/// The slots that some node has open.
fn check_open_slots(cluster: &Cluster, log: &Log) -> Vec<u16> {
    log.info(">>> Check for open slots...\n");
    let mut open = Vec::new();
    for remote in &cluster.nodes {
        for (state, slots) in [("migrating", &remote.node.migrating), ("importing", &remote.node.importing)] {
            if slots.is_empty() {
                continue;
            }
            let numbers: Vec<u16> = slots.iter().map(|(slot, _)| *slot).collect();
            let address = remote.address();
            let list = join(&numbers);
            log.error(&format!("[WARNING] Node {address} has slots in {state} state {list}.\n"));
            open.extend(numbers);
        }
    }
    open.sort_unstable();
    open.dedup();
    if !open.is_empty() {
        log.error(&format!("[WARNING] The following slots are open: {}.\n", join(&open)));
    }
    open
}

fn join(numbers: &[u16]) -> String {
    numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

fn check_coverage(cluster: &Cluster, log: &Log) -> bool {
    log.info(">>> Check slots coverage...\n");
    let covered = cluster.view().covered().len() == SLOT_COUNT;
    if covered {
        log.ok(&format!("[OK] All {SLOT_COUNT} slots covered.\n"));
    } else {
        log.error(&format!("[ERR] Not all {SLOT_COUNT} slots are covered by nodes.\n\n"));
    }
    covered
}

/// Nodes that hold keys of a slot count as owners of it too.
fn check_owners(cluster: &mut Cluster, manager: &Manager<'_>) -> bool {
    let log = &manager.log;
    log.info(">>> Check for multiple slot owners...\n");
    let mut owners: Vec<Vec<usize>> = vec![Vec::new(); SLOT_COUNT];
    for (at, remote) in cluster.nodes.iter_mut().enumerate() {
        if remote.node.is_replica() {
            continue;
        }
        for slot in slots_held(remote, log) {
            owners[slot.index()].push(at);
        }
    }
    let mut multiple = 0;
    for (slot, owners) in Slot::all().zip(&owners).filter(|(_, owners)| owners.len() > 1) {
        let number = slot.number();
        log.error(&format!("[WARNING] Slot {number} has {} owners:\n", owners.len()));
        for owner in owners {
            log.error(&format!("    {}\n", cluster.nodes[*owner].address()));
        }
        multiple += 1;
        if manager.settings.cluster.fix {
            if !fix::report(&fix::owners(cluster, slot, owners, manager), log) {
                log.error(&format!("Failed to fix multiple owners for slot {number}\n"));
                break;
            }
            multiple -= 1;
        }
    }
    if multiple == 0 {
        log.ok("[OK] No multiple owners found.\n");
    }
    multiple == 0
}

fn slots_held(remote: &mut Remote, log: &Log) -> Vec<Slot> {
    let mut held: Vec<Slot> = remote.node.slots.0.iter().collect();
    let others: Vec<Slot> = Slot::all().filter(|slot| !remote.node.slots.0.contains(*slot)).collect();
    for slots in others.chunks(PIPELINE) {
        let question = |slot: &Slot| {
            vec![String::from("CLUSTER"), String::from("COUNTKEYSINSLOT"), slot.number().to_string()]
        };
        let questions: Vec<Vec<String>> = slots.iter().map(question).collect();
        match remote.ask_all(&questions) {
            Ok(counts) => {
                let with_keys = slots.iter().zip(counts).filter(|(_, count)| count.as_int().unwrap_or(0) > 0);
                held.extend(with_keys.map(|(slot, _)| *slot));
            }
            Err(error) => {
                remote.print_error(&error, log);
                break;
            }
        }
    }
    held
}

/// One line for each primary, and the totals.
fn show_info(cluster: &mut Cluster, log: &Log) {
    let (mut primaries, mut keys) = (0, 0);
    for remote in &mut cluster.nodes {
        if remote.node.is_replica() {
            continue;
        }
        let size = match remote.ask(&["DBSIZE"]) {
            Ok(Value::Int(size)) => size,
            Ok(_) => return remote.print_error("", log),
            Err(error) => return remote.print_error(&error, log),
        };
        let node = &remote.node;
        log.plain(&format!(
            "{} ({}...) -> {size} keys | {} slots | {} slaves.\n",
            node.address(),
            node.id.get(..8).unwrap_or(&node.id),
            node.slots.0.len(),
            node.replicas
        ));
        primaries += 1;
        keys += size;
    }
    log.ok(&format!("[OK] {keys} keys in {primaries} masters.\n"));
    log.plain(&format!("{:.2} keys per slot on average.\n", keys as f32 / SLOT_COUNT as f32));
}
