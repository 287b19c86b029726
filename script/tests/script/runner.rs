//! Hosts for tests, and one way to run a script.

use resp::Protocol;
use script::{Call, Engine, Host, LogLevel, Outcome, Propagation, Tick};

/// Bound on memory where a test does not set another: enough, and soon reached.
const MEMORY: usize = 64 << 20;

/// A host that echoes, counts and can kill.
pub struct Plain {
    /// Ticks until the kill; `None` never kills.
    pub ticks_left: Option<u32>,
    /// Lines of the log.
    pub log: Vec<(LogLevel, Vec<u8>)>,
    /// What `set_repl` chose last.
    pub propagation: Propagation,
}

impl Plain {
    pub fn new() -> Self {
        Self { ticks_left: None, log: Vec::new(), propagation: Propagation::ALL }
    }
}

impl Host for Plain {
    fn call(&mut self, args: &[&[u8]], _protocol: Protocol, reply: &mut Vec<u8>) {
        match args {
            [b"raw", bytes] => reply.extend_from_slice(bytes),
            [b"panic"] => panic!("the host's own"),
            _ => {
                let text = args.join(b" ".as_slice());
                reply.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
                reply.extend_from_slice(&text);
                reply.extend_from_slice(b"\r\n");
            }
        }
    }

    fn tick(&mut self) -> Tick {
        match &mut self.ticks_left {
            Some(0) => Tick::Kill,
            Some(left) => {
                *left -= 1;
                Tick::Go
            }
            None => Tick::Go,
        }
    }

    fn set_repl(&mut self, flags: Propagation) {
        self.propagation = flags;
    }

    fn acl_check(&mut self, args: &[&[u8]]) -> Option<bool> {
        (args[0] != b"nosuch").then(|| args[0] == b"get")
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        self.log.push((level, text.to_vec()));
    }
}

/// EVAL: the reply and how it is to be counted.
pub fn eval_with(
    engine: &mut Engine,
    host: &mut dyn Host,
    body: &[u8],
    protocol: Protocol,
    keys: &[&[u8]],
    argv: &[&[u8]],
) -> (Vec<u8>, Option<Outcome>) {
    let mut out = Vec::new();
    match engine.load(body) {
        Ok(sha) => {
            let outcome = engine.run(&sha, Call { keys, argv, protocol }, host, &mut out);
            (out, outcome)
        }
        Err(error) => {
            let mut reply = resp::Reply::new(protocol);
            reply.error_bytes(&error.0);
            (reply.take(), None)
        }
    }
}

/// EVAL without keys on a new interpreter of little memory and a plain host, as text.
pub fn eval(body: &str) -> String {
    let mut engine = Engine::new("7.0.15");
    engine.set_memory_limit(MEMORY);
    let (reply, _) = eval_with(&mut engine, &mut Plain::new(), body.as_bytes(), Protocol::Resp2, &[], &[]);
    String::from_utf8_lossy(&reply).into_owned()
}
