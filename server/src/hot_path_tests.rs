//! How much the hot path allocates: nothing for GET, one entry for an overwriting SET (ENGINE 20).
//!
//! It stands here because here is the allocator: its own count of bytes per thread is the measure.

use base::{ConnId, Millis, Now, UnixMillis};
use config::Config;
use node::{Node, PeerInfo};
use tikv_jemalloc_ctl::thread;

/// How often each request is repeated: an allocation in one of many shows.
const ROUNDS: u64 = 1000;

struct Driver {
    node: Node,
    now: Now,
}

impl Driver {
    fn new() -> Driver {
        let mut config = Config::default();
        config.settings.save = Vec::new();
        let now = Now { mono: Millis(1), unix: UnixMillis(1_700_000_000_000), micros: 0 };
        let mut node = Node::new(config, 1, now);
        node.accept(now, ConnId(1), PeerInfo { loopback: true, ..PeerInfo::default() });
        Driver { node, now }
    }

    fn turn(&mut self, request: &[u8]) {
        if let Some(input) = self.node.input(ConnId(1)) {
            input.extend_from_slice(request);
        }
        self.node.process(self.now, ConnId(1));
        self.node.end_batch(self.now);
        while let Some(conn) = self.node.next_writable() {
            let n = self.node.output(conn).len();
            self.node.sent(self.now, conn, n);
        }
        while self.node.poll_action().is_some() {}
    }

    /// Bytes allocated per request, after a warm-up.
    fn cost(&mut self, words: &[&str]) -> f64 {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let request = request.as_bytes();
        for _ in 0..10 {
            self.turn(request);
        }
        let counter = thread::allocatedp::read().expect("the allocator counts");
        let before = counter.get();
        for _ in 0..ROUNDS {
            self.turn(request);
        }
        (counter.get() - before) as f64 / ROUNDS as f64
    }
}

#[test]
fn the_hot_path() {
    let mut driver = Driver::new();
    driver.turn(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nabc\r\n");
    assert_eq!(driver.cost(&["GET", "key:000000000001"]), 0.0);
    assert_eq!(driver.cost(&["PING"]), 0.0);
    let value = "x".repeat(32);
    let set = driver.cost(&["SET", "key:000000000001", &value]);
    assert!(set <= 80.0, "an overwriting SET allocates {set} bytes");
}
