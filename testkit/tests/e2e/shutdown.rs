//! SHUTDOWN's words that have to do with the cluster: FAILOVER, SAFE and RESTART.

use crate::reborn::events;
use grapevine_testkit::{Cluster, Kind, Server, wait_for};
use std::time::{Duration, Instant};

/// The default, which no step here waits for.
const NODE_TIMEOUT_MS: u64 = 15_000;
/// Well beyond what evidence of a crash and an election take, and within what an announced restart may take.
const DOWN: Duration = Duration::from_secs(4);

fn cluster() -> Cluster {
    let cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(Kind::Grapevine, 1);
    cluster
}

fn replica_of(cluster: &Cluster, i: usize) -> usize {
    let id = cluster.id(i);
    let view = cluster.view(i);
    cluster.index_of(view.iter().find(|n| n.master == id).expect("a replica").port)
}

/// A command that is answered only if it fails.
fn shut_down(server: &Server, words: &[&str]) -> Option<String> {
    let command = [&["SHUTDOWN"], words].concat();
    let answer = server.client().call(&command).ok()?;
    Some(String::from_utf8_lossy(answer.error().unwrap_or_default()).into_owned())
}

#[test]
fn failover_leaves_the_slots_to_a_replica_first() {
    let mut cluster = cluster();
    let heir = replica_of(&cluster, 0);
    assert_eq!(shut_down(&cluster.nodes[0], &["FAILOVER"]), None);
    wait_for("it ends", || cluster.nodes[0].has_exited());
    assert!(cluster.nodes[0].log().contains("A replica has taken over my slots."));
    assert_eq!(cluster.nodes[heir].info("role").as_deref(), Some("master"));
    cluster.nodes[0].start();
    cluster.wait_until_healthy();
    assert_eq!(cluster.nodes[0].info("role").as_deref(), Some("slave"));
}

#[test]
fn safe_refuses_as_long_as_slots_are_owned() {
    let mut cluster = cluster();
    let refused = Some("ERR Errors trying to SHUTDOWN. Check logs.".to_owned());
    assert_eq!(shut_down(&cluster.nodes[0], &["SAFE"]), refused);
    assert!(
        cluster.nodes[0].log().contains("It is not safe to shut down: this node owns slots of the cluster.")
    );
    let replica = replica_of(&cluster, 0);
    // With somebody to leave them to it is safe.
    assert_eq!(shut_down(&cluster.nodes[0], &["SAFE", "FAILOVER"]), None);
    wait_for("it ends", || cluster.nodes[0].has_exited());
    // That one has nobody now.
    wait_for("it knows that the other is gone", || {
        shut_down(&cluster.nodes[replica], &["SAFE", "FAILOVER"]) == refused
    });
    assert!(!cluster.nodes[replica].has_exited());
    cluster.nodes[0].start();
    cluster.wait_until_healthy();
    // A replica owns none.
    assert_eq!(shut_down(&cluster.nodes[0], &["SAFE"]), None);
    wait_for("the replica ends", || cluster.nodes[0].has_exited());
}

#[test]
fn an_announced_restart_is_not_failed_over() {
    let mut cluster = cluster();
    let replica = replica_of(&cluster, 0);
    // An empty one would leave the shard to its replica, whatever that has.
    let mut client = cluster.nodes[0].client();
    let mut set = |key: &String| client.call(&["SET", key, "kept"]).is_ok_and(|v| v.is_ok());
    let key = (0..).map(|n| format!("k{n}")).find(|key| set(key)).expect("a key of the first");
    assert_eq!(client.call(&["WAIT", "1", "30000"]).expect("WAIT").as_int(), Some(1));
    assert_eq!(shut_down(&cluster.nodes[0], &["RESTART"]), None);
    wait_for("it ends", || cluster.nodes[0].has_exited());
    let begin = Instant::now();
    while begin.elapsed() < DOWN {
        assert_eq!(cluster.nodes[replica].info("role").as_deref(), Some("slave"));
        std::thread::sleep(Duration::from_millis(100));
    }
    cluster.nodes[0].start();
    cluster.wait_until_healthy();
    assert_eq!(cluster.nodes[0].info("role").as_deref(), Some("master"));
    assert_eq!(cluster.nodes[0].text(&["GET", &key]), "kept");
    let told = events(&cluster.nodes[replica], "suspicion");
    assert!(told.iter().any(|text| text.contains("is being restarted: excused for")), "{told:?}");
}
