//! Every data command that redis-server 7.0.15 knows, with every option, made from the command table: replies are
//! compared, and now and then all keys whole.
//!
//! The families beside this compare closer, in commands that make sense; here most do not, and what is looked for is a
//! text, a limit or an order of checks that differs. What need not be equal is said in [`same`].

mod generate;

use crate::allocations::peak_of;
use crate::differential::{Raw, seeds};
use crate::runner::Runner;
use base::{OwnedArgs, Prng, UnixMillis};
use generate::{generate, is_known, is_known_to_peer};
use resp::{Protocol, Value, ValueParser};
use spec::{Arg, Command, Group};
use std::collections::{BTreeMap, BTreeSet};
use testkit::{Kind, Server};

const STEPS: usize = 4000;
/// A run ends when it has found so many.
const DIFFERENCES_SHOWN: usize = 40;

/// Not here, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("spop", "draws; what is left differs"),
    ("randomkey", "draws"),
    ("scan", "its cursors are a table's; compared elsewhere"),
    ("keys", "in the order of a hash table; compared elsewhere"),
    ("wait", "no data"),
    ("waitaof", "no data"),
    ("pfdebug", "a tool of tests"),
    ("pfselftest", "takes long"),
    ("flushall", "leaves nothing to compare"),
    ("flushdb", "leaves nothing to compare"),
    ("swapdb", "leaves nothing to compare"),
    ("restore-asking", "as RESTORE"),
    ("sort", "its ties and its errno are Redis's own; compared elsewhere"),
    ("sort_ro", "as SORT"),
    ("substr", "as GETRANGE"),
    ("object|freq", "needs a policy"),
    ("object|idletime", "depends on the moment"),
    ("object|help", "words"),
    ("object|refcount", "sharing"),
    ("xgroup|help", "words"),
    ("xinfo|help", "words"),
    ("xinfo|stream", "7.2 has more"),
    ("xinfo|consumers", "7.2 has more"),
    // 7.2 creates the consumer that is named, 7.0 when it gets something.
    ("xreadgroup", "compared elsewhere, with consumers that exist"),
    ("xclaim", "as XREADGROUP"),
    ("xautoclaim", "as XREADGROUP"),
    ("xsetid", "7.2 refuses more; compared elsewhere"),
];

fn commands() -> Vec<&'static Command> {
    let data = |command: &&Command| {
        let group = command.group;
        let left_out = LEFT_OUT.iter().any(|(name, _)| *name == command.name);
        let ours = commands::handler(command.name).is_some();
        ours && command.subcommands().is_empty()
            && !left_out
            && is_known_to_peer(command.since)
            && !matches!(group, Group::Connection | Group::Server)
    };
    spec::all().filter(data).collect()
}

/// The words that a command's arguments know.
fn tokens(command: &Command, args: &'static [Arg], into: &mut BTreeSet<String>) {
    for arg in args.iter().filter(|arg| is_known(command, arg)) {
        into.extend(arg.token.map(str::to_lowercase));
        tokens(command, arg.parts, into);
    }
}

#[test]
fn every_option_of_every_command_comes_up() {
    let mut prng = Prng::new(3);
    let commands = commands();
    assert!(commands.len() > 150, "{} commands", commands.len());
    for command in commands {
        let mut missing = BTreeSet::new();
        tokens(command, command.args, &mut missing);
        let mut good = 0;
        for _ in 0..600 {
            let args = generate(command, &mut prng);
            good += usize::from(command.arity_ok(args.len()));
            args.iter().for_each(|arg| _ = missing.remove(&String::from_utf8_lossy(arg).to_lowercase()));
        }
        assert!(missing.is_empty(), "{} never has {missing:?}", command.name);
        assert!(good > 300, "{}: {good} of 600 have a legal length", command.name);
    }
    for (name, _) in LEFT_OUT {
        assert!(spec::lookup_full(name.as_bytes()).is_some(), "{name} is no command");
    }
}

fn parsed(bytes: &[u8]) -> Value {
    let mut parser = ValueParser::new();
    parser.feed(bytes);
    parser.next().ok().flatten().expect("one reply")
}

/// A reply without what may differ: the order of hash tables, digits of floats beyond what they mean.
fn plain(value: &Value, unordered: bool) -> String {
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => {
            let mut all: Vec<String> = items.iter().map(|item| plain(item, unordered)).collect();
            if unordered {
                all.sort();
            }
            format!("[{}]", all.join(" "))
        }
        Value::Map(pairs) => {
            let mut all: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{}={}", plain(key, unordered), plain(value, unordered)))
                .collect();
            all.sort();
            format!("{{{}}}", all.join(" "))
        }
        Value::Double { value, .. } => format!("{value:?}"),
        Value::Bulk(bytes) => match std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<f64>().ok())
        {
            Some(number) if bytes.len() > 15 || bytes.contains(&b'e') => format!("{number:?}"),
            _ => bytes.escape_ascii().to_string(),
        },
        Value::Error(text) => text.escape_ascii().to_string(),
        other => format!("{other:?}"),
    }
}

/// Replies that are random, or times, are compared by their shape.
fn shape(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.len()),
        Value::Bulk(_) => "bulk".into(),
        Value::Int(n) => n.signum().to_string(),
        other => format!("{other:?}"),
    }
}

/// See [`plain`] and [`shape`].
fn same(name: &str, ours: &Value, theirs: &Value) -> bool {
    match name {
        "srandmember" | "hrandfield" | "zrandmember" | "ttl" | "pttl" | "dump" => {
            shape(ours) == shape(theirs)
        }
        "expiretime" | "pexpiretime" => shape(ours) == shape(theirs),
        "object|encoding" => encoding(ours) == encoding(theirs),
        // Of a table, how many come and what the next cursor is are free.
        "sscan" | "hscan" | "zscan" if cursor(ours).is_some() && cursor(theirs).is_some() => {
            let whole = |value: &Value| cursor(value) == Some(b"0".as_slice());
            !whole(ours) || !whole(theirs) || plain(ours, true) == plain(theirs, true)
        }
        "smembers"
        | "sinter"
        | "sunion"
        | "sdiff"
        | "hgetall"
        | "hkeys"
        | "hvals"
        | "scan"
        | "sscan"
        | "hscan"
        | "zscan"
        | "georadius"
        | "georadiusbymember"
        | "georadius_ro"
        | "georadiusbymember_ro"
        | "geosearch" => plain(ours, true) == plain(theirs, true),
        _ => plain(ours, false) == plain(theirs, false),
    }
}

/// The next cursor that a scan answers.
fn cursor(value: &Value) -> Option<&[u8]> {
    value.as_array()?.first()?.as_bytes()
}

/// Small lists and sets are listpacks since 7.2.
fn encoding(value: &Value) -> String {
    let text = plain(value, false);
    match text.as_str() {
        "listpack" | "quicklist" | "hashtable" => "a list or a set".into(),
        _ => text,
    }
}

/// How to see all of a key.
fn show(kind: &[u8], key: &[u8]) -> Vec<Vec<u8>> {
    let words: &[&[u8]] = match kind {
        b"string" => &[b"GET"],
        b"list" => &[b"LRANGE", b"0", b"-1"],
        b"set" => &[b"SMEMBERS"],
        b"hash" => &[b"HGETALL"],
        b"zset" => &[b"ZRANGE", b"0", b"-1", b"WITHSCORES"],
        b"stream" => &[b"XRANGE", b"-", b"+"],
        _ => &[b"TYPE"],
    };
    let mut args: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
    args.insert(1, key.to_vec());
    args
}

struct Pair {
    ours: Runner,
    redis: Raw,
}

impl Pair {
    fn run(&mut self, args: &[Vec<u8>]) -> (Value, Value) {
        let slices: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let (theirs, _) = self.redis.call(&slices);
        self.ours.execute(&OwnedArgs::from_slices(slices.iter().copied()));
        (parsed(self.ours.reply.buffer()), theirs)
    }

    fn compare_all(&mut self, about: &str) {
        let (ours, theirs) = self.run(&[b"KEYS".to_vec(), b"*".to_vec()]);
        assert_eq!(plain(&ours, true), plain(&theirs, true), "{about}: keys");
        let names: Vec<&[u8]> = theirs.as_array().unwrap_or(&[]).iter().filter_map(Value::as_bytes).collect();
        for key in names {
            let (ours, theirs) = self.run(&[b"TYPE".to_vec(), key.to_vec()]);
            assert_eq!(ours, theirs, "{about}: {}", key.escape_ascii());
            let kind = plain(&theirs, false);
            let kind =
                ["string", "list", "set", "hash", "zset", "stream"].into_iter().find(|k| kind.contains(k));
            let shown = show(kind.unwrap_or("").as_bytes(), key);
            let (ours, theirs) = self.run(&shown);
            let unordered = matches!(kind, Some("set" | "hash"));
            assert_eq!(plain(&ours, unordered), plain(&theirs, unordered), "{about}: {}", key.escape_ascii());
        }
    }
}

fn side_by_side(protocol: Protocol, seed: u64) {
    let ports = testkit::reserve();
    let server = Server::build(Kind::Redis, ports.port(0))
        .with("save", "")
        .with("hash-max-listpack-entries", "512")
        .start();
    let mut pair = Pair { ours: Runner::new(protocol), redis: Raw::connect(server.port()) };
    if protocol == Protocol::Resp3 {
        pair.redis.call(&[b"HELLO", b"3"]);
    }
    let all = commands();
    let mut by_group: BTreeMap<&str, Vec<&Command>> = BTreeMap::new();
    for command in &all {
        by_group.entry(command.group.name()).or_default().push(command);
    }
    let groups: Vec<&str> = by_group.keys().copied().collect();
    let mut prng = Prng::new(seed);
    let mut history: Vec<String> = Vec::new();
    let mut differences: BTreeMap<(&str, String, String), String> = BTreeMap::new();
    for step in 0..STEPS {
        let group = prng.pick(&groups).copied().expect("groups");
        let command = *prng.pick(&by_group[group]).expect("commands");
        let args = generate(command, &mut prng);
        if !command.arity_ok(args.len()) || is_endless(command, &args) {
            continue;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        pair.ours.now = UnixMillis(now.as_millis() as i64);
        pair.ours.keyspace.set_now(pair.ours.now);
        let line: Vec<String> =
            args.iter().map(|arg| format!("{:?}", arg.escape_ascii().to_string())).collect();
        history.push(line.join(" "));
        let (ours, theirs) = pair.run(&args);
        let recent = &history[history.len().saturating_sub(8)..];
        if !same(command.name, &ours, &theirs) && !is_otherwise(command, &ours, &theirs) {
            let (ours_text, theirs_text) = (plain(&ours, false), plain(&theirs, false));
            let what = format!("{step}: {}\n  ours:   {ours_text}\n  theirs: {theirs_text}", line.join(" "));
            // To Redis a NUL ends what is parsed as a number, and texts that repeat an argument.
            if !args.iter().any(|arg| arg.contains(&0)) {
                differences.entry((command.name, ours_text, theirs_text)).or_insert(what);
            }
            // The data is different too, perhaps: both begin anew.
            pair.run(&[b"FLUSHALL".to_vec()]);
            if differences.len() > DIFFERENCES_SHOWN {
                break;
            }
        }
        if step % 40 == 0 {
            pair.compare_all(&format!("seed {seed} step {step}, after {recent:#?}"));
        }
    }
    let all: Vec<String> = differences.into_values().collect();
    assert!(all.is_empty(), "seed {seed}, {} differences:\n{}", all.len(), all.join("\n"));
}

/// What would fill the memory of either program, or depend on the clock.
fn is_endless(command: &Command, args: &[Vec<u8>]) -> bool {
    let number = |arg: &Vec<u8>| std::str::from_utf8(arg).ok().and_then(|text| text.parse::<i128>().ok());
    let great = |arg: &Vec<u8>| {
        let arg = arg.strip_prefix(b"#").unwrap_or(arg).to_vec();
        number(&arg).is_some_and(|n| (100_000..1 << 40).contains(&n))
    };
    match command.name {
        "setrange" | "setbit" | "bitfield" => args[2..].iter().any(great),
        // BITCOUNT key start counts to the end since 7.4.
        "bitcount" => args.len() == 3,
        // -1 is the greatest cursor to Redis, and a NUL ends a cursor of nothing.
        "sscan" | "hscan" | "zscan" => args[2] == b"-1" || args[2].contains(&0),
        "srandmember" | "hrandfield" | "zrandmember" => {
            args[2..].iter().filter_map(number).any(|n| (-(1 << 63) + 1..-1000).contains(&n))
        }
        "xadd" => args.iter().any(|arg| arg == b"*"),
        // What lives for seconds would die at another moment on either side.
        "set" | "getex" => args.windows(2).any(|two| match two[0].to_ascii_lowercase().as_slice() {
            b"ex" => number(&two[1]).is_some_and(|n| (1..5_000).contains(&n)),
            b"px" => number(&two[1]).is_some_and(|n| (1..5_000_000).contains(&n)),
            _ => false,
        }),
        "setex" | "expire" => number(&args[2]).is_some_and(|n| (1..5_000).contains(&n)),
        "psetex" | "pexpire" | "restore" => number(&args[2]).is_some_and(|n| (1..5_000_000).contains(&n)),
        // Zero is for ever.
        "blpop" | "brpop" | "brpoplpush" | "blmove" | "bzpopmin" | "bzpopmax" | "blmpop" | "bzmpop" => {
            let at = if command.name.ends_with("mpop") { 1 } else { args.len() - 1 };
            let seconds =
                std::str::from_utf8(&args[at]).ok().and_then(|text| text.trim().parse::<f64>().ok());
            seconds.is_some_and(|seconds| seconds == 0.0 || (seconds > 0.05 && seconds < 1e9))
        }
        "xread" => args.windows(2).any(|two| {
            two[0].eq_ignore_ascii_case(b"block") && number(&two[1]).is_some_and(|ms| ms == 0 || ms > 50)
        }),
        _ => false,
    }
}

/// What 7.2 changed, and BITCOUNT and BITPOS, which do not look at arguments in 7.0 when the key is missing.
fn is_otherwise(command: &Command, ours: &Value, theirs: &Value) -> bool {
    let Value::Error(ours) = ours else { return false };
    let (ours, theirs) = (String::from_utf8_lossy(ours), plain(theirs, false));
    match command.name {
        "xread" => ours.contains("Unbalanced 'xread' list") && theirs.contains("Unbalanced XREAD list"),
        "zrank" | "zrevrank" => ours == "ERR syntax error" && theirs.contains("wrong number of arguments"),
        "lpos" => ours.starts_with("ERR value is out of range, value must between"),
        "bitcount" | "bitpos" => {
            matches!(theirs.as_str(), "Int(0)" | "Int(-1)" | "ERR syntax error")
                || theirs.starts_with("WRONGTYPE")
        }
        name if name.starts_with('b') => {
            ours.contains("timeout is out of range") && theirs.contains("timeout")
        }
        _ => false,
    }
}

#[test]
fn anything_that_a_client_may_send() {
    for seed in 0..seeds().div_ceil(3) {
        side_by_side(Protocol::Resp2, 12_000 + 2 * seed);
        side_by_side(Protocol::Resp3, 12_001 + 2 * seed);
    }
}

/// Numbers that nobody means.
const ABSURD: &[&str] = &[
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775807",
    "4611686018427387904",
    "4294967295",
    "4294967296",
    "-4294967296",
    "2147483647",
    "-2147483648",
    "1000000000",
    "-1000000000",
    "1e18",
    "#1000000000",
];

/// Whatever count, offset, limit or length a request names: what it costs is bounded by what is there, and by
/// `proto-max-bulk-len`, which is small here.
#[test]
fn no_number_makes_a_command_allocate_absurdly() {
    const STRING_MAX: usize = 1 << 20;
    const PEAK_MAX: usize = 8 * STRING_MAX;
    let all: Vec<&Command> = spec::all()
        .filter(|command| commands::handler(command.name).is_some() && command.subcommands().is_empty())
        .filter(|command| command.name != "pfselftest")
        .collect();
    let mut prng = Prng::new(17);
    let mut runner = Runner::new(Protocol::Resp2);
    runner.limits.proto_max_bulk_len = STRING_MAX as u64;
    for _ in 0..150 {
        for command in &all {
            let mut args = generate(command, &mut prng);
            for arg in &mut args[1..] {
                if arg.iter().any(u8::is_ascii_digit)
                    && arg.len() < 12
                    && !arg[0].is_ascii_alphabetic()
                    && prng.chance(1, 2)
                {
                    *arg = prng.pick(ABSURD).map(|text| text.as_bytes().to_vec()).unwrap_or_default();
                }
            }
            if !command.arity_ok(args.len()) {
                continue;
            }
            let owned = OwnedArgs::from_slices(args.iter().map(Vec::as_slice));
            let run = commands::handler(command.name).expect("a handler");
            let peak = peak_of(|| runner.run_handler(run, owned.as_args()));
            assert!(
                peak < PEAK_MAX,
                "{peak} bytes: {}",
                args.iter().map(|a| a.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
            );
        }
    }
}
