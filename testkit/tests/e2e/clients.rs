//! Real clients, unmodified: redis-py's cluster client, `redis-cli -c`, `redis-benchmark --cluster`, during a failover too.

use grapevine_testkit::{Cluster, Kind, Server, reserve, run_cli, wait_for};
use std::process::Command;

const NODE_TIMEOUT_MS: u64 = 3000;

/// The interpreter with redis-py in it; `cargo xtask test` makes it.
fn python() -> String {
    std::env::var("GRAPEVINE_TEST_PYTHON").unwrap_or_else(|_| {
        let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
        assert!(std::path::Path::new(venv).exists(), "no .venv with redis-py; run `cargo xtask test` once");
        venv.to_string()
    })
}

/// Runs a script of tests/python with the cluster's first port as its argument.
fn script(name: &str, cluster: &Cluster, more: &[&str]) {
    script_on(name, cluster.nodes[1].port(), more);
}

/// The same with a port.
fn script_on(name: &str, port: u16, more: &[&str]) {
    let path = format!("{}/tests/python/{name}", env!("CARGO_MANIFEST_DIR"));
    let output =
        Command::new(python()).arg(path).arg(port.to_string()).args(more).output().expect("python runs");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} failed:\n{said}");
}

fn cluster() -> Cluster {
    let cluster = Cluster::start(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, &[("appendonly", "yes")]);
    cluster.create(Kind::Grapevine, 1);
    cluster
}

#[test]
fn redis_py_cluster_client() {
    script("cluster_client.py", &cluster(), &[]);
}

/// Locks are scripts: redis-py's, ioredis's, Celery's.
#[test]
fn redis_py_locks_and_scripts() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0)).start();
    script_on("scripts.py", server.port(), &[]);
}

#[test]
fn redis_py_during_a_failover() {
    let cluster = cluster();
    let victim =
        cluster.nodes.iter().position(|n| n.info("role").as_deref() == Some("master")).expect("a master");
    let pid = cluster.nodes[victim].info("process_id").expect("a pid");
    script("during_failover.py", &cluster, &[&pid]);
}

#[test]
fn redis_cli_follows_redirections() {
    let cluster = cluster();
    let port = cluster.nodes[0].port().to_string();
    for i in 0..50 {
        let key = format!("k{i}");
        let set = run_cli(Kind::Redis, &["-c", "-p", &port, "SET", &key, &key]);
        assert_eq!(String::from_utf8_lossy(&set.stdout).trim(), "OK");
    }
    for i in 0..50 {
        let key = format!("k{i}");
        let get = run_cli(Kind::Redis, &["-c", "-p", &port, "GET", &key]);
        assert_eq!(String::from_utf8_lossy(&get.stdout).trim(), key);
    }
}

#[test]
fn redis_benchmark_in_cluster_mode() {
    let cluster = cluster();
    let port = cluster.nodes[0].port().to_string();
    let args = ["--cluster", "-p", &port, "-t", "set,get,incr", "-n", "20000", "-r", "1000", "-P", "8", "-q"];
    let output = Command::new("redis-benchmark").args(args).output().expect("redis-benchmark runs");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("requests per second") && !said.contains("Error"), "{said}");
    wait_for("keys are on all masters", || {
        let sizes = cluster
            .nodes
            .iter()
            .filter(|n| n.info("role").as_deref() == Some("master"))
            .map(|n| n.text(&["DBSIZE"]));
        sizes.filter(|n| n != "0").count() == 3
    });
}
