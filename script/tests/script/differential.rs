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
pub struct Raw(TcpStream);

impl Raw {
    pub fn connect(port: u16, protocol: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the reference server");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        let mut raw = Self(stream);
        raw.call(&[b"HELLO", protocol.as_bytes()]);
        raw
    }

    pub fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
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

/// A library whose function runs what it is given.
const RUNNER: &str = "#!lua name=runner
redis.register_function('run', function(keys, args)
  local f, e = loadstring(args[1], '@given')
  if not f then return e end
  return f()
end)";

#[test]
fn as_redis_answers_in_a_function() {
    let ports = testkit::reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).start();
    let mut reference = Raw::connect(server.port(), "3");
    let mut host = Forwarding::connect(server.port());
    reference.call(&[b"FUNCTION", b"LOAD", RUNNER.as_bytes()]);
    let mut functions = script::Functions::new("7.0.15");
    functions.load(RUNNER.as_bytes(), false, &mut host).expect("a library");
    let mut wrong = Vec::new();
    for (file, cases) in CASES {
        for (number, case) in cases.split("\n----\n").enumerate() {
            let theirs = reference.call(&[b"FCALL", b"run", b"0", case.as_bytes()]);
            let mut ours = Vec::new();
            let call = script::Call { keys: &[], argv: &[case.as_bytes()], protocol: Protocol::Resp3 };
            assert!(functions.run(b"run", call, &mut host, &mut ours).is_some());
            let (ours, theirs) = (without_addresses(&ours), without_addresses(&theirs));
            if ours != theirs {
                wrong.push(format!("{file} #{number}\n{case}\n  ours   {ours:?}\n  theirs {theirs:?}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} scripts differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Scripts whose third argument is random: what they answer depends on nothing else.
const OVER_RANDOM: [&str; 7] = [
    "local ok, v = pcall(cjson.decode, ARGV[3]) if not ok then return v end return cjson.encode(v)",
    "local r = {pcall(cmsgpack.unpack, ARGV[3])} return {#r, cmsgpack.pack(unpack(r))}",
    "local n = tonumber(ARGV[3]) if not n then return 0 end return {n, tostring(n), select(2, pcall(cjson.encode, n)), cmsgpack.pack(n), redis.call('echo', n), {double = n}, struct.pack('>lLhd', n, n, n, n), bit.tohex(n)}",
    "local n = cjson.decode_invalid_numbers(false) local ok, v = pcall(cjson.decode, ARGV[3]) cjson.decode_invalid_numbers(true) return tostring(v)",
    "local f, e = loadstring(ARGV[3]) return e or 'compiles'",
    "return cjson.encode({ARGV[3], [ARGV[3]] = ARGV[3]})",
    "local r = {pcall(string.format, ARGV[3], 1, 2, 'x')} return r[2]",
];

/// Bytes that the scripts above have something to do with.
fn random_argument(prng: &mut base::Prng) -> Vec<u8> {
    let pieces: [&[u8]; 34] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"a\"",
        b"\"\\u00e9\"",
        b"\"\\ud83d\\ude00",
        b"1",
        b"-",
        b".5",
        b"e3",
        b"null",
        b"true",
        b" ",
        b"0x1f",
        b"inf",
        b"nan",
        b"\\",
        b"\x92",
        b"\x81",
        b"\xa1x",
        b"\xcf",
        b"\xd2",
        b"\xda\0\x02",
        b"\xc0",
        b"\xff\xff",
        b"\0",
        b"%5.2f",
        b"%d",
        b"%s",
        b"return",
        b"x=",
    ];
    let mut out = Vec::new();
    if prng.below(3) == 0 {
        let number = f64::from_bits(prng.next_u64());
        out.extend_from_slice(format!("{number:e}").as_bytes());
        return out;
    }
    for _ in 0..=prng.below(10) {
        out.extend_from_slice(pieces[prng.below(pieces.len() as u64) as usize]);
    }
    out
}

#[test]
fn as_redis_answers_whatever_the_argument() {
    let ports = testkit::reserve();
    let server = Server::build(Kind::Redis, ports.port(0)).start();
    let mut reference = Raw::connect(server.port(), "3");
    let mut host = Forwarding::connect(server.port());
    let mut engine = Engine::new("7.0.15");
    let mut prng = base::Prng::new(7);
    let mut wrong = Vec::new();
    for _ in 0..1000 {
        let argument = random_argument(&mut prng);
        for body in OVER_RANDOM {
            let theirs = reference.call(&[b"EVAL", body.as_bytes(), b"0", b"", b"", &argument]);
            let argv: [&[u8]; 3] = [b"", b"", &argument];
            let (ours, _) = eval_with(&mut engine, &mut host, body.as_bytes(), Protocol::Resp3, &[], &argv);
            let text = |bytes: &[u8]| without_addresses(bytes.escape_ascii().to_string().as_bytes());
            let (ours, theirs) = (text(&ours), text(&theirs));
            if ours != theirs && wrong.len() < 40 {
                let argument = text(&argument);
                wrong.push(format!("{body}\n  with   {argument}\n  ours   {ours}\n  theirs {theirs}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}
