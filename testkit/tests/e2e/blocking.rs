//! Clients that wait for keys: who is served what, in which order, and by which way for a key to come.
//!
//! Model: a scenario is a list of lines. `0> BLPOP k 0` is sent by the waiting client 0; any other line is a command of the
//! one that writes. After each line the clients that wait no longer have their answers, which are written down. Both
//! servers must write down the same. Whether a client waits is asked with CLIENT LIST, so that nothing depends on time.

use client::{Connection, Options};
use grapevine_testkit::{Kind, Server, reserve, wait_for};
use resp::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Scenarios whose outcome is the same in every version. What 7.2 changed is in differences.md.
const SCENARIOS: &[(&str, &[&str])] = &[
    (
        "served in the order of blocking",
        &["0> BLPOP k 0", "1> BLPOP k 0", "2> BRPOP k 0", "RPUSH k a", "RPUSH k b c d"],
    ),
    (
        "one push for all",
        &["0> BLPOP k 0", "1> BRPOP k 0", "2> BLMPOP 0 1 k LEFT COUNT 2", "RPUSH k a b c d e f"],
    ),
    ("too few for all", &["0> BLMPOP 0 1 k RIGHT COUNT 10", "1> BLPOP k 0", "RPUSH k a b c", "LPUSH k d"]),
    ("who came first on another key", &["0> BLPOP a b 0", "1> BLPOP b a 0", "RPUSH b x", "RPUSH a y"]),
    (
        "a client on many keys",
        &["0> BLPOP a b c 0", "1> BLPOP c 0", "RPUSH c 1", "RPUSH c 2", "RPUSH b 3", "LLEN b"],
    ),
    ("the same key twice", &["0> BLPOP k k 0", "1> BLPOP k 0", "RPUSH k a b"]),
    (
        "a transaction is one step",
        &[
            "0> BLPOP k 0",
            "1> BLPOP k 0",
            "MULTI",
            "RPUSH k a",
            "LPUSH k b",
            "RPUSH k c",
            "EXEC",
            "LRANGE k 0 -1",
        ],
    ),
    (
        "a transaction that takes back what it gave",
        &[
            "0> BLPOP k 0",
            "MULTI",
            "RPUSH k a",
            "DEL k",
            "EXEC",
            "MULTI",
            "RPUSH k a",
            "LPOP k",
            "EXEC",
            "RPUSH k b",
        ],
    ),
    (
        "a transaction that gives another type",
        &["0> BLPOP k 0", "MULTI", "RPUSH k a", "DEL k", "SADD k m", "EXEC", "DEL k", "RPUSH k b"],
    ),
    (
        "a transaction over two keys",
        &["0> BLPOP a 0", "1> BLPOP b 0", "2> BLPOP a 0", "MULTI", "RPUSH b 1", "RPUSH a 2 3", "EXEC"],
    ),
    (
        "rename onto the key",
        &["0> BLPOP k 0", "1> BRPOP k 0", "RPUSH other a b c", "RENAME other k", "LRANGE k 0 -1"],
    ),
    ("renamenx onto the key", &["0> BLPOP k 0", "RPUSH other a b", "RENAMENX other k"]),
    ("rename of another type", &["0> BLPOP k 0", "SET other a", "RENAME other k", "DEL k", "LPUSH k x"]),
    (
        "rename onto the key of sorted sets",
        &["0> BZPOPMIN k 0", "1> BZPOPMAX k 0", "ZADD o 1 a 2 b 3 c", "RENAME o k"],
    ),
    ("rename onto a stream", &["0> XREAD BLOCK 0 STREAMS k 0", "XADD o 5-1 f v", "RENAME o k"]),
    ("restore", &["0> BLPOP k 0", "1> BLPOP k 0", "RPUSH other a b c", "restore other k", "LRANGE k 0 -1"]),
    (
        "restore of a sorted set",
        &["0> BZMPOP 0 1 k MAX COUNT 2", "ZADD other 1 a 2 b 3 c", "restore other k"],
    ),
    ("restore of a stream", &["0> XREAD BLOCK 0 STREAMS k 1-1", "XADD other 5-1 f v", "restore other k"]),
    ("restore of another type", &["0> BLPOP k 0", "SET other a", "restore other k", "TYPE k"]),
    ("copy", &["0> BLPOP k 0", "1> BLPOP k 0", "RPUSH other a b c", "COPY other k"]),
    ("move from another database", &["0> BLPOP k 0", "SELECT 1", "RPUSH k a", "MOVE k 0", "SELECT 0"]),
    ("swapdb", &["0> BLPOP k 0", "SELECT 1", "RPUSH k a b", "SELECT 0", "SWAPDB 0 1", "LRANGE k 0 -1"]),
    ("sort", &["0> BLPOP k 0", "RPUSH other 3 1 2", "SORT other STORE k", "LRANGE k 0 -1"]),
    (
        "linsert and set wake nobody",
        &["0> BLPOP k 0", "LINSERT k BEFORE a b", "LPUSHX k a", "SET k a", "DEL k", "RPUSH k z"],
    ),
    (
        "zunionstore",
        &["0> BZPOPMIN k 0", "1> BZPOPMIN k 0", "ZADD a 1 x", "ZADD b 2 y", "ZUNIONSTORE k 2 a b"],
    ),
    ("zrangestore", &["0> BZPOPMAX k 0", "ZADD a 1 x 2 y", "ZRANGESTORE k a 0 -1"]),
    ("geoadd", &["0> BZPOPMIN k 0", "GEOADD k 13.361389 38.115556 Palermo"]),
    ("zincrby", &["0> BZPOPMIN k 0", "1> BZPOPMAX k 0", "ZINCRBY k 2.5 m", "ZADD k INCR 3 n"]),
    (
        "sorted sets in order",
        &[
            "0> BZPOPMIN k 0",
            "1> BZPOPMAX k 0",
            "2> BZMPOP 0 2 j k MIN COUNT 2",
            "ZADD k 1 a 2 b 3 c 4 d 5 e",
            "ZRANGE k 0 -1",
        ],
    ),
    (
        "a chain of moves",
        &[
            "0> BLMOVE a b LEFT RIGHT 0",
            "1> BLMOVE b c LEFT RIGHT 0",
            "2> BLPOP c 0",
            "RPUSH a x",
            "EXISTS a b c",
        ],
    ),
    ("a move onto itself", &["0> BLMOVE k k LEFT RIGHT 0", "1> BLPOP k 0", "RPUSH k a b", "LRANGE k 0 -1"]),
    (
        "a target of another type",
        &["SET b text", "0> BRPOPLPUSH a b 0", "1> BLPOP a 0", "RPUSH a x", "RPUSH a y", "LRANGE a 0 -1"],
    ),
    (
        "a circle",
        &["0> BRPOPLPUSH a b 0", "1> BRPOPLPUSH b a 0", "RPUSH a x", "LRANGE a 0 -1", "LRANGE b 0 -1"],
    ),
    (
        "readers of a stream are all served",
        &[
            "0> XREAD BLOCK 0 STREAMS k $",
            "1> XREAD BLOCK 0 STREAMS k 0",
            "2> XREAD COUNT 1 BLOCK 0 STREAMS j k 0 0",
            "XADD k 1-1 f v",
            "XADD k 1-2 f v",
        ],
    ),
    (
        "readers in a group share",
        &[
            "XGROUP CREATE k g $ MKSTREAM",
            "XGROUP CREATECONSUMER k g alice",
            "XGROUP CREATECONSUMER k g bob",
            "0> XREADGROUP GROUP g alice BLOCK 0 STREAMS k >",
            "1> XREADGROUP GROUP g bob COUNT 1 BLOCK 0 STREAMS k >",
            "XADD k 1-1 f v",
            "XADD k 1-2 f v",
            "XADD k 1-3 f v",
        ],
    ),
    (
        "a reader's key becomes a list",
        &["0> XREAD BLOCK 0 STREAMS k 0", "RPUSH k a", "DEL k", "XADD k 1-1 f v"],
    ),
    (
        "lists and sorted sets under one name",
        &["0> BZPOPMIN k 0", "1> BLPOP k 0", "2> BZPOPMIN k 0", "RPUSH k a", "ZADD k 1 m 2 n"],
    ),
    (
        "nobody waits in a transaction",
        &[
            "MULTI",
            "BLPOP k 0",
            "BZPOPMIN k 0",
            "XREAD BLOCK 0 STREAMS k 0",
            "BLMOVE a b LEFT LEFT 0",
            "EXEC",
        ],
    ),
    (
        "unblocked by name",
        &["0> BLPOP k 0", "1> BLPOP k 0", "2> BZPOPMIN k 0", "unblock 0", "unblock 2 ERROR", "RPUSH k a"],
    ),
    ("flushes wake nobody", &["0> BLPOP k 0", "FLUSHALL", "FLUSHDB", "RPUSH k a"]),
    (
        "in another database",
        &["0> SELECT 3", "0> BLPOP k 0", "RPUSH k a", "SELECT 3", "RPUSH k b", "SELECT 0"],
    ),
    (
        "an expired list",
        &["0> BLPOP k 0", "MULTI", "RPUSH k a", "PEXPIREAT k 1", "EXEC", "EXISTS k", "RPUSH k b"],
    ),
    // In these the server's role changes; nothing listens at port 1.
    (
        "demotion lets nobody wait",
        &[
            "0> BLPOP k 0",
            "1> BZPOPMIN j 0",
            "2> XREAD BLOCK 0 STREAMS s 0",
            "REPLICAOF 127.0.0.1 1",
            "REPLICAOF NO ONE",
        ],
    ),
    (
        "a replica lets who writes not wait",
        &[
            "REPLICAOF 127.0.0.1 1",
            "0> BLPOP k 0",
            "1> XREAD BLOCK 0 STREAMS s 0",
            "REPLICAOF NO ONE",
            "XADD s 1-1 f v",
        ],
    ),
    (
        "fair after promotion",
        &["REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "0> BLPOP k 0", "1> BLPOP k 0", "RPUSH k a b"],
    ),
    (
        "a reader that waited on a replica",
        &[
            "REPLICAOF 127.0.0.1 1",
            "0> XREAD BLOCK 0 STREAMS s $",
            "1> XREAD BLOCK 0 STREAMS s 5",
            "REPLICAOF NO ONE",
            "XADD s 4-1 f v",
            "XADD s 6-1 f v",
        ],
    ),
];

fn words(line: &str) -> Vec<Vec<u8>> {
    base::args::split(line.as_bytes()).expect("balanced quotes")
}

/// One server, a client that writes, clients that wait.
struct Side {
    server: Server,
    writer: Connection,
    /// Asks who waits.
    observer: Connection,
    waiting: BTreeMap<usize, Waiting>,
    said: Vec<String>,
}

struct Waiting {
    connection: Connection,
    id: i64,
    owed: bool,
}

impl Side {
    fn new(kind: Kind, port: u16) -> Self {
        let server = Server::build(kind, port).with("save", "").start();
        let (writer, observer) = (server.client(), server.client());
        Self { server, writer, observer, waiting: BTreeMap::new(), said: Vec::new() }
    }

    /// The flags and the last command of each client, by its id.
    fn clients(&mut self) -> BTreeMap<i64, (String, String)> {
        let list = self.observer.call(&["CLIENT", "LIST"]).expect("CLIENT LIST");
        let list = String::from_utf8_lossy(list.as_bytes().unwrap_or_default()).into_owned();
        let of = |line: &str, name: &str| {
            line.split(' ').find_map(|field| field.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        list.lines()
            .map(|line| (of(line, "id=").parse().unwrap_or(0), (of(line, "flags="), of(line, "cmd="))))
            .collect()
    }

    fn waits(&mut self, id: i64) -> bool {
        self.clients().get(&id).is_some_and(|(flags, _)| flags.contains('b'))
    }

    fn play(&mut self, lines: &[&str]) -> Vec<String> {
        for line in lines {
            match line.split_once("> ") {
                Some((number, command)) => self.send(number.parse().expect("a number"), command),
                None => self.write(line),
            }
            self.collect();
        }
        // Those that still wait are told apart from those that do not.
        let left: Vec<usize> =
            self.waiting.iter().filter(|(_, w)| w.owed).map(|(number, _)| *number).collect();
        self.said.push(format!("waiting: {left:?}"));
        self.waiting.clear();
        wait_for("clients to leave", || self.clients().len() == 2);
        self.writer.call(&["FLUSHALL"]).expect("FLUSHALL");
        std::mem::take(&mut self.said)
    }

    /// A waiting client's command; returns when it was executed.
    fn send(&mut self, number: usize, command: &str) {
        if !self.waiting.contains_key(&number) {
            let options = Options::with_timeout(Duration::from_secs(60));
            let address = client::Address::tcp("127.0.0.1", self.server.port());
            let mut connection = Connection::connect(&address, &options).expect("a connection");
            let id = connection.call(&["CLIENT", "ID"]).expect("CLIENT ID").as_int().unwrap_or(0);
            self.waiting.insert(number, Waiting { connection, id, owed: false });
        }
        let waiting = self.waiting.get_mut(&number).expect("inserted");
        waiting.connection.call(&["CLIENT", "SETNAME", "before"]).expect("CLIENT SETNAME");
        waiting.connection.send(&words(command)).expect("sent");
        waiting.connection.flush().expect("sent");
        waiting.owed = true;
        let id = waiting.id;
        wait_for("a command to be executed", || {
            self.clients().get(&id).is_none_or(|(_, last)| !last.starts_with("client"))
        });
    }

    fn write(&mut self, line: &str) {
        let args: Vec<&str> = line.split(' ').collect();
        let reply = match args[..] {
            ["restore", from, to] => {
                let payload = self.writer.call(&["DUMP", from]).expect("a payload");
                let payload = payload.as_bytes().expect("a payload").to_vec();
                self.writer.call(&[b"RESTORE".as_slice(), to.as_bytes(), b"0", &payload])
            }
            ["unblock", number, ..] => {
                let id = self.waiting[&number.parse().expect("a number")].id.to_string();
                let how = args.get(2).copied().unwrap_or("TIMEOUT");
                self.writer.call(&["CLIENT", "UNBLOCK", &id, how])
            }
            _ => self.writer.call(&words(line)),
        };
        self.said.push(format!("{line}: {:?}", reply.expect("a reply")));
    }

    /// The answers of the clients that wait no longer.
    fn collect(&mut self) {
        for number in self.waiting.keys().copied().collect::<Vec<_>>() {
            let id = self.waiting[&number].id;
            if !self.waiting[&number].owed || self.waits(id) {
                continue;
            }
            let waiting = self.waiting.get_mut(&number).expect("there");
            waiting.owed = false;
            let reply = waiting.connection.receive().unwrap_or(Value::Simple(b"gone".to_vec()));
            self.said.push(format!("{number}< {reply:?}"));
        }
    }
}

#[test]
fn waiting_clients_are_served_as_by_redis() {
    let ports = reserve();
    let mut ours = Side::new(Kind::Grapevine, ports.port(0));
    let mut theirs = Side::new(Kind::Redis, ports.port(1));
    let mut wrong = Vec::new();
    for (name, lines) in SCENARIOS {
        let (our, their) = (ours.play(lines), theirs.play(lines));
        if our != their {
            wrong.push(format!("{name}:\n  ours   {our:#?}\n  theirs {their:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A replica's readers are served by what its primary writes, in the order of the writes, and go on waiting when it is
/// promoted.
#[test]
fn readers_of_a_replica_are_served_through_its_promotion() {
    let ports = reserve();
    let primary = Server::build(Kind::Redis, ports.port(0)).with("save", "").start();
    let mut sides = [Side::new(Kind::Grapevine, ports.port(1)), Side::new(Kind::Redis, ports.port(2))];
    let port = primary.port().to_string();
    for side in &mut sides {
        side.write(&format!("REPLICAOF 127.0.0.1 {port}"));
        wait_for("the link", || side.server.info("master_link_status").as_deref() == Some("up"));
        side.send(0, "XREAD BLOCK 0 STREAMS s 0");
        side.send(1, "XREAD BLOCK 0 STREAMS s 1-1");
        side.collect();
        side.said.clear();
    }
    primary.command(&["XADD", "s", "1-1", "f", "v"]);
    let said: Vec<Vec<String>> = sides
        .iter_mut()
        .map(|side| {
            let id = side.waiting[&0].id;
            wait_for("the first reader to be served", || !side.waits(id));
            side.collect();
            side.write("REPLICAOF NO ONE");
            side.collect();
            side.write("XADD s 2-1 f v");
            side.collect();
            side.said.clone()
        })
        .collect();
    assert_eq!(said[0], said[1]);
    assert!(said[0].iter().any(|line| line.starts_with("1< ")), "{said:?}");
}
