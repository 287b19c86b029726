//! Random commands to Grapevine and to redis-server 7.0.15 side by side: every reply must be equal.
//!
//! Model: templates with placeholders, filled from a seed; now and then an argument is dropped, doubled or garbled, so
//! that error texts are compared too. What is random or timed by nature is normalised by [`normal`], and nothing else.

use base::Prng;
use client::Connection;
use grapevine_testkit::{Kind, Server, reserve};
use resp::{Protocol, Value};

/// `K` a key, `V` a value, `I` an integer, `F` a float, `S` seconds, `M` milliseconds, `A` an absolute time, `O`
/// options of SET, `X` conditions of EXPIRE, `P` a glob pattern, `C` a small count; other words stand for themselves.
const TEMPLATES: &[&str] = &[
    "GET K",
    "GET K",
    "SET K V",
    "SET K V",
    "SET K V O",
    "SET K V O O",
    "SETNX K V",
    "SETEX K S V",
    "PSETEX K M V",
    "GETSET K V",
    "GETDEL K",
    "GETEX K",
    "GETEX K EX S",
    "GETEX K PX M",
    "GETEX K PERSIST",
    "GETEX K EXAT A",
    "MGET K K K",
    "MSET K V K V",
    "MSETNX K V K V",
    "INCR K",
    "DECR K",
    "INCRBY K I",
    "DECRBY K I",
    "INCRBYFLOAT K F",
    "APPEND K V",
    "STRLEN K",
    "GETRANGE K C C",
    "SETRANGE K C V",
    "SUBSTR K C C",
    "DEL K K",
    "UNLINK K",
    "EXISTS K K K",
    "TOUCH K K",
    "TYPE K",
    "EXPIRE K S",
    "EXPIRE K S X",
    "PEXPIRE K M X",
    "EXPIREAT K A",
    "PEXPIREAT K A",
    "TTL K",
    "PTTL K",
    "EXPIRETIME K",
    "PEXPIRETIME K",
    "PERSIST K",
    "KEYS P",
    "DBSIZE",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K",
    "COPY K K REPLACE",
    "COPY K K DB C",
    "MOVE K C",
    "OBJECT ENCODING K",
    "OBJECT REFCOUNT K",
    "ECHO V",
    "PING",
    "PING V",
    "SELECT C",
    "SWAPDB C C",
    "MULTI",
    "EXEC",
    "EXEC",
    "DISCARD",
    "WATCH K",
    "UNWATCH",
    "SUBSTR K C",
    "SCAN 0 MATCH P COUNT 1000",
    "SCAN 0 COUNT 1000 TYPE string",
    "SCAN 0 COUNT C",
    "CLIENT GETNAME",
    "CLIENT SETNAME V",
    "CLIENT NO-EVICT on",
    "CLIENT REPLY on",
    "COMMAND COUNT V",
    "CONFIG GET maxmemory",
    "CONFIG SET hz C",
    "CONFIG RESETSTAT C",
    "PUBLISH V V",
    "PUBSUB NUMSUB V V",
    "PUBSUB CHANNELS P",
    "PUBSUB NUMPAT",
    "WAIT 0 C",
    "LASTSAVE V",
    "FLUSHDB V",
    "FLUSHALL SYNC",
    "NOSUCH V V",
    "CLIENT NOSUCH",
    "CLUSTER INFO",
    "CLUSTER KEYSLOT K",
    "READONLY",
    "ASKING",
    "DEBUG",
    "AUTH V",
    "AUTH V V",
    "HELLO 9",
    "HELLO V",
    "SET",
    "LCS K K",
    "LCS K K LEN",
    "DUMP K",
    "RESET V",
    "QUIT V",
    "COMMAND GETKEYS SET K V",
    "COMMAND GETKEYS MGET K K",
    "COMMAND INFO GET",
    "TIME V",
];
const STEPS: usize = 6000;

struct Generator {
    random: Prng,
    now: i64,
}

impl Generator {
    fn pick(&mut self, from: &[&str]) -> Vec<u8> {
        self.random.pick(from).map(|s| s.as_bytes().to_vec()).unwrap_or_default()
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let template = String::from_utf8(self.pick(TEMPLATES)).unwrap_or_default();
        let mut args: Vec<Vec<u8>> = Vec::new();
        for word in template.split(' ') {
            match word {
                "O" => {
                    let option = self.set_option();
                    args.extend(option);
                }
                _ => args.push(self.word(word)),
            }
        }
        self.garble(&mut args);
        args
    }

    fn word(&mut self, word: &str) -> Vec<u8> {
        match word {
            "K" => self.pick(&["a", "b", "c", "num", "num2", "float", "{tag}1", "{tag}2", "long", ""]),
            "V" => match self.random.below(4) {
                0 => self.integer(),
                1 => self.float(),
                2 => vec![b'x'; self.random.below(100) as usize],
                _ => {
                    self.pick(&["", "hello", "hello world", "\r\n", "\u{0}\u{ff}", "10", "-5", "3.25", "on"])
                }
            },
            "I" => self.integer(),
            "F" => self.float(),
            "S" => self.pick(&[
                "100",
                "1000",
                "5000",
                "0",
                "-1",
                "9223372036854775807",
                "abc",
                "9223372036854775",
                "100",
            ]),
            "M" => self.pick(&["100000", "1000000", "0", "-1", "9223372036854775807", "1.5", "500000"]),
            "A" => {
                let shift = self.random.below(4) as i64 * 100_000 - 100_000;
                (self.now + shift).to_string().into_bytes()
            }
            "X" => self.pick(&["NX", "XX", "GT", "LT", "gt", "QQ"]),
            "P" => self.pick(&["*", "a*", "?", "[a-c]", "{tag}?", "nomatch", "h*llo"]),
            "C" => self.pick(&["0", "1", "2", "3", "-1", "-3", "15", "16", "100", "x", "-100", "4294967296"]),
            other => other.as_bytes().to_vec(),
        }
    }

    fn set_option(&mut self) -> Vec<Vec<u8>> {
        let option = self.pick(&["NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT", "nx", "BAD"]);
        let time = match option.as_slice() {
            b"EX" => self.word("S"),
            b"PX" => self.word("M"),
            b"EXAT" | b"PXAT" => self.word("A"),
            _ => return vec![option],
        };
        vec![option, time]
    }

    fn integer(&mut self) -> Vec<u8> {
        self.pick(&[
            "0",
            "1",
            "-1",
            "7",
            "100",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "007",
            "+1",
            " 1",
            "12a",
            "-0",
            "99999999999999999999",
        ])
    }

    fn float(&mut self) -> Vec<u8> {
        self.pick(&[
            "0.1", "3.0", "1e5", "-2.5", "1e18", "inf", "-inf", "nan", "abc", "1e400", "0x10", "5.0e-3",
            " 1.0", "0.3", "1e4000",
        ])
    }

    fn garble(&mut self, args: &mut Vec<Vec<u8>>) {
        match self.random.below(40) {
            0 if args.len() > 1 => {
                let at = 1 + self.random.below(args.len() as u64 - 1) as usize;
                args.remove(at);
            }
            1 => {
                let extra = self.word("V");
                args.push(extra);
            }
            2 => args[0] = args[0].to_ascii_lowercase(),
            _ => {}
        }
    }
}

/// Makes equal what may differ: the order of keys, and times left (to 2 s).
fn normal(args: &[Vec<u8>], value: Value) -> Value {
    let name = args[0].to_ascii_uppercase();
    match (name.as_slice(), value) {
        (b"KEYS", Value::Array(mut keys)) => {
            keys.sort_by_key(|k| k.as_bytes().map(<[u8]>::to_vec));
            Value::Array(keys)
        }
        (b"SCAN", Value::Array(mut parts)) if parts.len() == 2 => {
            // With COUNT 1000 a scan of this little ends at once; smaller counts may stop anywhere.
            let whole = args.iter().any(|a| a == b"1000");
            match (&mut parts[1], whole) {
                (Value::Array(keys), true) => keys.sort_by_key(|k| k.as_bytes().map(<[u8]>::to_vec)),
                _ => return Value::Null,
            }
            Value::Array(parts)
        }
        (b"TTL" | b"EXPIRETIME", Value::Int(n)) if n > 0 => Value::Int((n + 2) / 4),
        (b"PTTL" | b"PEXPIRETIME", Value::Int(n)) if n > 0 => Value::Int((n + 2000) / 4000),
        // Redis 7.0 writes RDB version 10 and 7.2 version 11 behind the payload.
        (b"DUMP", Value::Bulk(payload)) => Value::Bulk(payload[..payload.len().saturating_sub(10)].to_vec()),
        (b"HELLO" | b"TIME", Value::Array(_) | Value::Map(_)) => Value::Null,
        (b"COMMAND", Value::Array(_)) if args.get(1).is_some_and(|a| a.eq_ignore_ascii_case(b"info")) => {
            Value::Null
        }
        (_, value) => value,
    }
}

/// Inside a transaction nothing can be normalised by its command, so such commands are not queued.
fn depends_on_time(args: &[Vec<u8>]) -> bool {
    let name = args[0].to_ascii_uppercase();
    [
        b"KEYS".as_slice(),
        b"SCAN",
        b"TTL",
        b"PTTL",
        b"EXPIRETIME",
        b"PEXPIRETIME",
        b"DUMP",
        b"COMMAND",
        b"HELLO",
        b"TIME",
    ]
    .contains(&name.as_slice())
}

fn compare(seed: u64, protocol: Protocol) {
    let ports = reserve();
    let ours = Server::build(Kind::Grapevine, ports.port(0)).start();
    let theirs = Server::build(Kind::Redis, ports.port(1)).start();
    let connect = |server: &Server| -> Connection {
        let mut connection = server.client();
        connection.hello(protocol).expect("HELLO");
        connection
    };
    let (mut a, mut b) = (connect(&ours), connect(&theirs));
    let now: i64 =
        theirs.info("server_time_usec").and_then(|t| t.parse::<i64>().ok()).expect("a clock") / 1_000_000;
    let mut generator = Generator { random: Prng::new(seed), now };
    let mut history: Vec<String> = Vec::new();
    let mut in_multi = false;
    for step in 0..STEPS {
        let args = generator.command();
        if in_multi && depends_on_time(&args) {
            continue;
        }
        history.push(args.iter().map(|a| String::from_utf8_lossy(a).into_owned() + " ").collect());
        let (x, y) = (a.call(&args), b.call(&args));
        let ended = x.is_err();
        let (x, y) = match (x, y) {
            (Ok(x), Ok(y)) => (normal(&args, x), normal(&args, y)),
            (Err(_), Err(_)) => {
                (a, b) = (connect(&ours), connect(&theirs));
                in_multi = false;
                continue;
            }
            (x, y) => panic!("seed {seed}, step {step}: {:?}: {x:?} and {y:?}", history.last()),
        };
        assert!(!ended);
        match args[0].to_ascii_uppercase().as_slice() {
            b"MULTI" => in_multi = in_multi || matches!(x, Value::Simple(_)),
            b"EXEC" | b"DISCARD" if args.len() == 1 => in_multi = false,
            b"RESET" if args.len() == 1 => in_multi = false,
            _ => {}
        }
        if x != y {
            let tail = history[history.len().saturating_sub(12)..].join("\n  ");
            panic!("seed {seed} {protocol:?}, step {step}\n  {tail}\nours:   {x:?}\ntheirs: {y:?}");
        }
    }
    assert_eq!(ours.text(&["DEBUG", "DIGEST"]), theirs.text(&["DEBUG", "DIGEST"]), "seed {seed}");
}

#[test]
fn random_commands_in_resp2() {
    compare(1, Protocol::Resp2);
}

#[test]
fn random_commands_in_resp3() {
    compare(2, Protocol::Resp3);
}

/// Bytes on a raw connection, until the server closes it or has answered the PING at the end.
#[test]
fn broken_requests_get_the_same_bytes() {
    let ports = reserve();
    let ours = Server::build(Kind::Grapevine, ports.port(0)).start();
    let theirs = Server::build(Kind::Redis, ports.port(1)).start();
    let requests: &[&[u8]] = &[
        b"PING\r\n",
        b"PING\n",
        b"\r\n\r\nPING\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"*0\r\nPING\r\n",
        b"*-1\r\nPING\r\n",
        b"*1\r\n:4\r\n",
        b"*abc\r\n",
        b"*2147483648\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$abc\r\n",
        b"*1\r\n$536870913\r\n",
        b"SET a \"unbalanced\r\n",
        b"SET a 'it\\'s'\r\nGET a\r\n",
        b"SET a \"\\x41\\n\"\r\nGET a\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$0\r\n\r\nGET b\r\n",
        b"GET\r\n",
        b"*1\r\n\r\n",
        b"QUIT\r\nPING\r\n",
        b"*1048577\r\n",
        b"ECHO hello there\r\n",
        b"  PING  \r\n",
        b"*1 \r\n$4\r\nPING\r\n",
        b"*+1\r\n$4\r\nPING\r\n",
        b"*1\r\n$+4\r\nPING\r\n",
    ];
    for request in requests {
        assert_eq!(show(&exchange(&ours, request)), show(&exchange(&theirs, request)), "{}", show(request));
    }
    let endless = vec![b'x'; 100_000];
    assert_eq!(
        show(&exchange(&ours, &endless)),
        show(&exchange(&theirs, &endless)),
        "an endless inline request"
    );
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn exchange(server: &Server, request: &[u8]) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.port())).expect("a connection");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a timeout");
    let mut bytes = request.to_vec();
    bytes.extend_from_slice(b"\r\nECHO the-end\r\n");
    let _ = stream.write_all(&bytes);
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.ends_with(b"$7\r\nthe-end\r\n") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(n) => answer.extend_from_slice(&chunk[..n]),
        }
    }
    answer
}
