//! One command over many elements shows that the thread lives.

use crate::runner::Runner;
use base::OwnedArgs;
use resp::{Protocol, ValueParser};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ELEMENTS: u64 = 5000;

/// What stands in a command for its n-th element.
type Element<'a> = &'a dyn Fn(u64) -> Vec<String>;

/// Runs one command with all elements.
fn fill(runner: &mut Runner, head: &[&str], element: Element<'_>) {
    let mut args: Vec<String> = head.iter().map(|word| (*word).to_owned()).collect();
    args.extend((0..ELEMENTS).flat_map(element));
    runner.execute(&OwnedArgs::from_slices(args.iter().map(String::as_bytes)));
}

#[test]
fn long_commands_show_that_the_thread_lives() {
    let mut runner = Runner::new(Protocol::Resp2);
    let counter: Arc<AtomicU64> = Arc::default();
    runner.keyspace.set_progress(counter.clone());
    runner.progress = Some(counter.clone());
    let mut fill = |head: &[&str], element: Element<'_>| fill(&mut runner, head, element);
    let member = |n: u64| format!("member:{n}");
    fill(&["SADD", "s"], &|n| vec![member(n)]);
    fill(&["SADD", "t"], &|n| vec![member(n * 2)]);
    fill(&["ZADD", "z"], &|n| vec![n.to_string(), member(n)]);
    fill(&["RPUSH", "l"], &|n| vec![n.to_string()]);
    fill(&["HSET", "h"], &|n| vec![member(n), n.to_string()]);
    fill(&["GEOADD", "g"], &|n| vec!["13".to_owned(), format!("38.{n:04}"), member(n)]);
    fill(&["SADD", "long"], &|n| vec![format!("{n:0100}")]);
    runner.run(&format!("SET a {}", "a".repeat(300)));
    for n in 1..=ELEMENTS {
        runner.run(&format!("XADD x {n} field value"));
    }
    runner.run("XGROUP CREATE x group 0");
    runner.run("SETRANGE bits 400000 x");
    runner.run("SETRANGE more 300000 x");
    runner.run("COPY x trimmed");
    for command in [
        "SUNION s t",
        "SINTER s t",
        "SDIFF s t",
        "SUNIONSTORE d s t",
        "SINTERSTORE d s t",
        "SDIFFSTORE d s t",
        "SINTERCARD 2 s t",
        "ZUNION 2 z s",
        "ZINTER 2 z s",
        "ZDIFF 2 z t",
        "ZUNIONSTORE d 2 z s",
        "ZINTERSTORE d 2 z s",
        "ZINTERCARD 2 z s",
        "SORT l",
        "SORT l ALPHA DESC STORE d",
        "LCS a a LEN",
        "LCS a a IDX",
        "BITOP AND d bits more",
        "BITOP NOT d bits",
        "BITOP DIFF d bits more",
        "BITOP ONE d bits more bits",
        "BITCOUNT bits",
        "BITPOS bits 1",
        "XTRIM trimmed MAXLEN 10",
        "DUMP long",
        "HGETALL h",
        "HKEYS h",
        "HVALS h",
        "HSCAN h 0 COUNT 100000",
        "HRANDFIELD h 4000 WITHVALUES",
        "HRANDFIELD h -4000",
        "SMEMBERS s",
        "SSCAN s 0 COUNT 100000",
        "SRANDMEMBER s 4000",
        "SRANDMEMBER s -4000",
        "LRANGE l 0 -1",
        "LPOS l nothing",
        "LINSERT l BEFORE nothing x",
        "LREM l 0 nothing",
        "ZRANGE z 0 -1 WITHSCORES",
        "ZREVRANGEBYSCORE z +inf -inf",
        "ZRANGEBYLEX z - +",
        "ZRANGESTORE d z 0 -1",
        "ZSCAN z 0 COUNT 100000",
        "ZRANDMEMBER z 4000",
        "ZRANDMEMBER z 5000 WITHSCORES",
        "ZRANDMEMBER z -4000",
        "GEOSEARCH g FROMLONLAT 13 38.5 BYRADIUS 1000 km",
        "XRANGE x - +",
        "XREVRANGE x + -",
        "XREAD STREAMS x 0",
        "XREADGROUP GROUP group alice STREAMS x >",
        "XREADGROUP GROUP group alice STREAMS x 0",
        "XPENDING x group - + 100000",
        "XINFO STREAM x FULL COUNT 0",
    ] {
        let before = counter.load(Ordering::Relaxed);
        runner.run(command);
        let ticks = counter.load(Ordering::Relaxed) - before;
        // LREM goes node by node.
        let wanted = if command.starts_with("LREM") { 2 } else { 8 };
        assert!(ticks >= wanted, "{command}: {ticks} ticks");
    }
    for key in ["s", "z", "h", "l"] {
        runner.run(&format!("DUMP {key}"));
        let mut parser = ValueParser::new();
        parser.feed(runner.reply.buffer());
        let payload = parser.next().ok().flatten().expect("a payload");
        let payload = payload.as_bytes().expect("a payload");
        let before = counter.load(Ordering::Relaxed);
        runner.execute(&OwnedArgs::from_slices([b"RESTORE".as_slice(), b"new", b"0", payload, b"REPLACE"]));
        let ticks = counter.load(Ordering::Relaxed) - before;
        // A list comes node by node.
        assert!(ticks >= 8 || key == "l", "RESTORE of {key}: {ticks} ticks");
    }
}

#[test]
fn commands_of_many_arguments_show_that_the_thread_lives() {
    let mut runner = Runner::new(Protocol::Resp2);
    let counter: Arc<AtomicU64> = Arc::default();
    runner.progress = Some(counter.clone());
    let (name, number) = (|n: u64| format!("name:{n}"), |n: u64| n.to_string());
    let (one, pair): (Element, Element) = (&|n| vec![name(n)], &|n| vec![name(n), number(n)]);
    let rows: [(&str, Element); 32] = [
        ("MSETNX", pair),
        ("MSET", pair),
        ("MGET", one),
        ("EXISTS", one),
        ("TOUCH", one),
        ("BITOP OR d", one),
        ("DEL", one),
        ("UNLINK", one),
        ("SADD s", one),
        ("SMISMEMBER s", one),
        ("SREM s", one),
        ("HSET h", pair),
        ("HMGET h", one),
        ("HGETEX h PERSIST FIELDS 5000", one),
        ("HGETDEL h FIELDS 5000", one),
        ("HSETEX h PX 9999999 FIELDS 5000", pair),
        ("HEXPIRE h 9999999 FIELDS 5000", one),
        ("HTTL h FIELDS 5000", one),
        ("HPERSIST h FIELDS 5000", one),
        ("HDEL h", one),
        ("ZADD z", &|n| vec![number(n), name(n)]),
        ("ZMSCORE z", one),
        ("ZREM z", one),
        ("GEOADD g", &|n| vec!["1".to_owned(), "2".to_owned(), name(n)]),
        ("LPUSH l", one),
        ("RPUSHX l", one),
        ("PFADD p", one),
        ("PFADD p", &|n| vec![format!("other:{n}")]),
        ("XACK x group", &|n| vec![number(n)]),
        ("XDEL x", &|n| vec![number(n)]),
        ("XDELEX x IDS 5000", &|n| vec![number(n)]),
        ("XACKDEL x group IDS 5000", &|n| vec![number(n)]),
    ];
    runner.run("XGROUP CREATE x group 0 MKSTREAM");
    for n in 1..=ELEMENTS {
        runner.run(&format!("XADD x {n} field value"));
    }
    for (head, element) in rows {
        let before = counter.load(Ordering::Relaxed);
        fill(&mut runner, &head.split(' ').collect::<Vec<_>>(), element);
        let ticks = counter.load(Ordering::Relaxed) - before;
        assert!(!runner.reply.buffer().starts_with(b"-"), "{head}: {}", runner.reply.buffer().escape_ascii());
        assert!(ticks >= 8, "{head}: {ticks} ticks");
    }
}

#[test]
fn what_removes_many_elements_shows_that_the_thread_lives() {
    let counter: Arc<AtomicU64> = Arc::default();
    let mut runner = Runner::new(Protocol::Resp2);
    runner.progress = Some(counter.clone());
    let elements = 4 * keyspace::PART as u64;
    for command in [
        "LTRIM l 1 0",
        "LPOP l 100000",
        "RPOP l 12300",
        "ZREMRANGEBYRANK z 0 -1",
        "ZREMRANGEBYSCORE z 5 +inf",
        "ZREMRANGEBYLEX z - +",
        "ZPOPMIN z 12300",
        "ZPOPMAX z 100000",
        "SPOP s 12300",
        "SPOP s 100000",
    ] {
        let head: &[&str] = match command.split(' ').nth(1) {
            Some("l") => &["RPUSH", "l"],
            Some("s") => &["SADD", "s"],
            _ => &["ZADD", "z"],
        };
        let mut args: Vec<String> = head.iter().map(|word| (*word).to_owned()).collect();
        for n in 0..elements {
            args.extend((head[0] == "ZADD").then(|| n.to_string()));
            args.push(format!("member:{n}"));
        }
        runner.run("FLUSHALL");
        runner.execute(&OwnedArgs::from_slices(args.iter().map(String::as_bytes)));
        let before = counter.load(Ordering::Relaxed);
        runner.run(command);
        let ticks = counter.load(Ordering::Relaxed) - before;
        assert!(ticks >= 2, "{command}: {ticks} ticks");
        assert!(!runner.reply.buffer().starts_with(b"-"), "{command} fails");
    }
}
