//! Unmodified command line clients through a failover: `redis-cli -c`, call by call and as one long session, and
//! `redis-benchmark --cluster`. A master is killed with `kill -9` while they work.

use grapevine_testkit::{Cluster, Kind, cli, run_cli, wait_for};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

const NODE_TIMEOUT_MS: u64 = 2000;
/// Time that a failover may take, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn cluster() -> Cluster {
    let directives = [("appendonly", "yes"), ("cluster-require-full-coverage", "no")];
    let cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &directives);
    cluster.create(Kind::Grapevine, 1);
    cluster
}

/// The masters' places among the nodes: the one to kill, and one that stays.
fn victim_and_survivor(cluster: &Cluster) -> (usize, usize) {
    let is_master = |i: &usize| cluster.nodes[*i].info("role").as_deref() == Some("master");
    let masters: Vec<usize> = (0..cluster.nodes.len()).filter(is_master).collect();
    (masters[0], masters[1])
}

/// Keys that the node serves, found by asking it.
fn keys_of(cluster: &Cluster, node: usize, count: usize) -> Vec<String> {
    let mut client = cluster.nodes[node].client();
    let mut served = |key: &String| client.call(&["GET", key]).is_ok_and(|v| !v.is_error());
    (0..).map(|n| format!("key:{n}")).filter(|key| served(key)).take(count).collect()
}

/// Waits until `witness` knows that the master on port `dead` has failed and that another one has its slots.
fn wait_for_the_heir(cluster: &Cluster, witness: usize, dead: u16) {
    wait_for("a replica takes over", || {
        cluster.view(witness).iter().any(|n| n.port == dead && n.has("fail") && n.slots.is_empty())
    });
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A shell script's way: each command is a call of its own, repeated until it is done.
fn call_by_call(tool: Kind) {
    let mut cluster = cluster();
    let (victim, survivor) = victim_and_survivor(&cluster);
    let port = cluster.nodes[survivor].port().to_string();
    let keys = [keys_of(&cluster, victim, 8), keys_of(&cluster, survivor, 8)].concat();
    let call = |words: &[&str]| {
        let args = [&["-c", "-p", &port], words].concat();
        let output = run_cli(tool, &args);
        (String::from_utf8_lossy(&output.stdout).trim().to_string(), said(&output))
    };
    for key in &keys {
        assert_eq!(call(&["SET", key, "before"]).0, "OK");
    }
    cluster.nodes[victim].kill();
    let mut refusals = 0;
    for key in &keys {
        let start = Instant::now();
        loop {
            let (reply, all) = call(&["SET", key, "after"]);
            if reply == "OK" {
                break;
            }
            refusals += 1;
            let known = ["Could not connect to Redis at", "CLUSTERDOWN", "Server closed the connection"];
            assert!(known.iter().any(|text| all.contains(text)), "{key}: {all}");
            assert!(start.elapsed() < PATIENCE, "{key} cannot be written: {all}");
        }
    }
    assert!(refusals > 0, "the dead master's keys were not served at once");
    for key in &keys {
        assert_eq!(call(&["GET", key]).0, "after", "{key}");
    }
}

#[test]
fn redis_cli_call_by_call() {
    call_by_call(Kind::Redis);
}

#[test]
fn grapevine_cli_call_by_call() {
    call_by_call(Kind::Grapevine);
}

/// A session that is fed line by line.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn open(tool: Kind, port: &str) -> Session {
        // Errors and replies in one stream, line by line, in the order in which they are said.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec stdbuf -oL \"$0\" -c -p \"$1\" 2>&1"]).arg(cli(tool)).arg(port);
        let child = shell.env("HOME", "/nonexistent").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the client starts");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Session { child, input, output: BufReader::new(output) }
    }

    /// Types a line and a marker; what is said until the marker comes back.
    fn line(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}\n:set until-here").expect("the session reads");
        let mut said = String::new();
        loop {
            let mut answer = String::new();
            let count = self.output.read_line(&mut answer).expect("text");
            assert!(count > 0, "the session ended after {line:?}: {said}");
            if answer.contains("until-here") {
                return said;
            }
            said.push_str(&answer);
        }
    }
}

/// One long session: it loses its master, is told another address, and is redirected to the new master.
fn one_session(tool: Kind) {
    let mut cluster = cluster();
    let (victim, survivor) = victim_and_survivor(&cluster);
    let (old, other) = (cluster.nodes[victim].port(), cluster.nodes[survivor].port());
    let keys = keys_of(&cluster, victim, 2);
    let mut session = Session::open(tool, &other.to_string());
    let set = format!("SET {} before", keys[0]);
    assert!(session.line(&set).contains(&format!("located at 127.0.0.1:{old}\nOK")), "redirected");
    assert_eq!(session.line(&set), "OK\n");
    let replicas = cluster.nodes[victim].client().call(&["WAIT", "1", "10000"]).expect("WAIT").as_int();
    assert_eq!(replicas, Some(1));
    cluster.nodes[victim].kill();
    assert!(session.line(&set).contains("Error: "), "the connection is lost, and that is said");
    assert!(session.line(&set).contains("Could not connect to Redis at"), "nobody listens there");
    wait_for_the_heir(&cluster, survivor, old);
    session.line(&format!("connect 127.0.0.1 {other}"));
    let redirected = session.line(&format!("GET {}", keys[0]));
    assert!(redirected.starts_with("-> Redirected to slot ["), "{redirected}");
    assert!(redirected.ends_with("\nbefore\n") && !redirected.contains(&old.to_string()), "{redirected}");
    assert_eq!(session.line(&format!("SET {} after", keys[1])), "OK\n");
    drop(session.input);
    assert!(session.child.wait().expect("it ends").success());
}

#[test]
fn redis_cli_as_one_session() {
    one_session(Kind::Redis);
}

#[test]
fn grapevine_cli_as_one_session() {
    one_session(Kind::Grapevine);
}

fn benchmark(args: &[&str]) -> String {
    // It waits for ever for a node that refuses the connection.
    let output =
        Command::new("timeout").args(["60", "redis-benchmark"]).args(args).stdin(Stdio::null()).output();
    let output = output.expect("redis-benchmark (redis-tools 7.0.15) runs");
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

/// redis-benchmark ends when a node closes its connection, with Redis as well; it runs against the survivors at once,
/// and against the whole cluster once a replica has taken over.
#[test]
fn redis_benchmark() {
    let mut cluster = cluster();
    let (victim, survivor) = victim_and_survivor(&cluster);
    let port = cluster.nodes[survivor].port().to_string();
    let key = &keys_of(&cluster, survivor, 1)[0];
    let endless = ["--cluster", "-p", &port, "-t", "set", "-n", "2000000000", "-r", "10000", "-q"];
    let mut command = Command::new("redis-benchmark");
    let mut running =
        command.args(endless).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    wait_for("the victim is under load", || cluster.nodes[victim].text(&["DBSIZE"]) != "0");
    cluster.nodes[victim].kill();
    let mut status = None;
    wait_for("redis-benchmark notices", || {
        status = running.try_wait().expect("a child");
        status.is_some()
    });
    assert_eq!(status.and_then(|s| s.code()), Some(1), "as with Redis");

    let alone = benchmark(&["-p", &port, "-n", "2000", "-q", "SET", key, "__data__"]);
    assert!(alone.contains("requests per second") && !alone.contains("rror"), "{alone}");
    wait_for_the_heir(&cluster, survivor, cluster.nodes[victim].port());
    let args = ["--cluster", "-p", &port, "-t", "set,get", "-n", "5000", "-r", "1000", "-P", "4", "-q"];
    let whole = benchmark(&args);
    assert_eq!(whole.matches("requests per second").count(), 2, "{whole}");
    assert!(!whole.contains("rror"), "{whole}");
}
