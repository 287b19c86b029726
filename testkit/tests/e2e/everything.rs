//! Values of every type and encoding on their way between Grapevine and redis-server 7.0.15: RDB files, the AOF as
//! commands, and full syncs, each way. Equal is what DEBUG DIGEST, and what it leaves out of streams, says.

use grapevine_testkit::{Folder, Kind, Ports, Server, reserve, wait_for};
use resp::Value;
use std::path::Path;

use Kind::{Grapevine, Redis};

/// Databases with something in them.
const DATABASES: [&str; 2] = ["0", "5"];

fn server(kind: Kind, ports: &Ports, place: usize, directives: &[(&str, &str)]) -> Server {
    let mut builder = Server::build(kind, ports.port(place)).with("save", "");
    if kind == Redis {
        builder = builder.with("enable-debug-command", "yes");
    }
    directives.iter().fold(builder, |builder, (name, value)| builder.with(name, value)).start()
}

/// Sends a command, of which nothing may be refused.
fn send(client: &mut client::Connection, args: &[&str]) {
    let reply = client.call(args).unwrap_or_else(|e| panic!("{args:?}: {e}"));
    assert!(!reply.is_error(), "{args:?}: {reply:?}");
}

/// `name key element element ...`, so many elements.
fn many(
    client: &mut client::Connection,
    name: &str,
    key: &str,
    count: usize,
    element: impl Fn(usize) -> Vec<String>,
) {
    for from in (0..count).step_by(100) {
        let elements: Vec<String> = (from..count.min(from + 100)).flat_map(&element).collect();
        let mut args = vec![name, key];
        args.extend(elements.iter().map(String::as_str));
        send(client, &args);
    }
}

/// Every type in every encoding.
pub(crate) fn fill(server: &Server) {
    for db in DATABASES {
        let mut client = server.client();
        send(&mut client, &["SELECT", db]);
        strings(&mut client);
        collections(&mut client);
        streams(&mut client);
        send(&mut client, &["PEXPIREAT", "list:small", "4000000000000"]);
        send(&mut client, &["PEXPIREAT", "text", "4000000000001"]);
    }
}

fn strings(client: &mut client::Connection) {
    send(client, &["SET", "number", "-12345"]);
    send(client, &["SET", "text", "some text"]);
    send(client, &["SET", "empty", ""]);
    send(client, &["SET", "long", &"abc".repeat(5000)]);
    send(client, &["SETBIT", "bits", "70000", "1"]);
    many(client, "PFADD", "hll:sparse", 50, |n| vec![n.to_string()]);
    many(client, "PFADD", "hll:dense", 5000, |n| vec![n.to_string()]);
}

fn collections(client: &mut client::Connection) {
    many(client, "RPUSH", "list:small", 10, |n| vec![n.to_string()]);
    many(client, "RPUSH", "list:nodes", 3000, |n| vec![format!("element {n}"), n.to_string()]);
    send(client, &["RPUSH", "list:plain", &"x".repeat(100_000), "y", &"z".repeat(20_000)]);
    many(client, "SADD", "set:ints", 300, |n| vec![(n * n).to_string()]);
    many(client, "SADD", "set:wide", 20, |n| vec![(n as i64 - 5_000_000_000).to_string()]);
    many(client, "SADD", "set:small", 20, |n| vec![format!("member:{n}")]);
    many(client, "SADD", "set:large", 3000, |n| vec![format!("member:{n}")]);
    let score = |n: usize| vec![format!("{}", n as f64 / 7.0 - 3.0), format!("member:{n}")];
    many(client, "ZADD", "zset:small", 30, score);
    many(client, "ZADD", "zset:large", 3000, score);
    send(client, &["ZADD", "zset:ends", "-inf", "a", "+inf", "b", "0", "c", "1e300", "d", "-1.5e-300", "e"]);
    many(client, "HSET", "hash:small", 20, |n| vec![format!("field:{n}"), n.to_string()]);
    many(client, "HSET", "hash:large", 3000, |n| vec![format!("field:{n}"), format!("value {n}")]);
    send(client, &["HSET", "hash:long", "field", &"v".repeat(3000)]);
}

fn streams(client: &mut client::Connection) {
    for n in 1..=1000 {
        let id = format!("{n}-{}", n % 3 + 1);
        let value = n.to_string();
        send(
            client,
            &["XADD", "stream", &id, "sensor", &value, if n % 5 == 0 { "odd" } else { "even" }, "x"],
        );
    }
    send(client, &["XGROUP", "CREATE", "stream", "readers", "0"]);
    send(client, &["XGROUP", "CREATE", "stream", "late", "$", "ENTRIESREAD", "1000"]);
    for consumer in ["alice", "bob", "alice"] {
        send(client, &["XREADGROUP", "GROUP", "readers", consumer, "COUNT", "150", "STREAMS", "stream", ">"]);
    }
    send(client, &["XGROUP", "CREATECONSUMER", "stream", "late", "idle"]);
    send(client, &["XACK", "stream", "readers", "3-1", "200-3"]);
    send(client, &["XDEL", "stream", "500-3", "999-1", "1-2"]);
    send(client, &["XTRIM", "stream", "MAXLEN", "970"]);
    send(client, &["XGROUP", "CREATE", "stream:empty", "readers", "$", "MKSTREAM"]);
    send(client, &["XADD", "stream:spent", "7-7", "a", "b"]);
    send(client, &["XDEL", "stream:spent", "7-7"]);
}

/// A reply to look at.
fn shown(value: &Value) -> String {
    match value {
        Value::Bulk(text) | Value::Simple(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        other => format!("{other:?}"),
    }
}

/// Members and scores, whatever the version's way to print a score (7.2's differs, and so do its digests).
fn scores(members: &Value) -> String {
    let texts: Vec<String> = members.as_array().expect("pairs").iter().map(shown).collect();
    let pairs =
        texts.chunks(2).map(|pair| format!("{} {:e}", pair[0], pair[1].parse::<f64>().expect("a score")));
    pairs.collect::<Vec<_>>().join(" ")
}

/// What a server holds, in words.
fn contents(server: &Server) -> Vec<String> {
    let mut all = Vec::new();
    for db in DATABASES {
        let mut client = server.client();
        send(&mut client, &["SELECT", db]);
        let mut ask = |args: &[&str]| client.call(args).unwrap_or_else(|e| panic!("{args:?}: {e}"));
        let Value::Array(keys) = ask(&["KEYS", "*"]) else { panic!() };
        let mut keys: Vec<String> = keys.iter().map(shown).collect();
        keys.sort();
        for key in &keys {
            let value = match shown(&ask(&["TYPE", key])).as_str() {
                "zset" => scores(&ask(&["ZRANGE", key, "0", "-1", "WITHSCORES"])),
                _ => shown(&ask(&["DEBUG", "DIGEST-VALUE", key])),
            };
            all.push(format!("{db} {key} {value}"));
        }
        for key in ["text", "list:small", "stream"] {
            all.push(shown(&ask(&["PEXPIRETIME", key])));
        }
        for key in ["stream", "stream:empty", "stream:spent"] {
            all.push(shown(&ask(&["XINFO", "STREAM", key])));
            all.push(shown(&ask(&["XINFO", "GROUPS", key])));
        }
        for group in ["readers", "late"] {
            let Value::Array(consumers) = ask(&["XINFO", "CONSUMERS", "stream", group]) else { panic!() };
            // Their names and what is pending with them; the rest is times.
            all.extend(
                consumers.iter().map(|consumer| format!("{:?}", &consumer.as_array().expect("pairs")[..4])),
            );
            let Value::Array(pending) = ask(&["XPENDING", "stream", group, "-", "+", "10000"]) else {
                panic!()
            };
            all.extend(pending.iter().map(|entry| {
                let parts = entry.as_array().expect("four parts");
                format!("{} {} {}", shown(&parts[0]), shown(&parts[1]), shown(&parts[3]))
            }));
        }
    }
    all
}

fn assert_same(ours: &Server, theirs: &[String]) {
    let ours = contents(ours);
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

fn carry_file(from: Kind, to: Kind) {
    let (ports, folder) = (reserve(), Folder::new());
    let source = server(from, &ports, 0, &[]);
    fill(&source);
    source.command(&["SAVE"]);
    std::fs::copy(source.folder().join("dump.rdb"), folder.path().join("dump.rdb")).expect("the file");
    let mut target = Server::build(to, ports.port(1)).folder(folder.path());
    if to == Redis {
        target = target.with("enable-debug-command", "yes");
    }
    assert_same(&target.start(), &contents(&source));
}

#[test]
fn an_rdb_file_of_redis() {
    carry_file(Redis, Grapevine);
}

#[test]
fn an_rdb_file_for_redis() {
    carry_file(Grapevine, Redis);
}

/// More writes to everything, after the copy was taken.
fn go_on(server: &Server) {
    for db in DATABASES {
        let mut client = server.client();
        send(&mut client, &["SELECT", db]);
        for command in [
            "INCRBYFLOAT number 0.5",
            "LPOP list:nodes 700",
            "LMOVE list:small list:nodes LEFT RIGHT",
            "SPOP set:large 100",
            "SMOVE set:small set:large member:1",
            "ZPOPMIN zset:large 10",
            "ZADD zset:small INCR 2.5 new",
            "HINCRBYFLOAT hash:small float 0.1",
            "HDEL hash:large field:1",
            "XADD stream * a b",
            "XAUTOCLAIM stream readers erin 0 - COUNT 40",
            "XADD stream MAXLEN ~ 300 * a b",
            "XREADGROUP GROUP readers carol COUNT 7 STREAMS stream >",
            "XREADGROUP GROUP late dave NOACK STREAMS stream >",
            "XCLAIM stream:empty readers frank 0 1-1 LASTID 3-3",
            "XADD stream:empty 5-* a b",
            "XSETID stream:spent 9-9",
        ] {
            send(&mut client, &command.split(' ').collect::<Vec<_>>());
        }
    }
}

fn copy_by_sync(from: Kind, to: Kind) {
    let ports = reserve();
    let master = server(from, &ports, 0, &[("repl-diskless-sync-delay", "0")]);
    fill(&master);
    let replica = server(to, &ports, 1, &[]);
    assert_eq!(replica.text(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]), "OK");
    wait_for("the link is up", || replica.info("master_link_status").as_deref() == Some("up"));
    let same_offset = || master.info("master_repl_offset") == replica.info("master_repl_offset");
    wait_for("the replica has everything", same_offset);
    assert_same(&replica, &contents(&master));
    go_on(&master);
    wait_for("the replica has everything", same_offset);
    assert_eq!(carried(contents(&replica)), carried(contents(&master)));
}

#[test]
fn a_full_sync_from_redis() {
    copy_by_sync(Redis, Grapevine);
}

#[test]
fn a_full_sync_to_redis() {
    copy_by_sync(Grapevine, Redis);
}

/// Without what the log does not carry: how far groups without NOACK have read, and where leaves begin.
fn carried(lines: Vec<String>) -> Vec<String> {
    let cut = |line: String| match line.split_once(" radix-tree-nodes ") {
        Some((before, after)) => {
            let kept = after.split_once(" last-generated-id").map_or(after, |(_, kept)| kept);
            format!("{} {kept}", before.split(" radix-tree-keys").next().unwrap_or_default())
        }
        None => line,
    };
    lines.into_iter().filter(|line| !line.contains("entries-read")).map(cut).collect()
}

/// Whether there is a base of commands and no other.
fn has_base_of_commands(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder.join("appendonlydir")).expect("the folder of the AOF");
    let names: Vec<_> = files.flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect();
    names.iter().any(|name| name.contains(".2.base.aof")) && !names.iter().any(|name| name.contains(".1."))
}

fn carry_commands(from: Kind, to: Kind) {
    let directives = [("appendonly", "yes"), ("aof-use-rdb-preamble", "no")];
    let ports = reserve();
    let mut server = server(from, &ports, 0, &directives);
    fill(&server);
    server.command(&["BGREWRITEAOF"]);
    wait_for("the base is there", || has_base_of_commands(server.folder()));
    wait_for("the rewrite is over", || server.info("aof_rewrite_in_progress").as_deref() == Some("0"));
    // What comes after the base is in the increment.
    go_on(&server);
    // A pending entry that is deleted has no command that would make it, in Redis neither.
    for db in DATABASES {
        let mut client = server.client();
        send(&mut client, &["SELECT", db]);
        send(&mut client, &["XAUTOCLAIM", "stream", "readers", "erin", "0", "-", "COUNT", "1000"]);
    }
    let before = contents(&server);
    server.terminate();
    server.become_kind(to);
    server.start();
    assert_eq!(carried(contents(&server)), carried(before));
}

#[test]
fn an_aof_of_commands() {
    carry_commands(Grapevine, Grapevine);
}

#[test]
fn an_aof_of_commands_of_redis() {
    carry_commands(Redis, Grapevine);
}

#[test]
fn an_aof_of_commands_for_redis() {
    carry_commands(Grapevine, Redis);
}
