//! Commands through the real dispatcher without sockets: [`World::run`] sends one request and returns the reply's bytes.

use crate::{Action, LoadProgress, LogLevel, Node, PeerInfo};
use base::{ConnId, Millis, Now, UnixMillis};
use config::Config;
use persist::{DiskRequest, MemStorage, Worker};

mod eviction;
mod fields;
mod limits;
mod watching;

/// A node with settable time and any number of connections.
pub(crate) struct World {
    pub node: Node,
    pub now: Now,
    pub logged: Vec<(LogLevel, String)>,
    pub others: Vec<Action>,
    /// Requests for the disk thread that it has not seen yet.
    pub requests: Vec<DiskRequest>,
    /// The disk thread's machine. Tests that want to see it late set `disk_is_slow`.
    pub disk: Worker<MemStorage>,
    pub disk_is_slow: bool,
}

/// 2023-11-14, in milliseconds.
const EPOCH: i64 = 1_700_000_000_000;

impl World {
    pub fn new() -> World {
        World::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> World {
        let mut config = Config::default();
        config.settings.save = Vec::new();
        change(&mut config);
        let now = Now { mono: Millis(1000), unix: UnixMillis(EPOCH), micros: 0 };
        World::start(config, MemStorage::new(7), now)
    }

    fn start(config: Config, mut storage: MemStorage, now: Now) -> World {
        let mut node = Node::new(config, 1, now);
        node.load(&mut storage, now).expect("the data can be loaded");
        World::over(node, storage, now)
    }

    fn over(node: Node, storage: MemStorage, now: Now) -> World {
        let mut world = World {
            node,
            now,
            logged: Vec::new(),
            others: Vec::new(),
            requests: Vec::new(),
            disk: Worker::new(storage),
            disk_is_slow: false,
        };
        world.connect(1);
        world.turn();
        world
    }

    /// As `restarted`, with everything still to be loaded and some of the configuration changed.
    pub fn restarting(self, change: impl FnOnce(&mut Config)) -> World {
        let mut config = self.node.config().clone();
        change(&mut config);
        let mut storage = self.disk.into_storage();
        storage.crash();
        let mut node = Node::new(config, 1, self.now);
        node.begin_load(self.now);
        World::over(node, storage, self.now)
    }

    /// One slice of loading; whether there is more.
    pub fn load_slice(&mut self) -> bool {
        let progress = self.node.load_slice(self.disk.storage(), self.now).expect("the data can be loaded");
        self.turn();
        progress == LoadProgress::More
    }

    /// The same machine after a power cut and a restart: what was not synced is gone.
    pub fn restarted(self) -> World {
        let config = self.node.config().clone();
        let mut storage = self.disk.into_storage();
        storage.crash();
        World::start(config, storage, self.now)
    }

    /// The same machine after a restart; nothing on its disk is lost.
    pub fn restarted_without_a_crash(self) -> World {
        let config = self.node.config().clone();
        World::start(config, self.disk.into_storage(), self.now)
    }

    /// Lets the disk thread work and the node hear of it, until there is nothing more to do.
    pub fn settle(&mut self) {
        loop {
            let mut events = Vec::new();
            self.disk.handle_all(std::mem::take(&mut self.requests), &mut events);
            let idle = events.is_empty() && !self.node.has_work();
            for event in events {
                self.node.handle_disk(self.now, event);
            }
            if idle {
                return;
            }
            self.node.run_slice(self.now);
            self.end_turn();
        }
    }

    pub fn connect(&mut self, conn: u64) {
        let peer = PeerInfo {
            peer: format!("127.0.0.1:{}", 50000 + conn),
            local: "127.0.0.1:6379".into(),
            unix: false,
            loopback: true,
        };
        self.node.accept(self.now, ConnId(conn), peer);
    }

    /// Sends raw bytes on a connection and returns everything that it is sent back.
    pub fn send(&mut self, conn: u64, bytes: &[u8]) -> String {
        if let Some(input) = self.node.input(ConnId(conn)) {
            input.extend_from_slice(bytes);
        }
        self.node.process(self.now, ConnId(conn));
        self.turn();
        self.read(conn)
    }

    /// Ends the turn, and lets the disk follow unless it is slow.
    pub fn turn(&mut self) {
        self.end_turn();
        if !self.disk_is_slow {
            self.settle();
        }
    }

    fn end_turn(&mut self) {
        self.node.end_batch(self.now);
        while self.node.next_writable().is_some() {}
        while let Some(action) = self.node.poll_action() {
            match action {
                Action::Log { level, text } => self.logged.push((level, text)),
                Action::Disk(request) => self.requests.push(request),
                other => self.others.push(other),
            }
        }
    }

    /// What may leave to a connection.
    pub fn read(&mut self, conn: u64) -> String {
        let bytes = self.node.output(ConnId(conn)).to_vec();
        self.node.sent(self.now, ConnId(conn), bytes.len());
        self.collect_late_actions();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn collect_late_actions(&mut self) {
        while let Some(action) = self.node.poll_action() {
            self.others.push(action);
        }
    }

    /// One request on a connection.
    pub fn run_on(&mut self, conn: u64, words: &[&str]) -> String {
        let mut bytes = Vec::new();
        resp::write_command(&mut bytes, words.iter().map(|w| w.as_bytes()));
        self.send(conn, &bytes)
    }

    /// One request on the first connection.
    pub fn run(&mut self, words: &[&str]) -> String {
        self.run_on(1, words)
    }

    /// Moves both clocks and lets timers run.
    pub fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono + ms;
        self.now.unix = UnixMillis(self.now.unix.0 + ms as i64);
        self.node.handle_timeout(self.now);
        self.turn();
    }

    /// Whether a line with this text was logged.
    pub fn has_logged(&self, text: &str) -> bool {
        self.logged.iter().any(|(_, line)| line.contains(text))
    }

    pub fn is_closed(&self, conn: u64) -> bool {
        self.others.iter().any(|a| matches!(a, Action::Close { conn: c } if c.0 == conn))
    }
}

mod checklist {
    use super::*;

    #[test]
    fn the_smallest_commands() {
        let mut world = World::new();
        assert_eq!(world.run(&["PING"]), "+PONG\r\n");
        assert_eq!(world.run(&["ping", "hello"]), "$5\r\nhello\r\n");
        assert_eq!(world.run(&["ECHO", "x y"]), "$3\r\nx y\r\n");
        assert_eq!(world.run(&["SELECT", "15"]), "+OK\r\n");
        assert_eq!(world.run(&["SELECT", "16"]), "-ERR DB index is out of range\r\n");
        assert!(world.run(&["SELECT", "2147483648"]).starts_with("-ERR value is out of range, value must"));
        assert_eq!(world.run(&["SELECT", "a"]), "-ERR value is not an integer or out of range\r\n");
    }

    #[test]
    fn unknown_commands_are_named_with_their_arguments() {
        let mut world = World::new();
        assert_eq!(
            world.run(&["foo", "a", "b"]),
            "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n"
        );
        assert_eq!(world.run(&["foo"]), "-ERR unknown command 'foo', with args beginning with: \r\n");
        assert_eq!(world.run(&["pubsub", "nope"]), "-ERR unknown subcommand 'nope'. Try PUBSUB HELP.\r\n");
        let long = "x".repeat(300);
        let reply = world.run(&["foo", &long, "never"]);
        assert_eq!(
            reply,
            format!("-ERR unknown command 'foo', with args beginning with: '{}' \r\n", "x".repeat(128))
        );
    }

    #[test]
    fn a_name_with_a_bar_is_no_command() {
        let mut world = World::new();
        world.run(&["pubsub", "numpat"]);
        assert!(world.run(&["pubsub|numpat"]).starts_with("-ERR unknown command 'pubsub|numpat'"));
    }

    #[test]
    fn renamed_commands_have_no_other_name() {
        let mut world = World::with(|c| {
            c.renames = vec![("GET".into(), "fetch".into()), ("FLUSHALL".into(), String::new())];
        });
        world.run(&["SET", "k", "v"]);
        assert_eq!(world.run(&["Fetch", "k"]), "$1\r\nv\r\n");
        for name in ["GET", "FLUSHALL"] {
            assert!(world.run(&[name, "k"]).starts_with(&format!("-ERR unknown command '{name}'")));
        }
        world.run(&["MULTI"]);
        world.run(&["fetch", "k"]);
        assert_eq!(world.run(&["EXEC"]), "*1\r\n$1\r\nv\r\n");
    }

    #[test]
    fn renamed_commands_are_known_to_the_aof() {
        let mut world = World::with(|c| {
            c.settings.appendonly = true;
            c.settings.appendfsync = config::AppendFsync::Always;
            c.renames = vec![("SET".into(), "put".into()), ("DEL".into(), String::new())];
        });
        world.settle();
        world.run(&["put", "k", "v", "PX", "5"]);
        world.run(&["put", "l", "v"]);
        world.pass(200);
        world.settle();
        let mut again = world.restarted();
        assert_eq!(
            (again.run(&["GET", "k"]), again.run(&["GET", "l"])),
            ("$-1\r\n".into(), "$1\r\nv\r\n".into())
        );
    }

    #[test]
    fn arity() {
        let mut world = World::new();
        assert_eq!(world.run(&["ECHO"]), "-ERR wrong number of arguments for 'echo' command\r\n");
        assert_eq!(world.run(&["pubsub"]), "-ERR wrong number of arguments for 'pubsub' command\r\n");
    }

    #[test]
    fn nothing_without_the_password() {
        let mut world = World::with(|c| c.settings.requirepass = "secret".into());
        assert_eq!(world.run(&["PING"]), "-NOAUTH Authentication required.\r\n");
        assert_eq!(world.run(&["QUIT"]), "+OK\r\n");
        assert!(world.is_closed(1));
    }

    #[test]
    fn protected_mode_denies_outsiders() {
        let mut world = World::new();
        let peer = PeerInfo { peer: "10.0.0.1:1".into(), ..PeerInfo::default() };
        world.node.accept(world.now, ConnId(9), peer);
        world.turn();
        assert!(world.read(9).starts_with("-DENIED Redis is running in protected mode because"));
        assert!(world.is_closed(9));
    }

    #[test]
    fn too_many_clients() {
        let mut world = World::with(|c| c.settings.maxclients = 1);
        world.connect(2);
        world.turn();
        assert_eq!(world.read(2), "-ERR max number of clients reached\r\n");
        assert!(world.is_closed(2));
    }

    #[test]
    fn protocol_errors_close() {
        let mut world = World::new();
        assert_eq!(
            world.send(1, b"PING\r\n*1\r\n+PING\r\n"),
            "+PONG\r\n-ERR Protocol error: expected '$', got '+'\r\n"
        );
        assert!(world.is_closed(1));
    }

    #[test]
    fn slow_subscribers_are_closed() {
        // What does not count, as in Redis.
        const FIXED: usize = 16 << 10;
        let mut world = World::with(|c| {
            c.settings.client_output_buffer_limit.pubsub.hard_bytes = 1000;
            c.settings.client_output_buffer_limit.pubsub.soft_bytes = 100;
            c.settings.client_output_buffer_limit.pubsub.soft_seconds = 2;
        });
        for conn in [2, 3] {
            world.connect(conn);
            world.run_on(conn, &["SUBSCRIBE", &format!("c{conn}")]);
        }
        world.run(&["PUBLISH", "c2", &"x".repeat(FIXED + 1000)]);
        assert!(world.is_closed(2));
        world.run(&["PUBLISH", "c3", &"x".repeat(FIXED + 200)]);
        world.pass(1000);
        assert!(!world.is_closed(3));
        world.pass(1100);
        assert!(world.is_closed(3));
        assert!(world.has_logged("scheduled to be closed ASAP for overcoming of output buffer limits."));
    }

    #[test]
    fn a_request_that_never_ends_is_cut_off() {
        let mut world = World::with(|c| c.settings.client_query_buffer_limit = 100);
        world.send(1, b"*2\r\n$4\r\nECHO\r\n$500\r\n");
        assert!(!world.is_closed(1));
        world.send(1, &[b'x'; 200]);
        assert!(world.is_closed(1));
        assert!(world.has_logged("Closing client that reached max query buffer length"));
    }

    #[test]
    fn a_client_that_kills_itself_gets_its_reply() {
        let mut world = World::new();
        let id = world.run(&["CLIENT", "ID"]);
        let id = id.trim_start_matches(':').trim_end();
        assert_eq!(world.run(&["CLIENT", "KILL", "ID", id, "SKIPME", "no"]), ":1\r\n");
        assert!(world.is_closed(1));
    }

    #[test]
    fn browsers_are_sent_away() {
        let mut world = World::new();
        assert_eq!(world.send(1, b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n"), "");
        assert!(world.is_closed(1));
        assert!(world.logged.iter().any(|l| l.1.starts_with("Possible SECURITY ATTACK detected.")));
    }

    #[test]
    fn idle_clients_are_closed() {
        let mut world = World::with(|c| c.settings.timeout = 2);
        world.run(&["PING"]);
        world.pass(1900);
        assert!(!world.is_closed(1));
        world.pass(300);
        assert!(world.is_closed(1));
    }
}

mod transactions {
    use super::*;

    #[test]
    fn queue_and_execute() {
        let mut world = World::new();
        assert_eq!(world.run(&["MULTI"]), "+OK\r\n");
        assert_eq!(world.run(&["ECHO", "a"]), "+QUEUED\r\n");
        assert_eq!(world.run(&["PING"]), "+QUEUED\r\n");
        assert_eq!(world.run(&["MULTI"]), "-ERR MULTI calls can not be nested\r\n");
        assert_eq!(world.run(&["EXEC"]), "*2\r\n$1\r\na\r\n+PONG\r\n");
        assert_eq!(world.run(&["EXEC"]), "-ERR EXEC without MULTI\r\n");
        assert_eq!(world.run(&["DISCARD"]), "-ERR DISCARD without MULTI\r\n");
    }

    #[test]
    fn a_refused_command_loses_the_transaction() {
        let mut world = World::new();
        world.run(&["MULTI"]);
        world.run(&["ECHO"]);
        world.run(&["PING"]);
        assert_eq!(world.run(&["EXEC"]), "-EXECABORT Transaction discarded because of previous errors.\r\n");
        assert_eq!(world.run(&["PING"]), "+PONG\r\n");
    }

    #[test]
    fn a_refused_exec_says_why() {
        let mut world = World::new();
        world.run(&["MULTI"]);
        assert_eq!(
            world.run(&["EXEC", "x"]),
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
        );
        assert_eq!(world.run(&["EXEC"]), "-ERR EXEC without MULTI\r\n");
    }

    #[test]
    fn watch_inside_multi_is_an_error_that_does_not_abort() {
        let mut world = World::new();
        world.run(&["MULTI"]);
        assert_eq!(world.run(&["WATCH", "k"]), "-ERR WATCH inside MULTI is not allowed\r\n");
        assert_eq!(world.run(&["EXEC"]), "*0\r\n");
    }

    #[test]
    fn of_the_three_ways_to_subscribe_two_are_taken_inside_exec() {
        let mut world = World::new();
        world.run(&["MULTI"]);
        world.run(&["SUBSCRIBE", "a"]);
        world.run(&["SSUBSCRIBE", "b"]);
        assert_eq!(
            world.run(&["EXEC"]),
            "*2\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n\
             -ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n"
        );
    }
}

mod waiting {
    use super::*;

    #[test]
    fn wait_without_replicas_waits_for_its_timeout() {
        let mut world = World::new();
        assert_eq!(world.run(&["WAIT", "0", "0"]), ":0\r\n");
        assert_eq!(world.run(&["WAIT", "1", "500"]), "");
        assert_eq!(world.run(&["PING"]), "");
        world.pass(499);
        assert_eq!(world.read(1), "");
        world.pass(1);
        assert_eq!(world.read(1), ":0\r\n+PONG\r\n");
        assert_eq!(world.run(&["WAIT", "1", "-1"]), "-ERR timeout is negative\r\n");
        assert_eq!(world.run(&["WAIT", "x", "1"]), "-ERR value is not an integer or out of range\r\n");
        world.run(&["MULTI"]);
        world.run(&["WAIT", "1", "0"]);
        assert_eq!(world.run(&["EXEC"]), "*1\r\n:0\r\n", "nothing waits inside EXEC");
    }

    #[test]
    fn a_client_that_leaves_while_waiting_is_forgotten() {
        let mut world = World::new();
        world.run(&["WAIT", "1", "500"]);
        world.node.handle_closed(world.now, ConnId(1));
        assert!(world.node.deadlines.is_empty() && world.node.waiting_for_replicas.is_empty());
        world.pass(1000);
    }
}

mod publish_subscribe {
    use super::*;

    #[test]
    fn a_message_reaches_channel_and_pattern() {
        let mut world = World::new();
        world.connect(2);
        assert_eq!(
            world.run(&["SUBSCRIBE", "a", "b"]),
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
        );
        world.run(&["PSUBSCRIBE", "[ab]"]);
        assert_eq!(world.run_on(2, &["PUBLISH", "a", "hi"]), ":2\r\n");
        assert_eq!(
            world.read(1),
            "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n*4\r\n$8\r\npmessage\r\n$4\r\n[ab]\r\n$1\r\na\r\n$2\r\nhi\r\n"
        );
        assert_eq!(world.run(&["PING"]), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        assert!(world.run(&["ECHO", "x"]).starts_with("-ERR Can't execute 'echo': only (P|S)SUBSCRIBE / "));
        world.run(&["UNSUBSCRIBE"]);
        world.run(&["PUNSUBSCRIBE"]);
        assert_eq!(world.run(&["ECHO", "x"]), "$1\r\nx\r\n");
        assert_eq!(world.run(&["UNSUBSCRIBE"]), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    }

    #[test]
    fn a_closed_subscriber_is_forgotten() {
        let mut world = World::new();
        world.connect(2);
        world.run_on(2, &["SUBSCRIBE", "a"]);
        world.node.handle_closed(world.now, ConnId(2));
        assert_eq!(world.run(&["PUBLISH", "a", "hi"]), ":0\r\n");
        assert_eq!(world.run(&["PUBSUB", "CHANNELS"]), "*0\r\n");
    }

    #[test]
    fn reset_leaves_everything() {
        let mut world = World::new();
        world.run(&["SUBSCRIBE", "a"]);
        assert_eq!(world.run(&["RESET"]), "+RESET\r\n");
        assert_eq!(world.run(&["PUBSUB", "NUMSUB", "a"]), "*2\r\n$1\r\na\r\n:0\r\n");
    }
}

#[test]
fn replies_keep_their_order_whatever_the_splitting() {
    let mut script = Vec::new();
    let mut wanted = String::new();
    for i in 0..30 {
        let text = "x".repeat(i);
        resp::write_command(&mut script, [b"ECHO".as_slice(), text.as_bytes()].into_iter());
        wanted.push_str(&format!("${i}\r\n{text}\r\n"));
        if i % 7 == 0 {
            script.extend_from_slice(b"PING\r\n");
            wanted.push_str("+PONG\r\n");
        }
    }
    for step in [1, 2, 3, 7, 64, script.len()] {
        let mut world = World::new();
        let got: String = script.chunks(step).map(|piece| world.send(1, piece)).collect();
        assert_eq!(got, wanted, "in steps of {step}");
    }
}
