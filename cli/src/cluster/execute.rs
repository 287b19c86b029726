//! One slot moves from one node to another, with its keys.
//!
//! The order is redis-cli's: the target opens the slot before the source does, the keys go in batches by MIGRATE, the
//! target takes the slot over before the source gives it up, and the others are told. A crash in between leaves the
//! slot open and no key lost; `fix` finishes it.

use std::time::Duration;

use base::Slot;
use client::Value;

use super::log::Log;
use super::remote::{Cluster, Remote};
use super::view::Node;
use crate::args::{Settings, lossy};

/// Batches in a row that may not change what the source still holds.
const MAX_FUTILE: usize = 10;
/// What a source says that has heard of the target's claim first, and perhaps follows it already, as may its replicas: then there is nothing left
/// to tell it.
const KNOWS_ALREADY: [&str; 3] = ["ERR Please use SETSLOT only with masters.", "UNBLOCKED", "NOREPLICAS"];

/// How a slot is moved.
#[derive(Clone, Copy, Default, Debug)]
pub struct How {
    /// Says nothing.
    pub quiet: bool,
    /// Prints a dot for each key.
    pub dots: bool,
    /// Moves the keys alone: nobody's idea of the owner changes.
    pub cold: bool,
}

/// Moves `slot` between two nodes of the cluster; an error is the reason.
pub fn move_slot(
    cluster: &mut Cluster,
    (from, to): (usize, usize),
    slot: Slot,
    how: How,
    settings: &Settings,
    log: &Log,
) -> Result<(), String> {
    if !how.quiet {
        let (source, target) = (cluster.nodes[from].address(), cluster.nodes[to].address());
        log.plain(&format!("Moving slot {} from {source} to {target}: ", slot.number()));
    }
    if !how.cold {
        set_slot(cluster, to, slot, "importing", from)?;
        set_slot(cluster, from, slot, "migrating", to)?;
    }
    let moved = migrate_keys(cluster, (from, to), slot, how.dots, settings, log);
    if !how.quiet {
        log.plain("\n");
    }
    moved?;
    if how.cold {
        return Ok(());
    }
    set_slot(cluster, to, slot, "node", to)?;
    if let Err(error) = set_slot(cluster, from, slot, "node", to)
        && !KNOWS_ALREADY.iter().any(|words| error.starts_with(words))
    {
        return Err(error);
    }
    for other in 0..cluster.nodes.len() {
        if other != from && other != to && !cluster.nodes[other].node.is_replica() {
            set_slot(cluster, other, slot, "node", to)?;
        }
    }
    cluster.nodes[from].node.slots.0.remove(slot);
    cluster.nodes[to].node.slots.0.insert(slot);
    Ok(())
}

/// CLUSTER SETSLOT slot state name-of-`other`, on node `at`.
pub fn set_slot(
    cluster: &mut Cluster,
    at: usize,
    slot: Slot,
    state: &str,
    other: usize,
) -> Result<(), String> {
    let id = cluster.nodes[other].node.id.clone();
    let number = slot.number().to_string();
    cluster.nodes[at].ask(&["CLUSTER", "SETSLOT", &number, state, &id]).map(|_| ())
}

fn migrate_keys(
    cluster: &mut Cluster,
    (from, to): (usize, usize),
    slot: Slot,
    dots: bool,
    settings: &Settings,
    log: &Log,
) -> Result<(), String> {
    let (number, batch) = (slot.number().to_string(), settings.cluster.pipeline.to_string());
    let mut last = Vec::new();
    let mut futile = 0;
    loop {
        let source = &mut cluster.nodes[from];
        let reply = source
            .ask(&["CLUSTER", "GETKEYSINSLOT", &number, &batch])
            .inspect_err(|error| source.print_error(error, log))?;
        let items = reply.as_array().unwrap_or(&[]);
        let keys: Vec<Vec<u8>> = items.iter().filter_map(|key| key.as_bytes().map(<[u8]>::to_vec)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        futile = if keys == last { futile + 1 } else { 0 };
        if futile >= MAX_FUTILE {
            return Err(format!("the keys of slot {number} stay where they are"));
        }
        let target = cluster.nodes[to].node.clone();
        let replace = settings.cluster.replace;
        if let Err(error) = migrate(&mut cluster.nodes[from], &target, &keys, false, settings) {
            let busy = error.contains("BUSYKEY");
            if !busy && !claim_unserved(cluster, (from, to), slot, settings, log)? {
                return fail(&cluster.nodes[from], error, log);
            }
            if busy {
                log.warn("\n*** Target key exists\n");
                if !replace {
                    compare(cluster, (from, to), &keys, log)?;
                }
                log.warn("*** Replacing target keys...\n");
            }
            if let Err(error) = migrate(&mut cluster.nodes[from], &target, &keys, busy, settings) {
                return fail(&cluster.nodes[from], error, log);
            }
        }
        if dots {
            log.plain(&".".repeat(keys.len()));
        }
        last = keys;
    }
}

fn fail(source: &Remote, error: String, log: &Log) -> Result<(), String> {
    log.plain("\n");
    source.print_error(&error, log);
    Err(error)
}

/// A source whose slot nobody serves cannot migrate: `fix` makes the target its owner. False: that is not the reason.
fn claim_unserved(
    cluster: &mut Cluster,
    (from, to): (usize, usize),
    slot: Slot,
    settings: &Settings,
    log: &Log,
) -> Result<bool, String> {
    if cluster.nodes[from].owner_of(slot)?.is_some() {
        return Ok(false);
    }
    if settings.cluster.fix {
        let address = cluster.nodes[to].address();
        log.warn(&format!("*** Slot was not served, setting owner to node {address}.\n"));
        set_slot(cluster, from, slot, "node", to)?;
    }
    Ok(true)
}

/// MIGRATE of some keys.
fn migrate(
    source: &mut Remote,
    target: &Node,
    keys: &[Vec<u8>],
    replace: bool,
    settings: &Settings,
) -> Result<(), String> {
    let timeout_ms = settings.cluster.timeout_ms.max(0);
    let (port, timeout) = (target.port.to_string(), timeout_ms.to_string());
    let mut words: Vec<&[u8]> =
        vec![b"MIGRATE", target.host.as_bytes(), port.as_bytes(), b"", b"0", timeout.as_bytes()];
    if replace {
        words.push(b"REPLACE");
    }
    words.extend(auth_words(settings));
    words.push(b"KEYS");
    words.extend(keys.iter().map(Vec::as_slice));
    source.ask_within(&words, migrate_patience(timeout_ms)).map(|_| ())
}

/// How long MIGRATE may take: it waits for its target several times.
pub fn migrate_patience(timeout_ms: i64) -> Duration {
    Duration::from_millis(timeout_ms.clamp(0, 86_400_000) as u64 * 3) + Duration::from_secs(30)
}

/// MIGRATE's words for a target that wants a password.
pub fn auth_words(settings: &Settings) -> Vec<&[u8]> {
    match (&settings.user, &settings.password) {
        (Some(user), Some(password)) => vec![b"AUTH2", user, password],
        (None, Some(password)) => vec![b"AUTH", password],
        (_, None) => Vec::new(),
    }
}

/// Checks that keys which both nodes hold have the same values.
fn compare(
    cluster: &mut Cluster,
    (from, to): (usize, usize),
    keys: &[Vec<u8>],
    log: &Log,
) -> Result<(), String> {
    log.warn("*** Checking key values on both nodes...\n");
    let mut digests = Vec::new();
    for at in [from, to] {
        let mut words: Vec<&[u8]> = vec![b"DEBUG", b"DIGEST-VALUE"];
        words.extend(keys.iter().map(Vec::as_slice));
        match cluster.nodes[at].ask(&words) {
            Ok(Value::Array(items)) if items.len() == keys.len() => digests.push(items),
            other => {
                let error = other.err().unwrap_or_else(|| String::from("no digests"));
                cluster.nodes[at].print_error(&error, log);
                log.error("*** Value check failed!\n");
                return Err(error);
            }
        }
    }
    let (left, right) = (&digests[0], &digests[1]);
    // A key that one of them does not have has a digest of zeros, and is no conflict: of those asked for together, all but the busy ones have moved by now.
    let none = "0".repeat(40);
    let lacks = |side: &[Value], at: usize| side[at].as_str() == Some(&none);
    let differs = |at: &usize| left[*at] != right[*at] && !lacks(left, *at) && !lacks(right, *at);
    let different: Vec<usize> = (0..keys.len()).filter(differs).collect();
    if different.is_empty() {
        return Ok(());
    }
    let (source, target) = (cluster.nodes[from].address(), cluster.nodes[to].address());
    log.error(&format!(
        "*** Found {} key(s) in both source node and target node having different values.\n    Source node: {source}\n    Target node: {target}\n    Keys(s):\n",
        different.len()
    ));
    for at in different {
        log.error(&format!("    - {}\n", lossy(&keys[at])));
    }
    log.error(
        "Please fix the above key(s) manually and try again or relaunch the command \nwith --cluster-replace option to force key overriding.\n",
    );
    Err(String::from("keys with different values on both nodes"))
}
