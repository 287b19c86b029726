//! Requests through the whole data thread's machine: no socket, no clock, a disk in memory.
//!
//! The bytes are a script. Lines are requests; a first byte of 128 or more, with the byte behind it, is a command by its
//! number, so that the fuzzer need not spell names. Arguments are separated by spaces. `@` as the first byte lets a
//! second of time pass, `!` speaks on another connection.

use base::{ConnId, Millis, Now, UnixMillis};
use config::Config;
use node::{Action, Node, PeerInfo};
use persist::{DiskRequest, MemStorage, Worker};
use std::sync::LazyLock;

/// Lines of one script that are looked at.
const LINES_MAX: usize = 64;
/// Turns that the disk and the node may take to come to rest.
const TURNS_MAX: usize = 50;

static NAMES: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    // SHUTDOWN ends the node, and a REPLICAOF makes all that follows uninteresting.
    let wanted = |name: &str| !["shutdown", "replicaof", "slaveof"].contains(&name);
    spec::all().map(|c| c.name).filter(|name| wanted(name)).map(|name| name.split('|').collect()).collect()
});

/// A node with its disk.
pub struct World {
    node: Node,
    now: Now,
    requests: Vec<DiskRequest>,
    disk: Worker<MemStorage>,
}

impl World {
    /// Two connections, an AOF in memory.
    pub fn new() -> World {
        let mut config = Config::default();
        config.settings.save = Vec::new();
        config.settings.appendonly = true;
        config.settings.proto_max_bulk_len = 1 << 20;
        let now = Now { mono: Millis(1000), unix: UnixMillis(1_700_000_000_000), micros: 0 };
        let mut storage = MemStorage::new(7);
        let mut node = Node::new(config, 1, now);
        node.load(&mut storage, now).expect("an empty disk");
        let mut world = World { node, now, requests: Vec::new(), disk: Worker::new(storage) };
        for conn in [1, 2] {
            let peer = PeerInfo {
                peer: format!("127.0.0.1:{}", 50000 + conn),
                local: "127.0.0.1:6379".into(),
                unix: false,
                loopback: true,
            };
            world.node.accept(now, ConnId(conn), peer);
        }
        world.turn();
        world
    }

    /// One request; its reply.
    pub fn request<'a>(&mut self, conn: u64, words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut bytes = Vec::new();
        resp::write_command(&mut bytes, words);
        if let Some(input) = self.node.input(ConnId(conn)) {
            input.extend_from_slice(&bytes);
        }
        self.node.process(self.now, ConnId(conn));
        self.turn();
        let reply = self.node.output(ConnId(conn)).to_vec();
        self.node.sent(self.now, ConnId(conn), reply.len());
        reply
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono + ms;
        self.now.unix = UnixMillis(self.now.unix.0 + ms as i64);
        self.node.handle_timeout(self.now);
        self.turn();
    }

    fn turn(&mut self) {
        for _ in 0..TURNS_MAX {
            self.node.end_batch(self.now);
            while self.node.next_writable().is_some() {}
            while let Some(action) = self.node.poll_action() {
                if let Action::Disk(request) = action {
                    self.requests.push(request);
                }
            }
            let mut events = Vec::new();
            self.disk.handle_all(std::mem::take(&mut self.requests), &mut events);
            if events.is_empty() && !self.node.has_work() {
                return;
            }
            for event in events {
                self.node.handle_disk(self.now, event);
            }
            self.node.run_slice(self.now);
        }
    }
}

/// The target.
pub fn run(bytes: &[u8]) {
    let mut world = World::new();
    for line in bytes.split(|b| *b == b'\n').take(LINES_MAX) {
        let (conn, line) = match line.split_first() {
            Some((b'@', _)) => {
                world.pass(1000);
                continue;
            }
            Some((b'!', rest)) => (2, rest),
            _ => (1, line),
        };
        let (name, rest) = match line {
            [first, second, rest @ ..] if *first >= 128 => {
                let number = usize::from(*first - 128) << 8 | usize::from(*second);
                (NAMES[number % NAMES.len()].clone(), rest)
            }
            _ => (Vec::new(), line),
        };
        let mut words: Vec<&[u8]> = name.iter().map(|word| word.as_bytes()).collect();
        words.extend(rest.split(|b| *b == b' ').filter(|word| !word.is_empty()));
        if !words.is_empty() {
            world.request(conn, words.into_iter());
        }
    }
}
