//! The two machines: each alone by the actions it returns, and both wired together through a link that breaks.

use crate::*;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base::{ConnId, DbIndex, Millis, OwnedArgs, Prng, ReplId, ReplOffset};

fn args(words: &[&str]) -> OwnedArgs {
    OwnedArgs::from_slices(words.iter().map(|w| w.as_bytes()))
}

const PEER: Peer<'static> = Peer { ip: "10.0.0.9", client_id: 7 };
const CONN: ConnId = ConnId(5);

fn config() -> PrimaryConfig {
    PrimaryConfig { sync_delay: 0, backlog_size: 1000, ..PrimaryConfig::default() }
}

/// A node as far as replication goes. Its data is what was written, byte by byte: a snapshot is a copy of it.
struct Node {
    primary: Primary,
    log: Log,
    history: History,
    prng: Prng,
    upstream: Option<Replica>,
    data: Vec<u8>,
    loading: Option<(Position, Vec<u8>)>,
    logged: Vec<String>,
    noted: Vec<String>,
}

impl Node {
    fn new(seed: u64) -> Self {
        let mut prng = Prng::new(seed);
        let history = History::new(&mut prng);
        Self {
            primary: Primary::new(config(), Millis(0)),
            log: Log::new(),
            history,
            prng,
            upstream: None,
            data: Vec::new(),
            loading: None,
            logged: Vec::new(),
            noted: Vec::new(),
        }
    }

    fn at(&self) -> Position {
        Position { id: self.history.id(), offset: self.log.offset() }
    }

    fn with_primary<R>(&mut self, f: impl FnOnce(&mut Primary, &mut Context<'_>) -> R) -> R {
        let chained = self.upstream.is_some();
        let mut context = Context {
            log: &mut self.log,
            history: &mut self.history,
            prng: &mut self.prng,
            chained,
            paused: false,
        };
        f(&mut self.primary, &mut context)
    }

    fn write(&mut self, value: &str) {
        let before = self.log.offset();
        self.log.append(Meta::write(DbIndex(0), None), args(&["SET", "k", value]).as_args());
        let mut bytes = Vec::new();
        self.log.copy_wire(before, usize::MAX, &mut bytes);
        self.data.extend_from_slice(&bytes);
    }

    fn say(&mut self, words: &[&str]) -> (ReplconfReply, Option<String>) {
        let words = args(words);
        if words.as_args().at(0) == b"REPLCONF" {
            return (self.primary.handle_replconf(Millis(1), CONN, PEER, words.as_args()), None);
        }
        let error = self.with_primary(|p, c| p.handle_sync(Millis(1), CONN, PEER, words.as_args(), true, c));
        (ReplconfReply::Silent, error)
    }

    /// Everything that the primary wants done, without its log lines.
    fn primary_actions(&mut self) -> Vec<PrimaryAction> {
        let mut out = Vec::new();
        while let Some(action) = self.primary.poll_action() {
            match action {
                PrimaryAction::Log { text, .. } => self.logged.push(text),
                PrimaryAction::Note(text) => self.noted.push(text),
                other => out.push(other),
            }
        }
        out
    }

    fn has_logged(&self, part: &str) -> bool {
        self.logged.iter().any(|line| line.contains(part))
    }
}

fn sent(text: impl Into<Vec<u8>>) -> PrimaryAction {
    PrimaryAction::Send { conn: CONN, bytes: text.into() }
}

#[test]
fn an_rdb_without_data_is_followed_by_the_stream_if_that_is_wanted() {
    for (only, words, filter) in [("1", "functions FUNCTIONS", Filter::Functions), ("0", "", Filter::Nothing)]
    {
        let mut node = Node::new(1);
        let refused = node.say(&["REPLCONF", "rdb-filter-only", "functions keys"]).0;
        let text = "ERR Unsupported rdb-filter-only option: keys".to_string();
        assert_eq!(refused, ReplconfReply::Error(text));
        assert_eq!(node.say(&["REPLCONF", "rdb-only", only, "rdb-filter-only", words]).0, ReplconfReply::Ok);
        assert_eq!(node.say(&["PSYNC", "?", "-1"]).1, None);
        assert_eq!(node.primary_actions(), [PrimaryAction::EncodeFiltered { conn: CONN, filter }]);
        node.write("before");
        node.with_primary(|p, c| p.filtered(Millis(2), CONN, b"REDIS", c));
        let full = format!("+FULLRESYNC {} {}\r\n$5\r\nREDIS", node.history.id(), node.log.offset());
        assert_eq!(node.primary_actions(), [sent(full)]);
        node.write("after");
        let expected: &[ConnId] = if only == "1" { &[] } else { &[CONN] };
        assert_eq!(node.primary.hungry(&node.log), expected);
    }
}

#[test]
fn a_full_sync_in_both_framings() {
    for eof in [true, false] {
        let mut node = Node::new(1);
        assert_eq!(node.say(&["REPLCONF", "listening-port", "7001"]).0, ReplconfReply::Ok);
        if eof {
            let reply = node.say(&["REPLCONF", "capa", "eof", "capa", "psync2", "capa", "other"]).0;
            assert_eq!(reply, ReplconfReply::Ok);
        }
        let id = node.history.id();
        assert_eq!(node.say(&["PSYNC", "?", "-1"]).1, None);
        assert_ne!(node.history.id(), id, "a backlog that begins takes a new id");
        assert_eq!(node.primary_actions(), [PrimaryAction::StartSnapshot]);
        node.write("before");
        let cut = node.log.offset();
        node.with_primary(|p, c| p.snapshot_begun(Millis(2), c));
        let full = format!("+FULLRESYNC {} {}\r\n", node.history.id(), cut);
        let actions = node.primary_actions();
        let PrimaryAction::Send { bytes, .. } = &actions[0] else { panic!() };
        assert!(bytes.starts_with(full.as_bytes()));
        assert_eq!(actions.len(), 1);
        let mark = if eof {
            let rest = bytes[full.len()..].strip_prefix(b"$EOF:").unwrap();
            rest[..40].to_vec()
        } else {
            assert_eq!(bytes.len(), full.len());
            Vec::new()
        };
        node.write("during");
        node.primary.snapshot_bytes(Millis(3), b"REDIS..");
        node.primary.snapshot_bytes(Millis(3), b"..end");
        node.primary.snapshot_done(Millis(4));
        if eof {
            assert_eq!(node.primary_actions(), [sent("REDIS.."), sent("..end"), sent(mark)]);
            assert!(node.primary.hungry(&node.log).is_empty(), "nothing before the first ACK");
            assert_eq!(node.primary.slowest(), Some(cut));
            let ack = cut.0.to_string();
            assert_eq!(node.say(&["REPLCONF", "ACK", &ack]).0, ReplconfReply::Silent);
        } else {
            assert_eq!(node.primary_actions(), [sent("$12\r\nREDIS....end")]);
        }
        assert_eq!(node.primary.hungry(&node.log), [CONN]);
        let mut out = Vec::new();
        node.primary.pull(CONN, &node.log, usize::MAX, &mut out);
        assert_eq!(out, b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nduring\r\n");
        node.primary_actions();
        assert!(node.has_logged("Replica 10.0.0.9:7001 asks for synchronization"));
        assert!(node.has_logged("Synchronization with replica 10.0.0.9:7001 succeeded"));
    }
}

#[test]
fn psync_is_granted_for_what_is_held_only() {
    let mut node = Node::new(2);
    node.log.start_backlog(1000);
    for i in 0..200 {
        node.write(&format!("{i:06}"));
    }
    node.log.trim(None);
    let (end, first, id) = (node.log.offset().0, node.log.first_offset().0, node.history.id());
    assert!(end - first >= 1000);
    let cases = [
        (id, end + 1, true),
        (id, first + 1, true),
        (id, first, false),
        (id, end + 2, false),
        (ReplId([b'a'; 40]), end, false),
    ];
    for (id, next, granted) in cases {
        node.say(&["REPLCONF", "capa", "psync2"]);
        assert_eq!(node.say(&["PSYNC", &id.to_string(), &next.to_string()]).1, None);
        let state = node.primary.state(CONN);
        assert_eq!(state == Some(LinkState::Online), granted, "{next} of {first}..{end}");
        let actions = node.primary_actions();
        if granted {
            assert_eq!(actions, [sent(format!("+CONTINUE {id}\r\n"))]);
        } else {
            assert_eq!(actions, [PrimaryAction::StartSnapshot]);
            node.primary.snapshot_refused();
        }
        node.primary.handle_closed(Millis(2), CONN);
    }
    assert_eq!(node.primary.counts(), SyncCounts { full: 3, partial_ok: 2, partial_err: 3 });
    assert!(node.has_logged("greater than the master replication offset"));
    assert!(node.has_logged("Replication ID mismatch"));
    assert!(node.noted.iter().any(|text| text.ends_with("which the backlog does not hold")));
    assert!(node.noted.iter().any(|text| text.ends_with("its data is of another history")));
}

#[test]
fn bad_handshakes_get_redis_texts() {
    let mut node = Node::new(3);
    let error = |text: &str| ReplconfReply::Error(text.to_string());
    assert_eq!(node.say(&["REPLCONF", "capa"]).0, error("ERR syntax error"));
    assert_eq!(node.say(&["REPLCONF", "what", "1"]).0, error("ERR Unrecognized REPLCONF option: what"));
    let not_int = "ERR value is not an integer or out of range";
    assert_eq!(node.say(&["REPLCONF", "listening-port", "x"]).0, error(not_int));
    assert_eq!(node.say(&["REPLCONF", "GETACK", "*"]).0, ReplconfReply::SendAck);
    assert_eq!(node.say(&["REPLCONF", "ack", "17"]).0, ReplconfReply::Silent);
    assert_eq!(node.say(&["PSYNC", "?", "x"]).1.as_deref(), Some(not_int));
    let request = args(&["PSYNC", "?", "-1"]);
    let (log, history, prng) = (&mut node.log, &mut node.history, &mut node.prng);
    let mut context = Context { log, history, prng, chained: true, paused: false };
    let refused = node.primary.handle_sync(Millis(1), CONN, PEER, request.as_args(), false, &mut context);
    assert_eq!(refused.as_deref(), Some("NOMASTERLINK Can't SYNC while not connected with my master"));
}

#[test]
fn time_passes_for_a_primary() {
    let mut node = Node::new(4);
    node.say(&["REPLCONF", "capa", "eof"]);
    node.say(&["PSYNC", "?", "-1"]);
    node.primary_actions();
    node.with_primary(|p, c| p.handle_timeout(Millis(1000), c));
    assert_eq!(node.primary_actions(), [sent("\n")], "a waiting replica hears that we live");
    node.with_primary(|p, c| p.snapshot_begun(Millis(1100), c));
    node.primary.snapshot_done(Millis(1100));
    node.say(&["REPLCONF", "ACK", "0"]);
    node.primary_actions();
    let before = node.log.offset();
    node.with_primary(|p, c| p.handle_timeout(Millis(11_000), c));
    let mut ping = Vec::new();
    node.log.copy_wire(before, 100, &mut ping);
    assert_eq!(ping, b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(node.primary.good_replicas(Millis(9_000)), 1);
    assert_eq!(node.primary.good_replicas(Millis(11_000)), 0, "it last spoke ten seconds ago");
    node.with_primary(|p, c| p.handle_timeout(Millis(70_000), c));
    assert_eq!(node.primary_actions(), [PrimaryAction::Close { conn: CONN }]);
    assert!(node.has_logged("Disconnecting timedout replica (streaming sync)"));
    let id = node.history.id();
    node.with_primary(|p, c| p.handle_timeout(Millis(70_000 + 3_601_000), c));
    assert_eq!(node.log.backlog_size(), None);
    assert_ne!(node.history.id(), id);
}

#[test]
fn a_replica_that_lags_too_far_is_let_go() {
    let mut node = Node::new(5);
    node.log.start_backlog(1000);
    node.primary.set_config(PrimaryConfig { output_limit: (4000, 2000, 5000), ..config() }, &mut node.log);
    node.write("x");
    let offset = (node.log.offset().0 + 1).to_string();
    let id = node.history.id().to_string();
    node.say(&["PSYNC", &id, &offset]);
    node.primary_actions();
    let mut now = Millis(10);
    while node.log.offset().0 < 2500 {
        node.write("some value");
        node.primary.enforce_limits(now, &mut node.log);
    }
    assert!(node.primary_actions().is_empty(), "the wire keeps what it needs");
    assert!(node.log.first_offset().0 < 100);
    now = now + 6000;
    node.primary.enforce_limits(now, &mut node.log);
    assert_eq!(node.primary_actions(), [PrimaryAction::Close { conn: CONN }]);
    assert!(node.log.first_offset().0 > 1000);
}

#[test]
fn wait_counts_acknowledgements() {
    let mut node = Node::new(6);
    node.log.start_backlog(1000);
    let id = node.history.id().to_string();
    node.say(&["PSYNC", &id, "1"]);
    node.write("v");
    let offset = node.log.offset();
    assert_eq!(node.primary.count_acked(offset), 0);
    node.with_primary(|p, c| p.request_acks(c));
    let mut tail = Vec::new();
    node.log.copy_wire(offset, 100, &mut tail);
    assert_eq!(tail, b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n");
    node.say(&["REPLCONF", "ACK", &offset.to_string()]);
    assert_eq!(node.primary.count_acked(offset), 1);
    node.say(&["REPLCONF", "ACK", "3"]);
    assert_eq!(node.primary.count_acked(offset), 1, "acknowledgements never go back");
    let at = offset.to_string();
    assert_eq!(node.primary.count_safe(offset), 0);
    node.say(&["REPLCONF", "ACK", &at, "FACK", "x"]);
    node.say(&["REPLCONF", "ACK", &at, "FACK", "1"]);
    assert_eq!(node.primary.count_safe(offset), 0);
    node.say(&["REPLCONF", "ACK", &at, "FACK", &at]);
    assert_eq!(node.primary.count_safe(offset), 1);
}

fn replica_actions(replica: &mut Replica) -> Vec<ReplicaAction> {
    let all = core::iter::from_fn(|| replica.poll_action());
    all.filter(|action| !matches!(action, ReplicaAction::Log { .. } | ReplicaAction::Note(_))).collect()
}

fn command(words: &[&str]) -> ReplicaAction {
    let mut bytes = Vec::new();
    crate::log::push_command(&mut bytes, words.iter().map(|w| w.as_bytes()));
    ReplicaAction::Send(bytes)
}

#[test]
fn the_replica_side_of_the_handshake() {
    let at = Position { id: ReplId([b'b'; 40]), offset: ReplOffset(41) };
    let config = ReplicaConfig {
        host: "h".into(),
        port: 1,
        user: b"u".to_vec(),
        password: b"p".to_vec(),
        listening_port: 7000,
        announce_ip: "1.2.3.4".into(),
        timeout: 60_000,
    };
    let connect = ReplicaAction::Connect { host: "h".into(), port: 1 };
    let mut replica = Replica::new(config, true, Millis(0));
    assert_eq!(replica_actions(&mut replica), core::slice::from_ref(&connect));
    replica.handle_connected(Millis(1), Ok(()));
    assert_eq!(replica_actions(&mut replica), [command(&["PING"])]);
    replica.handle_bytes(Millis(2), b"-NOAUTH Authentication requ", at);
    assert!(replica_actions(&mut replica).is_empty());
    replica.handle_bytes(Millis(2), b"ired.\r\n", at);
    let expected = [
        command(&["AUTH", "u", "p"]),
        command(&["REPLCONF", "listening-port", "7000"]),
        command(&["REPLCONF", "ip-address", "1.2.3.4"]),
        command(&["REPLCONF", "capa", "eof", "capa", "psync2"]),
    ];
    assert_eq!(replica_actions(&mut replica), expected);
    replica.handle_bytes(Millis(3), b"+OK\r\n-ERR what\r\n+OK\r\n+OK\r\n", at);
    assert_eq!(replica_actions(&mut replica), [command(&["PSYNC", &at.id.to_string(), "42"])]);
    assert_eq!(replica.phase(), Phase::Handshake);
    // Keep-alives, then an answer that says later.
    replica.handle_bytes(Millis(4), b"\n\n-NOMASTERLINK Can't\r\n", at);
    assert_eq!(replica_actions(&mut replica), [ReplicaAction::Close]);
    replica.handle_timeout(Millis(500), at);
    assert!(replica_actions(&mut replica).is_empty());
    replica.handle_timeout(Millis(1004), at);
    assert_eq!(replica_actions(&mut replica), [connect]);
}

#[test]
fn a_primary_that_lacks_something_replaces_nothing() {
    let at = Position { id: ReplId([b'b'; 40]), offset: ReplOffset(41) };
    let held = Position { id: ReplId([b'd'; 40]), offset: ReplOffset(700) };
    let connect = ReplicaAction::Connect { host: String::new(), port: 0 };
    let mut replica = Replica::new(ReplicaConfig::default(), true, Millis(0));
    assert_eq!(replica_actions(&mut replica), core::slice::from_ref(&connect));
    let question = command(&["REPLCONF", "holds", &format!("{}:700", held.id)]);
    for (answer, lacks) in
        [("+LACKS 600", true), ("-ERR Unrecognized REPLCONF option: holds", false), ("+OK", false)]
    {
        replica.set_holds(Some(held));
        replica.handle_connected(Millis(1), Ok(()));
        replica.handle_bytes(Millis(2), b"+PONG\r\n", at);
        assert!(replica_actions(&mut replica).contains(&question));
        replica.handle_bytes(Millis(3), format!("+OK\r\n+OK\r\n{answer}\r\n").as_bytes(), at);
        let then = replica_actions(&mut replica);
        if lacks {
            assert_eq!(then, [ReplicaAction::Lacks { offset: ReplOffset(600) }, ReplicaAction::Close]);
            replica.handle_timeout(Millis(1500), at);
            assert_eq!(replica_actions(&mut replica), core::slice::from_ref(&connect));
        } else {
            assert_eq!(then, [command(&["PSYNC", &at.id.to_string(), "42"])]);
            replica.handle_closed(Millis(4));
            replica.handle_timeout(Millis(9000), at);
            assert_eq!(replica_actions(&mut replica), core::slice::from_ref(&connect));
        }
    }
}

#[test]
fn what_a_replica_holds_is_a_history_and_an_offset() {
    let mut node = Node::new(4);
    let id = "d".repeat(40);
    let held = Position { id: ReplId([b'd'; 40]), offset: ReplOffset(7) };
    assert_eq!(node.say(&["REPLCONF", "holds", &format!("{id}:7")]).0, ReplconfReply::Holds(held));
    let broken =
        ["", "7", ":7", &format!("{id}:"), &format!("{id}:-1"), &format!("{id}:18446744073709551616"), &id];
    for text in broken {
        assert_eq!(node.say(&["REPLCONF", "holds", text]).0, ReplconfReply::Error("ERR syntax error".into()));
    }
}

#[test]
fn a_transfer_in_pieces_of_any_size() {
    let id = "c".repeat(40);
    let mark = "0123456789".repeat(4);
    let payload: Vec<u8> = (0..500u32).map(|i| (i * 7) as u8).collect();
    let at = Position { id: ReplId([b'b'; 40]), offset: ReplOffset(0) };
    for eof in [true, false] {
        let mut wire = format!("+FULLRESYNC {id} 77\r\n\n\n").into_bytes();
        if eof {
            wire.extend_from_slice(format!("$EOF:{mark}\r\n").as_bytes());
        } else {
            wire.extend_from_slice(format!("${}\r\n", payload.len()).as_bytes());
        }
        wire.extend_from_slice(&payload);
        if eof {
            wire.extend_from_slice(mark.as_bytes());
        }
        for step in [1, 3, 39, 40, 41, 1000] {
            let mut replica = Replica::new(ReplicaConfig::default(), false, Millis(0));
            replica.handle_connected(Millis(0), Ok(()));
            replica.handle_bytes(Millis(0), b"+PONG\r\n", at);
            replica.handle_bytes(Millis(0), b"+OK\r\n+OK\r\n", at);
            assert_eq!(replica_actions(&mut replica).last(), Some(&command(&["PSYNC", "?", "-1"])));
            wire.chunks(step).for_each(|piece| replica.handle_bytes(Millis(1), piece, at));
            let mut loaded = Vec::new();
            let mut actions = VecDeque::from(replica_actions(&mut replica));
            let to = Position { id: ReplId([b'c'; 40]), offset: ReplOffset(77) };
            let size = (!eof).then_some(payload.len() as u64);
            assert_eq!(actions.pop_front(), Some(ReplicaAction::LoadBegin { at: to, size }));
            assert_eq!(actions.pop_back(), Some(ReplicaAction::LoadEnd));
            for action in actions {
                let ReplicaAction::LoadBytes(bytes) = action else { panic!("{action:?}") };
                loaded.extend_from_slice(&bytes);
            }
            assert_eq!(loaded, payload, "eof {eof}, pieces of {step}");
            replica.handle_loaded(Millis(2), Ok(to));
            assert_eq!(replica_actions(&mut replica), [command(&["REPLCONF", "ACK", "77"])]);
            assert!(replica.is_streaming());
            replica.set_safe(Some(ReplOffset(70)));
            replica.acknowledge(to);
            let both = command(&["REPLCONF", "ACK", "77", "FACK", "70"]);
            assert_eq!(replica_actions(&mut replica), [both]);
        }
    }
}

#[test]
fn nonsense_from_a_primary_only_closes_the_link() {
    let at = Position { id: ReplId([b'b'; 40]), offset: ReplOffset(0) };
    let mut prng = Prng::new(9);
    let scraps: [&[u8]; 9] = [
        b"+PONG\r\n",
        b"+OK\r\n",
        b"-ERR\r\n",
        b"+FULLRESYNC x\r\n",
        b"+CONTINUE\r\n",
        b"$EOF:\r\n",
        b"$-1\r\n",
        b"\n",
        b"$99999999999999999999\r\n",
    ];
    for _ in 0..2000 {
        let mut replica = Replica::new(ReplicaConfig::default(), prng.chance(1, 2), Millis(0));
        replica.handle_connected(Millis(0), Ok(()));
        for _ in 0..20 {
            let junk = [prng.next_u64() as u8; 3];
            let piece = if prng.chance(1, 5) { &junk } else { *prng.pick(&scraps).unwrap() };
            replica.handle_bytes(Millis(0), piece, at);
            replica_actions(&mut replica);
        }
        replica.handle_bytes(Millis(0), &[b'x'; 10_000], at);
        assert!(!matches!(replica.phase(), Phase::Connecting));
    }
}

/// Two nodes and the link between them.
struct Pair {
    a: Node,
    b: Node,
    now: Millis,
    conn: u64,
    up: bool,
    to_a: Vec<u8>,
    to_b: Vec<u8>,
}

impl Pair {
    fn new(a: Node, mut b: Node, resumable: bool) -> Self {
        b.upstream =
            Some(Replica::new(ReplicaConfig { timeout: 60_000, ..Default::default() }, resumable, Millis(0)));
        Self { a, b, now: Millis(0), conn: 0, up: false, to_a: Vec::new(), to_b: Vec::new() }
    }

    fn cut(&mut self) {
        self.up = false;
        self.to_a.clear();
        self.to_b.clear();
        let conn = ConnId(self.conn);
        self.a.primary.handle_closed(self.now, conn);
        if let Some(upstream) = &mut self.b.upstream {
            upstream.handle_closed(self.now);
        }
    }

    /// Lets a second pass, and then everything settle.
    fn run(&mut self) {
        self.now = self.now + 1000;
        let (now, at) = (self.now, self.b.at());
        if let Some(upstream) = &mut self.b.upstream {
            upstream.handle_timeout(now, at);
        }
        self.a.with_primary(|p, c| p.handle_timeout(now, c));
        for _ in 0..50 {
            self.b_step();
            self.a_step();
        }
    }

    fn a_step(&mut self) {
        let (now, conn) = (self.now, ConnId(self.conn));
        // Commands arrive whole here: what is under test is not a parser.
        let bytes = core::mem::take(&mut self.to_a);
        let text = String::from_utf8_lossy(&bytes).to_string();
        let mut words: Vec<&str> = text.split("\r\n").filter(|w| !w.is_empty() && *w != "\n").collect();
        words.reverse();
        while let Some(head) = words.pop() {
            let Some(count) = head.trim_start().strip_prefix('*').and_then(|n| n.parse::<usize>().ok())
            else {
                continue;
            };
            let mut list = Vec::new();
            for _ in 0..count {
                words.pop();
                list.push(words.pop().unwrap_or(""));
            }
            let request = args(&list);
            match list[0] {
                "PING" => self.to_b.extend_from_slice(b"+PONG\r\n"),
                "PSYNC" => {
                    let error = self
                        .a
                        .with_primary(|p, c| p.handle_sync(now, conn, PEER, request.as_args(), true, c));
                    assert_eq!(error, None);
                }
                _ => {
                    let reply = self.a.primary.handle_replconf(now, conn, PEER, request.as_args());
                    if reply == ReplconfReply::Ok {
                        self.to_b.extend_from_slice(b"+OK\r\n");
                    }
                }
            }
        }
        for action in self.a.primary_actions() {
            match action {
                PrimaryAction::Send { conn: to, bytes } => {
                    if to == conn && self.up {
                        self.to_b.extend_from_slice(&bytes);
                    }
                }
                PrimaryAction::Close { conn: closed } => {
                    if closed == conn {
                        self.cut();
                    }
                }
                PrimaryAction::StartSnapshot => {
                    let data = self.a.data.clone();
                    self.a.with_primary(|p, c| p.snapshot_begun(now, c));
                    self.a.primary.snapshot_bytes(now, &data);
                    self.a.primary.snapshot_done(now);
                }
                PrimaryAction::AbortSnapshot | PrimaryAction::EncodeFiltered { .. } => {}
                PrimaryAction::Log { .. } | PrimaryAction::Note(_) => unreachable!(),
            }
        }
        for conn in self.a.primary.hungry(&self.a.log) {
            self.a.primary.pull(conn, &self.a.log, 100, &mut self.to_b);
        }
        self.a.primary.enforce_limits(now, &mut self.a.log);
    }

    fn b_step(&mut self) {
        let now = self.now;
        let at = self.b.at();
        let Some(mut upstream) = self.b.upstream.take() else { return };
        let bytes = core::mem::take(&mut self.to_b);
        if upstream.is_streaming() && !bytes.is_empty() {
            upstream.handle_stream(now);
            self.b_apply(&bytes);
        } else {
            upstream.handle_bytes(now, &bytes, at);
        }
        while let Some(action) = upstream.poll_action() {
            match action {
                ReplicaAction::Connect { .. } => {
                    self.conn += 1;
                    self.up = true;
                    self.to_a.clear();
                    self.to_b.clear();
                    upstream.handle_connected(now, Ok(()));
                }
                ReplicaAction::FailoverAnswered { .. } | ReplicaAction::Lacks { .. } => {}
                ReplicaAction::Send(bytes) => self.to_a.extend_from_slice(&bytes),
                ReplicaAction::Close => {
                    self.up = false;
                    self.a.primary.handle_closed(now, ConnId(self.conn));
                }
                ReplicaAction::LoadBegin { at, .. } => self.b.loading = Some((at, Vec::new())),
                ReplicaAction::LoadBytes(bytes) => {
                    self.b.loading.as_mut().unwrap().1.extend_from_slice(&bytes);
                }
                ReplicaAction::LoadEnd => {
                    let (at, data) = self.b.loading.take().unwrap();
                    self.b.data = data;
                    self.b.history.adopt(at.id);
                    self.b.log.start_backlog(1000);
                    self.b.log.restart_wire(at.offset, None);
                    upstream.handle_loaded(now, Ok(at));
                }
                ReplicaAction::LoadAbort => self.b.loading = None,
                ReplicaAction::Continued { id } => {
                    if let Some(id) = id {
                        self.b.history.follow(id, self.b.log.offset());
                    }
                }
                ReplicaAction::Stream(bytes) => self.b_apply(&bytes),
                ReplicaAction::Log { text, .. } => self.b.logged.push(text),
                ReplicaAction::Note(text) => self.b.noted.push(text),
            }
        }
        self.b.upstream = Some(upstream);
    }

    fn b_apply(&mut self, bytes: &[u8]) {
        self.b.data.extend_from_slice(bytes);
        self.b.log.append_verbatim(Meta::wire(Kind::Write), bytes);
        self.b.log.trim(None);
    }

    #[track_caller]
    fn assert_same(&self) {
        assert!(self.b.upstream.as_ref().is_some_and(Replica::is_streaming));
        assert_eq!(self.b.log.offset(), self.a.log.offset());
        assert_eq!(self.b.history.id(), self.a.history.id());
        // Pings and the like are in the wire and not in `data` of the writer.
        let strip = |data: &[u8]| String::from_utf8_lossy(data).replace("*1\r\n$4\r\nPING\r\n", "");
        assert_eq!(strip(&self.b.data), strip(&self.a.data));
    }
}

#[test]
fn full_then_partial_then_promotion() {
    let mut pair = Pair::new(Node::new(10), Node::new(11), false);
    pair.run();
    pair.run();
    pair.a.write("one");
    pair.run();
    pair.assert_same();
    assert_eq!(pair.a.primary.counts(), SyncCounts { full: 1, ..Default::default() });

    // The link breaks; writes go on; the backlog has them.
    pair.cut();
    pair.a.write("two");
    pair.run();
    pair.run();
    pair.assert_same();
    assert_eq!(pair.a.primary.counts(), SyncCounts { full: 1, partial_ok: 1, partial_err: 0 });

    // More than the backlog is written: a full sync is needed.
    pair.cut();
    for i in 0..100 {
        pair.a.write(&format!("{i}"));
    }
    pair.a.log.trim(None);
    pair.run();
    pair.run();
    pair.assert_same();
    assert_eq!(pair.a.primary.counts(), SyncCounts { full: 2, partial_ok: 1, partial_err: 1 });

    // The replica is promoted; the old primary, which has nothing of its own, follows it by a partial resync.
    pair.cut();
    let Pair { a, mut b, .. } = pair;
    b.upstream = None;
    let old = b.history.id();
    b.history.shift(b.log.offset(), &mut b.prng);
    b.log.force_select();
    b.write("after promotion");
    let mut swapped = Pair::new(b, a, true);
    swapped.run();
    swapped.run();
    swapped.assert_same();
    assert_eq!(swapped.a.primary.counts(), SyncCounts { full: 0, partial_ok: 1, partial_err: 0 });
    assert_eq!(swapped.b.history.second().map(|s| s.0), Some(old));
    assert!(swapped.b.logged.iter().any(|line| line.starts_with("Master replication ID changed to")));
}

#[test]
fn an_old_primary_that_wrote_on_needs_a_full_sync() {
    let mut pair = Pair::new(Node::new(20), Node::new(21), false);
    pair.run();
    pair.run();
    pair.a.write("shared");
    pair.run();
    pair.assert_same();
    pair.cut();
    pair.a.write("written by nobody else");
    let Pair { a, mut b, .. } = pair;
    b.upstream = None;
    b.history.shift(b.log.offset(), &mut b.prng);
    b.log.force_select();
    b.write("something else of the same length");
    let mut swapped = Pair::new(b, a, true);
    swapped.run();
    swapped.run();
    swapped.assert_same();
    assert_eq!(swapped.a.primary.counts(), SyncCounts { full: 1, partial_ok: 0, partial_err: 1 });
}

#[test]
fn links_that_break_anywhere_lose_nothing() {
    for seed in 0..60 {
        let mut prng = Prng::new(seed);
        let mut pair = Pair::new(Node::new(seed + 100), Node::new(seed + 200), false);
        for step in 0..200 {
            for _ in 0..prng.below(4) {
                pair.a.write(&format!("value {step}"));
            }
            for _ in 0..prng.below(6) {
                pair.b_step();
                pair.a_step();
            }
            if prng.chance(1, 8) && pair.up {
                pair.cut();
            }
            if prng.chance(1, 3) {
                pair.run();
            }
        }
        for _ in 0..4 {
            pair.run();
        }
        pair.assert_same();
    }
}

#[test]
fn the_aof_reader_has_its_own_selects() {
    let mut log = Log::new();
    assert_eq!(log.append(Meta::write(DbIndex(0), None), args(&["SET", "a", "1"]).as_args()), 0);
    assert_eq!(log.readers(), Targets::NONE);
    log.set_aof(true);
    log.start_backlog(1 << 20);
    log.append(Meta::write(DbIndex(2), None), args(&["SET", "a", "1"]).as_args());
    log.append(Meta::wire(Kind::Ping), args(&["PING"]).as_args());
    let local = Meta { targets: Targets::AOF, ..Meta::write(DbIndex(3), None) };
    log.append(local, args(&["SET", "b", "2"]).as_args());
    let mut out = Vec::new();
    assert_eq!(log.take_aof(&mut out), Some(log.end_seq()));
    let set_a = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
    let set_b = "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n";
    let select = |db| format!("*2\r\n$6\r\nSELECT\r\n$1\r\n{db}\r\n");
    assert_eq!(out, format!("{}{set_a}{}{set_b}", select(2), select(3)).as_bytes());
    let mut wire = Vec::new();
    log.copy_wire(ReplOffset(0), usize::MAX, &mut wire);
    assert_eq!(wire, format!("{}{set_a}*1\r\n$4\r\nPING\r\n", select(2)).as_bytes());
    assert_eq!(log.offset().0, wire.len() as u64);
    assert_eq!(log.take_aof(&mut out), None);
    // What only replicas get is nothing that the disk could make safe.
    let safe = log.aof_end_seq();
    log.append(Meta::wire(Kind::GetAck), args(&["REPLCONF", "GETACK", "*"]).as_args());
    assert_eq!((log.aof_end_seq(), log.take_aof(&mut out)), (safe, None));
    assert!(log.end_seq() > safe);
    // A new file and a wire that goes away under what was not read.
    log.begin_aof_file();
    log.append(Meta::write(DbIndex(3), None), args(&["SET", "b", "2"]).as_args());
    log.free_backlog();
    let mut out = Vec::new();
    log.take_aof(&mut out);
    assert_eq!(out, format!("{}{set_b}", select(3)).as_bytes());
}
