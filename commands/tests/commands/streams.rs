//! Streams beyond random comparison: what is logged, what later versions added, and a replica that follows the log.

use crate::families::streams::random_command;
use crate::runner::Runner;
use base::{DbIndex, OwnedArgs, Prng};
use commands::Propagate;
use ds::stream::StreamId;
use keyspace::{Object, ValueRef};
use resp::Protocol;

fn words(args: &OwnedArgs) -> String {
    args.as_args().iter().map(|arg| String::from_utf8_lossy(arg)).collect::<Vec<_>>().join(" ")
}

/// What the last command put into the log, one command per line; `line` if it is logged as it came.
fn logged(runner: &Runner, line: &str) -> Vec<String> {
    match (&runner.effects.propagate, runner.effects.is_logged()) {
        (_, false) | (Propagate::Nothing, _) => Vec::new(),
        (Propagate::Instead(commands), true) => commands.iter().map(words).collect(),
        (_, true) => vec![line.to_string()],
    }
}

/// The clock of [`Runner`].
const NOW: &str = "1700000000000";

/// A command and what is logged: itself (`=`), nothing, or commands separated by `;`. `NOW` is the time.
const LOGGED: &[(&str, &str)] = &[
    ("XADD s * a 1", "XADD s NOW-0 a 1"),
    ("XADD s NOW-* a 1", "XADD s NOW-1 a 1"),
    ("XADD s 1800000000000-7 a 1", "="),
    ("XADD nothing NOMKSTREAM * a 1", ""),
    ("XADD s MAXLEN ~ 1000 1800000000000-8 a 1", "XADD s MAXLEN = 4 1800000000000-8 a 1"),
    ("XADD s MAXLEN = 3 1800000000000-9 a 1", "="),
    ("XADD s MINID ~ 5 LIMIT 10 1800000000001-* a 1", "XADD s MINID = NOW-0 LIMIT 10 1800000000001-0 a 1"),
    ("XTRIM s MAXLEN ~ 1", ""),
    ("XTRIM s MAXLEN 3", "="),
    ("XDEL s 1-1", ""),
    ("XGROUP CREATE s g 0", "="),
    ("XGROUP CREATECONSUMER s g c", "="),
    ("XGROUP CREATECONSUMER s g c", ""),
    (
        "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
        "XCLAIM s g c 0 1800000000000-8 TIME NOW RETRYCOUNT 1 FORCE JUSTID LASTID 1800000000000-8;\
         XGROUP SETID s g 1800000000000-8 ENTRIESREAD 4",
    ),
    ("XREADGROUP GROUP g c STREAMS s 0", ""),
    ("XREADGROUP GROUP g new STREAMS s 0", ""),
    (
        "XREADGROUP GROUP g other NOACK STREAMS s >",
        "XGROUP CREATECONSUMER s g other;XGROUP SETID s g 1800000000001-0 ENTRIESREAD 6",
    ),
    (
        "XCLAIM s g other 0 1800000000000-8",
        "XCLAIM s g other 0 1800000000000-8 TIME NOW RETRYCOUNT 3 FORCE JUSTID LASTID 1800000000001-0",
    ),
    ("XCLAIM s g c 0 1-1 LASTID 1800000000009-0", "XGROUP SETID s g 1800000000009-0 ENTRIESREAD 6"),
    (
        "XAUTOCLAIM s g c 0 0 JUSTID",
        "XCLAIM s g c 0 1800000000000-8 TIME NOW RETRYCOUNT 3 FORCE JUSTID LASTID 1800000000009-0",
    ),
    ("XDEL s 1800000000000-8", "="),
    (
        "XAUTOCLAIM s g other 0 0",
        "XCLAIM s g c 0 1800000000000-8 TIME NOW RETRYCOUNT 3 FORCE JUSTID LASTID 1800000000009-0",
    ),
    ("XACK s g 1-1", ""),
    ("XGROUP SETID s g 0", "="),
    ("XSETID s 1900000000000-0", "="),
    ("XGROUP DELCONSUMER s g c", "="),
    ("XGROUP DELCONSUMER s g c", ""),
    ("XGROUP DESTROY s g", "="),
    ("XGROUP CREATE fresh g $ MKSTREAM", "="),
];

#[test]
fn what_is_logged() {
    let mut runner = Runner::new(Protocol::Resp2);
    for (line, expected) in LOGGED {
        let line = line.replace("NOW", NOW);
        runner.run(&line);
        let expected = if *expected == "=" { line.clone() } else { expected.replace("NOW", NOW) };
        assert_eq!(logged(&runner, &line).join(";"), expected, "{line}");
    }
}

fn answers(cases: &[(&str, &str)]) {
    let mut runner = Runner::new(Protocol::Resp2);
    for (line, expected) in cases {
        assert_eq!(runner.run(line).replace("\r\n", " ").trim(), *expected, "{line}");
    }
}

#[test]
fn deletion_that_looks_at_groups() {
    answers(&[
        ("XADD s 1-1 a 1", "$3 1-1"),
        ("XADD s 2-1 a 1", "$3 2-1"),
        ("XADD s 3-1 a 1", "$3 3-1"),
        ("XGROUP CREATE s g 0", "+OK"),
        ("XGROUP CREATE s h 0", "+OK"),
        (
            "XREADGROUP GROUP g c COUNT 2 STREAMS s >",
            "*1 *2 $1 s *2 *2 $3 1-1 *2 $1 a $1 1 *2 $3 2-1 *2 $1 a $1 1",
        ),
        ("XDELEX s ACKED IDS 2 1-1 3-1", "*2 :2 :2"),
        ("XACKDEL s g ACKED IDS 2 1-1 3-1", "*2 :2 :-1"),
        ("XGROUP DESTROY s h", ":1"),
        ("XDELEX s ACKED IDS 3 1-1 2-1 9-9", "*3 :1 :2 :-1"),
        ("XDELEX s IDS 1 2-1", "*1 :1"),
        ("XPENDING s g", "*4 :1 $3 2-1 $3 2-1 *1 *2 $1 c $1 1"),
        ("XDELEX s DELREF IDS 1 2-1", "*1 :-1"),
        ("XPENDING s g", "*4 :0 $-1 $-1 *-1"),
        ("XREADGROUP GROUP g c STREAMS s >", "*1 *2 $1 s *1 *2 $3 3-1 *2 $1 a $1 1"),
        ("XACKDEL s g IDS 1 3-1 KEEPREF", "*1 :1"),
        ("XLEN s", ":0"),
        ("XACKDEL s g IDS 1 3-1", "*1 :-1"),
        ("XACKDEL s nogroup IDS 2 3-1 4-1", "*2 :-1 :-1"),
        ("XDELEX nokey IDS 1 3-1", "*1 :-1"),
        ("XDELEX s IDS 0 3-1", "-ERR Number of IDs must be a positive integer"),
        ("XDELEX s IDS 3 3-1", "-ERR The `numids` parameter must match the number of arguments"),
        ("XDELEX s IDS 1 3-1 4-1", "-ERR syntax error"),
        ("XDELEX s KEEPREF DELREF IDS 1 3-1", "-ERR syntax error"),
        ("XDELEX s KEEPREF 1 3-1", "-ERR syntax error"),
        ("XDELEX s IDS 1 x", "-ERR Invalid stream ID specified as stream command argument"),
    ]);
}

#[test]
fn reading_the_last_entry() {
    answers(&[
        ("XREAD STREAMS s +", "*-1"),
        ("XADD s 1-1 a 1", "$3 1-1"),
        ("XADD s 2-1 a 1", "$3 2-1"),
        ("XREAD STREAMS s +", "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 a $1 1"),
        ("XDEL s 2-1", ":1"),
        ("XREAD STREAMS s +", "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 a $1 1"),
        ("XDEL s 1-1", ":1"),
        ("XREAD STREAMS s +", "*-1"),
    ]);
}

#[test]
fn as_7_2_and_not_as_7_0() {
    answers(&[
        ("XADD s 5-1 a 1", "$3 5-1"),
        ("XADD s 6-1 a 1", "$3 6-1"),
        ("XDEL s 6-1", ":1"),
        ("XSETID s 5-9", "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"),
        (
            "XREAD STREAMS s",
            "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
        ),
        ("XGROUP CREATE s g $", "+OK"),
        ("XREADGROUP GROUP g c STREAMS s >", "*-1"),
        ("XINFO CONSUMERS s g", "*1 *8 $4 name $1 c $7 pending :0 $4 idle :0 $8 inactive :-1"),
        ("XGROUP SETID s g 0", "+OK"),
        ("XREADGROUP GROUP g c STREAMS s >", "*1 *2 $1 s *1 *2 $3 5-1 *2 $1 a $1 1"),
        ("XINFO CONSUMERS s g", "*1 *8 $4 name $1 c $7 pending :1 $4 idle :0 $8 inactive :0"),
    ]);
}

/// Everything that the log carries: entries, and in groups what is pending with whom.
fn contents(runner: &Runner) -> Vec<String> {
    let mut all = Vec::new();
    runner.keyspace.for_each(DbIndex(0), &mut |key, value, _| {
        let mut text = String::from_utf8_lossy(key).into_owned();
        if let ValueRef::Object(Object::Stream(stream)) = value {
            let log = stream.log();
            let leaves: Vec<_> = log.leaves().collect();
            text += &format!("{leaves:?} {:?} {} {:?}", log.last_id(), log.added(), log.max_deleted_id());
            for (name, group) in stream.groups() {
                text += &format!("\n{name:?} {:?} {}", group.last_id, group.entries_read);
                let pending = group.pending_from(StreamId::ZERO);
                pending.for_each(|(id, pending)| text += &format!(" {id:?} {:?}", pending.consumer));
                group.consumers().for_each(|(name, _)| text += &format!(" {name:?}"));
            }
        }
        all.push(text);
    });
    all.sort();
    all
}

#[test]
fn a_replica_follows_the_log() {
    for seed in 0..10 {
        let mut prng = Prng::new(seed);
        let mut primary = Runner::new(Protocol::Resp2);
        let mut replica = Runner::new(Protocol::Resp2);
        replica.limits.obey = true;
        // Nothing that is logged may depend on its clock.
        replica.advance(86_400_000);
        for step in 0..2000 {
            let args = OwnedArgs::from_slices(random_command(&mut prng).iter().map(Vec::as_slice));
            primary.execute(&args);
            primary.advance(prng.below(50) as i64);
            match (&primary.effects.propagate, primary.effects.is_logged()) {
                (_, false) | (Propagate::Nothing, _) => {}
                (Propagate::Instead(commands), true) => commands.iter().for_each(|c| replica.execute(c)),
                (_, true) => replica.execute(&args),
            }
            if step % 20 == 0 {
                let line = words(&args);
                assert_eq!(contents(&primary), contents(&replica), "seed {seed} step {step}: {line}");
            }
        }
    }
}
