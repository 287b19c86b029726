//! Cluster mode: the slots' owners are found, and a failover costs errors and not the run.

use std::process::{Command, Stdio};

use testkit::{Cluster, Kind, wait_for};

use crate::{OURS, THEIRS, run, shape};

fn cluster(kind: Kind) -> Cluster {
    let directives = [("save", ""), ("repl-diskless-sync-delay", "0")];
    let cluster = Cluster::start(&[kind; 6], 2000, &directives);
    cluster.create(Kind::Redis, 1);
    cluster
}

fn masters(cluster: &Cluster) -> Vec<usize> {
    (0..6).filter(|i| cluster.nodes[*i].info("role").as_deref() == Some("master")).collect()
}

#[test]
fn a_healthy_cluster() {
    let cluster = cluster(Kind::Redis);
    let port = cluster.nodes[0].port().to_string();
    for options in
        ["-n 2000 -t set,get -r 100", "-n 2000 -P 4 -q -t incr", "-n 900 -c 9 --threads 2 --csv -t set"]
    {
        let args: Vec<&str> = ["--cluster", "-p", &port].into_iter().chain(options.split(' ')).collect();
        let [theirs, ours] = [THEIRS, OURS].map(|program| run(program, &args, b""));
        assert_eq!(ours.code, Some(0), "{ours:?}");
        let lines = |text: &str| {
            // Node ids differ in their digits from run to run of the cluster only.
            shape(text).into_iter().filter(|line| !line.starts_with("Master ")).collect::<Vec<_>>()
        };
        assert_eq!(lines(&ours.out), lines(&theirs.out), "{options}");
        assert_eq!(ours.err, "");
    }
    for i in masters(&cluster) {
        assert_ne!(cluster.nodes[i].text(&["DBSIZE"]), "0");
    }
    // Without a tag the clients are sent to where the key lives.
    let args = ["--cluster", "-p", &port, "-n", "500", "-q", "incr", "one-key"];
    let done = run(OURS, &args, b"");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains(" errors: MOVED\n"), "{done:?}");
    let value =
        masters(&cluster).iter().map(|i| cluster.nodes[*i].text(&["GET", "one-key"])).find(|v| v == "500");
    assert!(value.is_some(), "each request was executed once");
}

#[test]
fn a_slot_on_its_way() {
    let cluster = cluster(Kind::Redis);
    let [source, target, ..] = masters(&cluster)[..] else { panic!("masters") };
    let slot = cluster.nodes[source].text(&["CLUSTER", "KEYSLOT", "one-key"]);
    let owner = masters(&cluster)
        .into_iter()
        .find(|i| !cluster.nodes[*i].text(&["GET", "one-key"]).starts_with("MOVED"))
        .unwrap();
    let target = if owner == target { source } else { target };
    cluster.nodes[target].text(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(owner)]);
    cluster.nodes[owner].text(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(target)]);
    let port = cluster.nodes[owner].port().to_string();
    let args = ["--cluster", "-p", &port, "-n", "60", "-c", "3", "-P", "2", "-q", "incr", "one-key"];
    let done = run(OURS, &args, b"");
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.err.contains(" errors: ASK\n"), "{done:?}");
    let mut client = cluster.nodes[target].client();
    client.call(&["ASKING"]).unwrap();
    assert_eq!(client.call(&["GET", "one-key"]).unwrap().as_str(), Some("60"), "the new node has the key");
}

fn through_a_failover(kind: Kind) {
    let mut cluster = cluster(kind);
    let [victim, survivor, ..] = masters(&cluster)[..] else { panic!("masters") };
    let port = cluster.nodes[survivor].port().to_string();
    let dead = cluster.nodes[victim].port();
    let mut command = Command::new(OURS);
    command.args(["--cluster", "-p", &port, "-n", "400000", "-c", "12", "-q", "-t", "incr"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the victim is under load", || cluster.nodes[victim].text(&["DBSIZE"]) != "0");
    cluster.nodes[victim].kill();
    wait_for("a replica takes over", || {
        cluster.view(survivor).iter().any(|n| n.port == dead && n.has("fail") && n.slots.is_empty())
    });
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    assert!(out.contains("INCR: ") && out.contains(" requests per second"), "{out}");
    assert!(err.contains(" errors: "), "the errors are counted: {err}");
    let sum: u64 = (0..6)
        .filter(|i| *i != victim && cluster.nodes[*i].info("role").as_deref() == Some("master"))
        .map(|i| {
            let mut client = cluster.nodes[i].client();
            let keys = client.call(&["KEYS", "counter:*"]).unwrap();
            let names = keys.as_array().unwrap().iter().filter_map(|key| key.as_str());
            names.map(|key| cluster.nodes[i].text(&["GET", key]).parse::<u64>().unwrap()).sum::<u64>()
        })
        .sum();
    // What the dead master had not passed on is lost; what was asked for twice counts twice.
    assert!(sum > 300_000, "{sum}: {err}");
}

#[test]
fn through_a_failover_of_redis() {
    through_a_failover(Kind::Redis);
}

#[test]
fn through_a_failover_of_grapevine() {
    through_a_failover(Kind::Grapevine);
}
