//! Row S10 to the letter: six redis.conf files, six servers started from them, `--cluster create`, `-c`, and the older
//! names of the same tools.

use grapevine_testkit::{Folder, Kind, Ports, cli, reserve, run_cli, wait_for};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Six nodes started from files with `daemonize yes`, as the articles do it.
struct SetUp {
    ports: Ports,
    folder: Folder,
    /// The tools under the names that the articles use.
    bin: PathBuf,
}

impl SetUp {
    fn start() -> SetUp {
        let (ports, folder) = (reserve(), Folder::new());
        let bin = folder.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a folder for the links");
        let real = cli(Kind::Grapevine);
        let server = real.with_file_name("grapevine-server");
        for (target, name) in [(&server, "redis-server"), (&real, "redis-cli"), (&real, "redis-trib.rb")] {
            symlink(target, bin.join(name)).expect("a link");
        }
        let set_up = SetUp { ports, folder, bin };
        for i in 0..6 {
            let file = set_up.write_config(i);
            let output = set_up.run("redis-server", &[&file]);
            assert!(output.status.success(), "redis-server {file} failed: {output:?}");
        }
        for i in 0..6 {
            wait_for("the daemon answers", || set_up.text(i, &["ping"]) == "PONG");
        }
        set_up
    }

    fn port(&self, i: usize) -> u16 {
        self.ports.port(i)
    }

    fn write_config(&self, i: usize) -> String {
        let port = self.port(i);
        let home = self.folder.path().join(port.to_string());
        std::fs::create_dir_all(&home).expect("a folder for the node");
        let home = home.display();
        let text = format!(
            "port {port}\ndaemonize yes\npidfile {home}/redis.pid\nlogfile \"{home}/redis.log\"\ndir {home}\n\
             cluster-enabled yes\ncluster-config-file nodes-{port}.conf\ncluster-node-timeout 15000\n\
             appendonly yes\nprotected-mode no\nbind 127.0.0.1\n"
        );
        let file = format!("{home}/redis.conf");
        std::fs::write(&file, text).expect("the configuration file");
        file
    }

    fn run(&self, name: &str, args: &[&str]) -> Output {
        Command::new(self.bin.join(name)).args(args).output().expect("the tool runs")
    }

    fn text(&self, i: usize, args: &[&str]) -> String {
        let port = self.port(i).to_string();
        let output = self.run("redis-cli", &[&["-p", &port], args].concat());
        String::from_utf8_lossy(&output.stdout).trim_end().to_string()
    }

    fn addresses(&self) -> Vec<String> {
        (0..6).map(|i| format!("127.0.0.1:{}", self.port(i))).collect()
    }

    /// What the articles show after `create`: the state, the layout, and a client that is redirected.
    fn check_working(&self) {
        wait_for("all six say ok", || {
            (0..6).all(|i| self.text(i, &["cluster", "info"]).contains("cluster_state:ok"))
        });
        let info = self.text(0, &["cluster", "info"]);
        for line in ["cluster_slots_assigned:16384", "cluster_known_nodes:6", "cluster_size:3"] {
            assert!(info.contains(line), "{line} is not in\n{info}");
        }
        assert_eq!(self.text(0, &["-c", "set", "name", "grapevine"]), "OK");
        assert_eq!(self.text(5, &["-c", "get", "name"]), "grapevine");
        let slots = self.text(0, &["cluster", "slots"]);
        for bound in ["0", "5460", "5461", "10922", "10923", "16383"] {
            assert!(slots.lines().any(|l| l.trim().ends_with(bound)), "{bound} is not in\n{slots}");
        }
        let check = run_cli(Kind::Redis, &["--cluster", "check", &self.addresses()[0]]);
        let said = String::from_utf8_lossy(&check.stdout).into_owned();
        assert!(said.contains("[OK] All 16384 slots covered."), "{said}");
        assert!(check.status.success());
    }
}

impl Drop for SetUp {
    fn drop(&mut self) {
        for i in 0..6 {
            let pidfile = self.folder.path().join(self.port(i).to_string()).join("redis.pid");
            stop_daemon(&pidfile);
        }
    }
}

fn stop_daemon(pidfile: &Path) {
    let Ok(text) = std::fs::read_to_string(pidfile) else { return };
    let Some(pid) = text.trim().parse().ok().and_then(rustix::process::Pid::from_raw) else { return };
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn create(set_up: &SetUp, tool: Kind) {
    let addresses = set_up.addresses();
    let mut args = vec!["--cluster", "create"];
    args.extend(addresses.iter().map(String::as_str));
    args.extend(["--cluster-replicas", "1", "--cluster-yes"]);
    let output = run_cli(tool, &args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("[OK] All nodes agree about slots configuration."), "{said}");
    assert!(said.contains("[OK] All 16384 slots covered."), "{said}");
}

#[test]
fn the_articles_steps_with_grapevine_cli() {
    let set_up = SetUp::start();
    create(&set_up, Kind::Grapevine);
    set_up.check_working();
}

#[test]
fn the_articles_steps_with_redis_cli() {
    let set_up = SetUp::start();
    create(&set_up, Kind::Redis);
    set_up.check_working();
}

#[test]
fn the_articles_steps_with_redis_trib() {
    let set_up = SetUp::start();
    let addresses = set_up.addresses();
    let mut args = vec!["create", "--replicas", "1"];
    args.extend(addresses.iter().map(String::as_str));
    let mut child = Command::new(set_up.bin.join("redis-trib.rb"))
        .args(&args)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("redis-trib.rb runs");
    use std::io::Write;
    child.stdin.take().expect("a pipe").write_all(b"yes\n").expect("the answer");
    let output = child.wait_with_output().expect("redis-trib.rb ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    set_up.check_working();
    let check = set_up.run("redis-trib.rb", &["check", &addresses[0]]);
    assert!(String::from_utf8_lossy(&check.stdout).contains("[OK] All 16384 slots covered."));
}
