//! Replicas that go to masters which have none left: when they may, when they may not, and with whose data.

use grapevine_testkit::{Cluster, Kind, wait_for};
use std::time::{Duration, Instant};

const NODE_TIMEOUT_MS: u64 = 2000;
/// A master must have been without a replica for five seconds; who has not moved after this long does not.
const LONG_ENOUGH: Duration = Duration::from_secs(9);
use Kind::{Grapevine, Redis};

/// Three masters, one of which has two replicas.
struct Fixture {
    cluster: Cluster,
    /// A master, and its only replica.
    poor: usize,
    only: usize,
    /// The replicas of the master that has two, and that master.
    spare: [usize; 2],
    rich: usize,
}

fn replicas_of(cluster: &Cluster, i: usize) -> Vec<usize> {
    let id = cluster.id(i);
    let view = cluster.view(i);
    view.iter().filter(|n| n.master == id).map(|n| cluster.index_of(n.port)).collect()
}

fn fixture(masters: Kind, replicas: Kind) -> Fixture {
    let mut kinds = vec![masters; 3];
    kinds.extend([replicas; 4]);
    let directives = [("appendonly", "yes"), ("repl-diskless-sync-delay", "0")];
    let cluster = Cluster::start(&kinds, NODE_TIMEOUT_MS, &directives);
    cluster.create(Kind::Grapevine, 1);
    cluster.wait_until_healthy();
    let of: Vec<Vec<usize>> = (0..3).map(|i| replicas_of(&cluster, i)).collect();
    let rich = of.iter().position(|all| all.len() == 2).expect("a master with two replicas");
    let poor = of.iter().position(|all| all.len() == 1).expect("a master with one");
    for (n, i) in [rich, poor].into_iter().enumerate() {
        fill(&cluster, i, 20 * (n + 1));
    }
    Fixture { poor, only: of[poor][0], spare: [of[rich][0], of[rich][1]], rich, cluster }
}

/// Writes so many keys that this master serves.
fn fill(cluster: &Cluster, i: usize, count: usize) {
    let mut client = cluster.nodes[i].client();
    let mut written = 0;
    for key in (0..).map(|n| format!("key{n}")) {
        written += usize::from(client.call(&["SET", &key, "x"]).is_ok_and(|v| !v.is_error()));
        if written == count {
            return;
        }
    }
}

fn size(cluster: &Cluster, i: usize) -> Option<i64> {
    cluster.nodes[i].command(&["DBSIZE"]).as_int()
}

fn set(cluster: &Cluster, indices: &[usize], directive: &str, value: &str) {
    for i in indices {
        assert_eq!(cluster.nodes[*i].text(&["CONFIG", "SET", directive, value]), "OK");
    }
}

/// Which of the spare replicas follows the poor master now.
fn mover(f: &Fixture) -> Option<usize> {
    let port = f.cluster.nodes[f.poor].port().to_string();
    f.spare.into_iter().find(|i| f.cluster.nodes[*i].info("master_port").as_deref() == Some(port.as_str()))
}

fn an_orphaned_master_gets_a_replica(masters: Kind, replicas: Kind) {
    let mut f = fixture(masters, replicas);
    f.cluster.nodes[f.only].kill();
    wait_for("a replica comes over", || mover(&f).is_some());
    let moved = mover(&f).expect("just seen");
    wait_for("it has its new master's data, and nothing else", || {
        f.cluster.nodes[moved].info("master_link_status").as_deref() == Some("up")
            && size(&f.cluster, moved) == Some(40)
    });
    let stays = f.spare.into_iter().find(|i| *i != moved).expect("the other one");
    assert_eq!(size(&f.cluster, stays), Some(20));
    wait_for("one was enough, as its old master knows", || replicas_of(&f.cluster, f.rich) == [stays]);
    // It is a replica like any other: it takes over.
    f.cluster.nodes[f.poor].kill();
    wait_for("it takes over", || f.cluster.nodes[moved].info("role").as_deref() == Some("master"));
    assert_eq!(size(&f.cluster, moved), Some(40));
}

#[test]
fn a_grapevine_replica_goes_where_none_is_left() {
    an_orphaned_master_gets_a_replica(Grapevine, Grapevine);
}

#[test]
fn among_redis_masters_too() {
    an_orphaned_master_gets_a_replica(Redis, Grapevine);
}

#[test]
fn the_barrier_and_the_directive_hold_replicas_back() {
    let mut f = fixture(Grapevine, Grapevine);
    let spare = f.spare;
    set(&f.cluster, &spare, "cluster-migration-barrier", "2");
    f.cluster.nodes[f.only].kill();
    stays(&f, "the barrier");
    set(&f.cluster, &spare, "cluster-allow-replica-migration", "no");
    set(&f.cluster, &spare, "cluster-migration-barrier", "1");
    stays(&f, "the directive");
    set(&f.cluster, &spare, "cluster-allow-replica-migration", "yes");
    wait_for("a replica comes over", || mover(&f).is_some());
}

/// Nobody moves, although there has been time enough since the only replica was seen to fail.
fn stays(f: &Fixture, why: &str) {
    let id = f.cluster.id(f.poor);
    let lost = || {
        let view = f.cluster.view(f.spare[0]);
        view.iter().filter(|n| n.master == id).all(|n| n.has("fail"))
    };
    wait_for("the only replica has failed", lost);
    let began = Instant::now();
    wait_for("time enough to move", || {
        assert_eq!(mover(f), None, "{why} was not obeyed");
        began.elapsed() > LONG_ENOUGH
    });
}

#[test]
fn who_has_come_over_without_the_data_does_not_take_over() {
    let mut f = fixture(Grapevine, Grapevine);
    // Its new master never gets round to sending it anything.
    set(&f.cluster, &[f.poor], "repl-diskless-sync-delay", "3600");
    f.cluster.nodes[f.only].kill();
    wait_for("a replica comes over", || mover(&f).is_some());
    let moved = mover(&f).expect("just seen");
    wait_for("it asks for the data", || {
        f.cluster.nodes[f.poor].info("slave0").is_some_and(|line| line.contains("state=wait_bgsave"))
    });
    f.cluster.nodes[f.poor].kill();
    wait_for("it says why it does not stand", || {
        f.cluster.nodes[moved]
            .log()
            .contains("Currently unable to failover: Disconnected from master for longer")
    });
    assert_eq!(f.cluster.nodes[moved].info("role").as_deref(), Some("slave"));
    assert_eq!(size(&f.cluster, moved), Some(20), "it still has the other shard's data");
    f.cluster.nodes[f.poor].start();
    wait_for("its master is back with what it had", || {
        f.cluster.nodes[f.poor].info("role").as_deref() == Some("master")
            && size(&f.cluster, f.poor) == Some(40)
    });
    wait_for("and is followed", || {
        size(&f.cluster, moved) == Some(40)
            && f.cluster.nodes[moved].info("master_link_status").as_deref() == Some("up")
    });
}
