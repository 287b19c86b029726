//! The tree against a sorted vector, with clones that must not change and memory against a recount.

use super::*;
use base::Prng;

type Model = Vec<(f64, Vec<u8>)>;

fn recount(node: &Node) -> usize {
    node.memory()
        + match node {
            Node::Leaf(_) => 0,
            Node::Inner(inner) => inner.children().iter().map(|child| recount(child.node())).sum(),
        }
}

fn check_shape(node: &Node) {
    if let Node::Inner(inner) = node {
        for child in inner.children() {
            assert_eq!(child.count(), child.node().len());
            check_shape(child.node());
        }
    }
}

fn check(tree: &Tree, model: &[(f64, Vec<u8>)]) {
    let all: Vec<_> = tree.iter_from(0, false).map(|(s, m)| (s, m.to_vec())).collect();
    assert_eq!(all, model);
    assert_eq!(tree.len(), model.len());
    assert_eq!(tree.memory(), recount(&tree.root));
    check_shape(&tree.root);
}

fn member(prng: &mut Prng, long: bool) -> Vec<u8> {
    let len = if long && prng.chance(1, 10) { prng.below(20_000) } else { prng.below(4) };
    (0..len).map(|_| b'a' + prng.below(3) as u8).collect()
}

fn run(seed: u64, steps: usize, long: bool) {
    let mut prng = Prng::new(seed);
    let mut tree = Tree::default();
    let mut model: Model = Vec::new();
    let mut kept: Option<(Tree, Model)> = None;
    let growing = |step: usize| step % (steps / 2) < steps / 3;
    for step in 0..steps {
        let key = (prng.below(if long { 20 } else { 200 }) as f64 / 4.0, member(&mut prng, long));
        let place = model.binary_search_by(|(s, m)| order((*s, m), (key.0, &key.1)));
        assert_eq!(tree.rank(key.0, &key.1), place.unwrap_or_else(|at| at));
        match place {
            Ok(at) if prng.chance(1, 3) => {
                let score = key.0 + prng.below(3) as f64 / 8.0;
                let new = (score, key.1.clone());
                if score == key.0 || model.binary_search_by(|(s, m)| order((*s, m), (new.0, &new.1))).is_err()
                {
                    assert!(tree.change_score(key.0, &key.1, score));
                    model.remove(at);
                    let at =
                        model.partition_point(|(s, m)| order((*s, m), (new.0, &new.1)) == Ordering::Less);
                    model.insert(at, new);
                }
            }
            Ok(at) => {
                assert!(tree.remove(key.0, &key.1));
                model.remove(at);
            }
            Err(at) => {
                assert!(!tree.remove(key.0, &key.1));
                tree.insert(key.0, &key.1);
                model.insert(at, key);
            }
        }
        if !growing(step) {
            for _ in 0..3 {
                if model.is_empty() {
                    break;
                }
                let at = prng.below(model.len() as u64) as usize;
                let run = tree.run_at(at);
                let removed = tree.remove_run(at, 1 + prng.below(5) as usize);
                assert!(removed > 0 && removed <= run);
                model.drain(at..at + removed);
            }
        }
        if !model.is_empty() {
            let at = prng.below(model.len() as u64) as usize;
            assert_eq!(tree.get(at), Some((model[at].0, &model[at].1[..])));
            let backwards: Vec<_> = tree.iter_from(at, true).take(300).map(|(_, m)| m).collect();
            assert!(model[..=at].iter().rev().take(300).map(|(_, m)| &m[..]).eq(backwards));
        }
        if prng.chance(1, 100) {
            check(&tree, &model);
            if let Some((tree, model)) = &kept {
                check(tree, model);
            }
            kept = Some((tree.clone(), model.clone()));
        }
    }
    check(&tree, &model);
}

#[test]
fn as_a_sorted_vector() {
    (0..4).for_each(|seed| run(seed, 6000, false));
}

#[test]
fn with_members_longer_than_a_leaf() {
    (0..3).for_each(|seed| run(100 + seed, 800, true));
}

#[test]
fn in_order_leaves_are_full() {
    for descending in [false, true] {
        let mut tree = Tree::default();
        for i in 0..100_000u32 {
            let i = if descending { 100_000 - i } else { i };
            tree.insert(f64::from(i), format!("member:{i:08}").as_bytes());
        }
        assert_eq!(tree.memory(), recount(&tree.root));
        // 8 for the score, 4 for the end, 15 for the member, and little else.
        assert!(tree.memory() < 100_000 * 34, "{}", tree.memory());
        while !tree.is_empty() {
            tree.remove_at(tree.len() / 2);
        }
        assert_eq!(tree.memory(), recount(&tree.root));
        assert!(tree.memory() < 2000, "{}", tree.memory());
    }
}

#[test]
fn partition_points_need_no_elements() {
    let mut tree = Tree::default();
    (0..1000u32).for_each(|i| tree.insert(f64::from(i / 10), &i.to_be_bytes()));
    assert_eq!(tree.partition_point(|s, _| s < 50.0), 500);
    assert_eq!(tree.partition_point(|s, _| s <= 50.0), 510);
    assert_eq!(tree.partition_point(|_, _| true), 1000);
    assert_eq!(tree.partition_point(|_, _| false), 0);
    assert_eq!(tree.iter_from(1000, false).count(), 0);
    assert_eq!(tree.iter_from(1000, true).count(), 0);
}
