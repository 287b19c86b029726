//! The same folders under the other program: a running cluster of redis-server 7.0.15 is taken over by Grapevine node
//! by node, and goes back again; data, slots and epochs stay. Each program starts from what the other one wrote.

use grapevine_testkit::{Cluster, Kind, wait_for};

const NODE_TIMEOUT_MS: u64 = 5000;
const KEYS: usize = 300;
use Kind::{Grapevine, Redis};

fn key(n: usize) -> String {
    format!("key:{n}")
}

/// Each key is written on the master that takes it.
fn fill(cluster: &Cluster) {
    let mut clients: Vec<_> = cluster.nodes.iter().map(|n| n.client()).collect();
    for n in 0..KEYS {
        let (key, value) = (key(n), n.to_string());
        let taken = clients.iter_mut().any(|c| c.call(&["SET", &key, &value]).is_ok_and(|v| !v.is_error()));
        assert!(taken, "nobody takes {key}");
    }
}

fn assert_kept(cluster: &Cluster) {
    let mut clients: Vec<_> = cluster.nodes.iter().map(|n| n.client()).collect();
    for n in 0..KEYS {
        let expected = n.to_string();
        let mut get =
            |key: &str| clients.iter_mut().filter_map(|c| c.call(&["GET", key]).ok()).find(|v| !v.is_error());
        let value = get(&key(n)).and_then(|v| v.as_bytes().map(<[u8]>::to_vec));
        assert_eq!(value.as_deref(), Some(expected.as_bytes()), "{}", key(n));
    }
}

/// Names, roles and slots as the first node sees them.
fn layout(cluster: &Cluster) -> Vec<(String, String, String)> {
    let mut lines: Vec<_> = cluster.view(0).into_iter().map(|n| (n.id, n.master, n.slots)).collect();
    lines.sort();
    lines
}

/// Stops the node, which saves its data, and starts the other program on its folder.
fn swap(cluster: &mut Cluster, i: usize, kind: Kind) {
    let id = cluster.id(i);
    assert_eq!(cluster.nodes[i].terminate(), Some(0), "node {i} leaves with its data saved");
    cluster.nodes[i].become_kind(kind);
    cluster.nodes[i].start();
    assert_eq!(cluster.id(i), id);
    wait_for("the others see it again", || {
        let other = (i + 1) % cluster.nodes.len();
        cluster.view(other).iter().any(|n| n.id == id && n.link == "connected" && !n.has("fail"))
    });
    cluster.wait_until_healthy();
}

fn there_and_back(directives: &[(&str, &str)]) {
    let mut cluster = Cluster::start(&[Redis; 6], NODE_TIMEOUT_MS, directives);
    cluster.create(Redis, 1);
    fill(&cluster);
    let before = layout(&cluster);
    for kind in [Grapevine, Redis] {
        for i in [3, 4, 5, 0, 1, 2] {
            swap(&mut cluster, i, kind);
        }
        assert_eq!(layout(&cluster), before, "after all nodes have become {kind:?}");
        assert_kept(&cluster);
    }
}

#[test]
fn a_redis_cluster_becomes_grapevine_in_place_and_goes_back_with_rdb_files() {
    there_and_back(&[("save", "3600 1"), ("repl-diskless-sync-delay", "0")]);
}

#[test]
fn a_redis_cluster_becomes_grapevine_in_place_and_goes_back_with_aof_files() {
    there_and_back(&[("save", ""), ("appendonly", "yes"), ("repl-diskless-sync-delay", "0")]);
}
