//! `kill -9` again and again while clients write and the log is rewritten.
//!
//! Model: each writer appends to a history of its own: value `i` goes to key `w<writer>:<i>` together with a counter, in
//! one transaction. A history is a prefix of what was sent, whatever the moment of the kill, and it holds everything
//! that was acknowledged, whatever `appendfsync`: a reply leaves when the system has the record at least.

use client::Connection;
use grapevine_testkit::{Kind, Server, reserve, wait_for};
use resp::Value;
use std::sync::mpsc::{Receiver, Sender, channel};

const WRITERS: usize = 3;
const KILLS: u64 = 10;
/// Acknowledgements between two kills, at least; the exact number differs from round to round.
const ACKNOWLEDGED: u64 = 60;

/// How far one writer came: sent and acknowledged.
#[derive(Clone, Copy, Default)]
struct Progress {
    sent: u64,
    acknowledged: u64,
}

/// Writes from `from` on until the server is gone; tells of each acknowledgement.
fn write(mut connection: Connection, writer: usize, from: u64, told: &Sender<()>) -> Progress {
    let mut progress = Progress { sent: from, acknowledged: from };
    loop {
        let next = progress.sent + 1;
        let key = format!("w{writer}:{next}");
        let value = "v".repeat(next as usize % 700);
        progress.sent = next;
        let replies = connection.pipeline(&[
            vec!["MULTI".to_string()],
            vec!["SET".into(), key, value],
            vec!["INCR".into(), format!("count{writer}")],
            vec!["EXEC".into()],
        ]);
        match replies.as_deref() {
            Ok([.., Value::Array(done)]) if done.len() == 2 => {
                assert_eq!(done[1], Value::Int(next as i64), "writer {writer}");
                progress.acknowledged = next;
                let _ = told.send(());
            }
            Ok(other) => panic!("writer {writer}: {other:?}"),
            Err(_) => return progress,
        }
    }
}

/// Takes so many acknowledgements; fewer only if the writers are gone.
fn await_acknowledgements(told: &Receiver<()>, count: u64) {
    told.iter().take(count as usize).for_each(drop);
}

/// What a writer's history holds: its length, after a look at whether nothing of it is missing.
fn history(connection: &mut Connection, writer: usize, sent: u64) -> u64 {
    let count = match connection.call(&["GET", &format!("count{writer}")]).expect("GET") {
        Value::Bulk(text) => String::from_utf8_lossy(&text).parse().expect("a number"),
        _ => 0,
    };
    let keys: Vec<Vec<String>> =
        (1..=sent).map(|i| vec!["STRLEN".to_string(), format!("w{writer}:{i}")]).collect();
    let lengths = connection.pipeline(&keys).expect("STRLEN");
    for (i, length) in (1..=sent).zip(lengths) {
        let expected = if i <= count { i as i64 % 700 } else { 0 };
        assert_eq!(length, Value::Int(expected), "writer {writer}, entry {i} of {count}");
    }
    count
}

fn kill_again_and_again(policy: &str) {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0))
        .with("appendonly", "yes")
        .with("appendfsync", policy)
        .with("auto-aof-rewrite-percentage", "0")
        .start();
    let mut progress = [Progress::default(); WRITERS];
    for round in 0..KILLS {
        let (tell, told) = channel();
        progress = std::thread::scope(|scope| {
            let writers: Vec<_> = progress
                .iter()
                .enumerate()
                .map(|(writer, before)| {
                    let (connection, tell, from) = (server.client(), tell.clone(), before.sent);
                    scope.spawn(move || write(connection, writer, from, &tell))
                })
                .collect();
            drop(tell);
            await_acknowledgements(&told, ACKNOWLEDGED / 2 + round * 7);
            if round % 2 == 1 {
                assert!(server.text(&["BGREWRITEAOF"]).contains("rewriting"));
            }
            await_acknowledgements(&told, ACKNOWLEDGED / 2 + round * 3 % 11);
            server.kill();
            let ends: Vec<Progress> = writers.into_iter().map(|w| w.join().expect("a writer")).collect();
            std::array::from_fn(|i| ends[i])
        });
        server.start();
        let mut connection = server.client();
        for (writer, progress) in progress.iter_mut().enumerate() {
            let found = history(&mut connection, writer, progress.sent);
            assert!(found <= progress.sent);
            assert!(
                found >= progress.acknowledged,
                "round {round}, writer {writer}: {found} of {} acknowledged",
                progress.acknowledged
            );
            *progress = Progress { sent: found, acknowledged: found };
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn nothing_acknowledged_under_always_is_lost() {
    kill_again_and_again("always");
}

#[test]
fn nothing_acknowledged_under_everysec_is_lost() {
    kill_again_and_again("everysec");
}

#[test]
fn nothing_acknowledged_without_syncs_is_lost() {
    kill_again_and_again("no");
}

/// SIGTERM in the middle of writes: every acknowledged write is there afterwards, whatever keeps the data.
#[test]
fn a_shutdown_under_load_keeps_what_was_acknowledged() {
    for (append_only, save) in [("no", "3600 1"), ("yes", "")] {
        let ports = reserve();
        let mut server = Server::build(Kind::Grapevine, ports.port(0))
            .with("appendonly", append_only)
            .with("save", save)
            .start();
        let (tell, told) = channel();
        let mut connections: Vec<Connection> = (0..WRITERS).map(|_| server.client()).collect();
        let ends: Vec<Progress> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .rev()
                .filter_map(|writer| Some((writer, connections.pop()?, tell.clone())))
                .map(|(writer, connection, tell)| scope.spawn(move || write(connection, writer, 0, &tell)))
                .collect();
            drop(tell);
            await_acknowledgements(&told, 200);
            assert_eq!(server.terminate(), Some(0));
            writers.into_iter().rev().map(|w| w.join().expect("a writer")).collect()
        });
        server.start();
        let mut connection = server.client();
        for (writer, end) in ends.iter().enumerate() {
            let found = history(&mut connection, writer, end.sent);
            assert!(found >= end.acknowledged, "{found} of {}", end.acknowledged);
        }
    }
}

/// A background save under load is one moment of every history, and redis-server 7.0.15 reads it.
#[test]
fn a_background_save_under_load_is_a_moment_that_redis_reads() {
    let ports = reserve();
    let mut server = Server::build(Kind::Grapevine, ports.port(0)).start();
    let (tell, told) = channel();
    let mut connections: Vec<Connection> = (0..WRITERS).map(|_| server.client()).collect();
    let ends: Vec<Progress> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .rev()
            .filter_map(|writer| Some((writer, connections.pop()?, tell.clone())))
            .map(|(writer, connection, tell)| scope.spawn(move || write(connection, writer, 0, &tell)))
            .collect();
        drop(tell);
        await_acknowledgements(&told, 300);
        assert_eq!(server.text(&["BGSAVE"]), "Background saving started");
        await_acknowledgements(&told, 100);
        wait_for("the background save ends", || {
            server.info("rdb_bgsave_in_progress").as_deref() == Some("0")
        });
        server.kill();
        writers.into_iter().rev().map(|w| w.join().expect("a writer")).collect()
    });
    server.start();
    let digest = server.text(&["DEBUG", "DIGEST"]);
    let redis = Server::build(Kind::Redis, ports.port(1)).folder(server.folder()).start();
    assert_eq!(redis.text(&["DEBUG", "DIGEST"]), digest);
    let mut connection = redis.client();
    let found: Vec<u64> =
        ends.iter().enumerate().map(|(writer, end)| history(&mut connection, writer, end.sent)).collect();
    assert!(found.iter().sum::<u64>() >= 300, "{found:?}");
}
