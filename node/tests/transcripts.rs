//! The transcripts of `corpus/`: requests and the exact replies, run against the node in process and against the
//! reference server. What holds for both is compatible by evidence and not by opinion.
//!
//! A transcript is text. `> words` is a request, split as redis-cli splits a line; `< line` is one line of the raw reply
//! without its CR LF (so a bulk string is two lines). `2> words` and `2< line` speak on a second connection; connections
//! are made when first named. `= text` sends raw bytes with escapes instead. A line `--` begins anew with empty servers;
//! `-- only 7.2` begins a part that the reference server, a 7.0, is not asked. `#` is a comment.

use base::{ConnId, Millis, Now, UnixMillis};
use grapevine_node as node;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

/// One step of a transcript.
struct Step {
    line: usize,
    conn: u64,
    request: Vec<u8>,
    reply: Vec<u8>,
    /// Replies that other connections must have got by then.
    others: Vec<(u64, Vec<u8>)>,
}

struct Part {
    only_new: bool,
    steps: Vec<Step>,
}

fn parse(text: &str) -> Vec<Part> {
    let mut parts = vec![Part { only_new: false, steps: Vec::new() }];
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(note) = line.strip_prefix("--") {
            parts.push(Part { only_new: note.contains("only 7.2"), steps: Vec::new() });
            continue;
        }
        let (conn, rest) = match line.strip_prefix(|c: char| c.is_ascii_digit()) {
            Some(rest) => (u64::from(line.as_bytes()[0] - b'0'), rest),
            None => (1, line),
        };
        let Some(part) = parts.last_mut() else { continue };
        let body = rest.get(2..).unwrap_or("");
        match rest.as_bytes()[0] {
            b'>' => part.steps.push(Step::new(number + 1, conn, request(body))),
            b'=' => part.steps.push(Step::new(number + 1, conn, unescape(body))),
            b'<' => {
                let step = part.steps.last_mut().expect("a reply follows a request");
                step.expect(conn, body.as_bytes());
            }
            _ => panic!("line {}: {line}", number + 1),
        }
    }
    parts
}

impl Step {
    fn new(line: usize, conn: u64, request: Vec<u8>) -> Step {
        Step { line, conn, request, reply: Vec::new(), others: Vec::new() }
    }

    fn expect(&mut self, conn: u64, line: &[u8]) {
        let reply = if conn == self.conn {
            &mut self.reply
        } else {
            if self.others.last().is_none_or(|(c, _)| *c != conn) {
                self.others.push((conn, Vec::new()));
            }
            &mut self.others.last_mut().expect("just pushed").1
        };
        reply.extend_from_slice(line);
        reply.extend_from_slice(b"\r\n");
    }
}

fn request(line: &str) -> Vec<u8> {
    let words = base::args::split(line.as_bytes()).unwrap_or_else(|| panic!("unbalanced quotes: {line}"));
    let mut bytes = Vec::new();
    resp::write_command(&mut bytes, words.iter().map(Vec::as_slice));
    bytes
}

fn unescape(text: &str) -> Vec<u8> {
    let quoted = format!("\"{}\"", text.replace('"', "\\\""));
    base::args::split(quoted.as_bytes()).unwrap_or_default().concat()
}

/// Something that answers requests.
trait Subject {
    fn send(&mut self, conn: u64, bytes: &[u8]);
    /// Reads until `wanted` bytes are there, or no more come.
    fn receive(&mut self, conn: u64, wanted: usize) -> Vec<u8>;
}

/// The node in process.
struct InProcess {
    node: node::Node,
    now: Now,
    known: Vec<u64>,
}

impl InProcess {
    fn new() -> Self {
        let mut config = config::Config::default();
        config.settings.save = Vec::new();
        let now = Now { mono: Millis(1), unix: UnixMillis(1_700_000_000_000), micros: 0 };
        InProcess { node: node::Node::new(config, 1, now), now, known: Vec::new() }
    }
}

impl Subject for InProcess {
    fn send(&mut self, conn: u64, bytes: &[u8]) {
        if !self.known.contains(&conn) {
            self.known.push(conn);
            let peer = node::PeerInfo { loopback: true, ..node::PeerInfo::default() };
            self.node.accept(self.now, ConnId(conn), peer);
        }
        if let Some(input) = self.node.input(ConnId(conn)) {
            input.extend_from_slice(bytes);
            self.node.process(self.now, ConnId(conn));
        }
        self.node.end_batch(self.now);
        while self.node.poll_action().is_some() {}
    }

    fn receive(&mut self, conn: u64, _wanted: usize) -> Vec<u8> {
        let bytes = self.node.output(ConnId(conn)).to_vec();
        self.node.sent(self.now, ConnId(conn), bytes.len());
        bytes
    }
}

/// A server over TCP.
struct OverTcp {
    address: String,
    streams: BTreeMap<u64, TcpStream>,
}

impl OverTcp {
    fn stream(&mut self, conn: u64) -> &mut TcpStream {
        let address = self.address.clone();
        self.streams.entry(conn).or_insert_with(|| {
            let stream = TcpStream::connect(address).expect("the server listens");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout can be set");
            stream
        })
    }
}

impl Subject for OverTcp {
    fn send(&mut self, conn: u64, bytes: &[u8]) {
        // A server that has closed the connection shows in what is received.
        let _ = self.stream(conn).write_all(bytes);
    }

    fn receive(&mut self, conn: u64, wanted: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while bytes.len() < wanted {
            match self.stream(conn).read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(n) => bytes.extend_from_slice(&piece[..n]),
            }
        }
        bytes
    }
}

fn run(name: &str, part: &Part, subject: &mut dyn Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut check = |line: usize, conn: u64, got: &[u8], wanted: &[u8]| {
        if got != wanted {
            complaints.push(format!(
                "{name}:{line} connection {conn}\n   wanted {}\n   got    {}",
                wanted.escape_ascii(),
                got.escape_ascii()
            ));
        }
    };
    for step in &part.steps {
        subject.send(step.conn, &step.request);
        let got = subject.receive(step.conn, step.reply.len());
        check(step.line, step.conn, &got, &step.reply);
        for (conn, wanted) in &step.others {
            let got = subject.receive(*conn, wanted.len());
            check(step.line, *conn, &got, wanted);
        }
    }
    complaints
}

fn transcripts() -> Vec<(String, Vec<Part>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("corpus/ exists").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "resp"))
        .map(|path| {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let text = std::fs::read_to_string(&path).expect("a transcript is text");
            (name, parse(&text))
        })
        .collect()
}

#[test]
fn the_node_answers_as_written() {
    let mut complaints = Vec::new();
    for (name, parts) in transcripts() {
        for part in &parts {
            complaints.extend(run(&name, part, &mut InProcess::new()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_reference_server_answers_as_written() {
    let ports = testkit::reserve();
    let server = testkit::Server::build(testkit::Kind::Redis, ports.port(0)).with("save", "").start();
    let mut complaints = Vec::new();
    for (name, parts) in transcripts() {
        for part in parts.iter().filter(|part| !part.only_new) {
            server.command(&["FLUSHALL"]);
            let mut subject = OverTcp { address: server.address(), streams: BTreeMap::new() };
            complaints.extend(run(&name, part, &mut subject));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
