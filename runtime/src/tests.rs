//! Tests of the runtime against the real system: loopback sockets, files in a folder of their own, this process.

use crate::listener::Listener;
use crate::lock::{FileLock, LockError};
use crate::log::{Level, Logger, line_for_test};
use crate::poller::{Events, Interest, Poller, Token};
use crate::process::adjust_for_test;
use crate::signals;
use crate::stream::{ConnectOutcome, ReadOutcome, Stream};
use crate::waker::Waker;
use crate::{Clock, process};
use base::{Millis, Now, UnixMillis};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

/// Long enough for any machine; no test waits for it unless it fails.
const PATIENCE_MS: Option<u64> = Some(20_000);

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("grapevine-runtime-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn wait_one(poller: &Poller) -> crate::poller::Event {
    let mut events = Events::with_capacity(8);
    poller.wait(&mut events, PATIENCE_MS).unwrap();
    assert_eq!(events.len(), 1, "exactly one descriptor is ready");
    events.get(0).unwrap()
}

/// A listener on a free loopback port, a client connected to it, and the accepted end.
fn pair() -> (TcpStream, Stream) {
    let listener = Listener::bind("127.0.0.1", 0, 16).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let poller = Poller::new().unwrap();
    poller.add(&listener, Token(1), Interest::READ).unwrap();
    assert!(wait_one(&poller).readable);
    let accepted = listener.accept().unwrap().unwrap();
    assert_eq!(accepted.peer, Some(client.local_addr().unwrap()));
    assert_eq!(accepted.local, Some(client.peer_addr().unwrap()));
    assert!(listener.accept().unwrap().is_none(), "nobody else waits");
    (client, accepted.stream)
}

#[test]
fn poller_times_out_with_no_events() {
    let poller = Poller::new().unwrap();
    let mut events = Events::with_capacity(0);
    poller.wait(&mut events, Some(0)).unwrap();
    assert!(events.is_empty());
    poller.wait(&mut events, Some(1)).unwrap();
    assert!(events.is_empty());
}

#[test]
fn poller_is_level_triggered() {
    let (mut client, stream) = pair();
    let poller = Poller::new().unwrap();
    poller.add(&stream, Token(9), Interest::READ).unwrap();
    client.write_all(b"abcdef").unwrap();
    assert_eq!(wait_one(&poller).token, Token(9));
    let mut buffer = Vec::new();
    assert_eq!(stream.read(&mut buffer, 2).unwrap(), ReadOutcome::Bytes { count: 2, filled: true });
    assert!(wait_one(&poller).readable, "bytes that were left are told again");
    poller.modify(&stream, Token(9), Interest::NONE).unwrap();
    let mut events = Events::with_capacity(8);
    poller.wait(&mut events, Some(0)).unwrap();
    assert!(events.is_empty());
    poller.modify(&stream, Token(10), Interest::BOTH).unwrap();
    let event = wait_one(&poller);
    assert!(event.readable && event.writable && !event.hangup && event.token == Token(10));
    poller.remove(&stream).unwrap();
    poller.wait(&mut events, Some(0)).unwrap();
    assert!(events.is_empty());
}

#[test]
fn an_edge_is_told_once_and_the_end_with_it() {
    let (mut client, stream) = pair();
    let poller = Poller::new().unwrap();
    let edge = Interest { edge: true, ..Interest::READ };
    client.write_all(b"abcdef").unwrap();
    poller.add(&stream, Token(3), edge).unwrap();
    let event = wait_one(&poller);
    assert!(event.readable && !event.ended, "what is there already is told");
    let mut buffer = Vec::new();
    assert_eq!(stream.read(&mut buffer, 2).unwrap(), ReadOutcome::Bytes { count: 2, filled: true });
    let mut events = Events::with_capacity(8);
    poller.wait(&mut events, Some(0)).unwrap();
    assert!(events.is_empty(), "bytes that were left are not told again");
    poller.modify(&stream, Token(3), edge).unwrap();
    assert!(wait_one(&poller).readable, "unless one asks anew");
    drop(client);
    let event = wait_one(&poller);
    assert!(event.readable && event.ended);
    assert_eq!(stream.read(&mut buffer, 16).unwrap(), ReadOutcome::Bytes { count: 4, filled: false });
    assert_eq!(stream.read(&mut buffer, 16).unwrap(), ReadOutcome::End);
}

#[test]
fn read_appends_within_its_room_and_sees_the_end() {
    let (mut client, stream) = pair();
    let mut buffer = b"x".to_vec();
    assert_eq!(stream.read(&mut buffer, 16).unwrap(), ReadOutcome::NotNow);
    client.write_all(b"hello").unwrap();
    let poller = Poller::new().unwrap();
    poller.add(&stream, Token(1), Interest::READ).unwrap();
    wait_one(&poller);
    assert_eq!(stream.read(&mut buffer, 0).unwrap(), ReadOutcome::NotNow);
    assert_eq!(stream.read(&mut buffer, 4096).unwrap(), ReadOutcome::Bytes { count: 5, filled: false });
    assert_eq!(buffer, b"xhello");
    drop(client);
    wait_one(&poller);
    assert_eq!(stream.read(&mut buffer, 16).unwrap(), ReadOutcome::End);
}

#[test]
fn write_stops_when_the_peer_never_reads_and_fails_when_it_is_gone() {
    let (client, stream) = pair();
    let chunk = vec![0u8; 1 << 20];
    let mut total = 0;
    loop {
        match stream.write(&chunk).unwrap() {
            0 => break,
            count => total += count,
        }
        assert!(total < 1 << 30, "the kernel's buffers end");
    }
    assert!(total > 0);
    drop(client);
    let poller = Poller::new().unwrap();
    poller.add(&stream, Token(1), Interest::NONE).unwrap();
    assert!(wait_one(&poller).hangup, "a reset is told without asking");
    assert!(stream.write(b"x").is_err());
}

#[test]
fn nodelay_and_keepalive_are_set_on_tcp_and_skipped_on_unix() {
    let (_client, stream) = pair();
    stream.set_nodelay(true).unwrap();
    assert!(rustix::net::sockopt::tcp_nodelay(&stream).unwrap());
    stream.set_keepalive(300).unwrap();
    assert!(rustix::net::sockopt::socket_keepalive(&stream).unwrap());
    assert_eq!(rustix::net::sockopt::tcp_keepidle(&stream).unwrap().as_secs(), 300);
    assert_eq!(rustix::net::sockopt::tcp_keepintvl(&stream).unwrap().as_secs(), 100);

    let path = folder("nodelay").join("s");
    let listener = Listener::bind_unix(path.to_str().unwrap(), 0o700, "", 16).unwrap();
    let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let accepted = listener.accept().unwrap().unwrap();
    assert_eq!((accepted.peer, accepted.local), (None, None));
    accepted.stream.set_nodelay(true).unwrap();
    accepted.stream.set_keepalive(300).unwrap();
}

#[test]
fn unix_socket_has_its_mode_and_replaces_a_stale_file() {
    use std::os::unix::fs::PermissionsExt;
    let path = folder("unix").join("server.sock");
    std::fs::write(&path, b"stale").unwrap();
    let listener = Listener::bind_unix(path.to_str().unwrap(), 0o751, "", 4).unwrap();
    assert!(listener.is_unix() && listener.local_addr().is_none());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o751);
    let long = "x".repeat(200);
    let error = Listener::bind_unix(&long, 0, "", 4).unwrap_err();
    assert_eq!(error, "unix socket path too long (200), must be under 108");
}

#[test]
fn a_unix_socket_is_given_to_a_group_that_exists() {
    use std::os::unix::fs::MetadataExt;
    let path = folder("group").join("server.sock");
    let text = path.to_str().unwrap();
    let error = Listener::bind_unix(text, 0, "no such group", 4).unwrap_err();
    assert!(error.starts_with("getgrnam error for group 'no such group': "), "{error}");
    // Our own group is one that may always be given.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"").unwrap();
    let ours = std::fs::metadata(&path).unwrap().gid();
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let named = |line: &&str| line.split(':').nth(2) == Some(ours.to_string().as_str());
    if let Some(name) = groups.lines().find(named).and_then(|line| line.split(':').next()) {
        Listener::bind_unix(text, 0o660, name, 4).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().gid(), ours);
    }
}

#[test]
fn connect_tells_connected_from_refused() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = server.local_addr().unwrap();
    assert_eq!(outcome(Stream::connect(addr, Some("127.0.0.1".parse().unwrap()))), ConnectOutcome::Connected);
    drop(server);
    assert_eq!(outcome(Stream::connect(addr, None)), ConnectOutcome::Refused);
    // A port on an address of the documentation block, from a source that cannot be ours.
    let foreign: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let failed = outcome(Stream::connect(foreign, Some("192.0.2.1".parse().unwrap())));
    assert_eq!(failed, ConnectOutcome::Failed("Cannot assign requested address".into()));
}

fn outcome(started: std::io::Result<Stream>) -> ConnectOutcome {
    let stream = match started {
        Ok(stream) => stream,
        Err(error) => return Stream::classify(error),
    };
    let poller = Poller::new().unwrap();
    poller.add(&stream, Token(1), Interest::WRITE).unwrap();
    assert!(wait_one(&poller).writable);
    stream.connect_outcome()
}

#[test]
fn bind_all_skips_what_is_optional_and_undoes_what_is_not() {
    // Nothing here owns an address of the documentation block.
    let names = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    let bound = Listener::bind_all(&names(&["127.0.0.1", "-192.0.2.7"]), 0, 16);
    assert_eq!((bound.listeners.len(), bound.failed), (1, false));
    assert_eq!(
        bound.warnings,
        [
            "Warning: Could not create server TCP listening socket 192.0.2.7:0: bind: Cannot assign requested address"
        ]
    );
    let bound = Listener::bind_all(&names(&["127.0.0.1", "192.0.2.7"]), 0, 16);
    assert_eq!((bound.listeners.len(), bound.failed, bound.warnings.len()), (0, true, 1));
    let bound = Listener::bind_all(&names(&["*", "-::*"]), 0, 16);
    assert!(!bound.failed && !bound.listeners.is_empty());
    assert!(bound.listeners[0].local_addr().unwrap().ip().is_unspecified());
    let bound = Listener::bind_all(&names(&["no host of that name"]), 0, 16);
    assert!(bound.failed && bound.warnings[0].ends_with("Name or service not known"), "{:?}", bound.warnings);
}

#[test]
fn bind_names_a_port_in_use() {
    let first = Listener::bind("127.0.0.1", 0, 16).unwrap();
    let port = first.local_addr().unwrap().port();
    let bound = Listener::bind_all(&["127.0.0.1".to_string()], port, 16);
    assert!(bound.failed);
    assert_eq!(
        bound.warnings,
        [format!(
            "Warning: Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use"
        )]
    );
}

#[test]
fn waker_merges_wakes_and_wakes_across_threads() {
    let poller = Poller::new().unwrap();
    let waker = Waker::new().unwrap();
    poller.add(&waker, Token(3), Interest::READ).unwrap();
    waker.wake();
    waker.wake();
    assert_eq!(wait_one(&poller).token, Token(3));
    waker.drain();
    let mut events = Events::with_capacity(4);
    poller.wait(&mut events, Some(0)).unwrap();
    assert!(events.is_empty(), "two wakes are one");
    let other = waker.clone();
    let thread = std::thread::spawn(move || other.wake());
    assert!(wait_one(&poller).readable);
    thread.join().unwrap();
}

#[test]
fn clock_agrees_with_itself() {
    let first = Clock.now();
    let second = Clock.now();
    assert!(second.mono >= first.mono && first.micros < 1000);
    assert!(first.unix > UnixMillis(1_700_000_000_000), "a wall clock");
    assert!(Clock.mono_micros() / 1000 >= second.mono.0);
}

#[test]
fn log_line_has_the_format_that_tools_read() {
    let now = Now { mono: Millis(0), unix: UnixMillis(1_700_000_000_007), micros: 0 };
    let line = line_for_test(now, Level::Warning, "Server initialized");
    let (head, tail) = line.split_at(5);
    assert_eq!(head, "7:M 1");
    assert!(tail.ends_with(".007 # Server initialized\n"), "{line}");
    assert!(line.contains(" Nov 2023 "), "{line}");
    let long = "é".repeat(crate::log::MESSAGE_MAX);
    let cut = line_for_test(now, Level::Notice, &long);
    assert!(cut.len() < crate::log::MESSAGE_MAX + 64 && cut.ends_with("é\n"));
}

#[test]
fn logger_writes_to_a_file_that_may_be_moved_away() {
    let dir = folder("log");
    let path = dir.join("server.log");
    let _ = std::fs::remove_file(&path);
    let logger = Logger::new(path.to_str().unwrap(), Level::Notice);
    logger.log(Level::Verbose, "not this");
    logger.set_role('S');
    logger.log(Level::Notice, "one");
    logger.log_as('C', Level::Warning, "two");
    let moved = dir.join("old.log");
    std::fs::rename(&path, &moved).unwrap();
    logger.set_threshold(Level::Debug);
    logger.log(Level::Debug, "three");
    let old = std::fs::read_to_string(moved).unwrap();
    let lines: Vec<&str> = old.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(":S ") && lines[0].ends_with(" * one"));
    assert!(lines[1].contains(":C ") && lines[1].ends_with(" # two"));
    assert!(std::fs::read_to_string(path).unwrap().ends_with(" . three\n"));
    logger.set_threshold(Level::Nothing);
    assert!(!logger.enabled(Level::Warning));
}

#[test]
fn lock_is_exclusive_between_descriptors_and_freed_on_drop() {
    let path = folder("lock").join("nodes.conf");
    let name = path.to_str().unwrap();
    let first = FileLock::acquire(name).unwrap();
    let error = FileLock::acquire(name).unwrap_err();
    assert_eq!(error, LockError::Taken { path: name.into() });
    assert_eq!(
        error.to_string(),
        format!(
            "Sorry, the cluster configuration file {name} is already used by a different Redis Cluster node. Please \
             make sure that different nodes use different cluster configuration files."
        )
    );
    // The file is replaced by one that is locked already: the name stays taken, whatever becomes of the old inode.
    let temp = format!("{name}.tmp");
    let second = FileLock::of(std::fs::File::create(&temp).unwrap()).unwrap();
    std::fs::rename(&temp, name).unwrap();
    drop(first);
    assert_eq!(FileLock::acquire(name).unwrap_err(), LockError::Taken { path: name.into() });
    drop(second);
    FileLock::acquire(name).unwrap();
    let nowhere = FileLock::acquire("/nonexistent/nodes.conf").unwrap_err().to_string();
    assert_eq!(
        nowhere,
        "Can't open /nonexistent/nodes.conf in order to acquire a lock: No such file or directory"
    );
}

#[test]
fn open_files_limit_follows_maxclients() {
    let enough = adjust_for_test(100, 1024, 4096, &mut |_| panic!("nothing to set"));
    assert_eq!((enough.maxclients, enough.lines.len(), enough.fatal), (100, 0, false));

    let raised = adjust_for_test(10_000, 1024, 20_000, &mut |_| Ok(()));
    assert_eq!(raised.maxclients, 10_000);
    assert_eq!(
        raised.lines[0].1,
        "Increased maximum number of open files to 10032 (it was originally set to 1024)."
    );

    let mut grant =
        |limit: u64| if limit <= 4096 { Ok(()) } else { Err("Operation not permitted".to_string()) };
    let reduced = adjust_for_test(10_000, 1024, 4096, &mut grant);
    assert_eq!((reduced.maxclients, reduced.fatal), (4064, false));
    assert_eq!(
        reduced.lines[0].1,
        "You requested maxclients of 10000 requiring at least 10032 max file descriptors."
    );
    assert!(reduced.lines[1].1.ends_with("because of OS error: Operation not permitted."));
    assert!(
        reduced.lines[2]
            .1
            .starts_with("Current maximum open files is 4096. maxclients has been reduced to 4064")
    );

    let hopeless = adjust_for_test(10_000, 20, 20, &mut |_| Err("Operation not permitted".to_string()));
    assert!(hopeless.fatal && hopeless.lines[0].1.contains("'ulimit -n' of 20 is not enough"));
}

#[test]
fn pidfile_holds_our_pid() {
    let path = folder("pid").join("server.pid");
    process::write_pidfile(path.to_str().unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    let error = process::write_pidfile("/nonexistent/server.pid").unwrap_err();
    assert_eq!(error, "Failed to write PID file: No such file or directory");
}

#[test]
fn process_facts_are_plausible() {
    assert!(process::resident_bytes() > 100_000);
    assert!(process::system_memory() > process::resident_bytes());
    assert!(process::os_name().starts_with("Linux ") && !process::os_name().contains('\n'));
    let (all, own) = (process::process_cpu(), process::thread_cpu());
    assert!(all.user + all.system >= own.user + own.system);
    assert_ne!(process::random_seed(), process::random_seed());
    assert_eq!(process::backlog_warning(1), None);
    assert!(process::backlog_warning(i64::MAX).unwrap().contains("cannot be enforced"));
    assert_eq!(process::reason(std::io::Error::from_raw_os_error(libc::ENOENT)), "No such file or directory");
}

/// Signals belong to the whole process, so one test walks through all of them.
#[test]
fn sigterm_sets_the_request_wakes_the_loop_and_logs() {
    let dir = folder("signals");
    let log = dir.join("signal.log");
    let _ = std::fs::remove_file(&log);
    signals::set_log_path(log.to_str().unwrap());
    signals::set_temp_path("");
    let waker = Waker::new().unwrap();
    let poller = Poller::new().unwrap();
    poller.add(&waker, Token(1), Interest::READ).unwrap();
    signals::install(waker.raw_fd()).unwrap();
    assert_eq!(signals::take_request(), None);
    let raise = |signal| {
        // SAFETY: `raise` sends a signal to this thread, whose handler was installed above or is SIG_IGN.
        assert_eq!(unsafe { libc::raise(signal) }, 0);
    };
    raise(libc::SIGHUP);
    raise(libc::SIGPIPE);
    assert_eq!(signals::take_request(), None);
    raise(libc::SIGTERM);
    assert!(wait_one(&poller).readable);
    assert_eq!(signals::take_request(), Some(signals::Request::Terminate));
    assert_eq!(signals::take_request(), None);
    signals::shutdown_cancelled();
    signals::set_loading(true);
    raise(libc::SIGINT);
    assert_eq!(signals::take_request(), Some(signals::Request::Interrupt));
    let mut text = String::new();
    std::fs::File::open(&log).unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(&format!("{}:signal-handler (", std::process::id())));
    assert!(lines[0].ends_with(") Received SIGTERM scheduling shutdown..."));
    assert!(lines[1].ends_with("Received shutdown signal during loading, scheduling shutdown."));
}
