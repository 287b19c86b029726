//! I/O threads share the system calls and nothing else: replies stay right and in order, and their number can be changed
//! while clients are at work. `events-per-io-thread 0` has them take part whether it pays or not.

use grapevine_testkit::{Kind, Server, reserve, wait_for};

const CLIENTS: usize = 64;
const ROUNDS: usize = 30;

#[test]
fn many_clients_are_answered_in_order_whatever_the_number_of_threads() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0))
        .with("io-threads", "4")
        .with("events-per-io-thread", "0")
        .start();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
    for round in 0..ROUNDS {
        if let Some(threads) = [(10, "1"), (15, "3"), (20, "2")].iter().find(|(at, _)| *at == round) {
            assert_eq!(server.text(&["CONFIG", "SET", "io-threads", threads.1]), "OK");
        }
        // All requests are on their way before the first reply is read, so that many sockets are ready at once.
        for (index, client) in clients.iter_mut().enumerate() {
            let (key, value) = (format!("k{index}"), "v".repeat(1 + index * round * 50));
            client.send(&["SET", &key, &value]).expect("SET");
            client.send(&["STRLEN", &key]).expect("STRLEN");
            client.send(&["GET", &key]).expect("GET");
            client.flush().expect("the requests");
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let length = 1 + index * round * 50;
            assert!(client.receive().expect("a reply").is_ok());
            assert_eq!(client.receive().expect("a reply").as_int(), Some(length as i64));
            assert_eq!(client.receive().expect("a reply").as_bytes().map(<[u8]>::len), Some(length));
        }
    }
    let count = |field: &str| server.info(field).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    wait_for("reads and writes were shared", || {
        count("io_threaded_reads_processed") > 0 && count("io_threaded_writes_processed") > 0
    });
}

#[test]
fn clients_that_go_away_in_the_middle_disturb_nobody() {
    let ports = reserve();
    let server = Server::build(Kind::Grapevine, ports.port(0))
        .with("io-threads", "4")
        .with("events-per-io-thread", "0")
        .start();
    for _ in 0..5 {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        for client in &mut clients {
            client.send(&["INCR", "n"]).expect("INCR");
            client.flush().expect("the request");
        }
        // Half of them never read their reply.
        clients.truncate(CLIENTS / 2);
        for client in &mut clients {
            assert!(client.receive().expect("a reply").as_int().is_some());
        }
        let killed = server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).as_int();
        assert!(killed.is_some_and(|n| n >= CLIENTS as i64 / 2), "{killed:?}");
    }
    wait_for("every request was executed", || server.text(&["GET", "n"]) == (5 * CLIENTS).to_string());
}
