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
    let view = |host| {
        let topology = world.machine(host)?.topology();
        Some(View { host, topology, in_sync: world.is_in_sync(host) })
    };
    agree(&world.alive().into_iter().filter_map(view).collect::<Vec<_>>())
}

/// Whether these, all that are alive, agree.
pub fn agree(views: &[View]) -> Result<(), String> {
    let ids: BTreeSet<NodeId> = views.iter().map(|view| view.topology.myself().id).collect();
    let mut owners: Option<(usize, Vec<Option<NodeId>>)> = None;
    for View { host, topology, in_sync } in views {
        check_one(*host, topology, &ids)?;
        if topology.myself().primary.is_some() && !in_sync {
            return Err(format!("the replica on host {host} is not in sync with its primary"));
        }
        let own: Vec<Option<NodeId>> = owner_ids(topology);
        match &owners {
            None => owners = Some((*host, own)),
            Some((first, agreed)) if *agreed != own => {
                let slot = (0..own.len()).find(|slot| agreed[*slot] != own[*slot]).unwrap_or(0);
                return Err(format!(
                    "hosts {first} and {host} disagree on slot {slot}: {:?} and {:?}",
                    agreed[slot], own[slot]
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
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
    match owner_ids(topology)
        .iter()
        .enumerate()
        .find(|(_, owner)| owner.is_none_or(|id| !alive.contains(&id)))
    {
        Some((slot, owner)) => {
            Err(format!("host {host}: slot {slot} belongs to {owner:?}, which is not alive"))
        }
        None => Ok(()),
    }
}
