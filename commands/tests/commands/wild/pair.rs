//! Our handlers and the reference server with the same data: what is run on both, what must be arranged before and
//! after a command, and how all keys are compared.

use super::compare::{meaning, parsed, plain};
use crate::families::streams::timeless;
use crate::reference::Reference;
use crate::runner::Runner;
use base::{OwnedArgs, UnixMillis};
use resp::{Protocol, Value};
use spec::Command;
use std::collections::BTreeSet;

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

fn args_of(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

pub(super) struct Pair {
    ours: Runner,
    redis: Reference,
}

impl Pair {
    pub fn start(protocol: Protocol) -> Self {
        let settings = [("notify-keyspace-events", "KEAmn"), ("hash-max-listpack-entries", "512")];
        Self { ours: Runner::new(protocol), redis: Reference::start(protocol, &settings) }
    }

    /// Both replies.
    pub fn run(&mut self, args: &[Vec<u8>]) -> (Value, Value) {
        let slices: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let (theirs, _) = self.redis.call(&slices);
        self.ours.execute(&OwnedArgs::from_slices(slices.iter().copied()));
        (parsed(self.ours.reply.buffer()), theirs)
    }

    /// Our clock goes on.
    pub fn set_now(&mut self, now: UnixMillis) {
        self.ours.now = now;
        self.ours.keyspace.set_now(now);
    }

    /// The keyspace events of the last command, ours and theirs. That a key has expired is no matter: Redis may find it
    /// out at another moment.
    pub fn events(&mut self) -> (Vec<String>, Vec<String>) {
        let named = self.ours.effects.events();
        let ours =
            named.map(|e| format!("{}:{}:{}", e.db.0, e.name, String::from_utf8_lossy(e.key))).collect();
        let mut theirs = self.redis.events();
        theirs.retain(|event| !event.contains(":expired:"));
        // Where something is stored over a key that has expired, Redis deletes it without looking at its time.
        for (db, key) in &self.ours.expired {
            let deleted = format!("{}:del:{}", db.0, String::from_utf8_lossy(key));
            theirs.retain(|event| *event != deleted);
        }
        (ours, theirs)
    }

    pub fn empty(&mut self) {
        self.run(&args_of(&[b"FLUSHALL"]));
        self.events();
    }

    /// What makes the answer to a command follow from the data alone.
    pub fn prepare(&mut self, command: &Command, args: &[Vec<u8>]) {
        match command.name {
            // Redis does not clear `errno` before it parses; a number in vain does.
            "sort" | "sort_ro" => {
                self.redis.call(&[b"GEOADD", b"k", b"200", b"200", b"m"]);
            }
            // 7.2 creates the consumer that is named, 7.0 when it gets something.
            "xreadgroup" => {
                for at in args.iter().enumerate().filter(|(_, arg)| arg.eq_ignore_ascii_case(b"group")) {
                    if let Some([group, consumer]) = args.get(at.0 + 1..at.0 + 3) {
                        args[1..].iter().for_each(|key| self.create_consumer(key, group, consumer));
                    }
                }
            }
            "xclaim" | "xautoclaim" => self.create_consumer(&args[1], &args[2], &args[3]),
            _ => return,
        }
        self.events();
    }

    fn create_consumer(&mut self, key: &[u8], group: &[u8], consumer: &[u8]) {
        self.run(&args_of(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]));
    }

    /// Makes the data equal again after a command that leaves it otherwise.
    pub fn tidy_up(&mut self, command: &Command, args: &[Vec<u8>]) {
        match command.name {
            // What was drawn differs; the rest goes.
            "spop" => _ = self.run(&args_of(&[b"DEL", &args[1]])),
            // Redis makes a small sorted set a large one to sort it, and leaves it so.
            "sort" | "sort_ro" => self.make_small_again(&args[1]),
            _ => return,
        }
        self.events();
    }

    fn make_small_again(&mut self, key: &[u8]) {
        let (kind, _) = self.redis.call(&[b"TYPE", key]);
        if plain(&kind, false).contains("zset") {
            let (payload, _) = self.redis.call(&[b"DUMP", key]);
            let (time, _) = self.redis.call(&[b"PEXPIRETIME", key]);
            let time = time.as_int().unwrap_or(0).max(0).to_string();
            let payload = payload.as_bytes().expect("a payload").to_vec();
            self.redis.call(&[b"RESTORE", key, time.as_bytes(), &payload, b"REPLACE", b"ABSTTL"]);
        }
    }

    /// All that a whole iteration finds, of ours and of theirs.
    pub fn iterate(&mut self, args: &[Vec<u8>]) -> (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>) {
        fn walk(args: &[Vec<u8>], step: &mut dyn FnMut(&[&[u8]]) -> Value) -> BTreeSet<Vec<u8>> {
            let mut found = BTreeSet::new();
            let mut args = args.to_vec();
            loop {
                let reply = step(&args.iter().map(Vec::as_slice).collect::<Vec<_>>());
                let Some([next, keys]) = reply.as_array() else { return found };
                let keys = keys.as_array().unwrap_or(&[]);
                found.extend(keys.iter().filter_map(|key| Some(key.as_bytes()?.to_vec())));
                match next.as_bytes() {
                    Some(b"0") | None => return found,
                    Some(cursor) => args[1] = cursor.to_vec(),
                }
            }
        }
        let Self { ours, redis, .. } = self;
        let theirs = walk(args, &mut |args| redis.call(args).0);
        let ours = walk(args, &mut |args| {
            ours.execute(&OwnedArgs::from_slices(args.iter().copied()));
            parsed(ours.reply.buffer())
        });
        self.events();
        (ours, theirs)
    }

    /// Every key: its type, all that it holds, and its payload.
    pub fn compare_all(&mut self, about: &str) {
        let (ours, theirs) = self.run(&args_of(&[b"KEYS", b"*"]));
        assert_eq!(plain(&ours, true), plain(&theirs, true), "{about}: keys");
        let names: Vec<&[u8]> = theirs.as_array().unwrap_or(&[]).iter().filter_map(Value::as_bytes).collect();
        for key in names {
            let about = format!("{about}: {}", key.escape_ascii());
            let (ours, theirs) = self.run(&args_of(&[b"TYPE", key]));
            assert_eq!(ours, theirs, "{about}");
            let kind = plain(&theirs, false);
            let kind =
                ["string", "list", "set", "hash", "zset", "stream"].into_iter().find(|k| kind.contains(k));
            let shown = show(kind.unwrap_or("").as_bytes(), key);
            let (ours, theirs) = self.run(&shown);
            let unordered = matches!(kind, Some("set" | "hash"));
            assert_eq!(plain(&ours, unordered), plain(&theirs, unordered), "{about}");
            if kind == Some("stream") {
                let (ours, theirs) = self.run(&args_of(&[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"]));
                assert_eq!(timeless(&ours), timeless(&theirs), "{about}");
            }
            let (ours, theirs) = self.run(&args_of(&[b"DUMP", key]));
            assert_eq!(meaning(&ours), meaning(&theirs), "{about}: payload");
        }
        self.events();
    }
}
