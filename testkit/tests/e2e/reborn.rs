//! A master without persistence that is killed and restarted at once comes back empty. Its replicas must not copy the
//! emptiness: it leaves the shard to them (rule 17 of the cluster).

use grapevine_testkit::{Cluster, Kind, wait_for};

const NODE_TIMEOUT_MS: u64 = 5000;
const KEYS: usize = 100;
use Kind::{Grapevine, Redis};

/// Writes keys of the master with index `i`; returns when a replica has them all.
fn fill(cluster: &Cluster, i: usize) -> Vec<String> {
    let mut client = cluster.nodes[i].client();
    let mut set = |key: &String| client.call(&["SET", key, key]).is_ok_and(|v| !v.is_error());
    let keys: Vec<_> = (0..).map(|n| format!("k{n}")).filter(|key| set(key)).take(KEYS).collect();
    let copied = client.call(&["WAIT", "1", "30000"]).expect("WAIT").as_int();
    assert_eq!(copied, Some(1), "the replica has the keys");
    keys
}

/// Whether some master serves this key with its value.
fn is_kept(cluster: &Cluster, key: &String) -> bool {
    let masters = cluster.nodes.iter().filter(|n| n.info("role").as_deref() == Some("master"));
    masters.into_iter().any(|n| n.text(&["GET", key]) == *key)
}

fn kill_and_restart_at_once(replicas: Kind) {
    let kinds = [Grapevine, Grapevine, Grapevine, replicas, replicas, replicas];
    let directives = [("appendonly", "no"), ("save", ""), ("repl-diskless-sync-delay", "0")];
    let mut cluster = Cluster::start(&kinds, NODE_TIMEOUT_MS, &directives);
    cluster.create(Grapevine, 1);
    let keys = fill(&cluster, 0);
    cluster.nodes[0].kill();
    cluster.nodes[0].start();
    wait_for("the data is served again", || is_kept(&cluster, &keys[0]));
    cluster.wait_until_healthy();
    let lost: Vec<_> = keys.iter().filter(|key| !is_kept(&cluster, key)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let sizes: Vec<_> = cluster.nodes.iter().map(|n| n.text(&["DBSIZE"])).collect();
    assert_eq!(sizes.iter().filter(|size| **size == KEYS.to_string()).count(), 2, "both copies: {sizes:?}");
}

#[test]
fn replicas_survive_a_master_that_comes_back_empty_at_once() {
    kill_and_restart_at_once(Grapevine);
}

#[test]
fn replicas_of_redis_survive_it_too() {
    kill_and_restart_at_once(Redis);
}
