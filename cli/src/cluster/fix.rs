//! `--cluster fix`: slots that are open, that nobody serves, or that several nodes claim.
//!
//! It is the check with hands: each finding of [`super::check`] has its remedy here. What is done about an open slot is
//! decided by [`super::fix_plan`]. Keys are moved before any owner of them is forgotten.

use base::{Prng, Slot};

use super::execute::{How, move_slot, set_slot};
use super::fix_plan::{Case, OpenSlot, decide};
use super::log::Log;
use super::remote::{Cluster, Remote};
use super::view::slots_text;
use super::{Manager, check};
use crate::console;
use base::SlotSet;

/// `--cluster fix host:port`.
pub fn command(manager: &Manager<'_>, args: &[String]) -> bool {
    check::check_command(manager, args)
}

/// A remedy's failure; what is to be said has been said unless there is a text.
type Fixed = Result<(), String>;

/// Refuses when primaries cannot be reached: their slots would be given away.
fn refuse_unreachable(cluster: &Cluster, manager: &Manager<'_>, what: &str) -> Fixed {
    let count = cluster.unreachable;
    if count == 0 || manager.settings.cluster.fix_unreachable {
        return Ok(());
    }
    manager.log.warn(&format!("*** Fixing {what} with {count} unreachable masters is dangerous: redis-cli will assume that slots about masters that are not reachable are not covered, and will try to reassign them to the reachable nodes. This can cause data loss and is rarely what you want to do. If you really want to proceed use the --cluster-fix-with-unreachable-masters option.\n"));
    Err(String::new())
}

/// Says a failure that has not been said; whether there was none.
pub fn report(done: &Fixed, log: &Log) -> bool {
    if let Err(error) = done
        && !error.is_empty()
    {
        log.error(&format!("[ERR] {error}\n"));
    }
    done.is_ok()
}

fn primaries(cluster: &Cluster) -> Vec<usize> {
    (0..cluster.nodes.len()).filter(|at| !cluster.nodes[*at].node.is_replica()).collect()
}

fn count_keys(remote: &mut Remote, slot: Slot) -> Result<u64, String> {
    let reply = remote.ask(&["CLUSTER", "COUNTKEYSINSLOT", &slot.number().to_string()])?;
    Ok(u64::try_from(reply.as_int().unwrap_or(0)).unwrap_or(0))
}

/// Keys of the slot on each node; replicas count as having none.
fn keys_of(cluster: &mut Cluster, slot: Slot) -> Result<Vec<u64>, String> {
    let mut keys = vec![0; cluster.nodes.len()];
    for at in primaries(cluster) {
        keys[at] = count_keys(&mut cluster.nodes[at], slot)?;
    }
    Ok(keys)
}

fn with_most_keys(among: &[usize], keys: &[u64]) -> Option<usize> {
    let most = among.iter().map(|at| keys[*at]).max()?;
    among.iter().copied().find(|at| keys[*at] == most)
}

fn close(cluster: &mut Cluster, at: usize, slot: Slot) -> Fixed {
    cluster.nodes[at].ask(&["CLUSTER", "SETSLOT", &slot.number().to_string(), "STABLE"]).map(|_| ())
}

/// Makes a node the owner of a slot under a new epoch, whatever the others believe.
fn take_over(cluster: &mut Cluster, at: usize, slot: Slot, also_close: bool) -> Fixed {
    let number = slot.number().to_string();
    let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
    let mut commands = vec![words("MULTI"), words(&format!("CLUSTER DELSLOTS {number}"))];
    commands.push(words(&format!("CLUSTER ADDSLOTS {number}")));
    if also_close {
        commands.push(words(&format!("CLUSTER SETSLOT {number} STABLE")));
    }
    commands.extend([words("CLUSTER BUMPEPOCH"), words("EXEC")]);
    let replies = cluster.nodes[at].ask_all(&commands)?;
    let Some(done) = replies.last().and_then(client::Value::as_array) else {
        return Err(format!("{} did not take slot {number} over", cluster.nodes[at].address()));
    };
    // That the slot was unassigned before is no failure; everything else is.
    if let Some(error) = done.iter().skip(1).find_map(client::Value::error) {
        return Err(String::from_utf8_lossy(error).into_owned());
    }
    cluster.nodes[at].node.slots.0.insert(slot);
    Ok(())
}

/// A slot that some node has as migrating or importing.
pub fn open_slot(cluster: &mut Cluster, slot: Slot, manager: &Manager<'_>) -> Fixed {
    refuse_unreachable(cluster, manager, "open slots")?;
    let (log, number) = (&manager.log, slot.number());
    log.info(&format!(">>> Fixing open slot {number}\n"));
    let keys = keys_of(cluster, slot)?;
    let mut owners = Vec::new();
    for at in primaries(cluster) {
        let node = &cluster.nodes[at].node;
        if node.slots.0.contains(slot) {
            owners.push(at);
        } else if keys[at] > 0 {
            let address = node.address();
            log.warn(&format!("*** Found keys about slot {number} in non-owner node {address}!\n"));
            owners.push(at);
        }
    }
    let single = if let [owner] = owners.as_slice() { Some(*owner) } else { None };
    let mut open = find_open(cluster, slot, single, keys, log);
    list_open(cluster, &open, log);
    open.owner = match single {
        Some(owner) => owner,
        None => choose_owner(cluster, slot, &mut open, log)?,
    };
    if owners.len() > 1 {
        for at in owners.into_iter().filter(|at| *at != open.owner) {
            forget_slot(cluster, at, slot);
            set_slot(cluster, at, slot, "node", open.owner)?;
            set_slot(cluster, at, slot, "importing", open.owner)?;
            open.importing.retain(|other| *other != at);
            open.importing.push(at);
            open.migrating.retain(|(other, _)| *other != at);
        }
    }
    carry_out(cluster, slot, &open, manager)
}

/// CLUSTER DELSLOTS; a node that did not have the slot is as wanted already.
fn forget_slot(cluster: &mut Cluster, at: usize, slot: Slot) {
    let _ = cluster.nodes[at].ask(&["CLUSTER", "DELSLOTS", &slot.number().to_string()]);
    cluster.nodes[at].node.slots.0.remove(slot);
}

fn find_open(cluster: &Cluster, slot: Slot, owner: Option<usize>, keys: Vec<u64>, log: &Log) -> OpenSlot {
    let number = slot.number();
    let mut open = OpenSlot { keys, ..OpenSlot::default() };
    for at in primaries(cluster) {
        let node = &cluster.nodes[at].node;
        let named =
            |list: &[(u16, String)]| list.iter().find(|(n, _)| *n == number).map(|(_, id)| id.clone());
        if let Some(target) = named(&node.migrating) {
            let target = cluster.nodes.iter().position(|remote| remote.node.id == target);
            open.migrating.push((at, target));
        } else if named(&node.importing).is_some() {
            open.importing.push(at);
        } else if Some(at) != owner && open.keys[at] > 0 {
            log.warn(&format!("*** Found keys about slot {number} in node {}!\n", node.address()));
            open.importing.push(at);
        }
    }
    open
}

fn addresses(cluster: &Cluster, nodes: impl Iterator<Item = usize>) -> String {
    nodes.map(|at| cluster.nodes[at].address()).collect::<Vec<_>>().join(",")
}

fn list_open(cluster: &Cluster, open: &OpenSlot, log: &Log) {
    let migrating = addresses(cluster, open.migrating.iter().map(|(at, _)| *at));
    let importing = addresses(cluster, open.importing.iter().copied());
    for (state, list) in [("migrating", migrating), ("importing", importing)] {
        if !list.is_empty() {
            log.plain(&format!("Set as {state} in: {list}\n"));
        }
    }
}

/// The node with most keys becomes the owner of a slot that has none, or several.
fn choose_owner(cluster: &mut Cluster, slot: Slot, open: &mut OpenSlot, log: &Log) -> Result<usize, String> {
    log.info(">>> No single clear owner for the slot, selecting an owner by # of keys...\n");
    let Some(owner) = with_most_keys(&primaries(cluster), &open.keys) else {
        return Err(String::from("Can't select a slot owner. Impossible to fix."));
    };
    log.warn(&format!("*** Configuring {} as the slot owner\n", cluster.nodes[owner].address()));
    close(cluster, owner, slot)?;
    take_over(cluster, owner, slot, false)?;
    open.migrating.retain(|(at, _)| *at != owner);
    open.importing.retain(|at| *at != owner);
    Ok(owner)
}

fn carry_out(cluster: &mut Cluster, slot: Slot, open: &OpenSlot, manager: &Manager<'_>) -> Fixed {
    let (log, settings, number) = (&manager.log, manager.settings, slot.number());
    let name = |cluster: &Cluster, at: usize| cluster.nodes[at].address();
    let warm = How { dots: true, ..How::default() };
    match decide(open) {
        Case::Move { from, to } => {
            let (source, target) = (name(cluster, from), name(cluster, to));
            log.info(&format!(">>> Case 1: Moving slot {number} from {source} to {target}\n"));
            move_slot(cluster, (from, to), slot, warm, settings, log)
        }
        Case::Gather(holders) => {
            let owner = name(cluster, open.owner);
            log.info(&format!(">>> Case 2: Moving all the {number} slot keys to its owner {owner}\n"));
            for at in holders {
                move_slot(cluster, (at, open.owner), slot, How { cold: true, ..warm }, settings, log)?;
                log.info(&format!(">>> Setting {number} as STABLE in {}\n", name(cluster, at)));
                close(cluster, at, slot)?;
            }
            for at in primaries(cluster).into_iter().filter(|at| *at != open.owner) {
                set_slot(cluster, at, slot, "NODE", open.owner)?;
            }
            Ok(())
        }
        Case::MoveAndClose { from, to, others } => {
            let (source, target) = (name(cluster, from), name(cluster, to));
            log.info(&format!(">>> Case 3: Moving slot {number} from {source} to {target} and closing it on all the other importing nodes.\n"));
            move_slot(cluster, (from, to), slot, warm, settings, log)?;
            others.into_iter().try_for_each(|at| close(cluster, at, slot))
        }
        Case::CloseAll(nodes) => {
            log.info(&format!(">>> Case 3: Closing slot {number} on both migrating and importing nodes.\n"));
            nodes.into_iter().try_for_each(|at| close(cluster, at, slot))
        }
        Case::Close(at) => {
            log.info(&format!(">>> Case 4: Closing slot {number} on {}\n", name(cluster, at)));
            close(cluster, at, slot)
        }
        Case::Unknown => Err(format!(
            "Sorry, redis-cli can't fix this slot yet (work in progress). Slot is set as migrating in {}, as importing in {}, owner is {}",
            addresses(cluster, open.migrating.iter().map(|(at, _)| *at)),
            addresses(cluster, open.importing.iter().copied()),
            name(cluster, open.owner)
        )),
    }
}

/// Slots that nobody serves: by somebody, by who has their keys, or by who has most of them. How many were fixed.
pub fn coverage(cluster: &mut Cluster, missing: &SlotSet, manager: &Manager<'_>) -> Result<usize, String> {
    refuse_unreachable(cluster, manager, "slots coverage")?;
    let log = &manager.log;
    log.info(">>> Fixing slots coverage...\n");
    let (mut none, mut one, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for slot in missing.iter() {
        let keys = keys_of(cluster, slot)?;
        let holders: Vec<usize> = (0..keys.len()).filter(|at| keys[*at] > 0).collect();
        match holders.as_slice() {
            [] => none.push((slot, holders, keys)),
            [_] => one.push((slot, holders, keys)),
            _ => many.push((slot, holders, keys)),
        }
    }
    let mut fixed = 0;
    let list = |slots: &[(Slot, Vec<usize>, Vec<u64>)]| {
        let mut set = SlotSet::empty();
        slots.iter().for_each(|(slot, ..)| {
            set.insert(*slot);
        });
        slots_text(&set)
    };
    let everyone = primaries(cluster);
    let mut random = Prng::new(u64::from(std::process::id()));
    for (slots, what, question) in [
        (&none, "no keys across the cluster", "Fix these slots by covering with a random node?"),
        (&one, "keys in just one node", "Fix these slots by covering with those nodes?"),
    ] {
        if slots.is_empty() {
            continue;
        }
        log.plain(&format!("The following uncovered slots have {what}:\n{}\n", list(slots)));
        // Ownership is never guessed without a human: --cluster-yes does not answer this.
        if !confirm(log, question) {
            continue;
        }
        for (slot, holders, _) in slots {
            let Some(&at) = holders.first().or(random.pick(&everyone)) else { continue };
            let address = cluster.nodes[at].address();
            log.info(&format!(">>> Covering slot {} with {address}\n", slot.number()));
            take_over(cluster, at, *slot, false)?;
            fixed += 1;
        }
    }
    if many.is_empty() {
        return Ok(fixed);
    }
    log.plain(&format!("The following uncovered slots have keys in multiple nodes:\n{}\n", list(&many)));
    if confirm(log, "Fix these slots by moving keys into a single node?") {
        for (slot, holders, keys) in &many {
            gather(cluster, *slot, holders, keys, manager)?;
            fixed += 1;
        }
    }
    Ok(fixed)
}

fn confirm(log: &Log, question: &str) -> bool {
    log.plain(&format!("{question} (type 'yes' to accept): "));
    console::read_line().is_some_and(|answer| answer.starts_with(b"yes"))
}

/// All keys of an unserved slot go to the node that has most of them.
fn gather(
    cluster: &mut Cluster,
    slot: Slot,
    holders: &[usize],
    keys: &[u64],
    manager: &Manager<'_>,
) -> Fixed {
    let Some(target) = with_most_keys(holders, keys) else { return Ok(()) };
    let log = &manager.log;
    let address = cluster.nodes[target].address();
    log.info(&format!(">>> Covering slot {} moving keys to {address}\n", slot.number()));
    take_over(cluster, target, slot, true)?;
    for &source in holders.iter().filter(|at| **at != target) {
        set_slot(cluster, source, slot, "NODE", target)?;
        // Importing, although the keys leave: so MIGRATE is not redirected.
        set_slot(cluster, source, slot, "IMPORTING", target)?;
        let how = How { dots: true, cold: true, ..How::default() };
        move_slot(cluster, (source, target), slot, how, manager.settings, log)?;
        close(cluster, source, slot)?;
    }
    Ok(())
}

/// A slot that several nodes claim, or hold keys of.
pub fn owners(cluster: &mut Cluster, slot: Slot, owners: &[usize], manager: &Manager<'_>) -> Fixed {
    let (log, number) = (&manager.log, slot.number());
    log.info(&format!(">>> Fixing multiple owners for slot {number}...\n"));
    let keys = keys_of(cluster, slot)?;
    let Some(owner) = with_most_keys(owners, &keys) else { return Ok(()) };
    log.info(&format!(">>> Setting slot {number} owner: {}\n", cluster.nodes[owner].address()));
    take_over(cluster, owner, slot, false)?;
    for at in primaries(cluster).into_iter().filter(|at| *at != owner) {
        forget_slot(cluster, at, slot);
        set_slot(cluster, at, slot, "node", owner)?;
        if keys[at] > 0 {
            // As when keys are gathered: the source must not be redirected to the owner.
            set_slot(cluster, at, slot, "importing", owner)?;
            let how = How { dots: true, cold: true, ..How::default() };
            move_slot(cluster, (at, owner), slot, how, manager.settings, log)?;
            close(cluster, at, slot)?;
        }
    }
    Ok(())
}
