//! Random commands to Grapevine and to redis-server 7.0.15 side by side: every reply must be equal.
//!
//! Model: templates with placeholders, filled from a seed; now and then an argument is dropped, doubled or garbled, so
//! that error texts are compared too. What is random or timed by nature is normalised by [`normal`], and nothing else.

use crate::templates::TEMPLATES;
use base::Prng;
use client::Connection;
use grapevine_testkit::{Kind, Server, reserve};
use resp::{Protocol, Value};

/// Commands of one run.
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
            "T" => self.pick(&["", "hello", "10", "0", "-5", "3.25", "on", "yes", "x y", "1gb"]),
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
        // 7.0 obeys the options of HELLO that stand before a wrong one.
        if args[0] == b"HELLO" {
            return;
        }
        match self.random.below(40) {
            0 if args.len() > 1 => {
                let at = 1 + self.random.below(args.len() as u64 - 1) as usize;
                args.remove(at);
            }
            1 => {
                let extra = self.word("T");
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
    let second = |word: &[u8]| args.get(1).is_some_and(|a| a.eq_ignore_ascii_case(word));
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
        (b"RANDOMKEY", Value::Bulk(_)) => Value::Null,
        (b"CONFIG", Value::Map(mut pairs)) => {
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Map(pairs)
        }
        (b"CONFIG", Value::Array(flat)) => {
            let mut pairs: Vec<&[Value]> = flat.chunks(2).collect();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Array(pairs.concat())
        }
        (b"HELLO" | b"TIME", Value::Array(_) | Value::Map(_)) => Value::Null,
        // What 7.2 added and what Grapevine does not have is checked where the tables are.
        (b"COMMAND", Value::Array(_) | Value::Map(_))
            if ["info", "docs", "list"].iter().any(|w| second(w.as_bytes())) || args.len() < 2 =>
        {
            Value::Null
        }
        (b"COMMAND", Value::Int(_)) => Value::Null,
        (b"INFO" | b"MEMORY", Value::Bulk(_) | Value::Verbatim { .. } | Value::Int(_)) => Value::Null,
        // What takes time, and what is told in words, is each server's own.
        (b"SLOWLOG" | b"LATENCY" | b"MEMORY", value)
            if !matches!(value, Value::Error(_) | Value::Simple(_)) =>
        {
            Value::Null
        }
        // 7.2 takes a command without arguments.
        (b"COMMAND", Value::Error(_)) if second(b"getkeys") && args.len() < 4 => Value::Null,
        // A copy of a small integer is one of its own in Redis.
        (b"OBJECT", Value::Int(_)) if second(b"refcount") => Value::Null,
        // 7.0 looks up the password before it has read the other options.
        (b"HELLO", Value::Error(_)) if args.len() > 5 => Value::Null,
        // The reference server was asked for its clock, over a connection of its own.
        (b"CLIENT", Value::Int(_)) if second(b"id") => Value::Null,
        (b"CLIENT", Value::Bulk(_) | Value::Verbatim { .. }) if second(b"info") || second(b"list") => {
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
        b"DBSIZE",
        b"SCAN",
        b"RANDOMKEY",
        b"TTL",
        b"PTTL",
        b"EXPIRETIME",
        b"PEXPIRETIME",
        b"COMMAND",
        b"CLIENT",
        b"CONFIG",
        b"OBJECT",
        b"INFO",
        b"MEMORY",
        b"HELLO",
        b"TIME",
    ]
    .contains(&name.as_slice())
}

/// Keys whose time is over count until somebody meets them: SCAN meets all of the database.
fn drop_expired(connection: &mut Connection) {
    connection.call(&["SCAN", "0", "COUNT", "1000"]).expect("SCAN");
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
        if args[0].eq_ignore_ascii_case(b"DBSIZE") {
            drop_expired(&mut a);
            drop_expired(&mut b);
        }
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
    for server in [&ours, &theirs] {
        let mut connection = server.client();
        for db in 0..16 {
            connection.select(db).expect("SELECT");
            drop_expired(&mut connection);
        }
    }
    assert_eq!(ours.text(&["DEBUG", "DIGEST"]), theirs.text(&["DEBUG", "DIGEST"]), "seed {seed}");
}

/// Seeds beside those of every run: `GRAPEVINE_SEEDS=100..200` for a long look.
fn more_seeds() -> std::ops::Range<u64> {
    let text = std::env::var("GRAPEVINE_SEEDS").unwrap_or_default();
    let bounds = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    bounds.unwrap_or(0..0)
}

#[test]
fn random_commands_in_resp2() {
    [1, 3].into_iter().chain(more_seeds()).for_each(|seed| compare(seed, Protocol::Resp2));
}

#[test]
fn random_commands_in_resp3() {
    [2, 4].into_iter().chain(more_seeds()).for_each(|seed| compare(seed, Protocol::Resp3));
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
