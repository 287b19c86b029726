//! grapevine-benchmark beside the real redis-benchmark, and what the server has counted. Needs `redis-server` and
//! `redis-benchmark` on PATH and says so.

mod failover;

use std::io::Write;
use std::process::{Command, Stdio};

use testkit::{Kind, Ports, Server, reserve};

/// Our program, from this build.
const OURS: &str = env!("CARGO_BIN_EXE_grapevine-benchmark");
/// The reference, from PATH.
const THEIRS: &str = "redis-benchmark";

#[derive(Debug)]
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs a program to its end, for a minute at most.
fn run(program: &str, args: &[&str], input: &[u8]) -> Done {
    let mut command = Command::new("timeout");
    command.args(["60", program]).args(args);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|e| panic!("cannot run {program}: {e}"));
    // A program that does not read its input closes the pipe.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    let output = child.wait_with_output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

struct Fixture {
    server: Server,
    _ports: Ports,
}

impl Fixture {
    fn start() -> Self {
        let ports = reserve();
        Self { server: Server::build(Kind::Redis, ports.port(0)).with("save", "").start(), _ports: ports }
    }

    fn run(&self, program: &str, options: &str, input: &[u8]) -> Done {
        let port = self.server.port().to_string();
        let args: Vec<&str> = ["-p", &port].into_iter().chain(options.split(' ')).collect();
        run(program, &args, input)
    }

    /// Runs ours on an empty server; it must succeed.
    fn measure(&self, options: &str) -> Done {
        self.server.text(&["FLUSHALL"]);
        self.server.text(&["CONFIG", "RESETSTAT"]);
        let done = self.run(OURS, options, b"");
        assert_eq!(done.code, Some(0), "{options}: {done:?}");
        done
    }

    /// Calls of a command since the last measurement.
    fn calls(&self, command: &str) -> u64 {
        let stats = self.server.text(&["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
    }
}

/// Numbers as one sign, progress lines and distributions left out: what two runs have in common.
fn shape(text: &str) -> Vec<String> {
    let numbers = |line: &str| {
        let mut text = String::new();
        for c in line.chars().map(|c| if c.is_ascii_digit() || c == '.' { '9' } else { c }) {
            if !(c == '9' && text.ends_with('9')) {
                text.push(c);
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let last = |line: &str| line.rsplit('\r').next().unwrap_or("").to_string();
    let is_fixed = |line: &String| !line.contains(" <= ");
    text.lines().map(last).filter(is_fixed).map(|line| numbers(&line)).collect()
}

#[test]
fn reports_read_the_same() {
    let fixture = Fixture::start();
    for options in [
        "-n 1000 -t set,get",
        "-n 1000 -t set,get -q",
        "-n 1000 -t set,get --csv",
        "-n 1000 -t ping,mset,lrange_300 -c 3 --precision 2 -q",
        "-n 100 -c 7 -k 0 -d 100 -t incr",
        "-n 1000 --threads 2 -t set -P 4",
        "-n 100 -q lpush l x",
        "-n 100 -3 --dbnum 3 set a b",
        "-n 100 -t get set a b",
    ] {
        let [theirs, ours] = [THEIRS, OURS].map(|program| fixture.run(program, options, b""));
        assert_eq!(ours.code, theirs.code, "{options}");
        assert_eq!(shape(&ours.out), shape(&theirs.out), "{options}");
        assert_eq!(ours.err.lines().next(), theirs.err.lines().next(), "{options}");
    }
}

#[test]
fn mistakes_and_errors() {
    let fixture = Fixture::start();
    fixture.server.text(&["SET", "string", "x"]);
    for options in ["-n 100 lpush string x", "-n 10 nosuch"] {
        let [theirs, ours] = [THEIRS, OURS].map(|program| fixture.run(program, options, b""));
        assert_eq!((ours.code, &ours.err), (theirs.code, &theirs.err), "{options}");
    }
    let counted = fixture.run(OURS, "-n 100 --show-server-errors lpush string x", b"");
    assert_eq!(counted.code, Some(1), "errors are no success");
    assert!(
        counted.out.contains("  0 requests completed") && counted.out.contains("  errors: 100 x WRONGTYPE\n"),
        "{counted:?}"
    );
    assert_eq!(counted.err.matches("Error from server: WRONGTYPE").count(), 1, "{counted:?}");
    let ports = reserve();
    let port = ports.port(0).to_string();
    // redis-benchmark 7.0 waits for ever here.
    let refused = run(OURS, &["-p", &port, "-t", "set"], b"");
    let text = format!("Could not connect to Redis at 127.0.0.1:{port}: Connection refused\n");
    assert_eq!((refused.code, refused.err), (Some(1), text));
    let [theirs, ours] = [THEIRS, OURS].map(|program| run(program, &["--nosuch"], b""));
    assert_eq!((ours.code, ours.out.lines().next()), (theirs.code, theirs.out.lines().next()));
    // redis-benchmark measures nothing and says nothing.
    let unknown = fixture.run(OURS, "-n 10 -t nosuch", b"");
    assert_eq!((unknown.code, unknown.err.contains("-t")), (Some(1), true), "{unknown:?}");
    fixture.server.text(&["CONFIG", "SET", "requirepass", "secret"]);
    for options in ["-n 10 -t set", "-n 10 -a wrong -t set"] {
        let [theirs, ours] = [THEIRS, OURS].map(|program| fixture.run(program, options, b""));
        assert_eq!((ours.code, &ours.err), (theirs.code, &theirs.err), "{options}");
    }
    assert_eq!(fixture.run(OURS, "-n 10 -a secret -t set -q", b"").code, Some(0));
    assert_eq!(fixture.run(OURS, "-n 10 --user default -a secret -t set -q", b"").code, Some(0));
    let uri = format!("redis://default:secret@127.0.0.1:{}", fixture.server.port());
    assert_eq!(run(OURS, &["-u", &uri, "-n", "10", "-t", "set", "-q"], b"").code, Some(0));
}

#[test]
fn the_server_gets_what_was_asked_for() {
    let fixture = Fixture::start();
    fixture.measure("-c 5 -n 10 -t set,get");
    assert_eq!((fixture.calls("set"), fixture.calls("get"), fixture.calls("lrange")), (10, 10, 0));
    fixture.measure("-c 10 -n 100");
    let names = [
        "set", "get", "incr", "rpush", "lpop", "rpop", "sadd", "hset", "spop", "zadd", "zpopmin", "mset",
        "xadd",
    ];
    assert_eq!(names.map(|name| fixture.calls(name)), [100; 13]);
    assert_eq!(["ping", "lpush"].map(|name| fixture.calls(name)), [200; 2]);
    assert_eq!(fixture.calls("lrange"), 400);
    fixture.measure("--threads 10 -c 5 -n 10 -t set,get");
    assert_eq!((fixture.calls("set"), fixture.server.text(&["DBSIZE"]).as_str()), (10, "1"));
    fixture.measure("-P 5 -c 10 -n 10010 -t set,get");
    assert_eq!((fixture.calls("set"), fixture.calls("get")), (10010, 10010));
    fixture.measure("-c 5 -n 150 INCRBYFLOAT mykey 10.0");
    assert_eq!(
        (fixture.calls("incrbyfloat"), fixture.server.text(&["GET", "mykey"]).as_str()),
        (150, "1500")
    );
    fixture.measure("-r 50 -t set -n 1000");
    assert_eq!(fixture.server.text(&["DBSIZE"]), "50");
    fixture.measure("-d 1000 -n 10 set key __data__");
    assert_eq!(fixture.server.text(&["STRLEN", "key"]), "1000");
    fixture.measure("-d 10000 -n 100 -P 10 -t set,get,lrange_100 -q");
    fixture.measure("-k 0 -n 100 -t set -q");
    assert_eq!(fixture.calls("set"), 100);
    fixture.measure("--enable-tracking -3 -n 10 -t get -c 2 -q");
    assert_eq!((fixture.calls("client|tracking"), fixture.calls("hello")), (2, 2));
    let done = fixture.run(OURS, "-x -n 10 set key", b"arg");
    assert_eq!((done.code, fixture.server.text(&["GET", "key"]).as_str()), (Some(0), "arg"));
}

#[test]
fn idle_connections_and_the_limit() {
    let fixture = Fixture::start();
    fixture.server.text(&["CONFIG", "SET", "maxclients", "5"]);
    let done = fixture.run(OURS, "-c 10 -I", b"");
    assert!(done.code == Some(1) && done.err.contains("Error"), "{done:?}");
    fixture.server.text(&["CONFIG", "SET", "maxclients", "1000"]);
    let port = fixture.server.port().to_string();
    let mut command = Command::new(OURS);
    command.args(["-p", &port, "-c", "20", "-I"]).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    testkit::wait_for("the idle connections are there", || {
        fixture.server.info("connected_clients").and_then(|n| n.parse::<u32>().ok()) >= Some(20)
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_unix_socket() {
    let ports = reserve();
    let folder = testkit::Folder::new();
    let path = folder.path().join("redis.sock").display().to_string();
    let server = Server::build(Kind::Redis, ports.port(0)).with("unixsocket", &path).start();
    let done = run(OURS, &["-s", &path, "-n", "100", "-t", "set", "-q"], b"");
    assert_eq!((done.code, server.text(&["DBSIZE"]).as_str()), (Some(0), "1"));
}
