//! The modes beside commands: --scan, --bigkeys, --memkeys, --hotkeys, --pipe, --rdb, --replica, --latency, --stat ...

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use testkit::{Kind, Ports, Server, reserve, wait_for};

use crate::{Done, OURS, THEIRS, run, same};

const FIXTURE: &[&[&str]] = &[
    &["SET", "string", "hello"],
    &["SET", "a key\n\u{e9}", "x"],
    &["RPUSH", "list", "a", "b", "c"],
    &["SADD", "set", "a"],
    &["HSET", "hash", "f", "v", "g", "w"],
    &["ZADD", "zset", "1", "a"],
    &["XADD", "stream", "1-1", "a", "b"],
];

struct Fixture {
    server: Server,
    _ports: Ports,
}

impl Fixture {
    fn start(kind: Kind) -> Self {
        let ports = reserve();
        let server = Server::build(kind, ports.port(0))
            .with("save", "")
            .with("repl-diskless-sync-delay", "0")
            .with("maxmemory-policy", "allkeys-lfu")
            .start();
        Self { server, _ports: ports }
    }

    fn fill(&self) {
        let mut client = self.server.client();
        client.call(&["FLUSHALL"]).unwrap();
        for command in FIXTURE {
            client.call(command).unwrap();
        }
        // SCAN's order is the table's: with fewer keys than 256 it has its size when the last one is in.
        for n in 0..240 {
            client.call(&["SET", &format!("many:{n}"), &"x".repeat(n)]).unwrap();
        }
    }

    fn args<'a>(&'a self, port: &'a str, more: &'a str) -> Vec<&'a str> {
        ["-p", port].into_iter().chain(more.split(' ').filter(|word| !word.is_empty())).collect()
    }

    fn same(&self, options: &str, input: &[u8], tty: bool) -> Done {
        let port = self.server.port().to_string();
        same(&self.args(&port, options), input, tty, || {})
    }

    fn ours(&self, options: &str, input: &[u8]) -> Done {
        let port = self.server.port().to_string();
        run(OURS, &self.args(&port, options), input, false)
    }
}

#[test]
fn walking_over_the_keys() {
    let fixture = Fixture::start(Kind::Redis);
    for options in ["--scan", "--hotkeys"] {
        fixture.same(options, b"", false);
    }
    // redis-cli's order of the types settles at the second key.
    let empty = fixture.ours("--bigkeys", b"");
    assert!(empty.out.ends_with(b"\n0 zsets with 0 members (00.00% of keys, avg size 0.00)\n"));
    fixture.fill();
    for options in [
        "--scan",
        "--scan --pattern many:1*",
        "--scan --quoted-pattern \"many:\\x32*\"",
        "--scan --quoted-pattern \"many",
        "--scan -i 0.001",
        "--scan --pattern nothing*",
        "--scan -n 3",
        "--scan -3",
        "--bigkeys",
        "--bigkeys -i 0.001",
        "--bigkeys --pattern many:*",
        "--memkeys",
        "--memkeys-samples 3",
        "--hotkeys",
        "--bigkeys --scan",
    ] {
        fixture.same(options, b"", false);
        fixture.same(options, b"", true);
    }
    // The version compared with has no --count.
    let all = fixture.ours("--scan", b"").out.len();
    assert_eq!(fixture.ours("--scan --count 1000", b"").out.len(), all);
    fixture.server.text(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    fixture.same("--hotkeys", b"", false);
    fixture.server.text(&["CONFIG", "SET", "requirepass", "secret"]);
    for options in
        ["--scan", "--bigkeys", "--hotkeys", "--memkeys", "--pipe --pipe-timeout 1", "-a secret --scan"]
    {
        fixture.same(options, b"", false);
    }
}

#[test]
fn raw_protocol() {
    let fixture = Fixture::start(Kind::Redis);
    let many: Vec<u8> = (0..20_000).flat_map(|n| format!("SET k{n} v\r\n").into_bytes()).collect();
    let large =
        [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n".as_slice(), &vec![b'x'; 3_000_000], b"\r\n"].concat();
    let read_back = b"GET k\r\n".repeat(20);
    for input in [
        b"SET a b\r\nGET a\r\nINCR a\r\nNOSUCH\r\n".as_slice(),
        b"",
        b"PING",
        b"*1\r\n$4\r\nPING\r\n",
        &many,
        &large,
        &read_back,
    ] {
        fixture.same("--pipe", input, false);
    }
    let broken = fixture.ours("--pipe", b"*1\r\n+oops\r\n");
    assert_eq!(broken.err, b"ERR Protocol error: expected '$', got '+'\n");
    assert_eq!(broken.code, Some(1));
    // The server never answers, and the last ECHO waits behind.
    let waited = fixture.same("--pipe --pipe-timeout 1", b"BLPOP nothing 0\r\n", false);
    assert_eq!(waited.err, b"No replies for 1 seconds: exiting.\n");
}

#[test]
fn snapshots() {
    for kind in [Kind::Redis, Kind::Grapevine] {
        let fixture = Fixture::start(kind);
        let mut client = fixture.server.client();
        for n in 0..2000 {
            client.call(&["SET", &format!("key:{n}"), &"x".repeat(n)]).unwrap();
        }
        let digest = fixture.server.text(&["DEBUG", "DIGEST"]);
        let folder = fixture.server.folder().join("fetched");
        std::fs::create_dir(&folder).unwrap();
        for (name, diskless) in [("dump.rdb", "yes"), ("other.rdb", "no")] {
            fixture.server.text(&["CONFIG", "SET", "repl-diskless-sync", diskless]);
            let file = folder.join(name);
            let done = fixture.ours(&format!("--rdb {}", file.display()), b"");
            let said = String::from_utf8_lossy(&done.err).into_owned();
            assert_eq!(done.code, Some(0), "{said}");
            assert!(
                said.starts_with("sending REPLCONF capa eof\nsending REPLCONF rdb-only 1\nSYNC sent"),
                "{said}"
            );
            assert!(said.contains("Transfer finished with success"), "{said}");
        }
        let stdout = fixture.ours("--rdb -", b"");
        assert!(stdout.out.starts_with(b"REDIS00"), "{:?}", stdout.code);
        let ports = reserve();
        let copy = Server::build(kind, ports.port(0)).with("save", "").folder(&folder).start();
        assert_eq!(copy.text(&["DEBUG", "DIGEST"]), digest);
    }
    let fixture = Fixture::start(Kind::Redis);
    let functions = fixture.server.folder().join("functions.rdb");
    fixture.same("--rdb /nonexistent/x", b"", false);
    fixture.same(&format!("--functions-rdb {}", functions.display()), b"", false);
    fixture.same("--rdb a --functions-rdb b", b"", false);
}

/// Follows a master, is sent commands, and ends when the master closes the connection.
fn follow(program: &str, kind: Kind, options: &[&str]) -> (String, String) {
    let fixture = Fixture::start(kind);
    let port = fixture.server.port().to_string();
    let mut command = Command::new("stdbuf");
    command
        .args(["-oL", program, "-p", &port])
        .args(options)
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|e| panic!("cannot run stdbuf {program}: {e}"));
    wait_for("the replica is online", || {
        fixture.server.text(&["INFO", "replication"]).contains("state=online")
    });
    for n in 0..20 {
        fixture.server.text(&["SET", "key", &format!("value {n}")]);
    }
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("value 19") {
        assert!(output.read_line(&mut text).unwrap() > 0, "the stream ended early: {text}");
    }
    assert_eq!(fixture.server.text(&["CLIENT", "KILL", "TYPE", "replica"]), "1");
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    (text, String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn the_stream_of_a_master() {
    for (kind, options) in
        [(Kind::Redis, &["--replica"][..]), (Kind::Grapevine, &["--replica"]), (Kind::Redis, &["sync"])]
    {
        let (ours, said) = follow(OURS, kind, options);
        let writes: Vec<&str> = ours.lines().filter(|line| line.starts_with("\"SET\"")).collect();
        assert_eq!(writes.len(), 20, "{kind:?} {options:?}: {ours}\n{said}");
        assert_eq!(writes[19], "\"SET\",\"key\",\"value 19\"");
        assert!(said.contains("Full resync with master, discarding "), "{said}");
        assert!(said.ends_with("Error: Server closed the connection\n"), "{said}");
    }
    let (theirs, _) = follow(THEIRS, Kind::Grapevine, &["--replica"]);
    assert!(
        theirs.contains("\"SET\",\"key\",\"value 19\"\n"),
        "redis-cli reads Grapevine's stream: {theirs}"
    );
}

fn is_numbers(text: &str, separator: char, count: usize) -> bool {
    text.trim_end().split(separator).filter(|word| word.parse::<f64>().is_ok()).count() == count
}

#[test]
fn latencies() {
    let fixture = Fixture::start(Kind::Redis);
    for (options, separator) in [("--latency -i 0.05", ' '), ("--latency --csv -i 0.05", ',')] {
        let done = fixture.ours(options, b"");
        let text = String::from_utf8_lossy(&done.out).into_owned();
        assert_eq!(done.code, Some(0));
        assert!(is_numbers(&text, separator, 4), "{options}: {text}");
    }
    let json = fixture.ours("--latency --json -i 0.05", b"");
    assert!(json.out.starts_with(b"{\"min\": ") && json.out.ends_with(b"}\n"));
    let intrinsic =
        String::from_utf8_lossy(&run(OURS, &["--intrinsic-latency", "1"], b"", false).out).into_owned();
    assert!(intrinsic.contains(" total runs (avg latency: "), "{intrinsic}");
    let ports = reserve();
    let port = ports.port(0).to_string();
    for mode in
        ["--latency", "--latency-dist", "--stat", "--scan", "--bigkeys", "--pipe", "--replica", "--rdb=x"]
    {
        let mut args = vec!["-p", &port];
        args.extend(mode.split('='));
        same(&args, b"", false, || {});
    }
}

/// The first lines of a mode that never ends.
fn first_lines(program: &str, args: &[&str], count: usize) -> Vec<String> {
    let mut shell = Command::new("stdbuf");
    shell
        .arg("-oL")
        .arg(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = shell.spawn().unwrap_or_else(|e| panic!("cannot run stdbuf {program}: {e}"));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = lines.take(count).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    lines
}

/// Digits as one sign, so that lines of different moments compare.
fn shape(line: &str) -> String {
    let mut text = String::new();
    for c in line.chars() {
        let c = if c.is_ascii_digit() { '9' } else { c };
        if !(c == '9' && text.ends_with('9')) {
            text.push(c);
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn modes_without_an_end() {
    let fixture = Fixture::start(Kind::Redis);
    fixture.fill();
    let port = fixture.server.port().to_string();
    let both = |options: &[&str], count| {
        let args: Vec<&str> = ["-p", &port].iter().chain(options).copied().collect();
        [THEIRS, OURS].map(|program| first_lines(program, &args, count))
    };
    let [theirs, ours] = both(&["--stat", "-i", "0.01"], 4);
    assert_eq!(ours[..2], theirs[..2]);
    assert_eq!(
        ours[3].split_whitespace().count(),
        theirs[3].split_whitespace().count(),
        "{ours:?} {theirs:?}"
    );
    let [theirs, ours] = both(&["--latency-dist", "-i", "0.1"], 9);
    assert_eq!(ours[..8], theirs[..8]);
    assert_eq!(shape(&ours[8]), shape(&theirs[8]));
    let [theirs, ours] = both(&["--lru-test", "1000"], 1);
    assert_eq!(shape(&ours[0]), shape(&theirs[0]));
    let [theirs, ours] = both(&["--latency-history", "-i", "0.05"], 9);
    let ends = |lines: &[String]| lines.iter().any(|line| shape(line) == "-- 9.9 seconds range");
    assert!(ends(&theirs) && ends(&ours), "{theirs:?}\n{ours:?}");
}
