//! The layout of a new cluster: who is a primary, who owns which slots, who replicates whom.
//!
//! Pure functions over a [`ClusterView`]. Nodes are taken from the hosts in turn, so that the first ones, the primaries,
//! lie on different hosts; slots are cut evenly; each primary gets replicas from other hosts where there are any.
//! What is left to improve is left to [`super::affinity`].

use base::{SLOT_COUNT, Slot, SlotSet};

use super::view::{ClusterView, Slots};

/// Fewest primaries of a cluster: with fewer, no majority survives a failure.
pub const MIN_PRIMARIES: usize = 3;

/// One line of the plan, in the order in which it was made. Nodes are indices into the view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The primary of this rank gets the slots from `first` to `last`.
    Slots { rank: usize, node: usize, first: u16, last: u16 },
    /// A node replicates another.
    Replica { node: usize, primary: usize },
    /// From here on nodes are given out that nobody asked for.
    Extra,
}

/// Why there is no plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlanError {
    /// `nodes` with `replicas` each leave fewer than [`MIN_PRIMARIES`].
    TooFewPrimaries { nodes: usize, replicas: usize },
}

/// Plans a cluster of all nodes of the view with `replicas` per primary.
pub fn create(view: &ClusterView, replicas: usize) -> Result<Vec<Step>, PlanError> {
    let count = view.nodes.len();
    let primaries = count / replicas.saturating_add(1);
    if primaries < MIN_PRIMARIES {
        return Err(PlanError::TooFewPrimaries { nodes: count, replicas });
    }
    let order = interleave(view);
    let (primaries, rest) = order.split_at(primaries);
    let mut steps = split_slots(primaries);
    assign_replicas(view, primaries, rest, replicas, &mut steps);
    Ok(steps)
}

/// Takes the plan into the view: roles, slots, and the mark that the nodes have still to be told.
pub fn apply(view: &mut ClusterView, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Slots { node, first, last, .. } => {
                let mut slots = SlotSet::empty();
                for slot in (first..=last).filter_map(|number| Slot::new(number.into())) {
                    slots.insert(slot);
                }
                view.nodes[node].slots = Slots(slots);
                view.nodes[node].planned = true;
            }
            Step::Replica { node, primary } => {
                view.nodes[node].primary = Some(view.nodes[primary].id.clone());
                view.nodes[node].planned = true;
            }
            Step::Extra => {}
        }
    }
}

/// The nodes, one of each host in turn, hosts in the order of their first node.
fn interleave(view: &ClusterView) -> Vec<usize> {
    let mut hosts: Vec<(&str, Vec<usize>)> = Vec::new();
    for (index, node) in view.nodes.iter().enumerate() {
        match hosts.iter_mut().find(|(host, _)| *host == node.host) {
            Some((_, nodes)) => nodes.push(index),
            None => hosts.push((&node.host, vec![index])),
        }
    }
    let longest = hosts.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|turn| hosts.iter().filter_map(move |(_, nodes)| nodes.get(turn).copied()))
        .collect()
}

/// Cuts the slots evenly. The arithmetic is redis-cli's, in single precision, so that the cuts are the same.
fn split_slots(primaries: &[usize]) -> Vec<Step> {
    let share = SLOT_COUNT as f32 / primaries.len() as f32;
    let end = SLOT_COUNT as u16 - 1;
    let (mut first, mut cursor) = (0u16, 0f32);
    let mut steps = Vec::with_capacity(primaries.len());
    for (rank, &node) in primaries.iter().enumerate() {
        let mut last = f64::from(cursor + share - 1.0).round() as u16;
        if last > end || rank + 1 == primaries.len() {
            last = end;
        }
        last = last.max(first);
        steps.push(Step::Slots { rank, node, first, last });
        first = last.saturating_add(1).min(end);
        cursor += share;
    }
    steps
}

fn assign_replicas(
    view: &ClusterView,
    primaries: &[usize],
    rest: &[usize],
    replicas: usize,
    steps: &mut Vec<Step>,
) {
    let mut free: Vec<usize> = rest.to_vec();
    if !free.is_empty() {
        // Starting with the second one often avoids the host of the first primary.
        free.rotate_left(1);
    }
    for &primary in primaries {
        for _ in 0..replicas {
            let Some(node) = take_replica(view, primary, &mut free) else { return };
            steps.push(Step::Replica { node, primary });
        }
    }
    if free.is_empty() {
        return;
    }
    steps.push(Step::Extra);
    // One more for each primary: fewer than a primary and its replicas are left.
    for &primary in primaries {
        let Some(node) = take_replica(view, primary, &mut free) else { return };
        steps.push(Step::Replica { node, primary });
    }
}

/// The first free node of another host, or else the first free node.
fn take_replica(view: &ClusterView, primary: usize, free: &mut Vec<usize>) -> Option<usize> {
    let host = &view.nodes[primary].host;
    let elsewhere = free.iter().position(|node| view.nodes[*node].host != *host);
    let at = elsewhere.unwrap_or(0);
    (at < free.len()).then(|| free.remove(at))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
