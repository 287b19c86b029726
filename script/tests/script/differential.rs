//! The scripts of `cases/`, by EVAL of a redis-server and by an engine whose commands that same server executes: the
//! replies must be the same bytes, in both protocols. Cases are separated by lines of four dashes.

use crate::runner::eval_with;
use resp::{Protocol, ValueParser, write_command};
use script::{Engine, Host, LogLevel, Propagation, Tick};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use testkit::{Kind, Server};

const CASES: [(&str, &str); 6] = [
    ("language", include_str!("cases/language.lua")),
    ("sandbox", include_str!("cases/sandbox.lua")),
    ("api", include_str!("cases/api.lua")),
    ("cjson", include_str!("cases/cjson.lua")),
    ("cmsgpack", include_str!("cases/cmsgpack.lua")),
    ("packing", include_str!("cases/packing.lua")),
];

/// A connection whose replies come as bytes.
struct Raw(TcpStream);

impl Raw {
    fn connect(port: u16, protocol: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the reference server");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        let mut raw = Self(stream);
        raw.call(&[b"HELLO", protocol.as_bytes()]);
        raw
    }

    fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = Vec::new();
        write_command(&mut request, args.iter().copied());
        self.0.write_all(&request).expect("the reference server reads");
        let (mut parser, mut reply, mut chunk) = (ValueParser::new(), Vec::new(), vec![0; 1 << 16]);
        loop {
            let count = self.0.read(&mut chunk).expect("the reference server answers");
            assert!(count > 0, "the reference server has gone: {:?}", String::from_utf8_lossy(args[1]));
            parser.feed(&chunk[..count]);
            reply.extend_from_slice(&chunk[..count]);
            if parser.next().expect("RESP").is_some() {
                return reply;
            }
        }
    }
}

/// A host whose commands the reference server executes, in another database.
struct Forwarding {
    resp2: Raw,
    resp3: Raw,
}

impl Forwarding {
    fn connect(port: u16) -> Self {
        let mut host = Self { resp2: Raw::connect(port, "2"), resp3: Raw::connect(port, "3") };
        host.resp2.call(&[b"SELECT", b"1"]);
        host.resp3.call(&[b"SELECT", b"1"]);
        host
    }
}

impl Host for Forwarding {
    fn call(&mut self, args: &[&[u8]], protocol: Protocol, reply: &mut Vec<u8>) {
        let raw = match protocol {
            Protocol::Resp2 => &mut self.resp2,
            Protocol::Resp3 => &mut self.resp3,
        };
        let answer = raw.call(args);
        // What a script's client is told in other words.
        if answer.starts_with(b"-ERR unknown command") {
            reply.extend_from_slice(b"-ERR Unknown Redis command called from script\r\n");
        } else if answer.starts_with(b"-ERR wrong number of arguments") {
            reply.extend_from_slice(b"-ERR Wrong number of args calling Redis command from script\r\n");
        } else {
            reply.extend_from_slice(&answer);
        }
    }

    fn tick(&mut self) -> Tick {
        Tick::Go
    }

    fn set_repl(&mut self, _flags: Propagation) {}

    fn acl_check(&mut self, args: &[&[u8]]) -> Option<bool> {
        (args[0] != b"nosuch").then_some(true)
    }

    fn log(&mut self, _level: LogLevel, _text: &[u8]) {}
}

/// Addresses are nobody's business.
fn without_addresses(reply: &[u8]) -> String {
    let text = String::from_utf8_lossy(reply).into_owned();
    let mut parts = text.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("0x");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}

fn side_by_side(protocol: Protocol, hello: &str) {
    let ports = testkit::reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).start();
    let mut reference = Raw::connect(server.port(), hello);
    let mut host = Forwarding::connect(server.port());
    let mut engine = Engine::new("7.0.15");
    let mut wrong = Vec::new();
    for (file, cases) in CASES {
        for (number, case) in cases.split("\n----\n").enumerate() {
            let theirs =
                reference.call(&[b"EVAL", case.as_bytes(), b"2", b"k1", b"k2", b"a1", b"2", b"\0\xff"]);
            let (ours, _) = eval_with(
                &mut engine,
                &mut host,
                case.as_bytes(),
                protocol,
                &[b"k1", b"k2"],
                &[b"a1", b"2", b"\0\xff"],
            );
            let (ours, theirs) = (without_addresses(&ours), without_addresses(&theirs));
            if ours != theirs {
                wrong.push(format!("{file} #{number}\n{case}\n  ours   {ours:?}\n  theirs {theirs:?}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} scripts differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn as_redis_answers_in_resp2() {
    side_by_side(Protocol::Resp2, "2");
}

#[test]
fn as_redis_answers_in_resp3() {
    side_by_side(Protocol::Resp3, "3");
}
