//! A node that migrates keys to a target that the test plays.

use crate::tests::World;
use crate::{Action, LocalInfo};
use base::{ConnId, UnixMillis};

const OK: &str = "+OK\r\n";

/// The connection that the node asked for last, and where to.
fn asked(world: &mut World) -> Option<(ConnId, String, u16)> {
    let place = world.others.iter().position(|action| matches!(action, Action::Connect { .. }))?;
    match world.others.remove(place) {
        Action::Connect { conn, host, port } => Some((conn, host, port)),
        _ => None,
    }
}

/// Lets the node's next connection succeed.
fn accept(world: &mut World) -> ConnId {
    let (conn, ..) = asked(world).expect("a connection is asked for");
    world.node.handle_connected(world.now, conn, Ok(LocalInfo::default()));
    world.turn();
    conn
}

/// What the node sent over a link, as words.
fn sent(world: &mut World, conn: ConnId) -> Vec<String> {
    words(&world.read(conn.0))
}

fn words(text: &str) -> Vec<String> {
    text.split("\r\n").filter(|part| !part.starts_with(['*', '$']) && !part.is_empty()).map(shown).collect()
}

/// Payloads are shown as `#`.
fn shown(word: &str) -> String {
    if word.contains(|c: char| c.is_control()) { "#".into() } else { word.into() }
}

/// The target answers; what the node sends it then.
fn answer(world: &mut World, conn: ConnId, text: &str) -> Vec<String> {
    words(&world.send(conn.0, text.as_bytes()))
}

fn with_keys() -> World {
    let mut world = World::with(|c| c.settings.rdbcompression = false);
    for key in ["a", "b", "c"] {
        world.run(&["SET", key, &format!("value\u{1} {key}")]);
    }
    world.connect(2);
    world
}

fn migrate(world: &mut World, rest: &[&str]) -> String {
    world.run(&[&["MIGRATE", "10.0.0.9", "7000"], rest].concat())
}

#[test]
fn a_key_goes_when_the_target_has_taken_it() {
    let mut world = with_keys();
    world.run(&["PEXPIRE", "a", "5000"]);
    assert_eq!(migrate(&mut world, &["a", "0", "1000"]), "");
    let (conn, host, port) = asked(&mut world).unwrap();
    assert_eq!((host.as_str(), port), ("10.0.0.9", 7000));
    world.node.handle_connected(world.now, conn, Ok(LocalInfo::default()));
    world.turn();
    let words = sent(&mut world, conn);
    assert_eq!(words[..2], ["SELECT", "0"]);
    assert_eq!(words[2..5], ["RESTORE", "a", "5000"]);
    assert_eq!(world.run_on(2, &["DBSIZE"]), ":3\r\n");
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!(world.read(1), OK);
    assert_eq!(world.run(&["EXISTS", "a"]), ":0\r\n");
    assert!(world.run(&["INFO", "stats"]).contains("migrate_cached_sockets:1\r\n"));
    // The link is used again, in the same database.
    migrate(&mut world, &["b", "0", "1000", "REPLACE"]);
    assert_eq!(sent(&mut world, conn)[..2], ["RESTORE", "b"]);
    answer(&mut world, conn, OK);
    assert_eq!(world.read(1), OK);
    world.pass(9_900);
    assert!(!world.is_closed(conn.0));
    world.pass(200);
    assert!(world.is_closed(conn.0));
}

#[test]
fn others_wait_for_held_keys_and_only_for_them() {
    let mut world = with_keys();
    for conn in 3..7 {
        world.connect(conn);
    }
    migrate(&mut world, &["", "0", "1000", "KEYS", "a", "b", "nothing"]);
    let conn = accept(&mut world);
    assert_eq!(world.run_on(2, &["GET", "c"]), "$8\r\nvalue\u{1} c\r\n");
    assert_eq!(world.run_on(2, &["GET", "a"]), "");
    assert_eq!(world.run_on(3, &["MSET", "b", "1", "d", "1"]), "");
    assert_eq!(world.run_on(4, &["FLUSHALL"]), "");
    assert_eq!(world.run_on(5, &["MULTI"]), OK);
    assert_eq!(world.run_on(5, &["INCR", "a"]), "+QUEUED\r\n");
    assert_eq!(world.run_on(5, &["EXEC"]), "");
    assert_eq!(world.run_on(6, &["SET", "e", "1"]), OK);
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!((world.read(1).as_str(), world.read(2).as_str()), ("", ""));
    answer(&mut world, conn, OK);
    assert_eq!(world.read(1), OK);
    assert_eq!(world.read(2), "$-1\r\n");
    assert_eq!(world.read(3), OK);
    assert_eq!(world.read(4), OK);
    assert_eq!(world.read(5), "*1\r\n:1\r\n");
    assert_eq!(world.run(&["DBSIZE"]), ":1\r\n");
}

#[test]
fn what_is_only_copied_may_be_read() {
    let mut world = with_keys();
    migrate(&mut world, &["a", "0", "1000", "COPY"]);
    let conn = accept(&mut world);
    assert_eq!(world.run_on(2, &["STRLEN", "a"]), ":8\r\n");
    assert_eq!(world.run_on(2, &["DEL", "a"]), "");
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!((world.read(1).as_str(), world.read(2).as_str()), (OK, ":1\r\n"));
}

#[test]
fn what_the_target_refused_stays() {
    let mut world = with_keys();
    migrate(&mut world, &["", "3", "1000", "AUTH2", "u", "p", "KEYS", "a", "b", "c"]);
    let conn = accept(&mut world);
    assert_eq!(sent(&mut world, conn)[..5], ["AUTH", "u", "p", "SELECT", "3"]);
    answer(&mut world, conn, "+OK\r\n+OK\r\n+OK\r\n-BUSYKEY Target key name already exists.\r\n");
    answer(&mut world, conn, "+OK\r\n");
    let text = "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n";
    assert_eq!(world.read(1), text);
    assert_eq!(world.run(&["EXISTS", "a", "b", "c"]), ":1\r\n");
    // The database is asked for again.
    migrate(&mut world, &["b", "3", "1000"]);
    assert_eq!(sent(&mut world, conn)[..2], ["SELECT", "3"]);
    answer(&mut world, conn, "-ERR DB index is out of range\r\n-ERR no\r\n");
    assert_eq!(world.read(1), "-ERR Target instance replied with error: ERR DB index is out of range\r\n");
    assert_eq!(world.run(&["EXISTS", "b"]), ":1\r\n");
}

#[test]
fn a_silent_target_takes_nothing() {
    let mut world = with_keys();
    migrate(&mut world, &["a", "0", "500"]);
    world.pass(501);
    assert_eq!(world.read(1), "-IOERR error or timeout connecting to the client\r\n");
    migrate(&mut world, &["", "0", "500", "KEYS", "a", "b"]);
    asked(&mut world);
    let conn = accept(&mut world);
    sent(&mut world, conn);
    world.pass(400);
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    world.pass(400);
    assert_eq!(world.read(1), "");
    world.pass(200);
    assert_eq!(world.read(1), "-IOERR error or timeout reading to target instance\r\n");
    assert!(world.is_closed(conn.0));
    assert_eq!(world.run(&["EXISTS", "a", "b"]), ":1\r\n");
    assert_eq!(world.run(&["EXISTS", "b"]), ":1\r\n");
}

#[test]
fn a_dead_link_is_replaced_once() {
    let mut world = with_keys();
    migrate(&mut world, &["a", "0", "500"]);
    for _ in 0..2 {
        let conn = accept(&mut world);
        sent(&mut world, conn);
        assert_eq!(world.read(1), "");
        world.node.handle_closed(world.now, conn);
        world.turn();
    }
    assert_eq!(world.read(1), "-IOERR error or timeout reading to target instance\r\n");
    assert!(asked(&mut world).is_none());
    migrate(&mut world, &["a", "0", "500"]);
    let (conn, ..) = asked(&mut world).unwrap();
    world.node.handle_connected(world.now, conn, Err("Connection refused".into()));
    world.turn();
    assert_eq!(world.read(1), "-IOERR error or timeout writing to target instance\r\n");
    assert_eq!(world.run(&["EXISTS", "a"]), ":1\r\n");
}

#[test]
fn who_is_no_redis_gets_no_keys() {
    for nonsense in ["HTTP/1.1 400 Bad Request\r\n", "\r\n", "$5\r\nhello\r\n", "+OK\r\n+OK\r\n+OK\r\n"] {
        let mut world = with_keys();
        migrate(&mut world, &["a", "0", "500"]);
        let conn = accept(&mut world);
        sent(&mut world, conn);
        answer(&mut world, conn, nonsense);
        assert!(world.is_closed(conn.0), "{nonsense}");
        let taken = nonsense.starts_with('+');
        let expected = if taken { OK } else { "-IOERR error or timeout reading to target instance\r\n" };
        assert_eq!(world.read(1), expected);
        assert_eq!(world.run(&["EXISTS", "a"]), format!(":{}\r\n", u8::from(!taken)));
    }
}

#[test]
fn arguments_are_judged_as_redis_does() {
    let mut world = with_keys();
    for (rest, expected) in [
        (&["nothing", "0", "10"][..], "+NOKEY\r\n"),
        (&["", "0", "10", "KEYS"], "+NOKEY\r\n"),
        (
            &["a", "0", "10", "KEYS", "a"],
            "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n",
        ),
        (&["a", "0", "10", "AUTH"], "-ERR syntax error\r\n"),
        (&["a", "0", "10", "AUTH2", "u"], "-ERR syntax error\r\n"),
        (&["a", "0", "10", "COPIED"], "-ERR syntax error\r\n"),
        (&["a", "x", "10"], "-ERR value is not an integer or out of range\r\n"),
        (&["a", "0", "1.5"], "-ERR value is not an integer or out of range\r\n"),
    ] {
        assert_eq!(migrate(&mut world, rest), expected, "{rest:?}");
    }
    assert_eq!(
        world.run(&["MIGRATE", "", "x", "a", "0", "1"]),
        "-IOERR error or timeout connecting to the client\r\n"
    );
}

#[test]
fn what_is_left_behind_expires() {
    let mut world = with_keys();
    world.run(&["PEXPIRE", "a", "50"]);
    migrate(&mut world, &["", "0", "500", "KEYS", "a", "b"]);
    world.now.unix = UnixMillis(world.now.unix.0 + 60);
    let conn = accept(&mut world);
    let words = sent(&mut world, conn);
    assert_eq!(words[2..4], ["RESTORE", "b"]);
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!(world.read(1), OK);
    assert_eq!(world.run(&["EXISTS", "a", "b"]), ":0\r\n");
}

#[test]
fn a_client_that_left_changes_nothing() {
    let mut world = with_keys();
    migrate(&mut world, &["a", "0", "500"]);
    let conn = accept(&mut world);
    world.node.handle_closed(world.now, ConnId(1));
    world.turn();
    sent(&mut world, conn);
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!(world.run_on(2, &["EXISTS", "a"]), ":0\r\n");
}

#[test]
fn a_node_that_becomes_a_replica_keeps_what_it_has() {
    let mut world = with_keys();
    migrate(&mut world, &["a", "0", "500"]);
    let conn = accept(&mut world);
    assert_eq!(world.run_on(2, &["REPLICAOF", "10.0.0.1", "1"]), "");
    assert_eq!(world.run_on(2, &["PING"]), "");
    sent(&mut world, conn);
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!((world.read(1).as_str(), world.read(2).as_str()), (OK, "+OK\r\n+PONG\r\n"));
}

#[test]
fn a_transaction_goes_on_behind_its_migrate() {
    let mut world = with_keys();
    world.connect(3);
    world.run(&["MULTI"]);
    world.run(&["SET", "x", "1"]);
    migrate(&mut world, &["", "0", "500", "KEYS", "a", "b"]);
    migrate(&mut world, &["c", "0", "500", "COPY"]);
    world.run(&["EXISTS", "a", "b", "c"]);
    assert_eq!(world.run(&["EXEC"]), "*4\r\n+OK\r\n");
    let conn = accept(&mut world);
    sent(&mut world, conn);
    // Nobody is between a transaction's commands.
    assert_eq!(world.run_on(2, &["PING"]), "");
    assert_eq!(world.run_on(3, &["GET", "x"]), "");
    world.pass(100);
    let next = answer(&mut world, conn, "+OK\r\n+OK\r\n-OOM no\r\n");
    assert_eq!(world.read(1), "-ERR Target instance replied with error: OOM no\r\n");
    assert_eq!(world.read(2), "");
    assert_eq!(next[..4], ["SELECT", "0", "RESTORE", "c"]);
    // The client leaves: its transaction ends all the same.
    world.node.handle_closed(world.now, ConnId(1));
    world.turn();
    answer(&mut world, conn, "+OK\r\n+OK\r\n");
    assert_eq!(world.read(2), "+PONG\r\n");
    assert_eq!(world.read(3), "$1\r\n1\r\n");
    assert_eq!(world.run_on(2, &["EXISTS", "a", "b", "c", "x"]), ":3\r\n");
    assert!(world.run_on(2, &["CLIENT", "LIST"]).matches(" addr=").count() == 2);
    let stats = world.run_on(2, &["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_exec:calls=1") && stats.contains("cmdstat_migrate:calls=2"), "{stats}");
}
