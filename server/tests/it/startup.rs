//! The command line, the configuration, the process: from the first line in the log to the last.

use crate::harness::{Server, binary, folder, free_port, run, said, wait_for};
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;

#[test]
fn version_help_and_what_is_refused() {
    let version = run(&["--version"]);
    assert!(version.status.success());
    assert!(said(&version).starts_with("Redis server v=7.2.4 "));
    assert_eq!(run(&["--help"]).status.code(), Some(1));
    let refused = run(&["s.conf", "--sentinel"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(said(&refused), "--sentinel is not supported yet by this version of Grapevine.\n");
}

#[test]
fn bad_configuration_ends_the_start_with_its_line() {
    let folder = folder();
    let file = folder.join("bad.conf");
    std::fs::write(&file, "port 7000\n\nprot 7001\n").unwrap();
    let output = run(&[file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nReading the configuration file, at line 3\n>>> 'prot 7001'\nBad directive or wrong number of arguments\n"), "{text}");

    let missing = run(&["/nonexistent/x.conf"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        said(&missing).contains("# Fatal error, can't open config file '/nonexistent/x.conf': No such file")
    );

    let nowhere = run(&["--dir", "/nonexistent"]);
    assert_eq!(nowhere.status.code(), Some(1));
    let text = said(&nowhere);
    assert!(text.contains("at line 2\n>>> 'dir \"/nonexistent\"'\nNo such file or directory\n"), "{text}");
    let renamed = run(&["--rename-command", "nope", "x"]);
    let text = said(&renamed);
    assert!(
        text.contains(">>> 'rename-command \"nope\" \"x\"'\nNo such command in rename-command\n"),
        "{text}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&["--port", &port, "--bind", "127.0.0.1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    let warning = format!(
        "# Warning: Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use\n"
    );
    assert!(text.contains(&warning), "{text}");
    assert!(text.contains(&format!("# Failed listening on port {port} (tcp), aborting.\n")), "{text}");
    let silent = run(&["--port", "0"]);
    assert!(said(&silent).contains("# Configured to not listen anywhere, exiting."));
}

#[test]
fn a_bus_port_that_cannot_exist_is_named() {
    let folder = folder();
    let dir = folder.to_str().unwrap();
    let args = ["--port", "55536", "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--dir", dir];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("Your Redis port number must be 55535 or less."));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_log_tells_the_milestones_in_order() {
    let mut server = Server::start(&["--cluster-enabled", "yes"]);
    server.client().ask(&["PING"], "+PONG\r\n");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.log();
    let mut from = 0;
    for milestone in [
        "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
        "Redis version=7.2.4, bits=64, commit=",
        "Configuration loaded",
        &format!("Running mode=cluster, port={}.", server.port),
        "No cluster configuration found, I'm ",
        "Server initialized",
        "Ready to accept connections tcp",
        "Received SIGTERM scheduling shutdown...",
        "User requested shutdown...",
        "Redis is now ready to exit, bye bye...",
    ] {
        let at = log[from..].find(milestone);
        from += at.unwrap_or_else(|| panic!("{milestone:?} is missing or out of order in:\n{log}"));
    }
    let first = log.lines().next().unwrap();
    assert!(first.starts_with(&format!("{}:M ", server.pid())) && first.contains(" * oO0"), "{first}");
}

#[test]
fn a_clean_exit_saves_and_the_next_start_loads() {
    let folder = folder();
    let mut server = Server::start_in(&folder, &["--save", "3600 1"]);
    server.client().ask(&["SET", "k", "v"], "+OK\r\n");
    server.signal("INT");
    assert_eq!(server.wait(), Some(0));
    assert!(folder.join("dump.rdb").exists());
    // The owner's folder goes with it, so the second one starts before the first is dropped.
    let again = Server::start_in(&folder, &[]);
    assert!(again.log().contains("DB loaded from disk: "), "{}", again.log());
    again.client().ask(&["GET", "k"], "$1\r\nv\r\n");
}

#[test]
fn two_nodes_cannot_share_a_cluster_configuration_file() {
    let first = Server::start(&["--cluster-enabled", "yes"]);
    // The lock must survive the file's replacement by a save.
    first.client().ask(&["CLUSTER", "BUMPEPOCH"], "+BUMPED 1\r\n");
    let port = free_port().to_string();
    let dir = first.folder.to_str().unwrap().to_string();
    let output = run(&["--port", &port, "--cluster-enabled", "yes", "--dir", &dir, "--bind", "127.0.0.1"]);
    assert_eq!(output.status.code(), Some(1));
    let text =
        "Sorry, the cluster configuration file nodes.conf is already used by a different Redis Cluster node.";
    assert!(said(&output).contains(text), "{}", said(&output));
}

#[test]
fn a_node_keeps_its_name_over_a_restart() {
    let folder = folder();
    let mut first = Server::start_in(&folder, &["--cluster-enabled", "yes"]);
    let name = first.log().lines().find_map(|l| l.split_once("I'm ").map(|(_, id)| id.to_string())).unwrap();
    assert_eq!(name.len(), 40);
    wait_for("nodes.conf is written", || {
        std::fs::read_to_string(folder.join("nodes.conf")).is_ok_and(|text| text.contains(&name))
    });
    first.signal("TERM");
    assert_eq!(first.wait(), Some(0));
    let again = Server::start_in(&folder, &["--cluster-enabled", "yes"]);
    assert!(again.log().contains(&format!("Node configuration loaded, I'm {name}")));
}

#[test]
fn the_configuration_comes_from_standard_input_too() {
    let folder = folder();
    let port = free_port();
    let mut child = binary()
        .args(["-", "--logfile", folder.join("log").to_str().unwrap()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("port {port}\nbind 127.0.0.1\ndir \"{}\"\n", folder.display());
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    wait_for("the server is ready", || log().contains("Ready to accept connections tcp"));
    assert!(log().contains(&format!("Running mode=standalone, port={port}.")));
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_daemon_leaves_the_terminal_writes_its_pid_and_removes_it() {
    let folder = folder();
    let port = free_port().to_string();
    let dir = folder.to_str().unwrap();
    let args = ["--port", &port, "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "yes"];
    let output = binary().args(args).args(["--pidfile", "server.pid", "--logfile", "log"]).output().unwrap();
    assert!(output.status.success(), "the parent leaves at once");
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    wait_for("the daemon is ready", || log().contains("Ready to accept connections tcp"));
    let pid = std::fs::read_to_string(folder.join("server.pid")).unwrap();
    let pid = pid.strip_suffix('\n').unwrap();
    assert!(log().starts_with(&format!("{pid}:M ")));
    let killed = std::process::Command::new("kill").arg(pid).status().unwrap();
    assert!(killed.success());
    wait_for("the daemon is gone", || log().contains("bye bye..."));
    assert!(log().contains("Removing the pid file."));
    assert!(!folder.join("server.pid").exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_port_can_be_changed_while_running() {
    let server = Server::start(&[]);
    let other = free_port();
    let mut client = server.client();
    client.ask(&["CONFIG", "SET", "port", &other.to_string()], "+OK\r\n");
    client.ask(&["PING"], "+PONG\r\n");
    wait_for("the new port answers", || std::net::TcpStream::connect(("127.0.0.1", other)).is_ok());
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err(), "the old one does not");
}
