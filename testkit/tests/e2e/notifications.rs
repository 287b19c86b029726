//! Keyspace notifications: after each command both servers have published the same events, in the same order.
//!
//! Model: one connection listens to everything (`KEA`, misses and new keys), another one runs the commands; a PING on
//! the first marks where a command's events end.

use client::Connection;
use grapevine_testkit::{Kind, Server, reserve};
use resp::Value;

/// Commands whose events do not depend on chance or time.
const COMMANDS: &[&str] = &[
    // Strings and keys.
    "SET a 1",
    "SET a 2 EX 100",
    "SET a 3 KEEPTTL",
    "GET a",
    "GET nothing",
    "MGET a nothing",
    "GETSET a 4",
    "GETEX a PX 100000",
    "GETEX a PERSIST",
    "GETDEL a",
    "SETEX a 100 x",
    "PSETEX a 100000 x",
    "SETNX a y",
    "SETNX b y",
    "MSET c 1 d 2 c 3",
    "MSETNX c 1 e 2",
    "MSETNX f 1 g 2",
    "APPEND f x",
    "APPEND new x",
    "SETRANGE f 2 yy",
    "SETRANGE fresh 2 yy",
    "INCR counter",
    "INCRBY counter 5",
    "DECR counter",
    "INCRBYFLOAT counter 1.5",
    "EXPIRE b 100",
    "PEXPIRE b 100000",
    "EXPIREAT b 99999999999",
    "PERSIST b",
    "EXPIRE b -1",
    "RENAME c c2",
    "RENAMENX c2 d",
    "RENAMENX c2 c3",
    "COPY c3 c4",
    "COPY c3 c4 REPLACE",
    "MOVE c4 1",
    "TOUCH d nothing",
    "TYPE nothing",
    "TTL nothing",
    "EXISTS nothing",
    "STRLEN nothing",
    "GETRANGE nothing 0 1",
    "DUMP nothing",
    "OBJECT ENCODING nothing",
    "LCS d nothing",
    "DEL d nothing f",
    "UNLINK g nothing",
    // Lists.
    "RPUSH l a b c d e f",
    "LPUSH l x y",
    "LPUSHX l z",
    "LPUSHX nothing z",
    "LINSERT l BEFORE a w",
    "LINSERT l BEFORE absent w",
    "LSET l 0 q",
    "LREM l 1 q",
    "LREM l 1 absent",
    "LTRIM l 0 5",
    "LPOP l",
    "RPOP l 2",
    "RPOPLPUSH l l2",
    "LMOVE l l2 LEFT RIGHT",
    "LMPOP 2 nothing l LEFT",
    "BLMOVE l2 l3 LEFT LEFT 0",
    "BLPOP l3 0",
    "BRPOPLPUSH l2 l3 0",
    "LPOP l3 10",
    "RPUSH l 1 2 3",
    "LTRIM l 5 6",
    "LRANGE nothing 0 -1",
    "LPOP nothing",
    // Sets.
    "SADD s a b c d",
    "SADD s a",
    "SREM s a absent",
    "SMOVE s s2 b",
    "SMOVE s s2 absent",
    "SPOP s2 5",
    "SADD s3 c d x",
    "SINTERSTORE dst s s3",
    "SUNIONSTORE dst s s3",
    "SDIFFSTORE dst s3 s",
    "SINTERSTORE dst s nothing",
    "SREM s c d",
    "SMEMBERS nothing",
    "SINTER s3 nothing",
    // Hashes.
    "HSET h a 1 b 2",
    "HMSET h c 3",
    "HSETNX h d 4",
    "HSETNX h d 4",
    "HINCRBY h a 5",
    "HINCRBYFLOAT h a 1.5",
    "HDEL h a absent",
    "HDEL h b c d",
    "HGETALL nothing",
    // Sorted sets.
    "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f",
    "ZADD z 1 a",
    "ZADD z XX INCR 5 a",
    "ZADD z NX INCR 5 a",
    "ZINCRBY z 1 a",
    "ZREM z a absent",
    "ZREMRANGEBYRANK z 0 0",
    "ZREMRANGEBYSCORE z 3 3",
    "ZREMRANGEBYLEX z (zz +",
    "ZPOPMIN z",
    "ZPOPMAX z",
    "ZADD z2 1 a 2 b",
    "ZUNIONSTORE zd 2 z z2",
    "ZINTERSTORE zd 2 z z2",
    "ZDIFFSTORE zd 2 z2 z",
    "ZRANGESTORE zd z2 0 0",
    "ZRANGESTORE zd nothing 0 0",
    "ZMPOP 2 nothing z2 MIN",
    "BZPOPMIN z2 0",
    "ZREMRANGEBYRANK z 0 -1",
    // Streams.
    "XADD st 1-1 f v",
    "XADD st MAXLEN 1 2-1 f v",
    "XADD st NOMKSTREAM 3-1 f v",
    "XTRIM st MAXLEN 1",
    "XSETID st 5-0",
    "XGROUP CREATE st g 0",
    "XGROUP CREATE st2 g $ MKSTREAM",
    "XGROUP CREATECONSUMER st g c",
    "XGROUP CREATECONSUMER st g c",
    "XREADGROUP GROUP g other STREAMS st >",
    "XGROUP SETID st g 0",
    "XGROUP DELCONSUMER st g c",
    "XCLAIM st g third 0 3-1",
    "XAUTOCLAIM st g fourth 0 0",
    "XACK st g 3-1",
    "XDEL st 3-1",
    "XGROUP DESTROY st g",
    // Bits, counters, places.
    "SETBIT bits 7 1",
    "SETBIT bits 7 0",
    "BITFIELD bits SET u8 0 5",
    "BITOP NOT bits2 bits",
    "BITOP AND bits2 nothing",
    "PFADD hll a b c",
    "PFADD hll a",
    "PFCOUNT hll",
    "PFMERGE hll2 hll",
    "GEOADD geo 13 38 a 15 37 b",
    "GEOADD geo 13 38 a",
    "GEOSEARCHSTORE geo2 geo FROMMEMBER a BYRADIUS 500 km",
    "SORT z STORE sorted",
    "SORT s3 ALPHA STORE sorted",
    "SORT nothing STORE sorted",
    // Everything at once.
    "MULTI",
    "SET m 1",
    "DEL m",
    "EXEC",
    "SWAPDB 0 1",
    "FLUSHDB",
    "FLUSHALL",
];

/// What 7.2 publishes otherwise than 7.0.15.
const CHANGED: &[&str] = &[];

struct Side {
    commands: Connection,
    events: Connection,
}

impl Side {
    fn new(server: &Server) -> Side {
        let mut events = server.client();
        events.call(&["CONFIG", "SET", "notify-keyspace-events", "KEAmn"]).expect("CONFIG SET");
        events.call(&["PSUBSCRIBE", "__key*__:*"]).expect("PSUBSCRIBE");
        Side { commands: server.client(), events }
    }

    /// The reply, and the events, each as `channel event-or-key`.
    fn run(&mut self, line: &str) -> (Value, Vec<String>) {
        let words: Vec<&str> = line.split(' ').collect();
        let reply = self.commands.call(&words).expect(line);
        self.events.send(&["PING"]).expect("PING");
        self.events.flush().expect("flush");
        let mut heard = Vec::new();
        loop {
            match self.events.receive_any().expect("event") {
                Value::Array(parts) if parts.len() == 4 => {
                    let text = |value: &Value| {
                        String::from_utf8_lossy(value.as_bytes().unwrap_or(b"?")).into_owned()
                    };
                    heard.push(format!("{} {}", text(&parts[2]), text(&parts[3])));
                }
                _ => return (reply, heard),
            }
        }
    }
}

#[test]
fn the_same_events_in_the_same_order() {
    let ports = reserve();
    let grapevine = Server::build(Kind::Grapevine, ports.port(0)).start();
    let redis = Server::build(Kind::Redis, ports.port(1)).start();
    let (mut ours, mut theirs) = (Side::new(&grapevine), Side::new(&redis));
    let mut wrong = Vec::new();
    for line in COMMANDS {
        let (our_reply, our_events) = ours.run(line);
        let (their_reply, their_events) = theirs.run(line);
        if our_events != their_events && !CHANGED.contains(line) {
            wrong.push(format!("{line}\n  ours   {our_events:?}\n  theirs {their_events:?}"));
        }
        assert_eq!(
            matches!(our_reply, Value::Error(_)),
            matches!(their_reply, Value::Error(_)),
            "{line}: {our_reply:?} {their_reply:?}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
