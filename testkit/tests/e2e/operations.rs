//! What an operator sees: CONFIG SET that the system refuses, scores for the out-of-memory killer, supervision, crash
//! reports, the watchdog.

use grapevine_testkit::{Folder, Kind, Server, reserve, wait_for};
use rustix::process::Signal;
use std::os::unix::net::UnixDatagram;

#[test]
fn a_setting_that_the_system_refuses_changes_nothing() {
    let ports = reserve();
    for kind in [Kind::Grapevine, Kind::Redis] {
        let taken = Server::build(kind, ports.port(0)).start();
        let server = Server::build(kind, ports.port(1)).start();
        let set = |args: &[&str]| server.text(&[&["CONFIG", "SET"], args].concat());
        let port = taken.port().to_string();
        let refused = "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. \
                       Check server logs.";
        assert_eq!(set(&["port", &port]), refused, "{kind:?}");
        assert_eq!(set(&["timeout", "77", "port", &port, "maxmemory", "1gb"]), refused, "{kind:?}");
        assert!(!server.text(&["CONFIG", "GET", "timeout"]).contains("77"), "{kind:?}");
        let nowhere = "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified \
                       addresses.";
        assert_eq!(set(&["bind", "192.0.2.1"]), nowhere, "{kind:?}");
        assert_eq!(set(&["port", &ports.port(2).to_string()]), "OK", "{kind:?}");
    }
}

#[test]
fn the_out_of_memory_score_follows_settings_and_role() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0)).start();
    let pid = server.info("process_id").expect("a pid");
    let score = || -> i64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).expect("the score");
        text.trim().parse().expect("a number")
    };
    let base = score();
    server.command(&["CONFIG", "SET", "oom-score-adj-values", "10 20 30", "oom-score-adj", "yes"]);
    assert_eq!(score(), (base + 10).min(1000));
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    wait_for("the replica's score", || score() == (base + 20).min(1000));
    server.command(&["REPLICAOF", "NO", "ONE"]);
    wait_for("the master's score", || score() == (base + 10).min(1000));
}

#[test]
fn a_supervisor_hears_of_the_start_and_of_the_end() {
    let ports = reserve();
    let folder = Folder::new();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a timeout");
    let mut server = Server::build(Kind::Grapevine, ports.port(0))
        .with("supervised", "systemd")
        .environment("NOTIFY_SOCKET", path.to_str().expect("a path"))
        .start();
    let hear = || {
        let mut buffer = [0; 256];
        let count = socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    assert_eq!(hear(), "STATUS=Ready to accept connections\n");
    assert_eq!(hear(), "READY=1\n");
    assert_eq!(server.info("process_supervised").as_deref(), Some("systemd"));
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(hear(), "STOPPING=1\n");
}

#[test]
fn a_crash_is_reported_and_ends_the_process() {
    let ports = reserve();
    for way in ["SEGFAULT", "PANIC", "signal"] {
        let mut server = Server::build(Kind::Grapevine, ports.port(0)).start();
        server.command(&["SET", "k", "v"]);
        match way {
            "signal" => server.signal(Signal::ABORT),
            _ => drop(server.client().call(&["DEBUG", way])),
        }
        wait_for("the process ends", || server.has_exited());
        let log = server.log();
        for part in ["=== REDIS BUG REPORT START", "STACK TRACE ------", "=== REDIS BUG REPORT END."] {
            assert_eq!(log.matches(part).count(), 1, "{way}: {part}\n{log}");
        }
        let cause = if way == "PANIC" { "ASSERTION FAILED" } else { "crashed by signal: " };
        assert!(log.contains(cause), "{way}:\n{log}");
    }
}

#[test]
fn an_error_of_the_primarys_stream_ends_a_replica_that_is_told_so() {
    let ports = reserve();
    let primary = Server::build(Kind::Grapevine, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
    let mut replica =
        Server::build(Kind::Grapevine, ports.port(1)).with("propagation-error-behavior", "panic").start();
    replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    wait_for("the link is up", || replica.info("master_link_status").as_deref() == Some("up"));
    primary.command(&["SET", "text", "x"]);
    primary.command(&["DEBUG", "REPLICATE", "INCR", "text"]);
    wait_for("the process ends", || replica.has_exited());
    let log = replica.log();
    assert!(log.contains("== CRITICAL == This replica is sending an error to its master"), "{log}");
    assert!(log.contains(
        "This replica panicked sending an error to its master after processing the command 'incr'"
    ));
}

#[test]
fn crash_reports_can_be_switched_off() {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0)).with("crash-log-enabled", "no").start();
    drop(server.client().call(&["DEBUG", "SEGFAULT"]));
    wait_for("the process ends", || server.has_exited());
    assert!(!server.log().contains("BUG REPORT"));
}

#[test]
fn the_watchdog_shows_where_the_time_goes_and_does_no_harm() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0)).start();
    server.command(&["CONFIG", "SET", "watchdog-period", "200"]);
    server.command(&["DEBUG", "SLEEP", "1"]);
    let log = server.log();
    assert!(log.contains("--- WATCHDOG TIMER EXPIRED ---") && log.contains("STACK TRACE DONE"), "{log}");
    server.signal(Signal::ALARM);
    wait_for("the report of the signal", || server.log().contains("Received SIGALRM"));
    assert_eq!(server.text(&["PING"]), "PONG");
}

#[test]
fn the_title_names_the_address() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0)).start();
    let pid = server.info("process_id").expect("a pid");
    let title = || {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).expect("a command line");
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_string()
    };
    assert!(title().ends_with(&format!("grapevine-server 127.0.0.1:{}", server.port())), "{}", title());
    server.command(&["CONFIG", "SET", "proc-title-template", "TEST {port}"]);
    wait_for("the new title", || title() == format!("TEST {}", server.port()));
    // Longer than the command line was: the environment makes room for it.
    let long = "x".repeat(std::fs::read(format!("/proc/{pid}/cmdline")).expect("a command line").len() + 20);
    server.command(&["CONFIG", "SET", "proc-title-template", &long]);
    wait_for("the long title", || title() == long);
    server.command(&["CONFIG", "SET", "proc-title-template", "short"]);
    wait_for("the short title", || title() == "short");
}
