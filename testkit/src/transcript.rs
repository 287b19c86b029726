//! Transcripts: requests and the exact replies, written down once and held against anything that answers.
//!
//! A transcript is text. `> words` is a request, split as redis-cli splits a line; `< line` is one line of the raw reply
//! without its CR LF (so a bulk string is two lines). `2> words` and `2< line` speak on a second connection; connections
//! are made when first named. `= text` sends raw bytes with escapes instead. A line `--` begins anew with empty servers.
//! `? grapevine: reason` or `? redis: reason` is about the next request: only that program is asked it. `#` is a comment.

use crate::Kind;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Longest silence of a server that owes a reply.
const SILENCE: Duration = Duration::from_secs(10);

/// A file of `corpus/`.
pub struct Transcript {
    /// The file's name.
    pub name: String,
    /// What is run one after the other, each part on empty servers.
    pub parts: Vec<Part>,
}

/// Steps that begin with an empty server and new connections.
#[derive(Default)]
pub struct Part {
    steps: Vec<Step>,
}

/// One request and what it brings about.
struct Step {
    line: usize,
    conn: u64,
    /// The only program that is asked this; `None` for all.
    only: Option<Kind>,
    request: Vec<u8>,
    reply: Vec<u8>,
    /// Replies that other connections must have got by then.
    others: Vec<(u64, Vec<u8>)>,
}

/// Something that answers requests.
pub trait Subject {
    /// Sends bytes on a connection, which is made when first named.
    fn send(&mut self, conn: u64, bytes: &[u8]);
    /// Reads until `wanted` bytes are there, or no more come.
    fn receive(&mut self, conn: u64, wanted: usize) -> Vec<u8>;
    /// Ends all connections; what they still brought.
    fn finish(&mut self) -> Vec<(u64, Vec<u8>)>;
}

/// The transcripts of a folder by name. Panics about what is no transcript.
pub fn read_all(folder: &Path) -> Vec<Transcript> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "resp"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Transcript { parts: parse(&name, &text), name }
    };
    paths.iter().map(read).collect()
}

fn parse(name: &str, text: &str) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let mut only = None;
    for (number, line) in text.lines().enumerate() {
        let place = || format!("{name}:{}: {line}", number + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "--" {
            parts.push(Part::default());
            continue;
        }
        if let Some(note) = line.strip_prefix("? ") {
            only = Some(marker(note).unwrap_or_else(|| panic!("{}: who, and why?", place())));
            continue;
        }
        let (conn, rest) = match line.strip_prefix(|c: char| c.is_ascii_digit()) {
            Some(rest) => (u64::from(line.as_bytes()[0] - b'0'), rest),
            None => (1, line),
        };
        let Some(part) = parts.last_mut() else { continue };
        let body = rest.get(2..).unwrap_or("");
        let mut step = |request| part.steps.push(Step::new(number + 1, conn, only.take(), request));
        match rest.as_bytes().first() {
            Some(b'>') => step(request(body)),
            Some(b'=') => step(unescape(body)),
            Some(b'<') => match part.steps.last_mut() {
                Some(step) => step.expect(conn, body.as_bytes()),
                None => panic!("{}: a reply without a request", place()),
            },
            _ => panic!("{}: what is this?", place()),
        }
    }
    parts
}

/// `program: reason`.
fn marker(note: &str) -> Option<Kind> {
    let (program, reason) = note.split_once(": ")?;
    if reason.trim().is_empty() {
        return None;
    }
    match program {
        "grapevine" => Some(Kind::Grapevine),
        "redis" => Some(Kind::Redis),
        _ => None,
    }
}

impl Step {
    fn new(line: usize, conn: u64, only: Option<Kind>, request: Vec<u8>) -> Step {
        Step { line, conn, only, request, reply: Vec::new(), others: Vec::new() }
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

impl Part {
    /// Runs the part against a subject that is `kind` of program; what was not as written, one text each.
    pub fn run(&self, name: &str, kind: Kind, subject: &mut dyn Subject) -> Vec<String> {
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
        let mut last = 0;
        for step in self.steps.iter().filter(|step| step.only.is_none_or(|only| only == kind)) {
            last = step.line;
            subject.send(step.conn, &step.request);
            let got = subject.receive(step.conn, step.reply.len());
            check(step.line, step.conn, &got, &step.reply);
            for (conn, wanted) in &step.others {
                let got = subject.receive(*conn, wanted.len());
                check(step.line, *conn, &got, wanted);
            }
        }
        for (conn, rest) in subject.finish() {
            check(last, conn, &rest, b"");
        }
        complaints
    }
}

/// A server over TCP.
pub struct OverTcp {
    address: String,
    streams: BTreeMap<u64, TcpStream>,
}

impl OverTcp {
    /// The server at `host:port`.
    pub fn new(address: String) -> Self {
        Self { address, streams: BTreeMap::new() }
    }

    fn stream(&mut self, conn: u64) -> &mut TcpStream {
        let address = self.address.clone();
        self.streams.entry(conn).or_insert_with(|| {
            let stream = TcpStream::connect(address).expect("the server listens");
            stream.set_read_timeout(Some(SILENCE)).expect("a timeout can be set");
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

    fn finish(&mut self) -> Vec<(u64, Vec<u8>)> {
        let drain = |(conn, mut stream): (u64, TcpStream)| {
            let mut rest = Vec::new();
            // A connection that the server has closed or reset already brings nothing more.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut rest);
            (conn, rest)
        };
        std::mem::take(&mut self.streams).into_iter().map(drain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every request with the same bytes and remembers what it was sent.
    struct Parrot(&'static [u8], Vec<u8>);

    impl Subject for Parrot {
        fn send(&mut self, _: u64, bytes: &[u8]) {
            self.1.extend_from_slice(bytes);
        }

        fn receive(&mut self, _: u64, _: usize) -> Vec<u8> {
            self.0.to_vec()
        }

        fn finish(&mut self) -> Vec<(u64, Vec<u8>)> {
            vec![(1, Vec::new())]
        }
    }

    #[test]
    fn a_marked_request_goes_to_one_program_only() {
        let text = "= a\n< x\n? redis: older words\n= b\n< y\n? grapevine: newer words\n= c\n< x\n= d\n< x\n";
        let parts = parse("t", text);
        let mut ours = Parrot(b"x\r\n", Vec::new());
        assert_eq!(parts[0].run("t", Kind::Grapevine, &mut ours), [""; 0]);
        assert_eq!(ours.1, b"acd");
        let mut theirs = Parrot(b"x\r\n", Vec::new());
        let complaints = parts[0].run("t", Kind::Redis, &mut theirs);
        assert_eq!(complaints, ["t:4 connection 1\n   wanted y\\r\\n\n   got    x\\r\\n"]);
        assert_eq!(theirs.1, b"abd");
    }

    #[test]
    #[should_panic(expected = "who, and why?")]
    fn a_marker_needs_a_reason() {
        parse("t", "? redis: \n> PING\n");
    }
}
