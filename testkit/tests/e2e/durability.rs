//! What was acknowledged under `appendfsync always` is there after `kill -9`; RDB and AOF files pass between
//! Grapevine and redis-server 7.0.15 in both directions.

use grapevine_testkit::{Folder, Kind, Server, reserve, wait_for};

fn fill(server: &Server) {
    let mut client = server.client();
    for i in 0..1000 {
        client
            .call(&["SET", &format!("key:{i}"), &format!("value {i} {}", "abc".repeat(i % 50))])
            .expect("SET");
    }
    client.call(&["SET", "counter", "41"]).expect("SET");
    client.call(&["INCR", "counter"]).expect("INCR");
    client.call(&["SET", "mortal", "x", "PX", "100000000"]).expect("SET");
    client.call(&["DEL", "key:7"]).expect("DEL");
    client.call(&["SELECT", "3"]).expect("SELECT");
    client.call(&["SET", "elsewhere", "yes"]).expect("SET");
}

#[test]
fn an_append_only_node_that_is_killed_comes_back_with_its_data() {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0))
        .with("appendonly", "yes")
        .with("appendfsync", "always")
        .start();
    fill(&server);
    let digest = server.text(&["DEBUG", "DIGEST"]);
    server.kill();
    server.start();
    assert_eq!(server.text(&["DEBUG", "DIGEST"]), digest);
    assert_eq!(server.text(&["GET", "counter"]), "42");
    server.command(&["SET", "again", "1"]);
    server.kill();
    server.start();
    assert_eq!(server.text(&["GET", "again"]), "1");
}

#[test]
fn a_torn_tail_is_cut_off_with_a_message() {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0)).with("appendonly", "yes").start();
    server.command(&["SET", "a", "1"]);
    server.command(&["SET", "b", "2"]);
    assert_eq!(server.terminate(), Some(0));
    let folder = server.folder().join("appendonlydir");
    let incr = std::fs::read_dir(&folder)
        .expect("the folder of the append-only files")
        .flatten()
        .map(|e| e.path())
        .find(|p| p.to_string_lossy().ends_with(".incr.aof"))
        .expect("an increment file");
    let bytes = std::fs::read(&incr).expect("its bytes");
    std::fs::write(&incr, &bytes[..bytes.len() - 3]).expect("a torn tail");
    server.start();
    assert_eq!(server.text(&["GET", "a"]), "1");
    assert_eq!(server.text(&["GET", "b"]), "(nil)");
    server.command(&["SET", "c", "3"]);
    assert_eq!(server.terminate(), Some(0));
    server.start();
    assert_eq!(server.text(&["GET", "c"]), "3");
}

/// One program writes, the other reads the same folder.
fn hand_over(writer: Kind, reader: Kind, append_only: bool) {
    let (ports, folder) = (reserve(), Folder::new());
    let build = |kind| {
        let builder = Server::build(kind, ports.port(0)).folder(folder.path());
        if append_only { builder.with("appendonly", "yes") } else { builder }
    };
    let mut server = build(writer).start();
    fill(&server);
    let digest = server.text(&["DEBUG", "DIGEST"]);
    if append_only {
        assert_eq!(server.terminate(), Some(0));
    } else {
        assert_eq!(server.text(&["SAVE"]), "OK");
        server.kill();
    }
    let other = build(reader).start();
    assert_eq!(other.text(&["DEBUG", "DIGEST"]), digest, "{writer:?} to {reader:?}");
    assert_eq!(other.text(&["DBSIZE"]), "1001");
}

#[test]
fn rdb_from_grapevine_to_redis() {
    hand_over(Kind::Grapevine, Kind::Redis, false);
}

#[test]
fn rdb_from_redis_to_grapevine() {
    hand_over(Kind::Redis, Kind::Grapevine, false);
}

#[test]
fn aof_from_grapevine_to_redis() {
    hand_over(Kind::Grapevine, Kind::Redis, true);
}

#[test]
fn aof_from_redis_to_grapevine() {
    hand_over(Kind::Redis, Kind::Grapevine, true);
}

#[test]
fn background_save_and_clean_shutdown() {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0)).with("save", "3600 1").start();
    fill(&server);
    assert_eq!(server.text(&["BGSAVE"]), "Background saving started");
    wait_for("the background save ends", || server.info("rdb_bgsave_in_progress").as_deref() == Some("0"));
    assert_eq!(server.info("rdb_last_bgsave_status").as_deref(), Some("ok"));
    server.command(&["SET", "late", "1"]);
    assert_eq!(server.terminate(), Some(0));
    assert!(server.log().contains("bye bye"), "{}", server.log());
    server.start();
    assert_eq!(server.text(&["GET", "late"]), "1");
    assert_eq!(server.text(&["GET", "counter"]), "42");
}

/// `appendonly yes` while a BGSAVE runs: nothing is written to an AOF before its own base is.
#[test]
fn an_aof_switched_on_during_a_save_begins_after_it() {
    let ports = reserve();
    for kind in [Kind::Grapevine, Kind::Redis] {
        let mut server = Server::build(kind, ports.port(0)).with("appendfsync", "always").start();
        for i in 0..100 {
            server.command(&["SET", &format!("key:{i}"), "x"]);
        }
        server.command(&["CONFIG", "SET", "rdb-key-save-delay", "10000"]);
        server.command(&["BGSAVE"]);
        assert_eq!(server.text(&["CONFIG", "SET", "appendonly", "yes"]), "OK", "{kind:?}");
        assert_eq!(server.info("aof_rewrite_scheduled").as_deref(), Some("1"), "{kind:?}");
        assert_eq!(server.info("rdb_bgsave_in_progress").as_deref(), Some("1"), "{kind:?}");
        server.command(&["SET", "during", "save"]);
        assert!(!server.folder().join("appendonlydir/appendonly.aof.manifest").exists(), "{kind:?}");
        server.command(&["CONFIG", "SET", "rdb-key-save-delay", "0"]);
        wait_for("the rewrite is done", || {
            server.info("aof_rewrite_scheduled").as_deref() == Some("0")
                && server.info("aof_rewrite_in_progress").as_deref() == Some("0")
        });
        server.command(&["SET", "after", "rewrite"]);
        server.kill();
        let again =
            Server::build(kind, ports.port(1)).folder(server.folder()).with("appendonly", "yes").start();
        assert_eq!(
            (again.text(&["GET", "during"]), again.text(&["GET", "after"])),
            ("save".into(), "rewrite".into())
        );
        assert_eq!(again.text(&["DBSIZE"]), "102", "{kind:?}");
    }
}
