//! Random rules for random users, to Grapevine and to redis-server 7.0.15 side by side: what is answered, who may do what
//! afterwards (ACL DRYRUN, and clients who try), what is printed, and what was noted.
//!
//! Model: users `u0` to `u3` and `default` change; the administrator is another one, who does not. After each change a
//! handful of requests is tried in the name of everybody. Rules are printed differently by design (as 7.2 does), so each
//! printed user is told to redis-server under another name, where it must become the same as its own.
//!
//! `GRAPEVINE_DIFFERENTIAL_COMMANDS` says how many requests, if not the suite's few.

use crate::acl::{normal, plain};
use base::Prng;
use client::Connection;
use grapevine_testkit::{Kind, Server, reserve};
use resp::Value;

/// Requests of the suite's run.
const FEW: usize = 4000;
/// Requests between two looks at ACL LOG, fewer than the entries it keeps.
const ROUND: usize = 60;
const NAMES: [&str; 5] = ["u0", "u1", "u2", "u3", "default"];
/// SHA-256 of `p1`.
const HASH: &str = "f64551fcd6f07823cb87971cfb91446425da18286b3ab1ef935e0cbd7a69f68a";

const SWITCHES: &[&str] = &[
    "on",
    "on",
    "ON",
    "off",
    "nopass",
    "NoPass",
    "resetpass",
    "reset",
    "clearselectors",
    "skip-sanitize-payload",
    "sanitize-payload",
    ">p1",
    ">p2",
    ">",
    "<p1",
    "<p2",
    "#123",
    "!123",
    "",
    "nonsense",
    "+",
    "-",
    "(",
    ")",
    "()",
    "( )",
    "%",
    "&",
    "~",
    "@read",
    "*",
];
const KEYS: &[&str] = &[
    "~*",
    "~a*",
    "~b?",
    "~[ab]*",
    "~a",
    "~",
    "~x y",
    "%R~a*",
    "%W~a*",
    "%RW~b*",
    "%WR~c*",
    "%r~b*",
    "%w~c",
    "%R",
    "%RR~a",
    "%X~a",
    "%R~*",
    "%W~*",
    "%RW~*",
    "%R~",
    "allkeys",
    "ALLKEYS",
    "resetkeys",
    "ResetKeys",
];
const CHANNELS: &[&str] = &[
    "&*",
    "&a*",
    "&b",
    "&[ab]",
    "&",
    "&x y",
    "allchannels",
    "AllChannels",
    "resetchannels",
    "RESETCHANNELS",
];
const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
    "all",
    "ALL",
    "Read",
    "nothing",
    "",
];
const COMMANDS: &[&str] = &[
    "get",
    "GET",
    "set",
    "mget",
    "del",
    "copy",
    "sort",
    "eval",
    "fcall",
    "publish",
    "subscribe",
    "psubscribe",
    "spublish",
    "select",
    "select|0",
    "select|1",
    "SELECT|0",
    "config",
    "config|get",
    "CONFIG|Set",
    "config|nothing",
    "config|get|x",
    "client",
    "client|kill",
    "client|id",
    "acl",
    "acl|whoami",
    "object",
    "object|encoding",
    "memory|usage",
    "xinfo",
    "xgroup|create",
    "ping",
    "ping|x",
    "auth",
    "hello",
    "nothing",
    "nothing|x",
    "get|a",
    "get|",
    "|",
    "debug",
    "debug|object",
    "multi",
    "exec",
    "evalsha",
    "cluster|info",
    "getex",
    "bitfield",
    "lmpop",
    "zunionstore",
    "script|load",
    "function|load",
    "sort_ro",
    "georadius",
];
/// `K` is a key, `C` a channel, `W` some word.
const TRIALS: &[&str] = &[
    "GET K",
    "SET K v",
    "SET K v GET",
    "MGET K K",
    "MSET K v K v",
    "DEL K K",
    "COPY K K",
    "RENAME K K",
    "SORT K",
    "SORT K BY K_*",
    "SORT K GET K_* GET #",
    "SORT K STORE K",
    "SORT_RO K BY K_*",
    "EVAL x 1 K",
    "EVAL x 2 K K K",
    "EVAL x 0 K",
    "EVAL x 5 K",
    "EVAL x W K",
    "EVALSHA x 1 K",
    "FCALL f 1 K",
    "FCALL_RO f 1 K",
    "GETEX K",
    "GETEX K PERSIST",
    "GETDEL K",
    "PUBLISH C m",
    "SPUBLISH C m",
    "SUBSCRIBE C C",
    "SSUBSCRIBE C",
    "PSUBSCRIBE C",
    "PSUBSCRIBE C C",
    "UNSUBSCRIBE C",
    "SELECT 0",
    "SELECT 1",
    "SELECT W",
    "CONFIG GET W",
    "CONFIG SET W W",
    "CONFIG",
    "CLIENT KILL ID 1",
    "CLIENT ID",
    "ACL WHOAMI",
    "ACL LIST",
    "OBJECT ENCODING K",
    "MEMORY USAGE K",
    "XINFO STREAM K",
    "XINFO",
    "XGROUP CREATE K g 0",
    "XADD K * f v",
    "XREAD STREAMS K K 0 0",
    "XREADGROUP GROUP g c STREAMS K >",
    "PING",
    "PING x",
    "AUTH p1",
    "HELLO 3",
    "RESET",
    "QUIT",
    "DEBUG OBJECT K",
    "DEBUG SLEEP 0",
    "BITFIELD K GET u8 0",
    "BITFIELD K SET u8 0 1",
    "BITFIELD_RO K GET u8 0",
    "PFCOUNT K K",
    "PFMERGE K K",
    "ZUNIONSTORE K 2 K K",
    "ZUNION 2 K K",
    "ZINTERCARD 1 K",
    "SINTERCARD 2 K K",
    "LMPOP 2 K K LEFT",
    "BLMPOP 0 1 K LEFT",
    "GEORADIUS K 0 0 1 m",
    "GEORADIUS K 0 0 1 m STORE K",
    "GEOSEARCHSTORE K K FROMMEMBER m BYBOX 1 1 m",
    "MIGRATE h 1 K 0 1",
    "MIGRATE h 1 W 0 1",
    "LMOVE K K LEFT LEFT",
    "RPOPLPUSH K K",
    "SMOVE K K m",
    "APPEND K v",
    "STRLEN K",
    "TYPE K",
    "EXISTS K",
    "EXPIRE K 1",
    "TTL K",
    "DUMP K",
    "RESTORE K 0 v",
    "KEYS *",
    "SCAN 0",
    "DBSIZE",
    "FLUSHALL",
    "INFO",
    "MULTI",
    "EXEC",
    "WATCH K",
    "CLUSTER INFO",
    "SCRIPT LOAD x",
    "FUNCTION LOAD x",
    "LCS K K",
    "BITOP AND K K K",
    "GETSET K v",
    "INCR K",
    "HSET K f v",
    "HGET K f",
    "LPUSH K v",
    "BLPOP K K 0",
    "TOUCH K",
    "UNLINK K",
    "OBJECT",
    "OBJECT HELP",
    "MONITOR",
    "SHUTDOWN",
    "SWAPDB 0 1",
    "MOVE K 1",
    "RANDOMKEY",
    "NOSUCH K",
    "GET",
    "MGET",
    "ASKING",
    "READONLY",
    "COMMAND",
    "COMMAND COUNT",
    "LATENCY RESET",
    "SLOWLOG GET",
    "SET K v NX",
];
/// What clients really try.
const DEEDS: &[&str] = &[
    "GET K",
    "SET K v",
    "SET K v GET",
    "MGET K K",
    "DEL K",
    "COPY K K",
    "PUBLISH C m",
    "ACL WHOAMI",
    "SELECT 0",
    "SELECT 1",
    "PING",
    "EXISTS K",
    "STRLEN K",
    "APPEND K v",
    "OBJECT FREQ",
    "CONFIG GET nothing",
    "SORT K BY K_* GET #",
    "EVAL return{redis.pcall('get',ARGV[1]),redis.pcall('set',ARGV[1],'v'),redis.pcall('publish',ARGV[2],'m')} 1 K K C",
    "EVAL return{redis.acl_check_cmd('get',ARGV[1]),redis.acl_check_cmd('select','0')} 0 K",
    "AUTH u0 p1",
    "AUTH u1 p2",
    "AUTH p1",
    "AUTH u9 x",
    "GETEX K",
];

struct Generator {
    random: Prng,
}

impl Generator {
    fn pick(&mut self, from: &[&str]) -> String {
        self.random.pick(from).map(|word| (*word).to_owned()).unwrap_or_default()
    }

    fn key(&mut self) -> String {
        self.pick(&["a", "ab", "abc", "b", "bc", "c", "x", "x y", ""])
    }

    fn request(&mut self, from: &[&str]) -> Vec<String> {
        let template = self.pick(from);
        let mut words = Vec::new();
        for word in template.split(' ') {
            words.push(match word {
                "K" => self.key(),
                "K_*" => format!("{}_*", self.key()),
                "C" => self.pick(&["a", "ab", "b", "c", "a*", "*", "[ab]", ""]),
                "W" => self.pick(&["0", "x", "KEYS", "*", ""]),
                other => other.to_owned(),
            });
        }
        words
    }

    /// A rule without parentheses.
    fn simple_rule(&mut self) -> String {
        match self.random.below(10) {
            0..=2 => self.pick(KEYS),
            3 => self.pick(CHANNELS),
            4 => format!("{}@{}", self.pick(&["+", "+", "-"]), self.pick(CATEGORIES)),
            _ => format!("{}{}", self.pick(&["+", "+", "-"]), self.pick(COMMANDS)),
        }
    }

    fn rules(&mut self) -> Vec<String> {
        let mut rules = Vec::new();
        for _ in 0..self.random.below(6) {
            match self.random.below(10) {
                0 | 1 => rules.push(self.pick(SWITCHES)),
                2 => rules.push(format!("{}{HASH}", self.pick(&["#", "!"]))),
                3 => rules.extend(self.selector()),
                _ => rules.push(self.simple_rule()),
            }
        }
        // 7.0 forgets an open selector when another one is opened; 7.2 takes that for a part of it.
        let mut open = false;
        rules.retain(|rule| {
            let (opens, closes) = (rule.starts_with('('), rule.ends_with(')'));
            let stays = !(open && opens && !closes);
            open = (open || opens) && !closes;
            stays
        });
        rules
    }

    /// As one word or as several, and now and then without its end.
    fn selector(&mut self) -> Vec<String> {
        let inner: Vec<String> = (0..self.random.below(4)).map(|_| self.simple_rule()).collect();
        let end = if self.random.chance(1, 30) { "" } else { ")" };
        let text = format!("({}{end}", inner.join(" "));
        if self.random.chance(1, 2) { vec![text] } else { text.split(' ').map(str::to_owned).collect() }
    }

    /// What the administrator says next.
    fn change(&mut self) -> Vec<String> {
        let name = self.pick(&NAMES);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self.random.below(40) {
            0 => words(&["ACL", "DELUSER", &name]),
            1 => words(&["ACL", "USERS"]),
            2 => words(&["ACL", "SETUSER", "x y", "on"]),
            3 => words(&["ACL", "LOG", &self.pick(&["0", "1", "3", "-1", "x"])]),
            4 => {
                words(&["CONFIG", "SET", "acl-pubsub-default", &self.pick(&["allchannels", "resetchannels"])])
            }
            5 => words(&["CONFIG", "SET", "requirepass", &self.pick(&["", "p1", "p2"])]),
            6 => words(&["CONFIG", "GET", "requirepass"]),
            // Somebody must be able to do something now and then.
            7..=10 => words(&["ACL", "SETUSER", &name, "reset", "on", ">p1", "+@all", "~a*", "%R~b*", "&a*"]),
            _ => [words(&["ACL", "SETUSER", &name]), self.rules()].concat(),
        }
    }
}

/// One server, with the administrator and a client for each user.
struct Side {
    server: Server,
    admin: Connection,
    clients: Vec<Option<Connection>>,
}

impl Side {
    fn start(kind: Kind, port: u16) -> Self {
        let server = Server::build(kind, port).with("acllog-max-len", "500").start();
        server.text(&["ACL", "SETUSER", "root", "on", ">root", "+@all", "~*", "&*"]);
        let mut admin = server.client();
        admin.call(&["AUTH", "root", "root"]).expect("AUTH");
        Side { server, admin, clients: NAMES.map(|_| None).into() }
    }

    fn ask(&mut self, words: &[String]) -> Value {
        self.admin.call(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Requests of a user's own client; whose user was removed has to come again.
    fn act(&mut self, who: usize, requests: &[Vec<String>]) -> Vec<Value> {
        for _ in 0..2 {
            let client = self.clients[who].get_or_insert_with(|| self.server.client());
            match client.pipeline(requests) {
                Ok(values) => return values,
                Err(_) => self.clients[who] = None,
            }
        }
        panic!("a new client is disconnected by {requests:?}");
    }
}

struct Pair {
    ours: Side,
    theirs: Side,
    generator: Generator,
    asked: usize,
}

impl Pair {
    fn both(&mut self, words: &[String]) -> [Value; 2] {
        self.asked += 1;
        [self.ours.ask(words), self.theirs.ask(words)]
    }

    fn same(&mut self, words: &[String]) {
        let [got, wanted] = self.both(words);
        let step = words.join(" ");
        assert_eq!(normal(&step, got), normal(&step, wanted), "request {}: {words:?}", self.asked);
    }

    fn round(&mut self) {
        let change = self.generator.change();
        if change[1] == "DELUSER" {
            // Who is gone is disconnected by both, sooner or later.
            let place = NAMES.iter().position(|name| *name == change[2] && *name != "default");
            for side in [&mut self.ours, &mut self.theirs] {
                side.clients
                    .iter_mut()
                    .take(if place.is_some() { NAMES.len() } else { 0 })
                    .for_each(|c| *c = None);
            }
        }
        self.same(&change);
        for name in NAMES {
            self.look(name);
        }
        for _ in 0..8 {
            let name = self.generator.pick(&NAMES);
            let trial = self.generator.request(TRIALS);
            self.same(&[vec!["ACL".to_owned(), "DRYRUN".to_owned(), name], trial].concat());
        }
        self.deeds();
    }

    /// GETUSER: all but the commands are equal, and ours make the same user of redis-server's.
    fn look(&mut self, name: &str) {
        let [got, wanted] = self.both(&["ACL", "GETUSER", name].map(str::to_owned));
        let (got, wanted) = (described(got), described(wanted));
        assert_eq!(got.is_some(), wanted.is_some(), "{name}");
        let (Some(got), Some(wanted)) = (got, wanted) else { return };
        assert_eq!(got.head, wanted.head, "{name}");
        let rest =
            |user: &Described| user.parts.iter().map(|p| (p[1].clone(), p[2].clone())).collect::<Vec<_>>();
        assert_eq!(rest(&got), rest(&wanted), "{name}");
        for (ours, theirs) in got.parts.iter().zip(&wanted.parts) {
            let rules = ours[0].split(' ').filter(|rule| !rule.is_empty()).map(str::to_owned);
            let copy = ["ACL", "SETUSER", "copy", "reset"].map(str::to_owned).into_iter().chain(rules);
            let answer = self.theirs.ask(&copy.collect::<Vec<_>>());
            assert!(!answer.is_error(), "{name}, {}: {answer:?}", ours[0]);
            let copy = described(self.theirs.ask(&["ACL", "GETUSER", "copy"].map(str::to_owned)));
            let copied = copy.map(|user| user.parts[0][0].clone());
            assert_eq!(copied.as_ref(), Some(&theirs[0]), "{name}, printed as {}", ours[0]);
        }
        self.theirs.ask(&["ACL", "DELUSER", "copy"].map(str::to_owned));
    }

    /// Somebody's client does something, sometimes in a transaction before whose end rights change.
    fn deeds(&mut self) {
        let who = self.generator.random.below(NAMES.len() as u64) as usize;
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut requests = vec![words(&["AUTH", NAMES[who], "p1"])];
        requests.extend((0..4).map(|_| self.generator.request(DEEDS)));
        let queued = self.generator.random.chance(1, 4);
        if queued {
            requests.insert(1, words(&["MULTI"]));
        }
        self.act(who, &requests);
        if queued {
            let change =
                [vec!["ACL".to_owned(), "SETUSER".to_owned(), NAMES[who].to_owned()], self.generator.rules()];
            self.same(&change.concat());
            self.act(who, &[words(&["EXEC"]), words(&["DISCARD"])]);
        }
    }

    fn act(&mut self, who: usize, requests: &[Vec<String>]) {
        self.asked += requests.len();
        let got = self.ours.act(who, requests);
        let wanted = self.theirs.act(who, requests);
        for ((request, got), wanted) in requests.iter().zip(got).zip(wanted) {
            let shown = |value: &Value| plain(value).join(" ");
            assert_eq!(shown(&got), shown(&wanted), "request {}: {who}: {request:?}", self.asked);
        }
    }
}

/// An answer of GETUSER: flags and passwords, then commands, keys and channels of each selector.
#[derive(Debug)]
struct Described {
    head: Vec<String>,
    parts: Vec<[String; 3]>,
}

fn described(value: Value) -> Option<Described> {
    let fields = value.as_array()?;
    let parts = |fields: &[Value]| {
        [1, 3, 5].map(|place| fields[place].as_str().expect("a selector's field").to_owned())
    };
    let selectors = fields[11].as_array().expect("selectors").iter();
    let others = selectors.map(|selector| parts(selector.as_array().expect("a selector")));
    Some(Described {
        head: fields[..4].iter().flat_map(plain).collect(),
        parts: [parts(&fields[4..10])].into_iter().chain(others).collect(),
    })
}

#[test]
fn random_rules_let_users_do_the_same() {
    let wanted = std::env::var("GRAPEVINE_DIFFERENTIAL_COMMANDS").ok().and_then(|text| text.parse().ok());
    let wanted = wanted.unwrap_or(FEW).max(FEW);
    let seed = std::env::var("GRAPEVINE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let ports = reserve();
    let mut pair = Pair {
        ours: Side::start(Kind::Grapevine, ports.port(0)),
        theirs: Side::start(Kind::Redis, ports.port(1)),
        generator: Generator { random: Prng::new(seed) },
        asked: 0,
    };
    while pair.asked < wanted {
        let end = pair.asked + ROUND;
        while pair.asked < end {
            pair.round();
        }
        pair.same(&["ACL", "LOG", "500"].map(str::to_owned));
        pair.same(&["ACL", "LOG", "RESET"].map(str::to_owned));
    }
    println!("compared: access control: {}", pair.asked);
}
