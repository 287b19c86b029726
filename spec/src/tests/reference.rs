//! Our facts beside those of Debian's redis-server 7.0.15, as its COMMAND INFO and COMMAND DOCS give them.
//!
//! The server runs for the length of the test on a socket in a temporary folder. Where no redis-server is
//! installed the test fails and says what to install. What 7.2 changed since is named in `CHANGED`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::{format, fs, vec};
use std::{
    string::{String, ToString},
    vec::Vec,
};

use super::{Arg, BTreeMap, BeginSearch, Command, FindKeys, KeySpec, all};

/// Commands that are newer than the reference.
const NEWER: &[&str] = &[
    "delex",
    "delifeq",
    "digest",
    "msetex",
    "xackdel",
    "xdelex",
    "client|no-touch",
    "client|setinfo",
    "cluster|events",
    "cluster|explain",
    "cluster|myshardid",
    "cluster|slot-stats",
    "commandlog",
    "commandlog|get",
    "commandlog|help",
    "commandlog|len",
    "commandlog|reset",
    "waitaof",
    "hexpire",
    "hexpireat",
    "hexpiretime",
    "hgetdel",
    "hgetex",
    "hpersist",
    "hpexpire",
    "hpexpireat",
    "hpexpiretime",
    "hpttl",
    "hsetex",
    "httl",
];

/// Facts that Redis 7.2 states otherwise than 7.0.15, by kind. Those under `args` only renamed arguments or
/// unwrapped blocks of one part.
const CHANGED: &[(&str, &[&str])] = &[
    (
        "args",
        &[
            "acl|cat",
            "module|loadex",
            "script|flush",
            "function|flush",
            "lcs",
            "migrate",
            "sort",
            "sort_ro",
            "mset",
            "set",
            "msetnx",
            "xack",
            "xadd",
            "xclaim",
            "xdel",
            "xread",
            "xreadgroup",
            "xsetid",
            "xgroup|create",
            "xgroup|createconsumer",
            "xgroup|delconsumer",
            "xgroup|destroy",
            "xgroup|setid",
            "xinfo|consumers",
            "xinfo|stream",
            "hello",
            "flushall",
            "flushdb",
            "shutdown",
            "psubscribe",
            "client|kill",
            "client|list",
            "client|reply",
            "client|unblock",
            "command|getkeys",
            "command|getkeysandflags",
            "config|get",
            "config|set",
            "cluster|addslotsrange",
            "cluster|delslotsrange",
            "cluster|meet",
            "cluster|reset",
            "cluster|setslot",
            "bitcount",
            "bitfield",
            "bitfield_ro",
            "bitop",
            "bitpos",
            "pfmerge",
            "zadd",
            "zrange",
            "zrangebylex",
            "zrangebyscore",
            "zrangestore",
            "zrank",
            "zrevrangebylex",
            "zrevrangebyscore",
            "zrevrank",
            "zscan",
            "geoadd",
            "geohash",
            "geopos",
            "georadius",
            "georadiusbymember",
            "georadiusbymember_ro",
            "georadius_ro",
            "geosearch",
            "geosearchstore",
            "hset",
            "hmset",
            "hscan",
        ],
    ),
    ("arity", &["command|getkeys", "command|getkeysandflags", "zrank", "zrevrank"]),
    ("deprecated", &["psetex", "setex", "setnx", "quit"]),
    (
        "flags",
        &[
            "wait",
            "blmove",
            "blpop",
            "brpop",
            "brpoplpush",
            "cluster|shards",
            "cluster|slots",
            "bzpopmax",
            "bzpopmin",
        ],
    ),
    ("instead", &["psetex", "setex", "setnx", "quit"]),
    ("since", &["client|pause"]),
    (
        "tips",
        &[
            "acl|deluser",
            "acl|save",
            "acl|setuser",
            "msetnx",
            "randomkey",
            "scan",
            "client|setname",
            "config|resetstat",
            "config|rewrite",
            "latency|reset",
        ],
    ),
];

fn changed(fact: &str, name: &str) -> bool {
    CHANGED.iter().any(|(kind, names)| *kind == fact && names.contains(&name))
}

struct Reference {
    child: Child,
    folder: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A reply without its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reply {
    Text(String),
    Int(i64),
    List(Vec<Reply>),
    Null,
}

impl Reply {
    fn text(&self) -> &str {
        match self {
            Reply::Text(text) => text,
            other => panic!("not a text: {other:?}"),
        }
    }

    fn list(&self) -> &[Reply] {
        match self {
            Reply::List(list) => list,
            other => panic!("not a list: {other:?}"),
        }
    }

    /// The value behind `name` in a flat map.
    fn field(&self, name: &str) -> Option<&Reply> {
        self.list().chunks(2).find(|pair| pair[0].text() == name).map(|pair| &pair[1])
    }

    fn field_text(&self, name: &str) -> String {
        match self.field(name) {
            Some(Reply::Text(text)) => text.clone(),
            Some(Reply::Int(value)) => format!("{value}"),
            _ => String::new(),
        }
    }

    fn sorted(&self) -> String {
        sorted(self.list().iter().map(|item| item.text().to_string()))
    }
}

fn sorted(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words.join(" ")
}

impl Reference {
    fn start() -> Option<Reference> {
        let folder = std::env::temp_dir().join(format!("grapevine-spec-{}", std::process::id()));
        fs::create_dir_all(&folder).ok()?;
        let socket = folder.join("redis.sock");
        let mut child = Process::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut log = BufReader::new(child.stdout.take()?).lines();
        let ready = log.any(|line| line.is_ok_and(|line| line.contains("ready to accept connections")));
        assert!(ready, "redis-server ended before it was ready");
        let stream = BufReader::new(UnixStream::connect(&socket).expect("socket of redis-server"));
        Some(Reference { child, folder, stream })
    }

    fn ask(&mut self, line: &str) -> Reply {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("write");
        self.read()
    }

    fn read(&mut self) -> Reply {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("read");
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" | "-" => Reply::Text(rest.to_string()),
            ":" => Reply::Int(rest.parse().expect("integer")),
            "$" if rest == "-1" => Reply::Null,
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().expect("length") + 2];
                self.stream.read_exact(&mut bytes).expect("bulk");
                bytes.truncate(bytes.len() - 2);
                Reply::Text(String::from_utf8(bytes).expect("text"))
            }
            "*" if rest == "-1" => Reply::Null,
            "*" => {
                let count = rest.parse::<usize>().expect("count");
                Reply::List((0..count).map(|_| self.read()).collect())
            }
            other => panic!("unknown reply {other}"),
        }
    }
}

type Facts = BTreeMap<&'static str, String>;

fn our_facts(cmd: &Command) -> Facts {
    let (first, last, step) = cmd.legacy_range();
    let (since, instead) = cmd.deprecated.unwrap_or_default();
    Facts::from([
        ("arity", format!("{}", cmd.arity)),
        ("flags", sorted(cmd.flags.names().map(String::from))),
        ("range", format!("{first} {last} {step}")),
        ("categories", sorted(cmd.categories.names().map(|name| format!("@{name}")))),
        ("tips", sorted(cmd.tips.iter().map(|tip| tip.to_string()))),
        ("keys", cmd.keys.iter().map(our_key).collect::<Vec<_>>().join(", ")),
        ("since", cmd.since.to_string()),
        ("group", cmd.group.name().to_string()),
        ("deprecated", since.to_string()),
        ("instead", instead.to_string()),
        ("args", our_args(cmd.args)),
    ])
}

fn our_key(spec: &KeySpec) -> String {
    let begin = match spec.begin {
        BeginSearch::Index(index) => format!("index {index}"),
        BeginSearch::Keyword { word, from } => format!("keyword {word} {from}"),
        BeginSearch::Unknown => "unknown ".into(),
    };
    let find = match spec.find {
        FindKeys::Range { last, step, limit } => format!("range {last} {step} {limit}"),
        FindKeys::KeyNum { number, first, step } => format!("keynum {number} {first} {step}"),
        FindKeys::Unknown => "unknown ".into(),
    };
    format!("{} | {begin} | {find}", sorted(spec.flags.names().map(String::from)))
}

fn our_args(args: &[Arg]) -> String {
    let list: Vec<String> = args
        .iter()
        .map(|arg| {
            let spec = arg.key_spec.map(|spec| format!("{spec}")).unwrap_or_default();
            let flags = sorted(arg.flag_names().map(String::from));
            let (token, since) = (arg.token.unwrap_or_default(), arg.since.unwrap_or_default());
            let gone = arg.deprecated_since.unwrap_or_default();
            format!(
                "{}:{}:{token}:{spec}:{since}:{gone}:{flags}({})",
                arg.name,
                arg.kind.name(),
                our_args(arg.parts)
            )
        })
        .collect();
    list.join(", ")
}

fn their_facts(info: &[Reply], docs: &Reply) -> Facts {
    let Reply::Int(arity) = info[1] else { panic!("arity") };
    let number = |i: usize| match info[i] {
        Reply::Int(value) => value,
        _ => panic!("range"),
    };
    Facts::from([
        ("arity", format!("{arity}")),
        ("flags", info[2].sorted()),
        ("range", format!("{} {} {}", number(3), number(4), number(5))),
        ("categories", info[6].sorted()),
        ("tips", info[7].sorted()),
        ("keys", info[8].list().iter().map(their_key).collect::<Vec<_>>().join(", ")),
        ("since", docs.field_text("since")),
        ("group", docs.field_text("group")),
        ("deprecated", docs.field_text("deprecated_since")),
        ("instead", docs.field_text("replaced_by")),
        ("args", docs.field("arguments").map(their_args).unwrap_or_default()),
    ])
}

fn their_key(spec: &Reply) -> String {
    let part = |name: &str| {
        let part = spec.field(name).expect("part of a key spec");
        let values = part.field("spec").expect("spec").list().chunks(2);
        let values = values.map(|pair| match &pair[1] {
            Reply::Int(value) => format!("{value}"),
            other => other.text().to_string(),
        });
        format!("{} {}", part.field_text("type"), values.collect::<Vec<_>>().join(" "))
    };
    let flags = spec.field("flags").expect("flags").sorted();
    format!("{flags} | {} | {}", part("begin_search"), part("find_keys"))
}

fn their_args(args: &Reply) -> String {
    let list: Vec<String> = args
        .list()
        .iter()
        .map(|arg| {
            let text = |name: &str| arg.field_text(name);
            let flags = arg.field("flags").map(Reply::sorted).unwrap_or_default();
            let parts = arg.field("arguments").map(their_args).unwrap_or_default();
            format!(
                "{}:{}:{}:{}:{}:{}:{flags}({parts})",
                text("name"),
                text("type"),
                text("token"),
                text("key_spec_index"),
                text("since"),
                text("deprecated_since"),
            )
        })
        .collect();
    list.join(", ")
}

#[test]
fn facts_are_those_of_the_reference_server() {
    let mut reference = Reference::start().expect("redis-server starts (install Debian's redis-server)");
    let mut wrong = Vec::new();
    for cmd in all() {
        let info = reference.ask(&format!("COMMAND INFO {}", cmd.name)).list()[0].clone();
        if NEWER.contains(&cmd.name) {
            assert_eq!(info, Reply::Null, "{} is not newer", cmd.name);
            continue;
        }
        let docs = reference.ask(&format!("COMMAND DOCS {}", cmd.name));
        let Reply::List(info) = info else {
            wrong.push(format!("{}: the reference does not know it", cmd.name));
            continue;
        };
        let (ours, theirs) = (our_facts(cmd), their_facts(&info, &docs.list()[1]));
        for (fact, ours) in &ours {
            let differs = *ours != theirs[fact];
            if differs != changed(fact, cmd.name) {
                wrong.push(format!("{} {fact}:\n  ours   {ours}\n  theirs {}", cmd.name, theirs[fact]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
