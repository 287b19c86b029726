//! `grapevine-cli --cluster replace-node`: a new node takes the place of a dead or living one.

use grapevine_testkit::{Cluster, Kind, Ports, Server, cli, reserve, run_cli, wait_for};
use std::process::{Command, Output};

const NODE_TIMEOUT_MS: u64 = 3000;

fn started(kinds: &[Kind]) -> (Cluster, Ports) {
    let cluster = Cluster::start(kinds, NODE_TIMEOUT_MS, &[]);
    (cluster, reserve())
}

fn spare(ports: &Ports, index: usize) -> Server {
    Server::build(Kind::Grapevine, ports.port(index)).clustered(NODE_TIMEOUT_MS).start()
}

fn replace(at: &Server, old: &str, new: &Server) -> Output {
    run_cli(
        Kind::Grapevine,
        &["--cluster", "replace-node", &at.address(), old, &new.address(), "--cluster-yes"],
    )
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Swaps the replaced server for the new one in the list of those that must agree.
fn settle(cluster: &mut Cluster, index: usize, new: Server) -> Server {
    let old = std::mem::replace(&mut cluster.nodes[index], new);
    cluster.wait_until_healthy();
    let id = cluster.id(index);
    for i in 0..cluster.nodes.len() {
        let view = cluster.view(i);
        assert_eq!(view.len(), cluster.nodes.len(), "the old one is forgotten: {view:?}");
        assert!(view.iter().any(|n| n.id == id));
    }
    old
}

#[test]
fn a_living_primary_hands_its_slots_and_data_to_the_new_node() {
    let (mut cluster, ports) = started(&[Kind::Grapevine; 6]);
    cluster.create(Kind::Grapevine, 1);
    let key = "{06S}1";
    let owner = (0..6).find(|i| cluster.nodes[*i].text(&["SET", key, "kept"]) == "OK").expect("an owner");
    let new = spare(&ports, 0);
    let (old_id, at) = (cluster.id(owner), (owner + 1) % 6);
    let output = replace(&cluster.nodes[at], &old_id, &new);
    assert!(output.status.success(), "{}", text(&output));
    let old = settle(&mut cluster, owner, new);
    assert_eq!(cluster.nodes[owner].text(&["GET", key]), "kept");
    assert!(cluster.view(owner).iter().any(|n| n.master == cluster.id(owner)), "its replica follows");
    assert!(old.text(&["CLUSTER", "INFO"]).contains("cluster_known_nodes:1"));
}

#[test]
fn a_dead_replica_and_a_dead_primary_that_was_failed_over_are_replaced() {
    let (mut cluster, ports) = started(&[Kind::Grapevine; 6]);
    cluster.create(Kind::Grapevine, 1);
    let replica = (0..6).find(|i| cluster.nodes[*i].info("role").as_deref() == Some("slave")).expect("one");
    let id = cluster.id(replica);
    let primary = cluster.view(replica).into_iter().find(|n| n.id == id).expect("itself").master;
    cluster.nodes[replica].kill();
    let at = (replica + 1) % 6;
    wait_for("it is failed", || cluster.view(at).iter().any(|n| n.id == id && n.has("fail")));
    let new = spare(&ports, 0);
    let output = replace(&cluster.nodes[at], &id, &new);
    assert!(output.status.success(), "{}", text(&output));
    drop(settle(&mut cluster, replica, new));
    let me = cluster.id(replica);
    assert!(cluster.view(0).iter().any(|n| n.id == me && n.master == primary), "of the same shard");

    // Named by its address this time.
    let primary = cluster.view(replica).into_iter().find(|n| n.id == primary).expect("known");
    let gone = cluster.index_of(primary.port);
    cluster.nodes[gone].kill();
    let at = (gone + 1) % 6;
    wait_for("its replica has taken over", || {
        cluster.view(at).iter().any(|n| n.id == me && n.slots == primary.slots)
            && cluster.nodes[at].text(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    });
    let new = spare(&ports, 1);
    let output = replace(&cluster.nodes[at], &format!("127.0.0.1:{}", primary.port), &new);
    assert!(output.status.success(), "{}", text(&output));
    drop(settle(&mut cluster, gone, new));
    let id = cluster.id(gone);
    assert!(cluster.view(0).iter().any(|n| n.id == id && n.master == me), "of the same shard");
}

#[test]
fn a_primary_that_is_gone_with_its_slots_leaves_them_to_the_new_node() {
    let (mut cluster, ports) = started(&[Kind::Grapevine, Kind::Grapevine, Kind::Redis]);
    cluster.create(Kind::Redis, 0);
    let id = cluster.id(1);
    let slots = cluster.view(0).into_iter().find(|n| n.id == id).expect("known").slots;
    cluster.nodes[1].kill();
    wait_for("it is failed", || cluster.view(0).iter().any(|n| n.id == id && n.has("fail")));
    let new = spare(&ports, 0);
    // Without an answer nothing happens.
    let words = ["--cluster", "replace-node", &cluster.nodes[0].address(), &id, &new.address()];
    let output = Command::new(cli(Kind::Grapevine)).args(words).stdin(std::process::Stdio::null()).output();
    let output = output.expect("the tool runs");
    assert!(
        !output.status.success() && text(&output).contains("what they held is lost"),
        "{}",
        text(&output)
    );
    assert!(new.text(&["CLUSTER", "INFO"]).contains("cluster_known_nodes:1"));
    let output = replace(&cluster.nodes[0], &id, &new);
    assert!(output.status.success(), "{}", text(&output));
    drop(settle(&mut cluster, 1, new));
    let me = cluster.id(1);
    assert_eq!(cluster.view(2).into_iter().find(|n| n.id == me).expect("known").slots, slots);
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_changed() {
    let (cluster, ports) = started(&[Kind::Grapevine; 3]);
    cluster.create(Kind::Grapevine, 0);
    let new = spare(&ports, 0);
    let at = &cluster.nodes[0];
    let refusals = [
        (replace(at, "nosuchid", &new), "[ERR] No such node in the cluster: nosuchid"),
        (replace(at, &cluster.id(1), &cluster.nodes[1]), "cannot take its own place"),
        (replace(at, &cluster.id(1), &cluster.nodes[2]), "is in the cluster and serves slots of its own"),
        (replace(&new, &cluster.id(1), &new), "[ERR] No such node in the cluster"),
    ];
    for (output, wanted) in refusals {
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains(wanted), "{wanted}: {}", text(&output));
    }
    let alone = Server::build(Kind::Grapevine, ports.port(1)).start();
    let output = replace(at, &cluster.id(1), &alone);
    assert!(text(&output).contains("is not configured as a cluster node"), "{}", text(&output));
    assert!((0..3).all(|i| cluster.view(i).len() == 3));
    cluster.wait_until_healthy();
}
