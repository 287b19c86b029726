//! What a directive accepts: from the arguments that a person wrote to the canonical text, or Redis's complaint.
//!
//! The canonical text is what CONFIG GET prints: sizes in bytes, words in the table's case, lists with one space.
//! Rules are pure; whether a port can be bound or a directory entered is for who applies the value.

use base::number::{parse_f64, parse_i64, parse_memory};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::value::{Field, NotifyEvents, OutputLimits, percentile};

/// Most addresses in `bind`.
pub const BIND_MAX: usize = 16;

/// Most places in `cluster-seeds`.
pub const SEEDS_MAX: usize = 64;

const WRONG_ARITY: &str = "wrong number of arguments";

/// Where a value comes from, which decides how a repeated directive adds up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A file or the command line; `repeated` when the directive has been seen in them before.
    File {
        /// Not the first time.
        repeated: bool,
    },
    /// CONFIG SET.
    Command,
}

/// Checks arguments (never panics on any number of them); gets the present value for those that add to it.
pub type Special = fn(args: &[&str], present: &str, origin: Origin) -> Result<String, String>;

/// What a directive accepts.
#[derive(Clone, Copy)]
pub enum Rule {
    /// `yes` or `no`.
    Bool,
    /// A decimal integer between the two, inclusive.
    Int(i64, i64),
    /// A size in bytes, with a unit or without, between the two.
    Memory(u64, u64),
    /// A size, or up to `100%`.
    MemoryOrPercent,
    /// An octal integer between the two.
    Octal(u32, u32),
    /// Any text.
    Text,
    /// Text that passes a check, which returns the complaint.
    Checked(fn(&str) -> Result<(), &'static str>),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A form of its own.
    Special(Special),
}

impl Rule {
    /// The canonical text of `args`, or what is wrong with them in Redis's words.
    pub fn check(&self, args: &[&str], present: &str, origin: Origin) -> Result<String, String> {
        if let Rule::Special(special) = self {
            return special(args, present, origin);
        }
        let [arg] = args else { return Err(WRONG_ARITY.into()) };
        match self {
            Rule::Bool => yes_or_no(arg),
            Rule::Int(min, max) => integer(arg, *min, *max),
            Rule::Memory(min, max) => memory(arg, *min, *max),
            Rule::MemoryOrPercent => memory_or_percent(arg),
            Rule::Octal(min, max) => octal(arg, *min, *max),
            Rule::Text => Ok(String::from(*arg)),
            Rule::Checked(check) => check(arg).map(|()| String::from(*arg)).map_err(String::from),
            Rule::Word(words) => word(arg, words),
            Rule::Special(_) => Err(WRONG_ARITY.into()),
        }
    }
}

fn yes_or_no(arg: &str) -> Result<String, String> {
    word(arg, &["yes", "no"]).map_err(|_| String::from("argument must be 'yes' or 'no'"))
}

fn word(arg: &str, words: &[&str]) -> Result<String, String> {
    words.iter().find(|word| word.eq_ignore_ascii_case(arg)).map(|word| String::from(*word)).ok_or_else(
        || {
            // Redis cuts this text at 255 bytes.
            let mut text = format!("argument(s) must be one of the following: {}", words.join(", "));
            text.truncate(255);
            text
        },
    )
}

fn integer(arg: &str, min: i64, max: i64) -> Result<String, String> {
    let value = parse_i64(arg.as_bytes())
        .ok_or_else(|| String::from("argument couldn't be parsed into an integer"))?;
    if !(min..=max).contains(&value) {
        return Err(format!("argument must be between {min} and {max} inclusive"));
    }
    Ok(value.to_string())
}

fn memory(arg: &str, min: u64, max: u64) -> Result<String, String> {
    let value =
        parse_memory(arg.as_bytes()).ok_or_else(|| String::from("argument must be a memory value"))?;
    if !(min..=max).contains(&value) {
        return Err(format!("argument must be between {min} and {max} inclusive"));
    }
    Ok(value.to_string())
}

fn memory_or_percent(arg: &str) -> Result<String, String> {
    if let Some(bytes) = parse_memory(arg.as_bytes()).filter(|bytes| *bytes <= i64::MAX as u64) {
        return Ok(bytes.to_string());
    }
    match arg.strip_suffix('%').and_then(|number| parse_i64(number.as_bytes())) {
        Some(percent @ 0..=100) => Ok(format!("{percent}%")),
        Some(101..) => Err("percentage argument must be less or equal to 100".into()),
        _ => Err("argument must be a memory or percent value".into()),
    }
}

fn octal(arg: &str, min: u32, max: u32) -> Result<String, String> {
    let value = i64::from_str_radix(arg, 8)
        .map_err(|_| String::from("argument couldn't be parsed as an octal number"))?;
    if !(i64::from(min)..=i64::from(max)).contains(&value) {
        return Err(format!("argument must be between {min:o} and {max:o} inclusive"));
    }
    Ok(format!("{value:o}"))
}

fn is_base_name(text: &str) -> bool {
    !text.contains(['/', '\\'])
}

/// `dbfilename`.
pub fn db_filename(text: &str) -> Result<(), &'static str> {
    if is_base_name(text) { Ok(()) } else { Err("dbfilename can't be a path, just a filename") }
}

/// `appendfilename`.
pub fn aof_filename(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("appendfilename can't be empty"),
        _ if is_base_name(text) => Ok(()),
        _ => Err("appendfilename can't be a path, just a filename"),
    }
}

/// `appenddirname`.
pub fn aof_dirname(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("appenddirname can't be empty"),
        _ if is_base_name(text) => Ok(()),
        _ => Err("appenddirname can't be a path, just a dirname"),
    }
}

/// `cluster-secret`: one secret, or two while it is changed.
pub fn secrets(text: &str) -> Result<(), &'static str> {
    let secrets: Vec<&str> = text.split_ascii_whitespace().collect();
    if secrets.len() > 2 {
        return Err("At most two secrets can be in force, the one to speak with first");
    }
    if secrets.iter().all(|secret| secret.len() >= 16) {
        Ok(())
    } else {
        Err("A cluster secret must have at least 16 characters, and no spaces")
    }
}

/// `cluster-announce-hostname`: what fits into the bus's extension and into nodes.conf.
pub fn hostname(text: &str) -> Result<(), &'static str> {
    if text.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
    }
}

/// `cluster-announce-human-nodename`: nothing that nodes.conf uses itself.
pub fn nodename(text: &str) -> Result<(), &'static str> {
    let allowed = |b: u8| b.is_ascii_graphic() && !b"!#$%&()*+:;<>?@[]^{|}~,=\\'\"`".contains(&b);
    if text.bytes().all(allowed) {
        Ok(())
    } else {
        Err("Announced human node name contained invalid character")
    }
}

/// `cluster-announce-client-ipv4`: an address, or nothing.
pub fn ipv4(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.parse::<Ipv4Addr>().is_ok() { Ok(()) } else { Err("Invalid IPv4 address") }
}

/// `cluster-announce-client-ipv6`: an address, or nothing.
pub fn ipv6(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.parse::<Ipv6Addr>().is_ok() { Ok(()) } else { Err("Invalid IPv6 address") }
}

/// `save <seconds> <changes> ...`; a single empty argument (or none in CONFIG SET) removes all points.
pub fn save(args: &[&str], present: &str, origin: Origin) -> Result<String, String> {
    let complaint = || String::from("Invalid save parameters");
    let (args, cleared) = if args == [""] { (&[][..], true) } else { (args, false) };
    if !args.len().is_multiple_of(2) {
        return Err(complaint());
    }
    let mut points = Vec::<(u64, u64)>::new();
    if origin == (Origin::File { repeated: true }) && !cleared {
        points.read(present);
    }
    for pair in args.chunks_exact(2) {
        let seconds = number(pair[0]).filter(|n| *n >= 1).ok_or_else(complaint)?;
        let changes = number(pair[1]).filter(|n| i32::try_from(*n).is_ok()).ok_or_else(complaint)?;
        points.push((seconds, changes));
    }
    Ok(points.print())
}

/// A decimal number as C's `strtoll` reads one that must fill its argument.
fn number(text: &str) -> Option<u64> {
    text.trim_start().parse().ok()
}

/// `client-output-buffer-limit <class> <hard> <soft> <seconds> ...`; classes not named keep theirs.
pub fn output_limits(args: &[&str], present: &str, _: Origin) -> Result<String, String> {
    if !args.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut limits = OutputLimits::default();
    limits.read(present);
    for group in args.chunks_exact(4) {
        let class = match group[0].to_ascii_lowercase().as_str() {
            "normal" => "normal",
            "slave" | "replica" => "slave",
            "pubsub" => "pubsub",
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let bytes = |i: usize| parse_memory(group[i].as_bytes());
        let (Some(hard), Some(soft), Some(seconds)) = (bytes(1), bytes(2), number(group[3])) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        limits.read(&format!("{class} {hard} {soft} {seconds}"));
    }
    Ok(limits.print())
}

/// `proc-title-template`: text with known variables in braces.
pub fn title_template(text: &str) -> Result<(), &'static str> {
    const KNOWN: [&str; 7] =
        ["title", "listen-addr", "server-mode", "port", "tls-port", "config-file", "unixsocket"];
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let known = after.split_once('}').filter(|(name, _)| KNOWN.contains(name));
        let Some((_, after)) = known else {
            return Err("template format is invalid or contains unknown variables");
        };
        rest = after;
    }
    Ok(())
}

/// `activedefrag`: there is no defragmentation, which is said in Redis's words.
pub fn active_defrag(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    let [arg] = args else { return Err(WRONG_ARITY.into()) };
    match yes_or_no(arg)?.as_str() {
        "yes" => Err(
            "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified \
                      Jemalloc like the one shipped by default with the Redis source distribution"
                .into(),
        ),
        no => Ok(no.into()),
    }
}

/// `oom-score-adj`, of which `yes` and `relative` are the same.
pub fn oom_score_adj(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    let [arg] = args else { return Err(WRONG_ARITY.into()) };
    let value = word(arg, &["no", "yes", "relative", "absolute"])?;
    Ok(if value == "relative" { String::from("yes") } else { value })
}

/// `oom-score-adj-values`: three numbers.
pub fn oom_score_values(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    if args.len() != 3 {
        return Err(WRONG_ARITY.into());
    }
    let value = |arg: &&str| arg.parse::<i64>().ok().filter(|n| (-2000..=2000).contains(n));
    match args.iter().map(value).collect::<Option<Vec<i64>>>() {
        Some(values) => Ok(values.print()),
        None => Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into()),
    }
}

/// `notify-keyspace-events`: letters, put into Redis's order.
pub fn notify_events(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    let [arg] = args else { return Err(WRONG_ARITY.into()) };
    NotifyEvents::parse(arg)
        .map(|events| events.print())
        .ok_or_else(|| String::from("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."))
}

/// `bind`: up to [`BIND_MAX`] addresses; a single empty one is none.
pub fn bind(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    if args.len() > BIND_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    Ok(args.iter().filter(|arg| !arg.is_empty()).copied().collect::<Vec<_>>().join(" "))
}

/// `cluster-seeds`: up to [`SEEDS_MAX`] times `host:port` or `host:port@bus-port`, an IPv6 address in brackets; a single empty one is none.
pub fn seeds(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    let seeds: Vec<&str> = args.iter().filter(|arg| !arg.is_empty()).copied().collect();
    if seeds.len() > SEEDS_MAX {
        return Err("Too many seeds specified.".into());
    }
    if seeds.iter().any(|text| seed(text).is_none()) {
        return Err("A seed is host:port or host:port@bus-port".into());
    }
    Ok(seeds.join(" "))
}

/// Host, port and bus port (10000 above the port unless it is given) of one of `cluster-seeds`.
pub fn seed(text: &str) -> Option<(&str, u16, u16)> {
    let (place, bus) = text.split_once('@').map_or((text, None), |(place, bus)| (place, Some(bus)));
    let (host, port) = place.rsplit_once(':')?;
    let host = host.strip_prefix('[').map_or(Some(host), |inner| inner.strip_suffix(']'))?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let port = number(port)?;
    let bus = bus.map_or_else(|| port.checked_add(10_000), number)?;
    let plain = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
    plain.then_some((host, port, bus))
}

/// `replicaof <host> <port>`; `no one`, and the empty form that row S12's article uses, are "a master".
pub fn replicaof(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    match args {
        [""] | ["", ""] => Ok(String::new()),
        [no, one] if no.eq_ignore_ascii_case("no") && one.eq_ignore_ascii_case("one") => Ok(String::new()),
        [host, port] => match port.parse::<u16>() {
            Ok(port) if !host.contains(char::is_whitespace) => Ok(format!("{host} {port}")),
            _ => Err("Invalid master port".into()),
        },
        _ => Err(WRONG_ARITY.into()),
    }
}

/// `latency-tracking-info-percentiles`: any number of them, between 0 and 100.
pub fn percentiles(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    if args == [""] {
        return Ok(String::new());
    }
    let mut words = Vec::with_capacity(args.len());
    for arg in args {
        let value = parse_f64(arg.as_bytes())
            .ok_or_else(|| String::from("Invalid latency-tracking-info-percentiles parameters"))?;
        if !(0.0..=100.0).contains(&value) {
            return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
        }
        words.push(percentile(value));
    }
    Ok(words.join(" "))
}

/// `shutdown-on-sigterm` and `-sigint`: a set of words.
pub fn shutdown_on_signal(args: &[&str], _: &str, _: Origin) -> Result<String, String> {
    const WORDS: [&str; 8] = ["default", "save", "nosave", "now", "force", "safe", "failover", "restart"];
    let mut chosen = [false; WORDS.len()];
    if args.is_empty() {
        return word("", &WORDS);
    }
    for arg in args {
        let value = word(arg, &WORDS)?;
        if let Some(i) = WORDS.iter().position(|word| *word == value) {
            chosen[i] = true;
        }
    }
    if chosen[1] && chosen[2] {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    let words: Vec<&str> = (1..WORDS.len()).filter(|i| chosen[*i]).map(|i| WORDS[i]).collect();
    Ok(if words.is_empty() { String::from("default") } else { words.join(" ") })
}
