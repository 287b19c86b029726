//! Anti-affinity: a replica should not lie on its primary's host, nor beside another replica of the same primary.
//!
//! The score of a layout is 10000 for each replica on its primary's host and 1 for each replica that shares a host with
//! a sibling; 0 is perfect. The optimizer swaps the primaries of a badly placed replica and of another one, many
//! times, and keeps the best layout it has seen; the layout it was given wins a tie.

use std::collections::BTreeMap;

use base::Prng;

use super::view::{ClusterView, Node};

/// Swaps tried for each node.
const EFFORT: usize = 500;
/// The weight of a replica on its primary's host.
const WITH_PRIMARY: usize = 10_000;

/// How well the replicas are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Affinity {
    /// There was nothing to improve.
    Untouched,
    /// No host holds two nodes of one shard.
    Perfect,
    /// Some host holds two replicas of one primary.
    WithSibling,
    /// Some host holds a primary and its replica.
    WithPrimary,
}

/// Whether there is something to improve.
pub fn is_perfect(view: &ClusterView) -> bool {
    score(view) == 0
}

/// Improves the planned replicas' choice of primaries.
pub fn optimize(view: &mut ClusterView, prng: &mut Prng) -> Affinity {
    let mut current = score(view);
    if current == 0 {
        return Affinity::Untouched;
    }
    let (mut best, mut best_score) = (view.clone(), current);
    for _ in 0..EFFORT * view.nodes.len() {
        let offenders = offenders(view);
        let Some(&first) = prng.pick(&offenders) else { break };
        let is_other = |i: &usize| *i != first && view.nodes[*i].primary.is_some();
        let others: Vec<usize> = (0..view.nodes.len()).filter(is_other).collect();
        let Some(&second) = prng.pick(&others) else { break };
        swap_primaries(view, first, second);
        let swapped = score(view);
        if swapped > current {
            swap_primaries(view, first, second);
            continue;
        }
        current = swapped;
        if current < best_score {
            (best, best_score) = (view.clone(), current);
        }
        if current == 0 {
            break;
        }
    }
    *view = best;
    match best_score {
        0 => Affinity::Perfect,
        WITH_PRIMARY.. => Affinity::WithPrimary,
        _ => Affinity::WithSibling,
    }
}

/// Nodes of one shard on one host: whether the primary is there, and the replicas in order.
type Shards<'v> = BTreeMap<(&'v str, &'v str), (bool, Vec<usize>)>;

fn shards(view: &ClusterView) -> Shards<'_> {
    let mut shards = Shards::new();
    for (index, node) in view.nodes.iter().enumerate() {
        let shard = node.primary.as_ref().unwrap_or(&node.id);
        let (has_primary, replicas) = shards.entry((&node.host, shard)).or_default();
        match node.primary {
            Some(_) => replicas.push(index),
            None => *has_primary = true,
        }
    }
    shards
}

fn score(view: &ClusterView) -> usize {
    let badness = |(has_primary, replicas): &(bool, Vec<usize>)| match (has_primary, replicas.len()) {
        (true, count) => WITH_PRIMARY * count,
        (false, 0 | 1) => 0,
        (false, count) => count,
    };
    shards(view).values().map(badness).sum()
}

/// One badly placed replica of each shard and host.
fn offenders(view: &ClusterView) -> Vec<usize> {
    let crowded =
        |(has_primary, replicas): &&(bool, Vec<usize>)| usize::from(*has_primary) + replicas.len() > 1;
    shards(view).values().filter(crowded).filter_map(|(_, replicas)| replicas.first().copied()).collect()
}

fn swap_primaries(view: &mut ClusterView, first: usize, second: usize) {
    let taken = view.nodes[first].primary.take();
    let other = std::mem::replace(&mut view.nodes[second].primary, taken);
    view.nodes[first].primary = other;
    let mark = |node: &mut Node| node.planned = true;
    mark(&mut view.nodes[first]);
    mark(&mut view.nodes[second]);
}
