//! One command over many elements shows that the thread lives.

use crate::runner::Runner;
use base::OwnedArgs;
use resp::{Protocol, ValueParser};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ELEMENTS: u64 = 5000;

#[test]
fn long_commands_show_that_the_thread_lives() {
    let mut runner = Runner::new(Protocol::Resp2);
    let counter: Arc<AtomicU64> = Arc::default();
    runner.keyspace.set_progress(counter.clone());
    let mut fill = |head: &[&str], element: &dyn Fn(u64) -> Vec<String>| {
        let mut args: Vec<String> = head.iter().map(|word| (*word).to_owned()).collect();
        args.extend((0..ELEMENTS).flat_map(element));
        runner.execute(&OwnedArgs::from_slices(args.iter().map(String::as_bytes)));
    };
    let member = |n: u64| format!("member:{n}");
    fill(&["SADD", "s"], &|n| vec![member(n)]);
    fill(&["SADD", "t"], &|n| vec![member(n * 2)]);
    fill(&["ZADD", "z"], &|n| vec![n.to_string(), member(n)]);
    fill(&["RPUSH", "l"], &|n| vec![n.to_string()]);
    fill(&["HSET", "h"], &|n| vec![member(n), n.to_string()]);
    runner.run(&format!("SET a {}", "a".repeat(300)));
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
    ] {
        let before = counter.load(Ordering::Relaxed);
        runner.run(command);
        let ticks = counter.load(Ordering::Relaxed) - before;
        assert!(ticks >= 8, "{command}: {ticks} ticks");
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
