//! Fields with a time to live: replies, what is logged, and events.

use crate::effects::logged;
use crate::runner::Runner;
use resp::{Protocol, Value, ValueParser};

/// A reply in one line.
fn show(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(" ");
    match value {
        Value::Int(number) => number.to_string(),
        Value::Null => "nil".into(),
        Value::Simple(text) | Value::Bulk(text) | Value::Error(text) => String::from_utf8_lossy(text).into(),
        Value::Array(values) | Value::Set(values) => format!("[{}]", list(values)),
        other => format!("{other:?}"),
    }
}

fn ask(runner: &mut Runner, line: &str) -> String {
    runner.run(line);
    let mut parser = ValueParser::new();
    parser.feed(runner.reply.buffer());
    show(&parser.next().ok().flatten().expect("one reply"))
}

/// Command, reply, what is logged (`=`: the command itself), events. `wait` lets time pass.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("HEXPIRE none 10 FIELDS 2 a b", "[-2 -2]", "", ""),
    ("HSET h a 1 b 2 c 3 d 4", "4", "=", "new:h hset:h"),
    ("HTTL h FIELDS 2 a x", "[-1 -2]", "", ""),
    ("HEXPIRE h 10 FIELDS 2 a x", "[1 -2]", "HPEXPIREAT h 1700000010000 FIELDS 1 a", "hexpire:h"),
    ("OBJECT ENCODING h", "listpackex", "", ""),
    ("HPEXPIRE h 20000 NX FIELDS 2 a b", "[0 1]", "HPEXPIREAT h 1700000020000 NX FIELDS 1 b", "hexpire:h"),
    ("HPEXPIRE h 15000 XX FIELDS 2 a c", "[1 0]", "HPEXPIREAT h 1700000015000 XX FIELDS 1 a", "hexpire:h"),
    ("HPEXPIRE h 15000 gt FIELDS 3 a b c", "[0 0 0]", "", ""),
    (
        "HEXPIREAT h 1700000016 LT FIELDS 3 a b c",
        "[0 1 1]",
        "HPEXPIREAT h 1700000016000 LT FIELDS 2 b c",
        "hexpire:h",
    ),
    ("HPEXPIREAT h 1700000017000 FIELDS 1 c", "[1]", "HPEXPIREAT h 1700000017000 FIELDS 1 c", "hexpire:h"),
    ("HTTL h FIELDS 4 a b c d", "[15 16 17 -1]", "", ""),
    ("HPTTL h FIELDS 1 a", "[15000]", "", ""),
    ("HEXPIRETIME h FIELDS 1 a", "[1700000015]", "", ""),
    ("HPEXPIRETIME h FIELDS 2 a d", "[1700000015000 -1]", "", ""),
    ("HPERSIST h FIELDS 3 c d x", "[1 -1 -2]", "=", "hpersist:h"),
    ("HPERSIST h FIELDS 1 d", "[-1]", "", ""),
    // A value that is set anew lives for ever; a counter keeps its time.
    ("HSET h b 5", "0", "=", "hset:h"),
    ("HINCRBY h a 1", "2", "=", "hincrby:h"),
    ("HINCRBYFLOAT h a 0.5", "2.5", "HSETEX h KEEPTTL FIELDS 1 a 2.5", "hincrbyfloat:h"),
    ("HINCRBYFLOAT h d 0.5", "4.5", "HSET h d 4.5", "hincrbyfloat:h"),
    ("HTTL h FIELDS 2 a b", "[15 -1]", "", ""),
    ("wait 15001", "", "", ""),
    ("HGET h a", "nil", "", ""),
    ("HMGET h a b", "[nil 5]", "", ""),
    ("HEXISTS h a", "0", "", ""),
    ("HSTRLEN h a", "0", "", ""),
    ("HLEN h", "3", "", ""),
    ("HGETALL h", "[b 5 c 3 d 4.5]", "", ""),
    ("HKEYS h", "[b c d]", "", ""),
    ("HVALS h", "[5 3 4.5]", "", ""),
    ("HSCAN h 0 NOVALUES", "[0 [b c d]]", "", ""),
    ("HSCAN h 0 MATCH b", "[0 [b 5]]", "", ""),
    ("HTTL h FIELDS 1 a", "[-2]", "", ""),
    ("HINCRBY h a 3", "3", "=", "hincrby:h"),
    ("HTTL h FIELDS 1 a", "[-1]", "", ""),
    ("HEXPIREAT h 1 FIELDS 2 a x", "[2 -2]", "HDEL h a", "hdel:h"),
    ("HEXPIRE h 0 FIELDS 3 b c d", "[2 2 2]", "HDEL h b c d", "hdel:h del:h"),
    ("EXISTS h", "0", "", ""),
    // Values and times at once.
    (
        "HSETEX e EX 10 FIELDS 2 a 1 b 2",
        "1",
        "HSETEX e PXAT 1700000025001 FIELDS 2 a 1 b 2",
        "new:e hset:e hexpire:e",
    ),
    ("HSETEX e FIELDS 1 b 3", "1", "HSET e b 3", "hset:e"),
    ("HTTL e FIELDS 2 a b", "[10 -1]", "", ""),
    ("HSETEX e KEEPTTL FIELDS 1 a 4", "1", "HSETEX e KEEPTTL FIELDS 1 a 4", "hset:e"),
    ("HTTL e FIELDS 1 a", "[10]", "", ""),
    ("HSETEX e FNX FIELDS 2 a 1 c 1", "0", "", ""),
    ("HSETEX e FXX FIELDS 2 a 1 c 1", "0", "", ""),
    (
        "HSETEX e FXX PX 500 FIELDS 2 a 1 b 1",
        "1",
        "HSETEX e PXAT 1700000015501 FIELDS 2 a 1 b 1",
        "hset:e hexpire:e",
    ),
    ("HSETEX e NX FIELDS 1 a 1", "0", "", ""),
    ("HSETEX none XX FIELDS 1 a 1", "0", "", ""),
    ("HSETEX none FXX FIELDS 1 a 1", "0", "", ""),
    ("HSETEX e XX FNX FIELDS 1 c 1", "1", "HSET e c 1", "hset:e"),
    ("HGETEX e FIELDS 2 a x", "[1 nil]", "", ""),
    ("HGETEX e PX 700 FIELDS 2 a x", "[1 nil]", "HPEXPIREAT e 1700000015701 FIELDS 1 a", "hexpire:e"),
    ("HGETEX e PERSIST FIELDS 2 a c", "[1 1]", "HPERSIST e FIELDS 1 a", "hpersist:e"),
    ("HGETEX e EXAT 1 FIELDS 2 a a", "[1 nil]", "HDEL e a", "hdel:e"),
    ("HGETEX none EX 10 FIELDS 1 a", "[nil]", "", ""),
    ("wait 501", "", "", ""),
    ("HGETEX e FIELDS 1 b", "[nil]", "", ""),
    ("HGETDEL e FIELDS 3 c c b", "[1 nil nil]", "HDEL e c", "hdel:e del:e"),
    ("HGETDEL e FIELDS 1 c", "[nil]", "", ""),
    ("HSETEX e EXAT 1 FIELDS 1 a 1", "1", "HDEL e a", "hset:e hdel:e del:e"),
    ("EXISTS e", "0", "", ""),
    // Refusals.
    ("SET s x", "OK", "=", "new:s set:s"),
    ("HSET h a 1", "1", "=", "new:h hset:h"),
    ("HEXPIRE s 1 FIELDS 1 a", "WRONGTYPE Operation against a key holding the wrong kind of value", "", ""),
    (
        "HSETEX s EX 1 FIELDS 1 a b",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "",
        "",
    ),
    ("HEXPIRE h -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0", "", ""),
    ("HEXPIRE h x FIELDS 1 a", "ERR value is not an integer or out of range", "", ""),
    ("HEXPIRE h 281474976711 FIELDS 1 a", "ERR invalid expire time in 'hexpire' command", "", ""),
    ("HPEXPIRE h 70368744177664 FIELDS 1 a", "ERR invalid expire time in 'hpexpire' command", "", ""),
    (
        "HPEXPIREAT h 9223372036854775807 FIELDS 1 a",
        "ERR invalid expire time in 'hpexpireat' command",
        "",
        "",
    ),
    ("HEXPIREAT h 9223372036854775807 FIELDS 1 a", "ERR invalid expire time in 'hexpireat' command", "", ""),
    ("HEXPIRE h 1 NX FIELDS 0 a", "ERR Parameter `numFields` should be greater than 0", "", ""),
    ("HEXPIRE h 1 NX FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments", "", ""),
    (
        "HEXPIRE h 1 NZ FIELDS 1 a",
        "ERR Mandatory argument FIELDS is missing or not at the right position",
        "",
        "",
    ),
    ("HTTL h FIELDS x a", "ERR Number of fields must be a positive integer", "", ""),
    ("HTTL h FELDS 1 a", "ERR Mandatory argument FIELDS is missing or not at the right position", "", ""),
    ("HPERSIST h FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments", "", ""),
    ("HGETEX h EX -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0", "", ""),
    (
        "HSETEX h EX 1 PX 1 FIELDS 1 a b",
        "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        "",
        "",
    ),
    ("HSETEX h FNX FXX FIELDS 1 a b", "ERR Only one of FXX or FNX arguments can be specified", "", ""),
    ("HSETEX h FOO FIELDS 1 a b", "ERR unknown argument: FOO", "", ""),
    ("HSETEX h FIELDS 2 a b", "ERR wrong number of arguments for 'hsetex' command", "", ""),
    ("HSETEX h FIELDS 0 a b", "ERR invalid number of fields", "", ""),
    ("HSETEX h EX 1 EX", "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified", "", ""),
];

#[test]
fn replies_log_and_events() {
    let mut runner = Runner::new(Protocol::Resp2);
    for (line, reply, log, events) in CASES {
        if let Some(ms) = line.strip_prefix("wait ") {
            runner.advance(ms.parse().expect("milliseconds"));
            continue;
        }
        assert_eq!(ask(&mut runner, line), *reply, "{line}");
        let wanted: Vec<&str> =
            if *log == "=" { vec![line] } else { log.split('|').filter(|l| !l.is_empty()).collect() };
        assert_eq!(logged(&runner, line), wanted, "{line}");
        let seen: Vec<String> = runner
            .effects
            .events()
            .filter(|event| event.name != "keymiss")
            .map(|event| format!("{}:{}", event.name, String::from_utf8_lossy(event.key)))
            .collect();
        assert_eq!(seen.join(" "), *events, "{line}");
    }
}

#[test]
fn a_command_that_builds_on_an_expired_field_has_it_deleted_first() {
    for command in ["HINCRBY h a 1", "HSETNX h a 1", "HSETEX h FNX FIELDS 1 a 1", "HPERSIST h FIELDS 1 a"] {
        let mut runner = Runner::new(Protocol::Resp2);
        ask(&mut runner, "HSETEX h PX 10 FIELDS 2 a 7 b 7");
        runner.advance(11);
        ask(&mut runner, command);
        let gone: Vec<_> =
            runner.expired_fields.iter().map(|gone| (gone.fields.clone(), gone.removed)).collect();
        assert_eq!(gone, [(vec![b"a".to_vec()], false)], "{command}");
    }
}

#[test]
fn the_last_field_takes_the_key_along() {
    let mut runner = Runner::new(Protocol::Resp2);
    ask(&mut runner, "HSETEX h PX 10 FIELDS 1 a 7");
    runner.advance(11);
    assert_eq!(ask(&mut runner, "HINCRBY h a 1"), "1");
    assert!(runner.expired_fields[0].removed);
    assert_eq!(ask(&mut runner, "HTTL h FIELDS 1 a"), "[-1]");
    ask(&mut runner, "HSETEX h PX 10 FIELDS 1 a 7");
    runner.advance(11);
    assert_eq!(ask(&mut runner, "HGETALL h"), "[]");
    assert_eq!(ask(&mut runner, "HLEN h"), "1");
    assert_eq!(runner.keyspace.active_expire_fields(1), 1);
    assert_eq!(ask(&mut runner, "EXISTS h"), "0");
}

/// As in Redis 7.4: those that it names, all of them for a random one; none on a replica.
#[test]
fn a_read_deletes_expired_fields() {
    for (command, reply, gone) in [
        ("HGET h a", "nil", 1),
        ("HMGET h a b z", "[nil nil 1]", 2),
        ("HEXISTS h b", "0", 1),
        ("HSTRLEN h b", "0", 1),
        ("HRANDFIELD h", "z", 3),
        ("HRANDFIELD h 5", "[z]", 3),
        ("HRANDFIELD h -2", "[z z]", 3),
        ("SORT l BY nosort GET *->a", "[nil]", 1),
        ("HGETALL h", "[z 1]", 0),
        ("HTTL h FIELDS 1 a", "[-2]", 0),
    ] {
        for replica in [false, true] {
            let mut runner = Runner::new(Protocol::Resp2);
            ask(&mut runner, "HSETEX h PX 10 FIELDS 3 a 7 b 7 c 7");
            ask(&mut runner, "HSET h z 1");
            ask(&mut runner, "RPUSH l h");
            runner.keyspace.set_replica(replica);
            runner.limits.keep_expired = replica;
            runner.advance(11);
            assert_eq!(ask(&mut runner, command), reply, "{command}");
            let deleted: usize = runner.expired_fields.iter().map(|gone| gone.fields.len()).sum();
            assert_eq!(deleted, if replica { 0 } else { gone }, "{command}");
        }
    }
    let mut runner = Runner::new(Protocol::Resp2);
    ask(&mut runner, "HSETEX h PX 10 FIELDS 1 a 7");
    runner.advance(11);
    assert_eq!(ask(&mut runner, "HRANDFIELD h"), "nil");
    assert!(runner.expired_fields[0].removed);
    assert_eq!(ask(&mut runner, "EXISTS h"), "0");
}

#[test]
fn the_walk_deletes_what_is_due_and_nothing_else() {
    let mut runner = Runner::new(Protocol::Resp2);
    for key in 0..300 {
        ask(&mut runner, &format!("HSET h{key} stays 1 goes 1 later 1"));
        ask(&mut runner, &format!("HPEXPIRE h{key} {} FIELDS 1 goes", 10 + key));
        ask(&mut runner, &format!("HPEXPIRE h{key} 100000 FIELDS 1 later"));
    }
    assert_eq!((runner.keyspace.active_expire_fields(1), runner.keyspace.volatile_len(runner.db)), (0, 300));
    runner.advance(160);
    let mut gone = 0;
    while let done @ 1.. = runner.keyspace.active_expire_fields(1) {
        gone += done;
    }
    assert_eq!(gone, 150);
    ask(&mut runner, "RENAME h299 other");
    ask(&mut runner, "COPY other again");
    ask(&mut runner, "MOVE other 1");
    ask(&mut runner, "DEL h298");
    ask(&mut runner, "HPERSIST h297 FIELDS 2 goes later");
    assert_eq!(runner.keyspace.volatile_len(runner.db), 298);
    runner.advance(200_000);
    while runner.keyspace.active_expire_fields(10) > 0 {}
    assert_eq!(runner.keyspace.volatile_len(runner.db), 0);
    assert_eq!(ask(&mut runner, "HLEN h5"), "1");
    assert_eq!(ask(&mut runner, "HKEYS again"), "[stays]");
    assert_eq!(ask(&mut runner, "HLEN h297"), "3");
    runner.db.0 = 1;
    assert_eq!(ask(&mut runner, "HKEYS other"), "[stays]");
}

#[test]
fn a_replica_hides_what_has_expired_and_deletes_nothing() {
    let mut runner = Runner::new(Protocol::Resp2);
    ask(&mut runner, "HSETEX h PX 10 FIELDS 1 a 7");
    ask(&mut runner, "HSET h b 1");
    runner.keyspace.set_replica(true);
    runner.limits.keep_expired = true;
    runner.advance(11);
    assert_eq!(runner.keyspace.active_expire_fields(10), 0);
    assert_eq!(ask(&mut runner, "HGET h a"), "nil");
    assert_eq!(ask(&mut runner, "HGETALL h"), "[b 1]");
    assert_eq!(ask(&mut runner, "HLEN h"), "2");
    // What the master says is done as the master saw it.
    runner.limits.obey = true;
    assert_eq!(ask(&mut runner, "HINCRBY h a 1"), "8");
    assert_eq!(ask(&mut runner, "HPEXPIREAT h 5 FIELDS 1 b"), "[1]");
    assert_eq!(ask(&mut runner, "HDEL h a"), "1");
}
