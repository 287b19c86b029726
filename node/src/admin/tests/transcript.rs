//! The same lines to the node in process and to a live redis-server 7.0.15: the replies are equal.
//!
//! Only lines whose replies do not depend on the version, the time or the machine. Without a redis-server on the
//! machine the test says so and passes; the CI installs one.

use super::bench::{Bench, show};
use client::Connection;
use resp::Value;
use std::collections::BTreeSet;
use testkit::{Kind, Server};

const LINES: &[&str] = &[
    "PING",
    "PING hello",
    "PING a b",
    "ECHO x",
    "ECHO",
    "SELECT 1",
    "SELECT 16",
    "SELECT -1",
    "SELECT x",
    "SELECT 0",
    "AUTH x",
    "AUTH default x",
    "AUTH nobody x",
    "AUTH a b c",
    "HELLO 1",
    "HELLO x",
    "HELLO 3 AUTH nobody x",
    "HELLO 3 SETNAME \"a b\"",
    "HELLO 3 NONSENSE",
    "CLIENT",
    "CLIENT NONSENSE",
    "CLIENT GETNAME",
    "CLIENT SETNAME me",
    "CLIENT GETNAME",
    "CLIENT SETNAME \"a b\"",
    "CLIENT SETNAME \"\"",
    "CLIENT GETNAME",
    "CLIENT GETREDIR",
    "CLIENT LIST TYPE nothing",
    "CLIENT LIST NONSENSE",
    "CLIENT LIST ID x",
    "CLIENT LIST ID",
    "CLIENT LIST ID 100000",
    "CLIENT KILL 1.2.3.4:5",
    "CLIENT KILL ID 0",
    "CLIENT KILL ID x",
    "CLIENT KILL ID 100000",
    "CLIENT KILL NONSENSE x",
    "CLIENT KILL ID",
    "CLIENT KILL TYPE nothing",
    "CLIENT KILL USER nobody",
    "CLIENT KILL SKIPME maybe",
    "CLIENT PAUSE x",
    "CLIENT PAUSE -1",
    "CLIENT PAUSE 0 sometimes",
    "CLIENT UNPAUSE",
    "CLIENT REPLY maybe",
    "CLIENT NO-EVICT maybe",
    "CLIENT NO-EVICT on",
    "CLIENT NO-EVICT off",
    "CLIENT UNBLOCK x",
    "CLIENT UNBLOCK 100000",
    "CLIENT UNBLOCK 100000 maybe",
    "CONFIG",
    "CONFIG NONSENSE",
    "CONFIG GET maxclients",
    "CONFIG GET nothing",
    "CONFIG SET",
    "CONFIG SET maxclients",
    "CONFIG SET nothing 1",
    "CONFIG SET port 1 nothing",
    "CONFIG SET databases 3",
    "CONFIG RESETSTAT",
    "CONFIG REWRITE",
    "COMMAND NONSENSE",
    "COMMAND INFO nothing",
    "COMMAND DOCS nothing",
    "COMMAND INFO get",
    "COMMAND INFO ping",
    "COMMAND LIST x",
    "COMMAND LIST FILTERBY COLOUR red",
    "COMMAND LIST FILTERBY MODULE none",
    "COMMAND LIST FILTERBY ACLCAT nothing",
    "COMMAND GETKEYS get k",
    "COMMAND GETKEYS mset a 1 b 2",
    "COMMAND GETKEYS get a b",
    "COMMAND GETKEYS nothing a",
    "COMMAND GETKEYS ping a",
    "COMMAND GETKEYSANDFLAGS getex k persist",
    "COMMAND GETKEYSANDFLAGS mget a b",
    "CLUSTER",
    "CLUSTER NODES",
    "CLUSTER HELP",
    "CLUSTER NONSENSE",
    "CLUSTER MEET 127.0.0.1",
    "READONLY",
    "READWRITE",
    "ASKING",
    "TIME x",
    "ROLE x",
    "LASTSAVE x",
    "INFO nothing",
    "PUBSUB",
    "PUBSUB NONSENSE",
    "PUBSUB CHANNELS",
    "PUBSUB NUMSUB a b",
    "PUBSUB NUMPAT",
    "PUBSUB SHARDCHANNELS",
    "PUBSUB SHARDNUMSUB a",
    "MEMORY USAGE nothing",
    "MEMORY USAGE nothing SAMPLES",
    "MEMORY USAGE nothing SAMPLES -1",
    "MEMORY USAGE nothing SAMPLES x",
    "MEMORY NONSENSE",
    "DEBUG DIGEST",
    "DEBUG DIGEST-VALUE a",
    "DEBUG SET-ACTIVE-EXPIRE 1",
    "DEBUG ERROR boom",
    "DEBUG PROTOCOL map",
    "DEBUG PROTOCOL push",
    "DEBUG PROTOCOL nothing",
    "SLOWLOG",
    "SLOWLOG NONSENSE",
    "SLOWLOG LEN x",
    "SLOWLOG GET -2",
    "SLOWLOG GET x",
    "SLOWLOG GET 1 2",
    "SLOWLOG GET 0",
    "SLOWLOG RESET x",
    "SLOWLOG RESET",
    "SLOWLOG HELP x",
    "LATENCY",
    "LATENCY NONSENSE",
    "LATENCY HISTORY",
    "LATENCY HISTORY nothing",
    "LATENCY GRAPH nothing",
    "LATENCY GRAPH",
    "LATENCY LATEST",
    "LATENCY LATEST x",
    "LATENCY RESET nothing",
    "LATENCY RESET",
    "LATENCY HISTOGRAM nothing",
    "LATENCY HELP x",
    "MEMORY PURGE",
    "MEMORY STATS x",
    "MEMORY DOCTOR x",
    "MEMORY MALLOC-STATS x",
    "CLIENT TRACKING",
    "CLIENT TRACKING maybe",
    "CLIENT TRACKING ON nonsense",
    "CLIENT TRACKING ON REDIRECT",
    "CLIENT TRACKING ON REDIRECT x",
    "CLIENT TRACKING ON REDIRECT 100000",
    "CLIENT TRACKING ON PREFIX a",
    "CLIENT TRACKING ON BCAST OPTIN",
    "CLIENT TRACKING ON OPTIN OPTOUT",
    "CLIENT TRACKING ON BCAST PREFIX ab PREFIX a",
    "CLIENT CACHING",
    "CLIENT CACHING yes",
    "CLIENT TRACKINGINFO",
    "CLIENT GETREDIR",
    "CLIENT TRACKING ON OPTIN",
    "CLIENT CACHING no",
    "CLIENT CACHING maybe",
    "CLIENT CACHING yes",
    "CLIENT TRACKINGINFO",
    "CLIENT TRACKINGINFO x",
    "CLIENT GETREDIR",
    "CLIENT TRACKING ON OPTOUT",
    "CLIENT TRACKING ON BCAST",
    "CLIENT TRACKING OFF",
    "CLIENT TRACKING ON OPTOUT NOLOOP",
    "CLIENT CACHING yes",
    "CLIENT CACHING no",
    "CLIENT TRACKINGINFO",
    "CLIENT TRACKING OFF NOLOOP",
    "CLIENT TRACKING ON BCAST PREFIX b PREFIX a",
    "CLIENT TRACKING ON BCAST PREFIX abc",
    "CLIENT TRACKING ON",
    "CLIENT TRACKINGINFO",
    "CLIENT TRACKING OFF",
    "MULTI",
    "MONITOR",
    "EXEC",
    "MONITOR",
    "GET k",
    "PUBLISH a b",
    "RESET",
    "NONSENSE a b",
    "RESET",
    "QUIT",
];

/// In RESP3, where maps, sets, nulls and verbatim strings have their own types.
const RESP3: &[&str] = &[
    "CLIENT GETNAME",
    "CONFIG GET maxclients",
    "CONFIG GET nothing",
    "COMMAND INFO nothing",
    "COMMAND INFO mget",
    "COMMAND DOCS nothing",
    "COMMAND GETKEYSANDFLAGS mget a b",
    "CLIENT LIST ID 100000",
    "CLIENT TRACKING ON BCAST PREFIX a NOLOOP",
    "CLIENT TRACKINGINFO",
    "CLIENT TRACKING OFF",
    "LATENCY HISTOGRAM nothing",
    "INFO nothing",
    "PUBSUB NUMSUB a",
    "SUBSCRIBE a",
    "PING",
    "PUBLISH a m",
    "UNSUBSCRIBE a",
    "DEBUG PROTOCOL null",
    "DEBUG PROTOCOL set",
    "DEBUG PROTOCOL map",
    "DEBUG PROTOCOL true",
    "DEBUG PROTOCOL array",
    "RESET",
    "CLIENT GETNAME",
];

/// With data in place, whose digest must be the same on both sides.
const WITH_DATA: &[&str] = &[
    "DEBUG DIGEST-VALUE a b nothing",
    "DEBUG DIGEST",
    "HELLO 3 NONSENSE",
    "DEBUG PROTOCOL attrib",
    "DEBUG PROTOCOL double",
    "DEBUG PROTOCOL bignum",
    "DEBUG PROTOCOL verbatim",
];

const DATA: &[(&str, &str)] = &[("a", "1"), ("b", "hello")];

/// A reference server; a machine without one fails the test, which says so.
fn reference(ports: &testkit::Ports) -> Server {
    Server::build(Kind::Redis, ports.port(0)).with("enable-debug-command", "yes").start()
}

/// Sends the lines to both sides and describes where they differ.
fn differences(server: &Server, lines: &[&str], data: &[(&str, &str)], resp3: bool) -> Vec<String> {
    let mut bench = Bench::new(&[("enable-debug-command", "yes")]);
    let mut theirs = server.client();
    for (key, value) in data {
        bench.store(key, value);
        theirs.call(&["SET", key, value]).expect("SET");
    }
    if resp3 {
        bench.run("HELLO 3");
        theirs.call(&["HELLO", "3"]).expect("HELLO");
    }
    let mut wrong = Vec::new();
    for line in lines {
        let words = base::args::split(line.as_bytes()).expect("balanced quotes");
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let theirs = exchange(&mut theirs, &words);
        let ours = bench.replies_of(1, &words).iter().map(show).collect::<Vec<_>>().join(" ");
        if ours != theirs {
            wrong.push(format!("{line}\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    wrong
}

/// A command's reply and the out-of-band message that it may cause to oneself, sorted: 7.2 sends it behind the reply,
/// 7.0 in front.
fn exchange(connection: &mut Connection, words: &[&[u8]]) -> String {
    connection.send(words).expect("send");
    connection.flush().expect("flush");
    let first = connection.receive_any().expect("receive");
    let mut shown = vec![show(&first)];
    if matches!(first, Value::Push(_)) && !words[0].to_ascii_lowercase().ends_with(b"subscribe") {
        shown.push(show(&connection.receive_any().expect("receive")));
    }
    shown.sort();
    shown.join(" ")
}

#[test]
fn the_reference_server_says_the_same() {
    let ports = testkit::reserve();
    let mut server = reference(&ports);
    let mut wrong = differences(&server, LINES, &[], false);
    wrong.extend(differences(&server, RESP3, &[], true));
    wrong.extend(differences(&server, WITH_DATA, DATA, false));
    server.kill();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fields of 7.0.15 that name its compiler, or that 7.2 dropped.
const NOT_OURS: &[&str] = &["atomicvar_api", "gcc_version"];

#[test]
fn info_has_the_fields_of_the_reference_server() {
    let ports = testkit::reserve();
    let mut server = reference(&ports);
    let names = |text: &str| -> BTreeSet<String> {
        let counted =
            |line: &&str| !line.starts_with("cmdstat_") && !line.starts_with("latency_percentiles_");
        let fields = text.lines().filter(counted);
        fields.filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect()
    };
    let theirs = names(&server.text(&["INFO", "everything"]));
    let ours = names(&Bench::new(&[]).text("INFO everything"));
    server.kill();
    let missing: Vec<&String> =
        theirs.difference(&ours).filter(|name| !NOT_OURS.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
