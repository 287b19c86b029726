//! A node with connected clients and no sockets: a line of words goes in, its reply comes out.

use crate::Node;
use crate::api::{Action, PeerInfo};
use base::{ConnId, DbIndex, Millis, Now, UnixMillis};
use config::Config;
use keyspace::{NewValue, Ttl};
use resp::{Value, ValueParser};

/// See the module.
pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) now: Now,
    pub(crate) actions: Vec<Action>,
}

impl Bench {
    /// A node with these directives, one connected client of number 1.
    pub(crate) fn new(directives: &[(&str, &str)]) -> Bench {
        let mut args = Vec::new();
        for (name, value) in directives {
            args.push(format!("--{name}").into_bytes());
            args.push(value.as_bytes().to_vec());
        }
        let none = &mut |path: &str| Err(format!("no file {path}"));
        let config = Config::load(&args, none, &mut || Ok(Vec::new())).expect("directives");
        let now = Now { mono: Millis(1_000_000), unix: UnixMillis(1_700_000_000_123), micros: 456 };
        let mut bench = Bench { node: Node::new(config, 7, now), now, actions: Vec::new() };
        bench.connect(1);
        bench
    }

    /// Puts a string into database 0.
    pub(crate) fn store(&mut self, key: &str, value: &str) {
        self.node.keyspace.set(DbIndex(0), key.as_bytes(), NewValue::text(value.as_bytes()), Ttl::Clear);
    }

    /// Another client.
    pub(crate) fn connect(&mut self, conn: u64) {
        let peer = PeerInfo {
            peer: format!("127.0.0.1:{}", 50_000 + conn),
            local: "127.0.0.1:6379".into(),
            unix: false,
            loopback: true,
        };
        self.node.accept(self.now, ConnId(conn), peer);
        self.settle();
    }

    /// Sends words of client `conn` and returns everything that it is told.
    pub(crate) fn replies_of(&mut self, conn: u64, words: &[&[u8]]) -> Vec<Value> {
        let mut bytes = Vec::new();
        resp::write_command(&mut bytes, words.iter().copied());
        if let Some(input) = self.node.input(ConnId(conn)) {
            input.extend_from_slice(&bytes);
        }
        self.node.process(self.now, ConnId(conn));
        self.settle_for(conn)
    }

    /// One line of client 1, split at spaces; its one reply, printed by [`show`].
    pub(crate) fn run(&mut self, line: &str) -> String {
        self.run_as(1, line)
    }

    /// As [`Bench::run`] for another client.
    pub(crate) fn run_as(&mut self, conn: u64, line: &str) -> String {
        let words = base::args::split(line.as_bytes()).expect("balanced quotes");
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.replies_of(conn, &words).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    /// The text of a reply that is one string.
    pub(crate) fn text(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        match self.replies_of(1, &words).as_slice() {
            [Value::Bulk(bytes) | Value::Verbatim { bytes, .. }] => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    /// What client `ear` is told when client `mouth` says this, line by line.
    pub(crate) fn heard_by(&mut self, ear: u64, mouth: u64, words: &[&[u8]]) -> Vec<String> {
        let mut bytes = Vec::new();
        resp::write_command(&mut bytes, words.iter().copied());
        if let Some(input) = self.node.input(ConnId(mouth)) {
            input.extend_from_slice(&bytes);
        }
        self.node.process(self.now, ConnId(mouth));
        self.settle_for(ear).iter().map(show).collect()
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now.mono.0 += ms;
        self.now.unix.0 += ms as i64;
        self.node.handle_timeout(self.now);
        self.settle();
    }

    /// Everything that a client was told since it was last asked.
    pub(crate) fn settle_for(&mut self, wanted: u64) -> Vec<Value> {
        let mut parser = ValueParser::new();
        self.node.end_batch(self.now);
        while let Some(conn) = self.node.next_writable() {
            let bytes = self.node.output(conn).to_vec();
            if conn == ConnId(wanted) {
                parser.feed(&bytes);
            }
            self.node.sent(self.now, conn, bytes.len());
        }
        while let Some(action) = self.node.poll_action() {
            self.actions.push(action);
        }
        let mut values = Vec::new();
        while let Some(value) = parser.next().expect("replies are RESP") {
            values.push(value);
        }
        values
    }

    fn settle(&mut self) {
        self.settle_for(u64::MAX);
    }
}

/// A reply in one line: `+OK`, `-ERR ...`, `:1`, `"text"`, `nil`, `[a b]`, `{k=v}`.
pub(crate) fn show(value: &Value) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let list = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(" ");
    match value {
        Value::Simple(bytes) => format!("+{}", text(bytes)),
        Value::Error(bytes) => format!("-{}", text(bytes)),
        Value::Int(number) => format!(":{number}"),
        Value::Bulk(bytes) => format!("{:?}", text(bytes)),
        Value::Verbatim { bytes, .. } => format!("={:?}", text(bytes)),
        Value::Null => "nil".into(),
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Set(values) => format!("~[{}]", list(values)),
        Value::Push(values) => format!(">[{}]", list(values)),
        Value::Map(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}={}", show(k), show(v))).collect();
            format!("{{{}}}", pairs.join(" "))
        }
        other => format!("{other:?}"),
    }
}
