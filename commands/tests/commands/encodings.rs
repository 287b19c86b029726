//! Every type in every encoding, and whatever writes into it first while a snapshot is taken: what the snapshot hands
//! over is what was there at the cut, byte for byte.

use crate::runner::Runner;
use crate::snapshot::{Cut, contents};
use base::DbIndex;
use keyspace::{JobSlot, StepOutcome};
use persist::dump;
use resp::Protocol;

/// A value of one type and encoding, and what may be the first to write into it while it is being saved.
struct Case {
    encoding: &'static str,
    /// Run for `n` from 1 to this.
    times: u64,
    fill: &'static str,
    writes: &'static [&'static str],
}

/// Every type in every encoding; the last writes of a small one make it a large one.
const CASES: &[Case] = &[
    Case {
        encoding: "int",
        times: 1,
        fill: "SET k 12345",
        writes: &["INCR k", "APPEND k 6", "GETEX k EX 99", "SETRANGE k 1 x"],
    },
    Case {
        encoding: "embstr",
        times: 1,
        fill: "SET k text",
        writes: &["SET k other", "APPEND k x", "SETBIT k 8 1", "DEL k"],
    },
    Case {
        encoding: "raw",
        times: 1,
        fill: "SETRANGE k 90 x",
        writes: &["SETRANGE k 3 abc", "APPEND k x", "BITFIELD k SET u8 0 7"],
    },
    // A block that a snapshot shares.
    Case {
        encoding: "raw",
        times: 1,
        fill: "SETRANGE k 900000 x",
        writes: &["SETRANGE k 3 abc", "APPEND k x", "SETBIT k 77 1"],
    },
    // HyperLogLogs: sparse, dense, and one whose cached count is out of date.
    Case {
        encoding: "raw",
        times: 90,
        fill: "PFADD k e{n}",
        writes: &["PFADD k other", "PFCOUNT k", "PFDEBUG TODENSE k"],
    },
    Case {
        encoding: "raw",
        times: 1500,
        fill: "PFADD k e{n}",
        writes: &["PFADD k other1 other2 other3 other4", "PFCOUNT k"],
    },
    Case {
        encoding: "listpack",
        times: 20,
        fill: "RPUSH k e{n}",
        writes: &[
            "LPUSH k x",
            "RPOP k 3",
            "LSET k 5 x",
            "LINSERT k BEFORE e9 x",
            "LREM k 0 e4",
            "LTRIM k 2 9",
            "LMOVE k k LEFT RIGHT",
            "SETRANGE l 9000 x;SORT k ALPHA STORE k",
            "LPUSH k {long}",
        ],
    },
    Case {
        encoding: "quicklist",
        times: 1600,
        fill: "RPUSH k e{n}",
        writes: &[
            "LPUSH k x",
            "RPOP k 300",
            "LSET k 1000 x",
            "LINSERT k BEFORE e900 x",
            "LREM k 0 e1400",
            "LTRIM k 2 90",
            "LMOVE k d LEFT RIGHT",
        ],
    },
    Case {
        encoding: "intset",
        times: 300,
        fill: "SADD k {n}",
        writes: &[
            "SADD k 7777",
            "SADD k 99999999999",
            "SREM k 4",
            "SPOP k",
            "SMOVE k d 7",
            "SADD k word",
            "SINTERSTORE k k nothing",
            "SPOP k 9",
        ],
    },
    Case {
        encoding: "listpack",
        times: 100,
        fill: "SADD k e{n}",
        writes: &["SADD k x", "SREM k e4", "SPOP k 5", "SMOVE k d e7", "SADD k {long}"],
    },
    Case {
        encoding: "hashtable",
        times: 600,
        fill: "SADD k e{n}",
        writes: &["SADD k x", "SREM k e4 e5 e6", "SPOP k 500", "SPOP k", "SMOVE k d e7", "SDIFFSTORE k k d"],
    },
    Case {
        encoding: "listpack",
        times: 50,
        fill: "HSET k f{n} {n}",
        writes: &[
            "HSET k f3 x",
            "HDEL k f4",
            "HINCRBY k f7 5",
            "HINCRBYFLOAT k f7 0.5",
            "HPEXPIRE k 99 FIELDS 1 f1",
            "HGETDEL k FIELDS 1 f1",
            "HGETEX k PX 99 FIELDS 1 f1",
            "HSETEX k PX 99 FIELDS 1 g 1",
            "HSET k f1 {long}",
        ],
    },
    Case {
        encoding: "hashtable",
        times: 600,
        fill: "HSET k f{n} {n}",
        writes: &[
            "HSET k f3 x",
            "HDEL k f4",
            "HINCRBY k f7 5",
            "HINCRBYFLOAT k f7 0.5",
            "HPEXPIRE k 99 FIELDS 1 f1",
            "HGETDEL k FIELDS 1 f1",
            "HSETEX k PX 99 FIELDS 1 g 1",
        ],
    },
    Case {
        encoding: "listpackex",
        times: 50,
        fill: "HSETEX k PXAT 1700030000000 FIELDS 1 f{n} {n}",
        writes: OF_TIMED_FIELDS,
    },
    Case {
        encoding: "hashtable",
        times: 600,
        fill: "HSETEX k PXAT 1700030000000 FIELDS 1 f{n} {n}",
        writes: OF_TIMED_FIELDS,
    },
    Case {
        encoding: "listpack",
        times: 100,
        fill: "ZADD k {n} e{n}",
        writes: &[
            "ZADD k 5 x",
            "ZADD k 7 e3",
            "ZREM k e4",
            "ZINCRBY k 5 e7",
            "ZPOPMIN k 3",
            "ZREMRANGEBYSCORE k 5 20",
            "ZRANGESTORE k k 0 5",
            "GEOADD k 1 2 x",
            "ZADD k 1 {long}",
        ],
    },
    Case {
        encoding: "skiplist",
        times: 600,
        fill: "ZADD k {n} e{n}",
        writes: &[
            "ZADD k 5 x",
            "ZADD k 7 e3",
            "ZREM k e4",
            "ZINCRBY k 5 e7",
            "ZPOPMAX k 300",
            "ZREMRANGEBYRANK k 5 500",
            "ZRANGESTORE k k 0 5",
        ],
    },
    Case {
        encoding: "stream",
        times: 600,
        fill: "XADD k {n}-0 f {n}",
        writes: &[
            "XADD k 9999-0 a b",
            "XDEL k 5-0",
            "XTRIM k MAXLEN 70",
            "XSETID k 8888-8",
            "XGROUP CREATE k g 0",
            "XDELEX k IDS 1 7-0",
        ],
    },
    // With somebody who reads.
    Case {
        encoding: "stream",
        times: 300,
        fill: "XADD k {n}-0 f {n};XGROUP DESTROY k g;XGROUP CREATE k g 0;XREADGROUP GROUP g c COUNT 1 STREAMS k >",
        writes: &[
            "XREADGROUP GROUP g d STREAMS k >",
            "XACK k g 1-0",
            "XCLAIM k g d 0 5-0",
            "XAUTOCLAIM k g d 0 0",
            "XACKDEL k g IDS 1 1-0",
            "XGROUP DELCONSUMER k g c",
            "XGROUP SETID k g 4-0",
            "XGROUP DESTROY k g",
        ],
    },
];

/// What writes into a hash whose fields have times; reading one finds that it is over.
const OF_TIMED_FIELDS: &[&str] = &[
    "HPERSIST k FIELDS 1 f1",
    "HPEXPIREAT k 1700050000000 FIELDS 1 f1",
    "HSET k f1 x",
    "HDEL k f9",
    "{later};HGET k f9",
];

/// What takes the value away, or puts another in its place.
const OF_ANY: &[&str] = &[
    "DEL k",
    "SET k x",
    "RENAME k d",
    "COPY k d",
    "EXPIRE k 100",
    "MOVE k 1",
    "FLUSHDB",
    "SET x y;RENAME x k",
];

/// Runs commands that `;` separates; `false` if one fails.
fn run_all(runner: &mut Runner, commands: &str, n: u64) -> bool {
    commands.split(';').all(|command| {
        if command == "{later}" {
            runner.advance(40_000_000);
            return true;
        }
        let command = command.replace("{n}", &n.to_string()).replace("{long}", &"x".repeat(9000));
        !runner.run(&command).starts_with('-')
    })
}

/// All that a snapshot hands over from here on.
fn taken(runner: &mut Runner) -> Cut {
    let mut seen = Cut::new();
    loop {
        let outcome = runner.keyspace.snapshot_step(JobSlot::Save, 8);
        while let Some(chunk) = runner.keyspace.snapshot_take(JobSlot::Save) {
            for entry in chunk.iter().filter(|entry| entry.db == DbIndex(0)) {
                let twice = seen.insert(entry.key.to_vec(), dump::encode(entry.value, false));
                assert!(twice.is_none(), "{} twice", entry.key.escape_ascii());
            }
        }
        if outcome == StepOutcome::Done {
            return seen;
        }
    }
}

/// What is wrong with a snapshot into which a command writes first.
fn problem(case: &Case, write: &str) -> Option<&'static str> {
    let mut runner = Runner::new(Protocol::Resp2);
    if !(1..=case.times).all(|n| run_all(&mut runner, case.fill, n)) {
        return Some("cannot be filled");
    }
    if !runner.run("OBJECT ENCODING k").contains(&format!("\r\n{}\r\n", case.encoding)) {
        return Some("is kept otherwise");
    }
    let before = contents(&runner);
    runner.keyspace.snapshot_begin(JobSlot::Save).expect("no other snapshot");
    if !run_all(&mut runner, write, 0) {
        return Some("is refused");
    }
    let only_a_time = write.starts_with("EXPIRE") || write.starts_with("GETEX");
    if contents(&runner) == before && !only_a_time {
        return Some("writes nothing");
    }
    (taken(&mut runner) != before).then_some("is in the snapshot")
}

#[test]
fn every_type_and_encoding_is_saved_as_it_was_whatever_writes_first() {
    let mut problems = Vec::new();
    for case in CASES {
        for write in case.writes.iter().chain(OF_ANY) {
            let problem = problem(case, write);
            problems
                .extend(problem.map(|what| format!("{} ({}), {write}: {what}", case.encoding, case.fill)));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
