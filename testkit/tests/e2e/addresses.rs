//! Nodes come back at other addresses, and the cluster heals by itself; two processes under one name are told apart.

use client::Value;
use grapevine_testkit::{Cluster, Folder, Kind, Ports, Server, reserve, run_cli, wait_for};
use std::fs;

const NODE_TIMEOUT_MS: u64 = 3000;
const KEYS: usize = 60;

/// Stops all these nodes, then starts them at these ports.
fn restart_at(cluster: &mut Cluster, moves: &[(usize, u16)]) {
    for (index, _) in moves {
        cluster.nodes[*index].kill();
    }
    for (index, port) in moves {
        cluster.nodes[*index].move_to_port(*port);
    }
    for (index, _) in moves {
        cluster.nodes[*index].start();
    }
}

fn key(i: usize) -> String {
    format!("key:{i}")
}

/// Writes through whichever node owns each key.
fn fill(cluster: &Cluster) {
    for i in 0..KEYS {
        on_owner(cluster, &["SET", &key(i), &i.to_string()], "OK");
    }
}

fn check(cluster: &Cluster) {
    for i in 0..KEYS {
        on_owner(cluster, &["GET", &key(i)], &i.to_string());
    }
}

fn on_owner(cluster: &Cluster, words: &[&str], wanted: &str) {
    wait_for(&format!("{words:?} is answered with {wanted}"), || {
        cluster.nodes.iter().any(|node| {
            let answer = node.client().call(words);
            answer.is_ok_and(|value| match value {
                Value::Simple(text) | Value::Bulk(text) => text == wanted.as_bytes(),
                _ => false,
            })
        })
    });
}

/// The names and who replicates whom, wherever they are.
fn roles(cluster: &Cluster) -> Vec<(String, String, String)> {
    let mut roles: Vec<_> = cluster.view(0).into_iter().map(|n| (n.id, n.master, n.slots)).collect();
    roles.sort();
    roles
}

/// Whether every node knows every other where it is.
fn wait_until_found(cluster: &Cluster) {
    let truth: Vec<(String, u16)> = {
        let mut all: Vec<_> =
            cluster.nodes.iter().enumerate().map(|(i, node)| (cluster.id(i), node.port())).collect();
        all.sort();
        all
    };
    wait_for("everybody knows where everybody is", || {
        (0..cluster.nodes.len()).all(|i| {
            let mut seen: Vec<_> = cluster.view(i).into_iter().map(|n| (n.id, n.port)).collect();
            seen.sort();
            seen == truth
        })
    });
    cluster.wait_until_healthy();
}

fn seeds(ports: &Ports) -> String {
    // A name, an address, and one where nobody is.
    format!("localhost:{} 127.0.0.1:{} localhost:{}", ports.port(0), ports.port(1), ports.port(15))
}

#[test]
fn all_six_come_back_at_new_ports_and_find_each_other_by_seeds() {
    let new = reserve();
    let directives = [("cluster-seeds", seeds(&new)), ("appendonly", "yes".to_string())];
    let directives: Vec<(&str, &str)> =
        directives.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &directives);
    cluster.create(Kind::Grapevine, 1);
    fill(&cluster);
    let before = roles(&cluster);
    let moves: Vec<(usize, u16)> = (0..6).map(|i| (i, new.port(i))).collect();
    restart_at(&mut cluster, &moves);
    wait_until_found(&cluster);
    assert_eq!(roles(&cluster), before, "the same nodes in the same roles");
    check(&cluster);
    // What CONFIG says of it, and a change while it runs.
    let got = cluster.nodes[0].command(&["CONFIG", "GET", "cluster-seeds"]);
    let got = got.as_array().and_then(|pair| pair.get(1)?.as_str()).unwrap_or_default().to_string();
    assert_eq!(got, seeds(&new));
    assert_eq!(
        cluster.nodes[0].text(&["CONFIG", "SET", "cluster-seeds", "a.example:7000 [::1]:7001@9000"]),
        "OK"
    );
    assert!(cluster.nodes[0].command(&["CONFIG", "SET", "cluster-seeds", "a.example"]).is_error());
    assert!(cluster.nodes[0].command(&["CONFIG", "SET", "cluster-seeds", "a.example:60000"]).is_error());
    assert_eq!(cluster.nodes[0].text(&["CONFIG", "SET", "cluster-seeds", ""]), "OK");
}

#[test]
fn two_nodes_exchange_their_ports_and_stay_who_they_are() {
    let mut cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(Kind::Grapevine, 1);
    fill(&cluster);
    let before = roles(&cluster);
    let (first, second) = (cluster.nodes[0].port(), cluster.nodes[1].port());
    restart_at(&mut cluster, &[(0, second), (1, first)]);
    wait_until_found(&cluster);
    // Their replicas may have taken over meanwhile, but nobody's slots may be another shard's.
    let slots = |roles: &[(String, String, String)]| {
        let mut all: Vec<String> = roles.iter().map(|role| role.2.clone()).collect();
        all.sort();
        all
    };
    assert_eq!(slots(&roles(&cluster)), slots(&before));
    check(&cluster);
}

#[test]
fn all_of_them_exchange_their_ports_without_seeds() {
    let mut cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(Kind::Grapevine, 1);
    fill(&cluster);
    let before = roles(&cluster);
    let moves: Vec<(usize, u16)> = (0..6).map(|i| (i, cluster.nodes[(i + 1) % 6].port())).collect();
    restart_at(&mut cluster, &moves);
    wait_until_found(&cluster);
    assert_eq!(roles(&cluster), before);
    check(&cluster);
}

#[test]
fn beside_redis_nodes_that_stay_the_others_may_move() {
    let new = reserve();
    let kinds = [Kind::Redis, Kind::Grapevine, Kind::Redis, Kind::Grapevine, Kind::Redis, Kind::Grapevine];
    let mut cluster = Cluster::start(&kinds, NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(Kind::Redis, 1);
    fill(&cluster);
    for index in [1, 3, 5] {
        let there = format!("localhost:{}", cluster.nodes[0].port());
        assert_eq!(cluster.nodes[index].text(&["CONFIG", "SET", "cluster-seeds", &there]), "OK");
    }
    let moves: Vec<(usize, u16)> = [1, 3, 5].into_iter().map(|i| (i, new.port(i))).collect();
    restart_at(&mut cluster, &moves);
    wait_until_found(&cluster);
    check(&cluster);
    // What only Grapevine says has not disturbed anybody.
    for index in [0, 2, 4] {
        let log = cluster.nodes[index].log();
        assert!(!log.contains("Received unknown extension"), "{log}");
        assert!(!log.contains("unknown packet"), "{log}");
    }
}

#[test]
fn a_second_process_under_one_name_does_not_serve() {
    let spare = reserve();
    let cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[]);
    cluster.create(Kind::Grapevine, 1);
    let folder = Folder::new();
    fs::copy(cluster.nodes[0].folder().join("nodes.conf"), folder.path().join("nodes.conf")).expect("a copy");
    let builder = Server::build(Kind::Grapevine, spare.port(0)).clustered(NODE_TIMEOUT_MS);
    let mut copy = builder.folder(folder.path()).start();
    assert_eq!(copy.text(&["CLUSTER", "MYID"]), cluster.id(0));
    let place = format!("cluster_name_taken_by:127.0.0.1:{}", cluster.nodes[0].port());
    wait_for("the copy is told", || copy.text(&["CLUSTER", "INFO"]).contains(&place));
    assert!(copy.text(&["CLUSTER", "INFO"]).contains("cluster_state:fail"));
    let answer = copy.command(&["SET", "{06S}", "1"]);
    assert!(answer.is_error(), "{answer:?}");
    assert!(copy.log().contains("another process has this node's name"), "{}", copy.log());
    for node in &cluster.nodes {
        assert!(node.text(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    }
    let own = cluster.nodes[0].port();
    let id = cluster.id(0);
    let at_home = |i: usize| cluster.view(i).iter().any(|n| n.id == id && n.port == own && !n.has("fail"));
    assert!((1..6).all(at_home));
    let told = run_cli(
        Kind::Grapevine,
        &["-p", &cluster.nodes[1].port().to_string(), "CLUSTER", "EVENTS", "TYPE", "bus"],
    );
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("two processes speak under the name"), "{told}");
    copy.kill();
    cluster.wait_until_healthy();
}
