//! Slots with keys are being moved when one end is killed: `--cluster fix` finishes what the restarted or promoted node left, and nothing is lost or doubled.

use base::Slot;
use client::{Address, ClusterClient, Options};
use grapevine_testkit::{Cluster, Kind, cli, run_cli, wait_for};
use resp::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Slots that are moved: the first ones of the first node.
const MOVED: usize = 20;
/// Keys in those.
const KEYS: usize = 3000;
/// So many have arrived when an end is killed.
const ARRIVED: usize = 200;

/// Names in the slots that are moved.
fn names() -> Vec<String> {
    let all = (0..).map(|n| format!("k{n}"));
    all.filter(|key| Slot::of_key(key.as_bytes()).index() < MOVED).take(KEYS).collect()
}

fn connect(cluster: &Cluster) -> ClusterClient {
    let seeds: Vec<Address> =
        cluster.nodes.iter().map(|node| Address::tcp("127.0.0.1", node.port())).collect();
    ClusterClient::connect(&seeds, Options::with_timeout(Duration::from_secs(30))).unwrap()
}

fn keys_of(cluster: &Cluster, at: usize) -> usize {
    cluster.nodes[at].text(&["DBSIZE"]).parse().unwrap()
}

/// One key at a time, so that there is a middle.
fn begin_reshard(cluster: &Cluster) -> Child {
    let (from, to, slots) = (cluster.id(0), cluster.id(1), MOVED.to_string());
    let first = cluster.nodes[0].address();
    let options = ["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", &slots];
    Command::new(cli(Kind::Grapevine))
        .args(["--cluster", "reshard", &first, "--cluster-yes", "--cluster-pipeline", "1"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What was acknowledged.
type Values = BTreeMap<String, String>;

fn write(client: &mut ClusterClient, values: &mut Values, key: &str, value: String) {
    let done = client.call(key.as_bytes(), &["SET", key, &value]).unwrap();
    assert_eq!(done, Value::Simple(b"OK".to_vec()));
    values.insert(key.to_string(), value);
}

/// Three primaries with data and a move of theirs, from the first to the second, in its middle, while some keys are written again.
fn in_the_middle(replicas: usize) -> (Cluster, Child, Values) {
    let kinds = vec![Kind::Grapevine; 3 * (1 + replicas)];
    let cluster = Cluster::start(&kinds, 5000, &[("appendonly", "yes"), ("appendfsync", "always")]);
    cluster.create(Kind::Grapevine, replicas);
    let (mut client, mut values, names) = (connect(&cluster), Values::new(), names());
    for key in &names {
        write(&mut client, &mut values, key, key.repeat(20));
    }
    let mut reshard = begin_reshard(&cluster);
    let mut again = names.iter().step_by(7);
    wait_for("some keys have arrived", || {
        for key in again.by_ref().take(5) {
            write(&mut client, &mut values, key, format!("{key} again"));
        }
        keys_of(&cluster, 1) >= ARRIVED || reshard.try_wait().unwrap().is_some()
    });
    (cluster, reshard, values)
}

/// The operator's tool gives up.
fn ended(mut reshard: Child) {
    let mut done = None;
    wait_for("the move is given up", || {
        done = reshard.try_wait().unwrap();
        done.is_some()
    });
    assert!(!done.unwrap().success(), "it was not in its middle");
}

/// Everybody sees everybody.
fn wait_for_links(cluster: &Cluster) {
    let all = 0..cluster.nodes.len();
    let ids: BTreeSet<String> = all.clone().map(|at| cluster.id(at)).collect();
    for at in all {
        wait_for("all see each other", || {
            let view = cluster.view(at);
            let well = |id: &String| {
                view.iter().any(|node| {
                    node.id == *id && node.link == "connected" && !node.has("fail") && !node.has("fail?")
                })
            };
            ids.iter().all(well) && cluster.nodes[at].text(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        });
    }
}

fn manage(tool: Kind, words: &[&str]) {
    let done = run_cli(tool, &[&["--cluster"], words].concat());
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{tool:?} {words:?}: {said}");
}

/// Fixes, and then every key is there once, and every slot has one owner, of whom all say the same.
fn fix_and_verify(cluster: &Cluster, values: &Values) {
    wait_for_links(cluster);
    let first = cluster.nodes[0].address();
    manage(Kind::Grapevine, &["fix", &first]);
    for tool in [Kind::Grapevine, Kind::Redis] {
        manage(tool, &["check", &first]);
    }
    let mut client = connect(cluster);
    for (key, value) in values {
        let found = client.call(key.as_bytes(), &["GET", key]).unwrap();
        assert_eq!(found, Value::Bulk(value.clone().into_bytes()), "{key}");
    }
    let all = 0..cluster.nodes.len();
    let primaries = all.clone().filter(|at| cluster.nodes[*at].info("role").as_deref() == Some("master"));
    assert_eq!(primaries.map(|at| keys_of(cluster, at)).sum::<usize>(), KEYS, "no key is in two places");
    for at in all {
        assert!(!cluster.view(at).iter().any(|node| node.slots.contains('[')), "no slot is open");
    }
}

#[test]
fn the_source_is_killed_and_restarted() {
    let (mut cluster, reshard, values) = in_the_middle(0);
    cluster.nodes[0].kill();
    ended(reshard);
    cluster.nodes[0].start();
    fix_and_verify(&cluster, &values);
}

#[test]
fn the_target_is_killed_and_restarted() {
    let (mut cluster, reshard, values) = in_the_middle(0);
    cluster.nodes[1].kill();
    ended(reshard);
    cluster.nodes[1].start();
    fix_and_verify(&cluster, &values);
}

/// Its replica goes on. (That of a killed target may lack what had arrived there last, as with Redis.)
#[test]
fn the_source_is_killed_and_replaced() {
    let (mut cluster, reshard, values) = in_the_middle(1);
    let dead = cluster.id(0);
    let replica = cluster.view(1).into_iter().find(|node| node.master == dead).unwrap();
    let heir = cluster.index_of(replica.port);
    wait_for("the replica has what its primary had", || {
        cluster.nodes[heir].info("master_link_status").as_deref() == Some("up")
    });
    cluster.nodes[0].kill();
    ended(reshard);
    wait_for("the replica has taken over", || cluster.nodes[heir].info("role").as_deref() == Some("master"));
    cluster.nodes[0].start();
    wait_for("the old source follows it", || {
        cluster.nodes[0].info("master_link_status").as_deref() == Some("up")
    });
    fix_and_verify(&cluster, &values);
}
