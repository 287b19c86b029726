//! Layouts by example.

use base::Prng;

use super::super::affinity::{Affinity, optimize};
use super::super::view::Node;
use super::*;

/// Nodes called by their hosts: `a a b` are two nodes on host a and one on b.
fn view(hosts: &str) -> ClusterView {
    let node = |(i, host): (usize, &str)| Node {
        id: format!("{host}{i}"),
        flags: vec![String::from("master")],
        ..Node::at(host, 7000 + i as u16)
    };
    ClusterView { nodes: hosts.split(' ').enumerate().map(node).collect() }
}

fn planned(hosts: &str, replicas: usize) -> (ClusterView, Vec<Step>) {
    let mut view = view(hosts);
    let steps = create(&view, replicas).unwrap();
    apply(&mut view, &steps);
    (view, steps)
}

fn cuts(steps: &[Step]) -> Vec<(u16, u16)> {
    steps
        .iter()
        .filter_map(|s| if let Step::Slots { first, last, .. } = s { Some((*first, *last)) } else { None })
        .collect()
}

fn pairs(view: &ClusterView) -> Vec<(&str, &str)> {
    view.nodes.iter().filter_map(|n| Some((n.id.as_str(), n.primary.as_deref()?))).collect()
}

#[test]
fn six_nodes_on_one_host() {
    let (view, steps) = planned("a a a a a a", 1);
    assert_eq!(cuts(&steps), [(0, 5460), (5461, 10922), (10923, 16383)]);
    // As redis-cli: the list of the rest is rotated by one.
    assert_eq!(pairs(&view), [("a3", "a2"), ("a4", "a0"), ("a5", "a1")]);
    let expected = [(4, 0), (5, 1), (3, 2)].map(|(node, primary)| Step::Replica { node, primary });
    assert_eq!(steps[3..], expected);
}

#[test]
fn slots_are_cut_as_redis_cli_cuts_them() {
    let five = cuts(&planned("a b c d e", 0).1);
    assert_eq!(five, [(0, 3276), (3277, 6553), (6554, 9829), (9830, 13106), (13107, 16383)]);
    for count in [3, 7, 11, 100, 1000] {
        let hosts = vec!["h"; count].join(" ");
        let (view, steps) = planned(&hosts, 0);
        let cuts = cuts(&steps);
        assert_eq!((cuts[0].0, cuts[count - 1].1), (0, 16383));
        assert!(cuts.windows(2).all(|w| w[0].1 + 1 == w[1].0), "{count}");
        let sizes = cuts.iter().map(|(first, last)| last - first);
        assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "{count}");
        assert_eq!(view.covered(), SlotSet::full());
    }
}

#[test]
fn hosts_take_turns_and_replicas_live_elsewhere() {
    let (mut view, steps) = planned("a a b b c c", 1);
    let primaries: Vec<usize> = steps
        .iter()
        .filter_map(|s| if let Step::Slots { node, .. } = s { Some(*node) } else { None })
        .collect();
    assert_eq!(primaries, [0, 2, 4]);
    assert_eq!(optimize(&mut view, &mut Prng::new(1)), Affinity::Untouched);
}

#[test]
fn extra_nodes_become_replicas() {
    let (view, steps) = planned("a a a a a a a a", 1);
    // 8 / 2 = 4 primaries and 4 replicas: nothing left over.
    assert!(!steps.contains(&Step::Extra) && pairs(&view).len() == 4);
    let (view, steps) = planned("a a a a a a a", 1);
    assert!(steps.contains(&Step::Extra));
    assert_eq!(pairs(&view).len(), 4);
}

#[test]
fn too_few() {
    let error = create(&view("a a a a a"), 1).unwrap_err();
    assert_eq!(error, PlanError::TooFewPrimaries { nodes: 5, replicas: 1 });
    assert!(create(&view("a b c"), usize::MAX).is_err());
    assert!(create(&ClusterView::default(), 0).is_err());
}

#[test]
fn affinity_is_improved_or_left_alone() {
    let shard = |id: &str, host: &str, primary: Option<&str>| Node {
        id: id.into(),
        primary: primary.map(str::to_string),
        ..Node::at(host, 1)
    };
    // Each replica beside its primary; swapping the two is perfect.
    let mut crossed = ClusterView {
        nodes: vec![
            shard("p", "a", None),
            shard("q", "b", None),
            shard("r", "a", Some("p")),
            shard("s", "b", Some("q")),
        ],
    };
    assert_eq!(optimize(&mut crossed, &mut Prng::new(1)), Affinity::Perfect);
    assert_eq!(pairs(&crossed), [("r", "q"), ("s", "p")]);
    // On one host nothing helps, and nothing is shuffled for nothing.
    let (mut view, _) = planned("a a a a a a", 1);
    let before = view.clone();
    assert_eq!(optimize(&mut view, &mut Prng::new(1)), Affinity::WithPrimary);
    assert_eq!(view, before);
}
