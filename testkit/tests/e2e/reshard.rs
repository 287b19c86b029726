//! Slots change hands on a running cluster, by either cluster manager, with keys in them and clients at work.

use base::{Prng, Slot};
use client::{Address, ClientError, ClusterClient, Options};
use grapevine_testkit::{Cluster, Kind, run_cli, wait_for};
use resp::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Slots that are moved under load: the first ones of the first node.
const MOVED: usize = 200;
/// Clients, and keys of each.
const CLIENTS: usize = 3;
const KEYS: usize = 300;

/// Slots that the node owns.
fn owned(cluster: &Cluster, at: usize) -> usize {
    let id = cluster.id(at);
    let slots =
        cluster.view(at).into_iter().find(|node| node.id == id).map(|node| node.slots).unwrap_or_default();
    let count = |range: &str| match range.split_once('-') {
        Some((first, last)) => last.parse::<usize>().unwrap_or(0) + 1 - first.parse::<usize>().unwrap_or(0),
        None => 1,
    };
    slots.split(' ').filter(|range| !range.is_empty()).map(count).sum()
}

fn manage(tool: Kind, words: &[&str]) -> String {
    let done = run_cli(tool, &[&["--cluster"], words].concat());
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{tool:?} {words:?}: {said}");
    said
}

fn reshard(tool: Kind, cluster: &Cluster, from: usize, to: usize, slots: usize) {
    let (from, to, slots) = (cluster.id(from), cluster.id(to), slots.to_string());
    let options = ["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", &slots, "--cluster-yes"];
    manage(tool, &[&["reshard", cluster.nodes[0].address().as_str()], &options[..]].concat());
    wait_for("all agree", || {
        let all = 0..cluster.nodes.len();
        all.map(|at| owned(cluster, at)).sum::<usize>() == 16384
    });
}

#[test]
fn empty_slots_move() {
    let cluster = Cluster::start(&[Kind::Grapevine; 3], 5000, &[]);
    cluster.create(Kind::Grapevine, 0);
    let before = owned(&cluster, 0);
    for (round, tool) in [Kind::Grapevine, Kind::Redis].into_iter().enumerate() {
        reshard(tool, &cluster, 0, 1, 20);
        assert_eq!(owned(&cluster, 0), before - 20 * (round + 1));
    }
    let first = cluster.nodes[0].address();
    cluster.wait_until_healthy();
    manage(Kind::Grapevine, &["rebalance", &first, "--cluster-threshold", "0.1"]);
    cluster.wait_until_healthy();
    assert!((0..3).all(|at| owned(&cluster, at).abs_diff(5461) <= 2));
    manage(Kind::Redis, &["check", &first]);
}

/// Names of keys, most of them in the slots that are moved.
fn names(client: usize) -> Vec<String> {
    let all = (0..).map(|n| format!("{client}:{n}"));
    let wanted = |key: &String| Slot::of_key(key.as_bytes()).index() < MOVED || key.ends_with("00");
    all.filter(wanted).take(KEYS).collect()
}

fn connect(cluster: &Cluster) -> ClusterClient {
    let seeds: Vec<Address> =
        cluster.nodes.iter().map(|node| Address::tcp("127.0.0.1", node.port())).collect();
    ClusterClient::connect(&seeds, Options::with_timeout(Duration::from_secs(30))).unwrap()
}

/// What one client remembers of its keys. Nobody else writes to them.
#[derive(Default)]
struct Memory {
    counters: BTreeMap<String, i64>,
    pairs: BTreeMap<String, String>,
}

/// One command. On a slow machine a slot may stay open for longer than the client tries again.
fn ask(client: &mut ClusterClient, key: &str, words: &[&str]) -> Value {
    let patience = 100;
    for _ in 0..patience {
        match client.call(key.as_bytes(), words) {
            Ok(reply) => return reply,
            Err(ClientError::Cluster(why)) if why.starts_with("TRYAGAIN") || why.starts_with("ASK ") => {}
            Err(error) => panic!("{words:?}: {error}"),
        }
    }
    panic!("{words:?}: told to try again {patience} times");
}

/// Works until told to stop. Every reply must be what a single server would have said.
fn work(cluster: &Cluster, number: usize, stop: &AtomicBool, done: &AtomicU64) -> Memory {
    let mut client = connect(cluster);
    let mut random = Prng::new(number as u64);
    let keys = names(number);
    let mut memory = Memory::default();
    while !stop.load(Ordering::Relaxed) {
        let key = random.pick(&keys).unwrap();
        let mut ask = |words: &[&str]| ask(&mut client, key, words);
        match random.below(4) {
            0 => {
                let count = memory.counters.get(key).copied();
                let expected = count.map_or(Value::Null, |n| Value::Bulk(n.to_string().into_bytes()));
                assert_eq!(ask(&["GET", key]), expected, "{key}");
            }
            1 => {
                // Two keys of one slot: both or none may be read and written.
                let (a, b) = (format!("a{{{key}}}"), format!("b{{{key}}}"));
                let value = random.below(1000).to_string();
                let expected =
                    memory.pairs.get(key).map_or(Value::Null, |v| Value::Bulk(v.clone().into_bytes()));
                assert_eq!(ask(&["MGET", &a, &b]), Value::Array(vec![expected.clone(), expected]), "{key}");
                assert_eq!(ask(&["MSET", &a, &value, &b, &value]), Value::Simple(b"OK".to_vec()));
                memory.pairs.insert(key.clone(), value);
            }
            _ => {
                let count = memory.counters.entry(key.clone()).or_default();
                *count += 1;
                assert_eq!(ask(&["INCR", key]), Value::Int(*count), "{key}");
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    memory
}

fn verify(cluster: &Cluster, memories: &[Memory]) {
    let mut client = connect(cluster);
    let mut keys = 0;
    for memory in memories {
        for (key, count) in &memory.counters {
            let expected = Value::Bulk(count.to_string().into_bytes());
            assert_eq!(client.call(key.as_bytes(), &["GET", key]).unwrap(), expected, "{key}");
        }
        for (key, value) in &memory.pairs {
            let (a, b) = (format!("a{{{key}}}"), format!("b{{{key}}}"));
            let expected = Value::Bulk(value.clone().into_bytes());
            let found = client.call(key.as_bytes(), &["MGET", &a, &b]).unwrap();
            assert_eq!(found, Value::Array(vec![expected.clone(), expected]), "{key}");
        }
        keys += memory.counters.len() + 2 * memory.pairs.len();
    }
    let sizes = cluster.nodes.iter().map(|node| node.text(&["DBSIZE"]).parse::<usize>().unwrap());
    assert_eq!(sizes.sum::<usize>(), keys, "no key is in two places");
}

fn move_under_load(kinds: &[Kind], tools: [Kind; 2]) {
    let cluster = Cluster::start(kinds, 15_000, &[]);
    cluster.create(Kind::Grapevine, 0);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let memories: Vec<Memory> = std::thread::scope(|scope| {
        let (cluster, stop, done) = (&cluster, &stop, &done);
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || work(cluster, number, stop, done))).collect();
        let worked = |more: u64| {
            let mark = done.load(Ordering::Relaxed) + more;
            wait_for("the clients work", || {
                done.load(Ordering::Relaxed) >= mark || clients.iter().any(|client| client.is_finished())
            });
        };
        worked(1500);
        for (tool, (from, to)) in tools.into_iter().zip([(0, 1), (1, 0)]) {
            reshard(tool, cluster, from, to, MOVED);
            worked(300);
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    verify(&cluster, &memories);
    manage(Kind::Redis, &["check", &cluster.nodes[0].address()]);
}

#[test]
fn slots_with_keys_move_under_load() {
    move_under_load(&[Kind::Grapevine; 3], [Kind::Grapevine, Kind::Redis]);
}

#[test]
fn slots_with_keys_move_to_redis_and_back_under_load() {
    move_under_load(&[Kind::Grapevine, Kind::Redis, Kind::Grapevine], [Kind::Redis, Kind::Grapevine]);
}

/// A key at both ends of a move that stopped in the middle; the source has `ours`, the target `theirs`.
fn half_moved(ours: &str, theirs: &str) -> (Cluster, String) {
    let cluster = Cluster::start(&[Kind::Grapevine; 3], 15_000, &[]);
    cluster.create(Kind::Grapevine, 0);
    let (from, to) = (cluster.id(0), cluster.id(1));
    let key = (0..).map(|n| format!("k{n}")).find(|key| Slot::of_key(key.as_bytes()).index() == 5).unwrap();
    assert_eq!(cluster.nodes[0].text(&["SET", &key, ours]), "OK");
    assert_eq!(cluster.nodes[1].text(&["CLUSTER", "SETSLOT", "5", "IMPORTING", &from]), "OK");
    assert_eq!(cluster.nodes[0].text(&["CLUSTER", "SETSLOT", "5", "MIGRATING", &to]), "OK");
    let mut target = cluster.nodes[1].client();
    target.call(&["ASKING"]).unwrap();
    assert_eq!(target.call(&["SET", &key, theirs]).unwrap(), Value::Simple(b"OK".to_vec()));
    (cluster, key)
}

fn value(cluster: &Cluster, key: &str) -> Value {
    connect(cluster).call(key.as_bytes(), &["GET", key]).unwrap()
}

#[test]
fn fix_compares_what_is_in_two_places() {
    for tool in [Kind::Redis, Kind::Grapevine] {
        let (cluster, key) = half_moved("same", "same");
        manage(tool, &["fix", &cluster.nodes[0].address()]);
        // Keys at the importing end: they go back to the owner.
        assert_eq!(value(&cluster, &key), Value::Bulk(b"same".to_vec()), "{tool:?}");
        assert_eq!(cluster.nodes[0].text(&["DBSIZE"]), "1");
        assert_eq!(cluster.nodes[1].text(&["DBSIZE"]), "0");

        let (cluster, key) = half_moved("source", "target");
        let address = cluster.nodes[0].address();
        let done = run_cli(tool, &["--cluster", "fix", &address]);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(said.contains("having different values"), "{tool:?}: {said}");
        assert_eq!(cluster.nodes[0].text(&["GET", &key]), "source", "{tool:?}: nobody chose");
        manage(tool, &["fix", &address, "--cluster-replace"]);
        assert_eq!(value(&cluster, &key), Value::Bulk(b"target".to_vec()), "{tool:?}");
        assert_eq!(cluster.nodes[1].text(&["DBSIZE"]), "0");
    }
}
