//! A master without persistence that is killed and restarted at once comes back empty. Its replicas must not copy the
//! emptiness: it leaves the shard to them (rule 17 of the cluster). Nor must they copy an append only file that has lost its tail.

use grapevine_testkit::{Cluster, Kind, Server, wait_for};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const NODE_TIMEOUT_MS: u64 = 5000;
const KEYS: usize = 100;
use Kind::{Grapevine, Redis};

/// Writes keys of the master with index `i`; returns when a replica has them all.
fn fill(cluster: &Cluster, i: usize) -> Vec<String> {
    let mut client = cluster.nodes[i].client();
    let mut set = |key: &String| client.call(&["SET", key, key]).is_ok_and(|v| !v.is_error());
    let keys: Vec<_> = (0..).map(|n| format!("k{n}")).filter(|key| set(key)).take(KEYS).collect();
    let copied = client.call(&["WAIT", "1", "30000"]).expect("WAIT").as_int();
    assert_eq!(copied, Some(1), "the replica has the keys");
    keys
}

/// Whether some master serves this key with its value.
fn is_kept(cluster: &Cluster, key: &String) -> bool {
    let masters = cluster.nodes.iter().filter(|n| n.info("role").as_deref() == Some("master"));
    masters.into_iter().any(|n| n.text(&["GET", key]) == *key)
}

fn kill_and_restart_at_once(replicas: Kind) {
    let kinds = [Grapevine, Grapevine, Grapevine, replicas, replicas, replicas];
    let directives = [("appendonly", "no"), ("save", ""), ("repl-diskless-sync-delay", "0")];
    let mut cluster = Cluster::start(&kinds, NODE_TIMEOUT_MS, &directives);
    cluster.create(Grapevine, 1);
    let keys = fill(&cluster, 0);
    cluster.nodes[0].kill();
    cluster.nodes[0].start();
    wait_for("the data is served again", || is_kept(&cluster, &keys[0]));
    cluster.wait_until_healthy();
    let lost: Vec<_> = keys.iter().filter(|key| !is_kept(&cluster, key)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let sizes: Vec<_> = cluster.nodes.iter().map(|n| n.text(&["DBSIZE"])).collect();
    assert_eq!(sizes.iter().filter(|size| **size == KEYS.to_string()).count(), 2, "both copies: {sizes:?}");
}

#[test]
fn replicas_survive_a_master_that_comes_back_empty_at_once() {
    kill_and_restart_at_once(Grapevine);
}

#[test]
fn replicas_of_redis_survive_it_too() {
    kill_and_restart_at_once(Redis);
}

/// The newest increment of a server's append only file.
fn increment(server: &Server) -> PathBuf {
    let folder = fs::read_dir(server.folder().join("appendonlydir")).expect("the files");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".incr.aof"));
    files.sort();
    files.pop().expect("an increment")
}

/// As if the last writes had not reached the disk.
fn cut_tail(server: &Server) {
    let path = increment(server);
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, &bytes[..bytes.len() * 2 / 3]).expect("a shorter file");
}

fn with_files() -> (Cluster, Vec<String>) {
    with_files_and(&[("cluster-crash-detection", "no")])
}

fn with_files_and(more: &[(&str, &str)]) -> (Cluster, Vec<String>) {
    let directives = [&[("appendonly", "yes"), ("repl-diskless-sync-delay", "0")], more].concat();
    let cluster = Cluster::start(&[Grapevine; 6], NODE_TIMEOUT_MS, &directives);
    cluster.create(Grapevine, 1);
    let keys = fill(&cluster, 0);
    let last = format!("\r\n{}\r\n", keys.last().expect("keys")).into_bytes();
    for i in [0, replica_of_first(&cluster)] {
        wait_for("the last key is in the file", || {
            let bytes = fs::read(increment(&cluster.nodes[i])).expect("the file");
            bytes.windows(last.len()).any(|found| found == last)
        });
    }
    (cluster, keys)
}

fn replica_of_first(cluster: &Cluster) -> usize {
    let id = cluster.id(0);
    (1..6).find(|i| cluster.view(*i).iter().any(|n| n.id == cluster.id(*i) && n.master == id)).expect("one")
}

fn nothing_is_lost(cluster: &Cluster, keys: &[String]) {
    wait_for("the last key is served again", || is_kept(cluster, keys.last().expect("keys")));
    cluster.wait_until_healthy();
    let lost: Vec<_> = keys.iter().filter(|key| !is_kept(cluster, key)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let log = cluster.nodes[0].log();
    assert!(log.contains("I came back with data up to offset"), "{log}");
}

#[test]
fn replicas_survive_a_master_whose_append_only_file_has_lost_its_tail() {
    let (mut cluster, keys) = with_files();
    cluster.nodes[0].kill();
    cut_tail(&cluster.nodes[0]);
    cluster.nodes[0].start();
    nothing_is_lost(&cluster, &keys);
}

#[test]
fn so_does_one_that_is_started_again_with_it() {
    let (mut cluster, keys) = with_files();
    let replica = replica_of_first(&cluster);
    cluster.nodes[0].kill();
    cluster.nodes[replica].kill();
    cut_tail(&cluster.nodes[0]);
    cluster.nodes[0].start();
    cluster.nodes[replica].start();
    nothing_is_lost(&cluster, &keys);
}

#[test]
fn a_master_whose_append_only_file_is_whole_serves_again() {
    let (mut cluster, keys) = with_files();
    let replica = replica_of_first(&cluster);
    cluster.nodes[0].kill();
    cluster.nodes[replica].kill();
    cluster.nodes[0].start();
    cluster.nodes[replica].start();
    cluster.wait_until_healthy();
    assert_eq!(cluster.nodes[0].info("role").as_deref(), Some("master"), "{}", cluster.nodes[0].log());
    assert!(keys.iter().all(|key| is_kept(&cluster, key)));
    assert!(!cluster.nodes[0].log().contains("leaving the shard"), "{}", cluster.nodes[0].log());
}

/// The primary has lost its tail and is started without its replica; returns when it serves, and which node the replica is.
fn serves_with_less(cluster: &mut Cluster) -> usize {
    let replica = replica_of_first(cluster);
    cluster.nodes[0].kill();
    cluster.nodes[replica].kill();
    cut_tail(&cluster.nodes[0]);
    cluster.nodes[0].start();
    wait_for("the master serves with less", || {
        events(&cluster.nodes[0], "boot").iter().any(|text| text.contains("serves with its data"))
    });
    replica
}

/// The texts of a node's journal.
pub fn events(server: &Server, kind: &str) -> Vec<String> {
    let found = server.command(&["CLUSTER", "EVENTS", "TYPE", kind]);
    let text = |event: &client::Value| {
        let pairs = event.as_array()?.chunks_exact(2);
        let mut texts = pairs.filter(|pair| pair[0].as_str() == Some("text"));
        texts.next()?[1].as_str().map(str::to_owned)
    };
    found.as_array().unwrap_or_default().iter().filter_map(text).collect()
}

#[test]
fn a_replica_that_comes_back_after_that_still_gets_the_shard_if_nothing_was_written() {
    let (mut cluster, keys) = with_files();
    let replica = serves_with_less(&mut cluster);
    cluster.nodes[replica].start();
    wait_for("the last key is served again", || is_kept(&cluster, keys.last().expect("keys")));
    cluster.wait_until_healthy();
    assert!(keys.iter().all(|key| is_kept(&cluster, key)));
    assert!(
        cluster.nodes[0].log().contains("nothing was written since; replica"),
        "{}",
        cluster.nodes[0].log()
    );
}

#[test]
fn what_only_it_has_is_kept_if_something_was_written() {
    let (mut cluster, keys) = with_files();
    let replica = serves_with_less(&mut cluster);
    let key = &keys[0];
    wait_for("the master takes a write", || cluster.nodes[0].text(&["SET", key, "newer"]) == "OK");
    cluster.nodes[replica].start();
    wait_for("they are in sync", || {
        cluster.nodes[replica].info("master_link_status").as_deref() == Some("up")
    });
    cluster.wait_until_healthy();
    assert_eq!(cluster.nodes[0].text(&["GET", key]), "newer");
    let told = events(&cluster.nodes[replica], "loss").join("\n");
    assert!(told.contains("The master came back with less than this replica holds"), "{told}");
    // All that the replica held is in the file, which redis-server reads, too.
    let names = fs::read_dir(cluster.nodes[replica].folder()).expect("a folder").flatten();
    let mut kept: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    kept.retain(|path| path.to_string_lossy().contains("stray-data-"));
    assert_eq!(kept.len(), 1, "{kept:?}");
    for kind in [Grapevine, Redis] {
        let ports = grapevine_testkit::reserve();
        let folder = grapevine_testkit::Folder::new();
        fs::copy(&kept[0], folder.path().join("dump.rdb")).expect("a copy");
        let server = Server::build(kind, ports.port(0)).folder(folder.path()).start();
        let all = keys.iter().all(|key| server.text(&["GET", key]) == *key);
        assert!(all && server.text(&["DBSIZE"]) == KEYS.to_string(), "{kind:?}");
    }
}

#[test]
fn an_append_only_file_that_redis_wrote_to_in_between_is_not_compared() {
    let (mut cluster, keys) = with_files_and(&[]);
    let replica = replica_of_first(&cluster);
    cluster.nodes[replica].kill();
    cluster.nodes[0].kill();
    cut_tail(&cluster.nodes[0]);
    cluster.nodes[0].become_kind(Redis);
    cluster.nodes[0].start();
    wait_for("redis-server takes a write", || cluster.nodes[0].text(&["SET", &keys[0], "of redis"]) == "OK");
    let words = b"of redis";
    wait_for("it is in the file", || {
        let bytes = fs::read(increment(&cluster.nodes[0])).expect("the file");
        bytes.windows(words.len()).any(|found| found == words)
    });
    cluster.nodes[0].kill();
    cluster.nodes[0].become_kind(Grapevine);
    cluster.nodes[0].start();
    cluster.nodes[replica].start();
    cluster.wait_until_healthy();
    assert_eq!(cluster.nodes[0].info("role").as_deref(), Some("master"), "{}", cluster.nodes[0].log());
    assert_eq!(cluster.nodes[0].text(&["GET", &keys[0]]), "of redis");
    assert!(!cluster.nodes[0].log().contains("I came back with data up to offset"));
}

#[test]
fn redis_reads_an_append_only_file_with_notes() {
    let mut cluster = Cluster::start(&[Grapevine; 6], NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(Grapevine, 1);
    fill(&cluster, 0);
    let replica = replica_of_first(&cluster);
    (0..6).for_each(|i| cluster.nodes[i].kill());
    for i in [0, replica] {
        let bytes = fs::read(increment(&cluster.nodes[i])).expect("the file");
        let word: &[u8] = if i == 0 { b"#GV:" } else { b"#GR:" };
        assert!(bytes.windows(word.len()).any(|found| found == word), "there are notes");
        let manifest = cluster.nodes[i].folder().join("appendonlydir/appendonly.aof.manifest");
        let checked = Command::new("redis-check-aof").arg(manifest).output().expect("redis-tools");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        cluster.nodes[i].become_kind(Redis);
        cluster.nodes[i].start();
        wait_for("all keys are loaded", || cluster.nodes[i].text(&["DBSIZE"]) == KEYS.to_string());
    }
}
