//! MIGRATE between Grapevine and redis-server, both ways: what arrives is what left, and what cannot arrive stays.

use base::Prng;
use client::Connection;
use grapevine_testkit::{Kind, Ports, Server, reserve, wait_for};
use resp::Value;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// A source and a target of these kinds.
fn pair(source: Kind, target: Kind, directives: &[(&str, &str)]) -> (Server, Server, Ports) {
    let ports = reserve();
    let start = |kind, at| {
        let builder = Server::build(kind, ports.port(at));
        directives.iter().fold(builder, |b, (name, value)| b.with(name, value)).start()
    };
    (start(source, 0), start(target, 1), ports)
}

fn migrate(source: &Server, target: &Server, rest: &[&str]) -> String {
    let port = target.port().to_string();
    source.text(&[&["MIGRATE", "127.0.0.1", &port], rest].concat())
}

/// Keys of every type, small and large, some with a time to live.
fn populate(client: &mut Connection, random: &mut Prng) -> Vec<String> {
    let mut names = Vec::new();
    for (number, size) in (0..36).map(|n| (n, [1, 20, 400][n % 3])) {
        let key = format!("key:{number}");
        let mut commands = Vec::new();
        for element in 0..size {
            let (e, r) = (element.to_string(), random.below(1_000_000).to_string());
            let words = match number % 6 {
                0 => vec!["SETRANGE", &key, &r[..1], &r],
                1 => vec!["RPUSH", &key, &r],
                2 => vec!["SADD", &key, if size == 20 { &r } else { &e }],
                3 => vec!["ZADD", &key, &r, &e],
                4 => vec!["HSET", &key, &e, &r],
                _ => vec!["XADD", &key, "*", "field", &r],
            };
            commands.push(words.into_iter().map(String::from).collect::<Vec<_>>());
        }
        client.pipeline(&commands).unwrap();
        if number % 4 == 0 {
            client.call(&["PEXPIRE", &key, "600000"]).unwrap();
        }
        names.push(key);
    }
    names
}

fn digest(client: &mut Connection, key: &str) -> Value {
    client.call(&["DEBUG", "DIGEST-VALUE", key]).unwrap()
}

#[test]
fn values_arrive_as_they_left() {
    for (from, to) in
        [(Kind::Grapevine, Kind::Redis), (Kind::Redis, Kind::Grapevine), (Kind::Grapevine, Kind::Grapevine)]
    {
        let (source, target, _ports) = pair(from, to, &[]);
        let (mut a, mut b) = (source.client(), target.client());
        let names = populate(&mut a, &mut Prng::new(5));
        let before: Vec<Value> = names.iter().map(|key| digest(&mut a, key)).collect();
        assert_eq!(migrate(&source, &target, &[&names[0], "9", "20000"]), "OK");
        let words = ["", "9", "20000", "KEYS"].into_iter().chain(names.iter().map(String::as_str));
        assert_eq!(migrate(&source, &target, &words.collect::<Vec<_>>()), "OK");
        assert_eq!(source.text(&["DBSIZE"]), "0");
        b.select(9).unwrap();
        let after: Vec<Value> = names.iter().map(|key| digest(&mut b, key)).collect();
        assert_eq!(after, before, "{from:?} to {to:?}");
        for (number, key) in names.iter().enumerate() {
            let ttl = b.call(&["PTTL", key]).unwrap();
            match ttl {
                Value::Int(ms) if number % 4 == 0 => assert!((1..=600_000).contains(&ms), "{key}: {ms}"),
                ttl => assert_eq!(ttl, Value::Int(-1), "{key}"),
            }
        }
    }
}

/// The same dialogue with either source; the texts are Redis's.
#[test]
fn both_sources_say_the_same() {
    let said: Vec<Vec<String>> = [Kind::Redis, Kind::Grapevine].map(dialogue).into();
    assert_eq!(said[0], said[1]);
}

fn dialogue(kind: Kind) -> Vec<String> {
    let (source, target, _ports) = pair(kind, Kind::Redis, &[]);
    let mut said = Vec::new();
    let mut try_it = |rest: &[&str]| said.push(migrate(&source, &target, rest));
    let set = |server: &Server, key: &str| server.text(&["SET", key, "v"]);
    try_it(&["a", "0", "20000"]);
    for key in ["a", "b", "c", "d"] {
        set(&source, key);
    }
    try_it(&["a", "0", "20000", "COPY"]);
    try_it(&["a", "0", "20000", "COPY"]);
    try_it(&["a", "0", "20000", "COPY", "REPLACE"]);
    try_it(&["", "0", "20000", "KEYS", "b", "a", "c", "gone"]);
    try_it(&["", "0", "20000", "REPLACE", "KEYS", "a"]);
    try_it(&["d", "16", "20000"]);
    try_it(&["d", "-2", "20000"]);
    try_it(&["d", "0", "0", "AUTH", "secret"]);
    target.text(&["CONFIG", "SET", "requirepass", "right"]);
    try_it(&["d", "0", "20000"]);
    try_it(&["d", "0", "20000", "AUTH", "wrong"]);
    try_it(&["d", "0", "20000", "AUTH", "right"]);
    set(&source, "e");
    try_it(&["e", "0", "20000", "AUTH2", "default", "right"]);
    try_it(&["e", "0", "20000", "KEYS", "e"]);
    try_it(&["e", "zero", "20000"]);
    set(&source, "e");
    for wrong in [&["127.0.0.1", "1"], &["127.0.0.1", "x"], &["127.0.0.1", "65537"]] {
        said.push(source.text(&[&["MIGRATE"], &wrong[..], &["e", "0", "100"]].concat()));
    }
    // Inside a transaction, what follows is executed behind it.
    let mut client = source.client();
    let port = target.port().to_string();
    for words in [
        &["MULTI"][..],
        &["SET", "f", "1"],
        &["MIGRATE", "127.0.0.1", &port, "f", "0", "20000", "AUTH", "right"],
        &["EXISTS", "f"],
        &["EXEC"],
        &["DBSIZE"],
        &["EXISTS", "d", "e"],
    ] {
        said.push(format!("{:?}", client.call(words).unwrap()));
    }
    said
}

#[test]
fn a_target_that_hangs_delays_nobody_else() {
    let (source, target, _ports) = pair(Kind::Grapevine, Kind::Redis, &[]);
    source.text(&["SET", "a", "1"]);
    source.text(&["SET", "b", "1"]);
    target.signal(Signal::STOP);
    let mut migrating = source.client();
    let port = target.port().to_string();
    let begun = Instant::now();
    migrating.send(&["MIGRATE", "127.0.0.1", &port, "a", "0", "8000"]).unwrap();
    migrating.flush().unwrap();
    wait_for("the migration has begun", || source.info("migrate_cached_sockets").as_deref() == Some("1"));
    // The key itself waits for what becomes of it.
    let mut waiting = source.client();
    waiting.send(&["INCR", "a"]).unwrap();
    waiting.flush().unwrap();
    assert_eq!(source.text(&["INCR", "b"]), "2");
    assert!(begun.elapsed() < Duration::from_millis(8000));
    assert_eq!(waiting.receive().unwrap(), Value::Int(2));
    assert!(begun.elapsed() >= Duration::from_millis(8000));
    let text = "IOERR error or timeout reading to target instance";
    assert_eq!(migrating.receive().unwrap(), Value::Error(text.as_bytes().to_vec()));
    target.signal(Signal::CONT);
    assert_eq!(migrate(&source, &target, &["a", "0", "20000", "REPLACE"]), "OK");
    assert_eq!(target.text(&["GET", "a"]), "2");
}

#[test]
fn the_deletion_reaches_replica_and_file() {
    let (mut source, target, ports) = pair(Kind::Grapevine, Kind::Grapevine, &[("appendonly", "yes")]);
    let replica = Server::build(Kind::Redis, ports.port(2)).start();
    replica.text(&["REPLICAOF", "127.0.0.1", &source.port().to_string()]);
    for key in ["a", "b", "c"] {
        source.text(&["SET", key, "1"]);
    }
    wait_for("the replica is in sync", || replica.text(&["DBSIZE"]) == "3");
    assert_eq!(migrate(&source, &target, &["", "0", "20000", "KEYS", "a", "b"]), "OK");
    wait_for("the replica has deleted", || replica.text(&["DBSIZE"]) == "1");
    source.kill();
    source.start();
    assert_eq!(source.text(&["EXISTS", "a", "b", "c"]), "1");
}
