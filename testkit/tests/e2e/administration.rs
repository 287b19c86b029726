//! The error paths of what administers a server, to Grapevine and to redis-server 7.0.15 side by side: wrong arity,
//! unknown subcommands, odd options, absurd numbers. Both must refuse in the same words, or neither.
//!
//! Model: a request is a command, mostly one of its subcommands, and up to six words: options of its own, numbers,
//! nonsense. What succeeds is compared where it is a status, or the same for everybody ([`same`]).

use base::Prng;
use client::Connection;
use grapevine_testkit::{Kind, Server, reserve};
use resp::{Protocol, Value};

/// Requests of one run.
const STEPS: usize = 4000;

/// A command: what may follow it, and options that its subcommands know.
const COMMANDS: &[(&str, &[&str], &[&str])] = &[
    (
        "CLIENT",
        &[
            "ID",
            "INFO",
            "LIST",
            "KILL",
            "GETNAME",
            "SETNAME",
            "UNPAUSE",
            "NO-EVICT",
            "GETREDIR",
            "UNBLOCK",
            "TRACKING",
            "TRACKINGINFO",
            "CACHING",
            "HELP",
            "NOSUCH",
        ],
        &[
            "ID",
            "TYPE",
            "normal",
            "pubsub",
            "replica",
            "master",
            "ADDR",
            "LADDR",
            "SKIPME",
            "yes",
            "no",
            "on",
            "off",
            "USER",
            "default",
            "127.0.0.1:1",
            "ERROR",
            "TIMEOUT",
            "BCAST",
            "PREFIX",
            "OPTIN",
            "OPTOUT",
            "NOLOOP",
            "REDIRECT",
            "a b",
        ],
    ),
    ("CLIENT", &["PAUSE", "REPLY"], &["nonsense", "x", "-1", "WRITES"]),
    (
        "CONFIG",
        &["GET", "SET", "RESETSTAT", "REWRITE", "HELP", "NOSUCH"],
        &["maxmemory", "timeout", "hz", "nosuch"],
    ),
    (
        "COMMAND",
        &["COUNT", "DOCS", "GETKEYS", "GETKEYSANDFLAGS", "INFO", "LIST", "HELP", "NOSUCH"],
        &[
            "GET",
            "SET",
            "MSET",
            "FILTERBY",
            "PATTERN",
            "ACLCAT",
            "MODULE",
            "a*",
            "XREAD",
            "STREAMS",
            "ZUNIONSTORE",
        ],
    ),
    ("OBJECT", &["ENCODING", "FREQ", "IDLETIME", "REFCOUNT", "HELP", "NOSUCH"], &["k", "list", "nokey"]),
    (
        "MEMORY",
        &["DOCTOR", "STATS", "USAGE", "PURGE", "MALLOC-STATS", "HELP", "NOSUCH"],
        &["k", "list", "SAMPLES"],
    ),
    (
        "LATENCY",
        &["DOCTOR", "GRAPH", "HISTOGRAM", "HISTORY", "LATEST", "RESET", "HELP", "NOSUCH"],
        &["command", "fast-command", "nosuch"],
    ),
    ("SLOWLOG", &["GET", "LEN", "RESET", "HELP", "NOSUCH"], &["10"]),
    (
        "DEBUG",
        &[
            "OBJECT",
            "SDSLEN",
            "DIGEST-VALUE",
            "SET-ACTIVE-EXPIRE",
            "QUICKLIST-PACKED-THRESHOLD",
            "PROTOCOL",
            "HTSTATS-KEY",
            "CLIENT-EVICTION",
            "REPLYBUFFER",
            "HELP",
            "NOSUCH",
        ],
        &["nokey", "x", "1kb"],
    ),
    (
        "PUBSUB",
        &["CHANNELS", "NUMPAT", "NUMSUB", "SHARDCHANNELS", "SHARDNUMSUB", "HELP", "NOSUCH"],
        &["a*", "channel"],
    ),
    ("SWAPDB", &[], &["0", "1", "15", "16"]),
    ("SELECT", &[], &["0", "1", "15", "16"]),
    ("MOVE", &[], &["k", "list", "nokey", "0", "1", "16"]),
    ("COPY", &[], &["k", "list", "nokey", "DB", "REPLACE", "1", "16"]),
    ("HELLO", &[], &["2", "3", "4", "1", "x"]),
    ("RESET", &[], &["x"]),
    ("WAIT", &[], &["0", "x", "-1"]),
    ("SHUTDOWN", &["nonsense"], &["SAVE", "NOSAVE", "NOW", "FORCE", "ABORT"]),
    ("SHUTDOWN", &["SAVE"], &["NOSAVE", "nonsense"]),
    ("REPLICAOF", &["nohost"], &["x", "-1", "99999", ""]),
    ("SLAVEOF", &["nohost"], &["x", "70000"]),
    ("FLUSHALL", &[], &["ASYNC", "SYNC", "x"]),
    ("FLUSHDB", &[], &["ASYNC", "SYNC", "x"]),
    ("BGSAVE", &["nonsense"], &["SCHEDULE", "x"]),
    ("LASTSAVE", &["x"], &[]),
    ("DBSIZE", &["x"], &[]),
    ("TIME", &["x"], &[]),
    ("ROLE", &["x"], &[]),
    ("ECHO", &[], &["x"]),
    ("PING", &[], &["x"]),
    ("AUTH", &[], &["default", "x"]),
    ("LOLWUT", &["VERSION"], &["x"]),
    ("READONLY", &[], &["x"]),
    ("ASKING", &[], &["x"]),
    ("CLUSTER", &["INFO", "NOSUCH", "HELP"], &["x"]),
    ("PSYNC", &["x"], &[]),
    ("MONITOR", &["x"], &[]),
    ("MULTI", &["x"], &[]),
    ("EXEC", &["x"], &[]),
    ("DISCARD", &[], &["x"]),
    ("WATCH", &[], &["k"]),
    ("UNWATCH", &[], &["x"]),
    ("KEYS", &[], &["nomatch"]),
    ("RANDOMKEY", &["x"], &[]),
    ("EXPIRE", &["k"], &["100", "NX", "XX", "GT", "LT"]),
    ("PERSIST", &["nokey"], &["x"]),
    ("TYPE", &[], &["k"]),
    ("SCAN", &[], &["0", "COUNT", "MATCH", "TYPE", "nosuch", "nomatch"]),
    ("RESTORE", &["restored"], &["0", "REPLACE", "ABSTTL", "IDLETIME", "FREQ", "xxxxxxxxxx"]),
    ("DUMP", &[], &["nokey"]),
    ("RENAME", &["nokey"], &["k"]),
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "5",
    "16",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "99999999999999999999",
    "1.5",
    "1e3",
    "0x10",
    " 1",
    "1 ",
    "+1",
    "01",
    "-0",
];
const NONSENSE: &[&str] = &["", "x", "nonsense", "*", "%s%n", "a b", "\r\n", "'", "\u{e4}", "((((", "-"];

fn request(random: &mut Prng) -> Vec<String> {
    let (command, subs, options) = random.pick(COMMANDS).copied().unwrap_or_default();
    let mut words = vec![command.to_string()];
    if let Some(sub) = random.pick(subs) {
        words.push((*sub).to_string());
    }
    if subs.is_empty() || random.chance(9, 10) {
        for _ in 0..random.below(7) {
            let pool = match random.below(8) {
                0 | 1 => NUMBERS,
                2 => NONSENSE,
                _ => options,
            };
            words.extend(random.pick(pool).map(|word| (*word).to_string()));
        }
    }
    if random.chance(1, 50) {
        // Texts that are cut at some length.
        words.push("long".repeat(100));
    }
    words
}

/// What must not be sent: it would change how the rest of the run goes.
fn is_allowed(words: &[String]) -> bool {
    let is = |index: usize, word: &str| words.get(index).is_some_and(|w| w.eq_ignore_ascii_case(word));
    let has = |word: &str| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    match words[0].as_str() {
        // 7.0 pauses for a time that 7.2 refuses; what is left of it would hold the rest.
        "CLIENT" if is(1, "PAUSE") => words.len() != 3 || words[2].parse::<i64>().is_err(),
        "CLIENT" if is(1, "REPLY") => !(has("off") || has("skip")),
        // Whom it kills depends on ids and on what else is connected.
        "CLIENT" if is(1, "KILL") => {
            !(has("SKIPME") || is(2, "TYPE") || is(2, "USER") || has("LADDR") || has("ID"))
        }
        "SHUTDOWN" => has("nonsense") && !has("ABORT") || has("SAVE") && has("NOSAVE"),
        // A text directive takes anything.
        "CONFIG" if is(1, "SET") => !has("maxmemory"),
        "CONFIG" if is(1, "REWRITE") => words.len() > 2,
        // A valid name is found out by a length that has a meaning in bytes.
        "DEBUG" if is(1, "HELP") => words.len() > 2,
        // Who waits for replicas waits; and Redis takes a number past 32 bits for another one.
        "WAIT" => !matches!(words.get(1).map(|n| n.parse::<i64>()), Some(Ok(n)) if n > 0),
        "REPLICAOF" | "SLAVEOF" => {
            words.len() != 3 || words[2].parse::<u16>().is_err() && words[2].trim().parse::<i64>().is_err()
        }
        "PSYNC" => words.get(2).is_none_or(|offset| offset.parse::<i64>().is_err()),
        "BGSAVE" | "MONITOR" | "MULTI" => words.len() > 2 || has("nonsense") || has("x"),
        _ => true,
    }
}

/// Makes equal what each server says for itself.
fn same(words: &[String], value: Value) -> Value {
    match value {
        Value::Error(text) => Value::Error(text),
        Value::Simple(text)
            if ["CLIENT", "CONFIG", "SELECT", "SWAPDB", "HELLO"].contains(&words[0].as_str()) =>
        {
            Value::Simple(text)
        }
        Value::Int(n) if ["MOVE", "COPY", "SWAPDB", "PERSIST", "EXPIRE"].contains(&words[0].as_str()) => {
            Value::Int(n)
        }
        _ => Value::Null,
    }
}

/// Differences that docs/differences.md has, or that 7.2 made.
fn is_known(words: &[String]) -> bool {
    let is = |index: usize, word: &str| words.get(index).is_some_and(|w| w.eq_ignore_ascii_case(word));
    match words[0].as_str() {
        // 7.2 takes a command without arguments.
        "COMMAND" => is(1, "GETKEYS") || is(1, "GETKEYSANDFLAGS"),
        // 7.0 obeys the options in front of a wrong one.
        "HELLO" => words.len() > 2,
        // 7.2 takes FULL.
        "DEBUG" => is(1, "HTSTATS-KEY") && words.len() == 4,
        // One error instead of two replies.
        "CLIENT" => {
            is(1, "TRACKING") && words.iter().filter(|w| w.eq_ignore_ascii_case("PREFIX")).count() > 1
        }
        _ => false,
    }
}

/// A reply for people: texts as text.
fn shown(reply: &Result<Value, client::ClientError>) -> String {
    match reply {
        Ok(Value::Error(text) | Value::Simple(text) | Value::Bulk(text)) => text.escape_ascii().to_string(),
        Ok(Value::Array(items)) => items.iter().map(|item| shown(&Ok(item.clone())) + " ").collect(),
        other => format!("{other:?}"),
    }
}

fn connect(server: &Server, protocol: Protocol) -> Connection {
    let mut connection = server.client();
    connection.hello(protocol).expect("HELLO");
    connection
}

fn compare(seed: u64, protocol: Protocol) {
    let ports = reserve();
    let ours = Server::build(Kind::Grapevine, ports.port(0)).start();
    let theirs = Server::build(Kind::Redis, ports.port(1)).start();
    for server in [&ours, &theirs] {
        server.command(&["SET", "k", "v"]);
        server.command(&["RPUSH", "list", "a", "b"]);
    }
    let (mut a, mut b) = (connect(&ours, protocol), connect(&theirs, protocol));
    let mut random = Prng::new(seed);
    let mut wrong = Vec::new();
    for _ in 0..STEPS {
        let words = request(&mut random);
        if !is_allowed(&words) || is_known(&words) {
            continue;
        }
        match (a.call(&words), b.call(&words)) {
            (Ok(x), Ok(y)) => {
                let (x, y) = (same(&words, x), same(&words, y));
                if x != y {
                    wrong.push(format!(
                        "{words:?}\n  ours:   {}\n  theirs: {}",
                        shown(&Ok(x)),
                        shown(&Ok(y))
                    ));
                }
            }
            (Err(_), Err(_)) => {}
            (x, y) => wrong.push(format!("{words:?}\n  ours:   {}\n  theirs: {}", shown(&x), shown(&y))),
        }
        // Transactions, RESET and names would colour what follows.
        (a, b) = match (a.call(&["RESET"]), b.call(&["RESET"])) {
            (Ok(_), Ok(_)) => (a, b),
            _ => (connect(&ours, protocol), connect(&theirs, protocol)),
        };
        a.hello(protocol).expect("HELLO");
        b.hello(protocol).expect("HELLO");
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "seed {seed} {protocol:?}, {} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Seeds beside those of every run: `GRAPEVINE_SEEDS=100..200` for a long look.
fn more_seeds() -> std::ops::Range<u64> {
    let text = std::env::var("GRAPEVINE_SEEDS").unwrap_or_default();
    let bounds = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    bounds.unwrap_or(0..0)
}

#[test]
fn refusals_in_resp2() {
    [1].into_iter().chain(more_seeds()).for_each(|seed| compare(seed, Protocol::Resp2));
}

#[test]
fn refusals_in_resp3() {
    [2].into_iter().chain(more_seeds()).for_each(|seed| compare(seed, Protocol::Resp3));
}

/// CONFIG SET of every directive that both have and that is no free text, to values that it may not take.
#[test]
fn odd_values_of_every_directive() {
    const VALUES: &[&str] = &[
        "abc",
        "-1",
        "",
        "1.5",
        "yes please",
        "101%",
        "99999999999999999999",
        "-9223372036854775809",
        "1gbb",
        "1 2",
        "0x1",
        "on",
        " 1",
    ];
    /// Free text, what the whole machine must bear, and what docs/differences.md names.
    const LEFT_OUT: &[&str] = &[
        "dir",
        "logfile",
        "dbfilename",
        "requirepass",
        "masterauth",
        "masteruser",
        "bind",
        "bind-source-addr",
        "port",
        "appendonly",
        "maxmemory",
        "maxclients",
        "oom-score-adj",
        "oom-score-adj-values",
        "slaveof",
        "replicaof",
        "replica-announce-ip",
        "slave-announce-ip",
        "cluster-announce-ip",
        "cluster-announce-hostname",
        "proc-title-template",
        "timeout",
        "loglevel",
        "tls-port",
        "tls-cluster",
        "tls-replication",
        "acl-pubsub-default",
        "cluster-slave-no-failover",
        "cluster-replica-no-failover",
        "io-threads",
        "shutdown-on-sigterm",
        "shutdown-on-sigint",
        "watchdog-period",
        "hz",
        "notify-keyspace-events",
    ];
    let ports = reserve();
    let ours = Server::build(Kind::Grapevine, ports.port(0)).start();
    let theirs = Server::build(Kind::Redis, ports.port(1)).start();
    let (mut a, mut b) = (connect(&ours, Protocol::Resp2), connect(&theirs, Protocol::Resp2));
    let Ok(Value::Array(all)) = b.call(&["CONFIG", "GET", "*"]) else { panic!("CONFIG GET") };
    let mut wrong = Vec::new();
    for pair in all.chunks_exact(2) {
        let (Some(name), Some(before)) = (pair[0].as_bytes(), pair[1].as_bytes()) else { continue };
        let name = String::from_utf8_lossy(name).into_owned();
        if LEFT_OUT.contains(&name.as_str()) || name.starts_with("tls-") {
            continue;
        }
        for value in VALUES {
            let (x, y) = (a.call(&["CONFIG", "SET", &name, value]), b.call(&["CONFIG", "SET", &name, value]));
            // Redis takes what overflows for a percentage.
            let overflows = name == "maxmemory-clients" && value.starts_with("999");
            if x.as_ref().ok() != y.as_ref().ok() && !overflows {
                wrong.push(format!("{name} {value:?}\n  ours:   {}\n  theirs: {}", shown(&x), shown(&y)));
            }
            let (x, y) = (a.call(&["CONFIG", "GET", &name]), b.call(&["CONFIG", "GET", &name]));
            if x.as_ref().ok() != y.as_ref().ok() && !overflows {
                wrong.push(format!(
                    "{name} after {value:?}\n  ours:   {}\n  theirs: {}",
                    shown(&x),
                    shown(&y)
                ));
            }
            for connection in [&mut a, &mut b] {
                let _ = connection.call(&[b"CONFIG".as_slice(), b"SET", name.as_bytes(), before]);
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// What COMMAND tells, and who answers to which name, under `rename-command`.
#[test]
fn renamed_commands() {
    let ports = reserve();
    let build = |kind, index| {
        let server = Server::build(kind, ports.port(index)).with("rename-command", "CONFIG konfig");
        let server = server.with("rename-command", "GET fetch").with("rename-command", "SET get");
        server.with("rename-command", "FLUSHALL \"\"").with("rename-command", "OBJECT obj").start()
    };
    let (ours, theirs) = (build(Kind::Grapevine, 0), build(Kind::Redis, 1));
    let requests = [
        "COMMAND GETKEYS fetch a",
        "COMMAND GETKEYS get a b",
        "COMMAND GETKEYS set a b",
        "COMMAND GETKEYSANDFLAGS get a b",
        "COMMAND LIST FILTERBY PATTERN *onfig*",
        "COMMAND LIST FILTERBY PATTERN get",
        "COMMAND LIST FILTERBY PATTERN fetch",
        "COMMAND LIST FILTERBY PATTERN flush*",
        "COMMAND INFO fetch",
        "COMMAND INFO flushall set config object|freq config|get",
        "COMMAND DOCS flushall set config object|freq config|get",
        "konfig nope",
        "konfig get",
        "config get port",
        "konfig get maxmemory",
        "konfig set a",
        "fetch",
        "fetch a b c",
        "get a 1",
        "get",
        "fetch a",
        "set a 1",
        "flushall",
        "obj freq",
        "obj nope",
        "obj encoding a",
    ];
    for request in requests {
        let words: Vec<&str> = request.split(' ').collect();
        let ask = |server: &Server| -> String {
            match server.command(&words) {
                Value::Array(items) => {
                    let mut items: Vec<String> = items.into_iter().map(|item| shown(&Ok(item))).collect();
                    items.sort();
                    items.join(" ")
                }
                other => shown(&Ok(other)),
            }
        };
        assert_eq!(ask(&ours), ask(&theirs), "{request}");
    }
    for server in [&ours, &theirs] {
        let called = |name: &str| shown(&Ok(server.command(&["COMMAND", "INFO", name]))).contains("config");
        assert!(called("konfig") && called("KONFIG|SET"), "{:?}", server.kind());
        let docs = shown(&Ok(server.command(&["COMMAND", "DOCS", "konfig|get", "obj"])));
        assert!(docs.starts_with("config|get ") && docs.contains("object|freq"), "{:?}", server.kind());
        assert!(shown(&Ok(server.command(&["KONFIG", "HELP"]))).starts_with("KONFIG <subcommand> "));
        let Value::Int(count) = server.command(&["COMMAND", "COUNT"]) else { panic!("COMMAND COUNT") };
        let Value::Array(all) = server.command(&["COMMAND"]) else { panic!("COMMAND") };
        assert_eq!(all.len() as i64, count, "{:?}", server.kind());
    }
}
