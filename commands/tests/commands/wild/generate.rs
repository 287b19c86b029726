//! Arguments from the command table: every option of every command comes up, with sensible and with absurd values.
//!
//! The tree of arguments of `spec` is walked: what is optional is there or not, what may be repeated is, one of several
//! is chosen. Values follow from the type and the name of an argument. Then now and then something is dropped, doubled,
//! moved or replaced. What neither program could stand is left out: replies and strings without end.

use base::Prng;
use spec::{Arg, ArgKind, Command, Group};

/// Commands and arguments that are younger are not known to the peer.
const PEER: (u32, u32) = (7, 0);

/// What of the command table is generated.
pub fn is_known_to_peer(since: &str) -> bool {
    let mut parts = since.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) <= PEER
}

/// Options that 7.2 added without saying so in the table of commands.
const YOUNGER: &[(&str, &str)] = &[("zrank", "WITHSCORE"), ("zrevrank", "WITHSCORE")];

/// Whether the peer knows an argument of a command.
pub fn is_known(command: &Command, arg: &Arg) -> bool {
    let younger = |(name, token): &(&str, &str)| *name == command.name && arg.token == Some(token);
    arg.since.is_none_or(is_known_to_peer) && !YOUNGER.iter().any(younger)
}

/// Writes arguments for one command.
pub struct Generator<'a> {
    pub prng: &'a mut Prng,
    command: &'a Command,
    out: Vec<Vec<u8>>,
    /// Where `numkeys` stands, and how many keys had come before it.
    count_at: Option<(usize, usize)>,
    keys: usize,
}

/// One command with its arguments.
pub fn generate(command: &Command, prng: &mut Prng) -> Vec<Vec<u8>> {
    let names = command.name.split('|').map(|word| word.as_bytes().to_vec()).collect();
    let mut generator = Generator { prng, command, out: names, count_at: None, keys: 0 };
    let first = generator.out.len();
    for arg in command.args {
        generator.argument(arg);
    }
    if let Some((at, before)) = generator.count_at
        && !generator.prng.chance(1, 15)
    {
        generator.out[at] = (generator.keys - before).to_string().into_bytes();
    }
    let mut out = generator.out;
    garble(&mut out, first, prng);
    out
}

fn garble(out: &mut Vec<Vec<u8>>, first: usize, prng: &mut Prng) {
    while out.len() > first && prng.chance(1, 12) {
        let at = first + prng.below((out.len() - first) as u64) as usize;
        match prng.below(5) {
            0 => _ = out.remove(at),
            1 => out.insert(at, out[at].clone()),
            2 => out.push(out[at].clone()),
            3 => {
                let other = first + prng.below((out.len() - first) as u64) as usize;
                out.swap(at, other);
            }
            _ => out[at] = text(prng),
        }
    }
}

fn pick(prng: &mut Prng, words: &[&str]) -> Vec<u8> {
    prng.pick(words).map(|word| word.as_bytes().to_vec()).unwrap_or_default()
}

/// A value as a member, an element or a string.
fn text(prng: &mut Prng) -> Vec<u8> {
    match prng.below(12) {
        0 => pick(
            prng,
            &["", "-0", "0", "-0.0", "007", "+1", " 1", "1 ", "nan", "inf", "-inf", "1e400", "0x1p3"],
        ),
        1 => pick(
            prng,
            &["9223372036854775807", "-9223372036854775808", "18446744073709551615", "1e17", "3.0"],
        ),
        2 => pick(prng, &["\r\n", "\0", "a\0b", "\u{e9}", "(", "[", "*", "-", "+", "#"]),
        3 => vec![b'x'; [44, 63, 64, 65, 200, 5000][prng.below(6) as usize]],
        4 => (0..prng.below(8)).map(|_| prng.next_u64() as u8).collect(),
        5 | 6 => (prng.below(40) as i64 - 10).to_string().into_bytes(),
        _ => pick(prng, &["a", "b", "c", "d", "e", "ab", "hello"]),
    }
}

fn integer(prng: &mut Prng) -> Vec<u8> {
    match prng.below(12) {
        0 => pick(prng, &["", "x", "1.5", "nan", "inf", "-0", "01", "+1", " 1", "1e3", "0x10", "1\0"]),
        1 => pick(
            prng,
            &["9223372036854775807", "-9223372036854775808", "9223372036854775808", "99999999999999999999"],
        ),
        2 => pick(prng, &["2147483647", "2147483648", "-2147483649", "4294967296", "1099511627776"]),
        3 => (prng.below(2000) as i64 - 1000).to_string().into_bytes(),
        _ => (prng.below(14) as i64 - 4).to_string().into_bytes(),
    }
}

/// Elements that a random command draws: a great negative number is a reply without end.
fn draws(prng: &mut Prng) -> Vec<u8> {
    match prng.below(8) {
        0 => pick(
            prng,
            &["", "x", "1.5", "-9223372036854775808", "9223372036854775807", "99999999999999999999"],
        ),
        _ => (prng.below(60) as i64 - 30).to_string().into_bytes(),
    }
}

/// Where in a string: within reach, or out of everybody's.
fn place(prng: &mut Prng) -> Vec<u8> {
    match prng.below(8) {
        0 => pick(prng, &["", "x", "-1", "4294967296", "9223372036854775807", "#1", "#-1", "#", "1.5"]),
        1 => prng.below(20_000).to_string().into_bytes(),
        2 => format!("#{}", prng.below(20)).into_bytes(),
        _ => prng.below(90).to_string().into_bytes(),
    }
}

fn float(prng: &mut Prng) -> Vec<u8> {
    match prng.below(8) {
        0 => pick(prng, &["", "x", "nan", "-nan", "1e400", "0x1p3", "1_0", " 1", "1 ", "--1", "1\0"]),
        1 => pick(
            prng,
            &["inf", "-inf", "+inf", "Infinity", "-0", "-0.0", "1e300", "1e-320", "4e18", "5e-324"],
        ),
        2 => format!("{}.{}", prng.below(100), prng.below(100_000)).into_bytes(),
        _ => (prng.below(20) as i64 - 8).to_string().into_bytes(),
    }
}

/// How long from now: so far away that no test sees it, or nonsense.
fn span(prng: &mut Prng, unit_ms: bool) -> Vec<u8> {
    if prng.chance(1, 4) {
        return pick(
            prng,
            &["", "x", "0", "-1", "1.5", "9223372036854775807", "9223372036854775", "-9223372036854775808"],
        );
    }
    let seconds = 10_000 + prng.below(90_000);
    (if unit_ms { seconds * 1000 } else { seconds }).to_string().into_bytes()
}

/// A point in time, far ahead or far behind.
fn time(prng: &mut Prng, unit_ms: bool) -> Vec<u8> {
    let seconds = *prng.pick(&["4102444800", "4102444900", "946684800", "-1", "0"]).unwrap_or(&"0");
    if prng.chance(1, 8) {
        span(prng, unit_ms)
    } else {
        [seconds, if unit_ms { "000" } else { "" }].concat().into_bytes()
    }
}

fn stream_id(prng: &mut Prng) -> Vec<u8> {
    match prng.below(12) {
        0 => pick(
            prng,
            &["", "x", "-", "0", "0-0", "1-", "-1", "1-x", "18446744073709551615-18446744073709551615"],
        ),
        1 => pick(prng, &["18446744073709551616-0", "(1-1", "(-", "(5", "5-*", "$", ">"]),
        2 => prng.below(60).to_string().into_bytes(),
        _ => format!("{}-{}", prng.below(60), prng.below(3)).into_bytes(),
    }
}

fn bound(prng: &mut Prng) -> Vec<u8> {
    match prng.below(4) {
        0 => pick(prng, &["-", "+", "-inf", "+inf", "inf", "nan", "", "(", "["]),
        1 => [pick(prng, &["(", "["]), pick(prng, &["a", "b", "c", "", "1", "5", "-inf", "hello"])].concat(),
        2 => integer(prng),
        _ => (prng.below(12) as i64 - 4).to_string().into_bytes(),
    }
}

impl Generator<'_> {
    fn argument(&mut self, arg: &Arg) {
        if !is_known(self.command, arg) || (arg.optional && self.prng.chance(1, 2)) {
            return;
        }
        let times = if arg.multiple { 1 + self.prng.below(4) } else { 1 };
        for n in 0..times {
            if let Some(token) = arg.token.filter(|_| n == 0 || arg.multiple_token) {
                let lower = self.prng.chance(1, 6);
                self.out.push(if lower { token.to_ascii_lowercase() } else { token.to_owned() }.into_bytes());
            }
            self.value(arg);
        }
    }

    fn value(&mut self, arg: &Arg) {
        match arg.kind {
            ArgKind::PureToken => {}
            ArgKind::Block => arg.parts.iter().for_each(|part| self.argument(part)),
            ArgKind::OneOf => {
                let known: Vec<&Arg> = arg.parts.iter().filter(|part| is_known(self.command, part)).collect();
                if let Some(part) = self.prng.pick(&known).copied() {
                    self.argument(part);
                }
            }
            _ => {
                let value = self.leaf(arg);
                self.out.push(value);
            }
        }
    }

    fn leaf(&mut self, arg: &Arg) -> Vec<u8> {
        let ms = arg.name.contains("millisecond");
        match (arg.kind, arg.name) {
            (ArgKind::Key, _) => self.key(),
            (ArgKind::UnixTime, _) => time(self.prng, ms),
            (ArgKind::Pattern, _) => self.pattern(),
            (_, "numkeys") => {
                self.count_at = Some((self.out.len(), self.keys));
                integer(self.prng)
            }
            // Nobody waits for long.
            (_, "timeout" | "block") => {
                pick(self.prng, &["0.001", "-1", "x", "", "nan", "1e400", "1", "-0.5"])
            }
            (_, "milliseconds") if self.command.name == "xread" || self.command.name == "xreadgroup" => {
                pick(self.prng, &["1", "2", "-1", "x", "1.5"])
            }
            (_, "seconds" | "milliseconds" | "ttl") => span(self.prng, ms),
            (_, "cursor") => pick(self.prng, &["0", "0", "0", "0", "x", "-1", "", "18446744073709551616"]),
            (_, "db" | "destination-db" | "index1" | "index2") => {
                pick(self.prng, &["0", "1", "0", "1", "15", "16", "-1", "x", "4294967296"])
            }
            (_, "offset") if self.command.group == Group::Bitmap || self.command.name == "setrange" => {
                place(self.prng)
            }
            (_, "encoding") => self.field_type(),
            (_, "serialized-value") => self.payload(),
            (_, "count")
                if self.command.name.ends_with("randmember") || self.command.name == "hrandfield" =>
            {
                draws(self.prng)
            }
            (_, "longitude" | "latitude") => self.degrees(),
            (_, name) if self.command.group == Group::Stream => self.of_stream(name, arg.kind),
            (_, "min" | "max" | "start" | "stop") if self.command.group == Group::SortedSet => {
                bound(self.prng)
            }
            (_, "element" | "member" | "member1" | "member2" | "field" | "pivot")
                if self.prng.chance(3, 4) =>
            {
                pick(self.prng, &["a", "b", "c", "d", "1", "2", "5", "-3"])
            }
            (ArgKind::Integer, _) => integer(self.prng),
            (ArgKind::Double, _) => float(self.prng),
            _ => text(self.prng),
        }
    }

    /// Mostly a key that holds what the command wants.
    fn key(&mut self) -> Vec<u8> {
        self.keys += 1;
        let own = match self.command.group {
            Group::List => "list",
            Group::Set => "set",
            Group::Hash => "hash",
            Group::SortedSet => "zset",
            Group::Stream => "stream",
            Group::Geo => "geo",
            Group::Hyperloglog => "hll",
            Group::Bitmap => "bits",
            _ => "string",
        };
        let any = ["list", "set", "hash", "zset", "stream", "geo", "bits", "string", "missing"];
        let name = match self.prng.below(16) {
            // What lies behind a broken HyperLogLog is the allocator's business.
            0 | 1 if own != "hll" => any[self.prng.below(9) as usize],
            2.. if own == "string" && self.command.group == Group::Generic => {
                any[self.prng.below(9) as usize]
            }
            _ => own,
        };
        if self.prng.chance(1, 60) {
            return pick(self.prng, &["", "\0", "a b", "{x}y"]);
        }
        format!("{name}{}", 1 + self.prng.below(3)).into_bytes()
    }

    fn pattern(&mut self) -> Vec<u8> {
        pick(
            self.prng,
            &["*", "l*", "*1", "?et2", "[hz]*", "[^a-k]*", "\\*", "", "[", "w_*", "#", "*->a", "hash*->b"],
        )
    }

    fn field_type(&mut self) -> Vec<u8> {
        match self.prng.below(6) {
            0 => pick(self.prng, &["u64", "i65", "u0", "i0", "x8", "", "u", "i-1", "u99999999999", "u8 "]),
            n => format!("{}{}", if n % 2 == 0 { "u" } else { "i" }, 1 + self.prng.below(63)).into_bytes(),
        }
    }

    fn degrees(&mut self) -> Vec<u8> {
        match self.prng.below(6) {
            0 => float(self.prng),
            1 => pick(self.prng, &["180", "-180", "85.05112878", "-85.05112878", "181", "86", "0"]),
            _ => format!("{}.{}", self.prng.below(30), self.prng.below(1000)).into_bytes(),
        }
    }

    /// 10 as an integer, one that is cut, and one that was changed.
    fn payload(&mut self) -> Vec<u8> {
        let good = b"\x00\xc0\x0a\x09\x00\xbe\x6d\x06\x89\x5a\x28\x00\x0a".to_vec();
        match self.prng.below(4) {
            0 => good[..self.prng.below(13) as usize].to_vec(),
            1 => [&good[..12], b"\x0b"].concat(),
            _ => good,
        }
    }

    fn of_stream(&mut self, name: &str, kind: ArgKind) -> Vec<u8> {
        match name {
            "group" => pick(self.prng, &["g1", "g1", "g2", "", "none"]),
            "consumer" | "consumername" => pick(self.prng, &["alice", "bob", ""]),
            "field" | "value" => text(self.prng),
            "min-idle-time" => {
                pick(self.prng, &["0", "0", "0", "500000000000", "-5", "x", "9223372036854775807"])
            }
            "ms" | "unix-time-milliseconds" => pick(self.prng, &["0", "1000", "-1", "x", "99999999999999"]),
            "count" | "entries-read" | "entriesread" | "entries-added" | "threshold" => integer(self.prng),
            _ if kind == ArgKind::Integer => integer(self.prng),
            _ => stream_id(self.prng),
        }
    }
}
