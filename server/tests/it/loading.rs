//! A start with data: the sockets are served while it is loaded. `key-load-delay` makes that last as long as a test wants.

use crate::harness::{Client, Server, encode, folder, wait_for};
use std::io::Read;
use std::path::Path;

const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";
/// Ten minutes a key: nothing ends by itself.
const FOR_EVER: &str = "600000000";
const KEYS: usize = 500;

/// Leaves a folder with [`KEYS`] keys in its files.
fn fill(folder: &Path, args: &[&str]) -> Server {
    let mut server = Server::start_in(folder, args);
    let mut client = server.client();
    for i in 0..KEYS {
        client.send(&encode(&[b"SET", format!("key:{i}").as_bytes(), b"value"]));
    }
    client.expect("+OK\r\n".repeat(KEYS).as_bytes());
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    server
}

fn persistence(client: &mut Client) -> String {
    client.command(&[b"INFO", b"persistence"]);
    let length: usize = client.line()[1..].parse().unwrap();
    let mut text = vec![0; length + 2];
    client.socket().read_exact(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

fn field(client: &mut Client, name: &str) -> u64 {
    let text = persistence(client);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[test]
fn clients_are_told_that_it_is_loading_until_it_is_done() {
    for args in [&["--save", "3600 1"][..], &["--appendonly", "yes"]] {
        let folder = folder();
        // The owner's folder goes with it: it stays until the second one is done.
        let _first = fill(&folder, args);
        let mut server = Server::start_loading(&folder, &[args, &["--key-load-delay", FOR_EVER]].concat());
        let mut client = server.client();
        client.ask(&["PING"], LOADING);
        client.ask(&["GET", "key:1"], LOADING);
        client.ask(&["ECHO", "x"], "$1\r\nx\r\n");
        assert_eq!(field(&mut client, "loading"), 1);
        let total = field(&mut client, "loading_total_bytes");
        let before = field(&mut client, "loading_loaded_bytes");
        assert!(before < total / 2, "{before} of {total}");
        client.ask(&["CONFIG", "SET", "key-load-delay", "10000"], "+OK\r\n");
        wait_for("more is loaded", || field(&mut client, "loading_loaded_bytes") > before);
        assert!(!server.log().contains("Ready to accept connections"));
        client.ask(&["CONFIG", "SET", "key-load-delay", "0"], "+OK\r\n");
        server.wait_for_log("Ready to accept connections tcp");
        let log = server.log();
        assert!(log.find("DB loaded from ") < log.find("Ready to accept"), "{log}");
        client.ask(&["DBSIZE"], &format!(":{KEYS}\r\n"));
        client.ask(&["GET", "key:1"], "$5\r\nvalue\r\n");
        assert_eq!(field(&mut client, "loading"), 0);
    }
}

#[test]
fn a_signal_while_loading_ends_it_and_leaves_the_data_as_it_was() {
    let folder = folder();
    let _first = fill(&folder, &["--save", "3600 1"]);
    let dump = std::fs::read(folder.join("dump.rdb")).unwrap();
    let mut server = Server::start_loading(&folder, &["--save", "3600 1", "--key-load-delay", FOR_EVER]);
    server.client().ask(&["PING"], LOADING);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.log();
    assert!(log.contains("Received shutdown signal during loading, scheduling shutdown."), "{log}");
    assert!(log.contains("User requested shutdown...") && log.contains("bye bye..."), "{log}");
    assert!(!log.contains("Saving the final RDB"), "{log}");
    assert_eq!(std::fs::read(folder.join("dump.rdb")).unwrap(), dump);
}

#[test]
fn a_broken_file_ends_the_start() {
    let folder = folder();
    let _first = fill(&folder, &["--save", "3600 1"]);
    let dump = std::fs::read(folder.join("dump.rdb")).unwrap();
    std::fs::write(folder.join("dump.rdb"), &dump[..dump.len() / 2]).unwrap();
    let mut server = Server::start_loading(&folder, &["--cluster-enabled", "yes"]);
    assert_eq!(server.wait(), Some(1));
    let log = server.log();
    assert!(log.contains("-> Unexpected EOF reading RDB file"), "{log}");
    assert!(!log.contains("Ready to accept") && !log.contains("bye bye"), "{log}");
}
