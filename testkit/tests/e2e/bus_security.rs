//! A bus that strangers cannot speak on: the secret from the first start, introduced and changed while running, and who is
//! refused.

use client::Value;
use grapevine_testkit::{Cluster, Kind, Server, reserve, wait_for};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const NODE_TIMEOUT_MS: u64 = 3000;
const SECRET: &str = "correct-horse-battery-staple";
const NEXT: &str = "another-horse-another-staple";

fn refused(server: &Server) -> u64 {
    let info = server.text(&["CLUSTER", "INFO"]);
    let line = info.lines().find_map(|line| line.strip_prefix("cluster_bus_refused_peers:"));
    line.map_or(0, |count| count.trim().parse().expect("a number"))
}

/// The texts of the events of this type.
fn bus_events(server: &Server) -> String {
    let events = server.command(&["CLUSTER", "EVENTS", "TYPE", "bus", "COUNT", "2000"]);
    let fields = events.as_array().unwrap_or(&[]).iter().filter_map(Value::as_array).flatten();
    fields.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

#[test]
fn only_who_knows_the_secret_joins() {
    let cluster = Cluster::start(&[Kind::Grapevine; 3], NODE_TIMEOUT_MS, &[("cluster-secret", SECRET)]);
    cluster.create(Kind::Grapevine, 0);
    let ports = reserve();
    let start = |at: usize, kind: Kind| Server::build(kind, ports.port(at)).clustered(NODE_TIMEOUT_MS);
    let wrong = start(0, Kind::Grapevine).with("cluster-secret", NEXT).start();
    let without = start(1, Kind::Grapevine).start();
    let redis = start(2, Kind::Redis).start();
    let port = cluster.nodes[0].port().to_string();
    for stranger in [&wrong, &without, &redis] {
        let before = refused(&cluster.nodes[0]);
        assert_eq!(stranger.text(&["CLUSTER", "MEET", "127.0.0.1", &port]), "OK");
        wait_for("the stranger is refused", || refused(&cluster.nodes[0]) > before);
    }
    // From the inside, too.
    let theirs = redis.port().to_string();
    assert_eq!(cluster.nodes[1].text(&["CLUSTER", "MEET", "127.0.0.1", &theirs]), "OK");
    wait_for("every handshake is given up", || {
        cluster.nodes.iter().all(|n| n.text(&["CLUSTER", "INFO"]).contains("cluster_known_nodes:3"))
    });
    let told = bus_events(&cluster.nodes[0]);
    assert!(told.contains("refused 127.0.0.1: "), "{told}");

    // Somebody with a packet in his hand.
    let bus = cluster.nodes[0].port() + 10_000;
    let mut socket = TcpStream::connect(("127.0.0.1", bus)).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    socket.write_all(b"RCmb\0\0\x08\xd0\0\x01").expect("the first bytes");
    assert_eq!(socket.read(&mut [0; 16]).expect("an end"), 0, "closed without a word");
    cluster.wait_until_healthy();
}

#[test]
fn a_secret_is_introduced_and_changed_while_the_cluster_serves() {
    let cluster = Cluster::start(&[Kind::Grapevine; 3], NODE_TIMEOUT_MS, &[]);
    cluster.create(Kind::Grapevine, 0);
    let everywhere = |name: &str, value: &str| {
        for node in &cluster.nodes {
            assert_eq!(node.text(&["CONFIG", "SET", name, value]), "OK");
            wait_for("the links are back", || linked(node));
            assert!(node.text(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        }
    };
    everywhere("cluster-secret-mode", "permissive");
    everywhere("cluster-secret", SECRET);
    everywhere("cluster-secret-mode", "required");
    cluster.wait_until_healthy();
    everywhere("cluster-secret", &format!("{SECRET} {NEXT}"));
    everywhere("cluster-secret", &format!("{NEXT} {SECRET}"));
    everywhere("cluster-secret", NEXT);
    cluster.wait_until_healthy();
    let suspicions: Vec<Value> = cluster
        .nodes
        .iter()
        .map(|n| n.command(&["CLUSTER", "EVENTS", "TYPE", "suspicion", "COUNT", "2000"]))
        .collect();
    assert!(
        suspicions.iter().all(|v| v.as_array().is_some_and(|events| events.is_empty())),
        "{suspicions:?}"
    );
    let config = cluster.nodes[0].command(&["CONFIG", "SET", "cluster-secret", "short"]);
    assert!(config.is_error(), "{config:?}");
}

/// Whether all of its own links are up.
fn linked(server: &Server) -> bool {
    server.text(&["CLUSTER", "NODES"]).lines().all(|line| line.contains(" connected"))
}
