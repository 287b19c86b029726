//! A master that was away longer than the node timeout must not acknowledge what its successor never saw (the write
//! lease, rule 6 of the cluster).

use grapevine_testkit::{Cluster, Kind, wait_for};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const NODE_TIMEOUT_MS: u64 = 2000;

#[test]
fn a_master_that_was_stopped_acknowledges_nothing_afterwards() {
    let cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[]);
    cluster.create(Kind::Grapevine, 1);
    let stopped =
        cluster.nodes.iter().position(|n| n.info("role").as_deref() == Some("master")).expect("a master");
    let mut client = cluster.nodes[stopped].client();
    let key =
        (0..).map(|n| format!("k{n}")).find(|k| client.call(&["SET", k, "old"]).is_ok_and(|v| !v.is_error()));
    let key = key.expect("a key of the master");
    let copied = client.call(&["WAIT", "1", "30000"]).expect("WAIT").as_int();
    assert_eq!(copied, Some(1), "the replica has the key");

    // The write waits in the socket while the process stands still.
    let mut socket = TcpStream::connect(("127.0.0.1", cluster.nodes[stopped].port())).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    cluster.nodes[stopped].signal(Signal::STOP);
    socket.write_all(format!("SET {key} lost\r\n").as_bytes()).expect("the write");

    let id = cluster
        .view((stopped + 1) % 6)
        .into_iter()
        .find(|n| n.port == cluster.nodes[stopped].port())
        .expect("it")
        .id;
    let witness = (stopped + 1) % 6;
    wait_for("a replica takes over", || {
        cluster.view(witness).iter().any(|n| {
            n.has("master")
                && n.id != id
                && cluster.nodes[cluster.index_of(n.port)].text(&["GET", &key]) == "old"
        })
    });
    cluster.nodes[stopped].signal(Signal::CONT);
    let mut reply = [0; 256];
    let n = socket.read(&mut reply).unwrap_or(0);
    let reply = String::from_utf8_lossy(&reply[..n]).into_owned();
    assert!(!reply.starts_with("+OK"), "a write was acknowledged that the new master does not have");
    wait_for("it is a replica again", || cluster.nodes[stopped].info("role").as_deref() == Some("slave"));
    cluster.wait_until_healthy();
}
