//! What commands on lists, hashes, sets, sorted sets and streams cost the server, and what these values take in memory.
//!
//! Every cell asks each server for the same number of requests, from the same state: values that a command would use up
//! or grow for ever are made anew before.

use super::arm::{Arm, cpu_seconds, resident_bytes};
use super::median;
use crate::Outcome;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Requests of a cell.
const REQUESTS: u64 = 200_000;
/// Requests of a cell that reads a whole large value.
const WHOLE: u64 = 40;
const PIPELINE: &str = "16";
const CONNECTIONS: &str = "50";
/// Random numbers are below this.
const RANGE: &str = "100000";
/// Members of the large sorted set, elements of the large list.
const MILLION: u64 = 1_000_000;
/// Fields and members of the large hash and set.
const LARGE: u64 = 100_000;
/// Elements that one command of a fill brings.
const AT_ONCE: u64 = 100;
const TEXT: &str = "vvvvvvvvvvvvvvvv";

/// A command that is measured.
struct Row {
    name: &'static str,
    command: String,
    /// What must be there before each measurement, besides what all rows share.
    before: Before,
    requests: u64,
}

#[derive(Clone, Copy)]
enum Before {
    AsItIs,
    /// No such key.
    Gone(&'static str),
    /// A list of this name with an element for every request.
    List(&'static str),
    /// A set of this name with a member for every request.
    Set(&'static str),
}

fn rows() -> Vec<Row> {
    let row = |name, command: &str, before| {
        let command = command.replace("RAND", "__rand_int__").replace("TEXT", TEXT);
        Row { name, command, before, requests: REQUESTS }
    };
    let whole = |name, command: &str| Row { requests: WHOLE, ..row(name, command, Before::AsItIs) };
    use Before::*;
    let mut rows = vec![
        row("LPUSH", "lpush mylist TEXT", Gone("mylist")),
        row("RPUSH", "rpush mylist TEXT", Gone("mylist")),
        row("LPOP", "lpop queue", List("queue")),
        row("LRANGE 100 of 500", "lrange list500 0 99", AsItIs),
        row("SADD", "sadd myset member:RAND", AsItIs),
        row("SPOP", "spop bag", Set("bag")),
        row("HSET", "hset myhash field:RAND TEXT", AsItIs),
        row("HGET of 100,000", "hget hash100k field:RAND", AsItIs),
        row("HSET of 100", "hset hash100 field:50 TEXT", AsItIs),
        row("ZADD", "zadd myzset RAND member:RAND", AsItIs),
        row("ZRANGE 10 of 100", "zrange zset100 0 9", AsItIs),
        row("XADD", "xadd mystream * field1 TEXT field2 TEXT", Gone("mystream")),
    ];
    let mset = format!("mset{}", " key:RAND TEXT".repeat(10));
    rows.push(row("MSET of 10", &mset, AsItIs));
    rows.extend([
        row("LPUSH, 100,000 keys", "lpush list:RAND TEXT", AsItIs),
        row("SADD, 100,000 keys", "sadd set:RAND member:RAND", AsItIs),
        row("HSET, 100,000 keys", "hset hash:RAND field1 TEXT field2 TEXT", AsItIs),
        row("HGET, 100,000 keys", "hget hash:RAND field2", AsItIs),
        row("ZADD, 100,000 keys", "zadd zset:RAND RAND member:RAND", AsItIs),
        row("ZADD of 1,000,000", "zadd million RAND member:RAND", AsItIs),
        row("ZRANK of 1,000,000", "zrank million member:RAND", AsItIs),
        row("ZSCORE of 1,000,000", "zscore million member:RAND", AsItIs),
        row("ZRANGE of 1,000,000", "zrange million 500000 500009", AsItIs),
        row("ZRANGEBYSCORE of 1,000,000", "zrangebyscore million RAND +inf limit 0 10", AsItIs),
        whole("HGETALL of 100,000", "hgetall hash100k"),
        whole("SMEMBERS of 100,000", "smembers set100k"),
        whole("LRANGE of 1,000,000", "lrange listmillion 0 -1"),
    ]);
    rows
}

/// A command that brings elements `first..last` of a value.
type Bring = fn(&str, u64, u64) -> String;

fn bring(verb: &str, key: &str, first: u64, last: u64, element: impl Fn(u64) -> String) -> String {
    let mut line = format!("{verb} {key}");
    (first..last).for_each(|number| line.push_str(&element(number)));
    line
}

fn list(key: &str, first: u64, last: u64) -> String {
    bring("rpush", key, first, last, |n| format!(" value:{n:012}"))
}

fn set(key: &str, first: u64, last: u64) -> String {
    bring("sadd", key, first, last, |n| format!(" member:{n:012}"))
}

fn integers(key: &str, first: u64, last: u64) -> String {
    bring("sadd", key, first, last, |n| format!(" {}", n * 7))
}

fn hash(key: &str, first: u64, last: u64) -> String {
    bring("hset", key, first, last, |n| format!(" field:{n:012} value:{n}"))
}

fn zset(key: &str, first: u64, last: u64) -> String {
    bring("zadd", key, first, last, |n| format!(" {n} member:{n:012}"))
}

fn stream(key: &str, first: u64, last: u64) -> String {
    (first..last).map(|n| format!("xadd {key} {}-1 field value:{n}", n + 1)).collect::<Vec<_>>().join("\r\n")
}

fn long_member(key: &str, first: u64, last: u64) -> String {
    bring("sadd", key, first, last, |n| format!(" {n:0100}"))
}

fn long_value(key: &str, first: u64, last: u64) -> String {
    bring("hset", key, first, last, |n| format!(" field:{n} {n:0100}"))
}

/// Measures and prints what commands cost. The arms are Grapevine, Redis, Redis again.
pub fn cpu(arms: &[Arm; 3], rounds: usize) -> Outcome {
    let servers = arms.iter().map(|arm| arm.start(&[])).collect::<Result<Vec<_>, _>>()?;
    for arm in arms {
        let mut peer = Peer::of(arm)?;
        for (key, elements, bring) in [
            ("list500", 500, list as Bring),
            ("hash100", 100, hash),
            ("zset100", 100, zset),
            ("hash100k", LARGE, hash),
            ("set100k", LARGE, set),
            ("million", MILLION, zset),
            ("listmillion", MILLION, list),
        ] {
            peer.fill(key, elements, bring)?;
        }
    }
    println!(
        "\ncollections: server CPU, microseconds per request, median of {rounds} rounds (pipeline {PIPELINE}, \
         {CONNECTIONS} connections; a whole value: one at a time)\n"
    );
    let names: Vec<_> = arms.iter().map(|arm| arm.name).collect();
    println!("| command | {} | redis / grapevine | redis again / redis |", names.join(" | "));
    println!("|---|{}---|---|", "---|".repeat(arms.len()));
    for row in rows() {
        let mut samples: [Vec<f64>; 3] = Default::default();
        for round in 0..=rounds {
            for turn in 0..arms.len() {
                let index = (round + turn) % arms.len();
                let cost = measure(&arms[index], servers[index].pid(), &row)?;
                // The first round warms up, and makes what the others find.
                if round > 0 {
                    samples[index].push(cost);
                }
            }
        }
        let [grapevine, redis, again] = samples.each_mut().map(|samples| median(samples));
        println!(
            "| {} | {grapevine:.3} | {redis:.3} | {again:.3} | {:.2} | {:.2} |",
            row.name,
            redis / grapevine,
            again / redis
        );
    }
    Ok(())
}

fn measure(arm: &Arm, pid: u32, row: &Row) -> Result<f64, String> {
    let mut peer = Peer::of(arm)?;
    match row.before {
        Before::AsItIs => {}
        Before::Gone(key) => peer.ask(&format!("del {key}"), 1)?,
        Before::List(key) => peer.renew(key, row.requests, list)?,
        Before::Set(key) => peer.renew(key, row.requests, set)?,
    }
    let requests = row.requests.to_string();
    let one_by_one = row.requests == WHOLE;
    let (pipeline, connections) = if one_by_one { ("1", "1") } else { (PIPELINE, CONNECTIONS) };
    let mut args = vec!["-c", connections, "-r", RANGE, "-P", pipeline, "-n", &requests];
    args.extend(row.command.split(' '));
    let before = cpu_seconds(pid)?;
    arm.load(&args)?;
    Ok((cpu_seconds(pid)? - before) / row.requests as f64 * 1e6)
}

/// Measures and prints what values take in memory.
pub fn memory(arms: &[Arm; 2]) -> Outcome {
    const SMALL: u64 = 200_000;
    const LARGE_VALUES: u64 = 60;
    println!(
        "\nbytes per value of a few elements ({SMALL} keys of 16 bytes), and per element of {LARGE_VALUES} values of \
         {LARGE}; resident set after minus before, when a third as many are there already\n"
    );
    println!("| value | grapevine | redis | grapevine / redis |\n|---|---|---|---|");
    let small: [(&str, u64, Bring); 13] = [
        ("list of 1", 1, list),
        ("list of 8", 8, list),
        ("hash of 1", 1, hash),
        ("hash of 8", 8, hash),
        ("integer set of 1", 1, integers),
        ("integer set of 8", 8, integers),
        ("set of 8", 8, set),
        ("set of one of 100 bytes", 1, long_member),
        ("hash of one of 100 bytes", 1, long_value),
        ("hash of 8 of 100 bytes", 8, long_value),
        ("sorted set of 1", 1, zset),
        ("sorted set of 8", 8, zset),
        ("stream of 8", 8, stream),
    ];
    let large: [(&str, u64, Bring); 6] = [
        ("list", LARGE, list),
        ("hash", LARGE, hash),
        ("set", LARGE, set),
        ("integers", LARGE, integers),
        ("sorted set", LARGE, zset),
        ("stream", LARGE, stream),
    ];
    let rows =
        small.into_iter().map(|row| (SMALL, row)).chain(large.into_iter().map(|row| (LARGE_VALUES, row)));
    for (values, (name, elements, bring)) in rows {
        let shared_by = if elements == LARGE { values * elements } else { values };
        let mut bytes = [0.0; 2];
        for (arm, bytes) in arms.iter().zip(&mut bytes) {
            let server = arm.start(&[])?;
            let mut peer = Peer::of(arm)?;
            // What a process needs once, for its code and its allocator's own, is no matter of the values.
            let warm = values / 3;
            for value in 0..warm {
                peer.fill(&format!("key:{value:012}"), elements, bring)?;
            }
            peer.settle()?;
            let before = resident_bytes(server.pid())?;
            for value in warm..warm + values {
                peer.fill(&format!("key:{value:012}"), elements, bring)?;
            }
            peer.settle()?;
            *bytes = (resident_bytes(server.pid())? - before) as f64 / shared_by as f64;
        }
        println!("| {name} | {:.1} | {:.1} | {:.2} |", bytes[0], bytes[1], bytes[0] / bytes[1]);
    }
    Ok(())
}

/// A connection that sends inline commands and reads as many replies, some behind.
struct Peer {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
    owed: u64,
    line: Vec<u8>,
}

impl Peer {
    /// Replies that may be outstanding.
    const AHEAD: u64 = 64;

    fn of(arm: &Arm) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", arm.port)).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let replies = BufReader::new(stream.try_clone().map_err(failed)?);
        Ok(Self { stream, replies, owed: 0, line: Vec::new() })
    }

    /// Sends lines that are answered by so many replies, and reads them.
    fn ask(&mut self, lines: &str, replies: u64) -> Outcome {
        self.send(lines, replies)?;
        self.settle()
    }

    fn send(&mut self, lines: &str, replies: u64) -> Outcome {
        self.stream.write_all(format!("{lines}\r\n").as_bytes()).map_err(failed)?;
        self.owed += replies;
        if self.owed >= Self::AHEAD { self.settle() } else { Ok(()) }
    }

    /// Reads what is owed: simple replies, integers and bulk strings.
    fn settle(&mut self) -> Outcome {
        while self.owed > 0 {
            self.line.clear();
            self.replies.read_until(b'\n', &mut self.line).map_err(failed)?;
            let text = String::from_utf8_lossy(&self.line);
            match self.line.first() {
                Some(b':' | b'+') => {}
                Some(b'$') => {
                    let bytes = text[1..].trim().parse::<usize>().map_err(|_| text.to_string())?;
                    self.replies.read_exact(&mut vec![0; bytes + 2]).map_err(failed)?;
                }
                _ => return Err(format!("the server refuses to be filled: {text}")),
            }
            self.owed -= 1;
        }
        Ok(())
    }

    fn fill(&mut self, key: &str, elements: u64, bring: Bring) -> Outcome {
        for first in (0..elements).step_by(AT_ONCE as usize) {
            let lines = bring(key, first, (first + AT_ONCE).min(elements));
            self.send(&lines, lines.lines().count() as u64)?;
        }
        if elements >= LARGE { self.settle() } else { Ok(()) }
    }

    fn renew(&mut self, key: &str, elements: u64, bring: Bring) -> Outcome {
        self.ask(&format!("del {key}"), 1)?;
        self.fill(key, elements, bring)?;
        self.settle()
    }
}

fn failed(error: std::io::Error) -> String {
    format!("the connection failed while filling: {error}")
}
