//! The bus port: peers find each other, strangers are shown the door, and neither disturbs the clients.

use crate::harness::{Server, wait_for};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn node() -> Server {
    Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])
}

fn bus_connection(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port + 10_000)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn bulk(server: &Server, args: &[&[u8]]) -> String {
    let mut client = server.client();
    client.command(args);
    let head = client.line();
    let length: usize = head.strip_prefix('$').unwrap_or_else(|| panic!("{head}")).parse().unwrap();
    let mut text = vec![0; length];
    client.socket().read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn strangers_on_the_bus_are_cut_off_and_disturb_nobody() {
    let server = node();
    let mut web = bus_connection(&server);
    web.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // The end of the stream, or a reset because what it sent was not all read: both are a closed door.
    let _ = web.read_to_end(&mut answer);
    assert!(answer.is_empty(), "nothing is said to a stranger");

    let mut absurd = bus_connection(&server);
    absurd.write_all(b"RCmb\xff\xff\xff\xff\x00\x01\x17\x70\x00\x00\x00\x00").unwrap();
    let _ = absurd.read_to_end(&mut answer);
    assert!(answer.is_empty());

    // Those that begin well and fall silent cost only their socket.
    let silent: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = bus_connection(&server);
            stream.write_all(b"RCmb\x00\x00").unwrap();
            stream
        })
        .collect();
    server.client().ask(&["PING"], "+PONG\r\n");
    assert!(bulk(&server, &[b"CLUSTER", b"INFO"]).contains("cluster_known_nodes:1\r\n"));
    drop(silent);
    server.client().ask(&["PING"], "+PONG\r\n");
}

#[test]
fn two_nodes_meet_and_a_dead_one_is_noticed() {
    let (first, mut second) = (node(), node());
    let port = second.port.to_string();
    first.client().ask(&["CLUSTER", "MEET", "127.0.0.1", &port], "+OK\r\n");
    for server in [&first, &second] {
        wait_for("both know each other", || {
            let nodes = bulk(server, &[b"CLUSTER", b"NODES"]);
            nodes.lines().filter(|l| l.contains(" connected") && !l.contains("handshake")).count() == 2
        });
    }
    second.signal("KILL");
    second.wait();
    wait_for("the first misses the second", || {
        let nodes = bulk(&first, &[b"CLUSTER", b"NODES"]);
        nodes.lines().any(|l| l.contains(&format!(":{port}@")) && l.contains("fail"))
    });
    first.client().ask(&["PING"], "+PONG\r\n");
}

#[test]
fn a_busy_data_thread_does_not_silence_the_bus() {
    let server = Server::start(&["--cluster-enabled", "yes", "--enable-debug-command", "yes"]);
    let other = node();
    let port = server.port.to_string();
    other.client().ask(&["CLUSTER", "MEET", "127.0.0.1", &port], "+OK\r\n");
    let pongs = |text: String| -> u64 {
        let line = text.lines().find_map(|l| l.strip_prefix("cluster_stats_messages_pong_received:"));
        line.map_or(0, |n| n.trim().parse().unwrap())
    };
    wait_for("they talk", || pongs(bulk(&other, &[b"CLUSTER", b"INFO"])) > 1);
    let mut sleeper = server.client();
    sleeper.command(&[b"DEBUG", b"SLEEP", b"2.5"]);
    let before = pongs(bulk(&other, &[b"CLUSTER", b"INFO"]));
    wait_for("an answer to a ping while the data thread sleeps", || {
        pongs(bulk(&other, &[b"CLUSTER", b"INFO"])) > before
    });
    // The sleeper has not been answered yet: the answer came meanwhile.
    sleeper.socket().set_nonblocking(true).unwrap();
    let early = sleeper.socket().read(&mut [0; 8]);
    assert!(early.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "{early:?}");
    sleeper.socket().set_nonblocking(false).unwrap();
    sleeper.expect(b"+OK\r\n");
}
