//! Who waits for keys: order, every way to be woken, every way to give up.

use crate::tests::World;

fn world(clients: u64) -> World {
    let mut world = World::new();
    (2..=clients).for_each(|conn| world.connect(conn));
    world
}

fn popped(key: &str, element: &str) -> String {
    format!("*2\r\n${}\r\n{key}\r\n${}\r\n{element}\r\n", key.len(), element.len())
}

#[test]
fn served_in_the_order_of_blocking() {
    let mut world = world(4);
    for conn in [3, 2, 4] {
        assert_eq!(world.run_on(conn, &["BLPOP", "a", "b", "0"]), "");
    }
    assert!(world.run(&["INFO", "clients"]).contains("blocked_clients:3\r\n"));
    assert!(world.run(&["INFO", "clients"]).contains("total_blocking_keys:2\r\n"));
    assert_eq!(world.run(&["RPUSH", "b", "1", "2"]), ":2\r\n");
    assert_eq!(world.read(3), popped("b", "1"));
    assert_eq!(world.read(2), popped("b", "2"));
    assert_eq!(world.read(4), "");
    assert_eq!(world.run(&["EXISTS", "b"]), ":0\r\n");
    assert_eq!(world.run(&["LPUSH", "a", "x"]), ":1\r\n");
    assert_eq!(world.read(4), popped("a", "x"));
    assert!(world.run(&["INFO", "clients"]).contains("total_blocking_keys:0\r\n"));
    assert!(world.run(&["INFO", "commandstats"]).contains("cmdstat_blpop:calls=3,"));
}

#[test]
fn what_was_pipelined_runs_afterwards() {
    let mut world = world(2);
    let bytes = b"*3\r\n$5\r\nBLPOP\r\n$1\r\na\r\n$1\r\n0\r\n*1\r\n$4\r\nPING\r\n";
    assert_eq!(world.send(2, bytes), "");
    world.run(&["RPUSH", "a", "1"]);
    assert_eq!(world.read(2), popped("a", "1") + "+PONG\r\n");
}

#[test]
fn the_request_that_waits_counts_for_its_client() {
    let mut world = world(2);
    let memory = |world: &mut World| -> usize {
        let lines = world.run(&["CLIENT", "LIST", "ID", "2"]);
        let field = lines.split(' ').find_map(|field| field.strip_prefix("tot-mem="));
        field.and_then(|bytes| bytes.parse().ok()).expect("tot-mem")
    };
    let key = "k".repeat(100_000);
    world.run_on(2, &["BLPOP", &key, "0"]);
    let waiting = memory(&mut world);
    world.run(&["RPUSH", &key, "1"]);
    world.read(2);
    let after = memory(&mut world);
    assert!(waiting > after + 300_000, "{waiting} waiting, {after} after");
}

#[test]
fn a_chain_of_moves_is_followed_to_its_end() {
    let mut world = world(4);
    world.run_on(2, &["BLMOVE", "a", "b", "LEFT", "RIGHT", "0"]);
    world.run_on(3, &["BRPOPLPUSH", "b", "c", "0"]);
    world.run_on(4, &["BLMPOP", "0", "2", "x", "c", "LEFT", "COUNT", "9"]);
    world.run(&["RPUSH", "a", "e"]);
    assert_eq!(world.read(2), "$1\r\ne\r\n");
    assert_eq!(world.read(3), "$1\r\ne\r\n");
    assert_eq!(world.read(4), "*2\r\n$1\r\nc\r\n*1\r\n$1\r\ne\r\n");
    assert_eq!(world.run(&["DBSIZE"]), ":0\r\n");
}

#[test]
fn every_way_for_a_key_to_come() {
    let ways: [(&[&[&str]], &str); 7] = [
        (&[&["RPUSH", "x", "1"], &["RENAME", "x", "a"]], "rename"),
        (&[&["RPUSH", "x", "1"], &["COPY", "x", "a"]], "copy"),
        (&[&["SELECT", "1"], &["RPUSH", "a", "1"], &["MOVE", "a", "0"]], "move"),
        (&[&["SELECT", "1"], &["RPUSH", "a", "1"], &["SWAPDB", "0", "1"]], "swapdb"),
        (&[&["MULTI"], &["RPUSH", "a", "1"], &["EXEC"]], "exec"),
        (&[&["RPUSH", "x", "1"], &["LMOVE", "x", "a", "LEFT", "LEFT"]], "lmove"),
        (&[&["SET", "a", "s"], &["DEL", "a"], &["LPUSH", "a", "1"]], "after another type"),
    ];
    for (commands, name) in ways {
        let mut world = world(2);
        world.run_on(2, &["BLPOP", "a", "0"]);
        for command in commands {
            assert_eq!(world.read(2), "", "{name} too early");
            world.run(command);
        }
        assert_eq!(world.read(2), popped("a", "1"), "{name}");
    }
}

#[test]
fn a_transaction_that_takes_back_what_it_gave_wakes_nobody() {
    let mut world = world(2);
    world.run_on(2, &["BLPOP", "a", "0"]);
    for command in [&["MULTI"][..], &["LPUSH", "a", "1"], &["DEL", "a"], &["EXEC"]] {
        world.run(command);
    }
    assert_eq!(world.read(2), "");
    for command in [&["MULTI"][..], &["LPUSH", "a", "1"], &["LPUSH", "a", "2"], &["EXEC"]] {
        world.run(command);
    }
    assert_eq!(world.read(2), popped("a", "2"), "served after the whole transaction");
}

#[test]
fn nobody_waits_inside_a_transaction() {
    let mut world = World::new();
    world.run(&["MULTI"]);
    world.run(&["BLPOP", "a", "0"]);
    world.run(&["BLMOVE", "a", "b", "LEFT", "LEFT", "0"]);
    assert_eq!(world.run(&["EXEC"]), "*2\r\n*-1\r\n$-1\r\n");
}

#[test]
fn time_runs_out() {
    let mut world = world(2);
    world.run_on(2, &["BLPOP", "a", "b", "1"]);
    world.pass(990);
    assert_eq!(world.read(2), "");
    world.pass(20);
    assert_eq!(world.read(2), "*-1\r\n");
    assert!(world.run(&["INFO", "commandstats"]).contains("cmdstat_blpop:calls=1,"));
    world.run(&["RPUSH", "b", "1"]);
    assert_eq!(world.read(2), "", "it waits no longer");
}

#[test]
fn refused_by_the_checklist_when_tried_again() {
    let mut world = world(2);
    world.run_on(2, &["BRPOPLPUSH", "a", "target", "0"]);
    world.run(&["SET", "target", "string"]);
    world.run(&["RPUSH", "a", "1"]);
    assert!(world.read(2).starts_with("-WRONGTYPE"));
    assert_eq!(world.run(&["LLEN", "a"]), ":1\r\n");
}

#[test]
fn unblocked_killed_and_gone() {
    let mut world = world(4);
    for conn in 2..=4 {
        world.run_on(conn, &["BLPOP", "a", "0"]);
    }
    assert_eq!(world.run(&["CLIENT", "UNBLOCK", "2"]), ":1\r\n");
    assert_eq!(world.read(2), "*-1\r\n");
    assert_eq!(world.run(&["CLIENT", "UNBLOCK", "3", "ERROR"]), ":1\r\n");
    assert_eq!(world.read(3), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_eq!(world.run(&["CLIENT", "KILL", "ID", "4"]), ":1\r\n");
    assert!(world.is_closed(4) && world.node.blocked.is_empty());
    assert_eq!(world.run(&["RPUSH", "a", "1"]), ":1\r\n");
    assert_eq!(world.run(&["LLEN", "a"]), ":1\r\n");
}

#[test]
fn a_replica_lets_nobody_wait() {
    let mut world = world(2);
    world.run_on(2, &["BLPOP", "a", "0"]);
    world.run(&["REPLICAOF", "10.0.0.1", "6379"]);
    assert!(world.read(2).starts_with("-UNBLOCKED force unblock"));
    assert!(world.is_closed(2));
}

#[test]
fn a_pause_holds_who_would_write() {
    let mut world = world(3);
    world.run_on(2, &["BLPOP", "a", "0"]);
    for command in [&["MULTI"][..], &["RPUSH", "a", "1"], &["CLIENT", "PAUSE", "100", "WRITE"], &["EXEC"]] {
        world.run_on(3, command);
    }
    assert_eq!(world.read(2), "");
    world.pass(110);
    assert_eq!(world.read(2), popped("a", "1"));
}

#[test]
fn replies_stay_off() {
    let mut world = world(2);
    world.run_on(2, &["CLIENT", "REPLY", "SKIP"]);
    world.run_on(2, &["BLPOP", "a", "0"]);
    world.run(&["RPUSH", "a", "1"]);
    assert_eq!(world.read(2), "");
    assert_eq!(world.run_on(2, &["PING"]), "+PONG\r\n");
    assert_eq!(world.run(&["EXISTS", "a"]), ":0\r\n");
}

fn entries(key: &str, entries: &[&str]) -> String {
    let mut text = format!("*1\r\n*2\r\n${}\r\n{key}\r\n*{}\r\n", key.len(), entries.len());
    for id in entries {
        text += &format!("*2\r\n${}\r\n{id}\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", id.len());
    }
    text
}

#[test]
fn readers_of_a_stream_are_all_served() {
    let mut world = world(4);
    world.run(&["XADD", "s", "5-0", "a", "b"]);
    // What `$` meant when they began to wait is what it means when they are tried again.
    for conn in [2, 3] {
        assert_eq!(world.run_on(conn, &["XREAD", "BLOCK", "0", "STREAMS", "x", "s", "$", "$"]), "");
    }
    assert_eq!(world.run_on(4, &["XREAD", "BLOCK", "0", "STREAMS", "s", "7-0"]), "");
    world.run(&["XADD", "s", "6-0", "a", "b"]);
    assert_eq!(world.read(2), entries("s", &["6-0"]));
    assert_eq!(world.read(3), entries("s", &["6-0"]));
    assert_eq!(world.read(4), "", "not behind its id yet");
    for command in
        [&["MULTI"][..], &["XADD", "s", "7-0", "a", "b"], &["XADD", "s", "8-0", "a", "b"], &["EXEC"]]
    {
        world.run(command);
    }
    assert_eq!(world.read(4), entries("s", &["8-0"]));
}

#[test]
fn readers_in_a_group_share_and_learn_of_its_end() {
    let ends: [(&[&str], &str); 4] = [
        (&["XGROUP", "DESTROY", "s", "g"], "-NOGROUP No such key 's' or consumer group 'g'"),
        (&["DEL", "s"], "-NOGROUP No such key 's' or consumer group 'g'"),
        (&["FLUSHALL"], "-NOGROUP No such key 's' or consumer group 'g'"),
        (&["SET", "s", "string"], "-WRONGTYPE"),
    ];
    for (end, error) in ends {
        let mut world = world(3);
        world.run(&["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"]);
        for (conn, consumer) in [(2, "alice"), (3, "bob")] {
            let reading =
                ["XREADGROUP", "GROUP", "g", consumer, "COUNT", "1", "BLOCK", "0", "STREAMS", "s", ">"];
            assert_eq!(world.run_on(conn, &reading), "");
        }
        assert!(world.run(&["XINFO", "CONSUMERS", "s", "g"]).starts_with("*2\r\n"), "both are known");
        world.run(&["XADD", "s", "1-0", "a", "b"]);
        assert_eq!(world.read(2), entries("s", &["1-0"]));
        assert_eq!(world.read(3), "", "there was one entry");
        assert_eq!(world.run(&["XACK", "s", "g", "1-0"]), ":1\r\n");
        world.run(end);
        let reply = world.read(3);
        assert!(reply.starts_with(error), "{end:?}: {reply}");
    }
}
