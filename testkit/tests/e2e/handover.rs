//! FAILOVER between a master and its replicas without a cluster, to and from redis-server 7.0.15.

use grapevine_testkit::{Kind, Ports, Server, reserve, wait_for};
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use Kind::{Grapevine, Redis};

/// A master and a replica in sync.
fn pair(master: Kind, replica: Kind) -> (Server, Server, Ports) {
    let ports = reserve();
    let master = Server::build(master, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
    let replica = Server::build(replica, ports.port(1)).with("repl-diskless-sync-delay", "0").start();
    assert_eq!(replica.text(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]), "OK");
    wait_for("the link is up", || replica.info("master_link_status").as_deref() == Some("up"));
    wait_for("the replica is online", || master.info("slave0").is_some_and(|l| l.contains("state=online")));
    (master, replica, ports)
}

fn state(server: &Server) -> String {
    server.info("master_failover_state").unwrap_or_default()
}

fn to(replica: &Server) -> [String; 4] {
    ["FAILOVER".into(), "TO".into(), "127.0.0.1".into(), replica.port().to_string()]
}

fn ask(server: &Server, words: &[String]) -> String {
    server.text(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn wait_until_handed_over(old: &Server, new: &Server) {
    wait_for("the roles are exchanged", || {
        state(old) == "no-failover"
            && new.info("role").as_deref() == Some("master")
            && old.info("role").as_deref() == Some("slave")
            && old.info("master_link_status").as_deref() == Some("up")
    });
    wait_for("both have the same", || old.info("master_repl_offset") == new.info("master_repl_offset"));
    assert_eq!(old.text(&["DEBUG", "DIGEST"]), new.text(&["DEBUG", "DIGEST"]));
}

/// Counts on a connection to the master until that is no master any more: the last number that was acknowledged.
fn count(server: &Server, begun: Arc<AtomicBool>) -> thread::JoinHandle<i64> {
    let mut client = server.client();
    thread::spawn(move || {
        let mut last = 0;
        loop {
            match client.call(&["INCR", "counter"]) {
                Ok(value) if !value.is_error() => last = value.as_int().expect("a number"),
                _ => return last,
            }
            begun.store(last > 100, Ordering::Relaxed);
        }
    })
}

fn hands_over_and_back(first: Kind, second: Kind) {
    let (a, b, _ports) = pair(first, second);
    let begun = Arc::new(AtomicBool::new(false));
    let writer = count(&a, begun.clone());
    wait_for("writes are under way", || begun.load(Ordering::Relaxed));
    assert_eq!(ask(&a, &to(&b)), "OK");
    wait_until_handed_over(&a, &b);
    let acknowledged = writer.join().expect("the writer");
    assert_eq!(
        b.text(&["GET", "counter"]),
        acknowledged.to_string(),
        "nothing is lost, and nothing came twice"
    );
    assert_eq!(b.info("sync_full").as_deref(), Some("0"), "the old master went on from where it was");
    // Back again, to whoever is in sync.
    assert_eq!(b.text(&["SET", "more", "data"]), "OK");
    assert_eq!(b.text(&["FAILOVER"]), "OK");
    wait_until_handed_over(&b, &a);
    assert_eq!(a.text(&["GET", "more"]), "data");
    assert_eq!(a.text(&["INCR", "counter"]), (acknowledged + 1).to_string());
}

#[test]
fn between_grapevine_servers() {
    hands_over_and_back(Grapevine, Grapevine);
}

#[test]
fn from_grapevine_to_redis_and_back() {
    hands_over_and_back(Grapevine, Redis);
}

#[test]
fn from_redis_to_grapevine_and_back() {
    hands_over_and_back(Redis, Grapevine);
}

#[test]
fn a_failover_that_waits_can_be_ended_by_hand_or_by_time() {
    let (a, b, _ports) = pair(Grapevine, Grapevine);
    b.signal(Signal::STOP);
    assert_eq!(a.text(&["SET", "unseen", "1"]), "OK");
    assert_eq!(a.text(&["FAILOVER", "TIMEOUT", "600000"]), "OK");
    assert_eq!(state(&a), "waiting-for-sync");
    assert!(a.text(&["FAILOVER"]).contains("already in progress"));
    assert!(a.text(&["REPLICAOF", "NO", "ONE"]).contains("not allowed while failing over"));
    let mut client = a.client();
    let held = thread::spawn(move || client.call(&["SET", "held", "1"]).expect("an answer"));
    wait_for("the write is held", || a.text(&["CLIENT", "LIST"]).contains("cmd=set"));
    assert_eq!(a.text(&["GET", "held"]), "(nil)");
    assert_eq!(a.text(&["FAILOVER", "ABORT"]), "OK");
    assert!(!held.join().expect("the writer").is_error());
    assert_eq!(state(&a), "no-failover");
    assert_eq!(a.text(&["FAILOVER", "ABORT"]), "ERR No failover in progress.");
    assert_eq!(a.text(&["FAILOVER", "TIMEOUT", "300"]), "OK");
    wait_for("its time is over", || state(&a) == "no-failover");
    assert_eq!(a.info("role").as_deref(), Some("master"));
    assert_eq!(a.text(&["SET", "held", "2"]), "OK");
    b.signal(Signal::CONT);
    wait_for("the replica has it, too", || b.text(&["GET", "held"]) == "2");
}

#[test]
fn a_forced_failover_waits_for_its_target() {
    let (a, b, _ports) = pair(Grapevine, Grapevine);
    b.signal(Signal::STOP);
    let mut words = to(&b).to_vec();
    words.extend(["TIMEOUT".into(), "200".into(), "FORCE".into()]);
    assert_eq!(ask(&a, &words), "OK");
    wait_for("it is forced", || state(&a) == "failover-in-progress");
    assert_eq!(a.info("role").as_deref(), Some("slave"), "never two masters");
    b.signal(Signal::CONT);
    wait_until_handed_over(&a, &b);
}

#[test]
fn a_target_that_refuses_leaves_everything_as_it_was() {
    let ports = reserve();
    let a = Server::build(Grapevine, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
    let b = Server::build(Grapevine, ports.port(1)).with("rename-command", "PSYNC NOTPSYNC").start();
    assert_eq!(b.text(&["REPLICAOF", "127.0.0.1", &a.port().to_string()]), "OK");
    wait_for("the replica is online", || a.info("slave0").is_some_and(|l| l.contains("state=online")));
    assert_eq!(ask(&a, &to(&b)), "OK");
    wait_for("it was tried", || a.log().contains("aborted: Failover target rejected psync request"));
    assert_eq!((state(&a).as_str(), a.info("role").as_deref()), ("no-failover", Some("master")));
    assert_eq!(a.text(&["SET", "after", "all"]), "OK");
    wait_for("the replica goes on", || b.text(&["GET", "after"]) == "all");
    assert_eq!(a.info("sync_full").as_deref(), Some("1"), "only the first time");
}

#[test]
fn what_cannot_be_is_refused_as_by_redis() {
    let (a, b, _ports) = pair(Grapevine, Redis);
    let (c, d, _others) = pair(Redis, Grapevine);
    let port = b.port().to_string();
    let commands: [&[&str]; 9] = [
        &["FAILOVER", "TO", "nohost", &port],
        &["FAILOVER", "TO", "127.0.0.1", "x"],
        &["FAILOVER", "TO", "127.0.0.1", "1"],
        &["FAILOVER", "FORCE", "TIMEOUT", "100"],
        &["FAILOVER", "TIMEOUT", "0"],
        &["FAILOVER", "TIMEOUT", "x"],
        &["FAILOVER", "TO", "127.0.0.1"],
        &["FAILOVER", "ABORT"],
        &["FAILOVER", "ABORT", "now"],
    ];
    for command in commands {
        assert_eq!(a.text(command), c.text(command), "{command:?} on a master");
        assert_eq!(d.text(command), b.text(command), "{command:?} on a replica");
    }
    assert_eq!(d.text(&["FAILOVER"]), b.text(&["FAILOVER"]));
    for command in [&["PSYNC", "x", "1", "FAILOVER"][..], &["PSYNC", "?", "-1", "FAILOVER"]] {
        assert_eq!(d.text(command), b.text(command), "{command:?} on a replica");
    }
}
