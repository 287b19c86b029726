//! Bytes as the argument of scripts that decode, format and compile them: every reply is one RESP value, and the
//! interpreter goes on.

use resp::{Protocol, ValueParser};
use script::{Call, Engine, Host, LogLevel, Propagation, Tick};

/// What is done with the argument. Texts are compiled but not run: what runs may take as long as it likes.
const BODIES: [&str; 8] = [
    "return ARGV[1]",
    "local ok, v = pcall(cjson.decode, ARGV[1]) if not ok then return v end local t = cjson.encode(v) return {v, t, cjson.encode(cjson.decode(t)) == t}",
    "local r = {pcall(cmsgpack.unpack, ARGV[1])} return {r, cmsgpack.pack(unpack(r))}",
    "return {pcall(cmsgpack.unpack_limit, ARGV[1], 3, 1)}",
    "return {pcall(struct.unpack, ARGV[1], string.rep('ab\\0\\3', 50))}, struct.size(ARGV[1])",
    "return {pcall(struct.pack, ARGV[1], 1, -2, 3.5, 'four', 5, 6)}",
    "return select(2, loadstring(ARGV[1])) or 'compiles'",
    "redis.setresp(3) return {redis.pcall('reply', ARGV[1])}",
];
/// Enough for an input of 4 KiB, and no more than a fuzzer may use.
const MEMORY: usize = 64 << 20;

struct Echo;

impl Host for Echo {
    fn call(&mut self, args: &[&[u8]], _protocol: Protocol, reply: &mut Vec<u8>) {
        reply.extend_from_slice(args[args.len() - 1]);
    }

    fn tick(&mut self) -> Tick {
        Tick::Kill
    }

    fn set_repl(&mut self, _flags: Propagation) {}

    fn acl_check(&mut self, _args: &[&[u8]]) -> Option<bool> {
        None
    }

    fn log(&mut self, _level: LogLevel, _text: &[u8]) {}
}

/// The target.
pub fn run(bytes: &[u8]) {
    let mut engine = Engine::new("7.2.4");
    engine.set_memory_limit(MEMORY);
    for body in BODIES {
        let sha = engine.load(body.as_bytes()).expect("our own text");
        let mut out = Vec::new();
        let call = Call { keys: &[], argv: &[bytes], protocol: Protocol::Resp3 };
        assert!(engine.run(&sha, call, &mut Echo, &mut out).is_some());
        let mut parser = ValueParser::new();
        parser.feed(&out);
        match parser.next() {
            Ok(Some(_)) => assert!(parser.unread().is_empty(), "{body}"),
            // Tables may lie in one another as deep as Lua's stack goes, which is deeper than this client reads.
            Err(resp::ProtocolError::ReplyTooDeep) => {}
            other => panic!("{body}: {other:?}: {:?}", out.escape_ascii().to_string()),
        }
    }
    // The text itself as a script: a kill at the first question.
    let _compiled = engine.load(bytes);
    let mut functions = script::Functions::new("7.2.4");
    functions.set_memory_limit(MEMORY);
    let _library = functions.load(bytes, false, &mut Echo);
}
