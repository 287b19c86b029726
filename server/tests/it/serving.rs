//! Clients of every temper: pipelining ones, slow ones, big ones, many.

use crate::harness::{Client, Server, encode, folder, wait_for};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

#[test]
fn requests_arrive_whole_pipelined_and_in_crumbs() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.ask(&["PING"], "+PONG\r\n");
    client.send(b"PING\r\nECHO hello\r\n  ping \"a b\"  \r\n");
    client.expect(b"+PONG\r\n$5\r\nhello\r\n$3\r\na b\r\n");

    let many = encode(&[b"INCR", b"counter"]).repeat(10_000);
    client.send(&many);
    for value in 1..=10_000 {
        client.expect(format!(":{value}\r\n").as_bytes());
    }

    for byte in encode(&[b"SET", b"key", b"in crumbs"]) {
        client.send(&[byte]);
    }
    client.expect(b"+OK\r\n");
    client.ask(&["GET", "key"], "$9\r\nin crumbs\r\n");
}

#[test]
fn a_broken_request_is_answered_and_ends_only_its_own_connection() {
    let server = Server::start(&[]);
    let mut good = server.client();
    good.ask(&["PING"], "+PONG\r\n");
    let mut bad = server.client();
    bad.send(b"*1\r\n$x\r\nPING\r\n");
    bad.expect(b"-ERR Protocol error: invalid bulk length\r\n");
    assert!(bad.is_closed());
    good.ask(&["PING"], "+PONG\r\n");
}

#[test]
fn a_client_that_has_said_its_last_word_gets_its_answers() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.send(&b"PING\r\n".repeat(5000));
    client.socket().shutdown(std::net::Shutdown::Write).unwrap();
    client.expect(&b"+PONG\r\n".repeat(5000));
    assert!(client.is_closed());
}

#[test]
fn big_values_go_in_and_come_out() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let value: Vec<u8> = (0..24_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    client.command(&[b"SET", b"big", &value]);
    client.expect(b"+OK\r\n");
    client.ask(&["STRLEN", "big"], ":24000000\r\n");
    client.command(&[b"GET", b"big"]);
    client.expect(b"$24000000\r\n");
    client.expect(&value);
    client.expect(b"\r\n");
}

#[test]
fn a_client_that_never_reads_disturbs_nobody() {
    let server = Server::start(&["--client-output-buffer-limit", "normal 50mb 0 0"]);
    let mut writer = server.client();
    let value = vec![b'v'; 1 << 20];
    writer.command(&[b"SET", b"k", &value]);
    writer.expect(b"+OK\r\n");

    let mut deaf = server.client();
    deaf.send(&encode(&[b"GET", b"k"]).repeat(40));
    for _ in 0..100 {
        writer.ask(&["PING"], "+PONG\r\n");
    }
    // It may still change its mind and gets every byte.
    for _ in 0..40 {
        deaf.expect(b"$1048576\r\n");
        deaf.expect(&value);
        deaf.expect(b"\r\n");
    }
    // One reply beyond its limit, and it is cut off; the others go on.
    let huge = vec![b'h'; 60 << 20];
    writer.command(&[b"SET", b"huge", &huge]);
    writer.expect(b"+OK\r\n");
    let mut greedy = server.client();
    greedy.command(&[b"GET", b"huge"]);
    let mut rest = Vec::new();
    let _ = greedy.socket().read_to_end(&mut rest);
    assert!(rest.len() < huge.len(), "it did not get everything");
    assert!(server.log().contains("overcoming of output buffer limits"), "{}", server.log());
    writer.ask(&["PING"], "+PONG\r\n");
}

#[test]
fn many_clients_at_once() {
    let server = Server::start(&[]);
    let mut clients: Vec<Client> = (0..500).map(|_| server.client()).collect();
    for client in &mut clients {
        client.command(&[b"INCR", b"n"]);
    }
    for (index, client) in clients.iter_mut().enumerate() {
        // Replies come in the order in which the server read them, which is not the order of writing.
        let line = client.line();
        assert!(line.starts_with(':'), "client {index}: {line}");
    }
    clients[0].ask(&["GET", "n"], "$3\r\n500\r\n");
    drop(clients);
    let mut last = server.client();
    wait_for("the others are gone", || {
        last.command(&[b"INFO", b"clients"]);
        let length: usize = last.line()[1..].parse().unwrap();
        let mut text = vec![0; length + 2];
        last.socket().read_exact(&mut text).unwrap();
        String::from_utf8_lossy(&text).contains("connected_clients:1\r\n")
    });
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Server::start(&["--maxclients", "2"]);
    let mut first = server.client();
    let mut second = server.client();
    first.ask(&["PING"], "+PONG\r\n");
    second.ask(&["PING"], "+PONG\r\n");
    let mut third = server.client();
    third.expect(b"-ERR max number of clients reached\r\n");
    assert!(third.is_closed());
    drop(first);
    wait_for("a place is free", || {
        let mut again = server.client();
        again.socket().write_all(b"PING\r\n").is_ok() && again.line() == "+PONG"
    });
}

#[test]
fn the_unix_socket_serves_and_is_removed_at_the_end() {
    let folder = folder();
    let path = folder.join("s.sock");
    let mut server = Server::start_in(&folder, &["--unixsocket", "s.sock", "--unixsocketperm", "700"]);
    assert!(server.log().contains("Ready to accept connections unix"));
    let mut client = Client::over(UnixStream::connect(&path).unwrap());
    client.ask(&["PING"], "+PONG\r\n");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(!path.exists());
    assert!(server.log().contains("Removing the unix socket file."));
}

#[test]
fn a_closed_connection_is_closed_on_both_sides() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.ask(&["QUIT"], "+OK\r\n");
    assert!(client.is_closed());
    // The request comes with the end of the stream: it is still answered.
    let mut half = server.client();
    half.send(b"PING\r\n");
    half.socket().shutdown(std::net::Shutdown::Write).unwrap();
    half.expect(b"+PONG\r\n");
    assert!(half.is_closed());
}

#[test]
fn a_replica_finds_its_primary_by_name_and_says_so_in_its_log() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    primary.client().ask(&["SET", "k", "v"], "+OK\r\n");
    let replica = Server::start(&["--replicaof", "localhost", &primary.port.to_string()]);
    let mut client = replica.client();
    wait_for("the replica has the key", || {
        client.command(&[b"GET", b"k"]);
        let reply = client.line();
        reply == "$1" && client.line() == "v"
    });
    assert!(replica.log().contains(&format!("{}:S ", replica.pid())), "{}", replica.log());
    let mut second = replica.client();
    second.ask(&["REPLICAOF", "NO", "ONE"], "+OK\r\n");
    second.ask(&["SET", "k", "w"], "+OK\r\n");
    let log = replica.log();
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains(&format!("{}:M ", replica.pid())), "{last}");
}
