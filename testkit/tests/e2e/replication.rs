//! Replication to and from redis-server 7.0.15: full sync, partial resync, promotion, and what cannot be stored.

use grapevine_testkit::{Kind, Ports, Server, reserve, wait_for};

fn pair(master: Kind, replica: Kind) -> (Server, Server, Ports) {
    let ports = reserve();
    let master = Server::build(master, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
    let replica = Server::build(replica, ports.port(1)).start();
    (master, replica, ports)
}

fn follow(replica: &Server, master: &Server) {
    assert_eq!(replica.text(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]), "OK");
    wait_for("the link is up", || replica.info("master_link_status").as_deref() == Some("up"));
}

fn same_offset(a: &Server, b: &Server) {
    wait_for("both have the same offset", || a.info("master_repl_offset") == b.info("master_repl_offset"));
}

fn full_then_partial(master: Kind, replica: Kind) {
    let (mut master, replica, _ports) = pair(master, replica);
    for i in 0..500 {
        master.command(&["SET", &format!("before:{i}"), &"x".repeat(i)]);
    }
    master.command(&["SET", "number", "12345"]);
    master.command(&["SET", "mortal", "soon", "EX", "1000"]);
    follow(&replica, &master);
    master.command(&["INCR", "number"]);
    master.command(&["APPEND", "before:3", "yz"]);
    same_offset(&master, &replica);
    assert_eq!(replica.text(&["GET", "number"]), "12346");
    assert_eq!(replica.text(&["GET", "before:3"]), "xxxyz");
    assert_eq!(replica.text(&["DBSIZE"]), "502");
    let ttl: i64 = replica.text(&["TTL", "mortal"]).parse().expect("a number");
    assert!((1..=1000).contains(&ttl));
    assert_eq!(master.text(&["DEBUG", "DIGEST"]), replica.text(&["DEBUG", "DIGEST"]));
    assert!(replica.text(&["SET", "a", "b"]).starts_with("READONLY"));

    // A cut link: the replica continues where it was.
    master.command(&["CLIENT", "KILL", "TYPE", "replica"]);
    master.command(&["SET", "after", "cut"]);
    wait_for("the replica is back", || replica.text(&["GET", "after"]) == "cut");
    assert_eq!(master.info("sync_partial_ok").as_deref(), Some("1"));
    assert_eq!(master.info("sync_full").as_deref(), Some("1"));
    master.command(&["CONFIG", "RESETSTAT"]);
    assert_eq!(master.info("sync_partial_ok").as_deref(), Some("0"));

    // Promotion: the replica goes on with the history of its master as the second id.
    let old = master.info("master_replid");
    master.kill();
    assert_eq!(replica.text(&["REPLICAOF", "NO", "ONE"]), "OK");
    assert_eq!(replica.info("role").as_deref(), Some("master"));
    assert_eq!(replica.info("master_replid2"), old);
    assert_eq!(replica.text(&["SET", "a", "b"]), "OK");
}

#[test]
fn grapevine_follows_redis() {
    full_then_partial(Kind::Redis, Kind::Grapevine);
}

#[test]
fn redis_follows_grapevine() {
    full_then_partial(Kind::Grapevine, Kind::Redis);
}

#[test]
fn grapevine_follows_grapevine() {
    full_then_partial(Kind::Grapevine, Kind::Grapevine);
}

#[test]
fn siblings_of_a_promoted_replica_continue_without_a_full_sync() {
    for heir_kind in [Kind::Grapevine, Kind::Redis] {
        let ports = reserve();
        let mut master =
            Server::build(Kind::Grapevine, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
        let heir = Server::build(heir_kind, ports.port(1)).start();
        let sibling = Server::build(Kind::Grapevine, ports.port(2)).start();
        master.command(&["SET", "a", "1"]);
        follow(&heir, &master);
        follow(&sibling, &master);
        master.command(&["SET", "b", "2"]);
        same_offset(&master, &heir);
        same_offset(&master, &sibling);
        master.kill();
        assert_eq!(heir.text(&["REPLICAOF", "NO", "ONE"]), "OK");
        follow(&sibling, &heir);
        heir.command(&["SET", "c", "3"]);
        wait_for("the sibling has the new write", || sibling.text(&["GET", "c"]) == "3");
        assert_eq!(heir.info("sync_full").as_deref(), Some("0"), "{heir_kind:?}");
        assert_eq!(heir.info("sync_partial_ok").as_deref(), Some("1"), "{heir_kind:?}");
    }
}

#[test]
fn a_library_from_a_real_master_is_taken() {
    let (master, replica, _ports) = pair(Kind::Redis, Kind::Grapevine);
    master.command(&[
        "FUNCTION",
        "LOAD",
        "#!lua name=shopping\nredis.register_function{function_name='f', callback=function() return 'hi' end, \
         flags={'no-writes'}}",
    ]);
    assert_eq!(replica.text(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]), "OK");
    wait_for("the link is up", || replica.info("master_link_status").as_deref() == Some("up"));
    assert_eq!(replica.text(&["FCALL_RO", "f", "0"]), "hi");
}

#[test]
fn replicaof_in_the_file_and_its_older_name() {
    let ports = reserve();
    let master = Server::build(Kind::Grapevine, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
    master.command(&["SET", "a", "1"]);
    let to = format!("127.0.0.1 {}", master.port());
    let replica = Server::build(Kind::Grapevine, ports.port(1)).with("slaveof", &to).start();
    wait_for("it has the data", || replica.text(&["GET", "a"]) == "1");
    let chained = Server::build(Kind::Redis, ports.port(2))
        .with("slaveof", &format!("127.0.0.1 {}", replica.port()))
        .start();
    wait_for("a replica of the replica has it too", || chained.text(&["GET", "a"]) == "1");
    master.command(&["SET", "b", "2"]);
    wait_for("and follows", || chained.text(&["GET", "b"]) == "2");
    assert_eq!(replica.text(&["SLAVEOF", "NO", "ONE"]), "OK");
    assert_eq!(replica.info("role").as_deref(), Some("master"));
}

#[test]
fn passwords_are_used_on_the_link() {
    let ports = reserve();
    let master = Server::build(Kind::Redis, ports.port(0)).with("repl-diskless-sync-delay", "0").start();
    master.command(&["SET", "a", "1"]);
    let replica = Server::build(Kind::Grapevine, ports.port(1)).start();
    master.command(&["CONFIG", "SET", "requirepass", "secret"]);
    assert_eq!(replica.text(&["CONFIG", "SET", "masterauth", "secret"]), "OK");
    follow(&replica, &master);
    assert_eq!(replica.text(&["GET", "a"]), "1");
}

/// CLIENT PAUSE holds our primary's stream as well: it is read, counted, and executed afterwards.
#[test]
fn a_paused_replica_reads_and_does_not_execute() {
    for kind in [Kind::Grapevine, Kind::Redis] {
        let (master, replica, _ports) = pair(Kind::Grapevine, kind);
        follow(&replica, &master);
        master.command(&["SET", "select", "0"]);
        same_offset(&master, &replica);
        replica.command(&["CLIENT", "PAUSE", "100000", "WRITE"]);
        let before = replica.info("slave_repl_offset");
        master.command(&["SET", "a", "b"]);
        wait_for("the stream is read", || {
            replica.info("slave_read_repl_offset") == master.info("master_repl_offset")
        });
        assert_eq!(replica.info("slave_repl_offset"), before, "{kind:?}");
        assert_eq!(replica.info("blocked_clients").as_deref(), Some("1"), "{kind:?}");
        assert_eq!(replica.text(&["GET", "a"]), "(nil)", "{kind:?}");
        replica.command(&["CLIENT", "UNPAUSE"]);
        wait_for("the write is executed", || replica.text(&["GET", "a"]) == "b");
        same_offset(&master, &replica);
    }
}

#[test]
fn a_replica_that_would_be_answered_is_disconnected() {
    let cases: [(&[&str], &[&str]); 6] = [
        (&["SYNC"], &["PING"]),
        (&["SYNC"], &["XINFO", "HELP"]),
        (&["PSYNC", "?", "-1"], &["GET", "foo"]),
        (&["PSYNC", "?", "-1"], &["SLOWLOG", "GET"]),
        (&["PSYNC", "?", "-1"], &["NOSUCH"]),
        (&["PSYNC", "?", "-1"], &["REPLCONF", "capa", "eof"]),
    ];
    let ports = reserve();
    let run = |kind, place| {
        let server = Server::build(kind, ports.port(place)).with("repl-diskless-sync-delay", "0").start();
        let complaints = || {
            let log = server.log();
            let of = |line: &str| {
                let at = line.find("Replica generated").or(line.find("== CRITICAL =="))?;
                // Behind it is the client, which differs.
                Some(line[at..].split(", disconnecting").next().unwrap_or_default().to_owned())
            };
            log.lines().filter_map(of).collect::<Vec<_>>()
        };
        for (i, (sync, request)) in cases.iter().enumerate() {
            let mut replica = server.client();
            replica.send(sync).and_then(|()| replica.flush()).expect("a synchronization");
            // These have no reply, and disturb nobody.
            replica
                .send(&["REPLCONF", "ACK", "0"])
                .and_then(|()| replica.flush())
                .expect("an acknowledgement");
            wait_for("it is a replica", || server.info("connected_slaves").as_deref() == Some("1"));
            replica.send(request).and_then(|()| replica.flush()).expect("a request");
            wait_for("it is disconnected", || server.info("connected_slaves").as_deref() == Some("0"));
            wait_for("that is logged", || {
                complaints().iter().filter(|l| l.starts_with("Replica")).count() > i
            });
        }
        (complaints(), server.info("unexpected_error_replies"))
    };
    assert_eq!(run(Kind::Grapevine, 0), run(Kind::Redis, 1));
}
