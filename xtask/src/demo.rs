//! `cargo xtask demo`: a six-node cluster from nothing, on this machine, until Ctrl-C.
//!
//! The nodes are started from redis.conf files and joined by the cluster manager, as an operator would do it; the
//! failover is watched through CLUSTER NODES, as a monitoring tool would.

use crate::process::{Server, binary, build, output, quiet_output, wait_until};
use crate::{Outcome, root};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const NODES: u16 = 6;
const PROFILE: &str = "release";
/// Short, so that the show is short; a server's own default is 15000.
const NODE_TIMEOUT_MS: u64 = 2000;
const START_DEADLINE: Duration = Duration::from_secs(20);
const FAILOVER_DEADLINE: Duration = Duration::from_secs(60);
const USAGE: &str = "options: [--kill-master] [--exit] [--port N] [--dir PATH]";

struct Options {
    kill_master: bool,
    exit: bool,
    port: u16,
    dir: PathBuf,
}

impl Options {
    fn parse(args: &[String]) -> Result<Options, String> {
        let mut options =
            Options { kill_master: false, exit: false, port: 7001, dir: root().join("grapevine-data/demo") };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--kill-master" => options.kill_master = true,
                "--exit" => options.exit = true,
                "--port" => {
                    let value = words.next().ok_or(format!("--port needs a number; {USAGE}"))?;
                    options.port = value.parse().map_err(|_| format!("--port: '{value}' is not a port"))?;
                }
                "--dir" => {
                    options.dir = PathBuf::from(words.next().ok_or(format!("--dir needs a path; {USAGE}"))?)
                }
                other => return Err(format!("demo has no option '{other}'; {USAGE}")),
            }
        }
        let highest = u32::from(options.port) + u32::from(NODES) - 1 + 10_000;
        if options.port == 0 || highest > 65535 {
            return Err(format!(
                "--port {}: ports up to port + 5 + 10000 are needed, and 65535 is the last",
                options.port
            ));
        }
        Ok(options)
    }

    fn ports(&self) -> impl Iterator<Item = u16> {
        self.port..self.port + NODES
    }
}

struct Demo {
    options: Options,
    nodes: Vec<(u16, Server)>,
    start: Instant,
}

/// The command.
pub fn run(args: &[String]) -> Outcome {
    let options = Options::parse(args)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(|e| e.to_string())?;
    }
    check_ports(&options)?;
    clear_old_data(&options.dir)?;
    println!("[1/4] building the server and the cluster manager");
    build(&["grapevine-server", "grapevine-cli"], PROFILE)?;
    let mut demo = Demo { options, nodes: Vec::new(), start: Instant::now() };
    demo.start_nodes()?;
    demo.create_cluster()?;
    println!("[4/4] the cluster is up");
    demo.show_layout()?;
    demo.show_how_to_connect();
    if demo.options.kill_master {
        demo.kill_master(&stop)?;
    }
    if !demo.options.exit {
        println!("\nRunning until Ctrl-C.");
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    println!("\nStopping the nodes; their data stays in {}", demo.options.dir.display());
    Ok(())
}

fn check_ports(options: &Options) -> Outcome {
    for port in options.ports().chain(options.ports().map(|p| p + 10_000)) {
        TcpListener::bind(("127.0.0.1", port))
            .map_err(|e| format!("port {port} is not free ({e}); choose others with --port N"))?;
    }
    Ok(())
}

impl Demo {
    fn start_nodes(&mut self) -> Outcome {
        println!("[2/4] starting {NODES} nodes under {}", self.options.dir.display());
        for port in self.options.ports().collect::<Vec<_>>() {
            let file = write_config(&self.options.dir, port)?;
            self.nodes.push((port, Server::start(&binary("grapevine-server", PROFILE), &[&file])?));
        }
        for (port, server) in &mut self.nodes {
            let log = self.options.dir.join(port.to_string()).join("grapevine.log");
            let answers = || cli(*port, &["PING"]).is_ok_and(|reply| reply.trim() == "PONG");
            wait_until(START_DEADLINE, || answers() || !server.is_running()).ok();
            if !answers() {
                return Err(format!("the node on port {port} did not start; its log is {}", log.display()));
            }
            println!("      node 127.0.0.1:{port} is up (pid {})", server.pid());
        }
        Ok(())
    }

    fn create_cluster(&self) -> Outcome {
        println!("[3/4] joining them: three masters, three replicas");
        let addresses: Vec<String> = self.options.ports().map(|p| format!("127.0.0.1:{p}")).collect();
        let mut args = vec!["--cluster", "create"];
        args.extend(addresses.iter().map(String::as_str));
        args.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        print!("{}", output(&binary("grapevine-cli", PROFILE), &args)?);
        wait_until(START_DEADLINE, || self.options.ports().all(state_is_ok))
            .map_err(|()| "the nodes joined, but the cluster's state did not become ok".to_string())?;
        Ok(())
    }

    fn show_layout(&self) -> Outcome {
        println!();
        for node in nodes(self.options.port)? {
            let role = if node.is_master { "master " } else { "replica" };
            println!("      {} {role} {} {}", node.address, node.short_id(), node.slots_or_master());
        }
        Ok(())
    }

    fn show_how_to_connect(&self) {
        let port = self.options.port;
        println!("\n  connect with   {} -c -p {port}", relative(&binary("grapevine-cli", PROFILE)));
        println!("  or any client: redis-cli -c -p {port};  redis://127.0.0.1:{port} in cluster mode");
        println!("  look with      {} -p {port} cluster nodes", relative(&binary("grapevine-cli", PROFILE)));
        println!(
            "  logs           {}/<port>/grapevine.log",
            relative(&self.options.dir.display().to_string())
        );
    }

    fn say(&self, what: &str) {
        println!("      {:>6.2} s  {what}", self.start.elapsed().as_secs_f64());
    }

    /// Kills the first node's process while it is a master, and tells what the others do about it.
    fn kill_master(&mut self, stop: &AtomicBool) -> Outcome {
        let (witness, victim) = (self.options.port + 1, self.options.port);
        let dead = nodes(witness)?
            .into_iter()
            .find(|n| n.is_master && n.port() == Some(victim))
            .ok_or("the first node is not a master")?;
        let key = key_of(&dead)?;
        cli_c(witness, &["SET", &key, "before"])?;
        wait_until(START_DEADLINE, || replica_has_keys(witness, &dead.id)).ok();
        println!("\nkill -9 of the master {} (slots {}):", dead.address, dead.slots);
        self.start = Instant::now();
        self.nodes[0].1.kill();
        self.say("killed");
        let mut seen = (false, false);
        let deadline = Instant::now() + FAILOVER_DEADLINE;
        let promoted = loop {
            if Instant::now() > deadline || stop.load(Ordering::Relaxed) {
                return Err("no replica took over in time".to_string());
            }
            let view = nodes(witness)?;
            let old = view.iter().find(|n| n.id == dead.id).ok_or("the dead master was forgotten")?;
            if old.flags.split(',').any(|f| f == "fail?") && !std::mem::replace(&mut seen.0, true) {
                self.say(&format!("{witness} suspects it (fail?)"));
            }
            if old.flags.split(',').any(|f| f == "fail") && !std::mem::replace(&mut seen.1, true) {
                self.say("a majority of the masters agrees: marked as failed");
            }
            if let Some(new) =
                view.into_iter().find(|n| n.is_master && n.slots == dead.slots && n.id != dead.id)
            {
                break new;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        self.say(&format!("its replica {} was elected and serves {}", promoted.address, promoted.slots));
        let writes = || cli_c(witness, &["SET", &key, "after"]).is_ok_and(|r| r.trim() == "OK");
        wait_until(FAILOVER_DEADLINE, writes).map_err(|()| "writes did not come back".to_string())?;
        self.say("writes to its slots work again");
        self.bring_back(&dead, witness)
    }

    fn bring_back(&mut self, dead: &Node, witness: u16) -> Outcome {
        let port = self.options.port;
        let file = self.options.dir.join(port.to_string()).join("redis.conf").display().to_string();
        self.nodes[0].1 = Server::start(&binary("grapevine-server", PROFILE), &[&file])?;
        self.say("the old master is started again");
        let back = || {
            let synced =
                cli(port, &["INFO", "replication"]).is_ok_and(|i| i.contains("master_link_status:up"));
            let known = nodes(witness).is_ok_and(|v| v.iter().any(|n| n.id == dead.id && !n.is_master));
            synced && known
        };
        wait_until(FAILOVER_DEADLINE, back).map_err(|()| "it did not come back as a replica".to_string())?;
        self.say("it is a replica of the new master now, and in sync");
        self.show_layout()
    }
}

/// One line of CLUSTER NODES.
struct Node {
    id: String,
    address: String,
    flags: String,
    is_master: bool,
    master: String,
    slots: String,
}

impl Node {
    fn parse(line: &str) -> Option<Node> {
        let fields: Vec<&str> = line.split(' ').collect();
        let address = fields.get(1)?.split('@').next()?.to_string();
        let flags = fields.get(2)?.to_string();
        Some(Node {
            id: fields[0].to_string(),
            address,
            is_master: flags.split(',').any(|f| f == "master"),
            flags,
            master: fields.get(3)?.to_string(),
            slots: fields.get(8..).unwrap_or(&[]).join(" "),
        })
    }

    fn port(&self) -> Option<u16> {
        self.address.rsplit(':').next()?.parse().ok()
    }

    fn short_id(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }

    fn slots_or_master(&self) -> String {
        if self.is_master {
            format!("slots {}", self.slots)
        } else {
            format!("of {}", self.master.get(..8).unwrap_or("-"))
        }
    }
}

fn nodes(port: u16) -> Result<Vec<Node>, String> {
    let text = cli(port, &["CLUSTER", "NODES"])?;
    let mut nodes: Vec<Node> = text.lines().filter_map(Node::parse).collect();
    nodes.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(nodes)
}

fn cli(port: u16, args: &[&str]) -> Result<String, String> {
    let port = port.to_string();
    quiet_output(&binary("grapevine-cli", PROFILE), &[&["-p", &port], args].concat())
}

fn cli_c(port: u16, args: &[&str]) -> Result<String, String> {
    cli(port, &[&["-c"], args].concat())
}

fn state_is_ok(port: u16) -> bool {
    cli(port, &["CLUSTER", "INFO"]).is_ok_and(|info| info.contains("cluster_state:ok"))
}

/// A key that lives in one of the node's slots.
fn key_of(node: &Node) -> Result<String, String> {
    let port = node.port().ok_or("the node has no port")?;
    for i in 0..1000 {
        let key = format!("demo:{i}");
        if cli(port, &["GET", &key]).is_ok_and(|reply| !reply.starts_with("MOVED")) {
            return Ok(key);
        }
    }
    Err("found no key for the node's slots".to_string())
}

/// Whether the master's replica has any key: what was written to the empty cluster has reached it.
fn replica_has_keys(witness: u16, master: &str) -> bool {
    let Ok(view) = nodes(witness) else { return false };
    let Some(port) = view.iter().find(|n| n.master == master).and_then(Node::port) else { return false };
    cli(port, &["DBSIZE"]).is_ok_and(|n| n.trim() != "0")
}

const MARKER: &str = "made-by-xtask-demo";

fn clear_old_data(dir: &Path) -> Outcome {
    if dir.exists() {
        if !dir.join(MARKER).exists() {
            return Err(format!(
                "{} exists and was not made by the demo; choose another --dir",
                dir.display()
            ));
        }
        fs::remove_dir_all(dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))?;
    }
    fs::create_dir_all(dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    fs::write(dir.join(MARKER), "").map_err(|e| e.to_string())
}

fn write_config(dir: &Path, port: u16) -> Result<String, String> {
    let home = dir.join(port.to_string());
    fs::create_dir_all(&home).map_err(|e| format!("cannot make {}: {e}", home.display()))?;
    let text = format!(
        "# A node of the demo cluster.\nport {port}\nbind 127.0.0.1\nprotected-mode no\ndaemonize no\n\
         dir \"{}\"\nlogfile \"grapevine.log\"\ncluster-enabled yes\ncluster-config-file nodes.conf\n\
         cluster-node-timeout {NODE_TIMEOUT_MS}\nappendonly yes\n",
        home.display()
    );
    let file = home.join("redis.conf");
    fs::write(&file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    Ok(file.display().to_string())
}

/// A path as it is typed from the workspace's root.
fn relative(path: &str) -> String {
    path.strip_prefix(&format!("{}/", root().display())).unwrap_or(path).to_string()
}
