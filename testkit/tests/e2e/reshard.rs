//! Slots change hands on a running cluster of Grapevine, by either cluster manager. Slots with keys wait for MIGRATE.

use grapevine_testkit::{Cluster, Kind, run_cli, wait_for};

/// Slots that the node owns.
fn owned(cluster: &Cluster, at: usize) -> usize {
    let id = cluster.id(at);
    let slots =
        cluster.view(at).into_iter().find(|node| node.id == id).map(|node| node.slots).unwrap_or_default();
    let count = |range: &str| match range.split_once('-') {
        Some((first, last)) => last.parse::<usize>().unwrap_or(0) + 1 - first.parse::<usize>().unwrap_or(0),
        None => 1,
    };
    slots.split(' ').filter(|range| !range.is_empty()).map(count).sum()
}

fn manage(tool: Kind, words: &[&str]) {
    let done = run_cli(tool, &[&["--cluster"], words].concat());
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{tool:?} {words:?}: {said}");
}

#[test]
fn empty_slots_move() {
    let cluster = Cluster::start(&[Kind::Grapevine; 3], 5000, &[]);
    cluster.create(Kind::Grapevine, 0);
    let first = cluster.nodes[0].address();
    let before = owned(&cluster, 0);
    let (from, to) = (cluster.id(0), cluster.id(1));
    for (round, tool) in [Kind::Grapevine, Kind::Redis].into_iter().enumerate() {
        let options =
            ["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", "20", "--cluster-yes"];
        manage(tool, &[&["reshard", first.as_str()], &options[..]].concat());
        wait_for("all agree", || (0..3).map(|at| owned(&cluster, at)).sum::<usize>() == 16384);
        assert_eq!(owned(&cluster, 0), before - 20 * (round + 1));
    }
    cluster.wait_until_healthy();
    manage(Kind::Grapevine, &["rebalance", &first, "--cluster-threshold", "0.1"]);
    cluster.wait_until_healthy();
    assert!((0..3).all(|at| owned(&cluster, at).abs_diff(5461) <= 2));
    manage(Kind::Redis, &["check", &first]);
}
