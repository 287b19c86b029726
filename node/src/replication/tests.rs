//! Two whole nodes in process, with a link between them that the test cuts and mends.

mod keep;
mod waitaof;

use crate::tests::World;
use crate::{Action, LocalInfo};
use base::ConnId;
use config::Config;

/// Connections of the primary that the link uses, from this number on.
const LINK: u64 = 1000;

/// A primary (or what becomes one) and its replica.
struct Pair {
    a: World,
    b: World,
    /// The link: the replica's and the primary's name of the connection.
    link: Option<(ConnId, ConnId)>,
    next: u64,
    /// Whether new connections succeed.
    reachable: bool,
    /// How many bytes at a time travel.
    step: usize,
}

fn quick(config: &mut Config) {
    config.settings.repl_diskless_sync_delay = 0;
    config.settings.repl_backlog_size = 4096;
}

impl Pair {
    fn new() -> Pair {
        Pair::with(|_| {})
    }

    fn with(change: impl Fn(&mut Config)) -> Pair {
        let world = || {
            World::with(|c| {
                quick(c);
                change(c);
            })
        };
        Pair { a: world(), b: world(), link: None, next: LINK, reachable: true, step: 1000 }
    }

    /// The second follows the first, and the sync is done.
    fn synced(mut self) -> Pair {
        assert_eq!(self.b.run(&["REPLICAOF", "10.0.0.1", "6379"]), "+OK\r\n");
        self.run();
        self.assert_up();
        self
    }

    fn swapped(self) -> Pair {
        Pair { a: self.b, b: self.a, link: None, ..self }
    }

    /// Lets bytes travel and time pass until nothing moves any more, for three seconds.
    fn run(&mut self) {
        for _ in 0..30 {
            while self.transfer() {}
            self.a.pass(100);
            self.b.pass(100);
        }
        while self.transfer() {}
    }

    fn cut(&mut self) {
        if let Some((replica, primary)) = self.link.take() {
            self.a.node.handle_closed(self.a.now, primary);
            self.b.node.handle_closed(self.b.now, replica);
            self.a.turn();
            self.b.turn();
        }
    }

    fn transfer(&mut self) -> bool {
        let mut moved = self.connect();
        let Some((replica, primary)) = self.link else { return moved };
        if self.a.is_closed(primary.0) || self.b.is_closed(replica.0) {
            self.cut();
            return true;
        }
        moved |= carry(&mut self.b, replica, &mut self.a, primary, self.step);
        moved |= carry(&mut self.a, primary, &mut self.b, replica, self.step);
        moved
    }

    fn connect(&mut self) -> bool {
        let wanted = self.b.others.iter().position(|a| matches!(a, Action::Connect { .. }));
        let Some(Action::Connect { conn, .. }) = wanted.map(|at| self.b.others.remove(at)) else {
            return false;
        };
        if !self.reachable {
            self.b.node.handle_connected(self.b.now, conn, Err("Connection refused".into()));
            self.b.turn();
            return false;
        }
        self.link = Some((conn, ConnId(self.next)));
        self.a.connect(self.next);
        self.next += 1;
        self.b.node.handle_connected(self.b.now, conn, Ok(LocalInfo { ip: "10.0.0.2".into(), port: 5 }));
        self.b.turn();
        true
    }

    #[track_caller]
    fn assert_up(&mut self) {
        let info = self.b.run(&["INFO", "replication"]);
        assert!(info.contains("master_link_status:up"), "{info}\n{:?}", self.b.logged);
    }

    #[track_caller]
    fn assert_same(&mut self) {
        self.assert_up();
        assert_eq!(self.a.run(&["DEBUG", "DIGEST"]), self.b.run(&["DEBUG", "DIGEST"]));
        let offset = |world: &mut World| {
            let info = world.run(&["INFO", "replication"]);
            let find = |name: &str| {
                info.lines().find_map(|l| l.strip_prefix(name)).map(str::to_owned).unwrap_or_default()
            };
            (find("master_replid:"), find("master_repl_offset:"))
        };
        assert_eq!(offset(&mut self.a), offset(&mut self.b));
    }

    fn syncs(&mut self) -> [u64; 3] {
        let info = self.a.run(&["INFO", "stats"]);
        let find = |name: &str| {
            info.lines().find_map(|l| l.strip_prefix(name)).and_then(|n| n.parse().ok()).unwrap_or(99)
        };
        [find("sync_full:"), find("sync_partial_ok:"), find("sync_partial_err:")]
    }
}

fn carry(from: &mut World, out: ConnId, to: &mut World, into: ConnId, step: usize) -> bool {
    let bytes = from.node.output(out).to_vec();
    let bytes = &bytes[..bytes.len().min(step)];
    if bytes.is_empty() {
        return false;
    }
    let Some(input) = to.node.input(into) else { return false };
    input.extend_from_slice(bytes);
    from.node.sent(from.now, out, bytes.len());
    to.node.process(to.now, into);
    from.turn();
    to.turn();
    true
}

#[test]
fn a_full_sync_and_the_stream_after_it() {
    for step in [1, 50, 100_000] {
        let mut pair = Pair::new();
        pair.step = step;
        for i in 0..100 {
            pair.a.run(&["SET", &format!("key:{i}"), &"v".repeat(i)]);
        }
        pair.a.run(&["SELECT", "3"]);
        pair.a.run(&["SET", "other", "db", "PX", "100000"]);
        let mut pair = pair.synced();
        pair.assert_same();
        pair.a.run(&["INCR", "n"]);
        pair.a.run(&["SELECT", "0"]);
        pair.a.run(&["MULTI"]);
        pair.a.run(&["SET", "m", "1"]);
        pair.a.run(&["INCRBYFLOAT", "f", "0.1"]);
        pair.a.run(&["EXEC"]);
        pair.run();
        pair.assert_same();
        assert_eq!(pair.b.run(&["GET", "m"]), "$1\r\n1\r\n");
        assert_eq!(
            pair.b.run(&["SET", "x", "y"]),
            "-READONLY You can't write against a read only replica.\r\n"
        );
        assert_eq!(pair.syncs(), [1, 0, 0]);
        for line in [
            "Connecting to MASTER 10.0.0.1:6379",
            "MASTER <-> REPLICA sync started",
            "Full resync from master: ",
            "MASTER <-> REPLICA sync: Finished with success",
        ] {
            assert!(pair.b.has_logged(line), "{line}");
        }
        assert!(pair.a.has_logged("asks for synchronization"));
        assert!(pair.a.has_logged("Synchronization with replica 127.0.0.1:6379 succeeded"));
    }
}

#[test]
fn role_and_info_on_both_sides() {
    let mut pair = Pair::new();
    assert_eq!(pair.a.run(&["ROLE"]), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    pair.b.run(&["REPLICAOF", "10.0.0.1", "6379"]);
    assert!(pair.b.run(&["ROLE"]).ends_with("$10\r\nconnecting\r\n:-1\r\n"));
    pair.run();
    assert!(
        pair.b
            .run(&["ROLE"])
            .starts_with("*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:")
    );
    let role = pair.a.run(&["ROLE"]);
    assert!(role.contains("*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n"), "{role}");
    let info = pair.a.run(&["INFO", "replication"]);
    assert!(
        info.contains("connected_slaves:1\r\nslave0:ip=127.0.0.1,port=6379,state=online,offset="),
        "{info}"
    );
    assert_eq!(
        pair.b.run(&["REPLICAOF", "10.0.0.1", "6379"]),
        "+OK Already connected to specified master\r\n"
    );
    assert_eq!(pair.b.run(&["REPLICAOF", "h", "x"]), "-ERR Invalid master port\r\n");
    assert_eq!(pair.b.run(&["SLAVEOF", "h", "99999"]), "-ERR Invalid master port\r\n");
    assert!(pair.b.run(&["FAILOVER"]).starts_with("-ERR FAILOVER is not valid when server is a replica"));
}

#[test]
fn a_lost_link_is_resumed_from_the_backlog() {
    let mut pair = Pair::new().synced();
    for round in 0..5 {
        pair.cut();
        pair.a.run(&["SET", &format!("round:{round}"), "missed"]);
        pair.a.run(&["MULTI"]);
        pair.a.run(&["INCR", "n"]);
        pair.a.run(&["INCR", "n"]);
        pair.a.run(&["EXEC"]);
        pair.run();
        pair.assert_same();
    }
    assert_eq!(pair.syncs(), [1, 5, 0]);
    pair.cut();
    for i in 0..400 {
        pair.a.run(&["SET", &format!("too:{i}"), "much for the backlog"]);
    }
    pair.run();
    pair.assert_same();
    assert_eq!(pair.syncs(), [2, 5, 1]);
    assert!(pair.b.has_logged("Successful partial resynchronization with master."));
}

#[test]
fn a_link_cut_anywhere_in_the_sync_ends_well() {
    for cut in 0..40 {
        let mut pair = Pair::new();
        pair.step = 100;
        for i in 0..50 {
            pair.a.run(&["SET", &format!("key:{i}"), "some value"]);
        }
        pair.b.run(&["SET", "mine", "stays until the sync is whole"]);
        pair.b.run(&["REPLICAOF", "10.0.0.1", "6379"]);
        for _ in 0..cut {
            pair.transfer();
            pair.a.pass(20);
        }
        let whole = pair.b.run(&["EXISTS", "mine"]) == ":0\r\n";
        assert_eq!(pair.b.run(&["DBSIZE"]), if whole { ":50\r\n" } else { ":1\r\n" });
        pair.cut();
        pair.a.run(&["APPEND", "key:1", "more"]);
        pair.run();
        pair.assert_same();
    }
}

#[test]
fn promotion_keeps_the_history_as_the_second_one() {
    let mut pair = Pair::new().synced();
    pair.a.run(&["SET", "a", "1"]);
    pair.run();
    pair.cut();
    assert_eq!(pair.b.run(&["REPLICAOF", "NO", "ONE"]), "+OK\r\n");
    assert!(pair.b.has_logged("MASTER MODE enabled"));
    assert!(pair.b.has_logged("Setting secondary replication ID to "));
    pair.b.run(&["SET", "b", "2"]);
    pair.a.run(&["REPLICAOF", "10.0.0.2", "6379"]);
    let mut pair = pair.swapped();
    pair.run();
    pair.assert_same();
    assert_eq!(pair.syncs(), [0, 1, 0], "{:?}", pair.a.logged);
    assert_eq!(pair.b.run(&["GET", "b"]), "$1\r\n2\r\n");
}

#[test]
fn an_old_primary_with_writes_of_its_own_loses_them() {
    let mut pair = Pair::new().synced();
    pair.a.run(&["SET", "a", "1"]);
    pair.run();
    pair.cut();
    pair.a.run(&["SET", "never", "replicated"]);
    pair.b.run(&["REPLICAOF", "NO", "ONE"]);
    pair.b.run(&["SET", "b", "2"]);
    pair.a.run(&["REPLICAOF", "10.0.0.2", "6379"]);
    let mut pair = pair.swapped();
    pair.run();
    pair.assert_same();
    assert_eq!(pair.syncs(), [1, 0, 1]);
    assert_eq!(pair.b.run(&["EXISTS", "never"]), ":0\r\n");
}

#[test]
fn replicas_stay_with_one_that_looks_for_another_primary() {
    let mut pair = Pair::new();
    pair.a.run(&["SET", "k", "v"]);
    let mut pair = pair.synced();
    let id = |world: &mut World| {
        let info = world.run(&["INFO", "replication"]);
        info.lines().find_map(|line| line.strip_prefix("master_replid:")).map(str::to_owned)
    };
    let before = id(&mut pair.a);
    assert_eq!(pair.a.run(&["REPLICAOF", "10.0.0.9", "6379"]), "+OK\r\n");
    pair.run();
    pair.assert_up();
    assert!(pair.a.run(&["INFO", "replication"]).contains("connected_slaves:1\r\n"));
    assert_eq!((id(&mut pair.a), id(&mut pair.b)), (before.clone(), before.clone()));
    // Its history gets another name: they must hear of it, and lose nothing.
    assert_eq!(pair.a.run(&["REPLICAOF", "NO", "ONE"]), "+OK\r\n");
    pair.run();
    pair.a.run(&["SET", "k", "w"]);
    pair.run();
    pair.assert_same();
    assert_ne!(id(&mut pair.a), before);
    assert_eq!(pair.syncs(), [1, 1, 0]);
}

#[test]
fn wait_counts_the_replica() {
    let mut pair = Pair::new().synced();
    pair.a.run(&["SET", "a", "1"]);
    assert_eq!(pair.a.run(&["WAIT", "1", "0"]), "");
    while pair.transfer() {}
    assert_eq!(pair.a.read(1), ":1\r\n");
    pair.cut();
    pair.reachable = false;
    pair.a.run(&["SET", "a", "2"]);
    pair.a.run(&["WAIT", "1", "500"]);
    pair.run();
    assert_eq!(pair.a.read(1), ":0\r\n");
}

#[test]
fn min_replicas_to_write() {
    let mut pair = Pair::with(|c| c.settings.min_replicas_to_write = 1);
    assert_eq!(pair.a.run(&["SET", "a", "1"]), "-NOREPLICAS Not enough good replicas to write.\r\n");
    let mut pair = pair.synced();
    assert_eq!(pair.a.run(&["SET", "a", "1"]), "+OK\r\n");
    pair.cut();
    assert!(pair.a.run(&["SET", "a", "1"]).starts_with("-NOREPLICAS"));
}

#[test]
fn expiry_is_the_primary_s_affair() {
    let mut pair = Pair::new().synced();
    pair.a.run(&["SET", "a", "1", "PX", "150"]);
    while pair.transfer() {}
    pair.cut();
    pair.reachable = false;
    pair.b.pass(10_000);
    assert_eq!(pair.b.run(&["GET", "a"]), "$-1\r\n");
    assert_eq!(pair.b.run(&["DBSIZE"]), ":1\r\n");
    pair.reachable = true;
    pair.run();
    pair.run();
    pair.assert_same();
    assert_eq!(pair.b.run(&["DBSIZE"]), ":0\r\n");
}

#[test]
fn a_replica_of_a_replica_gets_the_same_bytes() {
    let mut first = Pair::new().synced();
    let mut second = Pair { a: first.b, b: Pair::new().b, link: None, next: LINK, reachable: true, step: 77 };
    second.b.run(&["REPLICAOF", "10.0.0.2", "6379"]);
    for _ in 0..3 {
        second.run();
    }
    // The middle lost nothing while it stood in both pairs.
    second.assert_up();
    first.b = second.a;
    first.a.run(&["SELECT", "2"]);
    first.a.run(&["MULTI"]);
    first.a.run(&["SET", "a", "1"]);
    first.a.run(&["SET", "b", "1"]);
    first.a.run(&["EXEC"]);
    first.run();
    first.assert_same();
    second.a = first.b;
    second.run();
    second.assert_same();
}

#[test]
fn an_aof_begins_anew_with_a_full_sync() {
    let mut pair = Pair::new();
    pair.a.run(&["SET", "a", "from the primary"]);
    pair.b.run(&["CONFIG", "SET", "appendonly", "yes", "appendfsync", "always"]);
    pair.b.run(&["SET", "b", "of its own"]);
    let mut pair = pair.synced();
    pair.a.run(&["SET", "c", "streamed"]);
    pair.run();
    pair.assert_same();
    let mut restarted = pair.b.restarted();
    assert_eq!(restarted.run(&["GET", "a"]), "$16\r\nfrom the primary\r\n");
    assert_eq!(restarted.run(&["GET", "c"]), "$8\r\nstreamed\r\n");
    assert_eq!(restarted.run(&["EXISTS", "b"]), ":0\r\n");
}

#[test]
fn a_restart_from_an_rdb_goes_on_with_a_partial_sync() {
    let mut pair = Pair::new().synced();
    pair.a.run(&["SET", "a", "1"]);
    pair.run();
    assert_eq!(pair.b.run(&["SAVE"]), "+OK\r\n");
    pair.cut();
    pair.a.run(&["SET", "b", "2"]);
    // Its configuration says whom it follows.
    let mut pair = Pair { b: pair.b.restarted(), ..pair };
    pair.run();
    pair.assert_same();
    assert_eq!(pair.syncs(), [1, 1, 0], "{:?}", pair.a.logged);

    // A primary that restarts takes a new id; a replica that is exactly where it was may go on.
    pair.run();
    pair.a.run(&["SAVE"]);
    pair.cut();
    let mut pair = Pair { a: pair.a.restarted(), ..pair };
    pair.run();
    pair.assert_same();
    assert_eq!(pair.syncs(), [0, 1, 0], "{:?}", pair.a.logged);
}

/// Speaks to a replica as its primary would.
fn feign(world: &mut World, bytes: &[u8]) {
    let wanted = world.others.iter().position(|a| matches!(a, Action::Connect { .. })).expect("a connection");
    let Action::Connect { conn, .. } = world.others.remove(wanted) else { unreachable!() };
    world.node.handle_connected(world.now, conn, Ok(LocalInfo::default()));
    world.turn();
    let mut hear = |bytes: &[u8]| {
        world.node.input(conn).expect("the link").extend_from_slice(bytes);
        world.node.process(world.now, conn);
        world.turn();
        world.read(conn.0).contains("holds")
    };
    let asked = hear(b"+PONG\r\n");
    let answers: &[u8] =
        if asked { b"+OK\r\n+OK\r\n-ERR Unrecognized REPLCONF option: holds\r\n" } else { b"+OK\r\n+OK\r\n" };
    hear(answers);
    hear(bytes);
}

fn sync_of(rdb: &[u8]) -> Vec<u8> {
    let mut bytes = format!("+FULLRESYNC {} 100\r\n${}\r\n", "a".repeat(40), rdb.len()).into_bytes();
    bytes.extend_from_slice(rdb);
    bytes
}

const EMPTY: &[u8] = b"REDIS0010\xff\0\0\0\0\0\0\0\0";

#[test]
fn what_cannot_be_stored_takes_the_link_down_by_name() {
    let mut world = World::new();
    world.run(&["SET", "mine", "1"]);
    world.run(&["REPLICAOF", "10.0.0.1", "6379"]);
    feign(&mut world, &sync_of(b"REDIS0010\xfe\x00\x07\x01x\x01\x02\x03abc\xff\0\0\0\0\0\0\0\0"));
    assert!(world.has_logged(
        "holds a module value (RDB type 7, module) under key \"x\", which this version cannot store"
    ));
    assert_eq!(world.run(&["GET", "mine"]), "$1\r\n1\r\n");
    assert!(world.run(&["INFO", "replication"]).contains("master_link_status:down"));

    world.pass(1100);
    let mut bytes = sync_of(EMPTY);
    bytes.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*3\r\n$5\r\nBOGUS\r\n$1\r\nl\r\n$1\r\nx\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n");
    feign(&mut world, &bytes);
    assert!(world.has_logged("== CRITICAL == The master sent what this replica"), "{:?}", world.logged);
    assert_eq!(world.run(&["MGET", "mine", "a", "b"]), "*3\r\n$-1\r\n$1\r\n1\r\n$-1\r\n");
    let info = world.run(&["INFO", "replication"]);
    assert!(info.contains("master_link_status:down"));
    assert!(info.contains("slave_repl_offset:127"), "what was refused does not count: {info}");
}

#[test]
fn a_transaction_counts_when_it_has_ended() {
    let mut world = World::new();
    world.run(&["REPLICAOF", "10.0.0.1", "6379"]);
    let mut bytes = sync_of(EMPTY);
    bytes.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n");
    feign(&mut world, &bytes);
    assert!(world.run(&["INFO", "replication"]).contains("slave_repl_offset:100\r\n"));
    assert_eq!(world.run(&["EXISTS", "a"]), ":0\r\n");
    // Promotion in the middle of it: it never happened.
    world.run(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(world.run(&["EXISTS", "a"]), ":0\r\n");
    assert_eq!(world.run(&["SET", "b", "1"]), "+OK\r\n");
}

#[test]
fn what_must_not_happen_beside_a_full_sync_is_refused_and_the_old_data_are_served() {
    let mut world = World::new();
    world.run(&["SET", "mine", "1"]);
    world.run(&["REPLICAOF", "10.0.0.1", "6379"]);
    let whole = sync_of(EMPTY);
    feign(&mut world, &whole[..whole.len() - 1]);
    assert!(world.run(&["INFO", "persistence"]).contains("async_loading:1"));
    let refusal = "-LOADING Redis is loading the dataset in memory\r\n";
    assert_eq!(world.run(&["SYNC"]), "-NOMASTERLINK Can't SYNC while not connected with my master\r\n");
    world.node.config.settings.repl_diskless_load = "swapdb".to_owned();
    for words in [&["REPLICAOF", "NO", "ONE"][..], &["SAVE"], &["BGSAVE"], &["BGREWRITEAOF"], &["SYNC"]] {
        assert_eq!(world.run(words), refusal, "{words:?}");
    }
    assert!(world.run(&["CONFIG", "SET", "appendonly", "yes"]).starts_with("-LOADING "));
    world.run(&["MULTI"]);
    assert_eq!(world.run(&["GET", "mine"]), "+QUEUED\r\n");
    assert_eq!(world.run(&["EXEC"]), "*1\r\n$1\r\n1\r\n");
    world.run(&["CONFIG", "SET", "repl-timeout", "50"]);
    assert_eq!(world.run(&["CONFIG", "GET", "repl-timeout"]), "*2\r\n$12\r\nrepl-timeout\r\n$2\r\n50\r\n");
    assert!(world.run(&["ROLE"]).contains("$4\r\nsync\r\n"));
    world.node.config.settings.repl_diskless_load = "disabled".to_owned();
    assert_eq!(world.run(&["REPLICAOF", "NO", "ONE"]), "+OK\r\n");
}
