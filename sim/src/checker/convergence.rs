//! After healing, everybody agrees: on who is there, on the slots and that all are served; config epochs are distinct,
//! and every replica hangs on a living primary that owns slots. Dead primaries with a living replica are replaced,
//! or else slots would be without a living owner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::NodeId;
use cluster::{NodeFlags, State, Topology};

use crate::world::World;

/// What a living host sees.
#[derive(Clone)]
pub struct View {
    /// Which host.
    pub host: usize,
    /// Its view of the cluster.
    pub topology: Arc<Topology>,
    /// Whether its data thread has reported that it is in sync with its primary.
    pub in_sync: bool,
}

/// Whether the living of a world have converged; `Err` says what is missing, for the report of a run that never does.
pub fn check(world: &World) -> Result<(), String> {
    Patient::default().check(world)
}

/// A check that is made again and again: it begins with whoever was not content last.
#[derive(Default)]
pub struct Patient {
    unhappy: usize,
}

impl Patient {
    /// Whether the living of a world have converged by now.
    pub fn check(&mut self, world: &World) -> Result<(), String> {
        let view = |host| {
            let topology = world.machine(host)?.topology();
            Some(View { host, topology, in_sync: world.is_in_sync(host) })
        };
        let mut views: Vec<View> = world.alive().into_iter().filter_map(view).collect();
        if let Some(at) = views.iter().position(|view| view.host == self.unhappy) {
            views.rotate_left(at);
        }
        agree(&views).map_err(|(host, what)| {
            self.unhappy = host;
            what
        })
    }
}

/// Whether these, all that are alive, agree; else who noticed, and what is missing.
pub fn agree(views: &[View]) -> Result<(), (usize, String)> {
    let ids: BTreeSet<NodeId> = views.iter().map(|view| view.topology.myself().id).collect();
    let first = views.first();
    for View { host, topology, in_sync } in views {
        check_one(*host, topology, &ids).map_err(|what| (*host, what))?;
        if topology.myself().primary.is_some() && !in_sync {
            return Err((*host, format!("the replica on host {host} is not in sync with its primary")));
        }
        if let Some(first) = first
            && let Err(what) = same_owners(first, topology, *host)
        {
            return Err((*host, what));
        }
    }
    Ok(())
}

fn same_owners(first: &View, topology: &Topology, host: usize) -> Result<(), String> {
    let known = &first.topology;
    let names = |topology: &Topology| topology.nodes.iter().map(|node| node.id).collect::<Vec<_>>();
    // In the same order of the same names the tables can be compared as they are.
    if known.slots == topology.slots && names(known) == names(topology) {
        return Ok(());
    }
    let (agreed, own) = (owner_ids(known), owner_ids(topology));
    match (0..own.len()).find(|slot| agreed[*slot] != own[*slot]) {
        None => Ok(()),
        Some(slot) => Err(format!(
            "hosts {} and {host} disagree on slot {slot}: {:?} and {:?}",
            first.host, agreed[slot], own[slot]
        )),
    }
}

fn owner_ids(topology: &Topology) -> Vec<Option<NodeId>> {
    topology.slots.iter().map(|owner| topology.nodes.get(usize::from(*owner)).map(|node| node.id)).collect()
}

fn check_one(host: usize, topology: &Topology, alive: &BTreeSet<NodeId>) -> Result<(), String> {
    if topology.state != State::Ok {
        let bad: Vec<String> = topology
            .nodes
            .iter()
            .filter(|node| node.flags.any(NodeFlags::FAIL | NodeFlags::PFAIL | NodeFlags::HANDSHAKE))
            .map(|node| format!("{} {} with {} slots", node.id, node.flags, node.slots.len()))
            .collect();
        let bad = bad.join(", ");
        return Err(format!("host {host} says that the cluster is {:?}; nodes: {bad}", topology.state));
    }
    let mut epochs = BTreeMap::new();
    for id in alive {
        let Some(node) = topology.node(id) else { return Err(format!("host {host} does not know {id}")) };
        if node.flags.any(NodeFlags::FAIL | NodeFlags::PFAIL | NodeFlags::HANDSHAKE) {
            return Err(format!("host {host} sees living {id} as {}", node.flags));
        }
        match node.primary {
            Some(primary) => {
                let attached = topology.node(&primary).is_some_and(|node| !node.slots.is_empty());
                if !attached || !alive.contains(&primary) {
                    return Err(format!("host {host}: replica {id} hangs on {primary}"));
                }
            }
            None if node.slots.is_empty() => {}
            None => {
                if let Some(other) = epochs.insert(node.config_epoch, id) {
                    return Err(format!("host {host}: {id} and {other} share epoch {}", node.config_epoch));
                }
            }
        }
    }
    let lives: Vec<bool> = topology.nodes.iter().map(|node| alive.contains(&node.id)).collect();
    let dead = |owner: &u16| !lives.get(usize::from(*owner)).copied().unwrap_or(false);
    match topology.slots.iter().position(dead) {
        Some(slot) => {
            let owner = owner_ids(topology)[slot];
            Err(format!("host {host}: slot {slot} belongs to {owner:?}, which is not alive"))
        }
        None => Ok(()),
    }
}
