//! Which slots go where: the plans of `reshard` and `rebalance`.
//!
//! Pure functions over a [`ClusterView`]. Nodes are indices into the view. The arithmetic is redis-cli's, in single
//! precision, so that the plans are the same.

use base::{SLOT_COUNT, Slot};

use super::view::ClusterView;

/// One slot leaves a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// Its owner.
    pub source: usize,
    /// The slot.
    pub slot: Slot,
}

/// `count` slots of the sources, each of which gives in proportion to what it has; the largest one rounds up, and gives
/// first.
pub fn from_sources(view: &ClusterView, sources: &[usize], count: usize) -> Vec<Move> {
    let size = |node: usize| view.nodes[node].slots.0.len();
    let total: usize = sources.iter().map(|node| size(*node)).sum();
    let mut sorted = sources.to_vec();
    sorted.sort_by_key(|node| std::cmp::Reverse(size(*node)));
    let mut moves = Vec::new();
    for (rank, &source) in sorted.iter().enumerate() {
        let share = count as f32 / total as f32 * size(source) as f32;
        let share = if rank == 0 { share.ceil() } else { share.floor() } as usize;
        let left = count.saturating_sub(moves.len());
        let slots = view.nodes[source].slots.0.iter().take(share.min(left));
        moves.extend(slots.map(|slot| Move { source, slot }));
    }
    moves
}

/// Slots from one node to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Has too many.
    pub from: usize,
    /// Has too few.
    pub to: usize,
    /// How many.
    pub count: usize,
}

/// What makes the owners' shares fit their weights.
#[derive(Clone, PartialEq, Debug)]
pub struct Balance {
    /// Sum of the weights of the nodes that take part.
    pub total_weight: f32,
    /// The nodes that take part, and how many slots too many each has, fewest first.
    pub balances: Vec<(usize, i64)>,
    /// In the order in which they are to be made.
    pub transfers: Vec<Transfer>,
}

/// Why there is nothing to be done, or nothing that can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoBalance {
    /// No share is off by more than the threshold.
    WithinThreshold,
    /// The weights of those who take part add up to nothing.
    NoWeight,
}

/// Balances the primaries of the view: `weights` has one for each node of it. Those without slots take part only with
/// `use_empty`. `threshold` is in percent of a node's slots.
pub fn balance(
    view: &ClusterView,
    weights: &[f32],
    threshold: f32,
    use_empty: bool,
) -> Result<Balance, NoBalance> {
    let size = |node: usize| view.nodes[node].slots.0.len() as i64;
    let involved: Vec<usize> = (0..view.nodes.len())
        .filter(|node| !view.nodes[*node].is_replica() && (use_empty || size(*node) > 0))
        .collect();
    let total_weight: f32 = involved.iter().map(|node| weights[*node]).sum();
    if total_weight.is_nan() || total_weight <= 0.0 {
        return Err(NoBalance::NoWeight);
    }
    let expected = |node: usize| (SLOT_COUNT as f32 / total_weight * weights[node]) as i64;
    let is_off = |node: &usize| match (size(*node), expected(*node)) {
        (0, expected) => expected > 1,
        (size, expected) => {
            let off = (100.0 - (100.0 * expected as f64 / size as f64)).abs();
            threshold > 0.0 && off as f32 > threshold
        }
    };
    if threshold <= 0.0 || !involved.iter().any(is_off) {
        return Err(NoBalance::WithinThreshold);
    }
    let mut balances: Vec<(usize, i64)> =
        involved.iter().map(|node| (*node, size(*node) - expected(*node))).collect();
    settle(&mut balances);
    balances.sort_by_key(|(_, balance)| *balance);
    Ok(Balance { total_weight, transfers: transfers(balances.clone()), balances })
}

/// Rounding may leave slots that nobody takes: those who take get one more each, in turn.
fn settle(balances: &mut [(usize, i64)]) {
    let mut surplus: i64 = balances.iter().map(|(_, balance)| balance).sum();
    while surplus > 0 {
        let mut takers = balances.iter_mut().filter(|(_, balance)| *balance <= 0).peekable();
        if takers.peek().is_none() {
            return;
        }
        for (_, balance) in takers.take(surplus as usize) {
            *balance -= 1;
            surplus -= 1;
        }
    }
}

/// The neediest gets from the richest, until one of both is content.
fn transfers(mut balances: Vec<(usize, i64)>) -> Vec<Transfer> {
    let mut transfers = Vec::new();
    let (mut poor, mut rich) = (0, balances.len().saturating_sub(1));
    while poor < rich {
        let count = balances[poor].1.abs().min(balances[rich].1.abs());
        if count > 0 {
            let (from, to) = (balances[rich].0, balances[poor].0);
            transfers.push(Transfer { from, to, count: count as usize });
        }
        balances[poor].1 += count;
        balances[rich].1 -= count;
        let (content_poor, content_rich) = (balances[poor].1 == 0, balances[rich].1 == 0);
        poor += usize::from(content_poor);
        rich -= usize::from(content_rich);
        if !content_poor && !content_rich {
            break;
        }
    }
    transfers
}

#[cfg(test)]
mod tests {
    use super::super::view::Node;
    use super::*;

    /// Primaries that own consecutive slots in these numbers.
    fn view(sizes: &[usize]) -> ClusterView {
        let mut slots = Slot::all();
        let node = |size: &usize| {
            let mut node = Node::at("h", 1);
            slots.by_ref().take(*size).for_each(|slot| {
                node.slots.0.insert(slot);
            });
            node
        };
        ClusterView { nodes: sizes.iter().map(node).collect() }
    }

    fn counts(moves: &[Move], nodes: usize) -> Vec<usize> {
        (0..nodes).map(|node| moves.iter().filter(|m| m.source == node).count()).collect()
    }

    #[test]
    fn sources_give_in_proportion() {
        let view = view(&[5461, 5462, 5461]);
        let moves = from_sources(&view, &[0, 1, 2], 100);
        assert_eq!(counts(&moves, 3), [33, 34, 33]);
        assert_eq!((moves[0].source, moves[0].slot.number()), (1, 5461));
        assert_eq!(counts(&from_sources(&view, &[0], 10), 3), [10, 0, 0]);
        assert_eq!(from_sources(&view, &[0], 20_000).len(), 5461);
        assert_eq!(from_sources(&view, &[], 5), []);
    }

    #[test]
    fn a_new_node_gets_its_share() {
        let view = view(&[5461, 5462, 5461, 0]);
        let weights = [1.0; 4];
        assert_eq!(balance(&view, &weights, 2.0, false), Err(NoBalance::WithinThreshold));
        let plan = balance(&view, &weights, 2.0, true).unwrap();
        assert_eq!(plan.total_weight, 4.0);
        let total: usize = plan.transfers.iter().map(|transfer| transfer.count).sum();
        assert_eq!(total, 4096);
        assert!(plan.transfers.iter().all(|transfer| transfer.to == 3), "{plan:?}");
    }

    #[test]
    fn weights_count() {
        let view = view(&[8192, 8192]);
        let plan = balance(&view, &[1.0, 3.0], 2.0, false).unwrap();
        assert_eq!(plan.transfers, [Transfer { from: 0, to: 1, count: 4096 }]);
        assert_eq!(balance(&view, &[0.0, 0.0], 2.0, false), Err(NoBalance::NoWeight));
        assert_eq!(balance(&view, &[1.0, 1.001], 2.0, false), Err(NoBalance::WithinThreshold));
        assert_eq!(balance(&view, &[1.0, f32::NAN], 2.0, false), Err(NoBalance::NoWeight));
        let empty = balance(&view, &[1.0, 0.0], 2.0, false).unwrap();
        assert_eq!(empty.transfers, [Transfer { from: 1, to: 0, count: 8192 }]);
    }
}
