//! Grapevine and redis-server 7.0.15 in one cluster: joins, replicas both ways, failover both ways, forget.

use grapevine_testkit::{Cluster, Kind, wait_for};

const NODE_TIMEOUT_MS: u64 = 3000;
use Kind::{Grapevine, Redis};

/// Masters are the first three, replicas the last three, in the order that `--cluster create` gives them.
fn role_is(cluster: &Cluster, i: usize, role: &str) -> bool {
    cluster.nodes[i].info("role").as_deref() == Some(role)
}

/// The replica of the master with index `i`.
fn replica_of(cluster: &Cluster, i: usize) -> usize {
    let id = cluster.id(i);
    let view = cluster.view(i);
    let line =
        view.iter().find(|n| n.master == id).unwrap_or_else(|| panic!("{id} has no replica: {view:?}"));
    cluster.index_of(line.port)
}

fn fail_over(cluster: &mut Cluster, victim: usize) {
    let heir = replica_of(cluster, victim);
    let mut client = cluster.nodes[victim].client();
    let mut set = |key: &str| client.call(&["SET", key, "kept"]).is_ok_and(|v| !v.is_error());
    let key = (0..).map(|n| format!("k{n}")).find(|key| set(key)).expect("a key");
    // On the same connection, so that WAIT is about this write.
    let copied = client.call(&["WAIT", "1", "30000"]).expect("WAIT").as_int();
    assert_eq!(copied, Some(1), "the replica has the key");
    cluster.nodes[victim].kill();
    wait_for("the replica takes over", || role_is(cluster, heir, "master"));
    wait_for("it serves the key", || cluster.nodes[heir].text(&["GET", &key]) == "kept");
    cluster.nodes[victim].start();
    wait_for("the old master follows it", || {
        role_is(cluster, victim, "slave")
            && cluster.nodes[victim].info("master_link_status").as_deref() == Some("up")
    });
    cluster.wait_until_healthy();
}

/// Masters of one kind with replicas of the other.
fn masters_and_replicas(masters: Kind, replicas: Kind, tool: Kind) {
    let kinds = [masters, masters, masters, replicas, replicas, replicas];
    let mut cluster = Cluster::start(&kinds, NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(tool, 1);
    for i in 0..3 {
        assert!(role_is(&cluster, i, "master"));
        assert_eq!(cluster.nodes[replica_of(&cluster, i)].kind(), replicas);
    }
    fail_over(&mut cluster, 0);
    let back = replica_of(&cluster, replica_index_of_heir(&cluster));
    assert_eq!(cluster.nodes[back].text(&["CLUSTER", "FAILOVER"]), "OK");
    wait_for("the manual failover goes back", || role_is(&cluster, back, "master"));
    cluster.wait_until_healthy();
}

/// The master that the first node follows now.
fn replica_index_of_heir(cluster: &Cluster) -> usize {
    let id = cluster.id(0);
    let view = cluster.view(0);
    let me = view.iter().find(|n| n.id == id).expect("myself");
    let heir = view.iter().find(|n| n.id == me.master).expect("my master");
    cluster.index_of(heir.port)
}

#[test]
fn redis_masters_with_grapevine_replicas() {
    masters_and_replicas(Redis, Grapevine, Kind::Redis);
}

#[test]
fn grapevine_masters_with_redis_replicas() {
    masters_and_replicas(Grapevine, Redis, Kind::Grapevine);
}

#[test]
fn a_node_leaves_and_is_forgotten() {
    let cluster = Cluster::start(&[Grapevine, Redis, Grapevine, Redis], NODE_TIMEOUT_MS, &[]);
    cluster.create(Kind::Redis, 0);
    let leaver = cluster.view(0).into_iter().find(|n| n.port == cluster.nodes[3].port()).expect("the fourth");
    // Its slots go to the first node, by hand, empty as they are: whole ranges, as each command is a write to the disk.
    for range in leaver.slots.split(' ').filter(|r| !r.is_empty()) {
        let (a, b) = range.split_once('-').unwrap_or((range, range));
        assert_eq!(cluster.nodes[3].text(&["CLUSTER", "DELSLOTSRANGE", a, b]), "OK");
        wait_for("the first node takes them", || {
            // A claim of the fourth that is still under way may come between the two.
            cluster.nodes[0].text(&["CLUSTER", "DELSLOTSRANGE", a, b]);
            cluster.nodes[0].text(&["CLUSTER", "ADDSLOTSRANGE", a, b]) == "OK"
        });
    }
    assert_eq!(cluster.nodes[0].text(&["CLUSTER", "BUMPEPOCH"]).split(' ').next(), Some("BUMPED"));
    wait_for("everyone sees the fourth without slots", || {
        (0..4).all(|i| cluster.view(i).iter().any(|n| n.id == leaver.id && n.slots.is_empty()))
    });
    for i in 0..3 {
        assert_eq!(cluster.nodes[i].text(&["CLUSTER", "FORGET", &leaver.id]), "OK");
    }
    wait_for("nobody knows it any more", || {
        (0..3).all(|i| cluster.view(i).iter().all(|n| n.id != leaver.id))
    });
}
