//! Hard input: clients that are slow, dead, greedy or too many; disks that are full or closed; ports that are taken. Each
//! is told clearly, and nobody else is disturbed.

use grapevine_testkit::{Folder, Kind, Server, ServerBuilder, reserve, wait_for};
use resp::Value;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How the bytes come in and go out.
#[derive(Clone, Copy, Debug)]
enum Way {
    Alone,
    Threads,
}

impl Way {
    fn build(self, port: u16) -> ServerBuilder {
        let server = Server::build(Kind::Grapevine, port);
        match self {
            Self::Alone => server,
            Self::Threads => server.with("io-threads", "2").with("events-per-io-thread", "0"),
        }
    }
}

/// Runs these in every way.
macro_rules! in_every_way {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{Way, $name};

            #[test]
            fn alone() {
                $name(Way::Alone);
            }

            #[test]
            fn with_io_threads() {
                $name(Way::Threads);
            }
        })*
    };
}

in_every_way! {
    slow_clients_get_their_answers_and_silent_ones_are_closed
    who_never_reads_costs_no_more_than_a_bound
    announcements_cost_nothing_until_they_come_true
    floods_end_at_the_limits
    ten_thousand_connections
    a_thousand_busy_connections_are_all_served
    a_subscriber_that_never_reads_is_closed_and_the_others_miss_nothing
    replies_that_wait_for_the_disk_leave_once
}

/// How long anybody else may wait for an answer while something bad is going on. Generous: machines are busy.
const PATIENCE: Duration = Duration::from_secs(5);

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    resp::write_command(&mut bytes, words.iter().copied());
    bytes
}

/// Everything that comes until the other side closes.
fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Lets this process open so many files, for one test at a time.
fn allow_files(wanted: usize) -> MutexGuard<'static, ()> {
    static MANY_FILES: Mutex<()> = Mutex::new(());
    let alone = MANY_FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let limit = getrlimit(Resource::Nofile);
    let wanted = wanted as u64;
    let highest = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        highest >= wanted,
        "the hard limit of open files is {highest}: raise it to {wanted} (ulimit -Hn)"
    );
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted.max(limit.current.unwrap_or(0))), ..limit })
        .expect("within the hard limit");
    alone
}

fn assert_quick(server: &Server) {
    let begun = Instant::now();
    assert_eq!(server.text(&["PING"]), "PONG");
    assert!(begun.elapsed() < PATIENCE, "somebody else was served after {:?}", begun.elapsed());
}

fn number(server: &Server, field: &str) -> u64 {
    server.info(field).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("INFO has {field}"))
}

/// Resident memory now: INFO's number is a second old at most.
fn resident(server: &Server) -> u64 {
    let pid = server.info("process_id").expect("a pid");
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).expect("the process lives");
    let pages: u64 = text.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    pages * rustix::param::page_size() as u64
}

fn slow_clients_get_their_answers_and_silent_ones_are_closed(way: Way) {
    let ports = reserve();
    let server = way.build(ports.port(0)).with("timeout", "8").start();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| connect(&server)).collect();
    let mut silent = connect(&server);
    silent.write_all(b"*1\r\n$4\r\nPI").expect("the beginning of a request");
    for byte in request(&[b"ECHO", b"drop by drop"]) {
        for stream in &mut slow {
            stream.write_all(&[byte]).expect("a byte");
        }
        assert_quick(&server);
    }
    for stream in &mut slow {
        let mut answer = [0; 19];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"$12\r\ndrop by drop\r\n");
    }
    assert_eq!(read_all(&mut silent), "", "half a request is no sign of life for ever");
}

#[test]
fn a_replica_that_does_not_answer_is_given_up() {
    let ports = reserve();
    let master = Server::build(Kind::Grapevine, ports.port(0)).with("repl-timeout", "2").start();
    let replica = Server::build(Kind::Grapevine, ports.port(1))
        .with("replicaof", &format!("127.0.0.1 {}", master.port()))
        .start();
    wait_for("the replica is online", || master.info("slave0").is_some_and(|line| line.contains("online")));
    replica.signal(Signal::STOP);
    wait_for("the master gives it up", || master.info("connected_slaves").as_deref() == Some("0"));
    assert_quick(&master);
    replica.signal(Signal::CONT);
    wait_for("it comes back", || master.info("connected_slaves").as_deref() == Some("1"));
}

fn who_never_reads_costs_no_more_than_a_bound(way: Way) {
    let ports = reserve();
    let server = way.build(ports.port(0)).with("save", "").start();
    server.command(&["SET", "big", &"v".repeat(1 << 20)]);
    let before = resident(&server);
    let mut greedy: Vec<TcpStream> = (0..20).map(|_| connect(&server)).collect();
    let wanted = request(&[b"GET", b"big"]).repeat(500);
    for stream in &mut greedy {
        stream.write_all(&wanted).expect("the requests");
    }
    for _ in 0..20 {
        assert_quick(&server);
    }
    // Ten gigabytes were asked for.
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes");
    // Who reads after all gets everything.
    let mut stream = greedy.pop().expect("one of them");
    let mut left = 500 * ((1 << 20) + b"$1048576\r\n\r\n".len());
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let count = stream.read(&mut buffer).expect("more of it");
        assert_ne!(count, 0, "{left} bytes were still to come");
        left -= count;
    }
}

fn announcements_cost_nothing_until_they_come_true(way: Way) {
    let ports = reserve();
    let server = way.build(ports.port(0)).start();
    let before = resident(&server);
    let mut streams = Vec::new();
    for start in [
        &b"*1048576\r\n"[..],
        b"*2147483647\r\n$1\r\na\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n",
        b"*2\r\n$536870912\r\nabc",
    ] {
        for _ in 0..50 {
            let mut stream = connect(&server);
            stream.write_all(start).expect("an announcement");
            streams.push(stream);
        }
    }
    assert_quick(&server);
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes");
    for (line, answer) in [
        (&b"*2147483648\r\n"[..], "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
    ] {
        let mut stream = connect(&server);
        stream.write_all(line).expect("an announcement");
        assert_eq!(read_all(&mut stream), answer);
    }
}

fn floods_end_at_the_limits(way: Way) {
    let ports = reserve();
    let server = way
        .build(ports.port(0))
        .with("client-query-buffer-limit", "1mb")
        .with("maxmemory-clients", "8mb")
        .start();
    let before = resident(&server);
    // A request that never ends.
    let mut endless = connect(&server);
    let _ =
        endless.write_all(b"*2000000\r\n").and_then(|()| endless.write_all(&b"$1\r\na\r\n".repeat(400_000)));
    assert_eq!(read_all(&mut endless), "");
    // A transaction that never ends: it is lost, and says so.
    let mut client = server.client();
    client.call(&["MULTI"]).expect("OK");
    for _ in 0..30 {
        client.call(&["SET", "k", &"v".repeat(100_000)]).expect("QUEUED");
    }
    assert!(matches!(client.call(&["EXEC"]), Ok(Value::Error(text)) if text.starts_with(b"EXECABORT")));
    // Subscriptions without end: the client is closed.
    let mut subscriber = connect(&server);
    let mut flood = Vec::new();
    for i in 0..400_000 {
        flood.extend(request(&[b"SUBSCRIBE", format!("channel {i}").as_bytes()]));
    }
    let mut reader = subscriber.try_clone().expect("a second handle");
    let thread = std::thread::spawn(move || drop(read_all(&mut reader)));
    let _ = subscriber.write_all(&flood);
    thread.join().expect("the connection ends");
    wait_for("the subscriptions are gone", || number(&server, "pubsub_channels") == 0);
    assert!(number(&server, "evicted_clients") >= 1);
    assert_eq!(number(&server, "client_query_buffer_limit_disconnections"), 1);
    assert_quick(&server);
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}

fn ten_thousand_connections(way: Way) {
    const MANY: usize = 10_000;
    let _alone = allow_files(MANY + 1000);
    let ports = reserve();
    let server = way
        .build(ports.port(0))
        .with("maxclients", &(MANY + 50).to_string())
        .with("tcp-backlog", "4096")
        .start();
    let before = resident(&server);
    let mut streams: Vec<TcpStream> = (0..MANY).map(|_| connect(&server)).collect();
    wait_for("all are there", || number(&server, "connected_clients") > MANY as u64);
    for stream in &mut streams {
        stream.write_all(b"PING\r\n").expect("a request");
    }
    for stream in &mut streams {
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"+PONG\r\n");
    }
    let each = resident(&server).saturating_sub(before) / MANY as u64;
    assert!(each < 8 << 10, "{each} bytes for an idle connection");
    assert_quick(&server);
    drop(streams);
    wait_for("all are gone", || number(&server, "connected_clients") < 10);
}

/// Every one of many clients with requests in flight gets its answers, while others come, go and ask for too much.
fn a_thousand_busy_connections_are_all_served(way: Way) {
    const CLIENTS: usize = 1000;
    const REQUESTS: usize = 20;
    let _alone = allow_files(CLIENTS + 200);
    let ports = reserve();
    let server = way.build(ports.port(0)).with("tcp-backlog", "2048").start();
    let value = "v".repeat(3000);
    server.command(&["SET", "k", &value]);
    let mut deaf = connect(&server);
    deaf.write_all(&request(&[b"GET", b"k"]).repeat(20_000)).expect("the requests");
    let mut streams: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(&server)).collect();
    let requests = [request(&[b"INCR", b"n"]), request(&[b"GET", b"k"])].concat().repeat(REQUESTS);
    for (index, stream) in streams.iter_mut().enumerate() {
        // Cut somewhere else for each.
        let (begin, rest) = requests.split_at(1 + index % (requests.len() - 1));
        stream.write_all(begin).expect("the beginning");
        stream.write_all(rest).expect("the rest");
        if index % 10 == 0 {
            let mut hasty = connect(&server);
            hasty.write_all(&requests[..requests.len() - 1]).expect("requests");
        }
    }
    let bulk = format!("${}\r\n{value}\r\n", value.len());
    for stream in &mut streams {
        let mut last = 0;
        for _ in 0..REQUESTS {
            let number = read_line(stream);
            let number: u64 = number.strip_prefix(':').and_then(|n| n.parse().ok()).expect("a number");
            assert!(number > last, "{number} after {last}");
            last = number;
            let mut answer = vec![0; bulk.len()];
            stream.read_exact(&mut answer).expect("the value");
            assert!(answer == bulk.as_bytes());
        }
    }
    assert_quick(&server);
}

fn a_subscriber_that_never_reads_is_closed_and_the_others_miss_nothing(way: Way) {
    let ports = reserve();
    let server = way.build(ports.port(0)).with("client-output-buffer-limit", "pubsub 8mb 0 0").start();
    let mut deaf = connect(&server);
    let mut readers: Vec<TcpStream> = (0..3).map(|_| connect(&server)).collect();
    for stream in readers.iter_mut().chain([&mut deaf]) {
        stream.write_all(&request(&[b"SUBSCRIBE", b"news"])).expect("a request");
        let mut answer = [0; 31];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1");
    }
    let mut publisher = server.client();
    for batch in 0..16 {
        let numbers = batch * 25..(batch + 1) * 25;
        for number in numbers.clone() {
            let heard = publisher.call(&["PUBLISH", "news", &format!("{number:060000}")]).expect("a number");
            assert!(heard.as_int().is_some_and(|count| count >= 3), "{heard:?}");
        }
        for (number, stream) in numbers.flat_map(|number| readers.iter().map(move |s| (number, s))) {
            let expected = format!("\r\n*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$60000\r\n{number:060000}");
            let mut message = vec![0; expected.len()];
            let mut stream = stream;
            stream.read_exact(&mut message).expect("a message");
            assert!(message == expected.as_bytes(), "message {number}");
        }
    }
    wait_for("who does not read is closed", || number(&server, "connected_clients") <= 5);
}

fn replies_that_wait_for_the_disk_leave_once(way: Way) {
    let ports = reserve();
    let server = way.build(ports.port(0)).with("appendonly", "yes").with("appendfsync", "always").start();
    let mut streams: Vec<TcpStream> = (0..30).map(|_| connect(&server)).collect();
    for round in 0..20 {
        // Some replies wait and others need not, and new ones come while older ones wait.
        for (index, stream) in streams.iter_mut().enumerate() {
            let key = format!("k{index}");
            for words in
                [&[b"INCR", key.as_bytes()][..], &[b"GET", key.as_bytes()], &[b"INCR", key.as_bytes()]]
            {
                stream.write_all(&request(words)).expect("a request");
            }
        }
        for stream in &mut streams {
            let first = 2 * round + 1;
            assert_eq!(read_line(stream), format!(":{first}"));
            assert_eq!(read_line(stream), format!("${}", first.to_string().len()));
            assert_eq!(read_line(stream), first.to_string());
            assert_eq!(read_line(stream), format!(":{}", first + 1));
        }
    }
}

/// A line without its end, read byte by byte so that nothing behind it is taken.
fn read_line(stream: &mut TcpStream) -> String {
    let (mut line, mut byte) = (String::new(), [0]);
    while !line.ends_with("\r\n") {
        stream.read_exact(&mut byte).expect("a byte of a line");
        line.push(char::from(byte[0]));
    }
    line.trim_end().to_string()
}

#[test]
fn one_client_too_many_is_told_so() {
    let ports = reserve();
    for kind in [Kind::Grapevine, Kind::Redis] {
        let server = Server::build(kind, ports.port(0)).with("maxclients", "5").start();
        wait_for("nobody is connected", || number(&server, "connected_clients") == 1);
        let mut streams: Vec<TcpStream> = Vec::new();
        for _ in 0..5 {
            let mut stream = connect(&server);
            stream.write_all(b"PING\r\n").expect("a request");
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).expect("an answer");
            streams.push(stream);
        }
        let mut last = connect(&server);
        assert_eq!(read_all(&mut last), "-ERR max number of clients reached\r\n", "{kind:?}");
        streams.pop();
        wait_for("there is room again", || {
            let mut stream = connect(&server);
            let _ = stream.write_all(b"PING\r\n");
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).is_ok() && &answer == b"+PONG\r\n"
        });
        streams.clear();
        wait_for("the refusals are counted", || {
            server.info("rejected_connections").is_some_and(|count| count != "0")
        });
    }
}

#[test]
fn too_few_files_mean_fewer_clients() {
    let ports = reserve();
    for kind in [Kind::Grapevine, Kind::Redis] {
        let server = Server::build(kind, ports.port(0)).after("ulimit -n 100").start();
        assert_eq!(server.info("maxclients").as_deref(), Some("68"), "{kind:?}");
        let log = server.log();
        for line in [
            "You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
            "maxclients has been reduced to 68 to compensate for low ulimit.",
        ] {
            assert!(log.contains(line), "{kind:?}: {line}\n{log}");
        }
    }
}

#[test]
fn a_full_disk_refuses_writes_and_serves_reads() {
    let ports = reserve();
    // Files may not grow beyond 64 KiB; without the signal, a write beyond fails as on a full disk.
    let server = Server::build(Kind::Grapevine, ports.port(0))
        .with("appendonly", "yes")
        .with("logfile", "/dev/null")
        .after("trap '' XFSZ; ulimit -f 128")
        .start();
    let mut client = server.client();
    client.call(&["SET", "before", "1"]).expect("OK");
    let mut refused = None;
    wait_for("writes are refused", || {
        let reply = client.call(&["SET", "k", &"v".repeat(10_000)]).expect("a reply");
        if let Value::Error(text) = reply {
            refused = Some(String::from_utf8_lossy(&text).into_owned());
        }
        refused.is_some()
    });
    let refused = refused.unwrap_or_default();
    assert_eq!(refused, "MISCONF Errors writing to the AOF file: File too large");
    assert_eq!(server.text(&["GET", "before"]), "1");
    assert_eq!(server.info("aof_last_write_status").as_deref(), Some("err"));
}

#[test]
fn a_folder_that_takes_no_files_fails_snapshots_and_nothing_else() {
    let ports = reserve();
    let log = Folder::new();
    let log = log.path().join("log");
    // Nobody, root included, makes files here.
    let server = Server::build(Kind::Grapevine, ports.port(0))
        .with("dir", "/proc/self")
        .with("logfile", log.to_str().expect("a path"))
        .with("save", "900 1")
        .start();
    assert_eq!(server.text(&["SET", "k", "v"]), "OK");
    assert!(server.text(&["SAVE"]).starts_with("ERR"));
    assert!(server.text(&["BGSAVE"]).starts_with("Background saving started"));
    let said = || std::fs::read_to_string(&log).expect("the log");
    wait_for("the snapshot fails", || said().contains("Background saving error"));
    assert!(said().contains("No such file or directory"), "{}", said());
    assert_eq!(server.info("rdb_last_bgsave_status").as_deref(), Some("err"));
    assert!(server.text(&["SET", "k", "w"]).starts_with("MISCONF Redis is configured to save RDB snapshots"));
    assert_eq!(server.text(&["GET", "k"]), "v");
    assert_eq!(server.text(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]), "OK");
    assert_eq!(server.text(&["SET", "k", "w"]), "OK");
}

#[test]
fn a_taken_port_is_named_and_the_server_does_not_start() {
    let ports = reserve();
    for (kind, port) in [(Kind::Grapevine, ports.port(0)), (Kind::Redis, ports.port(1))] {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port");
        // Whoever tries whether the server is there is sent away at once.
        std::thread::spawn(move || listener.incoming().for_each(drop));
        let Err(log) = Server::build(kind, port).start_or_log() else { panic!("{kind:?} has started") };
        assert!(log.contains("bind: Address already in use"), "{kind:?}: {log}");
        assert!(log.contains(&format!("Failed listening on port {port} (")), "{kind:?}: {log}");
        assert!(!log.contains("Ready to accept"), "{kind:?}: {log}");
    }
}
