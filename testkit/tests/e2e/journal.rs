//! A cluster explains itself: the journal over restarts, a failover told by any node, and the writes that only the old
//! master had.

use client::Value;
use grapevine_testkit::{Cluster, Kind, run_cli, wait_for};
use rustix::process::Signal;

const NODE_TIMEOUT_MS: u64 = 2000;

/// A field of a map, which RESP2 gives as a list of names and values.
fn field<'v>(map: &'v Value, name: &str) -> Option<&'v Value> {
    map.as_array()?.chunks_exact(2).find(|pair| pair[0].as_str() == Some(name)).map(|pair| &pair[1])
}

fn number(map: &Value, name: &str) -> Option<i64> {
    field(map, name).and_then(Value::as_int)
}

/// A key of this node.
fn own_key(cluster: &Cluster, node: usize) -> String {
    let mut client = cluster.nodes[node].client();
    let key = (0..).map(|n| format!("k{n}")).find(|k| {
        let slot = client.call(&["SET", k, "old"]);
        slot.is_ok_and(|v| !v.is_error())
    });
    key.expect("a key of the master")
}

#[test]
fn a_failover_is_explained_and_the_stray_writes_are_kept() {
    let cluster =
        Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[("repl-ping-replica-period", "1")]);
    cluster.create(Kind::Grapevine, 1);
    let old =
        cluster.nodes.iter().position(|n| n.info("role").as_deref() == Some("master")).expect("a master");
    let old_id = cluster.id(old);
    let replica = cluster.view(old).into_iter().find(|n| n.master == old_id).expect("its replica");
    let (heir, heir_id) = (cluster.index_of(replica.port), replica.id);
    let key = own_key(&cluster, old);
    let mut client = cluster.nodes[old].client();
    assert_eq!(client.call(&["WAIT", "1", "30000"]).expect("WAIT").as_int(), Some(1));

    // What is written now reaches nobody: the replica stands still, and its connection is gone.
    cluster.nodes[heir].signal(Signal::STOP);
    cluster.nodes[old].command(&["CLIENT", "KILL", "TYPE", "replica"]);
    for n in 0..10 {
        assert!(!client.call(&["APPEND", &key, &n.to_string()]).expect("APPEND").is_error());
    }
    cluster.nodes[old].signal(Signal::STOP);
    cluster.nodes[heir].signal(Signal::CONT);
    let witness = (0..6).find(|i| *i != old && *i != heir).expect("another");
    wait_for("the replica takes over", || cluster.nodes[heir].info("role").as_deref() == Some("master"));
    wait_for("it takes a write", || cluster.nodes[heir].text(&["SET", &key, "new"]) == "OK");
    cluster.nodes[old].signal(Signal::CONT);
    wait_for("the old master is a replica", || cluster.nodes[old].info("role").as_deref() == Some("slave"));

    // Told by a node that had no part in it, once the old master has counted.
    let mut told = Value::Null;
    wait_for("the old master has counted", || {
        told = cluster.nodes[witness].command(&["CLUSTER", "EXPLAIN", "FAILOVER", &old_id]);
        number(&told, "counted-by-old-master") == Some(1)
    });
    assert_eq!(field(&told, "successor").and_then(Value::as_str), Some(heir_id.as_str()), "{told:?}");
    assert_eq!(number(&told, "lost-commands"), Some(10), "{told:?}");
    assert!(number(&told, "lost-bytes").is_some_and(|bytes| bytes >= 300), "{told:?}");
    assert!(number(&told, "total-ms").is_some_and(|ms| ms > 0 && ms < 60_000), "{told:?}");
    let phases = field(&told, "phases").and_then(Value::as_array).expect("phases");
    let names: Vec<_> = phases.iter().filter_map(|p| field(p, "phase").and_then(Value::as_str)).collect();
    assert_eq!(names.last(), Some(&"first-write"), "{names:?}");

    // The recovery file is what was written, fit for a pipe.
    let folder = cluster.nodes[old].folder();
    let mut kept = String::new();
    wait_for("the recovery file", || {
        let files = std::fs::read_dir(folder).expect("a folder");
        let names = files.flatten().filter(|f| f.file_name().to_string_lossy().starts_with("stray-writes-"));
        kept = names.map(|f| std::fs::read_to_string(f.path()).unwrap_or_default()).collect();
        !kept.is_empty()
    });
    assert_eq!(kept.matches("APPEND").count(), 10, "{kept}");
    assert!(!kept.contains("PING"));

    // For people, and over a restart.
    let address = cluster.nodes[witness].address();
    let output = run_cli(Kind::Grapevine, &["--cluster", "explain", &address, &old_id]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.starts_with(&format!("Master {old_id} was replaced by {heir_id}"))
    );
    assert!(text.contains("10 commands: the old master counted them"), "{text}");
    let output = run_cli(Kind::Grapevine, &["--cluster", "events", &address, "promotion"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("acts as a master"), "{text}");
}

#[test]
fn the_journal_goes_on_after_a_restart_and_names_who_asked() {
    let mut cluster = Cluster::start(&[Kind::Grapevine; 3], NODE_TIMEOUT_MS, &[]);
    cluster.create(Kind::Grapevine, 0);
    let events = |cluster: &Cluster, words: &[&str]| {
        let command = [&["CLUSTER", "EVENTS"], words].concat();
        cluster.nodes[0].command(&command).as_array().expect("events").to_vec()
    };
    let stranger = "f".repeat(40);
    cluster.nodes[0].command(&["CLUSTER", "FORGET", &stranger]);
    let asked = events(&cluster, &["TYPE", "command", "COUNT", "1"]);
    let text = field(&asked[0], "text").and_then(Value::as_str).expect("a text").to_string();
    assert!(text.starts_with("user default at 127.0.0.1:"), "{text}");
    assert!(
        text.ends_with(&format!("asked for CLUSTER FORGET {stranger}: refused: ERR Unknown node {stranger}"))
    );
    let id = number(&asked[0], "id").expect("an id");

    let (folder, port) = (cluster.nodes[0].folder().to_path_buf(), cluster.nodes[0].port());
    let lines = || std::fs::read_to_string(folder.join("nodes.conf.events")).unwrap_or_default();
    wait_for("the file has it", || lines().contains(&stranger));
    cluster.nodes[0].kill();
    cluster.nodes[0].start();
    assert_eq!(cluster.nodes[0].port(), port);
    let since = events(&cluster, &["SINCE", &(id - 1).to_string(), "COUNT", "2000"]);
    assert_eq!(field(&since[0], "text").and_then(Value::as_str), Some(text.as_str()));
    let started =
        since.iter().any(|e| field(e, "text").and_then(Value::as_str) == Some("started from its nodes.conf"));
    assert!(started && since.windows(2).all(|p| number(&p[0], "id") < number(&p[1], "id")));
}
