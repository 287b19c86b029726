//! Random sequences of commands, run by our handlers and by a real redis-server, replies compared byte for byte and
//! keyspace notifications event for event.
//!
//! What cannot be equal is compared by what it means, never skipped: KEYS and SCAN as sets, RANDOMKEY by membership,
//! remaining times within a tolerance (the two clocks are read at different moments), DUMP by restoring it.

use crate::amount::{compared, seeds};
use crate::reference::Reference;
use crate::runner::Runner;
use base::{DbIndex, OwnedArgs, Prng, UnixMillis};
use resp::{Protocol, Value, ValueParser};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds by which remaining times may differ; seconds are rounded, so that they may differ by 1.
const TOLERANCE_MS: i64 = 5_000;

const NAMES: u64 = 6;

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_millis() as i64
}

pub(super) fn pick<'a>(prng: &mut Prng, words: &[&'a str]) -> &'a str {
    words[prng.below(words.len() as u64) as usize]
}

fn key(prng: &mut Prng) -> String {
    format!("key{}", prng.below(NAMES))
}

fn value(prng: &mut Prng) -> Vec<u8> {
    match prng.below(12) {
        0 => Vec::new(),
        1 => prng.below(20_000).to_string().into_bytes(),
        2 => (prng.next_u64() as i64).to_string().into_bytes(),
        3 => pick(
            prng,
            &["9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "-0", "+1", " 1"],
        )
        .as_bytes()
        .to_vec(),
        4 => format!("{}.{}", prng.below(1000), prng.below(100_000)).into_bytes(),
        5 => pick(prng, &["1e5", "-3.5e-3", "inf", "nan", "0x1p3", "3.", ".5", "5e", "1e400", "-inf"]).into(),
        6 => vec![b'x'; pick(prng, &["44", "45", "255", "256", "65535", "65536"]).parse().expect("a number")],
        7 => (0..prng.below(40)).map(|_| prng.next_u64() as u8).collect(),
        _ => (0..prng.below(60)).map(|_| b'a' + prng.below(4) as u8).collect(),
    }
}

/// A number as an argument: mostly sensible, sometimes not one.
fn number(prng: &mut Prng) -> String {
    match prng.below(10) {
        0 => pick(
            prng,
            &["", "x", "1.5", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "01"],
        )
        .to_string(),
        1 => (prng.next_u64() as i64).to_string(),
        2 => (prng.below(100_000) as i64 - 50_000).to_string(),
        _ => (prng.below(40) as i64 - 20).to_string(),
    }
}

/// A time as an argument: far enough away, or past, that the moment of execution makes no difference.
fn time(prng: &mut Prng, word: &str, now: i64) -> String {
    let far = 100 + prng.below(10_000) as i64;
    let past = prng.chance(1, 6);
    match word.to_ascii_lowercase().as_str() {
        _ if prng.chance(1, 12) => {
            pick(prng, &["0", "-1", "x", "", "9223372036854775807", "9223372036854775"]).to_string()
        }
        "ex" | "expire" | "setex" => far.to_string(),
        "px" | "pexpire" | "psetex" => (far * 1000).to_string(),
        "exat" | "expireat" if past => (now / 1000 - far).to_string(),
        "exat" | "expireat" => (now / 1000 + far).to_string(),
        _ if past => (now - far * 1000).to_string(),
        _ => (now + far * 1000).to_string(),
    }
}

pub(super) fn words(args: &mut Vec<Vec<u8>>, more: &[&str]) {
    args.extend(more.iter().map(|w| w.as_bytes().to_vec()));
}

/// One random command that a client might send; right in arity, not always in anything else.
pub fn random_command(prng: &mut Prng, now: i64) -> OwnedArgs {
    let k = key(prng);
    let mut a: Vec<Vec<u8>> = Vec::new();
    match prng.below(34) {
        0..=3 => {
            words(&mut a, &["SET", &k]);
            a.push(value(prng));
            while prng.chance(1, 2) {
                let word =
                    pick(prng, &["NX", "xx", "GET", "KEEPTTL", "EX", "px", "EXAT", "PXAT", "PERSIST", "foo"]);
                words(&mut a, &[word]);
                if ["EX", "px", "EXAT", "PXAT"].contains(&word) && !prng.chance(1, 20) {
                    words(&mut a, &[&time(prng, word, now)]);
                }
            }
        }
        4 => {
            let name = pick(prng, &["SETNX", "GETSET", "APPEND"]);
            words(&mut a, &[name, &k]);
            a.push(value(prng));
        }
        5 => {
            let name = pick(prng, &["SETEX", "PSETEX"]);
            words(&mut a, &[name, &k, &time(prng, name, now)]);
            a.push(value(prng));
        }
        6 => words(&mut a, &[pick(prng, &["GET", "STRLEN", "GETDEL", "TYPE", "PERSIST", "DUMP"]), &k]),
        7 => {
            words(&mut a, &["GETEX", &k]);
            let word = pick(prng, &["EX", "px", "EXAT", "PXAT", "PERSIST", "KEEPTTL", ""]);
            match word {
                "" => {}
                "PERSIST" | "KEEPTTL" => words(&mut a, &[word]),
                _ => words(&mut a, &[word, &time(prng, word, now)]),
            }
        }
        8 => {
            words(
                &mut a,
                &[pick(prng, &["MGET", "EXISTS", "TOUCH", "DEL", "UNLINK"]), &k, &key(prng), &key(prng)],
            );
        }
        9 | 10 => {
            words(&mut a, &[pick(prng, &["MSET", "MSETNX"]), &k]);
            a.push(value(prng));
            words(&mut a, &[&key(prng)]);
            if !prng.chance(1, 8) {
                a.push(value(prng));
            }
        }
        11 => words(&mut a, &[pick(prng, &["INCR", "DECR"]), &k]),
        12 | 13 => words(&mut a, &[pick(prng, &["INCRBY", "DECRBY"]), &k, &number(prng)]),
        14 | 15 => {
            words(&mut a, &["INCRBYFLOAT", &k]);
            a.push(if prng.chance(1, 2) { number(prng).into_bytes() } else { value(prng) });
        }
        16 => words(&mut a, &[pick(prng, &["GETRANGE", "SUBSTR"]), &k, &number(prng), &number(prng)]),
        17 => {
            words(&mut a, &["SETRANGE", &k, &number(prng)]);
            a.push(value(prng));
        }
        18 | 19 => {
            let name = pick(prng, &["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"]);
            words(&mut a, &[name, &k, &time(prng, name, now)]);
            while prng.chance(1, 3) {
                words(&mut a, &[pick(prng, &["NX", "xx", "GT", "LT", "QQ"])]);
            }
        }
        20 => words(&mut a, &[pick(prng, &["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), &k]),
        21 => {
            let pattern = pick(prng, &["*", "key[1-3]", "key[^1-3]", "k?y1", "nothing", "\\key1", "*[0"]);
            words(&mut a, &["KEYS", pattern]);
        }
        22 => words(&mut a, &["DBSIZE"]),
        23 => words(&mut a, &["RANDOMKEY"]),
        24 => words(&mut a, &[pick(prng, &["RENAME", "RENAMENX"]), &k, &key(prng)]),
        25 | 26 => {
            words(&mut a, &["COPY", &k, &key(prng)]);
            while prng.chance(1, 2) {
                match prng.below(4) {
                    0 | 1 => words(&mut a, &["REPLACE"]),
                    2 => words(&mut a, &["DB", pick(prng, &["0", "1", "2", "16", "x", "3000000000", "-1"])]),
                    _ => words(&mut a, &["DB"]),
                }
            }
        }
        27 => words(&mut a, &["MOVE", &k, pick(prng, &["0", "1", "2", "99", "x"])]),
        28 => {
            words(&mut a, &["OBJECT", pick(prng, &["ENCODING", "encoding", "IDLETIME", "FREQ", "FOO"]), &k])
        }
        29 if prng.chance(1, 4) => {
            words(&mut a, &[pick(prng, &["FLUSHDB", "FLUSHALL"])]);
            if prng.chance(1, 2) {
                words(&mut a, &[pick(prng, &["ASYNC", "sync", "now"])]);
            }
        }
        29 => words(&mut a, &["SWAPDB", pick(prng, &["0", "1", "x"]), pick(prng, &["0", "2", "99", "y"])]),
        30 => words(&mut a, &["SELECT", pick(prng, &["0", "1", "2"])]),
        31 => {
            words(&mut a, &["LCS", &k, &key(prng)]);
            while prng.chance(1, 2) {
                words(&mut a, &[pick(prng, &["IDX", "LEN", "WITHMATCHLEN", "MINMATCHLEN"])]);
                if prng.chance(1, 3) {
                    words(&mut a, &[&number(prng)]);
                }
            }
        }
        32 => {
            words(&mut a, &["SCAN", pick(prng, &["0", "x", "", "-0"])]);
            if prng.chance(1, 2) {
                words(&mut a, &["MATCH", pick(prng, &["*", "key[2-5]"])]);
            }
            if prng.chance(1, 2) {
                words(&mut a, &["COUNT", pick(prng, &["1000", "0", "-1", "x"])]);
            } else {
                words(&mut a, &["COUNT", "1000"]);
            }
            if prng.chance(1, 3) {
                words(&mut a, &["TYPE", pick(prng, &["string", "STRING", "list", "nosuch"])]);
            }
            if prng.chance(1, 10) {
                words(&mut a, &[pick(prng, &["COUNT", "foo"])]);
            }
        }
        _ => {
            // 10 as an integer, and "hello": payloads that redis-server made; the last is cut.
            let payload: &[u8] = match prng.below(3) {
                0 => b"\x00\xc0\x0a\x09\x00\xbe\x6d\x06\x89\x5a\x28\x00\x0a",
                1 => b"\x00\xc0\x0a\x09\x00\xbe\x6d\x06\x89\x5a\x28\x00\x0b",
                _ => b"short",
            };
            words(&mut a, &["RESTORE", &k, pick(prng, &["0", "0", "5000000", "-1", "x"])]);
            a.push(payload.to_vec());
            while prng.chance(1, 2) {
                match prng.below(6) {
                    0 => words(&mut a, &["ABSTTL"]),
                    1 => words(&mut a, &["IDLETIME", pick(prng, &["5", "-1"])]),
                    2 => words(&mut a, &["FREQ", pick(prng, &["5", "256", "-1"])]),
                    3 => words(&mut a, &["FOO"]),
                    _ => words(&mut a, &["REPLACE"]),
                }
            }
        }
    }
    OwnedArgs::from_slices(a.iter().map(Vec::as_slice))
}

/// A connection to the reference server that keeps the bytes of each reply.
pub(super) struct Raw {
    stream: TcpStream,
    parser: ValueParser,
}

impl Raw {
    pub(super) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the reference server listens");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
        Self { stream, parser: ValueParser::new() }
    }

    fn send(&mut self, args: &[&[u8]]) {
        let mut request = Vec::new();
        resp::write_command(&mut request, args.iter().copied());
        self.stream.write_all(&request).expect("the reference server reads");
    }

    /// The next value, and the bytes read for it.
    pub(super) fn read(&mut self) -> (Value, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut buffer = [0; 65536];
        loop {
            if let Some(value) = self.parser.next().expect("a well-formed reply") {
                return (value, bytes);
            }
            let n = self.stream.read(&mut buffer).expect("a reply in time");
            assert!(n > 0, "the reference server closed the connection");
            bytes.extend_from_slice(&buffer[..n]);
            self.parser.feed(&buffer[..n]);
        }
    }

    pub(super) fn call(&mut self, args: &[&[u8]]) -> (Value, Vec<u8>) {
        self.send(args);
        self.read()
    }
}

/// A reply without its order: sorted bulks of the (last) array.
fn as_set(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut parser = ValueParser::new();
    parser.feed(bytes);
    let value = parser.next().ok().flatten().expect("a reply");
    let items = value.as_array().unwrap_or(&[]).to_vec();
    let items = match items.last() {
        Some(Value::Array(inner)) => inner.clone(),
        _ => items,
    };
    items.iter().filter_map(|v| v.as_bytes().map(<[u8]>::to_vec)).collect()
}

fn integer(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.strip_prefix(':')?.trim_end().parse().ok()
}

fn close(ours: &[u8], theirs: &[u8], tolerance: i64) -> bool {
    match (integer(ours), integer(theirs)) {
        (Some(a), Some(b)) => (a < 0) == (b < 0) && (a - b).abs() <= tolerance,
        _ => ours == theirs,
    }
}

/// Whether the replies mean the same; see the module for what need not be equal.
fn same(command: &str, ours: &[u8], theirs: &[u8]) -> bool {
    if ours.first() == Some(&b'-') || theirs.first() == Some(&b'-') {
        return ours == theirs;
    }
    match command {
        "KEYS" | "SCAN" => as_set(ours) == as_set(theirs),
        "TTL" | "EXPIRETIME" => close(ours, theirs, TOLERANCE_MS / 1000),
        "PTTL" | "PEXPIRETIME" => close(ours, theirs, TOLERANCE_MS),
        "OBJECT" => close(ours, theirs, TOLERANCE_MS / 1000),
        "RANDOMKEY" | "DUMP" => ours.starts_with(b"$-1") == theirs.starts_with(b"$-1"),
        _ => ours == theirs,
    }
}

fn side_by_side(protocol: Protocol, seed: u64, steps: usize) {
    // With an LRU policy Redis does not share small integers, whose idle time is that of all keys together.
    let mut redis = Reference::start(
        protocol,
        &[("maxmemory", "4gb"), ("maxmemory-policy", "allkeys-lru"), ("notify-keyspace-events", "KEAmn")],
    );
    let mut ours = Runner::new(protocol);
    let mut prng = Prng::new(seed);
    for step in 0..steps {
        let args = random_command(&mut prng, unix_now());
        let slices: Vec<&[u8]> = args.as_args().iter().collect();
        let name = String::from_utf8_lossy(slices[0]).into_owned();
        if name == "DBSIZE" {
            // It counts expired keys that nobody has met yet; a SCAN meets all.
            redis.call(&[b"SCAN", b"0", b"COUNT", b"1000"]);
            ours.keyspace.scan(ours.db, 0, 1000, &mut |_, _| ());
        }
        let (value, theirs) = redis.call(&slices);
        let line = || slices.iter().map(|s| String::from_utf8_lossy(s)).collect::<Vec<_>>().join(" ");
        if name == "SELECT" {
            ours.db = DbIndex(line()["SELECT ".len()..].parse().expect("a number"));
            redis.events();
            continue;
        }
        ours.now = UnixMillis(unix_now());
        ours.keyspace.set_now(ours.now);
        ours.execute(&args);
        let reply = ours.reply.buffer().clone();
        assert!(
            same(&name, &reply, &theirs),
            "seed {seed} step {step}: {}\nours:   {}\ntheirs: {}",
            line(),
            String::from_utf8_lossy(&reply),
            String::from_utf8_lossy(&theirs)
        );
        if let ("RANDOMKEY", Some(key)) = (name.as_str(), value.as_bytes()) {
            assert!(ours.keyspace.contains(ours.db, key), "a key that we do not have");
        }
        if let ("DUMP", Some(payload)) = (name.as_str(), value.as_bytes()) {
            let ours_too = ours.keyspace.lookup(ours.db, slices[1], keyspace::Touch::Silent);
            let ours_too =
                ours_too.map(|found| found.string().map(|string| string.to_vec()).unwrap_or_default());
            let decoded = match persist::dump::decode(payload, &ds::Settings::default()) {
                Ok(keyspace::LoadValue::Int(int)) => int.to_string().into_bytes(),
                Ok(keyspace::LoadValue::Bytes(bytes)) => bytes,
                Ok(keyspace::LoadValue::Object(object)) => panic!("no string: {object:?}"),
                Err(error) => panic!("their payload is refused: {error}"),
            };
            assert_eq!(Some(decoded), ours_too);
            restore_there(&mut redis, &reply);
            // The events of that restore.
            redis.events();
            continue;
        }
        let theirs = redis.events();
        let expired = ours.expired.iter();
        let expired = expired.map(|(db, key)| format!("{}:expired:{}", db.0, String::from_utf8_lossy(key)));
        let named = ours.effects.events();
        let named = named.map(|e| format!("{}:{}:{}", e.db.0, e.name, String::from_utf8_lossy(e.key)));
        let (mut seen, mut theirs): (Vec<String>, Vec<String>) = (expired.chain(named).collect(), theirs);
        // Redis deletes expired keys in the background too, at a moment of its own. And 7.0 looks at each key of a
        // SCAN with TYPE as a read, so that an expired one is a miss; 7.2 does not.
        let comparable =
            |event: &String| !event.contains(":expired:") && (name != "SCAN" || !event.contains(":keymiss:"));
        seen.retain(comparable);
        theirs.retain(comparable);
        assert_eq!(seen, theirs, "seed {seed} step {step}: {}", line());
    }
}

/// Our payload must mean the same to redis-server.
fn restore_there(redis: &mut Reference, reply: &[u8]) {
    let mut parser = ValueParser::new();
    parser.feed(reply);
    let ours = parser.next().ok().flatten().expect("a payload");
    let payload = ours.as_bytes().expect("a payload");
    let (value, _) = redis.call(&[b"RESTORE", b"our payload", b"0", payload, b"REPLACE"]);
    assert!(value.is_ok(), "our payload is refused: {value:?}");
    let (back, _) = redis.call(&[b"GETDEL", b"our payload"]);
    let decoded = match persist::dump::decode(payload, &ds::Settings::default()) {
        Ok(keyspace::LoadValue::Int(int)) => int.to_string().into_bytes(),
        Ok(keyspace::LoadValue::Bytes(bytes)) => bytes,
        Ok(keyspace::LoadValue::Object(object)) => panic!("no string: {object:?}"),
        Err(error) => panic!("our own payload is refused: {error}"),
    };
    assert_eq!(back.as_bytes(), Some(&decoded[..]));
}

/// Commands of one run.
const STEPS: usize = 4000;

/// Strings, keys in general, and LCS: as many commands as for three types.
fn all_runs(protocol: Protocol, first_seed: u64) {
    let seeds = seeds(first_seed, STEPS * 2 / 3, 3);
    seeds.clone().for_each(|seed| side_by_side(protocol, seed, STEPS));
    compared(&format!("strings and keys, {protocol:?}"), (seeds.end - seeds.start) * STEPS as u64);
}

#[test]
fn as_redis_answers_in_resp2() {
    all_runs(Protocol::Resp2, 0);
}

#[test]
fn as_redis_answers_in_resp3() {
    all_runs(Protocol::Resp3, 100_000);
}
